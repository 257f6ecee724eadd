//! Reading, and waiting for something to read: taking over what other processes committed, and publishing.
//! Never here: writing.

use std::{
    cell::Cell,
    sync::{Arc, TryLockError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use event_listener::{EventListener, Listener as _};

use super::{Engine, LEADING, Leading, core::Core};
use crate::{
    planted::{Bug, planted},
    sync::{MutexGuard, atomic::Ordering},
};

/// How long to sleep until news at most: long enough to cost nothing, short enough to try again what could
/// not be taken over, and to do without the wake of a process that was killed before it gave it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What there is no point in looking for again.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// What readers of this process saw.
    pub(super) revision: u64,
    /// The same, or a newer one that cannot be taken over for now.
    pub(super) visible: u64,
    /// When to try again at the latest.
    pub(super) again: Duration,
}

/// How long to wait for a commit of this process: it wakes whoever waits unless it fails.
const COMMIT_AGAIN: Duration = Duration::from_millis(10);

/// What one finds who looks for something among what is published.
pub(crate) enum Outlook<T> {
    Found(T),
    /// Nothing, but it may come to be there at this time by itself.
    NothingBefore(Instant),
    Nothing,
}

impl<T> From<Option<T>> for Outlook<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Outlook::Nothing, Outlook::Found)
    }
}

impl Engine {
    /// Whether a state of this revision is older than what any process acknowledged.
    #[inline]
    pub(crate) fn is_behind(&self, revision: u64) -> bool {
        self.backend
            .visible()
            .is_some_and(|visible| visible > revision && !planted(Bug::StaleRead))
    }

    /// Takes what is newest into memory.
    #[cold]
    pub(crate) fn refresh(&self) {
        // The closure of a write sees its own draft; a read in it must not wait for the write to end.
        if !LEADING.with(Cell::get) {
            self.follow();
        }
    }

    /// Takes over what there is, unless this process is just committing: a closure may take its time, and
    /// who waits wants to do so no longer than he said. What comes to be seen meanwhile is not in what this
    /// returns.
    pub(super) fn look_around(&self) -> Seen {
        let revision = self.revision();
        let visible = self.backend.visible().unwrap_or(0);
        let seen = |visible, again| Seen {
            revision,
            visible,
            again,
        };
        if visible <= revision || LEADING.with(Cell::get) || self.is_forked() {
            return seen(visible.max(revision), LOOK_AGAIN);
        }
        match self.core.try_lock() {
            Ok(core) => self.follow_into(core),
            Err(TryLockError::Poisoned(core)) => self.follow_into(core.into_inner()),
            Err(TryLockError::WouldBlock) => return seen(visible, COMMIT_AGAIN),
        }
        match self.backend.visible() {
            // On another page, or up to date, or there is something newer still.
            Some(now) if now != visible || now <= self.revision() => seen(revision, LOOK_AGAIN),
            _ => seen(visible, LOOK_AGAIN),
        }
    }

    /// Sleeps until there may be something else than `look_around` returned, and until the deadline at most.
    fn sleep(&self, seen: Seen, deadline: Option<Instant>) {
        let is_newer = || self.revision() != seen.revision;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let pause = left.map_or(seen.again, |left| left.min(seen.again));
        // On the page itself: through the listener it would take two wakes.
        if self.backend.wait_for_news(seen.visible, &is_newer, pause) {
            return;
        }
        let listener = self.publications.listen();
        // Listening before looking: what comes in between is not missed.
        if !is_newer() {
            match deadline {
                None => listener.wait(),
                // Whether it was woken or it is time: the caller looks.
                Some(deadline) => drop(listener.wait_deadline(deadline)),
            }
        }
    }

    /// Blocks until `look` finds something, at most so long. `look` may name a time at which to look
    /// again though nothing is published.
    pub(crate) fn wait<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut() -> Outlook<T>,
    ) -> Option<T> {
        // A time-out beyond what a clock can count is for ever.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Before looking: what comes in between is not slept through.
            let seen = self.look_around();
            let again = match look() {
                Outlook::Found(found) => return Some(found),
                Outlook::NothingBefore(again) => Some(again),
                Outlook::Nothing => None,
            };
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return None;
            }
            self.sleep(seen, again.into_iter().chain(deadline).min());
        }
    }

    /// As [`wait`](Engine::wait), for a task. The listener is kept from one poll to the next.
    pub(crate) fn poll<T>(
        self: &Arc<Self>,
        listener: &mut Option<EventListener>,
        context: &Context<'_>,
        look: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        if listener.is_none() {
            self.listen();
        }
        self.publications.poll(listener, context, look)
    }

    /// Takes over what other processes published. An error is for the next write to report: reads
    /// go on with what there is.
    pub(crate) fn follow(&self) {
        // Asked first: whoever held the core at the fork holds it for ever.
        if !self.is_forked() {
            self.follow_into(self.core());
        }
    }

    fn follow_into(&self, mut core: MutexGuard<'_, Core>) {
        if core.poisoned.is_some() {
            return;
        }
        let leading = Leading::enter();
        let followed = self.backend.follow(&mut *core);
        self.health.read(&followed);
        if let Err(error) = followed {
            self.debug.warn(format_args!(
                "other processes' commits cannot be read: {error}"
            ));
        }
        core.absorb();
        // A group that failed may have read commits of others that nobody has synced yet.
        let public = self
            .backend
            .visible()
            .is_some_and(|visible| (core.revision..u64::MAX).contains(&visible));
        if public || self.backend.is_durable() {
            self.publish(&mut core);
        }
        self.note_health(&core);
        drop(core);
        drop(leading);
        self.publications.wake();
    }

    pub(super) fn publish(&self, core: &mut Core) {
        if core.revision == self.revision() && !core.model.is_dirty() {
            return;
        }
        if let Err(error) = core.check_fit() {
            self.debug.warn(format_args!(
                "another program wrote what does not fit: {error}"
            ));
            return;
        }
        core.model.publish(core.revision, &core.since);
        core.since.clear();
        // Release: pairs with `revision`.
        self.published.store(core.revision, Ordering::Release);
        self.backend.publish(core.revision);
        self.publications.notify();
    }
}

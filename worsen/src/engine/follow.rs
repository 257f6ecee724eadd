//! Reading, and waiting for something to read. Never here: writing, and how what is read is taken over.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use event_listener::Listener as _;

use super::Engine;
use crate::{
    backend::Sight,
    engine::notify::Listener,
    planted::{Bug, planted},
};

/// The longest sleep until the next look. It is long enough to cost nothing. It is short enough to try again
/// what could not be taken over, and to make up for the wake of a process that was killed before it gave it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a look has found: there is no point in looking again while this stays the same.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// What readers of this process saw.
    pub(super) revision: u64,
    /// What one look at memory showed.
    pub(super) sight: Sight,
    /// When to try again at the latest.
    pub(super) again: Duration,
}

/// What a caller finds that looks for something among what is published.
pub(crate) enum Outlook<T> {
    Found(T),
    /// Nothing, but it may be there at this time without a publication.
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
        self.backend.has_news(revision) && !planted(Bug::StaleRead)
    }

    /// Takes what is newest into memory. It waits for nothing but another reader that does the same: it may be
    /// called in the closure of a write, and beside one that runs for long.
    #[cold]
    pub(crate) fn refresh(&self) {
        self.follow(Duration::ZERO);
    }

    /// Takes over what there is. What comes to be seen meanwhile is not in what this returns.
    pub(super) fn look_around(&self) -> Seen {
        // Taken before looking for more: then a publication in between ends the sleep.
        let seen = Seen {
            revision: self.revision(),
            sight: self.backend.sight(),
            again: LOOK_AGAIN,
        };
        if self.is_behind(seen.revision) && !planted(Bug::LookAtWhatIsKnown) {
            self.refresh();
        }
        seen
    }

    /// Sleeps until there may be something else than `look_around` returned, and until the deadline at most.
    fn sleep(&self, seen: Seen, deadline: Option<Instant>) {
        let is_newer = || self.revision() != seen.revision;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let pause = left.map_or(seen.again, |left| left.min(seen.again));
        // Sleeps on the page itself: through the listener it would take two wakes.
        if self.backend.wait_for_news(seen.sight, &is_newer, pause) {
            return;
        }
        let listener = self.notifier.listen();
        // It listens before it looks: then it misses nothing that comes in between.
        if !is_newer() {
            match deadline {
                None => listener.wait(),
                // Woken or timed out: the caller looks again.
                Some(deadline) => drop(listener.wait_deadline(deadline)),
            }
        }
    }

    /// Blocks until `look` finds something, or the time is over. `look` may name a time at which to look again
    /// though nothing is published.
    pub(crate) fn wait<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut() -> Outlook<T>,
    ) -> Option<T> {
        // A time-out beyond what a clock can count is for ever.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Taken before looking: then what comes in between ends the sleep.
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
        listener: &mut Option<Listener>,
        context: &Context<'_>,
        look: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        if listener.is_none() {
            self.listen();
        }
        self.notifier.poll(listener, context, look)
    }
}

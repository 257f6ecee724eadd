//! When a reader looks at more than the word that tells of commits: where the page shows another history, and
//! from time to time at the files themselves, which somebody may have replaced without telling anybody. Never
//! here: the looking.

use std::{
    sync::{
        Mutex,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed},
        },
    },
    time::Duration,
};

use super::{
    FileBackend, State,
    shared_page::{Mark, Sight},
};
use crate::{
    loom::Unpoisoned,
    planted::{Bug, planted},
};

/// How often readers of what is in memory look at the files, at most.
const PAUSE: Duration = Duration::from_millis(50);

/// What readers have looked at, and when.
#[derive(Debug)]
pub(super) struct Looks {
    /// Where readers have come to, as the page would show it.
    known: AtomicU64,
    /// When the files are looked at again, by the clock of `now`.
    next: AtomicU64,
    /// When the lock file is.
    next_lock: AtomicU64,
    /// What the page showed when there was nothing to be found that goes with it.
    fruitless: Mutex<Option<Sight>>,
}

impl Looks {
    /// Of a store that has just been opened: everything was looked at.
    pub(super) fn new() -> Self {
        let next = now() + PAUSE.as_millis() as u64;
        Looks {
            known: AtomicU64::new(0),
            next: AtomicU64::new(next),
            next_lock: AtomicU64::new(next),
            fruitless: Mutex::new(None),
        }
    }

    #[inline]
    fn is_due(&self) -> bool {
        let now = now();
        now >= self.next.load(Relaxed) && take_turn(&self.next, now)
    }
}

/// Whether it is this caller's to look: of several only one does.
#[cold]
fn take_turn(next: &AtomicU64, now: u64) -> bool {
    let before = next.load(Relaxed);
    let after = now + PAUSE.as_millis() as u64;
    now >= before
        && next
            .compare_exchange(before, after, Relaxed, Relaxed)
            .is_ok()
}

/// Milliseconds, by a clock that costs next to nothing and is some milliseconds late.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
#[inline]
fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Milliseconds. Where no page is shared, nobody asks.
#[cfg(not(all(target_os = "linux", not(any(miri, loom)))))]
fn now() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    BEGIN.get_or_init(Instant::now).elapsed().as_millis() as u64
}

impl FileBackend {
    /// Whether there may be something else to see than this revision, of which the caller has the state.
    #[inline]
    pub(super) fn is_news(&self, revision: u64) -> bool {
        let Some(shared_page) = &self.shared_page else {
            return false;
        };
        let sight = shared_page.sight();
        // Relaxed: a reader that is ahead of this looks once more.
        let known = Mark::of_word(self.looks.known.load(Relaxed));
        if sight.revision == revision && sight.is_of(known) {
            return self.looks.is_due();
        }
        self.is_other_news(revision, known, sight)
    }

    #[cold]
    fn is_other_news(&self, revision: u64, known: Mark, sight: Sight) -> bool {
        let sight = match sight.is_of_retired_page() {
            true => match self.page_in_use() {
                Some(page) => page.sight(),
                // Everything may be newer.
                None => return true,
            },
            false => sight,
        };
        if sight.revision == revision && sight.is_of(known) {
            return self.looks.is_due();
        }
        if sight.revision > revision && self.replaced.get().is_none() {
            return true;
        }
        if planted(Bug::CompareRevisionsAlone) {
            return false;
        }
        // This process is ahead of what it published, or the page speaks of another history.
        let fruitless = self.looks.fruitless.lock();
        let fruitless = *fruitless.unpoisoned();
        fruitless != Some(sight) || self.looks.is_due()
    }

    /// Readers have followed, after they saw this in the page.
    pub(super) fn note_place(&self, sight: Sight) {
        self.note_known();
        let fruitless = self.looks.fruitless.lock();
        *fruitless.unpoisoned() = Some(sight);
    }

    /// Readers have come to another place.
    pub(super) fn note_known(&self) {
        let position = self.following().position();
        let mark = Mark::new(position.revision, position.crc.number());
        self.looks.known.store(mark.word(), Relaxed);
    }

    /// Looks whether another lock file stands at the path than the one whose page this process reads. If so,
    /// that page tells nothing any more, and every process that has it open learns that.
    pub(super) fn look_at_lock(&self) {
        let Some(shared_page) = &self.shared_page else {
            return;
        };
        let now = now();
        if now < self.looks.next_lock.load(Acquire) || !take_turn(&self.looks.next_lock, now) {
            return;
        }
        let found = self.disk.identify(&self.paths.lock).ok().flatten();
        let Some(found) = found.map(|found| found.id) else {
            // The next writer makes another one.
            return;
        };
        if !shared_page.is_retired() {
            if found != self.lock_at_opening {
                shared_page.retire();
            }
            return;
        }
        let other = self.other_page.lock().unpoisoned();
        if let (Some(of), Some(page)) = (other.of, &other.page) {
            if of != found {
                page.retire();
            }
        }
    }

    /// Another page is in use than before, and the log goes on from what the one before told: so does the
    /// page. One that came with a copy of the store must not hear of it before that is known.
    pub(super) fn pay_page(&self, state: &State) {
        let owed = self.owed.swap(0, Relaxed);
        if owed == 0 {
            return;
        }
        if let Some(shared_page) = self.current_page() {
            let known = self.following().position().revision;
            let revision = owed.max(known).min(state.log.position.revision);
            let crc = state.log.crc_at(revision);
            shared_page.publish(revision, crc.map(super::format::Crc::number));
        }
    }
}

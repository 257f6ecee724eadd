//! A word to sleep on until something has changed: an event count, as Vyukov describes it, which processes
//! share.

use std::time::Duration;

use super::{
    futex::{self, Woken},
    words::Word32,
};
use crate::loom::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// In a word to sleep on: somebody sleeps, or slept and was killed.
pub(super) const SLEEPERS: u32 = 1;

/// One change, in a word to sleep on.
pub(super) const CHANGE: u32 = 2;

/// How long to sleep where others may not know of it.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A word to sleep on: bit 0 "somebody may sleep", above it a count of changes.
#[repr(transparent)]
pub(super) struct EventCount(pub(super) Word32);

/// A moment in a word's life, to sleep from. Take it first, then look at what you wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventKey(u32);

impl EventCount {
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn new() -> Self {
        EventCount(Word32::new(0))
    }

    /// Counts one change, and wakes all sleepers.
    ///
    /// Callers write what changed before they call. No wake is lost:
    ///
    /// * A sleeper reads the word, then looks at what it waits for, then sets the bit where it is
    ///   missing, then asks the kernel to sleep *while the word is still that*.
    /// * Read after our `fetch_add`: acquire and release pair up, so it sees what we wrote, and does
    ///   not sleep for it.
    /// * Read before our `fetch_add`: the word it wants to sleep on is gone. Where it asks the kernel
    ///   after us, it is refused. Where it asked before us, it had set the bit before us, so `before`
    ///   has the bit, and we wake it.
    ///
    /// The bit outlives its sleepers, which may be killed. A wake that finds nobody therefore takes it back,
    /// and then wakes once more: for the threads that went to sleep on the word with the bit in between. A
    /// process killed between counting and waking leaves the bit, so that the next change wakes its sleepers
    /// too. Killed between taking the bit back and the second wake, it costs a sleeper that came in that
    /// instant one time-out.
    pub(super) fn notify(&self) {
        let before = self.0.fetch_add(CHANGE, AcqRel);
        if before & SLEEPERS == 0 {
            return;
        }
        let now = before.wrapping_add(CHANGE);
        if self.wake() == Woken::Nobody
            && self
                .0
                .compare_exchange(now, now & !SLEEPERS, AcqRel, Relaxed)
                .is_ok()
        {
            // How many this one wakes does not matter: they set the bit again.
            self.wake();
        }
    }

    /// Wakes all sleepers, without counting.
    pub(super) fn wake(&self) -> Woken {
        futex::wake_all(&self.0.0)
    }

    pub(super) fn key(&self) -> EventKey {
        EventKey(self.0.load(Acquire) & !SLEEPERS)
    }

    /// Sleeps until a change is counted after the key was taken. See [`EventCount::notify`].
    ///
    /// The count has 31 bits. Missing a change takes 2^31 of them between the two lines that read the
    /// word and sleep on it, and costs one time-out.
    pub(super) fn sleep(&self, key: EventKey, timeout: Duration) {
        let mut word = self.0.load(Acquire);
        while word & !SLEEPERS == key.0 {
            if word & SLEEPERS == 0 {
                // Relaxed: the word itself is all that passes here.
                match self
                    .0
                    .compare_exchange(word, word | SLEEPERS, Relaxed, Acquire)
                {
                    Ok(_) => word |= SLEEPERS,
                    Err(there) => {
                        word = there;
                        continue;
                    }
                }
            }
            self.sleep_on(word, timeout);
            return;
        }
    }

    /// Sleeps while the word is this one.
    fn sleep_on(&self, word: u32, timeout: Duration) {
        futex::wait(&self.0.0, word.to_le(), timeout);
    }

    /// As [`EventCount::sleep`], where the bit cannot be set, so that not every change wakes the sleeper.
    pub(super) fn sleep_in_intervals(&self, key: EventKey, timeout: Duration) {
        let word = self.0.load(Acquire);
        if word & !SLEEPERS == key.0 {
            self.sleep_on(word, timeout.min(RECHECK_INTERVAL));
        }
    }
}

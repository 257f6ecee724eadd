//! Sleeping on a word of memory, and waking the threads that do.

pub(super) use self::system::{wait, wake_all};

/// Whether a wake found sleepers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Nobody,
    #[cfg_attr(
        all(not(loom), any(miri, not(target_os = "linux"))),
        expect(dead_code, reason = "without futexes nobody is ever known to be woken")
    )]
    Somebody,
}

/// Futexes, shared between processes: the kernel knows the word by its file and place.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
mod system {
    use std::{sync::atomic::AtomicU32, thread, time::Duration};

    use rustix::{
        io::Errno,
        thread::futex::{self, Flags, Timespec},
    };

    use super::Woken;

    /// Sleeps while the word is `expected`. Ends early on a signal.
    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
        // More seconds than this are for ever; the kernel takes them on every machine.
        let timespec = Timespec {
            tv_sec: i64::from(u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX) >> 1),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match futex::wait(word, Flags::empty(), expected, Some(&timespec)) {
            Ok(()) | Err(Errno::AGAIN | Errno::TIMEDOUT | Errno::INTR) => {}
            // No futexes (a sandbox): callers look again after every return, and must not spin.
            Err(_) => thread::sleep(timeout.min(Duration::from_millis(10))),
        }
    }

    pub(in super::super) fn wake_all(word: &AtomicU32) -> Woken {
        match futex::wake(word, Flags::empty(), i32::MAX as u32) {
            Ok(0) => Woken::Nobody,
            // An error does not say whether any thread sleeps. Sleepers wake at their time-out at
            // the latest.
            Ok(_) | Err(_) => Woken::Somebody,
        }
    }
}

/// Looking again and again, where there are no futexes: for tests in memory alone, `map` gives no page.
#[cfg(all(not(loom), any(miri, not(target_os = "linux"))))]
mod system {
    use std::{
        sync::atomic::{AtomicU32, Ordering::Acquire},
        thread,
        time::{Duration, Instant},
    };

    use super::Woken;

    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
        let start = Instant::now();
        while word.load(Acquire) == expected && start.elapsed() < timeout {
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(in super::super) fn wake_all(_word: &AtomicU32) -> Woken {
        Woken::Nobody
    }
}

/// What the kernel promises, and nothing more, for the models. Its queues are behind locks: a wait
/// compares the word and goes to sleep under that lock, a wake takes it too. There are no time-outs.
#[cfg(loom)]
mod system {
    use std::time::Duration;

    use super::Woken;
    use crate::loom::{
        Condvar, Mutex, MutexGuard, Unpoisoned,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    loom::lazy_static! {
        static ref KERNEL: Kernel = Kernel {
            queue: Mutex::new(Queue { sleepers: Vec::new(), next: 0 }),
            woken: Condvar::new(),
        };
    }

    struct Kernel {
        queue: Mutex<Queue>,
        woken: Condvar,
    }

    struct Queue {
        /// The address of the word of each, and its number.
        sleepers: Vec<(usize, u64)>,
        next: u64,
    }

    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, _timeout: Duration) {
        let mut queue = lock();
        // Relaxed: the lock is all that orders it, as in the kernel.
        if word.load(Relaxed) != expected {
            return;
        }
        let me = queue.next;
        queue.next += 1;
        queue.sleepers.push((address(word), me));
        while queue.sleepers.iter().any(|(_, number)| *number == me) {
            queue = KERNEL.woken.wait(queue).unpoisoned();
        }
    }

    pub(in super::super) fn wake_all(word: &AtomicU32) -> Woken {
        let mut queue = lock();
        let before = queue.sleepers.len();
        queue.sleepers.retain(|(there, _)| *there != address(word));
        if queue.sleepers.len() == before {
            return Woken::Nobody;
        }
        KERNEL.woken.notify_all();
        Woken::Somebody
    }

    fn lock() -> MutexGuard<'static, Queue> {
        KERNEL.queue.lock().unpoisoned()
    }

    fn address(word: &AtomicU32) -> usize {
        std::ptr::from_ref(word).addr()
    }
}

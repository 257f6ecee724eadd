//! What is still to be done when the program ends: `main` returns, or a thread calls [`std::process::exit`],
//! while a store has detached writes. This room knows which stores have something to finish, and never what.
//!
//! Only a handler of the C library's `exit` can do that: no destructor runs for a static, for a handle that was
//! leaked, or for what another thread holds. The other threads go on running meanwhile, so a store's own thread
//! can finish its work.

use std::{
    sync::{Mutex, Once, Weak},
    time::Instant,
};

use crate::{
    callbacks::quietly,
    loom::Unpoisoned,
    planted::{Bug, planted},
};

/// Has something to finish before the program ends.
pub(crate) trait Finish: Send + Sync {
    /// Finishes it, and gives up at a deadline of its own, counted from when the program began to end. It
    /// must not unwind, for it would abort the program; and it may run on any thread.
    fn finish(&self, begun: Instant);
}

static UNFINISHED: Mutex<Vec<Weak<dyn Finish>>> = Mutex::new(Vec::new());

/// Has `finish` called when the program ends, if its owner is still there then. Call this once for each owner.
pub(crate) fn at_exit(item: Weak<dyn Finish>) {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(system::register);
    let mut items = UNFINISHED.lock().unpoisoned();
    items.retain(|item| item.strong_count() > 0);
    items.push(item);
}

fn finish_all() {
    if planted(Bug::ForgetWhatIsQueuedAtExit) {
        return;
    }
    let begun = Instant::now();
    // Taken out of the list: what ends meanwhile may register something itself.
    let items = std::mem::take(&mut *UNFINISHED.lock().unpoisoned());
    for item in items.iter().filter_map(Weak::upgrade) {
        quietly(|| item.finish(begun));
        // Were this the last one, its destructor would run here, where threads can no longer be joined.
        std::mem::forget(item);
    }
}

#[cfg(not(any(loom, miri)))]
#[expect(
    unsafe_code,
    reason = "the standard library has no way to be called at the end of a program"
)]
mod system {
    use std::ffi::c_int;

    // SAFETY: this is the declaration of C's `atexit` (C11, 7.22.4.2). It may be called from any thread
    // with any function, and keeps nothing but its address, which is valid as long as the program runs.
    // (A library that is unloaded before that takes its handlers along: glibc, musl and the BSDs call them
    // at `dlclose`.)
    unsafe extern "C" {
        safe fn atexit(function: extern "C" fn()) -> c_int;
    }

    pub(super) fn register() {
        extern "C" fn run() {
            super::finish_all();
        }
        // At least 32 handlers fit. Where it is refused, a program loses what it would have lost before.
        let _ = atexit(run);
    }
}

#[cfg(any(loom, miri))]
mod system {
    pub(super) fn register() {
        let _: fn() = super::finish_all;
    }
}

//! Where code of others runs that nobody of the store waits for: wakers, and the destructors of results that
//! nobody takes. It may write and wait, block for ever, or panic; whatever it does, the threads that lead,
//! listen and read go on. Never here: closures, which run within a commit.

use std::{
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a thread waits for more before it ends.
const PATIENCE: Duration = Duration::from_secs(10);

type Deed = Box<dyn FnOnce() + Send>;

/// Those of one store. There is a thread once one is needed, and another one for each that does not come
/// back.
#[derive(Default)]
pub(crate) struct Strangers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to run, or nothing will come any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    deeds: VecDeque<Deed>,
    /// Threads that wait for one.
    idle: usize,
    closing: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            if let Some(deed) = state.deeds.pop_front() {
                drop(state);
                quietly(deed);
                state = self.state();
                continue;
            }
            if state.closing {
                return;
            }
            state.idle += 1;
            let (woken, timer) = self
                .changed
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timer.timed_out() && state.deeds.is_empty() {
                return;
            }
        }
    }
}

impl Strangers {
    /// Runs it on a thread where it can do no harm; here, where no such thread can be started.
    pub(crate) fn run(&self, deed: impl FnOnce() + Send + 'static) {
        // Loom's models have no strangers that do harm, and the fewer threads the better.
        if cfg!(loom) {
            return quietly(deed);
        }
        let mut state = self.0.state();
        state.deeds.push_back(Box::new(deed));
        if state.deeds.len() <= state.idle {
            self.0.changed.notify_one();
            return;
        }
        let shared = self.0.clone();
        let started = thread::Builder::new()
            .name("worsen-stranger".into())
            .spawn(move || shared.run());
        let deed = match started {
            Ok(_) => None,
            Err(_) => state.deeds.pop_back(),
        };
        drop(state);
        deed.into_iter().for_each(quietly);
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        // What is left is run all the same.
        self.0.state().closing = true;
        self.0.changed.notify_all();
    }
}

/// A panic was printed when it happened. What it was made of may panic in its own destructor, and that again.
pub(crate) fn quietly(deed: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(deed)) {
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
    }
}

//! Where callbacks run, user code that no thread of the store waits for: wakers, and the destructors of results
//! that no caller takes. A callback may write and wait, block for ever, or panic; whatever it does, the threads
//! that lead, listen and read go on, or others in their place. Never here: closures, which run within a commit.
//!
//! Nearly always a callback takes no time, and waking a thread for it would cost more than the rest of a
//! commit. So the store's keeper lends itself, and for other callers one thread is kept. A watcher looks now
//! and then; where a thread does not return from a callback, the watcher starts another, which goes on with
//! what is left.

use std::{
    any::Any,
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    task::Waker,
    thread,
    time::Duration,
};

use crate::{
    loom::Unpoisoned,
    planted::{Bug, planted},
};

/// How long a thread waits for more callbacks before it ends.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time from one look of the watcher to the next.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// How many looks may find nothing before the watcher sleeps until it is asked.
const MAX_IDLE_LOOKS: u32 = 10;

/// Code of the user's to run.
pub(crate) enum Callback {
    Wake(Waker),
    Drop(Box<dyn Send>),
}

impl Callback {
    fn run(self) {
        quietly(|| match self {
            Callback::Wake(waker) => waker.wake(),
            Callback::Drop(left) => drop(left),
        });
    }
}

/// The callbacks of one store, and the threads for them.
#[derive(Default)]
pub(crate) struct Callbacks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is a callback to run, or the store is closing.
    changed: Condvar,
    /// There is a thread to watch, or the store is closing.
    busy: Condvar,
}

#[derive(Default)]
struct State {
    callbacks: VecDeque<Callback>,
    /// How many callbacks were begun.
    begun: u64,
    /// Threads that run them, and how many of these wait for one.
    threads: usize,
    idle: usize,
    lent: Option<Lent>,
    /// How many callbacks were begun by threads that had lent themselves.
    begun_by_lent: u64,
    watched: Watched,
    closing: bool,
}

/// The callbacks that a thread of the store runs itself.
struct Lent {
    callbacks: VecDeque<Callback>,
    replace: Replace,
    /// Counts the loans: the same number means the same one.
    number: u64,
}

/// Puts another thread in the place of one that does not return. Returns whether there is one.
type Replace = Box<dyn FnMut() -> bool + Send>;

/// Whether a watcher looks after the threads that run callbacks.
#[derive(Default)]
enum Watched {
    #[default]
    ByNobody,
    /// By a watcher that sleeps until there is a thread to watch.
    WhenAsked,
    Closely,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }

    /// Does one callback after the other.
    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(callback) = state.callbacks.pop_front() {
                state.begun += 1;
                drop(state);
                callback.run();
                state = self.state();
                continue;
            }
            if state.closing {
                break;
            }
            state.idle += 1;
            let (woken, timer) = self.changed.wait_timeout(state, IDLE_TIMEOUT).unpoisoned();
            state = woken;
            state.idle -= 1;
            if timer.timed_out() && state.callbacks.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    /// Starts another thread for what is left. Returns whether there is one.
    fn start(self: &Arc<Self>, state: &mut State) -> bool {
        let shared = self.clone();
        let is_started = spawn("worsen-callback", move || shared.work());
        state.threads += usize::from(is_started);
        is_started
    }

    /// Looks after the threads that run callbacks, and has another thread go on where one does not return.
    fn watch(self: &Arc<Self>) {
        let mut state = self.state();
        let mut seen = (state.begun, state.begun_by_lent);
        let mut in_vain = 0;
        while !state.closing || !state.callbacks.is_empty() {
            let asleep = in_vain == MAX_IDLE_LOOKS;
            if asleep {
                state.watched = Watched::WhenAsked;
            }
            let pause = if asleep { IDLE_TIMEOUT } else { WATCH_INTERVAL };
            let (woken, timer) = self.busy.wait_timeout(state, pause).unpoisoned();
            state = woken;
            let before = mem::replace(&mut seen, (state.begun, state.begun_by_lent));
            let mut is_idle = before == seen;
            // No callback has been begun since the last look.
            let is_stuck = before.0 == seen.0 && timer.timed_out();
            if is_stuck && !state.callbacks.is_empty() && state.idle == 0 {
                is_idle = false;
                self.start(&mut state);
            }
            if before.1 == seen.1 && state.lent.is_some() && timer.timed_out() {
                is_idle = false;
                state = self.replace(state);
            }
            match (is_idle, asleep && timer.timed_out()) {
                (true, true) => break,
                (true, false) => in_vain = MAX_IDLE_LOOKS.min(in_vain + 1),
                (false, _) => in_vain = 0,
            }
        }
        state.watched = Watched::ByNobody;
    }

    fn replace<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(mut lent) = state.lent.take() else {
            return state;
        };
        drop(state);
        let is_replaced = (lent.replace)();
        state = self.state();
        if is_replaced {
            state.callbacks.append(&mut lent.callbacks);
            if !state.callbacks.is_empty() && state.idle == 0 {
                self.start(&mut state);
            }
            self.changed.notify_one();
        } else if state.lent.is_none() {
            state.lent = Some(lent);
        }
        state
    }

    fn watch_closely(self: &Arc<Self>, state: &mut State) {
        match state.watched {
            Watched::Closely => {}
            Watched::WhenAsked => {
                state.watched = Watched::Closely;
                self.busy.notify_one();
            }
            Watched::ByNobody => {
                let shared = self.clone();
                // Where no thread can be started, the present threads have to do.
                if spawn("worsen-watcher", move || shared.watch()) {
                    state.watched = Watched::Closely;
                }
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> bool {
    let thread = thread::Builder::new().name(name.into());
    thread.spawn(run).is_ok()
}

/// Whether callbacks run at once on the thread that has them: no callback in a loom model does harm, and the
/// fewer threads the better.
fn does_all_at_once() -> bool {
    cfg!(loom) || planted(Bug::RunCallbacksOnKeeper)
}

impl Callbacks {
    /// Runs these on a thread where they can do no harm; on this one, where no such thread can be started.
    pub(crate) fn run(&self, callbacks: impl IntoIterator<Item = Callback>) {
        let callbacks = callbacks.into_iter();
        if does_all_at_once() {
            return callbacks.for_each(Callback::run);
        }
        let mut state = self.0.state();
        state.callbacks.extend(callbacks);
        if state.callbacks.is_empty() {
            return;
        }
        if state.idle > 0 {
            self.0.changed.notify_one();
        }
        let mut left = VecDeque::new();
        if state.threads == 0 && !self.0.start(&mut state) {
            left = mem::take(&mut state.callbacks);
        } else if state.callbacks.len() > state.idle {
            self.0.watch_closely(&mut state);
        }
        drop(state);
        left.into_iter().for_each(Callback::run);
    }

    /// Runs these here, on a thread of the store that lends itself. Where one does not return, `replace` puts
    /// another thread in the place of this one, and the rest is run elsewhere.
    pub(crate) fn lend(
        &self,
        callbacks: Vec<Callback>,
        replace: impl FnMut() -> bool + Send + 'static,
    ) {
        if does_all_at_once() {
            return callbacks.into_iter().for_each(Callback::run);
        }
        let mut state = self.0.state();
        let number = state.begun_by_lent;
        state.lent = Some(Lent {
            callbacks: callbacks.into(),
            replace: Box::new(replace),
            number,
        });
        self.0.watch_closely(&mut state);
        loop {
            let own = state.lent.as_mut().filter(|lent| lent.number == number);
            let Some(lent) = own else {
                // Another thread goes on with the rest.
                return;
            };
            let Some(callback) = lent.callbacks.pop_front() else {
                state.lent = None;
                return;
            };
            state.begun_by_lent += 1;
            drop(state);
            callback.run();
            state = self.0.state();
        }
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        // The callbacks that are left still run.
        self.0.state().closing = true;
        self.0.changed.notify_all();
        self.0.busy.notify_all();
    }
}

/// Runs a callback. If it panics, the panic was printed when it happened, and ends here.
pub(crate) fn quietly(callback: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
        dispose(payload);
    }
}

/// Drops what a panic was made of, on whatever thread. Where it is not the text that it nearly always is, its
/// destructor is code of the user's: it may wait for this very thread, so it gets a thread of its own.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if payload.is::<&'static str>() || payload.is::<String>() {
        return;
    }
    if cfg!(loom) || planted(Bug::RunCallbacksOnKeeper) {
        return drop(payload);
    }
    let kept = Arc::new(Mutex::new(Some(payload)));
    let dropped = kept.clone();
    let is_started = spawn("worsen-callback", move || {
        let payload = dropped.lock().unpoisoned().take();
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
    });
    if !is_started {
        // Without a thread for it, it stays.
        mem::forget(kept);
    }
}

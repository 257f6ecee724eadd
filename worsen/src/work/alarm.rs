//! Waking a future at a time, without the timer of any runtime. One thread does it for all futures of a
//! [`Work`](super::Work), from the first of them until the last handle is gone. Never here: why they sleep.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    thread,
    time::Instant,
};

use crate::{
    callbacks::{Callback, Callbacks},
    loom::Unpoisoned,
};

#[derive(Default)]
pub(super) struct Alarm(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The thread has a new first one to wake, or is to end.
    changed: Condvar,
    callbacks: Callbacks,
}

#[derive(Default)]
struct State {
    sleepers: BTreeMap<(Instant, u64), Waker>,
    /// Tells sleepers of the same time apart.
    count: u64,
    runs: bool,
    closing: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }

    fn run(&self) {
        let mut state = self.state();
        while !state.closing {
            let now = Instant::now();
            let Some(first) = state.sleepers.first_entry() else {
                state = self.changed.wait(state).unpoisoned();
                continue;
            };
            let at = first.key().0;
            if at <= now {
                let waker = first.remove();
                // A waker may do anything, also sleep again, or never come back.
                drop(state);
                self.callbacks.run([Callback::Wake(waker)]);
                state = self.state();
            } else {
                (state, _) = self.changed.wait_timeout(state, at - now).unpoisoned();
            }
        }
    }
}

impl Alarm {
    /// Resolves at this time. Fails where no thread can be started for it.
    pub(super) fn sleep_until(&self, at: Instant) -> Sleep<'_> {
        Sleep {
            alarm: self,
            at,
            number: None,
        }
    }

    /// Has the thread started, for sleepers that cannot be told that there is none.
    pub(super) fn start(&self) -> io::Result<()> {
        self.start_in(&mut self.0.state())
    }

    /// Wakes this waker at this time, unless it is [cancelled](Alarm::cancel) before.
    pub(super) fn wake_at(&self, at: Instant, waker: Waker) -> Sleeper {
        let mut state = self.0.state();
        state.count += 1;
        let key = (at, state.count);
        state.sleepers.insert(key, waker);
        self.0.changed.notify_all();
        Sleeper(key)
    }

    pub(super) fn cancel(&self, sleeper: Sleeper) {
        let waker = self.0.state().sleepers.remove(&sleeper.0);
        // Dropped after the lock: it may drop whatever waits.
        drop(waker);
    }

    fn start_in(&self, state: &mut State) -> io::Result<()> {
        if !state.runs {
            let shared = self.0.clone();
            thread::Builder::new()
                .name("worsen-alarm".into())
                .spawn(move || shared.run())?;
            state.runs = true;
        }
        Ok(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // The thread has nothing of the store's, so nobody needs to wait until it has ended; and this may be
        // dropped on that very thread, in the waker of a future.
        self.0.state().closing = true;
        self.0.changed.notify_all();
    }
}

/// A waker that is to be woken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sleeper((Instant, u64));

pub(super) struct Sleep<'a> {
    alarm: &'a Alarm,
    at: Instant,
    /// Where this sleeps already.
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.at <= Instant::now() {
            return Poll::Ready(Ok(()));
        }
        let alarm = self.alarm;
        // Cloning a waker, and dropping one, is somebody else's code: not under the lock.
        let waker = context.waker().clone();
        let mut state = alarm.0.state();
        if let Err(error) = alarm.start_in(&mut state) {
            return Poll::Ready(Err(error));
        }
        let number = *self.number.get_or_insert_with(|| {
            state.count += 1;
            state.count
        });
        let key = (self.at, number);
        let before = state.sleepers.insert(key, waker);
        if state.sleepers.first_key_value().map(|(first, _)| *first) == Some(key) {
            alarm.0.changed.notify_all();
        }
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.alarm.0.state().sleepers.remove(&(self.at, number));
            // Dropped after the lock: it may drop whatever waits.
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Somebody sleeps with this waker, and the next one is woken all the same.
    fn wakes_the_next_after(waker: &Waker) {
        // For ever: where it fails, somebody sleeps on in a thread of its own.
        let alarm: &'static Alarm = Box::leak(Box::default());
        let at = Instant::now() + Duration::from_millis(20);
        let mut sleep = alarm.sleep_until(at);
        let mut context = Context::from_waker(waker);
        assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
        let (woken, is_woken) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let later = alarm.sleep_until(at + Duration::from_millis(20));
            woken.send(pollster::block_on(later)).unwrap();
        });
        let outcome = is_woken.recv_timeout(Duration::from_secs(60));
        outcome.expect("it goes on sleeping").unwrap();
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_times_and_those_that_are_gone_do_not() {
        let alarm = Alarm::default();
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let woken = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for milliseconds in [60, 20, 40, 20] {
                let (alarm, woken) = (&alarm, &woken);
                scope.spawn(move || {
                    pollster::block_on(alarm.sleep_until(at(milliseconds))).unwrap();
                    assert!(Instant::now() >= at(milliseconds));
                    woken.lock().unwrap().push(milliseconds);
                });
            }
            // One that is dropped before its time.
            let mut sleep = alarm.sleep_until(begin + Duration::from_secs(3600));
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
            assert!(!alarm.0.state().sleepers.is_empty());
        });
        assert_eq!(woken.lock().unwrap().len(), 4);
        assert!(alarm.0.state().sleepers.is_empty());
        // The thread ends with it: then nobody else has what they share.
        let shared = Arc::downgrade(&alarm.0);
        drop(alarm);
        let mut waited = Duration::ZERO;
        while shared.strong_count() > 0 {
            assert!(waited < Duration::from_secs(60), "the thread goes on");
            thread::sleep(Duration::from_millis(1));
            waited += Duration::from_millis(1);
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_asleep() {
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let waker = Waker::from(Arc::new(Panics));
        wakes_the_next_after(&waker);
    }

    #[test]
    fn a_waker_that_never_returns_keeps_nobody_asleep() {
        struct Blocks(Mutex<std::sync::mpsc::Receiver<()>>);
        impl std::task::Wake for Blocks {
            fn wake(self: Arc<Self>) {
                let _ = self.0.lock().unwrap().recv();
            }
        }
        let (_never, end) = std::sync::mpsc::channel();
        let waker = Waker::from(Arc::new(Blocks(Mutex::new(end))));
        wakes_the_next_after(&waker);
    }

    #[test]
    fn without_a_sleeper_there_is_no_thread() {
        let alarm = Alarm::default();
        assert!(pollster::block_on(alarm.sleep_until(Instant::now())).is_ok());
        assert!(!alarm.0.state().runs);
    }
}

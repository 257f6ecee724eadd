//! Wakers, and destructors of results, that do what they like: no thread of the store stops or dies of it.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, mpsc},
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use worsen::Store;

use crate::handles::Gathers;

/// Nothing takes as long, unless it hangs.
const HANGS: Duration = Duration::from_secs(30);

#[derive(Store)]
struct Sum {
    sum: u64,
}

fn open() -> SumStore {
    Sum::builder().in_memory().open().unwrap()
}

/// Detached writes happen, and so does one that is waited for.
fn goes_on(store: &SumStore) {
    let (done, is_done) = mpsc::channel();
    let own = store.clone();
    thread::spawn(move || {
        own.update_sum(|sum| *sum += 100).detach();
        let outcome = pollster::block_on(own.update_sum(|sum| *sum += 100));
        done.send(outcome.is_ok()).unwrap();
        own.update_sum(|sum| *sum += 100).wait().unwrap();
        done.send(true).unwrap();
    });
    for _ in 0..2 {
        assert_eq!(is_done.recv_timeout(HANGS), Ok(true), "a write hangs");
    }
}

/// Writes and waits when it is woken.
struct Writes {
    store: SumStore,
    done: mpsc::Sender<()>,
}

impl Wake for Writes {
    fn wake(self: Arc<Self>) {
        // Something else is queued before, for the store's own thread.
        self.store.update_sum(|sum| *sum += 1).detach();
        self.store.update_sum(|sum| *sum += 1).wait().unwrap();
        self.done.send(()).unwrap();
    }
}

#[test]
fn a_waker_that_writes_and_waits_stops_nobody_though_more_is_queued() {
    let store = open();
    let (done, is_done) = mpsc::channel();
    let waker = Waker::from(Arc::new(Writes {
        store: store.clone(),
        done,
    }));
    let mut write = pin!(store.set_sum(1));
    let polled = write.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    is_done.recv_timeout(HANGS).expect("the waker hangs");
    goes_on(&store);
}

/// Never comes back.
struct Blocks(std::sync::Mutex<mpsc::Receiver<()>>);

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        let _ = self.0.lock().unwrap().recv();
    }
}

#[test]
fn a_waker_that_never_returns_stops_nobody() {
    let store = open();
    let (_never, end) = mpsc::channel();
    let waker = Waker::from(Arc::new(Blocks(end.into())));
    let mut write = Box::pin(store.set_sum(1));
    let polled = Pin::new(&mut write).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    goes_on(&store);
}

/// A result with a destructor.
struct AtDrop<F: FnMut() + Send + 'static>(F);

impl<F: FnMut() + Send + 'static> Drop for AtDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

#[test]
fn a_result_that_waits_for_a_write_when_it_is_dropped_stops_nobody() {
    let store = open();
    let (done, is_done) = mpsc::channel();
    let own = store.clone();
    let mut result = Some(AtDrop(move || {
        own.update_sum(|sum| *sum += 1).detach();
        own.update_sum(|sum| *sum += 1).wait().unwrap();
        done.send(()).unwrap();
    }));
    store.update_sum(move |_| result.take()).detach();
    is_done.recv_timeout(HANGS).expect("the destructor hangs");
    goes_on(&store);
}

#[test]
fn a_result_of_a_group_that_fails_waits_for_a_write_and_stops_nobody() {
    let builder = Sum::builder().in_memory().max_commit_bytes(15);
    let store = builder.open().unwrap();
    let (done, is_done) = mpsc::channel();
    let gathers = Gathers::at(&store);
    let own = store.clone();
    let mut result = Some(AtDrop(move || {
        // From a thread of its own, whoever runs this.
        let own = own.clone();
        let writes = thread::spawn(move || own.update_sum(|sum| *sum = 1).wait());
        done.send(writes.join().unwrap().is_ok()).unwrap();
    }));
    let too_large = move |sum: &mut u64| {
        *sum = u64::MAX;
        result.take()
    };
    store.update_sum(too_large).detach();
    gathers.go();
    assert_eq!(
        is_done.recv_timeout(HANGS),
        Ok(true),
        "the destructor hangs"
    );
    goes_on(&store);
}

#[test]
fn a_result_or_a_panic_that_panics_when_it_is_dropped_kills_no_thread_of_the_store() {
    let store = open();
    let bad = || AtDrop(|| panic!("on purpose"));
    store.update_sum(move |_| bad()).detach();
    goes_on(&store);
    let payload = move |_: &mut u64| std::panic::panic_any(bad());
    store.update_sum(payload).detach();
    goes_on(&store);
}

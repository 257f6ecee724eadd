//! Wakers, destructors, types and listeners that do what they like: no thread of the store stops or dies of it.

use std::{
    future::Future,
    path::Path,
    pin::{Pin, pin},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use worsen::{
    Durability, ErrorKind, Options, PersistentStore, Store,
    testing::{Fault, Repeat, SimulatedDisk},
};

use crate::{
    handles::Gathers,
    support::{folder, open as open_state},
};

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
        // From a thread of its own, whichever thread runs this.
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

#[test]
fn a_result_that_is_there_before_its_commit_is_dropped_panics_in_no_caller() {
    let store = open();
    let mut commit = Box::pin(store.update_sum(|_| AtDrop(|| panic!("on purpose"))));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(commit.as_mut().poll(&mut context).is_pending());
    // Behind it in the queue, so it is done once this one is.
    goes_on(&store);
    drop(commit);
    goes_on(&store);
}

/// Each write has some outcome, by whichever thread it is led.
fn answers<S: Clone + Send + 'static>(
    store: &S,
    update: impl Fn(&S, fn(&mut u64)) -> worsen::Commit<()> + Send + 'static,
) -> Vec<Result<(), worsen::Error>> {
    let (answer, answered) = mpsc::channel();
    let own = store.clone();
    thread::spawn(move || {
        let write = || update(&own, |sum| *sum += 100);
        write().detach();
        answer.send(pollster::block_on(write())).unwrap();
        answer.send(write().wait()).unwrap();
    });
    let outcome = || answered.recv_timeout(HANGS).expect("a write hangs");
    vec![outcome(), outcome()]
}

/// Something that waits for a write, from a thread of its own, where it is dropped, and says so.
fn waits_when_dropped(
    store: &SumStore,
) -> (AtDrop<impl FnMut() + Send + use<>>, mpsc::Receiver<()>) {
    let own = store.clone();
    let (done, is_done) = mpsc::channel();
    let waits = AtDrop(move || {
        let own = own.clone();
        let writes = thread::spawn(move || own.update_sum(|sum| *sum = 1).wait().is_ok());
        writes.join().unwrap();
        // Where nobody waits for it any more, the test has failed.
        let _ = done.send(());
    });
    (waits, is_done)
}

#[test]
fn a_result_of_a_group_that_the_disk_refuses_waits_for_a_write_and_stops_nobody() {
    for fault in [Fault::NoSpace, Fault::Io, Fault::LostSync] {
        for is_awaited in [false, true] {
            let disk = SimulatedDisk::new();
            let builder = Sum::builder().dir("/db").on(&disk);
            let store = builder.open().unwrap();
            store.set_sum(1).wait().unwrap();
            let (waits, is_done) = waits_when_dropped(&store);
            let mut result = Some(waits);
            let mut write = store.update_sum(move |sum| {
                *sum += 1;
                result.take()
            });
            disk.fail(0, fault, Repeat::ForGood);
            if is_awaited {
                let mut context = Context::from_waker(Waker::noop());
                assert!(Pin::new(&mut write).poll(&mut context).is_pending());
                drop(write);
            } else {
                write.detach();
            }
            let outcome = is_done.recv_timeout(HANGS);
            outcome.unwrap_or_else(|_| panic!("{fault:?}: the destructor hangs"));
            for outcome in answers(&store, SumStore::update_sum) {
                assert!(outcome.is_err(), "{fault:?}");
            }
        }
    }
}

#[derive(Store)]
#[store(name = "sum")]
struct Holder {
    sum: u64,
}

#[test]
fn a_closure_that_never_ran_as_the_lock_was_not_free_waits_for_a_write_and_stops_nobody() {
    let folder = folder();
    let store = Sum::builder().dir(folder.path());
    let store = store
        .lock_timeout(Duration::from_millis(50))
        .open()
        .unwrap();
    // Opened as another type it is as another process.
    let holder = Holder::builder().dir(folder.path()).open().unwrap();
    let gathers = Gathers::at(&holder);
    let (waits, is_done) = waits_when_dropped(&store);
    store.update_sum(move |_| drop(waits)).detach();
    is_done.recv_timeout(HANGS).expect("the destructor hangs");
    for outcome in answers(&store, SumStore::update_sum) {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::LockTimeout);
    }
    gathers.go();
    goes_on(&store);
}

/// Wakes nobody; its destructor waits for a write.
struct WaitsWhenDropped<F: FnMut() + Send + Sync + 'static>(Mutex<AtDrop<F>>);

impl<F: FnMut() + Send + Sync + 'static> Wake for WaitsWhenDropped<F> {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_waits_for_a_write_where_another_one_takes_its_place_stops_nobody() {
    for what in ["a commit", "a watch"] {
        let store = open();
        let (done, is_done) = mpsc::channel();
        let own = store.clone();
        let waits = AtDrop(move || {
            own.update_sum(|sum| *sum += 1).wait().unwrap();
            own.update_sum(|sum| *sum += 1).detach();
            let _ = done.send(());
        });
        let waker = Waker::from(Arc::new(WaitsWhenDropped(Mutex::new(waits))));
        let own = store.clone();
        let polls = thread::spawn(move || {
            let gathers = Gathers::at(&own);
            let mut write = pin!(own.set_sum(7));
            let mut watch = own.watch();
            let mut next = pin!(watch.next());
            let mut poll = |context: &mut Context<'_>| match what {
                "a commit" => assert!(write.as_mut().poll(context).is_pending()),
                _ => assert!(next.as_mut().poll(context).is_pending()),
            };
            poll(&mut Context::from_waker(&waker));
            drop(waker);
            // The commit is not resolved before this, so its destructor waits for a write behind it.
            let go = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                gathers.go();
            });
            poll(&mut Context::from_waker(Waker::noop()));
            go.join().unwrap();
        });
        let outcome = is_done.recv_timeout(HANGS);
        outcome.unwrap_or_else(|_| {
            // Closing it would wait for what hangs.
            std::mem::forget(store.clone());
            panic!("the waker of {what} hangs")
        });
        polls.join().unwrap();
        goes_on(&store);
    }
}

/// A number whose type does what it is told to, once.
#[derive(Debug, Default, Serialize)]
struct Bad {
    number: u64,
    #[serde(skip)]
    drops: bool,
}

/// What the type does next.
static TOLD: Mutex<Option<&'static str>> = Mutex::new(None);
/// One test at a time tells it.
static TELLS: Mutex<()> = Mutex::new(());

fn do_once(what: &str) -> bool {
    let mut told = TOLD.lock().unwrap();
    let does = *told == Some(what);
    if does {
        *told = None;
    }
    does
}

impl Clone for Bad {
    fn clone(&self) -> Self {
        assert!(!do_once("clone"), "on purpose, in `Clone`");
        Bad { ..*self }
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        if self.drops {
            self.drops = false;
            // A second panic while one unwinds would abort any program.
            assert!(
                thread::panicking() || !do_once("drop"),
                "on purpose, in `Drop`"
            );
        }
    }
}

impl<'de> Deserialize<'de> for Bad {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if do_once("deserialize") {
            std::panic::panic_any(AtDrop(|| panic!("on purpose, in the payload")));
        }
        #[derive(Deserialize)]
        struct Number {
            number: u64,
        }
        let Number { number } = Number::deserialize(deserializer)?;
        Ok(Bad {
            number,
            drops: true,
        })
    }
}

#[derive(Store)]
#[store(name = "bad", poll = "1ms")]
struct HasBad {
    bad: Bad,
    sum: u64,
}

#[derive(Store)]
#[store(name = "bad", poll = "never")]
struct AsAnother {
    bad: serde_json::Value,
    sum: u64,
}

/// Drops the last handle, which waits until the store is closed.
fn closes<T: Send + 'static>(store: T) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        drop(store);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(HANGS).expect("closing hangs");
}

#[test]
fn a_type_whose_clone_panics_on_the_stores_own_thread_leaves_no_write_unanswered() {
    let _tells = TELLS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let store = HasBad::builder().in_memory().open().unwrap();
    store.update_bad(|bad| bad.number = 1).wait().unwrap();
    // The draft takes over what was published, in the next commit.
    *TOLD.lock().unwrap() = Some("clone");
    let sum = store.update_sum(|sum| *sum += 1);
    let (answer, answered) = mpsc::channel();
    thread::spawn(move || {
        let awaited = std::panic::AssertUnwindSafe(|| pollster::block_on(sum));
        answer.send(std::panic::catch_unwind(awaited)).unwrap();
    });
    let outcome = answered.recv_timeout(HANGS).expect("a write hangs");
    assert!(!matches!(outcome, Ok(Ok(()))), "nobody was told");
    for outcome in answers(&store, HasBadStore::update_sum) {
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
        }
    }
    assert!(store.sum() < 1000, "reads go on");
    closes(store);
}

#[test]
fn a_type_that_panics_as_the_commit_of_another_process_is_taken_over_stops_nobody() {
    let _tells = TELLS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for what in ["clone", "drop", "deserialize"] {
        let folder = folder();
        let store = HasBad::builder().dir(folder.path()).open().unwrap();
        let other = AsAnother::builder().dir(folder.path()).open().unwrap();
        let write = |number: u64| {
            let bad = serde_json::json!({ "number": number });
            other.set_bad(bad).wait().unwrap();
        };
        (1..=3).for_each(write);
        assert_eq!(store.bad().number, 3);
        *TOLD.lock().unwrap() = Some(what);
        // The store looks for itself, all the time.
        write(4);
        write(5);
        let begun = std::time::Instant::now();
        while TOLD.lock().unwrap().is_some() && begun.elapsed() < Duration::from_millis(500) {
            thread::sleep(Duration::from_millis(1));
        }
        *TOLD.lock().unwrap() = None;
        // What the log has is right, and taken over again or told as wrong.
        let outcomes = answers(&store, HasBadStore::update_sum);
        if outcomes.iter().all(Result::is_ok) {
            assert_eq!(store.bad().number, 5, "{what}");
        } else {
            assert!(!store.health().is_empty(), "{what}: {outcomes:?}");
        }
        closes(store);
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_harms_neither_readers_nor_writers() {
    let _tells = TELLS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = folder();
    let options = Options {
        db_dir: folder.path().to_owned(),
        ..Options::default()
    };
    let store = PersistentStore::<Bad>::new("values", options).unwrap();
    let bad = |number| Bad {
        number,
        drops: true,
    };
    for number in 0..1000 {
        *TOLD.lock().unwrap() = Some("drop");
        let write = store.write("bad", bad(number));
        let write = write.durability(Durability::Buffered);
        // A value that is dropped in the closure fails that write, and no other.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match number % 3 {
            0 => drop(write.wait()),
            1 => drop(pollster::block_on(write)),
            _ => write.detach(),
        }));
        drop(outcome);
        *TOLD.lock().unwrap() = None;
        let seen = store.read("bad").map(|bad| bad.number);
        assert!(seen.is_none_or(|seen| seen <= number));
    }
    store.write("bad", bad(5000)).wait().unwrap();
    assert_eq!(store.read("bad").map(|bad| bad.number), Some(5000));
    closes(store);
}

#[test]
fn lines_that_nobody_reads_stop_no_store() {
    let (Ok(full), true) = (
        std::fs::File::options().write(true).open("/dev/full"),
        cfg!(target_os = "linux"),
    ) else {
        println!("skipped: there is no /dev/full here");
        return;
    };
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
        .args(["write-and-say".as_ref(), folder.path().as_os_str()])
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("a write hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait_with_output().unwrap().status.success());
    let count = |dir: &Path| open_state(dir).count();
    assert_eq!(count(folder.path()), 3);
}

/// Listens to what one store tells, and panics at it; at another one it writes.
struct Listens;

static LISTENED: AtomicBool = AtomicBool::new(false);
static WRITES_TO: Mutex<Option<SumStore>> = Mutex::new(None);

impl tracing::Subscriber for Listens {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("worsen")
    }

    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Name(String);
        impl tracing::field::Visit for Name {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                if field.name() == "store" {
                    self.0 = value.to_owned();
                }
            }

            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        let mut name = Name(String::new());
        event.record(&mut name);
        match &*name.0 {
            "listened-to" => {
                LISTENED.store(true, Relaxed);
                panic!("on purpose, in a listener");
            }
            "written-to" => {
                let store = WRITES_TO.lock().unwrap().take();
                if let Some(store) = store {
                    LISTENED.store(true, Relaxed);
                    // Refused within a commit, as in a closure; anywhere else it happens.
                    drop(store.update_sum(|sum| *sum += 1).wait());
                }
            }
            _ => {}
        }
    }

    fn enter(&self, _span: &tracing::span::Id) {}

    fn exit(&self, _span: &tracing::span::Id) {}
}

#[test]
fn a_listener_that_panics_or_writes_stops_no_store() {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing::subscriber::set_global_default(Listens).unwrap());
    for name in ["listened-to", "written-to"] {
        LISTENED.store(false, Relaxed);
        let builder = Sum::builder().name(name).in_memory();
        let store = builder.max_commit_bytes(15).open().unwrap();
        *WRITES_TO.lock().unwrap() = (name == "written-to").then(|| store.clone());
        // It fails, and that is told by the thread that leads.
        store.set_sum(u64::MAX).detach();
        goes_on(&store);
        let outcome = store.set_sum(u64::MAX).wait();
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TooLarge);
        goes_on(&store);
        assert!(LISTENED.load(Relaxed), "nobody listened");
        closes(store);
    }
}

#[test]
fn a_store_is_closed_while_a_waker_that_never_returns_has_its_thread() {
    let folder = folder();
    let store = Sum::builder().dir(folder.path()).open().unwrap();
    let (_never, end) = mpsc::channel();
    let waker = Waker::from(Arc::new(Blocks(end.into())));
    let mut write = Box::pin(store.set_sum(1));
    let polled = Pin::new(&mut write).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    store.update_sum(|sum| *sum += 1).detach();
    drop(write);
    closes(store);
    let holder = Holder::builder().dir(folder.path()).open().unwrap();
    assert_eq!(holder.sum(), 2);
}

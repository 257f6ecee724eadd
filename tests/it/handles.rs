//! One process: handles that share a store, futures on any runtime, seeds, updates, durability.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use worsen::{Durability, Options, PersistentStore, Store, Watch};
use worsen_tests::State;

use crate::support::{folder, open};

#[test]
fn opening_twice_shares_one_store() {
    let folder = folder();
    let one = open(folder.path());
    let other = State::builder()
        .dir(folder.path().join("."))
        .open()
        .unwrap();
    one.set_count(3).wait().unwrap();
    assert_eq!(other.count(), 3);
    drop(one);
    other.set_count(4).wait().unwrap();
    drop(other);
    assert_eq!(open(folder.path()).count(), 4);
}

#[test]
fn opened_as_another_type_it_behaves_as_in_another_process() {
    let folder = folder();
    let options = Options {
        db_dir: folder.path().into(),
        ..Options::default()
    };
    let numbers = PersistentStore::<u64>::new("numbers", options).unwrap();
    numbers.write("a", 1).wait().unwrap();
    #[derive(Store)]
    #[store(name = "numbers")]
    struct Values {
        a: serde_json::Value,
        b: serde_json::Value,
        c: serde_json::Value,
        d: serde_json::Value,
    }
    let values = Values::builder().dir(folder.path()).open().unwrap();
    assert_eq!(values.a(), 1);
    values.set_b(2.into()).wait().unwrap();
    assert_eq!(numbers.read("b"), Some(2));
    values.set_c("text".into()).wait().unwrap();
    let error = numbers.write("d", 4).wait().unwrap_err();
    assert_eq!(error.uid(), Some("c"), "{error}");
    values.reset_c().wait().unwrap();
    numbers.write("d", 4).wait().unwrap();
    assert_eq!(values.d(), 4);
}

#[test]
fn commits_resolve_on_tokio_smol_and_a_bare_block_on() {
    let folder = folder();
    let store = open(folder.path());
    let add = || {
        let store = store.clone();
        async move {
            store.set_note("async".into()).await?;
            store
                .update_count(|count| {
                    *count += 1;
                    *count
                })
                .await
        }
    };
    assert_eq!(pollster::block_on(add()).unwrap(), 1);
    assert_eq!(smol::block_on(add()).unwrap(), 2);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(add())).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        store.count()
    });
    assert_eq!(sum, 102);
    let local = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(local.block_on(add()).unwrap(), 103);
}

#[test]
fn a_commit_is_lazy_and_happens_once_polled() {
    let folder = folder();
    let store = open(folder.path());
    drop(store.set_count(1));
    assert_eq!(store.count(), 0);
    let mut commit = Box::pin(store.set_count(2));
    pollster::block_on(std::future::poll_fn(|context| {
        let _ = commit.as_mut().poll(context);
        std::task::Poll::Ready(())
    }));
    drop(commit);
    store.sync().wait().unwrap();
    assert_eq!(
        store.count(),
        2,
        "dropped after its first poll, it still commits"
    );
    store.set_count(3).detach();
    drop(store);
    assert_eq!(
        open(folder.path()).count(),
        3,
        "closing finishes what is queued"
    );
}

#[test]
fn a_panic_in_a_closure_goes_to_its_caller_and_the_others_commit() {
    let folder = folder();
    let store = open(folder.path());
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for round in 0..50 {
                    if writer == 0 && round % 5 == 0 {
                        let commit = store.update(|state| {
                            state.count += 1_000;
                            state.note.clear();
                            panic!("on purpose");
                        });
                        let panic = catch_unwind(AssertUnwindSafe(|| commit.wait())).unwrap_err();
                        assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
                    } else {
                        store.update_count(|count| *count += 1).wait().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(store.count(), 190);
    assert_eq!(store.note(), "seeded");
    let panic = catch_unwind(AssertUnwindSafe(|| {
        pollster::block_on(store.update_count(|_| -> () { panic!("async too") }))
    }));
    assert!(panic.is_err());
    drop(store);
    assert_eq!(open(folder.path()).count(), 190);
}

#[test]
fn a_closure_that_returns_an_error_commits_nothing() {
    let folder = folder();
    let store = open(folder.path());
    let revision = store.revision();
    let refused = store
        .try_update(|state| {
            state.count = 99;
            state.note.push('!');
            state.jobs.push_back("job".into());
            Err::<(), _>("no")
        })
        .wait()
        .unwrap();
    assert_eq!(refused, Err("no"));
    assert_eq!(
        (store.count(), store.note(), store.jobs().len()),
        (0, "seeded".into(), 0)
    );
    assert_eq!(store.revision(), revision);
    let done = store
        .try_update(|state| {
            state.count += 1;
            Ok::<_, ()>(state.count)
        })
        .wait()
        .unwrap();
    assert_eq!(done, Ok(1));
    assert_eq!(store.note(), "seeded");
}

#[test]
fn a_write_that_changes_nothing_appends_nothing() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(1).wait().unwrap();
    let revision = store.revision();
    store.set_count(1).wait().unwrap();
    store.update(|_| ()).wait().unwrap();
    store.update_jobs(|_| ()).wait().unwrap();
    assert_eq!(store.revision(), revision);
}

#[test]
fn a_snapshot_never_changes() {
    let folder = folder();
    let store = open(folder.path());
    let mut snapshots = Vec::new();
    for count in 1..=20 {
        store
            .update(move |state| {
                state.count = count;
                state.note = count.to_string();
            })
            .wait()
            .unwrap();
        snapshots.push(store.snapshot());
        if count % 3 == 0 {
            snapshots.remove(0);
        }
    }
    for snapshot in &snapshots {
        assert_eq!(snapshot.count.to_string(), snapshot.note);
        assert_eq!(snapshot.revision(), snapshot.count + 1);
    }
}

#[test]
fn readers_never_see_half_a_commit() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .durability(Durability::Buffered)
        .open()
        .unwrap();
    store.set_note("0".into()).wait().unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            let (store, done) = (store.clone(), done.clone());
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let state = store.snapshot();
                    assert_eq!(state.count.to_string(), state.note);
                    assert!(state.revision() >= last);
                    last = state.revision();
                }
            });
        }
        for count in 1..2_000 {
            store
                .update(move |state| {
                    state.count = count;
                    state.note = count.to_string();
                })
                .wait()
                .unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn seeds_do_not_touch_a_store_that_holds_data() {
    let folder = folder();
    let seeded = |count, note: &str| {
        State::builder()
            .dir(folder.path())
            .seed(State {
                count,
                note: note.into(),
                jobs: ["first".into()].into(),
            })
            .open()
            .unwrap()
    };
    let store = seeded(5, "one");
    assert_eq!((store.count(), store.note()), (5, "one".into()));
    assert_eq!(store.revision(), 1, "seeds are one commit");
    store.set_count(6).wait().unwrap();
    drop(store);
    let store = seeded(7, "two");
    assert_eq!(
        (store.count(), store.note(), store.jobs().len()),
        (6, "one".into(), 1)
    );
    assert_eq!(store.revision(), 2);
}

#[test]
fn a_field_that_was_added_later_reads_as_its_seed_and_is_written_when_set() {
    #[derive(Store)]
    #[store(name = "state")]
    struct Later {
        count: u64,
        #[store(seed = 42)]
        answer: u32,
    }
    let folder = folder();
    drop(open(folder.path()));
    let later = || Later::builder().dir(folder.path()).open().unwrap();
    let log = || std::fs::read_to_string(folder.path().join("state.db")).unwrap();
    let store = later();
    assert_eq!(store.answer(), 42);
    store.update(|state| state.count = 1).wait().unwrap();
    assert!(
        !log().contains("answer"),
        "not written by changing something else"
    );
    store.set_answer(42).wait().unwrap();
    assert!(
        log().contains("\"answer\":42"),
        "written when set, also to its seed"
    );
    store.set_answer(43).wait().unwrap();
    drop(store);
    assert_eq!(later().answer(), 43);
}

#[test]
fn buffered_writes_are_there_after_closing() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .durability(Durability::Buffered)
        .open()
        .unwrap();
    for count in 1..=1_000 {
        store.set_count(count).wait().unwrap();
    }
    store
        .set_count(1_001)
        .durability(Durability::Synced)
        .wait()
        .unwrap();
    store.set_count(1_002).wait().unwrap();
    store.sync().wait().unwrap();
    drop(store);
    assert_eq!(open(folder.path()).count(), 1_002);
}

#[test]
fn a_watch_yields_the_newest_value_once() {
    let folder = folder();
    let store = open(folder.path());
    let mut counts = store.watch_count();
    let mut all = store.watch();
    store.set_note("other field".into()).wait().unwrap();
    assert_eq!(
        counts.wait(Duration::ZERO).transpose().unwrap(),
        None,
        "another field changed"
    );
    assert_eq!(
        all.wait(Duration::ZERO).unwrap().unwrap().note,
        "other field"
    );
    store.set_count(1).wait().unwrap();
    store.set_count(2).wait().unwrap();
    assert_eq!(counts.wait(Duration::ZERO).transpose().unwrap(), Some(2));
    assert_eq!(counts.wait(Duration::ZERO).transpose().unwrap(), None);
    let writer = store.clone();
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        writer.set_count(3).wait().unwrap();
    });
    assert_eq!(pollster::block_on(counts.next()).unwrap(), 3);
    assert_eq!(counts.wait(Duration::ZERO).transpose().unwrap(), None);
    thread.join().unwrap();
}

#[test]
fn the_keyed_store_does_what_the_original_did_and_more() {
    let folder = folder();
    let open = || {
        let options = Options {
            is_debug: false,
            db_dir: folder.path().into(),
        };
        PersistentStore::<bool>::new("persistent-store-test", options).unwrap()
    };
    let store = open();
    store
        .init(Duration::from_secs(5), [("AppInit", true)])
        .unwrap();
    assert_eq!(store.read("AppInit"), Some(true));
    assert_eq!(store.read("AppErrors"), None);
    pollster::block_on(store.write("AppErrors", false)).unwrap();
    let mut watch = store.watch_uid("AppErrors");
    let mut all = store.watch();
    assert_eq!(store.get_hashmap_state().len(), 2);
    assert_eq!(
        store
            .update("AppErrors", |value| value.replace(true))
            .wait()
            .unwrap(),
        Some(false)
    );
    assert_eq!(
        watch.wait(Duration::ZERO).transpose().unwrap(),
        Some(Some(true))
    );
    assert_eq!(store.remove("AppErrors").wait().unwrap(), Some(true));
    assert_eq!(watch.wait(Duration::ZERO).transpose().unwrap(), Some(None));
    assert_eq!(
        all.wait(Duration::ZERO).transpose().unwrap(),
        Some(store.revision())
    );
    assert_eq!(store.remove("AppErrors").wait().unwrap(), None);
    drop((store, watch, all));
    let store = open();
    store
        .init(Duration::from_secs(5), [("AppInit", false), ("New", true)])
        .unwrap();
    assert_eq!(
        store.read("AppInit"),
        Some(true),
        "seeds are for an empty store"
    );
    assert_eq!(store.keys(), ["AppInit"]);
    assert_eq!((store.len(), store.is_empty()), (1, false));
    assert_eq!(
        (&store).into_iter().collect::<Vec<_>>(),
        [("AppInit".to_owned(), true)]
    );
}

#[test]
fn debug_output_goes_to_stderr_with_the_stores_name_before_each_line() {
    let folder = folder();
    let run = |debug: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg("set-note")
            .arg(folder.path())
            .arg(debug)
            .env("DEBUG_PERSISTENCE", debug)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(run("false"), "");
    let lines = run("true");
    assert!(lines.lines().count() >= 2, "{lines}");
    assert!(
        lines.lines().all(|line| line.starts_with("state: ")),
        "{lines}"
    );
}

/// A task that is run to its end by its own waker, with everything it has.
struct Ends(Mutex<Option<Watch<State, u64>>>, mpsc::Sender<()>);

impl Wake for Ends {
    fn wake(self: Arc<Self>) {
        let watch = self.0.lock().unwrap().take();
        // Closes the store, where this is its last handle.
        drop(watch);
        self.1.send(()).unwrap();
    }
}

/// Waits for a change, by a task that owns the watch.
fn end_at_the_change(mut watch: Watch<State, u64>) -> mpsc::Receiver<()> {
    let (ended, end) = mpsc::channel();
    let ends = Arc::new(Ends(Mutex::new(None), ended));
    let waker = Waker::from(ends.clone());
    {
        let next = pin!(watch.next());
        let polled = next.poll(&mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Pending));
    }
    *ends.0.lock().unwrap() = Some(watch);
    end
}

const LONG: Duration = Duration::from_secs(60);

/// Another type on the same file is as good as another process.
#[derive(Store)]
#[store(name = "state")]
struct Other {
    count: u64,
}

#[test]
fn a_waker_may_drop_the_watch_that_it_is_for() {
    let store = State::builder().in_memory().open().unwrap();
    let end = end_at_the_change(store.watch_count());
    let writer = thread::spawn(move || store.set_count(1).wait());
    end.recv_timeout(LONG).expect("the write hangs");
    writer.join().unwrap().unwrap();
}

#[test]
fn a_waker_may_drop_the_last_handle() {
    for poll in [None, Some(Duration::from_secs(3600))] {
        let folder = folder();
        let store = State::builder()
            .dir(folder.path())
            .poll(poll)
            .open()
            .unwrap();
        let end = end_at_the_change(store.watch_count());
        drop(store);
        let other = Other::builder().dir(folder.path()).open().unwrap();
        other.set_count(7).wait().unwrap();
        end.recv_timeout(LONG)
            .expect("the thread that listens hangs");
        drop(other);
        assert_eq!(open(folder.path()).count(), 7);
    }
}

/// Does what it is told to when the task is woken.
struct Does<F>(F);

impl<F: Fn() + Send + Sync> Wake for Does<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Polls a commit once, so that it is going to happen and wakes with this.
fn begin(commit: worsen::Commit<()>, wake: impl Fn() + Send + Sync + 'static) {
    let waker = Waker::from(Arc::new(Does(wake)));
    let polled = pin!(commit).poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Pending));
}

#[test]
fn the_waker_of_a_commit_may_write_and_wait_for_it() {
    let folder = folder();
    let store = open(folder.path());
    let (done, end) = mpsc::channel();
    let inner = store.clone();
    begin(store.set_count(1), move || {
        let outcome = inner.update_count(|count| *count += 1).wait();
        done.send(outcome).unwrap();
    });
    let outcome = end.recv_timeout(LONG).expect("the write waits for itself");
    outcome.unwrap();
    assert_eq!(store.count(), 2);
}

#[test]
fn the_waker_of_a_watch_may_write_and_wait_for_it() {
    let folder = folder();
    let store = open(folder.path());
    let other = Other::builder().dir(folder.path()).open().unwrap();
    for is_elsewhere in [false, true] {
        let (done, end) = mpsc::channel();
        let inner = store.clone();
        let waker = Waker::from(Arc::new(Does(move || {
            let outcome = inner.update_count(|count| *count += 1).wait();
            // Nobody listens any more when that write wakes it too.
            let _ = done.send(outcome);
        })));
        let mut watch = store.watch_count();
        let polled = pin!(watch.next()).poll(&mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Pending));
        let (writer, elsewhere) = (store.clone(), other.clone());
        thread::spawn(move || match is_elsewhere {
            true => elsewhere.set_count(10).wait(),
            false => writer.set_count(1).wait(),
        });
        let outcome = end.recv_timeout(LONG).expect("the write waits for itself");
        outcome.unwrap();
        assert_eq!(store.count(), if is_elsewhere { 11 } else { 2 });
    }
}

#[test]
fn a_waker_that_panics_does_not_stop_the_writes_of_others() {
    let folder = folder();
    let store = open(folder.path());
    let waker = Waker::from(Arc::new(Does(|| panic!("on purpose"))));
    let mut commit = store.set_count(1);
    let polled = pin!(&mut commit).poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Pending));
    let (written, is_written) = mpsc::channel();
    let writer = store.clone();
    thread::spawn(move || {
        let outcome = writer.update_count(|count| *count += 1).wait();
        written.send(outcome).unwrap();
        let outcome = pollster::block_on(writer.update_count(|count| *count += 1));
        written.send(outcome).unwrap();
    });
    for _ in 0..2 {
        let outcome = is_written.recv_timeout(LONG).expect("the write hangs");
        outcome.unwrap();
    }
    commit.wait().unwrap();
    assert_eq!(store.count(), 3);
}

#[test]
fn who_waits_does_so_no_longer_than_told_while_a_closure_takes_its_time() {
    let folder = folder();
    let store = open(folder.path());
    let other = Other::builder().dir(folder.path()).open().unwrap();
    let mut watch = store.watch_count();
    let mut changes = store.changes(store.revision()).unwrap();
    other.set_count(7).wait().unwrap();
    let ((begun, has_begun), (tell, go_on)) = (mpsc::channel(), mpsc::channel());
    let writer = store.clone();
    let writer = thread::spawn(move || {
        let change = move |count: &mut u64| {
            begun.send(()).unwrap();
            *count += 1;
            go_on.recv_timeout(LONG)
        };
        writer.update_count(change).wait().unwrap()
    });
    has_begun.recv().unwrap();
    // What the other one wrote is there, and nothing else as long as the closure goes on.
    assert_eq!(watch.wait(LONG).transpose().unwrap(), Some(7));
    assert_eq!(
        watch.wait(Duration::from_millis(20)).transpose().unwrap(),
        None
    );
    let change = changes.wait(LONG).unwrap().unwrap();
    assert_eq!(change.entries().next().unwrap().new_value(), Some("7"));
    assert!(changes.wait(Duration::from_millis(20)).is_none());
    tell.send(()).unwrap();
    let outcome = writer.join().unwrap();
    outcome.expect("who waits waited for the closure");
    assert_eq!(watch.wait(LONG).transpose().unwrap(), Some(8));
    let change = changes.wait(LONG).unwrap().unwrap();
    assert_eq!(change.entries().next().unwrap().new_value(), Some("8"));
}

#[test]
fn a_closure_that_fails_leaves_fields_that_are_not_stored_as_they_were() {
    #[derive(Store)]
    struct WithCache {
        count: u64,
        #[store(skip)]
        cache: u64,
    }
    let folder = folder();
    for in_memory in [true, false] {
        let builder = WithCache::builder().dir(folder.path());
        let builder = if in_memory {
            builder.in_memory()
        } else {
            builder
        };
        let store = builder.open().unwrap();
        store.update(|state| state.cache = 1).wait().unwrap();
        assert_eq!(store.snapshot().cache, 1);
        let refused: Result<(), &str> = store
            .try_update(|state| {
                (state.count, state.cache) = (2, 2);
                Err("no")
            })
            .wait()
            .unwrap();
        assert_eq!(refused, Err("no"));
        assert_eq!((store.count(), store.snapshot().cache), (0, 1));
        // Nor does a later write bring it to light.
        store.set_count(3).wait().unwrap();
        assert_eq!((store.count(), store.snapshot().cache), (3, 1));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let change = |state: &mut WithCache| {
                state.cache = 4;
                panic!("on purpose")
            };
            store.update(change).wait()
        }));
        assert!(panicked.is_err());
        store.set_count(5).wait().unwrap();
        assert_eq!((store.count(), store.snapshot().cache), (5, 1));
    }
}

/// Writes that wait behind a closure until this is dropped: so they become one group.
pub(crate) struct Gathers {
    go: mpsc::Sender<()>,
    first: thread::JoinHandle<()>,
}

impl Gathers {
    pub(crate) fn at<S: Store>(store: &worsen::Handle<S>) -> Self {
        let (go, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let store = store.clone();
        let first = thread::spawn(move || {
            let closure = move |_: &mut S| {
                begun.send(()).unwrap();
                let _ = wait.recv();
            };
            store.update(closure).wait().unwrap();
        });
        has_begun.recv_timeout(Duration::from_secs(60)).unwrap();
        Gathers { go, first }
    }

    pub(crate) fn go(self) {
        drop(self.go);
        self.first.join().unwrap();
    }
}

#[test]
fn a_field_that_is_not_stored_keeps_what_one_update_set_when_the_next_of_its_group_fails() {
    #[derive(Store)]
    struct Cached {
        count: u64,
        #[store(skip)]
        cache: u64,
    }
    for fails_how in ["panics", "is refused"] {
        let builder = Cached::builder().in_memory();
        let store = builder.open().unwrap();
        let gathers = Gathers::at(&store);
        store.update(|state| state.cache = 7).detach();
        match fails_how {
            "panics" => {
                let change = |state: &mut Cached| {
                    state.cache = 8;
                    panic!("on purpose")
                };
                store.update(change).detach();
            }
            _ => store
                .try_update(|state| {
                    state.cache = 8;
                    Err::<(), _>("no")
                })
                .detach(),
        }
        store.update_count(|count| *count += 1).detach();
        gathers.go();
        drop(store.sync().wait());
        let snapshot = store.snapshot();
        assert_eq!((snapshot.count, snapshot.cache), (1, 7), "{fails_how}");
    }
}

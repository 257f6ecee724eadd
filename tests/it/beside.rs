//! Reads beside writes that take their time: a closure that goes on and on, a group of another process, a
//! publication of many values. A read waits for none of them, and sees each commit whole, in order, and all
//! that was acknowledged. Never here: what a write does.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use worsen::{Durability, ErrorKind, Options, PersistentStore, Store};
use worsen_tests::{Jobs, State, StateStore};

use crate::support::{Worker, folder, open, sample, scale};

/// What does not happen by then never does.
const NEVER: Duration = Duration::from_secs(20);

/// A closure that goes on until it is told to end.
struct LongClosure {
    /// The count of the draft: what is committed, by whomever.
    count: u64,
    end: Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl LongClosure {
    /// Begins one. It ends before the lock time-out of any other process.
    fn begin(store: &StateStore, within: impl FnOnce() + Send + 'static) -> LongClosure {
        let (begun, begins): (Sender<u64>, Receiver<u64>) = channel();
        let (end, ended) = channel();
        let store = store.clone();
        let thread = thread::spawn(move || {
            let update = store.update(move |state| {
                begun.send(state.count).unwrap();
                within();
                ended.recv_timeout(NEVER).expect("nobody ends the closure");
            });
            update.wait().unwrap();
        });
        LongClosure {
            count: begins.recv_timeout(NEVER).expect("the closure begins"),
            end,
            thread,
        }
    }

    fn end(self) {
        assert!(!self.thread.is_finished(), "the closure has ended early");
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// So often a look has to be behind when a closure begins: another process has committed by then, and
/// acknowledges it while the closure runs.
fn rounds() -> usize {
    4_usize.div_ceil(sample()) * scale() as usize
}

#[derive(Store)]
#[store(name = "state", poll = "never")]
struct Witness {
    count: u64,
}

/// Looks beside long closures and a process that writes, until it sees what was committed before the closure
/// began. Each commit of the other process counts one, and this one makes none.
fn sees_commits_of_others_beside_a_closure<F>(make: impl FnOnce(&StateStore) -> F)
where
    F: Fn(&StateStore, u64) + Send + Sync + 'static,
{
    let folder = folder();
    // Nothing but the look itself looks.
    let builder = State::builder().dir(folder.path()).poll(None);
    let store = builder.open().unwrap();
    // Opened as another type, it is as another process: it tells what is acknowledged.
    let witness = Witness::builder().dir(folder.path()).open().unwrap();
    let look_until = Arc::new(make(&store));
    let _other = Worker::start("increment", folder.path(), &["1", "100000000"]);
    let start = Instant::now();
    let mut was_behind = 0;
    // On a disk that syncs in no time there is hardly ever anything to wait for.
    while was_behind < rounds() && start.elapsed() < NEVER {
        let closure = LongClosure::begin(&store, || ());
        let count = closure.count;
        was_behind += usize::from(known(&store) < count);
        let (done, is_done) = channel();
        let (looking, witness) = (store.clone(), witness.clone());
        let look_until = look_until.clone();
        thread::spawn(move || {
            while witness.count() < count {
                thread::yield_now();
            }
            look_until(&looking, count);
            // Where nobody waits for it any more, the test has failed.
            let _ = done.send(());
        });
        is_done
            .recv_timeout(NEVER)
            .expect("a read waits for a closure");
        closure.end();
    }
    println!("{was_behind} closures began before what they build on was acknowledged");
}

/// How many commits this process knows of. Each counts one; unlike a read, this looks at nothing new.
fn known(store: &StateStore) -> u64 {
    let text = format!("{store:?}");
    let revision = text.split("revision: ").nth(1).expect("a revision");
    let digits: String = revision
        .chars()
        .take_while(|digit| digit.is_ascii_digit())
        .collect();
    digits.parse().expect("a number")
}

#[test]
fn a_read_does_not_wait_for_a_closure_of_its_own_process() {
    sees_commits_of_others_beside_a_closure(|_| {
        |store: &StateStore, count| assert!(store.count() >= count)
    });
}

#[test]
fn a_snapshot_does_not_wait_for_a_closure_of_its_own_process() {
    sees_commits_of_others_beside_a_closure(|_| {
        |store: &StateStore, count| {
            assert!(store.snapshot().count >= count && store.revision() >= count)
        }
    });
}

#[test]
fn an_async_loop_that_only_reads_is_not_blocked_by_a_closure_elsewhere() {
    sees_commits_of_others_beside_a_closure(|_| {
        |store: &StateStore, count| {
            let executor = smol::LocalExecutor::new();
            pollster::block_on(executor.run(async {
                for _ in 0..100 {
                    assert!(store.count() >= count);
                    smol::future::yield_now().await;
                }
            }));
        }
    });
}

/// Waiting for no time at all is to look now, at what is acknowledged.
#[test]
fn a_watch_that_waits_for_no_time_looks_at_what_others_have_acknowledged() {
    sees_commits_of_others_beside_a_closure(|store| {
        let watch = Mutex::new((store.watch_count(), store.count()));
        move |_: &StateStore, count| {
            let (watch, newest) = &mut *watch.lock().unwrap();
            while *newest < count {
                let told = watch.wait(Duration::ZERO);
                let told = told.expect("it is acknowledged, and not told of").unwrap();
                assert!(told > *newest);
                *newest = told;
            }
        }
    });
}

#[test]
fn changes_that_wait_for_no_time_look_at_what_others_have_acknowledged() {
    sees_commits_of_others_beside_a_closure(|store| {
        let changes = Mutex::new(store.changes(store.revision()).unwrap());
        move |_: &StateStore, count| {
            let mut changes = changes.lock().unwrap();
            while changes.revision() < count {
                let told = changes.wait(Duration::ZERO);
                // Two compactions may have come between two rounds.
                if let Err(error) = told.expect("it is acknowledged, and not told of") {
                    assert_eq!(error.kind(), ErrorKind::Gap);
                }
            }
        }
    });
}

/// A job that another process has pushed is there at once, also while this process writes on and on.
#[test]
fn a_taker_that_waits_for_no_time_gets_a_job_that_another_process_has_acknowledged() {
    let folder = folder();
    let store = Jobs::builder().dir(folder.path()).open().unwrap();
    let work = store.work(|state| &state.jobs);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_over.load(Relaxed) {
                    break;
                }
                let update = store.update_done(move |done| done.insert(0, number));
                update.wait().unwrap();
            }
        });
        let missed = (0..rounds() * 3)
            .filter(|_| {
                Worker::start("push-jobs", folder.path(), &["1"]).finish();
                let taken = work.wait(NEVER, Duration::ZERO).unwrap();
                let is_missed = taken.is_none();
                // None is left for the next round.
                if let Some(job) = taken.or_else(|| work.wait(NEVER, NEVER).unwrap()) {
                    assert!(job.ack().wait().unwrap());
                }
                is_missed
            })
            .count();
        is_over.store(true, Relaxed);
        assert_eq!(missed, 0, "a job was there and was not seen");
    });
}

/// A closure waits for a mutex of the program, and the thread that holds it reads the store: all of them would
/// wait for ever, in all processes.
#[test]
fn a_closure_that_waits_for_a_mutex_whose_holder_reads_does_not_stop_every_process() {
    let folder = folder();
    let store = open(folder.path());
    let _other = Worker::start("increment", folder.path(), &["1", "100000000"]);
    let app = Arc::new(Mutex::new(()));
    let start = Instant::now();
    let mut was_behind = 0;
    while was_behind < rounds() && start.elapsed() < NEVER {
        let (done, is_done) = channel();
        let (store, app) = (store.clone(), app.clone());
        thread::spawn(move || {
            let held = app.lock().unwrap();
            let within = app.clone();
            let closure = LongClosure::begin(&store, move || drop(within.lock().unwrap()));
            let is_behind = known(&store) < closure.count;
            while store.count() < closure.count {
                thread::yield_now();
            }
            drop(held);
            closure.end();
            let _ = done.send(is_behind);
        });
        let is_behind = is_done.recv_timeout(NEVER).expect("everybody waits");
        was_behind += usize::from(is_behind);
    }
    // The other process goes on, too.
    let (before, start) = (store.count(), Instant::now());
    while store.count() == before {
        assert!(start.elapsed() < NEVER, "the other process waits");
        thread::yield_now();
    }
}

/// What the handle says within a closure is what everybody has acknowledged, and so is what the closure is
/// given, if nobody else in its group has changed it.
#[test]
fn a_closure_and_the_handle_within_it_agree_on_what_others_have_acknowledged() {
    let folder = folder();
    let store = open(folder.path());
    for round in 0..5 {
        let note = format!("from the worker, {round}");
        Worker::start("set-note", folder.path(), &[&note]).finish();
        let handle = store.clone();
        let update = store.update(move |state| {
            state.count += 1;
            let snapshot = handle.snapshot();
            (
                state.note.clone(),
                handle.note(),
                snapshot.note.clone(),
                snapshot.count,
            )
        });
        let (of_draft, of_handle, of_snapshot, count) = update.wait().unwrap();
        assert_eq!([&of_draft, &of_handle, &of_snapshot], [&note, &note, &note]);
        // Its own change is in its argument alone.
        assert_eq!(count, round);
    }
}

#[test]
fn a_read_of_another_store_within_a_closure_sees_what_was_acknowledged_meanwhile() {
    let (one, other) = (folder(), folder());
    let store = open(one.path());
    let handle = open(other.path());
    let dir = other.path().to_owned();
    let update = store.update_note(move |note| {
        // A whole process writes, is acknowledged, and ends.
        Worker::start("set-note", &dir, &["acknowledged"]).finish();
        *note = handle.note();
    });
    update.wait().unwrap();
    assert_eq!(store.note(), "acknowledged");
}

/// As another process, on the files of a keyed store.
#[derive(Store)]
#[store(name = "keyed", poll = "never")]
struct Pair {
    a: u64,
    b: u64,
}

fn keyed(dir: &Path) -> PersistentStore<u64> {
    let options = Options {
        is_debug: false,
        db_dir: dir.into(),
    };
    PersistentStore::new("keyed", options).unwrap()
}

#[test]
fn a_read_of_one_uid_in_the_update_of_another_sees_what_others_have_acknowledged() {
    let folder = folder();
    let store = keyed(folder.path());
    let pair = Pair::builder().dir(folder.path()).open().unwrap();
    for number in 1..=20 {
        pair.set_b(number).wait().unwrap();
        let handle = store.clone();
        let update = store.update("a", move |a| *a = handle.read("b"));
        update.wait().unwrap();
        assert_eq!(store.read("a"), Some(number));
        assert_eq!(pair.a(), number);
    }
}

/// How many commits are looked at.
fn commits() -> u64 {
    20_000_u64.div_ceil(sample() as u64) * scale()
}

/// Reads until `write` is done, by `read`, which asserts what it sees.
fn read_meanwhile(write: impl FnOnce() + Send, read: impl Fn() + Sync) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    read();
                }
            });
        }
        let over = Over(&is_over);
        write();
        drop(over);
    });
}

/// Also where a write panics, readers end.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_later_commit_of_a_keyed_store_is_not_seen_before_an_earlier_one_nor_before_its_revision() {
    let folder = folder();
    let store = keyed(folder.path());
    let first = store.revision();
    let write = || {
        for number in 1..=commits() {
            let a = store.write("a", number).durability(Durability::Buffered);
            a.detach();
            let b = store.write("b", number).durability(Durability::Buffered);
            b.wait().unwrap();
        }
    };
    read_meanwhile(write, || {
        let b = store.read("b").unwrap_or(0);
        let revision = store.revision();
        let a = store.read("a").unwrap_or(0);
        assert!(a >= b, "{b} came after {a}");
        assert!(revision >= first + 2 * b, "{b} is seen at {revision}");
        let (b, revision) = (store.watch_uid("b"), store.revision());
        drop(b);
        assert!(store.revision() >= revision);
    });
}

/// A commit of several uids, made as another process does.
#[test]
fn a_commit_of_several_uids_is_seen_as_a_whole() {
    let folder = folder();
    let store = keyed(folder.path());
    let pair = Pair::builder().dir(folder.path()).open().unwrap();
    let write = || {
        for number in 1..=commits() / 4 {
            let both = pair.update(move |pair| (pair.a, pair.b) = (number, number));
            both.durability(Durability::Buffered).wait().unwrap();
        }
    };
    read_meanwhile(write, || {
        let first = store.revision();
        let one = store.read("b").unwrap_or(0);
        let other = store.read("a").unwrap_or(0);
        assert!(other >= one, "{one} came before {other}");
        let other = store.read("b").unwrap_or(0);
        assert!(other >= one);
        let (len, all) = (store.len(), store.get_hashmap_state());
        assert!([0, 2].contains(&len) && all.get("a") == all.get("b"));
        assert!(store.revision() >= first);
    });
}

/// A value that goes away is seen until then, and its removal not before its revision.
#[test]
fn a_removal_is_seen_in_order() {
    let folder = folder();
    let store = keyed(folder.path());
    store.write("a", 0).wait().unwrap();
    let write = || {
        for number in 1..=commits() / 4 {
            let set = store.write("b", number).durability(Durability::Buffered);
            set.detach();
            let gone = store.remove("b").durability(Durability::Buffered);
            gone.detach();
            let next = store.write("a", number).durability(Durability::Buffered);
            next.wait().unwrap();
        }
    };
    read_meanwhile(write, || {
        let before = store.read("a").unwrap_or(0);
        let b = store.read("b");
        let after = store.read("a").unwrap_or(0);
        if let Some(b) = b {
            assert!(before <= b && b <= after + 1, "{before} {b} {after}");
        }
        assert!([1, 2].contains(&store.len()));
    });
}

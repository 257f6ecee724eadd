//! Group commit in every order of its threads: the queue, the leader and its successor, the keeper, closing. A
//! wait here has no time-out, so a wake that is lost is a deadlock.
//!
//! The store is a sum. Its disk is [`Disk`], which refuses to be used out of order.

use std::{
    any::Any,
    collections::BTreeSet,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use super::*;
use crate::{
    backend::{AppendFailure, Entries, Followed, Held, LeadsTo, Sink},
    commit::Commit,
    entry::Edit,
    error::{ErrorKind, ValueError},
    loom::{Arc as Shared, in_every_order, thread::JoinHandle},
    shared_str::SharedStr,
};

/// A file system that keeps nothing but counts, and asserts the steps in ARCHITECTURE.md.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    state: std::sync::Mutex<DiskState>,
}

#[derive(Debug, Default)]
struct DiskState {
    locked: bool,
    closed: bool,
    /// How many commits each group had.
    groups: Vec<u64>,
    appended: u64,
    synced: u64,
    published: u64,
    appends_to_fail: u64,
    syncs_to_fail: u64,
}

impl Disk {
    fn state(&self) -> std::sync::MutexGuard<'_, DiskState> {
        // Loom runs one thread at a time, and this is never held where it switches.
        self.state.try_lock().unwrap()
    }

    pub(crate) fn assert_closed_after(&self, commits: u64) {
        let state = self.state();
        assert!(state.closed, "the store was not closed");
        assert_eq!(state.appended, commits);
    }
}

#[derive(Debug)]
struct DiskBackend(Arc<Disk>);

impl Backend for DiskBackend {
    fn acquire(&self, _timeout: Duration) -> Result<(), Error> {
        let mut disk = self.0.state();
        assert!(!disk.locked && !disk.closed, "two lead at a time");
        disk.locked = true;
        Ok(())
    }

    fn release(&self) {
        self.0.state().locked = false;
    }

    fn catch_up(&self, _held: &Held, _sink: &mut dyn Sink) -> Result<(), Error> {
        Ok(())
    }

    fn append(
        &self,
        _held: &Held,
        commits: &[Vec<Edit>],
        _leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        let mut disk = self.0.state();
        assert!(disk.locked);
        if disk.appends_to_fail > 0 {
            disk.appends_to_fail -= 1;
            return Err(AppendFailure::Undone(Error::new(
                ErrorKind::NoSpace,
                "the disk is full",
            )));
        }
        disk.groups.push(commits.len() as u64);
        disk.appended += commits.len() as u64;
        Ok(())
    }

    fn is_durable(&self) -> bool {
        let disk = self.0.state();
        disk.appended == disk.synced
    }

    fn sync(&self) -> Result<(), Error> {
        let mut disk = self.0.state();
        assert!(!disk.locked);
        if disk.syncs_to_fail > 0 {
            disk.syncs_to_fail -= 1;
            return Err(Error::new(ErrorKind::OutcomeUnknown, "the disk failed"));
        }
        disk.synced = disk.appended;
        Ok(())
    }

    fn publish(&self, revision: u64) {
        let mut disk = self.0.state();
        assert!(revision <= disk.synced, "published before it was durable");
        assert!(revision >= disk.published);
        disk.published = revision;
    }

    fn follow(&self, _sink: &mut dyn Sink) -> Result<Followed, Error> {
        Ok(Followed::Visible)
    }

    fn state_at(
        &self,
        at: crate::options::At,
        newest: u64,
    ) -> Result<(crate::backend::Entries, u64), Error> {
        crate::backend::memory::MemoryBackend::default().state_at(at, newest)
    }

    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error> {
        crate::backend::memory::MemoryBackend::default().spans(newest)
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        crate::backend::memory::MemoryBackend::default().history(after, old_values)
    }

    fn close(&self) {
        let mut disk = self.0.state();
        assert!(!disk.closed && !disk.locked);
        assert_eq!(disk.synced, disk.appended);
        disk.closed = true;
    }
}

/// What readers see. Relaxed, so that the engine's own ordering is all that brings it to them.
pub(crate) type PublishedSum = Arc<AtomicU64>;

pub(crate) struct Sum {
    draft: u64,
    accepted: u64,
    published: u64,
    shown: PublishedSum,
}

impl Model for Sum {
    fn adopt(&mut self, entries: &Entries, _revision: u64) -> Vec<(SharedStr, ValueError)> {
        let apply = |(uid, json): (&SharedStr, &SharedStr)| {
            let outcome = self.apply(&Edit::set(uid, json));
            outcome.err().map(|error| (uid.clone(), error))
        };
        entries.iter().filter_map(apply).collect()
    }

    fn follow(&mut self) {
        self.published = self.shown.load(Ordering::Relaxed);
        self.draft = self.published;
        self.accept();
    }

    fn apply(&mut self, edit: &Edit) -> Result<(), ValueError> {
        let json = edit.json.as_ref();
        self.draft = json.and_then(|json| json.parse().ok()).unwrap_or(0);
        Ok(())
    }

    fn accept(&mut self) {
        self.accepted = self.draft;
    }

    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError> {
        if all {
            self.draft = self.shown.load(Ordering::Relaxed);
            for edit in since {
                self.apply(edit)?;
            }
            self.accept();
        } else {
            self.draft = self.accepted;
        }
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        self.draft != self.published
    }

    fn publish(&mut self, _revision: u64, _unseen: Unseen) {
        self.published = self.draft;
        self.shown.store(self.draft, Ordering::Relaxed);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The read model of the sum: readers apply edits and publish it themselves.
struct SumReadModel {
    next: u64,
    shown: PublishedSum,
}

impl super::ReadModel for SumReadModel {
    fn apply(&mut self, edit: &Edit) -> Result<(), ValueError> {
        let json = edit.json.as_ref();
        self.next = json.and_then(|json| json.parse().ok()).unwrap_or(0);
        Ok(())
    }

    fn publish(&mut self, _revision: u64, _unseen: Unseen) {
        self.shown.store(self.next, Ordering::Relaxed);
    }

    fn forget(&mut self) {}
}

pub(crate) fn open_on(backend: Box<dyn Backend>) -> (Shared<EngineHandle>, PublishedSum) {
    let shown = Arc::new(AtomicU64::new(0));
    let model = Sum {
        draft: 0,
        accepted: 0,
        published: 0,
        shown: shown.clone(),
    };
    let read_model = SumReadModel {
        next: 0,
        shown: shown.clone(),
    };
    let options = EngineOptions::of_new(backend, Box::new(model), Box::new(read_model));
    (Engine::start(options, None).unwrap(), shown)
}

pub(crate) fn open() -> (Shared<EngineHandle>, Arc<Disk>) {
    let disk = Arc::new(Disk::default());
    let (handle, _) = open_on(Box::new(DiskBackend(disk.clone())));
    (handle, disk)
}

/// Adds so much, and returns the sum after it.
pub(crate) fn add(handle: &Shared<EngineHandle>, much: u64) -> Commit<u64> {
    add_after(handle, much, || {})
}

fn add_after(
    handle: &Shared<EngineHandle>,
    much: u64,
    first: impl FnOnce() + Send + 'static,
) -> Commit<u64> {
    Commit::new(handle.clone(), move |transaction| {
        let sum = transaction.model.as_any().downcast_mut::<Sum>().unwrap();
        sum.draft += much;
        first();
        let json = sum.draft.to_string();
        transaction.scope.changes.set("sum", json);
        Ok(sum.draft)
    })
}

fn spawn<R: Send + 'static>(
    handle: &Shared<EngineHandle>,
    run: impl FnOnce(Shared<EngineHandle>) -> R + Send + 'static,
) -> JoinHandle<R> {
    let handle = handle.clone();
    thread::spawn(move || run(handle))
}

/// Polls once, from a task that nobody ever wakes.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    pin!(future).poll(&mut context)
}

fn assert_in_some_order(one: u64, other: u64) {
    assert!(
        [(1, 11), (11, 10)].contains(&(one, other)),
        "after adding 1 it was {one}, after adding 10 it was {other}"
    );
}

#[test]
fn two_threads_that_write_both_commit() {
    let groups = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let seen = groups.clone();
    in_every_order(None, move || {
        let (handle, disk) = open();
        let other = spawn(&handle, |handle| add(&handle, 10).wait().unwrap());
        let one = add(&handle, 1).wait().unwrap();
        assert_in_some_order(one, other.join().unwrap());
        assert_eq!(handle.engine.revision(), 2);
        drop(handle);
        disk.assert_closed_after(2);
        seen.lock().unwrap().insert(disk.state().groups.clone());
    });
    // The other came in time for the group of the first, or was too late.
    let expected = BTreeSet::from([vec![2], vec![1, 1]]);
    assert_eq!(*groups.lock().unwrap(), expected);
}

#[test]
fn a_thread_that_writes_twice_hands_over_in_between() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let other = spawn(&handle, |handle| {
            let before = add(&handle, 10).wait().unwrap();
            let after = add(&handle, 10).wait().unwrap();
            assert!(before < after);
        });
        add(&handle, 1).wait().unwrap();
        other.join().unwrap();
        assert_eq!(add(&handle, 0).wait().unwrap(), 21);
        drop(handle);
        disk.assert_closed_after(3);
    });
}

#[test]
fn three_threads_that_write_all_commit() {
    in_every_order(Some(4), || {
        let (handle, disk) = open();
        let others =
            [10, 100].map(|much| spawn(&handle, move |handle| add(&handle, much).wait().unwrap()));
        let mut sums = vec![add(&handle, 1).wait().unwrap()];
        sums.extend(others.map(|other| other.join().unwrap()));
        assert_eq!(sums.iter().max(), Some(&111));
        drop(handle);
        disk.assert_closed_after(3);
    });
}

#[test]
fn a_thread_and_a_task_that_write_both_commit() {
    in_every_order(Some(4), || {
        let (handle, disk) = open();
        let task = spawn(&handle, |handle| {
            ::loom::future::block_on(add(&handle, 10)).unwrap()
        });
        let one = add(&handle, 1).wait().unwrap();
        assert_in_some_order(one, task.join().unwrap());
        drop(handle);
        disk.assert_closed_after(2);
    });
}

#[test]
fn two_tasks_that_write_both_commit() {
    in_every_order(Some(3), || {
        let (handle, disk) = open();
        let task = spawn(&handle, |handle| {
            ::loom::future::block_on(add(&handle, 10)).unwrap()
        });
        let one = ::loom::future::block_on(add(&handle, 1)).unwrap();
        assert_in_some_order(one, task.join().unwrap());
        drop(handle);
        disk.assert_closed_after(2);
    });
}

#[test]
fn a_commit_that_is_dropped_untouched_writes_nothing() {
    in_every_order(None, || {
        let (handle, disk) = open();
        drop(add(&handle, 1));
        drop(handle);
        disk.assert_closed_after(0);
    });
}

#[test]
fn a_commit_that_is_dropped_after_its_first_poll_still_happens() {
    in_every_order(Some(5), || {
        let (handle, disk) = open();
        let task = spawn(&handle, |handle| {
            let mut commit = add(&handle, 10);
            assert!(poll_once(&mut commit).is_pending());
        });
        add(&handle, 1).wait().unwrap();
        drop(handle);
        task.join().unwrap();
        disk.assert_closed_after(2);
    });
}

#[test]
fn a_commit_that_moves_to_another_task_wakes_that_one() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let mut commit = add(&handle, 1);
        assert!(poll_once(&mut commit).is_pending());
        assert_eq!(::loom::future::block_on(commit).unwrap(), 1);
        drop(handle);
        disk.assert_closed_after(1);
    });
}

#[test]
fn a_commit_that_was_polled_can_be_waited_for() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let mut commit = add(&handle, 1);
        assert!(poll_once(&mut commit).is_pending());
        assert_eq!(commit.wait().unwrap(), 1);
        drop(handle);
        disk.assert_closed_after(1);
    });
}

#[test]
fn what_nobody_waits_for_happens_before_the_store_is_closed() {
    in_every_order(Some(4), || {
        let (handle, disk) = open();
        let other = spawn(&handle, |handle| add(&handle, 10).detach());
        add(&handle, 1).detach();
        drop(handle);
        other.join().unwrap();
        disk.assert_closed_after(2);
    });
}

#[test]
fn a_thread_that_writes_while_the_others_let_go_closes_the_store() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let writer = spawn(&handle, |handle| {
            let commit = add(&handle, 10);
            drop(handle);
            commit.wait().unwrap()
        });
        drop(handle);
        assert_eq!(writer.join().unwrap(), 10);
        disk.assert_closed_after(1);
    });
}

#[test]
fn a_thread_that_leads_keeps_the_store_from_closing() {
    in_every_order(Some(5), || {
        let (handle, disk) = open();
        let writer = spawn(&handle, |handle| {
            let commit = add(&handle, 10);
            drop(handle);
            commit.wait().unwrap();
        });
        // So that there is a keeper.
        add(&handle, 1).detach();
        drop(handle);
        writer.join().unwrap();
        disk.assert_closed_after(2);
    });
}

/// The group that fails has one write or both; the other group, if there is one, commits.
#[test]
fn a_group_that_fails_tells_all_its_writers_and_the_next_one_runs() {
    in_every_order(None, || {
        let (handle, disk) = open();
        disk.state().appends_to_fail = 1;
        let other = spawn(&handle, |handle| add(&handle, 10).wait());
        let one = add(&handle, 1).wait();
        let outcomes = [one, other.join().unwrap()];
        let mut sum = 0;
        for (much, outcome) in [1, 10].into_iter().zip(&outcomes) {
            match outcome {
                Ok(after) => {
                    sum += much;
                    assert_eq!(*after, sum);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::NoSpace),
            }
        }
        assert!(sum < 11, "nobody was told of the failure");
        assert_eq!(add(&handle, 100).wait().unwrap(), sum + 100);
        let commits = 1 + outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        drop(handle);
        disk.assert_closed_after(commits as u64);
    });
}

#[test]
fn a_group_of_tasks_that_fails_tells_them_all() {
    in_every_order(Some(4), || {
        let (handle, disk) = open();
        disk.state().appends_to_fail = 1;
        let other = spawn(&handle, |handle| {
            ::loom::future::block_on(add(&handle, 10)).is_ok()
        });
        let one = add(&handle, 1).wait().is_ok();
        let other = other.join().unwrap();
        assert!(!(one && other));
        drop(handle);
        disk.assert_closed_after(u64::from(one || other));
    });
}

#[test]
fn after_a_sync_that_failed_nobody_is_told_of_success() {
    in_every_order(None, || {
        let (handle, disk) = open();
        disk.state().syncs_to_fail = 1;
        let other = spawn(&handle, |handle| add(&handle, 10).wait());
        let mut kinds = [add(&handle, 1).wait(), other.join().unwrap()]
            .map(|outcome| outcome.unwrap_err().kind());
        kinds.sort_by_key(|kind| *kind == ErrorKind::Poisoned);
        assert_eq!(kinds[0], ErrorKind::OutcomeUnknown);
        assert!([ErrorKind::OutcomeUnknown, ErrorKind::Poisoned].contains(&kinds[1]));
        assert_eq!(handle.engine.revision(), 0);
    });
}

#[test]
fn a_closure_that_panics_takes_nobody_along() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let other = spawn(&handle, |handle| {
            // Without the panic hook, which would print each time.
            let bad = add_after(&handle, 10, || std::panic::resume_unwind(Box::new("bad")));
            let payload = catch_unwind(AssertUnwindSafe(|| bad.wait())).unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"bad"));
        });
        assert_eq!(add(&handle, 1).wait().unwrap(), 1);
        other.join().unwrap();
        drop(handle);
        disk.assert_closed_after(1);
    });
}

/// The last handle goes in the closure of a write that the keeper runs.
#[test]
fn a_keeper_that_drops_the_last_handle_closes_the_store() {
    in_every_order(None, || {
        let (handle, disk) = open();
        let kept = handle.clone();
        add_after(&handle, 1, move || drop(kept)).detach();
        drop(handle);
        // Nobody joins a keeper that let go of itself; loom waits for it, and looks for a leak.
        drop(disk);
    });
}

/// A thread that sees a revision sees what was published with it.
#[test]
fn a_revision_that_is_seen_brings_its_state_along() {
    in_every_order(None, || {
        let (handle, shown) = open_on(Box::new(crate::backend::memory::MemoryBackend::default()));
        let reader = spawn(&handle, move |handle| {
            let revision = handle.engine.revision();
            assert!(shown.load(Ordering::Relaxed) >= revision);
        });
        add(&handle, 1).wait().unwrap();
        add(&handle, 1).wait().unwrap();
        reader.join().unwrap();
    });
}

/// The watcher may decide at any moment that the keeper does not return.
#[test]
fn a_keeper_that_is_replaced_at_any_moment_leaves_no_write_behind() {
    in_every_order(Some(2), || {
        let (handle, disk) = open();
        add(&handle, 1).detach();
        let engine = handle.engine.clone();
        let watcher = thread::spawn(move || assert!(engine.replace_keeper(0)));
        assert_eq!(::loom::future::block_on(add(&handle, 10)).unwrap(), 11);
        drop(handle);
        watcher.join().unwrap();
        disk.assert_closed_after(2);
    });
}

/// Waits for a write when it is woken, which only a keeper can lead.
struct Waits {
    handle: Shared<EngineHandle>,
    begins: Arc<(Mutex<bool>, Condvar)>,
}

impl std::task::Wake for Waits {
    fn wake(self: Arc<Self>) {
        *self.begins.0.lock().unwrap() = true;
        self.begins.1.notify_all();
        add(&self.handle, 10).detach();
        add(&self.handle, 100).wait().unwrap();
    }
}

#[test]
fn a_waker_that_waits_for_the_keeper_gets_on_when_that_is_replaced() {
    in_every_order(Some(2), || {
        let (handle, disk) = open();
        let begins = Arc::new((Mutex::new(false), Condvar::new()));
        let waker = std::task::Waker::from(Arc::new(Waits {
            handle: handle.clone(),
            begins: begins.clone(),
        }));
        let mut commit = add(&handle, 1);
        let mut context = std::task::Context::from_waker(&waker);
        assert!(pin!(&mut commit).poll(&mut context).is_pending());
        drop(waker);
        let engine = handle.engine.clone();
        // It looks some time after that.
        let watcher = thread::spawn(move || {
            let (has_begun, begun) = &*begins;
            let mut is_waiting = has_begun.lock().unwrap();
            while !*is_waiting {
                is_waiting = begun.wait(is_waiting).unwrap();
            }
            drop(is_waiting);
            assert!(engine.replace_keeper(0));
        });
        drop(commit);
        drop(handle);
        watcher.join().unwrap();
        // Nobody joins a keeper that lets go of the last handle itself; loom waits for it, and looks for a leak.
        drop(disk);
    });
}

/// A write that panics at one of the places where the engine asks it something outside of a commit, and has
/// nothing locked: loom's locks are of no use after a panic under them.
struct BadTask {
    place: &'static str,
    is_armed: std::sync::atomic::AtomicBool,
}

impl BadTask {
    fn reach(&self, place: &str) {
        use std::sync::atomic::Ordering::Relaxed;
        if self.place == place && self.is_armed.swap(false, Relaxed) {
            // Without the panic hook, which would print each time.
            std::panic::resume_unwind(Box::new("bad"));
        }
    }
}

impl Task for BadTask {
    fn run(&self, _transaction: &mut Transaction<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn failed(&self, _error: Error) {}

    fn panicked(&self, _payload: Box<dyn Any + Send>) {}

    fn resolve(&self, _outcome: Result<(), Error>) -> Option<std::task::Waker> {
        self.reach("resolve");
        None
    }

    fn has_leftovers(&self) -> bool {
        self.reach("has_leftovers");
        false
    }

    fn promote(&self) -> bool {
        false
    }

    fn durability(&self) -> Option<Durability> {
        None
    }
}

/// A thread that writes beside it is told an outcome, and the store is dropped.
#[test]
fn a_panic_outside_of_a_commit_leaves_nobody_waiting() {
    for place in ["resolve", "has_leftovers"] {
        in_every_order(Some(2), move || {
            let (handle, _disk) = open();
            let bad = Arc::new(BadTask {
                place,
                is_armed: std::sync::atomic::AtomicBool::new(true),
            });
            let other = spawn(&handle, |handle| add(&handle, 10).wait());
            assert!(!handle.engine.submit(bad, false).unwrap());
            let one = ::loom::future::block_on(add(&handle, 1));
            for outcome in [one, other.join().unwrap()] {
                if let Err(error) = outcome {
                    let kinds = [ErrorKind::Broken, ErrorKind::Poisoned];
                    assert!(kinds.contains(&error.kind()), "{error}");
                }
            }
            drop(handle);
        });
    }
}

//! Jobs that are done at least once: which process gets which job, what becomes of lost jobs, and what each
//! process is told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime},
};

use proptest::{prelude::*, test_runner::TestCaseError};
use rustix::process::Signal;
use serde_json::json;
use worsen::{
    ErrorKind, Options, PersistentStore, Queue, Store, Taken, Work, WorkQueue,
    collections::JobState,
    testing::{
        SimulatedDisk,
        internals::{Environment, ProcessId},
    },
};
use worsen_tests::{Jobs, JobsStore};

use crate::support::{Random, Worker, edits, folder, scale, sequences};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> JobsStore {
    Jobs::builder().dir(dir).open().unwrap()
}

fn work(store: &JobsStore) -> Work<Jobs, u64> {
    store.work(|state| &state.jobs)
}

/// A clock that stands, and processes that live as long as they are said to.
#[derive(Clone, Default)]
pub(crate) struct Machine {
    /// Milliseconds since 1970.
    now: Arc<AtomicU64>,
    /// Milliseconds since it was started.
    uptime: Arc<AtomicU64>,
    dead: Arc<Mutex<BTreeSet<u32>>>,
}

pub(crate) struct Process {
    machine: Machine,
    me: ProcessId,
    /// It is told of the uptime.
    counts: bool,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Machine::default();
        machine.now.store(1_000_000_000_000, Relaxed);
        machine
    }

    /// One that goes by the wall clock.
    pub(crate) fn process(&self, pid: u32) -> Arc<Process> {
        self.process_on("here", pid, false)
    }

    /// One that knows how long the machine has been up.
    pub(crate) fn counting(&self, on: &str, pid: u32) -> Arc<Process> {
        self.process_on(on, pid, true)
    }

    fn process_on(&self, on: &str, pid: u32, counts: bool) -> Arc<Process> {
        Arc::new(Process {
            machine: self.clone(),
            me: ProcessId {
                pid,
                started: Some(u64::from(pid) * 10),
                on: Some(on.into()),
            },
            counts,
        })
    }

    pub(crate) fn later(&self, by: Duration) {
        self.set_later(by);
        self.uptime.fetch_add(by.as_millis() as u64, Relaxed);
    }

    /// Somebody sets the clock.
    pub(crate) fn set_later(&self, by: Duration) {
        self.now.fetch_add(by.as_millis() as u64, Relaxed);
    }

    pub(crate) fn earlier(&self, by: Duration) {
        self.now.fetch_sub(by.as_millis() as u64, Relaxed);
    }

    pub(crate) fn kill(&self, pid: u32) {
        self.dead.lock().unwrap().insert(pid);
    }
}

impl Environment for Process {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.machine.now.load(Relaxed))
    }

    fn uptime(&self) -> Option<Duration> {
        let uptime = Duration::from_millis(self.machine.uptime.load(Relaxed));
        self.counts.then_some(uptime)
    }

    fn me(&self) -> &ProcessId {
        &self.me
    }

    fn is_gone(&self, taker: &ProcessId) -> bool {
        self.machine.dead.lock().unwrap().contains(&taker.pid)
    }
}

/// A queue in memory, and a taker on a machine of its own.
pub(crate) fn in_memory() -> (JobsStore, Machine, Work<Jobs, u64>) {
    let store = Jobs::builder().in_memory().open().unwrap();
    let machine = Machine::new();
    let work = work(&store).environment(machine.process(1));
    (store, machine, work)
}

pub(crate) fn take(work: &Work<Jobs, u64>) -> Option<Taken<Jobs, u64>> {
    work.take(MINUTE).wait().unwrap()
}

/// What the log says of the jobs, the newest last.
fn log(dir: &Path) -> Vec<(serde_json::Value, serde_json::Value)> {
    edits(&dir.join("jobs.db"), 1)
}

#[test]
fn jobs_are_taken_in_the_order_of_their_pushes_and_acknowledged_once() {
    let (store, _, work) = in_memory();
    for job in 10..13 {
        assert_eq!(work.push(job).wait().unwrap(), job - 10);
    }
    let first = take(&work).unwrap();
    let second = take(&work).unwrap();
    assert_eq!((first.id(), *first, first.tries()), (0, 10, 1));
    assert_eq!((second.id(), *second, second.tries()), (1, 11, 1));
    let jobs = store.jobs();
    assert_eq!((jobs.waiting(), jobs.taken(), jobs.len()), (1, 2, 3));
    assert!(matches!(
        jobs.get(0).unwrap().state(),
        JobState::Taken { pid: 1, .. }
    ));
    assert!(first.ack().wait().unwrap());
    assert!(!first.ack().wait().unwrap(), "it is done already");
    assert_eq!(
        store.jobs().iter().map(|job| *job).collect::<Vec<_>>(),
        [11, 12]
    );
    assert_eq!(*take(&work).unwrap(), 12);
    assert!(take(&work).is_none());
    assert!(work.wait(MINUTE, Duration::ZERO).unwrap().is_none());
}

#[test]
fn a_number_is_used_once_also_when_the_queue_was_empty_or_opened_again() {
    let folder = folder();
    for expected in [0, 3, 6] {
        let store = open(folder.path());
        let work = work(&store);
        for number in expected..expected + 3 {
            assert_eq!(work.push(7).wait().unwrap(), number);
        }
        // The last one first.
        store
            .update_jobs(move |jobs| jobs.remove(expected + 2))
            .wait()
            .unwrap();
        while let Some(taken) = take(&work) {
            assert!(taken.ack().wait().unwrap());
        }
        assert!(store.jobs().is_empty());
    }
    let store = open(folder.path());
    store
        .update_jobs(|jobs| {
            jobs.push(1);
            jobs.clear();
        })
        .wait()
        .unwrap();
    drop(store);
    assert_eq!(work(&open(folder.path())).push(1).wait().unwrap(), 10);
}

#[test]
fn a_lease_that_runs_out_gives_the_job_to_the_next_one_and_the_first_cannot_acknowledge_it() {
    let (store, machine, one) = in_memory();
    let other = one.clone().environment(machine.process(2));
    one.push(7).wait().unwrap();
    let first = take(&one).unwrap();
    machine.later(MINUTE - Duration::from_millis(1));
    assert!(take(&other).is_none());
    machine.later(Duration::from_millis(1));
    let second = take(&other).unwrap();
    assert_eq!((second.id(), second.tries()), (0, 2));
    for outcome in [
        first.ack(),
        first.retry(""),
        first.retry_after(MINUTE, ""),
        first.fail("slow"),
        first.extend(MINUTE),
    ] {
        assert!(!outcome.wait().unwrap());
    }
    assert_eq!(store.jobs().taken(), 1);
    assert!(second.ack().wait().unwrap());
    assert!(store.jobs().is_empty());
}

#[test]
fn who_is_slower_than_the_lease_but_alone_can_still_acknowledge() {
    let (store, machine, work) = in_memory();
    work.push(7).wait().unwrap();
    let taken = take(&work).unwrap();
    machine.later(HOUR);
    assert!(taken.ack().wait().unwrap());
    assert!(store.jobs().is_empty());
}

#[test]
fn an_extended_lease_begins_anew() {
    let (_store, machine, work) = in_memory();
    work.push(7).wait().unwrap();
    let taken = take(&work).unwrap();
    machine.later(MINUTE / 2);
    assert!(taken.extend(MINUTE).wait().unwrap());
    machine.later(MINUTE - Duration::from_millis(1));
    assert!(take(&work).is_none());
    machine.later(Duration::from_millis(1));
    assert!(take(&work).is_some());
}

#[test]
fn a_job_of_a_dead_process_is_given_out_at_once() {
    let (_store, machine, one) = in_memory();
    let other = one.clone().environment(machine.process(2));
    one.push(7).wait().unwrap();
    one.push(8).wait().unwrap();
    let _first = take(&one).unwrap();
    machine.kill(1);
    let second = take(&other).unwrap();
    assert_eq!((*second, second.tries()), (7, 2), "before those that wait");
}

#[test]
fn a_job_that_is_lost_too_often_becomes_a_dead_letter_that_says_why() {
    let (store, machine, work) = in_memory();
    let work = work.max_tries(2);
    work.push(7).wait().unwrap();
    work.push(8).wait().unwrap();
    let _first = take(&work).unwrap();
    machine.later(HOUR);
    assert_eq!(take(&work).unwrap().tries(), 2);
    machine.later(HOUR);
    assert_eq!(*take(&work).unwrap(), 8, "the next one is not held up");
    let jobs = store.jobs();
    let dead: Vec<_> = jobs.dead_letters().collect();
    assert_eq!((dead.len(), dead[0].id(), dead[0].tries()), (1, 0, 2));
    assert_eq!(
        dead[0].state(),
        JobState::Dead {
            why: "the lease of process 1 ran out in try 2 of 2"
        }
    );
    assert!(!work.revive(1).wait().unwrap(), "that one is not dead");
    assert!(!work.discard(1).wait().unwrap());
    assert!(work.revive(0).wait().unwrap());
    let again = take(&work).unwrap();
    assert_eq!((*again, again.tries()), (7, 1));
    assert!(again.fail("no such address").wait().unwrap());
    let jobs = store.jobs();
    let why = jobs.get(0).unwrap().state();
    assert_eq!(
        why,
        JobState::Dead {
            why: "no such address"
        }
    );
    assert!(work.discard(0).wait().unwrap());
    assert!(!work.discard(0).wait().unwrap());
    assert_eq!(store.jobs().dead(), 0);
}

#[test]
fn nothing_to_take_means_that_nothing_can_be_taken_however_many_jobs_are_lost_for_good() {
    let (store, machine, work) = in_memory();
    for job in 0..30 {
        work.push(job).wait().unwrap();
        let _ = take(&work).unwrap();
    }
    // Its first taker gives it back in order, so that it may be tried once more.
    let last = work.push(30).wait().unwrap();
    machine.later(HOUR);
    let work = work.max_tries(1);
    let taken = take(&work).expect("one that was never taken is there");
    assert_eq!((taken.id(), *taken), (last, 30));
    assert!(taken.ack().wait().unwrap());
    // Those that were tried often enough are put aside meanwhile, a few in each commit.
    while work.wait(MINUTE, Duration::ZERO).unwrap().is_some() {}
    for _ in 0..4 {
        assert!(take(&work).is_none());
    }
    assert_eq!((store.jobs().dead(), store.jobs().taken()), (30, 0));
}

#[test]
fn a_ninth_lost_job_is_given_out_behind_eight_that_were_tried_often_enough() {
    let (store, machine, work) = in_memory();
    for job in 0..9 {
        work.push(job).wait().unwrap();
    }
    let first: Vec<_> = (0..9).map(|_| take(&work).unwrap()).collect();
    for taken in &first[..8] {
        assert!(taken.retry("").wait().unwrap());
    }
    for _ in 0..8 {
        let _ = take(&work).unwrap();
    }
    machine.later(HOUR);
    let work = work.max_tries(2);
    assert_eq!(*take(&work).expect("it can be taken"), 8);
    assert_eq!(store.jobs().dead(), 8);
}

#[test]
fn a_job_that_was_tried_often_enough_is_not_taken_again_where_it_waits() {
    let (store, machine, work) = in_memory();
    for job in 0..2 {
        work.push(job).wait().unwrap();
    }
    for _ in 0..3 {
        assert!(take(&work).unwrap().retry("").wait().unwrap());
    }
    // The first one at once, the other one later.
    assert!(take(&work).unwrap().retry_after(MINUTE, "").wait().unwrap());
    assert!(take(&work).unwrap().retry("").wait().unwrap());
    machine.later(HOUR);
    let once = work.max_tries(1);
    assert!(take(&once).is_none());
    assert!(once.wait(MINUTE, Duration::ZERO).unwrap().is_none());
    let jobs = store.jobs();
    let why: Vec<_> = jobs.dead_letters().map(|job| job.state()).collect();
    let is = |why| JobState::Dead { why };
    assert_eq!(
        why,
        [
            is("it was to be tried again after try 4 of 1"),
            is("it was to be tried again after try 1 of 1"),
        ]
    );
}

#[test]
fn a_queue_that_takes_the_place_of_another_goes_on_with_its_numbers() {
    let dir = folder();
    let store = open(dir.path());
    let put = work(&store);
    for job in 0..3 {
        put.push(job).wait().unwrap();
    }
    store.set_jobs(WorkQueue::new()).wait().unwrap();
    assert_eq!(put.push(3).wait().unwrap(), 3);
    store
        .update(|state| state.jobs = WorkQueue::new())
        .wait()
        .unwrap();
    store
        .update_jobs(|jobs| *jobs = WorkQueue::new())
        .wait()
        .unwrap();
    drop((put, store));
    let store = open(dir.path());
    assert_eq!(work(&store).push(4).wait().unwrap(), 4);
}

#[test]
fn a_queue_that_is_reset_goes_on_with_its_numbers() {
    let dir = folder();
    let store = open(dir.path());
    let before = store.revision();
    store.reset_jobs().wait().unwrap();
    assert_eq!(store.revision(), before, "there was nothing to reset");
    let put = work(&store);
    for job in 0..3 {
        put.push(job).wait().unwrap();
    }
    store.reset_jobs().wait().unwrap();
    assert!(store.jobs().is_empty());
    assert_eq!(put.push(3).wait().unwrap(), 3);
    store.reset().wait().unwrap();
    assert!(store.jobs().is_empty());
    drop((put, store));
    let store = open(dir.path());
    assert!(store.jobs().is_empty());
    assert_eq!(work(&store).push(4).wait().unwrap(), 4);
}

#[test]
fn a_worker_that_panics_gives_its_job_back_at_once() {
    let (store, _machine, work) = in_memory();
    let work = work.max_tries(2);
    work.push(7).wait().unwrap();
    let panics = |work: Work<Jobs, u64>| {
        let worker = thread::spawn(move || {
            let _taken = work.take(HOUR).wait().unwrap().unwrap();
            panic!("on purpose");
        });
        worker.join().unwrap_err();
    };
    panics(work.clone());
    pollster::block_on(store.sync()).unwrap();
    assert_eq!((store.jobs().waiting(), store.jobs().taken()), (1, 0));
    panics(work.clone());
    pollster::block_on(store.sync()).unwrap();
    assert_eq!(store.jobs().dead(), 1, "it was tried twice");
    // A worker that is done with its job, and panics then, changes nothing.
    work.push(8).wait().unwrap();
    let worker = thread::spawn(move || {
        let taken = work.take(HOUR).wait().unwrap().unwrap();
        assert!(taken.ack().wait().unwrap());
        panic!("on purpose");
    });
    worker.join().unwrap_err();
    pollster::block_on(store.sync()).unwrap();
    assert_eq!(store.jobs().len(), 1);
}

#[test]
fn a_job_that_is_to_be_tried_again_waits_for_its_time_and_not_for_ever() {
    let (store, machine, work) = in_memory();
    let work = work.max_tries(3);
    work.push(7).wait().unwrap();
    work.push(8).wait().unwrap();
    assert!(take(&work).unwrap().retry("").wait().unwrap());
    let second = take(&work).unwrap();
    assert_eq!((*second, second.tries()), (7, 2));
    assert!(second.retry_after(MINUTE, "").wait().unwrap());
    assert!(!second.ack().wait().unwrap());
    assert_eq!(store.jobs().waiting(), 2);
    assert!(take(&work).unwrap().ack().wait().unwrap(), "the other one");
    assert!(take(&work).is_none());
    machine.later(MINUTE);
    let third = take(&work).unwrap();
    assert_eq!((*third, third.tries()), (7, 3));
    assert!(third.retry("").wait().unwrap());
    assert_eq!(
        store.jobs().get(0).unwrap().state(),
        JobState::Dead {
            why: "it was to be tried again after try 3 of 3"
        }
    );
}

#[test]
fn a_clock_that_jumps_loses_no_job() {
    let (store, machine, work) = in_memory();
    for job in 0..2 {
        work.push(job).wait().unwrap();
    }
    let slow = take(&work).unwrap();
    assert!(take(&work).unwrap().retry_after(MINUTE, "").wait().unwrap());
    // A little: both are waited for that much longer.
    machine.earlier(MINUTE);
    assert!(take(&work).is_none());
    // Ten years: nobody waits for those.
    machine.earlier(HOUR * 24 * 3650);
    let again = [take(&work).unwrap(), take(&work).unwrap()];
    assert_eq!([*again[0], *again[1]], [0, 1]);
    assert!(!slow.ack().wait().unwrap());
    // And forwards: leases run out, and of two takers one can acknowledge.
    machine.later(HOUR * 24 * 3650 * 2);
    let last = take(&work).unwrap();
    assert!(last.ack().wait().unwrap());
    assert!(!again[0].ack().wait().unwrap());
    assert!(again[1].ack().wait().unwrap());
    assert!(store.jobs().is_empty());
}

#[test]
fn a_lease_beyond_all_time_is_one() {
    let (_store, machine, work) = in_memory();
    work.push(7).wait().unwrap();
    let taken = work.take(Duration::MAX).wait().unwrap().unwrap();
    machine.later(HOUR * 24 * 365 * 100);
    assert!(take(&work).is_none());
    assert!(taken.retry_after(Duration::MAX, "").wait().unwrap());
    assert!(take(&work).is_none());
}

#[test]
fn a_job_and_its_outcome_are_one_commit() {
    let (store, machine, work) = in_memory();
    work.push(7).wait().unwrap();
    let slow = take(&work).unwrap();
    machine.later(HOUR);
    let fast = take(&work).unwrap();
    for taken in [&slow, &fast, &slow, &fast] {
        let (receipt, job) = (taken.receipt(), **taken);
        store
            .update(move |state| {
                if state.jobs.ack(receipt) {
                    *state.done.get_or_insert_with(job, || 0) += 1;
                }
            })
            .wait()
            .unwrap();
    }
    assert_eq!(store.done()[&7], 1);
    let undone = store
        .try_update(|state| {
            state.jobs.push(8);
            Err::<(), _>("no")
        })
        .wait()
        .unwrap();
    assert_eq!(undone, Err("no"));
    assert!(store.jobs().is_empty());
}

#[test]
fn the_file_says_what_becomes_of_each_job() {
    let folder = folder();
    let store = open(folder.path());
    let machine = Machine::new();
    let work = work(&store).environment(machine.process(4711));
    for job in [7, 8, 9] {
        work.push(job).wait().unwrap();
    }
    let mut taken = [
        take(&work).unwrap(),
        take(&work).unwrap(),
        take(&work).unwrap(),
    ];
    let log_of_take = log(folder.path());
    let mut entry = log_of_take.last().unwrap().0["jobs/2"].clone();
    let token = entry["taken"]["token"].take();
    assert_eq!(token.as_str().map(str::len), Some(16));
    assert_eq!(
        entry,
        json!({
            "job": 9,
            "tries": 1,
            "taken": {
                "pid": 4711, "started": 47110, "on": "here", "token": null,
                "until": "2001-09-09T01:47:40.000Z", "lease": 60000
            }
        })
    );
    taken[0]
        .retry_after(Duration::from_millis(1500), "")
        .wait()
        .unwrap();
    taken[1].fail("a \"reason\"").wait().unwrap();
    taken[2].ack().wait().unwrap();
    let commits = log(folder.path());
    assert_eq!(commits[0].0, json!({ "jobs": "work", "done": {} }));
    assert_eq!(commits[1].0, json!({ "jobs/0": { "job": 7, "tries": 0 } }));
    assert_eq!(
        commits[7].0,
        json!({ "jobs/0": {
            "job": 7, "tries": 1,
            "later": { "until": "2001-09-09T01:46:41.500Z", "delay": 1500 }
        } })
    );
    assert_eq!(
        commits[8].0,
        json!({ "jobs/1": {
            "job": 8, "tries": 1,
            "dead": "a \"reason\"", "died": "2001-09-09T01:46:40.000Z"
        } })
    );
    // The last number would be gone with the job.
    assert_eq!(commits[9], (json!({ "jobs/next": 3 }), json!(["jobs/2"])));
    taken.reverse();
    drop((taken, work, store));
    let store = open(folder.path());
    let jobs = store.jobs();
    assert_eq!((jobs.waiting(), jobs.taken(), jobs.dead()), (1, 0, 1));
    assert!(matches!(
        jobs.get(0).unwrap().state(),
        JobState::Later { .. }
    ));
}

/// A store with these entries, as a program without the struct would write them.
pub(crate) fn written(dir: &Path, entries: &[(&str, serde_json::Value)]) {
    let options = Options {
        is_debug: false,
        db_dir: PathBuf::from(dir),
    };
    let store = PersistentStore::<serde_json::Value>::new("jobs", options).unwrap();
    for (uid, json) in entries {
        store.write(*uid, json.clone()).wait().unwrap();
    }
}

#[test]
fn entries_of_this_version_stay_readable() {
    let dir = folder();
    let taken = json!({
        "job": 8, "tries": 3,
        "taken": {
            "pid": 1, "token": "00000000000000ff", "until": "2001-09-09T01:46:40.123Z",
            "lease": 30000, "unknown": 1
        }
    });
    let dead = json!({ "dead": "why", "tries": 5, "job": 9, "of a later version": [] });
    written(
        dir.path(),
        &[
            ("jobs", json!("work")),
            ("jobs/next", json!(40)),
            ("jobs/17", json!({ "job": 7, "tries": 0 })),
            ("jobs/18", taken),
            ("jobs/19", dead),
        ],
    );
    let store = open(dir.path());
    let jobs = store.jobs();
    assert_eq!((jobs.waiting(), jobs.taken(), jobs.dead()), (1, 1, 1));
    assert_eq!(jobs.get(18).unwrap().tries(), 3);
    assert_eq!(jobs.get(19).unwrap().state(), JobState::Dead { why: "why" });
    let work = work(&store);
    assert_eq!(*take(&work).unwrap(), 8, "its lease has run out long ago");
    assert_eq!(work.push(1).wait().unwrap(), 40);
}

#[test]
fn what_is_no_job_is_refused_with_its_uid() {
    for (key, json) in [
        ("3", json!("seven")),
        ("3", json!({ "job": 7, "tries": -1 })),
        ("3", json!({ "job": 7, "tries": 1, "taken": { "pid": 1 } })),
        (
            "3",
            json!({ "job": 7, "tries": 1, "later": { "until": "soon", "delay": 1 } }),
        ),
        ("-1", json!({ "job": 7, "tries": 1 })),
        ("9007199254740992", json!({ "job": 7, "tries": 1 })),
        ("first", json!({ "job": 7, "tries": 1 })),
        ("next", json!("many")),
        ("next", json!(9_007_199_254_740_993_u64)),
    ] {
        let dir = folder();
        let uid = format!("jobs/{key}");
        written(dir.path(), &[("jobs", json!("work")), (&uid, json.clone())]);
        let error = Jobs::builder().dir(dir.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{json}: {error}");
        assert_eq!(error.uid(), Some(&*uid), "{error}");
    }
}

#[test]
fn a_queue_whose_numbers_are_used_up_refuses_another_job() {
    let dir = folder();
    written(
        dir.path(),
        &[
            ("jobs", json!("work")),
            ("jobs/next", json!(9_007_199_254_740_991_u64)),
        ],
    );
    let store = open(dir.path());
    let work = work(&store);
    assert_eq!(work.push(1).wait().unwrap(), 9_007_199_254_740_991);
    let error = work.push(2).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    let taken = take(&work).unwrap();
    assert!(taken.ack().wait().unwrap());
    assert!(work.push(2).wait().is_err());
    drop((taken, work, store));
    assert!(open(dir.path()).jobs().is_empty());
}

#[test]
fn a_list_and_a_queue_become_a_work_queue_and_not_the_reverse() {
    #[derive(Store)]
    #[store(name = "jobs")]
    struct List {
        jobs: VecDeque<u64>,
    }
    #[derive(Store)]
    #[store(name = "jobs")]
    struct Plain {
        jobs: Queue<u64>,
    }
    let dir = folder();
    let list = List::builder().dir(dir.path()).open().unwrap();
    list.set_jobs([7, 8].into()).wait().unwrap();
    drop(list);
    let plain = Plain::builder().dir(dir.path()).open().unwrap();
    plain.update_jobs(|jobs| jobs.push_back(9)).wait().unwrap();
    drop(plain);
    let store = open(dir.path());
    // A second process, that reads what the first one writes.
    let other = Worker::start("take-one", dir.path(), &["3600000"]);
    let mut other = other;
    assert_eq!(other.line().unwrap(), "0 1");
    let work = work(&store);
    assert_eq!(work.push(10).wait().unwrap(), 3);
    let jobs: Vec<u64> = std::iter::from_fn(|| take(&work).map(|taken| *taken)).collect();
    assert_eq!(jobs, [8, 9, 10]);
    other.kill();
    drop((work, store));
    for error in [
        List::builder().dir(dir.path()).open().unwrap_err(),
        Plain::builder().dir(dir.path()).open().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
}

#[test]
fn a_queue_that_is_not_stored_is_an_error_that_says_so() {
    #[derive(Store)]
    struct Skipping {
        #[store(skip)]
        jobs: WorkQueue<u64>,
        other: WorkQueue<u64>,
    }
    let store = Skipping::builder().in_memory().open().unwrap();
    let work = store.work(|state| &state.jobs);
    let errors = [
        work.push(1).wait().unwrap_err(),
        work.wait(MINUTE, HOUR).unwrap_err(),
        pollster::block_on(work.next(MINUTE)).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidField);
        assert!(error.to_string().contains("not a stored field"), "{error}");
    }
    store.work(|state| &state.other).push(1).wait().unwrap();
    assert_eq!(store.other().len(), 1);
}

#[test]
fn a_job_of_a_process_that_was_killed_is_done_by_another_one() {
    let folder = folder();
    let store = open(folder.path());
    let work = work(&store);
    work.push(7).wait().unwrap();
    let mut worker = Worker::start("take-one", folder.path(), &["3600000"]);
    assert_eq!(worker.line().unwrap(), "0 1");
    assert!(take(&work).is_none(), "it lives");
    worker.kill();
    let taken = soon(|work| work.wait(MINUTE, Duration::MAX), &work);
    assert_eq!((*taken, taken.tries()), (7, 2));
    // And the same for a future.
    assert!(taken.ack().wait().unwrap());
    work.push(8).wait().unwrap();
    let mut worker = Worker::start("take-one", folder.path(), &["3600000"]);
    assert_eq!(worker.line().unwrap(), "1 1");
    let killer = thread::spawn(move || worker.kill());
    let taken = soon(
        |work| pollster::block_on(work.next(MINUTE)).map(Some),
        &work,
    );
    killer.join().unwrap();
    assert_eq!((*taken, taken.tries()), (8, 2));
}

#[test]
fn another_process_of_the_same_pid_does_not_keep_a_job() {
    let folder = folder();
    let store = open(folder.path());
    let work = work(&store);
    work.push(7).wait().unwrap();
    let _mine = take(&work).unwrap();
    let commits = log(folder.path());
    let taken = &commits.last().unwrap().0["jobs/0"]["taken"];
    let me = ProcessId {
        pid: std::process::id(),
        started: taken["started"].as_u64(),
        on: taken["on"].as_str().map(Into::into),
    };
    if !cfg!(target_os = "linux") {
        println!("skipped: the system does not tell when a process was started");
        return;
    }
    // As a process that had this pid a second ago, and one of another machine.
    let before = ProcessId {
        started: me.started.map(|started| started - 100),
        ..me.clone()
    };
    let elsewhere = ProcessId {
        on: Some("elsewhere".into()),
        ..before.clone()
    };
    struct Other(ProcessId);
    impl Environment for Other {
        fn now(&self) -> SystemTime {
            SystemTime::now()
        }
        fn me(&self) -> &ProcessId {
            &self.0
        }
        fn is_gone(&self, _: &ProcessId) -> bool {
            false
        }
    }
    let other = work.clone().environment(Arc::new(Other(elsewhere)));
    other.push(8).wait().unwrap();
    assert_eq!(*take(&other).unwrap(), 8);
    assert!(take(&work).is_none(), "nobody here can tell");
    let other = work.clone().environment(Arc::new(Other(before)));
    other.push(9).wait().unwrap();
    assert_eq!(*take(&other).unwrap(), 9);
    let again = take(&work).unwrap();
    assert_eq!((*again, again.tries()), (9, 2));
}

#[test]
fn a_taker_that_was_stopped_and_wakes_up_late_cannot_acknowledge() {
    let folder = folder();
    let store = open(folder.path());
    let work = work(&store);
    work.push(7).wait().unwrap();
    let mut worker = Worker::start("take-one", folder.path(), &["100"]);
    assert_eq!(worker.line().unwrap(), "0 1");
    worker.signal(Signal::STOP);
    let taken = soon(|work| work.wait(HOUR, Duration::MAX), &work);
    assert_eq!((*taken, taken.tries()), (7, 2));
    worker.signal(Signal::CONT);
    assert_eq!(worker.finish(), ["false"]);
    assert!(taken.ack().wait().unwrap());
}

/// Does this in a thread of its own; it must not take for ever.
pub(crate) fn soon(
    wait: impl FnOnce(&Work<Jobs, u64>) -> worsen::Result<Option<Taken<Jobs, u64>>> + Send + 'static,
    work: &Work<Jobs, u64>,
) -> Taken<Jobs, u64> {
    let (send, receive) = mpsc::channel();
    let work = work.clone();
    thread::spawn(move || send.send(wait(&work)));
    let taken = receive.recv_timeout(MINUTE).expect("a job comes");
    taken.unwrap().unwrap()
}

#[test]
fn who_waits_is_woken_by_a_push_of_another_process() {
    let folder = folder();
    let store = open(folder.path());
    let work = work(&store);
    for blocks in [true, false] {
        let waiter = work.clone();
        let waiter = thread::spawn(move || {
            soon(
                move |work| match blocks {
                    true => work.wait(HOUR, Duration::MAX),
                    false => pollster::block_on(work.next(HOUR)).map(Some),
                },
                &waiter,
            )
        });
        Worker::start("push-jobs", folder.path(), &["1"]).finish();
        let taken = waiter.join().unwrap();
        assert!(taken.ack().wait().unwrap());
    }
}

#[test]
fn who_waits_is_woken_by_the_end_of_a_lease() {
    let store = Jobs::builder().in_memory().open().unwrap();
    let work = work(&store);
    work.push(7).wait().unwrap();
    let short = Duration::from_millis(30);
    let _lost = work.take(short).wait().unwrap().unwrap();
    let second = soon(move |work| work.wait(short, Duration::MAX), &work);
    assert_eq!(second.tries(), 2);
    let third = soon(|work| pollster::block_on(work.next(HOUR)).map(Some), &work);
    assert_eq!(third.tries(), 3);
    assert!(third.retry_after(short, "").wait().unwrap());
    let fourth = soon(|work| pollster::block_on(work.next(HOUR)).map(Some), &work);
    assert_eq!(fourth.tries(), 4);
    assert!(fourth.ack().wait().unwrap());
}

#[test]
fn a_future_that_is_dropped_keeps_no_job() {
    let store = Jobs::builder().in_memory().open().unwrap();
    let work = work(&store);
    for polls in 0..6 {
        work.push(7).wait().unwrap();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut next = Box::pin(work.next(HOUR));
        let mut taken = None;
        for _ in 0..polls {
            match next.as_mut().poll(&mut context) {
                std::task::Poll::Ready(job) => {
                    taken = Some(job.unwrap());
                    break;
                }
                std::task::Poll::Pending => thread::sleep(Duration::from_millis(polls)),
            }
        }
        drop(next);
        if let Some(taken) = taken {
            assert!(taken.ack().wait().unwrap());
            continue;
        }
        // What was given back comes first.
        let taken = work.take(HOUR).wait().unwrap().unwrap();
        assert_eq!(taken.tries(), 1, "after {polls} polls");
        assert!(taken.ack().wait().unwrap());
    }
    assert!(store.jobs().is_empty());
}

#[test]
fn tasks_of_a_runtime_share_the_work() {
    let store = Jobs::builder().in_memory().open().unwrap();
    let work = work(&store);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let work = work.clone();
            runtime.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let taken = work.next(HOUR).await.unwrap();
                    assert!(taken.ack().await.unwrap());
                    if *taken == u64::MAX {
                        return done;
                    }
                    done.push(*taken);
                }
            })
        })
        .collect();
    for job in (0..100).chain([u64::MAX; 4]) {
        work.push(job).wait().unwrap();
    }
    let mut done: Vec<u64> = tasks
        .into_iter()
        .flat_map(|task| runtime.block_on(task).unwrap())
        .collect();
    done.sort_unstable();
    assert!(done.into_iter().eq(0..100));
}

#[test]
fn processes_of_threads_take_each_job_once_when_nobody_dies() {
    let folder = folder();
    let store = open(folder.path());
    let work = work(&store);
    let count = 120 * scale();
    store
        .update_jobs(move |jobs| jobs.extend(0..count))
        .wait()
        .unwrap();
    let workers: Vec<_> = (0..3)
        .map(|_| Worker::start("work-off", folder.path(), &["3"]))
        .collect();
    let mut lines: Vec<String> = workers.into_iter().flat_map(Worker::finish).collect();
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..count)
        .map(|job| format!("{job} {job} 1 true"))
        .collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert!(store.jobs().is_empty());
    assert!(take(&work).is_none());
}

#[test]
fn workers_that_are_killed_lose_no_job() {
    let folder = folder();
    let store = open(folder.path());
    let count = 40 * scale();
    store
        .update_jobs(move |jobs| jobs.extend(0..count))
        .wait()
        .unwrap();
    let mut random = Random::seeded("workers_that_are_killed_lose_no_job");
    let start = || Worker::start("take-one", folder.path(), &["3600000"]);
    let mut workers: Vec<Worker> = (0..4).map(|_| start()).collect();
    let work = work(&store).max_tries(u32::MAX);
    let (mut kills, mut twice) = (0, 0);
    // As long as each of the five that may be about to take a job finds one.
    while store.jobs().waiting() > 5 {
        let which = random.below(4) as usize;
        let mut worker = std::mem::replace(&mut workers[which], start());
        let line = worker.line().expect("it takes a job");
        if random.below(3) == 0 {
            worker.kill();
            kills += 1;
        } else {
            twice += u64::from(!line.ends_with(" 1"));
            assert_eq!(worker.finish(), ["true"]);
        }
    }
    drop(workers);
    while let Some(taken) = work.wait(HOUR, Duration::from_secs(3)).unwrap() {
        twice += u64::from(taken.tries() > 1);
        assert!(taken.ack().wait().unwrap());
    }
    let jobs = store.jobs();
    assert!(jobs.is_empty(), "{jobs:?}");
    println!("work queue: {count} jobs, {kills} workers killed, {twice} jobs begun twice");
}

/// One thing done to a queue by two processes; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Take {
        who: usize,
        lease: u64,
    },
    Ack(usize),
    Retry(usize),
    RetryAfter(usize, u64),
    Fail(usize),
    Extend(usize, u64),
    Later(u64),
    /// The clock is set back, by more than is waited for or by less.
    Back(u64),
    /// It is set forward.
    Forward(u64),
    /// The process dies, and another one comes in its place.
    Die(usize),
    Revive(u64),
    Discard(u64),
    Remove(u64),
    Clear,
    Undone,
    Reopen(usize),
    Compact,
}

const MAX_TRIES: u32 = 3;

/// What a job is in the reference.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Waiting,
    Later(Times),
    /// By which take, of which process.
    Taken(usize, u32, Times),
    Dead,
}

/// Begin and end.
#[derive(Debug, Clone, PartialEq)]
struct Times {
    by_wall: (u64, u64),
    /// Where the first process began it, which counts.
    by_uptime: Option<(u64, u64)>,
}

#[derive(Debug, Clone)]
struct Reference {
    jobs: BTreeMap<u64, (u64, u32, Fate)>,
    next: u64,
    now: u64,
    uptime: u64,
    dead: BTreeSet<u32>,
}

impl Reference {
    fn times(&self, who: usize, length: u64) -> Times {
        Times {
            by_wall: (self.now, self.now + length),
            by_uptime: (who == 0).then_some((self.uptime, self.uptime + length)),
        }
    }

    fn is_over(&self, times: &Times, who: usize) -> bool {
        match times.by_uptime {
            Some((_, end)) if who == 0 => end <= self.uptime,
            _ => {
                let (begin, end) = times.by_wall;
                end <= self.now || begin > self.now + 3_600_000
            }
        }
    }

    /// As this process sees it.
    fn is_lost(&self, fate: &Fate, who: usize) -> bool {
        match fate {
            Fate::Taken(_, pid, times) => self.dead.contains(pid) || self.is_over(times, who),
            _ => false,
        }
    }

    /// Those that fit.
    fn ids(&self, fits: impl Fn(u32, &Fate) -> bool) -> BTreeSet<u64> {
        let jobs = self.jobs.iter();
        jobs.filter(|(_, (_, tries, fate))| fits(*tries, fate))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Which jobs a take may give. Lost jobs come first.
    fn allowed(&self, who: usize) -> BTreeSet<u64> {
        let lost = self.ids(|tries, fate| tries < MAX_TRIES && self.is_lost(fate, who));
        let due = self.ids(|_, fate| match fate {
            Fate::Later(times) => self.is_over(times, who),
            _ => false,
        });
        let first = self.ids(|_, fate| *fate == Fate::Waiting).first().copied();
        if !lost.is_empty() {
            lost
        } else if !due.is_empty() {
            due
        } else {
            first.into_iter().collect()
        }
    }

    /// The job of this take, if it still is.
    fn held(&mut self, take: usize) -> Option<(u64, &mut (u64, u32, Fate))> {
        let mut jobs = self.jobs.iter_mut();
        jobs.find(|(_, (_, _, fate))| matches!(fate, Fate::Taken(by, ..) if *by == take))
            .map(|(id, job)| (*id, job))
    }

    fn retry(&mut self, take: usize, fate: Fate) -> bool {
        let Some((_, (_, tries, of_job))) = self.held(take) else {
            return false;
        };
        *of_job = if *tries >= MAX_TRIES {
            Fate::Dead
        } else {
            fate
        };
        true
    }
}

fn seen(queue: &WorkQueue<u64>) -> Vec<(u64, u64, u32, &'static str)> {
    queue
        .iter()
        .map(|job| {
            let state = match job.state() {
                JobState::Waiting => "waiting",
                JobState::Later { .. } => "later",
                JobState::Taken { .. } => "taken",
                _ => "dead",
            };
            (job.id(), *job, job.tries(), state)
        })
        .collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let held = || 0..8_usize;
    let id = || 0..12_u64;
    // Milliseconds; an hour and more is rare.
    let time = || prop_oneof![4 => 1..60_000_u64, 1 => Just(4_000_000)];
    let step = prop_oneof![
        6 => any::<u8>().prop_map(Step::Push),
        9 => (0..2_usize, time()).prop_map(|(who, lease)| Step::Take { who, lease }),
        4 => held().prop_map(Step::Ack),
        2 => held().prop_map(Step::Retry),
        2 => (held(), time()).prop_map(|(held, delay)| Step::RetryAfter(held, delay)),
        1 => held().prop_map(Step::Fail),
        1 => (held(), time()).prop_map(|(held, lease)| Step::Extend(held, lease)),
        4 => time().prop_map(Step::Later),
        1 => prop_oneof![Just(10_800_000), time()].prop_map(Step::Back),
        1 => prop_oneof![Just(10_800_000), time()].prop_map(Step::Forward),
        2 => (0..2_usize).prop_map(Step::Die),
        1 => id().prop_map(Step::Revive),
        1 => id().prop_map(Step::Discard),
        1 => id().prop_map(Step::Remove),
        1 => Just(Step::Clear),
        1 => Just(Step::Undone),
        1 => (0..2_usize).prop_map(Step::Reopen),
        1 => Just(Step::Compact),
    ];
    prop::collection::vec(step, 1..50)
}

#[test]
fn a_work_queue_agrees_with_a_plain_list() {
    let name = "a_work_queue_agrees_with_a_plain_list";
    sequences(name, 3_000, &steps(), |steps| agree(&steps));
}

/// Two processes on a simulated disk, with a clock and deaths as told.
fn agree(steps: &[Step]) -> Result<(), TestCaseError> {
    let disk = SimulatedDisk::new();
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let machine = Machine::new();
    let fails = |error: worsen::Error| TestCaseError::fail(error.to_string());
    let open = |who: usize, pid: u32| {
        let store = Jobs::builder()
            .dir("/db")
            .on(&disk.new_process())
            .compact_above(compact_above.clone())
            .open()
            .map_err(fails)?;
        let environment = match who {
            0 => machine.counting("here", pid),
            _ => machine.process_on("there", pid, false),
        };
        let work = work(&store).max_tries(MAX_TRIES).environment(environment);
        Ok::<_, TestCaseError>((store, work, pid))
    };
    let mut pids = 3..;
    let mut stores = [open(0, 1)?, open(1, 2)?];
    compact_above.store(u64::MAX, Relaxed);
    let mut takes: Vec<Taken<Jobs, u64>> = Vec::new();
    // By whom.
    let mut takers: Vec<usize> = Vec::new();
    let mut plain = Reference {
        jobs: BTreeMap::new(),
        next: 0,
        now: machine.now.load(Relaxed),
        uptime: machine.uptime.load(Relaxed),
        dead: BTreeSet::new(),
    };
    for step in steps {
        // The newest takes first: older ones have often lost their job.
        let which = |held: usize| takes.len().checked_sub(1 + held);
        let work = &stores[0].1;
        match step.clone() {
            Step::Push(job) => {
                let id = work.push(u64::from(job)).wait().map_err(fails)?;
                prop_assert_eq!(id, plain.next);
                plain.next += 1;
                plain.jobs.insert(id, (u64::from(job), 0, Fate::Waiting));
            }
            Step::Take { who, lease } => {
                let (store, work, pid) = &stores[who];
                let allowed = plain.allowed(who);
                let lease_time = Duration::from_millis(lease);
                let taken = work.take(lease_time).wait().map_err(fails)?;
                // What was lost too often may be buried on the way; all of it where nothing else was.
                let queue = store.jobs();
                let lost = plain.ids(|tries, fate| tries >= MAX_TRIES && plain.is_lost(fate, who));
                for id in &lost {
                    let is_dead = queue
                        .get(*id)
                        .is_some_and(|job| matches!(job.state(), JobState::Dead { .. }));
                    if is_dead {
                        plain.jobs.get_mut(id).unwrap().2 = Fate::Dead;
                    }
                }
                let given = taken.as_ref().map(Taken::id);
                match given {
                    None => prop_assert!(allowed.is_empty(), "{allowed:?} were there"),
                    Some(id) => {
                        prop_assert!(allowed.contains(&id), "{id} is not of {allowed:?}");
                        let times = plain.times(who, lease);
                        takers.push(who);
                        let job = plain.jobs.get_mut(&id).unwrap();
                        job.1 += 1;
                        job.2 = Fate::Taken(takes.len(), *pid, times);
                    }
                }
                takes.extend(taken);
            }
            Step::Ack(held) => {
                let Some(take) = which(held) else { continue };
                let id = plain.held(take).map(|(id, _)| id);
                let done = takes[take].ack().wait().map_err(fails)?;
                prop_assert_eq!(done, id.is_some());
                id.map(|id| plain.jobs.remove(&id));
            }
            Step::Retry(held) => {
                let Some(take) = which(held) else { continue };
                let done = takes[take].retry("").wait().map_err(fails)?;
                prop_assert_eq!(done, plain.retry(take, Fate::Waiting));
            }
            Step::RetryAfter(held, delay) => {
                let Some(take) = which(held) else { continue };
                let time = Duration::from_millis(delay);
                let done = takes[take].retry_after(time, "").wait().map_err(fails)?;
                let later = Fate::Later(plain.times(takers[take], delay));
                prop_assert_eq!(done, plain.retry(take, later));
            }
            Step::Fail(held) => {
                let Some(take) = which(held) else { continue };
                let done = takes[take].fail("no").wait().map_err(fails)?;
                let job = plain.held(take);
                prop_assert_eq!(done, job.is_some());
                if let Some((_, job)) = job {
                    job.2 = Fate::Dead;
                }
            }
            Step::Extend(held, lease) => {
                let Some(take) = which(held) else { continue };
                let time = Duration::from_millis(lease);
                let done = takes[take].extend(time).wait().map_err(fails)?;
                let again = plain.times(takers[take], lease);
                let job = plain.held(take);
                prop_assert_eq!(done, job.is_some());
                if let Some((_, (_, _, Fate::Taken(_, _, times)))) = job {
                    *times = again;
                }
            }
            Step::Later(by) => {
                machine.later(Duration::from_millis(by));
                plain.now += by;
                plain.uptime += by;
            }
            Step::Back(by) => {
                machine.earlier(Duration::from_millis(by));
                plain.now -= by;
            }
            Step::Forward(by) => {
                machine.set_later(Duration::from_millis(by));
                plain.now += by;
            }
            Step::Die(who) => {
                machine.kill(stores[who].2);
                plain.dead.insert(stores[who].2);
                stores[who] = open(who, pids.next().unwrap_or(u32::MAX))?;
            }
            Step::Revive(id) => {
                let done = work.revive(id).wait().map_err(fails)?;
                let job = plain.jobs.get_mut(&id).filter(|job| job.2 == Fate::Dead);
                prop_assert_eq!(done, job.is_some());
                if let Some(job) = job {
                    (job.1, job.2) = (0, Fate::Waiting);
                }
            }
            Step::Discard(id) => {
                let done = work.discard(id).wait().map_err(fails)?;
                let is_dead = plain.jobs.get(&id).is_some_and(|job| job.2 == Fate::Dead);
                prop_assert_eq!(done, is_dead);
                if is_dead {
                    plain.jobs.remove(&id);
                }
            }
            Step::Remove(id) => {
                let done = stores[1].0.update_jobs(move |jobs| jobs.remove(id));
                let done = done.wait().map_err(fails)?;
                prop_assert_eq!(done, plain.jobs.remove(&id).is_some());
            }
            Step::Clear => {
                let clear = stores[1].0.update_jobs(WorkQueue::clear);
                clear.wait().map_err(fails)?;
                plain.jobs.clear();
            }
            Step::Undone => {
                let undone = stores[1].0.try_update(|state| {
                    state.jobs.push(1);
                    state.jobs.remove(0);
                    state.jobs.clear();
                    Err::<(), ()>(())
                });
                prop_assert!(undone.wait().map_err(fails)?.is_err());
            }
            Step::Reopen(who) => stores[who] = open(who, stores[who].2)?,
            Step::Compact => {
                compact_above.store(0, Relaxed);
                // By the next write, which changes another field.
                let touch = stores[0].0.update_done(|done| {
                    *done.get_or_insert_with(0, || 0) += 1;
                });
                touch.wait().map_err(fails)?;
                compact_above.store(u64::MAX, Relaxed);
            }
        }
        let expected: Vec<_> = plain
            .jobs
            .iter()
            .map(|(id, (job, tries, fate))| {
                let state = match fate {
                    Fate::Waiting => "waiting",
                    Fate::Later(..) => "later",
                    Fate::Taken(..) => "taken",
                    Fate::Dead => "dead",
                };
                (*id, *job, *tries, state)
            })
            .collect();
        for (store, ..) in &stores {
            let queue = store.jobs();
            prop_assert_eq!(&seen(&queue), &expected, "after {:?}", step);
            let count = |state| expected.iter().filter(|job| job.3 == state).count();
            prop_assert_eq!(queue.waiting(), count("waiting") + count("later"));
            prop_assert_eq!(queue.taken(), count("taken"));
            prop_assert_eq!(queue.dead(), count("dead"));
            prop_assert_eq!(queue.dead_letters().count(), count("dead"));
        }
    }
    drop((stores, takes));
    let (store, work, _) = open(1, u32::MAX - 1)?;
    prop_assert_eq!(store.jobs().len(), plain.jobs.len());
    prop_assert_eq!(work.push(1).wait().map_err(fails)?, plain.next);
    Ok(())
}

/// Counts how often it is asked for the time: at every look.
struct Counting(Arc<Process>, AtomicU64);

impl Environment for Counting {
    fn now(&self) -> SystemTime {
        self.1.fetch_add(1, Relaxed);
        self.0.now()
    }

    fn me(&self) -> &ProcessId {
        self.0.me()
    }

    fn is_gone(&self, taker: &ProcessId) -> bool {
        self.0.is_gone(taker)
    }
}

#[test]
fn who_waits_sleeps_where_the_lock_file_was_replaced_by_one_that_cannot_be_shared() {
    let folder = folder();
    let store = open(folder.path());
    let options = Options {
        db_dir: folder.path().into(),
        ..Options::default()
    };
    // Another type on the same file is as good as another process.
    let other = PersistentStore::<serde_json::Value>::new("jobs", options).unwrap();
    let lock = folder.path().join("jobs.lock");
    fs::remove_file(&lock).unwrap();
    // It says in the old page that this is not in use any more.
    other.write("other", true.into()).wait().unwrap();
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "not a page of ours").unwrap();
    let counting = Arc::new(Counting(Machine::new().process(1), AtomicU64::new(0)));
    let work = work(&store).environment(counting.clone());
    let taken = work.wait(MINUTE, Duration::from_millis(200)).unwrap();
    assert!(taken.is_none());
    let looks = counting.1.load(Relaxed);
    assert!(looks < 100, "it looked {looks} times");
}

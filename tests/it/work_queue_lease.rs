//! Leases that extend themselves while their taker holds the job, and no longer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, SystemTime},
};

use rustix::process::Signal;
use worsen::{
    Store, Taken, Work,
    collections::JobState,
    testing::internals::{Environment, ProcessId},
};
use worsen_tests::{Jobs, JobsStore};

use crate::{
    support::{Worker, folder},
    work_queue::{in_memory, soon, take},
};

const LEASE: Duration = Duration::from_millis(30);
const HOUR: Duration = Duration::from_secs(3600);

fn take_briefly(work: &Work<Jobs, u64>) -> Taken<Jobs, u64> {
    work.take(LEASE).wait().unwrap().expect("one waits")
}

fn end_of_lease(store: &JobsStore) -> SystemTime {
    match store.jobs().get(0).map(|job| job.state()) {
        Some(JobState::Taken { until, .. }) => until,
        other => panic!("it is not taken: {other:?}"),
    }
}

#[test]
fn a_lease_extends_itself_while_the_job_is_held() {
    let (store, machine, work) = in_memory();
    let work = work.auto_extend(Duration::MAX);
    let other = work.clone().environment(machine.process(2));
    work.push(7).wait().unwrap();
    let taken = take_briefly(&work);
    let mut now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_000);
    let later = |by: Duration, now: &mut SystemTime| {
        machine.later(by);
        *now += by;
    };
    for _ in 0..5 {
        let mut watch = store.watch_jobs();
        later(LEASE * 2 / 3, &mut now);
        // The clock stands until it is extended.
        while end_of_lease(&store) != now + LEASE {
            let told = watch.wait(Duration::from_secs(60));
            assert!(told.is_some(), "nobody extends it");
        }
        later(LEASE - Duration::from_millis(1), &mut now);
        assert!(take(&other).is_none());
    }
    assert!(taken.ack().wait().unwrap());
}

/// A clock that goes on whenever it is looked at: so each extension is another one.
struct Ticking(ProcessId, AtomicU64);

impl Environment for Ticking {
    fn now(&self) -> SystemTime {
        let ticks = self.1.fetch_add(1, Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_000 + ticks)
    }

    fn me(&self) -> &ProcessId {
        &self.0
    }

    fn is_gone(&self, _: &ProcessId) -> bool {
        false
    }
}

fn ticking(store: &JobsStore) -> Work<Jobs, u64> {
    let me = ProcessId {
        pid: 1,
        started: None,
        on: None,
    };
    let clock = Ticking(me, AtomicU64::new(0));
    let work = store.work(|state| &state.jobs);
    work.environment(Arc::new(clock))
}

#[test]
fn a_lease_that_nobody_holds_any_more_is_left_to_end() {
    let store = Jobs::builder().in_memory().open().unwrap();
    let work = ticking(&store).auto_extend(Duration::MAX);
    work.push(7).wait().unwrap();
    let taken = take_briefly(&work);
    let before = end_of_lease(&store);
    let mut watch = store.watch_jobs();
    while end_of_lease(&store) == before {
        let told = watch.wait(Duration::from_secs(60));
        assert!(told.is_some(), "nobody extends it");
    }
    drop(taken);
    // One that is under way may still be written.
    pollster::block_on(store.sync()).unwrap();
    let after = store.revision();
    thread::sleep(LEASE * 5);
    assert_eq!(store.revision(), after, "it is extended for nobody");
}

#[test]
fn a_job_that_is_dropped_goes_to_another_taker() {
    let (store, machine, work) = in_memory();
    let work = work.auto_extend(Duration::MAX);
    work.push(7).wait().unwrap();
    drop(take_briefly(&work));
    pollster::block_on(store.sync()).unwrap();
    machine.later(LEASE);
    assert_eq!(take_briefly(&work).tries(), 2);
}

#[test]
fn a_lease_extends_itself_no_longer_than_it_may() {
    let (_store, machine, work) = in_memory();
    let work = work.auto_extend(Duration::ZERO);
    work.push(7).wait().unwrap();
    let slow = take_briefly(&work);
    machine.later(LEASE);
    let next = take_briefly(&work);
    assert!(!slow.ack().wait().unwrap());
    assert!(next.ack().wait().unwrap());
}

#[test]
fn a_job_that_is_lost_is_not_taken_back_by_its_lease() {
    let (store, machine, work) = in_memory();
    let other = work.clone().environment(machine.process(2));
    let work = work.auto_extend(Duration::MAX);
    work.push(7).wait().unwrap();
    let slow = take_briefly(&work);
    let next = loop {
        // It may be extended in between.
        machine.later(HOUR);
        if let Some(next) = other.take(HOUR).wait().unwrap() {
            break next;
        }
    };
    let until = end_of_lease(&store);
    thread::sleep(LEASE);
    assert_eq!(end_of_lease(&store), until);
    assert!(!slow.ack().wait().unwrap());
    assert!(next.ack().wait().unwrap());
}

#[test]
fn a_worker_that_panics_gives_its_job_back_whose_lease_extends_itself() {
    let (store, _machine, work) = in_memory();
    let work = work.auto_extend(Duration::MAX);
    work.push(7).wait().unwrap();
    let worker = work.clone();
    let worker = thread::spawn(move || {
        let _taken = take_briefly(&worker);
        panic!("on purpose");
    });
    worker.join().unwrap_err();
    pollster::block_on(store.sync()).unwrap();
    let jobs = store.jobs();
    assert_eq!((jobs.waiting(), jobs.taken()), (1, 0));
    let job = jobs.get(0).unwrap();
    let why: Vec<_> = job.failures().map(|failure| failure.why).collect();
    assert_eq!(why, ["its taker panicked"]);
}

#[test]
fn leases_of_no_time_and_of_all_time_extend_themselves() {
    let (_store, _machine, work) = in_memory();
    let work = work.auto_extend(Duration::MAX);
    for lease in [Duration::ZERO, Duration::MAX, Duration::from_nanos(1)] {
        work.push(7).wait().unwrap();
        let taken = work.take(lease).wait().unwrap().unwrap();
        thread::sleep(Duration::from_millis(5));
        assert!(taken.ack().wait().unwrap());
    }
}

#[test]
fn a_process_that_is_stopped_loses_the_job_whose_lease_it_extended() {
    let folder = folder();
    let store = Jobs::builder().dir(folder.path()).open().unwrap();
    let work = store.work(|state| &state.jobs);
    work.push(7).wait().unwrap();
    let mut worker = Worker::start("hold-one", folder.path(), &["200"]);
    assert_eq!(worker.line().unwrap(), "0 1");
    worker.signal(Signal::STOP);
    let taken = soon(|work| work.wait(HOUR, Duration::MAX), &work);
    assert_eq!((*taken, taken.tries()), (7, 2));
    worker.signal(Signal::CONT);
    assert_eq!(worker.finish(), ["false"]);
    assert!(taken.ack().wait().unwrap());
}

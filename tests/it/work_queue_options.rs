//! What can be said where a job is pushed, given back and looked at: times, priorities, keys, tries, reasons.

use std::time::{Duration, SystemTime};

use worsen::{
    Store, Taken, Work, WorkQueue,
    collections::{Backoff, JobOptions, JobState, Pushed},
};
use worsen_tests::{Jobs, JobsStore};

use crate::{
    support::folder,
    work_queue::{Machine, in_memory, take},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// When the clock of a [`Machine`] begins.
fn begin() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_000)
}

fn options() -> JobOptions {
    JobOptions::new()
}

fn push(work: &Work<Jobs, u64>, job: u64, options: JobOptions) -> Pushed {
    work.push_with(job, options).wait().unwrap()
}

/// Takes all that can be taken now.
fn rest(work: &Work<Jobs, u64>) -> Vec<u64> {
    std::iter::from_fn(|| take(work).map(|taken| *taken)).collect()
}

/// Does all that can be done now.
fn done(work: &Work<Jobs, u64>) -> Vec<u64> {
    let done = std::iter::from_fn(|| take(work)).map(|taken| {
        assert!(taken.ack().wait().unwrap());
        *taken
    });
    done.collect()
}

fn only_dead(store: &JobsStore) -> Vec<(u32, Option<SystemTime>, String)> {
    let jobs = store.jobs();
    let dead = jobs.dead_letters().next().expect("one is dead");
    let failures = dead.failures();
    failures
        .map(|failure| (failure.tries, failure.at, failure.why.to_owned()))
        .collect()
}

#[test]
fn a_job_that_is_pushed_for_later_is_taken_when_its_time_has_come() {
    let (store, machine, work) = in_memory();
    let counting = work.clone().environment(machine.counting("here", 2));
    push(&counting, 1, options().delay(MINUTE));
    push(&work, 2, options().at(begin() + MINUTE * 2));
    push(&work, 3, options().at(begin() - MINUTE));
    push(&work, 4, options().delay(Duration::ZERO));
    let jobs = store.jobs();
    assert_eq!((jobs.waiting(), jobs.later()), (4, 2));
    let until = JobState::Later {
        until: begin() + MINUTE * 2,
    };
    assert_eq!(jobs.get(1).unwrap().state(), until);
    assert_eq!(done(&work), [3, 4]);
    machine.later(MINUTE - Duration::from_millis(1));
    assert_eq!((done(&work), done(&counting)), (vec![], vec![]));
    machine.later(Duration::from_millis(1));
    assert_eq!(done(&counting), [1]);
    // A time is one of the wall clock, wherever that is set to. A delay is not.
    machine.earlier(HOUR * 24 * 3650);
    assert!(done(&counting).is_empty());
    machine.set_later(HOUR * 24 * 3650 + MINUTE);
    let due = work.wait(HOUR, Duration::ZERO).unwrap().unwrap();
    assert_eq!(*due, 2);
}

#[test]
fn a_time_beyond_all_calendars_is_one() {
    let (store, machine, work) = in_memory();
    push(&work, 1, options().delay(Duration::MAX));
    let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 60));
    push(&work, 2, options().at(far.unwrap()));
    push(&work, 3, options().at(SystemTime::UNIX_EPOCH));
    assert_eq!(rest(&work), [3]);
    machine.later(HOUR * 24 * 365 * 100);
    assert!(take(&work).is_some(), "the lease of the third has run out");
    assert_eq!(store.jobs().later(), 2);
}

#[test]
fn a_job_of_a_higher_priority_comes_first_and_those_of_one_in_their_order() {
    let (store, machine, work) = in_memory();
    for (job, priority) in [
        (1, 0),
        (2, -1),
        (3, 7),
        (4, 0),
        (5, 7),
        (6, i32::MIN),
        (7, i32::MAX),
    ] {
        push(&work, job, options().priority(priority));
    }
    work.push(8).wait().unwrap();
    assert_eq!(store.jobs().get(2).unwrap().priority(), 7);
    assert_eq!(work.peek(|job| *job), Some(7));
    assert_eq!(rest(&work), [7, 3, 5, 1, 4, 8, 2, 6]);
    // What was lost comes first among those of its own priority.
    machine.later(HOUR);
    push(&work, 9, options().priority(7));
    push(&work, 10, options().priority(7).delay(SECOND));
    push(&work, 11, options().priority(8));
    machine.later(SECOND);
    let first: Vec<u64> = (0..4).map(|_| *take(&work).unwrap()).collect();
    assert_eq!(first[..2], [7, 11]);
    let mut lost = first[2..].to_vec();
    lost.sort_unstable();
    assert_eq!(lost, [3, 5]);
    assert_eq!(*take(&work).unwrap(), 10, "its time has come");
    assert_eq!(*take(&work).unwrap(), 9);
    assert_eq!(store.jobs().taken() + store.jobs().waiting(), 11);
}

#[test]
fn a_second_push_under_a_key_is_told_and_changes_nothing() {
    let (store, machine, work) = in_memory();
    let key = || options().unique("report");
    assert_eq!(push(&work, 1, key().delay(MINUTE)), Pushed::New(0));
    let before = store.revision();
    // While it waits for its time, waits, and is taken, also past its lease.
    assert_eq!(push(&work, 2, key()), Pushed::Held(0));
    machine.later(MINUTE);
    assert_eq!(push(&work, 2, key().priority(9)), Pushed::Held(0));
    assert_eq!(store.revision(), before);
    assert_eq!(store.jobs().get(0).unwrap().unique(), Some("report"));
    let taken = take(&work).unwrap();
    machine.later(HOUR);
    assert_eq!(push(&work, 2, key()), Pushed::Held(0));
    assert_eq!(push(&work, 3, options().unique("reports")), Pushed::New(1));
    // In one closure, too.
    let both = store.update_jobs(|jobs| {
        let one = jobs.push_with(4, JobOptions::new().unique("both"));
        (one, jobs.push_with(5, JobOptions::new().unique("both")))
    });
    assert_eq!(both.wait().unwrap(), (Pushed::New(2), Pushed::Held(2)));
    assert!(taken.ack().wait().unwrap());
    assert_eq!(push(&work, 2, key()), Pushed::New(3));
    store.update_jobs(|jobs| jobs.remove(3)).wait().unwrap();
    assert_eq!(push(&work, 2, key()), Pushed::New(4));
    store.update_jobs(WorkQueue::clear).wait().unwrap();
    assert_eq!(push(&work, 2, key()), Pushed::New(5));
}

#[test]
fn a_dead_letter_gives_its_key_away_and_is_not_revived_beside_the_next_job_of_it() {
    let (store, _machine, work) = in_memory();
    let key = || options().unique("report");
    push(&work, 1, key());
    assert!(take(&work).unwrap().fail("no").wait().unwrap());
    assert_eq!(push(&work, 2, key()), Pushed::New(1));
    assert!(!work.revive(0).wait().unwrap());
    let second = take(&work).unwrap();
    assert!(second.fail("no").wait().unwrap());
    // Of two dead letters one lives again.
    assert_eq!(work.revive_all().wait().unwrap(), 1);
    assert_eq!(push(&work, 3, key()), Pushed::Held(0));
    assert!(!work.revive(1).wait().unwrap());
    assert!(take(&work).unwrap().ack().wait().unwrap());
    assert!(work.revive(1).wait().unwrap());
    assert_eq!(push(&work, 3, key()), Pushed::Held(1));
    assert_eq!(store.jobs().len(), 1);
}

#[test]
fn a_key_is_held_across_openings_and_processes() {
    let folder = folder();
    let open = || Jobs::builder().dir(folder.path()).open().unwrap();
    let store = open();
    let work = store.work(|state| &state.jobs);
    push(&work, 1, options().unique("report"));
    let _taken = take(&work).unwrap();
    drop((work, store, _taken));
    let store = open();
    let work = store.work(|state| &state.jobs);
    assert_eq!(push(&work, 2, options().unique("report")), Pushed::Held(0));
}

#[test]
fn a_job_keeps_its_own_number_of_tries_whoever_takes_it() {
    let (store, machine, work) = in_memory();
    push(&work, 1, options().max_tries(2));
    push(&work, 2, options().max_tries(0));
    push(&work, 3, options().max_tries(7));
    let careless = work.clone().max_tries(100);
    let strict = work.clone().max_tries(1);
    for taker in [&careless, &strict] {
        let taken = taker.take(MINUTE).wait().unwrap().unwrap();
        assert_eq!(*taken, 1);
        assert!(taken.retry("").wait().unwrap());
    }
    assert_eq!(store.jobs().dead(), 1);
    // At least once.
    let _lost = take(&careless).unwrap();
    machine.later(HOUR);
    for tries in 1..=7 {
        let taken = take(&strict).unwrap();
        assert_eq!((*taken, taken.tries()), (3, tries));
        machine.later(HOUR);
    }
    assert!(take(&careless).is_none());
    let jobs = store.jobs();
    let why: Vec<_> = jobs.dead_letters().map(|job| job.state()).collect();
    let is = |why| JobState::Dead { why };
    let ran_out = is("the lease of process 1 ran out in try 7 of 7");
    assert_eq!(why[0], is("it was to be tried again after try 2 of 2"));
    assert_eq!(why[1], is("the lease of process 1 ran out in try 1 of 1"));
    assert_eq!(why[2], ran_out);
}

#[test]
fn a_job_waits_for_its_back_off_from_try_to_try() {
    let (store, machine, work) = in_memory();
    let backoff = Backoff::exponential(SECOND, SECOND * 5);
    push(&work, 1, options().backoff(backoff).max_tries(99));
    for seconds in [1, 2, 4, 5, 5] {
        let taken = take(&work).unwrap();
        assert!(taken.retry("no").wait().unwrap());
        machine.later(SECOND * seconds - Duration::from_millis(1));
        assert!(take(&work).is_none(), "after {seconds} s");
        machine.later(Duration::from_millis(1));
    }
    // A taker may know better.
    let taken = take(&work).unwrap();
    assert!(taken.retry_after(MINUTE, "no").wait().unwrap());
    machine.later(MINUTE - SECOND);
    assert!(take(&work).is_none());
    machine.later(SECOND);
    // What is lost is tried again at once, and what is given back was not tried.
    let lost = take(&work).unwrap();
    machine.later(MINUTE);
    let again = take(&work).unwrap();
    assert!(!lost.release().wait().unwrap());
    assert!(again.release().wait().unwrap());
    assert_eq!(take(&work).unwrap().tries(), again.tries());
    assert_eq!(store.jobs().len(), 1);
}

#[test]
fn back_offs_of_any_length_end() {
    let huge = Backoff::exponential(Duration::MAX, Duration::MAX);
    let never = Backoff::fixed(Duration::ZERO);
    for tries in [0, 1, 2, 63, 64, 65, 1000, u32::MAX] {
        assert_eq!(huge.after(tries), Duration::from_millis(u64::MAX));
        assert_eq!(never.after(tries), Duration::ZERO);
        assert_eq!(Backoff::fixed(SECOND).after(tries), SECOND);
        let most = Backoff::exponential(Duration::from_millis(3), HOUR).after(tries);
        assert!(most <= HOUR && (tries < 64 || most == HOUR));
    }
    let (_store, machine, work) = in_memory();
    push(&work, 1, options().backoff(huge));
    assert!(take(&work).unwrap().retry("").wait().unwrap());
    machine.later(HOUR * 24 * 365);
    assert!(take(&work).is_none());
}

#[test]
fn a_dead_letter_tells_why_and_when_and_how_often() {
    let folder = folder();
    let open = || Jobs::builder().dir(folder.path()).open().unwrap();
    let machine = Machine::new();
    let of = |store: &JobsStore| {
        let work = store.work(|state| &state.jobs);
        work.environment(machine.process(1)).max_tries(3)
    };
    let store = open();
    let work = of(&store);
    work.push(1).wait().unwrap();
    assert!(take(&work).unwrap().retry("no \"route\"").wait().unwrap());
    machine.later(SECOND);
    let second = take(&work).unwrap();
    assert!(second.retry_after(SECOND, "no answer").wait().unwrap());
    assert_eq!(store.jobs().get(0).unwrap().failures().count(), 2);
    machine.later(SECOND);
    // One that its taker says nothing about.
    assert!(take(&work).unwrap().retry("no luck").wait().unwrap());
    let expected = |store: &JobsStore| {
        let failures = only_dead(store);
        let why: Vec<_> = failures.iter().map(|(.., why)| why.as_str()).collect();
        assert_eq!(why, ["no \"route\"", "no answer", "no luck"]);
        for (place, (tries, at, _)) in failures.iter().enumerate() {
            assert_eq!(*tries, place as u32 + 1);
            assert_eq!(*at, Some(begin() + SECOND * place as u32));
        }
    };
    expected(&store);
    drop((work, second, store));
    let store = open();
    expected(&store);
    let why = store.jobs().get(0).unwrap().state() == JobState::Dead { why: "no luck" };
    assert!(why, "{:?}", store.jobs());
    // And whoever revives it still can tell.
    let work = of(&store);
    assert!(work.revive(0).wait().unwrap());
    let again = take(&work).unwrap();
    assert_eq!(again.tries(), 1);
    machine.later(HOUR);
    assert!(again.fail("enough").wait().unwrap());
    let failures = only_dead(&store);
    assert_eq!(failures.len(), 4);
    assert_eq!(
        failures[3],
        (1, Some(begin() + SECOND * 2 + HOUR), "enough".into())
    );
}

#[test]
fn a_job_that_fails_for_ever_keeps_its_newest_reasons() {
    let (store, _machine, work) = in_memory();
    let work = work.max_tries(u32::MAX);
    work.push(1).wait().unwrap();
    for time in 0..50 {
        let taken = take(&work).unwrap();
        assert!(taken.retry(format!("reason {time}")).wait().unwrap());
        // One that says nothing is none.
        assert!(take(&work).unwrap().retry("").wait().unwrap());
    }
    let jobs = store.jobs();
    let job = jobs.get(0).unwrap();
    let failures: Vec<_> = job.failures().map(|failure| failure.why).collect();
    assert_eq!(failures.len(), 8);
    assert_eq!((failures[0], failures[7]), ("reason 42", "reason 49"));
    assert_eq!(job.tries(), 100);
}

#[test]
fn what_is_lost_for_good_tells_when() {
    let (store, machine, work) = in_memory();
    work.push(1).wait().unwrap();
    let _lost = take(&work).unwrap();
    machine.later(HOUR);
    assert!(take(&work.max_tries(1)).is_none());
    let [(tries, at, why)] = &only_dead(&store)[..] else {
        panic!("it has died once");
    };
    assert_eq!((*tries, *at), (1, Some(begin() + HOUR)));
    assert!(why.contains("ran out"), "{why}");
}

#[test]
fn a_job_that_is_given_back_has_not_been_tried_and_keeps_its_place() {
    let (store, machine, work) = in_memory();
    let work = work.max_tries(1);
    for job in 1..=2 {
        work.push(job).wait().unwrap();
    }
    let slow = take(&work).unwrap();
    for _ in 0..3 {
        machine.later(SECOND);
        let before = store.jobs().get(1).unwrap().tries();
        let taken = take(&work).unwrap();
        assert!(taken.release().wait().unwrap());
        assert!(!taken.release().wait().unwrap(), "it is given back");
        assert!(!taken.ack().wait().unwrap());
        assert_eq!(store.jobs().get(1).unwrap().tries(), before);
    }
    assert!(slow.release().wait().unwrap());
    assert_eq!(rest(&work), [1, 2]);
    assert_eq!(store.jobs().dead(), 0);
}

#[test]
fn several_jobs_are_taken_in_one_commit_and_each_once() {
    let (store, machine, work) = in_memory();
    let work = work.max_tries(2);
    assert!(work.take_many(3, MINUTE).wait().unwrap().is_empty());
    store.update_jobs(|jobs| jobs.extend(1..=5)).wait().unwrap();
    push(&work, 6, options().priority(1));
    let before = store.revision();
    // Also where the lease is over at once.
    let some = work.take_many(3, Duration::ZERO).wait().unwrap();
    assert_eq!(store.revision(), before + 1);
    let jobs = |some: &[Taken<Jobs, u64>]| -> Vec<(u64, u32)> {
        some.iter().map(|taken| (**taken, taken.tries())).collect()
    };
    assert_eq!(jobs(&some), [(6, 1), (1, 1), (2, 1)]);
    let more = work.wait_many(100, MINUTE, Duration::ZERO).unwrap();
    assert_eq!(
        jobs(&more),
        [(6, 2), (1, 2), (2, 2), (3, 1), (4, 1), (5, 1)]
    );
    assert!(
        work.wait_many(9, MINUTE, Duration::ZERO)
            .unwrap()
            .is_empty()
    );
    assert!(!some[0].ack().wait().unwrap());
    assert!(more[3].ack().wait().unwrap());
    // Those that were lost too often are put aside on the way.
    machine.later(HOUR);
    let left = pollster::block_on(work.next_many(0, MINUTE)).unwrap();
    assert_eq!(left.len(), 1, "at least one");
    let left = pollster::block_on(work.next_many(9, MINUTE)).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((store.jobs().dead(), store.jobs().len()), (3, 5));
}

#[test]
fn looking_at_the_next_job_takes_nothing() {
    let (store, machine, work) = in_memory();
    assert_eq!(work.peek(|job| job.id()), None);
    push(&work, 1, options().delay(MINUTE));
    assert_eq!(work.peek(|job| job.id()), None);
    work.push(2).wait().unwrap();
    let before = store.revision();
    assert_eq!(
        work.peek(|job| (job.id(), *job, job.tries())),
        Some((1, 2, 0))
    );
    machine.later(MINUTE);
    assert_eq!(work.peek(|job| job.id()), Some(0));
    assert_eq!(store.revision(), before);
    // A lost job is next, but not one that was lost too often.
    let _lost = take(&work).unwrap();
    let _taken = take(&work).unwrap();
    assert_eq!(work.peek(|job| job.id()), None);
    machine.later(HOUR);
    assert!(work.peek(|job| job.id()).is_some());
    let once = work.max_tries(1);
    assert_eq!(once.peek(|job| job.id()), None);
    assert_eq!(once.take(MINUTE).wait().unwrap().map(|taken| *taken), None);
}

#[test]
fn a_queue_that_was_plain_shows_its_next_job_by_its_number() {
    #[derive(Store)]
    #[store(name = "jobs")]
    struct Plain {
        jobs: worsen::Queue<u64>,
    }
    let dir = folder();
    let plain = Plain::builder().dir(dir.path()).open().unwrap();
    plain
        .update_jobs(|jobs| {
            jobs.push_back(8);
            jobs.push_front(7);
        })
        .wait()
        .unwrap();
    drop(plain);
    let store = Jobs::builder().dir(dir.path()).open().unwrap();
    let work = store.work(|state| &state.jobs);
    assert_eq!(work.peek(|job| (job.id(), *job)), Some((0, 7)));
    assert_eq!(work.age(), None);
    assert_eq!(push(&work, 9, options().priority(1)), Pushed::New(2));
    assert_eq!(rest(&work), [9, 7, 8]);
}

#[test]
fn the_age_of_a_queue_is_that_of_the_job_that_waits_longest() {
    let (_store, machine, work) = in_memory();
    assert_eq!(work.age(), None);
    work.push(1).wait().unwrap();
    assert_eq!(work.age(), None, "nobody said when");
    push(&work, 2, options().delay(HOUR));
    assert_eq!(work.age(), None, "it is not to be taken yet");
    machine.later(MINUTE);
    push(&work, 3, options());
    push(&work, 4, options().priority(5));
    machine.later(MINUTE);
    assert_eq!(work.age(), Some(MINUTE));
    // A job that is worked at is not done.
    let taken = take(&work).unwrap();
    assert_eq!((*taken, work.age()), (4, Some(MINUTE)));
    assert!(taken.ack().wait().unwrap());
    let mut rest: Vec<_> = std::iter::from_fn(|| work.take(HOUR * 9).wait().unwrap()).collect();
    assert_eq!(work.age(), Some(MINUTE));
    // A time that comes is the beginning, and that of a dead letter has ended.
    assert!(rest.pop().unwrap().fail("no").wait().unwrap());
    assert_eq!(work.age(), None);
    machine.later(HOUR);
    assert_eq!(work.age(), Some(MINUTE * 2));
    let late = take(&work).unwrap();
    assert_eq!((*late, work.age()), (2, Some(MINUTE * 2)));
    machine.earlier(HOUR * 3);
    assert_eq!(work.age(), Some(Duration::ZERO));
}

#[test]
fn dead_letters_are_revived_and_dropped_all_at_once() {
    let (store, _machine, work) = in_memory();
    for job in 0..6 {
        push(&work, job, options().priority(job as i32 % 2));
        assert!(take(&work).unwrap().fail("no").wait().unwrap());
    }
    work.push(6).wait().unwrap();
    let before = store.revision();
    assert_eq!(work.revive_all().wait().unwrap(), 6);
    assert_eq!(store.revision(), before + 1);
    assert_eq!((store.jobs().dead(), store.jobs().waiting()), (0, 7));
    assert_eq!(work.revive_all().wait().unwrap(), 0);
    for _ in 0..3 {
        let taken = take(&work).unwrap();
        assert_eq!((*taken % 2, taken.tries()), (1, 1));
        assert!(taken.fail("no").wait().unwrap());
    }
    assert_eq!(work.discard_all().wait().unwrap(), 3);
    assert_eq!(rest(&work), [0, 2, 4, 6]);
    assert_eq!(work.discard_all().wait().unwrap(), 0);
    assert_eq!(store.jobs().len(), 4);
}

#[test]
fn a_push_that_is_undone_holds_no_key() {
    let (store, _machine, work) = in_memory();
    let undone = store.try_update(|state| {
        state
            .jobs
            .push_with(1, JobOptions::new().unique("report").priority(3));
        Err::<(), _>("no")
    });
    assert_eq!(undone.wait().unwrap(), Err("no"));
    assert_eq!(push(&work, 2, options().unique("report")), Pushed::New(0));
}

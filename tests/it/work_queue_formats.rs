//! The entries of jobs with options: to the byte, and in the hands of a program of an older version, and of a later
//! one.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use worsen::{
    ErrorKind, Options, PersistentStore, Store, Work,
    collections::{Backoff, JobOptions, JobState, Pushed},
};
use worsen_tests::{Jobs, JobsStore};

use crate::{
    support::{edits, folder},
    work_queue::{Machine, take, written},
};

const MINUTE: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> JobsStore {
    Jobs::builder().dir(dir).open().unwrap()
}

fn work(store: &JobsStore) -> Work<Jobs, u64> {
    let work = store.work(|state| &state.jobs);
    work.environment(Machine::new().process(1))
}

fn all_options() -> JobOptions {
    JobOptions::new()
        .priority(-3)
        .unique("a \"key\"")
        .max_tries(4)
        .backoff(Backoff::exponential(MINUTE, MINUTE * 10))
}

/// What the log says of this job last.
fn entry(dir: &Path, uid: &str) -> Value {
    let commits = edits(&dir.join("jobs.db"), 1);
    let set = commits.iter().rev().find(|(set, _)| set.get(uid).is_some());
    set.unwrap().0[uid].clone()
}

const FOR_NEWER: &str = "for a newer version of worsen";

#[test]
fn the_file_says_what_was_said_when_a_job_was_pushed_and_how_it_failed() {
    let dir = folder();
    let store = open(dir.path());
    let work = work(&store);
    work.push_with(7, all_options()).wait().unwrap();
    let options = json!({
        "priority": -3, "unique": "a \"key\"", "max_tries": 4, "backoff": [60_000, 600_000]
    });
    let since = "2001-09-09T01:46:40.000Z";
    let mut expected = json!({
        "job": 7, "tries": 0, "options": options, "since": since, "dead": FOR_NEWER
    });
    assert_eq!(entry(dir.path(), "jobs/0"), expected);
    let taken = take(&work).unwrap();
    let mut is = entry(dir.path(), "jobs/0");
    assert_eq!(is["taken"].take()["pid"], 1);
    is.as_object_mut().unwrap().remove("taken");
    expected["tries"] = json!(1);
    assert_eq!(is, expected);
    assert!(taken.retry("no").wait().unwrap());
    expected["failed"] = json!([{ "try": 1, "at": since, "why": "no" }]);
    expected["later"] = json!({ "until": "2001-09-09T01:47:40.000Z", "delay": 60_000 });
    assert_eq!(entry(dir.path(), "jobs/0"), expected);
    // Nothing of it stands in the entry of a job that was pushed without.
    work.push(8).wait().unwrap();
    assert_eq!(entry(dir.path(), "jobs/1"), json!({ "job": 8, "tries": 0 }));
    assert!(take(&work).unwrap().retry("").wait().unwrap());
    assert_eq!(entry(dir.path(), "jobs/1"), json!({ "job": 8, "tries": 1 }));
    // A delay is one that every version knows.
    let later = JobOptions::new().delay(MINUTE);
    work.push_with(9, later).wait().unwrap();
    assert_eq!(
        entry(dir.path(), "jobs/2"),
        json!({
            "job": 9, "tries": 0, "since": "2001-09-09T01:47:40.000Z",
            "later": { "until": "2001-09-09T01:47:40.000Z", "delay": 60_000 }
        })
    );
    let at = std::time::UNIX_EPOCH + Duration::from_millis(1_000_000_060_000);
    work.push_with(9, JobOptions::new().at(at)).wait().unwrap();
    let later = json!({ "until": "2001-09-09T01:47:40.000Z", "delay": 1_000_000_060_000_u64 });
    assert_eq!(entry(dir.path(), "jobs/3")["later"], later);
}

/// What the version before this one makes of an entry, which it reads in this order.
fn state_for_an_older_version(entry: &Value) -> &'static str {
    match entry {
        entry if entry.get("dead").is_some() => "dead",
        entry if entry.get("taken").is_some() => "taken",
        entry if entry.get("later").is_some() => "later",
        _ => "waiting",
    }
}

/// It keeps `job` and `tries` alone of what it takes, so it must not get what would be lost by that.
#[test]
fn a_program_of_an_older_version_leaves_alone_what_it_would_lose() {
    let dir = folder();
    let store = open(dir.path());
    let work = work(&store);
    let one = JobOptions::new();
    for options in [
        one.clone().priority(1),
        one.clone().unique(""),
        one.clone().max_tries(1),
        one.clone().backoff(Backoff::fixed(Duration::ZERO)),
        one.clone().priority(1).delay(MINUTE),
    ] {
        let id = work.push_with(7, options).wait().unwrap().id();
        let uid = format!("jobs/{id}");
        let seen = |state: &str| {
            assert_eq!(state_for_an_older_version(&entry(dir.path(), &uid)), state);
        };
        seen("dead");
        if let Some(taken) = take(&work) {
            assert_eq!(taken.id(), id);
            seen("dead");
            assert!(taken.retry_after(MINUTE, "no").wait().unwrap() || id == 2);
            seen("dead");
        }
        assert_eq!(store.jobs().dead(), usize::from(id >= 2));
    }
    // Whatever it may take, it can.
    let free = [(one.clone(), "waiting"), (one.delay(MINUTE), "later")];
    for (options, state) in free {
        let id = work.push_with(7, options).wait().unwrap().id();
        let entry = entry(dir.path(), &format!("jobs/{id}"));
        assert_eq!(state_for_an_older_version(&entry), state);
    }
    let other = PersistentStore::<Value>::new(
        "jobs",
        Options {
            db_dir: dir.path().into(),
            ..Options::default()
        },
    );
    let other = other.unwrap();
    // It takes one, and loses when that was pushed; it revives one by hand, and makes a plain job of it.
    let plain = json!({ "job": 7, "tries": 1 });
    other.write("jobs/5", plain.clone()).wait().unwrap();
    other.write("jobs/0", plain).wait().unwrap();
    let first = take(&work).unwrap();
    assert_eq!((first.id(), first.tries()), (0, 2));
    assert!(first.ack().wait().unwrap());
    assert!(take(&work).unwrap().ack().wait().unwrap());
}

#[test]
fn a_dead_letter_is_one_whatever_version_has_made_it() {
    let dir = folder();
    let options = json!({ "unique": "k" });
    written(
        dir.path(),
        &[
            ("jobs", json!("work")),
            ("jobs/0", json!({ "job": 1, "tries": 1, "dead": "why" })),
            (
                "jobs/1",
                json!({ "job": 2, "tries": 1, "dead": "why", "died": "2001-09-09T01:46:40.000Z", "options": options }),
            ),
            (
                "jobs/2",
                json!({ "job": 3, "tries": 1, "dead": FOR_NEWER, "options": options }),
            ),
        ],
    );
    let store = open(dir.path());
    let jobs = store.jobs();
    assert_eq!((jobs.dead(), jobs.waiting()), (2, 1));
    let at = jobs
        .dead_letters()
        .map(|job| job.failures().next().unwrap().at);
    let then = std::time::UNIX_EPOCH + Duration::from_millis(1_000_000_000_000);
    assert_eq!(at.collect::<Vec<_>>(), [None, Some(then)]);
    let work = work(&store);
    let push = work.push_with(4, JobOptions::new().unique("k"));
    assert_eq!(push.wait().unwrap(), Pushed::Held(2));
}

#[test]
fn what_a_later_version_writes_into_a_job_survives_all_that_this_one_does() {
    let dir = folder();
    let (mine, theirs) = (json!({ "a": [1, "x"] }), json!("soon"));
    written(
        dir.path(),
        &[
            ("jobs", json!("work")),
            (
                "jobs/0",
                json!({ "job": 7, "tries": 0, "of a later \"one\"": mine }),
            ),
            (
                "jobs/1",
                json!({ "job": 8, "tries": 0, "dead": "for whomever", "options": { "priority": 1, "when": theirs } }),
            ),
        ],
    );
    let machine = Machine::new();
    for reopened in [false, true] {
        machine.later(MINUTE);
        let store = open(dir.path());
        let work = work(&store).max_tries(9);
        let work = work.environment(machine.process(1));
        for uid in ["jobs/1", "jobs/0"] {
            let taken = take(&work).unwrap();
            assert_eq!(format!("jobs/{}", taken.id()), uid);
            assert!(taken.retry("no").wait().unwrap());
            let entry = entry(dir.path(), uid);
            match uid {
                "jobs/0" => assert_eq!(entry["of a later \"one\""], mine, "{reopened}"),
                _ => assert_eq!(entry["options"], json!({ "priority": 1, "when": theirs })),
            }
            // So that the other one comes.
            let again = take(&work).unwrap();
            assert!(
                again
                    .retry_after(Duration::from_millis(1), "no")
                    .wait()
                    .unwrap()
            );
        }
    }
}

#[test]
fn options_that_are_none_are_refused_with_their_uid() {
    for odd in [
        json!({ "options": 7 }),
        json!({ "options": { "priority": "high" } }),
        json!({ "options": { "priority": 1_u64 << 40 } }),
        json!({ "options": { "unique": 5 } }),
        json!({ "options": { "max_tries": -1 } }),
        json!({ "options": { "backoff": 5 } }),
        json!({ "options": { "backoff": [1] } }),
        json!({ "since": "soon" }),
        json!({ "died": 5, "dead": "why" }),
        json!({ "failed": {} }),
        json!({ "failed": [1] }),
        json!({ "failed": [{ "try": 1 }] }),
    ] {
        let mut job = json!({ "job": 7, "tries": 1 });
        for (key, value) in odd.as_object().unwrap() {
            job[key] = value.clone();
        }
        let dir = folder();
        written(dir.path(), &[("jobs", json!("work")), ("jobs/3", job)]);
        let error = Jobs::builder().dir(dir.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{odd}: {error}");
        assert_eq!(error.uid(), Some("jobs/3"), "{error}");
    }
}

/// A person may write what no program does.
#[test]
fn a_key_that_two_jobs_have_is_held_until_both_are_done() {
    let dir = folder();
    let twin = json!({ "job": 7, "tries": 0, "options": { "unique": "k", "max_tries": 0 } });
    written(
        dir.path(),
        &[
            ("jobs", json!("work")),
            ("jobs/3", twin.clone()),
            ("jobs/5", twin),
        ],
    );
    let store = open(dir.path());
    let work = work(&store);
    let push = || {
        let push = work.push_with(1, JobOptions::new().unique("k"));
        push.wait().unwrap()
    };
    assert_eq!(push(), Pushed::Held(3));
    store.update_jobs(|jobs| jobs.remove(3)).wait().unwrap();
    assert_eq!(push(), Pushed::Held(5));
    // No tries at all: it is buried, and says so.
    assert!(take(&work).is_none());
    let state = store
        .jobs()
        .get(5)
        .map(|job| matches!(job.state(), JobState::Dead { .. }));
    assert_eq!(state, Some(true));
    assert_eq!(push(), Pushed::New(6));
}

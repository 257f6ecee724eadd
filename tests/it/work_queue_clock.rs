//! Leases and delays where somebody sets the clock, and where a machine starts again.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use worsen::{ErrorKind, Store, Taken, Work};
use worsen_tests::{Jobs, JobsStore};

use crate::{
    support::{edits, folder},
    work_queue::{Machine, written},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A queue of two jobs: one is taken for ten minutes, and one is to be tried again in a day. Two processes of
/// one machine, which counts.
struct Setting {
    store: JobsStore,
    machine: Machine,
    one: Work<Jobs, u64>,
    other: Work<Jobs, u64>,
    living: Taken<Jobs, u64>,
}

fn setting() -> Setting {
    let store = Jobs::builder().in_memory().open().unwrap();
    let machine = Machine::new();
    machine.later(HOUR);
    let work = store.work(|state| &state.jobs);
    let one = work.clone().environment(machine.counting("here", 1));
    let other = work.environment(machine.counting("here", 2));
    one.push(7).wait().unwrap();
    one.push(8).wait().unwrap();
    let living = one.take(MINUTE * 10).wait().unwrap().unwrap();
    let failed = one.take(MINUTE).wait().unwrap().unwrap();
    assert!(failed.retry_after(HOUR * 24, "").wait().unwrap());
    Setting {
        store,
        machine,
        one,
        other,
        living,
    }
}

fn take(work: &Work<Jobs, u64>) -> Option<u64> {
    let taken = work.take(MINUTE).wait().unwrap();
    taken.map(|taken| *taken)
}

#[test]
fn a_clock_that_is_set_ends_and_stretches_nothing_on_its_machine() {
    // Back by more than an hour and by less, and forward.
    let sets: [fn(&Machine); 4] = [
        |machine| machine.earlier(HOUR * 26),
        |machine| machine.earlier(MINUTE * 59),
        |machine| machine.set_later(HOUR * 23),
        |machine| machine.set_later(HOUR * 24 * 3650),
    ];
    for set in sets {
        let Setting {
            store,
            machine,
            one,
            other,
            living,
        } = setting();
        set(&machine);
        assert_eq!((take(&one), take(&other)), (None, None));
        machine.later(MINUTE * 10 - SECOND);
        assert_eq!((take(&one), take(&other)), (None, None));
        assert!(living.extend(MINUTE * 10).wait().unwrap());
        set(&machine);
        machine.later(MINUTE * 10 - SECOND);
        assert_eq!(take(&other), None);
        machine.later(SECOND);
        let taken = other.take(MINUTE).wait().unwrap().expect("it has run out");
        assert_eq!((*taken, taken.tries()), (7, 2));
        assert!(!living.ack().wait().unwrap());
        assert!(taken.ack().wait().unwrap());
        machine.later(HOUR * 24 - MINUTE * 20);
        assert_eq!(take(&one), None);
        machine.later(SECOND);
        assert_eq!(take(&one), Some(8));
        assert_eq!(store.jobs().taken(), 1);
    }
}

#[test]
fn who_waits_beside_a_clock_that_was_set_back_misses_nothing() {
    let Setting {
        machine,
        other,
        living,
        ..
    } = setting();
    machine.earlier(HOUR * 26);
    let none = other.wait(MINUTE, Duration::from_millis(20)).unwrap();
    assert!(none.is_none());
    machine.later(MINUTE * 10);
    let taken = other.wait(MINUTE, Duration::ZERO).unwrap().unwrap();
    assert_eq!(taken.id(), living.id());
}

/// Another machine, another container, and the same machine after its next start have the wall clock alone.
#[test]
fn elsewhere_and_after_a_restart_leases_go_by_the_wall_clock() {
    let elsewhere = [
        |machine: &Machine| machine.counting("there", 3),
        |machine: &Machine| machine.process(3),
    ];
    for elsewhere in elsewhere {
        let Setting {
            machine,
            one,
            other,
            living,
            ..
        } = setting();
        let there = one.clone().environment(elsewhere(&machine));
        machine.set_later(MINUTE * 10 - SECOND);
        assert_eq!(take(&there), None);
        machine.set_later(SECOND);
        assert_eq!(take(&other), None, "here it has not run out");
        assert_eq!(take(&there), Some(7));
        assert!(!living.ack().wait().unwrap());
        machine.earlier(HOUR * 26);
        assert_eq!(take(&one), Some(7), "and what began there counts so here");
    }
}

#[test]
fn the_file_says_when_a_time_ends_by_either_clock_and_keeps_it() {
    let dir = folder();
    let open = || Jobs::builder().dir(dir.path()).open().unwrap();
    let machine = Machine::new();
    machine.later(SECOND);
    let here = |store: &JobsStore, pid| {
        let work = store.work(|state| &state.jobs);
        work.environment(machine.counting("here", pid))
    };
    let store = open();
    let work = here(&store, 1);
    work.push(7).wait().unwrap();
    work.push(8).wait().unwrap();
    let _living = work.take(MINUTE * 10).wait().unwrap().unwrap();
    let failed = work.take(MINUTE).wait().unwrap().unwrap();
    assert!(failed.retry_after(MINUTE, "").wait().unwrap());
    drop((work, _living, failed, store));
    let entry = |uid: &str| -> Value {
        let commits = edits(&dir.path().join("jobs.db"), 1);
        let set = commits.iter().rev().find(|(set, _)| set.get(uid).is_some());
        set.unwrap().0[uid].clone()
    };
    let mut taken = entry("jobs/0")["taken"].clone();
    taken["token"].take();
    assert_eq!(
        taken,
        json!({
            "pid": 1, "started": 10, "on": "here", "token": null,
            "until": "2001-09-09T01:56:41.000Z", "lease": 600_000, "uptime": 601_000
        })
    );
    assert_eq!(
        entry("jobs/1")["later"],
        json!({ "until": "2001-09-09T01:47:41.000Z", "delay": 60_000, "on": "here", "uptime": 61_000 })
    );
    machine.earlier(HOUR * 26);
    let store = open();
    let work = here(&store, 2);
    machine.later(MINUTE - SECOND);
    assert_eq!(take(&work), None);
    machine.later(SECOND);
    assert_eq!(take(&work), Some(8));
    assert_eq!(take(&work), None);
    machine.later(MINUTE * 9);
    let jobs: Vec<_> = std::iter::from_fn(|| take(&work)).collect();
    assert_eq!(jobs.len(), 2);
}

/// As an older program writes it, and as somebody does who makes things up.
#[test]
fn a_time_without_a_count_or_with_an_odd_one_is_a_time() {
    for (more, goes_by_wall) in [
        (json!({}), true),
        (json!({ "on": "here" }), true),
        (json!({ "uptime": 5 }), true),
        (json!({ "on": "there", "uptime": 5 }), true),
        (json!({ "on": "here", "uptime": u64::MAX }), false),
    ] {
        let mut later = json!({ "until": "2001-09-09T01:47:40.000Z", "delay": 60_000 });
        for (key, value) in more.as_object().unwrap() {
            later[key] = value.clone();
        }
        let job = json!({ "job": 7, "tries": 1, "later": later });
        let dir = folder();
        written(dir.path(), &[("jobs", json!("work")), ("jobs/0", job)]);
        let store = Jobs::builder().dir(dir.path()).open().unwrap();
        let machine = Machine::new();
        let work = store.work(|state| &state.jobs);
        let work = work.environment(machine.counting("here", 1));
        // A count that no machine has come to began in the future.
        assert_eq!(take(&work).is_none(), goes_by_wall, "{more}");
        machine.set_later(MINUTE);
        assert_eq!(take(&work), goes_by_wall.then_some(7), "{more}");
    }
    for odd in [json!(-1), json!("soon"), json!(1.5)] {
        let later =
            json!({ "until": "2001-09-09T01:47:40.000Z", "delay": 1, "on": "here", "uptime": odd });
        let job = json!({ "job": 7, "tries": 1, "later": later });
        let dir = folder();
        written(dir.path(), &[("jobs", json!("work")), ("jobs/0", job)]);
        let error = Jobs::builder().dir(dir.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.uid(), Some("jobs/0"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_of_this_machine_notes_its_uptime() {
    if fs::read("/proc/sys/kernel/random/boot_id").is_err() {
        println!("skipped: the system does not tell one start of it from the next");
        return;
    }
    let uptime = || {
        let text = fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
        (seconds * 1000.0) as u64
    };
    let dir = folder();
    let store = Jobs::builder().dir(dir.path()).open().unwrap();
    let work = store.work(|state| &state.jobs);
    work.push(7).wait().unwrap();
    let before = uptime();
    let _taken = work.take(HOUR).wait().unwrap().unwrap();
    // It is told in hundredths of a second.
    let after = uptime() + 10;
    let commits = edits(&dir.path().join("jobs.db"), 1);
    let taken = &commits.last().unwrap().0["jobs/0"]["taken"];
    let noted = taken["uptime"].as_u64().unwrap() - 3_600_000;
    assert!(
        (before..=after).contains(&noted),
        "{noted} of {before} to {after}"
    );
}

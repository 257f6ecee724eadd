//! A disk that has no room left: removing always works, and makes room. Real file systems stand in `ground`,
//! and a disk that fails at single operations in `faults`.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use worsen::{
    ErrorKind,
    testing::{Fault, Repeat, SimulatedDisk},
};

use crate::{
    machine::{BACKUP, Counts, History, LOG, Opened, Texts, check, in_parallel, open},
    support::{Random, sample, scale},
};

/// More writes than a full disk takes of any size that is tried here.
const MANY: usize = 10_000;

fn generation(disk: &SimulatedDisk) -> u64 {
    let log = disk.read_file(LOG).expect("there is a log");
    let header = log.split(|byte| *byte == b'\n').next().expect("a line");
    let header: serde_json::Value = serde_json::from_slice(header).expect("a header");
    header["gen"].as_u64().expect("a generation")
}

/// A disk with more room than anything here needs, of which it knows from the beginning who has it.
fn roomy() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.leave_room(Some(100_000));
    disk
}

fn uid(number: usize) -> String {
    format!("entry {number:05}")
}

/// A store with entries of these numbers, each of so many bytes.
fn filled(disk: &SimulatedDisk, numbers: Range<usize>, length: usize) -> Opened {
    let opened = open(disk).expect("a new store opens");
    opened
        .store
        .update_all(move |draft| {
            for number in numbers {
                draft.set(uid(number), "x".repeat(length));
            }
        })
        .wait()
        .expect("a healthy disk is written");
    opened
}

/// Writes what makes the store larger until there is no room for it: what it holds then.
fn write_until_refused(opened: &Opened, length: usize) -> Texts {
    for number in 0..MANY {
        let before = opened.state();
        let Err(error) = opened.set(&format!("more {number}"), &"y".repeat(length)) else {
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
        assert_eq!(opened.state(), before);
        return before.1;
    }
    panic!("the disk takes everything");
}

/// What was acknowledged is there after a power cut now, and after reopening.
fn is_kept(disk: &SimulatedDisk, opened: &Opened) {
    let (revision, state) = opened.state();
    let mut history: History = vec![Texts::new(); revision as usize];
    history.push(state);
    for left in disk.crash_states(3 * scale() as usize, 1) {
        let what = || format!("revision {revision}");
        check(&left, &[history.clone()], revision as usize, &what);
    }
}

#[test]
fn what_is_removed_goes_into_the_room_that_is_kept_for_it_and_no_backup_is_given_up() {
    for room in [0, 1, 2, 7, 20] {
        let disk = roomy();
        // So many that what is removed here makes no compaction worth it.
        let opened = filled(&disk, 0..200, 1000);
        disk.leave_room(Some(room));
        write_until_refused(&opened, 90);
        // Some of these may have made room by a new log.
        let begun = generation(&disk);
        for number in 0..8 {
            let before = disk.read_file(LOG).expect("there is a log");
            let removed = opened.store.remove(uid(number)).wait();
            assert!(removed.expect("there is room kept for it").is_some());
            assert_eq!(generation(&disk), begun, "room {room}, removal {number}");
            let backup = disk.read_file(BACKUP).expect("there is a backup");
            let end = before.trim_ascii_end().len() + 1;
            assert_eq!(backup, before[..end], "one write behind");
            // A smaller value frees room as well.
            opened.set(&uid(20 + number), "small").expect("smaller");
            assert_eq!(generation(&disk), begun, "room {room}, removal {number}");
            is_kept(&disk, &opened);
        }
    }
}

/// One after the other, until nothing is left: the room that is kept for it lasts for some of it.
#[test]
fn a_user_can_make_room_on_a_full_disk_by_removing_from_the_store() {
    for (entries, length) in [(1000, 10), (400, 300), (30, 5000), (3, 100_000)] {
        for others in [false, true] {
            let disk = roomy();
            let opened = filled(&disk, 0..entries, length);
            let other = others.then(|| open(&disk.new_process()).expect("it opens twice"));
            disk.leave_room(Some(0));
            let mut state = write_until_refused(&opened, 90);
            for number in 0..entries {
                let removed = opened.store.remove(uid(number)).wait();
                removed.unwrap_or_else(|error| {
                    panic!("{number} of {entries} of {length}, {others}: {error}")
                });
                state.remove(&uid(number));
                if let Some(other) = &other {
                    assert_eq!(other.store.read(&uid(number)), None);
                }
            }
            assert_eq!(opened.state().1, state);
            if let Some(other) = &other {
                opened.set("new", "small").expect("there is room again");
                // By that it lets go of the old log.
                assert!(other.store.read("new").is_some());
            }
            let large = "z".repeat(entries * length / 2);
            match (opened.set("new", &large), &other) {
                // The store compacts for it, and the other process has the log of the generation before open,
                // until it takes over a commit from the next one.
                (Err(error), Some(other)) if error.kind() == ErrorKind::NoSpace => {
                    opened.set("newer", "small").expect("there is some room");
                    assert!(other.store.read("newer").is_some());
                    opened.set("new", &large).expect("there is room again");
                }
                (outcome, _) => outcome.expect("there is room again"),
            }
            let removed = entries * length / 4096;
            println!(
                "{entries} entries of {length}: {} of {removed} blocks are free, generation {}",
                disk.room_left().expect("it has an end"),
                generation(&disk)
            );
            is_kept(&disk, &opened);
        }
    }
}

#[test]
fn a_store_of_any_size_can_be_cleared_on_a_full_disk() {
    for entries in [1, 100, 5000] {
        let disk = roomy();
        let opened = filled(&disk, 0..entries, 100);
        disk.leave_room(Some(0));
        write_until_refused(&opened, 90);
        opened.store.clear().wait().expect("it frees room");
        assert!(opened.store.is_empty());
        is_kept(&disk, &opened);
        opened.set("new", "z").expect("there is room again");
        is_kept(&disk, &opened);
        drop(opened);
        let opened = open(&disk).expect("it opens again");
        assert_eq!(opened.state().1, Texts::from([("new".into(), "z".into())]));
    }
}

/// Closed stores are not filled ahead, so there is nothing that could be kept.
#[test]
fn a_store_that_is_opened_on_a_full_disk_can_be_removed_from() {
    for (entries, length) in [(1, 10), (10, 100), (100, 1000)] {
        for shared_pages in [true, false] {
            let disk = roomy();
            if !shared_pages {
                disk.without_shared_pages();
            }
            // By two writes: the backup is one of them behind.
            drop(filled(&disk, 0..entries, length));
            drop(filled(&disk, 0..1, 1));
            disk.leave_room(Some(0));
            let opened = open(&disk).expect("it needs no room");
            for number in 0..entries {
                let removed = opened.store.remove(uid(number)).wait();
                removed.unwrap_or_else(|error| panic!("{number} of {entries}: {error}"));
                is_kept(&disk, &opened);
            }
            // Behind a commit that frees nothing there must be room for commits that do.
            let outcome = opened.set("new", "z");
            assert_eq!(outcome.is_ok(), entries == 100, "{entries}: {outcome:?}");
        }
    }
}

/// A write that was refused for want of room succeeds when tried again, where the log is mostly history.
#[test]
fn a_log_that_is_mostly_history_makes_room_for_a_write_on_a_full_disk() {
    let disk = roomy();
    let opened = open(&disk).expect("a new store opens");
    for number in 0..50 {
        let text = number.to_string().repeat(1000);
        opened.set("a", &text).expect("a healthy disk is written");
    }
    disk.leave_room(Some(0));
    for number in 0..300 {
        let text = number.to_string().repeat(700);
        opened.set("a", &text).expect("there is room in the log");
    }
    is_kept(&disk, &opened);
    assert!(generation(&disk) > 1);
}

#[test]
fn changes_tell_what_became_of_commits_that_a_new_log_begins_with() {
    let disk = roomy();
    let opened = filled(&disk, 0..2000, 20);
    disk.leave_room(Some(0));
    write_until_refused(&opened, 90);
    let revision = opened.store.revision();
    let mut changes = opened.store.changes(revision).expect("the log is there");
    opened.store.clear().wait().expect("it frees room");
    let gap = changes
        .wait(Duration::ZERO)
        .expect("it is told")
        .expect_err("the commit stands in no log");
    assert_eq!(gap.kind(), ErrorKind::Gap, "{gap}");
    // It has let go of the old log, which had the room.
    opened.set("new", "z").expect("there is room again");
    let next = changes.wait(Duration::ZERO).expect("it goes on");
    assert_eq!(next.expect("a commit").revision(), revision + 2);
}

/// A full disk with a store that takes its room from its files at the next operation, and what that is.
fn about_to_make_room(
    removes: bool,
) -> (
    SimulatedDisk,
    Opened,
    impl Fn(&Opened) -> Result<(), worsen::Error>,
) {
    let disk = roomy();
    let opened = match removes {
        // More than is kept for it.
        true => {
            let opened = open(&disk).expect("a new store opens");
            let long = "long ".repeat(200);
            let uids = (0..20).map(move |number| format!("{long}{number}"));
            let fill = opened
                .store
                .update_all(|draft| uids.for_each(|uid| draft.set(uid, "x".into())));
            fill.wait().expect("a healthy disk is written");
            opened
        }
        false => {
            let opened = open(&disk).expect("a new store opens");
            for number in 0..50 {
                let text = number.to_string().repeat(1000);
                opened.set("a", &text).expect("a healthy disk is written");
            }
            opened
        }
    };
    disk.leave_room(Some(0));
    if removes {
        write_until_refused(&opened, 1500);
    } else {
        // Until the filling has run out but for what is kept.
        let is_left = || {
            let log = disk.read_file(LOG).expect("there is a log");
            log.len() - log.trim_ascii_end().len()
        };
        while is_left() > 20_000 {
            opened.set("b", &"y".repeat(500)).expect("it has room");
            opened.set("b", &"z".repeat(500)).expect("it has room");
        }
    }
    let act = move |opened: &Opened| match removes {
        true => opened.store.clear().wait(),
        false => opened.set("c", &"c".repeat(5000)),
    };
    (disk, opened, act)
}

#[test]
fn making_room_loses_nothing_in_a_power_cut_or_a_kill_at_any_step() {
    let counts = Counts::default();
    let seed = Random::seeded("making room").below(u64::MAX);
    for removes in [true, false] {
        let (disk, opened, act) = about_to_make_room(removes);
        let (revision, before) = opened.state();
        let begin = disk.mutations();
        act(&opened).expect("it makes room");
        assert_eq!(generation(&disk), 2, "it is not what is tried here");
        let steps = disk.mutations() - begin;
        let after = opened.state();
        assert_eq!(after.0, revision + 1);
        let mut history: History = vec![Texts::new(); revision as usize];
        history.extend([before, after.1]);
        for step in (0..steps).step_by(sample().min(3)) {
            for killed in [false, true] {
                let (disk, opened, act) = about_to_make_room(removes);
                disk.crash_within(disk.mutations() + step, 700);
                let outcome = act(&opened);
                let what = || format!("step {step} of {steps}, {outcome:?}");
                // An outcome that is not known is not acknowledged either.
                let certain = revision as usize + usize::from(outcome.is_ok());
                let disk = match killed {
                    true => {
                        let next = disk.kill_process();
                        next.leave_room(None);
                        drop(open(&next).unwrap_or_else(|error| panic!("{error}, {}", what())));
                        next
                    }
                    false => disk,
                };
                for state in disk.crash_states(60 * scale() as usize / sample().min(10), seed) {
                    counts.states.fetch_add(1, Relaxed);
                    check(&state, &[history.clone()], certain, &what);
                }
            }
        }
    }
    assert!(counts.tell("making room") > 0);
}

#[test]
fn making_room_on_a_disk_that_fails_anywhere_loses_nothing() {
    let struck = Mutex::new(BTreeMap::new());
    let mut all = Vec::new();
    for removes in [true, false] {
        for fault in Fault::ALL {
            for repeat in [Repeat::Once, Repeat::ForGood] {
                // For good it is nothing that happens.
                if !(fault == Fault::Interrupted && repeat == Repeat::ForGood) {
                    all.push((removes, fault, repeat));
                }
            }
        }
    }
    in_parallel(&all, |(removes, fault, repeat)| {
        for at in (0..).step_by(sample().min(5)) {
            let strikes = fails_while_it_makes_room(*removes, at, *fault, *repeat);
            let Some(strikes) = strikes else { break };
            *struck
                .lock()
                .unwrap()
                .entry(format!("{fault:?}"))
                .or_insert(0) += strikes;
        }
    });
    let struck = struck.into_inner().unwrap();
    println!("making room: struck {struck:?}");
    match sample() {
        1 => assert_eq!(struck.len(), Fault::ALL.len()),
        _ => assert!(!struck.is_empty()),
    }
}

/// How often the fault struck; `None` where there are not so many operations.
fn fails_while_it_makes_room(
    removes: bool,
    at: usize,
    fault: Fault,
    repeat: Repeat,
) -> Option<usize> {
    let (disk, opened, act) = about_to_make_room(removes);
    let (revision, before) = opened.state();
    let begin = disk.trace().len();
    disk.fail(at, fault, repeat);
    let outcome = act(&opened);
    if disk.faults_struck() == 0 && disk.trace().len() - begin <= at {
        return None;
    }
    let strikes = disk.faults_struck();
    let what = || {
        let trace = disk.trace()[begin..].join("\n");
        format!("{removes} {fault:?} {repeat:?} at {at}, {outcome:?}:\n{trace}")
    };
    let mut history: History = vec![Texts::new(); revision as usize];
    history.push(before.clone());
    if outcome
        .as_ref()
        .err()
        .is_none_or(worsen::Error::is_outcome_unknown)
    {
        history.push(match removes {
            true => Texts::new(),
            false => {
                let mut after = before;
                after.insert("c".into(), "c".repeat(5000));
                after
            }
        });
    }
    let certain = revision as usize + usize::from(outcome.is_ok());
    for state in disk.crash_states(5, 1) {
        check(&state, &[history.clone()], certain, &what);
    }
    disk.clear_faults();
    disk.leave_room(None);
    let mut opened = Some(opened);
    if let Some(Err(error)) = opened.as_ref().map(|opened| opened.set("after", "1")) {
        let excused = error.kind() == ErrorKind::Poisoned
            || error.is_outcome_unknown()
            || error.kind() == ErrorKind::LockTimeout;
        assert!(excused, "{error}\n{}", what());
        opened = None;
    }
    let opened = opened.unwrap_or_else(|| {
        let opened = open(&disk).unwrap_or_else(|error| panic!("{error}\n{}", what()));
        let written = opened.set("after", "1");
        written.unwrap_or_else(|error| panic!("{error}\n{}", what()));
        opened
    });
    let (now, mut state) = opened.state();
    assert!(now as usize > certain, "{}", what());
    state.remove("after");
    assert!(history[revision as usize..].contains(&state), "{}", what());
    Some(strikes)
}

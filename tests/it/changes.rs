//! Each commit is told once, in order, with its process and its time; a commit that cannot be told any more is
//! a gap.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, SystemTime},
};

use worsen::{Change, Changes, ErrorKind, Store, testing::SimulatedDisk};
use worsen_tests::State;

use crate::{
    machine,
    support::{Worker, folder, open},
};

const LONG: Duration = Duration::from_secs(60);

fn next(changes: &mut Changes) -> Change {
    changes.wait(LONG).expect("there is a commit").unwrap()
}

fn told(change: &Change) -> Vec<(&str, Option<&str>, Option<&str>)> {
    change
        .entries()
        .map(|entry| (entry.uid(), entry.old_value(), entry.new_value()))
        .collect()
}

#[test]
fn each_commit_is_told_once_in_order_with_who_and_when() {
    let folder = folder();
    let store = open(folder.path());
    let begin = store.revision();
    let mut changes = store.changes(begin).unwrap().with_old_values().unwrap();
    assert!(changes.try_next().is_none());
    store.set_count(1).wait().unwrap();
    store
        .update(|state| {
            state.count = 2;
            state.note = "noted".into();
        })
        .wait()
        .unwrap();
    store.set_count(2).wait().unwrap(); // changes nothing
    store.set_count(3).wait().unwrap();

    let first = next(&mut changes);
    assert_eq!(told(&first), [("count", Some("0"), Some("1"))]);
    let second = next(&mut changes);
    assert_eq!(
        told(&second),
        [
            ("count", Some("1"), Some("2")),
            ("note", Some("\"seeded\""), Some("\"noted\"")),
        ]
    );
    let third = next(&mut changes);
    assert_eq!(told(&third), [("count", Some("2"), Some("3"))]);
    assert_eq!(
        [first.revision(), second.revision(), third.revision()],
        [begin + 1, begin + 2, begin + 3]
    );
    assert_eq!(third.pid(), std::process::id());
    let year = 1970 + SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 31_557_600;
    assert_eq!(&third.at()[..4], year.to_string());
    assert!(changes.try_next().is_none());
    assert!(changes.wait(Duration::from_millis(1)).is_none());

    // From the beginning: the seeds are the first commit.
    let mut all = store.changes(0).unwrap();
    assert_eq!(next(&mut all).entries().count(), 3);
    assert_eq!(next(&mut all).revision(), 2);
    // Old values are not told where nobody asked for them.
    assert_eq!(next(&mut all).entries().next().unwrap().old_value(), None);
    // And from where the store has not come yet.
    let mut later = store.changes(begin + 4).unwrap();
    store.set_count(4).wait().unwrap();
    store.set_count(5).wait().unwrap();
    assert_eq!(next(&mut later).revision(), begin + 5);
}

#[test]
fn a_commit_of_another_process_is_told_with_its_pid() {
    let folder = folder();
    let store = open(folder.path());
    let mut changes = store.changes(store.revision()).unwrap();
    let begin = changes.revision();
    let mut workers: Vec<Worker> = (0..2)
        .map(|_| Worker::start("increment", folder.path(), &["2", "100"]))
        .collect();
    let mut pids: Vec<u32> = workers.iter().map(|worker| worker.child.id()).collect();
    for number in 1..=400 {
        let change = next(&mut changes);
        assert_eq!(change.revision(), begin + number);
        let json = number.to_string();
        let entries: Vec<_> = change.entries().collect();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].uid(), "count");
        assert_eq!(entries[0].new_value(), Some(&json[..]));
        assert!(pids.contains(&change.pid()));
    }
    for worker in &mut workers {
        worker.rest();
    }
    pids.clear();
    assert!(changes.try_next().is_none());
}

#[test]
fn changes_are_a_stream_on_any_runtime() {
    let folder = folder();
    let store = open(folder.path());
    let mut changes = store.changes(store.revision()).unwrap();
    let writer = store.clone();
    let task = std::thread::spawn(move || {
        for count in 1..=20 {
            writer.set_count(count).wait().unwrap();
        }
    });
    pollster::block_on(async {
        for count in 1..=20 {
            let change = changes.next().await.unwrap();
            let json = format!("{count}");
            assert_eq!(told(&change), [("count", None, Some(&json[..]))]);
        }
    });
    task.join().unwrap();
}

/// Compactions between what a reader has seen and what it sees next.
#[test]
fn a_compaction_takes_nothing_away_from_a_reader_and_two_are_a_gap_that_is_told() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    let compact = |number: usize| {
        opened.compact_above.store(0, Relaxed);
        opened.set("compacted", &number.to_string()).unwrap();
        opened.compact_above.store(u64::MAX, Relaxed);
    };
    for old_values in [false, true] {
        let begin = opened.store.revision();
        let mut changes = opened.store.changes(begin).unwrap();
        if old_values {
            changes = changes.with_old_values().unwrap();
        }
        opened.set("a", "1").unwrap();
        opened.set("b", "1").unwrap();
        assert_eq!(next(&mut changes).revision(), begin + 1);
        compact(1);
        opened.set("a", "2").unwrap();
        for revision in begin + 2..=begin + 4 {
            let change = next(&mut changes);
            assert_eq!(change.revision(), revision);
            if revision == begin + 4 {
                let old = old_values.then_some("\"1\"");
                assert_eq!(told(&change), [("a", old, Some("\"2\""))]);
            }
        }
        assert!(changes.try_next().is_none());

        // Two, and commits that only the generation in between ever had.
        opened.set("c", "1").unwrap();
        compact(2);
        opened.set("c", "2").unwrap();
        opened.set("c", "3").unwrap();
        compact(3);
        opened.set("c", "4").unwrap();
        assert_eq!(next(&mut changes).revision(), begin + 5);
        let error = changes.try_next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gap);
        let said = error.to_string();
        let gap = format!("commits {} to {} are", begin + 6, begin + 8);
        assert!(said.contains(&gap), "{said}");
        assert!(said.contains("store `s`"), "{said}");
        assert_eq!(next(&mut changes).revision(), begin + 9);
        let last = next(&mut changes);
        let old = old_values.then_some("\"3\"");
        assert_eq!(told(&last), [("c", old, Some("\"4\""))]);
        assert_eq!(last.revision(), begin + 10);
        assert!(changes.try_next().is_none());

        // A reader that begins before the oldest line is told of the gap at once.
        let mut early = opened.store.changes(0).unwrap();
        if old_values {
            assert_eq!(early.revision(), 0, "nothing was told");
            early = early.with_old_values().unwrap();
        }
        assert_eq!(
            early.try_next().unwrap().unwrap_err().kind(),
            ErrorKind::Gap
        );
        assert_eq!(next(&mut early).revision(), begin + 9);
        opened.store.remove("c").wait().unwrap();
        let removed = next(&mut changes);
        let old = old_values.then_some("\"4\"");
        assert_eq!(told(&removed), [("c", old, None)]);
        for uid in ["a", "b", "compacted"] {
            opened.store.remove(uid).wait().unwrap();
        }
    }
}

#[test]
fn what_nobody_may_see_yet_is_not_told() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    let reader = machine::open(&disk.new_process()).unwrap();
    opened.set("a", "1").unwrap();
    let mut changes = reader.store.changes(0).unwrap();
    assert_eq!(next(&mut changes).revision(), 1);
    // It is in the file, and the sync that it needs fails.
    disk.fail(
        disk_sync(&disk, &opened),
        worsen::testing::Fault::Io,
        worsen::testing::Repeat::Once,
    );
    let error = opened.set("a", "3").unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    let told = changes.try_next().map(|change| change.unwrap().revision());
    assert_eq!(told, Some(2), "the one before is told");
    assert!(changes.try_next().is_none());
}

/// How many operations of a write come before its sync.
fn disk_sync(disk: &SimulatedDisk, opened: &machine::Opened) -> usize {
    let begin = disk.trace().len();
    opened.set("a", "2").unwrap();
    disk.trace()[begin..]
        .iter()
        .position(|line| line.contains("sync data"))
        .expect("a write is synced")
}

#[test]
fn a_log_that_was_damaged_is_told_and_not_waited_for() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    let mut changes = opened.store.changes(0).unwrap();
    opened.set("a", "1").unwrap();
    opened.set("a", "2").unwrap();
    let mut log = disk.read_file(machine::LOG).unwrap();
    let at = log.len() - log.iter().rev().position(|byte| *byte == b'\n').unwrap() - 10;
    log[at] ^= 1;
    disk.write_file(machine::LOG, log);
    assert_eq!(next(&mut changes).revision(), 1);
    let error = changes.try_next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    // The next writes write it anew, from memory.
    while opened.set("a", "3").is_err() {}
    let error = changes.try_next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gap, "{error}");
    let last = next(&mut changes);
    assert_eq!(told(&last), [("a", None, Some("\"3\""))]);
}

/// An older copy in the place of the log, while it is open, and another process goes on from there.
#[test]
fn a_log_that_went_back_is_told_and_what_came_after_it_too() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    let mut changes = opened.store.changes(0).unwrap();
    let mut late = opened.store.changes(0).unwrap();
    let mut ahead = opened.store.changes(5).unwrap();
    for text in ["1", "2"] {
        opened.set("a", text).unwrap();
    }
    let copy = disk.read_file(machine::LOG).unwrap();
    opened.set("a", "3").unwrap();
    for revision in 1..=3 {
        assert_eq!(next(&mut changes).revision(), revision);
    }
    disk.remove_file(machine::LOG);
    disk.remove_file(machine::BACKUP);
    disk.write_file(machine::LOG, copy);
    let other = machine::open(&disk.new_process()).unwrap();
    assert!(other.store.recovered().may_have_lost());
    for text in ["three", "four", "five", "six"] {
        other.set("a", text).unwrap();
    }
    assert_eq!(opened.state(), other.state());
    for revision in 1..=3 {
        assert_eq!(next(&mut late).revision(), revision);
    }
    for changes in [&mut changes, &mut late] {
        let error = changes.try_next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
        for (revision, text) in [(3, "three"), (4, "four"), (5, "five"), (6, "six")] {
            let change = next(changes);
            let json = format!("\"{text}\"");
            assert_eq!(change.revision(), revision);
            assert_eq!(told(&change), [("a", None, Some(&json[..]))]);
        }
        assert!(changes.try_next().is_none());
    }
    let error = ahead.try_next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    assert_eq!(next(&mut ahead).revision(), 6);
}

/// The log is gone, and comes back from the backup, which is one write behind.
#[test]
fn commits_that_a_restored_log_lacks_are_not_passed_over() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    for text in ["1", "2", "3"] {
        opened.set("a", text).unwrap();
    }
    let mut changes = opened.store.changes(0).unwrap();
    for revision in 1..=3 {
        assert_eq!(next(&mut changes).revision(), revision);
    }
    // The page that knew of the third goes too.
    disk.remove_file(machine::LOG);
    disk.remove_file(machine::LOCK);
    let other = machine::open(&disk.new_process()).unwrap();
    assert_eq!(other.store.revision(), 2);
    for text in ["three", "four"] {
        other.set("a", text).unwrap();
    }
    // Under the lock it finds the new lock file, and a log that parted from what it knows behind it.
    let error = opened.sync().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    assert_eq!(opened.state(), other.state());
    let error = changes.try_next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    assert_eq!(next(&mut changes).revision(), 4);
    assert!(changes.try_next().is_none());
}

#[test]
fn the_commits_of_another_store_are_not_told() {
    let folder = folder();
    let store = open(folder.path());
    State::builder()
        .dir(folder.path())
        .name("other")
        .open()
        .unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::rename(file("other.db"), file("state.db")).unwrap();
    let error = store.changes(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
}

#[test]
fn after_the_last_revision_that_there_can_be_nothing_is_told() {
    let dir = folder();
    let stores = [
        State::builder().in_memory().open().unwrap(),
        State::builder().dir(dir.path()).open().unwrap(),
    ];
    for store in stores {
        let mut changes = store.changes(u64::MAX).unwrap();
        store.set_count(1).wait().unwrap();
        assert!(changes.try_next().is_none());
        assert!(changes.wait(Duration::ZERO).is_none());
    }
}

#[test]
fn a_store_in_memory_tells_its_newest_commits() {
    let store = State::builder().in_memory().open().unwrap();
    let begin = store.revision();
    let mut changes = store.changes(begin).unwrap().with_old_values().unwrap();
    store.set_count(1).wait().unwrap();
    assert_eq!(told(&next(&mut changes)), [("count", Some("0"), Some("1"))]);
    for count in 0..20_000 {
        store.set_count(count).wait().unwrap();
    }
    let error = changes.try_next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gap);
    let mut count = 0;
    while let Some(change) = changes.try_next() {
        change.unwrap();
        count += 1;
    }
    assert_eq!(count, 16 * 1024);
    assert_eq!(changes.revision(), store.revision());
}

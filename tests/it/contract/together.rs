//! Many who write at once, by clones of a handle, by two openings and by processes: each closure builds on the
//! commit before its own, and in the end all of them see the same.

use std::{collections::BTreeSet, thread};

use super::kinds::{Ability, Edit, LONG, each, each_with, edits, next, told};

/// Asks that each commit of these adds one to the count that the one before left.
#[track_caller]
fn assert_each_adds_one(commits: &[(u64, Vec<Edit>)]) {
    for (at, (revision, edits)) in commits.iter().enumerate() {
        let (before, after) = (at.to_string(), (at + 1).to_string());
        let edit = ("count".to_owned(), Some(before), Some(after));
        assert_eq!((*revision, edits), (at as u64 + 2, &vec![edit]));
    }
}

#[test]
fn threads_with_clones_of_a_handle_lose_no_increment() {
    each(|location| {
        let store = location.open();
        thread::scope(|scope| {
            for thread in 0..8 {
                let store = store.clone();
                scope.spawn(move || {
                    for _ in 0..25 {
                        let add = store.update_count(|count| *count += 1);
                        match thread % 2 {
                            0 => add.wait().unwrap(),
                            _ => pollster::block_on(add).unwrap(),
                        }
                    }
                });
            }
        });
        assert_eq!((store.count(), store.revision()), (200, 201));
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        let commits = told(&mut changes);
        assert_eq!(commits.len(), 200);
        assert_each_adds_one(&commits);
        if location.can(Ability::Reopening, "counting after reopening") {
            drop((changes, store));
            assert_eq!(location.open().count(), 200);
        }
    });
}

#[test]
fn two_openings_lose_no_increment_and_agree() {
    each_with(Ability::TwoOpenings, |location| {
        let (store, other) = (location.open(), location.open_beside());
        thread::scope(|scope| {
            for _ in 0..3 {
                let (store, other) = (store.clone(), other.clone());
                scope.spawn(move || {
                    for _ in 0..25 {
                        store.update_count(|count| *count += 1).wait().unwrap();
                    }
                });
                scope.spawn(move || {
                    for _ in 0..25 {
                        other.update_count(|count| *count += 1).wait().unwrap();
                    }
                });
            }
        });
        // A write sees what all others committed, also where a read may lag.
        assert_eq!(other.update_count(|count| *count).wait().unwrap(), 150);
        assert_eq!(store.update_count(|count| *count).wait().unwrap(), 150);
        assert_eq!((store.count(), store.revision()), (150, 151));
        assert_eq!((other.count(), other.revision()), (150, 151));
        let mut mine = store.changes(1).unwrap().with_old_values().unwrap();
        let mut theirs = other.changes(1).unwrap().with_old_values().unwrap();
        let commits = told(&mut mine);
        assert_eq!(commits.len(), 150);
        assert_each_adds_one(&commits);
        assert_eq!(told(&mut theirs), commits);
        drop((mine, store));
        other.set_note("still open".into()).wait().unwrap();
        drop((theirs, other));
        let store = location.open();
        assert_eq!((store.count(), store.revision()), (150, 152));
    });
}

#[test]
fn a_read_shows_what_another_opening_was_told_is_committed() {
    each_with(Ability::FreshReads, |location| {
        let (store, other) = (location.open(), location.open_beside());
        for count in (1..=50).step_by(2) {
            store.set_count(count).wait().unwrap();
            assert_eq!((other.count(), other.revision()), (count, count + 1));
            other.set_count(count + 1).wait().unwrap();
            assert_eq!(store.snapshot().count, count + 1);
        }
    });
}

#[test]
fn processes_lose_no_increment_and_each_is_told_by_whom() {
    each_with(Ability::OtherProcesses, |location| {
        let store = location.open();
        let mut changes = store.changes(1).unwrap();
        let worker = location.worker("increment", &["2", "50"]);
        let mut pids = BTreeSet::from([worker.child.id(), std::process::id()]);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        store.update_count(|count| *count += 1).wait().unwrap();
                    }
                });
            }
        });
        worker.finish();
        for count in 1..=200_u64 {
            let change = next(&mut changes);
            assert_eq!(change.revision(), count + 1);
            assert_eq!(edits(&change)[0].2, Some(count.to_string()));
            pids.insert(change.pid());
        }
        assert_eq!(pids.len(), 2, "{pids:?}");
        assert_eq!(store.update_count(|count| *count).wait().unwrap(), 200);
        let mut watch = store.watch_note();
        location.worker("set-note", &["theirs"]).finish();
        assert_eq!(watch.wait(LONG).unwrap().unwrap(), "theirs");
    });
}

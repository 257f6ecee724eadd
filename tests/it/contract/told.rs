//! A program that asks is told of commits: of each one, in order, or of the newest state. What cannot be told any more
//! is said.

use std::{sync::mpsc::channel, thread, time::Duration};

use worsen::{Durability, ErrorKind};
use worsen_tests::State;

use super::kinds::{Ability, LONG, assert_told, each, each_with, edit, edits, in_time, next, told};

#[test]
fn every_commit_is_told_once_in_order_with_its_old_values() {
    each(|location| {
        let store = location.open();
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        assert!(changes.try_next().is_none());
        store.set_count(1).wait().unwrap();
        let both = store.update(|state| {
            state.count = 2;
            state.note = "noted".into();
        });
        both.wait().unwrap();
        let jobs = store.update_jobs(|jobs| jobs.push_back("job".into()));
        jobs.wait().unwrap();
        store.reset_note().wait().unwrap();
        let first = next(&mut changes);
        assert_eq!(first.pid(), std::process::id());
        assert!(first.at().ends_with('Z'), "{}", first.at());
        assert_eq!(edits(&first), [edit("count", "0", "1")]);
        let reset = ("note".to_owned(), Some("\"noted\"".to_owned()), None);
        assert_eq!(
            told(&mut changes),
            [
                (
                    3,
                    vec![
                        edit("count", "1", "2"),
                        edit("note", "\"seeded\"", "\"noted\""),
                    ]
                ),
                (4, vec![edit("jobs", "[]", "[\"job\"]")]),
                (5, vec![reset]),
            ]
        );
        assert_eq!(changes.revision(), 5);
        assert!(changes.try_next().is_none());
        assert!(changes.wait(Duration::from_millis(1)).is_none());
        // A reader that begins later is told the same, from there on, and no old values unasked.
        let mut later = store.changes(4).unwrap();
        let reset = ("note".to_owned(), None, None);
        assert_eq!(told(&mut later), [(5, vec![reset])]);
        // The seeds are the first commit of all.
        let mut all = store.changes(0).unwrap();
        let seeds = edits(&next(&mut all));
        assert_eq!(seeds.len(), 3);
        assert!(seeds.contains(&edit("note", None, "\"seeded\"")));
        assert_eq!(told(&mut all).len(), 4);
    });
}

#[test]
fn commits_are_told_while_they_are_made_to_threads_and_to_tasks() {
    each(|location| {
        let store = location.open();
        let mut waits = store.changes(1).unwrap();
        let mut polls = store.changes(1).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for count in 1..=40 {
                    store.set_count(count).wait().unwrap();
                }
            });
            scope.spawn(|| {
                in_time(async {
                    for revision in 2..=41 {
                        let change = polls.next().await.unwrap();
                        assert_eq!(change.revision(), revision);
                    }
                });
            });
            for count in 1..=40_u64 {
                let change = next(&mut waits);
                let told = change.entries().next().unwrap().new_value();
                assert_eq!(told, Some(&*count.to_string()));
            }
        });
    });
}

/// A number of so many bytes, or of as many as it has.
fn padded(number: u64, bytes: usize) -> String {
    let number = number.to_string();
    "0".repeat(bytes.saturating_sub(number.len())) + &number
}

#[test]
fn commits_that_cannot_be_told_any_more_are_a_gap_that_is_said_once() {
    each(|location| {
        let builder = location.builder::<State>();
        let store = builder.durability(Durability::Buffered).open().unwrap();
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        store.set_count(1).wait().unwrap();
        assert_eq!(next(&mut changes).revision(), 2);
        let (commits, bytes) = location.forgets_after();
        for number in 0..commits {
            store.set_note(padded(number, bytes)).wait().unwrap();
        }
        // Each is told, or is in the one gap, which says of which commits it is.
        let note = |revision| format!("\"{}\"", padded(revision - 3, bytes));
        let (mut expected, mut gaps) = (3, 0);
        while let Some(next) = changes.try_next() {
            match next {
                Ok(change) => {
                    assert_eq!(change.revision(), expected);
                    let edits = edits(&change);
                    let (uid, old, new) = &edits[0];
                    assert_eq!((edits.len(), &**uid), (1, "note"));
                    // They are long, so they are not printed.
                    assert!(*new == Some(note(expected)));
                    let is_first = expected == 3;
                    assert!(is_first || *old == Some(note(expected - 1)));
                }
                Err(gap) => {
                    assert_told(&gap, ErrorKind::Gap, "state");
                    let said = gap.to_string();
                    let which = format!("commits {expected} to {} ", changes.revision());
                    assert!(said.contains(&which), "{said}");
                    gaps += 1;
                }
            }
            expected = changes.revision() + 1;
        }
        assert_eq!((gaps, expected), (1, store.revision() + 1));
    });
}

#[test]
fn a_watch_yields_the_newest_value_and_never_misses_the_last_one() {
    each(|location| {
        let store = location.open();
        let mut counts = store.watch_count();
        let mut states = store.watch();
        store.set_note("other field".into()).wait().unwrap();
        assert!(counts.wait(Duration::ZERO).is_none());
        let state = states.wait(Duration::ZERO).unwrap().unwrap();
        assert_eq!((&*state.note, state.revision()), ("other field", 2));
        store.set_count(1).wait().unwrap();
        store.set_count(2).wait().unwrap();
        assert_eq!(counts.wait(Duration::ZERO).unwrap().unwrap(), 2);
        assert!(counts.wait(Duration::ZERO).is_none());
        let mut polls = store.watch_count();
        thread::scope(|scope| {
            scope.spawn(|| {
                for count in 3..=60 {
                    store.set_count(count).wait().unwrap();
                }
            });
            scope.spawn(|| {
                in_time(async { while polls.next().await.unwrap() < 60 {} });
            });
            let mut last = 2;
            while last < 60 {
                let count = counts.wait(LONG).expect("a change is told").unwrap();
                assert!(count > last, "{count} after {last}");
                last = count;
            }
        });
        assert!(counts.wait(Duration::ZERO).is_none());
    });
}

#[test]
fn a_function_is_called_at_changes_until_its_guard_is_dropped() {
    each(|location| {
        let store = location.open();
        let (send, states) = channel();
        let guard = store.on_change(move |state| {
            let state = state.unwrap();
            send.send((state.revision(), state.count)).unwrap();
        });
        let guard = guard.unwrap();
        let mut last = (1, 0);
        for count in 1..=10 {
            store.set_count(count).wait().unwrap();
            while last.1 < count {
                let state = states.recv_timeout(LONG).expect("it is called");
                assert!(state.0 > last.0, "{state:?} after {last:?}");
                last = state;
            }
            assert_eq!(last, (count + 1, count));
        }
        drop(guard);
        // What it sends by goes with it.
        assert!(states.recv_timeout(LONG).is_err());
        store.set_count(11).wait().unwrap();
    });
}

#[test]
fn what_another_opening_commits_is_told_as_well() {
    each_with(Ability::TwoOpenings, |location| {
        let store = location.open();
        let other = location.open_beside();
        let mut watch = store.watch_count();
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        let (send, called) = channel();
        let _guard = store.on_change(move |state| {
            // Nobody may listen any more.
            let _ = send.send(state.unwrap().count);
        });
        other.set_count(1).wait().unwrap();
        assert_eq!(watch.wait(LONG).unwrap().unwrap(), 1);
        assert_eq!(called.recv_timeout(LONG), Ok(1));
        assert_eq!(edits(&next(&mut changes)), [edit("count", "0", "1")]);
        store.set_count(2).wait().unwrap();
        other.set_count(3).wait().unwrap();
        let commits = [next(&mut changes), next(&mut changes)];
        assert_eq!(commits.each_ref().map(|change| change.revision()), [3, 4]);
        assert_eq!(edits(&commits[0]), [edit("count", "1", "2")]);
        assert_eq!(edits(&commits[1]), [edit("count", "2", "3")]);
    });
}

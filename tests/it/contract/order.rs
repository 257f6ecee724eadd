//! Every store is one sequence of commits, each with the revision after that of the one before; and these
//! commits, one after the other, lead to its state.

use std::{collections::BTreeMap, thread};

use worsen::{Durability, PersistentStore};
use worsen_tests::Random;

use super::kinds::{Ability, each, edit, in_one_group, queued, told};

#[test]
fn revisions_count_the_commits_without_a_gap() {
    each(|location| {
        let store = location.open();
        assert_eq!(store.revision(), 1, "the seeds are one commit");
        for count in 1..=10 {
            store.set_count(count).wait().unwrap();
            assert_eq!(store.revision(), count + 1);
            assert_eq!(store.snapshot().revision(), count + 1);
        }
        let revisions = |after: u64| {
            let commits = told(&mut store.changes(after).unwrap());
            let revisions = commits.into_iter().map(|(revision, _)| revision);
            revisions.collect::<Vec<_>>()
        };
        assert_eq!(revisions(0), (1..=11).collect::<Vec<_>>());
        assert_eq!(revisions(7), (8..=11).collect::<Vec<_>>());
        assert!(revisions(11).is_empty());
        assert!(revisions(u64::MAX).is_empty());
        if location.can(Ability::Reopening, "counting on after reopening") {
            drop(store);
            let store = location.open();
            assert_eq!(store.revision(), 11);
            store.set_count(11).wait().unwrap();
            assert_eq!(store.revision(), 12);
        }
    });
}

#[test]
fn the_commits_of_one_group_keep_the_order_in_which_they_were_queued() {
    each(|location| {
        let store = location.open();
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        let group = in_one_group(&store, || {
            let mut group = Vec::new();
            for round in 1..=5_u64 {
                group.push(queued(store.update_count(move |count| {
                    *count += round;
                    *count
                })));
                store.set_note(format!("round {round}")).detach();
            }
            group
        });
        let sums = group.into_iter().map(pollster::block_on);
        let sums: Vec<u64> = sums.map(Result::unwrap).collect();
        assert_eq!(sums, [1, 3, 6, 10, 15]);
        store.sync().wait().unwrap();
        assert_eq!((store.count(), store.note()), (15, "round 5".into()));
        let commits = told(&mut changes);
        assert_eq!(commits.len(), 10, "{commits:?}");
        let (counts, notes): (Vec<_>, Vec<_>) =
            commits.iter().partition(|(revision, _)| revision % 2 == 0);
        let counts: Vec<_> = counts.into_iter().cloned().collect();
        let count = |revision, old, new| (revision, vec![edit("count", old, new)]);
        assert_eq!(
            counts,
            [
                count(2, "0", "1"),
                count(4, "1", "3"),
                count(6, "3", "6"),
                count(8, "6", "10"),
                count(10, "10", "15"),
            ]
        );
        let note = |revision, old, new| (revision, vec![edit("note", old, new)]);
        assert_eq!(*notes[0], note(3, "\"seeded\"", "\"round 1\""));
        assert_eq!(*notes[4], note(11, "\"round 4\"", "\"round 5\""));
        assert_eq!(store.revision(), 11);
    });
}

/// Everything, as JSON.
fn state(store: &PersistentStore<u64>) -> BTreeMap<String, String> {
    let all = store.iter();
    all.map(|(uid, value)| (uid, value.to_string())).collect()
}

/// What all commits from the first on lead to; each finds what the one before left.
fn replayed(store: &PersistentStore<u64>) -> BTreeMap<String, String> {
    let mut changes = store.changes(0).unwrap().with_old_values().unwrap();
    let mut state = BTreeMap::new();
    for (at, (revision, edits)) in told(&mut changes).into_iter().enumerate() {
        assert_eq!(revision, at as u64 + 1);
        assert!(!edits.is_empty(), "revision {revision} changes nothing");
        for (uid, old, new) in edits {
            let before = match new {
                Some(new) => state.insert(uid.clone(), new),
                None => state.remove(&uid),
            };
            assert_eq!(before, old, "of `{uid}`, at revision {revision}");
        }
    }
    assert_eq!(changes.revision(), store.revision());
    state
}

#[test]
fn all_commits_from_the_first_on_lead_to_the_state() {
    each(|location| {
        let builder = location.keyed::<u64>("keyed");
        let store = builder.durability(Durability::Buffered).open().unwrap();
        let seed = Random::seeded("all_commits_from_the_first_on_lead_to_the_state").0;
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = store.clone();
                scope.spawn(move || {
                    let mut random = Random(seed.wrapping_add(thread));
                    for _ in 0..60 {
                        let uid = format!("uid {}", random.below(6));
                        let other = format!("uid {}", random.below(6));
                        let value = random.below(4);
                        match random.below(5) {
                            0 => store.remove(uid).wait().map(drop).unwrap(),
                            1 => store.write(uid, value).detach(),
                            2 => store.write(uid, value).wait().unwrap(),
                            3 => store
                                .update(uid, |value| *value = value.map(|value| value + 1))
                                .wait()
                                .unwrap(),
                            _ => store
                                .update_all(move |all| {
                                    all.remove(&uid);
                                    all.set(other, value);
                                })
                                .wait()
                                .unwrap(),
                        }
                    }
                });
            }
        });
        store.sync().wait().unwrap();
        let end = state(&store);
        assert_eq!(replayed(&store), end);
        if location.can(Ability::Reopening, "replaying after reopening") {
            let revision = store.revision();
            drop(store);
            let store = location.open_keyed::<u64>();
            assert_eq!((store.revision(), state(&store)), (revision, end));
            assert_eq!(replayed(&store), state(&store));
        }
    });
}

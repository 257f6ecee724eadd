//! A commit happens as a whole or not at all, and alone: what fails beside it, in the same group, takes nothing
//! away from it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use worsen::{Durability, ErrorKind};
use worsen_tests::State;

use super::kinds::{Ability, assert_told, each, edit, in_one_group, queued, told};

#[test]
fn a_commit_over_several_fields_is_seen_whole_or_not_at_all() {
    each(|location| {
        let builder = location.builder::<State>();
        let store = builder.durability(Durability::Buffered).open().unwrap();
        store.set_note("0".into()).wait().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0;
                while !done.load(Relaxed) {
                    let state = store.snapshot();
                    assert_eq!(state.count.to_string(), state.note);
                    assert_eq!(state.jobs.len() as u64, state.count % 4);
                    assert!(state.revision() >= last);
                    last = state.revision();
                }
            });
            for count in 1..=300_u64 {
                let commit = store.update(move |state| {
                    state.count = count;
                    state.note = count.to_string();
                    state.jobs.push_back(count.to_string());
                    if count % 4 == 0 {
                        state.jobs.clear();
                    }
                });
                commit.wait().unwrap();
            }
            done.store(true, Relaxed);
            reader.join().unwrap();
        });
        let commits = told(&mut store.changes(2).unwrap());
        assert_eq!(commits.len(), 300);
        assert!(commits.iter().all(|(_, edits)| edits.len() == 3));
        if location.can(Ability::Reopening, "reading after reopening") {
            drop(store);
            let state = location.open().snapshot();
            assert_eq!((state.count, &*state.note), (300, "300"));
            assert_eq!((state.jobs.len(), state.revision()), (0, 302));
        }
    });
}

#[test]
fn what_fails_in_a_group_is_undone_alone_and_the_others_stand() {
    each(|location| {
        let store = location.builder::<State>();
        let store = store.max_commit_bytes(1_000).open().unwrap();
        let mut changes = store.changes(1).unwrap().with_old_values().unwrap();
        let (first, refused, panics, large, last) = in_one_group(&store, || {
            let first = queued(store.update(|state| {
                state.count += 1;
                state.count
            }));
            let refused = queued(store.try_update(|state| {
                state.count += 100;
                state.note.push('!');
                state.jobs.push_back("never".into());
                Err::<(), _>(state.count)
            }));
            let panics = queued(store.update(|state| -> () {
                state.count += 1_000;
                state.note.clear();
                panic!("on purpose");
            }));
            let large = queued(store.update(|state| {
                state.count += 10_000;
                state.note = "n".repeat(1_000);
            }));
            let last = queued(store.update(|state| {
                state.count += 10;
                (state.count, state.note.clone())
            }));
            (first, refused, panics, large, last)
        });
        assert_eq!(pollster::block_on(first).unwrap(), 1);
        assert_eq!(pollster::block_on(refused).unwrap(), Err(101));
        let panic = catch_unwind(AssertUnwindSafe(|| pollster::block_on(panics)));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"on purpose"));
        let error = pollster::block_on(large).unwrap_err();
        assert_told(&error, ErrorKind::TooLarge, "state");
        assert_eq!(pollster::block_on(last).unwrap(), (11, "seeded".into()));
        let state = store.snapshot();
        assert_eq!((state.count, &*state.note), (11, "seeded"));
        assert_eq!((state.jobs.len(), state.revision()), (0, 3));
        assert_eq!(
            told(&mut changes),
            [
                (2, vec![edit("count", "0", "1")]),
                (3, vec![edit("count", "1", "11")]),
            ]
        );
        if location.can(Ability::Reopening, "reading after reopening") {
            drop((state, changes, store));
            let state = location.open().snapshot();
            assert_eq!((state.count, &*state.note), (11, "seeded"));
            assert_eq!((state.jobs.len(), state.revision()), (0, 3));
        }
    });
}

#[test]
fn a_panic_of_a_thread_that_waits_goes_on_in_it_and_the_store_goes_on_too() {
    each(|location| {
        let store = location.open();
        let panics = store.update_note(|note| -> () {
            note.clear();
            panic!("on purpose");
        });
        let panic = catch_unwind(AssertUnwindSafe(|| panics.wait())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
        assert_eq!((store.note(), store.revision()), ("seeded".into(), 1));
        store.update_note(|note| note.push('!')).wait().unwrap();
        assert_eq!((store.note(), store.revision()), ("seeded!".into(), 2));
    });
}

#[test]
fn a_write_that_changes_nothing_commits_nothing() {
    each(|location| {
        let store = location.open();
        store.set_count(1).wait().unwrap();
        let mut changes = store.changes(2).unwrap();
        let mut watch = store.watch();
        store.set_count(1).wait().unwrap();
        store.update(|_| ()).wait().unwrap();
        store.update_jobs(|_| ()).wait().unwrap();
        let there_and_back = store.update(|state| {
            state.count += 1;
            state.count -= 1;
        });
        there_and_back.wait().unwrap();
        in_one_group(&store, || {
            store.set_count(1).detach();
            store.set_note("seeded".into()).detach();
        });
        store.sync().wait().unwrap();
        assert_eq!(store.revision(), 2);
        assert!(changes.try_next().is_none());
        assert!(watch.wait(std::time::Duration::ZERO).is_none());
    });
}

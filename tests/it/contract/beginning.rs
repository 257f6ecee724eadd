//! What a store begins with, and how it comes back to that: seeds, which an empty store alone takes. What a field
//! reads as that a store has no value for, and what becomes of values that a struct has no field for.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use worsen::Store;
use worsen_tests::State;

use super::kinds::{Ability, each, each_with, edits, next, told};

fn seed(count: u64, note: &str) -> State {
    State {
        count,
        note: note.into(),
        jobs: ["first".into()].into(),
    }
}

#[test]
fn seeds_are_one_commit_of_an_empty_store_alone() {
    each(|location| {
        let made = Arc::new(AtomicU32::new(0));
        let open = |count, note: &'static str| {
            let made = made.clone();
            let builder = location.builder::<State>().seed_with(move || {
                made.fetch_add(1, Relaxed);
                seed(count, note)
            });
            builder.open().unwrap()
        };
        let store = open(5, "one");
        assert!(store.was_created());
        assert_eq!((store.count(), store.note()), (5, "one".into()));
        assert_eq!((store.jobs().len(), store.revision()), (1, 1));
        let mut changes = store.changes(0).unwrap().with_old_values().unwrap();
        let seeds = edits(&next(&mut changes));
        assert_eq!(seeds.len(), 3);
        assert!(seeds.iter().all(|(_, old, _)| old.is_none()));
        if location.can(Ability::Reopening, "seeding what is there") {
            store.set_count(6).wait().unwrap();
            drop((changes, store));
            let store = open(7, "two");
            assert!(!store.was_created());
            assert_eq!((store.count(), store.note()), (6, "one".into()));
            assert_eq!(store.revision(), 2);
            assert_eq!(made.load(Relaxed), 1, "nobody needs the others");
        }
    });
}

#[test]
fn what_is_reset_is_at_its_seed_again_in_one_commit() {
    each(|location| {
        let builder = location.builder::<State>();
        let store = builder.seed(seed(5, "one")).open().unwrap();
        let change = || {
            let change = store.update(|state| {
                state.count = 6;
                state.note = "two".into();
                state.jobs.clear();
            });
            change.wait().unwrap();
        };
        change();
        let mut changes = store.changes(2).unwrap();
        store.reset_note().wait().unwrap();
        let state = store.snapshot();
        assert_eq!((state.count, &*state.note), (6, "one"));
        assert_eq!((state.jobs.len(), state.revision()), (0, 3));
        store.reset_note().wait().unwrap();
        assert_eq!(store.revision(), 3, "there is nothing left to reset");
        change();
        store.reset().wait().unwrap();
        let state = store.snapshot();
        assert_eq!((state.count, &*state.note), (5, "one"));
        assert_eq!((state.jobs.len(), state.revision()), (1, 5));
        store.reset().wait().unwrap();
        assert_eq!(store.revision(), 5);
        let sizes = told(&mut changes).into_iter();
        let sizes: Vec<usize> = sizes.map(|(_, edits)| edits.len()).collect();
        assert_eq!(sizes.len(), 3);
        assert_eq!((sizes[0], sizes[2]), (1, 3));
        if location.can(Ability::Reopening, "reading after reopening") {
            drop((state, changes, store));
            let builder = location.builder::<State>();
            let store = builder.seed(seed(5, "one")).open().unwrap();
            assert_eq!((store.count(), store.note()), (5, "one".into()));
            assert!(store.revision() >= 5, "its revisions go on");
        }
    });
}

/// The store by an older or newer program, which knows another field and misses some.
#[derive(Store)]
#[store(name = "state")]
struct Other {
    count: u64,
    #[store(seed = 42)]
    answer: u32,
}

#[test]
fn another_version_of_a_struct_finds_its_seeds_and_carries_along_what_it_does_not_know() {
    each_with(Ability::Reopening, |location| {
        let store = location.open();
        store.set_note("kept".into()).wait().unwrap();
        drop(store);
        let other = location.builder::<Other>().open().unwrap();
        assert_eq!((other.count(), other.answer()), (0, 42));
        assert_eq!(other.revision(), 2, "a field that is new commits nothing");
        other.update(|state| state.count += 1).wait().unwrap();
        other.set_answer(43).wait().unwrap();
        drop(other);
        let store = location.open();
        assert_eq!((store.count(), store.note()), (1, "kept".into()));
        store.set_count(2).wait().unwrap();
        drop(store);
        let other = location.builder::<Other>().open().unwrap();
        assert_eq!((other.count(), other.answer()), (2, 43));
    });
}

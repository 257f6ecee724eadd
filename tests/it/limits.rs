//! Writes that are too large: refused as a whole, with the limit's name, and the store goes on.

use std::sync::{Arc, Mutex};

use worsen::{Durability, ErrorKind, Store};
use worsen_tests::{State, StateStore};

use crate::support::folder;

fn refused(store: &StateStore, outcome: worsen::Result<()>, option: &str) {
    let before = store.revision();
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    let said = error.to_string();
    assert!(said.contains(option), "{said}");
    assert!(said.contains("store `state`"), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(store.count(), 0);
    assert_eq!(store.note(), "seeded");
    store.update_count(|count| *count += 1).wait().unwrap();
    store.update_count(|count| *count -= 1).wait().unwrap();
    assert_eq!(store.revision(), before + 2);
}

#[test]
fn a_commit_may_have_so_many_bytes() {
    let folder = folder();
    let open = |bytes| {
        State::builder()
            .dir(folder.path())
            .max_commit_bytes(bytes)
            .open()
            .unwrap()
    };
    let store = open(100);
    let outcome = store.update(|state| {
        state.count = 7;
        state.note = "n".repeat(100);
    });
    refused(&store, outcome.wait(), "max_commit_bytes");
    drop(store);
    let store = open(1000);
    store.set_note("n".repeat(100)).wait().unwrap();
    drop(store);
    // A limit is for writes: what is there already reads as before.
    let store = open(100);
    assert_eq!(store.note().len(), 100);
    store.set_note("short".to_owned()).wait().unwrap();
}

#[test]
fn values_may_be_so_deep_in_each_other() {
    #[derive(Store)]
    struct Deep {
        value: Vec<Vec<Vec<u8>>>,
    }
    let store = Deep::builder().in_memory().max_nesting(2).open().unwrap();
    // Short and deep, and long and flat.
    store.set_value(vec![vec![]]).wait().unwrap();
    store.set_value(vec![vec![]; 50]).wait().unwrap();
    let error = store.set_value(vec![vec![vec![1, 2]]]).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.uid(), Some("value"));
    assert!(error.to_string().contains("max_nesting"), "{error}");
    assert_eq!(store.value().len(), 50);
}

#[test]
fn a_store_may_have_so_many_uids() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .max_uids(3)
        .open()
        .unwrap();
    // Three fields: no uid is new.
    store.set_count(1).wait().unwrap();
    drop(store);
    let error = State::builder()
        .dir(folder.path())
        .name("state2")
        .max_uids(2)
        .open()
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("max_uids"), "{error}");
}

#[test]
fn compactions_tell_how_far_they_are() {
    let folder = folder();
    let told = Arc::new(Mutex::new(Vec::new()));
    let store = State::builder()
        .dir(folder.path())
        .durability(Durability::Buffered)
        .on_compaction({
            let told = told.clone();
            move |compaction| {
                told.lock().unwrap().push(compaction);
                assert!(
                    !compaction.is_done(),
                    "a panic of the listener stops nothing"
                );
            }
        })
        .open()
        .unwrap();
    let note = "n".repeat(3 << 20);
    let mut times = 0;
    while !told.lock().unwrap().iter().any(|told| told.is_done()) {
        times += 1;
        assert!(times < 20, "it never compacted");
        store.set_note(format!("{times}{note}")).wait().unwrap();
    }
    let told = told.lock().unwrap();
    assert_eq!(told[0].written(), 0);
    assert!(told.len() > 6, "only {} times", told.len());
    assert!(
        told.windows(2)
            .all(|two| two[0].written() < two[1].written())
    );
    assert!(told.iter().all(|one| one.total() == told[0].total()));
    assert_eq!(store.note().len(), note.len() + times.to_string().len());
}

//! Writes that fail while nobody waits for them: `sync` tells of them.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use worsen::{ErrorKind, PersistentStore, Store};

use crate::support::folder;

#[derive(Store)]
struct Note {
    note: String,
    count: u64,
}

fn long() -> String {
    "x".repeat(1000)
}

fn open() -> NoteStore {
    let builder = Note::builder().in_memory().max_commit_bytes(200);
    builder.open().unwrap()
}

#[test]
fn a_sync_tells_of_detached_writes_that_failed() {
    let store = open();
    store.set_note(long()).detach();
    store.set_count(1).detach();
    store.set_note(long()).detach();
    // By whichever clone, and beside a write that succeeds.
    let other = store.clone();
    other.set_count(2).wait().unwrap();
    let error = pollster::block_on(other.sync()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let told = error.to_string();
    assert!(
        told.contains("2 writes that nobody waited for failed"),
        "{told}"
    );
    // It was told.
    store.sync().wait().unwrap();
    assert_eq!(store.count(), 2);
}

#[test]
fn a_sync_tells_of_a_write_that_was_polled_once_and_dropped() {
    let store = open();
    {
        let mut write = pin!(store.set_note(long()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(write.as_mut().poll(&mut context).is_pending());
    }
    let error = store.sync().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    store.sync().wait().unwrap();
}

#[test]
fn a_sync_tells_of_a_detached_closure_that_panicked_or_was_started_within_another() {
    let store = open();
    store.update_count(|_| panic!("on purpose")).detach();
    let error = store.sync().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked, "{error}");
    let own = store.clone();
    let within = move |_: &mut u64| own.set_count(3).detach();
    store.update_count(within).wait().unwrap();
    let error = store.sync().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Nested, "{error}");
    store.sync().wait().unwrap();
}

#[test]
fn what_somebody_waited_for_is_not_told_again_and_a_sync_that_nobody_hears_tells_nothing_away() {
    let store = open();
    store.set_note(long()).wait().unwrap_err();
    pollster::block_on(store.set_note(long())).unwrap_err();
    store.sync().wait().unwrap();
    store.set_note(long()).detach();
    store.sync().detach();
    store.set_count(1).wait().unwrap();
    let error = store.sync().wait().unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains(": a write that nobody waited for failed"),
        "{told}"
    );
}

#[test]
fn a_sync_of_a_keyed_store_tells_of_detached_writes_that_failed() {
    let folder = folder();
    let builder = PersistentStore::<String>::builder("keyed").dir(folder.path());
    let store = builder.max_commit_bytes(200).open().unwrap();
    store.write("a", long()).detach();
    let error = store.sync().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    store.sync().wait().unwrap();
}

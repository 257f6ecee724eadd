//! A function that is called at changes: on a thread of its own, so that nothing it does harms anybody, and not
//! any more once its guard is gone.

use std::{
    sync::mpsc::{channel, sync_channel},
    thread,
    time::Duration,
};

use worsen::Store;
use worsen_tests::State;

use crate::support::{Worker, folder, open};

/// For what has to come.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_change_by_this_process_and_by_another_one_is_told() {
    let folder = folder();
    let store = open(folder.path());
    let (send, told) = channel();
    let guard = store.on_change(move |state| {
        let state = state.unwrap();
        send.send((state.count, state.note.clone())).unwrap();
    });
    store.set_count(1).wait().unwrap();
    assert_eq!(told.recv_timeout(LONG).unwrap().0, 1);
    Worker::start("set-note", folder.path(), &["theirs"]).finish();
    assert_eq!(told.recv_timeout(LONG).unwrap(), (1, "theirs".into()));
    drop(guard);
    // What it sent by is gone with it, as soon as the thread has ended.
    assert!(told.recv_timeout(LONG).is_err());
    store.set_count(2).wait().unwrap();
    drop(store);
    assert_eq!(
        open(folder.path()).count(),
        2,
        "it keeps the store open no longer"
    );
}

#[test]
fn the_function_may_write_and_wait_for_it() {
    let store = State::builder().in_memory().open().unwrap();
    let (send, told) = channel();
    let writer = store.clone();
    let _guard = store.on_change(move |state| {
        if state.unwrap().note != "seen" {
            writer.set_note("seen".into()).wait().unwrap();
            send.send(()).unwrap();
        }
    });
    store.set_count(1).wait().unwrap();
    told.recv_timeout(LONG).expect("the function hangs");
    assert_eq!(store.note(), "seen");
}

#[test]
fn the_function_may_drop_its_own_guard_and_the_last_handle() {
    let folder = folder();
    let store = open(folder.path());
    let (give, take) = channel();
    let (send, told) = channel();
    let last = store.clone();
    let mut last = Some(last);
    let guard = store.on_change(move |_| {
        drop(take.recv());
        drop(last.take());
        send.send(()).unwrap();
    });
    store.set_count(1).wait().unwrap();
    drop(store);
    give.send(guard.unwrap()).unwrap();
    told.recv_timeout(LONG).expect("the function hangs");
    assert!(told.recv_timeout(LONG).is_err(), "it is called again");
    assert_eq!(open(folder.path()).count(), 1);
}

#[test]
fn a_function_that_blocks_or_panics_holds_up_no_write_and_no_other_function() {
    let store = State::builder().in_memory().open().unwrap();
    let (release, may_end) = sync_channel::<()>(0);
    let _blocks = store.on_change(move |_| {
        // It ends when this fails.
        let _ = may_end.recv();
    });
    let _panics = store.on_change(|_| panic!("on purpose"));
    let (send, told) = channel();
    let _tells = store.on_change(move |state| send.send(state.unwrap().count).unwrap());
    for count in 1..=3 {
        store.set_count(count).wait().unwrap();
        while told
            .recv_timeout(LONG)
            .expect("another function holds it up")
            < count
        {}
    }
    drop(release);
}

#[test]
fn a_guard_can_be_dropped_by_whom_its_function_waits_for() {
    let store = State::builder().in_memory().open().unwrap();
    let (called, is_called) = channel();
    let (release, may_end) = channel::<()>();
    let guard = store.on_change(move |_| {
        called.send(()).unwrap();
        // It ends when this fails.
        let _ = may_end.recv();
    });
    store.set_count(1).wait().unwrap();
    is_called.recv_timeout(LONG).unwrap();
    let (done, is_done) = channel();
    thread::spawn(move || {
        drop(guard);
        drop(release);
        done.send(()).unwrap();
    });
    is_done
        .recv_timeout(LONG)
        .expect("the drop waits for the function");
}

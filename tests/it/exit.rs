//! How a program ends: what it has written without waiting is there afterwards, and its end is not held up.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Worker, folder, open};

/// What a worker detaches.
const WRITES: u64 = 200;

/// Has a worker detach its writes and end in this way. It is killed where it does not end.
fn ends(dir: &Path, how: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
        .args(["detach-and-end".as_ref(), dir.as_os_str(), how.as_ref()])
        .arg(WRITES.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("it does not end by `{how}`");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{how}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_was_detached_is_written_before_the_program_ends() {
    for how in [
        "main-returns-beside-a-watch",
        "leaked",
        "static",
        "exit",
        "exit-in-a-waker",
        "exit-in-another-thread",
        "polled-once",
        "buffered",
    ] {
        let folder = folder();
        ends(folder.path(), how);
        assert_eq!(open(folder.path()).count(), WRITES, "{how}");
    }
}

#[test]
fn two_stores_are_finished_before_the_program_ends() {
    let folder = folder();
    let other = folder.path().join("other");
    ends(folder.path(), "two-stores");
    assert_eq!(open(folder.path()).count(), WRITES);
    assert_eq!(open(&other).count(), WRITES);
}

#[test]
fn a_closure_that_ends_the_program_does_not_hold_it_up() {
    let folder = folder();
    ends(folder.path(), "exit-in-a-closure");
    let count = open(folder.path()).count();
    assert!(count <= WRITES, "{count}");
}

#[test]
fn the_end_of_a_program_waits_for_the_lock_no_longer_than_its_time_out() {
    let folder = folder();
    let count = WRITES.to_string();
    let mut ending = Worker::start("detach-and-end", folder.path(), &["when-told", &count]);
    assert_eq!(ending.line().as_deref(), Some("open"));
    let mut holder = Worker::start("hold-the-lock", folder.path(), &[]);
    assert_eq!(holder.line().as_deref(), Some("held"));
    // It ends, and the lock is held as long as that takes.
    ending.finish();
    holder.kill();
    assert_eq!(open(folder.path()).count(), 0);
}

#[test]
fn the_end_of_a_forked_child_leaves_its_parents_writes_alone() {
    let folder = folder();
    let told = ends(folder.path(), "fork");
    assert!(told.contains("child ended"), "{told}");
    assert_eq!(open(folder.path()).count(), WRITES);
}

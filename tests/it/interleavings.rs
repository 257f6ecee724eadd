//! What another process does in the middle of an operation: within a sync, and within a write.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use worsen::{
    Changes, ErrorKind,
    testing::{Fault, Moment, Operation, OperationKind, Repeat, SimulatedDisk},
};

use crate::machine::{BUFFERED, LOG, Op, Opened, READ_ONLY, open, open_as};

/// Whether it is of this kind, on the log or on a file that was made to be the log.
fn is_on_log(operation: &Operation, kind: OperationKind) -> bool {
    let path = operation.path().to_string_lossy();
    operation.kind() == kind && path.starts_with(LOG)
}

/// Does something before or after the next sync of the log.
fn at_sync(disk: &SimulatedDisk, moment: Moment, deed: impl FnOnce() + Send + 'static) {
    disk.interrupt(moment, |next| is_on_log(next, OperationKind::Sync), deed);
}

/// The next write into the log takes a half of what it is given, of which one line is whole. Then this
/// happens, and then the disk is full.
fn within_write(disk: &SimulatedDisk, deed: impl FnOnce() + Send + 'static) {
    let is_write = |next: &Operation| is_on_log(next, OperationKind::Write);
    disk.fail_where(is_write, Fault::ShortWrite, Repeat::Once);
    disk.fail_where(is_write, Fault::NoSpace, Repeat::Once);
    disk.interrupt(Moment::After, is_write, deed);
}

fn is_done(disk: &SimulatedDisk) -> bool {
    disk.interruptions_left() == 0
}

/// Everything that this process sees is there after a power cut.
fn is_kept(disk: &SimulatedDisk, by: &Opened) {
    let (revision, state) = by.state();
    for left in disk.crash_states(100, 1) {
        let opened = open(&left).expect("it opens after a power cut");
        let what = left.origin().unwrap_or_default();
        assert_eq!(opened.state(), (revision, state.clone()), "{what}");
    }
}

#[test]
fn what_is_written_while_a_sync_runs_is_not_covered_by_it() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).unwrap();
    let other = Arc::new(open_as(&disk.new_process(), BUFFERED).unwrap());
    let late = other.clone();
    at_sync(&disk, Moment::After, move || {
        late.set("b", "written too late").unwrap()
    });
    one.set("a", "synced").unwrap();
    assert!(is_done(&disk));
    other.sync().unwrap();
    is_kept(&disk, &other);
}

#[test]
fn a_sync_says_nothing_of_a_generation_that_began_meanwhile() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).unwrap();
    for number in 0..10 {
        one.run(Op::SetLong("a"), number).unwrap();
    }
    let other = Arc::new(open_as(&disk.new_process(), BUFFERED).unwrap());
    let late = other.clone();
    at_sync(&disk, Moment::After, move || late.compact().unwrap());
    one.set("b", "synced").unwrap();
    assert!(is_done(&disk));
    other.set("c", "1").unwrap();
    other.sync().unwrap();
    is_kept(&disk, &other);
    // And the process that was late goes on in the new one.
    one.set("d", "1").unwrap();
    is_kept(&disk, &one);
}

/// How many operations of a write come before its sync.
fn sync_of_a_write(disk: &SimulatedDisk, opened: &Opened) -> usize {
    let begin = disk.trace().len();
    opened.set("x", &begin.to_string()).unwrap();
    disk.trace()[begin..]
        .iter()
        .position(|line| line.contains("sync data"))
        .expect("a write is synced")
}

#[test]
fn a_sync_beside_one_that_failed_is_not_believed() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).unwrap();
    let other = open(&disk.new_process()).unwrap();
    // The first write of a process does more: it has room kept for the backup.
    other.set("x", "first").unwrap();
    one.set("a", "kept").unwrap();
    let at = sync_of_a_write(&disk, &other);
    let ill = disk.clone();
    at_sync(&disk, Moment::Before, move || {
        ill.fail(at, Fault::Io, Repeat::Once);
        let error = other.set("b", "in doubt").unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
    });
    // Its own sync succeeds. The one that failed was of the same bytes.
    let error = one.set("a", "in doubt").unwrap_err();
    assert!(is_done(&disk));
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(one.store.read("a").as_deref(), Some("kept"));
    assert_eq!(
        one.set("a", "refused").unwrap_err().kind(),
        ErrorKind::Poisoned
    );
    drop(one);
    let one = open(&disk).unwrap();
    one.set("c", "1").unwrap();
    is_kept(&disk, &one);
}

fn next(changes: &Mutex<Changes>) -> worsen::Change {
    let next = changes.lock().unwrap().try_next();
    next.expect("there is a commit").unwrap()
}

#[test]
fn changes_do_not_tell_what_was_taken_back() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).unwrap();
    let reader = open(&disk.new_process()).unwrap();
    let changes = Arc::new(Mutex::new(reader.store.changes(0).unwrap()));
    one.set("a", "1").unwrap();
    let early = changes.clone();
    // There is a whole line behind the one that is told, and it is no commit yet.
    within_write(&disk, move || assert_eq!(next(&early).revision(), 1));
    let error = one.run(Op::Group, 7).unwrap_err();
    assert!(is_done(&disk));
    assert!(!error.is_outcome_unknown(), "{error}");
    assert!(changes.lock().unwrap().try_next().is_none());
    for (revision, text) in [(2, "2"), (3, "3")] {
        one.set("a", text).unwrap();
        let change = next(&changes);
        let json = format!("\"{text}\"");
        assert_eq!(change.revision(), revision);
        let told: Vec<_> = change.entries().map(|entry| entry.new_value()).collect();
        assert_eq!(told, [Some(&json[..])]);
    }
    assert!(changes.lock().unwrap().try_next().is_none());
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn who_only_reads_goes_on_behind_what_was_taken_back() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).unwrap();
    one.set("a", "1").unwrap();
    let reader = Arc::new(open_as(&disk.new_process(), READ_ONLY).unwrap());
    // It begins to poll, and cannot write seeds.
    let none: [(&str, String); 0] = [];
    let error = reader.store.init(Duration::from_millis(1), none);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ReadOnly);
    let early = reader.clone();
    within_write(&disk, move || {
        wait_until("it reads whatever is there", || {
            early.store.read("a").as_deref() == Some("text 7")
        });
    });
    one.run(Op::Group, 7).unwrap_err();
    assert!(is_done(&disk));
    one.set("a", "2").unwrap();
    wait_until("it reads what took its place", || {
        reader.store.read("a").as_deref() == Some("2")
    });
    assert_eq!(reader.state(), one.state());
}

//! What users of every system do: open, write, reopen, share with another process, compact, lose it to a kill,
//! restore. Under wine: `tests/wine/run.sh`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails panics"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use worsen::{ErrorKind, PersistentStore, Store};
use worsen_tests_portable::{State, StateStore, build};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &Path) -> StateStore {
    build(dir).open().unwrap()
}

fn worker(arguments: &[&str], dir: &Path) -> Child {
    let (job, rest) = arguments.split_first().unwrap();
    Command::new(env!("CARGO_BIN_EXE_portable-worker"))
        .arg(job)
        .arg(dir)
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts")
}

/// Numbers that the worker has told.
fn told(worker: Child) -> Vec<u64> {
    let output = worker.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

fn length(dir: &Path) -> u64 {
    fs::metadata(dir.join("state.db")).unwrap().len()
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(7).wait().unwrap();
    store.set_note("noted".into()).wait().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!((store.count(), store.note()), (7, "noted".into()));
    assert!(store.recovered().is_empty(), "{:?}", store.recovered());
    assert!(store.health().is_empty(), "{:?}", store.health());
}

#[test]
fn a_log_is_compacted_while_it_is_open_and_no_write_is_refused() {
    let folder = folder();
    let store = open(folder.path());
    // Another handle to the files, as in another process.
    let reader = build(folder.path()).read_only().open().unwrap();
    for count in 0..300 {
        store
            .update(move |state| {
                state.count = count;
                state.note = format!("{count:01000}");
            })
            .wait()
            .unwrap();
        assert!(length(folder.path()) < 512 * 1024, "it is never compacted");
    }
    drop((store, reader));
    let store = open(folder.path());
    assert_eq!(store.count(), 299);
    assert!(store.recovered().is_empty(), "{:?}", store.recovered());
    assert_eq!(leftovers(folder.path()), Vec::<String>::new());
}

/// Files beside the store's own three.
fn leftovers(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let own = ["state.db", "state.cache.db", "state.lock"];
    names.filter(|name| !own.contains(&name.as_str())).collect()
}

#[test]
fn processes_that_increment_beside_each_other_lose_nothing_though_the_log_is_compacted() {
    let folder = folder();
    let store = open(folder.path());
    let others = [(); 3].map(|()| worker(&["increment", "100"], folder.path()));
    for _ in 0..100 {
        store.update_count(|count| *count += 1).wait().unwrap();
    }
    for other in others {
        assert_eq!(told(other).len(), 100);
    }
    store.sync().wait().unwrap();
    assert_eq!(store.update_count(|count| *count).wait().unwrap(), 400);
    assert!(store.health().is_empty(), "{:?}", store.health());
    drop(store);
    assert_eq!(open(folder.path()).count(), 400);
}

#[test]
fn a_process_that_is_killed_loses_nothing_that_it_was_told_and_leaves_no_lock() {
    let folder = folder();
    let mut most = 0;
    for pause in [5, 20, 50, 100, 200] {
        let mut worker = worker(&["increment", "100000"], folder.path());
        let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines();
        // It is at work by then.
        let first = lines.next().unwrap().unwrap();
        thread::sleep(Duration::from_millis(pause));
        worker.kill().unwrap();
        worker.wait().unwrap();
        let last = lines
            .map_while(Result::ok)
            .filter_map(|line| line.trim().parse().ok())
            .last();
        most = last.or(first.trim().parse().ok()).unwrap_or(most);
        let store = open(folder.path());
        assert!(store.count() >= most, "{} after {most}", store.count());
        assert!(
            !store.recovered().may_have_lost(),
            "{:?}",
            store.recovered()
        );
    }
}

#[test]
fn a_lock_that_is_held_is_a_time_out_and_not_a_hang() {
    let folder = folder();
    let store = build(folder.path())
        .lock_timeout(Duration::from_millis(200))
        .open()
        .unwrap();
    let mut holder = worker(&["hold-the-lock"], folder.path());
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap().trim(), "held");
    let error = store.set_count(5).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error}");
    assert_eq!(store.count(), 0, "reads go on");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    store.update_count(|count| *count += 1).wait().unwrap();
    drop(store);
    assert_eq!(open(folder.path()).count(), 2);
}

#[test]
fn a_deleted_log_comes_back_from_the_backup() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(1).wait().unwrap();
    store.set_count(2).wait().unwrap();
    drop(store);
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let store = open(folder.path());
    assert_eq!(store.count(), 1);
    assert!(store.recovered().may_have_lost());
}

#[test]
fn a_damaged_log_is_mended_while_another_process_has_it_open() {
    let folder = folder();
    let store = open(folder.path());
    for count in 1..=20 {
        store.set_count(count).wait().unwrap();
    }
    drop(store);
    let log = folder.path().join("state.db");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    let reader = build(folder.path()).read_only().open();
    let store = open(folder.path());
    assert_eq!(store.count(), 20);
    store.set_count(21).wait().unwrap();
    drop((store, reader));
    assert_eq!(open(folder.path()).count(), 21);
}

#[test]
fn what_was_detached_is_there_when_the_program_has_ended() {
    let folder = folder();
    let worker = worker(&["detach", "50"], folder.path());
    assert!(worker.wait_with_output().unwrap().status.success());
    assert_eq!(open(folder.path()).count(), 50);
}

#[test]
fn another_process_is_heard_of_at_the_poll() {
    let folder = folder();
    let store = open(folder.path());
    let mut watch = store.watch_count();
    let worker = worker(&["increment", "1"], folder.path());
    let heard = watch.wait(Duration::from_secs(60)).transpose();
    assert_eq!(heard.unwrap(), Some(1));
    assert_eq!(told(worker), [1]);
}

#[test]
fn values_under_uids_are_kept_too() {
    let folder = folder();
    let store = PersistentStore::<String>::builder("keyed")
        .dir(folder.path())
        .open()
        .unwrap();
    store.write("C:\\path", "a value".into()).wait().unwrap();
    drop(store);
    let store = PersistentStore::<String>::builder("keyed")
        .dir(folder.path())
        .open()
        .unwrap();
    assert_eq!(store.read("C:\\path").as_deref(), Some("a value"));
}

#[test]
fn names_that_no_system_takes_are_refused() {
    for name in ["a:b", "a\\b", "a/b", "a*", "a?", ".a", "a.", "a "] {
        let error = State::builder()
            .dir(folder().path())
            .name(name)
            .open()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{name}");
    }
}

#[cfg(windows)]
#[test]
fn a_log_that_a_killed_process_had_moved_aside_is_put_back() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(9).wait().unwrap();
    drop(store);
    let log = folder.path().join("state.db");
    // One that could not be removed at an earlier time, and the newest.
    fs::write(folder.path().join("state.db.old-3"), "stale").unwrap();
    fs::rename(&log, folder.path().join("state.db.old-12")).unwrap();
    fs::write(folder.path().join("state.db.new"), "not whole").unwrap();
    let store = open(folder.path());
    assert_eq!(store.count(), 9);
    assert!(store.recovered().is_empty(), "{:?}", store.recovered());
    store.set_count(10).wait().unwrap();
    drop(store);
    assert_eq!(open(folder.path()).count(), 10);
    let left = leftovers(folder.path());
    assert!(!left.iter().any(|name| name.contains(".old-")), "{left:?}");
}

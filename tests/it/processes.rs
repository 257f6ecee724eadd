//! Several processes on one store: what one writes the others read, and a kill loses nothing.

use std::{collections::HashMap, fs, io::Write, os::unix::fs::MetadataExt, thread, time::Duration};

use rustix::process::Signal;
use worsen::{Durability, ErrorKind, Options, PersistentStore, Store};
use worsen_tests::State;

use crate::support::{Random, Worker, folder, open, scale};

#[test]
fn what_one_process_writes_another_reads_and_the_reverse() {
    let folder = folder();
    let store = open(folder.path());
    Worker::start("set-note", folder.path(), &["from the worker"]).finish();
    // No poll, no wait: the read itself sees that it is behind.
    assert_eq!(store.note(), "from the worker");
    store.set_count(7).wait().unwrap();
    store.set_note("from the test".into()).wait().unwrap();
    let lines = Worker::start("print", folder.path(), &[]).finish();
    assert_eq!(lines, ["7 from the test"]);
}

#[test]
fn four_processes_of_four_threads_lose_no_increment() {
    let folder = folder();
    let workers: Vec<_> = (0..4)
        .map(|_| Worker::start("increment", folder.path(), &["4", "1000"]))
        .collect();
    for worker in workers {
        worker.finish();
    }
    let store = open(folder.path());
    assert_eq!(store.count(), 16_000);
    assert!(store.recovered().is_empty(), "{:?}", store.recovered());
}

/// A process that syncs takes a lock on the log, and so may any other program.
#[test]
fn a_log_that_another_program_has_locked_is_written_all_the_same() {
    let folder = folder();
    drop(open(folder.path()));
    let log = fs::File::open(folder.path().join("state.db")).unwrap();
    rustix::fs::flock(&log, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let workers: Vec<_> = (0..3)
        .map(|_| Worker::start("increment", folder.path(), &["2", "20"]))
        .collect();
    for worker in workers {
        worker.finish();
    }
    assert_eq!(open(folder.path()).count(), 120);
}

#[test]
fn every_acknowledged_write_outlives_kill_9() {
    let mut random = Random::seeded("every_acknowledged_write_outlives_kill_9");
    let kills = 60 * scale();
    let mut acknowledgements = 0;
    let mut torn = 0;
    for kill in 0..kills {
        let folder = folder();
        // Long texts make torn writes likely.
        let length = [10, 2_000, 60_000][(kill % 3) as usize].to_string();
        let mut newest: HashMap<String, u64> = HashMap::new();
        for _ in 0..2 {
            let mut worker = Worker::start("write-until-killed", folder.path(), &["4", &length]);
            let first = worker.line().expect("it acknowledges a first write");
            thread::sleep(Duration::from_micros(random.below(15_000)));
            worker.kill();
            for line in std::iter::once(first).chain(worker.rest()) {
                let (uid, number) = line.split_once(' ').expect("uid and number");
                newest.insert(uid.to_owned(), number.parse().expect("a number"));
                acknowledgements += 1;
            }
        }
        let options = Options {
            db_dir: folder.path().into(),
            ..Options::default()
        };
        let store = PersistentStore::<(u64, String)>::new("killed", options).unwrap();
        for (uid, number) in &newest {
            let (found, text) = store.read(uid).unwrap_or_else(|| panic!("{uid} is gone"));
            assert!(
                found >= *number,
                "{uid}: acknowledged {number}, found {found}"
            );
            assert_eq!(text.len().to_string(), length);
        }
        torn += store.recovered().repairs().len();
    }
    println!(
        "{kills} rounds of 2 kills, {acknowledgements} acknowledgements, {torn} repairs at the last opening"
    );
}

#[test]
fn a_watch_tells_another_process_of_the_last_change() {
    let folder = folder();
    let store = open(folder.path());
    let mut worker = Worker::start("watch", folder.path(), &["500"]);
    assert_eq!(worker.line().as_deref(), Some("ready"));
    for count in 1..=500 {
        store.set_count(count).wait().unwrap();
    }
    let told: Vec<u64> = worker
        .finish()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!(told.last(), Some(&500));
    assert!(told.is_sorted_by(|one, other| one < other), "{told:?}");
}

#[test]
fn a_held_lock_is_a_timeout_that_names_the_holder_and_readers_do_not_wait() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .lock_timeout(Duration::from_millis(100))
        .open()
        .unwrap();
    let mut worker = Worker::start("hold-the-lock", folder.path(), &[]);
    assert_eq!(worker.line().as_deref(), Some("held"));
    let error = store.set_count(9).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    let pid = worker.child.id().to_string();
    assert!(
        error.to_string().contains(&pid),
        "{error} does not name {pid}"
    );
    assert_eq!(store.count(), 0, "a read answers, with what is committed");
    // The system frees the lock of a process that is gone.
    worker.kill();
    store.set_count(9).wait().unwrap();
    assert_eq!(store.count(), 9);
}

#[test]
fn a_stopped_holder_costs_writers_a_timeout_and_readers_nothing() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .lock_timeout(Duration::from_millis(100))
        .open()
        .unwrap();
    store.set_count(7).wait().unwrap();
    let mut worker = Worker::start("hold-the-lock", folder.path(), &[]);
    assert_eq!(worker.line().as_deref(), Some("held"));
    worker.signal(Signal::STOP);
    for _ in 0..3 {
        let error = store.set_count(9).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LockTimeout);
        let pid = worker.child.id().to_string();
        assert!(
            error.to_string().contains(&pid),
            "{error} does not name {pid}"
        );
        assert_eq!((store.count(), store.snapshot().count), (7, 7));
    }
    // It goes on as if nothing had been, and so do the others.
    worker.signal(Signal::CONT);
    worker.finish();
    assert_eq!(store.count(), 8);
    store.set_count(9).wait().unwrap();
    assert_eq!(store.count(), 9);
}

#[test]
fn a_killed_holder_lets_in_who_is_waiting_already() {
    for stopped in [false, true] {
        let folder = folder();
        let store = State::builder()
            .dir(folder.path())
            .lock_timeout(Duration::from_secs(300))
            .open()
            .unwrap();
        let mut worker = Worker::start("hold-the-lock", folder.path(), &[]);
        assert_eq!(worker.line().as_deref(), Some("held"));
        if stopped {
            worker.signal(Signal::STOP);
        }
        let writer = thread::spawn({
            let store = store.clone();
            move || store.update_count(|count| *count += 10).wait()
        });
        // Whether it waits by then does not matter, only that it usually does.
        thread::sleep(Duration::from_millis(50));
        assert!(!writer.is_finished(), "the lock is held");
        worker.kill();
        writer.join().unwrap().unwrap();
        assert_eq!(store.count(), 10, "the dead one wrote nothing");
    }
}

#[test]
fn a_held_lock_does_not_hide_what_was_acknowledged_in_a_new_generation() {
    let folder = folder();
    let store = open(folder.path());
    Worker::start("compact", folder.path(), &["7"]).finish();
    let mut holder = Worker::start("hold-the-lock", folder.path(), &[]);
    assert_eq!(holder.line().as_deref(), Some("held"));
    // The log is another file by now, and this process has not seen that one yet.
    assert_eq!((store.count(), store.note()), (7, "compacted".to_owned()));
    holder.finish();
    assert_eq!(store.count(), 8);
    store.set_count(9).wait().unwrap();
    let lines = Worker::start("print", folder.path(), &[]).finish();
    assert_eq!(lines, ["9 compacted"]);
}

/// Two processes write by turns. Each reads only after the other's write was acknowledged, and so has
/// to see it.
fn take_turns(durability: Durability, name: &str, rounds: u64) {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .durability(durability)
        .open()
        .unwrap();
    let mut worker = Worker::start("take-turns", folder.path(), &[name]);
    for round in 0..rounds {
        let mine = 2 * round;
        store.set_count(mine).wait().unwrap();
        let stdin = worker.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        let turn = worker.line().expect("it takes its turn");
        assert_eq!(turn, format!("{mine} {}", mine + 1), "it read and wrote");
        let seen = match round % 3 {
            0 => store.count(),
            1 => store.snapshot().count,
            // The seeds are a commit; a count that is 0 already is none.
            _ => store.revision() - 1,
        };
        assert_eq!(seen, mine + 1, "round {round}");
    }
    worker.finish();
    println!("{rounds} rounds of two writes and two reads, {name}");
}

#[test]
fn what_is_acknowledged_in_one_process_is_seen_by_the_next_read_in_another() {
    take_turns(Durability::Buffered, "buffered", 5_000 * scale());
    take_turns(Durability::Synced, "synced", 200 * scale());
}

#[test]
fn a_backup_that_was_deleted_is_written_anew_once_and_not_by_turns() {
    // Another type on the same file is as good as another process.
    #[derive(Store)]
    #[store(name = "state")]
    struct Other {
        count: u64,
    }
    let folder = folder();
    let (one, other) = (
        open(folder.path()),
        Other::builder().dir(folder.path()).open().unwrap(),
    );
    let backup = folder.path().join("state.cache.db");
    fs::remove_file(&backup).unwrap();
    let mut files = Vec::new();
    for count in 1..10 {
        one.set_count(2 * count).wait().unwrap();
        other.set_count(2 * count + 1).wait().unwrap();
        files.push(fs::metadata(&backup).unwrap().ino());
    }
    files.dedup();
    assert_eq!(files.len(), 1, "it is one file all the time");
    let (log, kept) = (
        fs::read_to_string(folder.path().join("state.db")).unwrap(),
        fs::read_to_string(&backup).unwrap(),
    );
    assert!(log.starts_with(&kept));
    assert_eq!(kept.lines().count() + 1, log.trim_end().lines().count());
}

#[test]
fn two_handles_of_other_types_on_one_file_carry_each_others_fields_along() {
    #[derive(Store)]
    #[store(name = "state")]
    struct Newer {
        count: u64,
        added_later: Option<String>,
    }
    let folder = folder();
    let old = open(folder.path());
    let new = Newer::builder().dir(folder.path()).open().unwrap();
    new.set_added_later(Some("kept".into())).wait().unwrap();
    for count in 1..200 {
        // Enough to compact, by the one that knows nothing of the other's field.
        old.update(move |state| {
            state.count = count;
            state.note = if count % 2 == 0 { "m" } else { "n" }.repeat(5_000);
        })
        .wait()
        .unwrap();
    }
    assert_eq!(new.count(), 199);
    assert_eq!(new.added_later().as_deref(), Some("kept"));
    drop((old, new));
    let log = fs::read_to_string(folder.path().join("state.db")).unwrap();
    assert!(!log.contains("\"gen\":1,"), "it was compacted");
    let new = Newer::builder().dir(folder.path()).open().unwrap();
    assert_eq!(new.added_later().as_deref(), Some("kept"));
    assert_eq!(open(folder.path()).note().len(), 5_000);
}

#[cfg(unix)]
#[test]
fn a_handle_in_a_forked_child_refuses_to_write_and_harms_nobody() {
    let folder = folder();
    let lines = Worker::start("fork", folder.path(), &[]).finish();
    // Of the child: what a write says, what it still reads, what a sync says, what a watch tells. Then what
    // its own opening counts, with or without the parent's.
    let (child, rest) = lines.split_at(3);
    assert_eq!(
        child,
        ["Some((Forked, NothingWritten)) 1", "Some(Forked)", "None"]
    );
    assert!(rest[0] == "11" || rest[0] == "111", "{rest:?}");
    assert_eq!(rest[1..], ["1111"]);
    let store = open(folder.path());
    assert_eq!(store.count(), 1111);
    assert!(store.recovered().is_empty());
}

#[cfg(unix)]
#[test]
fn a_program_that_is_started_under_the_lock_does_not_keep_it() {
    let folder = folder();
    let store = open(folder.path());
    let mut worker = Worker::start("hold-the-lock-with-child", folder.path(), &[]);
    let child = worker.line().expect("it tells of its child");
    let Ok(child) = child.parse() else {
        println!("skipped: there is no `sleep` to start: {child}");
        return;
    };
    worker.kill();
    store.set_count(5).wait().unwrap();
    // Still there all the while.
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

#[cfg(unix)]
#[test]
fn a_lock_that_a_forked_child_has_kept_is_told_as_that() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .lock_timeout(Duration::from_millis(100))
        .open()
        .unwrap();
    let mut worker = Worker::start("hold-the-lock-in-a-fork", folder.path(), &[]);
    assert_eq!(worker.line().as_deref(), Some("held"));
    let pid = worker.child.id();
    // `wait` would close its stdin, and end the child.
    while worker.child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let error = store.set_count(9).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    let told = error.to_string();
    assert!(
        told.contains(&format!("process {pid} took it")) && told.contains("a child that it forked"),
        "{told}"
    );
    // The child ends with its stdin, and the lock with the child.
    drop(worker.child.stdin.take());
    while store.set_count(9).wait().is_err() {}
    assert_eq!(store.count(), 9);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_out_of_files_is_told_so_and_goes_on_later() {
    let folder = folder();
    let mut worker = Worker::start("obey", folder.path(), &[]);
    assert_eq!(worker.order("open"), "done");
    assert_eq!(worker.order("limit-files"), "done");
    fs::remove_file(folder.path().join("state.lock")).unwrap();
    assert_eq!(worker.order("set-count 7"), "OutOfResources");
    let told = worker.order("why");
    assert!(told.contains("too many files are open"), "{told}");
    assert_eq!(worker.order("count"), "0");
}

#[test]
fn without_shared_memory_others_are_heard_of_at_the_poll() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .shared_memory(false)
        .open()
        .unwrap();
    let mut watch = store.watch_note();
    for note in ["one", "two"] {
        Worker::start("set-note-unshared", folder.path(), &[note]).finish();
        let told = watch.wait(Duration::from_secs(60)).transpose().unwrap();
        assert_eq!(told.as_deref(), Some(note));
        assert_eq!(store.note(), note);
    }
    // A write sees the newest state at once.
    Worker::start("set-note-unshared", folder.path(), &["three"]).finish();
    let seen = store.update_note(|note| note.clone()).wait().unwrap();
    assert_eq!(seen, "three");
    #[cfg(target_os = "linux")]
    {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let lock = folder.path().join("state.lock");
        assert!(!maps.contains(lock.to_str().unwrap()), "the page is mapped");
    }
}

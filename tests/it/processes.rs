//! Several processes on one store: what one writes the others read, and a kill loses nothing.

use std::{collections::HashMap, fs, thread, time::Duration};

use worsen::{ErrorKind, Options, PersistentStore, Store};
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

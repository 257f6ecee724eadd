//! A copy that is put over the files of an open store: nothing that was acknowledged on it vanishes, a process
//! that knew more is told, and reads show what stands there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use worsen::{Condition, ErrorKind, Repair, Store};
use worsen_tests::{State, StateStore};

use crate::support::{Worker, folder, open};

/// For what has to come.
const LONG: Duration = Duration::from_secs(60);

const LOG: &str = "state.db";
const BACKUP: &str = "state.cache.db";
const LOCK: &str = "state.lock";

/// Which files are put back.
const FILES: [&[&str]; 4] = [&[LOG, BACKUP, LOCK], &[LOG, BACKUP], &[LOG, LOCK], &[LOG]];

/// A store that is open at the count of 10, and a copy of its files, made at 5.
struct Restored {
    store: StateStore,
    dir: PathBuf,
    copy: PathBuf,
    _folder: TempDir,
}

impl Restored {
    fn new() -> Restored {
        Restored::with(|_| ())
    }

    /// `between` is done after the copy was made.
    fn with(between: impl FnOnce(&Path)) -> Restored {
        let folder = folder();
        let (dir, copy) = (folder.path().join("db"), folder.path().join("copy"));
        fs::create_dir(&copy).unwrap();
        let store = open(&dir);
        for count in 1..=10 {
            store.set_count(count).wait().unwrap();
            if count == 5 {
                for file in [LOG, BACKUP, LOCK] {
                    fs::copy(dir.join(file), copy.join(file)).unwrap();
                }
            }
        }
        between(&dir);
        assert_eq!(store.count(), 10);
        Restored {
            store,
            dir,
            copy,
            _folder: folder,
        }
    }

    /// Puts these files of the copy in their place: the same file with another content, or another file.
    fn restore(&self, files: &[&str], in_place: bool) {
        for file in files {
            let (from, to) = (self.copy.join(file), self.dir.join(file));
            match in_place {
                // Not cut off first: that would end every process that looks at a page of it.
                true => {
                    let bytes = fs::read(from).unwrap();
                    let file = fs::File::options().write(true).open(to).unwrap();
                    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
                    file.set_len(bytes.len() as u64).unwrap();
                }
                false => {
                    let aside = self.dir.join("aside");
                    fs::copy(from, &aside).unwrap();
                    fs::rename(aside, to).unwrap();
                }
            }
        }
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.dir.join(LOG)).unwrap()
    }
}

/// Every way to put a copy back.
fn ways() -> impl Iterator<Item = (&'static [&'static str], bool)> {
    let ways = FILES.into_iter();
    ways.flat_map(|files| [(files, true), (files, false)])
}

/// Reads until it is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_replaced(store: &StateStore) -> bool {
    let health = store.health();
    let is_told = |condition: &Condition| matches!(condition, Condition::Replaced { .. });
    health.iter().any(is_told)
}

#[test]
fn what_another_process_commits_on_a_restored_copy_is_not_undone_by_one_that_knows_more() {
    for (files, in_place) in ways() {
        let what = format!("{files:?}, in place: {in_place}");
        let restored = Restored::new();
        let store = &restored.store;
        restored.restore(files, in_place);
        let mut other = Worker::start("obey", &restored.dir, &[]);
        assert_eq!(other.order("open"), "done", "{what}");
        assert_eq!(other.order("set-count 100"), "done", "{what}");
        let error = store.set_note("mine".into()).wait().expect_err(&what);
        assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
        // For good: it would go on from a state that is not there any more.
        assert_eq!(other.order("set-count 101"), "done", "{what}");
        let error = store.set_count(7).wait().expect_err(&what);
        assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
        assert!(
            error.to_string().contains("open the store again"),
            "{error}"
        );
        // And reads show what is there.
        until(&what, || store.count() == 101);
        assert!(is_replaced(store), "{what}: {:?}", store.health());
        assert_eq!(other.order("set-count 102"), "done", "{what}");
        until(&what, || store.count() == 102);
        drop(other);
        drop(restored.store);
        let store = open(&restored.dir);
        assert_eq!(
            (store.count(), store.note()),
            (102, "seeded".into()),
            "{what}"
        );
        store.set_count(103).wait().unwrap();
    }
}

#[test]
fn a_copy_on_which_nobody_has_committed_yet_is_not_written_over() {
    for (files, in_place) in ways() {
        let what = format!("{files:?}, in place: {in_place}");
        let restored = Restored::new();
        let store = &restored.store;
        restored.restore(files, in_place);
        if !files.contains(&BACKUP) {
            // It has more of the log: then that looks as one that lost its end.
            fs::remove_file(restored.dir.join(BACKUP)).unwrap();
        }
        let copy = restored.log();
        let error = store.set_count(11).wait().expect_err(&what);
        assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
        assert_eq!(restored.log(), copy, "{what}");
        assert_eq!(store.count(), 5, "{what}");
        let health = store.health();
        let [Condition::Replaced { error }] = &health[..] else {
            panic!("{what}: {health:?}");
        };
        assert_eq!(error.store(), Some("state"));
        drop(restored.store);
        let log = fs::read(restored.dir.join(LOG)).unwrap();
        assert_eq!(log, copy, "closing changes nothing: {what}");
        let store = open(&restored.dir);
        assert_eq!(store.count(), 5, "{what}");
        store.set_count(6).wait().unwrap();
    }
}

/// It is the beginning of what the backup and this process know, as a log that was cut off is. The backup wins
/// also where the store is closed.
#[test]
fn a_log_that_is_restored_alone_is_put_right_and_that_is_told() {
    for in_place in [true, false] {
        let restored = Restored::new();
        let store = &restored.store;
        restored.restore(&[LOG], in_place);
        let copy = restored.log();
        // A process that only reads does not write it anew, and says that something is wrong.
        let health = store.health();
        let [Condition::NotFollowing { error }] = &health[..] else {
            panic!("{health:?}");
        };
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert_eq!((store.count(), restored.log()), (10, copy.clone()));
        store.set_note("next".into()).wait().unwrap();
        let health = store.health();
        let [
            Condition::Healed {
                revision: 11,
                kept: Some(kept),
                ..
            },
        ] = &health[..]
        else {
            panic!("{health:?}");
        };
        assert_eq!(fs::read(kept).unwrap(), copy);
        let told = health[0].to_string();
        assert!(
            told.contains("revision 11") && told.contains("close the store"),
            "{told}"
        );
        drop(restored.store);
        let store = open(&restored.dir);
        assert_eq!((store.count(), store.note()), (10, "next".into()));
        assert!(store.recovered().is_empty());
        assert!(store.health().is_empty());
    }
}

#[test]
fn a_log_that_was_deleted_or_cut_off_is_written_anew_and_that_is_told() {
    for cut in [None, Some(0), Some(300), Some(450)] {
        let folder = folder();
        let path = folder.path().join(LOG);
        let store = open(folder.path());
        for count in 1..=5 {
            store.set_count(count).wait().unwrap();
        }
        match cut {
            None => fs::remove_file(&path).unwrap(),
            Some(len) => {
                let log = fs::File::options().write(true).open(&path).unwrap();
                log.set_len(len).unwrap();
            }
        }
        store.set_note("after".into()).wait().unwrap();
        let health = store.health();
        assert!(
            matches!(health[..], [Condition::Healed { revision: 6, .. }]),
            "{cut:?}: {health:?}"
        );
        drop(store);
        let store = open(folder.path());
        assert_eq!(
            (store.count(), store.note()),
            (5, "after".into()),
            "{cut:?}"
        );
    }
}

/// Compares with what the header of the newest generation says of those before.
#[test]
fn a_restored_copy_is_told_from_what_was_there_over_several_compactions() {
    for (files, in_place) in ways() {
        // Each begins two generations, and a header names eight.
        for compactions in [1, 3] {
            let what = format!("{files:?}, in place: {in_place}, {compactions} compactions");
            let restored = Restored::new();
            restored.restore(files, in_place);
            for number in 0..compactions {
                let number = (100 + number).to_string();
                Worker::start("compact", &restored.dir, &[&number]).finish();
            }
            let error = restored.store.set_count(7).wait().expect_err(&what);
            assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
            let newest = 100 + compactions - 1;
            until(&what, || restored.store.count() == newest);
            drop(restored.store);
            assert_eq!(open(&restored.dir).count(), newest, "{what}");
        }
    }
}

/// The copy is of a generation that is over.
#[test]
fn a_log_of_before_a_compaction_replaces_what_is_open() {
    for in_place in [true, false] {
        let compact = |dir: &Path| {
            Worker::start("compact", dir, &["10"]).finish();
        };
        let restored = Restored::with(compact);
        let store = &restored.store;
        restored.restore(&[LOG], in_place);
        let copy = restored.log();
        let error = store.set_count(11).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
        assert_eq!((store.count(), restored.log()), (5, copy));
        drop(restored.store);
        let store = open(&restored.dir);
        assert_eq!(store.count(), 5);
        let is_told = |repair: &Repair| matches!(repair, Repair::Behind { .. });
        assert!(store.recovered().repairs().iter().any(is_told));
    }
}

/// It has the page, and looks at nothing else as long as nobody tells it of anything.
#[test]
fn a_process_that_only_reads_follows_a_restored_copy_also_where_revisions_are_used_anew() {
    for (files, in_place) in ways() {
        for commits in [0, 1, 5, 9] {
            let what = format!("{files:?}, in place: {in_place}, {commits} commits");
            let restored = Restored::new();
            let mut reader = Worker::start("obey", &restored.dir, &[]);
            assert_eq!(reader.order("open"), "done");
            assert_eq!(reader.order("count"), "10");
            restored.restore(files, in_place);
            let mut other = Worker::start("obey", &restored.dir, &[]);
            assert_eq!(other.order("open"), "done", "{what}");
            for count in 0..commits {
                assert_eq!(other.order(&format!("set-count {}", 100 + count)), "done");
            }
            let newest = other.order("count");
            let begin = Instant::now();
            while reader.order("count") != newest {
                assert!(begin.elapsed() < LONG, "{what}");
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(reader.order("revision"), other.order("revision"), "{what}");
            assert_eq!(reader.order("health"), "Replaced", "{what}");
            // From here on each is seen at once.
            for count in 200..205 {
                assert_eq!(other.order(&format!("set-count {count}")), "done");
                if files.contains(&LOCK) {
                    continue;
                }
                assert_eq!(reader.order("count"), count.to_string(), "{what}");
            }
        }
    }
}

#[test]
fn a_store_that_is_opened_for_reading_follows_a_restored_copy_and_says_so() {
    let restored = Restored::new();
    let reader = State::builder()
        .dir(&restored.dir)
        .read_only()
        .poll(Duration::from_millis(5))
        .open()
        .unwrap();
    let mut watch = reader.watch_count();
    restored.restore(&[LOG, BACKUP], false);
    let error = watch.wait(LONG).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    assert_eq!(watch.wait(LONG).unwrap().unwrap(), 5);
    assert!(is_replaced(&reader));
}

#[test]
fn whoever_waits_is_told_that_the_files_were_replaced_and_then_of_what_is_there() {
    for (files, in_place) in ways() {
        let what = format!("{files:?}, in place: {in_place}");
        let restored = Restored::new();
        let store = &restored.store;
        let mut watch = store.watch_count();
        let mut task = store.watch();
        let mut changes = store.changes(store.revision()).unwrap();
        let (send, called) = channel();
        let _guard = store
            .on_change(move |state| send.send(state.map(|state| state.count)).unwrap())
            .unwrap();
        let waiting = thread::spawn(move || (watch.wait(LONG), watch));
        let polled = thread::spawn(move || (pollster::block_on(task.next()), task));
        let telling = thread::spawn(move || (changes.wait(LONG), changes));
        restored.restore(files, in_place);
        let mut other = Worker::start("obey", &restored.dir, &[]);
        assert_eq!(other.order("open"), "done", "{what}");
        assert_eq!(other.order("set-count 100"), "done", "{what}");
        let (told, mut watch) = waiting.join().unwrap();
        let (polled, mut task) = polled.join().unwrap();
        let (untold, mut changes) = telling.join().unwrap();
        let errors = [
            told.expect(&what).unwrap_err(),
            polled.unwrap_err(),
            untold.expect(&what).unwrap_err(),
            called.recv_timeout(LONG).unwrap().unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
        }
        // It is told once, and then what is there.
        assert_eq!(other.order("set-count 101"), "done", "{what}");
        let until_newest = |told: u64| assert!([5, 9, 100, 101].contains(&told), "{told}");
        loop {
            let told = watch.wait(LONG).expect(&what).unwrap();
            until_newest(told);
            if told == 101 {
                break;
            }
        }
        while pollster::block_on(task.next()).unwrap().count != 101 {}
        while called.recv_timeout(LONG).unwrap().unwrap() != 101 {}
        loop {
            let change = changes.wait(LONG).expect(&what).unwrap();
            let entry = change.entries().next().unwrap();
            if entry.new_value() == Some("101") {
                break;
            }
        }
    }
}

/// What a header does not name, because it is long over, is no other history.
#[test]
fn a_process_that_slept_through_many_compactions_goes_on() {
    for compactions in [1, 3, 8, 9, 12] {
        let folder = folder();
        let sleeper = State::builder()
            .dir(folder.path())
            .shared_memory(false)
            .poll(None)
            .open()
            .unwrap();
        sleeper.set_count(1).wait().unwrap();
        let mut reader = Worker::start("obey", folder.path(), &[]);
        assert_eq!(reader.order("open"), "done");
        for number in 2..2 + compactions {
            Worker::start("compact", folder.path(), &[&number.to_string()]).finish();
        }
        assert_eq!(reader.order("count"), (1 + compactions).to_string());
        sleeper.update_count(|count| *count += 1).wait().unwrap();
        assert_eq!(sleeper.count(), 2 + compactions);
        assert!(sleeper.health().is_empty(), "{:?}", sleeper.health());
        assert_eq!(reader.order("health"), "");
    }
}

/// Its own generation was read to the end by nobody but its writer.
#[test]
fn a_reader_who_is_behind_the_end_of_its_generation_follows_to_the_next() {
    let folder = folder();
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let writer = State::builder()
        .dir(folder.path())
        .compact_above(compact_above.clone())
        .open()
        .unwrap();
    let mut reader = Worker::start("obey", folder.path(), &[]);
    assert_eq!(reader.order("open"), "done");
    for count in 1..=20 {
        writer.set_count(count).wait().unwrap();
    }
    compact_above.store(0, std::sync::atomic::Ordering::Relaxed);
    for count in 21..=23 {
        writer.set_count(count).wait().unwrap();
    }
    assert_eq!(reader.order("count"), "23");
    assert_eq!(reader.order("set-count 24"), "done");
    assert_eq!(writer.count(), 24);
    assert_eq!(reader.order("health"), "");
    assert!(writer.health().is_empty(), "{:?}", writer.health());
}

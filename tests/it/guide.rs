//! What the guide to the files says: each sentence that is no doctest there, nor another module's test, tried.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};
#[cfg(unix)]
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use worsen::{ErrorKind, Repair, Store};
use worsen_tests::State;

use crate::support::{Worker, folder, open};

/// A closed store with the counts 1 to 10, and what its log was at 5.
struct Closed {
    _folder: TempDir,
    dir: PathBuf,
    log_at_five: Vec<u8>,
}

impl Closed {
    fn new() -> Closed {
        let folder = folder();
        let dir = folder.path().join("db");
        write(&dir, 1..=5);
        let log_at_five = fs::read(dir.join("state.db")).unwrap();
        write(&dir, 6..=10);
        Closed {
            _folder: folder,
            dir,
            log_at_five,
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    fn restore(&self) {
        fs::write(self.path("state.db"), &self.log_at_five).unwrap();
    }
}

fn write(dir: &Path, counts: impl Iterator<Item = u64>) {
    let store = open(dir);
    counts.for_each(|count| store.set_count(count).wait().unwrap());
}

#[test]
fn a_directory_is_moved_while_nobody_has_it_open() {
    let closed = Closed::new();
    let moved = closed.dir.with_file_name("moved");
    fs::rename(&closed.dir, &moved).unwrap();
    let store = open(&moved);
    assert_eq!(store.count(), 10);
    assert!(store.recovered().is_empty());
}

#[test]
fn a_directory_that_is_moved_while_it_is_open_is_not_written() {
    let closed = Closed::new();
    let moved = closed.dir.with_file_name("moved");
    let mut worker = Worker::start("obey", &closed.dir, &[]);
    assert_eq!(worker.order("open"), "done");
    fs::rename(&closed.dir, &moved).unwrap();
    assert_eq!(worker.order("set-count 77"), "Replaced");
    assert_eq!(worker.order("count"), "10");
    assert!(!closed.dir.exists());
    fs::rename(&moved, &closed.dir).unwrap();
    assert_eq!(worker.order("set-count 78"), "done");
    assert_eq!(worker.order("count"), "78");
}

#[test]
fn a_copy_that_is_made_within_a_write_is_whole_while_others_write() {
    let folder = folder();
    let store = open(folder.path());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    store.update_count(|count| *count += 1).wait().unwrap();
                }
            });
        }
        let copies = (0..50).map(|number| {
            let dir = folder.path().join(format!("copy{number}"));
            fs::create_dir(&dir).unwrap();
            let (log, copy) = (folder.path().join("state.db"), dir.join("state.db"));
            let seen = store.count();
            let copied = store.try_update(move |_| fs::copy(log, copy)).wait();
            copied.unwrap().unwrap();
            (dir, seen)
        });
        let copies: Vec<(PathBuf, u64)> = copies.collect();
        stop.store(true, Ordering::Relaxed);
        for (dir, seen) in copies {
            let copy = open(&dir);
            assert!(copy.count() >= seen);
            let repairs = copy.recovered().repairs();
            assert_eq!(repairs, [Repair::BackupRenewed { kept: None }]);
        }
    });
}

/// The commands under this heading of the guide, a block each.
#[cfg(unix)]
fn commands(heading: &str) -> Vec<String> {
    let guide = include_str!("../../worsen/src/guide/files.md");
    let (_, section) = guide.split_once(&format!("# {heading}\n")).unwrap();
    let section = section.split("\n# ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// Whether these can be run here. Else it says what cannot.
#[cfg(unix)]
fn there_are(tools: &[&str]) -> bool {
    tools.iter().all(|tool| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", tool])
            .stdout(Stdio::null())
            .status();
        let is_there = found.is_ok_and(|found| found.success());
        if !is_there {
            println!("skipped: there is no `{tool}`");
        }
        is_there
    })
}

#[cfg(unix)]
#[test]
fn the_newest_commit_of_an_open_store_is_found_with_the_commands_of_the_guide() {
    if !there_are(&["grep", "tail", "jq"]) {
        return;
    }
    let folder = folder();
    let store = open(&folder.path().join("db"));
    store.set_note("über\u{0}all".to_owned()).wait().unwrap();
    store.set_count(7).wait().unwrap();
    let block = &commands("Looking at the log")[0];
    let output = Command::new("sh")
        .args(["-e", "-c", block])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = told.lines().collect();
    let [newest, set, count] = lines[..] else {
        panic!("{told}{}", String::from_utf8_lossy(&output.stderr));
    };
    let revision = store.revision();
    assert!(
        newest.starts_with(&format!("{{\"rev\":{revision},")),
        "{newest}"
    );
    assert_eq!(set, r#"{"count":7}"#);
    assert_eq!(count, revision.to_string());
}

#[cfg(unix)]
#[test]
fn the_commits_of_an_open_store_are_followed_with_the_loop_of_the_guide() {
    if !there_are(&["grep", "awk", "tail", "cut", "sleep"]) {
        return;
    }
    let folder = folder();
    let dir = folder.path().join("db");
    let store = open(&dir);
    store.set_count(1).wait().unwrap();
    let mut follower = Command::new("sh")
        .args(["-c", &commands("Looking at the log")[1]])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next_with = |text: &str| {
        let found = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(text));
        assert!(found.is_some(), "the loop ended before {text}");
    };
    next_with(r#""count":1"#);
    store.set_count(2).wait().unwrap();
    next_with(r#""count":2"#);
    // Behind a compaction too, and nothing twice.
    let mut other = Worker::start("compact", &dir, &["3"]);
    assert!(other.rest().is_empty());
    store.set_count(4).wait().unwrap();
    next_with(r#""count":4"#);
    store.set_count(5).wait().unwrap();
    let next = lines.next().unwrap().unwrap();
    assert!(next.contains(r#""count":5"#), "{next}");
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_log_that_is_restored_without_a_backup_wins_and_is_told_once() {
    let closed = Closed::new();
    closed.restore();
    fs::remove_file(closed.path("state.cache.db")).unwrap();
    let store = open(&closed.dir);
    assert_eq!(store.count(), 5);
    let is_told = |repair: &Repair| matches!(repair, Repair::Behind { revision: 6, .. });
    // Where no page is shared, nobody knows of what was there.
    if cfg!(target_os = "linux") {
        assert!(store.recovered().repairs().iter().any(is_told));
    }
    drop(store);
    let store = open(&closed.dir);
    assert_eq!(store.count(), 5);
    assert!(store.recovered().is_empty());
}

#[test]
fn a_log_that_is_restored_beside_its_newer_backup_is_gone_on_with_from_there_and_kept() {
    let closed = Closed::new();
    closed.restore();
    let store = open(&closed.dir);
    assert_eq!(store.count(), 9);
    let [
        Repair::Mended {
            kept: Some(kept), ..
        },
        Repair::Restored { revision: 10 },
    ] = store.recovered().repairs()
    else {
        panic!("{:?}", store.recovered());
    };
    assert_eq!(fs::read(kept).unwrap(), closed.log_at_five);
    assert_eq!(kept, &closed.path("state.db.damaged-1"));
}

#[test]
fn a_log_of_before_a_compaction_wins_and_the_newer_backup_is_kept() {
    let closed = Closed::new();
    let store = State::builder()
        .dir(&closed.dir)
        .compact_above(std::sync::Arc::new(0.into()))
        .open()
        .unwrap();
    store.set_count(11).wait().unwrap();
    store.set_count(12).wait().unwrap();
    drop(store);
    closed.restore();
    let backup = fs::read(closed.path("state.cache.db")).unwrap();
    let store = open(&closed.dir);
    assert_eq!(store.count(), 5);
    assert!(store.recovered().may_have_lost());
    let kept = closed.path("state.db.damaged-1");
    assert_eq!(fs::read(kept).unwrap(), backup);
}

#[test]
fn a_file_that_is_deleted_costs_the_newest_write_at_most() {
    // Which file, and what is left then.
    let left = BTreeMap::from([("state.db", 9), ("state.cache.db", 10), ("state.lock", 10)]);
    for (file, count) in left {
        let closed = Closed::new();
        fs::remove_file(closed.path(file)).unwrap();
        let store = open(&closed.dir);
        assert_eq!(store.count(), count, "{file}");
        assert_eq!(store.recovered().may_have_lost(), count == 9, "{file}");
    }
}

#[test]
fn a_store_whose_files_are_all_deleted_begins_anew() {
    let closed = Closed::new();
    for file in ["state.db", "state.cache.db", "state.lock"] {
        fs::remove_file(closed.path(file)).unwrap();
    }
    let store = open(&closed.dir);
    assert!(store.was_created());
    assert_eq!(store.count(), 0);
    assert!(store.recovered().is_empty());
}

#[test]
fn a_store_whose_files_are_emptied_begins_anew_and_tells_what_was_there() {
    let blank = vec![0; 300];
    // `None`: deleted.
    let left = [
        (Some(vec![]), Some(vec![])),
        (Some(blank.clone()), Some(blank.clone())),
        (Some(b" \n".to_vec()), Some(vec![])),
        (None, Some(blank)),
        (Some(vec![]), None),
    ];
    for (log, backup) in left {
        let closed = Closed::new();
        for (file, bytes) in [("state.db", &log), ("state.cache.db", &backup)] {
            match bytes {
                Some(bytes) => fs::write(closed.path(file), bytes).unwrap(),
                None => fs::remove_file(closed.path(file)).unwrap(),
            }
        }
        let store = open(&closed.dir);
        assert!(store.was_created());
        assert_eq!(store.count(), 0);
        // Where no page is shared, nobody knows of what was there.
        if cfg!(target_os = "linux") {
            let recovered = store.recovered();
            assert_eq!(recovered.repairs(), [Repair::Emptied { seen: 11 }]);
            assert!(recovered.may_have_lost());
            assert!(recovered.repairs()[0].to_string().contains("revision 11"));
        }
        drop(store);
        assert!(open(&closed.dir).recovered().is_empty(), "it is told once");
    }
}

#[test]
fn a_store_that_is_deleted_but_for_its_lock_file_begins_anew() {
    let closed = Closed::new();
    for file in ["state.db", "state.cache.db"] {
        fs::remove_file(closed.path(file)).unwrap();
    }
    let store = open(&closed.dir);
    assert!(store.was_created());
    assert!(store.recovered().is_empty());
}

#[test]
fn a_value_that_is_changed_in_an_editor_is_put_back_or_cut_off_and_kept() {
    for (value, count, may_have_lost) in [("4", 10, false), ("10", 9, true)] {
        let closed = Closed::new();
        let path = closed.path("state.db");
        let text = fs::read_to_string(&path).unwrap();
        let edited = text.replace(&format!("\"count\":{value}}}"), "\"count\":99}");
        assert_ne!(edited, text);
        fs::write(&path, &edited).unwrap();
        let store = open(&closed.dir);
        assert_eq!(store.count(), count);
        assert_eq!(store.recovered().may_have_lost(), may_have_lost);
        let kept = fs::read_to_string(closed.path("state.db.damaged-1")).unwrap();
        assert!(kept.contains("\"count\":99}"), "{kept}");
    }
}

#[test]
fn a_value_of_another_type_is_told_at_the_next_opening() {
    let closed = Closed::new();
    let editor = worsen::PersistentStore::<serde_json::Value>::builder("state")
        .dir(&closed.dir)
        .open()
        .unwrap();
    editor.write("count", "many".into()).wait().unwrap();
    drop(editor);
    let refused = State::builder().dir(&closed.dir).open().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Decode, "{refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_file_that_is_cut_off_ends_readers_and_costs_no_commit() {
    use std::os::unix::process::ExitStatusExt;

    let closed = Closed::new();
    let mut worker = Worker::start("obey", &closed.dir, &[]);
    assert_eq!(worker.order("open"), "done");
    assert_eq!(worker.order("set-count 11"), "done");
    let lock = fs::File::options()
        .write(true)
        .open(closed.path("state.lock"));
    lock.unwrap().set_len(0).unwrap();
    // A process of a store that shares no page, as on a network file system, answers.
    if let Some(status) = worker.ended_at("count") {
        assert_eq!(status.signal(), Some(rustix::process::Signal::BUS.as_raw()));
    }
    drop(worker);
    let store = open(&closed.dir);
    assert_eq!(store.count(), 11);
    assert!(!store.recovered().may_have_lost());
    store.set_count(12).wait().unwrap();
}

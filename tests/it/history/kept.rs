//! How long the past is kept, and by whom.

use std::{path::PathBuf, time::Duration};

use worsen::{ErrorKind, Retention, testing::SimulatedDisk};

use super::{KEPT, at, three_generations};
use crate::machine::{BACKUP, How, LOG, Opened, PLAIN, open_as};

fn past_files(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let mut files = disk.files();
    files.retain(|path| path.to_string_lossy().contains(".past-"));
    files
}

/// Ten generations, each with four commits.
fn ten_generations(disk: &SimulatedDisk, how: How) -> Opened {
    let opened = open_as(disk, how).unwrap();
    for number in 1..=40 {
        opened.set("a", &number.to_string()).unwrap();
        if number % 4 == 0 {
            opened.store.compact_now().wait().unwrap();
        }
    }
    opened
}

#[test]
fn as_many_commits_are_kept_as_were_asked_for_and_whole_generations() {
    for commits in [1, 3, 4, 5, 12, 39, 40, 1000] {
        let disk = SimulatedDisk::new();
        let history = Retention::Commits(commits);
        let opened = ten_generations(&disk, How { history, ..PLAIN });
        let oldest = (40 - commits.min(40)) / 4 * 4;
        assert_eq!(opened.store.history().revisions().unwrap(), [oldest..=40]);
        assert_eq!(past_files(&disk).len() as u64, (40 - oldest) / 4);
        for revision in oldest.max(1)..=40 {
            assert_eq!(at(&opened, revision)["a"], revision.to_string());
        }
        assert_eq!(
            opened.store.history().commits().unwrap().count() as u64,
            40 - oldest
        );
    }
}

#[test]
fn what_is_older_than_was_asked_for_goes_with_the_next_compaction() {
    let disk = SimulatedDisk::new();
    let history = Retention::Age(Duration::from_secs(1_000_000));
    let opened = ten_generations(&disk, How { history, ..PLAIN });
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=40]);
    drop(opened);
    let history = Retention::Age(Duration::from_millis(1));
    let opened = open_as(&disk, How { history, ..PLAIN }).unwrap();
    // Opening looks at none of it.
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=40]);
    std::thread::sleep(Duration::from_millis(20));
    opened.store.compact_now().wait().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    opened.store.compact_now().wait().unwrap();
    assert!(past_files(&disk).len() <= 1, "{:?}", past_files(&disk));
}

#[test]
fn a_process_without_history_leaves_a_gap_that_is_told() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    let other = open_as(&disk.new_process(), PLAIN).unwrap();
    other.set("a", "other").unwrap();
    other.store.compact_now().wait().unwrap();
    opened.set("a", "5").unwrap();
    opened.store.compact_now().wait().unwrap();
    opened.set("a", "6").unwrap();
    for opened in [&opened, &other] {
        let history = opened.store.history();
        assert_eq!(history.revisions().unwrap(), [0..=6, 8..=10]);
        assert_eq!(at(opened, 1)["a"], "1");
        assert_eq!(at(opened, 8)["a"], "other");
        let error = opened.store.at(7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotInHistory);
        assert!(error.to_string().contains("0 to 6, 8 to 10"), "{error}");
        let told = history.commits().unwrap();
        let told: Vec<u64> = told.map(|commit| commit.unwrap().revision()).collect();
        assert_eq!(told, [9, 10], "behind the gap");
        let mut changes = opened.store.changes(4).unwrap();
        let mut told = Vec::new();
        while let Some(change) = changes.try_next() {
            told.push(match change {
                Ok(change) => change.revision().to_string(),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Gap);
                    assert!(error.to_string().contains("commits 7 to 8"), "{error}");
                    "gap".into()
                }
            });
        }
        assert_eq!(told, ["5", "6", "gap", "9", "10"]);
    }
}

#[test]
fn an_older_copy_that_is_put_back_has_its_own_past_alone() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    let (log, backup) = (
        disk.read_file(LOG).unwrap(),
        disk.read_file(BACKUP).unwrap(),
    );
    for text in ["5", "6"] {
        opened.set("a", text).unwrap();
        opened.store.compact_now().wait().unwrap();
    }
    drop(opened);
    disk.write_file(LOG, log);
    disk.write_file(BACKUP, backup);
    let opened = open_as(&disk, KEPT).unwrap();
    assert_eq!(opened.store.read("a").as_deref(), Some("4"));
    for text in ["another 5", "another 6", "another 7"] {
        opened.set("a", text).unwrap();
        opened.store.compact_now().wait().unwrap();
    }
    let begins = *opened.store.history().revisions().unwrap()[0].start();
    assert_eq!(begins, 0);
    let ends = opened.store.revision();
    for (behind, text) in ["another 7", "another 6", "another 5", "4"]
        .into_iter()
        .enumerate()
    {
        assert_eq!(at(&opened, ends - behind as u64)["a"], text);
    }
    assert_eq!(at(&opened, 1)["a"], "1");
}

#[test]
fn a_file_of_the_past_that_is_damaged_or_of_another_store_is_no_part_of_it() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    let path = "/db/s.db.past-2";
    let good = disk.read_file(path).unwrap();
    // In its middle.
    let mut bytes = good.clone();
    let at_value = bytes
        .windows(5)
        .rposition(|window| window == b"\"a\":\"")
        .unwrap()
        + 5;
    bytes[at_value] = b'9';
    disk.write_file(path, &bytes);
    let error = opened.store.at(3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(error.path_in_question().unwrap().to_string_lossy(), path);
    assert_eq!(
        at(&opened, 2)["a"],
        "1",
        "the state that it begins with is whole"
    );
    assert_eq!(at(&opened, 5)["a"], "3");
    let mut changes = opened.store.changes(1).unwrap();
    let mut told = || match changes.try_next() {
        Some(Ok(change)) => change.revision().to_string(),
        Some(Err(error)) => error.to_string(),
        None => "nothing".into(),
    };
    assert_eq!(told(), "2");
    assert!(told().contains("commits 3 to 4 are not in the log"));
    assert_eq!(
        (told(), told(), told()),
        ("5".into(), "6".into(), "7".into())
    );
    assert_eq!(told(), "nothing");
    // Cut off, of another generation, of another store, or something else.
    let other = SimulatedDisk::new();
    let _other = ten_generations(&other, KEPT);
    let mut cut = good.clone();
    cut.truncate(good.len() - 30);
    let of_other_store = String::from_utf8(good.clone())
        .unwrap()
        .replacen("\"s\"", "\"t\"", 1);
    for bytes in [
        cut,
        disk.read_file("/db/s.db.past-1").unwrap(),
        other.read_file(path).unwrap(),
        of_other_store.into_bytes(),
        b"something else".to_vec(),
        Vec::new(),
    ] {
        disk.write_file(path, &bytes);
        let revisions = opened.store.history().revisions().unwrap();
        // The header behind names the one before it as well.
        assert_eq!(revisions, [0..=2, 4..=7]);
        assert_eq!(
            opened.store.at(3).unwrap_err().kind(),
            ErrorKind::NotInHistory
        );
    }
    assert!(disk.remove_file(path));
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=2, 4..=7]);
    disk.write_file(path, good);
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=7]);
}

#[test]
fn where_the_past_cannot_be_kept_the_log_goes_on() {
    let disk = SimulatedDisk::new();
    let opened = open_as(&disk, KEPT).unwrap();
    opened.set("a", "1").unwrap();
    disk.fail_where(
        |operation| {
            operation.kind() == worsen::testing::OperationKind::Rename
                && operation.path().to_string_lossy() == BACKUP
        },
        worsen::testing::Fault::Io,
        worsen::testing::Repeat::Once,
    );
    let error = opened.store.compact_now().wait().unwrap_err();
    assert!(!error.is_outcome_unknown(), "{error}");
    for text in ["2", "3"] {
        opened.set("a", text).unwrap();
    }
    opened.store.compact_now().wait().unwrap();
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=3]);
    drop(opened);
    let opened = open_as(&disk, KEPT).unwrap();
    assert!(opened.store.recovered().is_empty());
    assert_eq!(at(&opened, 2)["a"], "2");
}

#[test]
fn a_log_that_is_deleted_under_an_open_store_leaves_its_past() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    assert!(disk.remove_file(LOG));
    opened.set("a", "5").unwrap();
    assert_eq!(opened.store.history().revisions().unwrap(), [0..=8]);
    for (revision, text) in [(1, "1"), (5, "3"), (7, "4"), (8, "5")] {
        assert_eq!(at(&opened, revision)["a"], text);
    }
}

#[test]
fn a_full_disk_takes_of_the_past_and_never_of_the_present() {
    let disk = SimulatedDisk::new();
    let opened = open_as(&disk, KEPT).unwrap();
    let long = "x".repeat(3_000);
    for number in 0..40 {
        opened.set(&format!("{}", number % 8), &long).unwrap();
        if number % 10 == 0 {
            opened.store.compact_now().wait().unwrap();
        }
    }
    disk.leave_room(Some(0));
    // It is full: what frees some goes on, and at last what does not is refused.
    let mut refused = 0;
    for number in 0..40 {
        let outcome = match number % 3 {
            0 => opened
                .store
                .remove(format!("{}", number % 8))
                .wait()
                .map(drop),
            _ => opened.set(&format!("{}", number % 8), &long[number..]),
        };
        match outcome {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NoSpace => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let state = opened.state();
    for revisions in opened.store.history().revisions().unwrap() {
        for revision in revisions {
            opened.store.at(revision).unwrap();
        }
    }
    // To forget the past makes room.
    opened.store.purge_history().wait().unwrap();
    assert_eq!(opened.state(), state);
    drop(opened);
    let opened = open_as(&disk, KEPT).unwrap();
    assert_eq!(opened.state(), state, "{refused} were refused");
    opened.set("a", &long).unwrap();
}

//! Whether a store is whole, asked without opening it: what is told is what opening then does, whatever the files
//! hold, and nothing is changed.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use proptest::prelude::*;
use worsen::{ErrorKind, Repair, Report, Store, Unreadable, check, testing::SimulatedDisk};
use worsen_tests::State;

use crate::{
    machine::{BACKUP, LOG, PLAIN, disk_with, open_as},
    recovery_table::{generations, states},
    support::{Random, folder, open, sample, scale, sequences},
};

/// Repairs as both tell them: where a copy is kept is known to opening alone.
fn told(repairs: &[Repair]) -> Vec<Repair> {
    let mut repairs = repairs.to_vec();
    for repair in &mut repairs {
        match repair {
            Repair::Mended { kept, .. }
            | Repair::CutOff { kept, .. }
            | Repair::BackupRenewed { kept } => *kept = None,
            _ => {}
        }
    }
    repairs
}

/// Looks at these files, and opens them: both come to the same. What was told, if anything was.
fn agrees(log: Option<&[u8]>, backup: Option<&[u8]>, what: &dyn Fn() -> String) -> Option<Report> {
    let disk = disk_with(log, backup);
    let report = disk.check(LOG);
    assert_eq!(disk.read_file(LOG).as_deref(), log, "{}", what());
    assert_eq!(disk.read_file(BACKUP).as_deref(), backup, "{}", what());
    let opened = open_as(&disk, PLAIN);
    let report = match (report, opened) {
        (Ok(report), Ok(opened)) => {
            assert!(report.refusal().is_none(), "{report}\n{}", what());
            let recovered = opened.store.recovered();
            assert_eq!(
                told(report.repairs()),
                told(recovered.repairs()),
                "{}",
                what()
            );
            assert_eq!(
                report.may_have_lost(),
                recovered.may_have_lost(),
                "{}",
                what()
            );
            assert_eq!(report.revision(), opened.store.revision(), "{}", what());
            assert_eq!(report.uids(), opened.store.len(), "{}", what());
            report
        }
        (Ok(report), Err(error)) => {
            assert_eq!(error.kind(), ErrorKind::Damaged, "{error}\n{}", what());
            let refusal = report
                .refusal()
                .unwrap_or_else(|| panic!("{error}\n{}", what()));
            assert_eq!(refusal.kind(), ErrorKind::Damaged, "{}", what());
            assert!(
                report.may_have_lost() && !report.is_whole(),
                "{report}\n{}",
                what()
            );
            report
        }
        (Err(error), Err(refused)) => {
            assert_eq!(error.kind(), refused.kind(), "{}", what());
            return None;
        }
        (Err(error), Ok(opened)) => {
            // There is nothing to look at, and opening begins a store.
            assert_eq!(opened.store.revision(), 0, "{error}\n{}", what());
            let kind = match log.or(backup) {
                None => ErrorKind::NotFound,
                Some(_) => ErrorKind::Damaged,
            };
            assert_eq!(error.kind(), kind, "{}", what());
            return None;
        }
    };
    // It is told to people without a panic, and in some lines.
    assert!(report.to_string().contains(LOG), "{report}");
    Some(report)
}

#[test]
fn what_is_told_of_every_pair_of_files_is_what_opening_does() {
    let [first, second] = generations();
    let logs = states(&second.0, &first.0);
    let backups = states(&second.1, &first.1);
    for (log_name, log) in &logs {
        for (backup_name, backup) in &backups {
            let what = || format!("log {log_name}, backup {backup_name}");
            let report = agrees(log.as_deref(), backup.as_deref(), &what);
            let is_fine = *log_name == "whole"
                && ["absent", "whole", "torn", "other generation"].contains(backup_name);
            let is_fine = is_fine || log_name == backup_name && *log_name == "other generation";
            let is_fine = is_fine || *log_name == "other generation" && *backup_name == "absent";
            if let Some(report) = report {
                assert_eq!(report.is_whole(), is_fine, "{}: {report}", what());
            }
        }
    }
}

#[test]
fn whatever_bytes_change_the_change_is_told_and_what_opening_does_about_it() {
    let [_, (log, backup)] = generations();
    let whole = agrees(Some(&log), Some(&backup), &|| "whole".into()).unwrap();
    assert!(whole.is_whole(), "{whole}");
    assert_eq!(
        (whole.store(), whole.generation(), whole.revision()),
        ("s", 2, 5)
    );
    assert_eq!((whole.commits(), whole.bytes()), (3, log.len() as u64 - 1));
    let mut looked_at = 0;
    let mut look = |changed: &[u8], what: &dyn Fn() -> String| {
        looked_at += 1;
        let with_backup = agrees(Some(changed), Some(&backup), what);
        let alone = agrees(Some(changed), None, what);
        for report in with_backup.into_iter().chain(alone) {
            let is_cut = log.starts_with(changed) && changed.ends_with(b"\n");
            assert!(
                !report.is_whole() || is_cut,
                "not noticed: {report}\n{}",
                what()
            );
        }
    };
    for at in (0..log.len()).step_by(sample()) {
        // The line feed at the end means no more than a blank there.
        if at + 1 < log.len() {
            let mut changed = log.clone();
            changed[at] ^= 1 << (at % 7);
            look(&changed, &|| format!("a flip at {at}"));
        }
        look(&log[..at], &|| format!("cut at {at}"));
    }
    for begin in (0..log.len()).step_by(128) {
        let end = (begin + 128).min(log.len());
        let mut zeroed = log.clone();
        zeroed[begin..end].fill(0);
        look(&zeroed, &|| format!("zeroed from {begin}"));
        let dropped = [&log[..begin], &log[end..]].concat();
        look(&dropped, &|| format!("dropped from {begin}"));
        let doubled = [&log[..end], &log[begin..]].concat();
        look(&doubled, &|| format!("doubled from {begin}"));
    }
    println!("{looked_at} changes");
}

#[test]
fn two_damaged_places_are_told_each_with_its_offset() {
    let [_, (log, _)] = generations();
    let ends: Vec<usize> = (0..log.len()).filter(|at| log[*at] == b'\n').collect();
    let mut damaged = log.clone();
    // Lines 2 and 4: those in between and behind are valid still.
    for line in [2, 4] {
        damaged[ends[line - 1] + 10] ^= 1;
    }
    let report = agrees(Some(&damaged), None, &|| "two".into()).unwrap();
    let place = |line: usize| Unreadable {
        offset: ends[line - 1] as u64 + 1,
        bytes: (ends[line] - ends[line - 1] - 1) as u64,
    };
    assert!(report.unreadable().eq([place(2), place(4)]), "{report}");
    assert!(report.to_string().contains("are no valid line"), "{report}");
}

#[test]
fn any_bytes_give_a_report_or_a_typed_error() {
    let [_, (log, backup)] = generations();
    // Of random bytes, and of parts of real files in any order.
    let real = log.clone();
    let part = (0..real.len(), 1..200_usize)
        .prop_map(move |(from, len)| real[from..(from + len).min(real.len())].to_vec());
    let piece = prop_oneof![
        part,
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"\n".to_vec()),
        Just(b"{\"worsen\":1,".to_vec()),
        Just(b"[".repeat(5000)),
    ];
    let file = proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    sequences(
        "checked",
        2000,
        &(file.clone(), proptest::option::of(file)),
        |(log, other)| {
            let backup = other.as_deref().unwrap_or(&backup);
            agrees(Some(&log), Some(backup), &|| {
                format!("{:?}", String::from_utf8_lossy(&log))
            });
            Ok(())
        },
    );
}

#[test]
fn a_store_in_use_is_whole_whenever_it_is_looked_at() {
    let folder = folder();
    let store = State::builder()
        .dir(folder.path())
        .compact_above(Arc::new(AtomicU64::new(40_000)))
        .open()
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (store, done) = (store.clone(), done.clone());
            thread::spawn(move || {
                let mut random = Random::seeded("in use");
                while !done.load(Relaxed) {
                    let note = "x".repeat(random.below(5000) as usize);
                    store.set_note(note).wait().unwrap();
                }
            })
        })
        .collect();
    let path = folder.path().join("state.db");
    let mut before = 0;
    for _ in 0..200 * scale() {
        let seen = store.revision();
        let report = check(&path).unwrap();
        assert!(report.is_whole(), "{report}");
        assert!(report.revision() >= seen.max(before), "{report}");
        before = seen;
    }
    done.store(true, Relaxed);
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
}

#[test]
fn what_is_no_store_is_told_by_its_kind() {
    let folder = folder();
    let kind = |name: &str| {
        check(folder.path().join(name))
            .map(|_| ())
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind("none.db"), ErrorKind::NotFound);
    assert_eq!(kind("no/such/folder.db"), ErrorKind::NotFound);
    fs::write(folder.path().join("letter.db"), "Dear Ada,").unwrap();
    assert_eq!(kind("letter.db"), ErrorKind::NotAStore);
    fs::write(folder.path().join("empty.db"), "").unwrap();
    assert_eq!(kind("empty.db"), ErrorKind::Damaged);
    fs::write(folder.path().join("later.db"), "{\"worsen\":9}\n").unwrap();
    assert_eq!(kind("later.db"), ErrorKind::NewerFormat);
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    assert_eq!(kind("folder.db"), ErrorKind::NotAStore);
}

#[test]
fn a_copy_is_whole_without_a_backup_and_whatever_it_is_called() {
    let folder = folder();
    let store = open(&folder.path().join("db"));
    store.set_count(1).wait().unwrap();
    let copy = store.backup_to(folder.path().join("monday.db")).unwrap();
    let report = check(copy.path()).unwrap();
    assert!(report.is_whole() && !report.has_backup(), "{report}");
    assert_eq!(
        (report.store(), report.revision()),
        ("state", copy.revision())
    );
    let report = check(store.path().unwrap()).unwrap();
    assert!(report.is_whole() && report.has_backup(), "{report}");
}

/// On a disk of which another process has the store open.
#[test]
fn a_simulated_disk_is_checked_beside_the_store_on_it() {
    let disk = SimulatedDisk::new();
    let opened = open_as(&disk, PLAIN).unwrap();
    opened.store.write("a", "b".into()).wait().unwrap();
    let mutations = disk.mutations();
    let report = disk.new_process().check(LOG).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!(disk.mutations(), mutations);
}

//! What the simulated disk promises to the tests that stand on it.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::*;
use crate::backend::file::disk::{Disk, DiskFile, Open};

const ALL: usize = 100_000;

fn create(disk: &SimulatedDisk, path: &str) -> Box<dyn DiskFile> {
    disk.open(Path::new(path), Open::Create).unwrap()
}

fn write(file: &dyn DiskFile, bytes: &[u8], offset: u64) {
    assert_eq!(file.write_at(bytes, offset).unwrap(), bytes.len());
}

/// All that may stand in a file after a crash.
fn contents(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let states = disk.crash_states(ALL, 1);
    assert!(states.is_exhaustive());
    states.map(|state| state.read_file(path)).collect()
}

fn all_files(disk: &SimulatedDisk) -> BTreeSet<Vec<PathBuf>> {
    disk.crash_states(ALL, 1)
        .map(|state| state.files())
        .collect()
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

#[test]
fn synced_data_outlives_every_crash() {
    for sync_all in [false, true] {
        let disk = SimulatedDisk::new();
        let file = create(&disk, "a");
        write(&*file, &[7; 2000], 0);
        write(&*file, b"more", 100);
        if sync_all {
            file.sync_all().unwrap()
        } else {
            file.sync_data().unwrap()
        }
        disk.sync_dir(Path::new("/")).unwrap();
        write(&*file, &[8; 700], 1900);
        let mut count = 0;
        for state in disk.crash_states(ALL, 1) {
            let bytes = state.read_file("/a").unwrap();
            assert!(bytes.len() == 2000 || bytes.len() == 2600);
            assert!(bytes[..100].iter().all(|byte| *byte == 7));
            assert_eq!(&bytes[100..104], b"more");
            assert!(bytes[104..1900].iter().all(|byte| *byte == 7));
            count += 1;
        }
        // Three sectors touched, each lost, kept, torn or garbage. With the shorter size only the
        // first of them is in the file.
        assert!((64 + 3..=64 + 4).contains(&count), "{count}");
    }
}

#[test]
fn an_unsynced_write_is_there_or_not_or_in_between_or_garbage() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", b"old old old");
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, b"NEW", 4);
    let contents = contents(&disk, "/a");
    assert_eq!(contents.len(), 4);
    assert!(contents.contains(&Some(b"old old old".to_vec())));
    assert!(contents.contains(&Some(b"old NEW old".to_vec())));
    let torn = [b"old Nld old".to_vec(), b"old NEd old".to_vec()];
    assert!(torn.into_iter().any(|torn| contents.contains(&Some(torn))));
    // What was not written keeps its value, garbage or not.
    for content in contents.iter().flatten() {
        assert_eq!((&content[..4], &content[7..]), (&b"old "[..], &b" old"[..]));
    }
}

#[test]
fn a_sector_may_stand_as_after_any_of_its_writes() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", b"0");
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    for byte in [b"1", b"2", b"3"] {
        write(&*file, byte, 0);
    }
    let contents = contents(&disk, "/a");
    for byte in b"0123" {
        assert!(contents.contains(&Some(vec![*byte])));
    }
}

#[test]
fn sectors_are_kept_and_lost_apart() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", [b'o'; 1536]);
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, &[b'n'; 1536], 0);
    let contents = contents(&disk, "/a");
    assert_eq!(contents.len(), 4 * 4 * 4);
    for kept in 0..8 {
        let mut bytes = Vec::new();
        for sector in 0..3 {
            bytes.extend([if kept >> sector & 1 == 1 { b'n' } else { b'o' }; 512]);
        }
        assert!(contents.contains(&Some(bytes)));
    }
}

#[test]
fn a_file_that_grew_without_its_data_reads_as_nuls() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", b"x");
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, b"yz", 1);
    let after = contents(&disk, "/a");
    assert!(
        after.contains(&Some(b"x\0\0".to_vec())),
        "size without data"
    );
    assert!(after.contains(&Some(b"x".to_vec())), "data without size");
    assert!(after.contains(&Some(b"xyz".to_vec())));
    assert!(after.contains(&Some(b"xy\0".to_vec())), "torn");

    file.sync_data().unwrap();
    assert_eq!(contents(&disk, "/a"), [Some(b"xyz".to_vec())].into());
}

#[test]
fn what_was_cut_off_never_comes_back_behind_a_new_end() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", b"secret");
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    file.set_len(2).unwrap();
    file.set_len(4).unwrap();
    let expected = [b"secret".to_vec(), b"se".to_vec(), b"se\0\0".to_vec()];
    assert_eq!(
        contents(&disk, "/a"),
        expected.into_iter().map(Some).collect()
    );
    assert_eq!(disk.read_file("/a").unwrap(), b"se\0\0");
    file.sync_all().unwrap();
    assert_eq!(contents(&disk, "/a").len(), 1);
}

#[test]
fn a_name_is_lost_until_its_directory_is_synced() {
    let disk = SimulatedDisk::new();
    let file = create(&disk, "/a");
    write(&*file, b"1", 0);
    file.sync_all().unwrap();
    assert_eq!(contents(&disk, "/a"), [None, Some(b"1".to_vec())].into());
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(contents(&disk, "/a"), [Some(b"1".to_vec())].into());
}

#[test]
fn a_rename_may_come_back_whole_and_in_order() {
    let disk = SimulatedDisk::new();
    disk.write_file("/db/a", b"old");
    disk.write_file("/db/new", b"new");
    disk.write_file("/db/other", b"other");
    disk.rename(Path::new("/db/new"), Path::new("/db/a"))
        .unwrap();
    disk.remove(Path::new("/db/other")).unwrap();
    let before = paths(&["/db/a", "/db/new", "/db/other"]);
    let between = paths(&["/db/a", "/db/other"]);
    assert_eq!(
        all_files(&disk),
        [before, between, paths(&["/db/a"])].into()
    );
    assert_eq!(
        contents(&disk, "/db/a"),
        [Some(b"old".to_vec()), Some(b"new".to_vec())].into()
    );
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
    assert_eq!(contents(&disk, "/db/a"), [Some(b"new".to_vec())].into());
}

#[test]
fn a_new_directory_is_lost_with_all_in_it() {
    let disk = SimulatedDisk::new();
    disk.create_dir(Path::new("db")).unwrap();
    let file = create(&disk, "db/a");
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(all_files(&disk), [paths(&[]), paths(&["/db/a"])].into());
    disk.sync_dir(Path::new("")).unwrap();
    assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
}

#[test]
fn a_crash_stops_everything_at_its_mutation() {
    let run = |disk: &SimulatedDisk| -> io::Result<()> {
        let file = disk.open(Path::new("/a"), Open::Create)?;
        assert_eq!(file.write_at(b"hello", 0)?, 5);
        file.sync_data()?;
        file.read_at(&mut [0; 5], 0)?;
        disk.sync_dir(Path::new("/"))
    };
    let disk = SimulatedDisk::new();
    run(&disk).unwrap();
    assert_eq!((disk.operations(), disk.mutations()), (5, 4));
    for at in 0..4 {
        let disk = SimulatedDisk::new();
        disk.crash_at(at);
        assert!(run(&disk).is_err());
        assert!(disk.has_crashed());
        assert_eq!(disk.mutations(), at);
        assert!(
            disk.identify(Path::new("/a")).is_err(),
            "the dead do not read"
        );
        assert!(disk.trace().last().unwrap().ends_with(": crash"));
        assert_eq!(disk.files().len(), usize::from(at > 0));
    }
    disk.crash_at(4);
    assert!(!disk.has_crashed());
}

#[test]
fn a_crash_within_a_write_leaves_its_first_bytes() {
    let disk = SimulatedDisk::new();
    let file = create(&disk, "/a");
    disk.crash_within(1, 3);
    assert!(file.write_at(b"hello", 0).is_err());
    assert_eq!(disk.read_file("/a").unwrap(), b"hel");
    let next = disk.kill_process();
    assert!(!next.has_crashed());
    assert_eq!(
        next.open(Path::new("/a"), Open::Read)
            .unwrap()
            .len()
            .unwrap(),
        3
    );
    assert!(disk.open(Path::new("/a"), Open::Read).is_err());
}

#[test]
fn a_killed_process_leaves_its_data_and_no_lock() {
    let disk = SimulatedDisk::new();
    let other = disk.new_process();
    let path = Path::new("/a.lock");
    let lock = disk.open_lock(path, true).unwrap();
    let second = disk.open_lock(path, true).unwrap();
    let others = other.open_lock(path, true).unwrap();
    assert_eq!(lock.id(), others.id());
    assert!(lock.try_lock().unwrap());
    assert!(!lock.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    assert!(!others.try_lock().unwrap());
    let file = create(&disk, "/a");
    write(&*file, b"1", 0);
    let next = disk.kill_process();
    assert!(file.write_at(b"2", 0).is_err());
    assert_eq!(next.read_file("/a").unwrap(), b"1");
    assert!(others.try_lock().unwrap());
    drop((lock, second));
    let mine = next.open_lock(path, true).unwrap();
    assert!(
        !mine.try_lock().unwrap(),
        "the dead one's handles free no lock"
    );
    others.unlock().unwrap();
    assert!(mine.try_lock().unwrap());
    drop(mine);
    assert!(others.try_lock().unwrap());
    // Nobody has a lock after a power cut.
    let state = disk.crash_states(1, 0).next().unwrap();
    assert!(state.open_lock(path, true).unwrap().try_lock().unwrap());
}

#[test]
fn a_shared_page_is_shared_and_stale_or_new_after_a_crash() {
    let disk = SimulatedDisk::new();
    let path = Path::new("/a.lock");
    let shared_page = disk.open_lock(path, true).unwrap().shared_page().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    shared_page.publish_revision(5);
    shared_page.set_durable_offset(2, 77);
    let other = disk
        .new_process()
        .open_lock(path, true)
        .unwrap()
        .shared_page()
        .unwrap();
    assert_eq!(other.revision(), 5);
    let mut states = disk.crash_states(1, 0);
    shared_page.publish_revision(6);
    let state = states.next().unwrap();
    let stale = state.open_lock(path, true).unwrap().shared_page().unwrap();
    assert_eq!((stale.revision(), stale.durable_offset(2)), (5, 77));
    state.reset_shared_pages();
    assert_eq!(
        state
            .open_lock(path, true)
            .unwrap()
            .shared_page()
            .unwrap()
            .revision(),
        0
    );
    disk.without_shared_pages();
    assert!(disk.open_lock(path, true).unwrap().shared_page().is_none());
}

#[test]
fn a_fault_strikes_its_operation() {
    for fault in Fault::ALL {
        let disk = SimulatedDisk::new();
        let file = create(&disk, "/a");
        disk.fail(1, fault, Repeat::Once);
        write(&*file, b"abcd", 0);
        let result = file.write_at(b"efgh", 4);
        match fault {
            Fault::ShortWrite => assert_eq!(result.unwrap(), 2),
            Fault::ShortRead | Fault::LostSync => assert_eq!(result.unwrap(), 4),
            _ => assert!(result.is_err()),
        }
        let passes = matches!(fault, Fault::ShortRead | Fault::LostSync);
        assert_eq!(disk.faults_struck(), usize::from(!passes));
        write(&*file, b"ijkl", 4);
        disk.fail(0, fault, Repeat::ForGood);
        for _ in 0..2 {
            let mut bytes = [0; 4];
            let (read, sync) = (file.read_at(&mut bytes, 0), file.sync_data());
            match fault {
                Fault::ShortRead => {
                    assert_eq!((read.unwrap(), &bytes), (2, b"ab\0\0"));
                    sync.unwrap();
                }
                Fault::ShortWrite => {
                    assert_eq!(read.unwrap(), 4);
                    sync.unwrap();
                }
                Fault::LostSync => assert!(read.is_ok() && sync.is_err()),
                _ => assert!(read.is_err() && sync.is_err()),
            }
        }
        disk.clear_faults();
        file.sync_data().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_fault_looks_like_the_operating_systems() {
    let disk = SimulatedDisk::new();
    for (fault, kind) in [
        (Fault::NoSpace, io::ErrorKind::StorageFull),
        (Fault::Quota, io::ErrorKind::QuotaExceeded),
        (Fault::ReadOnly, io::ErrorKind::ReadOnlyFilesystem),
        (Fault::Interrupted, io::ErrorKind::Interrupted),
        (Fault::Access, io::ErrorKind::PermissionDenied),
    ] {
        disk.fail(0, fault, Repeat::Once);
        assert_eq!(disk.remove(Path::new("/a")).unwrap_err().kind(), kind);
    }
}

#[test]
fn a_sync_that_failed_may_lose_what_the_next_one_calls_good() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", b"old");
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    let other = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, b"newer", 0);
    disk.fail(0, Fault::LostSync, Repeat::Once);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(disk.read_file("/a").unwrap(), b"newer");
    assert_eq!(contents(&disk, "/a"), [Some(b"old\0\0".to_vec())].into());
    // A process that had the file open is told once, and one that opens it later is not.
    assert!(other.sync_data().is_err());
    other.sync_data().unwrap();
    let later = disk.open(Path::new("/a"), Open::Write).unwrap();
    later.sync_data().unwrap();
    // What is written after it does arrive.
    write(&*file, b"N", 0);
    file.sync_data().unwrap();
    assert_eq!(contents(&disk, "/a"), [Some(b"Nld\0\0".to_vec())].into());

    disk.rename(Path::new("/a"), Path::new("/b")).unwrap();
    disk.fail(0, Fault::LostSync, Repeat::Once);
    assert!(disk.sync_dir(Path::new("/")).is_err());
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.files(), paths(&["/b"]));
    assert_eq!(all_files(&disk), [paths(&["/a"])].into());
}

#[test]
fn a_number_is_used_again_once_nothing_uses_it() {
    let disk = SimulatedDisk::new();
    let root = Path::new("/");
    let file = create(&disk, "/a");
    disk.sync_dir(root).unwrap();
    let first = file.id();
    disk.remove(Path::new("/a")).unwrap();
    disk.sync_dir(root).unwrap();
    let second = create(&disk, "/b").id();
    assert_ne!(second, first, "still open");
    drop(file);
    disk.remove(Path::new("/b")).unwrap();
    assert_eq!(create(&disk, "/c").id(), first);
    let third = create(&disk, "/d").id();
    assert!(
        third != first && third != second,
        "a crash may still bring /b back"
    );
}

#[cfg_attr(
    miri,
    ignore = "many minutes under miri, and nothing there but safe code"
)]
#[test]
fn a_sample_has_the_extremes_and_is_the_same_for_a_seed() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", vec![b'o'; 40 * 512]);
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, &vec![b'n'; 40 * 512], 0);
    let sample = |seed| {
        let states = disk.crash_states(500, seed);
        assert!(!states.is_exhaustive());
        assert_eq!(states.total(), 1 << 80);
        states
            .map(|state| state.read_file("/a").unwrap())
            .collect::<Vec<_>>()
    };
    let states = sample(3);
    assert_eq!(states.len(), 500);
    assert!(states == sample(3));
    assert!(states != sample(4));
    assert_eq!(states[0], vec![b'o'; 40 * 512]);
    assert_eq!(states[1], vec![b'n'; 40 * 512]);
    let distinct: BTreeSet<_> = states.iter().collect();
    assert_eq!(distinct.len(), 500);
    for (one, rest) in [(b'n', b'o'), (b'o', b'n')] {
        for sector in 0..40 {
            let mut bytes = vec![rest; 40 * 512];
            bytes[sector * 512..(sector + 1) * 512].fill(one);
            assert!(distinct.contains(&bytes), "sector {sector} alone");
        }
    }
}

#[test]
fn a_crash_can_be_crashed_again() {
    let disk = SimulatedDisk::new();
    let mut count = 0;
    write(&*create(&disk, "/a"), b"12", 0);
    for state in disk.crash_states(ALL, 1) {
        assert!(state.origin().is_some());
        write(&*create(&state, "/b"), b"34", 0);
        for state in state.crash_states(ALL, 2) {
            let file = create(&state, "/a");
            file.sync_all().unwrap();
            state.sync_dir(Path::new("/")).unwrap();
            let deepest: Vec<_> = state.crash_states(ALL, 3).collect();
            assert_eq!(deepest.len(), 1, "nothing is open after a sync of all");
            assert_eq!(deepest[0].origin().unwrap(), "everything kept");
            count += 1;
        }
    }
    // No name; no size; NULs; kept; torn; garbage, which may be NULs.
    assert!((5 * 5..=6 * 6).contains(&count), "{count}");
}

#[test]
fn helpers_are_durable_and_no_operations() {
    let disk = SimulatedDisk::new();
    drop(create(&disk, "/db2"));
    disk.write_file("/db/a", b"1");
    disk.write_file("/db/a", b"2");
    assert!(disk.remove_file("/db2"));
    assert!(!disk.remove_file("/db2"));
    assert_eq!(disk.operations(), 1);
    assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
    assert_eq!(contents(&disk, "/db/a"), [Some(b"2".to_vec())].into());
    assert!(disk.identify(Path::new("db/../db/./a")).unwrap().is_some());
}

#[test]
fn errors_are_those_of_a_real_disk() {
    let disk = SimulatedDisk::new();
    disk.write_file("/db/a", b"1");
    let kind = |how, path: &str| disk.open(Path::new(path), how).unwrap_err().kind();
    assert_eq!(kind(Open::Read, "/no"), io::ErrorKind::NotFound);
    assert_eq!(kind(Open::Create, "/no/a"), io::ErrorKind::NotFound);
    assert_eq!(kind(Open::Create, "/db"), io::ErrorKind::InvalidInput);
    assert_eq!(kind(Open::CreateNew, "/db/a"), io::ErrorKind::AlreadyExists);
    assert_eq!(kind(Open::Read, "/db/a/b"), io::ErrorKind::NotADirectory);
    let read_only = disk.open(Path::new("/db/a"), Open::Read).unwrap();
    assert!(read_only.write_at(b"2", 0).is_err());
    assert!(read_only.set_len(0).is_err());
    assert_eq!(
        disk.identify(Path::new("/db/a"))
            .unwrap()
            .map(|found| found.id),
        Some(read_only.id())
    );
    assert_eq!(disk.identify(Path::new("/db/b")).unwrap(), None);
    assert_eq!(read_only.read_at(&mut [0], u64::MAX).unwrap(), 0);
    let file = disk.open(Path::new("/db/a"), Open::Write).unwrap();
    assert!(file.write_at(b"2", u64::MAX).is_err());
    assert!(file.set_len(u64::MAX).is_err());
    assert_eq!(disk.trace().len(), disk.operations());
}

/// Suites look at hundreds of thousands of crashes: a state must cost microseconds.
#[test]
fn a_state_is_cheap() {
    let disk = SimulatedDisk::new();
    disk.write_file("/a", vec![b' '; 16 << 10]);
    let file = disk.open(Path::new("/a"), Open::Write).unwrap();
    write(&*file, &[b'x'; 4000], 100);
    let states = if cfg!(miri) { 10 } else { 2000 };
    let start = Instant::now();
    assert_eq!(disk.crash_states(states, 1).count(), states);
    assert!(cfg!(miri) || start.elapsed().as_secs() < 10);
}

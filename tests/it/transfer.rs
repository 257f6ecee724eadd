//! A copy of a store that others write meanwhile, and the store as it was in a copy.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use proptest::prelude::*;
use worsen::{
    Durability, ErrorKind, Map, PersistentStore, Progress, Queue, Set, Store, WorkQueue,
    testing::{self, Fault, OperationKind, Repeat, SimulatedDisk},
};
use worsen_tests::State;

use crate::support::{Worker, folder, open, sequences};

/// Two numbers that are the same in every commit, and something that makes the log long.
#[derive(Store)]
#[store(name = "pair", poll = "20ms")]
struct Pair {
    one: u64,
    other: u64,
    long: String,
}

fn open_pair(dir: &Path, compact_above: u64) -> PairStore {
    Pair::builder()
        .dir(dir)
        .compact_above(Arc::new(AtomicU64::new(compact_above)))
        .open()
        .unwrap()
}

fn raise(store: &PairStore) -> worsen::Result<()> {
    store
        .update(|pair| {
            pair.one += 1;
            pair.other += 1;
            pair.long = "x".repeat(pair.one as usize % 3000);
        })
        .wait()
}

#[test]
fn a_copy_is_one_revision_while_others_write_and_compact() {
    let folder = folder();
    let (dir, copies) = (folder.path().join("db"), folder.path().join("copies"));
    let store = open_pair(&dir, 40_000);
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done) = (store.clone(), done.clone());
            thread::spawn(move || {
                while !done.load(Relaxed) {
                    raise(&store).unwrap();
                }
            })
        })
        .collect();
    let mut before = 0;
    for number in 0..40 {
        let floor = store.one();
        let copy = store.backup_to(copies.join("pair.db")).unwrap();
        assert!(copy.revision() >= before, "{number}");
        before = copy.revision();
        let length = fs::metadata(copy.path()).unwrap().len();
        assert_eq!(length, copy.bytes());
        let copied = Pair::builder().dir(&copies).read_only().open().unwrap();
        let state = copied.snapshot();
        assert_eq!(state.revision(), copy.revision());
        // The first commit is that of the seeds.
        assert_eq!(
            (state.one + 1, state.other + 1),
            (copy.revision(), copy.revision())
        );
        assert!(state.one >= floor, "what was seen before it began is in it");
        assert!(copied.recovered().is_empty(), "{:?}", copied.recovered());
    }
    done.store(true, Relaxed);
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_copy_opens_as_a_store_of_its_own() {
    let folder = folder();
    let copies = folder.path().join("copies");
    let store = open(&folder.path().join("db"));
    store.set_count(7).wait().unwrap();
    let copy = store.backup_to(copies.join("state.db")).unwrap();
    let copied = open(&copies);
    assert_eq!(copied.count(), 7);
    assert!(!copied.recovered().may_have_lost());
    copied.set_count(8).wait().unwrap();
    assert_eq!(store.count(), 7);
    // From now on it is a store that others may have open.
    drop(copied);
    let error = store.backup_to(copy.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Occupied);
    assert_eq!(open(&copies).count(), 8);
}

#[test]
fn a_copy_tells_how_far_it_is() {
    let folder = folder();
    let store = open(folder.path());
    store.set_note("x".repeat(5 << 20)).wait().unwrap();
    let mut told: Vec<Progress> = Vec::new();
    let path = folder.path().join("copy.db");
    let copy = store
        .backup_with(&path, |progress| told.push(progress))
        .unwrap();
    assert!(told.len() >= 5, "{told:?}");
    assert!(
        told.is_sorted_by_key(|progress| progress.copied().min(copy.bytes())),
        "{told:?}"
    );
    let last = told.last().unwrap();
    assert!(last.is_done());
    assert_eq!(last.copied(), copy.bytes());
    // A listener that panics spoils nothing.
    store.set_count(1).wait().unwrap();
    let again = store.backup_with(&path, |_| panic!("on purpose")).unwrap();
    assert!(again.revision() > copy.revision());
}

/// What stands in the way of a copy is as it was.
fn stays(path: &Path, store: &worsen_tests::StateStore, what: &str) -> worsen::Error {
    let before = fs::read(path).unwrap();
    let error = store.backup_to(path).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before, "{what}");
    let beside = fs::read_dir(path.parent().unwrap()).unwrap();
    let new = beside.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".new")
    });
    assert_eq!(new.count(), 0, "{what}");
    error
}

#[test]
fn a_copy_takes_the_place_of_an_older_copy_alone() {
    let folder = folder();
    let dir = folder.path().join("db");
    let store = open(&dir);
    let path = folder.path().join("copies/state.db");
    store.backup_to(&path).unwrap();
    store.set_count(1).wait().unwrap();
    let newest = store.backup_to(&path).unwrap();
    store.backup_to(&path).unwrap();

    let refused = |path: &Path, what: &str| {
        let error = stays(path, &store, what);
        assert_eq!(error.kind(), ErrorKind::Occupied, "{what}: {error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    };
    refused(store.path().unwrap(), "the log itself");
    let foreign = folder.path().join("copies/letter.db");
    fs::write(&foreign, "Dear Ada,").unwrap();
    refused(&foreign, "a file of another program");
    let other = folder.path().join("copies/other.db");
    PersistentStore::<u8>::builder("other")
        .in_memory()
        .open()
        .unwrap()
        .backup_to(&other)
        .unwrap();
    refused(&other, "a copy of another store");
    let torn = folder.path().join("copies/rotten.db");
    fs::write(&torn, &fs::read(&path).unwrap()[..30]).unwrap();
    refused(&torn, "a copy that rots");
    let link = folder.path().join("copies/link.db");
    std::os::unix::fs::symlink(&foreign, &link).unwrap();
    refused(&link, "a link");

    // Another history of the same store: what the copy holds is not in it.
    let parted = folder.path().join("parted");
    fs::create_dir(&parted).unwrap();
    fs::copy(&path, parted.join("state.db")).unwrap();
    let parted_store = open(&parted);
    parted_store.set_count(100).wait().unwrap();
    parted_store.set_count(101).wait().unwrap();
    let further = folder.path().join("copies/further.db");
    parted_store.backup_to(&further).unwrap();
    refused(&further, "a copy of another history");
    store.set_count(2).wait().unwrap();
    refused(&further, "a copy of another history, as long");
    let error = parted_store.backup_to(&path).map(|copy| copy.revision());
    assert_eq!(error.unwrap(), newest.revision() + 2, "goes on from it");

    let error = store.backup_to(folder.path().join("copies")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName, "a directory: {error}");
    let error = store
        .backup_to(folder.path().join("no/such/state.db"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Directory, "{error}");
}

#[test]
fn a_log_that_rots_is_not_copied_over_a_good_copy() {
    let folder = folder();
    let store = open(&folder.path().join("db"));
    for count in 1..20 {
        store.set_count(count).wait().unwrap();
    }
    let path = folder.path().join("state.db");
    store.backup_to(&path).unwrap();
    store.set_count(20).wait().unwrap();
    let log = store.path().unwrap();
    let mut bytes = fs::read(log).unwrap();
    bytes[600] ^= 1;
    // In the same file, as a disk rots.
    let file = fs::OpenOptions::new().write(true).open(log).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    let error = stays(&path, &store, "rotten");
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
}

#[test]
fn a_process_that_may_only_read_copies_too() {
    let folder = folder();
    let dir = folder.path().join("db");
    let store = open(&dir);
    store.set_count(3).wait().unwrap();
    // Of a struct of which only the name is known.
    let reader = PersistentStore::<serde_json::Value>::builder("state")
        .dir(&dir)
        .read_only()
        .open()
        .unwrap();
    let path = folder.path().join("copies/state.db");
    let copy = reader.backup_to(&path).unwrap();
    assert_eq!(copy.revision(), store.revision());
    store.set_count(4).wait().unwrap();
    store.restore_from(path).wait().unwrap();
    assert_eq!(store.count(), 3);
}

/// A program that takes copies, one over the other: the revision of the newest, and how many it has made.
fn copying(disk: &SimulatedDisk) -> worsen::Result<()> {
    let store = Pair::builder()
        .on(disk)
        .dir("/db")
        .durability(Durability::Buffered)
        .compact_above(Arc::new(AtomicU64::new(3000)))
        .open()?;
    for _ in 0..3 {
        for _ in 0..3 {
            store
                .update(|pair| {
                    pair.one += 1;
                    pair.other += 1;
                    pair.long = "x".repeat(700);
                })
                .wait()?;
        }
        store.backup_to("/copies/pair.db")?;
    }
    Ok(())
}

#[test]
fn a_power_cut_leaves_the_old_copy_or_the_new_one_and_a_store_that_is_not_behind_it() {
    let mut looked_at = 0;
    let crashes = testing::crashes(copying).step_by(crate::support::sample().min(7));
    for crash in crashes {
        for disk in crash.left_by_power_cut().take(25) {
            looked_at += 1;
            let what = || format!("{crash}\n{:?}", disk.origin());
            let store = Pair::builder().on(&disk).dir("/db").open().unwrap();
            if disk.read_file("/copies/pair.db").is_none() {
                continue;
            }
            let copied = Pair::builder().on(&disk).dir("/copies").read_only().open();
            let copied = copied.unwrap_or_else(|error| panic!("{error}\n{}", what()));
            let state = copied.snapshot();
            assert_eq!(state.one, state.other, "{}", what());
            assert!([3, 6, 9].contains(&state.one), "{}: {}", state.one, what());
            assert!(copied.recovered().is_empty(), "{}", what());
            assert!(store.one() >= state.one, "the store is behind: {}", what());
            // What a copy that was broken off has left is in nobody's way.
            store.restore_from("/copies/pair.db").wait().unwrap();
            assert_eq!(store.one(), state.one);
            store
                .update(|pair| {
                    pair.one = 10;
                    pair.other = 10;
                })
                .wait()
                .unwrap();
            store.backup_to("/copies/pair.db").unwrap();
        }
    }
    println!("{looked_at} disks");
    assert!(looked_at > 100);
}

#[test]
fn a_disk_that_fails_within_a_copy_leaves_the_copy_that_there_is() {
    let kinds = [
        OperationKind::Open,
        OperationKind::Write,
        OperationKind::SetLength,
        OperationKind::Sync,
        OperationKind::Rename,
        OperationKind::SyncDirectory,
    ];
    for (kind, fault) in kinds
        .into_iter()
        .flat_map(|kind| [Fault::Io, Fault::NoSpace].map(move |fault| (kind, fault)))
    {
        let disk = SimulatedDisk::new();
        let store = Pair::builder().on(&disk).dir("/db").open().unwrap();
        raise(&store).unwrap();
        store.backup_to("/copies/pair.db").unwrap();
        let before = disk.read_file("/copies/pair.db").unwrap();
        raise(&store).unwrap();
        let operation = move |operation: &testing::Operation| {
            operation.kind() == kind && operation.path().starts_with("/copies")
        };
        disk.fail_where(operation, fault, Repeat::Once);
        let error = store.backup_to("/copies/pair.db").unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Io | ErrorKind::NoSpace),
            "{kind:?}, {fault:?}: {error}"
        );
        // A move that may not last has been made all the same.
        let is_moved = kind == OperationKind::SyncDirectory;
        let is_old = disk.read_file("/copies/pair.db").unwrap() == before;
        assert_ne!(is_old, is_moved, "{kind:?}, {fault:?}");
        // The store goes on, and the next copy is made.
        raise(&store).unwrap();
        let copy = store.backup_to("/copies/pair.db").unwrap();
        assert_eq!(copy.revision(), store.revision());
    }
}

#[derive(Store)]
#[store(name = "all", poll = "20ms")]
struct All {
    #[store(seed = 7)]
    plain: u32,
    users: Map<String, u32>,
    #[store(seed = ["first".to_owned()].into_iter().collect())]
    queue: Queue<String>,
    tags: Set<u8>,
    jobs: WorkQueue<String>,
}

type Shown = (
    u32,
    BTreeMap<String, u32>,
    Vec<String>,
    Vec<u8>,
    Vec<(u64, String)>,
);

/// All that a store holds, as its readers see it.
fn shown(store: &AllStore) -> Shown {
    let state = store.snapshot();
    (
        state.plain,
        state
            .users
            .iter()
            .map(|(name, age)| (name.clone(), *age))
            .collect(),
        state.queue.iter().cloned().collect(),
        state.tags.iter().copied().collect(),
        state
            .jobs
            .iter()
            .map(|job| (job.id(), job.job().clone()))
            .collect(),
    )
}

#[derive(Debug, Clone)]
enum Step {
    Plain(u32),
    User(u8, Option<u32>),
    Push(u8),
    Pop,
    Tag(u8),
    Job(u8),
    ResetAll,
    ResetQueue,
    ResetUsers,
    Copy,
    Restore,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u32>().prop_map(Step::Plain),
        (0..5_u8, any::<Option<u32>>()).prop_map(|(user, age)| Step::User(user, age)),
        any::<u8>().prop_map(Step::Push),
        Just(Step::Pop),
        any::<u8>().prop_map(Step::Tag),
        any::<u8>().prop_map(Step::Job),
        Just(Step::ResetAll),
        Just(Step::ResetQueue),
        Just(Step::ResetUsers),
        Just(Step::Copy),
        Just(Step::Restore),
        Just(Step::Restore),
        Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let disk = SimulatedDisk::new();
    let open = |disk: &SimulatedDisk| {
        All::builder()
            .on(disk)
            .dir("/db")
            .poll(None)
            .open()
            .unwrap()
    };
    let mut store = Some(open(&disk));
    let other = open(&disk.new_process());
    let mut copied = None;
    for step in steps {
        let opened = store.as_ref().unwrap();
        match step {
            Step::Plain(plain) => opened.set_plain(plain).wait().unwrap(),
            Step::User(user, age) => opened
                .update_users(move |users| {
                    match age {
                        Some(age) => users.insert(format!("user-{user}"), age),
                        None => users.remove(&format!("user-{user}")),
                    };
                })
                .wait()
                .unwrap(),
            Step::Push(item) => {
                opened
                    .update_queue(move |queue| queue.push_back(item.to_string()))
                    .wait()
                    .unwrap();
            }
            Step::Pop => drop(opened.update_queue(Queue::pop_front).wait().unwrap()),
            Step::Tag(tag) => drop(
                opened
                    .update_tags(move |tags| tags.insert(tag))
                    .wait()
                    .unwrap(),
            ),
            Step::Job(job) => drop(
                opened
                    .work(|all| &all.jobs)
                    .push(job.to_string())
                    .wait()
                    .unwrap(),
            ),
            Step::ResetAll => opened.reset().wait().unwrap(),
            Step::ResetQueue => opened.reset_queue().wait().unwrap(),
            Step::ResetUsers => opened.reset_users().wait().unwrap(),
            Step::Copy => {
                opened.backup_to("/copies/all.db").unwrap();
                copied = Some((opened.revision(), shown(opened)));
            }
            Step::Restore => {
                let Some((revision, state)) = &copied else {
                    continue;
                };
                let before = opened.revision();
                prop_assert_eq!(
                    opened.restore_from("/copies/all.db").wait().unwrap(),
                    *revision
                );
                prop_assert_eq!(&shown(opened), state);
                prop_assert!(opened.revision() <= before + 1, "one commit, or none");
                prop_assert_eq!(&shown(&other), state, "another process");
                prop_assert_eq!(
                    &shown(&open(&disk.new_process())),
                    state,
                    "one that opens it now"
                );
                // There is nothing more to restore.
                let revision = opened.revision();
                opened.restore_from("/copies/all.db").wait().unwrap();
                prop_assert_eq!(opened.revision(), revision);
            }
            Step::Reopen => {
                drop(store.take());
                store = Some(open(&disk));
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_restored_is_what_was_copied_for_every_process() {
    sequences("restored", 400, &steps(), run);
}

#[test]
fn a_restored_state_is_a_commit_that_other_processes_follow_at_once() {
    let folder = folder();
    let dir = folder.path().join("db");
    let store = open(&dir);
    store.set_count(1).wait().unwrap();
    let copy = store.backup_to(folder.path().join("state.db")).unwrap();
    store.set_count(2).wait().unwrap();
    let mut worker = Worker::start("obey", &dir, &[]);
    worker.order("open");
    let revision = store.revision();
    assert_eq!(worker.order("count"), "2");
    let mut watch = store.watch_count();
    assert_eq!(
        store.restore_from(copy.path()).wait().unwrap(),
        copy.revision()
    );
    assert_eq!(store.revision(), revision + 1);
    assert_eq!(worker.order("count"), "1");
    assert_eq!(watch.wait(Duration::from_secs(60)).unwrap().unwrap(), 1);
    // The other one goes on behind it.
    assert_eq!(worker.order("set-count 5"), "done");
    assert_eq!(store.count(), 5);
    worker.finish();
}

#[test]
fn what_a_newer_program_kept_comes_back_too() {
    let folder = folder();
    let any = || {
        PersistentStore::<serde_json::Value>::builder("state")
            .dir(folder.path())
            .open()
            .unwrap()
    };
    let store = open(folder.path());
    any().write("newer", 1.into()).wait().unwrap();
    let path = folder.path().join("copy.db");
    store.backup_to(&path).unwrap();
    any().write("newer", 2.into()).wait().unwrap();
    any().write("newest", 3.into()).wait().unwrap();
    store.restore_from(&path).wait().unwrap();
    assert_eq!(any().read("newer"), Some(1.into()));
    assert_eq!(any().read("newest"), None);
}

#[test]
fn a_copy_that_does_not_fit_changes_nothing_and_names_all_of_it() {
    let folder = folder();
    let any = PersistentStore::<serde_json::Value>::builder("state")
        .dir(folder.path().join("other"))
        .open()
        .unwrap();
    any.update_all(|draft| {
        draft.set("count", "many".into());
        draft.set("jobs", 7.into());
        draft.set("note", "fits".into());
    })
    .wait()
    .unwrap();
    let path = folder.path().join("copy.db");
    any.backup_to(&path).unwrap();
    let store = open(&folder.path().join("db"));
    store.set_count(3).wait().unwrap();
    let revision = store.revision();
    let error = store.restore_from(&path).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    for word in ["`count`", "`jobs`", "in 2 places", "u64"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!((store.count(), &*store.note()), (3, "seeded"));
    assert_eq!(store.revision(), revision);
    store.set_count(4).wait().unwrap();
}

#[test]
fn what_is_no_whole_copy_is_not_restored() {
    let folder = folder();
    let store = open(&folder.path().join("db"));
    store.set_count(1).wait().unwrap();
    let path = folder.path().join("copy.db");
    store.backup_to(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    store.set_count(2).wait().unwrap();
    let refused = |bytes: &[u8], kind: ErrorKind| {
        fs::write(&path, bytes).unwrap();
        let error = store.restore_from(&path).wait().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(store.count(), 2);
    };
    for cut in 1..whole.len() - 1 {
        let error_kind = match cut {
            // What is left is a line that no writer begins so.
            1..10 => ErrorKind::NotAStore,
            _ => ErrorKind::Damaged,
        };
        let lines = whole[..cut].ends_with(b"\n") || whole[cut] == b'\n';
        // Cut between two lines, it is a whole copy of an earlier revision.
        if !lines {
            refused(&whole[..cut], error_kind);
        }
    }
    refused(b"Dear Ada,", ErrorKind::NotAStore);
    fs::remove_file(&path).unwrap();
    let error = store.restore_from(&path).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let other = PersistentStore::<u8>::builder("another")
        .in_memory()
        .open()
        .unwrap();
    other.backup_to(&path).unwrap();
    let error = store.restore_from(&path).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
}

#[test]
fn a_store_in_memory_is_saved_and_loaded() {
    let folder = folder();
    let path = folder.path().join("state.db");
    let in_memory = || State::builder().in_memory().open().unwrap();
    let store = in_memory();
    store.set_count(7).wait().unwrap();
    let copy = store.backup_to(&path).unwrap();
    assert_eq!(copy.revision(), store.revision());
    let other = in_memory();
    other.restore_from(&path).wait().unwrap();
    assert_eq!(other.count(), 7);
    assert_eq!(
        open(folder.path()).count(),
        7,
        "and it is a store with files"
    );
}

/// Whether files of this directory can share blocks.
fn has_clones(dir: &Path) -> bool {
    let (one, other) = (dir.join("one"), dir.join("other"));
    fs::write(&one, "x".repeat(10_000)).unwrap();
    let one = fs::File::open(&one).unwrap();
    let other = fs::File::create(&other).unwrap();
    rustix::fs::ioctl_ficlone(&other, &one).is_ok()
}

#[test]
fn a_copy_shares_its_blocks_where_the_file_system_has_that() {
    let folder = folder();
    let store = open(&folder.path().join("db"));
    store.set_note("x".repeat(100_000)).wait().unwrap();
    let copy = store.backup_to(folder.path().join("copy.db")).unwrap();
    let has_clones = has_clones(folder.path());
    assert_eq!(copy.is_clone(), has_clones);
    if !has_clones {
        println!(
            "skipped: files of {} share no blocks",
            folder.path().display()
        );
    }
}

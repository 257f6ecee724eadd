//! Errors that really arise, one of every kind at least: what each says of the write is what the store shows
//! when it is opened again. Never here: their words, which stand beside who says them.

mod documented; // the kinds and effects that the documents name
mod printed; // by those who print all sources
mod versions; // of a program and a store that have come apart

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use worsen::{
    Effect, Error, ErrorKind, PersistentStore, Store, WorkQueue,
    testing::{Fault, Repeat, SimulatedDisk},
};
use worsen_tests::State;

use self::documented::{in_words, kinds};
use crate::{
    machine::{self, BACKUP, LOG, Op, Opened, READ_ONLY, open_as},
    support::{Worker, folder, open, open_with_older_log},
};

/// What somebody was told of a write that failed.
type Told = Vec<(ErrorKind, Effect)>;

/// Brings an error about, and checks that the store shows what it told.
type BringAbout = fn() -> Told;

/// How each kind is brought about here.
const BROUGHT_ABOUT: &[(ErrorKind, BringAbout)] = &[
    (ErrorKind::InvalidName, a_name_that_is_a_path),
    (ErrorKind::InvalidUid, a_uid_of_two_lines),
    (ErrorKind::InvalidOption, a_poll_of_zero),
    (ErrorKind::InvalidField, a_queue_that_is_skipped),
    (ErrorKind::AlreadyOpen, a_store_that_is_open_as_another_type),
    (ErrorKind::Occupied, a_copy_over_a_file_of_another_program),
    (ErrorKind::Directory, a_directory_below_a_file),
    (ErrorKind::PermissionDenied, a_disk_that_lets_nobody_write),
    (ErrorKind::NotFound, a_reader_of_nothing),
    (ErrorKind::NotAStore, a_file_of_another_program),
    (ErrorKind::NewerFormat, a_file_of_a_later_version),
    (
        ErrorKind::Version,
        versions::a_program_that_is_older_than_the_store,
    ),
    (ErrorKind::Migration, versions::a_migration_that_fails),
    (ErrorKind::UnknownUid, versions::a_uid_without_a_field),
    (ErrorKind::Invalid, versions::a_value_that_breaks_its_rule),
    (
        ErrorKind::Environment,
        versions::a_variable_that_no_field_can_be,
    ),
    (ErrorKind::Damaged, a_log_that_was_spoilt),
    (ErrorKind::Replaced, a_log_that_went_back),
    (ErrorKind::Decode, a_value_of_another_type),
    (ErrorKind::Encode, a_number_that_is_none),
    (ErrorKind::Gap, a_reader_of_what_was_compacted),
    (ErrorKind::NotInHistory, a_moment_that_was_not_kept),
    (ErrorKind::Conflict, an_undo_of_what_others_built_on),
    (ErrorKind::TooLarge, a_commit_above_the_limit),
    (ErrorKind::LockTimeout, a_lock_that_is_held),
    (ErrorKind::Nested, a_write_within_a_closure),
    (ErrorKind::Panicked, a_closure_that_panics),
    (ErrorKind::ReadOnly, a_write_of_a_reader),
    (ErrorKind::Forked, a_handle_in_a_forked_child),
    (ErrorKind::NoSpace, a_disk_that_is_full),
    (ErrorKind::OutOfResources, a_process_without_files),
    (ErrorKind::OutcomeUnknown, a_disk_that_fails_within_a_write),
    (ErrorKind::Broken, a_type_that_panics),
    (ErrorKind::Poisoned, a_write_after_one_in_doubt),
    (ErrorKind::Io, a_disk_that_fails_before_a_write),
];

/// What is not brought about here, and why.
const ELSEWHERE: &[(ErrorKind, &str)] = &[(
    ErrorKind::LockDoesNotExclude,
    "it takes two mounts of one directory, and root: `ground` has them",
)];

/// Effects that no program brings about, whatever its types do.
const UNSEEN: &[(ErrorKind, Effect, &str)] = &[(
    ErrorKind::Broken,
    Effect::Written,
    "between the log and the readers no code runs but worsen's own: a unit test of the engine has it panic there",
)];

#[test]
fn an_error_of_every_kind_says_what_became_of_the_write() {
    let mut listed = BTreeSet::new();
    let mut failures = Vec::new();
    let kinds = kinds();
    for (kind, bring_about) in BROUGHT_ABOUT {
        let name = format!("{kind:?}");
        println!("{name}:");
        let told = match catch_unwind(bring_about) {
            Ok(told) => told,
            Err(_) => {
                failures.push(format!("{name}: see above"));
                Told::new()
            }
        };
        if told.iter().any(|(other, _)| other != kind) {
            failures.push(format!("{name} was to be told, and not {told:?}"));
        }
        let effects = told.iter().map(|(_, effect)| in_words(*effect).to_owned());
        let unseen = UNSEEN.iter().filter(|(other, ..)| other == kind);
        let unseen = unseen.map(|(_, effect, _)| in_words(*effect).to_owned());
        let effects: BTreeSet<String> = effects.chain(unseen).collect();
        if kinds.get(&name) != Some(&effects) {
            let documented = kinds.get(&name);
            failures.push(format!("{name}: {effects:?}, documented: {documented:?}"));
        }
        assert!(listed.insert(name), "{kind:?} is listed twice");
    }
    for (kind, effect, why) in UNSEEN {
        println!("{kind:?}, {effect:?}: not here: {why}");
    }
    for (kind, why) in ELSEWHERE {
        println!("{kind:?}: not here: {why}");
        assert!(
            listed.insert(format!("{kind:?}")),
            "{kind:?} is listed twice"
        );
    }
    assert_eq!(listed, kinds.into_keys().collect(), "list every kind");
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What the store shows when it is opened again is what the error has told.
fn holds<T: PartialEq + std::fmt::Debug>(error: &Error, old: &T, new: &T, shown: &T) {
    let effect = error.effect();
    let what = format!("{error:?} told {effect:?}, of {old:?} to {new:?}, and shown is {shown:?}");
    match effect {
        Effect::NothingWritten => assert_eq!(shown, old, "{what}"),
        Effect::Written => assert_eq!(shown, new, "{what}"),
        Effect::Unknown => assert!(shown == old || shown == new, "{what}"),
        _ => panic!("{what}"),
    }
    assert_eq!(
        error.is_outcome_unknown(),
        effect == Effect::Unknown,
        "{what}"
    );
}

/// As [`holds`], of a write: its error says to people too what became of it.
fn written<T: PartialEq + std::fmt::Debug>(error: Error, old: &T, new: &T, shown: &T) -> Told {
    holds(&error, old, new, shown);
    let said = error.to_string();
    assert!(said.contains(&format!("; {}", error.effect())), "{said}");
    vec![(error.kind(), error.effect())]
}

fn told(error: &Error) -> Told {
    vec![(error.kind(), error.effect())]
}

/// The count of the store in this folder.
fn count(dir: &Path) -> u64 {
    open(dir).count()
}

/// A store whose count is 7.
fn of_seven(dir: &Path) {
    open(dir).set_count(7).wait().unwrap();
}

/// A store in a folder is not opened, with this error, and holds what it held.
fn not_opened(spoil: impl FnOnce(&Path) -> Error, mend: impl FnOnce(&Path)) -> Told {
    let folder = folder();
    of_seven(folder.path());
    let error = spoil(folder.path());
    assert_eq!(error.effect(), Effect::NothingWritten, "{error}");
    mend(folder.path());
    holds(&error, &7, &0, &count(folder.path()));
    told(&error)
}

fn a_name_that_is_a_path() -> Told {
    let open = |dir: &Path| State::builder().dir(dir).name("../state").open().map(drop);
    not_opened(|dir| open(dir).unwrap_err(), |_| {})
}

fn a_poll_of_zero() -> Told {
    let open = |dir: &Path| State::builder().dir(dir).poll(Duration::ZERO).open();
    not_opened(|dir| open(dir).unwrap_err(), |_| {})
}

fn a_copy_over_a_file_of_another_program() -> Told {
    let folder = folder();
    let path = folder.path().join("letter.db");
    fs::write(&path, "Dear Ada,").unwrap();
    let store = open(&folder.path().join("db"));
    let error = store.backup_to(&path).unwrap_err();
    let shown = fs::read_to_string(&path).unwrap();
    holds(&error, &"Dear Ada,".to_owned(), &String::new(), &shown);
    vec![(error.kind(), error.effect())]
}

fn a_directory_below_a_file() -> Told {
    let open = |dir: &Path| State::builder().dir(dir.join("state.db")).open();
    not_opened(|dir| open(dir).unwrap_err(), |_| {})
}

fn a_reader_of_nothing() -> Told {
    let open = |dir: &Path| State::builder().dir(dir).name("other").read_only().open();
    not_opened(
        |dir| open(dir).unwrap_err(),
        |dir| assert!(!dir.join("other.db").exists()),
    )
}

fn a_store_that_is_open_as_another_type() -> Told {
    let folder = folder();
    let build = || PersistentStore::<u64>::builder("keyed").dir(folder.path());
    let numbers = build().open().unwrap();
    numbers.write("a", 7).wait().unwrap();
    let texts = PersistentStore::<String>::builder("keyed").dir(folder.path());
    let error = texts.open().unwrap_err();
    drop(numbers);
    holds(&error, &Some(7), &None, &build().open().unwrap().read("a"));
    told(&error)
}

/// Another program's file stands in the place of the log, and stays there.
fn in_its_place(content: &str) -> Told {
    let aside = |dir: &Path| dir.join("aside");
    let log = |dir: &Path| dir.join("state.db");
    not_opened(
        |dir| {
            // With its backup a store is mended.
            fs::remove_file(dir.join("state.cache.db")).unwrap();
            fs::rename(log(dir), aside(dir)).unwrap();
            fs::write(log(dir), content).unwrap();
            State::builder().dir(dir).open().unwrap_err()
        },
        |dir| {
            assert_eq!(fs::read_to_string(log(dir)).unwrap(), content);
            fs::rename(aside(dir), log(dir)).unwrap();
        },
    )
}

fn a_file_of_another_program() -> Told {
    in_its_place("SQLite format 3\0and more")
}

fn a_file_of_a_later_version() -> Told {
    in_its_place("{\"worsen\":2,\"new\":\"things\"}\nin other ways\n")
}

/// `old` stands under `a` on a disk of its own.
fn of_old() -> (SimulatedDisk, Opened) {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    opened.set("a", "old").unwrap();
    (disk, opened)
}

fn shown(disk: &SimulatedDisk) -> String {
    let opened = machine::open(disk).unwrap();
    opened.store.read("a").unwrap_or_default()
}

/// The error of a write of `new`, where `old` is.
fn new_for_old(disk: &SimulatedDisk, opened: Opened, new: &str, error: Error) -> Told {
    drop(opened);
    written(error, &"old".to_owned(), &new.to_owned(), &shown(disk))
}

/// The log of this disk, unreadable in its first commit.
fn spoilt(disk: &SimulatedDisk) -> Vec<u8> {
    let mut log = disk.read_file(LOG).unwrap();
    let header = log.iter().position(|byte| *byte == b'\n').unwrap();
    log[header + 20] ^= 1;
    log
}

fn a_log_that_was_spoilt() -> Told {
    let (old, new) = ("old".to_owned(), "new".to_owned());
    // Before it is opened.
    let (disk, opened) = of_old();
    opened.set("b", "later").unwrap();
    drop(opened);
    let [log, backup] = [LOG, BACKUP].map(|path| disk.read_file(path).unwrap());
    let unreadable = spoilt(&disk);
    disk.write_file(LOG, &unreadable);
    disk.write_file(BACKUP, "nothing of use");
    let error = machine::open(&disk).unwrap_err();
    assert_eq!(disk.read_file(LOG), Some(unreadable), "it is left as it is");
    disk.write_file(LOG, log);
    disk.write_file(BACKUP, backup);
    let mut told = written(error, &old, &String::new(), &shown(&disk));
    // And while it is open: one write is told of it, and the next one writes the log anew.
    let opened = machine::open(&disk).unwrap();
    disk.write_file(LOG, spoilt(&disk));
    assert!(disk.remove_file(BACKUP));
    let error = opened.set("a", "new").unwrap_err();
    opened.set("b", "later still").unwrap();
    drop(opened);
    told.extend(written(error, &old, &new, &shown(&disk)));
    told
}

fn a_log_that_went_back() -> Told {
    let folder = folder();
    let store = open_with_older_log(folder.path());
    let error = store.set_count(3).wait().unwrap_err();
    drop(store);
    written(error, &1, &3, &count(folder.path()))
}

fn a_value_of_another_type() -> Told {
    #[derive(Store, Debug)]
    #[store(name = "state")]
    struct Changed {
        count: String,
    }
    let open_changed = |dir: &Path| Changed::builder().dir(dir).open();
    let mut all = not_opened(|dir| open_changed(dir).unwrap_err(), |_| {});
    // Beside a value that another program wrote, writes are refused too.
    let folder = folder();
    let dir = folder.path();
    let store = open(dir);
    store.set_note("old".into()).wait().unwrap();
    let builder = PersistentStore::<serde_json::Value>::builder("state").dir(dir);
    let anything = builder.open().unwrap();
    anything.write("count", "many".into()).wait().unwrap();
    let error = store.set_note("new".into()).wait().unwrap_err();
    anything.write("count", 7.into()).wait().unwrap();
    drop((store, anything));
    let note = open(dir).note();
    all.extend(written(error, &"old".to_owned(), &"new".to_owned(), &note));
    all
}

#[derive(Store)]
struct Measured {
    celsius: f64,
}

fn a_number_that_is_none() -> Told {
    let folder = folder();
    let open = || Measured::builder().dir(folder.path()).open().unwrap();
    let store = open();
    store.set_celsius(21.5).wait().unwrap();
    let error = store.set_celsius(f64::NAN).wait().unwrap_err();
    drop(store);
    written(error, &21.5, &f64::NAN, &open().celsius())
}

fn a_uid_of_two_lines() -> Told {
    let folder = folder();
    let open = || {
        let builder = PersistentStore::<u64>::builder("keyed").dir(folder.path());
        builder.open().unwrap()
    };
    let store = open();
    let error = store.write("line\nfeed", 1).wait().unwrap_err();
    drop(store);
    written(error, &0, &1, &open().len())
}

fn a_queue_that_is_skipped() -> Told {
    #[derive(Store)]
    struct Skipping {
        #[store(skip)]
        jobs: WorkQueue<u64>,
        other: WorkQueue<u64>,
    }
    let folder = folder();
    let open = || Skipping::builder().dir(folder.path()).open().unwrap();
    let store = open();
    let work = store.work(|state| &state.jobs);
    let error = work.push(1).wait().unwrap_err();
    drop((work, store));
    // No entry of it went anywhere else.
    written(error, &0, &1, &open().other().len())
}

fn a_commit_above_the_limit() -> Told {
    let folder = folder();
    let builder = State::builder().dir(folder.path()).max_commit_bytes(100);
    let store = builder.open().unwrap();
    let long = "n".repeat(100);
    let error = store.set_note(long.clone()).wait().unwrap_err();
    drop(store);
    let note = open(folder.path()).note();
    written(error, &"seeded".to_owned(), &long, &note)
}

fn a_reader_of_what_was_compacted() -> Told {
    let (disk, opened) = of_old();
    let mut changes = opened.store.changes(0).unwrap();
    for number in 0..2 {
        opened.compact_above.store(0, Relaxed);
        opened.set("b", &format!("{number}")).unwrap();
        opened.compact_above.store(u64::MAX, Relaxed);
    }
    let mut late = opened.store.changes(0).unwrap();
    let error = [&mut changes, &mut late]
        .into_iter()
        .find_map(|changes| changes.try_next().and_then(Result::err))
        .expect("a gap is told");
    drop((changes, late, opened));
    holds(&error, &"old".to_owned(), &String::new(), &shown(&disk));
    told(&error)
}

fn a_moment_that_was_not_kept() -> Told {
    let (disk, opened) = of_old();
    let newest = opened.store.revision();
    let error = opened.store.revert_to(newest + 1).wait().unwrap_err();
    drop(opened);
    holds(&error, &"old".to_owned(), &String::new(), &shown(&disk));
    told(&error)
}

fn an_undo_of_what_others_built_on() -> Told {
    let (disk, opened) = of_old();
    opened.set("a", "own").unwrap();
    let other = machine::open(&disk.new_process()).unwrap();
    other.set("a", "built on it").unwrap();
    let error = opened.store.undo().wait().unwrap_err();
    drop((opened, other));
    let (old, new) = ("built on it".to_owned(), "old".to_owned());
    holds(&error, &old, &new, &shown(&disk));
    told(&error)
}

fn a_lock_that_is_held() -> Told {
    let (disk, opened) = of_old();
    let held = disk.hold_lock(machine::LOCK).expect("it is free");
    let error = opened.set("a", "new").unwrap_err();
    drop(held);
    new_for_old(&disk, opened, "new", error)
}

fn a_write_within_a_closure() -> Told {
    let (disk, opened) = of_old();
    let own = opened.store.clone();
    let within = move |_: &mut Option<String>| own.write("a", "new".into()).wait().unwrap_err();
    let error = opened.store.update("b", within).wait().unwrap();
    new_for_old(&disk, opened, "new", error)
}

fn a_closure_that_panics() -> Told {
    let (disk, opened) = of_old();
    let panics = |value: &mut Option<String>| {
        *value = Some("new".into());
        panic!("on purpose")
    };
    opened.store.update::<()>("a", panics).detach();
    let error = opened.sync().unwrap_err();
    new_for_old(&disk, opened, "new", error)
}

fn a_write_of_a_reader() -> Told {
    let (disk, opened) = of_old();
    let reader = open_as(&disk.new_process(), READ_ONLY).unwrap();
    let error = reader.set("a", "new").unwrap_err();
    drop(reader);
    new_for_old(&disk, opened, "new", error)
}

/// Only the child is told, so it tells what that was.
fn a_handle_in_a_forked_child() -> Told {
    let folder = folder();
    let lines = Worker::start("fork", folder.path(), &[]).finish();
    assert_eq!(lines[0], "Some((Forked, NothingWritten)) 1");
    // All that was written after it is that much more. It would have set the count to 2.
    assert_eq!(count(folder.path()), 1111);
    vec![(ErrorKind::Forked, Effect::NothingWritten)]
}

/// A write of a short text and of a long one, where each operation of the disk fails in this way, once and for
/// good: what was told of those that failed.
fn failing_everywhere(fault: Fault) -> Vec<Error> {
    let mut errors = Vec::new();
    for new in ["new".to_owned(), "n".repeat(9000)] {
        for repeat in [Repeat::Once, Repeat::ForGood] {
            for at in 0.. {
                let (disk, opened) = of_old();
                disk.fail(at, fault, repeat);
                let outcome = opened.set("a", &new);
                if disk.faults_struck() == 0 {
                    break;
                }
                let old = "old".to_owned();
                if let Err(error) = &outcome {
                    // The power may go while the disk is ill.
                    for left in disk.crash_states(10, 1) {
                        holds(error, &old, &new, &shown(&left));
                    }
                }
                disk.clear_faults();
                drop(opened);
                match outcome {
                    Ok(()) => assert_eq!(shown(&disk), new, "{fault:?} at {at}"),
                    Err(error) => {
                        written(error.clone(), &old, &new, &shown(&disk));
                        errors.push(error);
                    }
                }
            }
        }
    }
    errors
}

/// Those of this kind, of which there are some.
fn of(kind: ErrorKind, errors: Vec<Error>) -> Told {
    let those = errors.iter().filter(|error| error.kind() == kind);
    let told: Told = those.flat_map(told).collect();
    assert!(!told.is_empty(), "{errors:?}");
    told
}

fn a_disk_that_lets_nobody_write() -> Told {
    let mut told = of(
        ErrorKind::PermissionDenied,
        failing_everywhere(Fault::ReadOnly),
    );
    let denied = failing_everywhere(Fault::Access);
    told.extend(of(ErrorKind::PermissionDenied, denied));
    told
}

fn a_disk_that_is_full() -> Told {
    let mut told = of(ErrorKind::NoSpace, failing_everywhere(Fault::NoSpace));
    told.extend(of(ErrorKind::NoSpace, failing_everywhere(Fault::Quota)));
    // And one that has an end.
    let (disk, opened) = of_old();
    disk.leave_room(Some(0));
    let long = "n".repeat(1 << 20);
    let error = opened.set("a", &long).unwrap_err();
    disk.leave_room(None);
    told.extend(new_for_old(&disk, opened, &long, error));
    told
}

fn a_process_without_files() -> Told {
    // A write of an open store opens none, but for a compaction, which may wait.
    let (disk, opened) = of_old();
    drop(opened);
    let mut told = Told::new();
    for at in 0.. {
        disk.fail(at, Fault::TooManyFiles, Repeat::Once);
        let before = disk.faults_struck();
        let outcome = machine::open(&disk).map(drop);
        if disk.faults_struck() == before {
            break;
        }
        disk.clear_faults();
        if let Err(error) = outcome {
            holds(&error, &"old".to_owned(), &String::new(), &shown(&disk));
            told.push((error.kind(), error.effect()));
        }
    }
    told
}

fn a_disk_that_fails_within_a_write() -> Told {
    let mut told = of(ErrorKind::OutcomeUnknown, failing_everywhere(Fault::Io));
    let lost = failing_everywhere(Fault::LostSync);
    told.extend(of(ErrorKind::OutcomeUnknown, lost));
    told.extend(seeds_on_a_disk_that_fails(ErrorKind::OutcomeUnknown));
    told
}

fn a_disk_that_fails_before_a_write() -> Told {
    let mut told = of(ErrorKind::Io, failing_everywhere(Fault::Io));
    told.extend(seeds_on_a_disk_that_fails(ErrorKind::Io));
    told
}

/// A new store is filled with its seeds when it is opened.
fn seeds_on_a_disk_that_fails(kind: ErrorKind) -> Told {
    let open = |disk: &SimulatedDisk, seed: u64| {
        let builder = State::builder().dir("/db").on(disk);
        builder.update_seed(move |state| state.count = seed).open()
    };
    let mut errors = Vec::new();
    for fault in [Fault::Io, Fault::LostSync] {
        for at in 0.. {
            let disk = SimulatedDisk::new();
            disk.fail(at, fault, Repeat::Once);
            let outcome = open(&disk, 1).map(drop);
            let end = disk.operations() <= at;
            disk.clear_faults();
            if let Err(error) = outcome {
                // Where nothing is there, other seeds are taken.
                let count = open(&disk, 2).unwrap().count();
                holds(&error, &2, &1, &count);
                errors.push(error);
            }
            if end {
                break;
            }
        }
    }
    of(kind, errors)
}

fn a_write_after_one_in_doubt() -> Told {
    let (disk, opened) = of_old();
    disk.fail(0, Fault::LostSync, Repeat::ForGood);
    opened.set("b", "in doubt").unwrap_err();
    disk.clear_faults();
    let error = opened.set("a", "new").unwrap_err();
    new_for_old(&disk, opened, "new", error)
}

/// How often the type below is cloned before it panics.
static CLONES: AtomicUsize = AtomicUsize::new(usize::MAX);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Touchy(u64, String);

impl Touchy {
    fn of(number: u64, bytes: usize) -> Self {
        Touchy(number, "n".repeat(bytes))
    }
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        let left = CLONES.fetch_update(Relaxed, Relaxed, |left| match left {
            usize::MAX => None,
            left => Some(left.wrapping_sub(1)),
        });
        assert_ne!(left, Ok(0), "on purpose, in `Clone`");
        Touchy(self.0, self.1.clone())
    }
}

#[derive(Store)]
#[store(name = "touchy", poll = "never")]
struct HasTouchy {
    touchy: Touchy,
}

/// The write fails at the disk, and the draft takes over again what readers see: a clone.
fn a_type_that_panics() -> Told {
    let mut told = Told::new();
    for clones in 0.. {
        let disk = SimulatedDisk::new();
        let open = || HasTouchy::builder().dir("/db").on(&disk).open().unwrap();
        let store = open();
        for number in 1..=2 {
            store.set_touchy(Touchy::of(number, 0)).wait().unwrap();
        }
        disk.leave_room(Some(0));
        CLONES.store(clones, Relaxed);
        let long = move |touchy: &mut Touchy| *touchy = Touchy::of(3, 1 << 20);
        let outcome = catch_unwind(AssertUnwindSafe(|| store.update_touchy(long).wait()));
        let struck = CLONES.swap(usize::MAX, Relaxed) == usize::MAX;
        disk.leave_room(None);
        drop(store);
        let shown = open().touchy();
        match outcome {
            Ok(outcome) => {
                let error = outcome.expect_err("there is no room");
                let of_it = written(error, &Touchy::of(2, 0), &Touchy::of(3, 1 << 20), &shown);
                told.extend(of_it.into_iter().filter(|_| struck));
            }
            // The draft was made ready for the closure: to the caller that is a panic of its closure.
            Err(_) => assert_eq!(shown.0, 2),
        }
        if !struck {
            break;
        }
    }
    told
}

/// Some lines of a group are on the disk when it fails, and it does not let them be taken back.
#[test]
fn a_commit_that_the_disk_failed_to_write_and_that_cannot_be_taken_back_may_come_to_light() {
    let mut came_to_light = 0;
    for repeat in [Repeat::Once, Repeat::ForGood] {
        for at in 0.. {
            let (disk, opened) = of_old();
            let begin = disk.operations();
            disk.fail(at, Fault::ShortWrite, Repeat::Once);
            disk.fail(at + 1, Fault::Io, repeat);
            let outcome = opened.run(Op::Group, 1);
            let is_over = disk.operations() <= begin + at + 1;
            if is_over {
                break;
            }
            disk.clear_faults();
            let refused = opened.set("x", "refused");
            drop(opened);
            let Err(error) = outcome else { continue };
            let shown = shown(&disk);
            let new = "text 1".to_owned();
            holds(&error, &"old".to_owned(), &new, &shown);
            if error.effect() == Effect::Unknown {
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:?}");
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::Poisoned);
            }
            let is_of_the_write = error.to_string().contains("cannot be taken back");
            came_to_light += usize::from(is_of_the_write && shown == new);
        }
    }
    assert!(came_to_light > 0, "all of it was taken back");
}

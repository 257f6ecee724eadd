//! The past of a store: looked at, gone back to, kept as long as was asked for, and gone for good.

mod crashes; // power cuts and kills while a generation ends
mod kept; // for how long, and by whom
mod undone; // commits that are taken back

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use proptest::{prelude::*, test_runner::TestCaseError};
use worsen::{
    ErrorKind, Map, PersistentStore, Queue, Retention, Set, Store, testing::SimulatedDisk,
};

use crate::{
    machine::{DIR, How, Op, Opened, PLAIN, READ_ONLY, Texts, open_as},
    support::{folder, sequences},
};

/// All of it.
const KEPT: How = How {
    history: Retention::Commits(u64::MAX),
    ..PLAIN
};

fn at(opened: &Opened, revision: u64) -> Texts {
    let texts = opened.store.at(revision).expect("it is kept");
    texts.into_iter().collect()
}

/// A store of texts with a past: each of three generations has two commits and ends in a compaction.
fn three_generations(disk: &SimulatedDisk, how: How) -> Opened {
    let opened = open_as(disk, how).unwrap();
    for generation in 1..=3 {
        opened.set("a", &format!("{generation}")).unwrap();
        opened.set(&format!("b{generation}"), "x").unwrap();
        opened.store.compact_now().wait().unwrap();
    }
    opened.set("a", "4").unwrap();
    opened
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Do(Op),
    Reopen,
    /// To the revision at this part of all.
    Revert(u64),
    Undo,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let uid = || prop::sample::select(vec!["a", "b", "a/b", "with a blank", "日本"]);
    prop_oneof![
        5 => uid().prop_map(|uid| Step::Do(Op::Set(uid))),
        2 => uid().prop_map(|uid| Step::Do(Op::SetLong(uid))),
        3 => uid().prop_map(|uid| Step::Do(Op::Remove(uid))),
        2 => Just(Step::Do(Op::Group)),
        3 => Just(Step::Do(Op::Compact)),
        2 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        2 => (0..100_u64).prop_map(Step::Revert),
        2 => Just(Step::Undo),
    ]
}

#[test]
fn the_past_is_what_it_was_whatever_came_since() {
    let name = "the_past_is_what_it_was_whatever_came_since";
    let steps = prop::collection::vec((0..2_usize, step()), 1..24);
    sequences(name, 400, &steps, |steps| agree(&steps));
}

/// Two processes on one store, against the states that were.
fn agree(steps: &[(usize, Step)]) -> Result<(), TestCaseError> {
    let disk = SimulatedDisk::new();
    let mut disks = [disk.clone(), disk.new_process()];
    let open = |disk: &SimulatedDisk| open_as(disk, KEPT).unwrap();
    let mut stores = [Some(open(&disks[0])), Some(open(&disks[1]))];
    let mut history = vec![Texts::new()];
    // The last commit of each process: the revision that it made.
    let mut own: [Option<usize>; 2] = [None, None];
    for (number, (who, step)) in steps.iter().enumerate() {
        let opened = stores[*who].as_ref().unwrap();
        let newest = history.len() - 1;
        match *step {
            Step::Do(op) => {
                op.commits(number, &mut history);
                opened.run(op, number).unwrap();
            }
            Step::Reopen => {
                stores[*who] = None;
                stores[*who] = Some(open(&disks[*who]));
                own[*who] = None;
            }
            Step::Kill => {
                disks[*who] = disks[*who].kill_process();
                stores[*who] = None;
                stores[*who] = Some(open(&disks[*who]));
                own[*who] = None;
            }
            Step::Revert(part) => {
                let revision = part * newest as u64 / 99;
                opened.store.revert_to(revision).wait().unwrap();
                let target = history[revision as usize].clone();
                if target != history[newest] {
                    history.push(target);
                }
            }
            Step::Undo => {
                let outcome = opened.store.undo().wait().map_err(|error| error.kind());
                let expected = undone(&history, own[*who]);
                prop_assert_eq!(outcome, expected.as_ref().map(|_| ()).map_err(|kind| *kind));
                history.extend(expected);
            }
        }
        if history.len() - 1 > newest {
            own[*who] = Some(history.len() - 1);
        }
        check(&stores, &history, step)?;
    }
    Ok(())
}

/// What becomes of the newest state where this revision is taken back.
fn undone(history: &[Texts], own: Option<usize>) -> Result<Texts, ErrorKind> {
    let own = own.ok_or(ErrorKind::NotInHistory)?;
    let (old, new) = (&history[own - 1], &history[own]);
    let mut changed: Vec<&String> = old.keys().chain(new.keys()).collect();
    changed.retain(|uid| old.get(*uid) != new.get(*uid));
    let is_other = |state: &Texts| changed.iter().any(|uid| state.get(*uid) != new.get(*uid));
    if history[own..].iter().any(is_other) {
        return Err(ErrorKind::Conflict);
    }
    let mut state = history[history.len() - 1].clone();
    for uid in changed {
        match old.get(uid) {
            Some(text) => state.insert(uid.clone(), text.clone()),
            None => state.remove(uid),
        };
    }
    Ok(state)
}

fn check(stores: &[Option<Opened>], history: &[Texts], step: &Step) -> Result<(), TestCaseError> {
    for opened in stores.iter().flatten() {
        let newest = history.len() as u64 - 1;
        prop_assert_eq!(opened.store.revision(), newest, "after {:?}", step);
        let all = opened.store.history().revisions().unwrap();
        prop_assert_eq!(all, [0..=newest]);
        for (revision, state) in history.iter().enumerate() {
            prop_assert_eq!(
                &at(opened, revision as u64),
                state,
                "{} after {:?}",
                revision,
                step
            );
        }
        let told = opened.store.history().commits().unwrap();
        let told: Vec<u64> = told.map(|commit| commit.unwrap().revision()).collect();
        prop_assert_eq!(told, (1..=newest).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn the_values_of_a_uid_come_with_their_commits() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    opened.store.remove("a").wait().unwrap();
    let told: Vec<_> = opened.store.history().of("a").unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|value| (value.revision(), value.old_json(), value.json()))
        .collect();
    assert_eq!(
        told,
        [
            (1, None, Some("\"1\"")),
            (3, Some("\"1\""), Some("\"2\"")),
            (5, Some("\"2\""), Some("\"3\"")),
            (7, Some("\"3\""), Some("\"4\"")),
            (8, Some("\"4\""), None),
        ]
    );
    let values = opened.store.history().of("b2").unwrap();
    assert_eq!(values.len(), 1);
    assert_eq!((values[0].revision(), values[0].uid()), (4, "b2"));
    assert_eq!(values[0].pid(), std::process::id());
    assert!(values[0].at().ends_with('Z'));
    assert_eq!(values[0].value::<String>().unwrap().as_deref(), Some("x"));
    let error = values[0].value::<u64>().unwrap_err();
    assert_eq!((error.kind(), error.uid()), (ErrorKind::Decode, Some("b2")));
    // A uid that only begins alike is another one.
    assert!(opened.store.history().of("b").unwrap().is_empty());
}

#[test]
fn changes_are_told_from_the_beginning_of_the_past() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    let mut changes = opened.store.changes(0).unwrap().with_old_values().unwrap();
    for revision in 1..=7 {
        let change = changes.try_next().unwrap().unwrap();
        assert_eq!(change.revision(), revision);
        let entry = change.entries().next().unwrap();
        let old = (revision > 1 && revision % 2 == 1).then(|| format!("\"{}\"", revision / 2));
        assert_eq!(entry.old_value(), old.as_deref());
    }
    assert!(changes.try_next().is_none());
    // A reader that has missed two compactions, and what only the generation in between had.
    for text in ["5", "6", "7"] {
        opened.set("a", text).unwrap();
        opened.store.compact_now().wait().unwrap();
    }
    for revision in 8..=10 {
        let change = changes.try_next().unwrap().unwrap();
        assert_eq!(change.revision(), revision);
    }
    assert!(changes.try_next().is_none());
}

#[test]
fn a_process_that_only_reads_sees_the_past() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    let reader = open_as(&disk.new_process(), READ_ONLY).unwrap();
    assert_eq!(at(&reader, 1), at(&opened, 1));
    assert_eq!(reader.store.history().revisions().unwrap(), [0..=7]);
    let error = reader.store.revert_to(1).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    let error = reader.store.compact_now().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}

#[test]
fn without_history_the_past_is_what_the_log_has_and_that_is_told() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, PLAIN);
    let past = |path: &std::path::PathBuf| path.to_string_lossy().contains("past");
    assert!(!disk.files().iter().any(past), "{:?}", disk.files());
    assert_eq!(opened.store.history().revisions().unwrap(), [6..=7]);
    assert_eq!(at(&opened, 6)["a"], "3");
    let error = opened.store.at(5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInHistory);
    let said = error.to_string();
    assert!(
        said.contains("revision 5") && said.contains("6 to 7"),
        "{said}"
    );
    assert!(said.contains("`history` keeps more"), "{said}");
    assert!(said.contains("store `s`"), "{said}");
    let error = opened.store.at(8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInHistory);
    assert!(error.to_string().contains("nobody has committed it yet"));
    let error = opened.store.revert_to(2).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInHistory);
    assert_eq!(opened.store.revision(), 7);
}

#[test]
fn a_time_shows_the_newest_commit_of_then() {
    let disk = SimulatedDisk::new();
    let opened = open_as(&disk, KEPT).unwrap();
    let pause = || std::thread::sleep(Duration::from_millis(3));
    let begin = SystemTime::now() - Duration::from_secs(1);
    let mut times = Vec::new();
    for number in 1..=6 {
        pause();
        opened.set("a", &number.to_string()).unwrap();
        pause();
        times.push((number, SystemTime::now()));
        if number % 2 == 0 {
            opened.store.compact_now().wait().unwrap();
        }
    }
    // A commit says its time to the millisecond, so one of the same millisecond counts.
    pause();
    for (number, time) in times {
        assert_eq!(opened.store.at(time).unwrap()["a"], number.to_string());
        opened.store.revert_to(time).wait().unwrap();
        assert_eq!(opened.store.read("a"), Some(number.to_string()));
    }
    let error = opened.store.at(begin).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotInHistory);
    assert!(
        error.to_string().contains("begins with revision 0"),
        "{error}"
    );
    let late = SystemTime::now() + Duration::from_secs(1 << 40);
    assert_eq!(opened.store.at(late).unwrap()["a"], "6");
}

/// A struct of everything that logs by entry.
#[derive(Store, Debug)]
#[store(name = "shelf", poll = "never", history = 100_000)]
struct Shelf {
    books: Map<String, u32>,
    queue: Queue<String>,
    tags: Set<u32>,
    #[store(seed = Map::from_iter([("seeded".to_owned(), 1)]))]
    seeded: Map<String, u32>,
    note: String,
    #[store(skip)]
    unstored: u32,
}

/// What is stored of it.
#[derive(Debug, PartialEq)]
struct Contents {
    books: Vec<(String, u32)>,
    queue: Vec<String>,
    tags: Vec<u32>,
    seeded: Vec<(String, u32)>,
    note: String,
}

fn contents(shelf: &Shelf) -> Contents {
    let pairs = |map: &Map<String, u32>| {
        let pairs = map.iter().map(|(key, value)| (key.clone(), *value));
        pairs.collect()
    };
    Contents {
        books: pairs(&shelf.books),
        queue: shelf.queue.iter().cloned().collect(),
        tags: shelf.tags.iter().copied().collect(),
        seeded: pairs(&shelf.seeded),
        note: shelf.note.clone(),
    }
}

#[test]
fn a_struct_of_collections_goes_back_in_every_process() {
    let disk = SimulatedDisk::new();
    let open = || {
        let builder = Shelf::builder().dir(DIR).on(&disk.new_process());
        builder.open().unwrap()
    };
    let (shelf, other) = (open(), open());
    let mut states = vec![(shelf.revision(), contents(&shelf.snapshot()))];
    let mut step = |change: fn(&mut Shelf)| {
        shelf.update(change).wait().unwrap();
        states.push((shelf.revision(), contents(&shelf.snapshot())));
    };
    step(|shelf| {
        shelf.books.insert("a".into(), 1);
        shelf.queue.push_back("one".into());
    });
    step(|shelf| {
        shelf.books.insert("b".into(), 2);
        shelf.tags.insert(7);
        shelf.seeded.insert("more".into(), 2);
        shelf.seeded.remove("seeded");
        shelf.unstored = 9;
    });
    shelf.compact_now().wait().unwrap();
    let mut step = |change: fn(&mut Shelf)| {
        shelf.update(change).wait().unwrap();
        states.push((shelf.revision(), contents(&shelf.snapshot())));
    };
    step(|shelf| {
        shelf.books.clear();
        shelf.queue.pop_front();
        shelf.note = "all out".into();
    });
    step(|shelf| {
        shelf.queue.push_back("two".into());
        shelf.seeded.clear();
    });
    for (revision, state) in states.iter().chain(states.iter().rev()) {
        assert_eq!(contents(&shelf.at(*revision).unwrap()), *state);
        assert_eq!(shelf.at(*revision).unwrap().revision(), *revision);
        shelf.revert_to(*revision).wait().unwrap();
        for shelf in [&shelf, &other, &open()] {
            assert_eq!(contents(&shelf.snapshot()), *state, "back to {revision}");
        }
        assert_eq!(
            shelf.snapshot().unstored,
            9,
            "what is not stored has no past"
        );
        shelf.undo().wait().ok();
        shelf.revert_to(*revision).wait().unwrap();
        assert_eq!(contents(&open().snapshot()), *state);
    }
    let values = shelf.history().of("books").unwrap();
    assert!(
        values
            .iter()
            .any(|value| value.uid() == "books/a" && value.json().is_none())
    );
}

/// An older program has a list where this one has a queue, and had no map at all.
#[derive(Store, Debug)]
#[store(name = "shelf", poll = "never", history = 100_000)]
struct OldShelf {
    queue: VecDeque<String>,
    note: String,
}

#[test]
fn a_field_that_became_a_collection_goes_back_and_forth() {
    let folder = folder();
    let old = OldShelf::builder().dir(folder.path()).open().unwrap();
    old.update_queue(|queue| queue.push_back("one".into()))
        .wait()
        .unwrap();
    old.set_note("old".into()).wait().unwrap();
    let was_list = old.revision();
    drop(old);
    let open = || Shelf::builder().dir(folder.path()).open().unwrap();
    let shelf = open();
    assert_eq!(shelf.queue().iter().collect::<Vec<_>>(), ["one"]);
    shelf
        .update_queue(|queue| queue.push_back("two".into()))
        .wait()
        .unwrap();
    shelf
        .update_seeded(|map| map.insert("more".into(), 2))
        .wait()
        .unwrap();
    let was_queue = shelf.revision();
    assert_eq!(shelf.at(was_list).unwrap().queue.len(), 1);
    for _ in 0..2 {
        shelf.revert_to(was_list).wait().unwrap();
        assert_eq!(shelf.queue().iter().collect::<Vec<_>>(), ["one"]);
        assert_eq!(shelf.seeded().keys().collect::<Vec<_>>(), ["seeded"]);
        shelf
            .update_queue(|queue| queue.push_back("three".into()))
            .wait()
            .unwrap();
        assert_eq!(shelf.queue().iter().collect::<Vec<_>>(), ["one", "three"]);
        shelf.revert_to(was_queue).wait().unwrap();
        assert_eq!(shelf.queue().iter().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(shelf.seeded().len(), 2);
        assert_eq!(shelf.note(), "old");
    }
    let seen = contents(&shelf.snapshot());
    drop(shelf);
    assert_eq!(contents(&open().snapshot()), seen);
}

#[test]
fn a_value_of_then_that_does_not_fit_is_refused_and_nothing_changes() {
    let folder = folder();
    let open = |name: &str| {
        PersistentStore::<u64>::builder(name)
            .dir(folder.path())
            .history(100)
            .open()
    };
    let texts = PersistentStore::<String>::builder("s")
        .dir(folder.path())
        .open()
        .unwrap();
    texts.write("a", "a text".into()).wait().unwrap();
    texts.write("b", "another".into()).wait().unwrap();
    texts.clear().wait().unwrap();
    drop(texts);
    let numbers = open("s").unwrap();
    numbers.write("a", 7).wait().unwrap();
    let error = numbers.at(1).unwrap_err();
    assert_eq!((error.kind(), error.uid()), (ErrorKind::Decode, Some("a")));
    let error = numbers.revert_to(2).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(
        numbers.get_hashmap_state(),
        HashMap::from([("a".to_owned(), 7)])
    );
    assert_eq!(numbers.revision(), 4);
    numbers.revert_to(3).wait().unwrap();
    assert!(numbers.is_empty());
}

#[test]
fn a_store_in_memory_has_a_past_as_long_as_it_lives() {
    let store = Shelf::builder().in_memory().open().unwrap();
    let seeded = store.revision();
    store.set_note("a".into()).wait().unwrap();
    store.set_note("b".into()).wait().unwrap();
    assert_eq!(store.at(seeded + 1).unwrap().note, "a");
    assert_eq!(store.at(SystemTime::now()).unwrap().note, "b");
    assert!(store.at(seeded + 3).is_err());
    store.undo().wait().unwrap();
    assert_eq!(store.note(), "a");
    store.revert_to(seeded).wait().unwrap();
    assert_eq!(store.note(), "");
    assert_eq!(store.history().of("note").unwrap().len(), 5);
    store.purge_history().wait().unwrap();
    assert_eq!(
        store.at(seeded).unwrap_err().kind(),
        ErrorKind::NotInHistory
    );
    assert_eq!(store.at(store.revision()).unwrap().note, "");
    store.compact_now().wait().unwrap();
}

/// The text stands in no file of this directory.
fn is_gone(dir: &Path, text: &str) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes());
        assert!(!found, "{} holds it", path.display());
    }
}

#[test]
fn a_purge_leaves_no_byte_of_what_was_overwritten() {
    let folder = folder();
    let secret = "correct horse battery staple";
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let open = || {
        let builder = PersistentStore::<String>::builder("s").dir(folder.path());
        let builder = builder.history(1000).compact_above(compact_above.clone());
        builder.open().unwrap()
    };
    let store = open();
    store.write("kept", "still here".into()).wait().unwrap();
    store.write("password", secret.into()).wait().unwrap();
    store.compact_now().wait().unwrap();
    store
        .write("password", format!("{secret} 2"))
        .wait()
        .unwrap();
    store.compact_now().wait().unwrap();
    store.remove("password").wait().unwrap();
    // A repair keeps a copy of what was damaged.
    drop(store);
    let log = folder.path().join("s.db");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes
        .windows(4)
        .position(|window| window == b"kept")
        .unwrap();
    bytes[at] = b'K';
    fs::write(&log, bytes).unwrap();
    let store = open();
    assert!(folder.path().join("s.db.damaged-1").exists());
    assert!(folder.path().join("s.db.past-1").exists());
    // Other files of the directory are not the store's.
    for name in [
        "s.db.past-",
        "s.db.past-x",
        "s.db.past-01",
        "t.db.past-1",
        "s.db.pasta-1",
    ] {
        fs::write(folder.path().join(name), "not the store's").unwrap();
    }

    store.purge_history().wait().unwrap();
    is_gone(folder.path(), secret);
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "s.cache.db",
            "s.db",
            "s.db.past-",
            "s.db.past-01",
            "s.db.past-x",
            "s.db.pasta-1",
            "s.lock",
            "t.db.past-1"
        ]
    );
    assert_eq!(store.read("kept").as_deref(), Some("still here"));
    let newest = store.revision();
    assert_eq!(store.history().revisions().unwrap(), [newest..=newest]);
    assert_eq!(
        store.undo().wait().unwrap_err().kind(),
        ErrorKind::NotInHistory
    );
    // From here on the past is kept again.
    store.write("kept", "on".into()).wait().unwrap();
    store.compact_now().wait().unwrap();
    assert_eq!(store.at(newest).unwrap()["kept"], "still here");
    drop(store);
    assert!(open().recovered().is_empty());
}

#[test]
fn a_purge_that_cannot_remove_a_file_says_so_and_works_the_next_time() {
    let disk = SimulatedDisk::new();
    let opened = three_generations(&disk, KEPT);
    disk.fail_where(
        |operation| operation.path().to_string_lossy().ends_with("past-2"),
        worsen::testing::Fault::Io,
        worsen::testing::Repeat::Once,
    );
    let state = opened.state();
    let error = opened.store.purge_history().wait().unwrap_err();
    assert!(error.to_string().contains("past-2"), "{error}");
    assert_eq!(opened.state(), state);
    opened.store.purge_history().wait().unwrap();
    assert_eq!(opened.store.history().revisions().unwrap(), [7..=7]);
    assert_eq!(opened.state(), state);
}

/// What programs in other processes have done is taken back, and what they have built on is not.
#[test]
fn a_store_goes_back_beside_processes_that_write() {
    let folder = folder();
    let open = || {
        let builder = worsen_tests::State::builder().dir(folder.path());
        builder.history(1_000_000).open().unwrap()
    };
    let store = open();
    let begin = store.revision();
    let workers: Vec<_> = (0..2)
        .map(|_| crate::support::Worker::start("increment", folder.path(), &["2", "100"]))
        .collect();
    for _ in 0..20 {
        store.compact_now().wait().unwrap();
        let past = store.at(begin).unwrap();
        assert_eq!((past.count, &past.note[..]), (0, "seeded"));
    }
    workers.into_iter().for_each(|worker| drop(worker.finish()));
    // The workers keep no past, and compact nothing that is as small as this.
    assert_eq!(store.count(), 400);
    assert_eq!(store.history().revisions().unwrap(), [0..=begin + 400]);
    for count in [1, 57, 400] {
        assert_eq!(store.at(begin + count).unwrap().count, count);
    }
    let counts = store.history().of("count").unwrap();
    let counts = counts
        .iter()
        .map(|value| value.value::<u64>().unwrap().unwrap());
    assert!(counts.eq(0..=400));
    store.revert_to(begin + 57).wait().unwrap();
    assert_eq!((store.count(), open().count()), (57, 57));
    assert_eq!(store.revision(), begin + 401);
}

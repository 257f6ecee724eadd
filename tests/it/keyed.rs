//! The store of values under uids: what was there when it was opened is decoded when it is first read,
//! and nobody notices.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};
use worsen::{Durability, ErrorKind, Options, PersistentStore, Store};

use crate::support::{Random, folder};

fn open<T: worsen::Value>(dir: &Path) -> PersistentStore<T> {
    let options = Options {
        is_debug: false,
        db_dir: dir.into(),
    };
    PersistentStore::new("keyed", options).unwrap()
}

fn assert_same(store: &PersistentStore<u64>, model: &HashMap<String, u64>) {
    assert_eq!(
        (store.len(), store.is_empty()),
        (model.len(), model.is_empty())
    );
    let keys: BTreeSet<String> = store.keys().into_iter().collect();
    assert_eq!(keys.len(), store.keys().len());
    assert!(keys.iter().eq(model.keys().collect::<BTreeSet<_>>()));
}

#[test]
fn what_was_loaded_is_read_changed_and_removed_like_what_was_written() {
    const UIDS: u64 = 60;
    let folder = folder();
    let mut random = Random::seeded("keyed");
    let mut model: HashMap<String, u64> = HashMap::new();
    for life in 0..30 {
        let store = open::<u64>(folder.path());
        assert_same(&store, &model);
        let mut watched: HashMap<String, _> = HashMap::new();
        for step in 0..random.below(80) {
            let uid = format!("uid-{}", random.below(UIDS));
            let value = life * 1_000 + step;
            match random.below(8) {
                0 | 1 => assert_eq!(store.read(&uid), model.get(&uid).copied()),
                2 => {
                    let write = store.write(&uid, value).durability(Durability::Buffered);
                    write.wait().unwrap();
                    model.insert(uid, value);
                }
                3 | 4 => {
                    let remove = store.remove(&uid).durability(Durability::Buffered);
                    assert_eq!(remove.wait().unwrap(), model.remove(&uid));
                    assert_eq!(store.read(&uid), None);
                }
                5 => {
                    let update = store.update(&uid, move |found| found.replace(value));
                    let before = update.durability(Durability::Buffered).wait().unwrap();
                    assert_eq!(before, model.insert(uid, value));
                }
                6 => {
                    let seen = model.get(&uid).copied();
                    let watch = store.watch_uid(&uid);
                    watched.entry(uid).or_insert((watch, seen));
                }
                _ if random.below(4) == 0 => assert_eq!(store.get_hashmap_state(), model),
                _ => assert_same(&store, &model),
            }
        }
        assert_same(&store, &model);
        for (uid, (mut watch, seen)) in watched {
            let now = model.get(&uid).copied();
            match watch.wait(Duration::ZERO).transpose().unwrap() {
                Some(told) => assert_eq!(told, now, "{uid}"),
                None => assert_eq!(seen, now, "{uid}"),
            }
        }
        if random.below(2) == 0 {
            assert_eq!(store.get_hashmap_state(), model);
        }
    }
}

/// The thread that decodes this value next says so, and goes on when told to.
static DECODES: Mutex<BTreeMap<u32, Stop>> = Mutex::new(BTreeMap::new());

type Stop = (Sender<()>, Receiver<()>);

fn stop_at(value: u32) -> (Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (tell, go_on)) = (channel(), channel());
    DECODES.lock().unwrap().insert(value, (begun, go_on));
    (has_begun, tell)
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Slow(u32);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u32::deserialize(deserializer)?;
        let stop = DECODES.lock().unwrap().remove(&value);
        if let Some((begun, go_on)) = stop {
            begun.send(()).unwrap();
            go_on.recv().unwrap();
        }
        Ok(Slow(value))
    }
}

#[test]
fn a_value_that_takes_long_to_decode_does_not_hide_one_that_was_written_meanwhile() {
    let folder = folder();
    let store = open::<Slow>(folder.path());
    store.write("a", Slow(1)).wait().unwrap();
    store.write("b", Slow(1)).wait().unwrap();
    drop(store);
    let store = open::<Slow>(folder.path());
    for (uid, is_removed) in [("a", false), ("b", true)] {
        let (has_begun, tell) = stop_at(1);
        thread::scope(|scope| {
            let reader = scope.spawn(|| store.read(uid));
            has_begun.recv().unwrap();
            let expected = if is_removed {
                // Says what was there, so it decodes that too, and nobody stops it.
                assert_eq!(store.remove(uid).wait().unwrap(), Some(Slow(1)));
                None
            } else {
                store.write(uid, Slow(2)).wait().unwrap();
                Some(Slow(2))
            };
            assert_eq!(store.read(uid), expected);
            tell.send(()).unwrap();
            // It began before the write: both are right.
            let read = reader.join().unwrap();
            assert!(read == Some(Slow(1)) || read == expected);
            assert_eq!(store.read(uid), expected);
        });
    }
    assert_eq!(store.len(), 1);
}

#[test]
fn who_copies_everything_keeps_no_write_waiting_while_values_are_decoded() {
    let folder = folder();
    let store = open::<Slow>(folder.path());
    store.write("a", Slow(100)).wait().unwrap();
    store.write("b", Slow(101)).wait().unwrap();
    drop(store);
    let store = open::<Slow>(folder.path());
    let (has_begun, tell) = stop_at(100);
    thread::scope(|scope| {
        let reader = scope.spawn(|| store.get_hashmap_state());
        has_begun.recv().unwrap();
        let (written, is_written) = channel();
        let writer = store.clone();
        scope.spawn(move || {
            writer.write("b", Slow(102)).wait().unwrap();
            writer.remove("a").wait().unwrap();
            written.send(()).unwrap();
        });
        let outcome = is_written.recv_timeout(Duration::from_secs(60));
        tell.send(()).unwrap();
        outcome.expect("the write waits for the reader");
        // What it copies is of the revision at which it began.
        let expected = HashMap::from([("a".into(), Slow(100)), ("b".into(), Slow(101))]);
        assert_eq!(reader.join().unwrap(), expected);
    });
    assert_eq!(store.read("a"), None);
    assert_eq!(store.read("b"), Some(Slow(102)));
    assert_eq!(store.len(), 1);
}

/// Decodes every number but one.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Touchy(u32);

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u32::deserialize(deserializer)?;
        assert_ne!(value, 13, "on purpose");
        Ok(Touchy(value))
    }
}

#[test]
fn a_value_that_decoding_panics_at_hides_no_other_commit() {
    let folder = folder();
    let touchy = open::<Touchy>(folder.path());
    touchy.write("a", Touchy(1)).wait().unwrap();
    // A struct on the same file is as good as another process.
    #[derive(Store)]
    #[store(name = "keyed")]
    struct Numbers {
        a: u32,
        b: u32,
        c: u32,
    }
    let numbers = Numbers::builder().dir(folder.path()).open().unwrap();
    numbers.set_a(2).wait().unwrap();
    assert_eq!(touchy.read("a"), Some(Touchy(2)));
    for write in [numbers.set_a(3), numbers.set_b(13), numbers.set_c(3)] {
        write.wait().unwrap();
    }
    // Like any value that does not fit: until it is put right, what there was is shown.
    for _ in 0..3 {
        let read = catch_unwind(AssertUnwindSafe(|| (touchy.read("a"), touchy.read("c"))));
        assert_eq!(read.unwrap(), (Some(Touchy(2)), None));
    }
    let error = touchy.write("d", Touchy(4)).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.uid(), Some("b"), "{error}");
    numbers.set_b(12).wait().unwrap();
    touchy.write("d", Touchy(4)).wait().unwrap();
    let all = ["a", "b", "c", "d"].map(|uid| touchy.read(uid).map(|value| value.0));
    assert_eq!(all, [Some(3), Some(12), Some(3), Some(4)]);
}

#[test]
fn a_value_that_does_not_fit_is_told_at_opening_though_nobody_has_read_it() {
    let folder = folder();
    let store = open::<serde_json::Value>(folder.path());
    for number in 0..100 {
        let value = match number {
            77 => "no number".into(),
            _ => serde_json::Value::from(number),
        };
        store.write(format!("uid-{number}"), value).wait().unwrap();
    }
    drop(store);
    let options = Options {
        is_debug: false,
        db_dir: folder.path().into(),
    };
    let error = PersistentStore::<u64>::new("keyed", options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("uid-77"), "{error}");
    // Nothing was changed: as what it is it opens.
    assert_eq!(open::<serde_json::Value>(folder.path()).len(), 100);
}

#[test]
fn no_uid_is_missed_while_others_read_their_first_values() {
    const UIDS: u64 = 3_000;
    const NEW: u64 = 300;
    let folder = folder();
    let seeds = (0..UIDS).map(|number| (format!("uid-{number}"), number));
    open::<u64>(folder.path())
        .init(Duration::from_secs(5), seeds)
        .unwrap();
    for _ in 0..20 {
        let store = open::<u64>(folder.path());
        // Removed in the end, so that they are new the next time as well.
        for number in 0..NEW {
            let write = store.write(format!("new-{number}"), number);
            write.durability(Durability::Buffered).wait().unwrap();
        }
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                for number in (0..UIDS).rev() {
                    assert_eq!(store.read(&format!("uid-{number}")), Some(number));
                }
            });
            while !reader.is_finished() {
                let uids: BTreeSet<String> = store.keys().into_iter().collect();
                assert_eq!(uids.len() as u64, UIDS + NEW);
                assert_eq!(store.iter().count() as u64, UIDS + NEW);
            }
        });
        assert_eq!(store.get_hashmap_state().len() as u64, UIDS + NEW);
        for number in 0..NEW {
            let remove = store.remove(format!("new-{number}"));
            remove.durability(Durability::Buffered).wait().unwrap();
        }
    }
}

/// Both are set by one commit, always to the same number.
#[derive(Store)]
#[store(name = "keyed")]
struct Pair {
    first: u64,
    last: u64,
}

#[test]
fn a_copy_has_no_half_of_a_commit_though_some_of_it_was_never_read() {
    let folder = folder();
    let store = open::<u64>(folder.path());
    // Between the two, so that going from one to the other takes a while.
    let between = (0..1_000).map(|number| (format!("in-between-{number}"), number));
    store.init(Duration::from_secs(3600), between).unwrap();
    drop(store);
    let pair = Pair::builder().dir(folder.path()).open().unwrap();
    for life in 0..10 {
        let store = open::<u64>(folder.path());
        let is_written = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in life * 100..life * 100 + 100 {
                    let both = pair.update(move |pair| (pair.first, pair.last) = (number, number));
                    both.durability(Durability::Buffered).wait().unwrap();
                    // A thread other than those that copy takes it over.
                    store.read("first");
                }
                is_written.store(true, Relaxed);
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_written.load(Relaxed) {
                        let all = store.get_hashmap_state();
                        assert_eq!(all.get("first"), all.get("last"));
                    }
                });
            }
        });
        assert_eq!(store.read("last"), Some(life * 100 + 99));
    }
}

#[test]
fn several_uids_are_changed_in_one_commit_or_not_at_all() {
    let folder = folder();
    let store = open::<f64>(folder.path());
    store.write("a", 1.0).wait().unwrap();
    store.write("b", 2.0).wait().unwrap();
    let before = store.revision();
    let told = store
        .update_all(|draft| {
            let a = draft.get("a").unwrap();
            draft.set("c", a + draft.get("b").unwrap());
            assert_eq!(draft.get("c"), Some(3.0), "its own change");
            assert_eq!(draft.remove("a"), Some(1.0));
            assert_eq!((draft.get("a"), draft.remove("a")), (None, None));
            let mut keys = draft.keys();
            keys.sort();
            keys
        })
        .wait()
        .unwrap();
    assert_eq!(told, ["b", "c"]);
    assert_eq!(store.revision(), before + 1);
    assert_eq!((store.read("a"), store.read("c")), (None, Some(3.0)));

    for refused in ["", "a\nb"] {
        let write = store.update_all(move |draft| {
            draft.set("b", 9.0);
            draft.set(refused, 1.0);
        });
        assert_eq!(write.wait().unwrap_err().kind(), ErrorKind::InvalidUid);
    }
    let write = store.update_all(|draft| {
        draft.set("d", 9.0);
        draft.set("b", f64::NAN);
        draft.set("e", f64::INFINITY);
    });
    let error = write.wait().unwrap_err();
    assert_eq!((error.kind(), error.uid()), (ErrorKind::Encode, Some("b")));
    assert_eq!((store.read("b"), store.read("d")), (Some(2.0), None));
    assert_eq!(store.revision(), before + 1);
    drop(store);
    assert_eq!(open::<f64>(folder.path()).len(), 2);
}

#[test]
fn clearing_removes_what_was_loaded_and_what_was_written_in_one_commit() {
    let folder = folder();
    let store = open::<u64>(folder.path());
    for number in 0..100 {
        store.write(number.to_string(), number).wait().unwrap();
    }
    drop(store);
    let store = open::<u64>(folder.path());
    store.write("new", 1).wait().unwrap();
    let before = store.revision();
    store.clear().wait().unwrap();
    assert_eq!((store.len(), store.revision()), (0, before + 1));
    store.clear().wait().unwrap();
    assert_eq!(store.revision(), before + 1);
    drop(store);
    assert!(open::<u64>(folder.path()).is_empty());
}

#[test]
fn the_builder_opens_in_memory_for_reading_alone_and_with_time_outs_of_its_own() {
    let folder = folder();
    let store = PersistentStore::<u64>::builder("keyed")
        .in_memory()
        .open()
        .unwrap();
    store.init(Duration::from_secs(1), [("a", 1)]).unwrap();
    assert_eq!((store.read("a"), store.path()), (Some(1), None));
    assert!(store.was_created());

    let build = || PersistentStore::<u64>::builder("keyed").dir(folder.path());
    assert!(
        build().read_only().open().is_err(),
        "there is nothing to read"
    );
    let store = build()
        .lock_timeout(Duration::ZERO)
        .durability(Durability::Buffered)
        .open();
    let store = store.unwrap();
    store.write("a", 2).wait().unwrap();
    let reader = build().read_only().open().unwrap();
    assert_eq!(reader.read("a"), Some(2));
    assert_eq!(
        reader.write("a", 3).wait().unwrap_err().kind(),
        ErrorKind::ReadOnly
    );
}

#[test]
fn a_store_is_not_opened_as_another_type_than_this_process_has_open() {
    let folder = folder();
    // Empty, so that the file says nothing of its type.
    let numbers = open::<u64>(folder.path());
    let build = || PersistentStore::<String>::builder("keyed").dir(folder.path());
    let error = build().open().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AlreadyOpen, "{error}");
    assert!(error.to_string().contains("u64"), "{error}");
    assert_eq!(
        build().read_only().open().err().unwrap().kind(),
        ErrorKind::AlreadyOpen
    );
    open::<u64>(folder.path()).write("a", 1).wait().unwrap();
    drop(numbers);
    let error = build().open().err().unwrap();
    assert_eq!(
        (error.kind(), error.uid()),
        (ErrorKind::Decode, Some("a")),
        "what the file holds"
    );
    open::<u64>(folder.path()).clear().wait().unwrap();
    build()
        .open()
        .unwrap()
        .write("a", "text".into())
        .wait()
        .unwrap();
}

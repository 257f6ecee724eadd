//! Keys that are equal and have different texts: an entry is found by its key, and stands in the file
//! under one text of it.

use std::{cmp::Ordering, path::Path, sync::atomic::Ordering::Relaxed};

use proptest::{prelude::*, test_runner::TestCaseError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use worsen::{Map, Set, Store};

use crate::support::{edits, folder, sequences};

/// An amount as a person wrote it: 1.1 and 1.10 are equal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Amount(String);

impl Amount {
    fn value(&self) -> f64 {
        let value: f64 = self.0.parse().expect("the test writes numbers");
        // Of -0.0 it makes 0.0.
        value + 0.0
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value().total_cmp(&other.value())
    }
}

fn amount(text: &str) -> Amount {
    Amount(text.into())
}

/// A name that is written as it was given, and read in small letters.
#[derive(Debug, Clone)]
struct Name(String);

impl Name {
    fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Name(name.to_lowercase()))
    }
}

fn name(text: &str) -> Name {
    Name(text.into())
}

#[derive(Store)]
#[store(name = "keys")]
struct Prices {
    map: Map<Amount, String>,
    set: Set<Amount>,
    names: Map<Name, u32>,
}

fn open(dir: &Path) -> PricesStore {
    Prices::builder().dir(dir).open().unwrap()
}

/// As a program that has keys of plain text sees the same file: every uid there is.
#[derive(Store)]
#[store(name = "keys")]
struct Texts {
    map: Map<String, String>,
    set: Set<String>,
    names: Map<String, u32>,
}

type Pairs<V> = Vec<(String, V)>;

fn texts(dir: &Path) -> (Pairs<String>, Vec<String>, Pairs<u32>) {
    let store = Texts::builder().dir(dir).open().unwrap();
    let state = store.snapshot();
    (
        state.map.clone().into_iter().collect(),
        state.set.clone().into_iter().collect(),
        state.names.clone().into_iter().collect(),
    )
}

#[test]
fn the_second_of_two_equal_keys_replaces_the_value_of_the_first() {
    let folder = folder();
    let store = open(folder.path());
    for (key, value) in [("1.10", "old"), ("1.1", "new")] {
        let insert = move |map: &mut Map<Amount, String>| map.insert(amount(key), value.into());
        store.update_map(insert).wait().unwrap();
        store
            .update_set(move |set| set.insert(amount(key)))
            .wait()
            .unwrap();
    }
    drop(store);
    let store = open(folder.path());
    let state = store.snapshot();
    assert_eq!(state.map.len(), 1);
    assert_eq!(state.map[&amount("1.1000")], "new");
    assert_eq!(state.set.len(), 1);
    drop((state, store));
    let (map, set, _) = texts(folder.path());
    assert_eq!(map, [("1.10".to_owned(), "new".to_owned())]);
    assert_eq!(set, ["1.10"]);
}

#[test]
fn an_entry_that_is_removed_by_an_equal_key_stays_away() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update(|state| {
            state.map.insert(amount("1.10"), "a".into());
            state.set.insert(amount("-0.0"));
            state.set.insert(amount("0.0"));
            state.names.insert(name("Ada"), 1);
        })
        .wait()
        .unwrap();
    let gone = store.update(|state| {
        (
            state.map.remove(&amount("1.1")),
            state.set.remove(&amount("-0")),
            state.names.remove(&name("ADA")),
        )
    });
    assert_eq!(gone.wait().unwrap(), (Some("a".into()), true, Some(1)));
    drop(store);
    assert_eq!(texts(folder.path()), (vec![], vec![], vec![]));
}

#[test]
fn a_key_that_is_written_anew_stands_under_its_new_text_alone() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update(|state| {
            state.map.insert(amount("1.10"), "a".into());
            state.set.insert(amount("1.10"));
        })
        .wait()
        .unwrap();
    store
        .update(|state| {
            state.map.remove(&amount("1.10"));
            state.map.insert(amount("1.1"), "a".into());
            state.set = Set::from([amount("1.1")]);
        })
        .wait()
        .unwrap();
    assert_eq!(
        edits(&folder.path().join("keys.db"), 3),
        [(
            serde_json::json!({"map/1.1": "a", "set/1.1": null}),
            serde_json::json!(["map/1.10", "set/1.10"])
        )]
    );
    let state = store.snapshot();
    assert_eq!(state.map.first_key_value().unwrap().0.0, "1.1");
    drop((state, store));
    let (map, set, _) = texts(folder.path());
    assert_eq!(map, [("1.1".to_owned(), "a".to_owned())]);
    assert_eq!(set, ["1.1"]);
}

/// A program of an older version wrote both; now there is one entry, and then none.
#[test]
fn a_file_with_two_texts_of_one_key_is_put_in_order_by_the_next_write() {
    for remove in [false, true] {
        let folder = folder();
        let older = Texts::builder().dir(folder.path()).open().unwrap();
        older
            .update(|state| {
                state.map.insert("1.1".into(), "first".into());
                state.map.insert("1.10".into(), "last".into());
                state.map.insert("1.2".into(), "other".into());
            })
            .wait()
            .unwrap();
        drop(older);
        let store = open(folder.path());
        let state = store.snapshot();
        assert_eq!(state.map.len(), 2);
        assert_eq!(state.map[&amount("1.1")], "last");
        drop(state);
        store
            .update_map(move |map| match remove {
                true => drop(map.remove(&amount("1.1"))),
                false => drop(map.insert(amount("1.1"), "new".into())),
            })
            .wait()
            .unwrap();
        drop(store);
        let (map, ..) = texts(folder.path());
        let mut expected = vec![("1.2".to_owned(), "other".to_owned())];
        if !remove {
            expected.insert(0, ("1.10".to_owned(), "new".to_owned()));
        }
        assert_eq!(map, expected);
    }
}

#[test]
fn a_key_that_is_read_otherwise_than_it_was_written_is_found_by_everybody() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update_names(|names| names.insert(name("Ada"), 1))
        .wait()
        .unwrap();
    // As everybody reads it.
    assert_eq!(store.snapshot().names.first_key_value().unwrap().0.0, "ada");
    drop(store);
    let store = open(folder.path());
    store
        .update_names(|names| *names.get_mut(&name("ADA")).unwrap() += 1)
        .wait()
        .unwrap();
    drop(store);
    let (.., names) = texts(folder.path());
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(names[0].1, 2);
    let store = open(folder.path());
    assert_eq!(
        store
            .update_names(|names| names.remove(&name("aDa")))
            .wait()
            .unwrap(),
        Some(2)
    );
    drop(store);
    assert!(texts(folder.path()).2.is_empty());
}

#[derive(Debug, Clone)]
enum Act {
    Insert(usize, u8),
    Remove(usize),
    Replace(usize, usize, u8),
    Put(Vec<(usize, u8)>),
    Reopen,
    /// A program of an older version, which knows texts alone.
    InsertText(usize, u8),
    RemoveText(usize),
}

const SPELLINGS: [&str; 7] = ["1.1", "1.10", "1.100", "0", "-0", "0.0", "2"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let key = || 0..SPELLINGS.len();
    let act = prop_oneof![
        4 => (key(), any::<u8>()).prop_map(|(key, value)| Act::Insert(key, value)),
        3 => key().prop_map(Act::Remove),
        2 => (key(), key(), any::<u8>()).prop_map(|(one, other, value)| Act::Replace(one, other, value)),
        1 => prop::collection::vec((key(), any::<u8>()), 0..4).prop_map(Act::Put),
        2 => Just(Act::Reopen),
        1 => (key(), any::<u8>()).prop_map(|(key, value)| Act::InsertText(key, value)),
        1 => key().prop_map(Act::RemoveText),
    ];
    prop::collection::vec(act, 1..25)
}

/// What the store says is what a store says that reads the same file from its beginning.
fn agrees(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let folder = folder();
    let mut store = open(folder.path());
    for act in acts {
        let done = match act {
            Act::Insert(key, value) => store.update_map(move |map| {
                map.insert(amount(SPELLINGS[key]), value.to_string());
            }),
            Act::Remove(key) => store.update_map(move |map| {
                map.remove(&amount(SPELLINGS[key]));
            }),
            Act::Replace(one, other, value) => store.update_map(move |map| {
                map.remove(&amount(SPELLINGS[one]));
                map.insert(amount(SPELLINGS[other]), value.to_string());
            }),
            Act::Put(entries) => store.update_map(move |map| {
                let entries = entries.into_iter();
                let entry = |(key, value): (usize, u8)| (amount(SPELLINGS[key]), value.to_string());
                *map = entries.map(entry).collect();
            }),
            Act::Reopen => {
                drop(store);
                store = open(folder.path());
                continue;
            }
            Act::InsertText(..) | Act::RemoveText(_) => {
                drop(store);
                let older = Texts::builder().dir(folder.path()).open().unwrap();
                let change = older.update_map(move |map| match act {
                    Act::InsertText(key, value) => {
                        map.insert(SPELLINGS[key].into(), value.to_string());
                    }
                    Act::RemoveText(key) => drop(map.remove(SPELLINGS[key])),
                    _ => {}
                });
                change.wait().unwrap();
                drop(older);
                store = open(folder.path());
                continue;
            }
        };
        done.wait().unwrap();
        let seen: Vec<(String, String)> = shown(&store);
        drop(store);
        store = open(folder.path());
        prop_assert_eq!(seen, shown(&store));
        CHECKED.fetch_add(1, Relaxed);
    }
    Ok(())
}

static CHECKED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn shown(store: &PricesStore) -> Vec<(String, String)> {
    let state = store.snapshot();
    let entries = state.map.iter();
    entries
        .map(|(key, value)| (key.0.clone(), value.clone()))
        .collect()
}

#[test]
fn what_is_seen_is_what_is_read_anew_whatever_is_done_to_equal_keys() {
    sequences("equal keys", 100, &acts(), agrees);
    println!(
        "equal keys: {} commits, each read anew",
        CHECKED.load(Relaxed)
    );
}

//! Collections as serde knows them: within other types, in a struct that is sent somewhere else, and under
//! a type that is not known. The field that is one still logs by entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use worsen::{Field, Map, PersistentStore, Queue, Set, Store};

use crate::support::{edits, folder};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Team {
    members: Map<String, u32>,
    calendar: Queue<String>,
    tags: Set<u64>,
}

/// A store, and what its state is sent as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Store)]
#[store(name = "nested")]
struct State {
    teams: Map<String, Team>,
    rooms: Map<u8, Map<String, Set<u8>>>,
    waiting: Queue<Queue<u8>>,
    perhaps: Option<Map<String, u32>>,
    team: Team,
}

fn open(dir: &std::path::Path) -> StateStore {
    State::builder().dir(dir).open().unwrap()
}

fn fill(state: &mut State) {
    let team = Team {
        members: Map::from([("Ada".to_owned(), 36), ("Alan".to_owned(), 41)]),
        calendar: Queue::from(["meet".to_owned()]),
        tags: Set::from([3, 1, 2]),
    };
    state.teams.insert("left".into(), team.clone());
    state
        .rooms
        .insert(7, Map::from([("window".into(), Set::from([1]))]));
    state.waiting.push_back(Queue::from([1, 2]));
    state.perhaps = Some(Map::from([("x".into(), 1)]));
    state.team = team;
}

#[test]
fn a_collection_can_stand_within_other_types() {
    let folder = folder();
    let store = open(folder.path());
    store.update(fill).wait().unwrap();
    let change = |state: &mut State| {
        let left = state.teams.get_mut("left").unwrap();
        left.members.remove("Alan");
        state.team.calendar.push_back("go".into());
    };
    store.update(change).wait().unwrap();
    let written = edits(&folder.path().join("nested.db"), 3);
    let team =
        json!({"members": {"Ada": 36, "Alan": 41}, "calendar": ["meet", "go"], "tags": [1, 2, 3]});
    let left = json!({"members": {"Ada": 36}, "calendar": ["meet"], "tags": [1, 2, 3]});
    let expected = json!({"team": team, "teams/left": left});
    assert_eq!(written, [(expected, json!(null))]);
    let seen = State::clone(&store.snapshot());
    drop(store);
    let store = open(folder.path());
    assert_eq!(State::clone(&store.snapshot()), seen);
    assert_eq!(store.snapshot().rooms[&7]["window"], Set::from([1]));
    assert_eq!(store.snapshot().perhaps.as_ref().unwrap()["x"], 1);
}

#[test]
fn a_state_with_collections_can_be_sent_and_taken_back() {
    let folder = folder();
    let store = open(folder.path());
    store.update(fill).wait().unwrap();
    let state = State::clone(&store.snapshot());
    let sent = serde_json::to_string(&state).unwrap();
    let taken: State = serde_json::from_str(&sent).unwrap();
    assert_eq!(taken, state);
    store.reset().wait().unwrap();
    store.update(move |state| *state = taken).wait().unwrap();
    assert_eq!(State::clone(&store.snapshot()), state);
    let written = edits(&folder.path().join("nested.db"), 4).remove(0).0;
    assert!(written.get("teams/left").is_some(), "{written}");
    assert_eq!(written["rooms/7"], json!({"window": [1]}));
}

#[derive(Store)]
#[store(name = "generic")]
struct Generic<T: Field + Default> {
    one: T,
    #[store(with = "whole")]
    whole: Map<String, u32>,
}

mod whole {
    pub(super) use serde::{Deserialize, Serialize};
    use worsen::Map;

    pub(super) fn serialize<S: serde::Serializer>(
        map: &Map<String, u32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Map<String, u32>, D::Error> {
        Map::deserialize(deserializer)
    }
}

#[test]
fn a_collection_under_a_type_parameter_logs_by_entry_and_one_with_a_module_whole() {
    let folder = folder();
    let open = || {
        Generic::<Map<String, u8>>::builder()
            .dir(folder.path())
            .open()
            .unwrap()
    };
    let store = open();
    let insert = |state: &mut Generic<Map<String, u8>>, key: &str| {
        state.one.insert(key.into(), 1);
        state.whole.insert(key.into(), 1);
    };
    store
        .update(move |state| insert(state, "a"))
        .wait()
        .unwrap();
    store
        .update(move |state| insert(state, "b"))
        .wait()
        .unwrap();
    let written = edits(&folder.path().join("generic.db"), 3);
    let expected = json!({"one/b": 1, "whole": {"a": 1, "b": 1}});
    assert_eq!(written, [(expected, json!(null))]);
    drop(store);
    let store = open();
    assert_eq!(store.one(), Map::from([("a".into(), 1), ("b".into(), 1)]));
    assert_eq!(store.whole().len(), 2);
}

#[test]
fn a_collection_that_comes_back_otherwise_within_a_value_is_refused() {
    // Two keys of one text: the list that serde makes of the map would have one entry less.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(from = "u8", into = "u8")]
    struct Half(u8);
    impl From<u8> for Half {
        fn from(value: u8) -> Self {
            Half(value * 2)
        }
    }
    impl From<Half> for u8 {
        fn from(half: Half) -> u8 {
            half.0 / 2
        }
    }
    let store = PersistentStore::<Map<Half, u8>>::builder("halves")
        .in_memory()
        .open()
        .unwrap();
    let both = Map::from([(Half(2), 1), (Half(3), 2)]);
    let error = store.write("x", both).wait().unwrap_err();
    assert_eq!(error.kind(), worsen::ErrorKind::Encode, "{error}");
    assert_eq!(error.uid(), Some("x"));
    let one = Map::from([(Half(2), 1)]);
    store.write("x", one.clone()).wait().unwrap();
    assert_eq!(store.read("x"), Some(one));
}

#[test]
fn a_map_within_a_value_reads_what_a_btree_map_left_and_the_reverse() {
    let folder = folder();
    let std = |dir| {
        PersistentStore::<BTreeMap<u32, Vec<u8>>>::builder("maps")
            .dir(dir)
            .open()
            .unwrap()
    };
    let own = |dir| {
        PersistentStore::<Map<u32, Queue<u8>>>::builder("maps")
            .dir(dir)
            .open()
            .unwrap()
    };
    let store = std(folder.path());
    store
        .write("x", BTreeMap::from([(1, vec![1, 2])]))
        .wait()
        .unwrap();
    drop(store);
    let store = own(folder.path());
    assert_eq!(store.read("x").unwrap()[&1], Queue::from([1, 2]));
    store
        .update("x", |map| map.as_mut().unwrap().insert(2, Queue::from([3])))
        .wait()
        .unwrap();
    drop(store);
    let store = std(folder.path());
    assert_eq!(
        store.read("x").unwrap(),
        BTreeMap::from([(1, vec![1, 2]), (2, vec![3])])
    );
}

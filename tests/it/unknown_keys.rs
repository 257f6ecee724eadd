//! Keys within a value that a newer program wrote, and an older one does not know: they survive what the older one
//! writes, in every kind of field, and cost no commit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use worsen::{Map, Queue, Store, testing::SimulatedDisk};

use crate::support::{open_values, sequences};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Old {
    n: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct New {
    n: u32,
    #[serde(default)]
    more: String,
}

fn new(n: u32) -> New {
    New {
        n,
        more: format!("of {n}"),
    }
}

#[derive(Store)]
#[store(name = "values")]
struct OldState {
    plain: Old,
    #[store(with = as_it_is)]
    with: Old,
    list: Vec<Old>,
    map: Map<String, Old>,
    queue: Queue<Old>,
}

#[derive(Store)]
#[store(name = "values")]
struct NewState {
    plain: New,
    with: New,
    list: Vec<New>,
    map: Map<String, New>,
    queue: Queue<New>,
}

mod as_it_is {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Old;

    pub(super) fn serialize<S: Serializer>(value: &Old, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Old, D::Error> {
        Old::deserialize(from)
    }
}

fn open_old(disk: &SimulatedDisk) -> OldStateStore {
    OldState::builder().on(disk).dir("/db").open().unwrap()
}

fn open_new(disk: &SimulatedDisk) -> NewStateStore {
    NewState::builder().on(disk).dir("/db").open().unwrap()
}

fn with_content() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = open_new(&disk);
    let fill = |state: &mut NewState| {
        state.plain = new(1);
        state.with = new(2);
        state.list = vec![new(3), new(4)];
        state.map = Map::from([("a".into(), new(5)), ("b".into(), new(6))]);
        state.queue = Queue::from([new(7), new(8)]);
    };
    store.update(fill).wait().unwrap();
    disk
}

#[test]
fn they_survive_in_every_kind_of_field() {
    let disk = with_content();
    // Twice: the second time the program finds what it wrote itself.
    let store = open_old(&disk);
    for add in [10, 20] {
        let change = move |state: &mut OldState| {
            state.plain.n += add;
            state.with.n += add;
            state.list[1].n += add;
            state.map.get_mut("a").unwrap().n += add;
            state.queue.back_mut().unwrap().n += add;
        };
        store.update(change).wait().unwrap();
    }
    drop(store);
    let changed = |n: u32| New {
        n: n + 30,
        ..new(n)
    };
    let state = open_new(&disk).snapshot();
    assert_eq!((&state.plain, &state.with), (&changed(1), &changed(2)));
    assert_eq!(state.list, [new(3), changed(4)]);
    assert_eq!(
        state.map,
        Map::from([("a".into(), changed(5)), ("b".into(), new(6))])
    );
    assert_eq!(state.queue, Queue::from([new(7), changed(8)]));
}

#[test]
fn what_is_removed_and_put_there_again_has_none() {
    let disk = with_content();
    let store = open_old(&disk);
    store.update_map(|map| map.remove("a")).wait().unwrap();
    store
        .update_map(|map| map.insert("a".into(), Old { n: 9 }))
        .wait()
        .unwrap();
    store.update_queue(Queue::pop_back).wait().unwrap();
    store
        .update_queue(|queue| queue.push_back(Old { n: 9 }))
        .wait()
        .unwrap();
    store.reset_plain().wait().unwrap();
    store.set_plain(Old { n: 9 }).wait().unwrap();
    drop(store);
    let bare = New {
        n: 9,
        more: String::new(),
    };
    let state = open_new(&disk).snapshot();
    assert_eq!(
        (&state.plain, &state.map["a"], state.queue.get(1)),
        (&bare, &bare, Some(&bare))
    );
}

#[test]
fn a_write_that_changes_nothing_beside_them_commits_nothing_however_often() {
    let disk = with_content();
    let store = open_old(&disk);
    let revision = store.revision();
    for _ in 0..3 {
        store.update(|state| state.plain.n += 0).wait().unwrap();
        store.set_plain(Old { n: 1 }).wait().unwrap();
        store
            .update_map(|map| map.insert("a".into(), Old { n: 5 }))
            .wait()
            .unwrap();
    }
    assert_eq!(store.revision(), revision);
    store.set_plain(Old { n: 2 }).wait().unwrap();
    store.set_plain(Old { n: 2 }).wait().unwrap();
    assert_eq!(store.revision(), revision + 1);
}

#[test]
fn they_survive_under_uids_chosen_at_run_time() {
    let disk = SimulatedDisk::new();
    let store = open_values::<New>(&disk);
    store.write("a", new(1)).wait().unwrap();
    drop(store);
    let store = open_values::<Old>(&disk);
    for n in [2, 3] {
        store
            .update("a", move |value| *value = Some(Old { n }))
            .wait()
            .unwrap();
    }
    drop(store);
    let store = open_values::<New>(&disk);
    assert_eq!(store.read("a"), Some(New { n: 3, ..new(1) }));
}

// ---- A model: random values of a newer program, random changes of an older one -----------------

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OldTree {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<Old>,
    children: BTreeMap<u8, OldTree>,
    shape: OldShape,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NewTree {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<New>,
    children: BTreeMap<u8, NewTree>,
    shape: NewShape,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<New>,
    #[serde(default)]
    rank: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum OldShape {
    Dot,
    Circle { radius: u8 },
    Square(Old),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum NewShape {
    Dot,
    Circle {
        radius: u8,
        #[serde(default)]
        color: u8,
    },
    Square(New),
}

fn any_new() -> impl Strategy<Value = New> {
    (0_u32..4, 0_u32..3).prop_map(|(n, more)| New {
        n,
        more: "x".repeat(more as usize),
    })
}

fn any_shape() -> impl Strategy<Value = NewShape> {
    prop_oneof![
        Just(NewShape::Dot),
        (0_u8..3, 0_u8..3).prop_map(|(radius, color)| NewShape::Circle { radius, color }),
        any_new().prop_map(NewShape::Square),
    ]
}

fn any_tree() -> impl Strategy<Value = NewTree> {
    let node = |children: BTreeMap<u8, NewTree>| {
        (
            0_u8..3,
            proptest::option::of(any_new()),
            any_shape(),
            proptest::collection::vec(any_new(), 0..3),
            0_u8..3,
        )
            .prop_map(move |(name, leaf, shape, tags, rank)| NewTree {
                name: name.to_string(),
                leaf,
                children: children.clone(),
                shape,
                tags,
                rank,
            })
    };
    let leaf = Just(BTreeMap::new()).prop_flat_map(node);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        proptest::collection::btree_map(0_u8..4, inner, 0..3).prop_flat_map(node)
    })
}

/// What an older program knows of it.
fn known(tree: &NewTree) -> OldTree {
    serde_json::from_value(serde_json::to_value(tree).unwrap()).unwrap()
}

/// The tree of the newer program, where the older one has made its own into this one.
fn expected(before: &NewTree, after: &OldTree) -> NewTree {
    let leaf = match (&before.leaf, &after.leaf) {
        (Some(New { more, .. }), Some(Old { n })) => Some(New {
            n: *n,
            more: more.clone(),
        }),
        (None, Some(Old { n })) => Some(New {
            n: *n,
            more: String::new(),
        }),
        (_, None) => None,
    };
    let child = |(key, after): (&u8, &OldTree)| {
        let child = match before.children.get(key) {
            Some(before) => expected(before, after),
            None => bare(after),
        };
        (*key, child)
    };
    let shape = match (&before.shape, &after.shape) {
        (NewShape::Circle { color, .. }, OldShape::Circle { radius }) => NewShape::Circle {
            radius: *radius,
            color: *color,
        },
        (NewShape::Square(New { more, .. }), OldShape::Square(Old { n })) => {
            NewShape::Square(New {
                n: *n,
                more: more.clone(),
            })
        }
        _ => bare(after).shape,
    };
    NewTree {
        name: after.name.clone(),
        leaf,
        children: after.children.iter().map(child).collect(),
        shape,
        tags: before.tags.clone(),
        rank: before.rank,
    }
}

/// What a newer program reads of a tree in which nothing is unknown.
fn bare(tree: &OldTree) -> NewTree {
    serde_json::from_value(serde_json::to_value(tree).unwrap()).unwrap()
}

#[test]
fn a_tree_keeps_at_each_place_what_the_older_program_does_not_know() {
    let cases = (any_tree(), proptest::collection::vec(any_tree(), 1..3));
    sequences("unknown_keys", 150, &cases, |(first, changes)| {
        let disk = SimulatedDisk::new();
        open_values::<NewTree>(&disk)
            .write("tree", first.clone())
            .wait()
            .unwrap();
        let store = open_values::<OldTree>(&disk);
        let mut model = first;
        for change in changes {
            let after = known(&change);
            model = expected(&model, &after);
            store.write("tree", after).wait().unwrap();
        }
        drop(store);
        prop_assert_eq!(open_values::<NewTree>(&disk).read("tree"), Some(model));
        Ok(())
    });
}

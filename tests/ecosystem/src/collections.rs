//! What holds several values. Those without an order are compared sorted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Row, case, no_field};

pub fn rows() -> Vec<Row> {
    let mut rows = lists();
    rows.extend(maps());
    rows.extend(places());
    rows.extend(bits());
    rows
}

fn lists() -> Vec<Row> {
    vec![
        case!(
            Some("smallvec"),
            smallvec::SmallVec<[u8; 2]>,
            [smallvec::smallvec![1, 2, 3]]
        ),
        case!(Some("arrayvec"), arrayvec::ArrayVec<u8, 4>, [[1, 2].into_iter().collect()]),
        case!(
            Some("tinyvec"),
            tinyvec::TinyVec<[u8; 2]>,
            [tinyvec::tiny_vec!(1, 2, 3)]
        ),
        case!(
            Some("thin-vec"),
            thin_vec::ThinVec<u8>,
            [thin_vec::thin_vec![1, 2]]
        ),
        case!(Some("heapless"), heapless::Vec<u8, 4>, [[1, 2].into_iter().collect()]),
        case!(Some("generic-array"), generic_array::GenericArray<u8, generic_array::typenum::U3>, [[1, 2, 3].into()]),
        case!(
            Some("nonempty"),
            nonempty::NonEmpty<u8>,
            [nonempty::nonempty![1, 2]]
        ),
        case!(Some("vec1"), vec1::Vec1<u8>, [vec1::vec1![1, 2]]),
        case!(Some("im"), im::Vector<u8>, [im::vector![1, 2]]),
        case!(Some("imbl"), imbl::Vector<u8>, [imbl::vector![1, 2]]),
        no_field!(Some("rpds"), rpds::List<u8>, "`rpds::ListSync`"),
        case!(
            Some("rpds"),
            rpds::VectorSync<u8>,
            [[1, 2].into_iter().collect()]
        ),
        case!(Some("either"), either::Either<u8, String>, [either::Left(1), either::Right("a".into())]),
        case!(Some("priority-queue"), priority_queue::PriorityQueue<String, u8>, [[("a".to_owned(), 1), ("b".to_owned(), 2)].into_iter().collect()]),
    ]
}

fn maps() -> Vec<Row> {
    let pairs = || (0..9_u8).map(|n| (n.to_string(), n));
    vec![
        case!(Some("indexmap"), indexmap::IndexMap<String, u8>, [[("b".to_owned(), 1), ("a".to_owned(), 2)].into()], |map: &indexmap::IndexMap<String, u8>| map.clone().into_iter().collect::<Vec<_>>(), "in its order"),
        case!(Some("ordermap"), ordermap::OrderMap<String, u8>, [[("b".to_owned(), 1), ("a".to_owned(), 2)].into()]),
        case!(Some("linked-hash-map"), linked_hash_map::LinkedHashMap<String, u8>, [[("b".to_owned(), 1), ("a".to_owned(), 2)].into_iter().collect()]),
        case!(Some("hashlink"), hashlink::LinkedHashMap<String, u8>, [[("b".to_owned(), 1), ("a".to_owned(), 2)].into_iter().collect()]),
        case!(Some("hashbrown"), hashbrown::HashMap<String, u8>, [pairs().take(1).collect(), pairs().collect()]),
        case!(Some("dashmap"), dashmap::DashMap<String, u8>, [pairs().take(1).collect(), pairs().collect()], |map: &dashmap::DashMap<String, u8>| map.clone().into_iter().collect::<BTreeMap<_, _>>(), "its locks do nothing here: each read is a clone"),
        case!(Some("im"), im::HashMap<String, u8>, [pairs().take(1).collect(), pairs().collect()]),
        case!(Some("im"), im::OrdMap<String, u8>, [pairs().collect()]),
        case!(Some("imbl"), imbl::OrdMap<String, u8>, [pairs().collect()]),
        case!(Some("rpds"), rpds::HashTrieMapSync<String, u8>, [pairs().take(1).collect(), pairs().collect()]),
        case!(Some("multimap"), multimap::MultiMap<String, u8>, [[("a".to_owned(), 1), ("a".to_owned(), 2)].into_iter().collect()]),
        case!(Some("bimap"), bimap::BiBTreeMap<String, u8>, [[("a".to_owned(), 1)].into_iter().collect()]),
        case!(Some("bimap"), bimap::BiHashMap<String, u8>, [pairs().take(1).collect(), pairs().collect()]),
        no_field!(Some("lru"), lru::LruCache<String, u8>, "a `LinkedHashMap` of hashlink, with a bound of one's own"),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, enum_map::Enum, Serialize, Deserialize)]
pub enum Level {
    Low,
    High,
}

/// Places in a collection that stay what they are while others come and go.
fn places() -> Vec<Row> {
    use petgraph::{Graph, prelude::UnGraphMap, stable_graph::StableGraph};
    use slotmap::SlotMap;

    let slots = || {
        let mut slots = SlotMap::<slotmap::DefaultKey, u8>::new();
        let gone = slots.insert(1);
        slots.insert(2);
        slots.remove(gone);
        slots
    };
    let slab = || {
        let mut slab = slab::Slab::new();
        let gone = slab.insert(1);
        slab.insert(2);
        slab.remove(gone);
        slab
    };
    let arena = || {
        let mut arena = generational_arena::Arena::new();
        let gone = arena.insert(1_u8);
        arena.insert(2);
        arena.remove(gone);
        arena
    };
    let graph = || Graph::<String, u8>::from_edges([(0, 1, 7), (1, 0, 8)]);
    vec![
        case!(Some("slotmap"), SlotMap<slotmap::DefaultKey, u8>, [slots()], |map: &SlotMap<slotmap::DefaultKey, u8>| map.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), "keys stay valid"),
        case!(Some("slotmap"), SlotMap<slotmap::DefaultKey, Option<u8>>, [{
            let mut slots = SlotMap::new();
            slots.insert(None);
            slots
        }], |map: &SlotMap<slotmap::DefaultKey, Option<u8>>| map.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>()),
        case!(
            Some("slab"),
            slab::Slab<u8>,
            [slab()],
            |slab: &slab::Slab<u8>| slab
                .iter()
                .map(|(key, value)| (key, *value))
                .collect::<Vec<_>>(),
            "keys stay valid"
        ),
        case!(
            Some("generational-arena"),
            generational_arena::Arena<u8>,
            [arena()],
            |arena: &generational_arena::Arena<u8>| arena
                .iter()
                .map(|(index, value)| (index.into_raw_parts(), *value))
                .collect::<Vec<_>>(),
            "the index of a removed element may find another one afterwards"
        ),
        no_field!(Some("id-arena"), id_arena::Arena<u8>, "a `Vec`, or slotmap"),
        case!(Some("petgraph"), Graph<String, u8>, [graph()], |graph: &Graph<String, u8>| format!("{graph:?}")),
        case!(Some("petgraph"), StableGraph<String, u8>, [graph().into()], |graph: &StableGraph<String, u8>| format!("{graph:?}")),
        case!(Some("petgraph"), UnGraphMap<u8, u8>, [UnGraphMap::from_edges([(1, 2, 7)])], |graph: &UnGraphMap<u8, u8>| format!("{graph:?}")),
        case!(Some("enum-map"), enum_map::EnumMap<Level, u8>, [enum_map::enum_map! { Level::Low => 1, Level::High => 2 }]),
    ]
}

bitflags::bitflags! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub struct Rights: u8 {
        const READ = 1;
        const WRITE = 2;
    }
}

#[derive(Debug, enumset::EnumSetType, Serialize, Deserialize)]
#[enumset(serialize_repr = "list")]
pub enum Day {
    Monday,
    Tuesday,
}

fn bits() -> Vec<Row> {
    use bit_set::BitSet;
    use bit_vec::BitVec;
    use bitvec::{order::Lsb0, vec::BitVec as Bits};
    use enumset::EnumSet;
    use fixedbitset::FixedBitSet;
    use roaring::RoaringBitmap;

    vec![
        case!(
            Some("bitflags"),
            Rights,
            [
                Rights::READ | Rights::WRITE,
                Rights::empty(),
                Rights::from_bits_retain(128)
            ]
        ),
        case!(Some("enumset"), EnumSet<Day>, [EnumSet::all()]),
        case!(Some("bit-vec"), BitVec, [BitVec::from_elem(3, true)]),
        case!(Some("bit-set"), BitSet, [[1, 40].into_iter().collect()]),
        case!(
            Some("fixedbitset"),
            FixedBitSet,
            [[1, 40].into_iter().collect()],
            |set: &FixedBitSet| set.ones().collect::<Vec<_>>()
        ),
        case!(Some("bitvec"), Bits<u8, Lsb0>, [bitvec::bitvec![u8, Lsb0; 1, 0, 1]]),
        case!(
            Some("roaring"),
            RoaringBitmap,
            [[1, 70_000].into_iter().collect()]
        ),
    ]
}

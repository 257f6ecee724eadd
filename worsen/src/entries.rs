//! [`Entries`]: the newest JSON text of every uid, in order. Never here: where it comes from, and what is
//! written of it.
//!
//! What was loaded is a sorted list that never changes, and what came since stands in a map above it. Log-
//! structured merge trees (O'Neil et al., 1996) are made of such layers. A list is built in a fraction of
//! the time of a map, and can be shared.

use std::{
    collections::{BTreeMap, btree_map},
    hash::BuildHasher,
    iter::Peekable,
    ops::Bound,
    slice,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::entry::Edit;
use crate::shared_str::SharedStr;

/// A state as it was loaded: sorted by uid, each of them once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sorted(Arc<List>);

#[derive(Debug, Default)]
struct List {
    all: Vec<(SharedStr, SharedStr)>,
    /// The places by the hash of their uids, made once uids are looked for again and again. Halving a list of a
    /// million until one is found touches forty places all over the log.
    places: OnceLock<HashTable<u32>>,
    /// How often one was looked for without them.
    looks: AtomicU32,
    hash: RandomState,
}

/// Shorter lists are searched by halving, which is as fast there.
const TABLE_FROM_ENTRIES: usize = 32;

/// So many looks do without a table: an opening has a few, and a program that writes once and ends has few more.
const LOOKS_WITHOUT_TABLE: u32 = 256;

impl Sorted {
    fn new(all: Vec<(SharedStr, SharedStr)>) -> Self {
        Sorted(Arc::new(List {
            all,
            places: OnceLock::new(),
            looks: AtomicU32::new(0),
            hash: RandomState::default(),
        }))
    }

    pub(crate) fn get(&self, uid: &str) -> Option<&(SharedStr, SharedStr)> {
        let List {
            all,
            places,
            looks,
            hash,
        } = &*self.0;
        let is_searched = || {
            all.len() < TABLE_FROM_ENTRIES
                || u32::try_from(all.len()).is_err()
                || looks.fetch_add(1, Relaxed) < LOOKS_WITHOUT_TABLE
        };
        if places.get().is_none() && is_searched() {
            return all.get(self.place(uid).ok()?);
        }
        let places = places.get_or_init(|| {
            let mut places = HashTable::with_capacity(all.len());
            for (place, (uid, _)) in (0..).zip(all) {
                // There is room for all of them, so that none is hashed again.
                places.insert_unique(hash.hash_one(&**uid), place, |_| 0);
            }
            places
        });
        let at = |place: &u32| all.get(*place as usize);
        let place = places.find(hash.hash_one(uid), |place| {
            at(place).is_some_and(|(other, _)| **other == *uid)
        });
        at(place?)
    }

    /// Where the uid stands, or would.
    fn place(&self, uid: &str) -> Result<usize, usize> {
        self.0.all.binary_search_by(|(other, _)| (**other).cmp(uid))
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, (SharedStr, SharedStr)> {
        self.0.all.iter()
    }
}

/// The newest JSON text of every uid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    loaded: Sorted,
    /// What came since; `None`: what was loaded of this uid is gone.
    newer: BTreeMap<SharedStr, Option<SharedStr>>,
    len: usize,
    bytes: u64,
}

impl Entries {
    pub(crate) fn new() -> Self {
        Entries::default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes their uids and values have.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn get(&self, uid: &str) -> Option<&SharedStr> {
        match self.newer.get(uid) {
            Some(newer) => newer.as_ref(),
            None => self.loaded.get(uid).map(|(_, json)| json),
        }
    }

    /// The value of a uid, and the uid as it is kept here.
    pub(crate) fn get_key_value(&self, uid: &str) -> Option<(&SharedStr, &SharedStr)> {
        match self.newer.get_key_value(uid) {
            Some((uid, newer)) => newer.as_ref().map(|json| (uid, json)),
            None => self.loaded.get(uid).map(|(uid, json)| (uid, json)),
        }
    }

    pub(crate) fn contains_key(&self, uid: &str) -> bool {
        self.get(uid).is_some()
    }

    /// Sets one, or removes it; returns what was there.
    pub(crate) fn put(&mut self, uid: &SharedStr, json: Option<SharedStr>) -> Option<SharedStr> {
        match json {
            Some(json) => self.insert(uid.clone(), json),
            None => self.remove(uid),
        }
    }

    /// What these changes, in their order, make of it.
    pub(crate) fn with(&self, changes: &[Edit]) -> Entries {
        let mut after = self.clone();
        for Edit { uid, json } in changes {
            after.put(uid, json.clone());
        }
        after
    }

    /// Sets one; returns what was there.
    pub(crate) fn insert(&mut self, uid: SharedStr, json: SharedStr) -> Option<SharedStr> {
        let uid_bytes = uid.len();
        self.bytes += (uid_bytes + json.len()) as u64;
        self.len += 1;
        let before = match self.newer.entry(uid) {
            btree_map::Entry::Occupied(mut newer) => newer.insert(Some(json)),
            btree_map::Entry::Vacant(place) => {
                let loaded = self.loaded.get(place.key());
                let before = loaded.map(|(_, json)| json.clone());
                place.insert(Some(json));
                before
            }
        };
        self.forget(uid_bytes, before)
    }

    /// Removes one; returns what was there.
    pub(crate) fn remove(&mut self, uid: &str) -> Option<SharedStr> {
        let before = match self.loaded.get(uid) {
            None => self.newer.remove(uid).flatten(),
            Some((uid, json)) => match self.newer.insert(uid.clone(), None) {
                Some(newer) => newer,
                None => Some(json.clone()),
            },
        };
        self.forget(uid.len(), before)
    }

    /// What was there counts no more.
    fn forget(&mut self, uid_bytes: usize, before: Option<SharedStr>) -> Option<SharedStr> {
        if let Some(json) = &before {
            self.bytes -= (uid_bytes + json.len()) as u64;
            self.len -= 1;
        }
        before
    }

    /// All of them, in order of their uids.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.iter_from("")
    }

    /// Those from this uid on.
    pub(crate) fn iter_from(&self, uid: &str) -> Iter<'_> {
        let (Ok(place) | Err(place)) = self.loaded.place(uid);
        let newer = (Bound::Included(uid), Bound::Unbounded);
        Iter {
            loaded: self.loaded.0.all[place..].iter().peekable(),
            newer: self.newer.range::<str, _>(newer).peekable(),
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &SharedStr> {
        self.iter().map(|(uid, _)| uid)
    }

    /// All of them, to share.
    pub(crate) fn sorted(&self) -> Sorted {
        match self.newer.is_empty() {
            true => self.loaded.clone(),
            false => Sorted::new(self.iter().map(clone).collect()),
        }
    }

    fn into_vec(self) -> Vec<(SharedStr, SharedStr)> {
        match self.newer.is_empty() {
            true => match Arc::try_unwrap(self.loaded.0) {
                Ok(list) => list.all,
                Err(shared) => shared.all.clone(),
            },
            false => self.iter().map(clone).collect(),
        }
    }

    /// Applies many changes at once, sorted by uid, each of them once.
    pub(crate) fn merge(&mut self, sorted: Vec<Edit>) {
        // A few are put into their places one by one.
        if sorted.len() < self.len / 8 {
            for Edit { uid, json } in sorted {
                self.put(&uid, json);
            }
            return;
        }
        let mut before = std::mem::take(self).into_vec();
        let is_behind = match (before.last(), sorted.first()) {
            (Some((last, _)), Some(first)) => *last < first.uid,
            _ => true,
        };
        let set = |edit: Edit| Some((edit.uid, edit.json?));
        let all: Vec<(SharedStr, SharedStr)> = if before.is_empty() {
            sorted.into_iter().filter_map(set).collect()
        } else if is_behind {
            before.extend(sorted.into_iter().filter_map(set));
            before
        } else {
            let mut all = Vec::with_capacity(before.len() + sorted.len());
            let mut before = before.into_iter().peekable();
            for Edit { uid, json } in sorted {
                while let Some(smaller) = before.next_if(|(other, _)| *other < uid) {
                    all.push(smaller);
                }
                before.next_if(|(other, _)| *other == uid);
                all.extend(json.map(|json| (uid, json)));
            }
            all.extend(before);
            all
        };
        let bytes = |(uid, json): &(SharedStr, SharedStr)| (uid.len() + json.len()) as u64;
        *self = Entries {
            len: all.len(),
            bytes: all.iter().map(bytes).sum(),
            loaded: Sorted::new(all),
            newer: BTreeMap::new(),
        };
    }

    /// Makes one list of everything again, and lets go of the log that it was loaded from.
    pub(crate) fn detach_from_log(&mut self) {
        let detached = |(uid, json): (&SharedStr, &SharedStr)| (uid.detached(), json.detached());
        self.loaded = Sorted::new(self.iter().map(detached).collect());
        self.newer.clear();
    }
}

fn clone((uid, json): (&SharedStr, &SharedStr)) -> (SharedStr, SharedStr) {
    (uid.clone(), json.clone())
}

impl FromIterator<(SharedStr, SharedStr)> for Entries {
    fn from_iter<I: IntoIterator<Item = (SharedStr, SharedStr)>>(entries: I) -> Self {
        let mut all = Entries::new();
        for (uid, json) in entries {
            all.insert(uid, json);
        }
        all
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Entries) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = (&'a SharedStr, &'a SharedStr);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Both layers at once.
pub(crate) struct Iter<'a> {
    loaded: Peekable<slice::Iter<'a, (SharedStr, SharedStr)>>,
    newer: Peekable<btree_map::Range<'a, SharedStr, Option<SharedStr>>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a SharedStr, &'a SharedStr);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((newer, _)) = self.newer.peek() else {
                return self.loaded.next().map(|(uid, json)| (uid, json));
            };
            if let Some((uid, json)) = self.loaded.next_if(|(uid, _)| uid < *newer) {
                return Some((uid, json));
            }
            self.loaded.next_if(|(uid, _)| uid == *newer);
            if let Some((uid, Some(json))) = self.newer.next() {
                return Some((uid, json));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time.
    struct Numbers(u32);

    impl Numbers {
        fn below(&mut self, limit: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) % limit
        }
    }

    #[test]
    fn a_few_looks_make_no_table_and_many_do_and_both_find_the_same() {
        let set = |number: u32| Edit::set(format!("uid {number:04}"), number.to_string());
        let mut entries = Entries::new();
        entries.merge((0..1000).map(set).collect());
        let has_table = |entries: &Entries| entries.loaded.0.places.get().is_some();
        let mut numbers = Numbers(1);
        for look in 0..2 * LOOKS_WITHOUT_TABLE {
            let number = numbers.below(1500);
            let found = entries.get(&format!("uid {number:04}"));
            let expected = (number < 1000).then(|| number.to_string());
            assert_eq!(found.map(|json| json.to_string()), expected);
            assert_eq!(has_table(&entries), look >= LOOKS_WITHOUT_TABLE, "{look}");
        }
    }

    fn assert_same(
        entries: &Entries,
        model: &BTreeMap<SharedStr, SharedStr>,
        numbers: &mut Numbers,
    ) {
        assert!(entries.iter().eq(model));
        assert!(entries.keys().eq(model.keys()));
        assert_eq!(entries.len(), model.len());
        let bytes = |(uid, json): (&SharedStr, &SharedStr)| (uid.len() + json.len()) as u64;
        assert_eq!(entries.bytes(), model.iter().map(bytes).sum::<u64>());
        assert_eq!(entries.is_empty(), model.is_empty());
        assert!(entries.sorted().iter().map(|(uid, _)| uid).eq(model.keys()));
        let uid = numbers.below(100).to_string();
        assert_eq!(entries.get(&uid), model.get(&*uid));
        assert_eq!(entries.contains_key(&uid), model.contains_key(&*uid));
        let from = (Bound::Included(&*uid), Bound::Unbounded);
        assert!(entries.iter_from(&uid).eq(model.range::<str, _>(from)));
    }

    /// Whatever is done to it, it is what a map would be.
    #[test]
    fn layers_are_one_map_from_the_outside() {
        for seed in 0..300 {
            let mut numbers = Numbers(seed);
            let mut entries = Entries::new();
            let mut model = BTreeMap::<SharedStr, SharedStr>::new();
            for step in 0..60 {
                let json = SharedStr::from(step.to_string());
                let uid = SharedStr::from(numbers.below(100).to_string());
                match numbers.below(9) {
                    0..4 => {
                        let before = entries.insert(uid.clone(), json.clone());
                        assert_eq!(before, model.insert(uid, json));
                    }
                    4..7 => assert_eq!(entries.remove(&uid), model.remove(&uid)),
                    7 => {
                        let many = numbers.below(40);
                        let changes: BTreeMap<SharedStr, Option<SharedStr>> = (0..many)
                            .map(|_| {
                                let json = (numbers.below(3) > 0).then(|| json.clone());
                                (numbers.below(100).to_string().into(), json)
                            })
                            .collect();
                        let edit = |(uid, json)| Edit { uid, json };
                        entries.merge(changes.clone().into_iter().map(edit).collect());
                        for (uid, json) in changes {
                            match json {
                                Some(json) => model.insert(uid, json),
                                None => model.remove(&uid),
                            };
                        }
                    }
                    _ => entries.detach_from_log(),
                }
                assert_same(&entries, &model, &mut numbers);
            }
        }
    }

    #[test]
    fn what_was_shared_stays_as_it_was() {
        let mut entries: Entries = [("a".into(), "1".into())].into_iter().collect();
        entries.detach_from_log();
        let shared = entries.sorted();
        entries.insert("a".into(), "2".into());
        entries.merge(vec![Edit::set("b", "3"), Edit::delete("c")]);
        entries.detach_from_log();
        assert_eq!(shared.get("a").map(|(_, json)| &**json), Some("1"));
        assert_eq!(shared.iter().count(), 1);
        assert_eq!(entries.get("a").map(|json| &**json), Some("2"));
    }
}

//! [`Map`], a field that logs by entry. Never here: which texts a key has (`texts`, `super::key`).

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    fmt,
    iter::FusedIterator,
    ops::{Index, RangeBounds},
    sync::Arc,
};

use imbl::{OrdMap, ordmap::DiffItem};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::texts::OtherTexts;
use super::{
    Before, Shared, ToWrite, encode,
    key::{self, Key},
    left_out::LeftOut,
};
use crate::{
    entry::{Edits, FieldChange, StoredAt},
    error::ValueError,
    planted::{Bug, planted},
    schema::{self, ByEntry, Mark},
    value::{self, Value},
};

mod texts;

/// An ordered map for a field of a store: a commit writes the entries that it changed.
///
/// It is used as a `BTreeMap`, in the closures of writes and on snapshots, but for what goes through all
/// values to change them, and for `entry`: [`get_mut`](Map::get_mut) and
/// [`get_or_insert_with`](Map::get_or_insert_with) take their places. A clone costs nothing, and neither
/// does a snapshot. In the file an entry stands under the uid `field/key`. Keys are strings,
/// integers, `bool`, enums without data and newtypes of them; see [`Key`].
///
/// A field that was a `BTreeMap` or a `HashMap` before is taken over.
///
/// ```
/// use worsen::{Map, Store};
///
/// #[derive(Store)]
/// struct State {
///     ages: Map<String, u32>,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// store.update_ages(|ages| {
///     ages.insert("Ada".into(), 36);
///     ages.insert("Alan".into(), 41);
/// }).wait()?;
/// let gone = store.update_ages(|ages| ages.remove("Alan")).wait()?;   // writes `"del":["ages/Alan"]`
/// assert_eq!(gone, Some(41));
/// assert_eq!(store.snapshot().ages["Ada"], 36);
/// # Ok(())
/// # }
/// ```
pub struct Map<K, V> {
    pub(super) entries: OrdMap<K, Shared<V>>,
    /// The texts of entries that do not stand in the file under the text of their key.
    pub(super) other_texts: OtherTexts<K, V>,
    /// What does not fit.
    left_out: LeftOut<K>,
}

impl<K, V> Map<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Map {
            entries: OrdMap::new(),
            other_texts: OtherTexts::new(),
            left_out: LeftOut::NONE,
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Ord, V> Map<K, V> {
    /// All entries, in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The value at this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|value| &*value.0)
    }

    /// Whether there is a value at this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.contains_key(key)
    }

    /// The entries whose keys are in this range, in order.
    ///
    /// # Panics
    ///
    /// As `BTreeMap::range`: where the range ends before it begins.
    pub fn range<Q: Ord + ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.entries
            .range(range)
            .map(|(key, value)| (key, &*value.0))
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// Sets the value at this key; returns the one before it. As in a `BTreeMap`, an equal key that is
    /// there stays.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let value = Shared::new(value);
        self.left_out.remove(&key);
        match self.entries.get_mut(&key) {
            Some(place) => Some(std::mem::replace(place, value).take()),
            None => self.entries.insert(key, value).map(Shared::take),
        }
    }

    /// Removes the value at this key, and returns it.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.left_out.remove(key);
        self.entries.remove(key).map(Shared::take)
    }

    /// The value at this key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries
            .get_mut(key)
            .map(|value| Arc::make_mut(&mut value.0))
    }

    /// The value at this key, to be changed; first this one is put there, if there is none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        self.left_out.remove(&key);
        let shared = self
            .entries
            .entry(key)
            .or_insert_with(|| Shared::new(value()));
        Arc::make_mut(&mut shared.0)
    }

    /// Removes and returns the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let (value, rest) = self.entries.without_min_with_key();
        let (key, value) = value?;
        self.entries = rest;
        Some((key, value.take()))
    }

    /// Removes and returns the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let (value, rest) = self.entries.without_max_with_key();
        let (key, value) = value?;
        self.entries = rest;
        Some((key, value.take()))
    }

    /// Removes every entry for which this says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> = self
            .iter()
            .filter(|(key, value)| !keep(key, value))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.entries.remove(&key);
        }
    }

    /// Removes all entries. The commit names each of them.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.left_out.clear();
    }
}

impl<K: Key, V: Value> ByEntry for Map<K, V> {
    const MARK: Mark = Mark::Map;

    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        let begin = out.entries.len();
        let mut left_out = std::mem::replace(&mut self.left_out, LeftOut::NONE);
        let left_out_before = before.map(|before| before.left_out.clone());
        let before = before.cloned().unwrap_or_default();
        // What everybody reads after the commit: what there was, and then its edits.
        let mut read = before.clone();
        let mut gone = Vec::new();
        for change in before.entries.diff(&self.entries) {
            let (old, new) = match change {
                DiffItem::Add(key, value) => (None, Some((key, value))),
                DiffItem::Update { old, new } => (Some(old), Some(new)),
                DiffItem::Remove(key, value) => (Some((key, value)), None),
            };
            let mut texts = match old {
                Some((key, _)) => before.texts(key)?,
                None => Vec::new(),
            };
            if let Some((key, value)) = new {
                let written = key::write(key)?;
                let is_there = texts.iter().eq([&written.text]);
                let at = format!("{uid}/{}", written.text);
                let json = || stored(&at);
                let before = old.filter(|_| is_there).map(|(_, value)| Before {
                    value: &*value.0,
                    json: &json,
                });
                let entry = encode(&*value.0, before);
                match entry.map_err(|error| error.in_key(written.text.clone()))? {
                    ToWrite::Nothing => continue,
                    ToWrite::Json(json, copy) => {
                        out.set(at, json);
                        texts.retain(|text| *text != written.text);
                        let value = copy.map_or_else(|| value.clone(), Shared::new);
                        read.forget(key);
                        let key = written.copy.unwrap_or_else(|| key.clone());
                        read.put(&written.text, key, value);
                    }
                }
                if planted(Bug::LeaveOldTextOfKey) {
                    continue;
                }
            } else if let Some((key, _)) = old {
                read.forget(key);
            }
            gone.append(&mut texts);
        }
        for text in gone {
            out.delete(format!("{uid}/{text}"));
        }
        left_out.record(left_out_before.as_ref(), uid, begin, out);
        read.left_out = left_out;
        *self = read;
        Ok(())
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            FieldChange::SetEntry { key: text, json } => {
                let value = value::decode(json)?;
                let key = key::from_text(text)?;
                self.left_out.forget(Some(&key), text);
                self.put(text, key, Shared::new(value));
            }
            FieldChange::RemoveEntry { key: text } => {
                if !self.left_out.is_empty() {
                    self.left_out
                        .forget(key::from_text(text).ok().as_ref(), text);
                }
                self.cut(text);
            }
            FieldChange::Set(json) if Mark::parse(json) == Some(Self::MARK) => *self = Map::new(),
            // What a plain map left.
            FieldChange::Set(json) => {
                let whole: BTreeMap<K, V> = value::decode(json)?;
                *self = whole.into_iter().collect();
            }
            FieldChange::Unset => {}
        }
        Ok(())
    }

    fn leave_out(&mut self, text: &str, _json: &str) -> bool {
        self.cut(text);
        self.left_out.add(key::from_text(text).ok(), text);
        true
    }
}

/// As a `BTreeMap`: to print it, or to send it somewhere.
impl<K: Ord + Serialize, V: Serialize> Serialize for Map<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

/// As a `BTreeMap`. A type that contains a map, and derives `Deserialize`, asks the same of it as a field does. So
/// where it is generic over the values it needs `#[serde(bound = "")]`, and [`Value`] as their bound.
impl<'de, K: Key, V: Value> Deserialize<'de> for Map<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        schema::answer::<Self>();
        let entries = BTreeMap::<K, V>::deserialize(deserializer)?;
        Ok(entries.into_iter().collect())
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Map {
            entries: self.entries.clone(),
            other_texts: self.other_texts.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries.ptr_eq(&other.entries) || self.len() == other.len() && self.iter().eq(other)
    }
}

impl<K: Ord, V: Eq> Eq for Map<K, V> {}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Map<K, V> {
    type Output = V;

    /// # Panics
    ///
    /// Where there is no value at this key.
    #[expect(
        clippy::panic,
        reason = "as every map: a key that may not be there is for `get`"
    )]
    fn index(&self, key: &Q) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("there is no value at this key"),
        }
    }
}

impl<K: Ord + Clone, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        Map {
            entries: entries
                .map(|(key, value)| (key, Shared::new(value)))
                .collect(),
            other_texts: OtherTexts::new(),
            left_out: LeftOut::NONE,
        }
    }
}

impl<K: Ord + Clone, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        let entries = self.entries.into_iter();
        let entries = entries.map(|(key, value)| (key, value.take()));
        entries.collect::<Vec<_>>().into_iter()
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The entries of a [`Map`], in the order of their keys.
pub struct Iter<'a, K, V>(imbl::ordmap::Iter<'a, K, Shared<V>, imbl::shared_ptr::DefaultSharedPtr>);

impl<'a, K: Ord, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, &*value.0))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K: Ord, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key, &*value.0))
    }
}

impl<K: Ord, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K: Ord, V> FusedIterator for Iter<'_, K, V> {}

impl<K: Ord, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

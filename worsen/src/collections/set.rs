//! [`Set`], a field that logs by entry: a map without values. Never here: how a map is written.

use std::{borrow::Borrow, collections::BTreeSet, fmt, iter::FusedIterator, ops::RangeBounds};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    key::Key,
    map::{self, Map},
};
use crate::{
    entry::{Edits, FieldChange, StoredAt},
    error::ValueError,
    schema::{self, ByEntry, Mark},
    value,
};

/// An ordered set for a field of a store: a commit writes the elements that it added or removed.
///
/// It is used as a `BTreeSet`. In the file an element stands under the uid `field/element`. What can be
/// one is said at [`Key`]. A field that was a `BTreeSet` or a `HashSet` before is taken over.
///
/// ```
/// use worsen::{Set, Store};
///
/// #[derive(Store)]
/// struct State {
///     seen: Set<u64>,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// assert!(store.update_seen(|seen| seen.insert(7)).wait()?);
/// assert!(!store.update_seen(|seen| seen.insert(7)).wait()?);
/// assert!(store.snapshot().seen.contains(&7));
/// # Ok(())
/// # }
/// ```
pub struct Set<K> {
    entries: Map<K, ()>,
}

impl<K> Set<K> {
    /// An empty set.
    pub fn new() -> Self {
        Set {
            entries: Map::new(),
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Ord> Set<K> {
    /// All elements, in order.
    pub fn iter(&self) -> Iter<'_, K> {
        Iter(self.entries.iter())
    }

    /// Whether this is an element.
    pub fn contains<Q: Ord + ?Sized>(&self, element: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.contains_key(element)
    }

    /// The elements in this range, in order.
    ///
    /// # Panics
    ///
    /// As `BTreeSet::range`: where the range ends before it begins.
    pub fn range<Q: Ord + ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> impl DoubleEndedIterator<Item = &K>
    where
        K: Borrow<Q>,
    {
        self.entries.range(range).map(|(element, ())| element)
    }

    /// The least element.
    pub fn first(&self) -> Option<&K> {
        self.iter().next()
    }

    /// The greatest element.
    pub fn last(&self) -> Option<&K> {
        self.iter().next_back()
    }
}

impl<K: Ord + Clone> Set<K> {
    /// Adds an element. False: it was there.
    pub fn insert(&mut self, element: K) -> bool {
        // What is there stays the same value, so that nothing is written.
        let is_new = !self.entries.contains_key(&element);
        if is_new {
            self.entries.insert(element, ());
        }
        is_new
    }

    /// Removes an element. False: it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, element: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.remove(element).is_some()
    }

    /// Removes and returns the least element.
    pub fn pop_first(&mut self) -> Option<K> {
        self.entries.pop_first().map(|(element, ())| element)
    }

    /// Removes and returns the greatest element.
    pub fn pop_last(&mut self) -> Option<K> {
        self.entries.pop_last().map(|(element, ())| element)
    }

    /// Removes every element for which this says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.entries.retain(|element, ()| keep(element));
    }

    /// Removes all elements. The commit names each of them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<K: Key> ByEntry for Set<K> {
    const MARK: Mark = Map::<K, ()>::MARK;

    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        let before = before.map(|before| &before.entries);
        self.entries.record(before, uid, stored, out)
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            // What a plain set left.
            FieldChange::Set(json) if json.starts_with('[') => {
                let whole: BTreeSet<K> = value::decode(json)?;
                *self = whole.into_iter().collect();
                Ok(())
            }
            _ => self.entries.apply(change),
        }
    }

    fn leave_out(&mut self, element: &str, json: &str) -> bool {
        self.entries.leave_out(element, json)
    }
}

/// As a `BTreeSet`: to print it, or to send it somewhere.
impl<K: Ord + Serialize> Serialize for Set<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// As a `BTreeSet`.
impl<'de, K: Key> Deserialize<'de> for Set<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        schema::answer::<Self>();
        let elements = BTreeSet::<K>::deserialize(deserializer)?;
        Ok(elements.into_iter().collect())
    }
}

impl<K> Clone for Set<K> {
    fn clone(&self) -> Self {
        Set {
            entries: self.entries.clone(),
        }
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Set::new()
    }
}

impl<K: Ord + fmt::Debug> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<K: Ord> PartialEq for Set<K> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<K: Ord> Eq for Set<K> {}

impl<K: Ord + Clone> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(elements: I) -> Self {
        Set {
            entries: elements.into_iter().map(|element| (element, ())).collect(),
        }
    }
}

impl<K: Ord + Clone, const N: usize> From<[K; N]> for Set<K> {
    fn from(elements: [K; N]) -> Self {
        elements.into_iter().collect()
    }
}

impl<K: Ord + Clone> Extend<K> for Set<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
        for element in elements {
            self.insert(element);
        }
    }
}

impl<K: Ord + Clone> IntoIterator for Set<K> {
    type Item = K;
    type IntoIter = std::vec::IntoIter<K>;

    fn into_iter(self) -> Self::IntoIter {
        let elements = self.entries.into_iter().map(|(element, ())| element);
        elements.collect::<Vec<_>>().into_iter()
    }
}

impl<'a, K: Ord> IntoIterator for &'a Set<K> {
    type Item = &'a K;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The elements of a [`Set`], in order.
pub struct Iter<'a, K>(map::Iter<'a, K, ()>);

impl<'a, K: Ord> Iterator for Iter<'a, K> {
    type Item = &'a K;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(element, ())| element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K: Ord> DoubleEndedIterator for Iter<'_, K> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(element, ())| element)
    }
}

impl<K: Ord> ExactSizeIterator for Iter<'_, K> {}

impl<K: Ord> FusedIterator for Iter<'_, K> {}

impl<K: Ord> fmt::Debug for Iter<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

//! [`Queue`], a field that logs by entry. Never here: what a commit is, and jobs.

use std::{collections::VecDeque, fmt, iter::FusedIterator, sync::Arc};

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Shared, encode, key, left_out::LeftOut, record_entries};
use crate::{
    entry::{Edits, FieldChange, StoredAt},
    error::ValueError,
    planted::{Bug, planted},
    schema::{self, ByEntry, Mark},
    value,
    value::Value,
};

/// A double-ended queue for a field of a store: a commit writes the items that it changed.
///
/// It is used as a `VecDeque`, in the closures of writes and on snapshots, but for what goes through all
/// items to change them, and for `queue[i]`: an item in the middle is looked for, by
/// [`get`](Queue::get) and [`get_mut`](Queue::get_mut). A clone costs nothing, and neither does a snapshot. In the
/// file an item stands under the uid `field/number`; numbers rise towards the back, and an item keeps its own.
///
/// A field that was a `VecDeque` or a `Vec` before is taken over.
///
/// ```
/// use worsen::{Queue, Store};
///
/// #[derive(Store)]
/// struct State {
///     mails: Queue<String>,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// store.update_mails(|mails| mails.push_back("hello".into())).wait()?;   // `"set":{"mails/0":"hello"}`
/// let mail = store.update_mails(|mails| mails.pop_front()).wait()?;      // `"del":["mails/0"]`
/// assert_eq!(mail.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
pub struct Queue<T> {
    items: OrdMap<i64, Shared<T>>,
    /// What does not fit. No new item gets the number of one of these.
    left_out: LeftOut<i64>,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        Queue {
            items: OrdMap::new(),
            left_out: LeftOut::NONE,
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All items, from front to back.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self.items.iter())
    }

    /// The item at the front.
    pub fn front(&self) -> Option<&T> {
        self.iter().next()
    }

    /// The item at the back.
    pub fn back(&self) -> Option<&T> {
        self.iter().next_back()
    }

    /// The item with so many in front of it. It is looked for from the front.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.iter().nth(index)
    }

    /// Whether there is an item equal to this one.
    pub fn contains(&self, item: &T) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|other| other == item)
    }
}

impl<T: Clone> Queue<T> {
    /// Puts an item at the back.
    pub fn push_back(&mut self, item: T) {
        let number = self.number_behind();
        self.items.insert(number, Shared::new(item));
    }

    /// Puts an item at the front.
    pub fn push_front(&mut self, item: T) {
        let number = self.number_in_front();
        self.items.insert(number, Shared::new(item));
    }

    fn number_behind(&mut self) -> i64 {
        let last = self.items.get_max().map(|(last, _)| last);
        let left_out = self
            .left_out
            .last_key()
            .filter(|_| !planted(Bug::ReuseNumberOfLeftOut));
        match last.max(left_out) {
            None => 0,
            Some(last) => last.checked_add(1).unwrap_or_else(|| {
                self.renumber();
                self.first_free(self.items.len() as i64, |number| number + 1)
            }),
        }
    }

    fn number_in_front(&mut self) -> i64 {
        let first = self.items.get_min().map(|(first, _)| first);
        let left_out = self
            .left_out
            .first_key()
            .filter(|_| !planted(Bug::ReuseNumberOfLeftOut));
        match first.into_iter().chain(left_out).min() {
            None => 0,
            Some(first) => first.checked_sub(1).unwrap_or_else(|| {
                self.renumber();
                self.first_free(-1, |number| number - 1)
            }),
        }
    }

    /// The numbers are used up at one end, which takes a file made to do so.
    fn renumber(&mut self) {
        let items = std::mem::take(&mut self.items);
        let mut number = -1;
        for item in items.values() {
            number = self.first_free(number + 1, |number| number + 1);
            self.items.insert(number, item.clone());
        }
    }

    /// The first number from this one on that no item has, whether it fits or not.
    fn first_free(&self, mut number: i64, next: fn(i64) -> i64) -> i64 {
        while self.items.contains_key(&number) || self.left_out.contains(&number) {
            number = next(number);
        }
        number
    }

    /// Takes the item at the front.
    pub fn pop_front(&mut self) -> Option<T> {
        let number = self.items.get_min()?.0;
        self.items.remove(&number).map(Shared::take)
    }

    /// Takes the item at the back.
    pub fn pop_back(&mut self) -> Option<T> {
        let number = self.items.get_max()?.0;
        self.items.remove(&number).map(Shared::take)
    }

    /// The item at the front, to be changed.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        let number = self.items.get_min()?.0;
        let item = self.items.get_mut(&number)?;
        Some(Arc::make_mut(&mut item.0))
    }

    /// The item at the back, to be changed.
    pub fn back_mut(&mut self) -> Option<&mut T> {
        let number = self.items.get_max()?.0;
        let item = self.items.get_mut(&number)?;
        Some(Arc::make_mut(&mut item.0))
    }

    /// The item with so many in front of it, to be changed. It is looked for from the front.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let number = *self.items.keys().nth(index)?;
        let item = self.items.get_mut(&number)?;
        Some(Arc::make_mut(&mut item.0))
    }

    /// Takes the item with so many in front of it. It is looked for from the front.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        let number = *self.items.keys().nth(index)?;
        self.items.remove(&number).map(Shared::take)
    }

    /// Keeps so many items at the front, and removes the rest.
    pub fn truncate(&mut self, len: usize) {
        while self.len() > len {
            self.pop_back();
        }
    }

    /// Removes every item for which this says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let gone: Vec<i64> = self
            .items
            .iter()
            .filter(|(_, item)| !keep(&item.0))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.items.remove(&number);
        }
    }

    /// Removes all items. The commit names each of them.
    pub fn clear(&mut self) {
        self.items.clear();
        self.left_out.clear();
    }
}

impl<T: Value> ByEntry for Queue<T> {
    const MARK: Mark = Mark::Queue;

    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        let begin = out.entries.len();
        record_entries(
            before.map(|before| &before.items),
            &mut self.items,
            uid,
            stored,
            out,
            |_, item, before| encode(item, before),
        )?;
        let left_out = before.map(|before| &before.left_out);
        self.left_out.record(left_out, uid, begin, out);
        Ok(())
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            FieldChange::SetEntry { key, json } => {
                let item = value::decode(json)?;
                let number = key::from_text(key)?;
                self.left_out.forget(Some(&number), key);
                self.items.insert(number, Shared::new(item));
            }
            FieldChange::RemoveEntry { key } => {
                // A key that is no number belongs to no item: a work queue may have left it.
                let number = key::from_text::<i64>(key).ok();
                self.left_out.forget(number.as_ref(), key);
                if let Some(number) = number {
                    self.items.remove(&number);
                }
            }
            FieldChange::Set(json) if Mark::parse(json) == Some(Self::MARK) => self.clear(),
            // What a plain list left.
            FieldChange::Set(json) => {
                let whole: VecDeque<T> = value::decode(json)?;
                *self = whole.into_iter().collect();
            }
            FieldChange::Unset => {}
        }
        Ok(())
    }

    fn leave_out(&mut self, key: &str, _json: &str) -> bool {
        let number = key::from_text::<i64>(key).ok();
        if let Some(number) = &number {
            self.items.remove(number);
        }
        self.left_out.add(number, key);
        true
    }
}

/// As a `VecDeque`: to print it, or to send it somewhere.
impl<T: Serialize> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// As a `VecDeque`.
impl<'de, T: Value> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        schema::answer::<Self>();
        let items = VecDeque::<T>::deserialize(deserializer)?;
        Ok(items.into_iter().collect())
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue {
            items: self.items.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Equal where the items are: their numbers do not count.
impl<T: PartialEq> PartialEq for Queue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items.ptr_eq(&other.items) || self.len() == other.len() && self.iter().eq(other)
    }
}

impl<T: Eq> Eq for Queue<T> {}

impl<T> FromIterator<T> for Queue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Queue {
            items: (0..).zip(items.into_iter().map(Shared::new)).collect(),
            left_out: LeftOut::NONE,
        }
    }
}

impl<T, const N: usize> From<[T; N]> for Queue<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Clone> Extend<T> for Queue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.push_back(item);
        }
    }
}

impl<T: Clone> IntoIterator for Queue<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        let items = self.items.into_iter().map(|(_, item)| item.take());
        items.collect::<Vec<_>>().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Queue<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The items of a [`Queue`], from front to back.
pub struct Iter<'a, T>(imbl::ordmap::Iter<'a, i64, Shared<T>, imbl::shared_ptr::DefaultSharedPtr>);

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, item)| &*item.0)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(_, item)| &*item.0)
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> FusedIterator for Iter<'_, T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

//! The texts under which the entries of a [`Map`] stand in the file, where these are not what their keys
//! are written as. Never here: which entry changed.
//!
//! Keys that are equal may have different texts: 1.1 and 1.10, one instant in two time zones, 0.0 and
//! -0.0. An entry is found by its key, but removed from the file by its text. So a map knows of each
//! entry under which text it stands: that of its key, or one that it keeps here. Where a file holds several
//! texts of one key, since an older version wrote it, the entry is that of the last text, whatever the
//! order was in which they were read.

use imbl::OrdMap;

use super::{
    super::{
        Shared,
        key::{self, Key},
    },
    Map,
};
use crate::error::ValueError;

/// Texts and what stands under them, by key; sorted by text.
pub(super) type OtherTexts<K, V> = OrdMap<K, Vec<(String, Shared<V>)>>;

impl<K: Key, V> Map<K, V> {
    /// The texts under which the entry of this key stands in the file.
    ///
    /// # Errors
    ///
    /// Where the key has no text; the key of an entry has one.
    pub(super) fn texts(&self, key: &K) -> Result<Vec<String>, ValueError> {
        match self.other_texts.get(key) {
            Some(texts) => Ok(texts.iter().map(|(text, _)| text.clone()).collect()),
            None => Ok(vec![key::write(key)?.text]),
        }
    }

    /// Takes an entry that stands under this text, of which this key was read.
    pub(super) fn put(&mut self, text: &str, key: K, value: Shared<V>) {
        if key::has_one_text::<K>() {
            self.entries.insert(key, value);
            return;
        }
        let mut texts = self.stored(&key);
        match texts.binary_search_by(|(other, _)| (**other).cmp(text)) {
            Ok(place) => texts[place].1 = value,
            Err(place) => texts.insert(place, (text.to_owned(), value)),
        }
        self.show(key, texts);
    }

    /// Nothing stands under this text any more.
    pub(super) fn cut(&mut self, text: &str) {
        // A text that is no key was never an entry: another program put it there, and took it away.
        let Ok(key) = key::from_text::<K>(text) else {
            return;
        };
        if key::has_one_text::<K>() {
            self.entries.remove(&key);
            return;
        }
        let mut texts = self.stored(&key);
        texts.retain(|(other, _)| other != text);
        self.show(key, texts);
    }

    /// There is no entry of this key.
    pub(super) fn forget(&mut self, key: &K) {
        self.entries.remove(key);
        self.other_texts.remove(key);
    }

    /// What stands in the file of this key.
    fn stored(&self, key: &K) -> Vec<(String, Shared<V>)> {
        if let Some(texts) = self.other_texts.get(key) {
            return texts.clone();
        }
        let entry = self.entries.get_key_value(key);
        let stored =
            entry.and_then(|(key, value)| Some((key::write(key).ok()?.text, value.clone())));
        stored.into_iter().collect()
    }

    /// This is what stands in the file of this key.
    fn show(&mut self, key: K, texts: Vec<(String, Shared<V>)>) {
        self.forget(&key);
        let Some((text, value)) = texts.last() else {
            return;
        };
        // Each text of one key reads as a key of its own, equal to the others.
        let key = key::from_text(text).unwrap_or(key);
        let own = key::write(&key).is_ok_and(|written| written.text == *text);
        self.entries.insert(key.clone(), value.clone());
        if texts.len() > 1 || !own {
            self.other_texts.insert(key, texts);
        }
    }
}

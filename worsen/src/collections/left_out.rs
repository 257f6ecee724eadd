//! [`LeftOut`]: the entries of a collection that stand in the file and are not seen, since they do not fit its types.
//! Never here: what does not fit, and who is told of it.
//!
//! They are a part of the collection's value, as its entries are: a copy has them, and an empty collection in the
//! place of this one has not. So a commit finds out by comparing which of them go.

use std::{borrow::Borrow, collections::HashSet, fmt, sync::Arc};

use imbl::{OrdMap, OrdSet};

use crate::{entry::Edits, shared_str::SharedStr};

/// The texts of the keys of entries that are left out. Nearly always there are none.
pub(super) struct LeftOut<K>(Option<Arc<Texts<K>>>);

struct Texts<K> {
    /// By the key, where the text is one. Equal keys may have several.
    of_keys: OrdMap<K, OrdSet<SharedStr>>,
    of_none: OrdSet<SharedStr>,
}

impl<K> LeftOut<K> {
    pub(super) const NONE: LeftOut<K> = LeftOut(None);

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

impl<K: Ord + Clone> LeftOut<K> {
    /// An entry is left out, of this key if the text is one.
    pub(super) fn add(&mut self, key: Option<K>, text: &str) {
        let texts = Arc::make_mut(self.0.get_or_insert_with(Arc::default));
        match key {
            Some(key) => texts.of_keys.entry(key).or_default().insert(text.into()),
            None => texts.of_none.insert(text.into()),
        };
    }

    /// The entry of this text is not left out any more. `key` is what the text reads as, if it is a key.
    pub(super) fn forget(&mut self, key: Option<&K>, text: &str) {
        let Some(texts) = &mut self.0 else { return };
        let texts = Arc::make_mut(texts);
        let Some(key) = key else {
            texts.of_none.remove(text);
            return self.settle();
        };
        if let Some(of_key) = texts.of_keys.get_mut(key) {
            of_key.remove(text);
            if of_key.is_empty() {
                texts.of_keys.remove(key);
            }
        }
        self.settle();
    }

    /// The entries of this key are not to stay.
    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let Some(texts) = &mut self.0 else {
            return false;
        };
        let is_there = texts.of_keys.contains_key(key);
        if is_there {
            Arc::make_mut(texts).of_keys.remove(key);
            self.settle();
        }
        is_there
    }

    fn settle(&mut self) {
        let is_empty = |texts: &Arc<Texts<K>>| texts.of_keys.is_empty() && texts.of_none.is_empty();
        if self.0.as_ref().is_some_and(is_empty) {
            self.0 = None;
        }
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        (self.0.as_ref()).is_some_and(|texts| texts.of_keys.contains_key(key))
    }

    pub(super) fn first_key(&self) -> Option<&K> {
        let (key, _) = self.0.as_ref()?.of_keys.get_min()?;
        Some(key)
    }

    pub(super) fn last_key(&self) -> Option<&K> {
        let (key, _) = self.0.as_ref()?.of_keys.get_max()?;
        Some(key)
    }

    fn texts(&self) -> impl Iterator<Item = (Option<&K>, &SharedStr)> {
        self.0.iter().flat_map(|texts| {
            let of_keys = texts.of_keys.iter();
            let of_keys =
                of_keys.flat_map(|(key, texts)| texts.iter().map(move |text| (Some(key), text)));
            of_keys.chain(texts.of_none.iter().map(|text| (None, text)))
        })
    }

    /// Deletes those that were left out before and are not to stay, unless an edit from `begin` on sets another
    /// value there. What is left out then is what was before, and is still to be.
    pub(super) fn record(
        &mut self,
        before: Option<&Self>,
        uid: &str,
        begin: usize,
        out: &mut Edits,
    ) {
        let Some(before) = before else {
            // All that the field has is written anew, and nothing else stays.
            return self.clear();
        };
        let is_same = match (&self.0, &before.0) {
            (None, None) => true,
            (Some(texts), Some(before)) => Arc::ptr_eq(texts, before),
            _ => false,
        };
        if is_same {
            return;
        }
        let stay: HashSet<&SharedStr> = self.texts().map(|(_, text)| text).collect();
        let written: HashSet<SharedStr> = (out.entries[begin..].iter())
            .map(|edit| edit.uid.clone())
            .collect();
        let mut left = before.clone();
        for (key, text) in before.texts() {
            let at = SharedStr::from(format!("{uid}/{text}"));
            let is_written = written.contains(&at);
            if is_written || !stay.contains(text) {
                left.forget(key, text);
            }
            if !is_written && !stay.contains(text) {
                out.delete(at);
            }
        }
        *self = left;
    }
}

impl<K> Default for Texts<K> {
    fn default() -> Self {
        Texts {
            of_keys: OrdMap::new(),
            of_none: OrdSet::new(),
        }
    }
}

impl<K> Clone for Texts<K> {
    fn clone(&self) -> Self {
        Texts {
            of_keys: self.of_keys.clone(),
            of_none: self.of_none.clone(),
        }
    }
}

impl<K> Clone for LeftOut<K> {
    fn clone(&self) -> Self {
        LeftOut(self.0.clone())
    }
}

impl<K> fmt::Debug for LeftOut<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftOut").finish_non_exhaustive()
    }
}

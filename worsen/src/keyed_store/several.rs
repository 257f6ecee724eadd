//! Several uids of a [`PersistentStore`] in one commit. Never here: how one uid is set.

use std::{cell::OnceCell, collections::BTreeMap, fmt};

use super::{model::KeyedModel, store::PersistentStore};
use crate::{
    commit::Commit, engine::Scope, error::Error, shared_str::SharedStr, uid::is_own, value::Value,
};

impl<T: Value> PersistentStore<T> {
    /// Reads and changes any number of uids in one commit: all of it becomes visible and durable, or
    /// nothing, and nobody, in any process, writes in between.
    ///
    /// The closure sees the newest values of all processes in its argument. It should be short: every other
    /// writer waits for it.
    ///
    /// ```
    /// # use worsen::PersistentStore;
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = PersistentStore::<u64>::builder("accounts").in_memory().open()?;
    /// store.write("ada", 100).wait()?;
    /// let paid = store.update_all(|accounts| {
    ///     let balance = accounts.get("ada").unwrap_or(0);
    ///     if balance < 30 {
    ///         return false;
    ///     }
    ///     accounts.set("ada", balance - 30);
    ///     let before = accounts.get("alan").unwrap_or(0);
    ///     accounts.set("alan", before + 30);
    ///     true
    /// }).wait()?;
    /// assert!(paid);
    /// assert_eq!((store.read("ada"), store.read("alan")), (Some(70), Some(30)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_all<R: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Draft<'_, T>) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let mut draft = Draft {
                values: &mut DraftOf {
                    model,
                    scope,
                    touched: BTreeMap::new(),
                },
                refused: OnceCell::new(),
            };
            let result = change(&mut draft);
            match draft.refused.into_inner() {
                None => Ok(result),
                Some(error) => Err(error),
            }
        })
    }

    /// Removes every value, in one commit.
    pub fn clear(&self) -> Commit<()> {
        self.update_all(|draft| draft.clear())
    }
}

/// The values of a [`PersistentStore`] within [`update_all`](PersistentStore::update_all): the newest of all
/// processes, and what the closure has changed of them.
///
/// Where a uid or a value is refused, or a stored value does not decode, the commit fails with that error
/// when the closure has returned, and nothing is written.
pub struct Draft<'a, T: Value> {
    values: &'a mut dyn Values<T>,
    /// The first error.
    refused: OnceCell<Error>,
}

/// What a draft reads and changes. It hides the model, which no public type may name.
trait Values<T> {
    fn get(&self, uid: &str) -> Result<Option<T>, Error>;
    fn set(&mut self, uid: &str, value: Option<T>) -> Result<(), Error>;
    fn uids(&self) -> Vec<SharedStr>;
}

struct DraftOf<'a, 's, T: Value> {
    model: &'a mut KeyedModel<T>,
    scope: &'a mut Scope<'s>,
    /// The uids that the closure has set, and whether there is a value now.
    touched: BTreeMap<SharedStr, bool>,
}

impl<T: Value> Values<T> for DraftOf<'_, '_, T> {
    fn get(&self, uid: &str) -> Result<Option<T>, Error> {
        self.model.get(uid)
    }

    fn set(&mut self, uid: &str, value: Option<T>) -> Result<(), Error> {
        let is_there = value.is_some();
        self.model.set(uid, value, self.scope)?;
        self.touched.insert(SharedStr::from(uid), is_there);
        Ok(())
    }

    fn uids(&self) -> Vec<SharedStr> {
        let stored = self.scope.entries.keys();
        let stored = stored.filter(|uid| !is_own(uid) && !self.touched.contains_key(*uid));
        let set = self.touched.iter().filter(|(_, is_there)| **is_there);
        stored.chain(set.map(|(uid, _)| uid)).cloned().collect()
    }
}

impl<T: Value> Draft<'_, T> {
    /// The value at this uid.
    pub fn get(&self, uid: &str) -> Option<T> {
        let value = self.values.get(uid);
        self.unless_refused(value).flatten()
    }

    /// Sets the value at this uid, under the rules of [`write`](PersistentStore::write).
    pub fn set(&mut self, uid: impl AsRef<str>, value: T) {
        let outcome = self.values.set(uid.as_ref(), Some(value));
        self.unless_refused(outcome);
    }

    /// Removes the value at this uid, and returns it.
    pub fn remove(&mut self, uid: &str) -> Option<T> {
        let before = self.get(uid)?;
        let outcome = self.values.set(uid, None);
        self.unless_refused(outcome);
        Some(before)
    }

    /// Removes every value.
    pub fn clear(&mut self) {
        for uid in self.values.uids() {
            let outcome = self.values.set(&uid, None);
            self.unless_refused(outcome);
        }
    }

    /// Every uid that has a value, in no particular order.
    pub fn keys(&self) -> Vec<String> {
        let uids = self.values.uids();
        uids.iter().map(ToString::to_string).collect()
    }

    fn unless_refused<R>(&self, outcome: Result<R, Error>) -> Option<R> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.refused.get_or_init(|| error);
                None
            }
        }
    }
}

impl<T: Value> fmt::Debug for Draft<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("keys", &self.keys()).finish()
    }
}

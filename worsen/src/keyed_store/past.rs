//! The past of a [`PersistentStore`]: looking at it, and going back to it. Never here: where it is kept.

use std::collections::HashMap;

use super::store::PersistentStore;
use crate::{
    backend::Upkeep,
    commit::Commit,
    engine::undo,
    error::Error,
    history::History,
    options::At,
    schema::Outline,
    transfer::restore,
    value::{self, Value},
};

impl<T: Value> PersistentStore<T> {
    /// What the store has kept of its past: commit by commit, or the values that one uid has had. How much that is, the
    /// option [`history`](crate::Builder::history) says.
    pub fn history(&self) -> History {
        self.store().history()
    }

    /// Everything as it was: at a revision, or at a time. It is read from the files, without a lock.
    ///
    /// ```
    /// # use worsen::PersistentStore;
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = PersistentStore::<u64>::builder("visits").in_memory().open()?;
    /// store.write("front page", 1).wait()?;
    /// store.write("front page", 2).wait()?;
    /// assert_eq!(store.at(1)?.get("front page"), Some(&1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::at`](crate::Handle::at).
    pub fn at(&self, moment: impl Into<At>) -> Result<HashMap<String, T>, Error> {
        self.store().refresh();
        let engine = self.store().engine();
        let (entries, _) = engine.state_at(moment.into())?;
        let mut all = HashMap::with_capacity(entries.len());
        for (uid, json) in &*Outline::of_any_uids().as_read(&entries) {
            let value = value::decode(json).map_err(|error| engine.in_store(error.at(uid)))?;
            all.insert(uid.to_string(), value);
        }
        Ok(all)
    }

    /// Makes everything what it was at a revision or at a time, in one commit with a revision of its own. See
    /// [`Handle::revert_to`](crate::Handle::revert_to).
    ///
    /// ```
    /// # use worsen::PersistentStore;
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = PersistentStore::<u64>::builder("visits").in_memory().open()?;
    /// store.write("front page", 1).wait()?;
    /// store.clear().wait()?;
    /// store.revert_to(1).wait()?;
    /// assert_eq!(store.read("front page"), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`at`](PersistentStore::at), and as any write. Nothing is written then.
    pub fn revert_to(&self, moment: impl Into<At>) -> Commit<()> {
        self.store().refresh();
        let (engine, moment) = (self.store().engine().clone(), moment.into());
        self.commit(move |model, scope| {
            let (target, _) = engine.state_at(moment)?;
            restore::take(model, scope, (&target, "the state of then"), |_| true)
        })
    }

    /// Takes back the last commit that this process made. See [`Handle::undo`](crate::Handle::undo).
    ///
    /// ```
    /// # use worsen::PersistentStore;
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = PersistentStore::<u64>::builder("visits").in_memory().open()?;
    /// store.write("front page", 1).wait()?;
    /// store.undo().wait()?;
    /// assert_eq!(store.read("front page"), None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::undo`](crate::Handle::undo).
    pub fn undo(&self) -> Commit<()> {
        let engine = self.store().engine().clone();
        self.commit(move |model, scope| {
            let target = undo(&engine, scope)?;
            restore::take(model, scope, (&target, "the state before it"), |_| true)
        })
    }

    /// Writes the log anew now. See [`Handle::compact_now`](crate::Handle::compact_now).
    ///
    /// # Errors
    ///
    /// As any write. The log is as it was then.
    pub fn compact_now(&self) -> Commit<()> {
        self.store().upkeep(Upkeep::Compact)
    }

    /// Removes from the files what was overwritten or removed. See
    /// [`Handle::purge_history`](crate::Handle::purge_history).
    ///
    /// # Errors
    ///
    /// As [`Handle::purge_history`](crate::Handle::purge_history).
    pub fn purge_history(&self) -> Commit<()> {
        self.store().upkeep(Upkeep::Purge)
    }
}

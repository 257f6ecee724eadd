//! [`PersistentStore`]: values of one type under uids chosen at run time, by the names and the meaning
//! of the original worsen. The engine is the same as for structs.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use crate::{
    backend::Entries,
    changes::Changes,
    commit::Commit,
    engine::{EngineHandle, Model, Scope, Transaction, Unseen},
    entry::{Edit, Stored},
    error::{Error, ErrorKind, ValueError},
    health::Condition,
    loom,
    repair::Recovery,
    shared_str::SharedStr,
    uid::check_uid,
    value::{self, Value},
    watch::Watch,
};

mod published;
mod several;

pub(crate) use self::published::Published;
use self::published::{Found, KeyedReadModel, PUT_ASIDE, Stamped};
pub use self::several::Draft;

/// Values of one type under uids: read at once, written durably, shared by processes.
///
/// Clones are cheap and share the store; the last one closes it.
///
/// Opening finds out whether every value fits the type. A value is decoded for good when it is first read,
/// which takes longer than the next time; until then the log stands for it, as it was read into memory at
/// opening, and that stays there as long as the store is open.
///
/// ```
/// use std::{collections::HashMap, time::Duration};
/// use worsen::{Options, PersistentStore};
///
/// # fn main() -> Result<(), worsen::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let db_dir = folder.path().to_owned();
/// let options = Options { is_debug: false, db_dir };
/// let store = PersistentStore::<bool>::new("persistent-store-test", options)?;
/// store.init(Duration::from_secs(5), [("AppInit", true)])?;
/// assert_eq!(store.read("AppInit"), Some(true));
/// store.write("AppErrors", false).wait()?;
/// let all: HashMap<String, bool> = store.get_hashmap_state();
/// assert_eq!(all.len(), 2);
/// # Ok(())
/// # }
/// ```
pub struct PersistentStore<T: Value> {
    inner: Arc<Inner<T>>,
}

pub(crate) struct Inner<T: Value> {
    pub(crate) map: Arc<Published<T>>,
    pub(crate) handle: loom::Arc<EngineHandle>,
}

impl<T: Value> Inner<T> {
    /// What readers see. Where a value does not decode any more, who updates it gets the error.
    #[inline]
    fn shown<R>(&self, uid: &str, outcome: Result<R, ValueError>) -> Option<R> {
        let warn = |error: ValueError| {
            let engine = &self.handle.engine;
            let error = engine.in_store(error.at(uid));
            engine
                .debug
                .warn(format_args!("a value is not shown: {error}"));
        };
        outcome.map_err(warn).ok()
    }
}

impl<T: Value> PersistentStore<T> {
    pub(crate) fn of(inner: Arc<Inner<T>>) -> Self {
        PersistentStore { inner }
    }

    /// Says how often to look for other processes' commits where shared memory does not tell of them,
    /// and fills the store with these seeds if it is empty. Blocks until they are durable.
    ///
    /// # Errors
    ///
    /// As any write; [`ErrorKind::InvalidOption`] for an interval of zero.
    pub fn init<U: Into<String>>(
        &self,
        polling_interval: Duration,
        seeds: impl IntoIterator<Item = (U, T)>,
    ) -> Result<(), Error> {
        if polling_interval.is_zero() {
            return Err(self.inner.handle.engine.in_store(
                Error::new(
                    ErrorKind::InvalidOption,
                    "a polling interval of zero would never stop looking",
                )
                .help("give it some milliseconds"),
            ));
        }
        self.inner.handle.engine.set_poll(polling_interval)?;
        let seeds: Vec<(String, T)> = seeds
            .into_iter()
            .map(|(uid, value)| (uid.into(), value))
            .collect();
        self.commit(move |model, scope| {
            if scope.entries.is_empty() {
                for (uid, value) in seeds {
                    model.set(&uid, Some(value), scope)?;
                }
            }
            Ok(())
        })
        .wait()
    }

    /// The value at this uid, at once: a read waits for no write, be it of its own process.
    ///
    /// Commits are seen whole and in order. Whoever has read something of one, or seen its
    /// [revision](PersistentStore::revision), reads the rest of it, and all that was committed before.
    pub fn read(&self, uid: &str) -> Option<T> {
        self.refresh();
        self.inner.shown(uid, self.inner.map.value(uid)).flatten()
    }

    /// Sets the value at this uid.
    ///
    /// A uid is not empty, has no control characters, and 4,096 bytes at most. Where the value is there
    /// already, nothing is committed.
    pub fn write(&self, uid: impl Into<String>, value: T) -> Commit<()> {
        let uid = uid.into();
        self.commit(move |model, scope| model.set(&uid, Some(value), scope))
    }

    /// Removes the value at this uid; resolves to what was there.
    pub fn remove(&self, uid: impl Into<String>) -> Commit<Option<T>> {
        let uid = uid.into();
        self.commit(move |model, scope| {
            let before = model.get(&uid)?;
            if before.is_some() {
                model.set(&uid, None, scope)?;
            }
            Ok(before)
        })
    }

    /// Reads, changes and writes the value at this uid in one commit: nobody, in any process, writes
    /// in between. `None` stands for no value, before and after. For several uids in one commit there is
    /// [`update_all`](PersistentStore::update_all).
    ///
    /// Within it, [`read`](PersistentStore::read) tells what is acknowledged by then. The value of another
    /// uid may be another one by the time of the commit.
    ///
    /// ```
    /// # use worsen::{Options, PersistentStore};
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let options = Options { db_dir: folder.path().to_owned(), ..Options::default() };
    /// let store = PersistentStore::<u64>::new("visits", options)?;
    /// let visits = store.update("front page", |visits| *visits.insert(visits.unwrap_or(0) + 1)).wait()?;
    /// assert_eq!(visits, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<R: Send + 'static>(
        &self,
        uid: impl Into<String>,
        change: impl FnOnce(&mut Option<T>) -> R + Send + 'static,
    ) -> Commit<R> {
        let uid = uid.into();
        self.commit(move |model, scope| {
            let mut value = model.get(&uid)?;
            let was_there = value.is_some();
            let result = change(&mut value);
            if was_there || value.is_some() {
                model.set(&uid, value, scope)?;
            }
            Ok(result)
        })
    }

    /// A copy of everything, of one revision.
    pub fn get_hashmap_state(&self) -> HashMap<String, T> {
        self.iter().collect()
    }

    /// A copy of everything, of one revision, in no particular order.
    pub fn iter(&self) -> std::vec::IntoIter<(String, T)> {
        let map = &self.inner.map;
        let values = map.pin();
        // Decoding and cloning is the type's own code: it may take its time, and look at the store itself.
        // So it runs when nothing is locked any more; what was found stays as it is.
        let all = self.whole(|map| map.all(&values));
        let value = |(uid, found): (&SharedStr, Found<'_, T>)| {
            let value = match found {
                Found::Value(value) => value.clone(),
                Found::Json(json) => {
                    let value = self.inner.shown(uid, value::decode::<T>(json))?;
                    map.keep(uid, value.clone());
                    value
                }
            };
            Some((uid.to_string(), value))
        };
        let all: Vec<_> = all.into_iter().filter_map(value).collect();
        all.into_iter()
    }

    /// Every uid, of one revision, in no particular order.
    pub fn keys(&self) -> Vec<String> {
        let values = self.inner.map.pin();
        let all = self.whole(|map| map.all(&values));
        all.into_iter().map(|(uid, _)| uid.to_string()).collect()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.refresh();
        self.inner.map.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells every commit after this revision, in order and none skipped. See [`Changes`].
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn changes(&self, after: u64) -> Result<Changes, Error> {
        Changes::new(self.inner.handle.clone(), after)
    }

    /// Tells of every new revision, by whichever process; yields its number. See [`Watch`].
    pub fn watch(&self) -> Watch<Self, u64> {
        let inner = self.inner.clone();
        Watch::new(self.inner.handle.clone(), move |seen| {
            let revision = inner.map.revision();
            (Some(revision) != seen).then_some((revision, revision))
        })
    }

    /// Tells of every change at this uid; yields the value, `None` once it is removed. See [`Watch`].
    pub fn watch_uid(&self, uid: impl Into<String>) -> Watch<Self, Option<T>> {
        let inner = self.inner.clone();
        let uid = uid.into();
        Watch::new(self.inner.handle.clone(), move |seen| {
            let look = |stamped: Option<&Stamped<T>>| {
                // What is gone is taken out of the map some time.
                let value = stamped.filter(|stamped| stamped.value.is_some());
                let since = value.map_or(0, |stamped| stamped.since);
                if since == PUT_ASIDE && seen.is_some() {
                    // It was told already, and what comes next is about to be.
                    return None;
                }
                let value = || value.and_then(|stamped| stamped.value.clone());
                (Some(since) != seen).then(|| (since, value()))
            };
            inner.shown(&uid, inner.map.get(&uid, look)).flatten()
        })
    }

    /// Resolves when everything that was written before it, by this process, is durable.
    ///
    /// # Errors
    ///
    /// Also where a write failed that nobody waited for, since the last call that told of one: it was
    /// [detached](Commit::detach), or dropped after its first poll, by whichever clone of this handle. The
    /// error is that of the first of them, and says how many there were.
    pub fn sync(&self) -> Commit<()> {
        Commit::sync(self.inner.handle.clone())
    }

    /// The newest revision: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.refresh();
        self.inner.map.revision()
    }

    /// The name of the store.
    pub fn store_name(&self) -> &str {
        self.inner.handle.engine.name()
    }

    /// The log file.
    pub fn path(&self) -> Option<&Path> {
        self.inner.handle.engine.path()
    }

    /// What is wrong with the store now, the worst first; empty when all is well. A service can report it
    /// as its own health: reads never fail, so a state that stays behind is told here.
    ///
    /// ```
    /// # use worsen::{Options, PersistentStore};
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let options = Options { db_dir: folder.path().to_owned(), ..Options::default() };
    /// let store = PersistentStore::<u64>::new("visits", options)?;
    /// for condition in store.health() {
    ///     eprintln!("{condition}");   // what it is, and what to do
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(&self) -> Vec<Condition> {
        // Also where nobody tells of anything: somebody may have done something to the files.
        self.inner.handle.engine.refresh();
        self.inner.handle.engine.health()
    }

    /// Whether the store was empty when this process opened it.
    pub fn was_created(&self) -> bool {
        self.inner.handle.engine.was_created()
    }

    /// What opening the store had to put right.
    pub fn recovered(&self) -> &Recovery {
        self.inner.handle.engine.recovery()
    }

    #[inline]
    fn refresh(&self) {
        let engine = &self.inner.handle.engine;
        if engine.is_behind(self.inner.map.revision()) {
            engine.refresh();
        }
    }

    fn whole<'a, R>(&'a self, look: impl FnOnce(&'a Published<T>) -> R) -> R {
        self.refresh();
        self.inner.map.whole(look)
    }

    fn commit<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut KeyedModel<T>, &mut Scope<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        Commit::new(self.inner.handle.clone(), move |transaction| {
            let Transaction { model, scope } = transaction;
            match model.as_any().downcast_mut::<KeyedModel<T>>() {
                Some(model) => operation(model, scope),
                // An engine is opened with the model of its own handle.
                None => Err(Error::new(
                    ErrorKind::InvalidOption,
                    "this handle does not belong to this store",
                )),
            }
        })
    }
}

impl<T: Value> Clone for PersistentStore<T> {
    fn clone(&self) -> Self {
        PersistentStore {
            inner: self.inner.clone(),
        }
    }
}

impl<T: Value> fmt::Debug for PersistentStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistentStore")
            .field("name", &self.store_name())
            .field("path", &self.path())
            .field("revision", &self.inner.handle.engine.revision())
            .finish_non_exhaustive()
    }
}

impl<T: Value> IntoIterator for &PersistentStore<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The values, and what operations changed of them since readers were last told.
pub(crate) struct KeyedModel<T: Value> {
    map: Arc<Published<T>>,
    draft: HashMap<SharedStr, Option<T>>,
    /// The uids touched since the last `accept`.
    open: Vec<SharedStr>,
}

impl<T: Value> KeyedModel<T> {
    /// The model of a store without values, and what its readers see.
    pub(crate) fn new() -> (Self, KeyedReadModel<T>, Arc<Published<T>>) {
        let map = Arc::new(Published::new());
        let model = KeyedModel {
            map: map.clone(),
            draft: HashMap::new(),
            open: Vec::new(),
        };
        (model, KeyedReadModel::new(map.clone()), map)
    }

    fn get(&self, uid: &str) -> Result<Option<T>, Error> {
        match self.draft.get(uid) {
            Some(value) => Ok(value.clone()),
            None => self.map.value(uid).map_err(|error| error.at(uid)),
        }
    }

    fn set(&mut self, uid: &str, value: Option<T>, scope: &mut Scope<'_>) -> Result<(), Error> {
        check_uid(uid)?;
        let text = SharedStr::from(uid);
        let value = match value {
            Some(value) => {
                let json = scope.entries.get(uid).cloned();
                let stored = json.map(|json| Stored {
                    json,
                    is_own: false,
                });
                let encoded = value::encode(&value, stored.as_ref());
                let encoded = encoded.map_err(|error| error.at(uid))?;
                scope.changes.set(&text, encoded.json);
                Some(encoded.copy.unwrap_or(value))
            }
            None => {
                scope.changes.delete(&text);
                None
            }
        };
        self.put(text, value);
        Ok(())
    }

    fn put(&mut self, uid: SharedStr, value: Option<T>) {
        self.open.push(uid.clone());
        self.draft.insert(uid, value);
    }
}

impl<T: Value> Model for KeyedModel<T> {
    fn adopt(&mut self, entries: &Entries, revision: u64) -> Vec<(SharedStr, ValueError)> {
        let mut misfits = Vec::new();
        for (uid, json) in entries {
            if let Err(error) = value::decode::<T>(json) {
                misfits.push((uid.clone(), error));
            }
        }
        // Nobody can read yet, so this needs no draft.
        self.map.load(entries.sorted(), entries.len(), revision);
        misfits
    }

    fn follow(&mut self) {
        self.draft.clear();
        self.draft.shrink_to(MANY);
        self.open.clear();
    }

    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let value = json.as_deref().map(value::decode).transpose()?;
        self.put(uid.clone(), value);
        Ok(())
    }

    fn accept(&mut self) {
        self.open.clear();
        self.open.shrink_to(MANY);
    }

    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError> {
        let undone: HashSet<SharedStr> = if all {
            self.draft.drain().map(|(uid, _)| uid).collect()
        } else {
            self.open.drain(..).collect()
        };
        for uid in &undone {
            self.draft.remove(uid);
        }
        for edit in since {
            if undone.contains(&edit.uid) {
                self.apply(edit)?;
            }
        }
        self.open.clear();
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        !self.draft.is_empty()
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.map.publish(self.draft.drain(), revision, unseen);
        // To empty a map costs its capacity: every later commit would pay for a large one.
        self.draft.shrink_to(MANY);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What room for so many costs is not worth giving back.
const MANY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// A draft that was large once made every later commit cost as much as that one.
    #[test]
    fn a_large_commit_does_not_make_the_next_ones_dear() {
        let (mut model, ..) = KeyedModel::<u32>::new();
        for number in 0..10_000 {
            model.put(number.to_string().into(), Some(number));
        }
        model.accept();
        let uids = (0..10_000).map(|number| number.to_string().into());
        model.publish(1, uids.map(|uid| (uid, None)).collect());
        assert_eq!(model.map.len(), 10_000);
        assert!(model.draft.capacity() < 1_000);
        assert!(model.open.capacity() < 1_000);
    }
}

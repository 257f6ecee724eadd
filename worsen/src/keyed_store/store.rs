//! [`PersistentStore`]: values of one type under uids chosen at run time, by the names and the meaning of the
//! original worsen. Never here: how its values are kept, and what an operation works on.

use std::{collections::HashMap, fmt, path::Path, sync::Arc, time::Duration};

use super::{
    model::KeyedModel,
    published::{Found, PUT_ASIDE, Published, Stamped},
};
use crate::{
    changes::Changes,
    commit::Commit,
    engine::{Engine, Scope},
    error::{self, Error, ValueError},
    health::Condition,
    open_store::{OpenStore, ReadSide},
    repair::Recovery,
    schema::is_new,
    shared_str::SharedStr,
    value::{self, Value},
    watch::Watch,
};

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
    inner: Arc<OpenStore<Published<T>>>,
}

/// What readers see. Where a value does not decode any more, they see none; an update of it gets the error.
#[inline]
fn shown<R>(engine: &Engine, uid: &str, outcome: Result<R, ValueError>) -> Option<R> {
    match outcome {
        Ok(shown) => Some(shown),
        Err(error) => {
            warn(engine, uid, error);
            None
        }
    }
}

/// Apart, so that a read carries none of it along.
#[cold]
#[inline(never)]
fn warn(engine: &Engine, uid: &str, error: ValueError) {
    let error = engine.in_store(error.at(uid));
    engine
        .debug
        .warn(format_args!("a value is not shown: {error:#}"));
}

impl<T: Value> PersistentStore<T> {
    pub(super) fn store(&self) -> &OpenStore<Published<T>> {
        &self.inner
    }

    pub(crate) fn of(inner: Arc<OpenStore<Published<T>>>) -> Self {
        PersistentStore { inner }
    }

    /// Says how often to look for other processes' commits where shared memory does not tell of them,
    /// and fills the store with these seeds if it is empty. Blocks until they are durable.
    ///
    /// # Errors
    ///
    /// As any write; [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) for an interval of zero.
    pub fn init<U: Into<String>>(
        &self,
        polling_interval: Duration,
        seeds: impl IntoIterator<Item = (U, T)>,
    ) -> Result<(), Error> {
        if polling_interval.is_zero() {
            return Err(self
                .inner
                .engine()
                .in_store(error::open::poll_of_zero("give it some milliseconds")));
        }
        self.inner.engine().set_poll(polling_interval)?;
        let seeds: Vec<(String, T)> = seeds
            .into_iter()
            .map(|(uid, value)| (uid.into(), value))
            .collect();
        self.commit(move |model, scope| {
            if is_new(scope.entries) {
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
    /// Commits are seen whole and in order. A thread that has read something of one, or seen its
    /// [revision](PersistentStore::revision), reads the rest of it, and all that was committed before.
    pub fn read(&self, uid: &str) -> Option<T> {
        self.inner.refresh();
        shown(self.inner.engine(), uid, self.inner.view.value(uid)).flatten()
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
        let map = &self.inner.view;
        let values = map.pin();
        // Decoding and cloning is the type's own code: it may take its time, and look at the store itself.
        // So it runs when nothing is locked any more; what was found stays as it is.
        let all = self.whole(|map| map.all(&values));
        let value = |(uid, found): (&SharedStr, Found<'_, T>)| {
            let value = match found {
                Found::Value(value) => value.clone(),
                Found::Json(json) => {
                    let value = shown(self.inner.engine(), uid, value::decode::<T>(json))?;
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
        let values = self.inner.view.pin();
        let all = self.whole(|map| map.all(&values));
        all.into_iter().map(|(uid, _)| uid.to_string()).collect()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.inner.refresh();
        self.inner.view.len()
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
        self.inner.changes(after)
    }

    /// Tells of every new revision, by whichever process; yields its number. See [`Watch`].
    pub fn watch(&self) -> Watch<Self, u64> {
        self.inner.watch(|view, seen| {
            let revision = view.revision();
            (Some(revision) != seen).then_some((revision, revision))
        })
    }

    /// Tells of every change at this uid; yields the value, `None` once it is removed. See [`Watch`].
    pub fn watch_uid(&self, uid: impl Into<String>) -> Watch<Self, Option<T>> {
        let uid = uid.into();
        let engine = self.inner.engine().clone();
        self.inner.watch(move |view, seen| {
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
            shown(&engine, &uid, view.get(&uid, look)).flatten()
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
        self.inner.sync()
    }

    /// The newest revision: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.inner.revision()
    }

    /// The name of the store.
    pub fn store_name(&self) -> &str {
        self.inner.engine().name()
    }

    /// The log file.
    pub fn path(&self) -> Option<&Path> {
        self.inner.engine().path()
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
        self.inner.health()
    }

    /// Whether the store was empty when this process opened it.
    pub fn was_created(&self) -> bool {
        self.inner.engine().was_created()
    }

    /// What opening the store had to put right.
    pub fn recovered(&self) -> &Recovery {
        self.inner.engine().recovery()
    }

    fn whole<'a, R>(&'a self, look: impl FnOnce(&'a Published<T>) -> R) -> R {
        self.inner.refresh();
        self.inner.view.whole(look)
    }

    pub(super) fn commit<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut KeyedModel<T>, &mut Scope<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        self.inner.commit(operation)
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
        self.inner
            .describe(&mut f.debug_struct("PersistentStore"))
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

//! [`Handle`]: what callers do with an open store of one struct. Never here: what an operation works on, and how
//! its outcome becomes durable.

use std::{fmt, path::Path, sync::Arc};

use super::{model::StructModel, published::Published, snapshot::Snapshot};
use crate::{
    changes::Changes,
    commit::Commit,
    engine::{Engine, Scope},
    error::{self, Error},
    health::Condition,
    on_change::OnChange,
    open_store::OpenStore,
    repair::Recovery,
    schema::Schema,
    watch::Watch,
};

/// A handle to an open store. Clones are cheap and share it; the last one closes it.
///
/// The derive makes a handle with accessors for each struct, `AppStateStore` for `AppState`, which
/// derefs to this one.
pub struct Handle<S: Schema> {
    inner: Arc<OpenStore<Published<S>>>,
}

impl<S: Schema> Handle<S> {
    pub(crate) fn new(inner: Arc<OpenStore<Published<S>>>) -> Self {
        Handle { inner }
    }

    #[inline]
    pub(crate) fn read<T>(&self, field: impl FnOnce(&S) -> T) -> T {
        let newest = self.inner.view.readers().load();
        let engine = self.inner.engine();
        if engine.is_behind(newest.revision) {
            drop(newest);
            engine.refresh();
            return field(&self.inner.view.readers().load().state);
        }
        field(&newest.state)
    }

    /// As `read`, for a thread that waits already: another one looks for what is newer, so this waits for nothing.
    pub(crate) fn peek<T>(&self, field: impl FnOnce(&S) -> T) -> T {
        field(&self.inner.view.readers().load().state)
    }

    pub(crate) fn update_field<R: Send + 'static>(
        &self,
        index: usize,
        change: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let result = change(model.open_for(index));
            model.record_one(index, scope)?;
            Ok(result)
        })
    }

    /// As [`update_field`](Handle::update_field), where the field is set whatever was stored.
    pub(crate) fn set_field(
        &self,
        index: usize,
        set: impl FnOnce(&mut S) + Send + 'static,
    ) -> Commit<()> {
        self.commit(move |model, scope| {
            model.set = Some(index);
            set(model.open_for(index));
            model.record_one(index, scope)
        })
    }

    /// The place of a stored field, which this finds in the state.
    pub(crate) fn index_of<F: 'static>(&self, field: fn(&S) -> &F) -> Option<usize> {
        let newest = self.inner.view.readers().load();
        let wanted = field(&newest.state);
        (0..S::__COUNT).find(|index| {
            let found = newest.state.__field(*index);
            found
                .and_then(|found| found.downcast_ref::<F>())
                .is_some_and(|found| std::ptr::eq(found, wanted))
        })
    }

    /// As [`update_field`](Handle::update_field), for callers that know the type of the field.
    pub(crate) fn update_as<F: 'static, R: Send + 'static>(
        &self,
        index: usize,
        change: impl FnOnce(&mut F) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let field = model.open_for(index).__field_mut(index);
            let Some(field) = field.and_then(|field| field.downcast_mut::<F>()) else {
                return Err(error::engine::not_stored());
            };
            let result = change(field);
            model.record_one(index, scope)?;
            Ok(result)
        })
    }

    pub(super) fn store(&self) -> &OpenStore<Published<S>> {
        &self.inner
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        self.inner.engine()
    }

    pub(crate) fn watch_field<T: 'static>(&self, index: usize, field: fn(&S) -> T) -> Watch<S, T> {
        self.inner.watch(move |view, seen| {
            let newest = view.readers().load();
            let changed = newest.changed.get(index).copied().unwrap_or(0);
            (Some(changed) != seen).then(|| (changed, field(&newest.state)))
        })
    }

    pub(crate) fn commit<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut StructModel<S>, &mut Scope<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        self.inner.commit(move |model: &mut StructModel<S>, scope| {
            model.set = None;
            operation(model, scope)
        })
    }

    /// The newest state, as one consistent revision, without copying it.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { jobs: Vec<String>, done: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let state = store.snapshot();
    /// println!("{} jobs, {} done, at revision {}", state.jobs.len(), state.done, state.revision());
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Snapshot<S> {
        self.inner.refresh();
        Snapshot(self.inner.view.readers().load_full())
    }

    /// Changes several fields in one commit: all of it becomes visible and durable, or nothing.
    ///
    /// The closure sees the newest state of all processes, and nobody commits in between. It should be short: every
    /// other writer, in this process and in others, waits until it returns. One thread whose closures take 100 ms,
    /// one after the other, leaves all the others together some ten groups of writes in a second; so do slow work
    /// before the closure. If it panics, nothing is written and the panic goes on in the caller.
    ///
    /// Within it, the handle of this store and those of others read what is acknowledged by then, by whichever
    /// process, and wait for nobody. The argument has that too, and more: what was committed and is not
    /// acknowledged yet, and what this closure does. Only the argument is sure to stay as it is until the
    /// commit, so build on that alone. Where nothing is changed in the end, nothing is committed.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { jobs: Vec<String>, done: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().seed(State { jobs: vec!["a".into()], done: 0 }).open()?;
    /// let job = store.update(|state| {
    ///     state.done += 1;
    ///     state.jobs.pop()
    /// }).wait()?;
    /// assert_eq!(job.as_deref(), Some("a"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<R: Send + 'static>(
        &self,
        change: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let result = change(model.open_all());
            model.record_each(scope)?;
            Ok(result)
        })
    }

    /// As [`update`](Handle::update); a closure that returns an error commits nothing.
    ///
    /// The outer error is worsen's, the inner one the closure's own:
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct Account { balance: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = Account::builder().in_memory().open()?;
    /// let paid = store.try_update(|account| {
    ///     account.balance = account.balance.checked_sub(10).ok_or("not enough")?;
    ///     Ok::<_, &str>(account.balance)
    /// }).wait()?;
    /// assert_eq!(paid, Err("not enough"));
    /// assert_eq!(store.balance(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_update<R, E>(
        &self,
        change: impl FnOnce(&mut S) -> Result<R, E> + Send + 'static,
    ) -> Commit<Result<R, E>>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        self.commit(move |model, scope| {
            let result = change(model.open_all());
            match &result {
                Ok(_) => model.record_each(scope)?,
                Err(_) => scope.undo = true,
            }
            Ok(result)
        })
    }

    /// Resolves when everything that was written before it, by this process, is durable; also what was
    /// written [`Buffered`](crate::Durability::Buffered).
    ///
    /// # Errors
    ///
    /// Also where a write failed that nobody waited for, since the last call that told of one: it was
    /// [detached](Commit::detach), or dropped after its first poll, by whichever clone of this handle. The
    /// error is that of the first of them, and says how many there were.
    ///
    /// ```
    /// # use worsen::{ErrorKind, Store};
    /// # #[derive(Store)] struct State { note: String }
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = State::builder().in_memory().max_commit_bytes(100).open()?;
    /// store.set_note("x".repeat(1000)).detach();
    /// assert_eq!(store.sync().wait().unwrap_err().kind(), ErrorKind::TooLarge);
    /// store.sync().wait()?;   // it was told
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync(&self) -> Commit<()> {
        self.inner.sync()
    }

    /// Tells of every new revision, by whichever process. See [`Watch`].
    pub fn watch(&self) -> Watch<S, Snapshot<S>> {
        self.inner.watch(|view, seen| {
            let newest = view.readers().load_full();
            (Some(newest.revision) != seen).then(|| (newest.revision, Snapshot(newest)))
        })
    }

    /// Calls a function with the newest state at each change, by whichever process, until what this returns is
    /// dropped. For programs that neither wait nor poll, such as ones with windows: the function runs on a
    /// thread of its own, and may send, write and wait; a channel or a "please repaint" leads from there to
    /// the thread that draws. Changes in quick succession may be told as one.
    ///
    /// Where what others wrote cannot be shown, it is called with the error in the place of the state, as a
    /// [`Watch`] tells it, and goes on being called. Where the function panics, that is printed, and it is not
    /// called again.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { jobs: Vec<String> }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = State::builder().in_memory().open()?;
    /// let (send, events) = std::sync::mpsc::channel();
    /// let guard = store.on_change(move |state| {
    ///     // Nobody may listen any more.
    ///     let _ = send.send(state.map(|state| state.jobs.len()));
    /// })?;
    /// store.update_jobs(|jobs| jobs.push("paint".into())).wait()?;
    /// assert_eq!(events.recv()??, 1);
    /// drop(guard);   // from here on it is not called
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where no thread can be started.
    pub fn on_change(
        &self,
        tell: impl FnMut(Result<Snapshot<S>, Error>) + Send + 'static,
    ) -> Result<OnChange, Error> {
        let started = OnChange::start(self.watch(), tell);
        started.map_err(|error| self.engine().in_store(error))
    }

    /// Tells every commit after this revision, in order and none skipped. See [`Changes`].
    ///
    /// `store.changes(store.revision())` tells what comes from now on, `store.changes(0)` all that the log
    /// has. After a snapshot, its revision leaves nothing out and tells nothing twice.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read.
    pub fn changes(&self, after: u64) -> Result<Changes, Error> {
        self.inner.changes(after)
    }

    /// The newest revision: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.inner.revision()
    }

    /// The name of the store.
    pub fn store_name(&self) -> &str {
        self.inner.engine().name()
    }

    /// The log file; `None` for a store in memory.
    pub fn path(&self) -> Option<&Path> {
        self.inner.engine().path()
    }

    /// What is wrong with the store now, the worst first; empty when all is well. A service can report it
    /// as its own health: reads never fail, so a state that stays behind is told here.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { ready: bool }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// for condition in store.health() {
    ///     eprintln!("{condition}");   // what it is, and what to do
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(&self) -> Vec<Condition> {
        let mut conditions = self.inner.health();
        let unfit = &self.stored_state().0.unfit;
        conditions.extend(unfit.conditions(|error| self.engine().in_store(error)));
        conditions.extend(self.broken_rules());
        conditions
    }

    /// What is stored, as readers know it.
    pub(super) fn stored_state(&self) -> Snapshot<S> {
        Snapshot(self.inner.view.newest.load_full())
    }

    pub(super) fn is_overridden(&self, index: usize) -> bool {
        let shown = self.inner.view.shown.as_ref();
        shown.is_some_and(|shown| shown.overrides(index))
    }

    pub(super) fn is_stored(&self, uid: &str) -> bool {
        self.inner.refresh();
        self.inner.engine().shows(uid)
    }

    /// Whether the store was empty when this process opened it, and began with its seeds: the program runs
    /// for the first time, or somebody removed the files.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { ready: bool }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let open = || State::builder().dir(folder.path()).open();
    /// let store = open()?;
    /// assert!(store.was_created());
    /// drop(store);
    /// assert!(!open()?.was_created());
    /// # Ok(())
    /// # }
    /// ```
    pub fn was_created(&self) -> bool {
        self.inner.engine().was_created()
    }

    /// What opening the store had to put right.
    pub fn recovered(&self) -> &Recovery {
        self.inner.engine().recovery()
    }
}

impl<S: Schema> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Handle {
            inner: self.inner.clone(),
        }
    }
}

impl<S: Schema> fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.describe(&mut f.debug_struct("Handle")).finish()
    }
}

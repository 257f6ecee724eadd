//! [`Handle`], what a derived handle is made of: snapshots, updates and watches of one struct. How a
//! write becomes durable is the engine's business.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    fmt,
    ops::Deref,
    path::Path,
    sync::Arc,
};

use arc_swap::ArcSwap;

pub(crate) use crate::repair::Recovery;
use crate::{
    backend::Entries,
    changes::Changes,
    commit::Commit,
    engine::{Engine, EngineHandle, Model, Scope, Transaction, Unseen},
    entry::{Edit, Edits, FieldChange, Stored},
    error::{Error, ValueError},
    health::Condition,
    loom,
    on_change::OnChange,
    planted::{Bug, meet_unknown, planted},
    schema::{EntryTables, FieldInfo, Mark, Schema},
    shared_str::SharedStr,
    uid::split,
    watch::Watch,
};

mod read_model;
mod reset;

pub(crate) use self::read_model::StructReadModel;

/// A handle to an open store. Clones are cheap and share it; the last one closes it.
///
/// The derive makes a handle with accessors for each struct, `AppStateStore` for `AppState`, which
/// derefs to this one.
pub struct Handle<S: Schema> {
    inner: Arc<Inner<S>>,
}

pub(crate) struct Inner<S: Schema> {
    pub(crate) cell: Arc<Published<S>>,
    pub(crate) handle: loom::Arc<EngineHandle>,
}

/// What readers see.
pub(crate) struct Published<S> {
    newest: ArcSwap<Versioned<S>>,
}

/// A state, and when each of its fields changed last.
pub(crate) struct Versioned<S> {
    state: S,
    revision: u64,
    /// In revisions, for those who watch.
    changed: Box<[u64]>,
    /// In publications of this process, for the copies that are brought up to this one: what is not stored
    /// has no revision.
    stamps: Box<[u64]>,
    publication: u64,
}

/// The state of a store at one revision. It derefs to the struct and never changes.
///
/// Taking one copies nothing. As long as it is kept, the next write has to copy the whole state once.
pub struct Snapshot<S>(Arc<Versioned<S>>);

impl<S> Snapshot<S> {
    /// Which revision this is: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }
}

impl<S> Deref for Snapshot<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> Clone for Snapshot<S> {
    fn clone(&self) -> Self {
        Snapshot(self.0.clone())
    }
}

impl<S: fmt::Debug> fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("revision", &self.revision())
            .field("state", &**self)
            .finish()
    }
}

impl<S: Schema> Handle<S> {
    pub(crate) fn new(inner: Arc<Inner<S>>) -> Self {
        Handle { inner }
    }

    /// Takes what is newest into memory, if another process committed since.
    #[inline]
    fn refresh(&self) {
        let engine = &self.inner.handle.engine;
        if engine.is_behind(engine.revision()) {
            engine.refresh();
        }
    }

    #[inline]
    pub(crate) fn read<T>(&self, field: impl FnOnce(&S) -> T) -> T {
        let newest = self.inner.cell.newest.load();
        let engine = &self.inner.handle.engine;
        if engine.is_behind(newest.revision) {
            drop(newest);
            engine.refresh();
            return field(&self.inner.cell.newest.load().state);
        }
        field(&newest.state)
    }

    /// As `read`, for who waits: somebody else looks for what is newer, and so nothing is waited for here.
    pub(crate) fn peek<T>(&self, field: impl FnOnce(&S) -> T) -> T {
        field(&self.inner.cell.newest.load().state)
    }

    pub(crate) fn update_field<R: Send + 'static>(
        &self,
        index: usize,
        change: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let result = change(model.open_field(index));
            model.record(index, scope)?;
            Ok(result)
        })
    }

    /// The place of a stored field, which this finds in the state.
    pub(crate) fn index_of<F: 'static>(&self, field: fn(&S) -> &F) -> Option<usize> {
        let newest = self.inner.cell.newest.load();
        let wanted = field(&newest.state);
        (0..S::__FIELDS.len()).find(|index| {
            let found = newest.state.__field(*index);
            found
                .and_then(|found| found.downcast_ref::<F>())
                .is_some_and(|found| std::ptr::eq(found, wanted))
        })
    }

    /// As [`update_field`](Handle::update_field), for who knows the type of the field.
    pub(crate) fn update_as<F: 'static, R: Send + 'static>(
        &self,
        index: usize,
        change: impl FnOnce(&mut F) -> R + Send + 'static,
    ) -> Commit<R> {
        self.commit(move |model, scope| {
            let field = model.open_field(index).__field_mut(index);
            let Some(field) = field.and_then(|field| field.downcast_mut::<F>()) else {
                return Err(crate::error::not_stored());
            };
            let result = change(field);
            model.record(index, scope)?;
            Ok(result)
        })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.inner.handle.engine
    }

    pub(crate) fn watch_field<T: 'static>(&self, index: usize, field: fn(&S) -> T) -> Watch<S, T> {
        let inner = self.inner.clone();
        Watch::new(self.inner.handle.clone(), move |seen| {
            let newest = inner.cell.newest.load();
            let changed = newest.changed.get(index).copied().unwrap_or(0);
            (Some(changed) != seen).then(|| (changed, field(&newest.state)))
        })
    }

    fn commit<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut StructModel<S>, &mut Scope<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        Commit::new(self.inner.handle.clone(), move |transaction| {
            let Transaction { model, scope } = transaction;
            match model.as_any().downcast_mut::<StructModel<S>>() {
                Some(model) => operation(model, scope),
                // An engine is opened with the model of its own handle.
                None => Err(Error::new(
                    crate::ErrorKind::InvalidOption,
                    "this handle does not belong to this store",
                )),
            }
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
        self.refresh();
        Snapshot(self.inner.cell.newest.load_full())
    }

    /// Changes several fields in one commit: all of it becomes visible and durable, or nothing.
    ///
    /// The closure sees the newest state of all processes, and nobody commits in between. It should
    /// be short: every other writer waits for it. One thread whose closures take 100 ms, one after the other,
    /// leaves all the others together some ten groups of writes in a second; so what takes its time is to be
    /// done before the closure. If it panics, nothing is written and the panic goes on in the caller.
    ///
    /// Within it, the handle of this store and those of others read what is acknowledged by then, by whichever
    /// process, and wait for nobody. The argument has that too, and more: what was committed and is not
    /// acknowledged yet, and what this closure does. Only the argument is sure to stay as it is until the
    /// commit, so build on that alone. Where nothing is changed in the end, nothing is committed.
    ///
    /// Other threads and processes write no sooner than the closure returns. One that takes 100 ms, over and
    /// over, leaves the others as many writes in a second as it lets pass.
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
            model.record_all(scope)?;
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
                Ok(_) => model.record_all(scope)?,
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
        Commit::sync(self.inner.handle.clone())
    }

    /// Tells of every new revision, by whichever process. See [`Watch`].
    pub fn watch(&self) -> Watch<S, Snapshot<S>> {
        let inner = self.inner.clone();
        Watch::new(self.inner.handle.clone(), move |seen| {
            let newest = inner.cell.newest.load_full();
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
        Changes::new(self.inner.handle.clone(), after)
    }

    /// The newest revision: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.refresh();
        self.inner.cell.newest.load().revision
    }

    /// The name of the store.
    pub fn store_name(&self) -> &str {
        self.inner.handle.engine.name()
    }

    /// The log file; `None` for a store in memory.
    pub fn path(&self) -> Option<&Path> {
        self.inner.handle.engine.path()
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
        // Also where nobody tells of anything: somebody may have done something to the files.
        self.inner.handle.engine.refresh();
        self.inner.handle.engine.health()
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
        self.inner.handle.engine.was_created()
    }

    /// What opening the store had to put right.
    pub fn recovered(&self) -> &Recovery {
        self.inner.handle.engine.recovery()
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
        f.debug_struct("Handle")
            .field("name", &self.store_name())
            .field("path", &self.path())
            .field("revision", &self.inner.handle.engine.revision())
            .finish()
    }
}

/// The draft of one struct: a copy that is brought up to what readers see field by field. A publication
/// swaps the two, so a write costs the fields it touches and not the state.
pub(crate) struct StructModel<S: Schema> {
    cell: Arc<Published<S>>,
    layout: Arc<Layout<S>>,
    /// Nobody else has it. `None`: readers still keep the state that would have become the draft.
    draft: Option<Arc<Versioned<S>>>,
    /// Fields that may be newer in the draft.
    dirty: Fields,
    /// Those of them touched since the last `accept`.
    open: Fields,
    /// The entries of each field's seed, for fields that the store has no value of.
    seed_entries: Vec<Vec<Edit>>,
    /// Has the fields that log by entry as they were before the operation that runs, also those that are not
    /// stored and that readers do not see yet, and the seeds of the others. `None`: it was not needed yet.
    before: Option<S>,
    /// What this program wrote of each field last.
    written: Vec<Option<SharedStr>>,
}

/// What the draft and its readers know of the struct.
pub(crate) struct Layout<S> {
    seed: S,
    index: HashMap<&'static str, usize>,
    tables: EntryTables,
}

/// A set of fields, by their index.
#[derive(Clone)]
pub(crate) struct Fields {
    has: Box<[bool]>,
    any: bool,
}

impl Fields {
    fn of(count: usize) -> Self {
        Fields {
            has: vec![false; count].into(),
            any: false,
        }
    }

    fn add(&mut self, index: usize) {
        if let Some(has) = self.has.get_mut(index) {
            *has = true;
            self.any = true;
        }
    }

    fn add_all(&mut self) {
        self.has.fill(true);
        self.any = true;
    }

    fn add_from(&mut self, other: &Fields) {
        if other.any {
            for (has, other) in self.has.iter_mut().zip(&other.has) {
                *has |= other;
            }
            self.any = true;
        }
    }

    fn clear(&mut self) {
        if self.any {
            self.has.fill(false);
            self.any = false;
        }
    }

    fn contains(&self, index: usize) -> bool {
        self.has.get(index).copied().unwrap_or(false)
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let all = if self.any { &self.has[..] } else { &[] };
        all.iter()
            .enumerate()
            .filter_map(|(index, has)| has.then_some(index))
    }
}

/// The entries of every field at its seed.
///
/// # Errors
///
/// Where a seed cannot be written as JSON.
pub(crate) fn record_seed<S: Schema>(seed: &S, tables: &EntryTables) -> Result<Edits, Error> {
    let mut seed = seed.__copy();
    let mut edits = Edits::default();
    for (index, field) in S::__FIELDS.iter().enumerate() {
        if let Some(uid) = field.uid {
            tables
                .record(&mut seed, index, None, &mut edits)
                .map_err(|error| error.at(uid))?;
        }
    }
    Ok(edits)
}

impl<S: Schema> StructModel<S> {
    /// The model of a store in which every field is at its seed.
    pub(crate) fn new(mut seed: S) -> (Self, StructReadModel<S>) {
        let count = S::__FIELDS.len();
        let mut index = HashMap::new();
        let mut seed_entries = vec![Vec::new(); count];
        let tables = EntryTables::of::<S>();
        for (at, field) in S::__FIELDS.iter().enumerate() {
            if let Some(uid) = field.uid {
                index.insert(uid, at);
                let mut entries = Edits::default();
                // One that cannot be written is for the creation of a store to refuse. One that exists
                // needs no seeds.
                if tables.record(&mut seed, at, None, &mut entries).is_ok() {
                    seed_entries[at] = entries.entries;
                }
            }
        }
        let versioned = Versioned {
            state: seed.__copy(),
            revision: 0,
            changed: vec![0; count].into(),
            stamps: vec![0; count].into(),
            publication: 0,
        };
        let cell = Arc::new(Published {
            newest: ArcSwap::from_pointee(versioned),
        });
        let layout = Arc::new(Layout {
            seed,
            index,
            tables,
        });
        let model = StructModel {
            cell: cell.clone(),
            layout: layout.clone(),
            draft: None,
            dirty: Fields::of(count),
            open: Fields::of(count),
            seed_entries,
            before: None,
            written: vec![None; count],
        };
        (model, StructReadModel::new(cell, layout, count))
    }

    /// The draft, up to date with what readers see wherever it is not newer.
    fn draft(&mut self) -> &mut Versioned<S> {
        let newer = |index| self.dirty.contains(index) || self.open.contains(index);
        self.cell.bring_up(&mut self.draft, newer)
    }

    /// The field may be newer in the draft from now on. Until now it may have been older.
    fn open(&mut self, index: usize) {
        self.draft();
        self.open.add(index);
    }

    fn open_field(&mut self, index: usize) -> &mut S {
        self.remember(index);
        self.open(index);
        &mut self.draft().state
    }

    fn open_all(&mut self) -> &mut S {
        for index in 0..S::__FIELDS.len() {
            self.remember(index);
        }
        self.draft();
        self.open.add_all();
        &mut self.draft().state
    }

    /// Keeps a field as it is, to be compared with what an operation makes of it.
    fn remember(&mut self, index: usize) {
        let is_needed = S::__FIELDS.get(index).is_some_and(|field| {
            // What an operation before did to a field that is not stored stands nowhere else.
            self.layout.tables.mark(index).is_some()
                || field.uid.is_none() && self.dirty.contains(index)
        });
        if is_needed {
            let seed = &self.layout.seed;
            let mut before = self.before.take().unwrap_or_else(|| seed.__copy());
            before.__copy_field(index, &self.draft().state);
            self.before = Some(before);
        }
    }

    fn record(&mut self, index: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        let Some(&FieldInfo { uid, .. }) = S::__FIELDS.get(index) else {
            return Ok(());
        };
        let uid = uid.unwrap_or_default();
        let before = self.before.take();
        // Without the mark that it has entries, all of them are still to be written.
        let mark = self.layout.tables.mark(index);
        let stored = scope.entries.get(uid);
        let is_marked = mark.is_some() && mark == stored.and_then(|json| Mark::parse(json));
        let begin = scope.changes.entries.len();
        scope.changes.stored = self.stored(index, uid, scope.entries);
        let tables = self.layout.tables.clone();
        let outcome = tables.record(
            &mut self.draft().state,
            index,
            before.as_ref().filter(|_| is_marked),
            &mut scope.changes,
        );
        self.before = before;
        outcome.map_err(|error| error.at(uid))?;
        if mark.is_none() {
            if let (Some(written), Some(Edit { json, .. })) =
                (self.written.get_mut(index), scope.changes.entries.last())
            {
                written.clone_from(json);
            }
        } else if !is_marked {
            scope.take_over(uid, begin);
        }
        Ok(())
    }

    /// Whether nothing tells a field that logs by entry from its seed.
    fn is_at_seed(&mut self, index: usize) -> bool {
        let mut edits = Edits::default();
        let layout = self.layout.clone();
        let mut state = layout.seed.__copy();
        state.__copy_field(index, &self.draft().state);
        let tables = &layout.tables;
        let outcome = tables.record(&mut state, index, Some(&layout.seed), &mut edits);
        outcome.is_ok() && edits.entries.is_empty()
    }

    /// What the store has of a field; its seed, where it has nothing.
    fn stored(&self, index: usize, uid: &str, entries: &Entries) -> Option<Stored> {
        let written = self.written.get(index)?.as_ref();
        let seed = || self.seed_entries.get(index)?.first()?.json.as_ref();
        let json = entries.get(uid).or_else(seed)?.clone();
        let is_own = written.is_some_and(|written| *written == json);
        Some(Stored { json, is_own })
    }

    fn record_all(&mut self, scope: &mut Scope<'_>) -> Result<(), Error> {
        for (index, field) in S::__FIELDS.iter().enumerate() {
            let Some(uid) = field.uid else { continue };
            let begin = scope.changes.entries.len();
            // A field that was never set goes on reading as its seed, also when that changes.
            let is_unset = !scope.entries.contains_key(uid);
            let is_by_entry = self.layout.tables.mark(index).is_some();
            if is_unset && is_by_entry && self.is_at_seed(index) {
                continue;
            }
            self.record(index, scope)?;
            if is_unset
                && scope.changes.entries.get(begin..)
                    == self.seed_entries.get(index).map(|all| &all[..])
            {
                scope.changes.entries.truncate(begin);
            }
        }
        if planted(Bug::UpdateDropsUnknownFields) {
            let uids = scope.entries.keys();
            let unknown = uids.filter(|uid| !self.layout.index.contains_key(split(uid).0));
            unknown.for_each(|uid| scope.changes.delete(uid.clone()));
        }
        Ok(())
    }
}

impl Scope<'_> {
    /// Entries of a field were added, from this place on, that had none before, or that nobody had
    /// marked: what else there is below its uid goes.
    fn take_over(&mut self, uid: &str, begin: usize) {
        let below = format!("{uid}/");
        let stale = self
            .entries
            .iter_from(&below)
            .map(|(uid, _)| uid)
            .take_while(|uid| uid.starts_with(&below));
        let edits = &mut self.changes;
        let written: HashSet<SharedStr> = edits.entries[begin..]
            .iter()
            .map(|edit| edit.uid.clone())
            .collect();
        for uid in stale {
            edits.whole = true;
            if !written.contains(uid) {
                edits.delete(uid);
            }
        }
        edits.whole |= self.entries.contains_key(uid);
    }
}

impl<S: Schema> Versioned<S> {
    fn copy(&self) -> Self {
        Versioned {
            state: self.state.__copy(),
            revision: self.revision,
            changed: self.changed.clone(),
            stamps: self.stamps.clone(),
            publication: self.publication,
        }
    }

    fn copy_field(&mut self, index: usize, from: &Self) {
        self.state.__copy_field(index, &from.state);
        if let (Some(stamp), Some(newer)) = (self.stamps.get_mut(index), from.stamps.get(index)) {
            *stamp = *newer;
        }
    }
}

impl<S: Schema> Clone for Versioned<S> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl<S: Schema> Layout<S> {
    /// The place of the field of this uid. What a newer program wrote is carried along by the engine, and
    /// means nothing here.
    fn index_of(&self, uid: &str) -> Option<usize> {
        let index = self.index.get(split(uid).0).copied();
        if index.is_none() {
            meet_unknown(uid);
        }
        index
    }

    /// Takes one entry into the field at this place.
    fn apply(
        &self,
        state: &mut S,
        index: usize,
        uid: &str,
        json: Option<&str>,
    ) -> Result<(), ValueError> {
        match FieldChange::new(split(uid).1, json) {
            FieldChange::Unset => {
                state.__copy_field(index, &self.seed);
                Ok(())
            }
            change => self.tables.apply(state, index, change),
        }
    }
}

impl<S: Schema> Model for StructModel<S> {
    fn adopt(&mut self, entries: &Entries, _revision: u64) -> Vec<(SharedStr, ValueError)> {
        let mut misfits = Vec::new();
        let mut draft = self.cell.newest.load().copy();
        let tables = self.layout.tables.clone();
        // Nearly always the field is that of the entry before.
        let mut last: Option<(&str, usize)> = None;
        for (uid, json) in entries {
            let (field, key) = split(uid);
            let index = match last {
                Some((name, index)) if name == field => index,
                _ => {
                    let Some(&index) = self.layout.index.get(field) else {
                        meet_unknown(uid);
                        continue;
                    };
                    self.open.add(index);
                    last = Some((field, index));
                    index
                }
            };
            let change = FieldChange::new(key, Some(json));
            if let Err(error) = tables.apply(&mut draft.state, index, change) {
                misfits.push((uid.clone(), error));
            }
        }
        self.draft = Some(Arc::new(draft));
        misfits
    }

    fn follow(&mut self) {
        let unstored = |index: &usize| {
            let field: Option<&FieldInfo> = S::__FIELDS.get(*index);
            field.is_some_and(|field| field.uid.is_none())
        };
        let mut own = Fields::of(S::__FIELDS.len());
        for index in self.dirty.iter().filter(unstored) {
            own.add(index);
        }
        if self.dirty.any {
            let newest = self.cell.newest.load_full();
            let dirty = std::mem::replace(&mut self.dirty, own);
            let draft = self.draft();
            for index in dirty.iter().filter(|index| !unstored(index)) {
                draft.copy_field(index, &newest);
            }
            if self.dirty.any {
                self.publish(newest.revision, Unseen::default());
            }
        }
    }

    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let Some(index) = self.layout.index_of(uid) else {
            return Ok(());
        };
        self.open(index);
        let layout = self.layout.clone();
        layout.apply(&mut self.draft().state, index, uid, json.as_deref())
    }

    fn accept(&mut self) {
        self.dirty.add_from(&self.open);
        self.open.clear();
    }

    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError> {
        if all {
            self.open.add_from(&self.dirty);
        }
        let fields = self.open.clone();
        let mut accepted = Fields::of(S::__FIELDS.len());
        if !all {
            let both = fields.iter().filter(|index| self.dirty.contains(*index));
            both.for_each(|index| accepted.add(index));
        }
        let before = self.before.take();
        let cell = self.cell.clone();
        let draft = self.draft();
        // After the draft: what readers publish meanwhile is as new or newer in both.
        let newest = cell.newest.load();
        for index in fields.iter() {
            draft.copy_field(index, &newest);
        }
        if let (false, Some(before)) = (all || planted(Bug::ForgetWhatIsNotStored), &before) {
            let is_stored = |index: usize| {
                let field: Option<&FieldInfo> = S::__FIELDS.get(index);
                field.is_some_and(|field| field.uid.is_some())
            };
            for index in accepted.iter().filter(|index| !is_stored(*index)) {
                draft.state.__copy_field(index, before);
            }
        }
        self.before = before;
        for edit in since {
            let field = split(&edit.uid).0;
            if self
                .layout
                .index
                .get(field)
                .is_some_and(|index| fields.contains(*index))
            {
                self.apply(edit)?;
            }
        }
        // It is again what it was; what `since` changed of it was dirty before.
        self.open.clear();
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        self.dirty.any
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.draft();
        let Some(draft) = self.draft.take() else {
            return;
        };
        // If a reader keeps what was there, `draft` copies the newest instead.
        let before = self
            .cell
            .publish(draft, &self.dirty, &self.layout, revision, &unseen);
        self.draft = Some(before);
        self.dirty.clear();
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

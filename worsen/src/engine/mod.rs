//! The state in memory: one engine a store and process. It leads groups of writes through the
//! backend, in the order of the steps in ARCHITECTURE.md, and publishes what became durable.
//!
//! The engine knows entries, revisions and an untyped [`Model`]. It never knows a struct of the
//! user's, nor a file. Here it is opened and closed; each of its rooms does one thing:
//!
//! * `queue`: which thread leads which group of writes;
//! * `lead`: what a leader does with it;
//! * `follow`: what a reader does that is behind, or waits;
//! * `core`, the draft, and `view`, what readers see: each follows the log on its own, on a `replica` of the
//!   entries;
//! * `threads`: the keeper and the listener;
//! * `panicked`: what becomes of the store where something other than a closure panics;
//! * `evolve`: what opening makes of what it has found: the version of the program, and the seeds;
//! * `model`: the seam between the engine and the typed state above it.

mod core;
mod detached;
mod evolve;
mod follow;
mod lead;
mod limits;
mod model;
pub(crate) mod notify;
mod panicked;
mod past;
mod queue;
mod replica;
mod threads;
mod view;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use self::{core::Core, notify::Notifier, queue::Queue, replica::Replica, view::View};
pub(crate) use self::{
    detached::DetachedFailures,
    follow::Outlook,
    limits::{Limits, MAX_NESTING},
    model::{LastCommit, Model, ReadModel, Scope, Task, Transaction, Unseen},
    past::undo,
    replica::in_order,
};
use crate::{
    backend::{Backend, Copied, Entries, History, Locked, Opened},
    callbacks::{Callbacks, quietly},
    entry::Edits,
    error::Error,
    health::{Board, Condition, Told},
    loom::{
        self, Condvar, Mutex, MutexGuard, Unpoisoned,
        atomic::{AtomicU64, Ordering},
        thread::{self, JoinHandle},
    },
    options::Durability,
    repair::{Recovery, Repair},
    schema::is_new,
    trace::Debug,
};

#[cfg(loom)]
#[cfg(test)]
pub(crate) mod loom_tests;

loom::thread_local! {
    /// Set while this thread runs operations, or other code of the user's for a store. A write that the same
    /// thread waits for could then never finish, so it is refused.
    static LEADING: Cell<bool> = const { Cell::new(false) };
}

loom::thread_local! {
    /// This thread is the keeper of a store.
    static KEEPING: Cell<bool> = const { Cell::new(false) };
}

/// Sets `LEADING` for a scope, or clears it for one.
struct Leading {
    /// What it was: a closure may read another store.
    before: bool,
}

impl Leading {
    fn enter() -> Self {
        Leading::set(true)
    }

    /// What runs here may write, and wait for it.
    fn leave() -> Self {
        Leading::set(false)
    }

    fn set(leading: bool) -> Self {
        Leading {
            before: LEADING.with(|before| before.replace(leading)),
        }
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        LEADING.with(|leading| leading.set(self.before));
    }
}

/// What an engine is opened with.
pub(crate) struct EngineOptions {
    pub(crate) name: Arc<str>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) opened: Opened,
    pub(crate) model: Box<dyn Model>,
    pub(crate) read_model: Box<dyn ReadModel>,
    pub(crate) durability: Durability,
    pub(crate) lock_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) poll: Option<Duration>,
    pub(crate) debug: Debug,
}

#[cfg(test)]
impl EngineOptions {
    /// Of a store that was not there before, for tests: it waits for ever, and never polls.
    pub(crate) fn of_new(
        backend: Box<dyn Backend>,
        model: Box<dyn Model>,
        read_model: Box<dyn ReadModel>,
    ) -> Self {
        EngineOptions {
            name: "new".into(),
            path: None,
            opened: Opened {
                backend,
                entries: crate::backend::Entries::new(),
                revision: 0,
                recovery: Recovery::default(),
            },
            model,
            read_model,
            durability: Durability::Synced,
            lock_timeout: Duration::MAX,
            limits: Limits::default(),
            poll: None,
            debug: Debug::new("new".into(), false),
        }
    }
}

pub(crate) struct Engine {
    name: Arc<str>,
    path: Option<PathBuf>,
    backend: Box<dyn Backend>,
    /// Locked for as long as a group takes: closures, the disk.
    core: Mutex<Core>,
    /// Locked for as long as it takes to decode what is new, and never while waiting for anything. A thread
    /// that has the core locked may lock the view, and not the reverse.
    view: Mutex<View>,
    queue: Mutex<Queue>,
    /// Wakes the keeper: there is a group to lead, or it is time to close.
    keeper: Condvar,
    pub(crate) notifier: Notifier,
    /// Wakers run there, and other code that must not stop a thread of the store.
    callbacks: Callbacks,
    published: AtomicU64,
    recovery: Recovery,
    /// What opening has found that a person may want to know of.
    found: Vec<Condition>,
    /// The store was empty when it was opened.
    was_created: bool,
    health: Board,
    /// Something other than a closure panicked: writes are refused.
    panicked: OnceLock<Error>,
    /// Detached writes that failed.
    pub(crate) detached: Arc<DetachedFailures>,
    durability: Durability,
    lock_timeout: Duration,
    limits: Limits,
    pid: u32,
    pub(crate) debug: Debug,
}

/// What an empty store begins with, once it is known to be empty.
pub(crate) type Seeds<'a> = Box<dyn FnOnce() -> Result<Edits, Error> + 'a>;

impl Engine {
    /// Fills the model and seeds an empty store, under the lock that opening has taken, and lets go of that.
    pub(crate) fn start(
        options: EngineOptions,
        seeds: Option<Seeds<'_>>,
    ) -> Result<loom::Arc<EngineHandle>, Error> {
        let Opened {
            backend,
            entries,
            revision,
            mut recovery,
        } = options.opened;
        let locked = Locked::since_opening(&*backend);
        let outline = options.model.outline();
        let mut core = Core::new(options.model, outline, revision);
        let was_created = is_new(&entries);
        let filled = evolve::fill(
            &mut core,
            &locked,
            (entries, seeds),
            &options.limits,
            &mut recovery,
        );
        let revision = core.replica.revision;
        if filled.is_ok() {
            // Before its seeds a store shows nothing.
            let seeded = core.replica.since.all().iter();
            let unseen = seeded.map(|edit| (edit.uid.clone(), None)).collect();
            core.replica.since.clear();
            core.model.publish(revision, unseen);
            backend.hand_over();
            backend.publish(revision);
        }
        drop(locked);
        let name = options.name;
        let found = filled.map_err(|error| error.in_store(&name, options.path.as_deref()))?;
        let view = View::new(options.read_model, &core.replica);
        let engine = Arc::new(Engine {
            published: AtomicU64::new(revision),
            path: options.path,
            backend,
            core: Mutex::new(core),
            view: Mutex::new(view),
            queue: Mutex::new(Queue::new(options.poll)),
            keeper: Condvar::new(),
            notifier: Notifier::new(),
            callbacks: Callbacks::default(),
            recovery,
            found,
            was_created,
            health: Board::default(),
            panicked: OnceLock::new(),
            detached: Arc::default(),
            durability: options.durability,
            lock_timeout: options.lock_timeout,
            limits: options.limits,
            pid: std::process::id(),
            debug: options.debug,
            name,
        });
        if options.poll.is_some() {
            engine.start_keeper(&mut engine.queue())?;
        }
        engine.tell_opened();
        Ok(loom::Arc::new(EngineHandle { engine }))
    }

    fn tell_opened(&self) {
        for migrated in self.recovery.repairs() {
            if let Repair::Migrated { .. } = migrated {
                self.debug.say(format_args!("{migrated}"));
            }
        }
        for condition in &self.found {
            self.debug.warn(format_args!("{condition}"));
        }
        let revision = self.revision();
        self.debug
            .say(format_args!("opened at revision {revision}"));
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unpoisoned()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unpoisoned()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn was_created(&self) -> bool {
        self.was_created
    }

    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// What is wrong, the worst first. Waits for nothing.
    pub(crate) fn health(&self) -> Vec<Condition> {
        let mut conditions = self.health.conditions(|error| self.in_store(error));
        conditions.extend(self.backend.conditions());
        conditions.extend(self.found.iter().cloned());
        conditions
    }

    fn note_health(&self, core: &Core) {
        self.health.poisoned(self.refused(core));
        self.note_misfits(&core.replica);
    }

    fn note_misfits(&self, replica: &Replica) {
        let misfits = replica.misfits.values();
        let is_new = self
            .health
            .misfits(replica.revision, misfits, self.revision());
        if is_new {
            self.tell_of_event();
        }
    }

    /// Wakes all that wait, whatever they sleep on, to look again.
    fn tell_of_event(&self) {
        self.notifier.notify();
        self.backend.wake();
    }

    /// What a caller that begins to wait now need not be told.
    pub(crate) fn told(&self) -> Told {
        self.health.told()
    }

    /// That the files were replaced, where the caller was not told yet.
    pub(crate) fn tell_replaced(&self, told: &mut Told) -> Option<Error> {
        let error = self.health.tell_replaced(told)?;
        Some(self.in_store(error))
    }

    /// What others wrote that cannot be shown, where the caller was not told yet.
    pub(crate) fn tell_misfit(&self, told: &mut Told) -> Option<Error> {
        let error = self.health.tell_misfit(told)?;
        Some(self.in_store(error))
    }

    /// The revision that readers of this process see.
    pub(crate) fn revision(&self) -> u64 {
        // Acquire: a thread that sees the revision sees the snapshot that was stored before it.
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn in_store(&self, error: Error) -> Error {
        error.in_store(&self.name, self.path.as_deref())
    }

    /// Says how often to look for other processes' commits.
    ///
    /// # Errors
    ///
    /// Where no thread can be started for it.
    pub(crate) fn set_poll(self: &Arc<Self>, poll: Duration) -> Result<(), Error> {
        let mut queue = self.queue();
        self.start_keeper(&mut queue)?;
        queue.poll = Some(poll);
        self.keeper.notify_all();
        Ok(())
    }

    /// Copies what is public at this revision into a file of its own. See [`Backend::copy_to`].
    pub(crate) fn copy_to(
        &self,
        to: &Path,
        revision: u64,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Copied, Error> {
        let copied = self.backend.copy_to(&self.name, to, revision, tell);
        copied.map_err(|error| self.in_store(error))
    }

    /// The state that a copy of this store holds, and its revision.
    pub(crate) fn load_copy(&self, copy: &Path) -> Result<(Entries, u64), Error> {
        self.backend.load_copy(&self.name, copy)
    }

    /// A reader of the commits after this revision.
    pub(crate) fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        let history = self.backend.history(after, old_values);
        history.map_err(|error| self.in_store(error))
    }

    /// Which revisions that readers have seen there is a state of.
    pub(crate) fn spans(&self) -> Result<Vec<(u64, u64)>, Error> {
        let spans = self.backend.spans(self.revision());
        spans.map_err(|error| self.in_store(error))
    }

    fn is_forked(&self) -> bool {
        std::process::id() != self.pid
    }
}

/// Keeps an engine running; the last one to go finishes what is queued and closes it.
pub(crate) struct EngineHandle {
    pub(crate) engine: Arc<Engine>,
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        let engine = &self.engine;
        if engine.is_forked() {
            // The threads are the parent's, and so is the work. Whatever the child did with them, it would do
            // to the parent's files. So it leaks what it was given.
            std::mem::forget(engine.clone());
            return;
        }
        let mut queue = engine.queue();
        queue.closing = true;
        let is_this = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        let Some(keeper) = &queue.keeper else {
            // Every write was led by a thread that blocked on it with a handle of its own.
            drop(queue);
            drop(engine.contain("closed itself", || engine.close()));
            return;
        };
        // Dropped in a closure that the keeper runs, which closes the store after that; or by the listener,
        // which the keeper waits for when it closes.
        let waits = !is_this(keeper) && !queue.listener.as_ref().is_some_and(is_this);
        engine.keeper.notify_all();
        // Waits for the closing, and not for the thread: another thread may take the keeper's place until then.
        while waits && !queue.closed {
            queue = engine.keeper.wait(queue).unpoisoned();
        }
        let keeper = queue.keeper.take();
        drop(queue);
        if let Some(keeper) = keeper.filter(|_| waits) {
            // A panic there was printed when it happened; no caller is left to tell.
            quietly(|| drop(keeper.join()));
        }
    }
}

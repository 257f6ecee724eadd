//! [`Commit`], what every writing method returns: a write that happens once it is awaited, waited for or
//! detached. How a group of them reaches the disk is the engine's business.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    backend::Upkeep,
    callbacks::quietly,
    engine::{DetachedFailures, EngineHandle, Task, Transaction},
    error::{self, Error},
    loom::{self, Condvar, Mutex, MutexGuard, Unpoisoned},
    options::Durability,
    planted::{Bug, planted},
};

/// A write, about to happen: `.await` it, `.wait()` for it, or `.detach()` it.
///
/// It is lazy, as every future: a `Commit` that is dropped untouched writes nothing. From its first
/// poll on it is going to happen, even if it is dropped then. It needs no particular async runtime.
///
/// When it resolves, the commit is durable: it survives `kill -9` and, unless it is
/// [`Buffered`](Durability::Buffered), a power cut. Writes of one thread that are awaited, or waited
/// for, one after the other happen in that order.
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool, count: u64 }
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// store.set_ready(true).wait()?;              // from a plain thread
/// store.set_count(3).detach();                // nobody waits
/// let future = async {
///     store.set_ready(false).await?;          // on any executor
///     store.update_count(|count| { *count += 1; *count }).await
/// };
/// assert_eq!(pollster::block_on(future)?, 4);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Awaiting or waiting panics when the closure of the write panicked, with the same panic. The write
/// was undone; other writes are not affected.
#[must_use = "a commit does nothing unless you `.await`, `.wait()` or `.detach()` it"]
pub struct Commit<R> {
    handle: loom::Arc<EngineHandle>,
    work: Arc<Work<R>>,
    submitted: bool,
    /// A `sync`: it tells of detached writes before it that failed.
    hears: bool,
}

type Operation<R> = Box<dyn FnOnce(&mut Transaction<'_>) -> Result<R, Error> + Send>;

/// One write, shared by the caller and the queue.
struct Work<R> {
    operation: Mutex<Option<Operation<R>>>,
    upkeep: Option<Upkeep>,
    durability: Mutex<Option<Durability>>,
    state: Mutex<State<R>>,
    /// For the thread that blocks, if one does.
    changed: Condvar,
}

struct State<R> {
    stage: Stage<R>,
    /// A thread blocks on this write, or is about to, and can lead.
    blocks: bool,
    /// That thread sleeps. A wake without a sleeper would still be a system call.
    sleeps: bool,
    waker: Option<Waker>,
    /// No caller waits for this write any more: where it fails, that is noted here.
    detached: Option<Arc<DetachedFailures>>,
    /// A result that counts no more. Its destructor may do anything, so it does not run under a lock.
    undone: Option<Ending<R>>,
}

enum Stage<R> {
    /// In the queue.
    Queued,
    /// The blocked thread has to lead the group that this write is in.
    Lead,
    /// The operation ran; the group is not durable yet, so no caller may know the outcome.
    Ran(Ending<R>),
    Done(Ending<R>),
    /// The caller has its outcome.
    Taken,
}

enum Ending<R> {
    Returned(R),
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

impl<R> Ending<R> {
    fn into_result(self) -> Result<R, Error> {
        match self {
            Ending::Returned(result) => Ok(result),
            Ending::Failed(error) => Err(error),
            Ending::Panicked(payload) => resume_unwind(payload),
        }
    }

    /// Whether dropping it runs code of the user's.
    fn has_destructor(&self) -> bool {
        match self {
            Ending::Returned(_) => std::mem::needs_drop::<R>(),
            Ending::Failed(_) => false,
            Ending::Panicked(payload) => !payload.is::<&'static str>() && !payload.is::<String>(),
        }
    }

    /// Why it failed, for a caller that asks later.
    fn failure(&self) -> Option<Error> {
        match self {
            Ending::Returned(_) => None,
            Ending::Failed(error) => Some(error.clone()),
            Ending::Panicked(_) => Some(error::engine::panicked()),
        }
    }
}

impl<R> Work<R> {
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unpoisoned()
    }
}

impl<R> State<R> {
    fn fail(&mut self, ending: Ending<R>) {
        if let Stage::Ran(undone) = std::mem::replace(&mut self.stage, Stage::Ran(ending)) {
            self.undone = Some(undone);
        }
    }
}

impl<R: Send> Task for Work<R> {
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<(), Error> {
        let operation = self.operation.lock().unpoisoned().take();
        let Some(operation) = operation else {
            return Ok(());
        };
        match operation(transaction) {
            Ok(result) => {
                self.state().stage = Stage::Ran(Ending::Returned(result));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn failed(&self, error: Error) {
        self.state().fail(Ending::Failed(error));
    }

    fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.state().fail(Ending::Panicked(payload));
    }

    fn resolve(&self, outcome: Result<(), Error>) -> Option<Waker> {
        let mut state = self.state();
        let stage = match (std::mem::replace(&mut state.stage, Stage::Taken), outcome) {
            (Stage::Ran(undone @ Ending::Returned(_)), Err(error)) => {
                state.undone = Some(undone);
                Stage::Done(Ending::Failed(error))
            }
            (Stage::Queued | Stage::Lead, Err(error)) => Stage::Done(Ending::Failed(error)),
            (Stage::Ran(ending), _) => Stage::Done(ending),
            // Resolved already; or not run, and then there is no success to tell of.
            (other, _) => {
                state.stage = other;
                return None;
            }
        };
        if let (Some(detached), Stage::Done(ending)) = (&state.detached, &stage) {
            if let Some(error) = ending.failure() {
                detached.note(error);
            }
        }
        state.stage = stage;
        let (waker, sleeps) = (state.waker.take(), state.sleeps);
        // A woken thread takes the lock at once, and would have to sleep for it once more.
        drop(state);
        if sleeps {
            self.changed.notify_all();
        }
        waker
    }

    fn has_leftovers(&self) -> bool {
        let operation = self.operation.lock().unpoisoned();
        let state = self.state();
        let nobody_takes = match &state.stage {
            // A commit that is dropped when it is done takes its result along.
            Stage::Done(ending) if state.detached.is_some() => Some(ending),
            _ => None,
        };
        let endings = state.undone.iter().chain(nobody_takes);
        operation.is_some() || endings.into_iter().any(Ending::has_destructor)
    }

    fn promote(&self) -> bool {
        let mut state = self.state();
        if !state.blocks || !matches!(state.stage, Stage::Queued) {
            return false;
        }
        state.stage = Stage::Lead;
        let sleeps = state.sleeps;
        drop(state);
        if sleeps {
            self.changed.notify_all();
        }
        true
    }

    fn durability(&self) -> Option<Durability> {
        *self.durability.lock().unpoisoned()
    }

    fn upkeep(&self) -> Option<Upkeep> {
        self.upkeep
    }
}

impl<R: Send + 'static> Commit<R> {
    pub(crate) fn new(
        handle: loom::Arc<EngineHandle>,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Self {
        Commit::of(handle, None, operation)
    }

    fn of(
        handle: loom::Arc<EngineHandle>,
        upkeep: Option<Upkeep>,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Self {
        Commit {
            handle,
            work: Arc::new(Work {
                operation: Mutex::new(Some(Box::new(operation))),
                upkeep,
                durability: Mutex::new(None),
                state: Mutex::new(State {
                    stage: Stage::Queued,
                    blocks: false,
                    sleeps: false,
                    waker: None,
                    detached: None,
                    undone: None,
                }),
                changed: Condvar::new(),
            }),
            submitted: false,
            hears: false,
        }
    }

    /// What it came to.
    fn hear(&self, ending: Ending<R>) -> Result<R, Error> {
        let result = ending.into_result()?;
        // One that failed itself says that; what there is beside it is for the next one to tell.
        match self
            .hears
            .then(|| self.handle.engine.detached.take())
            .flatten()
        {
            Some(error) => Err(self.handle.engine.in_store(error)),
            None => Ok(result),
        }
    }

    /// How durable this one write has to be, whatever the store's setting.
    ///
    /// ```
    /// # use worsen::{Durability, Store};
    /// # #[derive(Store)] struct State { position: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// store.set_position(7).durability(Durability::Buffered).wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn durability(self, durability: Durability) -> Self {
        *self.work.durability.lock().unpoisoned() = Some(durability);
        self
    }

    /// Writes, and blocks this thread until it is durable. Not for the threads of an async runtime:
    /// `.await` it there.
    ///
    /// # Errors
    ///
    /// Whatever kept the write from happening; it is undone then. One exception says so:
    /// [`Error::is_outcome_unknown`].
    ///
    /// # Panics
    ///
    /// With the panic of the closure, if that panicked.
    pub fn wait(mut self) -> Result<R, Error> {
        if !self.submitted {
            self.submitted = true;
            self.work.state().blocks = true;
            if self.handle.engine.submit(self.work.clone(), true)? {
                self.handle.engine.lead();
            }
        }
        let mut state = self.work.state();
        loop {
            match std::mem::replace(&mut state.stage, Stage::Taken) {
                Stage::Done(ending) => {
                    drop(state);
                    return self.hear(ending);
                }
                Stage::Lead => {
                    state.stage = Stage::Queued;
                    // Named once is enough: this thread is the leader of the group with this write.
                    state.blocks = false;
                    drop(state);
                    self.handle.engine.lead();
                    state = self.work.state();
                }
                waiting @ (Stage::Queued | Stage::Ran(_) | Stage::Taken) => {
                    state.stage = waiting;
                    state.sleeps = true;
                    state = self.work.changed.wait(state).unpoisoned();
                    state.sleeps = false;
                }
            }
        }
    }

    /// Writes, and no caller waits for it. It happens before the store is closed, unless it fails: that
    /// the next [`sync`](crate::Handle::sync) tells, and a debug line, or a `tracing` event.
    ///
    /// It happens before the program ends, too, where `main` returns or [`std::process::exit`] is called: the
    /// end waits for what is queued, for the [time-out of the lock](crate::Builder::lock_timeout) and a second
    /// at most. So it is for a commit that was polled once and then dropped. Nothing of it happens after
    /// [`abort`](std::process::abort), `_exit`, a signal, or a panic with `panic = "abort"`; on Windows, where
    /// it ends all other threads first, after `process::exit`; nor where the closure of a write ends the
    /// program.
    pub fn detach(mut self) {
        if !self.submitted {
            self.submitted = true;
            if let Err(error) = self.handle.engine.submit(self.work.clone(), false) {
                self.handle.engine.debug.warn(format_args!("{error:#}"));
                self.handle.engine.detached.note(error);
            }
        }
    }
}

impl Commit<()> {
    /// Has something done to what the backend keeps, and changes nothing of the state.
    pub(crate) fn upkeep(handle: loom::Arc<EngineHandle>, what: Upkeep) -> Self {
        Commit::of(handle, Some(what), |_| Ok(()))
    }

    /// Resolves when everything before it is durable, and tells of detached writes that failed.
    pub(crate) fn sync(handle: loom::Arc<EngineHandle>) -> Self {
        let mut commit = Commit::new(handle, |_| Ok(())).durability(Durability::Synced);
        commit.hears = true;
        commit
    }
}

/// A commit that is dropped under way goes on, and no caller waits for it any more.
impl<R> Drop for Commit<R> {
    fn drop(&mut self) {
        if !self.submitted {
            return;
        }
        let detached = &self.handle.engine.detached;
        let mut state = self.work.state();
        let ending = match std::mem::replace(&mut state.stage, Stage::Taken) {
            Stage::Done(ending) => Some(ending),
            Stage::Taken => None,
            under_way => {
                state.stage = under_way;
                state.detached = Some(detached.clone());
                None
            }
        };
        // The result is dropped without the lock: its destructor is code of the user's.
        drop(state);
        if planted(Bug::ForgetWhatNobodyWaitedFor) {
            return;
        }
        if let Some(error) = ending.as_ref().and_then(Ending::failure) {
            detached.note(error);
        }
        // It may have been the keeper's to drop, had it come a moment later: what panics then tells this thread as
        // little as that one.
        quietly(|| drop(ending));
    }
}

impl<R: Send + 'static> Future for Commit<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.submitted {
            self.submitted = true;
            let waker = context.waker().clone();
            self.work.state().waker = Some(waker);
            if let Err(error) = self.handle.engine.submit(self.work.clone(), false) {
                return Poll::Ready(Err(error));
            }
            return Poll::Pending;
        }
        // Cloning and dropping a waker runs code of the user's, which may wait for the thread that resolves
        // this task. So neither happens under the lock.
        let waker = context.waker().clone();
        let mut state = self.work.state();
        match std::mem::replace(&mut state.stage, Stage::Taken) {
            Stage::Done(ending) => {
                drop(state);
                Poll::Ready(self.hear(ending))
            }
            waiting => {
                state.stage = waiting;
                let before = state.waker.replace(waker);
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }
}

// Nothing in it is ever pinned.
impl<R> Unpin for Commit<R> {}

impl<R> fmt::Debug for Commit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("store", &self.handle.engine.name())
            .field("submitted", &self.submitted)
            .finish_non_exhaustive()
    }
}

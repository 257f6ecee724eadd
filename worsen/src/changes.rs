//! [`Changes`], the commits of a store one by one. Where they are read from is the backend's business.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;

use crate::{
    backend::{Committed, History, Next},
    engine::EngineHandle,
    engine::notify::Listener,
    error::{self, Error, ErrorKind},
    health::Told,
    loom,
};

/// Every commit of a store, by any process, in order and none skipped.
///
/// A [`Watch`](crate::Watch) tells of the newest state and may tell several commits as one; this tells each,
/// with its process and its time. Commits are read from the log, so one begins as far back as the log does. A
/// reader that comes too late for some of them is told so, by an error of kind [`Gap`](ErrorKind::Gap), and
/// goes on behind them. It never falls behind through a compaction alone: while it is open, one compaction
/// takes nothing away from it.
///
/// As a [`Watch`](crate::Watch) it is a [`Stream`], and has [`next`](Changes::next) and
/// [`wait`](Changes::wait). It keeps its store open. Unlike other reads, taking the next commit reads a
/// file, nearly always from the page cache.
///
/// ```
/// # use std::time::Duration;
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool, count: u64 }
/// # fn main() -> Result<(), worsen::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// let store = State::builder().dir(folder.path()).open()?;
/// let mut changes = store.changes(store.revision())?;
/// store.set_count(7).wait()?;
/// store.update(|state| { state.ready = true; state.count += 1 }).wait()?;
///
/// let first = changes.wait(Duration::from_secs(1)).unwrap()?;
/// assert_eq!(first.pid(), std::process::id());
/// assert_eq!(first.entries().next().unwrap().uid(), "count");
/// let second = changes.wait(Duration::from_secs(1)).unwrap()?;
/// assert_eq!(second.revision(), first.revision() + 1);
/// assert_eq!(second.entries().count(), 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "changes tell nothing unless they are polled or waited for"]
pub struct Changes {
    handle: loom::Arc<EngineHandle>,
    history: Box<dyn History>,
    old_values: bool,
    told: Told,
    listener: Option<Listener>,
}

impl Changes {
    pub(crate) fn new(handle: loom::Arc<EngineHandle>, after: u64) -> Result<Self, Error> {
        let history = handle.engine.history(after, false)?;
        Ok(Changes {
            told: handle.engine.told(),
            handle,
            history,
            old_values: false,
            listener: None,
        })
    }

    /// Also tells the value before each change. The log is read from its beginning for it, and the state
    /// is kept in memory once more.
    ///
    /// # Errors
    ///
    /// As [`Handle::changes`](crate::Handle::changes).
    pub fn with_old_values(mut self) -> Result<Self, Error> {
        self.history = self.handle.engine.history(self.history.revision(), true)?;
        self.old_values = true;
        Ok(self)
    }

    /// The revision up to which everything was told.
    pub fn revision(&self) -> u64 {
        self.history.revision()
    }

    /// The next commit, if there is one already.
    ///
    /// # Errors
    ///
    /// [`Gap`](ErrorKind::Gap) once for commits that are not in the log any more; what comes next are those
    /// behind them. [`Replaced`](ErrorKind::Replaced) once where an older copy was put in the place of the log,
    /// and commits that were told are not in it: those that come next may have lower revisions.
    /// [`Decode`](ErrorKind::Decode) once where another program wrote a value that does not fit its type: what
    /// it and others commit is told once that is put right. Otherwise as the file says: the next call tries
    /// again.
    pub fn try_next(&mut self) -> Option<Result<Change, Error>> {
        let engine = &self.handle.engine;
        if engine.is_behind(engine.revision()) {
            engine.refresh();
        }
        self.look()
    }

    /// Blocks until there is a commit, or the time is over. `None`: there was none. With a time of zero it
    /// looks at what is acknowledged now, by any process, as [`try_next`](Changes::try_next) does.
    ///
    /// # Errors
    ///
    /// As [`try_next`](Changes::try_next).
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<Change, Error>> {
        let handle = self.handle.clone();
        handle.engine.wait(timeout, || self.look().into())
    }

    /// Resolves when there is a commit. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// As [`try_next`](Changes::try_next).
    pub async fn next(&mut self) -> Result<Change, Error> {
        poll_fn(|context| self.poll_commit(context)).await
    }

    fn poll_commit(&mut self, context: &Context<'_>) -> Poll<Result<Change, Error>> {
        let handle = self.handle.clone();
        let mut listener = self.listener.take();
        let polled = handle.engine.poll(&mut listener, context, || self.look());
        self.listener = listener;
        polled
    }

    /// The next commit of those that readers have seen.
    fn look(&mut self) -> Option<Result<Change, Error>> {
        let engine = &self.handle.engine;
        let error = match self.history.next(engine.revision()) {
            Ok(Next::Commit(committed)) => return Some(Ok(Change(committed))),
            Ok(Next::Gap { first, last }) => error::engine::gap(first, last),
            Ok(Next::Nothing) => {
                if let Some(error) = engine.tell_replaced(&mut self.told) {
                    self.go_on_from_now(error)
                } else {
                    return engine.tell_misfit(&mut self.told).map(Err);
                }
            }
            Err(error) => match engine.tell_replaced(&mut self.told) {
                // That is why it cannot be read on.
                Some(replaced) if error.kind() != ErrorKind::Replaced => {
                    self.go_on_from_now(replaced)
                }
                _ => error,
            },
        };
        Some(Err(self.handle.engine.in_store(error)))
    }

    /// The files were replaced: the commits behind what stands there now come next.
    fn go_on_from_now(&mut self, replaced: Error) -> Error {
        let engine = &self.handle.engine;
        // The replacement is told before the new state is shown.
        engine.refresh();
        match engine.history(engine.revision(), self.old_values) {
            Ok(history) => {
                self.history = history;
                replaced
            }
            Err(error) => error,
        }
    }
}

impl Stream for Changes {
    type Item = Result<Change, Error>;

    /// Never ends.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_commit(context).map(Some)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("store", &self.handle.engine.name())
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

/// One commit: its time, its process, and what it changed.
#[derive(Debug, Clone)]
pub struct Change(Committed);

impl Change {
    pub(crate) fn of(committed: Committed) -> Self {
        Change(committed)
    }

    /// Its revision: one more than that of the commit before it.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }

    /// When it was made, by the clock of the writer: UTC to the millisecond, as in
    /// `2026-11-23T02:30:00.123Z`. Clocks jump; the order is that of the revisions.
    pub fn at(&self) -> &str {
        &self.0.at
    }

    /// The process that made it.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// What it changed, each uid once.
    pub fn entries(&self) -> impl Iterator<Item = ChangedEntry<'_>> {
        self.0
            .changes
            .iter()
            .enumerate()
            .map(|(at, edit)| ChangedEntry {
                uid: &edit.uid,
                new: edit.json.as_deref(),
                old: self
                    .0
                    .before
                    .as_ref()
                    .and_then(|before| before.get(at))
                    .and_then(|old| old.as_deref()),
            })
    }
}

/// One uid that a commit changed. Values are JSON, as in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedEntry<'a> {
    uid: &'a str,
    new: Option<&'a str>,
    old: Option<&'a str>,
}

impl<'a> ChangedEntry<'a> {
    /// The uid.
    pub fn uid(&self) -> &'a str {
        self.uid
    }

    /// The value since this commit; `None`: it was removed.
    pub fn new_value(&self) -> Option<&'a str> {
        self.new
    }

    /// The value before it; `None` where there was none, and where
    /// [old values](Changes::with_old_values) were not asked for.
    pub fn old_value(&self) -> Option<&'a str> {
        self.old
    }
}

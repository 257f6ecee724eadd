//! The seam between the engine, which knows the state, and what keeps it: files, or memory alone.
//!
//! A backend knows revisions and JSON entries. It never knows a type of the user's, and never runs a
//! closure of theirs.

#[cfg(test)]
#[cfg(not(loom))]
mod contract_tests;
pub(crate) mod file;
pub(crate) mod memory;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

pub(crate) use self::file::shared_page::Sight;
pub(crate) use crate::entries::{Entries, Sorted};
use crate::{
    entry::Edit,
    error::{self, Error},
    health::Condition,
    options::At,
    repair::Recovery,
    shared_str::SharedStr,
};

/// A commit as it stands in the history of a store.
#[derive(Debug, Clone)]
pub(crate) struct Committed {
    pub(crate) revision: u64,
    /// When: UTC, to the millisecond.
    pub(crate) at: String,
    /// The process that made it.
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Edit>,
    /// The values before it, in the order of `changes`, where they were asked for.
    pub(crate) before: Option<Vec<Option<SharedStr>>>,
}

/// Brings entries up to a commit: the values before it, in the order of its changes.
pub(crate) fn replay(entries: &mut Entries, changes: &[Edit]) -> Vec<Option<SharedStr>> {
    let put = |edit: &Edit| entries.put(&edit.uid, edit.json.clone());
    changes.iter().map(put).collect()
}

/// Now, as it stands in the history: UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", crate::clock::now())
}

/// A copy of a store that was made.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    pub(crate) path: PathBuf,
    pub(crate) revision: u64,
    pub(crate) bytes: u64,
    /// It shares its blocks with the log, until either changes.
    pub(crate) is_clone: bool,
}

/// A reader of commits, in order.
pub(crate) trait History: Send + Sync + fmt::Debug {
    /// What comes next, up to this revision, which this process has seen.
    fn next(&mut self, newest: u64) -> Result<Next, Error>;
    /// The revision up to which everything was handed over, or told to be lost.
    fn revision(&self) -> u64;
}

/// What a reader of commits finds.
#[derive(Debug)]
pub(crate) enum Next {
    Commit(Committed),
    /// These revisions are in no log any more.
    Gap {
        first: u64,
        last: u64,
    },
    Nothing,
}

/// How far a reader that follows the log has come.
#[derive(Debug, Clone)]
pub(crate) enum Followed {
    /// As far as everybody may see, or as far as there is anything to read for now.
    Visible,
    /// What is there cannot be followed. Only the holder of the lock can judge what it is.
    Unknown,
    /// As far as there is anything to read, in a log that does not go on from what was read before.
    Replaced(Error),
}

/// What the engine does with what a backend reads.
pub(crate) trait Sink {
    /// One more commit, by another process.
    fn commit(&mut self, revision: u64, changes: Vec<Edit>) -> Result<(), Error>;
    /// The whole state, where commits alone no longer lead to it.
    fn replace(&mut self, entries: Entries, revision: u64) -> Result<(), Error>;
    /// The newest state known, to heal or compact a log with.
    fn entries(&self) -> &Entries;
    /// Its revision.
    fn revision(&self) -> u64;
}

/// One way to get at a store: by its files, in memory, by a server. A backend of another kind begins with an
/// `impl Connect` beside its `impl Backend`, and `Opening::connection` chooses it.
pub(crate) trait Connect: Send {
    /// Opens the store, creates it where there is none, and puts right what can be put right. Where it may be
    /// written, the lock is taken on the way and still held, so that nobody comes between opening and seeding.
    ///
    /// # Errors
    ///
    /// As opening a store says; the lock is free again then.
    fn connect(self: Box<Self>) -> Result<Opened, Error>;
    /// The file that messages name, where there is one.
    fn path(&self) -> Option<PathBuf> {
        None
    }
}

/// A store as it was opened: see [`Locked::since_opening`].
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) backend: Box<dyn Backend>,
    /// The state, and its revision.
    pub(crate) entries: Entries,
    pub(crate) revision: u64,
    pub(crate) recovery: Recovery,
}

/// The lock of a store, held: what may only be done under it is done through this. Dropping it lets the others
/// in.
#[must_use = "dropping it lets the others in"]
pub(crate) struct Locked<'a>(&'a dyn Backend);

/// That the lock is held. Nobody but [`Locked`] can say so.
#[derive(Debug)]
pub(crate) struct Held(());

impl dyn Backend + '_ {
    /// Keeps every other process out, or says at the deadline which one does not let go.
    pub(crate) fn lock(&self, timeout: Duration) -> Result<Locked<'_>, Error> {
        self.acquire(timeout)?;
        Ok(Locked(self))
    }
}

impl<'a> Locked<'a> {
    /// The lock that [`Connect::connect`] has left held. A store that is only read has none, and refuses what
    /// asks for it.
    pub(crate) fn since_opening(backend: &'a dyn Backend) -> Self {
        Locked(backend)
    }

    /// See [`Backend::catch_up`].
    pub(crate) fn catch_up(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.0.catch_up(&Held(()), sink)
    }

    /// See [`Backend::judge`].
    pub(crate) fn judge(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.0.judge(&Held(()), sink)
    }

    /// See [`Backend::append`].
    pub(crate) fn append(
        &self,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        self.0.append(&Held(()), commits, leads_to)
    }

    /// See [`Backend::keep`].
    pub(crate) fn keep(&self, entries: &Entries, version: u32) -> Result<Option<PathBuf>, Error> {
        self.0.keep(&Held(()), entries, version)
    }

    /// See [`Backend::sync`]. An opening alone syncs under the lock: before that, nobody may see its seeds.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.0.sync()
    }

    /// See [`Backend::upkeep`].
    pub(crate) fn upkeep(&self, entries: &Entries, what: Upkeep) -> Result<(), AppendFailure> {
        self.0.upkeep(&Held(()), entries, what)
    }

    /// See [`Backend::compact`].
    pub(crate) fn compact(&self, entries: &Entries) -> Result<(), Error> {
        self.0.compact(&Held(()), entries)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// How far every process may read, as one look at memory tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visible {
    /// The commits up to this one.
    UpTo(u64),
    /// Something else tells that by now, and this process has not found it yet: there may be news.
    Moved,
    /// Nothing in memory tells: `follow` finds out, when it is time to look.
    Unknown,
}

/// Keeps the commits of one store, in order, for every process that opens it. What is here stays synchronous:
/// a leader, the keeper and the listener are threads that may block.
///
/// | may be called | what |
/// | --- | --- |
/// | by any thread at any time, and waits for nobody | `visible`, `has_news`, `sight`, `publish`, `wake`, `history`, `state_at`, `spans`, `conditions` |
/// | by any thread, and waits | `acquire` for other processes, `wait_for_news` for news, `copy_to` and `load_copy` for the disk |
/// | by the thread that has acquired it | `release`; and with the proof that the lock is held, which [`Locked`] brings along: `catch_up`, `judge`, `append`, `compact`, `upkeep`, `keep` |
/// | by one writer at a time, without the lock | `is_durable`, `sync`, `sync_time`, `wants_compaction`, `close` |
/// | by one reader at a time, beside a writer that may be anywhere, and waits for neither | `scout`, `follow` |
/// | while there is neither writer nor reader | `take_over`, `hand_over` |
///
/// A writer and readers have a place in the log of their own.
pub(crate) trait Backend: Send + Sync + fmt::Debug {
    /// Keeps every other process out, or says at the deadline which one does not let go. The engine calls
    /// `lock`, which cannot be forgotten to be freed.
    fn acquire(&self, timeout: Duration) -> Result<(), Error>;
    /// Lets the others in. It may be called without the lock, and then does nothing.
    fn release(&self);
    /// Hands over what others committed since, and puts right what a commit could not be written behind.
    ///
    /// Where the history is another one than this process knows, that is an error, now and at each `acquire`
    /// from then on, and `follow` reads what there is.
    fn catch_up(&self, held: &Held, sink: &mut dyn Sink) -> Result<(), Error>;
    /// As `catch_up`, for readers that have found what they could not follow.
    fn judge(&self, held: &Held, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up(held, sink)
    }
    /// Writes the commits that follow the newest revision, one after the other. All or none. Where there is no
    /// room for them, and it is known what they lead to, a new generation may begin with that.
    fn append(
        &self,
        held: &Held,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure>;
    /// Whether everything appended so far is known to survive a power cut.
    fn is_durable(&self) -> bool;
    /// Makes what was appended before survive a power cut.
    fn sync(&self) -> Result<(), Error>;
    /// About how long a sync takes; zero where nobody knows, and a leader then waits for no company.
    fn sync_time(&self) -> Duration {
        Duration::ZERO
    }
    /// Every process may read the commits up to this one.
    fn publish(&self, revision: u64);
    /// The newest revision that every process may read.
    fn visible(&self) -> Visible {
        Visible::Unknown
    }
    /// Whether there may be something else to see than the state of this revision. Called at each read.
    fn has_news(&self, revision: u64) -> bool {
        match self.visible() {
            Visible::UpTo(visible) => visible > revision,
            Visible::Moved => true,
            Visible::Unknown => false,
        }
    }
    /// What one look at memory shows, to compare with a later one.
    fn sight(&self) -> Sight {
        Sight {
            revision: match self.visible() {
                Visible::UpTo(revision) => revision,
                Visible::Moved | Visible::Unknown => 0,
            },
            ..Sight::default()
        }
    }
    /// Hands over what anybody committed and published since to readers, without the lock.
    fn follow(&self, sink: &mut dyn Sink) -> Result<Followed, Error>;
    /// Makes what `follow` is about to hand over survive a power cut, where nobody says what does. Called
    /// without anything that readers wait for.
    fn scout(&self) -> Result<(), Error> {
        Ok(())
    }
    /// The writer goes on at the place that readers have come to.
    fn take_over(&self) {}
    /// Readers go on at the place that the writer has come to.
    fn hand_over(&self) {}
    /// Whether what is kept has outgrown this many bytes of live state.
    fn wants_compaction(&self, _live: u64) -> bool {
        false
    }
    /// Starts a new generation that begins with this state.
    fn compact(&self, _held: &Held, _entries: &Entries) -> Result<(), Error> {
        Ok(())
    }
    /// Does what a person asks to be done to what is kept, where the entries are the newest state.
    fn upkeep(&self, _held: &Held, _entries: &Entries, _what: Upkeep) -> Result<(), AppendFailure> {
        Ok(())
    }
    /// The state at a moment that is not behind this revision, and its revision.
    fn state_at(&self, at: At, newest: u64) -> Result<(Entries, u64), Error>;
    /// Which revisions up to this one `state_at` knows, the oldest first, each as the first and the last of many
    /// without a gap.
    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error>;
    /// Keeps a state for a person, as a store of its own beside this one, before a migration from this version:
    /// durable when it returns. Where it is kept; `None`: nowhere.
    fn keep(
        &self,
        _held: &Held,
        _entries: &Entries,
        _version: u32,
    ) -> Result<Option<PathBuf>, Error> {
        Ok(None)
    }
    /// A reader of the commits after this revision, with the values before each where that is asked for.
    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error>;
    /// Copies the store into a file of its own, as it is at this revision, which every process may read. Nobody
    /// waits for it. `tell` is told how many bytes are copied, and how many there are about.
    fn copy_to(
        &self,
        _store: &str,
        to: &Path,
        _revision: u64,
        _tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Copied, Error> {
        Err(error::transfer::no_copies(to))
    }
    /// The state that a copy of the store of this name holds, and its revision.
    fn load_copy(&self, _store: &str, copy: &Path) -> Result<(Entries, u64), Error> {
        Err(error::transfer::no_copies(copy))
    }
    /// Leaves everything as the next process likes to find it.
    fn close(&self) {}
    /// Sleeps until the backend shows something else than `seen`, at most for the time-out. It does not sleep
    /// where `stop` says so; it asks `stop` again after each `publish` and `wake`, for these end the sleep
    /// early. `false` where nothing can wake it.
    fn wait_for_news(&self, _seen: Sight, _stop: &dyn Fn() -> bool, _timeout: Duration) -> bool {
        false
    }
    /// Ends every `wait_for_news` of this process, which looks at its `stop` again.
    fn wake(&self) {}
    /// What is not as it should be, or as it was asked for, beside what the engine sees of the errors.
    fn conditions(&self) -> Vec<Condition> {
        Vec::new()
    }
}

/// What a person may ask to be done to what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// To begin anew with the live state.
    Compact,
    /// The same, and to forget what was overwritten.
    Purge,
}

/// What a group of commits makes of the state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeadsTo<'a> {
    /// The state with them.
    pub(crate) entries: &'a Entries,
    /// Whether it is smaller than without them.
    pub(crate) shrinks: bool,
}

/// Why an append failed, or an upkeep, and whether the log can go on.
#[derive(Debug)]
pub(crate) enum AppendFailure {
    /// Nothing of it is left; the next one may work.
    Undone(Error),
    /// The log is in doubt: refuse everything until it is opened anew.
    Poisoned(Error),
}

//! The seam between the engine, which knows the state, and what keeps it: files, or memory alone.
//!
//! A backend knows revisions and JSON entries. It never knows a type of the user's, and never runs a
//! closure of theirs.

mod entries;
pub(crate) mod file;
pub(crate) mod memory;

use std::{fmt, path::PathBuf, time::Duration};

pub(crate) use self::{
    entries::{Entries, Sorted},
    file::beacon::Sight,
};
use crate::{
    error::{Error, ErrorKind},
    health::Condition,
    text::Text,
};

/// One entry that a commit sets to a JSON text, or deletes.
pub(crate) type Entry = (Text, Option<Text>);

/// A commit as it stands in the history of a store.
#[derive(Debug, Clone)]
pub(crate) struct Committed {
    pub(crate) revision: u64,
    /// When: UTC, to the millisecond.
    pub(crate) at: String,
    /// The process that made it.
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Entry>,
    /// The values before it, in the order of `changes`, where they were asked for.
    pub(crate) before: Option<Vec<Option<Text>>>,
}

/// Brings entries up to a commit: the values before it, in the order of its changes.
pub(crate) fn replay(entries: &mut Entries, changes: &[Entry]) -> Vec<Option<Text>> {
    let put = |(uid, json): &Entry| entries.put(uid, json.clone());
    changes.iter().map(put).collect()
}

/// Now, as it stands in the history: UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", crate::clock::now())
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

/// How far a reader has come who followed the log.
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
    fn commit(&mut self, revision: u64, changes: Vec<Entry>) -> Result<(), Error>;
    /// The whole state, where commits alone no longer lead to it.
    fn replace(&mut self, entries: Entries, revision: u64) -> Result<(), Error>;
    /// The newest state known, to heal or compact a log with.
    fn entries(&self) -> &Entries;
    /// Its revision.
    fn revision(&self) -> u64;
}

/// Keeps the commits of one store, in order, for every process that opens it.
///
/// Whoever writes and whoever reads has a place in the log of their own. `follow` is called by one reader at
/// a time, beside a writer who may be anywhere, and waits for nobody; `take_over` and `hand_over` when there
/// is neither. All others are called by one thread at a time, except for `visible`, `has_news`, `sight`, `lock`, `unlock`,
/// `publish`, `history`, `wait_for_news`, `wake` and `conditions`. The engine holds the lock around `catch_up`,
/// `append` and `compact`, and not around `sync` and `follow`.
pub(crate) trait Backend: Send + Sync + fmt::Debug {
    /// Keeps every other process out, or says at the deadline who does not let go.
    fn lock(&self, timeout: Duration) -> Result<(), Error>;
    /// Lets the others in.
    fn unlock(&self);
    /// Hands over what others committed since, and puts right what a commit could not be written behind.
    ///
    /// Where the history is another one than this process knows, that is an error, now and at each `lock` from
    /// then on, and `follow` reads what there is.
    fn catch_up(&self, sink: &mut dyn Sink) -> Result<(), Error>;
    /// As `catch_up`, for readers, who found what they could not follow.
    fn judge(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up(sink)
    }
    /// Writes the commits that follow the newest revision, one after the other. All or none. Where there is no
    /// room for them, and it is known what they lead to, a new generation may begin with that.
    fn append(
        &self,
        commits: &[Vec<Entry>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure>;
    /// Whether everything appended so far is known to survive a power cut.
    fn is_durable(&self) -> bool;
    /// Makes what was appended before survive a power cut.
    fn sync(&self) -> Result<(), Error>;
    /// About how long a sync takes; zero where nobody knows.
    fn sync_time(&self) -> Duration;
    /// Every process may read the commits up to this one.
    fn publish(&self, revision: u64);
    /// The newest revision that every process may read, where one look at memory tells. `u64::MAX`: it
    /// does not, for now, and `follow` finds out.
    fn visible(&self) -> Option<u64>;
    /// Whether there may be something else to see than the state of this revision. Called at each read.
    fn has_news(&self, revision: u64) -> bool {
        self.visible().is_some_and(|visible| visible > revision)
    }
    /// What one look at memory shows, to compare with a later one.
    fn sight(&self) -> Sight {
        Sight {
            revision: self.visible().unwrap_or(0),
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
    /// Whether the log has outgrown this many bytes of live state.
    fn wants_compaction(&self, live: u64) -> bool;
    /// Starts a new generation that begins with this state.
    fn compact(&self, entries: &Entries) -> Result<(), Error>;
    /// A reader of the commits after this revision, with the values before each where that is asked for.
    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error>;
    /// Leaves everything as the next one likes to find it.
    fn close(&self);
    /// Sleeps until there is something else to be seen than `seen`, at most so long; not at all where `stop`
    /// says so, which is asked again after each `publish` and `wake`, for these end it early. `false` where
    /// there is nothing to be woken by.
    fn wait_for_news(&self, seen: Sight, stop: &dyn Fn() -> bool, timeout: Duration) -> bool;
    /// Wakes whoever sleeps in `wait_for_news`, to look at its `stop` again.
    fn wake(&self);
    /// What is not as it should be, or as it was asked for, beside what the engine sees of the errors.
    /// Waits for nobody.
    fn conditions(&self) -> Vec<Condition> {
        Vec::new()
    }
}

/// What a store that is only read says to a write.
pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the store was opened for reading only")
        .help("nothing was written; open it without `.read_only()` to write")
}

/// What a group of commits makes of the state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeadsTo<'a> {
    /// The state with them.
    pub(crate) entries: &'a Entries,
    /// Whether it is smaller than without them.
    pub(crate) shrinks: bool,
}

/// Why an append failed, and whether the log can go on.
#[derive(Debug)]
pub(crate) enum AppendFailure {
    /// Nothing of it is left; the next one may work.
    Undone(Error),
    /// The log is in doubt: refuse everything until it is opened anew.
    Poisoned(Error),
}

/// What opening a store had to do beside reading it. Empty for nearly every opening.
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool }
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// for repair in store.recovered().repairs() {
///     eprintln!("{repair}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    pub(crate) repairs: Vec<Repair>,
}

impl Recovery {
    /// Everything that was done, in order.
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.repairs.is_empty()
    }

    /// Whether a commit may be gone that had been acknowledged.
    pub fn may_have_lost(&self) -> bool {
        self.repairs.iter().any(|repair| {
            matches!(
                repair,
                Repair::Restored { .. }
                    | Repair::Behind { .. }
                    | Repair::Emptied { .. }
                    | Repair::CutOff {
                        acknowledged: true,
                        ..
                    }
                    | Repair::Salvaged { .. }
            )
        })
    }
}

/// One thing that opening a store had to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// The log, or its end, was gone; what the backup holds of it was put back, and that is one write
    /// behind.
    Restored {
        /// The newest revision that the backup held.
        revision: u64,
    },
    /// Part of the log was unreadable and was put back from the backup. What else there is to say of
    /// its end stands beside it; by itself it means that nothing is lost.
    Mended {
        /// Where the unreadable part began, in bytes from the start of the log.
        offset: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The end of the log was no whole commit and was cut off.
    CutOff {
        /// Where it began, in bytes from the start of the log.
        offset: u64,
        /// How long it was.
        bytes: u64,
        /// Whether it may have been a commit that was acknowledged and damaged since; otherwise it
        /// is what a writer leaves that dies while writing.
        acknowledged: bool,
        /// A copy of it.
        kept: Option<PathBuf>,
    },
    /// The backup did not belong to the log and was written anew.
    BackupRenewed {
        /// A copy of the backup as it was found, where it held anything.
        kept: Option<PathBuf>,
    },
    /// Commits were lost, and `.salvage()` had asked to go on with what is left.
    Salvaged {
        /// How many commits before the damage were kept.
        before: u64,
        /// How many commits behind the damage were kept.
        behind: u64,
        /// A copy of the log as it was found.
        kept: Option<PathBuf>,
    },
    /// The log ends before a revision that this machine had shown already: both files were put back
    /// to an older state, lost their ends, or were written [`Buffered`](crate::Durability::Buffered)
    /// before a power cut.
    Behind {
        /// Where the log ends.
        revision: u64,
        /// The newest revision that had been there.
        seen: u64,
    },
    /// There was a store, and its files hold nothing any more: they are empty, or blank from end to end. It
    /// begins anew, with its seeds. Where both files were deleted, that is what somebody wanted, and is not
    /// told.
    Emptied {
        /// The newest revision that had been there.
        seen: u64,
    },
    /// The log was deleted or cut while the store was open, and was written anew from memory.
    Healed,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = match self {
            Repair::Restored { revision } => {
                write!(
                    f,
                    "the log, or its end, was missing and was restored from the backup, up to revision {revision}; a commit after that, if there was one, is lost"
                )?;
                &None
            }
            Repair::Mended { offset, kept } => {
                write!(
                    f,
                    "the log was unreadable from byte {offset} on and was mended from the backup"
                )?;
                kept
            }
            Repair::CutOff {
                offset,
                bytes,
                acknowledged,
                kept,
            } => {
                write!(
                    f,
                    "{bytes} bytes at the end of the log, from byte {offset} on, were no whole commit and were cut off"
                )?;
                f.write_str(if *acknowledged {
                    "; they may have been the newest commit, damaged since"
                } else {
                    "; a writer died while writing them, before its commit was acknowledged"
                })?;
                kept
            }
            Repair::BackupRenewed { kept } => {
                f.write_str("the backup did not belong to the log and was written anew")?;
                kept
            }
            Repair::Salvaged {
                before,
                behind,
                kept,
            } => {
                write!(
                    f,
                    "the log was damaged beyond the backup's help: {before} commits before the damage and {behind} behind it were kept, those between are lost"
                )?;
                kept
            }
            Repair::Behind { revision, seen } => {
                write!(
                    f,
                    "the log ends at revision {revision}, and revision {seen} had been there: the commits in between are lost"
                )?;
                &None
            }
            Repair::Emptied { seen } => {
                write!(
                    f,
                    "the files were empty, and revision {seen} had been there: everything is lost, and the store begins anew"
                )?;
                &None
            }
            Repair::Healed => {
                f.write_str("the log was deleted or cut while the store was open and was written anew from memory")?;
                &None
            }
        };
        if let Some(kept) = kept {
            write!(f, " (what was found is kept in {})", kept.display())?;
        }
        Ok(())
    }
}

//! [`Condition`]: what is wrong with a store while it is open, for a service that reports on itself. Never
//! here: what to do about it, and how it is found out; what opening had to put right is a
//! [`Repair`](crate::Repair).

use std::{
    collections::VecDeque,
    fmt,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind},
    loom::Unpoisoned,
    planted::{Bug, planted},
};

/// One thing that is wrong with an open store, or not as it was asked for. Printed, it says what that
/// means for reads and writes, and what to do.
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool }
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// for condition in store.health() {
///     eprintln!("{condition}");
/// }
/// assert!(store.health().is_empty());   // all is well
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Condition {
    /// An earlier error left in doubt what is on disk. Writes are refused until the store is opened anew;
    /// reads go on with the newest state that was published.
    Poisoned {
        /// That error.
        error: Error,
    },
    /// Another program wrote a value that does not fit its type. Reads stay at the state before, and writes
    /// are refused, until somebody writes a value that fits. Whoever waits in a [`Watch`](crate::Watch) or
    /// for [`Changes`](crate::Changes) is told by an error.
    Misfit {
        /// The value's uid, and why it does not fit.
        error: Error,
        /// The revision that reads stay at.
        revision: u64,
    },
    /// The files were replaced while the store was open, and what stands there now does not contain every
    /// commit that this process knows of: an older copy, for one. Reads show what stands there. Where this
    /// process could write, it does not any more, until every handle is dropped and the store is opened again.
    Replaced {
        /// What was found.
        error: Error,
    },
    /// Within the last minute another process had the lock while this one had it: they use the directory
    /// through two views of it whose locks do not keep each other out. The write that met it was refused, and
    /// wrote nothing; reads go on, and so do writes that meet nobody.
    LockDoesNotExclude {
        /// What the write was told.
        error: Error,
    },
    /// The log lost commits while the store was open, and was written anew from what this process remembers:
    /// it was deleted, cut off or damaged, or an older copy was put in its place beside a backup that is newer.
    /// Nothing is lost. It is told until the store is opened anew.
    Healed {
        /// The revision that the log was written anew at.
        revision: u64,
        /// A copy of what was found in its place, where that was anything.
        kept: Option<PathBuf>,
        /// The log.
        path: PathBuf,
    },
    /// Commits of other processes cannot be read for now. Reads stay at the newest state that was read,
    /// and it is tried again.
    NotFollowing {
        /// Why.
        error: Error,
    },
    /// The closure of a write of this process took 100 ms or longer: the slowest one that ended within the
    /// last minute. All other writers of the store, in every process, waited for it.
    SlowClosure {
        /// How long it took, the encoding of what it changed included.
        took: Duration,
        /// What it changed, at most the first five uids. Empty where it changed nothing, or failed.
        uids: Vec<String>,
    },
    /// Other users of the machine may be able to use the log, though it is created for its owner alone: its
    /// file system shows one mode for every file, whatever is asked (ntfs-3g, exfat). Reads and writes go on.
    /// Where an existing log was given to a group on purpose, that is no condition.
    NotPrivate {
        /// The log.
        path: PathBuf,
        /// The permissions that it has: the last nine bits of its mode.
        mode: u32,
    },
}

impl Condition {
    /// The error behind it, where there is one.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Condition::Poisoned { error }
            | Condition::Misfit { error, .. }
            | Condition::Replaced { error }
            | Condition::LockDoesNotExclude { error }
            | Condition::NotFollowing { error } => Some(error),
            Condition::Healed { .. }
            | Condition::SlowClosure { .. }
            | Condition::NotPrivate { .. } => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Poisoned { error } => write!(
                f,
                "writes are refused until every handle is dropped and the store is opened again: {error:#}"
            ),
            Condition::Misfit { error, revision } => write!(
                f,
                "reads stay at revision {revision} and writes are refused until a value that fits is written: {error:#}"
            ),
            Condition::Replaced { error } | Condition::LockDoesNotExclude { error } => {
                write!(f, "{error:#}")
            }
            Condition::Healed {
                revision,
                kept,
                path,
            } => {
                write!(
                    f,
                    "the log was deleted, cut off or replaced by an older one while the store was open, and was written anew from memory at revision {revision}; nothing is lost; to restore an older copy, close the store in every process first: {}",
                    path.display()
                )?;
                match kept {
                    Some(kept) => write!(f, " (what was found is kept in {})", kept.display()),
                    None => Ok(()),
                }
            }
            Condition::NotFollowing { error } => {
                write!(
                    f,
                    "reads may be older than what others committed: {error:#}"
                )
            }
            Condition::SlowClosure { took, uids } => {
                write!(f, "the closure of a write took {took:?}")?;
                if !uids.is_empty() {
                    write!(f, " (it changed `{}`)", uids.join("`, `"))?;
                }
                f.write_str(
                    ", and all other writers waited: do what takes its time before the closure",
                )
            }
            Condition::NotPrivate { path, mode } => write!(
                f,
                "other users may be able to use the log: it has mode {mode:04o}, not the 0600 that it is created with; on a file system without modes, mount it for one user (`umask=0077`), or keep the store elsewhere: {}",
                path.display()
            ),
        }
    }
}

/// What the engine knows of the health of its store. Asking never waits for a write: a closure may take its
/// time.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Something was noted: without that, a write that goes well looks at nothing else here.
    any: AtomicBool,
    /// The standard library's lock also under loom: it is never held across anything that other threads
    /// take part in.
    notes: Mutex<Notes>,
    /// How many there were of what those who wait have to be told.
    events: AtomicU64,
}

/// Which of the events somebody who waits was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    misfit: u64,
    replaced: u64,
}

/// An error, and which of the events it is.
type Event = (u64, Error);

#[derive(Debug, Default)]
struct Notes {
    poisoned: Option<Error>,
    misfits: Vec<Error>,
    /// Since when there have been any.
    misfit: Option<Event>,
    /// The newest replacement of the files. It stays: what was told before it is void.
    replaced: Option<Event>,
    /// Up to where that is known.
    known: u64,
    revision: u64,
    unread: Option<Error>,
    /// When each ended. None is as slow as one before it, so the first is the slowest.
    slow: VecDeque<(Instant, Duration, Vec<String>)>,
}

/// A closure that takes so long is told of.
const SLOW: Duration = Duration::from_millis(100);
/// For so long.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// So many of its uids.
const UIDS: usize = 5;

impl Board {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unpoisoned()
    }

    /// What came of looking for other processes' commits.
    pub(crate) fn read<T>(&self, outcome: &Result<T, Error>) {
        match outcome {
            // Relaxed: the lock orders the notes.
            Ok(_) if !self.any.load(Ordering::Relaxed) => {}
            Ok(_) => self.notes().unread = None,
            Err(error) => {
                self.notes().unread = Some(error.clone());
                self.any.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The error that refuses writes.
    pub(crate) fn poisoned(&self, error: Option<&Error>) {
        if error.is_none() && !self.any.load(Ordering::Relaxed) {
            return;
        }
        let notes = &mut *self.notes();
        notes.poisoned = error.cloned();
        self.sum_up(notes);
    }

    /// The files were replaced by others with another history, of which nothing is known yet.
    pub(crate) fn replaced(&self, error: Error) {
        let notes = &mut *self.notes();
        notes.replaced = Some((self.count(), error));
        notes.misfits.clear();
        notes.misfit = None;
        notes.known = 0;
        self.sum_up(notes);
    }

    /// What a newcomer has been told: that the files were replaced is nothing to one who has seen no others.
    pub(crate) fn told(&self) -> Told {
        if self.events.load(Ordering::Acquire) == 0 {
            return Told::default();
        }
        let replaced = self.notes().replaced.as_ref().map_or(0, |event| event.0);
        Told {
            misfit: 0,
            replaced,
        }
    }

    /// The newest replacement of the files, if it was not told.
    pub(crate) fn tell_replaced(&self, told: &mut Told) -> Option<Error> {
        self.tell(&mut told.replaced, |notes| notes.replaced.as_ref())
    }

    /// A value that does not fit, as long as there is one, if it was not told.
    pub(crate) fn tell_misfit(&self, told: &mut Told) -> Option<Error> {
        if planted(Bug::WaitBesideMisfit) {
            return None;
        }
        self.tell(&mut told.misfit, |notes| notes.misfit.as_ref())
    }

    fn tell(&self, told: &mut u64, event: fn(&Notes) -> Option<&Event>) -> Option<Error> {
        // Acquire: who sees the count sees what was done before it.
        if self.events.load(Ordering::Acquire) == 0 {
            return None;
        }
        let notes = self.notes();
        let (number, error) = event(&notes).filter(|(number, _)| number > told)?;
        *told = *number;
        Some(error.clone())
    }

    fn count(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Release) + 1
    }

    /// What does not fit of the state at `known`, while readers see `revision`. Whoever knows more has said
    /// so already. Returns whether those who wait have to be told.
    pub(crate) fn misfits<'a>(
        &self,
        known: u64,
        misfits: impl ExactSizeIterator<Item = &'a Error>,
        revision: u64,
    ) -> bool {
        if misfits.len() == 0 && !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let notes = &mut *self.notes();
        if known < notes.known && !notes.misfits.is_empty() {
            return false;
        }
        notes.known = known;
        notes.misfits = misfits.cloned().collect();
        notes.revision = revision;
        let before = notes.misfit.take();
        let is_new = before.is_none() && !notes.misfits.is_empty();
        let first = notes.misfits.first();
        notes.misfit = first.map(|error| before.unwrap_or_else(|| (self.count(), error.clone())));
        self.sum_up(notes);
        is_new
    }

    /// A closure ended, and took so long.
    pub(crate) fn closure<'a>(&self, took: Duration, uids: impl Iterator<Item = &'a str>) {
        if took < SLOW {
            return;
        }
        let now = Instant::now();
        let slow = &mut self.notes().slow;
        while slow.back().is_some_and(|(_, other, _)| *other <= took) {
            slow.pop_back();
        }
        let uids = uids.take(UIDS).map(str::to_owned).collect();
        slow.push_back((now, took, uids));
        while slow
            .front()
            .is_some_and(|(at, ..)| now.duration_since(*at) > TOLD_FOR)
        {
            slow.pop_front();
        }
    }

    fn sum_up(&self, notes: &Notes) {
        let any = notes.poisoned.is_some()
            || notes.unread.is_some()
            || notes.replaced.is_some()
            || !notes.misfits.is_empty();
        self.any.store(any, Ordering::Relaxed);
    }

    /// Everything that was noted, the worst first. `name` says of each error which store it is about.
    pub(crate) fn conditions(&self, name: impl Fn(Error) -> Error) -> Vec<Condition> {
        let notes = self.notes();
        let poisoned = notes.poisoned.iter().map(|error| Condition::Poisoned {
            error: name(error.clone()),
        });
        let replaced = notes.replaced.iter().map(|(_, error)| Condition::Replaced {
            error: name(error.clone()),
        });
        let unread = notes.unread.iter().map(|error| {
            let error = name(error.clone());
            match error.kind() {
                ErrorKind::Replaced => Condition::Replaced { error },
                _ => Condition::NotFollowing { error },
            }
        });
        let misfits = notes.misfits.iter().map(|error| Condition::Misfit {
            error: name(error.clone()),
            revision: notes.revision,
        });
        let recent = |at: &Instant| at.elapsed() <= TOLD_FOR;
        let slow = notes.slow.iter().find(|(at, ..)| recent(at));
        let slow = slow.map(|(_, took, uids)| Condition::SlowClosure {
            took: *took,
            uids: uids.clone(),
        });
        let kept_out = poisoned.chain(replaced).chain(unread);
        kept_out.chain(misfits).chain(slow).collect()
    }
}

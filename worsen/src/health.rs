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
    /// An earlier error left in doubt what is on disk. The store refuses writes until it is opened anew;
    /// reads go on with the newest state that was published.
    Poisoned {
        /// That error.
        error: Error,
    },
    /// Another program wrote a value that does not fit its type. Reads stay at the state before, and the store
    /// refuses writes, until somebody writes a value that fits. Every [`Watch`](crate::Watch) and every
    /// [`Changes`](crate::Changes) returns it once, as an error.
    Misfit {
        /// The value's uid, and why it does not fit.
        error: Error,
        /// The revision that reads stay at.
        revision: u64,
    },
    /// A stored value does not fit its field, which says `on_mismatch = "seed"`: it reads as its seed. What is stored
    /// stays as it is until the field is set. Reads and writes go on.
    ReadsAsSeed {
        /// The field's uid, and why the value does not fit.
        error: Error,
    },
    /// Entries of a collection do not fit its type, and are left out. They stay as they are until they are set, removed
    /// or put right, or the collection is cleared, reset or replaced. Reads and writes go on.
    LeftOut {
        /// The uid of the first of them, and why it does not fit.
        error: Error,
        /// How many there are.
        entries: usize,
    },
    /// A stored value breaks a rule of its field, or of the struct: another program wrote it, or an older
    /// version of this one. Reads show it, and the store refuses no write that leaves it as it is.
    Invalid {
        /// The value's uid, unless the rule is the struct's, and which rule it breaks.
        error: Error,
    },
    /// The files were replaced while the store was open, and what stands there now does not contain every
    /// commit that this process knows of: an older copy, for one. Reads show what stands there. Where this
    /// process could write, it does not any more, until every handle is dropped and the store is opened again.
    Replaced {
        /// What was found.
        error: Error,
    },
    /// Within the last minute another process had the lock while this one had it: they use the directory
    /// through two views of it whose locks do not keep each other out. The store refused the write that met the
    /// other process, and nothing of it was written; reads go on, and so do writes that meet nobody.
    LockDoesNotExclude {
        /// What the write was told.
        error: Error,
    },
    /// The log lost commits while the store was open: somebody deleted it, cut it off, damaged it or put an older
    /// copy in its place beside a backup that is newer. The store wrote it anew from what this process remembers,
    /// so nothing is lost, and tells of it until it is opened anew.
    Healed {
        /// The revision that the log was written anew at.
        revision: u64,
        /// A copy of what stood in its place, where that was anything.
        kept: Option<PathBuf>,
        /// The log.
        path: PathBuf,
    },
    /// The commits of other processes cannot be read for now. Reads stay at the newest state that was read,
    /// and the store tries again.
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
    /// A former uid of a field holds a value, and so does the field's own: an older program has written it after
    /// the field was renamed. The field is read from `read`, and the other value stays as it is, for that program.
    /// Found at opening.
    FormerUid {
        /// The uid whose value is not read.
        uid: String,
        /// The one whose value is.
        read: String,
    },
    /// The store has uids that the struct has no field for: another program writes them, or a field was renamed
    /// and reads as its seed since. They stay as they are. Found at opening; not told of a store whose version is
    /// newer than the program's.
    UnknownUids {
        /// All of them.
        uids: Vec<UnknownUid>,
    },
}

/// A uid in the file that the program has no field for. It is kept through every write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownUid {
    /// The uid of a field. For a collection it stands for all of its entries.
    pub uid: String,
    /// The uid of a field that the store has no value of, and that looks like it: the field may have been renamed.
    pub similar: Option<String>,
}

impl fmt::Display for UnknownUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.uid.escape_debug())?;
        match &self.similar {
            Some(similar) => write!(f, " (did you mean `{}`?)", similar.escape_debug()),
            None => Ok(()),
        }
    }
}

impl UnknownUid {
    /// How many of them a message names.
    const NAMED: usize = 5;

    /// Their names, for a message.
    pub(crate) fn list(all: &[UnknownUid]) -> String {
        let named: Vec<String> = all.iter().take(Self::NAMED).map(Self::to_string).collect();
        let named = named.join(", ");
        match all.len().saturating_sub(Self::NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

impl Condition {
    /// The error behind it, where there is one.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Condition::Poisoned { error }
            | Condition::Misfit { error, .. }
            | Condition::ReadsAsSeed { error }
            | Condition::LeftOut { error, .. }
            | Condition::Invalid { error }
            | Condition::Replaced { error }
            | Condition::LockDoesNotExclude { error }
            | Condition::NotFollowing { error } => Some(error),
            Condition::Healed { .. }
            | Condition::SlowClosure { .. }
            | Condition::NotPrivate { .. }
            | Condition::FormerUid { .. }
            | Condition::UnknownUids { .. } => None,
        }
    }
}

impl Condition {
    /// What the uids of another version of the program have come to.
    fn tell_uids(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::FormerUid { uid, read } => write!(
                f,
                "an older program wrote `{}` after the field was renamed; the field is read from `{}`, and the other value stays for that program",
                uid.escape_debug(),
                read.escape_debug(),
            ),
            Condition::UnknownUids { uids } => write!(
                f,
                "the store has uids that this program has no field for, and keeps them: {}; a renamed field takes its value over by `#[store(alias = \"...\")]`, and `removed(\"...\")` drops one for good",
                UnknownUid::list(uids)
            ),
            _ => Ok(()),
        }
    }
}

impl Condition {
    /// What is stored, does not fit and is not shown.
    fn tell_unfit(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::ReadsAsSeed { error } => write!(
                f,
                "the field reads as its seed, and what is stored stays in the file until the field is set: {error:#}"
            ),
            Condition::LeftOut { error, entries: 1 } => write!(
                f,
                "an entry is left out, and stays in the file until it is set or removed: {error:#}"
            ),
            Condition::LeftOut { error, entries } => write!(
                f,
                "{entries} entries are left out, and stay in the file until they are set or removed; the first is: {error:#}"
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Poisoned { error } => write!(
                f,
                "the store refuses writes until every handle is dropped and it is opened again: {error:#}"
            ),
            Condition::Misfit { error, revision } if error.kind() == ErrorKind::Version => write!(
                f,
                "reads stay at revision {revision}, and the store refuses writes: {error:#}"
            ),
            Condition::Misfit { error, revision } => write!(
                f,
                "reads stay at revision {revision}, and the store refuses writes, until a program writes a value that fits: {error:#}"
            ),
            Condition::ReadsAsSeed { .. } | Condition::LeftOut { .. } => self.tell_unfit(f),
            Condition::Replaced { error }
            | Condition::LockDoesNotExclude { error }
            | Condition::Invalid { error } => {
                write!(f, "{error:#}")
            }
            Condition::Healed {
                revision,
                kept,
                path,
            } => {
                write!(
                    f,
                    "the log was deleted, cut off, damaged or replaced by an older one while the store was open; the store wrote it anew from memory at revision {revision}, and nothing is lost; to restore an older copy, close the store in every process first: {}",
                    path.display()
                )?;
                match kept {
                    Some(kept) => write!(
                        f,
                        " (a copy of what stood there is kept in {})",
                        kept.display()
                    ),
                    None => Ok(()),
                }
            }
            Condition::NotFollowing { error } => {
                write!(
                    f,
                    "reads may be older than what other processes have committed: {error:#}"
                )
            }
            Condition::SlowClosure { took, uids } => {
                write!(f, "the closure of a write took {took:?}")?;
                if !uids.is_empty() {
                    write!(f, " (it changed `{}`)", uids.join("`, `"))?;
                }
                f.write_str(
                    ", and all other writers waited for it; do what takes long before the write",
                )
            }
            Condition::FormerUid { .. } | Condition::UnknownUids { .. } => self.tell_uids(f),
            Condition::NotPrivate { path, mode } => write!(
                f,
                "other users may be able to use the log: it has mode {mode:04o}, and the store creates it with 0600; where the file system has no modes, mount it for one user (`umask=0077`), or keep the store elsewhere: {}",
                path.display()
            ),
        }
    }
}

/// What the engine knows of the health of its store. Asking never waits for a write: a closure may take its
/// time.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Whether anything is noted. While nothing is, a write that succeeds looks at nothing else here.
    any: AtomicBool,
    /// The standard library's lock also under loom: it is never held across anything that other threads
    /// take part in.
    notes: Mutex<Notes>,
    /// Counts the events that every waiting reader has to be told of.
    events: AtomicU64,
}

/// The newest event of either sort that one waiting reader was told of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    misfit: u64,
    replaced: u64,
}

/// An error, and its number among the events.
type Event = (u64, Error);

#[derive(Debug, Default)]
struct Notes {
    poisoned: Option<Error>,
    misfits: Vec<Error>,
    /// The event at which the first of them came up.
    misfit: Option<Event>,
    /// The newest replacement of the files. It stays, as it voids all that was told before it.
    replaced: Option<Event>,
    /// The revision up to which the misfits are known.
    known: u64,
    /// The one that readers stay at.
    revision: u64,
    /// Why the commits of other processes could not be read, the last time that the store looked.
    unread: Option<Error>,
    /// The closures with the time at which each ended. None is as slow as one before it, so the first is the
    /// slowest.
    slow: VecDeque<(Instant, Duration, Vec<String>)>,
}

/// The store tells of a closure that takes this long or longer.
const SLOW: Duration = Duration::from_millis(100);
/// How long it tells of one.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// How many of its uids it names at most.
const UIDS: usize = 5;

impl Board {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unpoisoned()
    }

    /// Notes what came of looking for the commits of other processes.
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

    /// Notes the error for which the store refuses writes, or that it refuses none.
    pub(crate) fn poisoned(&self, error: Option<&Error>) {
        if error.is_none() && !self.any.load(Ordering::Relaxed) {
            return;
        }
        let notes = &mut *self.notes();
        notes.poisoned = error.cloned();
        self.sum_up(notes);
    }

    /// Notes that somebody replaced the files by others with another history, of which nothing is known yet.
    pub(crate) fn replaced(&self, error: Error) {
        let notes = &mut *self.notes();
        notes.replaced = Some((self.count(), error));
        notes.misfits.clear();
        notes.misfit = None;
        notes.known = 0;
        self.sum_up(notes);
    }

    /// What counts as told to a reader that begins to wait now. It has seen no other files, so a replacement is no
    /// news to it.
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

    /// The newest replacement of the files, if this reader was not told of it.
    pub(crate) fn tell_replaced(&self, told: &mut Told) -> Option<Error> {
        self.tell(&mut told.replaced, |notes| notes.replaced.as_ref())
    }

    /// A value that does not fit, as long as there is one, if this reader was not told of it.
    pub(crate) fn tell_misfit(&self, told: &mut Told) -> Option<Error> {
        if planted(Bug::WaitBesideMisfit) {
            return None;
        }
        self.tell(&mut told.misfit, |notes| notes.misfit.as_ref())
    }

    fn tell(&self, told: &mut u64, event: fn(&Notes) -> Option<&Event>) -> Option<Error> {
        // Acquire: a thread that sees the count sees what was done before it.
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

    /// Notes what does not fit of the state at `known`, while readers see `revision`. A thread that knew a newer
    /// state has noted that already. Returns whether waiting readers have to be told.
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

    /// Notes a closure that has just ended, where it took long.
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

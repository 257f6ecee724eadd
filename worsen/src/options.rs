//! What can be chosen of a store, as plain data. What an option does is done elsewhere.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::error::Error;

/// How much an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// `kill -9` and power loss: the disk has confirmed it. The default.
    #[default]
    Synced,
    /// `kill -9` alone: the operating system has it, and writes it to disk within about half a minute. A power
    /// cut in between may take the newest writes back, though never one without all that came after it. Many
    /// times faster.
    Buffered,
}

/// How much of its past a store keeps, at least: see [`Builder::history`](crate::Builder::history).
///
/// ```
/// use std::time::Duration;
/// use worsen::Retention;
///
/// assert_eq!(Retention::from(1000), Retention::Commits(1000));
/// assert_eq!(Retention::from(Duration::from_secs(60)), Retention::Age(Duration::from_secs(60)));
/// assert_eq!(Retention::default(), Retention::Nothing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// What the log happens to hold. The default.
    #[default]
    Nothing,
    /// The newest commits, this many.
    Commits(u64),
    /// The commits of this long, by the clocks of the processes that made them.
    Age(Duration),
}

impl From<u64> for Retention {
    fn from(commits: u64) -> Self {
        Retention::Commits(commits)
    }
}

impl From<Duration> for Retention {
    fn from(age: Duration) -> Self {
        Retention::Age(age)
    }
}

/// A moment in the past of a store: what [`Handle::at`](crate::Handle::at) and
/// [`Handle::revert_to`](crate::Handle::revert_to) take, as it is or as one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Right behind the commit of this revision.
    Revision(u64),
    /// When the newest commit was made that says it was made by then. A commit says its time to the millisecond,
    /// by the clock of its process. Where that was set back, several moments have one time, and this is one of
    /// them.
    Time(SystemTime),
}

impl From<u64> for At {
    fn from(revision: u64) -> Self {
        At::Revision(revision)
    }
}

impl From<SystemTime> for At {
    fn from(time: SystemTime) -> Self {
        At::Time(time)
    }
}

/// What a stored value reads as that does not fit its field, such as the new variant of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMismatch {
    /// Opening is an error. While the store is open, reads stay at the state before, and writes are refused. The
    /// default, but for the entries of a collection.
    #[default]
    Error,
    /// It reads as the field's seed, and stays in the file until the field is set; an entry of a collection is left
    /// out. `health()` tells of both.
    Seed,
}

/// The container's attributes, before a builder overrides them.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Settings {
    pub name: String,
    /// An error where the platform's data folder was asked for and there is none. `open` reports it, unless the
    /// builder names a directory.
    pub dir: Result<PathBuf, Error>,
    /// Whether directories above it that are missing are created too.
    pub create_parents: bool,
    /// `None`: never.
    pub poll: Option<Duration>,
    pub lock_timeout: Duration,
    pub durability: Durability,
    pub history: Retention,
    /// `None`: an error, but entries of collections are left out.
    pub on_mismatch: Option<OnMismatch>,
}

impl Settings {
    /// The defaults, for a store of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Settings {
            name: name.into(),
            dir: Ok(PathBuf::from("db")),
            create_parents: false,
            poll: Some(Duration::from_secs(5)),
            lock_timeout: Duration::from_secs(5),
            durability: Durability::Synced,
            history: Retention::Nothing,
            on_mismatch: None,
        }
    }
}

/// What a process may do to the files of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: there is no lock, or no permission. Stops at the last valid line.
    ReadOnly,
    /// Put right what can be put right without losing an acknowledged commit.
    Repair,
    /// Go on with what is left where acknowledged commits are lost.
    Salvage,
}

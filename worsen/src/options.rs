//! What can be chosen of a store, as plain data. What an option does is done elsewhere.

use std::{path::PathBuf, time::Duration};

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

//! Why the files of a store are left as they are, and how a user is told.

use crate::{
    backend::file::{format::FORMAT, paths::Paths},
    error::{self, Error},
};

/// Why nothing is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The store is opened for reading only, and there is none.
    Nothing,
    Foreign,
    OtherStore(String),
    Newer(u64),
    Damaged {
        offset: u64,
        revision: u64,
    },
    BackupUnreadable,
}

impl Refusal {
    pub(super) fn into_error(self, paths: &Paths) -> Error {
        let log = &paths.log;
        match self {
            Refusal::Nothing => error::recovery::nothing_here(log),
            Refusal::Foreign => error::recovery::foreign(log),
            Refusal::OtherStore(name) => error::recovery::other_store(log, &name),
            Refusal::Newer(format) => error::recovery::newer_format(log, format, FORMAT),
            Refusal::Damaged { offset, revision } => {
                error::recovery::damaged(log, offset, revision)
            }
            Refusal::BackupUnreadable => error::recovery::backup_unreadable(log),
        }
    }
}

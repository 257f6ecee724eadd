//! Why the files of a store are left as they are, and how a user is told.

use crate::{
    backend::file::{format::FORMAT, paths::Paths},
    error::{Error, ErrorKind},
};

/// Why nothing is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is to be read alone, and there is none.
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
        let error = match self {
            Refusal::Nothing => Error::new(ErrorKind::NotAStore, "there is no store here")
                .help("open it once without `.read_only()` to create it, or look at its name and directory"),
            Refusal::Foreign => Error::new(ErrorKind::NotAStore, "this file was not written by worsen")
                .help("nothing was changed; move it away, or choose another name or directory"),
            Refusal::OtherStore(name) => Error::new(
                ErrorKind::NotAStore,
                format!("this file is the log of the store `{}`", name.escape_debug()),
            )
            .help("open it by that name; a log cannot be renamed"),
            Refusal::Newer(format) => Error::new(
                ErrorKind::NewerFormat,
                format!("this file has format {format}, and this version of worsen reads up to {FORMAT}"),
            )
            .help("nothing was changed; use a newer version of worsen"),
            Refusal::Damaged { offset, revision } => Error::new(
                ErrorKind::Damaged,
                format!("the log cannot be read from byte {offset} on, behind revision {revision}, and the backup does not hold what is missing"),
            )
            .help("nothing was changed; restore the file from a copy, or open with `.salvage()` to go on with what can be read"),
            Refusal::BackupUnreadable => Error::new(
                ErrorKind::Damaged,
                "the log is missing or empty, and the backup cannot be read",
            )
            .help("nothing was changed; restore either file from a copy, remove both to begin anew, or open with `.salvage()`"),
        };
        error.path(&paths.log)
    }
}

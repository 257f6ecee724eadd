//! Why something of a store's past is not shown, is not taken back, or does not go.

use std::path::Path;

use super::{Error, ErrorKind};

const KEEPS_MORE: &str =
    "`history` keeps more of it: `#[store(history = \"7d\")]`, or `.history(1000)` of the builder";

fn not_in_history(what: String) -> Error {
    Error::new(ErrorKind::NotInHistory, what).help(KEEPS_MORE)
}

/// `spans`: the revisions that there are, as the first and the last of many.
pub(crate) fn no_such_revision(revision: u64, spans: &[(u64, u64)]) -> Error {
    let all: Vec<String> = spans
        .iter()
        .map(|(first, last)| format!("{first} to {last}"))
        .collect();
    let what = format!(
        "revision {revision} is not in the history, which has the revisions {}",
        all.join(", ")
    );
    match spans.last() {
        Some((_, last)) if revision > *last => {
            Error::new(ErrorKind::NotInHistory, what).help("nobody has committed it yet")
        }
        _ => not_in_history(what),
    }
}

/// `revision`: the first that there is, and when that was written.
pub(crate) fn before_all(revision: u64, at: &str) -> Error {
    not_in_history(format!(
        "the history begins with revision {revision}, at {at}, and that time is before it"
    ))
}

pub(crate) fn damaged(path: &Path, revision: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("this part of the history cannot be read behind revision {revision}"),
    )
    .help("the newest state is not concerned; put a copy of this file in its place, or ask for another moment")
    .path(path)
}

/// This process has committed nothing, or it is not known any more what that was.
pub(crate) fn nothing_to_undo() -> Error {
    Error::new(
        ErrorKind::NotInHistory,
        "this process has made no commit that can be undone since it opened the store",
    )
    .nothing_written()
    .help("`revert_to` makes the state what it was at any revision of the history")
}

/// Somebody has changed the same since.
pub(crate) fn built_on(uid: &str, revision: u64) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("commit {revision} cannot be undone: this uid was changed since"),
    )
    .nothing_written()
    .help("look at what it holds now, and write what it is to hold")
    .in_uid(uid)
}

/// A purge has written the log anew, and not the backup.
pub(crate) fn backup_remains(path: &Path) -> Error {
    Error::new(
        ErrorKind::Io,
        "the backup still holds what was overwritten, as it cannot be written anew",
    )
    .help("look at the disk and the directory, and purge again")
    .path(path)
}

super::system::refusals! {
    unreadable: "this part of the history cannot be read";
    not_removed: "the file cannot be removed, which holds what was overwritten";
    not_looked_for: "the directory cannot be searched for files that hold what was overwritten";
}

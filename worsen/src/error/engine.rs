//! Why a write is refused, or fails, before any file is asked; and what becomes of those after one that left
//! the store in doubt.

use super::{Effect, Error, ErrorKind, ValueError};

/// What puts a store right that refuses writes.
pub(super) const OPEN_AGAIN: &str = "drop every handle and open the store again";

pub(crate) fn nested() -> Error {
    Error::new(
        ErrorKind::Nested,
        "a write was started inside the closure of another write",
    )
    .nothing_written()
    .help("change everything in the outer closure, or write after it has returned")
}

pub(crate) fn forked() -> Error {
    Error::new(
        ErrorKind::Forked,
        "this handle was carried into a forked child process",
    )
    .nothing_written()
    .help("open the store in the child")
}

pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the store was opened for reading only")
        .nothing_written()
        .help("open it without `.read_only()` to write")
}

/// The closure of a write panicked, which nobody waited for.
pub(crate) fn panicked() -> Error {
    Error::new(ErrorKind::Panicked, "the closure of the write panicked")
        .nothing_written()
        .help("see what was printed when it happened")
}

/// The store refuses writes, because of this.
pub(crate) fn poisoned(cause: Option<&Error>) -> Error {
    let error = Error::new(
        ErrorKind::Poisoned,
        "the store refuses writes, as an earlier one left in doubt what is on disk",
    )
    .nothing_written()
    .help(OPEN_AGAIN);
    match cause {
        Some(cause) => error.caused_by(cause.clone()),
        None => error,
    }
}

/// Something panicked, while the store did this, that is no closure of a write.
pub(crate) fn broken(doing: &str) -> Error {
    Error::new(
        ErrorKind::Broken,
        format!("something panicked while the store {doing}: the `Clone` or `Drop` of a stored type, or worsen itself"),
    )
    .help(format!("see what was printed when it happened; then {OPEN_AGAIN}"))
}

/// What a write had changed in memory cannot be taken back.
pub(crate) fn not_undone(why: ValueError) -> Error {
    Error::new(
        ErrorKind::Broken,
        format!(
            "a write that failed cannot be undone in memory: {}",
            why.what
        ),
    )
    .with_effect(Effect::NothingWritten)
    .help(OPEN_AGAIN)
}

pub(crate) fn commit_too_large(bytes: usize, limit: usize) -> Error {
    too_large(
        format!("the commit has {bytes} bytes; the limit is {limit}"),
        "write it in several commits, or raise `max_commit_bytes`",
    )
}

pub(crate) fn too_many_uids(after: usize, limit: usize) -> Error {
    too_large(
        format!("the store would have {after} uids; the limit is {limit}"),
        "remove what is not needed, or raise `max_uids`",
    )
}

pub(crate) fn too_deep(uid: &str, levels: usize, limit: usize) -> Error {
    too_large(
        format!("the value is nested {levels} levels deep; the limit is {limit}"),
        "make it flatter, or raise `max_nesting`",
    )
    .in_uid(uid)
}

fn too_large(what: String, help: &'static str) -> Error {
    Error::new(ErrorKind::TooLarge, what)
        .nothing_written()
        .help(help)
}

/// A closure that found no field to change.
pub(crate) fn not_stored() -> Error {
    Error::new(
        ErrorKind::InvalidField,
        "this work queue is not a stored field of the store",
    )
    .nothing_written()
    .help("name a field of the struct that is not skipped: `store.work(|state| &state.jobs)`")
}

/// An engine is opened with the model of its own handle, so nobody sees this.
pub(crate) fn of_another_store() -> Error {
    Error::new(
        ErrorKind::InvalidField,
        "this handle does not belong to this store",
    )
    .nothing_written()
    .help("use the handle that opening the store has returned")
}

/// These commits were to be told, and are in no log any more.
pub(crate) fn gap(first: u64, last: u64) -> Error {
    Error::new(
        ErrorKind::Gap,
        format!("the commits {first} to {last} are not in the log any more"),
    )
    .help("read the state as it is by a snapshot; the commits behind them come next")
}

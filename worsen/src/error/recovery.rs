//! Why files are not opened as a store, or cannot be put right.

use std::path::Path;

use super::{Error, ErrorKind};

/// There is no log, and none may be created.
pub(crate) fn nothing_here(path: &Path) -> Error {
    Error::new(ErrorKind::NotFound, "there is no store here")
        .help("open it once without `.read_only()` to create it, or look at its name and directory")
        .path(path)
}

/// There is neither a log nor a backup.
pub(crate) fn nothing_to_check(path: &Path) -> Error {
    Error::new(ErrorKind::NotFound, "there is no store here")
        .help("name the log itself, such as `db/state.db`")
        .path(path)
}

/// There are files of a store, and nothing in them.
pub(crate) fn nothing_in_the_files(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the log and the backup hold nothing: they are empty, or blank from end to end",
    )
    .help("restore the file from a copy; opening the store would begin it anew")
    .path(path)
}

pub(crate) fn foreign(path: &Path) -> Error {
    Error::new(ErrorKind::NotAStore, "this file was not written by worsen")
        .nothing_written()
        .help("move it away, or choose another name or directory")
        .path(path)
}

pub(crate) fn other_store(path: &Path, name: &str) -> Error {
    Error::new(
        ErrorKind::NotAStore,
        format!(
            "this file is the log of the store `{}`",
            name.escape_debug()
        ),
    )
    .nothing_written()
    .help("open it by that name; a log cannot be renamed")
    .path(path)
}

/// Something else stands where a file of the store belongs.
pub(crate) fn not_a_regular_file(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::NotAStore, "this is not a regular file")
        .nothing_written()
        .help("a store's files must not be links, pipes or directories: move it away, or choose another name or directory")
        .path(path)
        .caused_by(error)
}

pub(crate) fn newer_format(path: &Path, format: u64, known: u64) -> Error {
    Error::new(
        ErrorKind::NewerFormat,
        format!("this file has format {format}, and this version of worsen reads up to {known}"),
    )
    .nothing_written()
    .help("use a newer version of worsen")
    .path(path)
}

/// The log is damaged from a byte on, and the backup does not make up for it.
pub(crate) fn damaged(path: &Path, offset: u64, revision: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("the log cannot be read from byte {offset} on, behind revision {revision}, and the backup does not hold what is missing"),
    )
    .nothing_written()
    .help("restore the file from a copy, or open with `.salvage()` to go on with what can be read")
    .path(path)
}

pub(crate) fn backup_unreadable(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the log is missing or empty, and the backup cannot be read",
    )
    .nothing_written()
    .help("restore either file from a copy, remove both to begin anew, or open with `.salvage()`")
    .path(path)
}

pub(crate) fn too_many_copies(dir: &Path) -> Error {
    Error::new(ErrorKind::Io, "there are too many copies of damaged files")
        .nothing_written()
        .help("look at the files with `.damaged-` in their names, and remove those that are not needed")
        .path(dir)
}

super::system::refusals! {
    cannot_be_opened: "the file cannot be opened";
    cannot_be_read: "the file cannot be read";
    stale_file_stays: "a stale file cannot be removed";
    no_copy: "no copy of the damaged file can be kept";
    end_cannot_be_cut: "the end of the log cannot be cut off";
    backup_cannot_be_cut: "the backup cannot be cut";
    not_put_back: "a file that was moved aside cannot be put back";
}

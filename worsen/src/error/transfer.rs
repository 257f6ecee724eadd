//! Why a store is not copied, restored, exported or imported, and why it cannot be checked.

use std::{error::Error as StdError, path::Path};

use super::{Error, ErrorKind, ValueError};

/// The backend keeps nothing that could be copied.
pub(crate) fn no_copies(path: &Path) -> Error {
    Error::new(ErrorKind::Io, "a store of this kind has no copies")
        .help("export it with `.export_json()`")
        .path(path)
}

pub(crate) fn not_the_name_of_a_copy(path: &Path) -> Error {
    Error::new(
        ErrorKind::InvalidName,
        "this cannot be the path of a copy of a store: it does not end in `.db`",
    )
    .help("name the file itself, such as `backups/state.db`")
    .path(path)
}

/// What stands at the place of a copy must stay: `why`.
pub(crate) fn not_a_copy(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorKind::Occupied,
        format!("what stands there is no older copy of this store: {why}"),
    )
    .help("choose another path, or move away what stands there")
    .path(path)
}

/// What stands at the place of a copy cannot be read as one.
pub(crate) fn not_an_older_copy(path: &Path, error: Error) -> Error {
    not_a_copy(path, "it cannot be read as one").caused_by(error)
}

/// The log holds no more than the commits up to this one, though readers saw more.
pub(crate) fn log_not_copied(path: &Path, revision: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("the log cannot be copied: it cannot be read behind revision {revision}"),
    )
    .help("drop every handle and open the store again, which mends the log where that can be done, then copy it again; `worsen::check` tells what is wrong with it")
    .path(path)
}

pub(crate) fn copy_is_not_whole(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the copy is not whole: something of it is missing or unreadable",
    )
    .nothing_written()
    .help("`worsen::check` tells what; take another copy, or open this one by itself, which puts right what can be put right, and copy that")
    .path(path)
}

/// A reader of the state that is in the middle of reading it asks for all of it.
pub(crate) fn read_within_reading() -> Error {
    Error::new(
        ErrorKind::Nested,
        "a store cannot be exported by the code that reads one of its values",
    )
    .help("export it after the value was read")
}

/// Several things are wrong with what was to be taken over, each with its place.
pub(crate) fn does_not_fit(kind: ErrorKind, problems: &[(String, String)], of: &str) -> Error {
    let count = match problems.len() {
        1 => String::new(),
        count => format!(" in {count} places"),
    };
    let told: Vec<String> = problems
        .iter()
        .map(|(uid, what)| format!("`{}`: {what}", uid.escape_debug()))
        .collect();
    let error = Error::new(
        kind,
        format!("{of} does not fit this store{count}: {}", told.join("; ")),
    )
    .nothing_written()
    .help("put right what is named, and try again");
    match problems {
        [(uid, _)] => error.in_uid(uid),
        _ => error,
    }
}

/// A text that was to be one JSON object.
pub(crate) fn no_json_object(what: &str, error: serde_json::Error) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("{what} is not one JSON object of uids and values"),
    )
    .nothing_written()
    .help("look at what was exported, or written by hand, at the place that the cause names (`{:#}` prints it)")
    .caused_by(error)
}

/// An object that was to be one of a collection's entries.
pub(crate) fn no_entries(error: serde_json::Error) -> ValueError {
    ValueError::new(
        ErrorKind::Decode,
        format!("this is not one object of entries: {error}"),
        "write each entry once",
    )
}

/// The folder in which another program keeps its state is that of a user who has none.
pub(crate) fn no_place_to_import_from(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::new(
        ErrorKind::Directory,
        "the folder of what is to be imported cannot be found",
    )
    .help("set the home directory of the user, or name the file itself")
    .caused_by(error)
}

/// What an import leaves as it is, with its help.
const STAYS_EMPTY: &str = "put the file right, or leave the import out to begin with the seeds; the store stays empty until then";

/// What is to be imported is not `what` it was said to be.
pub(crate) fn source_is_not(
    path: &Path,
    what: &str,
    error: impl StdError + Send + Sync + 'static,
) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("this cannot be imported, as it is not {what}, or not all of it"),
    )
    .nothing_written()
    .help(STAYS_EMPTY)
    .path(path)
    .caused_by(error)
}

#[cfg(feature = "import")]
pub(crate) fn source_without_data(path: &Path) -> Error {
    Error::new(
        ErrorKind::Decode,
        "this cannot be imported: it has no `data`, as a store of the worsen of Node has",
    )
    .nothing_written()
    .help(STAYS_EMPTY)
    .path(path)
}

pub(crate) fn source_too_large(path: &Path, limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("this cannot be imported: it has more than {limit} bytes"),
    )
    .nothing_written()
    .help("write it into the store by a program, part by part")
    .path(path)
}

super::system::refusals! {
    source_unreadable: "what is to be imported cannot be read";
    copy_not_written: "the copy cannot be written";
}

//! Why a store is not opened, before its files are looked at: names, options, directories.

use std::{error::Error as StdError, io, path::Path};

use super::{Error, ErrorKind};

pub(crate) fn invalid_name(name: &str, what: String) -> Error {
    Error::new(ErrorKind::InvalidName, what)
        .help("a name is one path component, such as `app-state`; put directories into `dir`")
        .in_store(name, None)
}

pub(crate) fn poll_of_zero(help: &'static str) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        "a polling interval of zero would never stop looking",
    )
    .help(help)
}

/// The values of a store cannot be of two types.
pub(crate) fn open_with_other_values(path: &Path, open: &str, wanted: &str) -> Error {
    Error::new(
        ErrorKind::AlreadyOpen,
        format!("this process has the store open as a `PersistentStore<{open}>`, which cannot be a `PersistentStore<{wanted}>` too"),
    )
    .help("open it as the same type, or give one of the two another name")
    .path(path)
}

pub(crate) fn opened_within_its_opening(path: &Path) -> Error {
    Error::new(
        ErrorKind::Nested,
        "the store is being opened by this thread: its seeds or its migration open it once more",
    )
    .nothing_written()
    .help("use what the function is given, and open the store after that")
    .path(path)
}

/// The type is a part of what openings are shared by, so nobody sees this.
pub(crate) fn open_as_another_type() -> Error {
    Error::new(
        ErrorKind::AlreadyOpen,
        "this process has the store open as another type",
    )
    .help("open it as the same type")
}

pub(crate) fn home_in_path(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Directory,
        "`~` is expanded by shells alone, and means nothing in a path",
    )
    .help("name the home directory itself, or use `app(...)` for the platform's folder")
    .path(dir)
}

pub(crate) fn not_a_directory(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Directory,
        "this is no directory, but a file, a device or a pipe",
    )
    .help("choose another directory; to keep nothing at all, open the store with `.in_memory()`")
    .path(dir)
}

pub(crate) fn no_parent(dir: &Path, error: io::Error) -> Error {
    Error::new(
        ErrorKind::Directory,
        "the directory and its parent do not exist",
    )
    .help("create the parent, choose another directory, or open the store with `.create_parents(true)`")
    .path(dir)
    .caused_by(error)
}

pub(crate) fn directory_not_created(dir: &Path, error: io::Error) -> Error {
    Error::io("the directory cannot be created", dir, error)
        .help("create it, or its parent, and let this user write there")
}

/// Of a store that is only read: for others the directory was created just before.
pub(crate) fn directory_not_found(dir: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "there is no such directory")
            .help("open the store once without `.read_only()` to create it, or choose another directory")
            .path(dir)
            .caused_by(error),
        _ => Error::io("the directory cannot be found", dir, error),
    }
}

/// The platform's folder `of` something.
pub(crate) fn no_app_folder(
    of: &str,
    application: &str,
    error: impl StdError + Send + Sync + 'static,
) -> Error {
    Error::new(
        ErrorKind::Directory,
        format!("the folder for the {of} of `{application}` cannot be found"),
    )
    .help("set the home directory of the user, or name a directory with `.dir(...)`")
    .caused_by(error)
}

super::system::refusals! {
    directory_not_synced: "the directory cannot be synced";
}

//! Why a store and a program of another version do not go together. Never here: finding that out.

use std::{any::Any, path::Path};

use super::{Error, ErrorKind};

pub(crate) fn program_too_old(program: u32, store: u32, compatible: u32) -> Error {
    let from = match compatible == store {
        true => format!("version {store}"),
        false => format!("version {compatible}"),
    };
    Error::new(
        ErrorKind::Version,
        format!(
            "the store is of version {store}, and this program of version {program}; the store lets in programs from {from} on"
        ),
    )
    .help("use a newer version of the program; the state before the migration is kept beside the log as `<name>.v<version>.db`")
}

/// While it was open.
pub(crate) fn store_went_back(program: u32, store: u32) -> Error {
    Error::new(
        ErrorKind::Version,
        format!(
            "the store has gone back to version {store} while this program, of version {program}, had it open"
        ),
    )
    .help("drop every handle and open the store again, which migrates it")
}

pub(crate) fn not_migrated_read_only(store: u32, program: u32) -> Error {
    Error::new(
        ErrorKind::Version,
        format!(
            "the store is of version {store}, and this program of version {program}: to read it takes a migration, which would write"
        ),
    )
    .help("open the store once without `.read_only()`")
}

pub(crate) fn unreadable_version(uid: &str, source: Option<serde_json::Error>) -> Error {
    let error = Error::new(
        ErrorKind::Decode,
        "what the store says of its version is not what this program understands",
    )
    .in_uid(uid)
    .help("use a newer version of the program, or restore a copy of the store");
    match source {
        Some(source) => error.caused_by(source),
        None => error,
    }
}

pub(crate) fn migration_failed(from: u32, to: u32, error: Error) -> Error {
    let failed = Error::new(
        ErrorKind::Migration,
        format!(
            "the migration from version {from} to {to} failed: {}",
            error.0.what
        ),
    )
    .nothing_written()
    .help(error.0.help.clone());
    let failed = match error.uid() {
        Some(uid) => failed.in_uid(uid),
        None => failed,
    };
    failed.caused_by(error)
}

pub(crate) fn migration_panicked(from: u32, to: u32, payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.map(|text| format!(": {text}")).unwrap_or_default();
    Error::new(
        ErrorKind::Migration,
        format!("the migration from version {from} to {to} panicked{text}"),
    )
    .nothing_written()
    .help("mend the function that `migrate` names, and open the store again")
}

pub(crate) fn refused(why: String) -> Error {
    Error::new(ErrorKind::Migration, why).nothing_written()
}

pub(crate) fn renamed_over(uid: &str, to: &str) -> Error {
    Error::new(
        ErrorKind::InvalidUid,
        format!(
            "`{}` cannot be renamed to this, which holds something already, or is a part of it",
            uid.escape_debug()
        ),
    )
    .nothing_written()
    .in_uid(to)
    .help("remove what it holds first, or choose another uid")
}

pub(crate) fn unknown_uids(uids: &str) -> Error {
    Error::new(
        ErrorKind::UnknownUid,
        format!("the store has uids that this program has no field for: {uids}"),
    )
    .help("give a renamed field `#[store(alias = \"...\")]` with its former uid, drop what is not needed any more by `removed(\"...\")`, or leave out `deny_unknown`")
}

/// The copy of the state before a migration has no place.
pub(crate) fn kept_in_the_way(path: &Path) -> Error {
    Error::new(
        ErrorKind::Occupied,
        "the state before the migration is to be kept here, and there is a file already that is no such copy",
    )
    .nothing_written()
    .path(path)
    .help("move it away, and open the store again")
}

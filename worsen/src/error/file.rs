//! Why the files of an open store are not written or followed: what the disk refuses, and what others have done
//! to them.

use std::{io, path::Path};

use super::{Error, ErrorKind, engine::OPEN_AGAIN};

/// What shows how a write ended of which nobody knows.
const SHOWS_WHAT_THERE_IS: &str =
    "the store refuses writes until it is opened anew, and then shows what was kept";

fn outcome_unknown(path: &Path, what: &'static str) -> Error {
    Error::new(ErrorKind::OutcomeUnknown, what)
        .help(SHOWS_WHAT_THERE_IS)
        .path(path)
}

/// A part of it is in the log, or all of it.
pub(crate) fn not_taken_back(path: &Path, error: io::Error) -> Error {
    outcome_unknown(
        path,
        "the disk failed while the commit was written, and it cannot be taken back",
    )
    .caused_by(error)
}

pub(crate) fn sync_failed(path: &Path, error: io::Error) -> Error {
    outcome_unknown(path, "the disk failed while the commit was synced").caused_by(error)
}

pub(crate) fn sync_failed_elsewhere(path: &Path) -> Error {
    outcome_unknown(
        path,
        "the disk failed while another process synced the commit along with its own",
    )
}

pub(crate) fn new_log_failed(path: &Path, error: Error) -> Error {
    outcome_unknown(
        path,
        "the disk failed while the commit was written as the beginning of a new log",
    )
    .caused_by(error)
}

pub(crate) fn numbers_used_up(path: &Path) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "there are no more revisions, or generations, to count with",
    )
    .nothing_written()
    .help("copy what is there into a new store")
    .path(path)
}

/// What was read from the log is not in it any more, as a thread that copies it finds.
pub(crate) fn damaged_in_use(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the log was damaged while the store was open",
    )
    .nothing_written()
    .help("write again: that first writes the log anew from memory")
    .path(path)
}

/// The log is gone, or a part of it, and another process knows more of it than this one.
pub(crate) fn lost_to_others(path: &Path) -> Error {
    lost(path).nothing_written().help(format!(
        "a process that knows of newer commits than this one writes it anew at its next write; where there is none, {OPEN_AGAIN}"
    ))
}

/// The log is gone, or a part of it, and this process knows all of it.
pub(crate) fn lost_for_now(path: &Path) -> Error {
    lost(path).help("nothing is lost: the next write writes it anew, from memory")
}

fn lost(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the log was deleted, cut off or damaged while the store was open",
    )
    .path(path)
}

/// To a writer.
pub(crate) fn replaced(path: &Path, found: u64, known: u64) -> Error {
    Error::new(
        ErrorKind::Replaced,
        format!(
            "the log was replaced while the store was open, by one with another history: it ends at revision {found}, and this process knows of revision {known}"
        ),
    )
    .nothing_written()
    .help(format!("reads show what stands there now; to write, {OPEN_AGAIN}"))
    .path(path)
}

/// To a reader, which goes on with what stands there.
pub(crate) fn replaced_under_reader(path: &Path, found: u64, known: u64) -> Error {
    Error::new(
        ErrorKind::Replaced,
        format!(
            "the log was replaced by one with another history, which ends at revision {found}; revision {known} had been read before"
        ),
    )
    .help("reads show what stands there now")
    .path(path)
}

pub(crate) fn replaced_by_unreadable(path: &Path) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "the log was replaced while the store was open, and what stands there cannot be read",
    )
    .help(format!("{OPEN_AGAIN} to have it mended"))
    .path(path)
}

/// To one who is told commits.
pub(crate) fn replaced_history(path: &Path, told: u64, next: u64) -> Error {
    Error::new(
        ErrorKind::Replaced,
        format!(
            "the log was replaced by one in which not all of the commits up to {told} are, some of which were told"
        ),
    )
    .help(format!(
        "read the state as it is by a snapshot; the commits behind {next} come next"
    ))
    .path(path)
}

pub(crate) fn history_unreadable(path: &Path, after: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("the log cannot be read behind revision {after}: it was damaged, cut or replaced"),
    )
    .help("try again after the next write, which writes it anew from memory; what is lost is then told as a gap")
    .path(path)
}

super::system::refusals! {
    cannot_be_written: "the file cannot be written";
    not_written: "the commit cannot be written";
    log_unreadable: "the log cannot be read";
    log_out_of_sight: "the log cannot be looked at";
    log_not_synced: "the log cannot be synced";
    backup_not_written: "the backup cannot be written";
    backup_out_of_sight: "the backup cannot be looked at";
    backup_without_room: "the backup cannot make room";
}

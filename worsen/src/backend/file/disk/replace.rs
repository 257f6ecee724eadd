//! Writing a file anew so that it is there whole or not at all: under another name, synced, and moved into
//! place. Never here: what the bytes mean.

use std::{io, path::Path, sync::Arc};

use super::{Disk, DiskFile, Found, Open, transfer::write_full};
use crate::{
    backend::file::{file_id::FileId, paths::Paths},
    error::{self, Error, ErrorKind},
    planted::{Bug, planted},
};

/// Why a file was not written.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) error: Error,
    /// It may stand in its place all the same, now or after a power cut. Otherwise everything is as it
    /// was.
    pub(crate) in_doubt: bool,
}

impl WriteError {
    /// Whether there was no room for it, and everything is as it was.
    pub(crate) fn is_full(&self) -> bool {
        self.error.kind() == ErrorKind::NoSpace && !self.in_doubt
    }
}

impl From<WriteError> for Error {
    fn from(failure: WriteError) -> Error {
        failure.error
    }
}

/// Whether two files are still at their paths, after a move of one over the other that failed.
fn is_unmoved(
    disk: &dyn Disk,
    (new, id): (&Path, FileId),
    (to, before): (&Path, Option<Found>),
) -> bool {
    let is_at = |path, id: Option<FileId>| {
        disk.identify(path)
            .is_ok_and(|found| found.map(|found| found.id) == id)
    };
    is_at(new, Some(id)) && is_at(to, before.map(|before| before.id))
}

/// How many bytes are written before it is told how far it is.
const PART_BYTES: usize = 1024 * 1024;

/// Writes a file under another name, syncs it and moves it into place. `written` is told how far it is.
pub(crate) fn write_file(
    disk: &dyn Disk,
    paths: &Paths,
    new: &Path,
    to: &Path,
    bytes: &[u8],
    written: &mut dyn FnMut(u64),
) -> Result<Arc<dyn DiskFile>, WriteError> {
    write_file_after(disk, paths, (new, to), bytes, written, || Ok(()))
}

/// As [`write_file`]; once the file is on disk, and before it is moved, this is done. Where that fails, nothing is
/// moved.
pub(crate) fn write_file_after(
    disk: &dyn Disk,
    paths: &Paths,
    (new, to): (&Path, &Path),
    bytes: &[u8],
    written: &mut dyn FnMut(u64),
    before_move: impl FnOnce() -> io::Result<()>,
) -> Result<Arc<dyn DiskFile>, WriteError> {
    let create = || -> io::Result<Arc<dyn DiskFile>> {
        // One that a killed process left. The lock is held, so nobody is writing it.
        let how = match planted(Bug::ReuseStaleNewFile) {
            true => Open::Create,
            false => Open::CreateNew,
        };
        if how == Open::CreateNew {
            match disk.remove(new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = disk.open(new, how)?;
        if !planted(Bug::KeepNoOwner) {
            file.take_after(&[to, &paths.log, &paths.backup, &paths.lock])?;
        }
        Ok(file.into())
    };
    put_in_place(
        disk,
        paths,
        (create, before_move),
        (new, to),
        bytes,
        written,
    )
}

/// Writes these bytes to a file that stands under another name, syncs it and moves it into place. `before_move`:
/// see [`write_file_after`].
pub(crate) fn put_in_place(
    disk: &dyn Disk,
    paths: &Paths,
    (file, before_move): (
        impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
        impl FnOnce() -> io::Result<()>,
    ),
    (new, to): (&Path, &Path),
    bytes: &[u8],
    written: &mut dyn FnMut(u64),
) -> Result<Arc<dyn DiskFile>, WriteError> {
    let mut in_doubt = false;
    let write = || -> io::Result<Arc<dyn DiskFile>> {
        let file = file()?;
        let mut offset = 0;
        for part in bytes.chunks(PART_BYTES) {
            write_full(&*file, part, offset)?;
            offset += part.len() as u64;
            written(offset);
        }
        if file.len()? > offset && !planted(Bug::ReuseStaleNewFile) {
            // There was something else in it.
            file.set_len(offset)?;
        }
        if !planted(Bug::SkipFileSyncBeforeRename) {
            file.sync_all()?;
        }
        before_move()?;
        let before = disk.identify(to)?;
        let outcome = disk.rename(new, to);
        // Where it failed and both are where they were, nothing has happened, and the log that there is goes
        // on: a system may refuse the move as long as somebody has the file open.
        in_doubt = outcome.is_ok()
            || planted(Bug::DoubtRefusedRename)
            || !is_unmoved(disk, (new, file.id()), (to, before));
        outcome?;
        if !planted(Bug::SkipDirectorySyncAfterRename) {
            disk.sync_dir(&paths.dir)?;
        }
        Ok(file)
    };
    match write() {
        Ok(file) => Ok(file),
        Err(error) => {
            // What is left of it would be in the way of the next attempt; that one removes it too.
            let _ = disk.remove(new);
            let error = error::file::cannot_be_written(to, error);
            Err(WriteError { error, in_doubt })
        }
    }
}

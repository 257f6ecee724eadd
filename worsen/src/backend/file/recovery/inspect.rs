//! Reading the files of a store as they are. Never here: what their bytes mean.

use std::{io, path::Path, sync::Arc};

use crate::{
    backend::file::{
        disk::{
            Disk, DiskFile, Open,
            transfer::{read_full, read_whole},
        },
        paths::Paths,
    },
    error::{self, Error},
    shared_str::Buffer,
};

/// Log and backup as they were found.
pub(super) struct Files {
    pub(super) log_file: Option<Arc<dyn DiskFile>>,
    pub(super) log: Buffer,
    pub(super) backup_file: Option<Arc<dyn DiskFile>>,
    pub(super) backup: Held,
}

impl Files {
    /// Reads both.
    pub(super) fn read(disk: &dyn Disk, paths: &Paths, how: Open) -> Result<Self, Error> {
        let (log_file, log) = load(disk, &paths.log, how)?;
        let (backup_file, backup) = load_backup(disk, &paths.backup, how, &log)?;
        Ok(Files {
            log_file,
            log,
            backup_file,
            backup,
        })
    }

    /// The bytes of the backup.
    pub(super) fn backup(&self) -> &[u8] {
        self.backup.bytes(&self.log)
    }
}

/// The bytes of a backup. Nearly always they are the beginning of the log, and then they are not kept twice.
pub(super) enum Held {
    OfLog(usize),
    Own(Vec<u8>),
}

impl Held {
    pub(super) fn bytes<'a>(&'a self, log: &'a [u8]) -> &'a [u8] {
        match self {
            Held::OfLog(len) => &log[..*len],
            Held::Own(bytes) => bytes,
        }
    }
}

/// An open file and all its bytes; nothing of either where it is absent.
pub(crate) type Loaded = (Option<Arc<dyn DiskFile>>, Buffer);

/// Reads one file.
pub(crate) fn load(disk: &dyn Disk, path: &Path, how: Open) -> Result<Loaded, Error> {
    let Some(file) = open(disk, path, how)? else {
        return Ok((None, Vec::new().into()));
    };
    let bytes = read_whole(&*file).map_err(|error| unreadable(path, error))?;
    Ok((Some(file), bytes.into()))
}

fn load_backup(
    disk: &dyn Disk,
    path: &Path,
    how: Open,
    log: &[u8],
) -> Result<(Option<Arc<dyn DiskFile>>, Held), Error> {
    let Some(file) = open(disk, path, how)? else {
        return Ok((None, Held::OfLog(0)));
    };
    let held = match length_of_beginning(log, &*file) {
        Ok(Some(len)) => Ok(Held::OfLog(len)),
        Ok(None) => read_whole(&*file).map(Held::Own),
        Err(error) => Err(error),
    };
    let held = held.map_err(|error| unreadable(path, error))?;
    Ok((Some(file), held))
}

/// How many bytes are compared at a time.
const PART_BYTES: usize = 128 * 1024;

/// How long a file is, if these bytes begin with it.
fn length_of_beginning(bytes: &[u8], file: &dyn DiskFile) -> io::Result<Option<usize>> {
    let mut part = vec![0; PART_BYTES];
    let mut known = 0;
    loop {
        let read = read_full(file, &mut part, known as u64)?;
        if !bytes[known..].starts_with(&part[..read]) {
            return Ok(None);
        }
        known += read;
        if read < part.len() {
            return Ok(Some(known));
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    error::recovery::cannot_be_read(path, error)
}

/// `None` where there is none.
fn open(disk: &dyn Disk, path: &Path, how: Open) -> Result<Option<Arc<dyn DiskFile>>, Error> {
    Ok(Some(match disk.open(path, how) {
        Ok(file) => file.into(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(error::recovery::not_a_regular_file(path, error));
        }
        Err(error) => return Err(error::recovery::cannot_be_opened(path, error)),
    }))
}

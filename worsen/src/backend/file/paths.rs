//! The files of one store, and the directory that they stand in.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::disk::Disk;
use crate::{
    error::{Error, ErrorKind},
    planted::{Bug, planted},
};

/// The files of one store.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) name: String,
    /// What the names of the files begin with.
    stem: String,
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) backup: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) new_log: PathBuf,
    pub(crate) new_backup: PathBuf,
}

impl Paths {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        Paths::of_log(dir, name, dir.join(format!("{name}.db")))
    }

    /// Of the store of this name whose log is this file, in this directory.
    pub(crate) fn of_log(dir: &Path, name: &str, log: PathBuf) -> Self {
        let file = log.file_name().unwrap_or_default().to_string_lossy();
        let stem = file.strip_suffix(".db").unwrap_or(&file);
        let path = |extension: &str| dir.join(format!("{stem}.{extension}"));
        Paths {
            stem: stem.into(),
            backup: path("cache.db"),
            lock: path("lock"),
            new_log: path("db.new"),
            new_backup: path("cache.db.new"),
            name: name.into(),
            dir: dir.into(),
            log,
        }
    }

    /// Where a copy of damaged bytes is kept.
    pub(crate) fn damaged(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.db.damaged-{number}", self.stem))
    }
}

/// Creates the directory of a store, for this user alone, if its parent exists.
pub(crate) fn create_directory(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    let refused = |error| {
        Error::io("the directory cannot be created", dir, error)
            .help("create it, or its parent, and let this user write there")
    };
    match disk.create_dir(dir) {
        Ok(()) if planted(Bug::SkipDirectorySyncAtCreation) => Ok(()),
        Ok(()) => match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                disk.sync_dir(parent).map_err(refused)
            }
            _ => disk.sync_dir(Path::new(".")).map_err(refused),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::new(
            ErrorKind::Directory,
            "the directory and its parent do not exist",
        )
        .help("create the parent, or choose another directory")
        .path(dir)
        .caused_by(error)),
        Err(error) => Err(refused(error)),
    }
}

/// Makes the name of a store's directory durable before the store is created in it, in case that who
/// created the directory died before that.
pub(super) fn sync_parent(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    let found = disk
        .identify(&paths.log)
        .map_err(|error| Error::io("the log cannot be looked at", &paths.log, error))?;
    let parent = match paths.dir.parent() {
        _ if found.is_some() || planted(Bug::SkipDirectorySyncAtCreation) => return Ok(()),
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => return Ok(()),
    };
    match disk.sync_dir(parent) {
        // One that may not be read was made by somebody else, and long ago.
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
            Err(Error::io("the directory cannot be synced", parent, error))
        }
        _ => Ok(()),
    }
}

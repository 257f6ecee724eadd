//! The directory of a store: creating it, and making its name durable. Never here: the files in it.

use std::{io, path::Path};

use super::Disk;
use crate::{
    backend::file::paths::Paths,
    error::{self, Error},
    planted::{Bug, planted},
};

/// Creates the directory of a store, for this user alone, if its parent exists.
pub(crate) fn create_directory(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    let refused = |error| error::open::directory_not_created(dir, error);
    match disk.create_dir(dir) {
        Ok(()) if planted(Bug::SkipDirectorySyncAtCreation) => Ok(()),
        Ok(()) => match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                disk.sync_dir(parent).map_err(refused)
            }
            _ => disk.sync_dir(Path::new(".")).map_err(refused),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(error::open::no_parent(dir, error))
        }
        Err(error) => Err(refused(error)),
    }
}

/// Makes the name of a store's directory durable before the store is created in it, in case the process that
/// created the directory died before it did so.
pub(crate) fn sync_parent(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    let found = disk
        .identify(&paths.log)
        .map_err(|error| error::file::log_out_of_sight(&paths.log, error))?;
    let parent = match paths.dir.parent() {
        _ if found.is_some() || planted(Bug::SkipDirectorySyncAtCreation) => return Ok(()),
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => return Ok(()),
    };
    match disk.sync_dir(parent) {
        // One that may not be read was made by somebody else, and long ago.
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
            Err(error::open::directory_not_synced(parent, error))
        }
        _ => Ok(()),
    }
}

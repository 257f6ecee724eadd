//! Copying a store into a file, as it is at one revision, while others write: [`BackedUp`], [`Progress`]. Never
//! here: how a log is copied.

use std::path::{Path, PathBuf};

use crate::{
    callbacks::quietly,
    error::{Error, ErrorKind},
    open_store::{OpenStore, ReadSide},
    options::Durability,
    planted::{Bug, planted},
};

/// A copy that [`backup_to`](crate::Handle::backup_to) made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    path: PathBuf,
    revision: u64,
    bytes: u64,
    is_clone: bool,
}

impl BackedUp {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which revision of the store it holds.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it shares its blocks with the store's log, as files on btrfs, XFS and bcachefs may: then it takes
    /// no room until either changes. A disk that fails takes both.
    pub fn is_clone(&self) -> bool {
        self.is_clone
    }
}

/// How far a copy is. See [`Handle::backup_with`](crate::Handle::backup_with).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    copied: u64,
    total: u64,
}

impl Progress {
    /// How many bytes are copied.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// How many bytes there are to copy; a few less, in the end, where the log is filled ahead.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether all of them are copied.
    pub fn is_done(&self) -> bool {
        self.copied == self.total
    }
}

impl<V: ReadSide> OpenStore<V> {
    /// Waits until what this process has written is durable, and copies what readers see then.
    pub(crate) fn backup_to(
        &self,
        path: &Path,
        mut tell: impl FnMut(Progress),
    ) -> Result<BackedUp, Error> {
        let revision = match planted(Bug::CopyWithoutSync) {
            true => self.revision(),
            false => self.durable_revision()?,
        };
        // What the listener of another program's progress does wrong is no fault of the copy.
        let mut tell = |copied, total| quietly(|| tell(Progress { copied, total }));
        let copied = self.engine().copy_to(path, revision, &mut tell)?;
        Ok(BackedUp {
            path: copied.path,
            revision: copied.revision,
            bytes: copied.bytes,
            is_clone: copied.is_clone,
        })
    }

    /// The newest revision that readers see, once no power cut can take it back.
    fn durable_revision(&self) -> Result<u64, Error> {
        let nothing = self.transact(|_| Ok(()));
        match nothing.durability(Durability::Synced).wait() {
            Ok(()) => Ok(self.revision()),
            // It shows what others have made durable.
            Err(error) if error.kind() == ErrorKind::ReadOnly => Ok(self.revision()),
            Err(error) => Err(error),
        }
    }
}

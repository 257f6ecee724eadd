//! What a store asks of a simulated disk, in words and as data. Never here: what becomes of it.

use std::{fmt, path::Path, sync::Arc};

use crate::backend::file::disk::Open;

/// One call of a store to the disk, for [`SimulatedDisk::fail_where`](super::SimulatedDisk::fail_where) and
/// [`SimulatedDisk::interrupt`](super::SimulatedDisk::interrupt) to choose by. It prints as in the
/// [trace](super::SimulatedDisk::trace): `write /db/app.db at 0, 58 bytes`.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) what: What,
    pub(super) path: Arc<Path>,
    /// Where a renamed file comes to stand.
    pub(super) to: Option<Arc<Path>>,
}

/// What kind of call an [`Operation`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OperationKind {
    /// Opening a file, and creating it where it is absent.
    Open,
    /// Asking which file stands at a path.
    Identify,
    /// Reading from a file.
    Read,
    /// Writing into a file.
    Write,
    /// Having room kept for a file.
    Reserve,
    /// Asking how long a file is.
    Length,
    /// Cutting a file off, or letting it grow.
    SetLength,
    /// Making what was written into a file durable.
    Sync,
    /// Moving a file over another.
    Rename,
    /// Removing a file.
    Remove,
    /// Creating a directory.
    CreateDirectory,
    /// Asking for the names in a directory.
    Names,
    /// Making the names in a directory durable.
    SyncDirectory,
    /// Trying to take the lock.
    Lock,
    /// Releasing the lock.
    Unlock,
}

impl Operation {
    pub(super) fn new(what: What, path: &Arc<Path>) -> Operation {
        Operation {
            what,
            path: path.clone(),
            to: None,
        }
    }

    /// What is asked for.
    pub fn kind(&self) -> OperationKind {
        match self.what {
            What::Open(_) | What::OpenLock => OperationKind::Open,
            What::Identify => OperationKind::Identify,
            What::Read { .. } => OperationKind::Read,
            What::Write { .. } => OperationKind::Write,
            What::Reserve { .. } => OperationKind::Reserve,
            What::Len => OperationKind::Length,
            What::SetLen(_) => OperationKind::SetLength,
            What::SyncData | What::SyncAll => OperationKind::Sync,
            What::Rename => OperationKind::Rename,
            What::Remove => OperationKind::Remove,
            What::CreateDir => OperationKind::CreateDirectory,
            What::Names => OperationKind::Names,
            What::SyncDir => OperationKind::SyncDirectory,
            What::TryLock => OperationKind::Lock,
            What::Unlock => OperationKind::Unlock,
        }
    }

    /// The file or directory, by the path that it was opened by; of a rename, the file that is moved.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.what {
            What::Open(how) => write!(f, "open {path} to {how:?}"),
            What::OpenLock => write!(f, "open lock {path}"),
            What::Identify => write!(f, "identify {path}"),
            What::Rename => match &self.to {
                Some(to) => write!(f, "rename {path} to {}", to.display()),
                None => write!(f, "rename {path}"),
            },
            What::Remove => write!(f, "remove {path}"),
            What::Names => write!(f, "names in {path}"),
            What::SyncDir => write!(f, "sync directory {path}"),
            What::CreateDir => write!(f, "create directory {path}"),
            What::Read { offset, len } => write!(f, "read {path} at {offset}, {len} bytes"),
            What::Write { offset, len } => write!(f, "write {path} at {offset}, {len} bytes"),
            What::Reserve { offset, len } => write!(f, "reserve {path} at {offset}, {len} bytes"),
            What::Len => write!(f, "length of {path}"),
            What::SetLen(len) => write!(f, "set length of {path} to {len}"),
            What::SyncData => write!(f, "sync data of {path}"),
            What::SyncAll => write!(f, "sync {path}"),
            What::TryLock => write!(f, "try to lock {path}"),
            What::Unlock => write!(f, "unlock {path}"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Open(Open),
    OpenLock,
    Identify,
    Rename,
    Remove,
    Names,
    SyncDir,
    CreateDir,
    Read { offset: u64, len: usize },
    Write { offset: u64, len: usize },
    Reserve { offset: u64, len: u64 },
    Len,
    SetLen(u64),
    SyncData,
    SyncAll,
    TryLock,
    Unlock,
}

/// How an operation that may begin goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Straight,
    Short,
    LosesData,
    /// This many bytes, then the crash.
    Crash(usize),
}

//! How a simulated disk fails, and when. Never here: what a store makes of that.

use std::{fmt, io, sync::Arc};

use super::operation::{Operation, What};

/// How an operation of the [simulated disk](crate::testing::SimulatedDisk) fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// EIO. A sync that fails with it has done nothing, and may be tried again.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EDQUOT.
    Quota,
    /// EROFS.
    ReadOnly,
    /// EINTR. For good it is nothing that happens, and code that tries again would not end.
    Interrupted,
    /// EACCES.
    Access,
    /// EMFILE.
    TooManyFiles,
    /// A write takes half of its bytes and says so. Other operations succeed.
    ShortWrite,
    /// A read gives half of its bytes and says so. Other operations succeed.
    ShortRead,
    /// A sync fails with EIO, and forgets what it should have written: the next one succeeds, the page
    /// cache shows the data, and a crash loses it. As Linux does since 4.13, it tells each handle that
    /// had the file open, once, at its next sync. Other operations succeed.
    LostSync,
}

impl Fault {
    /// Every way to fail.
    pub const ALL: [Fault; 10] = [
        Fault::Io,
        Fault::NoSpace,
        Fault::Quota,
        Fault::ReadOnly,
        Fault::Interrupted,
        Fault::Access,
        Fault::TooManyFiles,
        Fault::ShortWrite,
        Fault::ShortRead,
        Fault::LostSync,
    ];

    /// Whether this kind of operation can fail in this way.
    pub(super) fn strikes(self, operation: &Operation) -> bool {
        let what = operation.what;
        match self {
            Fault::ShortWrite => matches!(what, What::Write { .. }),
            Fault::ShortRead => matches!(what, What::Read { .. }),
            Fault::LostSync => matches!(what, What::SyncData | What::SyncAll | What::SyncDir),
            _ => true,
        }
    }

    #[cfg(unix)]
    pub(super) fn error(self) -> io::Error {
        use rustix::io::Errno;
        match self {
            Fault::NoSpace => Errno::NOSPC,
            Fault::Quota => Errno::DQUOT,
            Fault::ReadOnly => Errno::ROFS,
            Fault::Interrupted => Errno::INTR,
            Fault::Access => Errno::ACCESS,
            Fault::TooManyFiles => Errno::MFILE,
            Fault::Io | Fault::ShortWrite | Fault::ShortRead | Fault::LostSync => Errno::IO,
        }
        .into()
    }

    #[cfg(not(unix))]
    pub(super) fn error(self) -> io::Error {
        match self {
            Fault::NoSpace => io::ErrorKind::StorageFull.into(),
            Fault::Quota => io::ErrorKind::QuotaExceeded.into(),
            Fault::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
            Fault::Interrupted => io::ErrorKind::Interrupted.into(),
            Fault::Access => io::ErrorKind::PermissionDenied.into(),
            Fault::TooManyFiles => io::Error::other("too many open files"),
            Fault::Io | Fault::ShortWrite | Fault::ShortRead | Fault::LostSync => {
                io::Error::other("input/output error")
            }
        }
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// At that operation alone.
    Once,
    /// From that operation on.
    ForGood,
}

/// A fault that is still to strike.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) when: When,
    pub(super) fault: Fault,
    pub(super) repeat: Repeat,
}

#[derive(Clone)]
pub(super) enum When {
    /// At the operation of this number.
    At(usize),
    /// At those that it says yes to.
    Where(Arc<dyn Fn(&Operation) -> bool + Send + Sync>),
}

impl Planned {
    /// Whether it strikes now.
    pub(super) fn is_due(&self, number: usize, operation: &Operation) -> bool {
        let is_now = match (&self.when, self.repeat) {
            (When::At(at), Repeat::Once) => *at == number,
            (When::At(at), Repeat::ForGood) => *at <= number,
            (When::Where(chosen), _) => chosen(operation),
        };
        is_now && self.fault.strikes(operation)
    }

    /// Whether it may strike once more after it has.
    pub(super) fn comes_again(&self) -> bool {
        self.repeat == Repeat::ForGood
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", self.fault, self.repeat)
    }
}

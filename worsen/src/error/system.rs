//! What the operating system refuses, in words that tell a person what to do. The system's own words are the
//! error's source.

use std::{io, path::PathBuf};

use super::{Error, ErrorKind};

/// What an error of the system means.
struct Meaning {
    kind: ErrorKind,
    /// Why, where that is known.
    why: &'static str,
    help: &'static str,
}

impl Error {
    /// The operating system refused to do something: `what` says what cannot be done.
    pub(crate) fn io(what: &str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let Meaning { kind, why, help } = meaning(&source);
        let what = match why.is_empty() {
            true => what.to_owned(),
            false => format!("{what}: {why}"),
        };
        Error::new(kind, what)
            .help(help)
            .path(path)
            .caused_by(source)
    }
}

/// Constructors of a room's errors, by what the system may refuse there.
macro_rules! refusals {
    ($($name:ident: $what:literal;)*) => {
        $(
            pub(crate) fn $name(path: &::std::path::Path, error: ::std::io::Error) -> $crate::Error {
                $crate::Error::io($what, path, error)
            }
        )*
    };
}

pub(super) use refusals;

/// A thread of the store, by what it is for, cannot be started.
pub(crate) fn no_thread(purpose: &str, source: io::Error) -> Error {
    Error::new(
        ErrorKind::OutOfResources,
        format!("no thread can be started that {purpose}"),
    )
    .help("raise the limit on threads, or end some, then try again")
    .caused_by(source)
}

fn meaning(error: &io::Error) -> Meaning {
    use io::ErrorKind as System;
    let (kind, why, help) = match error.kind() {
        System::StorageFull => (ErrorKind::NoSpace, "the disk is full", MAKE_ROOM),
        System::QuotaExceeded => (
            ErrorKind::NoSpace,
            "the quota on the disk is used up",
            MAKE_ROOM,
        ),
        System::FileTooLarge => (
            ErrorKind::NoSpace,
            "the file may not become larger",
            "raise the limit on the size of files (`ulimit -f`), or make the state smaller; the store goes on as soon as there is room",
        ),
        System::ReadOnlyFilesystem => (
            ErrorKind::PermissionDenied,
            "the file system is mounted read-only",
            "mount it for writing, choose another directory, or open the store with `.read_only()`",
        ),
        System::PermissionDenied => (
            ErrorKind::PermissionDenied,
            "this user may not do that",
            "let this user read and write the store's directory and files, or open the store with `.read_only()`",
        ),
        System::OutOfMemory => (
            ErrorKind::OutOfResources,
            "there is not enough memory",
            "free some, or raise the limit on it, then try again",
        ),
        System::NotADirectory => (
            ErrorKind::Directory,
            "a part of the path is a file",
            "choose a path of directories alone",
        ),
        System::NotFound => (ErrorKind::Io, "it is not there", LOOK),
        System::StaleNetworkFileHandle => (
            ErrorKind::Io,
            "the file server has lost the file",
            MOUNT_ANEW,
        ),
        System::NotConnected
        | System::TimedOut
        | System::HostUnreachable
        | System::NetworkUnreachable
        | System::NetworkDown => (ErrorKind::Io, "the file server does not answer", MOUNT_ANEW),
        System::Unsupported => (
            ErrorKind::Io,
            "the file system cannot do that",
            "choose a directory on another file system",
        ),
        _ if is_out_of_files(error) => (
            ErrorKind::OutOfResources,
            "too many files are open",
            "close some, or raise the limit (`ulimit -n`), then try again",
        ),
        _ if is_failure_of_disk(error) => (
            ErrorKind::Io,
            "the disk reports a failure",
            "look at the disk and at what the system logs of it, then try again",
        ),
        _ => (
            ErrorKind::Io,
            "",
            "look at what the system said (`{:#}` prints it with the error), at the disk and the file, then try again",
        ),
    };
    Meaning { kind, why, help }
}

const MAKE_ROOM: &str =
    "make room; nothing was lost and the store goes on as soon as there is some";
const LOOK: &str = "look at the directory and the file, then try again";
const MOUNT_ANEW: &str =
    "look at the server, mount its directory anew, then drop every handle and open the store again";

/// Whether this process, or the system, has no more files to open.
fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE)
        )
    }
    #[cfg(not(unix))]
    {
        // ERROR_TOO_MANY_OPEN_FILES.
        error.raw_os_error() == Some(4)
    }
}

/// Whether what is beneath the file system failed.
fn is_failure_of_disk(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        Errno::from_io_error(error) == Some(Errno::IO)
    }
    #[cfg(not(unix))]
    {
        // ERROR_CRC, ERROR_WRITE_FAULT, ERROR_READ_FAULT, ERROR_IO_DEVICE.
        matches!(error.raw_os_error(), Some(23 | 29 | 30 | 1117))
    }
}

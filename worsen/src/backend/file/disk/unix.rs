//! The calls of a Unix system that std does not have, or not as they are needed here.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt},
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{Found, Open, not_regular};
use crate::backend::file::file_id::FileId;

pub(super) fn open(path: &Path, how: Open) -> io::Result<(File, FileId)> {
    // NONBLOCK: a pipe in the file's place must not stop us for ever. It means nothing to a
    // regular file.
    let flags = OFlags::NOFOLLOW
        | OFlags::CLOEXEC
        | OFlags::NONBLOCK
        | match how {
            Open::Read => OFlags::RDONLY,
            Open::Write => OFlags::RDWR,
            Open::Create => OFlags::RDWR | OFlags::CREATE,
            Open::CreateNew => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
    let mode = Mode::RUSR | Mode::WUSR;
    let open = || rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, mode));
    let file = File::from(open().map_err(|errno| refused(path, errno))?);
    // Every write reads the log's tail: noting the time of that would make each one dirty the inode
    // once more. Only a file's owner may ask for it, and not by opening it: where a file system gives
    // all files to somebody else, that creates a file and then fails.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::fs::fcntl_setfl(&file, OFlags::NONBLOCK | OFlags::NOATIME);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular(metadata.file_type()));
    }
    Ok((file, id(&metadata)))
}

/// A link, a directory and a socket are refused with an error each. The caller wants to know that
/// the file is not regular.
fn refused(path: &Path, errno: Errno) -> io::Error {
    if matches!(
        errno,
        Errno::LOOP | Errno::MLINK | Errno::ISDIR | Errno::NXIO
    ) {
        if let Ok(metadata) = fs::symlink_metadata(path) {
            if !metadata.is_file() {
                return not_regular(metadata.file_type());
            }
        }
    }
    errno.into()
}

pub(super) fn id(metadata: &Metadata) -> FileId {
    FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

// It is asked of three files at every write, and so for as little as will do. Since Linux 6.13 a file
// whose times were asked for notes the next write in its inode, however short the time since the one
// before, and on a file system without a journal the sync then writes that too.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn found(path: &Path) -> io::Result<Found> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

    let wanted = StatxFlags::INO | StatxFlags::SIZE;
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, wanted) {
        Ok(found) if found.stx_mask & wanted.bits() == wanted.bits() => Ok(Found {
            id: FileId {
                device: makedev(found.stx_dev_major, found.stx_dev_minor),
                inode: found.stx_ino,
            },
            len: found.stx_size,
        }),
        // Old kernels do not know the call, and some containers forbid it.
        Ok(_) | Err(Errno::NOSYS | Errno::PERM) => lstat(path),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn found(path: &Path) -> io::Result<Found> {
    lstat(path)
}

fn lstat(path: &Path) -> io::Result<Found> {
    let stat = rustix::fs::lstat(path)?;
    Ok(Found {
        id: FileId {
            // As wide as in std on every system, or narrower.
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
        },
        len: u64::try_from(stat.st_size).unwrap_or(0),
    })
}

pub(super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buf, offset)
}

pub(super) fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(buf, offset)
}

pub(super) fn forget_cached(file: &File) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{Advice, AtFlags, StatxFlags, fadvise, statx};

        // Its length first: nothing is read beyond the one that is known.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
        let _ = statx(file, "", flags, StatxFlags::SIZE);
        // Bytes that are not on disk yet stay. An error is as well: then it is as if nobody had asked.
        let _ = fadvise(file, 0, None, Advice::DontNeed);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = file;
}

/// Has the system ask the server for what stands at this path. It does so where something is to be moved
/// there over nothing, and then finds that something is.
pub(super) fn forget_name(path: &Path) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::renameat_with(
        rustix::fs::CWD,
        path,
        rustix::fs::CWD,
        path,
        rustix::fs::RenameFlags::NOREPLACE,
    );
    #[cfg(not(target_os = "linux"))]
    let _ = path;
}

/// An existing file for reading and writing, of which nothing is cached.
#[cfg(target_os = "linux")]
pub(super) fn open_uncached(path: &Path) -> io::Result<(File, FileId)> {
    let flags =
        OFlags::RDWR | OFlags::DIRECT | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = || rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(rustix::io::retry_on_intr(open)?);
    let id = id(&file.metadata()?);
    Ok((file, id))
}

/// As `fallocate` that keeps the size. fs2 and `posix_fallocate` would change it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn reserve(file: &File, from: u64, to: u64) -> io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};

    let Some(len) = to.checked_sub(from).filter(|len| *len > 0) else {
        return Ok(true);
    };
    let keep = FallocateFlags::KEEP_SIZE;
    match rustix::io::retry_on_intr(|| fallocate(file, keep, from, len)) {
        Ok(()) => Ok(true),
        // The file system has no such thing, or a sandbox forbids the call.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NODEV | Errno::INVAL | Errno::PERM) => {
            Ok(false)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// As `FICLONE`. Whatever refuses it, copying the bytes shows what is wrong, if anything is.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn clone_of(file: &File, source: std::os::fd::BorrowedFd<'_>) -> io::Result<bool> {
    match rustix::io::retry_on_intr(|| rustix::fs::ioctl_ficlone(file, source)) {
        Ok(()) => Ok(true),
        // No room for it, and none for a copy either.
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => Err(errno.into()),
        Err(_) => Ok(false),
    }
}

// std's own sync_data and sync_all try again after EINTR.

pub(super) fn sync_data(file: &File) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return Ok(rustix::fs::fdatasync(file)?);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    sync_all(file)
}

pub(super) fn sync_all(file: &File) -> io::Result<()> {
    // Apple's fsync leaves the data in the drive's cache.
    #[cfg(target_vendor = "apple")]
    return Ok(rustix::fs::fcntl_fullfsync(file)?);
    #[cfg(not(target_vendor = "apple"))]
    Ok(rustix::fs::fsync(file)?)
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::io::retry_on_intr(|| rustix::fs::open(dir, flags, Mode::empty()))?;
    match rustix::fs::fsync(&dir) {
        // The file system cannot sync a directory, and says so. There is nothing more to ask of it.
        Ok(()) | Err(Errno::INVAL | Errno::BADF) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Nothing: a move is made at once, or not at all.
pub(super) fn finish_rename(_to: &Path) -> io::Result<()> {
    Ok(())
}

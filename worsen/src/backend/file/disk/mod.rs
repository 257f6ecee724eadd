//! The operating system's files behind one small trait, so that a simulated disk can crash and fail
//! at every operation. Nothing here knows what the bytes mean.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    io,
    path::Path,
};

pub(crate) mod directory;
#[cfg(unix)]
mod owner;
pub(crate) mod replace;
pub(crate) mod transfer;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use self::unix as system;
#[cfg(windows)]
use self::windows as system;
use super::{
    file_id::FileId,
    lock::{self, LockFile, RealLock},
    reach::Reach,
};
use crate::planted::{Bug, planted};

/// What a store asks of a disk. The real one is `RealDisk`.
pub(crate) trait Disk: Send + Sync + fmt::Debug + 'static {
    /// Opens a regular file, never through a symbolic link, never blocking, mode 0600 when created,
    /// closed on exec. Anything but a regular file is `InvalidInput`.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>>;
    /// What stands at this path now; `None` where nothing does.
    fn identify(&self, path: &Path) -> io::Result<Option<Found>>;
    /// Forgets what is cached of this name, where a file server tells the system of a name for some time.
    fn forget_name(&self, path: &Path) {
        let _ = path;
    }
    /// Moves a file over another, atomically. Durable once the directory is synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Ends a move over this file that was broken off, where the system cannot make one at once. The lock is
    /// held.
    fn finish_rename(&self, to: &Path) -> io::Result<()> {
        let _ = to;
        Ok(())
    }
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in no particular order.
    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Creates one directory, mode 0700. Its parent must exist.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The disk that copies of a store are written to: this one, unless it is for reading alone.
    fn for_copies(&self) -> &dyn Disk;
    /// Opens (and creates, mode 0600) the file that processes lock, and the page in it that they share,
    /// where that is wanted and can be had.
    fn open_lock(&self, path: &Path, shared_memory: bool) -> io::Result<Box<dyn LockFile>>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// As `pread`: may be short, 0 at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// As `pwrite`: may be short.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file off, or lets it grow. What was reserved behind that is given back.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Has room kept for the file between these places, and changes neither its length nor a byte of it.
    /// False where the system cannot do that, or cannot be trusted with it.
    fn reserve(&self, from: u64, to: u64) -> io::Result<bool> {
        let _ = (from, to);
        Ok(false)
    }
    /// As `fdatasync`: the data, and the size where it changed.
    fn sync_data(&self) -> io::Result<()>;
    /// As `fsync`.
    fn sync_all(&self) -> io::Result<()>;
    /// Takes the lead of the syncs of this file: false where another opening of it has it. It ends
    /// with the process, whatever becomes of that.
    fn try_lead(&self) -> io::Result<bool>;
    /// Gives the lead up.
    fn end_lead(&self) -> io::Result<()>;
    fn id(&self) -> FileId;
    /// Becomes a clone of this file, which shares its blocks until either changes. False where the file system
    /// has no such thing; nothing is changed then.
    fn clone_of(&self, _source: &dyn DiskFile) -> io::Result<bool> {
        Ok(false)
    }
    /// The system's own handle to it, for another file of the same disk.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
    /// The permissions of the file, as `st_mode & 0777`; `None` where the system has none.
    fn mode(&self) -> io::Result<Option<u32>> {
        Ok(None)
    }
    /// Forgets what is cached of the file, where somebody may have written it past this mount, so that the
    /// next read asks for it. It costs nothing elsewhere.
    fn forget_cached(&self) {}
    /// Gives a new file the owner, group, mode and access list of the first of these files that is there,
    /// in whose place or beside which it comes to stand.
    ///
    /// # Errors
    ///
    /// Where the owner before would not be able to use it.
    fn take_after(&self, _like: &[&Path]) -> io::Result<()> {
        Ok(())
    }
}

/// A file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: FileId,
    /// In bytes.
    pub(crate) len: u64,
}

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// Read an existing file.
    Read,
    /// Read and write an existing file.
    Write,
    /// Read and write; create it where it is absent.
    Create,
    /// Read and write a file that must not exist yet.
    CreateNew,
}

/// The operating system's disk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let (file, id) = system::open(path, how)?;
        let reach = Reach::of(&file)?;
        let file = RealFile { file, id, reach };
        file.forget_cached();
        Ok(Box::new(file))
    }

    fn identify(&self, path: &Path) -> io::Result<Option<Found>> {
        // Of the link itself, where a link stands there: `open` would not follow it either.
        match system::found(path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn forget_name(&self, path: &Path) {
        if !planted(Bug::TrustCachedNames) {
            system::forget_name(path);
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        system::rename(from, to)
    }

    fn finish_rename(&self, to: &Path) -> io::Result<()> {
        system::finish_rename(to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(dir)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        system::sync_dir(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        system::create_dir(dir)
    }

    fn for_copies(&self) -> &dyn Disk {
        self
    }

    fn open_lock(&self, path: &Path, shared_memory: bool) -> io::Result<Box<dyn LockFile>> {
        let (file, id) = system::open(path, Open::Create)?;
        #[cfg(unix)]
        if file.metadata()?.len() == 0 {
            // It is new, perhaps beside files of somebody else.
            owner::take_after(&file, &[&path.with_extension("db")])?;
        }
        let again = || system::open(path, Open::Write);
        #[cfg_attr(
            not(all(target_os = "linux", not(loom))),
            expect(unused_mut, reason = "only Linux has other views that are known")
        )]
        let mut lock = RealLock::new(file, id, shared_memory, again)?;
        #[cfg(all(target_os = "linux", not(loom)))]
        lock.look_for_intruders(|| system::open_uncached(path))?;
        Ok(Box::new(lock))
    }
}

/// The same, for reading alone, and through symbolic links: a program that puts configuration into place with
/// links, such as Kubernetes or a manager of dotfiles, replaces a link where others replace a file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LinkedDisk;

impl LinkedDisk {
    fn refuse<T>() -> io::Result<T> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Disk for LinkedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        match how {
            Open::Read => RealDisk.open(&fs::canonicalize(path)?, how),
            Open::Write | Open::Create | Open::CreateNew => LinkedDisk::refuse(),
        }
    }

    fn identify(&self, path: &Path) -> io::Result<Option<Found>> {
        match fs::canonicalize(path) {
            Ok(path) => RealDisk.identify(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        LinkedDisk::refuse()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        LinkedDisk::refuse()
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.names(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        LinkedDisk::refuse()
    }

    fn for_copies(&self) -> &dyn Disk {
        &RealDisk
    }

    fn open_lock(&self, _path: &Path, _shared_memory: bool) -> io::Result<Box<dyn LockFile>> {
        LinkedDisk::refuse()
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    id: FileId,
    reach: Reach,
}

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| system::read_at(&self.file, buf, offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| system::write_at(&self.file, buf, offset))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn reserve(&self, from: u64, to: u64) -> io::Result<bool> {
        // Of a file system that a process or another machine serves nobody knows what it makes of it.
        match self.reach == Reach::Machine {
            true => system::reserve(&self.file, from, to),
            false => Ok(false),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        system::sync_data(&self.file)
    }

    fn sync_all(&self) -> io::Result<()> {
        system::sync_all(&self.file)
    }

    fn try_lead(&self) -> io::Result<bool> {
        lock::try_exclusive(&self.file)
    }

    fn end_lead(&self) -> io::Result<()> {
        lock::unlock(&self.file)
    }

    fn id(&self) -> FileId {
        self.id
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn clone_of(&self, source: &dyn DiskFile) -> io::Result<bool> {
        source
            .fd()
            .map_or(Ok(false), |source| system::clone_of(&self.file, source))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd as _;

        Some(self.file.as_fd())
    }

    fn forget_cached(&self) {
        if self.reach != Reach::Machine {
            system::forget_cached(&self.file);
        }
    }

    #[cfg(unix)]
    fn mode(&self) -> io::Result<Option<u32>> {
        use std::os::unix::fs::MetadataExt;

        Ok(Some(self.file.metadata()?.mode() & 0o777))
    }

    #[cfg(unix)]
    fn take_after(&self, like: &[&Path]) -> io::Result<()> {
        owner::take_after(&self.file, like)
    }
}

/// Runs a read or a write again when a signal interrupted it before a byte was moved. Never for a
/// sync: after any failure nobody can tell what of the data is still going to be written.
fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn not_regular(file_type: fs::FileType) -> io::Error {
    let what = if file_type.is_symlink() {
        "a symbolic link"
    } else if file_type.is_dir() {
        "a directory"
    } else {
        "a device, a pipe or a socket"
    };
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("not a regular file but {what}"),
    )
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn invalid(error: io::Error) -> String {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn a_new_file_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("db");
        RealDisk.create_dir(&sub).unwrap();
        assert_eq!(
            fs::metadata(&sub).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let path = sub.join("a.db");
        RealDisk.open(&path, Open::CreateNew).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let error = RealDisk.open(&path, Open::CreateNew).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        RealDisk.sync_dir(&sub).unwrap();
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let file = RealDisk.open(&path, Open::Create).unwrap();
        assert_eq!(file.write_at(b"world", 3).unwrap(), 5);
        assert_eq!(file.len().unwrap(), 8);
        let mut bytes = [1; 16];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 8);
        assert_eq!(&bytes[..8], b"\0\0\0world");
        assert_eq!(file.read_at(&mut bytes, 8).unwrap(), 0);
        file.set_len(4).unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        let reader = RealDisk.open(&path, Open::Read).unwrap();
        assert_eq!(reader.len().unwrap(), 4);
        assert!(reader.write_at(b"x", 0).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reading_a_file_of_ones_own_is_not_noted_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        for how in [Open::CreateNew, Open::Create, Open::Write, Open::Read] {
            let (file, _) = system::open(&path, how).unwrap();
            let flags = rustix::fs::fcntl_getfl(&file).unwrap();
            assert!(flags.contains(rustix::fs::OFlags::NOATIME), "{how:?}");
        }
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        RealDisk.open(&target, Open::Create).unwrap();
        let link = dir.path().join("link");
        symlink(&target, &link).unwrap();
        let dangling = dir.path().join("dangling");
        symlink(dir.path().join("nowhere"), &dangling).unwrap();
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let socket = dir.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for how in [Open::Read, Open::Write, Open::Create] {
            assert!(invalid(RealDisk.open(&link, how).unwrap_err()).ends_with("a symbolic link"));
            assert!(
                invalid(RealDisk.open(&dangling, how).unwrap_err()).ends_with("a symbolic link")
            );
            assert!(invalid(RealDisk.open(dir.path(), how).unwrap_err()).ends_with("a directory"));
            assert!(invalid(RealDisk.open(&pipe, how).unwrap_err()).ends_with("or a socket"));
            assert!(invalid(RealDisk.open(&socket, how).unwrap_err()).ends_with("or a socket"));
        }
        assert!(
            !dir.path().join("nowhere").exists(),
            "a dangling link was followed"
        );
        assert_eq!(
            RealDisk.open_lock(&link, true).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_file_is_known_by_its_identity() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        assert_eq!(RealDisk.identify(&one).unwrap(), None);
        let old = RealDisk.open(&one, Open::Create).unwrap();
        let new = RealDisk.open(&two, Open::Create).unwrap();
        assert_eq!(
            RealDisk.identify(&one).unwrap().map(|one| one.id),
            Some(old.id())
        );
        assert_ne!(old.id(), new.id());
        RealDisk.rename(&two, &one).unwrap();
        assert_eq!(
            RealDisk.identify(&one).unwrap().map(|one| one.id),
            Some(new.id())
        );
        RealDisk.remove(&one).unwrap();
        assert_eq!(RealDisk.identify(&one).unwrap(), None);
        let error = RealDisk.open(&one, Open::Write).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_interrupted_call_is_made_again() {
        let mut left = 3;
        let result = uninterrupted(|| {
            left -= 1;
            if left > 0 {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                Ok(left)
            }
        });
        assert_eq!(result.unwrap(), 0);
    }
}

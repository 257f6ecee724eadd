//! The lock across processes: an exclusive lock on a file that is never deleted, freed by the
//! operating system when its holder dies. The only user of fs2. Never here: waiting, time-outs, or
//! breaking a lock.
//!
//! Two traps of fs2 are stepped around. std has methods of the same names on `File`, which win
//! silently: hence the calls by the trait's full name. `duplicate` leaves the copy open on exec, so a
//! child would keep the lock: hence one open file, and no copies.

#[cfg(all(target_os = "linux", not(loom)))]
mod marks;

use std::{
    fmt,
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use super::{file_id::FileId, shared_page::SharedPage};

/// A process that has the lock as well, though this one has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intruder {
    /// Its pid, where that is known: otherwise 0.
    pub(crate) pid: u32,
}

/// One open lock file. Dropping it frees the lock.
pub(crate) trait LockFile: Send + Sync + fmt::Debug {
    /// Takes the lock. False where somebody has it: another process, another opening of the file, or
    /// another caller of this one.
    ///
    /// # Errors
    ///
    /// When the operating system cannot tell: it is out of locks, or the file system has none.
    fn try_lock(&self) -> io::Result<bool>;
    /// Frees the lock. Only the holder calls it.
    ///
    /// # Errors
    ///
    /// As the operating system says. The lock then counts as taken until the file is closed.
    fn unlock(&self) -> io::Result<()>;
    /// Which file is locked. Where another one stands at the path by now, the lock guards nothing.
    fn id(&self) -> FileId;
    /// The shared page in this file, where there is one.
    fn shared_page(&self) -> Option<Arc<SharedPage>>;
    /// Looks for room for a store into that page, where there was none.
    ///
    /// # Errors
    ///
    /// Why there still is none.
    fn find_room(&self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    /// Looks whether a process on the other side of a file server has the lock too. The holder calls this right
    /// after it takes the lock, and once more before it writes. Unlocking ends it. It waits at most `patience`
    /// for a process of which it cannot tell whether that lives.
    ///
    /// # Errors
    ///
    /// When the lock file cannot be read or written.
    fn find_intruder(&self, patience: Duration) -> io::Result<Option<Intruder>> {
        let _ = patience;
        Ok(None)
    }
    /// Whether there may be processes that the lock does not keep out, so that the holder must look anew at all
    /// that stands in the files. Only the holder asks.
    fn is_shared_beyond(&self) -> bool {
        false
    }
    /// Whether what this process has cached of the directory's names may be out of date.
    fn is_served(&self) -> bool {
        false
    }
}

/// A lock file of the operating system.
#[derive(Debug)]
pub(crate) struct RealLock {
    file: File,
    id: FileId,
    shared_page: Option<Arc<SharedPage>>,
    /// `None` where what stands in the file is not of a store.
    #[cfg(all(target_os = "linux", not(loom)))]
    marks: Option<marks::Marks>,
    /// The operating system gives an open file the lock it has already, so threads exclude each other
    /// here.
    taken: AtomicBool,
}

impl RealLock {
    /// Takes over a file opened for reading and writing, and maps its page where that is wanted. `again`
    /// opens the same file once more.
    ///
    /// # Errors
    ///
    /// As [`SharedPage::map`].
    pub(crate) fn new(
        file: File,
        id: FileId,
        shared_memory: bool,
        again: impl FnOnce() -> io::Result<(File, FileId)>,
    ) -> io::Result<RealLock> {
        let shared_page = match shared_memory {
            true => {
                // Where another file stands there by now, this one is not used for long.
                let again = again().ok().filter(|(_, other)| *other == id);
                let again = again.as_ref().map(|(file, _)| file);
                SharedPage::map(&file, again)?.map(Arc::new)
            }
            false => None,
        };
        Ok(RealLock {
            file,
            id,
            shared_page,
            #[cfg(all(target_os = "linux", not(loom)))]
            marks: None,
            taken: AtomicBool::new(false),
        })
    }

    /// From now on it looks for the processes that the lock does not keep out. `direct` opens the same file
    /// such that nothing of it is cached.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn look_for_intruders(
        &mut self,
        direct: impl FnOnce() -> io::Result<(File, FileId)>,
    ) -> io::Result<()> {
        use super::reach::Reach;

        let reach = Reach::of(&self.file)?;
        if !super::shared_page::mapping::is_ours(&self.file, 0)? {
            return Ok(());
        }
        // Not every file system can: then it is read past the cache in another way.
        let direct = match reach {
            Reach::Machine => None,
            Reach::Mount | Reach::Network => direct().ok().filter(|(_, id)| *id == self.id),
        };
        let direct = direct.map(|(file, _)| file);
        self.marks = Some(marks::Marks::new(self.id, reach, direct));
        Ok(())
    }
}

/// Takes the lock of this opening of a file. False where another opening has it.
///
/// # Errors
///
/// When the operating system cannot tell.
pub(super) fn try_exclusive(file: &File) -> io::Result<bool> {
    let contended = fs2::lock_contended_error();
    loop {
        let error = match fs2::FileExt::try_lock_exclusive(file) {
            Ok(()) => return Ok(true),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::Interrupted {
            continue;
        }
        return if error.raw_os_error() == contended.raw_os_error() {
            Ok(false)
        } else {
            Err(error)
        };
    }
}

/// Frees the lock of this opening of a file.
///
/// # Errors
///
/// As the operating system says.
pub(super) fn unlock(file: &File) -> io::Result<()> {
    fs2::FileExt::unlock(file)
}

/// Whether there is a process of this pid. `None` where the system does not say.
pub(super) fn is_process(pid: u32) -> Option<bool> {
    #[cfg(unix)]
    {
        use rustix::{
            io::Errno,
            process::{Pid, test_kill_process},
        };
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        Some(test_kill_process(pid) != Err(Errno::SRCH))
    }
    #[cfg(not(unix))]
    {
        let _ = pid;
        None
    }
}

impl LockFile for RealLock {
    fn try_lock(&self) -> io::Result<bool> {
        // Acquire: sees what the holder before did, by another thread.
        if self.taken.swap(true, Acquire) {
            return Ok(false);
        }
        let outcome = try_exclusive(&self.file);
        if !matches!(outcome, Ok(true)) {
            self.taken.store(false, Release);
        }
        outcome
    }

    fn unlock(&self) -> io::Result<()> {
        #[cfg(all(target_os = "linux", not(loom)))]
        let left = self
            .marks
            .as_ref()
            .map_or(Ok(()), |marks| marks.leave(&self.file));
        #[cfg(not(all(target_os = "linux", not(loom))))]
        let left = Ok(());
        unlock(&self.file)?;
        self.taken.store(false, Release);
        left
    }

    fn id(&self) -> FileId {
        self.id
    }

    fn shared_page(&self) -> Option<Arc<SharedPage>> {
        self.shared_page.clone()
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    fn find_intruder(&self, patience: Duration) -> io::Result<Option<Intruder>> {
        match &self.marks {
            Some(marks) => marks.enter(&self.file, self.shared_page.as_deref(), patience),
            None => Ok(None),
        }
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    fn is_shared_beyond(&self) -> bool {
        self.marks.as_ref().is_some_and(marks::Marks::is_marked)
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    fn is_served(&self) -> bool {
        self.marks.as_ref().is_some_and(marks::Marks::is_served)
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    fn find_room(&self) -> io::Result<()> {
        super::shared_page::mapping::find_room(&self.file)
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::super::disk::{Disk, RealDisk};

    #[test]
    fn one_opening_has_the_lock_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let one = RealDisk.open_lock(&path, true).unwrap();
        let other = RealDisk.open_lock(&path, true).unwrap();
        assert_eq!(one.id(), other.id());
        assert!(one.try_lock().unwrap());
        assert!(!other.try_lock().unwrap());
        assert!(
            !one.try_lock().unwrap(),
            "a second caller of the same opening"
        );
        one.unlock().unwrap();
        assert!(other.try_lock().unwrap());
        assert!(!one.try_lock().unwrap());
        drop(other);
        assert!(one.try_lock().unwrap(), "dropping frees the lock");
    }

    #[test]
    fn a_replaced_lock_file_has_another_identity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let lock = RealDisk.open_lock(&path, true).unwrap();
        let found = RealDisk.identify(&path).unwrap();
        assert_eq!(found.map(|found| found.id), Some(lock.id()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(RealDisk.identify(&path).unwrap(), None);
        let new = RealDisk.open_lock(&path, true).unwrap();
        assert_ne!(new.id(), lock.id());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn openings_share_the_page() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let one = RealDisk
            .open_lock(&path, true)
            .unwrap()
            .shared_page()
            .unwrap();
        let other = RealDisk
            .open_lock(&path, true)
            .unwrap()
            .shared_page()
            .unwrap();
        one.publish_revision(3);
        assert!(one.is_complete());
        assert_eq!(other.revision(), 3);
    }
}

//! Taking the lock: waiting until its holder lets go, or the deadline, and seeing that the locked file is
//! still the one at the path. Never here: how a file is locked, and what is done under the lock.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Paths,
    beacon::{Beacon, NoRoom},
    disk::{Disk, FileId},
    lock::{self, LockFile},
};
use crate::{
    clock::milliseconds,
    error::{Error, ErrorKind},
    planted::{Bug, planted},
};

/// How often releasing the lock is tried at once, where the system refuses it.
const UNLOCK_TRIES: u32 = 3;

/// The longest pause between two tries to take the lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The open lock file, and whether the system refused to let go of it.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) file: Box<dyn LockFile>,
    /// It could not be released, so this process still has it, and nobody knows.
    stuck: AtomicBool,
    /// The device of the directory that it was found in, where that is known.
    device: Option<u64>,
}

impl Lock {
    pub(super) fn new(file: Box<dyn LockFile>, device: Option<u64>) -> Arc<Lock> {
        Arc::new(Lock {
            file,
            device,
            stuck: AtomicBool::new(false),
        })
    }

    pub(super) fn beacon(&self) -> Option<Arc<Beacon>> {
        self.file.beacon()
    }

    /// Takes it, if it is free. What could not be released before is released first: others may have
    /// waited for it.
    fn try_take(&self) -> io::Result<bool> {
        if self.stuck.load(Ordering::Acquire) {
            self.file.unlock()?;
            self.stuck.store(false, Ordering::Release);
        }
        self.file.try_lock()
    }

    /// Lets go of it. Where the system refuses, the next attempt to take it tries again, and closing
    /// the store frees it in any case.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut outcome = self.file.unlock();
        for _ in 1..UNLOCK_TRIES {
            if outcome.is_ok() {
                return outcome;
            }
            outcome = self.file.unlock();
        }
        self.stuck.store(outcome.is_err(), Ordering::Release);
        outcome
    }
}

/// In the place of a lock, where nothing is written.
#[derive(Debug)]
pub(super) struct NoLock;

impl LockFile for NoLock {
    fn try_lock(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }

    fn id(&self) -> FileId {
        FileId::NONE
    }

    fn beacon(&self) -> Option<Arc<Beacon>> {
        None
    }
}

/// Takes the lock of the file that stands at the path, `open` if it is that one.
pub(super) fn take_lock(
    disk: &dyn Disk,
    paths: &Paths,
    open: Option<Arc<Lock>>,
    timeout: Duration,
    pid: u32,
    shared_memory: bool,
) -> Result<Arc<Lock>, Error> {
    let failed = |error| Error::io("the lock cannot be taken", &paths.lock, error);
    let mut deadline = None;
    let device = || {
        let found = disk.identify(&paths.dir).ok().flatten();
        found.map(|found| found.id.device)
    };
    // Of the directory in which the store was opened.
    let known = open.as_ref().and_then(|lock| lock.device);
    let mut open = open;
    loop {
        let lock = match open.take() {
            Some(lock) => lock,
            // Asked before the lock file is created: it is not to be created there.
            None if known.is_some() && known != device() && !planted(Bug::WriteOnAnotherDevice) => {
                return Err(elsewhere(paths, device().is_some()));
            }
            None => disk
                .open_lock(&paths.lock, shared_memory)
                .map(|file| Lock::new(file, known.or_else(device)))
                .map_err(|error| match error.kind() {
                    io::ErrorKind::InvalidInput => {
                        Error::new(ErrorKind::NotAStore, "the lock is not a regular file")
                            .help("a store's files must not be links, pipes or directories: move it away, or choose another name or directory")
                            .path(&paths.lock)
                            .caused_by(error)
                    }
                    _ => failed(error),
                })?,
        };
        let mut tries = 0_u32;
        while !lock.try_take().map_err(failed)? {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeout);
            if Instant::now() >= deadline {
                if planted(Bug::BreakLockAtTimeout) {
                    return Ok(lock);
                }
                return Err(timed_out(paths, lock.beacon().as_deref(), timeout));
            }
            pause(tries);
            tries = tries.saturating_add(1);
        }
        // A lock on a file that was deleted, or replaced, keeps nobody out.
        let there = disk.identify(&paths.lock).map_err(failed);
        let is_there = matches!(there, Ok(Some(found)) if found.id == lock.file.id());
        if is_there || planted(Bug::DoNotCheckLockIdentity) {
            if let Some(beacon) = lock.beacon() {
                let tell = || beacon.set_holder(pid, milliseconds());
                in_page(&lock, paths, tell)?;
            }
            return Ok(lock);
        }
        let released = lock.release().map_err(failed);
        there?;
        released?;
    }
}

/// What stands at the directory's path, if anything does, is not the directory that the store was opened in.
fn elsewhere(paths: &Paths, is_there: bool) -> Error {
    let (what, help) = match is_there {
        true => (
            "the directory is on another file system than when the store was opened: it was unmounted, or another one was mounted over it",
            "nothing was written; mount it again, then drop every handle and open the store again",
        ),
        false => (
            "the directory is not there any more: it was moved or deleted while the store was open",
            "nothing was written; put it back, or copy what `snapshot` shows, then drop every handle and open the store again",
        ),
    };
    Error::new(ErrorKind::Replaced, what)
        .help(help)
        .path(&paths.dir)
}

/// Stores something into the page of a lock that is held. Where the disk has no room for that, it would
/// have none either to tell others of a commit, so none is begun: the lock is released.
pub(super) fn in_page(
    lock: &Lock,
    paths: &Paths,
    store: impl Fn() -> Result<(), NoRoom>,
) -> Result<(), Error> {
    let Err(NoRoom) = store() else {
        return Ok(());
    };
    let found = lock.file.find_room();
    let outcome = found
        .and_then(|()| store().map_err(|NoRoom| std::io::ErrorKind::StorageFull.into()))
        .map_err(|why| Error::io("the disk has no room for the shared page", &paths.lock, why));
    if outcome.is_err() {
        // Where it cannot be released either, the next attempt to take it does that first.
        drop(lock.release());
    }
    outcome
}

/// The lock is held for microseconds nearly always, so the first pauses are short.
fn pause(tries: u32) {
    match tries {
        0..4 => thread::yield_now(),
        _ => {
            let pause = Duration::from_micros(20) * (1 << (tries - 4).min(6));
            thread::sleep(pause.min(LONGEST_PAUSE));
        }
    }
}

fn timed_out(paths: &Paths, beacon: Option<&Beacon>, timeout: Duration) -> Error {
    let who = match beacon.and_then(Beacon::holder) {
        Some(holder) => {
            let seconds = milliseconds().saturating_sub(holder.since_ms) as f64 / 1000.0;
            match lock::is_process(holder.pid) {
                // The lock goes with an open file, which a fork hands on. Only a process of another
                // container has a pid that nobody has here.
                Some(false) => format!(
                    "a child that process {} has forked, or by a process of another container: process {} took it {seconds:.1} s ago and is not there any more",
                    holder.pid, holder.pid
                ),
                _ => format!(
                    "process {}, which holds it for {seconds:.1} s by now",
                    holder.pid
                ),
            }
        }
        None => "another process".into(),
    };
    Error::new(
        ErrorKind::LockTimeout,
        format!("the lock was not to be had within {timeout:?}: it is held by {who}"),
    )
    .help("nothing was written; try again, look at that process, or raise the lock time-out; never delete the lock file")
    .path(&paths.lock)
}

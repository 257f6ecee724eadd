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
    disk::Disk,
    file_id::FileId,
    lock::{Intruder, LockFile, is_process},
    paths::Paths,
    shared_page::{Holder, NoRoom, SharedPage},
};
use crate::{
    clock::milliseconds,
    error::{self, Error},
    planted::{Bug, planted},
};

/// How often releasing the lock is tried at once, where the system refuses it.
const UNLOCK_TRIES: u32 = 3;

/// So long another holder that the page names is waited for. What is written under the lock takes less.
const ANOTHER_HOLDER: Duration = Duration::from_secs(1);

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

    pub(super) fn shared_page(&self) -> Option<Arc<SharedPage>> {
        self.file.shared_page()
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

    fn shared_page(&self) -> Option<Arc<SharedPage>> {
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
    let failed = |error| error::lock::cannot_be_taken(&paths.lock, error);
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
                        error::recovery::not_a_regular_file(&paths.lock, error)
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
                return Err(timed_out(paths, lock.shared_page().as_deref(), timeout));
            }
            pause(tries);
            tries = tries.saturating_add(1);
        }
        // A lock on a file that was deleted, or replaced, keeps nobody out.
        let there = disk.identify(&paths.lock).map_err(failed);
        let is_there = matches!(there, Ok(Some(found)) if found.id == lock.file.id());
        if is_there || planted(Bug::DoNotCheckLockIdentity) {
            enter(disk, paths, &lock, timeout, pid)?;
            return Ok(lock);
        }
        let released = lock.release().map_err(failed);
        there?;
        released?;
    }
}

/// Says that this process has the lock, and looks whether somebody else has it too. The lock is released where
/// that is so, or cannot be said.
fn enter(
    disk: &dyn Disk,
    paths: &Paths,
    lock: &Lock,
    patience: Duration,
    pid: u32,
) -> Result<(), Error> {
    let shared_page = lock.shared_page();
    if let Some(shared_page) = &shared_page {
        let before = in_page(lock, paths, || shared_page.set_holder(pid, milliseconds()))?;
        if let Some(before) = before.filter(|before| before.pid != pid) {
            wait_for_holder(paths, lock, shared_page, pid, before, patience)?;
        }
    }
    let found = find_intruder(paths, lock, patience);
    if found.is_err() {
        if let Some(shared_page) = &shared_page {
            shared_page.clear_holder();
        }
        // Where it cannot be released, the next attempt to take it does that first.
        drop(lock.release());
        return found;
    }
    if lock.file.is_served() {
        disk.forget_name(&paths.log);
    }
    Ok(())
}

/// Waits for the holder that the page named before this one, if that process lives. If that process goes on,
/// the two share a page and their locks do not exclude, as where a directory is used beside an overlay above
/// it. If it does not, it found no room to say that it let go, or takes its time in the closure of a write, and
/// learns of this process before it appends. A killed holder stays named, too.
fn wait_for_holder(
    paths: &Paths,
    lock: &Lock,
    shared_page: &SharedPage,
    pid: u32,
    before: Holder,
    patience: Duration,
) -> Result<(), Error> {
    #[cfg(all(target_os = "linux", not(loom)))]
    let is_gone = || crate::process::is_gone_since(before.pid, before.since_ms);
    #[cfg(not(all(target_os = "linux", not(loom))))]
    let is_gone = || true;
    if !shared_page.is_complete() || planted(Bug::TrustEveryLock) || is_gone() {
        return Ok(());
    }
    let goes_on = || shared_page.holder().is_none_or(|holder| holder.pid != pid);
    let begun = Instant::now();
    while !goes_on() {
        if begun.elapsed() >= ANOTHER_HOLDER || is_gone() {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            shared_page.give_back(pid, before);
            break;
        }
        thread::sleep(LONGEST_PAUSE);
    }
    drop(lock.release());
    Err(does_not_exclude(paths, Intruder { pid: before.pid }))
}

/// Looks for another process that has the same lock as this one, as far as it can be found out.
///
/// # Errors
///
/// Where there is one, and where the lock file cannot be read or written.
pub(super) fn find_intruder(paths: &Paths, lock: &Lock, patience: Duration) -> Result<(), Error> {
    match lock.file.find_intruder(patience) {
        Ok(None) => Ok(()),
        Ok(Some(intruder)) => Err(does_not_exclude(paths, intruder)),
        Err(error) => Err(error::lock::holders_unknown(&paths.lock, error)),
    }
}

/// This process has the lock, and so has that one.
pub(super) fn does_not_exclude(paths: &Paths, intruder: Intruder) -> Error {
    error::lock::does_not_exclude(&paths.lock, intruder.pid)
}

/// What stands at the directory's path, if anything does, is not the directory that the store was opened in.
fn elsewhere(paths: &Paths, is_there: bool) -> Error {
    match is_there {
        true => error::lock::on_another_file_system(&paths.dir),
        false => error::lock::directory_is_gone(&paths.dir),
    }
}

/// Stores something into the page of a lock that is held. Where the disk has no room for that, it would
/// have none either to tell others of a commit, so none is begun: the lock is released.
pub(super) fn in_page<T>(
    lock: &Lock,
    paths: &Paths,
    store: impl Fn() -> Result<T, NoRoom>,
) -> Result<T, Error> {
    if let Ok(stored) = store() {
        return Ok(stored);
    }
    let found = lock.file.find_room();
    let outcome = found
        .and_then(|()| store().map_err(|NoRoom| std::io::ErrorKind::StorageFull.into()))
        .map_err(|why| error::lock::no_room_for_page(&paths.lock, why));
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

fn timed_out(paths: &Paths, shared_page: Option<&SharedPage>, timeout: Duration) -> Error {
    let holder = match shared_page.and_then(SharedPage::holder) {
        Some(holder) => {
            let since = Duration::from_millis(milliseconds().saturating_sub(holder.since_ms));
            match is_process(holder.pid) {
                Some(false) => error::lock::Holder::GoneProcess(holder.pid, since),
                _ => error::lock::Holder::Process(holder.pid, since),
            }
        }
        None => error::lock::Holder::Unknown,
    };
    error::lock::timed_out(&paths.lock, timeout, &holder)
}

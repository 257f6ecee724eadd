//! Opening the files of a store, and leaving them. Never here: what is made of damaged ones, and what is done
//! between the two.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicU64},
    time::Duration,
};

use super::{
    FileBackend, FileOptions, LogAtPath, OtherPage, Paths, State,
    acquire::{self, Lock, NoLock, take_lock},
    backup::Backup,
    disk::{
        Disk,
        directory::{create_directory, sync_parent},
    },
    file_id::FileId,
    follow::Following,
    group_sync::SyncLatency,
    log::Tail,
    looks::Looks,
    past::Ending,
    privacy,
    recovery::{self, recover},
    room::Room,
};
use crate::{
    backend::{Connect, Entries, Opened, Visible},
    error::{self, Error},
    health::Condition,
    options::Access,
    planted::{Bug, planted},
    repair::{Recovery, Repair},
};

impl Connect for FileOptions {
    fn connect(self: Box<Self>) -> Result<Opened, Error> {
        match self.access {
            Access::ReadOnly => open_to_read(*self),
            Access::Repair | Access::Salvage => open_to_write(*self),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.paths.log.clone())
    }
}

/// Without the lock, and without a change to any file.
fn open_to_read(options: FileOptions) -> Result<Opened, Error> {
    let recovered = recover(&*options.disk, &options.paths, options.access, &|_| ())?;
    let (state, entries, repairs) = State::new(recovered);
    let revision = state.log.position.revision;
    let lock = Lock::new(Box::new(NoLock), None);
    let backend = FileBackend::new(options, lock, FileId::NONE, state, None);
    Ok(Opened {
        backend: Box::new(backend),
        entries,
        revision,
        recovery: Recovery { repairs },
    })
}

/// Creates the files where there are none, and puts right what can be put right, under the lock. The caller
/// gets the lock still held; on an error the lock is dropped, which frees it.
fn open_to_write(options: FileOptions) -> Result<Opened, Error> {
    let (disk, paths, debug) = (
        options.disk.clone(),
        options.paths.clone(),
        options.debug.clone(),
    );
    create_directory(&*disk, &paths.dir)?;
    recovery::refuse_unlocked(&*disk, &paths, options.access)?;
    let lock = take_lock(
        &*disk,
        &paths,
        None,
        options.lock_timeout,
        std::process::id(),
        options.shared_memory,
    )?;
    sync_parent(&*disk, &paths)?;
    let shared_page = lock.shared_page();
    let doubt = |generation| {
        if let Some(shared_page) = &shared_page {
            shared_page.doubt(generation);
        }
    };
    forget_backup(&*disk, &paths, &lock);
    finish_renames(&*disk, &paths)?;
    let recovered = recover(&*disk, &paths, options.access, &doubt)?;
    let seen = match shared_page.as_ref().map(|page| page.visible()) {
        Some(Visible::UpTo(seen)) => seen,
        _ => 0,
    };
    let (created, was_emptied) = (recovered.created, recovered.was_emptied);
    let (state, entries, repairs) = State::new(recovered);
    let mut recovery = Recovery { repairs };
    let revision = state.log.position.revision;
    let is_behind = !created && seen > revision;
    if is_behind && !recovery.may_have_lost() {
        recovery.repairs.push(Repair::Behind { revision, seen });
    }
    // Nobody leaves a file without its header: it is written under another name. Where both were
    // deleted, that is how a store is begun anew.
    if was_emptied && seen > 0 && !planted(Bug::TakeEmptiedForNew) {
        recovery.repairs.push(Repair::Emptied { seen });
    }
    for repair in &recovery.repairs {
        debug.warn(format_args!("{repair}"));
    }
    // A mode that cannot be asked for is no reason not to open.
    let log_mode = state.log.file.mode().ok().flatten();
    let not_private = privacy::check(&paths.log, log_mode, created);
    if let Some(condition) = &not_private {
        debug.warn(format_args!("{condition}"));
    }
    let lock_at_opening = lock.file.id();
    // Only opening salvages; the user must see later damage, so nothing passes over it.
    let options = FileOptions {
        access: Access::Repair,
        ..options
    };
    let backend = FileBackend::new(options, lock, lock_at_opening, state, not_private);
    backend.begin(&entries, revision, is_behind)?;
    Ok(Opened {
        backend: Box::new(backend),
        entries,
        revision,
        recovery,
    })
}

impl FileBackend {
    fn new(
        options: FileOptions,
        lock: Arc<Lock>,
        lock_at_opening: FileId,
        state: State,
        not_private: Option<Condition>,
    ) -> Self {
        FileBackend {
            shared_page: lock.shared_page(),
            other_page: Mutex::new(OtherPage::default()),
            lock: Mutex::new(lock),
            owed: AtomicU64::new(0),
            replaced: OnceLock::new(),
            healed: Mutex::new(None),
            following: Mutex::new(Following::new(&state)),
            state: Mutex::new(state),
            lock_at_opening,
            not_private,
            intrusion: Mutex::new(None),
            looks: Looks::new(),
            sync_latency: SyncLatency::default(),
            shared_memory: options.shared_memory,
            pid: std::process::id(),
            disk: options.disk,
            paths: options.paths,
            access: options.access,
            compact_above: options.compact_above,
            on_compaction: options.on_compaction,
            history: options.history,
            debug: options.debug,
        }
    }

    /// Under the lock: what was found is on disk, and the page says so.
    fn begin(&self, entries: &Entries, revision: u64, is_behind: bool) -> Result<(), Error> {
        let state = &mut *self.state();
        if is_behind {
            // Another generation: its header tells every process that has the store open and remembers
            // more where this one went on from.
            self.start_generation(state, entries, revision, Room::Disk, Ending::KeptIfPossible)?;
        }
        self.dispel_doubt(state, entries, revision)?;
        let Some(shared_page) = self.current_page() else {
            return Ok(());
        };
        shared_page.set_durable_offset(state.log.header.generation, state.durable_offset);
        // Whatever a power cut left in the page: this is what is on disk.
        let mark = state.log.position.crc.number();
        acquire::in_page(&self.current_lock(), &self.paths, || {
            shared_page.reset(revision, mark)
        })
    }

    /// Leaves everything as the next one likes to find it: nothing behind the newest line.
    pub(super) fn close_files(&self) {
        if self.access == Access::ReadOnly || self.take_lock(Duration::ZERO).is_err() {
            // Somebody else is at work; they trim it when they close.
            return;
        }
        let trimmed = {
            let state = &mut *self.state();
            match (
                self.is_ours(&state.log),
                match planted(Bug::CloseCutsWhatOthersWrote) {
                    true => Ok(Tail::Clean),
                    false => state.log.read_on(|_| Ok::<(), io::Error>(())),
                },
            ) {
                (Ok(LogAtPath::Ours), Ok(Tail::Clean)) => state.log.trim().and_then(|()| {
                    let backup = state.backup.as_mut();
                    backup.map_or(Ok(()), Backup::release)
                }),
                // Left for the next opening, which reads and judges it anyway.
                _ => Ok(()),
            }
        };
        if let Err(error) = trimmed {
            self.debug
                .warn(format_args!("the log cannot be trimmed: {error}"));
        }
        self.free_lock();
    }
}

/// Where another view of the directory may have written the log anew, its backup is another file too.
pub(super) fn forget_backup(disk: &dyn Disk, paths: &Paths, lock: &Lock) {
    if lock.file.is_served() {
        disk.forget_name(&paths.backup);
    }
}

/// Ends what a process broke off that was killed while it moved a file over another. The lock is held.
pub(super) fn finish_renames(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    for path in [&paths.log, &paths.backup] {
        disk.finish_rename(path)
            .map_err(|error| error::recovery::not_put_back(path, error))?;
    }
    Ok(())
}

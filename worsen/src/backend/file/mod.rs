//! The backend that keeps a store in three files: the log, the backup and the lock. The steps of a
//! commit stand here, in order; each room below does one of them.
//!
//! Nothing here knows a type of the user's: a commit is a list of uids and JSON texts.

mod acquire;
pub(crate) mod backup;
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::missing_errors_doc,
    clippy::len_without_is_empty,
    reason = "tests reach it through the feature `testing`"
)]
pub(crate) mod compaction;
#[cfg_attr(
    not(any(test, feature = "testing")),
    allow(dead_code, reason = "tests reach it through the feature `testing`")
)]
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::missing_errors_doc,
    clippy::len_without_is_empty,
    reason = "tests reach it through the feature `testing`"
)]
pub(crate) mod disk;
#[allow(
    unreachable_pub,
    reason = "tests reach it through the feature `testing`"
)]
pub(crate) mod file_id;
mod follow;
pub(crate) mod format;
pub(crate) mod group_sync;
mod healing;
mod history;
mod lineage;
#[cfg_attr(
    not(any(test, feature = "testing")),
    allow(dead_code, reason = "tests reach it through the feature `testing`")
)]
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::missing_errors_doc,
    clippy::len_without_is_empty,
    reason = "tests reach it through the feature `testing`"
)]
pub(crate) mod lock;
pub(crate) mod log;
mod looks;
pub(crate) mod paths;
mod privacy;
mod reach;
pub(crate) mod recovery;
mod room;
#[cfg_attr(
    not(any(test, feature = "testing")),
    allow(dead_code, reason = "tests reach it through the feature `testing`")
)]
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::missing_errors_doc,
    clippy::len_without_is_empty,
    reason = "tests reach it through the feature `testing`"
)]
pub(crate) mod shared_page;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) use self::paths::Paths;
use self::{
    acquire::{Lock, NoLock, take_lock},
    backup::Backup,
    compaction::{CompactAbove, NewLog, Observer},
    disk::{
        Disk, Open,
        directory::{create_directory, sync_parent},
        replace::{WriteError, write_file},
    },
    file_id::FileId,
    follow::Following,
    format::{Crc, Position, Record},
    group_sync::{SyncError, SyncLatency},
    healing::Intent,
    history::LogHistory,
    lineage::past,
    lock::Intruder,
    log::{Log, Tail},
    looks::Looks,
    recovery::{Recovered, load, recover},
    room::Room,
    shared_page::{SharedPage, Sight},
};
use super::{AppendFailure, Backend, Entries, Followed, History, LeadsTo, Sink, now};
use crate::{
    entry::Edit,
    error::{Error, ErrorKind},
    health::Condition,
    options::Access,
    planted::{Bug, planted},
    repair::{Recovery, Repair},
    shared_str::SharedStr,
    trace::Debug,
};

/// For so long it is told that the lock did not exclude.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// The revision that no store reaches: a shared page that says so belongs to a lock file that was
/// deleted, and another one is in use now.
const MOVED: u64 = u64::MAX;

/// How to open the files of a store.
#[derive(Debug)]
pub(crate) struct FileOptions {
    pub(crate) paths: Paths,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) access: Access,
    pub(crate) lock_timeout: Duration,
    pub(crate) shared_memory: bool,
    pub(crate) compact_above: CompactAbove,
    pub(crate) on_compaction: Observer,
    pub(crate) debug: Debug,
}

#[derive(Debug)]
pub(crate) struct FileBackend {
    disk: Arc<dyn Disk>,
    paths: Paths,
    access: Access,
    lock: Mutex<Arc<Lock>>,
    /// The shared page of the lock file that was there when the store was opened. Readers look at this
    /// one without a lock; if it is not in use any more, it says [`MOVED`].
    shared_page: Option<Arc<SharedPage>>,
    /// The page that is in use, where that one is not: readers find it without the lock.
    other_page: Mutex<OtherPage>,
    /// What the page before told as the newest revision, where the one that is in use now may not know of it.
    owed: AtomicU64,
    /// What stands at the path has another history than this process knows of. From then on nothing is
    /// written, and readers read what is there.
    replaced: OnceLock<Error>,
    /// The log lost commits that this process remembers, and was written anew.
    healed: Mutex<Option<Condition>>,
    /// What a writer works on.
    state: Mutex<State>,
    /// Where readers have come to.
    following: Mutex<Following>,
    /// The lock file in which that first page is.
    lock_at_opening: FileId,
    /// What opening found of the log's mode.
    not_private: Option<Condition>,
    /// When somebody else was last found to have the lock that this process had.
    intrusion: Mutex<Option<(Instant, Error)>>,
    looks: Looks,
    sync_latency: SyncLatency,
    shared_memory: bool,
    compact_above: CompactAbove,
    on_compaction: Observer,
    /// Asked for once: a forked child never gets here.
    pid: u32,
    debug: Debug,
}

/// What there is in the lock file that took the place of the first one.
#[derive(Debug, Default)]
struct OtherPage {
    /// That file.
    of: Option<FileId>,
    page: Option<Arc<SharedPage>>,
}

#[derive(Debug)]
struct State {
    log: Log,
    /// `None` when the store is only read.
    backup: Option<Backup>,
    /// Up to this place of this generation everything is on disk, and this is the revision there.
    durable_offset: u64,
    durable_revision: u64,
    /// The file no longer holds what was read of it.
    damaged: bool,
    /// A compaction failed: it is not tried again before the log is this long.
    compact_from: u64,
    /// The disk is full: the newest commit has taken of what is kept for those that free some room, or had none.
    is_tight: bool,
}

impl State {
    fn new(recovered: Recovered) -> (Self, Entries, Vec<Repair>) {
        let position = recovered.log.position;
        let state = State {
            log: recovered.log,
            backup: recovered.backup,
            // Recovery syncs what it hands over.
            durable_offset: position.offset,
            durable_revision: position.revision,
            damaged: false,
            compact_from: 0,
            is_tight: false,
        };
        (state, recovered.entries, recovered.repairs)
    }
}

/// What a freshly opened backend holds.
pub(crate) struct Opened {
    pub(crate) backend: FileBackend,
    pub(crate) entries: Entries,
    pub(crate) revision: u64,
    pub(crate) recovery: Recovery,
}

impl FileBackend {
    /// Opens the files, creates them where there are none, puts right what can be put right, and
    /// returns *with the lock held*, so that nobody comes between opening and seeding. Without a
    /// lock when only looking.
    pub(crate) fn open(options: FileOptions) -> Result<Opened, Error> {
        let FileOptions {
            paths,
            disk,
            access,
            lock_timeout,
            shared_memory,
            compact_above,
            on_compaction,
            debug,
        } = options;
        if access == Access::ReadOnly {
            let (state, entries, repairs) = State::new(recover(&*disk, &paths, access, &|_| ())?);
            let revision = state.log.position.revision;
            let backend = FileBackend {
                lock: Mutex::new(Lock::new(Box::new(NoLock), None)),
                shared_page: None,
                other_page: Mutex::default(),
                owed: AtomicU64::new(0),
                replaced: OnceLock::new(),
                healed: Mutex::default(),
                following: Mutex::new(Following::new(&state)),
                state: Mutex::new(state),
                lock_at_opening: FileId::NONE,
                not_private: None,
                intrusion: Mutex::default(),
                looks: Looks::new(),
                sync_latency: SyncLatency::default(),
                shared_memory,
                pid: std::process::id(),
                disk,
                paths,
                access,
                compact_above,
                on_compaction,
                debug,
            };
            return Ok(Opened {
                backend,
                entries,
                revision,
                recovery: Recovery { repairs },
            });
        }
        create_directory(&*disk, &paths.dir)?;
        let pid = std::process::id();
        recovery::refuse_unlocked(&*disk, &paths, access)?;
        let lock = take_lock(&*disk, &paths, None, lock_timeout, pid, shared_memory)?;
        sync_parent(&*disk, &paths)?;
        let shared_page = lock.shared_page();
        let doubt = |generation| {
            if let Some(shared_page) = &shared_page {
                shared_page.doubt(generation);
            }
        };
        forget_backup(&*disk, &paths, &lock);
        finish_renames(&*disk, &paths)?;
        let recovered = recover(&*disk, &paths, access, &doubt)?;
        let (created, was_emptied) = (recovered.created, recovered.was_emptied);
        let (state, entries, repairs) = State::new(recovered);
        let mut recovery = Recovery { repairs };
        let revision = state.log.position.revision;
        let seen = shared_page
            .as_ref()
            .map_or(0, |shared_page| shared_page.revision());
        let is_behind = !created && seen > revision && seen != MOVED;
        if is_behind && !recovery.may_have_lost() {
            recovery.repairs.push(Repair::Behind { revision, seen });
        }
        // Nobody leaves a file without its header: it is written under another name. Where both were
        // deleted, that is how a store is begun anew.
        if was_emptied && seen > 0 && seen != MOVED && !planted(Bug::TakeEmptiedForNew) {
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
        let backend = FileBackend {
            shared_page: lock.shared_page(),
            other_page: Mutex::default(),
            lock: Mutex::new(lock),
            owed: AtomicU64::new(0),
            replaced: OnceLock::new(),
            healed: Mutex::default(),
            following: Mutex::new(Following::new(&state)),
            state: Mutex::new(state),
            lock_at_opening,
            not_private,
            intrusion: Mutex::default(),
            looks: Looks::new(),
            sync_latency: SyncLatency::default(),
            shared_memory,
            pid: std::process::id(),
            disk,
            paths,
            // Salvaging is for opening; later damage is to be seen, not passed over.
            access: Access::Repair,
            compact_above,
            on_compaction,
            debug,
        };
        {
            let state = &mut *backend.state();
            if is_behind {
                // Another generation: its header tells every process that has the store open and remembers
                // more where this one went on from.
                backend.start_generation(state, &entries, revision, Room::Disk)?;
            }
            backend.dispel_doubt(state, &entries, revision)?;
            if let Some(shared_page) = backend.current_page() {
                shared_page.set_durable_offset(state.log.header.generation, state.durable_offset);
                // Whatever a power cut left in the page: this is what is on disk.
                let lock = backend.current_lock();
                let mark = state.log.position.crc.number();
                acquire::in_page(&lock, &backend.paths, || shared_page.reset(revision, mark))?;
            }
        }
        Ok(Opened {
            backend,
            entries,
            revision,
            recovery,
        })
    }

    /// The page that tells what is newest.
    fn page(&self) -> Option<Arc<SharedPage>> {
        match &self.shared_page {
            Some(shared_page) if shared_page.revision() != MOVED => Some(shared_page.clone()),
            Some(_) => self.page_in_use(),
            None => self.current_page(),
        }
    }

    /// The page that is in use, where the first one says that it is not. Nobody needs the lock to look at
    /// the file that is at its path.
    fn page_in_use(&self) -> Option<Arc<SharedPage>> {
        let mut other = self
            .other_page
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_there = |page: &Arc<SharedPage>| page.revision() != MOVED;
        if !other.page.as_ref().is_some_and(is_there) {
            let found = self.disk.identify(&self.paths.lock).ok().flatten();
            let found = found.map(|found| found.id);
            if found.is_some() && other.of != found {
                let open = self.disk.open_lock(&self.paths.lock, self.shared_memory);
                if let Ok(file) = open {
                    *other = OtherPage {
                        of: Some(file.id()),
                        page: file.shared_page(),
                    };
                }
            }
        }
        other.page.clone()
    }

    /// A reader found that another page is in use, and this process has not locked its file yet.
    #[cold]
    fn publish_elsewhere(&self, revision: u64, crc: Option<u32>) {
        // One that came with a copy of the store does not hear of it.
        let is_ours = matches!(self.is_ours(self.following().log()), Ok(Place::Ours));
        if let Some(page) = self.page_in_use().filter(|_| is_ours) {
            page.publish(revision, crc);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn following(&self) -> MutexGuard<'_, Following> {
        self.following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn current_lock(&self) -> Arc<Lock> {
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn current_page(&self) -> Option<Arc<SharedPage>> {
        self.current_lock().shared_page()
    }

    /// The shared page, where it can tell how far the log is on disk. One that not everybody shares who writes
    /// the store cannot: what others wrote through another mount may be in a cache that a sync of this
    /// mount does not reach.
    fn page_of_syncs(&self) -> Option<Arc<SharedPage>> {
        self.current_page()
            .filter(|shared_page| shared_page.is_complete())
    }

    /// The next generation of the log, which begins with this state, at the revision that the log has come to.
    fn start_generation(
        &self,
        state: &mut State,
        entries: &Entries,
        revision: u64,
        room: Room,
    ) -> Result<(), WriteError> {
        let next = state.log.header.generation + 1;
        self.begin_generation(next, state, entries, revision, room)
    }

    fn begin_generation(
        &self,
        generation: u64,
        state: &mut State,
        entries: &Entries,
        revision: u64,
        room: Room,
    ) -> Result<(), WriteError> {
        let NewLog {
            header,
            mut bytes,
            position,
            chain,
        } = compaction::image(
            &self.paths.name,
            (generation, past(&state.log.header, &state.log.position)),
            revision,
            entries,
            &now(),
        );
        if header.generation > format::MAX_REVISION {
            return Err(WriteError {
                error: self.used_up(),
                in_doubt: false,
            });
        }
        let total = bytes.len() as u64 + position.offset;
        self.on_compaction.tell(0, total);
        let file = self
            .write_log(state, &bytes, total, room)
            .inspect_err(|failure| {
                if failure.in_doubt {
                    self.doubt(header.generation);
                }
            })?;
        bytes.truncate(position.offset as usize);
        let filled = bytes.len() as u64;
        let new = Log::new(file, header, position, chain, filled);
        let old = std::mem::replace(&mut state.log, new);
        state.durable_offset = position.offset;
        state.durable_revision = revision;
        state.damaged = false;
        state.compact_from = 0;
        state.is_tight = false;
        self.following().turn(&old, state);
        drop(old);
        if let Some(shared_page) = self.current_page() {
            shared_page.set_durable_offset(state.log.header.generation, position.offset);
            shared_page.trust();
            shared_page.change_mark(revision, position.crc.number());
        }
        // Last: without it the new log stands, and the next write, or whoever opens it next, renews
        // the backup.
        state.backup = None;
        let backup = write_file(
            &*self.disk,
            &self.paths,
            &self.paths.new_backup,
            &self.paths.backup,
            &bytes,
            &mut |written| {
                self.on_compaction
                    .tell(total - position.offset + written, total)
            },
        );
        match backup {
            Ok(backup) => state.backup = Some(Backup::new(backup)),
            // The next write tries again, before it writes anything, and is refused where it cannot be.
            Err(failure) => self.debug.warn(format_args!(
                "the backup cannot be written anew for now: {}",
                failure.error
            )),
        }
        Ok(())
    }

    /// Reads what stands behind the known tail.
    fn read_on(&self, state: &mut State, sink: &mut dyn Sink) -> Result<Tail, Error> {
        follow::read_on(&mut state.log, &self.paths, sink, None)
    }

    /// A sync of this generation failed: what is read of it may not be on disk.
    fn doubt(&self, generation: u64) {
        if let Some(shared_page) = self.current_page() {
            shared_page.doubt(generation);
        }
    }

    /// Under the lock: writes everything anew where the file was damaged, and where a failed sync, in
    /// any process, has left a doubt whether it is on disk. Syncing once more would succeed and prove nothing.
    fn dispel_doubt(
        &self,
        state: &mut State,
        entries: &Entries,
        revision: u64,
    ) -> Result<(), Error> {
        let doubted = self
            .current_page()
            .map_or(0, |shared_page| shared_page.doubted());
        let is_trusted = doubted < state.log.header.generation || planted(Bug::ForgetDoubt);
        if is_trusted && !state.damaged {
            return Ok(());
        }
        self.debug.warn(format_args!(
            "the log is written anew: an earlier sync failed, or it was damaged meanwhile"
        ));
        if state.damaged {
            let (_, found) = load(&*self.disk, &self.paths.log, Open::Read)?;
            return self.heal(state, entries, revision, &found);
        }
        Ok(self.start_generation(state, entries, revision, Room::Disk)?)
    }

    /// Right before something is written into the log: that nobody else has the lock by now, as far as that can
    /// be found out, and nobody has written since this process caught up.
    fn check_lock(&self, state: &mut State) -> Result<(), Error> {
        let lock = self.current_lock();
        let checked = match lock.shared_page() {
            // Somebody else said so meanwhile: see `waiting`.
            Some(page)
                if page.is_complete()
                    && page.holder().is_none_or(|who| who.pid != self.pid)
                    && !planted(Bug::TrustEveryLock) =>
            {
                let pid = page.holder().map_or(0, |who| who.pid);
                Err(acquire::does_not_exclude(&self.paths, Intruder { pid }))
            }
            _ => acquire::find_intruder(&self.paths, &lock, Duration::ZERO),
        };
        let checked = checked.and_then(|()| {
            if !lock.file.is_shared_beyond() {
                return Ok(());
            }
            state.log.file.forget_cached();
            match state.log.is_at_the_tail() {
                Ok(true) => Ok(()),
                Ok(false) => Err(acquire::does_not_exclude(&self.paths, Intruder { pid: 0 })),
                Err(error) => Err(Error::io("the log cannot be read", &self.paths.log, error)),
            }
        });
        checked.inspect_err(|error| self.note_intrusion(error))
    }

    fn note_intrusion(&self, error: &Error) {
        if error.kind() == ErrorKind::LockDoesNotExclude {
            *self
                .intrusion
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), error.clone()));
        }
    }

    fn is_ours(&self, log: &Log) -> Result<Place, Error> {
        match self.disk.identify(&self.paths.log) {
            Ok(Some(found)) if found.id == log.file.id() => Ok(Place::Ours),
            Ok(Some(_)) if planted(Bug::DoNotCheckLogIdentity) => Ok(Place::Ours),
            Ok(Some(_)) => Ok(Place::Another),
            Ok(None) => Ok(Place::Empty),
            Err(error) => Err(Error::io(
                "the log cannot be looked at",
                &self.paths.log,
                error,
            )),
        }
    }

    /// Numbers that no store reaches by itself: the file was made up.
    fn used_up(&self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            "there are no more revisions, or generations, to count with",
        )
        .help("nothing was written; copy what is there into a new store")
        .path(&self.paths.log)
    }

    /// Why the backup does not get what the log has.
    fn not_backed_up(&self, damaged: &mut bool, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::InvalidData {
            return Error::io("the backup cannot be written", &self.paths.backup, error);
        }
        *damaged = true;
        Error::new(
            ErrorKind::Damaged,
            "the log was damaged while the store was open",
        )
        .help("nothing was written; write again: that first writes the log anew from memory")
        .path(&self.paths.log)
    }

    /// How long the backup is that the path names: one that was deleted is written anew, and one that
    /// another process wrote anew is taken over.
    fn check_backup(&self, state: &mut State) -> Result<u64, Error> {
        let found = self.disk.identify(&self.paths.backup);
        let found = found.map_err(|error| {
            Error::io("the backup cannot be looked at", &self.paths.backup, error)
        })?;
        let ours = state.backup.as_ref().map(|backup| backup.file.id());
        if let Some(found) = found.filter(|found| Some(found.id) == ours) {
            return Ok(found.len);
        }
        let bytes = match state.log.bytes_from(0) {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.not_backed_up(&mut state.damaged, error)),
        };
        // Were it written anew again, the others would do the same, by turns and for ever. What cannot
        // be read is no backup, nor is what is longer than the log: that is not even looked at.
        if found.is_some_and(|found| found.len <= bytes.len() as u64) {
            if let Ok((Some(file), backup)) = load(&*self.disk, &self.paths.backup, Open::Write) {
                if !backup.is_empty() && bytes.starts_with(&backup) {
                    state.backup = Some(Backup::new(file));
                    return Ok(backup.len() as u64);
                }
            }
        }
        self.debug
            .warn(format_args!("{}", Repair::BackupRenewed { kept: None }));
        let file = write_file(
            &*self.disk,
            &self.paths,
            &self.paths.new_backup,
            &self.paths.backup,
            &bytes,
            &mut |_| (),
        )?;
        state.backup = Some(Backup::new(file));
        Ok(bytes.len() as u64)
    }

    /// Writes the commits as lines at the tail of the log.
    fn append_lines(
        &self,
        state: &mut State,
        commits: &[Vec<Edit>],
        shrinks: bool,
    ) -> Result<(), AppendFailure> {
        let backed_up = self.check_backup(state).map_err(AppendFailure::Undone)?;
        if let Some(backup) = &state.backup {
            backup
                .catch_up(&mut state.log, backed_up)
                .map_err(|error| {
                    AppendFailure::Undone(self.not_backed_up(&mut state.damaged, error))
                })?;
        }
        let durable = match self.page_of_syncs() {
            Some(shared_page)
                if shared_page.durable_offset(state.log.header.generation)
                    >= state.log.position.offset =>
            {
                state.log.position.revision
            }
            _ => state.durable_revision,
        };
        let durable = match planted(Bug::ClaimDurableWithoutSync) {
            true => state.log.position.revision,
            false => durable,
        };
        if format::MAX_REVISION - state.log.position.revision < commits.len() as u64 {
            return Err(AppendFailure::Undone(self.used_up()));
        }
        let mut lines = Vec::with_capacity(256);
        let mut places = Vec::with_capacity(commits.len());
        let mut after = state.log.position;
        let at = SharedStr::from(now());
        let pid = self.pid;
        for (index, changes) in commits.iter().enumerate() {
            let record = Record {
                revision: after.revision + 1,
                at: at.clone(),
                pid,
                durable: (index == 0).then_some(durable),
                changes: changes.clone(),
            };
            let before = lines.len();
            after.crc = record.encode(after.crc, &mut lines);
            after.revision = record.revision;
            after.offset += (lines.len() - before) as u64;
            places.push(after);
        }
        self.write_lines(state, &lines, &places, shrinks)?;
        if let (Some(backup), true) = (&state.backup, planted(Bug::BackUpAfterAppend)) {
            let len = backup.file.len();
            drop(len.and_then(|len| backup.catch_up(&mut state.log, len)));
        }
        if let Some(shared_page) = self.current_page() {
            shared_page.set_written_offset(state.log.header.generation, after.offset);
        }
        Ok(())
    }
}

/// What stands at the log's path.
enum Place {
    Ours,
    Another,
    Empty,
}

impl Backend for FileBackend {
    fn lock(&self, timeout: Duration) -> Result<(), Error> {
        if self.access == Access::ReadOnly {
            return Err(super::read_only());
        }
        if let Some(error) = self.replaced.get() {
            return Err(error.clone());
        }
        let current = self.current_lock();
        let taken = take_lock(
            &*self.disk,
            &self.paths,
            Some(current.clone()),
            timeout,
            self.pid,
            self.shared_memory,
        )
        .inspect_err(|error| self.note_intrusion(error))?;
        if !Arc::ptr_eq(&current, &taken) {
            // The lock file was deleted: from now on another page tells what is newest.
            if let (Some(old), Some(new)) = (current.shared_page(), taken.shared_page()) {
                if old.revision() != MOVED {
                    // Told there once it is known that the log goes on from it.
                    self.owed.fetch_max(old.revision(), Ordering::Relaxed);
                }
                // A sync that failed stays one. Where that is over, the log is of a later generation.
                new.doubt(old.doubted());
                old.publish(MOVED, None);
            }
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        }
        Ok(())
    }

    fn unlock(&self) {
        let lock = self.current_lock();
        if let Some(shared_page) = lock.shared_page() {
            shared_page.clear_holder();
        }
        if let Err(error) = lock.release() {
            self.debug
                .warn(format_args!("the lock cannot be released: {error}"));
        }
    }

    fn catch_up(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up_to(sink, Intent::Write)
    }

    fn judge(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up_to(sink, Intent::Read)
    }

    fn append(
        &self,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        let state = &mut *self.state();
        self.check_lock(state).map_err(AppendFailure::Undone)?;
        let shrinks = leads_to.is_some_and(|leads_to| leads_to.shrinks);
        match (self.append_lines(state, commits, shrinks), leads_to) {
            (Err(AppendFailure::Undone(full)), leads_to) if full.kind() == ErrorKind::NoSpace => {
                // Where that is worth it, a compaction makes room now.
                state.is_tight = true;
                match leads_to.filter(|leads_to| leads_to.shrinks) {
                    Some(leads_to) => self.begin_with(state, commits.len() as u64, leads_to, full),
                    None => Err(AppendFailure::Undone(full)),
                }
            }
            (outcome, _) => outcome,
        }
    }

    fn is_durable(&self) -> bool {
        let state = self.state();
        let tail = state.log.position.offset;
        state.durable_offset >= tail
            || self.page_of_syncs().is_some_and(|shared_page| {
                shared_page.durable_offset(state.log.header.generation) >= tail
            })
    }

    fn sync(&self) -> Result<(), Error> {
        if self.replaced.get().is_some() {
            // What this process had written is in a file that does not count any more, and the page speaks of
            // the other one.
            return Ok(());
        }
        let (file, position, generation) = {
            let state = self.state();
            (
                state.log.file.clone(),
                state.log.position,
                state.log.header.generation,
            )
        };
        let shared_page = self.page_of_syncs();
        let outcome = group_sync::sync(
            &*file,
            generation,
            position.offset,
            shared_page.as_deref(),
            &self.sync_latency,
        );
        let durable = outcome.map_err(|error| {
            let unknown = match error {
                SyncError::Failed(error) => Error::new(
                    ErrorKind::OutcomeUnknown,
                    "the disk failed while the commit was synced",
                )
                .caused_by(error),
                SyncError::FailedElsewhere => Error::new(
                    ErrorKind::OutcomeUnknown,
                    "the disk failed while another process synced the commit along with its own",
                ),
            };
            unknown
                .help("it may or may not survive a power cut; the store refuses writes until it is opened anew, and then shows what was kept")
                .path(&self.paths.log)
        })?;
        let mut state = self.state();
        if state.log.header.generation == generation {
            state.durable_offset = state.durable_offset.max(durable);
            state.durable_revision = state.durable_revision.max(position.revision);
        }
        Ok(())
    }

    fn sync_time(&self) -> Duration {
        self.sync_latency.estimate()
    }

    fn publish(&self, revision: u64) {
        if self.replaced.get().is_some() {
            return;
        }
        if let Some(shared_page) = self.current_page() {
            if planted(Bug::RaiseDurableOffsetWithoutSync) {
                let log = &self.state().log;
                shared_page.raise_durable_offset(log.header.generation, log.position.offset);
            }
            let crc = self.following().crc_at(revision).map(Crc::number);
            shared_page.publish(revision, crc);
            if shared_page.revision() == MOVED {
                self.publish_elsewhere(revision, crc);
            }
        }
    }

    fn visible(&self) -> Option<u64> {
        match self.shared_page.as_ref()?.revision() {
            // Another page tells by now. Where this process has not found it yet, everything may be newer.
            MOVED => Some(self.page_in_use().map_or(MOVED, |page| page.revision())),
            revision => Some(revision),
        }
    }

    #[inline]
    fn has_news(&self, revision: u64) -> bool {
        self.is_news(revision)
    }

    fn sight(&self) -> Sight {
        self.page().map_or_else(Sight::default, |page| page.sight())
    }

    fn follow(&self, sink: &mut dyn Sink) -> Result<Followed, Error> {
        let sight = self.sight();
        let followed = self.follow_log(sink);
        self.note_place(sight);
        followed
    }

    fn scout(&self) -> Result<(), Error> {
        self.sync_for_readers()
    }

    fn take_over(&self) {
        let state = &mut *self.state();
        let following = &mut *self.following();
        following.lend_to(state);
    }

    fn hand_over(&self) {
        {
            let state = &*self.state();
            self.following().go_on(state);
        }
        self.note_known();
    }

    fn wants_compaction(&self, live: u64) -> bool {
        let state = self.state();
        let length = state.log.position.offset;
        // On a full disk a small log is worth it too.
        let is_due = compaction::is_due(length, live, &self.compact_above)
            || state.is_tight && compaction::is_worth_it(length, live);
        length >= state.compact_from && is_due
    }

    fn compact(&self, entries: &Entries) -> Result<(), Error> {
        let state = &mut *self.state();
        let Position {
            offset, revision, ..
        } = state.log.position;
        match self.start_generation(state, entries, revision, Room::HalfOfBackup) {
            Ok(()) => {
                self.debug.say(format_args!(
                    "compacted the log at revision {revision}, from {offset} to {} bytes",
                    state.log.position.offset
                ));
                Ok(())
            }
            Err(failure) if failure.in_doubt => Err(failure.error),
            Err(failure) => {
                // The log is what it was: the commit may have room where a second log has none.
                state.compact_from = compaction::after_failure(offset);
                self.debug.warn(format_args!(
                    "the log cannot be compacted for now: {}",
                    failure.error
                ));
                Ok(())
            }
        }
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        let (disk, paths) = (self.disk.clone(), self.paths.clone());
        Ok(Box::new(LogHistory::new(disk, paths, after, old_values)?))
    }

    fn close(&self) {
        if self.access == Access::ReadOnly || self.lock(Duration::ZERO).is_err() {
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
                (Ok(Place::Ours), Ok(Tail::Clean)) => state.log.trim().and_then(|()| {
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
        self.unlock();
    }

    fn wait_for_news(&self, seen: Sight, stop: &dyn Fn() -> bool, timeout: Duration) -> bool {
        match self.page() {
            Some(shared_page) => {
                shared_page.wait(seen, stop, timeout);
                true
            }
            None => false,
        }
    }

    fn wake(&self) {
        if let Some(shared_page) = self.page() {
            shared_page.wake_all();
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let intrusion = self
            .intrusion
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let intrusion = intrusion
            .filter(|(at, _)| at.elapsed() <= TOLD_FOR)
            .map(|(_, error)| Condition::LockDoesNotExclude { error });
        let healed = self.healed.lock().unwrap_or_else(PoisonError::into_inner);
        let others = healed.iter().chain(&self.not_private).cloned();
        intrusion.into_iter().chain(others).collect()
    }
}

/// Where another view of the directory may have written the log anew, its backup is another file too.
fn forget_backup(disk: &dyn Disk, paths: &Paths, lock: &Lock) {
    if lock.file.is_served() {
        disk.forget_name(&paths.backup);
    }
}

/// Ends what a process broke off that was killed while it moved a file over another. The lock is held.
fn finish_renames(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    for path in [&paths.log, &paths.backup] {
        disk.finish_rename(path).map_err(|error| {
            Error::io(
                "a file that was moved aside cannot be put back",
                path,
                error,
            )
        })?;
    }
    Ok(())
}

/// Whether the log that stands at the path holds nothing at all.
fn is_empty(disk: &dyn Disk, paths: &Paths) -> Result<bool, Error> {
    let (_, bytes) = recovery::load(disk, &paths.log, disk::Open::Read)?;
    Ok(format::is_blank(&bytes))
}

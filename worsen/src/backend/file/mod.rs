//! The backend that keeps a store in three files: the log, the backup and the lock. The steps of a
//! commit stand here, in order; each room below does one of them.
//!
//! Nothing here knows a type of the user's: a commit is a list of uids and JSON texts.

mod acquire;
mod append;
pub(crate) mod backup;
pub(crate) mod compaction;
pub(crate) mod copy;
pub(crate) mod disk;
pub(crate) mod file_id;
mod follow;
pub(crate) mod format;
mod generation;
pub(crate) mod group_sync;
mod healing;
mod history;
mod kept;
mod lineage;
pub(crate) mod lock;
pub(crate) mod log;
mod looks;
mod open;
mod pages;
mod past;
pub(crate) mod paths;
mod privacy;
mod reach;
pub(crate) mod recovery;
mod room;
pub(crate) mod shared_page;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

pub(crate) use self::paths::Paths;
use self::{
    acquire::Lock,
    backup::Backup,
    compaction::{CompactAbove, Observer},
    disk::Disk,
    file_id::FileId,
    follow::Following,
    group_sync::SyncLatency,
    healing::Intent,
    history::LogHistory,
    log::{Log, Tail},
    looks::Looks,
    recovery::Recovered,
    shared_page::{SharedPage, Sight},
};
use super::{
    AppendFailure, Backend, Copied, Entries, Followed, Held, History, LeadsTo, Sink, Upkeep,
    Visible,
};
use crate::{
    entry::Edit,
    error::{self, Error},
    health::Condition,
    loom::Unpoisoned,
    options::{Access, At, Retention},
    planted::{Bug, planted},
    repair::Repair,
    trace::Debug,
};

/// How long the store goes on reporting that the lock did not exclude.
const TOLD_FOR: Duration = Duration::from_secs(60);

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
    pub(crate) history: Retention,
    pub(crate) debug: Debug,
}

#[derive(Debug)]
pub(crate) struct FileBackend {
    disk: Arc<dyn Disk>,
    paths: Paths,
    access: Access,
    lock: Mutex<Arc<Lock>>,
    /// The shared page of the lock file that was there when the store was opened. Readers look at this
    /// one without a lock; if it is not in use any more, it is retired.
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
    history: Retention,
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
    /// The disk is full: the newest commit has used room kept for commits that free some, or had none.
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

impl FileBackend {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }

    fn following(&self) -> MutexGuard<'_, Following> {
        self.following.lock().unpoisoned()
    }

    /// Reads what stands behind the known tail.
    fn read_on(&self, state: &mut State, sink: &mut dyn Sink) -> Result<Tail, Error> {
        follow::read_on(&mut state.log, &self.paths, sink, None)
    }

    fn is_ours(&self, log: &Log) -> Result<LogAtPath, Error> {
        match self.disk.identify(&self.paths.log) {
            Ok(Some(found)) if found.id == log.file.id() => Ok(LogAtPath::Ours),
            Ok(Some(_)) if planted(Bug::DoNotCheckLogIdentity) => Ok(LogAtPath::Ours),
            Ok(Some(_)) => Ok(LogAtPath::Another),
            Ok(None) => Ok(LogAtPath::Nothing),
            Err(error) => Err(error::file::log_out_of_sight(&self.paths.log, error)),
        }
    }

    /// What was found of this store that should be otherwise.
    fn found_conditions(&self) -> Vec<Condition> {
        let intrusion = self.intrusion.lock().unpoisoned().clone();
        let intrusion = intrusion
            .filter(|(at, _)| at.elapsed() <= TOLD_FOR)
            .map(|(_, error)| Condition::LockDoesNotExclude { error });
        let healed = self.healed.lock().unpoisoned();
        let others = healed.iter().chain(&self.not_private).cloned();
        intrusion.into_iter().chain(others).collect()
    }
}

/// What stands at the log's path.
enum LogAtPath {
    Ours,
    Another,
    Nothing,
}

/// The steps of a commit, each where its room is.
impl Backend for FileBackend {
    fn acquire(&self, timeout: Duration) -> Result<(), Error> {
        self.take_lock(timeout)
    }

    fn release(&self) {
        self.free_lock();
    }

    fn catch_up(&self, _held: &Held, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up_to(sink, Intent::Write)
    }

    fn judge(&self, _held: &Held, sink: &mut dyn Sink) -> Result<(), Error> {
        self.catch_up_to(sink, Intent::Read)
    }

    fn append(
        &self,
        _held: &Held,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        self.append_commits(commits, leads_to)
    }

    fn is_durable(&self) -> bool {
        self.is_on_disk()
    }

    fn sync(&self) -> Result<(), Error> {
        self.sync_log()
    }

    fn sync_time(&self) -> Duration {
        self.sync_latency.estimate()
    }

    fn publish(&self, revision: u64) {
        self.publish_in_page(revision);
    }

    fn visible(&self) -> Visible {
        self.visible_in_page()
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
        self.following().lend_to(state);
    }

    fn hand_over(&self) {
        {
            let state = &*self.state();
            self.following().go_on(state);
        }
        self.note_known();
    }

    fn wants_compaction(&self, live: u64) -> bool {
        self.has_outgrown(live)
    }

    fn compact(&self, _held: &Held, entries: &Entries) -> Result<(), Error> {
        self.compact_log(entries)
    }

    fn upkeep(&self, _held: &Held, entries: &Entries, what: Upkeep) -> Result<(), AppendFailure> {
        self.keep_up(entries, what)
    }

    fn keep(
        &self,
        _held: &Held,
        entries: &Entries,
        version: u32,
    ) -> Result<Option<PathBuf>, Error> {
        self.keep_version(entries, version).map(Some)
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        let (disk, paths) = (self.disk.clone(), self.paths.clone());
        Ok(Box::new(LogHistory::new(disk, paths, after, old_values)?))
    }

    fn copy_to(
        &self,
        _store: &str,
        to: &Path,
        revision: u64,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Copied, Error> {
        copy::copy_log(&*self.disk, &self.paths, to, revision, tell)
    }

    fn load_copy(&self, store: &str, copy: &Path) -> Result<(Entries, u64), Error> {
        copy::load_copy(&*self.disk, copy, store)
    }

    fn state_at(&self, at: At, newest: u64) -> Result<(Entries, u64), Error> {
        self.find_moment(at, newest)
    }

    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error> {
        self.spans_up_to(newest)
    }

    fn close(&self) {
        self.close_files();
    }

    fn wait_for_news(&self, seen: Sight, stop: &dyn Fn() -> bool, timeout: Duration) -> bool {
        let page = self.page();
        if let Some(page) = &page {
            page.wait(seen, stop, timeout);
        }
        page.is_some()
    }

    fn wake(&self) {
        if let Some(page) = self.page() {
            page.wake_all();
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        self.found_conditions()
    }
}

/// Whether the log that stands at the path holds nothing at all.
fn is_empty(disk: &dyn Disk, paths: &Paths) -> Result<bool, Error> {
    let (_, bytes) = recovery::load(disk, &paths.log, disk::Open::Read)?;
    Ok(format::is_blank(&bytes))
}

//! Making the log durable. Of the processes that wait for it at the same time one leads: its sync
//! covers what all of them wrote before it began, and the others sleep until it ends. Never here: what
//! a commit is, or the lock that writers take.
//!
//! Two syncs at a time would wait for each other in the file system and cover less each: that is what
//! group commit (DeWitt et al., 1984) does for the threads of one process, here for processes.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{disk::DiskFile, shared_page::SharedPage};
use crate::planted::{Bug, planted};

/// How long to wait for another process's sync, in syncs of this one: disks stall in bursts.
const PATIENCE: u32 = 8;
const LEAST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// How many times that in all: a sync that ends may have begun too early to cover this one, the next
/// has not. Beyond that, something else wakes the sleeper, such as a signal.
const LEADERS: u32 = 2;

/// Of how many syncs, about, the average is taken.
const MEMORY: u64 = 8;

/// How long a sync of this store takes.
#[derive(Debug, Default)]
pub(crate) struct SyncLatency {
    nanoseconds: AtomicU64,
}

impl SyncLatency {
    fn add(&self, sync: Duration) {
        let sync = u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX / MEMORY);
        let before = self.nanoseconds.load(Relaxed);
        // Two threads that add at once lose one of two samples: it is an estimate.
        let after = match before {
            0 => sync,
            _ => before - before / MEMORY + sync / MEMORY,
        };
        self.nanoseconds.store(after, Relaxed);
    }

    /// About how long one takes; zero before the first.
    pub(crate) fn estimate(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Relaxed))
    }

    fn patience(&self) -> Duration {
        (self.estimate() * PATIENCE).clamp(LEAST_WAIT, LONGEST_WAIT)
    }
}

/// Why it is not known whether the log is durable.
#[derive(Debug)]
pub(crate) enum SyncError {
    /// The sync of this process failed.
    Failed(io::Error),
    /// The sync of another process failed, on what this one wrote too.
    FailedElsewhere,
}

/// Returns once this generation of the log is durable up to `offset` at least: how far it is.
pub(crate) fn sync(
    file: &dyn DiskFile,
    generation: u64,
    offset: u64,
    shared_page: Option<&SharedPage>,
    sync_latency: &SyncLatency,
) -> Result<u64, SyncError> {
    let Some(shared_page) = shared_page else {
        return timed(file, sync_latency)
            .map(|()| offset)
            .map_err(SyncError::Failed);
    };
    let patience = sync_latency.patience();
    let mut begin = None;
    let mut waited = false;
    loop {
        let key = shared_page.sync_key();
        let durable = shared_page.durable_offset(generation);
        if durable >= offset {
            return Ok(durable);
        }
        if failed_elsewhere(shared_page, generation) {
            return Err(SyncError::FailedElsewhere);
        }
        // Where no process can take the lead, such as on a file system without locks, every process syncs for
        // itself. It also does so when the leader has come to a stop: one more sync does no harm.
        let leads = !waited && file.try_lead().unwrap_or(true);
        if !leads && !waited {
            let start = Instant::now();
            let so_far = start - *begin.get_or_insert(start);
            let wait = patience.min((patience * LEADERS).saturating_sub(so_far));
            shared_page.wait_for_sync(key, wait);
            waited = start.elapsed() >= wait;
            continue;
        }
        let covered = lead(file, generation, offset, shared_page, sync_latency);
        if leads {
            // It ends with the file at the latest; until then the others lose their patience.
            let _ = file.end_lead();
        }
        shared_page.sync_ended();
        return covered;
    }
}

/// A sync that succeeds after one that failed, or beside it, proves nothing. A later generation in doubt
/// is another matter: its name may not be durable, and this file is the one it was made from.
fn failed_elsewhere(shared_page: &SharedPage, generation: u64) -> bool {
    shared_page.doubted() == generation && !planted(Bug::IgnoreFailureElsewhere)
}

fn lead(
    file: &dyn DiskFile,
    generation: u64,
    offset: u64,
    shared_page: &SharedPage,
    sync_latency: &SyncLatency,
) -> Result<u64, SyncError> {
    // The leader before may have covered this one just now.
    let durable = shared_page.durable_offset(generation);
    if durable >= offset {
        return Ok(durable);
    }
    // Asked before the sync begins: all of that was written by then.
    let covers = shared_page.written_offset(generation).max(offset);
    let outcome = timed(file, sync_latency);
    let covers = match planted(Bug::CoverWhatCameWithinSync) {
        true => shared_page.written_offset(generation).max(offset),
        false => covers,
    };
    match outcome {
        Ok(()) if failed_elsewhere(shared_page, generation) => Err(SyncError::FailedElsewhere),
        Ok(()) => {
            shared_page.raise_durable_offset(generation, covers);
            Ok(covers)
        }
        Err(error) => {
            shared_page.doubt(generation);
            Err(SyncError::Failed(error))
        }
    }
}

fn timed(file: &dyn DiskFile, sync_latency: &SyncLatency) -> io::Result<()> {
    let start = Instant::now();
    match file.sync_data() {
        Err(_) if planted(Bug::RetryFailedSync) => file.sync_data()?,
        synced => synced?,
    }
    sync_latency.add(start.elapsed());
    Ok(())
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use std::{path::Path, sync::Barrier, thread};

    use super::{
        super::disk::{Disk, Open, RealDisk},
        *,
    };
    use crate::testing::{Fault, Repeat, SimulatedDisk};

    fn open(path: &Path) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.open(path, Open::Create)
    }

    #[test]
    fn one_sync_covers_what_all_processes_wrote_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(&dir.path().join("log")).unwrap();
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        shared_page.set_written_offset(1, 500);
        let sync_latency = SyncLatency::default();
        assert_eq!(
            sync(&*file, 1, 100, Some(&shared_page), &sync_latency).unwrap(),
            500
        );
        assert_eq!(shared_page.durable_offset(1), 500);
        assert!(sync_latency.estimate() > Duration::ZERO);
        // Covered, so that no file is needed.
        let gone = SimulatedDisk::new();
        let file = gone.open("log".as_ref(), Open::Create).unwrap();
        gone.fail(0, Fault::Io, Repeat::ForGood);
        assert_eq!(
            sync(&*file, 1, 300, Some(&shared_page), &sync_latency).unwrap(),
            500
        );
    }

    #[test]
    fn who_does_not_lead_is_told_by_the_leader() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (leader, other) = (open(&path).unwrap(), open(&path).unwrap());
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        shared_page.set_written_offset(1, 200);
        assert!(leader.try_lead().unwrap());
        assert!(!other.try_lead().unwrap());
        let begun = Barrier::new(2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                begun.wait();
                sync(&*other, 1, 200, Some(&shared_page), &SyncLatency::default())
            });
            begun.wait();
            shared_page.raise_durable_offset(1, 200);
            shared_page.sync_ended();
            assert_eq!(waiting.join().unwrap().unwrap(), 200);
        });
        leader.end_lead().unwrap();
        assert!(other.try_lead().unwrap());
    }

    #[test]
    fn a_leader_that_has_come_to_a_stop_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (leader, other) = (open(&path).unwrap(), open(&path).unwrap());
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        assert!(leader.try_lead().unwrap());
        let durable = sync(&*other, 1, 70, Some(&shared_page), &SyncLatency::default());
        assert_eq!(durable.unwrap(), 70);
    }

    #[test]
    fn wakes_that_bring_nothing_do_not_make_anybody_wait_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (leader, other) = (open(&path).unwrap(), open(&path).unwrap());
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        assert!(leader.try_lead().unwrap());
        let longest = Instant::now() + Duration::from_secs(30);
        let in_time = thread::scope(|scope| {
            let waiting =
                scope.spawn(|| sync(&*other, 1, 70, Some(&shared_page), &SyncLatency::default()));
            while !waiting.is_finished() && Instant::now() < longest {
                shared_page.sync_ended();
                thread::yield_now();
            }
            let in_time = waiting.is_finished();
            assert_eq!(waiting.join().unwrap().unwrap(), 70);
            in_time
        });
        assert!(in_time, "it waited for as long as it was woken");
    }

    #[test]
    fn the_failure_of_another_process_is_not_called_good() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(&dir.path().join("log")).unwrap();
        let shared_page = SharedPage::in_memory();
        shared_page.set_durable_offset(1, 0);
        shared_page.doubt(1);
        let outcome = sync(&*file, 1, 70, Some(&shared_page), &SyncLatency::default());
        assert!(matches!(outcome, Err(SyncError::FailedElsewhere)));
        assert_eq!(shared_page.durable_offset(1), 0);
    }
}

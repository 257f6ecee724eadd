//! The backend that keeps nothing: for tests, and for state that may go with the process.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    AppendFailure, Backend, Committed, Connect, Copied, Entries, Followed, Held, History, LeadsTo,
    Next, Opened, Sink,
    file::{
        compaction::image,
        copy::{load_copy, write_copy},
        disk::RealDisk,
    },
    now, replay,
};
use crate::{
    entry::Edit,
    error::{self, Error},
    loom::Unpoisoned,
    repair::Recovery,
};

/// How many commits are kept for readers that take them one by one.
const KEPT: usize = 16 * 1024;

/// A store in memory belongs to one process and one handle, so there is nobody to keep out, nothing
/// to catch up with and nothing to sync.
#[derive(Debug, Default)]
pub(crate) struct MemoryBackend {
    kept: Arc<Mutex<Kept>>,
    read_only: bool,
}

/// A new store that nobody else gets at.
#[derive(Debug)]
pub(crate) struct InMemory {
    pub(crate) read_only: bool,
}

impl Connect for InMemory {
    fn connect(self: Box<Self>) -> Result<Opened, Error> {
        let backend = MemoryBackend {
            kept: Arc::default(),
            read_only: self.read_only,
        };
        Ok(Opened {
            backend: Box::new(backend),
            entries: Entries::new(),
            revision: 0,
            recovery: Recovery::default(),
        })
    }
}

/// The newest commits, each with the values before it.
#[derive(Debug, Default)]
struct Kept {
    commits: VecDeque<Committed>,
    /// The newest revision, and the state there.
    revision: u64,
    state: Entries,
}

impl Kept {
    fn of(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
        kept.lock().unpoisoned()
    }

    fn add(&mut self, changes: &[Edit]) {
        self.revision += 1;
        let before = replay(&mut self.state, changes);
        if self.commits.len() == KEPT {
            self.commits.pop_front();
        }
        self.commits.push_back(Committed {
            revision: self.revision,
            at: now(),
            pid: std::process::id(),
            changes: changes.to_vec(),
            before: Some(before),
        });
    }
}

#[derive(Debug)]
struct MemoryHistory {
    kept: Arc<Mutex<Kept>>,
    after: u64,
    old_values: bool,
}

impl History for MemoryHistory {
    fn next(&mut self, newest: u64) -> Result<Next, Error> {
        let kept = Kept::of(&self.kept);
        if self.after >= newest {
            return Ok(Next::Nothing);
        }
        let first = self.after + 1;
        let Some(oldest) = kept.commits.front() else {
            return Ok(Next::Nothing);
        };
        if first < oldest.revision {
            self.after = oldest.revision - 1;
            return Ok(Next::Gap {
                first,
                last: self.after,
            });
        }
        let Some(commit) = kept.commits.get((first - oldest.revision) as usize) else {
            return Ok(Next::Nothing);
        };
        self.after = first;
        let mut commit = commit.clone();
        commit.before = commit.before.filter(|_| self.old_values);
        Ok(Next::Commit(commit))
    }

    fn revision(&self) -> u64 {
        self.after
    }
}

impl Backend for MemoryBackend {
    fn acquire(&self, _timeout: Duration) -> Result<(), Error> {
        match self.read_only {
            true => Err(error::engine::read_only()),
            false => Ok(()),
        }
    }

    fn release(&self) {}

    fn catch_up(&self, _held: &Held, _sink: &mut dyn Sink) -> Result<(), Error> {
        Ok(())
    }

    fn append(
        &self,
        _held: &Held,
        commits: &[Vec<Edit>],
        _leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        let mut kept = Kept::of(&self.kept);
        for changes in commits {
            kept.add(changes);
        }
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn publish(&self, _revision: u64) {}

    fn follow(&self, _sink: &mut dyn Sink) -> Result<Followed, Error> {
        Ok(Followed::Visible)
    }

    fn copy_to(
        &self,
        store: &str,
        to: &Path,
        _revision: u64,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Copied, Error> {
        let (state, revision) = {
            let kept = Kept::of(&self.kept);
            (kept.state.clone(), kept.revision)
        };
        let log = image(store, (1, Vec::new()), revision, &state, &now());
        write_copy(&RealDisk, store, to, (&log.bytes, revision), tell)
    }

    fn load_copy(&self, store: &str, copy: &Path) -> Result<(Entries, u64), Error> {
        load_copy(&RealDisk, copy, store)
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        Ok(Box::new(MemoryHistory {
            kept: self.kept.clone(),
            after,
            old_values,
        }))
    }
}

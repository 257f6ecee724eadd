//! The backend that keeps nothing: for tests, and for state that may go with the process.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    AppendFailure, Backend, Committed, Connect, Copied, Entries, Followed, Held, History, LeadsTo,
    Next, Opened, Sink, Upkeep,
    file::{
        compaction::image,
        copy::{load_copy, write_copy},
        disk::RealDisk,
    },
    now, replay,
};
use crate::{
    clock::Moment,
    entry::Edit,
    error::{self, Error},
    loom::Unpoisoned,
    options::At,
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

impl Kept {
    /// The oldest revision of which the state is known.
    fn oldest(&self) -> u64 {
        self.commits
            .front()
            .map_or(self.revision, |oldest| oldest.revision - 1)
    }

    fn state_at(&self, at: At, newest: u64) -> Result<(Entries, u64), Error> {
        let mut state = self.state.clone();
        let mut revision = self.revision;
        let oldest = self.oldest();
        let is_there = |revision, commit: &Committed| match at {
            At::Revision(wanted) => revision <= wanted,
            At::Time(time) => revision <= newest && Moment::of(time).is_past(&commit.at),
        };
        for commit in self.commits.iter().rev() {
            if is_there(revision, commit) {
                break;
            }
            let before = commit.before.iter().flatten();
            for (edit, json) in commit.changes.iter().zip(before) {
                state.put(&edit.uid, json.clone());
            }
            revision -= 1;
        }
        match at {
            At::Revision(wanted) if wanted != revision || wanted > newest => {
                let spans = [(oldest, newest)];
                Err(error::past::no_such_revision(wanted, &spans))
            }
            At::Time(_) if revision == oldest && oldest > 0 => {
                let at = self.commits.front().map_or("", |oldest| &oldest.at);
                Err(error::past::before_all(oldest + 1, at))
            }
            _ => Ok((state, revision)),
        }
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
        let oldest = kept.oldest();
        if self.after < oldest {
            self.after = oldest;
            return Ok(Next::Gap {
                first,
                last: oldest,
            });
        }
        let Some(commit) = kept.commits.get((self.after - oldest) as usize) else {
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

    fn upkeep(&self, _held: &Held, _entries: &Entries, what: Upkeep) -> Result<(), AppendFailure> {
        if what == Upkeep::Purge {
            Kept::of(&self.kept).commits.clear();
        }
        Ok(())
    }

    fn state_at(&self, at: At, newest: u64) -> Result<(Entries, u64), Error> {
        Kept::of(&self.kept).state_at(at, newest)
    }

    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error> {
        Ok(vec![(Kept::of(&self.kept).oldest(), newest)])
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        Ok(Box::new(MemoryHistory {
            kept: self.kept.clone(),
            after,
            old_values,
        }))
    }
}

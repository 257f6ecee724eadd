//! The jobs that may be taken or are, by their priority. Never here: what a job is beside its state.

use std::iter;

use imbl::{OrdMap, OrdSet};

use super::{job::State, timed::Timed};
use crate::process::ProcessId;

/// The jobs of one priority, each in one of these.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    pub(super) free: OrdSet<u64>,
    pub(super) later: Timed,
    pub(super) taken: Timed,
    /// Those that are taken, by the process that has them.
    pub(super) by_process: OrdMap<ProcessId, OrdSet<u64>>,
}

impl Lane {
    fn insert(&mut self, id: u64, state: &State) {
        match state {
            State::Waiting => drop(self.free.insert(id)),
            State::Later(span) => self.later.insert(id, span),
            State::Taken(lease) => {
                self.taken.insert(id, &lease.span);
                let process = lease.process.clone();
                self.by_process.entry(process).or_default().insert(id);
            }
            State::Dead { .. } => {}
        }
    }

    fn remove(&mut self, id: u64, state: &State) {
        match state {
            State::Waiting => drop(self.free.remove(&id)),
            State::Later(span) => self.later.remove(id, span),
            State::Taken(lease) => {
                self.taken.remove(id, &lease.span);
                if let Some(ids) = self.by_process.get_mut(&lease.process) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.by_process.remove(&lease.process);
                    }
                }
            }
            State::Dead { .. } => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.free.is_empty() && self.later.len() == 0 && self.taken.len() == 0
    }
}

/// All of them. Nearly every job has the priority 0, so that lane is there always.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes {
    usual: Lane,
    others: OrdMap<i32, Lane>,
}

impl Lanes {
    /// Jobs that wait, all of the usual priority.
    pub(super) fn of_free(free: OrdSet<u64>) -> Self {
        Lanes {
            usual: Lane {
                free,
                ..Lane::default()
            },
            others: OrdMap::new(),
        }
    }

    pub(super) fn insert(&mut self, priority: i32, id: u64, state: &State) {
        match priority {
            0 => self.usual.insert(id, state),
            _ => self.others.entry(priority).or_default().insert(id, state),
        }
    }

    pub(super) fn remove(&mut self, priority: i32, id: u64, state: &State) {
        if priority == 0 {
            self.usual.remove(id, state);
        } else if let Some(lane) = self.others.get_mut(&priority) {
            lane.remove(id, state);
            if lane.is_empty() {
                self.others.remove(&priority);
            }
        }
    }

    /// The highest priority first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        let before = self.others.range(1..).rev();
        let behind = self.others.range(..0).rev();
        let lane = |(_, lane)| lane;
        let usual = iter::once(&self.usual);
        before.map(lane).chain(usual).chain(behind.map(lane))
    }

    pub(super) fn count(&self, count: impl Fn(&Lane) -> usize) -> usize {
        self.iter().map(count).sum()
    }
}

//! The jobs of a work queue, and what is known from them: in which state each is, which process has which, and which
//! numbers were used. Never here: which job is given to whom.

use std::sync::atomic::Ordering;

use super::{
    WorkQueue,
    job::{Job, State},
};
use crate::{
    collections::Shared,
    planted::{Bug, planted},
};

impl<T> WorkQueue<T> {
    pub(super) fn change(&mut self, id: u64, change: impl FnOnce(&mut Job<T>)) {
        if let Some(job) = self.jobs.get(&id) {
            let mut job = Job::clone(&job.0);
            change(&mut job);
            self.put(id, job);
        }
    }

    pub(super) fn put(&mut self, id: u64, job: Job<T>) {
        let state = job.state.clone();
        if let Some(before) = self.jobs.insert(id, Shared::new(job)) {
            self.forget(id, &before.0.state);
        }
        match state {
            State::Waiting => drop(self.free.insert(id)),
            State::Later(span) => self.later.insert(id, &span),
            State::Taken(lease) => {
                self.taken.insert(id, &lease.span);
                self.by_process.entry(lease.process).or_default().insert(id);
            }
            State::Dead(_) => drop(self.dead.insert(id)),
        }
    }

    /// Removes a job; false: there is none.
    pub(super) fn cut(&mut self, id: u64) -> bool {
        let is_last = self.jobs.get_max().is_some_and(|(last, _)| *last == id);
        if is_last {
            self.keep_last_number();
        }
        self.take_out(id)
    }

    pub(super) fn take_out(&mut self, id: u64) -> bool {
        let Some(job) = self.jobs.remove(&id) else {
            return false;
        };
        self.forget(id, &job.0.state);
        true
    }

    pub(super) fn forget(&mut self, id: u64, state: &State) {
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
            State::Dead(_) => drop(self.dead.remove(&id)),
        }
    }

    /// The number of the last job goes with that job, so it is kept beside them.
    pub(super) fn keep_last_number(&mut self) {
        if let Some((last, _)) = self.jobs.get_max() {
            if !planted(Bug::ReuseJobNumber) {
                *self.next.get_mut() = self.next().max(last + 1);
            }
        }
    }

    pub(super) fn next(&self) -> u64 {
        // Relaxed: a thread that gets the queue from another one gets it in order.
        self.next.load(Ordering::Relaxed)
    }

    /// The number after all that were ever used, where that is known.
    pub(super) fn behind_all(&self) -> u64 {
        let behind = self.jobs.get_max().map_or(0, |(last, _)| last + 1);
        self.next().max(behind)
    }
}

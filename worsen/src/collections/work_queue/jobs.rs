//! The jobs of a work queue, and what is known from them: in which state each is, which process has which, which keys
//! they hold, and which numbers were used. Never here: which job is given to whom.

use std::sync::{Arc, atomic::Ordering};

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
        let job = Shared::new(job);
        if let Some(before) = self.jobs.insert(id, job.clone()) {
            self.forget(id, &before.0);
        }
        let job = &*job.0;
        if matches!(job.state, State::Dead { .. }) {
            self.dead.insert(id);
            return;
        }
        self.lanes.insert(job.priority(), id, &job.state);
        if let Some(more) = &job.more {
            if let Some(key) = &more.kept.unique {
                self.unique.insert((key.clone(), id));
            }
            if let (Some(since), State::Waiting | State::Taken(_)) = (more.since, &job.state) {
                self.dated.insert((since, id));
            }
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
        self.forget(id, &job.0);
        true
    }

    fn forget(&mut self, id: u64, job: &Job<T>) {
        if matches!(job.state, State::Dead { .. }) {
            self.dead.remove(&id);
            return;
        }
        self.lanes.remove(job.priority(), id, &job.state);
        if let Some(more) = &job.more {
            if let Some(key) = &more.kept.unique {
                self.unique.remove(&(key.clone(), id));
            }
            if let Some(since) = more.since {
                self.dated.remove(&(since, id));
            }
        }
    }

    /// The job that has this key. A person may have given it to several.
    pub(super) fn holder(&self, key: &Arc<str>) -> Option<u64> {
        let (holds, id) = self.unique.range((key.clone(), 0)..).next()?;
        (holds == key && !planted(Bug::IgnoreUniqueKey)).then_some(*id)
    }

    /// The number of the last job goes with that job, so it is kept beside them.
    pub(super) fn keep_last_number(&mut self) {
        if !planted(Bug::ReuseJobNumber) {
            *self.next.get_mut() = self.behind_all();
        }
    }

    pub(super) fn next(&self) -> u64 {
        // Relaxed: a thread that gets the queue from another one gets it in order.
        self.next.load(Ordering::Relaxed)
    }

    /// The number after all that were ever used, where that is known.
    pub(super) fn behind_all(&self) -> u64 {
        let last = self.jobs.get_max().map(|(last, _)| last);
        let behind = last
            .max(self.left_out.last_key())
            .map_or(0, |last| last + 1);
        self.next().max(behind)
    }
}

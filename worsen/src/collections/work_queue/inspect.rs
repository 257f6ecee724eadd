//! A work queue as people and programs look at it: one job, and all of them. Never here: what changes any.

use std::{fmt, iter::FusedIterator, ops::Deref, time::SystemTime};

use super::{
    job::{Job, State},
    more::Failed,
    time::Moment,
};
use crate::collections::Shared;

/// A job as it stands in a [`WorkQueue`](crate::WorkQueue). It derefs to the job itself.
pub struct QueuedJob<'a, T> {
    pub(super) id: u64,
    pub(super) job: &'a Job<T>,
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState<'a> {
    /// The next taker gets it, or one in front of it.
    Waiting,
    /// It was pushed for this time, or is to be tried again then.
    Later {
        /// By the wall clock.
        until: SystemTime,
    },
    /// A taker has it, until its lease ends.
    Taken {
        /// The process that has taken it.
        pid: u32,
        /// When the lease ends, by the wall clock.
        until: SystemTime,
    },
    /// A dead letter: it was tried too often, or its taker gave it up.
    Dead {
        /// The reason, for people.
        why: &'a str,
    },
}

/// A try that failed. See [`QueuedJob::failures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// Which try it was, the first one being 1.
    pub tries: u32,
    /// When, by the wall clock of its taker. `None`: a program of an older version did not say.
    pub at: Option<SystemTime>,
    /// What its taker said.
    pub why: &'a str,
}

impl Failed {
    fn failure(&self) -> Failure<'_> {
        Failure {
            tries: self.tries,
            at: Some(self.at.time()),
            why: &self.why,
        }
    }
}

impl<'a, T> QueuedJob<'a, T> {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The job itself, for as long as the queue.
    pub fn job(&self) -> &'a T {
        &self.job.job
    }

    /// How often it was taken.
    pub fn tries(&self) -> u32 {
        self.job.tries
    }

    /// Its [priority](crate::collections::JobOptions::priority).
    pub fn priority(&self) -> i32 {
        self.job.priority()
    }

    /// Its [key](crate::collections::JobOptions::unique).
    pub fn unique(&self) -> Option<&'a str> {
        self.job.more.as_ref()?.kept.unique.as_deref()
    }

    /// How it failed, the newest last: the last eight times that its taker said so by
    /// [`retry`](crate::Taken::retry), and the one that made it a dead letter.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { mails: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// # let work = store.work(|state| &state.mails);
    /// # work.push("hello".into()).wait()?;
    /// let lease = Duration::from_secs(60);
    /// work.take(lease).wait()?.expect("it waits").retry("no connection").wait()?;
    /// work.take(lease).wait()?.expect("it waits again").fail("no such address").wait()?;
    /// for mail in store.mails().dead_letters() {
    ///     let failures: Vec<_> = mail.failures().map(|failure| (failure.tries, failure.why)).collect();
    ///     assert_eq!(failures, [(1, "no connection"), (2, "no such address")]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn failures(&self) -> impl Iterator<Item = Failure<'a>> {
        let tries = self.job.tries;
        let death = match &self.job.state {
            State::Dead { why, at } => Some(Failure {
                tries,
                at: at.map(Moment::time),
                why,
            }),
            _ => None,
        };
        let more = self.job.more.as_ref();
        let failed = more.into_iter().flat_map(|more| &more.failed);
        failed.map(Failed::failure).chain(death)
    }

    /// What becomes of it.
    pub fn state(&self) -> JobState<'a> {
        match &self.job.state {
            State::Waiting => JobState::Waiting,
            State::Later(span) => JobState::Later {
                until: span.end.time(),
            },
            State::Taken(lease) => JobState::Taken {
                pid: lease.process.pid,
                until: lease.span.end.time(),
            },
            State::Dead { why, .. } => JobState::Dead { why },
        }
    }
}

impl<T> Deref for QueuedJob<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.job.job
    }
}

impl<T> Clone for QueuedJob<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for QueuedJob<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for QueuedJob<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedJob")
            .field("id", &self.id)
            .field("job", self.job())
            .field("tries", &self.tries())
            .field("state", &self.state())
            .finish()
    }
}

/// The jobs of a [`WorkQueue`](crate::WorkQueue), in the order of their numbers.
pub struct Iter<'a, T> {
    pub(super) jobs:
        imbl::ordmap::Iter<'a, u64, Shared<Job<T>>, imbl::shared_ptr::DefaultSharedPtr>,
    /// So much more than its number a job has among these.
    pub(super) base: u64,
}

impl<'a, T> Iter<'a, T> {
    fn queued(&self, (place, job): (&u64, &'a Shared<Job<T>>)) -> QueuedJob<'a, T> {
        QueuedJob {
            id: place - self.base,
            job: &job.0,
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = QueuedJob<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        let job = self.jobs.next()?;
        Some(self.queued(job))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.jobs.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let job = self.jobs.next_back()?;
        Some(self.queued(job))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> FusedIterator for Iter<'_, T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

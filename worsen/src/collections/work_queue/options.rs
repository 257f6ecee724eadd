//! How a job is pushed where [`WorkQueue::push`](super::WorkQueue::push) does not say enough: when it may be taken,
//! before which others, how often, and under which key there is one at most. Never here: what follows from that.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How a job is pushed, and what is kept with it: for [`Work::push_with`](crate::Work::push_with) and
/// [`WorkQueue::push_with`](crate::WorkQueue::push_with).
///
/// ```
/// # use std::time::Duration;
/// # use worsen::{Store, WorkQueue};
/// use worsen::collections::{Backoff, JobOptions, Pushed};
///
/// # #[derive(Store)] struct State { mails: WorkQueue<String> }
/// # fn main() -> Result<(), worsen::Error> {
/// # let store = State::builder().in_memory().open()?;
/// let work = store.work(|state| &state.mails);
/// let options = JobOptions::new()
///     .delay(Duration::from_secs(60))
///     .priority(5)
///     .unique("report of May")
///     .max_tries(10)
///     .backoff(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(600)));
/// assert_eq!(work.push_with("report".into(), options.clone()).wait()?, Pushed::New(0));
/// // There is one already.
/// assert_eq!(work.push_with("report".into(), options).wait()?, Pushed::Held(0));
/// # Ok(())
/// # }
/// ```
///
/// # Beside programs of an older version
///
/// Priority, key, `max_tries` and back-off stand in the job's entry. A program of a version that does not
/// know them would lose them when it takes the job, and so it does not get any such job: it sees it as a
/// dead letter, "for a newer version of worsen", until a program of this version or a later one has done it. A
/// delay alone is honoured by all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a job is pushed with them"]
pub struct JobOptions {
    pub(super) start: Start,
    pub(super) kept: Kept,
}

/// From when on a job may be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Start {
    #[default]
    Now,
    After(Duration),
    At(SystemTime),
}

/// What is kept with a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(super) priority: i32,
    pub(super) unique: Option<Arc<str>>,
    pub(super) max_tries: Option<u32>,
    pub(super) backoff: Option<Backoff>,
    /// What a later version has written here, as the members of an object.
    pub(super) unknown: Option<Arc<str>>,
}

impl JobOptions {
    /// As [`push`](crate::WorkQueue::push): at once, in turn, and nothing is kept with the job.
    pub fn new() -> Self {
        JobOptions::default()
    }

    /// It is not taken before so much time is over, by the clocks of the [leases](crate::Work).
    pub fn delay(self, delay: Duration) -> Self {
        JobOptions {
            start: Start::After(delay),
            ..self
        }
    }

    /// It is not taken before this time by the wall clock of whoever looks for a job. A time that is over is
    /// now.
    pub fn at(self, time: SystemTime) -> Self {
        JobOptions {
            start: Start::At(time),
            ..self
        }
    }

    /// It is taken before all jobs of a lower priority, also those that were lost, and after those of a higher one.
    /// 0 is that of jobs pushed without; a negative one comes after them. Nothing keeps jobs of a low priority
    /// from waiting for ever behind others.
    pub fn priority(mut self, priority: i32) -> Self {
        self.kept.priority = priority;
        self
    }

    /// No other job of the queue is pushed with this key while this one waits, for now or for later, or is
    /// taken: pushing one changes nothing, and tells the number of this one ([`Pushed::Held`]).
    ///
    /// The key is free again once the job is acknowledged, removed, or a dead letter. A dead letter whose key
    /// another job has meanwhile cannot be [revived](crate::WorkQueue::revive) until that one is gone.
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.kept.unique = Some(key.into().into());
        self
    }

    /// How often this job is taken at most, in the place of what its taker says
    /// ([`Work::max_tries`](crate::Work::max_tries)); at least 1.
    pub fn max_tries(mut self, tries: u32) -> Self {
        self.kept.max_tries = Some(tries.max(1));
        self
    }

    /// How long it waits before it is tried again, where its taker does not say so: after
    /// [`retry`](crate::Taken::retry), and after a panic. A job whose lease has run out or whose taker has died
    /// is tried again at once.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.kept.backoff = Some(backoff);
        self
    }
}

/// How long a job waits from one try to the next. See [`JobOptions::backoff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// In milliseconds.
    pub(super) first: u64,
    pub(super) most: u64,
}

impl Backoff {
    /// The same time after every try, to the millisecond.
    pub fn fixed(delay: Duration) -> Self {
        Backoff::exponential(delay, delay)
    }

    /// `first` after the first try, then twice as long after each one, `most` at most. To the millisecond.
    pub fn exponential(first: Duration, most: Duration) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Backoff {
            first: milliseconds(first),
            most: milliseconds(most),
        }
    }

    /// How long it is from this try to the next, the first one being 1.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::collections::Backoff;
    /// let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(5));
    /// let delays: Vec<u64> = (1..5).map(|tries| backoff.after(tries).as_secs()).collect();
    /// assert_eq!(delays, [1, 2, 4, 5]);
    /// ```
    pub fn after(&self, tries: u32) -> Duration {
        let doubled = 1_u64.checked_shl(tries.saturating_sub(1));
        let delay = doubled.map_or(u64::MAX, |times| self.first.saturating_mul(times));
        // Nothing doubled is nothing still.
        let delay = if self.first == 0 { 0 } else { delay };
        Duration::from_millis(delay.min(self.most))
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The job is in the queue, with this number.
    New(u64),
    /// Nothing was pushed: the job of this number has the [key](JobOptions::unique).
    Held(u64),
}

impl Pushed {
    /// The number of the job: the new one, or the one that was there.
    pub fn id(self) -> u64 {
        match self {
            Pushed::New(id) | Pushed::Held(id) => id,
        }
    }

    /// Whether the job was pushed.
    pub fn is_new(self) -> bool {
        matches!(self, Pushed::New(_))
    }
}

//! [`WorkQueue`], a field that logs by entry: what its users do with it (here, `letters`, `inspect` and `options`),
//! who gets which job (`rules`), what is known from the jobs (`jobs`, `lanes`, `timed`), and how it stands in the
//! file (`entries`, `job`, `more`, `object`, `plain`). Never here: a clock.

mod entries;
mod inspect;
mod job;
mod jobs;
mod lanes;
mod letters;
mod more;
mod object;
mod options;
mod plain;
mod rules;
mod time;
mod timed;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use imbl::{OrdMap, OrdSet};

pub use self::{
    inspect::{Failure, Iter, JobState, QueuedJob},
    options::{Backoff, JobOptions, Pushed},
    rules::Receipt,
};
use self::{job::Job, lanes::Lanes, time::Moment};
pub(crate) use self::{
    rules::{Again, Take},
    time::{Now, Span},
};
use super::{Shared, left_out::LeftOut};
use crate::process::System;

/// A queue of jobs for a field of a store: each job is done at least once.
///
/// It is filled and looked at as a collection, in the closures of writes and on snapshots, and worked
/// off by way of [`Work`](crate::Work), in any number of processes. In the file a job stands under the
/// uid `field/number`. Numbers rise, and a queue uses each of them once,
/// also where an empty one is put in its place. One that has jobs brings their numbers along:
/// [`clear`](WorkQueue::clear) and [`extend`](WorkQueue::extend) do not.
///
/// A job is in one of four states, see [`JobState`]. A taker has its job for a lease. When it is done with the job,
/// it says so, and the job is removed. If it dies, or does not say so within its lease, it loses the job, which is
/// given to another taker. So a job can be done twice, and is never lost; [`Work`](crate::Work) says how to live
/// with that.
///
/// A field that was a `VecDeque`, a `Vec` or a [`Queue`](crate::Queue) before is taken over, with its items in
/// their order: they can be read at once, and become jobs in the file with the first write of the queue. A
/// program that still has the field as what it was then reads on from memory, and is refused its writes. Jobs
/// have the numbers that the items had, or, where some were put in front by `push_front`, as many more as make
/// the first one 0. That write fixes these numbers too.
///
/// ```
/// use std::time::Duration;
/// use worsen::{Store, WorkQueue};
///
/// #[derive(Store)]
/// struct State {
///     mails: WorkQueue<String>,
///     sent: u64,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// store.update_mails(|mails| mails.push("hello".into())).wait()?;
///
/// let work = store.work(|state| &state.mails);
/// let mail = work.take(Duration::from_secs(60)).wait()?.expect("one is waiting");
/// assert_eq!((&**mail, mail.tries()), ("hello", 1));
/// assert!(mail.ack().wait()?);
/// assert!(store.mails().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct WorkQueue<T> {
    jobs: OrdMap<u64, Shared<Job<T>>>,
    /// No number below it is used again. Writing a queue down raises it: where one takes the place of another,
    /// it goes on with the numbers of that.
    next: AtomicU64,
    // What follows is known from the jobs: each is in a lane, or dead.
    lanes: Lanes,
    dead: OrdSet<u64>,
    /// The keys of jobs that are not dead.
    unique: OrdSet<(Arc<str>, u64)>,
    /// The jobs that wait or are taken, and say since when they could be.
    dated: OrdSet<(Moment, u64)>,
    /// What it was read from is still a plain queue. See `plain`.
    is_plain: bool,
    /// Jobs that do not fit. No other one gets the number of one of these.
    left_out: LeftOut<u64>,
}

impl<T> WorkQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        WorkQueue {
            jobs: OrdMap::new(),
            next: AtomicU64::new(0),
            lanes: Lanes::default(),
            dead: OrdSet::new(),
            unique: OrdSet::new(),
            dated: OrdSet::new(),
            is_plain: false,
            left_out: LeftOut::NONE,
        }
    }

    /// How many jobs there are, in whatever state.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there are none: all are done, and there are no dead letters.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// How many jobs wait to be taken, now or later.
    pub fn waiting(&self) -> usize {
        self.lanes.count(|lane| lane.free.len() + lane.later.len())
    }

    /// How many of these wait for a time: that of a delay, also where it has come.
    pub fn later(&self) -> usize {
        self.lanes.count(|lane| lane.later.len())
    }

    /// How many jobs are taken. Those whose taker has lost them are among them, until the next one
    /// takes them.
    pub fn taken(&self) -> usize {
        self.lanes.count(|lane| lane.taken.len())
    }

    /// How many dead letters there are.
    pub fn dead(&self) -> usize {
        self.dead.len()
    }

    /// All jobs, in the order of their numbers.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            jobs: self.jobs.iter(),
            base: self.base(),
        }
    }

    /// The job of this number.
    pub fn get(&self, id: u64) -> Option<QueuedJob<'_, T>> {
        let place = id.checked_add(self.base())?;
        let job = &*self.jobs.get(&place)?.0;
        Some(QueuedJob { id, job })
    }

    /// Puts a job at the back, and returns its number. It notes no time: [`push_with`](WorkQueue::push_with) does.
    ///
    /// After 2^53 jobs there are no numbers left, and the write fails.
    pub fn push(&mut self, job: T) -> u64 {
        self.put_last(Arc::new(job))
    }

    /// Puts a job in the queue as these options say, and tells its number; or the number of the job that has its
    /// [key](JobOptions::unique). As [`Work::push_with`](crate::Work::push_with), for a closure that changes more
    /// than the queue.
    ///
    /// ```
    /// # use worsen::{Store, WorkQueue};
    /// use worsen::collections::JobOptions;
    ///
    /// # #[derive(Store)] struct State { mails: WorkQueue<String>, members: Vec<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// // The member and the mail are one commit: neither is there without the other.
    /// store.update(|state| {
    ///     state.members.push("Ada".into());
    ///     state.mails.push_with("welcome, Ada".into(), JobOptions::new().unique("Ada"))
    /// }).wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn push_with(&mut self, job: T, options: JobOptions) -> Pushed {
        self.add(job, options, &Now::of(System::shared()))
    }

    fn put_last(&mut self, job: Arc<T>) -> u64 {
        self.make_jobs_of_items();
        let id = self.behind_all();
        self.put(id, Job::new(job));
        id
    }

    /// Removes the job of this number, in whatever state; false: there is none. A taker that has it can go on with
    /// it, and learns at the end that the job is not its own any more.
    pub fn remove(&mut self, id: u64) -> bool {
        self.make_jobs_of_items();
        let was_left_out = self.left_out.contains(&id);
        if was_left_out {
            self.keep_last_number();
            self.left_out.remove(&id);
        }
        self.cut(id) || was_left_out
    }

    /// Removes all jobs. The commit names each of them.
    pub fn clear(&mut self) {
        self.make_jobs_of_items();
        self.keep_last_number();
        *self = WorkQueue {
            next: AtomicU64::new(self.next()),
            ..WorkQueue::new()
        };
    }

    /// Says that a job is done, and removes it. As [`Taken::ack`](crate::Taken::ack), for a closure that
    /// changes more than that: so the job and what came of it are one commit, and that happens once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { numbers: WorkQueue<u64>, sum: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let work = store.work(|state| &state.numbers);
    /// work.push(7).wait()?;
    /// if let Some(number) = work.take(Duration::from_secs(60)).wait()? {
    ///     let (receipt, number) = (number.receipt(), *number);
    ///     store.update(move |state| {
    ///         if state.numbers.ack(receipt) {
    ///             state.sum += number;     // never twice for one job
    ///         }
    ///     }).wait()?;
    /// }
    /// assert_eq!(store.sum(), 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ack(&mut self, receipt: Receipt) -> bool {
        self.has(receipt) && self.cut(receipt.id)
    }
}

impl<T> Clone for WorkQueue<T> {
    fn clone(&self) -> Self {
        WorkQueue {
            jobs: self.jobs.clone(),
            next: AtomicU64::new(self.next()),
            lanes: self.lanes.clone(),
            dead: self.dead.clone(),
            unique: self.unique.clone(),
            dated: self.dated.clone(),
            is_plain: self.is_plain,
            left_out: self.left_out.clone(),
        }
    }
}

impl<T> Default for WorkQueue<T> {
    fn default() -> Self {
        WorkQueue::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for WorkQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<T> FromIterator<T> for WorkQueue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(jobs: I) -> Self {
        let mut queue = WorkQueue::new();
        queue.extend(jobs);
        queue
    }
}

impl<T, const N: usize> From<[T; N]> for WorkQueue<T> {
    fn from(jobs: [T; N]) -> Self {
        jobs.into_iter().collect()
    }
}

impl<T> Extend<T> for WorkQueue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, jobs: I) {
        for job in jobs {
            self.push(job);
        }
    }
}

impl<'a, T> IntoIterator for &'a WorkQueue<T> {
    type Item = QueuedJob<'a, T>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

//! [`WorkQueue`], a field that logs by entry, and the rules of who gets which job when. It knows no clock
//! and no process but those it is told of.

pub(crate) mod job;
mod look;
mod plain;
mod timed;

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use imbl::{OrdMap, OrdSet};
use serde::{Serialize, de::DeserializeOwned};

pub use self::look::{Iter, JobState, QueuedJob};
use self::{
    job::{Job, Lease, Now, Span, State},
    timed::Timed,
};
use super::{Shared, key, record_entries};
use crate::{
    entry::{Edits, FieldChange},
    error::{ErrorKind, ValueError},
    planted::{Bug, planted},
    process::ProcessId,
    schema::{ByEntry, EntryTable, Field, Mark},
    value,
};

/// The uid below the field's that has the next number, where the jobs themselves do not tell it.
const NEXT: &str = "next";

/// Numbers of jobs end here, as those of revisions: JSON carries no greater ones everywhere.
const MOST: u64 = 1 << 53;

/// So many jobs at most become dead letters in one take, so that it stays a small commit. Those beyond are
/// passed over: somebody who is told that there is no job can rely on that.
const BURIALS: usize = 8;

/// A queue of jobs for a field of a store: each job is done at least once.
///
/// It is filled and looked at as a collection, in the closures of writes and on snapshots, and worked
/// off by way of [`Work`](crate::Work), in any number of processes. In the file a job stands under the
/// uid `field/number`. Numbers rise, and a queue uses each of them once,
/// also where an empty one is put in its place. One that has jobs brings their numbers along:
/// [`clear`](WorkQueue::clear) and [`extend`](WorkQueue::extend) do not.
///
/// A job is in one of four states, see [`JobState`]. Who takes a job has it for a lease. A taker that is
/// done with it says so, and the job is removed. A taker that dies, or does not say so within its lease,
/// loses it, and it is given to another one. So a job can be done twice, and is never lost; see
/// [`Work`](crate::Work) for how to do with that.
///
/// A field that was a `VecDeque`, a `Vec` or a [`Queue`](crate::Queue) before is taken over, with its items in
/// their order: they can be read at once, and become jobs in the file with the first write of the queue. A
/// program that still has the field as what it was then reads on from memory, and is refused its writes. Jobs
/// have the numbers that the items had, or, where some were put in front by `push_front`, as many more as make
/// the first one 0. These numbers are settled with that write too.
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
    // What follows is known from the jobs: each is in one of these four.
    free: OrdSet<u64>,
    later: Timed,
    taken: Timed,
    dead: OrdSet<u64>,
    /// Those that are taken, by whom.
    takers: OrdMap<ProcessId, OrdSet<u64>>,
    /// What it was read from is still a plain queue. See `plain`.
    is_plain: bool,
}

/// How a taker has lost its job. It has this pid.
#[derive(Debug, Clone, Copy)]
enum Loss {
    RanOut(u32),
    Ended(u32),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::RanOut(pid) => write!(f, "the lease of process {pid} ran out"),
            Loss::Ended(pid) => write!(f, "process {pid} ended"),
        }
    }
}

/// What is the right of one taker to one job. See [`Taken::receipt`](crate::Taken::receipt).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    pub(crate) id: u64,
    pub(crate) token: u64,
}

impl Receipt {
    /// The number of the job.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// A job that is given to a taker.
pub(crate) struct Given<T> {
    pub(crate) receipt: Receipt,
    pub(crate) job: Arc<T>,
    pub(crate) tries: u32,
}

/// With what one takes.
pub(crate) struct Take<'a> {
    pub(crate) now: Now,
    pub(crate) lease: Duration,
    pub(crate) taker: &'a ProcessId,
    pub(crate) token: u64,
    pub(crate) max_tries: u32,
}

impl<T> WorkQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        WorkQueue {
            jobs: OrdMap::new(),
            next: AtomicU64::new(0),
            free: OrdSet::new(),
            later: Timed::default(),
            taken: Timed::default(),
            dead: OrdSet::new(),
            takers: OrdMap::new(),
            is_plain: false,
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
        self.free.len() + self.later.len()
    }

    /// How many jobs are taken. Those whose taker has lost them are among them, until the next one
    /// takes them.
    pub fn taken(&self) -> usize {
        self.taken.len()
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

    /// The dead letters, in the order of their numbers.
    pub fn dead_letters(&self) -> impl Iterator<Item = QueuedJob<'_, T>> {
        self.dead.iter().filter_map(|id| self.get(*id))
    }

    /// Puts a job at the back, and returns its number.
    ///
    /// After 2^53 jobs there are no numbers left, and the write fails.
    pub fn push(&mut self, job: T) -> u64 {
        self.put_last(Arc::new(job))
    }

    fn put_last(&mut self, job: Arc<T>) -> u64 {
        self.settle();
        let id = self.behind_all();
        let job = Job {
            job,
            tries: 0,
            state: State::Waiting,
        };
        self.put(id, job);
        id
    }

    /// Removes the job of this number, in whatever state; false: there is none. Who has taken it can go
    /// on with it, and is told at the end that it is not theirs any more.
    pub fn remove(&mut self, id: u64) -> bool {
        self.settle();
        self.cut(id)
    }

    /// Lets a dead letter wait again, as if it had never been taken; false: there is no such one.
    pub fn revive(&mut self, id: u64) -> bool {
        self.settle();
        let is_dead = self.dead.contains(&id);
        if is_dead {
            self.change(id, |job| {
                job.tries = 0;
                job.state = State::Waiting;
            });
        }
        is_dead
    }

    /// Removes a dead letter; false: there is no such one.
    pub fn discard(&mut self, id: u64) -> bool {
        self.dead.contains(&id) && self.cut(id)
    }

    /// Removes all jobs. The commit names each of them.
    pub fn clear(&mut self) {
        self.settle();
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

    // ---- who gets which job --------------------------------------------------------------------

    /// Gives a job to a taker: first what others have lost, then what has waited for its time, then the
    /// rest by number.
    pub(crate) fn take(
        &mut self,
        take: &Take<'_>,
        is_gone: impl Fn(&ProcessId) -> bool,
    ) -> Option<Given<T>> {
        self.settle();
        let mut worn: Vec<(u64, String)> = Vec::new();
        let id = self.offers(&take.now, &is_gone).find_map(|(id, loss)| {
            let tries = self.tries(id);
            if tries < take.max_tries || planted(Bug::TakeWhatIsWorn) && loss.is_none() {
                return Some(id);
            }
            if worn.len() < BURIALS && worn.iter().all(|(other, _)| *other != id) {
                let most = take.max_tries;
                let why = match loss {
                    Some(loss) => format!("{loss} in try {tries} of {most}"),
                    None => format!("it was to be tried again after try {tries} of {most}"),
                };
                worn.push((id, why));
            }
            None
        });
        for (id, why) in worn {
            self.bury(id, why);
        }
        let id = id?;
        let lease = Lease {
            taker: take.taker.clone(),
            token: take.token,
            span: Span::new(&take.now, take.lease),
        };
        self.change(id, |job| {
            if !planted(Bug::CountNoTries) {
                job.tries = job.tries.saturating_add(1);
            }
            job.state = State::Taken(lease);
        });
        let job = &self.jobs.get(&id)?.0;
        Some(Given {
            receipt: Receipt {
                id,
                token: take.token,
            },
            job: job.job.clone(),
            tries: job.tries,
        })
    }

    /// Whether a take would find something.
    pub(crate) fn can_be_taken(&self, now: &Now, is_gone: impl Fn(&ProcessId) -> bool) -> bool {
        self.offers(now, &is_gone).next().is_some()
    }

    /// How long it is until the next lease ends, or the time of a job that waits for it comes.
    pub(crate) fn next_end(&self, now: &Now) -> Option<Duration> {
        let ends = self.taken.next_end(now).into_iter();
        ends.chain(self.later.next_end(now)).min()
    }

    /// Who has taken jobs.
    pub(crate) fn takers(&self) -> impl Iterator<Item = &ProcessId> {
        self.takers.keys()
    }

    /// What may be given to a taker, the first one first: what was lost, and how; what waited for its time;
    /// the rest. A job may be among the lost ones twice.
    fn offers<'a>(
        &'a self,
        now: &'a Now,
        is_gone: &'a impl Fn(&ProcessId) -> bool,
    ) -> impl Iterator<Item = (u64, Option<Loss>)> + 'a {
        let pid = |id| self.lease(id).map_or(0, |lease| lease.taker.pid);
        let late = self.taken.over(now);
        let late = late.map(move |id| (id, Some(Loss::RanOut(pid(id)))));
        let takers = self.takers.iter().filter(|(taker, _)| is_gone(taker));
        let left = takers.flat_map(|(taker, ids)| {
            let loss = Some(Loss::Ended(taker.pid));
            ids.iter().map(move |id| (*id, loss))
        });
        let due = self.later.over(now).map(|id| (id, None));
        let free = self.free.iter().map(|id| (*id, None));
        late.chain(left).chain(due).chain(free)
    }

    fn lease(&self, id: u64) -> Option<&Lease> {
        match &self.jobs.get(&id)?.0.state {
            State::Taken(lease) => Some(lease),
            _ => None,
        }
    }

    fn tries(&self, id: u64) -> u32 {
        self.jobs.get(&id).map_or(0, |job| job.0.tries)
    }

    /// Whether the job is still that taker's. It is as long as nobody else was given it, however long
    /// its lease has run out.
    fn has(&self, receipt: Receipt) -> bool {
        self.lease(receipt.id)
            .is_some_and(|lease| lease.token == receipt.token || planted(Bug::AckWithoutToken))
    }

    /// Lets it wait again, at once or later; as a dead letter, if it was tried often enough.
    pub(crate) fn retry(&mut self, receipt: Receipt, later: Option<Span>, max_tries: u32) -> bool {
        if !self.has(receipt) {
            return false;
        }
        let tries = self.tries(receipt.id);
        if tries >= max_tries {
            let why = format!("it was to be tried again after try {tries} of {max_tries}");
            self.bury(receipt.id, why);
        } else {
            let state = later.map_or(State::Waiting, State::Later);
            self.change(receipt.id, |job| job.state = state);
        }
        true
    }

    /// Makes it a dead letter.
    pub(crate) fn fail(&mut self, receipt: Receipt, why: String) -> bool {
        let has = self.has(receipt);
        if has {
            self.bury(receipt.id, why);
        }
        has
    }

    /// The lease begins anew.
    pub(crate) fn extend_lease(&mut self, receipt: Receipt, span: Span) -> bool {
        let has = self.has(receipt);
        if has {
            self.change(receipt.id, |job| {
                if let State::Taken(lease) = &mut job.state {
                    lease.span = span;
                }
            });
        }
        has
    }

    /// As if it had not been taken.
    pub(crate) fn give_back(&mut self, receipt: Receipt) {
        if self.has(receipt) {
            self.change(receipt.id, |job| {
                job.tries = job.tries.saturating_sub(1);
                job.state = State::Waiting;
            });
        }
    }

    fn bury(&mut self, id: u64, why: String) {
        self.change(id, |job| job.state = State::Dead(why.into()));
    }

    // ---- the jobs, and what is known from them -------------------------------------------------

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Job<T>)) {
        if let Some(job) = self.jobs.get(&id) {
            let mut job = Job::clone(&job.0);
            change(&mut job);
            self.put(id, job);
        }
    }

    fn put(&mut self, id: u64, job: Job<T>) {
        let state = job.state.clone();
        if let Some(before) = self.jobs.insert(id, Shared::new(job)) {
            self.forget(id, &before.0.state);
        }
        match state {
            State::Waiting => drop(self.free.insert(id)),
            State::Later(span) => self.later.insert(id, &span),
            State::Taken(lease) => {
                self.taken.insert(id, &lease.span);
                self.takers.entry(lease.taker).or_default().insert(id);
            }
            State::Dead(_) => drop(self.dead.insert(id)),
        }
    }

    /// Removes a job; false: there is none.
    fn cut(&mut self, id: u64) -> bool {
        let is_last = self.jobs.get_max().is_some_and(|(last, _)| *last == id);
        if is_last {
            self.keep_last_number();
        }
        self.take_out(id)
    }

    fn take_out(&mut self, id: u64) -> bool {
        let Some(job) = self.jobs.remove(&id) else {
            return false;
        };
        self.forget(id, &job.0.state);
        true
    }

    fn forget(&mut self, id: u64, state: &State) {
        match state {
            State::Waiting => drop(self.free.remove(&id)),
            State::Later(span) => self.later.remove(id, span),
            State::Taken(lease) => {
                self.taken.remove(id, &lease.span);
                if let Some(ids) = self.takers.get_mut(&lease.taker) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.takers.remove(&lease.taker);
                    }
                }
            }
            State::Dead(_) => drop(self.dead.remove(&id)),
        }
    }

    /// The number of the last job goes with that job, so it is kept beside them.
    fn keep_last_number(&mut self) {
        if let Some((last, _)) = self.jobs.get_max() {
            if !planted(Bug::ReuseJobNumber) {
                *self.next.get_mut() = self.next().max(last + 1);
            }
        }
    }

    fn next(&self) -> u64 {
        // Relaxed: whoever gets the queue from another thread gets it in order.
        self.next.load(Ordering::Relaxed)
    }

    /// The number after all that were ever used, where that is known.
    fn behind_all(&self) -> u64 {
        let behind = self.jobs.get_max().map_or(0, |(last, _)| last + 1);
        self.next().max(behind)
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Field for WorkQueue<T> {
    fn by_entry() -> Option<EntryTable> {
        Some(EntryTable::of::<Self>())
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> ByEntry for WorkQueue<T> {
    const MARK: Mark = Mark::WorkQueue;

    // Who has noted the number of a job that is done must not meet another one under it.
    const REMEMBERS: bool = true;

    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        self.settle();
        // Another queue was put in the place of that one.
        let used = before.map_or(0, WorkQueue::behind_all);
        if used > self.behind_all() && !planted(Bug::ReuseJobNumber) {
            self.next.fetch_max(used, Ordering::Relaxed);
        }
        if before.map_or(0, WorkQueue::next) != self.next() {
            out.set(format!("{uid}/{NEXT}"), self.next().to_string());
        }
        record_entries(
            before.map(|before| &before.jobs),
            &mut self.jobs,
            uid,
            out,
            |id, job, before| match *id < MOST {
                true => job.to_json(before),
                false => Err(no_numbers()),
            },
        )
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            FieldChange::Set(json) => match Mark::parse(json) {
                Some(Mark::WorkQueue) => *self = WorkQueue::new(),
                Some(Mark::Queue) => *self = WorkQueue::new_plain(),
                // What a plain list left.
                _ => {
                    let whole: VecDeque<T> = value::decode(json)?;
                    *self = whole.into_iter().collect();
                }
            },
            FieldChange::Unset => {}
            FieldChange::SetEntry { key, json } if self.is_plain => self.put_item(key, json)?,
            FieldChange::RemoveEntry { key } if self.is_plain => self.cut_item(key),
            FieldChange::SetEntry { key: NEXT, json } => {
                let next = Some(value::decode::<u64>(json)?).filter(|next| *next <= MOST);
                *self.next.get_mut() = next.ok_or_else(not_a_number)?;
            }
            FieldChange::RemoveEntry { key: NEXT } => *self.next.get_mut() = 0,
            FieldChange::SetEntry { key, json } => {
                let id = key::from_text(key)?;
                let id = Some(id).filter(|id| *id < MOST).ok_or_else(not_a_number)?;
                self.put(id, Job::from_json(json)?);
            }
            // Its number is not kept: whoever removed it has written down the next one.
            FieldChange::RemoveEntry { key } => {
                // What is no number of a job is none's: a plain queue may have left it.
                if let Ok(id) = key::from_text(key) {
                    self.take_out(id);
                }
            }
        }
        Ok(())
    }
}

fn not_a_number() -> ValueError {
    ValueError {
        what: "the end of the uid is no number of a job".into(),
        ..job::not_a_job()
    }
}

fn no_numbers() -> ValueError {
    ValueError {
        kind: ErrorKind::InvalidUid,
        what: "the numbers of this queue are used up".into(),
        help: "nothing was written; use another field".into(),
        ..job::not_a_job()
    }
}

impl<T> Clone for WorkQueue<T> {
    fn clone(&self) -> Self {
        WorkQueue {
            jobs: self.jobs.clone(),
            next: AtomicU64::new(self.next()),
            free: self.free.clone(),
            later: self.later.clone(),
            taken: self.taken.clone(),
            dead: self.dead.clone(),
            takers: self.takers.clone(),
            is_plain: self.is_plain,
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

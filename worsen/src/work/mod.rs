//! [`Work`], the handle side of a work queue: taking jobs (here), waiting for one (`wait`, `alarm`), what is done
//! with one that was taken (`taken`, `extender`), and looking at the queue (`look`). Never here: which job is whose. The queue decides that, in the closure of a
//! write.

mod alarm;
mod extender;
mod look;
mod taken;
mod wait;

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use self::taken::Taken;
use self::{alarm::Alarm, extender::Extender};
use crate::{
    collections::{JobOptions, Now, Pushed, Take, WorkQueue},
    commit::Commit,
    error,
    planted::{Bug, planted},
    process::{Environment, ProcessId, System},
    schema::{Field, Schema},
    struct_store::Handle,
};

/// Takes jobs out of a [`WorkQueue`], in any number of threads and processes, and puts some in.
///
/// [`Handle::work`] makes one. Clones are cheap, and keep the store open.
///
/// # At least once
///
/// A job is given to one taker, for as long as its lease lasts; [`ack`](Taken::ack) removes it. It is
/// given to another one
///
/// - when the lease has run out: on Linux, for processes of the machine where it began, by the machine's
///   count since its start, which nobody sets and which goes on while the machine sleeps; on other machines
///   and systems, in other containers, and after a restart of the machine, by the wall clock, which may be set
///   and which every process may see at another moment,
/// - as soon as the process of its taker has ended, even by `kill -9`. On Linux that is noticed within
///   seconds, also where another process has that pid now; on other Unixes where no other has; elsewhere
///   the lease has to run out. It is noticed on the same machine, not in other containers,
/// - at once, when its taker panics.
///
/// So **a job can be done twice**: the first taker was slower than its lease, or died after the work and
/// before its `ack`. No job is ever lost, whatever dies. Of two takers of one job at most one is told
/// `true` by its [`ack`](Taken::ack).
///
/// A job that is lost again and again might be what kills its takers: after
/// [`max_tries`](Work::max_tries) it becomes a dead letter instead, which nobody takes until a person
/// looks at it: [`dead_letters`](WorkQueue::dead_letters) tells why, when and how often each has failed,
/// [`revive`](Work::revive) lets it be tried again and [`discard`](Work::discard) drops it.
///
/// # Effects that happen once
///
/// Make the work such that doing it twice does no harm; or, where its outcome is in the same store, acknowledge it in
/// the commit that writes the outcome. That commit happens as a whole or not at all, and of two takers one finds that
/// the job is not its own any more, so the outcome is written once, whoever is killed when:
///
/// ```
/// # use std::time::Duration;
/// # use worsen::{Store, WorkQueue};
/// #[derive(Store)]
/// struct Bank {
///     payments: WorkQueue<u64>,
///     balance: u64,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// # let store = Bank::builder().in_memory().open()?;
/// let work = store.work(|bank| &bank.payments);
/// work.push(100).wait()?;
/// while let Some(payment) = work.wait(Duration::from_secs(60), Duration::ZERO)? {
///     let (receipt, amount) = (payment.receipt(), *payment);
///     store.update(move |bank| {
///         if bank.payments.ack(receipt) {
///             bank.balance += amount;
///         }
///     }).wait()?;
/// }
/// assert_eq!(store.balance(), 100);
/// # Ok(())
/// # }
/// ```
///
/// In the same way a job and what it is about are pushed in one commit: [`WorkQueue::push_with`].
///
/// # Order
///
/// Jobs of a higher [priority](JobOptions::priority) come first. Among those of one priority, and without any,
/// it is first jobs that somebody has lost, then those whose [time](Taken::retry_after) has come, then all
/// others in the order in which they were pushed.
///
/// # Long jobs, and many short ones
///
/// A lease that [extends itself](Work::auto_extend) does for jobs that take long; [`next_many`](Work::next_many)
/// takes several in one commit.
///
/// ```
/// # use std::time::Duration;
/// # use worsen::{Store, WorkQueue};
/// #[derive(Store)]
/// struct State {
///     mails: WorkQueue<String>,
/// }
///
/// # fn send(mail: &str) -> Result<(), &'static str> { Ok(()) }
/// # fn main() -> Result<(), worsen::Error> {
/// # let store = State::builder().in_memory().open()?;
/// let work = store.work(|state| &state.mails).max_tries(3);
/// work.push("hello".into()).wait()?;
///
/// while let Some(mail) = work.wait(Duration::from_secs(60), Duration::ZERO)? {
///     match send(&mail) {
///         Ok(()) => mail.ack().wait()?,
///         Err(why) => mail.retry_after(Duration::from_secs(10), why).wait()?,
///     };
/// }
/// # Ok(())
/// # }
/// ```
pub struct Work<S: Schema, T> {
    handle: Handle<S>,
    field: fn(&S) -> &WorkQueue<T>,
    /// `None`: what `field` finds is not stored.
    index: Option<usize>,
    max_tries: u32,
    /// For how long leases extend themselves at most, if they do.
    auto_extend: Option<Duration>,
    environment: Arc<dyn Environment>,
    alarm: Arc<Alarm>,
}

impl<S: Schema> Handle<S> {
    /// Takes jobs out of the [`WorkQueue`] in this field. See [`Work`].
    ///
    /// ```
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { jobs: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let work = store.work(|state| &state.jobs);
    /// # Ok(())
    /// # }
    /// ```
    pub fn work<T>(&self, field: fn(&S) -> &WorkQueue<T>) -> Work<S, T>
    where
        WorkQueue<T>: Field,
    {
        Work {
            handle: self.clone(),
            field,
            index: self.index_of(field),
            max_tries: 5,
            auto_extend: None,
            environment: Arc::new(System::new()),
            alarm: Arc::default(),
        }
    }
}

impl<S: Schema, T: Send + Sync + 'static> Work<S, T> {
    /// How often a job is taken at most; 5 by default, and at least 1. If its last taker loses it too, or wants it
    /// to be tried again, it becomes a dead letter. The next take does the same to a job that waits and was taken
    /// that often already.
    ///
    /// It is not stored: each process goes by its own, for jobs that have
    /// [none of their own](JobOptions::max_tries).
    pub fn max_tries(self, tries: u32) -> Self {
        Work {
            max_tries: tries.max(1),
            ..self
        }
    }

    /// The lease of a job extends itself for as long as its [`Taken`] is not dropped, for so long at most from the
    /// take on: a thread of this handle and its clones extends it each time a third of it is over. So a short
    /// lease does for jobs that take long, and a job is soon given to another taker where its own is gone.
    ///
    /// It ends as ever where the process ends, is stopped, or hangs as a whole, and where extensions cannot be
    /// written: the next [`sync`](Handle::sync) tells of that. It does not end where one thread hangs that has the
    /// job, in a process that goes on; that is what `most` is for. Give it more time than any job can take.
    ///
    /// Each extension is a [buffered](crate::Durability::Buffered) commit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { films: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let hour = Duration::from_secs(3600);
    /// let work = store.work(|state| &state.films).auto_extend(3 * hour);
    /// # work.push("a film".into()).wait()?;
    /// if let Some(film) = work.take(Duration::from_secs(30)).wait()? {
    ///     // Two hours of work.
    ///     assert!(film.ack().wait()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn auto_extend(self, most: Duration) -> Self {
        Work {
            auto_extend: Some(most),
            ..self
        }
    }

    /// Asks this environment in the place of the system.
    #[doc(hidden)]
    #[cfg(feature = "testing")]
    pub fn environment(self, environment: Arc<dyn Environment>) -> Self {
        Work {
            environment,
            ..self
        }
    }

    /// Puts a job at the back, and returns its number.
    pub fn push(&self, job: T) -> Commit<u64> {
        self.update(|queue| queue.push(job))
    }

    /// Puts a job in the queue as these options say: later, before others, once under a key, with its own number of
    /// tries. See [`JobOptions`]. It also notes the time, for the [age](Work::age) of the queue.
    pub fn push_with(&self, job: T, options: JobOptions) -> Commit<Pushed> {
        let environment = self.environment.clone();
        self.update(move |queue| queue.add(job, options, &Now::of(&*environment)))
    }

    /// Takes a job for the length of `lease`, if there is one to take now.
    ///
    /// The commit is durable, as any, and so is the count of tries. With
    /// [`Durability::Buffered`](crate::Durability::Buffered) it needs no sync; what a power cut takes
    /// back then is that the job was taken, by a process that is gone as well. A commit that is dropped
    /// after its first poll may have taken a job: it is lost when its lease runs out, so prefer
    /// [`next`](Work::next) where a future may be cancelled.
    pub fn take(&self, lease: Duration) -> Commit<Option<Taken<S, T>>> {
        self.giving(move |work, queue| work.give(queue, 1, lease).pop())
    }

    /// As [`take`](Work::take), for all that can be taken now, `most` jobs at most, and at least 1, in one commit.
    pub fn take_many(&self, most: usize, lease: Duration) -> Commit<Vec<Taken<S, T>>> {
        self.giving(move |work, queue| work.give(queue, most, lease))
    }

    /// A commit that takes jobs.
    fn giving<R: Send + 'static>(
        &self,
        give: impl FnOnce(&Self, &mut WorkQueue<T>) -> R + Send + 'static,
    ) -> Commit<R> {
        if self.auto_extend.is_some() {
            if let Err(error) = self.alarm.start() {
                let error = error::system::no_thread("extends leases", error);
                return self.handle.commit(|_, _| Err(error));
            }
        }
        let work = self.clone();
        self.update(move |queue| give(&work, queue))
    }

    fn give(&self, queue: &mut WorkQueue<T>, most: usize, lease: Duration) -> Vec<Taken<S, T>> {
        let take = Take {
            now: Now::of(&*self.environment),
            lease,
            process: self.environment.me(),
            max_tries: self.max_tries,
        };
        let given = queue.take(
            &take,
            most.max(1),
            |process| self.is_gone(process),
            new_token,
        );
        let taken = given.into_iter().map(|given| Taken {
            receipt: given.receipt,
            job: given.job,
            tries: given.tries,
            work: self.clone(),
            _extender: self
                .auto_extend
                .map(|most| Extender::new(self.clone(), given.receipt, lease, most)),
        });
        taken.collect()
    }

    fn update<R: Send + 'static>(
        &self,
        change: impl FnOnce(&mut WorkQueue<T>) -> R + Send + 'static,
    ) -> Commit<R> {
        // No field has this place, and the commit says so.
        let index = self.index.unwrap_or(usize::MAX);
        self.handle.update_as(index, change)
    }

    fn is_gone(&self, process: &ProcessId) -> bool {
        !planted(Bug::TrustDeadProcess) && self.environment.is_gone(process)
    }
}

/// A number that no other take has. It only has to be another one than that of the take before.
fn new_token() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Its keys are the system's random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

impl<S: Schema, T> Clone for Work<S, T> {
    fn clone(&self) -> Self {
        Work {
            handle: self.handle.clone(),
            field: self.field,
            index: self.index,
            max_tries: self.max_tries,
            auto_extend: self.auto_extend,
            environment: self.environment.clone(),
            alarm: self.alarm.clone(),
        }
    }
}

impl<S: Schema, T> fmt::Debug for Work<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("store", &self.handle.store_name())
            .field("max_tries", &self.max_tries)
            .finish_non_exhaustive()
    }
}

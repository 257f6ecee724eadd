//! [`Work`], the handle side of a work queue: taking jobs (here), waiting for one (`wait`, `alarm`), and what is done
//! with one that was taken (`taken`). Never here: which job is whose. The queue decides that, in the closure of a
//! write.

mod alarm;
mod taken;
mod wait;

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::alarm::Alarm;
pub use self::taken::Taken;
use crate::{
    collections::{Now, Receipt, Take, WorkQueue},
    commit::Commit,
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
/// `true` by its [`ack`](Taken::ack). Make the work such that doing it twice does no harm, or, where its
/// outcome is in the same store, [acknowledge it in the same commit](WorkQueue::ack): then that
/// happens exactly once.
///
/// A job that is lost again and again might be what kills its takers: after
/// [`max_tries`](Work::max_tries) it becomes a dead letter instead, which nobody takes until a person
/// looks at it.
///
/// # Order
///
/// First come jobs that somebody has lost, then those whose [time](Taken::retry_after) has come, then all
/// others in the order in which they were pushed.
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
///         Err(_) => mail.retry_after(Duration::from_secs(10)).wait()?,
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
    /// It is not stored: each process goes by its own.
    pub fn max_tries(self, tries: u32) -> Self {
        Work {
            max_tries: tries.max(1),
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

    /// What is in the queue now, without copying it.
    pub fn queue(&self) -> WorkQueue<T> {
        self.handle.read(|state| (self.field)(state).clone())
    }

    /// Puts a job at the back, and returns its number.
    pub fn push(&self, job: T) -> Commit<u64> {
        self.update(|queue| queue.push(job))
    }

    /// Takes a job for the length of `lease`, if there is one to take now.
    ///
    /// The commit is durable, as any, and so is the count of tries. With
    /// [`Durability::Buffered`](crate::Durability::Buffered) it needs no sync; what a power cut takes
    /// back then is that the job was taken, by a process that is gone as well. A commit that is dropped
    /// after its first poll may have taken a job: it is lost when its lease runs out, so prefer
    /// [`next`](Work::next) where a future may be cancelled.
    pub fn take(&self, lease: Duration) -> Commit<Option<Taken<S, T>>> {
        self.take_noting(lease, Arc::default())
    }

    fn take_noting(
        &self,
        lease: Duration,
        taken: Arc<OnceLock<Receipt>>,
    ) -> Commit<Option<Taken<S, T>>> {
        let work = self.clone();
        self.update(move |queue| {
            let take = Take {
                now: Now::of(&*work.environment),
                lease,
                process: work.environment.me(),
                token: new_token(),
                max_tries: work.max_tries,
            };
            let given = queue.take(&take, |process| work.is_gone(process))?;
            // Nobody else sets it.
            let _ = taken.set(given.receipt);
            Some(Taken {
                receipt: given.receipt,
                job: given.job,
                tries: given.tries,
                work,
            })
        })
    }

    /// Lets a dead letter wait again, as if it had never been taken; false: there is no such one.
    pub fn revive(&self, id: u64) -> Commit<bool> {
        self.update(move |queue| queue.revive(id))
    }

    /// Removes a dead letter; false: there is no such one.
    pub fn discard(&self, id: u64) -> Commit<bool> {
        self.update(move |queue| queue.discard(id))
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

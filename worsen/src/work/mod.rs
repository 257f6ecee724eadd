//! [`Work`], the handle side of a work queue: taking jobs, and waiting for one. Which job is whose is
//! decided by the queue itself, in the closure of a write; here is only who asks.

mod alarm;

use std::{
    fmt,
    future::{Future, poll_fn},
    hash::{BuildHasher, Hasher, RandomState},
    ops::Deref,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use self::alarm::Alarm;
use crate::{
    collections::{
        Receipt, WorkQueue,
        work_queue::{
            Take,
            job::{Now, Span},
        },
    },
    commit::Commit,
    engine::{Engine, Outlook},
    error::{Error, ErrorKind, not_stored},
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
/// - as soon as the process of its taker has ended, be it by `kill -9`. On Linux that is noticed within
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

/// What a look at the queue says to who waits.
enum Look {
    /// There is a job.
    Now,
    /// There may be one at this time, without anybody's commit. `None`: never.
    At(Option<Instant>),
}

impl<S: Schema, T: Send + Sync + 'static> Work<S, T> {
    /// A process that has taken jobs of this queue is looked for this often.
    const LOOK_FOR_TAKERS: Duration = Duration::from_secs(1);

    /// For as long at most one sleeps until the end of a lease: clocks jump, and computers sleep.
    const LOOK_AT_CLOCK: Duration = Duration::from_secs(10);

    /// How often a job is taken at most; 5 where it is not said, and at least 1. If its last taker loses
    /// it too, or wants it to be tried again, it becomes a dead letter. So does one that waits and was taken that
    /// often already, when somebody next takes.
    ///
    /// It is not stored: each process goes by its own.
    pub fn max_tries(self, tries: u32) -> Self {
        Work {
            max_tries: tries.max(1),
            ..self
        }
    }

    /// Asks this in the system's place.
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

    /// Takes a job for so long, if there is one to be taken now.
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
                taker: work.environment.me(),
                token: new_token(),
                max_tries: work.max_tries,
            };
            let given = queue.take(&take, |taker| work.is_gone(taker))?;
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

    /// Takes a job for so long, and blocks until there is one, at most for `timeout`. `None`: there was
    /// none. With a time-out of zero it looks at what is acknowledged now, by whichever process; taking a job
    /// is a write, and takes as long as one. Not for the threads of an async runtime: `.await` the [`next`](Work::next) one there.
    ///
    /// # Errors
    ///
    /// As any write.
    pub fn wait(&self, lease: Duration, timeout: Duration) -> Result<Option<Taken<S, T>>, Error> {
        let engine = self.engine()?;
        let taken = engine.wait(timeout, || match self.look() {
            Look::Now => match self.take(lease).wait().transpose() {
                Some(outcome) => Outlook::Found(outcome),
                // Somebody was faster.
                None => Outlook::NothingBefore(Instant::now()),
            },
            Look::At(Some(at)) => Outlook::NothingBefore(at),
            Look::At(None) => Outlook::Nothing,
        });
        taken.transpose()
    }

    /// Takes a job for so long, as soon as there is one. Cancelling it loses nothing: what it has taken
    /// in that moment is given back.
    ///
    /// It needs no runtime's timer, and polls nothing. Jobs that come back without a commit, because a
    /// lease ends or a taker has died, are looked for by a thread of this handle and its clones.
    ///
    /// # Errors
    ///
    /// As any write.
    pub async fn next(&self, lease: Duration) -> Result<Taken<S, T>, Error> {
        let engine = self.engine()?;
        engine.listen();
        loop {
            // Listening before looking: a change in between is not missed.
            let mut listener = engine.notifier.listen_as_task();
            let again = match self.look() {
                Look::Now => {
                    let mut unclaimed = Unclaimed {
                        work: self,
                        taken: Some(Arc::default()),
                    };
                    let taken = unclaimed.taken.clone().unwrap_or_default();
                    let outcome = self.take_noting(lease, taken).await;
                    unclaimed.taken = None;
                    match outcome? {
                        Some(taken) => return Ok(taken),
                        // Somebody was faster.
                        None => continue,
                    }
                }
                Look::At(at) => at,
            };
            let mut hear = |context: &mut Context<'_>| engine.notifier.hear(&mut listener, context);
            let Some(at) = again else {
                poll_fn(hear).await;
                continue;
            };
            let mut sleep = pin!(self.alarm.sleep_until(at));
            let woken = poll_fn(|context| match hear(context) {
                Poll::Ready(()) => Poll::Ready(Ok(())),
                Poll::Pending => sleep.as_mut().poll(context),
            });
            woken.await.map_err(|error| {
                engine.in_store(
                    Error::new(ErrorKind::Io, "a thread of the store cannot be started")
                        .help("raise the limit on threads")
                        .caused_by(error),
                )
            })?;
        }
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

    /// The engine, for who is about to wait.
    fn engine(&self) -> Result<&Arc<Engine>, Error> {
        let engine = self.handle.engine();
        match self.index {
            Some(_) => Ok(engine),
            None => Err(engine.in_store(not_stored())),
        }
    }

    fn is_gone(&self, taker: &ProcessId) -> bool {
        !planted(Bug::TrustDeadProcess) && self.environment.is_gone(taker)
    }

    fn look(&self) -> Look {
        self.handle.peek(|state| {
            let queue = (self.field)(state);
            let now = Now::of(&*self.environment);
            if queue.can_be_taken(&now, |taker| self.is_gone(taker)) {
                return Look::Now;
            }
            let me = self.environment.me();
            let takers = queue
                .takers()
                .any(|taker| me.can_judge(taker))
                .then_some(Self::LOOK_FOR_TAKERS);
            let end = queue
                .next_end(&now)
                .filter(|_| !planted(Bug::SleepPastLease))
                .map(|end| end.min(Self::LOOK_AT_CLOCK));
            let pause = takers.into_iter().chain(end).min();
            Look::At(pause.and_then(|pause| Instant::now().checked_add(pause)))
        })
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

/// Gives back what was taken for somebody who does not wait for it any more.
struct Unclaimed<'a, S: Schema, T: Send + Sync + 'static> {
    work: &'a Work<S, T>,
    /// `None`: it was claimed.
    taken: Option<Arc<OnceLock<Receipt>>>,
}

impl<S: Schema, T: Send + Sync + 'static> Drop for Unclaimed<'_, S, T> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            if planted(Bug::KeepUnclaimedJob) {
                return;
            }
            // Writes happen in their order, so this one comes after the take.
            let give_back = self.work.update(move |queue| {
                if let Some(receipt) = taken.get() {
                    queue.give_back(*receipt);
                }
            });
            give_back.detach();
        }
    }
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

/// A job that was taken. It derefs to the job.
///
/// Say [`ack`](Taken::ack) when it is done. Dropping it does nothing: its lease runs out, and it is given
/// to another taker. Only where it is dropped by a panic it is given back at once, as by
/// [`retry`](Taken::retry). Each method may be called again where its commit has failed.
///
/// Each of them resolves to `false` where the job is not this taker's any more: the lease had run out, and
/// then somebody else took it, or it became a dead letter, or it was removed. After a lease has run out
/// and before somebody else takes the job, it still is.
#[must_use = "a job that was taken is given to another taker, unless it is acknowledged"]
pub struct Taken<S: Schema, T: Send + Sync + 'static> {
    receipt: Receipt,
    job: Arc<T>,
    tries: u32,
    work: Work<S, T>,
}

impl<S: Schema, T: Send + Sync + 'static> Taken<S, T> {
    /// The number of the job.
    pub fn id(&self) -> u64 {
        self.receipt.id
    }

    /// Which try this is, the first one being 1.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// The right to this job, for [`WorkQueue::ack`] in the closure of a write that changes more than
    /// the queue.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Says that the job is done, and removes it.
    pub fn ack(&self) -> Commit<bool> {
        let receipt = self.receipt;
        self.work.update(move |queue| queue.ack(receipt))
    }

    /// Lets another taker, or this one, try again at once; as a dead letter, after
    /// [`max_tries`](Work::max_tries).
    pub fn retry(&self) -> Commit<bool> {
        let (receipt, max_tries) = (self.receipt, self.work.max_tries);
        let retry = move |queue: &mut WorkQueue<T>| queue.retry(receipt, None, max_tries);
        self.work.update(retry)
    }

    /// As [`retry`](Taken::retry), but not before so much time is over: by the clock
    /// that leases go by.
    pub fn retry_after(&self, delay: Duration) -> Commit<bool> {
        let (receipt, environment) = (self.receipt, self.work.environment.clone());
        let max_tries = self.work.max_tries;
        self.work.update(move |queue| {
            let later = Span::new(&Now::of(&*environment), delay);
            queue.retry(receipt, Some(later), max_tries)
        })
    }

    /// Gives the job up: it becomes a dead letter, with this reason.
    pub fn fail(&self, why: impl Into<String>) -> Commit<bool> {
        let (receipt, why) = (self.receipt, why.into());
        self.work.update(move |queue| queue.fail(receipt, why))
    }

    /// Keeps the job for so long from now on.
    pub fn extend(&self, lease: Duration) -> Commit<bool> {
        let (receipt, environment) = (self.receipt, self.work.environment.clone());
        self.work.update(move |queue| {
            let span = Span::new(&Now::of(&*environment), lease);
            queue.extend_lease(receipt, span)
        })
    }
}

/// A worker that panics does not come back to its job, and its process may live on for long.
impl<S: Schema, T: Send + Sync + 'static> Drop for Taken<S, T> {
    fn drop(&mut self) {
        if std::thread::panicking() && !planted(Bug::KeepJobOfPanic) {
            self.retry().detach();
        }
    }
}

impl<S: Schema, T: Send + Sync + 'static> Deref for Taken<S, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.job
    }
}

impl<S: Schema, T: fmt::Debug + Send + Sync + 'static> fmt::Debug for Taken<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken")
            .field("id", &self.receipt.id)
            .field("tries", &self.tries)
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

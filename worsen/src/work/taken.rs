//! [`Taken`]: a job that was taken, and what its taker says of it. Never here: what becomes of it then.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use super::{Work, extender::Extender};
use crate::{
    collections::{Again, Now, Receipt, Span},
    commit::Commit,
    planted::{Bug, planted},
    schema::Schema,
};

/// A job that was taken. It derefs to the job.
///
/// Say [`ack`](Taken::ack) when it is done. Dropping it does nothing: its lease runs out, which does not
/// [extend itself](Work::auto_extend) any more, and it is given to another taker. Only where it is dropped by a
/// panic it is given back at once, as by [`retry`](Taken::retry). Each method may be called again where its
/// commit has failed.
///
/// Each of them resolves to `false` where the job is not this taker's any more: the lease had run out, and
/// then somebody else took it, or it became a dead letter, or it was removed. After a lease has run out
/// and before somebody else takes the job, it still is.
#[must_use = "a job that was taken is given to another taker, unless it is acknowledged"]
pub struct Taken<S: Schema, T: Send + Sync + 'static> {
    pub(super) receipt: Receipt,
    pub(super) job: Arc<T>,
    pub(super) tries: u32,
    pub(super) work: Work<S, T>,
    /// Keeps the lease from ending.
    pub(super) _extender: Option<Extender<S, T>>,
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

    /// The right to this job, for [`WorkQueue::ack`](crate::WorkQueue::ack) in the closure of a write that changes more than
    /// the queue.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Says that the job is done, and removes it.
    pub fn ack(&self) -> Commit<bool> {
        let receipt = self.receipt;
        self.work.update(move |queue| queue.ack(receipt))
    }

    /// Lets another taker, or this one, try again: after the job's [back-off](crate::collections::JobOptions::backoff),
    /// or at once where it has none. After [`max_tries`](Work::max_tries) it becomes a dead letter instead.
    ///
    /// The reason is kept with the job, see [`QueuedJob::failures`](crate::collections::QueuedJob::failures); an
    /// empty one is not.
    pub fn retry(&self, why: impl Into<String>) -> Commit<bool> {
        self.try_again(None, why.into())
    }

    /// As [`retry`](Taken::retry), but not before so much time is over, by the clock of the leases, whatever the
    /// back-off says.
    pub fn retry_after(&self, delay: Duration, why: impl Into<String>) -> Commit<bool> {
        self.try_again(Some(delay), why.into())
    }

    fn try_again(&self, delay: Option<Duration>, why: String) -> Commit<bool> {
        let (receipt, environment) = (self.receipt, self.work.environment.clone());
        let max_tries = self.work.max_tries;
        self.work.update(move |queue| {
            let again = Again {
                now: Now::of(&*environment),
                delay,
                why,
                max_tries,
            };
            queue.retry(receipt, again)
        })
    }

    /// Gives the job back as if it had not been taken: this counts as no try. It waits where it was, in front of
    /// those that were pushed after it. For a taker that is to end, or finds that it cannot do the job now.
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
    /// let mail = work.take(lease).wait()?.expect("it waits");
    /// assert!(mail.release().wait()?);
    /// assert_eq!(work.take(lease).wait()?.expect("it waits again").tries(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(&self) -> Commit<bool> {
        let receipt = self.receipt;
        self.work.update(move |queue| queue.release(receipt))
    }

    /// Gives the job up: it becomes a dead letter, with this reason.
    pub fn fail(&self, why: impl Into<String>) -> Commit<bool> {
        let (receipt, why) = (self.receipt, why.into());
        let environment = self.work.environment.clone();
        self.work
            .update(move |queue| queue.fail(receipt, why, &Now::of(&*environment)))
    }

    /// Keeps the job for the length of `lease` from now on.
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
            self.retry("its taker panicked").detach();
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

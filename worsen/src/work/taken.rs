//! [`Taken`]: a job that was taken, and what its taker says of it. Never here: what becomes of it then.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use super::Work;
use crate::{
    collections::{Now, Receipt, Span, WorkQueue},
    commit::Commit,
    planted::{Bug, planted},
    schema::Schema,
};

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
    pub(super) receipt: Receipt,
    pub(super) job: Arc<T>,
    pub(super) tries: u32,
    pub(super) work: Work<S, T>,
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

    /// As [`retry`](Taken::retry), but not before so much time is over, by the clock of the leases.
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

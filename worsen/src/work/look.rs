//! A queue in the hands of who watches over it: what is next, how old it is, and what becomes of dead letters. Never
//! here: taking jobs.

use std::time::Duration;

use super::Work;
use crate::{
    collections::{Now, QueuedJob, WorkQueue},
    commit::Commit,
    schema::Schema,
};

impl<S: Schema, T: Send + Sync + 'static> Work<S, T> {
    /// What is in the queue now, without copying it. It counts its jobs:
    /// [`waiting`](WorkQueue::waiting), [`later`](WorkQueue::later), [`taken`](WorkQueue::taken) and
    /// [`dead`](WorkQueue::dead).
    pub fn queue(&self) -> WorkQueue<T> {
        self.handle.read(|state| (self.field)(state).clone())
    }

    /// Looks at the job that would be taken now, without taking it; `None`: there is none. Another process may
    /// take it in that moment.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { mails: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let work = store.work(|state| &state.mails);
    /// work.push("hello".into()).wait()?;
    /// assert_eq!(work.peek(|mail| mail.len()), Some(5));
    /// assert_eq!(store.mails().waiting(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek<R>(&self, look: impl FnOnce(QueuedJob<'_, T>) -> R) -> Option<R> {
        let now = Now::of(&*self.environment);
        self.handle.read(|state| {
            let queue = (self.field)(state);
            queue
                .first(&now, self.max_tries, |process| self.is_gone(process))
                .map(look)
        })
    }

    /// How long ago the oldest job could be taken first that waits to be taken now, or is taken: it grows where
    /// takers cannot keep up. Jobs that wait for a time count from then on. `None`: there is none, or none that
    /// says so: jobs pushed by plain [`push`](Work::push) note no time, others do.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue, collections::JobOptions};
    /// # #[derive(Store)] struct State { mails: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let work = store.work(|state| &state.mails);
    /// work.push_with("hello".into(), JobOptions::new()).wait()?;
    /// if work.age() > Some(Duration::from_secs(600)) {
    ///     eprintln!("mails wait too long");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn age(&self) -> Option<Duration> {
        let now = Now::of(&*self.environment);
        self.handle.read(|state| (self.field)(state).age(&now))
    }

    /// As [`WorkQueue::revive`].
    pub fn revive(&self, id: u64) -> Commit<bool> {
        self.update(move |queue| queue.revive(id))
    }

    /// As [`WorkQueue::revive_all`].
    pub fn revive_all(&self) -> Commit<usize> {
        self.update(WorkQueue::revive_all)
    }

    /// As [`WorkQueue::discard`].
    pub fn discard(&self, id: u64) -> Commit<bool> {
        self.update(move |queue| queue.discard(id))
    }

    /// As [`WorkQueue::discard_all`].
    pub fn discard_all(&self) -> Commit<usize> {
        self.update(WorkQueue::discard_all)
    }
}

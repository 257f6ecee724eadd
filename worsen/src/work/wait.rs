//! Waiting for a job of a work queue: as a thread, or as a task. Never here: which job it is.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{Work, taken::Taken};
use crate::{
    collections::{Now, Receipt, WorkQueue},
    engine::{Engine, Outlook},
    error::{self, Error},
    planted::{Bug, planted},
    schema::Schema,
};

/// When a waiter may get a job.
enum NextJob {
    /// There is a job.
    Now,
    /// There may be one at this time, without anybody's commit. `None`: never.
    At(Option<Instant>),
}

impl<S: Schema, T: Send + Sync + 'static> Work<S, T> {
    /// A waiter asks this often whether the processes still run that have taken jobs of this queue.
    const LOOK_FOR_PROCESSES: Duration = Duration::from_secs(1);

    /// Nobody sleeps longer than this for the end of a lease: clocks jump, and computers sleep.
    const LONGEST_SLEEP: Duration = Duration::from_secs(10);

    /// Takes a job for the length of `lease`, and blocks until there is one, at most for `timeout`. `None`:
    /// there was none. With a time-out of zero it looks at what is acknowledged now, by whichever process;
    /// taking a job is a write, and takes as long as one. Not for the threads of an async runtime: `.await` the
    /// [`next`](Work::next) one there.
    ///
    /// # Errors
    ///
    /// As any write.
    pub fn wait(&self, lease: Duration, timeout: Duration) -> Result<Option<Taken<S, T>>, Error> {
        Ok(self.wait_many(1, lease, timeout)?.pop())
    }

    /// As [`wait`](Work::wait), for `most` jobs at most: it blocks until there is one, and takes in one commit what
    /// is there then. See [`next_many`](Work::next_many).
    ///
    /// # Errors
    ///
    /// As any write.
    pub fn wait_many(
        &self,
        most: usize,
        lease: Duration,
        timeout: Duration,
    ) -> Result<Vec<Taken<S, T>>, Error> {
        let engine = self.engine()?;
        let taken = engine.wait(timeout, || match self.next_job() {
            NextJob::Now => match self.take_many(most, lease).wait() {
                // Somebody was faster.
                Ok(taken) if taken.is_empty() => Outlook::NothingBefore(Instant::now()),
                outcome => Outlook::Found(outcome),
            },
            NextJob::At(Some(at)) => Outlook::NothingBefore(at),
            NextJob::At(None) => Outlook::Nothing,
        });
        taken.unwrap_or_else(|| Ok(Vec::new()))
    }

    /// Takes a job for the length of `lease`, as soon as there is one. Cancelling it loses nothing: what it has
    /// taken in that moment is given back.
    ///
    /// It needs no runtime's timer, and polls nothing. A thread of this handle and its clones looks for jobs that
    /// come back without a commit, because a lease ends or a taker has died.
    ///
    /// # Errors
    ///
    /// As any write.
    pub async fn next(&self, lease: Duration) -> Result<Taken<S, T>, Error> {
        loop {
            if let Some(taken) = self.next_many(1, lease).await?.pop() {
                return Ok(taken);
            }
        }
    }

    /// As [`next`](Work::next), for `most` jobs at most, and at least 1: as soon as there is one, it takes in one
    /// commit what is there then. Each job has a lease of its own from then on, and is acknowledged by itself, or
    /// with others in the closure of an `update`:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { numbers: WorkQueue<u64>, sum: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let work = store.work(|state| &state.numbers);
    /// store.update_numbers(|numbers| numbers.extend([3, 4, 5])).wait()?;
    /// # pollster::block_on(async {
    /// let some = work.next_many(2, Duration::from_secs(60)).await?;
    /// let done: Vec<_> = some.iter().map(|number| (number.receipt(), **number)).collect();
    /// store.update(move |state| {
    ///     for (receipt, number) in done {
    ///         if state.numbers.ack(receipt) {
    ///             state.sum += number;
    ///         }
    ///     }
    /// }).await?;
    /// # Ok::<_, worsen::Error>(())
    /// # })?;
    /// assert_eq!((store.sum(), store.numbers().waiting()), (7, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As any write.
    pub async fn next_many(&self, most: usize, lease: Duration) -> Result<Vec<Taken<S, T>>, Error> {
        let engine = self.engine()?;
        engine.listen();
        loop {
            // Listening before looking: a change in between is not missed.
            let mut listener = engine.notifier.listen_as_task();
            let again = match self.next_job() {
                NextJob::Now => {
                    let mut unclaimed = Unclaimed {
                        work: self,
                        taken: Some(Arc::default()),
                    };
                    let noted = unclaimed.taken.clone().unwrap_or_default();
                    let give = move |work: &Self, queue: &mut WorkQueue<T>| {
                        let taken = work.give(queue, most, lease);
                        // Nobody else sets it.
                        let _ = noted.set(taken.iter().map(Taken::receipt).collect());
                        taken
                    };
                    let outcome = self.giving(give).await;
                    unclaimed.taken = None;
                    let taken = outcome?;
                    if taken.is_empty() {
                        // Somebody was faster.
                        continue;
                    }
                    return Ok(taken);
                }
                NextJob::At(at) => at,
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
                engine.in_store(error::system::no_thread("waits for a lease to end", error))
            })?;
        }
    }

    /// The engine, before a wait.
    fn engine(&self) -> Result<&Arc<Engine>, Error> {
        let engine = self.handle.engine();
        match self.index {
            Some(_) => Ok(engine),
            None => Err(engine.in_store(error::engine::not_stored())),
        }
    }

    fn next_job(&self) -> NextJob {
        self.handle.peek(|state| {
            let queue = (self.field)(state);
            let now = Now::of(&*self.environment);
            if queue.can_be_taken(&now, |process| self.is_gone(process)) {
                return NextJob::Now;
            }
            let me = self.environment.me();
            let processes = queue
                .processes()
                .any(|process| me.can_judge(process))
                .then_some(Self::LOOK_FOR_PROCESSES);
            let end = queue
                .next_end(&now)
                .filter(|_| !planted(Bug::SleepPastLease))
                .map(|end| end.min(Self::LONGEST_SLEEP));
            let pause = processes.into_iter().chain(end).min();
            NextJob::At(pause.and_then(|pause| Instant::now().checked_add(pause)))
        })
    }
}

/// Gives back what was taken for a future that was dropped meanwhile.
struct Unclaimed<'a, S: Schema, T: Send + Sync + 'static> {
    work: &'a Work<S, T>,
    /// `None`: it was claimed.
    taken: Option<Arc<OnceLock<Vec<Receipt>>>>,
}

impl<S: Schema, T: Send + Sync + 'static> Drop for Unclaimed<'_, S, T> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            if planted(Bug::KeepUnclaimedJob) {
                return;
            }
            // Writes happen in their order, so this one comes after the take.
            let give_back = self.work.update(move |queue| {
                for receipt in taken.get().into_iter().flatten() {
                    queue.release(*receipt);
                }
            });
            give_back.detach();
        }
    }
}

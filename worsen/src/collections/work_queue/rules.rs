//! Who gets which job of a work queue when, and what becomes of a job that was taken. Never here: a clock, or a
//! process that this was not told of.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    WorkQueue,
    job::{Lease, State},
    time::{Now, Span},
};
use crate::{
    planted::{Bug, planted},
    process::ProcessId,
};

/// So many jobs at most become dead letters in one take, so that it stays a small commit. It passes over those
/// beyond, so a taker that gets no job can rely on it that there is none.
const BURIALS_PER_TAKE: usize = 8;

/// How a process of this pid has lost its job.
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

/// The right of one taker to one job. See [`Taken::receipt`](crate::Taken::receipt).
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

/// What a taker takes with.
pub(crate) struct Take<'a> {
    pub(crate) now: Now,
    pub(crate) lease: Duration,
    pub(crate) process: &'a ProcessId,
    pub(crate) token: u64,
    pub(crate) max_tries: u32,
}

impl<T> WorkQueue<T> {
    /// Gives a job to a taker: first what others have lost, then what has waited for its time, then the
    /// rest by number.
    pub(crate) fn take(
        &mut self,
        take: &Take<'_>,
        is_gone: impl Fn(&ProcessId) -> bool,
    ) -> Option<Given<T>> {
        self.make_jobs_of_items();
        let mut worn: Vec<(u64, String)> = Vec::new();
        let id = self.offers(&take.now, &is_gone).find_map(|(id, loss)| {
            let tries = self.tries(id);
            if tries < take.max_tries || planted(Bug::TakeWhatIsWorn) && loss.is_none() {
                return Some(id);
            }
            if worn.len() < BURIALS_PER_TAKE && worn.iter().all(|(other, _)| *other != id) {
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
            process: take.process.clone(),
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

    /// The processes that have taken jobs.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &ProcessId> {
        self.by_process.keys()
    }

    /// What may be given to a taker, the first one first: what was lost, and how; what waited for its time;
    /// the rest. A job may be among the lost ones twice.
    fn offers<'a>(
        &'a self,
        now: &'a Now,
        is_gone: &'a impl Fn(&ProcessId) -> bool,
    ) -> impl Iterator<Item = (u64, Option<Loss>)> + 'a {
        let pid = |id| self.lease(id).map_or(0, |lease| lease.process.pid);
        let late = self.taken.over(now);
        let late = late.map(move |id| (id, Some(Loss::RanOut(pid(id)))));
        let gone = self
            .by_process
            .iter()
            .filter(|(process, _)| is_gone(process));
        let left = gone.flat_map(|(process, ids)| {
            let loss = Some(Loss::Ended(process.pid));
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

    /// Whether the job is still that taker's: until another one gets it, however long ago the lease ran out.
    pub(super) fn has(&self, receipt: Receipt) -> bool {
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
}

//! Who gets which job of a work queue when, and what becomes of a job that was taken. Never here: a clock, or a
//! process that this was not told of.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    WorkQueue,
    inspect::QueuedJob,
    job::{Job, Lease, State},
    lanes::Lane,
    more::More,
    options::{JobOptions, Pushed, Start},
    time::{Moment, Now, Span},
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
    /// Of jobs that do not say so themselves.
    pub(crate) max_tries: u32,
}

/// How a job is to be tried again.
pub(crate) struct Again {
    pub(crate) now: Now,
    /// `None`: as the job says itself, or at once.
    pub(crate) delay: Option<Duration>,
    /// Empty: its taker did not say.
    pub(crate) why: String,
    /// Of jobs that do not say so themselves.
    pub(crate) max_tries: u32,
}

impl<T> WorkQueue<T> {
    /// Gives jobs to a taker, `most` at most, in the order of their priorities: first what others have lost, then
    /// what has waited for its time, then the rest by number.
    pub(crate) fn take(
        &mut self,
        take: &Take<'_>,
        most: usize,
        is_gone: impl Fn(&ProcessId) -> bool,
        token: impl Fn() -> u64,
    ) -> Vec<Given<T>> {
        self.make_jobs_of_items();
        let mut worn: Vec<(u64, String)> = Vec::new();
        let mut chosen = Vec::new();
        for (id, loss) in self.offers(&take.now, &is_gone) {
            let tries = self.tries(id);
            let max_tries = self.max_tries(id, take.max_tries);
            if tries < max_tries || planted(Bug::TakeWhatIsWorn) && loss.is_none() {
                if !chosen.contains(&id) {
                    chosen.push(id);
                }
                if chosen.len() >= most {
                    break;
                }
            } else if worn.len() < BURIALS_PER_TAKE && worn.iter().all(|(other, _)| *other != id) {
                let why = match loss {
                    Some(loss) => format!("{loss} in try {tries} of {max_tries}"),
                    None => format!("it was to be tried again after try {tries} of {max_tries}"),
                };
                worn.push((id, why));
            }
        }
        for (id, why) in worn {
            self.bury(id, why, &take.now);
        }
        let given = chosen
            .into_iter()
            .filter_map(|id| self.give(id, take, token()));
        given.collect()
    }

    fn give(&mut self, id: u64, take: &Take<'_>, token: u64) -> Option<Given<T>> {
        let lease = Lease {
            process: take.process.clone(),
            token,
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
            receipt: Receipt { id, token },
            job: job.job.clone(),
            tries: job.tries,
        })
    }

    /// Puts a job where these options say, unless another one has its key.
    pub(crate) fn add(&mut self, job: T, options: JobOptions, now: &Now) -> Pushed {
        self.make_jobs_of_items();
        let JobOptions { start, kept } = options;
        if let Some(id) = kept.unique.as_ref().and_then(|key| self.holder(key)) {
            return Pushed::Held(id);
        }
        let later = match start {
            Start::Now => None,
            Start::After(delay) => Some(Span::new(now, delay)),
            Start::At(time) => Some(Span::to(Moment::of(time))),
        };
        let later = later.filter(|span| span.end > now.wall);
        let since = later.as_ref().map_or(now.wall, |span| span.end);
        let more = More {
            kept,
            since: Some(since),
            ..More::default()
        };
        let id = self.behind_all();
        let job = Job {
            state: later.map_or(State::Waiting, State::Later),
            more: Some(Arc::new(more)),
            ..Job::new(Arc::new(job))
        };
        self.put(id, job);
        Pushed::New(id)
    }

    /// Whether a take would find something.
    pub(crate) fn can_be_taken(&self, now: &Now, is_gone: impl Fn(&ProcessId) -> bool) -> bool {
        self.offers(now, &is_gone).next().is_some()
    }

    /// The job that the next taker gets, whose own `max_tries` this is for jobs that have none.
    pub(crate) fn first(
        &self,
        now: &Now,
        max_tries: u32,
        is_gone: impl Fn(&ProcessId) -> bool,
    ) -> Option<QueuedJob<'_, T>> {
        let base = self.base();
        let mut offers = self.offers(now, &is_gone);
        let first = offers.find(|(id, _)| self.tries(*id) < self.max_tries(*id, max_tries));
        // Those of a plain queue stand at other places.
        self.get(first?.0.checked_sub(base)?)
    }

    /// For how long the job has waited, or been worked at, that has done so longest.
    pub(crate) fn age(&self, now: &Now) -> Option<Duration> {
        let oldest = self.dated.get_min();
        let since = oldest.map(|(since, _)| now.wall.after(*since));
        let due = self.lanes.iter().filter_map(|lane| lane.later.overdue(now));
        due.chain(since).max()
    }

    /// How long it is until the next lease ends, or the time of a job that waits for it comes.
    pub(crate) fn next_end(&self, now: &Now) -> Option<Duration> {
        let ends = self.lanes.iter().flat_map(|lane| {
            let taken = lane.taken.next_end(now).into_iter();
            taken.chain(lane.later.next_end(now))
        });
        ends.min()
    }

    /// The processes that have taken jobs.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &ProcessId> {
        self.lanes.iter().flat_map(|lane| lane.by_process.keys())
    }

    /// What may be given to a taker, the first one first. Of each priority: what was lost, and how; what waited
    /// for its time; the rest. A job may be among the lost ones twice.
    fn offers<'a>(
        &'a self,
        now: &'a Now,
        is_gone: &'a impl Fn(&ProcessId) -> bool,
    ) -> impl Iterator<Item = (u64, Option<Loss>)> + 'a {
        let lanes = self.lanes.iter();
        lanes.flat_map(move |lane| self.offers_of(lane, now, is_gone))
    }

    fn offers_of<'a>(
        &'a self,
        lane: &'a Lane,
        now: &'a Now,
        is_gone: &'a impl Fn(&ProcessId) -> bool,
    ) -> impl Iterator<Item = (u64, Option<Loss>)> + 'a {
        let pid = |id| self.lease(id).map_or(0, |lease| lease.process.pid);
        let late = lane.taken.over(now);
        let late = late.map(move |id| (id, Some(Loss::RanOut(pid(id)))));
        let gone = lane
            .by_process
            .iter()
            .filter(|(process, _)| is_gone(process));
        let left = gone.flat_map(|(process, ids)| {
            let loss = Some(Loss::Ended(process.pid));
            ids.iter().map(move |id| (*id, loss))
        });
        let due = lane.later.over(now).map(|id| (id, None));
        let free = lane.free.iter().map(|id| (*id, None));
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

    /// How often this job is taken at most.
    fn max_tries(&self, id: u64, of_taker: u32) -> u32 {
        let more = self.jobs.get(&id).and_then(|job| job.0.more.as_ref());
        more.and_then(|more| more.kept.max_tries)
            .unwrap_or(of_taker)
    }

    /// Whether the job is still that taker's: until another one gets it, however long ago the lease ran out.
    pub(super) fn has(&self, receipt: Receipt) -> bool {
        self.lease(receipt.id)
            .is_some_and(|lease| lease.token == receipt.token || planted(Bug::AckWithoutToken))
    }

    /// Lets it wait again, at once or later; as a dead letter, if it was tried often enough.
    pub(crate) fn retry(&mut self, receipt: Receipt, again: Again) -> bool {
        let id = receipt.id;
        if !self.has(receipt) {
            return false;
        }
        let Again {
            now, delay, why, ..
        } = again;
        let (tries, max_tries) = (self.tries(id), self.max_tries(id, again.max_tries));
        if tries >= max_tries {
            let why = match why.is_empty() {
                true => format!("it was to be tried again after try {tries} of {max_tries}"),
                false => why,
            };
            self.bury(id, why, &now);
            return true;
        }
        self.change(id, |job| {
            let backoff = job.more.as_ref().and_then(|more| more.kept.backoff);
            let delay = delay.or_else(|| backoff.map(|backoff| backoff.after(tries)));
            job.state = match delay {
                Some(delay) => State::Later(Span::new(&now, delay)),
                None => State::Waiting,
            };
            if !why.is_empty() {
                job.note_failure(now.wall, why.into());
            }
        });
        true
    }

    /// Makes it a dead letter.
    pub(crate) fn fail(&mut self, receipt: Receipt, why: String, now: &Now) -> bool {
        let has = self.has(receipt);
        if has {
            self.bury(receipt.id, why, now);
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
    pub(crate) fn release(&mut self, receipt: Receipt) -> bool {
        let has = self.has(receipt);
        if has {
            self.change(receipt.id, |job| {
                if !planted(Bug::ReleaseSpendsTry) {
                    job.tries = job.tries.saturating_sub(1);
                }
                job.state = State::Waiting;
            });
        }
        has
    }

    fn bury(&mut self, id: u64, why: String, now: &Now) {
        self.change(id, |job| {
            job.state = State::Dead {
                why: why.into(),
                at: Some(now.wall),
            };
        });
    }
}

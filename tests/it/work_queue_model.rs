//! What can be said of jobs, against a plain list: random sequences of two processes on a simulated disk, with
//! compactions, reopenings, deaths and power cuts. Time goes on, and nobody sets a clock: that is for `work_queue`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use proptest::{prelude::*, test_runner::TestCaseError};
use worsen::{
    Store, Taken, Work, WorkQueue,
    collections::{Backoff, JobOptions, JobState, Pushed},
    testing::SimulatedDisk,
};
use worsen_tests::{Jobs, JobsStore};

use crate::{support::sequences, work_queue::Machine};

/// One thing done by one of two processes; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Push(usize, Said),
    Take(usize, usize, u64),
    Ack(usize),
    Retry(usize, bool),
    RetryAfter(usize, u64),
    Release(usize),
    Fail(usize),
    Later(u64),
    Die(usize),
    Revive(u64),
    ReviveAll,
    Discard(u64),
    DiscardAll,
    Remove(u64),
    Undone,
    Reopen(usize),
    Compact,
    PowerCut(u64),
}

/// What is said where a job is pushed.
#[derive(Debug, Clone)]
struct Said {
    delay: u64,
    priority: i32,
    key: Option<u8>,
    max_tries: Option<u32>,
    backoff: Option<(u64, u64)>,
}

impl Said {
    fn options(&self) -> JobOptions {
        let mut options = JobOptions::new().priority(self.priority);
        if self.delay > 0 {
            options = options.delay(Duration::from_millis(self.delay));
        }
        if let Some(key) = self.key {
            options = options.unique(key.to_string());
        }
        if let Some(tries) = self.max_tries {
            options = options.max_tries(tries);
        }
        if let Some((first, most)) = self.backoff {
            let [first, most] = [first, most].map(Duration::from_millis);
            options = options.backoff(Backoff::exponential(first, most));
        }
        options
    }
}

const MAX_TRIES: u32 = 3;

#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Waiting,
    Later(u64),
    /// By which take, of which process, until when.
    Taken(usize, u32, u64),
    Dead,
}

#[derive(Debug, Clone)]
struct Plain {
    said: Said,
    tries: u32,
    fate: Fate,
    /// How often it said why.
    reasons: Vec<String>,
    since: u64,
}

impl Plain {
    fn max_tries(&self) -> u32 {
        self.said.max_tries.unwrap_or(MAX_TRIES)
    }

    fn die(&mut self, why: &str) {
        self.fate = Fate::Dead;
        self.note(why);
    }

    fn note(&mut self, why: &str) {
        self.reasons.push(why.to_owned());
    }

    /// Eight, and the one of its death beside them.
    fn shown(&self) -> &[String] {
        let most = if self.fate == Fate::Dead { 9 } else { 8 };
        &self.reasons[self.reasons.len().saturating_sub(most)..]
    }
}

struct Reference {
    jobs: BTreeMap<u64, Plain>,
    next: u64,
    now: u64,
    dead: Vec<u32>,
}

impl Reference {
    fn holder(&self, key: u8) -> Option<u64> {
        let mut jobs = self.jobs.iter();
        jobs.find(|(_, job)| job.said.key == Some(key) && job.fate != Fate::Dead)
            .map(|(id, _)| *id)
    }

    fn push(&mut self, said: &Said) -> Pushed {
        if let Some(id) = said.key.and_then(|key| self.holder(key)) {
            return Pushed::Held(id);
        }
        let id = self.next;
        self.next += 1;
        let since = self.now + said.delay;
        let job = Plain {
            said: said.clone(),
            tries: 0,
            fate: match said.delay {
                0 => Fate::Waiting,
                _ => Fate::Later(since),
            },
            reasons: Vec::new(),
            since,
        };
        self.jobs.insert(id, job);
        Pushed::New(id)
    }

    fn is_lost(&self, fate: &Fate) -> bool {
        matches!(fate, Fate::Taken(_, pid, end) if self.dead.contains(pid) || *end <= self.now)
    }

    /// What a take may give: by priority, then lost ones, then those whose time has come (both in any order), then
    /// the rest in turn. Less is better.
    fn rank(&self, id: u64) -> Option<(i64, u8, u64)> {
        let job = &self.jobs[&id];
        if job.tries >= job.max_tries() {
            return None;
        }
        let (class, turn) = match &job.fate {
            fate if self.is_lost(fate) => (0, 0),
            Fate::Later(until) if *until <= self.now => (1, 0),
            Fate::Waiting => (2, id),
            _ => return None,
        };
        Some((-i64::from(job.said.priority), class, turn))
    }

    fn ranked(&self) -> Vec<((i64, u8, u64), u64)> {
        let ranks = self
            .jobs
            .keys()
            .filter_map(|id| Some((self.rank(*id)?, *id)));
        let mut ranks: Vec<_> = ranks.collect();
        ranks.sort_unstable();
        ranks
    }

    fn held(&mut self, take: usize) -> Option<&mut Plain> {
        let mut jobs = self.jobs.values_mut();
        jobs.find(|job| matches!(job.fate, Fate::Taken(by, ..) if by == take))
    }

    fn retry(&mut self, take: usize, delay: Option<u64>, why: &str) -> bool {
        let now = self.now;
        let Some(job) = self.held(take) else {
            return false;
        };
        if job.tries >= job.max_tries() {
            let worn = format!(
                "it was to be tried again after try {} of {}",
                job.tries,
                job.max_tries()
            );
            job.die(if why.is_empty() { &worn } else { why });
            return true;
        }
        let backoff = job.said.backoff.map(|(first, most)| {
            let doubled = (1..job.tries).fold(first, |delay, _| delay * 2);
            doubled.min(most)
        });
        job.fate = match delay.or(backoff) {
            Some(delay) => Fate::Later(now + delay),
            None => Fate::Waiting,
        };
        if !why.is_empty() {
            job.note(why);
        }
        true
    }

    fn revive(&mut self, id: u64) -> bool {
        let key = match self.jobs.get(&id) {
            Some(job) if job.fate == Fate::Dead => job.said.key,
            _ => return false,
        };
        if key.is_some_and(|key| self.holder(key).is_some()) {
            return false;
        }
        let job = self.jobs.get_mut(&id);
        job.is_some_and(|job| {
            (job.tries, job.fate) = (0, Fate::Waiting);
            let many = job.reasons.len().saturating_sub(8);
            job.reasons.drain(..many);
            true
        })
    }

    fn age(&self) -> Option<u64> {
        let jobs = self.jobs.values();
        let begins = jobs.filter_map(|job| match job.fate {
            Fate::Waiting | Fate::Taken(..) => Some(job.since),
            Fate::Later(until) => Some(until).filter(|until| *until <= self.now),
            Fate::Dead => None,
        });
        begins.min().map(|begin| self.now - begin)
    }
}

type Seen = (u64, u32, &'static str, i32, Option<String>, Vec<String>);

fn seen(queue: &WorkQueue<u64>) -> Vec<Seen> {
    let jobs = queue.iter().map(|job| {
        let state = match job.state() {
            JobState::Waiting => "waiting",
            JobState::Later { .. } => "later",
            JobState::Taken { .. } => "taken",
            _ => "dead",
        };
        let reasons = job.failures().map(|failure| failure.why.to_owned());
        (
            job.id(),
            job.tries(),
            state,
            job.priority(),
            job.unique().map(str::to_owned),
            reasons.collect(),
        )
    });
    jobs.collect()
}

fn expected(plain: &Reference) -> Vec<Seen> {
    let jobs = plain.jobs.iter().map(|(id, job)| {
        let state = match job.fate {
            Fate::Waiting => "waiting",
            Fate::Later(_) => "later",
            Fate::Taken(..) => "taken",
            Fate::Dead => "dead",
        };
        let key = job.said.key.map(|key| key.to_string());
        (
            *id,
            job.tries,
            state,
            job.said.priority,
            key,
            job.shown().to_vec(),
        )
    });
    jobs.collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..2_usize;
    let held = || 0..8_usize;
    let id = || 0..12_u64;
    let time = || 1..60_000_u64;
    let said = (
        prop_oneof![3 => Just(0), 1 => time()],
        prop_oneof![2 => Just(0), 2 => -1..3_i32],
        prop::option::weighted(0.4, 0..3_u8),
        prop::option::weighted(0.3, 1..5_u32),
        prop::option::weighted(0.3, (time(), time())),
    );
    let said = said.prop_map(|(delay, priority, key, max_tries, backoff)| Said {
        delay,
        priority,
        key,
        max_tries,
        backoff,
    });
    let step = prop_oneof![
        8 => (who(), said).prop_map(|(who, said)| Step::Push(who, said)),
        9 => (who(), 1..4_usize, time()).prop_map(|(who, most, lease)| Step::Take(who, most, lease)),
        3 => held().prop_map(Step::Ack),
        4 => (held(), any::<bool>()).prop_map(|(held, says)| Step::Retry(held, says)),
        2 => (held(), time()).prop_map(|(held, delay)| Step::RetryAfter(held, delay)),
        2 => held().prop_map(Step::Release),
        2 => held().prop_map(Step::Fail),
        4 => time().prop_map(Step::Later),
        1 => who().prop_map(Step::Die),
        1 => id().prop_map(Step::Revive),
        1 => Just(Step::ReviveAll),
        1 => id().prop_map(Step::Discard),
        1 => Just(Step::DiscardAll),
        1 => id().prop_map(Step::Remove),
        1 => Just(Step::Undone),
        1 => who().prop_map(Step::Reopen),
        1 => Just(Step::Compact),
        1 => any::<u64>().prop_map(Step::PowerCut),
    ];
    prop::collection::vec(step, 1..50)
}

#[test]
fn jobs_with_options_agree_with_a_plain_list_also_after_a_power_cut() {
    let name = "jobs_with_options_agree_with_a_plain_list_also_after_a_power_cut";
    sequences(name, 2_000, &steps(), |steps| agree(&steps));
}

/// Two processes and their machine.
struct Setting {
    disk: SimulatedDisk,
    machine: Machine,
    compact_above: Arc<AtomicU64>,
    stores: Vec<(JobsStore, Work<Jobs, u64>, u32)>,
    takes: Vec<Taken<Jobs, u64>>,
    pids: u32,
    plain: Reference,
}

fn fails(error: worsen::Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn agree(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut setting = Setting {
        disk: SimulatedDisk::new(),
        machine: Machine::new(),
        compact_above: Arc::new(AtomicU64::new(u64::MAX)),
        stores: Vec::new(),
        takes: Vec::new(),
        pids: 0,
        plain: Reference {
            jobs: BTreeMap::new(),
            next: 0,
            now: 0,
            dead: Vec::new(),
        },
    };
    for _ in 0..2 {
        let opened = setting.open()?;
        setting.stores.push(opened);
    }
    for step in steps {
        setting.step(step)?;
        setting.look(step)?;
    }
    Ok(())
}

impl Setting {
    fn open(&mut self) -> Result<(JobsStore, Work<Jobs, u64>, u32), TestCaseError> {
        self.pids += 1;
        let store = Jobs::builder()
            .dir("/db")
            .on(&self.disk.new_process())
            .compact_above(self.compact_above.clone())
            .open()
            .map_err(fails)?;
        let environment = self.machine.process(self.pids);
        let work = store.work(|state| &state.jobs);
        let work = work.max_tries(MAX_TRIES).environment(environment);
        Ok((store, work, self.pids))
    }

    fn work(&self) -> Work<Jobs, u64> {
        self.stores[0].1.clone()
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step.clone() {
            Step::Push(who, said) => self.push(who, &said)?,
            Step::Take(who, most, lease) => self.take(who, most, lease)?,
            Step::Later(by) => {
                self.machine.later(Duration::from_millis(by));
                self.plain.now += by;
            }
            Step::Die(who) => {
                let pid = self.stores[who].2;
                self.machine.kill(pid);
                self.plain.dead.push(pid);
                self.stores[who] = self.open()?;
            }
            Step::Reopen(who) => self.stores[who] = self.open()?,
            Step::Compact => {
                self.compact_above.store(0, Relaxed);
                // By the next write, which changes another field.
                let touch = self.stores[0].0.update_done(|done| {
                    *done.get_or_insert_with(0, || 0) += 1;
                });
                touch.wait().map_err(fails)?;
                self.compact_above.store(u64::MAX, Relaxed);
            }
            Step::PowerCut(seed) => {
                let left = self.disk.crash_states(1, seed).next();
                self.disk = left.ok_or_else(|| TestCaseError::fail("nothing is left"))?;
                // Nobody says any more what was taken before.
                self.takes.clear();
                self.plain.dead.extend([self.stores[0].2, self.stores[1].2]);
                for who in 0..2 {
                    self.machine.kill(self.stores[who].2);
                    self.stores[who] = self.open()?;
                }
                for job in self.plain.jobs.values_mut() {
                    if let Fate::Taken(take, ..) = &mut job.fate {
                        *take = usize::MAX;
                    }
                }
            }
            Step::Undone => {
                let undone = self.stores[1].0.try_update(|state| {
                    let options = JobOptions::new().unique("0").priority(2);
                    state.jobs.push_with(1, options);
                    state.jobs.revive_all();
                    state.jobs.clear();
                    Err::<(), ()>(())
                });
                prop_assert!(undone.wait().map_err(fails)?.is_err());
            }
            Step::Ack(_)
            | Step::Retry(..)
            | Step::RetryAfter(..)
            | Step::Release(_)
            | Step::Fail(_) => self.end(step)?,
            Step::Revive(_)
            | Step::ReviveAll
            | Step::Discard(_)
            | Step::DiscardAll
            | Step::Remove(_) => self.tidy(step)?,
        }
        Ok(())
    }

    fn push(&mut self, who: usize, said: &Said) -> Result<(), TestCaseError> {
        let push = self.stores[who].1.push_with(7, said.options());
        let pushed = push.wait().map_err(fails)?;
        prop_assert_eq!(pushed, self.plain.push(said));
        Ok(())
    }

    fn take(&mut self, who: usize, most: usize, lease: u64) -> Result<(), TestCaseError> {
        let (store, work, pid) = &self.stores[who];
        let plain = &mut self.plain;
        let ranked = plain.ranked();
        let peeked = work.peek(|job| job.id());
        prop_assert_eq!(peeked.is_some(), !ranked.is_empty());
        let time = Duration::from_millis(lease);
        let taken = work.take_many(most, time).wait().map_err(fails)?;
        // What was lost too often may be buried on the way.
        let queue = store.jobs();
        let worn: Vec<u64> = plain.jobs.keys().copied().collect();
        for id in worn {
            let is_worn = {
                let job = &plain.jobs[&id];
                let is_due = matches!(job.fate, Fate::Later(until) if until <= plain.now);
                let is_offered = is_due || job.fate == Fate::Waiting || plain.is_lost(&job.fate);
                is_offered && job.tries >= job.max_tries()
            };
            let died = queue
                .get(id)
                .filter(|job| matches!(job.state(), JobState::Dead { .. }));
            let died = died.filter(|_| is_worn);
            if let Some(why) = died.and_then(|job| job.failures().last().map(|last| last.why)) {
                prop_assert!(why.contains(" of "), "{why}");
                plain.jobs.get_mut(&id).unwrap().die(why);
            }
        }
        prop_assert_eq!(taken.len(), ranked.len().min(most), "of {:?}", &ranked);
        for (place, given) in taken.iter().enumerate() {
            // Among those of one rank any may come first.
            let rank = ranked.iter().find(|(_, id)| *id == given.id());
            let Some((rank, id)) = rank else {
                return Err(TestCaseError::fail(format!(
                    "{} was not to be had",
                    given.id()
                )));
            };
            prop_assert_eq!(*rank, ranked[place].0, "{} came before its turn", id);
            let job = plain.jobs.get_mut(id).unwrap();
            job.tries += 1;
            prop_assert_eq!(given.tries(), job.tries);
            let take = self.takes.len() + place;
            job.fate = Fate::Taken(take, *pid, plain.now + lease);
        }
        if let Some(peeked) = peeked {
            prop_assert_eq!(Some(peeked), taken.first().map(Taken::id));
        }
        self.takes.extend(taken);
        Ok(())
    }

    /// What a taker says of its job.
    fn end(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let held = match step {
            Step::Ack(held)
            | Step::Retry(held, _)
            | Step::RetryAfter(held, _)
            | Step::Release(held)
            | Step::Fail(held) => *held,
            _ => return Ok(()),
        };
        // The newest takes first: older ones have often lost their job.
        let Some(take) = self.takes.len().checked_sub(1 + held) else {
            return Ok(());
        };
        let (taken, plain) = (&self.takes[take], &mut self.plain);
        let id = taken.id();
        let (done, expected) = match step {
            Step::Ack(_) => {
                let had = plain.held(take).is_some();
                if had {
                    plain.jobs.remove(&id);
                }
                (taken.ack(), had)
            }
            Step::Retry(_, says) => {
                let why = if *says {
                    format!("take {take}")
                } else {
                    String::new()
                };
                let expected = plain.retry(take, None, &why);
                (taken.retry(why), expected)
            }
            Step::RetryAfter(_, delay) => {
                let expected = plain.retry(take, Some(*delay), "later");
                let time = Duration::from_millis(*delay);
                (taken.retry_after(time, "later"), expected)
            }
            Step::Release(_) => {
                let job = plain.held(take);
                let had = job.is_some();
                if let Some(job) = job {
                    job.tries -= 1;
                    job.fate = Fate::Waiting;
                }
                (taken.release(), had)
            }
            _ => {
                let job = plain.held(take);
                let had = job.is_some();
                if let Some(job) = job {
                    job.die("no");
                }
                (taken.fail("no"), had)
            }
        };
        prop_assert_eq!(done.wait().map_err(fails)?, expected);
        Ok(())
    }

    /// What a person does.
    fn tidy(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let work = self.work();
        let plain = &mut self.plain;
        let dead: Vec<u64> = {
            let jobs = plain.jobs.iter();
            jobs.filter(|(_, job)| job.fate == Fate::Dead)
                .map(|(id, _)| *id)
                .collect()
        };
        match step {
            Step::Revive(id) => {
                let done = work.revive(*id).wait().map_err(fails)?;
                prop_assert_eq!(done, plain.revive(*id));
            }
            Step::ReviveAll => {
                let done = work.revive_all().wait().map_err(fails)?;
                let expected = dead.iter().filter(|id| plain.revive(**id)).count();
                prop_assert_eq!(done, expected);
            }
            Step::Discard(id) => {
                let done = work.discard(*id).wait().map_err(fails)?;
                prop_assert_eq!(done, dead.contains(id));
                if done {
                    plain.jobs.remove(id);
                }
            }
            Step::DiscardAll => {
                let done = work.discard_all().wait().map_err(fails)?;
                prop_assert_eq!(done, dead.len());
                plain.jobs.retain(|_, job| job.fate != Fate::Dead);
            }
            Step::Remove(id) => {
                let id = *id;
                let remove = self.stores[1].0.update_jobs(move |jobs| jobs.remove(id));
                let done = remove.wait().map_err(fails)?;
                prop_assert_eq!(done, plain.jobs.remove(&id).is_some());
            }
            _ => {}
        }
        Ok(())
    }

    fn look(&self, step: &Step) -> Result<(), TestCaseError> {
        let expected = expected(&self.plain);
        for (store, work, _) in &self.stores {
            let queue = store.jobs();
            prop_assert_eq!(&seen(&queue), &expected, "after {:?}", step);
            let count = |state| expected.iter().filter(|job| job.2 == state).count();
            prop_assert_eq!(queue.waiting(), count("waiting") + count("later"));
            prop_assert_eq!(queue.later(), count("later"));
            prop_assert_eq!(queue.taken(), count("taken"));
            prop_assert_eq!(queue.dead(), count("dead"));
            let age = self.plain.age().map(Duration::from_millis);
            prop_assert_eq!(work.age(), age);
        }
        Ok(())
    }
}

//! The disks that a power cut may leave, one after the other: all of them, or as many as a test wants to see.
//! Never here: what there is to lose.

use std::{
    collections::HashSet,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    super::{plan::Plan, random::Random},
    Origin, SimulatedDisk,
};

impl SimulatedDisk {
    /// The disks that a power cut right now may leave, each of them once, on a healthy machine with no
    /// process and no lock. All of them where there are no more than `limit`. Else `limit` of them: the
    /// extremes first (nothing or everything kept, a single sector kept, lost, torn or garbage, every
    /// prefix of the changes of a directory or a size), then a sample drawn from the seed. The seed also
    /// says what garbage looks like. [`crashes`](crate::testing::crashes) does this at every place of a program.
    pub fn crash_states(&self, limit: usize, seed: u64) -> CrashStates {
        CrashStates::new(Plan::new(self.state().clone(), seed), limit)
    }
}

/// The disks that a power cut may leave: [`SimulatedDisk::crash_states`].
pub struct CrashStates {
    plan: Arc<Plan>,
    total: u128,
    limit: usize,
    /// Where all are counted through: the next number.
    all: Option<u128>,
    ahead: std::vec::IntoIter<Vec<u32>>,
    tries: usize,
    random: Random,
    /// Different answers may leave the same disk.
    seen: HashSet<u64>,
}

impl CrashStates {
    /// All of them, or where there are more than `limit`, so many.
    fn new(plan: Plan, limit: usize) -> CrashStates {
        let total = plan.total();
        let fits = total <= limit as u128;
        let ahead = if fits { Vec::new() } else { plan.extremes() };
        CrashStates {
            total,
            limit,
            all: fits.then_some(0),
            ahead: ahead.into_iter(),
            tries: limit.saturating_mul(8),
            random: Random::new(plan.seed),
            seen: HashSet::new(),
            plan: Arc::new(plan),
        }
    }

    /// How many ways there are to crash here, some of which leave the same disk.
    pub fn total(&self) -> u128 {
        self.total
    }

    /// Whether all of them are seen, not a sample.
    pub fn is_exhaustive(&self) -> bool {
        self.all.is_some()
    }

    fn choices(&mut self) -> Option<Vec<u32>> {
        if let Some(next) = &mut self.all {
            let number = *next;
            *next += 1;
            return (number < self.total).then(|| self.plan.numbered(number));
        }
        if let Some(choices) = self.ahead.next() {
            return Some(choices);
        }
        self.tries = self.tries.checked_sub(1)?;
        Some(self.plan.sampled(&mut self.random))
    }
}

impl Iterator for CrashStates {
    type Item = SimulatedDisk;

    fn next(&mut self) -> Option<SimulatedDisk> {
        while self.seen.len() < self.limit {
            let choices = self.choices()?;
            let state = self.plan.state_after(&choices);
            let mut hasher = DefaultHasher::new();
            for (number, dir) in &state.dirs {
                (number, &dir.current).hash(&mut hasher);
            }
            for (number, node) in &state.nodes {
                (number, &node.current).hash(&mut hasher);
            }
            if self.seen.insert(hasher.finish()) {
                let origin = Origin {
                    plan: self.plan.clone(),
                    choices,
                };
                return Some(SimulatedDisk::with(state, Some(origin)));
            }
        }
        None
    }
}

impl fmt::Debug for CrashStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashStates")
            .field("total", &self.total)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

//! A work queue in a field that was a plain [`Queue`](crate::Queue). As long as nobody has written it as a work
//! queue, its entries are the items of that, whatever they look like, and its numbers may be negative. The
//! first write makes jobs of them. Never here: jobs that somebody has taken.

use serde::{Serialize, de::DeserializeOwned};

use super::{WorkQueue, entries::JOB_NUMBERS_END, job::Job, lanes::Lanes};
use crate::{
    collections::key,
    error::{self, ValueError},
};

/// The place of the item of number 0 among the jobs; those with negative numbers stand in front of it.
const PLACE_OF_ZERO: u64 = 1 << 63;

/// The least number of an item: so far from number 0 towards the front.
const LEAST_ITEM_NUMBER: i64 = -(1 << 52);

impl<T> WorkQueue<T> {
    /// An empty one, for the items of a plain queue.
    pub(super) fn new_plain() -> Self {
        WorkQueue {
            is_plain: true,
            ..WorkQueue::new()
        }
    }

    /// How much more than its number the place of a job is. It depends on nothing but the items, so that
    /// every process sees the numbers that the first one to write gives them.
    pub(super) fn base(&self) -> u64 {
        if !self.is_plain {
            return 0;
        }
        let first = self
            .jobs
            .get_min()
            .map_or(PLACE_OF_ZERO, |(first, _)| *first);
        first.min(PLACE_OF_ZERO)
    }

    /// Makes jobs of the items. Whatever changes the queue begins with this.
    pub(super) fn make_jobs_of_items(&mut self) {
        if !self.is_plain {
            return;
        }
        let base = self.base();
        let items = std::mem::take(&mut self.jobs);
        let numbered = items.iter();
        self.jobs = numbered
            .map(|(place, job)| (place - base, job.clone()))
            .collect();
        // Nobody has taken any of them.
        self.lanes = Lanes::of_free(self.jobs.keys().copied().collect());
        self.is_plain = false;
    }
}

impl<T: Serialize + DeserializeOwned + 'static> WorkQueue<T> {
    /// Takes an item of the plain queue.
    pub(super) fn put_item(&mut self, key: &str, json: &str) -> Result<(), ValueError> {
        let number = key::from_text::<i64>(key)?;
        let number = Some(number).filter(|number| *number >= LEAST_ITEM_NUMBER);
        let place = place(number.ok_or_else(error::collections::not_a_number)?)?;
        self.put(place, Job::from_item(json)?);
        Ok(())
    }

    /// An item of the plain queue has gone.
    pub(super) fn cut_item(&mut self, key: &str) {
        // A key that is no number belongs to no item: a work queue may have left it.
        let number = key::from_text::<i64>(key).ok();
        if let Some(place) = number.and_then(|number| place(number).ok()) {
            self.take_out(place);
        }
    }
}

fn place(number: i64) -> Result<u64, ValueError> {
    let place = PLACE_OF_ZERO.checked_add_signed(number);
    place
        .filter(|place| *place < PLACE_OF_ZERO + JOB_NUMBERS_END)
        .ok_or_else(error::collections::not_a_number)
}

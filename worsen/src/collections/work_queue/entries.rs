//! A work queue in entries, and back. Never here: what a job is in JSON.

use std::{collections::VecDeque, sync::atomic::Ordering};

use serde::{Serialize, de::DeserializeOwned};

use super::{WorkQueue, job::Job};
use crate::{
    collections::{key, record_entries},
    entry::{Edits, FieldChange, StoredAt},
    error::{self, ValueError},
    planted::{Bug, planted},
    schema::{ByEntry, EntryTable, Field, Mark},
    value,
};

/// The uid below the field's that has the next number, where the jobs themselves do not tell it.
const NEXT: &str = "next";

/// Numbers of jobs end here, as those of revisions: JSON carries no greater ones everywhere.
pub(super) const JOB_NUMBERS_END: u64 = 1 << 53;

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Field for WorkQueue<T> {
    fn by_entry() -> Option<EntryTable> {
        Some(EntryTable::of::<Self>())
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> ByEntry for WorkQueue<T> {
    const MARK: Mark = Mark::WorkQueue;

    // A number that somebody has noted must not become that of another job.
    const REMEMBERS: bool = true;

    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        let begin = out.entries.len();
        self.make_jobs_of_items();
        // Where another queue takes the place of that one, it goes on with its numbers.
        let used = before.map_or(0, WorkQueue::behind_all);
        if used > self.behind_all() && !planted(Bug::ReuseJobNumber) {
            self.next.fetch_max(used, Ordering::Relaxed);
        }
        if before.map_or(0, WorkQueue::next) != self.next() {
            out.set(format!("{uid}/{NEXT}"), self.next().to_string());
        }
        record_entries(
            before.map(|before| &before.jobs),
            &mut self.jobs,
            uid,
            stored,
            out,
            |id, job, before| match *id < JOB_NUMBERS_END {
                true => job.to_json(before),
                false => Err(error::collections::no_more_numbers()),
            },
        )?;
        let left_out = before.map(|before| &before.left_out);
        self.left_out.record(left_out, uid, begin, out);
        Ok(())
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            FieldChange::Set(json) => match Mark::parse(json) {
                Some(Mark::WorkQueue) => *self = WorkQueue::new(),
                Some(Mark::Queue) => *self = WorkQueue::new_plain(),
                // What a plain list left.
                _ => {
                    let whole: VecDeque<T> = value::decode(json)?;
                    *self = whole.into_iter().collect();
                }
            },
            FieldChange::Unset => {}
            FieldChange::SetEntry { key, json } if self.is_plain => self.put_item(key, json)?,
            FieldChange::RemoveEntry { key } if self.is_plain => self.cut_item(key),
            FieldChange::SetEntry { key: NEXT, json } => {
                let next =
                    Some(value::decode::<u64>(json)?).filter(|next| *next <= JOB_NUMBERS_END);
                *self.next.get_mut() = next.ok_or_else(error::collections::not_a_number)?;
            }
            FieldChange::RemoveEntry { key: NEXT } => *self.next.get_mut() = 0,
            FieldChange::SetEntry { key, json } => {
                let id = key::from_text(key)?;
                let id = Some(id)
                    .filter(|id| *id < JOB_NUMBERS_END)
                    .ok_or_else(error::collections::not_a_number)?;
                self.put(id, Job::from_json(json)?);
                self.left_out.forget(Some(&id), key);
            }
            // Its number is not kept: the commit that removed it holds the next one.
            FieldChange::RemoveEntry { key } => {
                // A key that is no number belongs to no job: a plain queue may have left it.
                if let Ok(id) = key::from_text(key) {
                    self.left_out.forget(Some(&id), key);
                    self.take_out(id);
                }
            }
        }
        Ok(())
    }

    /// A job of a newer program waits for one. What is no job at all is an error, and so is an item of the plain queue
    /// that this was, of which the first write makes jobs.
    fn leave_out(&mut self, key: &str, json: &str) -> bool {
        let id = key::from_text::<u64>(key).ok();
        let Some(id) = id.filter(|id| *id < JOB_NUMBERS_END && !self.is_plain) else {
            return false;
        };
        let is_job = Job::<serde_json::Value>::from_json(json).is_ok();
        if is_job {
            self.take_out(id);
            self.left_out.add(Some(id), key);
        }
        is_job
    }
}

//! The dead letters of a work queue, in the hands of a person. Never here: what makes a job one.

use super::{WorkQueue, inspect::QueuedJob, job::State};

impl<T> WorkQueue<T> {
    /// The dead letters, in the order of their numbers. Each tells [why](crate::collections::JobState::Dead), and
    /// [when and how often](QueuedJob::failures) it has failed.
    pub fn dead_letters(&self) -> impl Iterator<Item = QueuedJob<'_, T>> {
        self.dead.iter().filter_map(|id| self.get(*id))
    }

    /// Lets a dead letter wait again, with all of its tries; false: there is no such one, or another job has its
    /// [key](crate::collections::JobOptions::unique). How it failed is kept.
    pub fn revive(&mut self, id: u64) -> bool {
        self.make_jobs_of_items();
        if !self.dead.contains(&id) {
            return false;
        }
        let more = self.jobs.get(&id).and_then(|job| job.0.more.as_ref());
        let key = more.and_then(|more| more.kept.unique.as_ref());
        if key.is_some_and(|key| self.holder(key).is_some()) {
            return false;
        }
        self.change(id, |job| {
            job.note_death();
            job.tries = 0;
            job.state = State::Waiting;
        });
        true
    }

    /// Lets all dead letters wait again, and tells how many that are. Of those of one
    /// [key](crate::collections::JobOptions::unique) it is the first, where no other job has it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::{Store, WorkQueue};
    /// # #[derive(Store)] struct State { mails: WorkQueue<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// # let work = store.work(|state| &state.mails);
    /// # work.push("hello".into()).wait()?;
    /// # let mail = work.take(Duration::from_secs(60)).wait()?.expect("one waits");
    /// # mail.fail("no such address").wait()?;
    /// // Those of no use any more are dropped, and all others are tried again.
    /// let revived = store.update_mails(|mails| {
    ///     let old: Vec<u64> = mails.dead_letters().filter(|mail| mail.is_empty()).map(|mail| mail.id()).collect();
    ///     for id in old {
    ///         mails.discard(id);
    ///     }
    ///     mails.revive_all()
    /// }).wait()?;
    /// assert_eq!(revived, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn revive_all(&mut self) -> usize {
        let dead = self.dead.clone();
        dead.iter().filter(|id| self.revive(**id)).count()
    }

    /// Removes a dead letter; false: there is no such one.
    pub fn discard(&mut self, id: u64) -> bool {
        self.dead.contains(&id) && self.cut(id)
    }

    /// Removes all dead letters, and tells how many there were. The commit names each of them.
    pub fn discard_all(&mut self) -> usize {
        let dead = self.dead.clone();
        dead.iter().filter(|id| self.cut(**id)).count()
    }
}

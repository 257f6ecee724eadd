//! What a leader does with a group: the steps of a commit in ARCHITECTURE.md, in order. Never here: which
//! thread leads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Engine, LastCommit, Leading, Scope, Task, Transaction,
    core::{Core, OwnCommit},
};
use crate::{
    backend::{AppendFailure, LeadsTo, Locked, Upkeep},
    callbacks::Callback,
    entry::{Edit, Edits},
    error::{self, Effect, Error, ErrorKind},
    options::Durability,
    planted::{Bug, planted},
};

/// What the closures of a group have done.
struct Run {
    /// What each of them changed, of those that changed something.
    commits: Vec<Vec<Edit>>,
    /// What to put back, from the last to the first, where the group is not appended.
    undo: Vec<Edit>,
    /// All writes of the group are buffered.
    buffered: bool,
}

impl Engine {
    /// Commits everything that is queued as one group, and appoints the next leader.
    pub(crate) fn lead(&self) {
        let callbacks = self.lead_group();
        self.callbacks.run(callbacks);
    }

    /// As `lead`, and returns the callbacks, for the caller to run where they stop no thread of the store: a
    /// waker may write, and wait for that, and so may the destructor of a result.
    pub(super) fn lead_group(&self) -> Vec<Callback> {
        // A listener of the store's tracing events may not write in the middle of this.
        let _leading = Leading::enter();
        let mut callbacks = Vec::new();
        let mut group = Vec::new();
        let mut is_written = false;
        let outcome = self.contain("committed", || {
            group = self.gather();
            self.commit(&group, &mut is_written)
        });
        let panicked = outcome.is_err();
        let outcome = outcome.and_then(|outcome| outcome);
        let outcome = outcome.map_err(|error| match is_written {
            // Whatever failed came after that.
            true => error.with_effect(Effect::Written),
            false => error.nothing_written(),
        });
        self.tell(group, outcome, &mut callbacks);
        if panicked {
            // What is queued cannot be committed either, and its callers may be waiting by now.
            self.refuse_queued(&mut callbacks);
        }
        self.hand_over(&mut callbacks);
        callbacks.extend(self.notifier.take_due().into_iter().map(Callback::Wake));
        callbacks
    }

    /// Tells each task of a group what became of it.
    fn tell(
        &self,
        group: Vec<Arc<dyn Task>>,
        outcome: Result<(), Error>,
        callbacks: &mut Vec<Callback>,
    ) {
        let outcome = outcome.map_err(|error| self.in_store(error));
        if let Err(error) = &outcome {
            self.debug.warn(format_args!("{error:#}"));
        }
        for task in group {
            let resolved = self.contain("told of a commit", || task.resolve(outcome.clone()));
            callbacks.extend(resolved.ok().flatten().map(Callback::Wake));
            let has_left = self.contain("told of a commit", || task.has_leftovers());
            if has_left.unwrap_or(true) {
                callbacks.push(Callback::Drop(Box::new(task)));
            }
        }
    }

    /// Something panicked: the callers of what is queued must not wait for ever.
    pub(super) fn refuse_queued(&self, callbacks: &mut Vec<Callback>) {
        let queued: Vec<_> = self.queue().tasks.drain(..).collect();
        if !queued.is_empty() {
            let refused = error::engine::poisoned(self.panicked.get());
            self.tell(queued, Err(refused), callbacks);
        }
    }

    /// `is_written` becomes true once the group is in the log, as durable as it has to be.
    fn commit(&self, group: &[Arc<dyn Task>], is_written: &mut bool) -> Result<(), Error> {
        // Checked before taking the lock too, which may take long.
        self.check(&self.core())?;
        let locked = self.backend.lock(self.lock_timeout)?;
        let mut core = self.core();
        let _leading = Leading::enter();
        let outcome = self.append(&mut core, &locked, group);
        drop(locked);
        let outcome =
            outcome.and_then(|buffered| self.sync_and_publish(&mut core, buffered, is_written));
        if let Err(error) = &outcome {
            // What others committed meanwhile stays invisible until a group succeeds.
            if error.kind() == ErrorKind::OutcomeUnknown
                && core.poisoned.is_none()
                && !planted(Bug::DoNotPoisonAfterFailedSync)
            {
                core.poisoned = Some(error.clone());
            }
            if error.kind() == ErrorKind::Replaced {
                // From now on reads show what stands there.
                self.follow(Duration::ZERO);
            }
        }
        self.note_health(&core);
        outcome
    }

    /// Steps 3 to 5, under the lock: catch up, run the closures, append. Returns whether all writes of the
    /// group are buffered.
    fn append(
        &self,
        core: &mut Core,
        locked: &Locked<'_>,
        group: &[Arc<dyn Task>],
    ) -> Result<bool, Error> {
        self.check(core)?;
        self.catch_up(core, locked)?;
        let refused = self.keep_up(core, locked, group)?;
        let caught_up = core.replica.since.all().len();
        let revision = core.replica.revision;
        let bytes = core.replica.entries.bytes();
        let Run {
            commits,
            undo,
            buffered,
        } = self.run_group(core, group, &refused);
        if commits.is_empty() {
            return Ok(buffered);
        }
        if planted(Bug::UnlockBeforeAppend) {
            self.backend.release();
        }
        let failure = match self.append_to(core, locked, &commits, bytes) {
            Ok(()) => {
                core.keep_last(commits, undo);
                return Ok(buffered);
            }
            Err(failure) => failure,
        };
        for edit in undo.iter().rev() {
            core.replica.put(edit);
        }
        let failure = match self.make_room(core, locked, &commits, failure) {
            Ok(()) => {
                core.keep_last(commits, undo);
                return Ok(buffered);
            }
            Err(failure) => failure,
        };
        core.replica.since.truncate(caught_up);
        core.replica.revision = revision;
        core.roll_back(true);
        match failure {
            AppendFailure::Undone(error) => Err(error),
            AppendFailure::Poisoned(error) => {
                core.poisoned = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Step 3: takes over what other processes appended, then compacts a log that has outgrown its state.
    fn catch_up(&self, core: &mut Core, locked: &Locked<'_>) -> Result<(), Error> {
        if planted(Bug::CompactBeforeCatchUp)
            && self.backend.wants_compaction(core.replica.entries.bytes())
        {
            locked.compact(&core.replica.entries)?;
        }
        let caught_up = match planted(Bug::SkipCatchUp) {
            true => Ok(()),
            false => {
                self.go_on(core);
                locked.catch_up(&mut core.replica)
            }
        };
        core.absorb();
        self.health.read(&caught_up);
        caught_up?;
        core.replica.check_fit()?;
        if self.backend.wants_compaction(core.replica.entries.bytes()) {
            locked.compact(&core.replica.entries)?;
            core.detach_from_log();
        }
        Ok(())
    }

    /// Between: what callers ask to be done to the files, which begin with what is in the log. Returns the places of
    /// the tasks for which that failed, and which were told.
    fn keep_up(
        &self,
        core: &mut Core,
        locked: &Locked<'_>,
        group: &[Arc<dyn Task>],
    ) -> Result<Vec<usize>, Error> {
        let mut refused = Vec::new();
        for (index, task) in group.iter().enumerate() {
            let Some(what) = task.upkeep() else { continue };
            if what == Upkeep::Purge {
                // What it has replaced is in no file any more.
                core.last = None;
            }
            match locked.upkeep(&core.replica.entries, what) {
                Ok(()) => core.detach_from_log(),
                Err(AppendFailure::Undone(error)) => {
                    task.failed(self.in_store(error));
                    refused.push(index);
                }
                Err(AppendFailure::Poisoned(error)) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// Step 4: runs the closures in order, each on what the ones before it left. The entries then hold all
    /// that they changed.
    fn run_group(&self, core: &mut Core, group: &[Arc<dyn Task>], refused: &[usize]) -> Run {
        let mut run = Run {
            commits: Vec::with_capacity(group.len()),
            undo: Vec::new(),
            buffered: !group.is_empty(),
        };
        for (index, task) in group.iter().enumerate() {
            run.buffered &= task.durability().unwrap_or(self.durability) == Durability::Buffered;
            if refused.contains(&index) {
                continue;
            }
            let Some(changes) = self.run(core, &run, &**task) else {
                continue;
            };
            if changes.is_empty() {
                continue;
            }
            run.commits.push(changes.clone());
            (run.undo).extend(changes.iter().map(|edit| core.replica.put_undoably(edit)));
            core.replica.since.add(changes);
            core.replica.revision += 1;
        }
        run
    }

    /// Appends commits that the entries hold already. Before them, these had so many bytes.
    fn append_to(
        &self,
        core: &Core,
        locked: &Locked<'_>,
        commits: &[Vec<Edit>],
        bytes: u64,
    ) -> Result<(), AppendFailure> {
        let entries = &core.replica.entries;
        let shrinks = entries.bytes() < bytes;
        locked.append(commits, Some(LeadsTo { entries, shrinks }))
    }

    /// Compacts the log, where that makes room on a full disk, and appends the commits once more. The entries
    /// do not hold them.
    fn make_room(
        &self,
        core: &mut Core,
        locked: &Locked<'_>,
        commits: &[Vec<Edit>],
        failure: AppendFailure,
    ) -> Result<(), AppendFailure> {
        let bytes = core.replica.entries.bytes();
        match &failure {
            AppendFailure::Undone(error)
                if error.kind() == ErrorKind::NoSpace && self.backend.wants_compaction(bytes) => {}
            _ => return Err(failure),
        }
        locked
            .compact(&core.replica.entries)
            .map_err(AppendFailure::Undone)?;
        let mut undo: Vec<Edit> = Vec::new();
        for edit in commits.iter().flatten() {
            undo.push(core.replica.put_undoably(edit));
        }
        self.append_to(core, locked, commits, bytes)
            .inspect_err(|_| {
                for edit in undo.iter().rev() {
                    core.replica.put(edit);
                }
            })
    }

    /// Runs one operation on the draft: what it changed, or `None` where it failed and was undone.
    fn run(&self, core: &mut Core, before: &Run, task: &dyn Task) -> Option<Vec<Edit>> {
        let last = match before.commits.last() {
            None => core.last.as_ref().map(OwnCommit::get),
            Some(changes) => Some(LastCommit {
                revision: core.replica.revision,
                changes,
                before: &before.undo[before.undo.len() - changes.len()..],
            }),
        };
        let mut transaction = Transaction {
            model: &mut *core.model,
            scope: Scope {
                entries: &core.replica.entries,
                changes: Edits::default(),
                undo: false,
                last,
            },
        };
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| task.run(&mut transaction)));
        let uids = transaction.scope.changes.entries.iter();
        self.health
            .closure(begun.elapsed(), uids.map(|edit| &*edit.uid));
        let Scope { changes, undo, .. } = transaction.scope;
        match outcome {
            Ok(Ok(())) if undo => {
                core.roll_back(false);
                None
            }
            Ok(outcome) => {
                let changes = outcome.and_then(|()| {
                    let changes = core.distinct(changes);
                    self.limits.check(&changes, &core.replica.entries)?;
                    Ok(changes)
                });
                let error = match changes {
                    Ok(changes) => {
                        core.model.accept();
                        return Some(changes);
                    }
                    Err(error) => error,
                };
                core.roll_back(false);
                let error = self.in_store(error).nothing_written();
                self.debug
                    .warn(format_args!("a write failed and was undone: {error:#}"));
                task.failed(error);
                None
            }
            Err(payload) => {
                core.roll_back(false);
                task.panicked(payload);
                None
            }
        }
    }

    /// Steps 6 and 7, after the lock: make it durable, then let it be seen.
    fn sync_and_publish(
        &self,
        core: &mut Core,
        buffered: bool,
        is_written: &mut bool,
    ) -> Result<(), Error> {
        if planted(Bug::PublishBeforeSync) {
            self.publish(core)?;
        }
        if planted(Bug::TellOthersBeforeSync) {
            self.backend.publish(core.replica.revision);
        }
        if !buffered && !self.backend.is_durable() && !planted(Bug::AcknowledgeBeforeSync) {
            self.backend.sync()?;
        }
        *is_written = true;
        self.publish(core)
    }
}

//! Commits on their way into the log: the lock and the backup are looked at, the lines written, and synced.
//! Never here: which commits, and what becomes of a log that is damaged.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{
    FileBackend, State,
    acquire::{does_not_exclude, find_intruder},
    backup::Backup,
    disk::{Open, replace::write_file},
    format::{MAX_REVISION, Position, Record},
    group_sync::{self, SyncError},
    lock::Intruder,
    recovery::load,
};
use crate::{
    backend::{AppendFailure, LeadsTo, now},
    entry::Edit,
    error::{self, Error, ErrorKind},
    loom::Unpoisoned,
    planted::{Bug, planted},
    repair::Repair,
    shared_str::SharedStr,
};

impl FileBackend {
    /// Writes the commits, or begins a generation with what they lead to where the disk has no room for them.
    pub(super) fn append_commits(
        &self,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        let state = &mut *self.state();
        self.check_lock(state).map_err(AppendFailure::Undone)?;
        let shrinks = leads_to.is_some_and(|leads_to| leads_to.shrinks);
        match (self.append_lines(state, commits, shrinks), leads_to) {
            (Err(AppendFailure::Undone(full)), leads_to) if full.kind() == ErrorKind::NoSpace => {
                // Where that is worth it, a compaction makes room now.
                state.is_tight = true;
                match leads_to.filter(|leads_to| leads_to.shrinks) {
                    Some(leads_to) => self.begin_with(state, commits.len() as u64, leads_to, full),
                    None => Err(AppendFailure::Undone(full)),
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// Right before something is written into the log: that nobody else has the lock by now, as far as that can
    /// be found out, and nobody has written since this process caught up.
    pub(super) fn check_lock(&self, state: &mut State) -> Result<(), Error> {
        let lock = self.current_lock();
        let checked = match lock.shared_page() {
            // The page no longer names this process as the holder: see `acquire`.
            Some(page)
                if page.is_complete()
                    && page.holder().is_none_or(|who| who.pid != self.pid)
                    && !planted(Bug::TrustEveryLock) =>
            {
                let pid = page.holder().map_or(0, |who| who.pid);
                Err(does_not_exclude(&self.paths, Intruder { pid }))
            }
            _ => find_intruder(&self.paths, &lock, Duration::ZERO),
        };
        let checked = checked.and_then(|()| {
            if !lock.file.is_shared_beyond() {
                return Ok(());
            }
            state.log.file.forget_cached();
            match state.log.is_at_the_tail() {
                Ok(true) => Ok(()),
                Ok(false) => Err(does_not_exclude(&self.paths, Intruder { pid: 0 })),
                Err(error) => Err(error::file::log_unreadable(&self.paths.log, error)),
            }
        });
        checked.inspect_err(|error| self.note_intrusion(error))
    }

    pub(super) fn note_intrusion(&self, error: &Error) {
        if error.kind() == ErrorKind::LockDoesNotExclude {
            *self.intrusion.lock().unpoisoned() = Some((Instant::now(), error.clone()));
        }
    }

    /// Why the backup does not get what the log has.
    pub(super) fn not_backed_up(&self, damaged: &mut bool, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::InvalidData {
            return error::file::backup_not_written(&self.paths.backup, error);
        }
        *damaged = true;
        error::file::damaged_in_use(&self.paths.log)
    }

    /// How long the backup is that the path names: one that was deleted is written anew, and one that
    /// another process wrote anew is taken over.
    pub(super) fn check_backup(&self, state: &mut State) -> Result<u64, Error> {
        let found = self.disk.identify(&self.paths.backup);
        let found =
            found.map_err(|error| error::file::backup_out_of_sight(&self.paths.backup, error))?;
        let ours = state.backup.as_ref().map(|backup| backup.file.id());
        if let Some(found) = found.filter(|found| Some(found.id) == ours) {
            return Ok(found.len);
        }
        let bytes = match state.log.bytes_from(0) {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.not_backed_up(&mut state.damaged, error)),
        };
        // Were it written anew again, the others would do the same, by turns and for ever. What cannot
        // be read is no backup, nor is what is longer than the log: that is not even looked at.
        if found.is_some_and(|found| found.len <= bytes.len() as u64) {
            if let Ok((Some(file), backup)) = load(&*self.disk, &self.paths.backup, Open::Write) {
                if !backup.is_empty() && bytes.starts_with(&backup) {
                    state.backup = Some(Backup::new(file));
                    return Ok(backup.len() as u64);
                }
            }
        }
        self.debug
            .warn(format_args!("{}", Repair::BackupRenewed { kept: None }));
        let file = write_file(
            &*self.disk,
            &self.paths,
            &self.paths.new_backup,
            &self.paths.backup,
            &bytes,
            &mut |_| (),
        )?;
        state.backup = Some(Backup::new(file));
        Ok(bytes.len() as u64)
    }

    /// Writes the commits as lines at the tail of the log.
    pub(super) fn append_lines(
        &self,
        state: &mut State,
        commits: &[Vec<Edit>],
        shrinks: bool,
    ) -> Result<(), AppendFailure> {
        let backed_up = self.check_backup(state).map_err(AppendFailure::Undone)?;
        if let Some(backup) = &state.backup {
            backup
                .catch_up(&mut state.log, backed_up)
                .map_err(|error| {
                    AppendFailure::Undone(self.not_backed_up(&mut state.damaged, error))
                })?;
        }
        let durable = self.known_durable(state);
        if MAX_REVISION - state.log.position.revision < commits.len() as u64 {
            return Err(AppendFailure::Undone(self.used_up()));
        }
        let (lines, places) = self.encode(state.log.position, commits, durable);
        let end = places
            .last()
            .map_or(state.log.position.offset, |end| end.offset);
        self.write_lines(state, &lines, &places, shrinks)?;
        if let (Some(backup), true) = (&state.backup, planted(Bug::BackUpAfterAppend)) {
            let len = backup.file.len();
            drop(len.and_then(|len| backup.catch_up(&mut state.log, len)));
        }
        if let Some(shared_page) = self.current_page() {
            shared_page.set_written_offset(state.log.header.generation, end);
        }
        Ok(())
    }

    /// One sync for all that wait for one, in any process.
    pub(super) fn sync_log(&self) -> Result<(), Error> {
        if self.replaced.get().is_some() {
            // What this process had written is in a file that does not count any more, and the page speaks of
            // the other one.
            return Ok(());
        }
        let (file, position, generation) = {
            let state = self.state();
            (
                state.log.file.clone(),
                state.log.position,
                state.log.header.generation,
            )
        };
        let shared_page = self.page_of_syncs();
        let outcome = group_sync::sync(
            &*file,
            generation,
            position.offset,
            shared_page.as_deref(),
            &self.sync_latency,
        );
        let durable = outcome.map_err(|error| match error {
            SyncError::Failed(error) => error::file::sync_failed(&self.paths.log, error),
            SyncError::FailedElsewhere => error::file::sync_failed_elsewhere(&self.paths.log),
        })?;
        let mut state = self.state();
        if state.log.header.generation == generation {
            state.durable_offset = state.durable_offset.max(durable);
            state.durable_revision = state.durable_revision.max(position.revision);
        }
        Ok(())
    }

    /// The newest revision that is known to be on disk.
    fn known_durable(&self, state: &State) -> u64 {
        match self.was_synced(state) || planted(Bug::ClaimDurableWithoutSync) {
            true => state.log.position.revision,
            false => state.durable_revision,
        }
    }

    /// The commits as the lines behind this place, and the place behind each.
    fn encode(
        &self,
        start: Position,
        commits: &[Vec<Edit>],
        durable: u64,
    ) -> (Vec<u8>, Vec<Position>) {
        let mut lines = Vec::with_capacity(256);
        let mut places = Vec::with_capacity(commits.len());
        let mut after = start;
        let at = SharedStr::from(now());
        let pid = self.pid;
        for (index, changes) in commits.iter().enumerate() {
            let record = Record {
                revision: after.revision + 1,
                at: at.clone(),
                pid,
                durable: (index == 0).then_some(durable),
                changes: changes.clone(),
            };
            let before = lines.len();
            after.crc = record.encode(after.crc, &mut lines);
            after.revision = record.revision;
            after.offset += (lines.len() - before) as u64;
            places.push(after);
        }
        (lines, places)
    }

    /// Whether everything that this process has read and written is known to be on disk.
    pub(super) fn is_on_disk(&self) -> bool {
        let state = self.state();
        state.durable_offset >= state.log.position.offset || self.was_synced(&state)
    }

    /// Whether the page tells of a sync, by any process, of the whole log that this one knows.
    fn was_synced(&self, state: &State) -> bool {
        self.page_of_syncs().is_some_and(|shared_page| {
            shared_page.durable_offset(state.log.header.generation) >= state.log.position.offset
        })
    }
}

//! Room on a full disk: what is kept of it for commits that free some, and how a new generation comes to have
//! room where there is none left. Never here: what is in the files.
//!
//! The log is filled ahead, and the backup has as much room reserved, so a commit that fits the filling needs
//! none. Commits that make the state larger leave [`KEPT`] of it; those that make it smaller may take that.
//! Where it has run out, or such a commit does not fit it, a new generation begins with the state that the
//! commit leads to. It is written over the backup, which has the room that takes, and needs no new file: some
//! file systems have no room for one either. No crash needs the backup by then, for the log is whole, and on
//! disk as far as anybody was told.

use std::{io, sync::Arc};

use super::{
    FileBackend, State,
    disk::{
        DiskFile,
        replace::{WriteError, put_in_place, write_file_after},
    },
    format::Position,
    log::{AppendError, Filling, is_full},
    past::Ending,
};
use crate::{
    backend::{AppendFailure, LeadsTo},
    error::{self, Error},
    options::Retention,
    planted::{Bug, planted},
};

/// Where a new generation may have its room from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// From the disk alone.
    Disk,
    /// Where that is full, from the backup, which also has that for its next one. The log is not in doubt.
    HalfOfBackup,
    /// Where that is full, from the backup. The log is not in doubt. The next backup may have to wait until
    /// every process has let go of the old log.
    Backup,
}

impl FileBackend {
    /// Writes lines at the tail of the log. The backup has what was there before.
    pub(super) fn write_lines(
        &self,
        state: &mut State,
        lines: &[u8],
        places: &[Position],
        shrinks: bool,
    ) -> Result<(), AppendFailure> {
        let end = places
            .last()
            .map_or(state.log.position.offset, |last| last.offset);
        let may_take_what_is_kept = shrinks || planted(Bug::SpendTheReserve);
        let has_place = end <= state.log.filled();
        let filling = match reserve(state, end) {
            Err(error) if is_full(&error) && may_take_what_is_kept && has_place => None,
            filling => filling.map_err(|error| {
                AppendFailure::Undone(self.not_backed_up(&mut state.damaged, error))
            })?,
        };
        let outcome = state
            .log
            .append(lines, places, filling, may_take_what_is_kept);
        match outcome {
            Ok(()) => {
                state.is_tight = state.log.filling(end).is_some();
                Ok(())
            }
            Err(AppendError::Undone(error)) => Err(AppendFailure::Undone(
                error::file::not_written(&self.paths.log, error),
            )),
            Err(AppendError::Unclean(error)) => Err(AppendFailure::Poisoned(
                error::file::not_taken_back(&self.paths.log, error),
            )),
        }
    }

    /// Begins a new generation with the state that commits lead to, which free some room, as the log has none
    /// for their lines.
    pub(super) fn begin_with(
        &self,
        state: &mut State,
        commits: u64,
        leads_to: LeadsTo<'_>,
        full: Error,
    ) -> Result<(), AppendFailure> {
        let Position {
            offset, revision, ..
        } = state.log.position;
        let (entries, revision) = (leads_to.entries, revision + commits);
        // The commits that have room in no log come first.
        let ending = Ending::KeptIfPossible;
        match self.start_generation(state, entries, revision, Room::Backup, ending) {
            Ok(()) => {
                self.debug.say(format_args!(
                    "the disk is full: the log begins anew with revision {}, in {} bytes instead of {offset}",
                    state.log.position.revision, state.log.position.offset
                ));
                Ok(())
            }
            Err(failure) if failure.in_doubt => Err(AppendFailure::Poisoned(
                error::file::new_log_failed(&self.paths.log, failure.error),
            )),
            // It tells what is to be done as well.
            Err(_) => Err(AppendFailure::Undone(full)),
        }
    }

    /// Puts a new log in the place of the old one. `total`: how many bytes are to be written in all.
    pub(super) fn write_log(
        &self,
        state: &mut State,
        bytes: &[u8],
        total: u64,
        (room, ending): (Room, Ending),
    ) -> Result<Arc<dyn DiskFile>, WriteError> {
        let (disk, paths) = (&*self.disk, &self.paths);
        let written = &mut |written| self.on_compaction.tell(written, total);
        let places = (&*paths.new_log, &*paths.log);
        let outcome = write_file_after(disk, paths, places, bytes, written, || {
            self.end_generation(state, ending)
        });
        match outcome {
            Err(failure) if failure.is_full() && room != Room::Disk => {
                let needed = bytes.len() as u64 * if room == Room::Backup { 1 } else { 2 };
                let Some(backup) = self.take_backup(state, needed)? else {
                    return Err(failure);
                };
                if self.history != Retention::Nothing {
                    self.debug.warn(format_args!(
                        "the disk is full: the commits of generation {} are missing in the history",
                        state.log.header.generation
                    ));
                }
                let steps = (|| Ok(backup), || Ok(()));
                put_in_place(disk, paths, steps, places, bytes, written)
            }
            outcome => outcome,
        }
    }

    /// The file of the backup, under the name of a new log, where it has room for so many bytes. Then there is
    /// no backup until one is written anew.
    fn take_backup(
        &self,
        state: &mut State,
        bytes: u64,
    ) -> Result<Option<Arc<dyn DiskFile>>, WriteError> {
        let (disk, paths) = (&*self.disk, &self.paths);
        let failed = |error| WriteError {
            error: error::file::backup_without_room(&paths.backup, error),
            in_doubt: false,
        };
        let Some(backup) = &state.backup else {
            return Ok(None);
        };
        let found = disk.identify(&paths.backup).map_err(failed)?;
        let is_there = found.is_some_and(|found| found.id == backup.file.id());
        if !is_there || backup.room().map_err(failed)? < bytes {
            return Ok(None);
        }
        let file = backup.file.clone();
        // Wherever it is from now on: the code that needs a backup looks for it.
        state.backup = None;
        // Durably: a power cut must not leave anything but a backup under the name of one.
        disk.rename(&paths.backup, &paths.new_log)
            .and_then(|()| disk.sync_dir(&paths.dir))
            .map_err(failed)?;
        Ok(Some(file))
    }
}

/// Room for what is going to be behind lines that end here, in the backup first: a process that finds the log
/// filled then knows that the backup can take that. Returns how far to fill the log.
fn reserve(state: &mut State, end: u64) -> io::Result<Option<Filling>> {
    let tail = state.log.position.offset;
    let filled = state.log.filled();
    let wanted = state.log.filling(end);
    let Some(backup) = &mut state.backup else {
        return Ok(wanted);
    };
    let Some(wanted) = wanted else {
        // Another process has filled it, or the backup is another file by now.
        if backup.reserved() < filled {
            backup.reserve(tail, filled)?;
        }
        return Ok(None);
    };
    match backup.reserve(tail, wanted.to) {
        Err(error) if is_full(&error) && wanted.to > wanted.least => {}
        outcome => return outcome.map(|()| Some(wanted)),
    }
    let wanted = state.log.fill_less(wanted);
    // What there was of it is more than the log would find room for.
    backup.release()?;
    backup.reserve(tail, filled)?;
    backup.reserve(tail, wanted.to)?;
    Ok(Some(wanted))
}

//! Room on a full disk: what is kept of it for commits that free some, and how a new generation comes to have
//! room where there is none left. Never here: what is in the files.
//!
//! The log is filled ahead, and the backup has as much room reserved, so a commit that fits the filling needs
//! none. Commits that make the state larger leave [`KEPT`] of it; those that make it smaller may take that.
//! Where it has run out, or such a commit does not fit it, a new generation begins with the state that the
//! commit leads to. Its room is that of the filling, and where that is too little, that of the backup: the log
//! is whole and on disk by then as far as anybody was told, so that no crash needs the backup.

use std::io;

use super::{
    FileBackend, State,
    log::{AppendError, Filling, KEPT, Position, is_full},
};
use crate::{
    backend::{AppendFailure, LeadsTo},
    error::{Error, ErrorKind},
    planted::{Bug, planted},
};

/// What most file systems give to a file at a time. Where it is more, a new generation that was thought to
/// have room is refused.
const BLOCK: u64 = 4096;

/// Where a new generation may have its room from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Room {
    /// From the disk alone.
    OfDisk,
    /// Where that is full, from the filling and from the backup, if it takes so many bytes at most.
    OfFiles { most: u64 },
}

impl FileBackend {
    /// Writes lines at the tail of the log. The backup has what was there before.
    pub(super) fn write_lines(
        &self,
        state: &mut State,
        lines: &[u8],
        after: Position,
        shrinks: bool,
    ) -> Result<(), AppendFailure> {
        let may_take_what_is_kept = shrinks || planted(Bug::SpendTheReserve);
        let has_place = after.offset <= state.log.filled();
        let filling = match reserve(state, after.offset) {
            Err(error) if is_full(&error) && may_take_what_is_kept && has_place => None,
            filling => filling.map_err(|error| {
                AppendFailure::Undone(self.not_backed_up(&mut state.damaged, error))
            })?,
        };
        let outcome = state
            .log
            .append(lines, after, filling, may_take_what_is_kept);
        match outcome {
            Ok(()) => {
                state.is_tight = after.offset + KEPT > state.log.filled();
                Ok(())
            }
            Err(AppendError::Undone(error)) => Err(AppendFailure::Undone(Error::io(
                "the commit cannot be written",
                &self.paths.log,
                error,
            ))),
            Err(AppendError::Unclean(error)) => Err(AppendFailure::Poisoned(Error::io(
                "the commit cannot be written, nor taken back",
                &self.paths.log,
                error,
            ))),
        }
    }

    /// Begins a new generation with the state that commits lead to, as the log has no room for their lines.
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
        let most = match leads_to.shrinks {
            true => u64::MAX,
            // There has to be left, in the end, what is kept for those that do.
            false => offset.saturating_sub(KEPT),
        };
        // It takes some bytes more: what is too much already is not even put together.
        if leads_to.entries.bytes() > most {
            return Err(AppendFailure::Undone(full));
        }
        let room = Room::OfFiles { most };
        match self.start_generation(state, leads_to.entries, revision + commits, room) {
            Ok(()) => {
                self.debug.say(format_args!(
                    "the disk is full: the log begins anew with revision {}, in {} bytes instead of {offset}",
                    state.log.position.revision, state.log.position.offset
                ));
                Ok(())
            }
            Err(failure) if failure.in_doubt => Err(AppendFailure::Poisoned(
                Error::new(
                    ErrorKind::OutcomeUnknown,
                    "the disk failed while the commit was written as the beginning of a new log",
                )
                .help("it may or may not survive a power cut; the store refuses writes until it is opened anew, and then shows what was kept")
                .path(&self.paths.log)
                .caused_by(failure.error),
            )),
            // It tells what is to be done as well.
            Err(_) => Err(AppendFailure::Undone(full)),
        }
    }
}

/// Room for what is going to be behind lines that end here, in the backup first: whoever finds the log filled
/// then knows that the backup can take that. Returns how far to fill the log.
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
    // What there was of it is more than the log would find room for.
    backup.release()?;
    backup.reserve(tail, filled)?;
    backup.reserve(tail, wanted.least)?;
    Ok(Some(state.log.fill_less(wanted)))
}

/// Gives back room for so many bytes, of what the log does not need. False where there is too little of it:
/// then nothing is given back. The lock is held, and the log is not in doubt.
pub(super) fn make(state: &mut State, bytes: u64) -> io::Result<bool> {
    let blocks = |from: u64, to: u64| (to / BLOCK).saturating_sub(from.div_ceil(BLOCK));
    let needed = bytes.div_ceil(BLOCK);
    let filling = blocks(state.log.position.offset, state.log.filled());
    let (backed_up, reserved) = match &state.backup {
        Some(backup) => (backup.file.len()?, backup.reserved()),
        None => (0, 0),
    };
    let ahead = filling + blocks(backed_up, reserved);
    if needed > ahead + backed_up.div_ceil(BLOCK) {
        return Ok(false);
    }
    state.log.trim()?;
    match &mut state.backup {
        Some(backup) if needed > ahead => backup.empty()?,
        Some(backup) => backup.release()?,
        None => {}
    }
    Ok(true)
}

//! The next generation of the log: a compaction, and a log written anew from memory. Never here: when that is
//! worth it, and how a file takes another's place.

use super::{
    FileBackend, State,
    backup::Backup,
    compaction::{self, NewLog},
    disk::{
        Open,
        replace::{WriteError, write_file},
    },
    format::{MAX_REVISION, Position},
    lineage::past,
    log::Log,
    past::Ending,
    recovery::load,
    room::Room,
};
use crate::{
    backend::{AppendFailure, Entries, Upkeep, now},
    error::{self, Error},
    planted::{Bug, planted},
};

impl FileBackend {
    /// Whether the log has outgrown this many bytes of live state.
    pub(super) fn has_outgrown(&self, live: u64) -> bool {
        let state = self.state();
        let length = state.log.position.offset;
        // On a full disk a small log is worth it too.
        let is_due = compaction::is_due(length, live, &self.compact_above)
            || state.is_tight && compaction::is_worth_it(length, live);
        length >= state.compact_from && is_due
    }

    /// Begins a generation with this state. Where that fails and has changed nothing, the log goes on.
    pub(super) fn compact_log(&self, entries: &Entries) -> Result<(), Error> {
        let state = &mut *self.state();
        let Position {
            offset, revision, ..
        } = state.log.position;
        let (room, ending) = (Room::HalfOfBackup, Ending::Kept);
        match self.start_generation(state, entries, revision, room, ending) {
            Ok(()) => {
                self.debug.say(format_args!(
                    "compacted the log at revision {revision}, from {offset} to {} bytes",
                    state.log.position.offset
                ));
                Ok(())
            }
            Err(failure) if failure.in_doubt => Err(failure.error),
            Err(failure) => {
                // The log is what it was: the commit may have room where a second log has none.
                state.compact_from = compaction::after_failure(offset);
                self.debug.warn(format_args!(
                    "the log cannot be compacted for now: {}",
                    failure.error
                ));
                Ok(())
            }
        }
    }

    /// As `compact_log`, where a person asks for it: that it fails is told.
    pub(super) fn keep_up(&self, entries: &Entries, what: Upkeep) -> Result<(), AppendFailure> {
        let state = &mut *self.state();
        let revision = state.log.position.revision;
        let ending = match what {
            Upkeep::Compact => Ending::Kept,
            Upkeep::Purge => {
                // First: it makes room.
                self.forget_all().map_err(AppendFailure::Undone)?;
                Ending::Forgotten
            }
        };
        self.check_lock(state).map_err(AppendFailure::Undone)?;
        self.start_generation(state, entries, revision, Room::HalfOfBackup, ending)
            .map_err(|failure| match failure.in_doubt {
                true => AppendFailure::Poisoned(failure.error),
                false => AppendFailure::Undone(failure.error),
            })?;
        if what == Upkeep::Purge && state.backup.is_none() {
            let remains = error::past::backup_remains(&self.paths.backup);
            return Err(AppendFailure::Undone(remains));
        }
        Ok(())
    }

    /// The next generation of the log, which begins with this state, at the revision that the log has come to.
    pub(super) fn start_generation(
        &self,
        state: &mut State,
        entries: &Entries,
        revision: u64,
        room: Room,
        ending: Ending,
    ) -> Result<(), WriteError> {
        let next = state.log.header.generation + 1;
        self.begin_generation((next, ending), state, entries, revision, room)
    }

    /// Begins the generation of this number. `ending`: what becomes of the one before.
    pub(super) fn begin_generation(
        &self,
        (generation, ending): (u64, Ending),
        state: &mut State,
        entries: &Entries,
        revision: u64,
        room: Room,
    ) -> Result<(), WriteError> {
        let NewLog {
            header,
            mut bytes,
            position,
            chain,
        } = compaction::image(
            &self.paths.name,
            (generation, past(&state.log.header, &state.log.position)),
            revision,
            entries,
            &now(),
        );
        if header.generation > MAX_REVISION {
            return Err(WriteError {
                error: self.used_up(),
                in_doubt: false,
            });
        }
        let total = bytes.len() as u64 + position.offset;
        self.on_compaction.tell(0, total);
        let file = self
            .write_log(state, &bytes, total, (room, ending))
            .inspect_err(|failure| {
                if failure.in_doubt {
                    self.doubt(header.generation);
                }
            })?;
        bytes.truncate(position.offset as usize);
        let filled = bytes.len() as u64;
        let new = Log::new(file, header, position, chain, filled);
        let old = std::mem::replace(&mut state.log, new);
        state.durable_offset = position.offset;
        state.durable_revision = revision;
        state.damaged = false;
        state.compact_from = 0;
        state.is_tight = false;
        self.following().turn(&old, state);
        drop(old);
        if let Some(shared_page) = self.current_page() {
            shared_page.set_durable_offset(state.log.header.generation, position.offset);
            shared_page.trust();
            shared_page.change_mark(revision, position.crc.number());
        }
        // Last: without it the new log stands, and the next write, or the next process to open it,
        // renews the backup.
        let backed_up = total - position.offset;
        self.renew_backup(state, &bytes, |written| {
            self.on_compaction.tell(backed_up + written, total);
        });
        self.forget_what_is_old(&state.log.header);
        Ok(())
    }

    /// The beginning of the log as its backup. The next write tries again, before it writes anything, where that
    /// fails, and is refused where it cannot be.
    fn renew_backup(&self, state: &mut State, bytes: &[u8], mut each: impl FnMut(u64)) {
        state.backup = None;
        let backup = write_file(
            &*self.disk,
            &self.paths,
            &self.paths.new_backup,
            &self.paths.backup,
            bytes,
            &mut each,
        );
        match backup {
            Ok(backup) => state.backup = Some(Backup::new(backup)),
            Err(failure) => self.debug.warn(format_args!(
                "the backup cannot be written anew for now: {}",
                failure.error
            )),
        }
    }

    /// A sync of this generation failed: what is read of it may not be on disk.
    pub(super) fn doubt(&self, generation: u64) {
        if let Some(shared_page) = self.current_page() {
            shared_page.doubt(generation);
        }
    }

    /// Under the lock: writes everything anew where the file was damaged, and where a failed sync, in
    /// any process, has left a doubt whether it is on disk. Syncing once more would succeed and prove nothing.
    pub(super) fn dispel_doubt(
        &self,
        state: &mut State,
        entries: &Entries,
        revision: u64,
    ) -> Result<(), Error> {
        let doubted = self
            .current_page()
            .map_or(0, |shared_page| shared_page.doubted());
        let is_trusted = doubted < state.log.header.generation || planted(Bug::ForgetDoubt);
        if is_trusted && !state.damaged {
            return Ok(());
        }
        self.debug.warn(format_args!(
            "the log is written anew: an earlier sync failed, or it was damaged meanwhile"
        ));
        if state.damaged {
            let (_, found) = load(&*self.disk, &self.paths.log, Open::Read)?;
            return self.heal(state, entries, revision, &found);
        }
        let (room, ending) = (Room::Disk, Ending::KeptIfPossible);
        Ok(self.start_generation(state, entries, revision, room, ending)?)
    }

    /// Numbers that no store reaches by itself: the file was made up.
    pub(super) fn used_up(&self) -> Error {
        error::file::numbers_used_up(&self.paths.log)
    }
}

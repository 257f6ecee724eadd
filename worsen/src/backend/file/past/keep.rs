//! Which generations are kept when they have ended, and for how long. Never here: reading them.

use std::{ffi::OsString, io};

use jiff::Timestamp;

use crate::{
    backend::file::{FileBackend, State, disk::Open, format::Header, log::read_header_of},
    clock,
    error::{self, Error, ErrorKind},
    options::Retention,
    planted::{Bug, planted},
};

/// What becomes of a generation that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend::file) enum Ending {
    /// Where the past is wanted it is kept, or it does not end.
    Kept,
    /// Where the past is wanted it is kept, if that can be done: something must be put right in any case.
    KeptIfPossible,
    /// What was overwritten in it is to be gone.
    Forgotten,
}

impl FileBackend {
    /// Right before a new generation takes the place of the log: the backup becomes the file of the one that ends.
    /// The log is whole meanwhile, and until there is a backup again.
    pub(in crate::backend::file) fn end_generation(
        &self,
        state: &mut State,
        ending: Ending,
    ) -> io::Result<()> {
        if self.history == Retention::Nothing || ending == Ending::Forgotten {
            return Ok(());
        }
        match self.keep_generation(state) {
            Err(error) if ending == Ending::KeptIfPossible => {
                self.debug.warn(format_args!(
                    "the commits of generation {} are missing in the history: {error}",
                    state.log.header.generation
                ));
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn keep_generation(&self, state: &mut State) -> io::Result<()> {
        let backed_up = self.check_backup(state).map_err(into_io)?;
        let Some(backup) = &state.backup else {
            return Ok(());
        };
        backup.catch_up(&mut state.log, backed_up)?;
        // Without the room that was kept behind its end.
        backup.file.set_len(state.log.position.offset)?;
        if !planted(Bug::DoNotSyncPast) {
            backup.file.sync_all()?;
        }
        let past = self.paths.past(state.log.header.generation);
        state.backup = None;
        self.disk.rename(&self.paths.backup, &past)?;
        if !planted(Bug::DoNotSyncPast) {
            // Before the log is another one: a power cut must not leave that and nothing of this.
            self.disk.sync_dir(&self.paths.dir)?;
        }
        Ok(())
    }

    /// Removes the files of the past that nobody wants any more, where a log with this header has begun.
    pub(in crate::backend::file) fn forget_what_is_old(&self, header: &Header) {
        if self.history == Retention::Nothing {
            return;
        }
        if let Err(error) = self.remove_what_is_old(header) {
            self.debug.warn(format_args!(
                "the history cannot be shortened for now: {error}"
            ));
        }
    }

    fn remove_what_is_old(&self, log: &Header) -> io::Result<()> {
        let mut generations: Vec<u64> = self
            .disk
            .names(&self.paths.dir)?
            .iter()
            .filter_map(|name| self.paths.past_of(name))
            // Those of a copy that was put in the place of the log are overwritten in their turn.
            .filter(|generation| *generation < log.generation)
            .collect();
        generations.sort_unstable();
        // From the oldest on: wherever this breaks off, what is left leads to the log.
        for (index, generation) in generations.iter().enumerate() {
            let later = generations.get(index + 1..).unwrap_or_default();
            let next = later.iter().find_map(|later| self.header_of(*later));
            if self.is_wanted(next.as_ref().unwrap_or(log), log) {
                break;
            }
            self.disk.remove(&self.paths.past(*generation))?;
        }
        Ok(())
    }

    fn header_of(&self, generation: u64) -> Option<Header> {
        let file = self.disk.open(&self.paths.past(generation), Open::Read);
        let (header, _) = read_header_of(&*file.ok()?).ok()??;
        Some(header)
    }

    /// Whether the generation is wanted that ended where this one began.
    fn is_wanted(&self, next: &Header, log: &Header) -> bool {
        match self.history {
            Retention::Nothing => true,
            Retention::Commits(_) if planted(Bug::ForgetTooMuch) => next.revision >= log.revision,
            Retention::Commits(commits) => next.revision > log.revision.saturating_sub(commits),
            Retention::Age(age) => next.at.parse::<Timestamp>().map_or(true, |ended| {
                let since = clock::now().as_millisecond() - ended.as_millisecond();
                u128::try_from(since).map_or(true, |since| since <= age.as_millis())
            }),
        }
    }

    /// Removes every file that holds what was overwritten, but for log and backup: those of the past, and the
    /// copies of damaged bytes.
    pub(in crate::backend::file) fn forget_all(&self) -> Result<(), Error> {
        let paths = &self.paths;
        let names = self.disk.names(&paths.dir);
        let names = names.map_err(|error| error::past::not_looked_for(&paths.dir, error))?;
        let holds_past = |name: &OsString| paths.past_of(name).is_some() || paths.is_damaged(name);
        for name in names.iter().filter(|name| holds_past(name)) {
            if planted(Bug::PurgeLeavesPast) && paths.past_of(name).is_some() {
                continue;
            }
            let path = paths.dir.join(name);
            match self.disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error::past::not_removed(&path, error));
                }
                _ => {}
            }
        }
        self.disk
            .sync_dir(&paths.dir)
            .map_err(|error| error::past::not_removed(&paths.dir, error))
    }
}

/// As what writing a file says.
fn into_io(error: Error) -> io::Error {
    match error.kind() {
        ErrorKind::NoSpace => io::Error::new(io::ErrorKind::StorageFull, error),
        _ => error.into(),
    }
}

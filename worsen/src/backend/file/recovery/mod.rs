//! What to make of the log and the backup as they are found. Five steps follow each other, each in a room of
//! its own:
//!
//! 1. `inspect` reads both files as they are.
//! 2. `contents` says of each what it is, by its header.
//! 3. `mend` follows the chain of lines through the log, and where that is not all there is, `assembly` puts the
//!    log together again from the lines of both files; `replay` makes the state of them.
//! 4. `plan` judges what is left over, and decides what becomes of the files: FORMAT.md's table. Steps 2 to 4 are
//!    pure: bytes in, a plan or a `refusal` out.
//! 5. `apply` carries the plan out. It is the first that changes anything.
//!
//! `survey` goes as far as step 4, for whoever only asks.
//!
//! Nothing here appends commits.

mod apply;
mod assembly;
mod contents;
mod inspect;
mod mend;
mod plan;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod refusal;
mod replay;
mod survey;

pub(crate) use self::{
    apply::{Recovered, keep_copy},
    inspect::load,
    replay::Replay,
    survey::{Survey, survey},
};
use self::{
    apply::{apply_in_memory, put_right, remove_stale},
    inspect::Files,
    plan::{Plan, decide},
    refusal::Refusal,
};
use super::{
    disk::{Disk, Open},
    lineage::{self, Kin, Lineage},
    log::Log,
    paths::Paths,
};
use crate::{
    backend::{Entries, now},
    error::{Error, ErrorKind},
    options::Access,
    repair::Repair,
};

/// Reads both files, decides, and puts right what is to be put right. Where a sync fails, the
/// generation in question is in `doubt` from then on.
///
/// # Errors
///
/// A refusal of the decision table, with the files as they were; or the disk's.
pub(crate) fn recover(
    disk: &dyn Disk,
    paths: &Paths,
    access: Access,
    doubt: &dyn Fn(u64),
) -> Result<Recovered, Error> {
    examine(disk, paths, access)?.carry_out(disk, paths, doubt)
}

/// Both files as they were found, and what is to be done about them. Nothing is changed yet.
pub(crate) struct Examined {
    files: Files,
    plan: Plan,
    access: Access,
}

/// Reads both files, and decides.
///
/// # Errors
///
/// A refusal of the decision table, or the disk's.
pub(crate) fn examine(disk: &dyn Disk, paths: &Paths, access: Access) -> Result<Examined, Error> {
    let how = if access == Access::ReadOnly {
        Open::Read
    } else {
        Open::Write
    };
    read_and_decide(disk, paths, access, how)
}

/// How many times a process without the lock reads files that seem damaged: others may be writing them.
const READ_ATTEMPTS: u32 = 5;

fn read_and_decide(
    disk: &dyn Disk,
    paths: &Paths,
    access: Access,
    how: Open,
) -> Result<Examined, Error> {
    let mut attempts_left = match access {
        Access::ReadOnly => READ_ATTEMPTS,
        Access::Repair | Access::Salvage => 1,
    };
    loop {
        let files = Files::read(disk, paths, how)?;
        attempts_left -= 1;
        match decide(&files.log, files.backup(), &paths.name, access, &now()) {
            Ok(plan) => {
                return Ok(Examined {
                    files,
                    plan,
                    access,
                });
            }
            Err(Refusal::Damaged { .. } | Refusal::BackupUnreadable | Refusal::Nothing)
                if attempts_left > 0 => {}
            Err(refusal) => return Err(refusal.into_error(paths)),
        }
    }
}

/// Refuses files that are none of this store's before there is a lock file, so that none is left beside them.
/// What else may be wrong is judged under the lock.
pub(crate) fn refuse_unlocked(disk: &dyn Disk, paths: &Paths, access: Access) -> Result<(), Error> {
    let is_there = |path| matches!(disk.identify(path), Ok(Some(_)));
    if is_there(&paths.lock) || !is_there(&paths.log) {
        return Ok(());
    }
    match read_and_decide(disk, paths, access, Open::Read) {
        Err(error) if matches!(error.kind(), ErrorKind::NotAStore | ErrorKind::NewerFormat) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

impl Examined {
    /// What the log is to what is known.
    pub(in crate::backend::file) fn kin_of(&self, known: &Log) -> Kin {
        let found = Lineage {
            header: &self.plan.header,
            position: &self.plan.position,
            chain: &self.plan.chain,
        };
        lineage::compare(known.lineage(), found)
    }

    /// What a log that is known is to this one.
    pub(in crate::backend::file) fn kin_to(&self, known: Lineage<'_>) -> Kin {
        let found = Lineage {
            header: &self.plan.header,
            position: &self.plan.position,
            chain: &self.plan.chain,
        };
        lineage::compare(found, known)
    }

    /// The state that the files lead to, and its revision.
    pub(in crate::backend::file) fn into_state(self) -> (Entries, u64) {
        let Examined { files, plan, .. } = self;
        let mut entries = plan.entries;
        if entries.bytes() < files.log.len() as u64 / 2 {
            entries.detach_from_log();
        }
        (entries, plan.position.revision)
    }

    pub(in crate::backend::file) fn revision(&self) -> u64 {
        self.plan.position.revision
    }

    /// The log as it was found.
    pub(in crate::backend::file) fn log(&self) -> &[u8] {
        &self.files.log
    }

    /// Whether something of the log is missing or unreadable, where it stands. A person who puts an older log in its
    /// place leaves a whole one, and none that its backup has more of.
    pub(in crate::backend::file) fn is_damaged(&self) -> bool {
        let is_told = |repair: &Repair| !matches!(repair, Repair::BackupRenewed { .. });
        self.plan.repairs.iter().any(is_told)
    }

    /// Whether the files were the same then.
    pub(in crate::backend::file) fn is_as(&self, before: &Examined) -> bool {
        let (files, before) = (&self.files, &before.files);
        files.log[..] == before.log[..] && files.backup().len() == before.backup().len()
    }

    /// Puts right what is to be put right.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(in crate::backend::file) fn carry_out(
        self,
        disk: &dyn Disk,
        paths: &Paths,
        doubt: &dyn Fn(u64),
    ) -> Result<Recovered, Error> {
        let Examined {
            files,
            mut plan,
            access,
        } = self;
        if access != Access::ReadOnly {
            remove_stale(disk, paths)?;
        }
        // The parts of a log keep all of it in memory: too much, where most of it is history.
        if plan.entries.bytes() < files.log.len() as u64 / 2 {
            plan.entries.detach_from_log();
        }
        match access {
            Access::ReadOnly => apply_in_memory(plan, files, paths),
            Access::Repair | Access::Salvage => put_right(disk, paths, plan, files, doubt),
        }
    }
}

//! A disk in memory that can crash, lie and fail at every operation: for tests of your program, as it is for
//! worsen's own. With the feature `testing` alone; a program that does not use it is the same with and
//! without.
//!
//! The guide to [power cuts](crate::guide::power_cuts) shows a test from its beginning to its end.
//!
//! | to | use |
//! | --- | --- |
//! | open a store on a simulated disk | [`Builder::on`](crate::Builder::on) |
//! | crash a program at every step | [`crashes`] |
//! | have a second process within one test, kill one | [`SimulatedDisk::new_process`], [`kill_process`](SimulatedDisk::kill_process) |
//! | have an operation fail, by number or by what it is | [`SimulatedDisk::fail`], [`fail_where`](SimulatedDisk::fail_where), [`Fault`] |
//! | fill the disk up | [`SimulatedDisk::leave_room`] |
//! | say what another process does meanwhile | [`SimulatedDisk::interrupt`], [`hold_lock`](SimulatedDisk::hold_lock) |
//! | hand your own code an error | [`error`] |
//!
//! # What a crash may leave
//!
//! The model is as harsh as file systems that keep their word may be. It assumes four things:
//!
//! * **Sectors.** Of a write that was not synced, each sector of 512 bytes is on the disk, or not, or
//!   is torn (the first bytes new, the rest old), or garbage. Where several writes touched a sector,
//!   it may also stand as it was after any of them.
//! * **Powersafe overwrite.** Bytes that no unsynced write touched keep their value, also within a
//!   sector whose other bytes are torn or garbage.
//! * **Sizes.** A file's size is metadata, apart from its data. Of the changes since the last sync, any
//!   number from the first on may have happened. Where the size grew and the data did not arrive, the
//!   file reads as NULs.
//! * **Directories.** Of the creations, renames and removals in a directory since it was last synced,
//!   any number from the first on may have happened, in order (a journal). Each directory is on its
//!   own. Syncing a file does not make its name durable.
//!
//! # Numbers
//!
//! Every call that can fail is an *operation*. Those that change something, or make it durable, are
//! *mutations*, with numbers of their own. Both count from 0, for the whole machine: all of its processes.

mod calls;
mod content;
mod crashes;
mod directory;
mod disk;
mod fault;
mod files;
mod interruption;
mod open;
mod operation;
mod plan;
mod random;
mod state;
#[cfg(test)]
mod tests;
mod trace;

pub use self::{
    crashes::{Crash, Crashes, crashes},
    disk::{CrashStates, SimulatedDisk},
    fault::{Fault, Repeat},
    files::HeldLock,
    interruption::Moment,
    operation::{Operation, OperationKind},
};
use crate::error::{Error, ErrorKind};

/// What worsen's own tests reach beside this. No stability is promised.
#[doc(hidden)]
pub mod internals {
    use std::path::Path;

    use super::SimulatedDisk;
    #[cfg(worsen_planted)]
    pub use crate::planted::Bug;
    pub use crate::process::{Environment, ProcessId};

    /// Has the shared page of this lock file say that this revision was published. False where there is no
    /// such file.
    pub fn publish_revision(disk: &SimulatedDisk, lock: impl AsRef<Path>, revision: u64) -> bool {
        let mut state = disk.state();
        match state.file_at(lock.as_ref()) {
            Some(inode) => {
                state.shared_page(inode).publish_revision(revision);
                true
            }
            None => false,
        }
    }
}

/// An error of this kind, for a test of what your own code makes of one.
///
/// ```
/// use worsen::{Error, ErrorKind, testing};
///
/// /// What the program tells its user.
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::NoSpace => "the disk is full: empty the trash",
///         _ => "that did not work",
///     }
/// }
///
/// let full = testing::error(ErrorKind::NoSpace);
/// assert_eq!(advice(&full), "the disk is full: empty the trash");
/// ```
pub fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "a test has made this error")
}

//! [`ErrorKind`]: what a program decides by. Never here: words for people.

/// What kind of trouble an [`Error`](crate::Error) is.
///
/// | kind | when | [effect](crate::Error::effect) | what to do |
/// | --- | --- | --- | --- |
/// | [`InvalidName`](Self::InvalidName) | opening | nothing written | give the store another name |
/// | [`InvalidOption`](Self::InvalidOption) | opening, `init` | nothing written | give the option another value |
/// | [`Environment`](Self::Environment) | opening | nothing written | set the variable that the error names to a value that fits, or unset it |
/// | [`AlreadyOpen`](Self::AlreadyOpen) | opening | nothing written | open it as the same type, or name one of the two otherwise |
/// | [`Occupied`](Self::Occupied) | `backup_to`, opening with a migration | nothing written | choose another path, or move away what stands there |
/// | [`Directory`](Self::Directory) | opening | nothing written | create the directory, or name another |
/// | [`PermissionDenied`](Self::PermissionDenied) | any time | nothing written | let the user write there, or open `.read_only()` |
/// | [`NotFound`](Self::NotFound) | opening `.read_only()` | nothing written | open it once without that, or wait until somebody has |
/// | [`NotAStore`](Self::NotAStore) | opening | nothing written | move the file away, or name another |
/// | [`NewerFormat`](Self::NewerFormat) | opening | nothing written | use a newer version of worsen |
/// | [`Version`](Self::Version) | opening, writes, once in watches and `changes()` | nothing written | use a newer version of the program |
/// | [`Migration`](Self::Migration) | opening | nothing written | mend the function that `migrate` names |
/// | [`UnknownUid`](Self::UnknownUid) | opening | nothing written | give the renamed field an `alias`, or drop the uid by `removed` |
/// | [`Damaged`](Self::Damaged) | opening, writes, `changes()` | nothing written | restore a copy, or open with `.salvage()`; what the error says |
/// | [`Replaced`](Self::Replaced) | writes, once in watches and `changes()` | nothing written | drop every handle and open the store again to write |
/// | [`Decode`](Self::Decode) | opening, writes, once in watches and `changes()` | nothing written | give the field its former type; writes go on once somebody writes a value that fits |
/// | [`Encode`](Self::Encode) | writes, seeds | nothing written | use a type that JSON carries |
/// | [`Invalid`](Self::Invalid) | writes, seeds | nothing written | write a value that keeps the rule that the error names |
/// | [`InvalidUid`](Self::InvalidUid) | writes, seeds | nothing written | use another uid or key |
/// | [`InvalidField`](Self::InvalidField) | writes, work queues | nothing written | name a stored field of this store |
/// | [`TooLarge`](Self::TooLarge) | writes, seeds | nothing written | write less at once, or raise the limit |
/// | [`Gap`](Self::Gap) | `changes()` | nothing written | read the state by a snapshot, and go on |
/// | [`NotInHistory`](Self::NotInHistory) | `at`, `revert_to`, `undo` | nothing written | ask for another moment, or keep more `history` from now on |
/// | [`Conflict`](Self::Conflict) | `undo` | nothing written | look at what was changed since |
/// | [`LockTimeout`](Self::LockTimeout) | opening, writes | nothing written | try again; look at the process that the error names |
/// | [`LockDoesNotExclude`](Self::LockDoesNotExclude) | opening, writes | nothing written | use one mount in all processes; try again |
/// | [`Nested`](Self::Nested) | writes, opening | nothing written | write after the closure has returned, open after the opening |
/// | [`Panicked`](Self::Panicked) | `sync()` | nothing written | mend the closure |
/// | [`ReadOnly`](Self::ReadOnly) | writes | nothing written | open it without `.read_only()` |
/// | [`Forked`](Self::Forked) | writes | nothing written | open the store in the child |
/// | [`NoSpace`](Self::NoSpace) | any time | nothing written | make room, and try again |
/// | [`OutOfResources`](Self::OutOfResources) | any time | nothing written | raise a limit of the process, and try again |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | writes, seeds | unknown | drop every handle, open the store again, and look |
/// | [`Broken`](Self::Broken) | writes | unknown, or written | the same, and mend the type that panicked |
/// | [`Poisoned`](Self::Poisoned) | writes | nothing written | drop every handle and open the store again |
/// | [`Io`](Self::Io) | any time | nothing written | look at what the system says: the error's source |
///
/// A [`sync`](crate::Handle::sync) tells of other writes, that nobody waited for: its error has the kind of the
/// first that failed. Where they were several, and not the same became of all of them, its effect is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store's name cannot be the name of a file in every directory.
    InvalidName,
    /// A value breaks a rule of its field, or of the struct: `validate`, `range`, `len` or `one_of`.
    Invalid,
    /// The uid cannot stand in the log.
    InvalidUid,
    /// An option has a value that makes no sense.
    InvalidOption,
    /// A variable of the environment that overrides a field has a text that the field cannot be.
    Environment,
    /// What was named is no stored field of this store.
    InvalidField,
    /// This process has the store open as another type, and it cannot be both.
    AlreadyOpen,
    /// Something else stands where a copy of the store was to be written, and stays.
    Occupied,
    /// The directory is missing with its parent, or is none.
    Directory,
    /// The user of this process may not read or write the directory or a file in it, or its file system is
    /// mounted read-only.
    PermissionDenied,
    /// There is no store here, and one that is opened for reading only is not created.
    NotFound,
    /// The file at the store's path is not a store, or another one's.
    NotAStore,
    /// The file was written by a newer version of worsen.
    NewerFormat,
    /// The store is of another version than the program, and does not let it in.
    Version,
    /// The migration of an older store to the version of the program failed.
    Migration,
    /// The store has uids that the program has no field for, and the struct says `deny_unknown`.
    UnknownUid,
    /// Acknowledged commits in the log cannot be read, and the backup does not hold them either.
    Damaged,
    /// The file was deleted, moved or replaced by an older one while the store was open.
    Replaced,
    /// A stored value does not fit the type of its field.
    Decode,
    /// A value cannot be written as JSON such that it comes back the same.
    Encode,
    /// Commits that were to be told one by one are not in the log any more.
    Gap,
    /// The store keeps nothing of that revision, or of that time: it is longer ago than the history reaches, was lost
    /// to it, or is still to come.
    NotInHistory,
    /// What was to be undone has been built on: something else stands at one of its uids.
    Conflict,
    /// A commit is larger than a limit of the store, or there are no more numbers to count with.
    TooLarge,
    /// Another process held the lock until the deadline.
    LockTimeout,
    /// This process has the lock and another one has it too: they use the directory through two views of it,
    /// such as two mounts by a file server, whose locks do not keep each other out.
    LockDoesNotExclude,
    /// A write was started inside the closure of another write, or an opening inside that of the same store.
    Nested,
    /// The closure of a write panicked, which nobody waited for.
    Panicked,
    /// The store was opened for reading only.
    ReadOnly,
    /// The handle was carried into a forked child.
    Forked,
    /// The disk, or a quota on it, is full. The store works again once there is room.
    NoSpace,
    /// The process, or the system, has no more files, threads or memory to give.
    OutOfResources,
    /// The disk failed while the commit was written or synced: it may or may not be there.
    OutcomeUnknown,
    /// Something panicked in the middle of a commit that is no closure of a write: the `Clone` or `Drop` of a
    /// stored type. The store refuses writes until it is opened anew.
    Broken,
    /// An earlier error of kind [`OutcomeUnknown`](Self::OutcomeUnknown) or [`Broken`](Self::Broken) made the
    /// store refuse writes until it is opened anew.
    Poisoned,
    /// The operating system refused something else.
    Io,
}

impl ErrorKind {
    /// Whether the write may have happened, unless the error itself knows better.
    pub(super) fn leaves_in_doubt(self) -> bool {
        matches!(self, ErrorKind::OutcomeUnknown | ErrorKind::Broken)
    }

    /// Whether the same call may succeed a little later, without anything else being done by this program.
    pub(super) fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::LockTimeout
                | ErrorKind::LockDoesNotExclude
                | ErrorKind::NoSpace
                | ErrorKind::OutOfResources
        )
    }
}

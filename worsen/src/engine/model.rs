//! What the engine and those above it meet at: the typed state behind an untyped [`Model`], and one queued
//! write. Never here: when any of it is called.

use std::{any::Any, collections::HashMap, task::Waker};

use crate::{
    backend::Entries,
    entry::{Edit, Edits},
    error::{Error, ValueError},
    options::Durability,
    shared_str::SharedStr,
};

/// What readers do not see yet: each uid that changed, with the JSON that they see there.
pub(crate) type Unseen = HashMap<SharedStr, Option<SharedStr>, foldhash::fast::RandomState>;

/// The draft of a store behind an untyped engine: the typed state that operations change, in the dark.
pub(crate) trait Model: Send {
    /// Takes the whole state of a store that is being opened, at this revision. Returns what does not
    /// fit; nothing is published then.
    fn adopt(&mut self, entries: &Entries, revision: u64) -> Vec<(SharedStr, ValueError)>;
    /// Readers see all that the draft has, or more: it is again what they see. What the log does not
    /// know of, and operations changed, they see from now on too.
    fn follow(&mut self);
    /// Takes one entry into the draft.
    fn apply(&mut self, edit: &Edit) -> Result<(), ValueError>;
    /// Keeps what was done to the draft since the last `accept`.
    fn accept(&mut self);
    /// Undoes what was done to the draft since the last `accept`, or all of it. The draft then is what
    /// readers see, changed by `since`.
    ///
    /// # Errors
    ///
    /// Where a value that was stored does not decode again; the draft is of no use then.
    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError>;
    /// Whether the draft may be anything else than what readers see.
    fn is_dirty(&self) -> bool;
    /// Readers see the draft from now on: as a whole, in one moment, at this revision.
    fn publish(&mut self, revision: u64, unseen: Unseen);
    /// For operations, which know their model.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// What readers see, as they take it over themselves, beside the draft. It is what was published last,
/// be it by this or by the [`Model`].
pub(crate) trait ReadModel: Send {
    /// Takes one entry for the next publication.
    fn apply(&mut self, edit: &Edit) -> Result<(), ValueError>;
    /// Readers see what was applied from now on: as a whole, in one moment, at this revision.
    fn publish(&mut self, revision: u64, unseen: Unseen);
    /// What was applied, and not published, counts no more: the draft has come further.
    fn forget(&mut self);
}

/// What one operation works on.
pub(crate) struct Transaction<'a> {
    pub(crate) model: &'a mut dyn Model,
    pub(crate) scope: Scope<'a>,
}

/// What there is beside the model.
pub(crate) struct Scope<'a> {
    /// The newest JSON of every uid, before this operation.
    pub(crate) entries: &'a Entries,
    pub(crate) changes: Edits,
    /// The operation wants to have done nothing.
    pub(crate) undo: bool,
}

/// One queued write. `commit` has the only one.
pub(crate) trait Task: Send + Sync {
    /// Runs the operation.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<(), Error>;
    /// It returned this error, and was undone.
    fn failed(&self, error: Error);
    /// It panicked, and was undone.
    fn panicked(&self, payload: Box<dyn Any + Send>);
    /// The group is through: callers may know, those of failed and panicked tasks too. Returns who is to
    /// be woken once this thread leads no more.
    fn resolve(&self, outcome: Result<(), Error>) -> Option<Waker>;
    /// It is through, and nobody takes what it has of the user's: a result, or a closure that never ran.
    fn has_leftovers(&self) -> bool;
    /// Makes the thread that blocks on this task the leader, if there is one.
    fn promote(&self) -> bool;
    /// `None`: as the store.
    fn durability(&self) -> Option<Durability>;
}

//! The seam between the engine and the typed state above it: a [`Model`] behind the draft, a [`ReadModel`]
//! behind what readers see, and one queued write. Never here: when any of it is called.

use std::{any::Any, collections::HashMap, sync::Arc, task::Waker};

use crate::{
    backend::{Entries, Upkeep},
    entry::{Edit, Edits},
    error::{Error, ValueError},
    options::Durability,
    schema::Outline,
    shared_str::SharedStr,
};

/// What readers do not see yet: each uid that changed, with the JSON that readers still see there.
pub(crate) type Unseen = HashMap<SharedStr, Option<SharedStr>, foldhash::fast::RandomState>;

/// The typed state behind the draft, which operations change and no reader sees.
pub(crate) trait Model: Send {
    /// What the program knows of the uids of its store. The model is told of its own alone, by the names that they
    /// have now.
    fn outline(&self) -> Arc<Outline> {
        Arc::new(Outline::of_any_uids())
    }
    /// Takes the whole state of a store that is being opened, at this revision. Returns what does not
    /// fit; nothing is published then.
    fn adopt(&mut self, entries: &Entries, revision: u64) -> Vec<(SharedStr, ValueError)>;
    /// Readers have overtaken the draft, or drawn level: it becomes again what they see. Skipped fields, which
    /// the log knows nothing of, keep what operations wrote there, and readers see that from now on.
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

/// The typed state behind what readers see, which readers bring up themselves, beside the draft. They see what
/// was published last, by this or by the [`Model`].
pub(crate) trait ReadModel: Send {
    /// Takes one entry for the next publication.
    fn apply(&mut self, edit: &Edit) -> Result<(), ValueError>;
    /// Readers see what was applied from now on: as a whole, in one moment, at this revision.
    fn publish(&mut self, revision: u64, unseen: Unseen);
    /// Forgets what was applied and not published: the draft has come further.
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
    /// The operation asks to be undone.
    pub(crate) undo: bool,
    /// The newest commit of this process, where there is one.
    pub(crate) last: Option<LastCommit<'a>>,
}

/// A commit, and what it takes to undo it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastCommit<'a> {
    pub(crate) revision: u64,
    pub(crate) changes: &'a [Edit],
    /// In their order.
    pub(crate) before: &'a [Edit],
}

/// One queued write. `commit` has the only one.
pub(crate) trait Task: Send + Sync {
    /// Runs the operation.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<(), Error>;
    /// The operation returned this error, and was undone.
    fn failed(&self, error: Error);
    /// The operation panicked, and was undone.
    fn panicked(&self, payload: Box<dyn Any + Send>);
    /// The group is done: the caller is told, also of a task that failed or panicked. Returns the waker to call
    /// once this thread no longer leads.
    fn resolve(&self, outcome: Result<(), Error>) -> Option<Waker>;
    /// The task is done, and still has something of the user's that no caller takes: a result, or a closure
    /// that never ran.
    fn has_leftovers(&self) -> bool;
    /// Makes the thread that blocks on this task the leader, if there is one.
    fn promote(&self) -> bool;
    /// `None`: the durability of the store.
    fn durability(&self) -> Option<Durability>;
    /// What is to be done to what the backend keeps, before any operation of the group runs.
    fn upkeep(&self) -> Option<Upkeep> {
        None
    }
}

//! The draft: the newest state, which only one thread at a time may touch, for as long as the closures of users
//! run. Never here: which thread touches it when, and what readers see meanwhile.

use std::{collections::HashMap, sync::Arc};

use super::{LastCommit, Model, replica::Replica};
use crate::{
    backend::Entries,
    entry::{Edit, Edits},
    error::{self, Error},
    planted::{Bug, planted},
    schema::Outline,
    shared_str::SharedStr,
};

/// Up to so many changes, looking through all of them is faster than a hash map.
const MAX_SCANNED_CHANGES: usize = 16;

/// What only one thread at a time may touch.
pub(super) struct Core {
    pub(super) model: Box<dyn Model>,
    /// What the draft is made of. Its `since` is what readers do not see yet.
    pub(super) replica: Replica,
    /// Its entries were copied out of the old log, and those of readers were not yet.
    pub(super) detached_from_log: bool,
    pub(super) poisoned: Option<Error>,
    /// The newest commit of this process.
    pub(super) last: Option<OwnCommit>,
}

/// A commit of this process, and what it takes to undo it: what the group made of both anyway, which is kept until
/// the next one in the place of being dropped.
pub(super) struct OwnCommit {
    pub(super) revision: u64,
    pub(super) changes: Vec<Edit>,
    /// In their order.
    pub(super) before: Vec<Edit>,
}

impl OwnCommit {
    pub(super) fn get(&self) -> LastCommit<'_> {
        LastCommit {
            revision: self.revision,
            changes: &self.changes,
            before: &self.before,
        }
    }

    /// Lets go of the log that its values are parts of.
    fn detach_from_log(&mut self) {
        for Edit { uid, json } in self.changes.iter_mut().chain(&mut self.before) {
            *uid = uid.detached();
            *json = json.as_ref().map(SharedStr::detached);
        }
    }
}

impl Core {
    pub(super) fn new(model: Box<dyn Model>, outline: Arc<Outline>, revision: u64) -> Self {
        Core {
            model,
            replica: Replica::of_draft(outline, revision),
            detached_from_log: false,
            poisoned: None,
            last: None,
        }
    }

    /// These commits of this process were appended; the entries hold them. `undo`: what takes all of them back.
    pub(super) fn keep_last(&mut self, mut commits: Vec<Vec<Edit>>, mut undo: Vec<Edit>) {
        let Some(changes) = commits.pop() else { return };
        let before = match undo.len().saturating_sub(changes.len()) {
            0 => undo,
            earlier => undo.split_off(earlier),
        };
        self.last = Some(OwnCommit {
            revision: self.replica.revision,
            changes,
            before,
        });
    }

    /// After a compaction: it has just visited every entry, so copying them out of the old log now adds little.
    pub(super) fn detach_from_log(&mut self) {
        self.replica.entries.detach_from_log();
        self.detached_from_log = true;
        if let Some(last) = &mut self.last {
            last.detach_from_log();
        }
    }

    /// Takes the state of a store that is being opened.
    pub(super) fn adopt(&mut self, entries: Entries) {
        let outline = self.replica.outline.clone();
        let read = outline.as_read(&entries);
        for (uid, error) in self.model.adopt(&read, self.replica.revision) {
            let error = error.at(&outline.renames().in_file(&uid, &entries));
            self.replica.misfits.insert(uid, error);
        }
        self.model.accept();
        self.replica.entries = entries;
    }

    /// Takes what others committed into the model.
    pub(super) fn absorb(&mut self) {
        let model = &mut self.model;
        self.replica.absorb(|edit| model.apply(edit));
        self.model.accept();
    }

    pub(super) fn roll_back(&mut self, all: bool) {
        if planted(match all {
            true => Bug::KeepDraftOfFailedAppend,
            false => Bug::KeepDraftOfFailedClosure,
        }) {
            return;
        }
        if let Err(error) = self.model.roll_back(all, &self.replica.news_since()) {
            self.poisoned = Some(error::engine::not_undone(error));
        }
    }

    /// What an operation really changed: later entries win over earlier ones, and what is stored
    /// already is dropped.
    pub(super) fn distinct(&self, changes: Edits) -> Vec<Edit> {
        let whole = changes.whole;
        let mut distinct: Vec<Edit> = Vec::with_capacity(changes.entries.len());
        if changes.entries.len() <= MAX_SCANNED_CHANGES {
            for edit in changes.entries {
                match distinct.iter_mut().find(|other| other.uid == edit.uid) {
                    Some(other) => other.json = edit.json,
                    None => distinct.push(edit),
                }
            }
        } else {
            let mut places: HashMap<SharedStr, usize> = HashMap::with_capacity(distinct.capacity());
            for edit in changes.entries {
                match places.get(&edit.uid) {
                    Some(place) => distinct[*place].json = edit.json,
                    None => {
                        places.insert(edit.uid.clone(), distinct.len());
                        distinct.push(edit);
                    }
                }
            }
        }
        if !whole {
            distinct.retain(|edit| self.replica.entries.get(&edit.uid) != edit.json.as_ref());
        }
        distinct
    }
}

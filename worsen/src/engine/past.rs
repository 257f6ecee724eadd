//! Going back: the state at a moment, and what it takes to get there. Never here: where the past is kept, and a typed
//! value.

use super::{Engine, LastCommit, Scope};
use crate::{
    backend::{Entries, Next},
    entry::Edit,
    error::{self, Error},
    options::At,
    planted::{Bug, planted},
};

impl Engine {
    /// The state at a moment that readers have come by, and its revision.
    pub(crate) fn state_at(&self, at: At) -> Result<(Entries, u64), Error> {
        let newest = self.revision();
        // Nearly always that is in memory.
        if at == At::Revision(newest) {
            let seen = self.entries();
            if let Some(seen) = seen.filter(|(_, revision)| *revision == newest) {
                return Ok(seen);
            }
        }
        let found = self.backend.state_at(at, newest);
        found.map_err(|error| self.in_store(error))
    }

    /// Whether the log tells that somebody has changed this since. Where it does not go back so far, it tells of
    /// nobody.
    fn changed_since(&self, commit: &LastCommit<'_>) -> Option<String> {
        let mut commits = self.backend.history(commit.revision, false).ok()?;
        // The lock is held: what is there is all there is.
        while let Ok(Next::Commit(later)) = commits.next(u64::MAX) {
            let is_of = |edit: &&Edit| commit.changes.iter().any(|own| own.uid == edit.uid);
            if let Some(edit) = later.changes.iter().find(is_of) {
                return Some(edit.uid.to_string());
            }
        }
        None
    }
}

/// The state without the last commit of this process.
///
/// # Errors
///
/// Where there is none, or others have built on it.
pub(crate) fn undo(engine: &Engine, scope: &Scope<'_>) -> Result<Entries, Error> {
    let last = scope.last.ok_or_else(error::past::nothing_to_undo)?;
    let is_other = |edit: &&Edit| scope.entries.get(&edit.uid) != edit.json.as_ref();
    // Also what is not in the log yet, as this group is not.
    let other = last.changes.iter().find(is_other);
    let other = other.map(|edit| edit.uid.to_string());
    let other = other.or_else(|| engine.changed_since(&last));
    if let Some(uid) = other.filter(|_| !planted(Bug::UndoWhatOthersBuiltOn)) {
        return Err(error::past::built_on(&uid, last.revision));
    }
    Ok(scope.entries.with(last.before))
}

//! The state of a copy, or of another time, as changes to the store that there is. Never here: how a state takes them.

use std::path::Path;

use crate::{
    backend::Entries,
    engine::{Engine, Model, Scope, changes_between, in_order},
    entry::Edit,
    error::{self, Error, ErrorKind, ValueError},
};

/// The state that a copy of this store holds, and its revision.
pub(crate) fn load(engine: &Engine, copy: &Path) -> Result<(Entries, u64), Error> {
    engine.load_copy(copy)
}

/// Has the draft become what these entries say, as far as `is_ours` says of a uid. What does not fit is told, all
/// of it at once. `what` they are, in words.
pub(crate) fn take(
    model: &mut dyn Model,
    scope: &mut Scope<'_>,
    (copy, what): (&Entries, &str),
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut changes = changes_between(scope.entries, copy);
    changes.retain(|Edit { uid, .. }| is_ours(uid));
    changes.sort_by(|one, other| one.uid.cmp(&other.uid));
    let changes = in_order(changes);
    let mut problems = Vec::new();
    for edit in &changes {
        if let Err(ValueError { what, key, .. }) = model.apply(edit) {
            let uid = match key {
                Some(key) if !edit.uid.contains('/') => format!("{}/{key}", &*edit.uid),
                _ => edit.uid.to_string(),
            };
            problems.push((uid, what.into_owned()));
        }
    }
    if !problems.is_empty() {
        return Err(error::transfer::does_not_fit(
            ErrorKind::Decode,
            &problems,
            what,
        ));
    }
    // Also what is the same text as before, below another mark.
    scope.changes.whole |= !changes.is_empty();
    scope.changes.entries.extend(changes);
    Ok(())
}

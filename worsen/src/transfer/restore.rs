//! The state of a copy, or of another time, as changes to the store that there is. Never here: how a state takes them.

use std::path::Path;

use crate::{
    backend::Entries,
    engine::{Engine, Model, Scope, in_order},
    entry::Edit,
    error::{self, Error, ErrorKind, ValueError},
    schema::changes_between,
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
    let changes = |before: &Entries, after: &Entries| {
        let mut changes = changes_between(before, after);
        changes.retain(|Edit { uid, .. }| is_ours(uid));
        changes.sort_by(|one, other| one.uid.cmp(&other.uid));
        in_order(changes)
    };
    let outline = model.outline();
    let mut problems = Vec::new();
    for edit in &changes(&outline.as_read(scope.entries), &outline.as_read(copy)) {
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
    let changes = changes(scope.entries, copy);
    // Also what is the same text as before, below another mark.
    scope.changes.whole |= !changes.is_empty();
    scope.changes.entries.extend(changes);
    Ok(())
}

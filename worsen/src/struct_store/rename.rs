//! Writing a field that the file has under a former uid: under its own from then on. Never here: how such a field is
//! read.

use super::{model::StructModel, record::stored_at};
use crate::{
    backend::Entries,
    engine::Scope,
    entry::{Edit, Edits},
    error::Error,
    planted::{Bug, planted},
    schema::Schema,
    shared_str::SharedStr,
};

impl<S: Schema> StructModel<S> {
    /// The uid under which the file has a field.
    pub(super) fn source<'a>(&self, uid: &'a str, entries: &Entries) -> Option<&'a str> {
        let former = self.layout.outline.renames().source(uid, entries);
        former.or_else(|| entries.contains_key(uid).then_some(uid))
    }

    /// Whether an operation left a field that stands under a former uid as it was: then it stays there, for the
    /// programs that know it so. `edits` is what was recorded of it. `is_marked`: its entries are those of such a
    /// field, and not what another kind of it has left.
    pub(super) fn is_as_before(
        &self,
        index: usize,
        (edits, stored): (&[Edit], Option<&SharedStr>),
        before: Option<&S>,
        is_marked: bool,
    ) -> bool {
        let layout = &self.layout;
        if layout.tables.mark(index).is_none() {
            return edits.last().and_then(|edit| edit.json.as_ref()) == stored;
        }
        let Some(before) = before else {
            return false;
        };
        if is_marked {
            return edits.is_empty();
        }
        let mut copy = layout.seed.__copy();
        copy.__copy_field(index, before);
        let mut all = Edits::default();
        let outcome = layout
            .tables
            .record(&mut copy, index, None, &|_| None, &mut all);
        outcome.is_ok() && all.entries == edits
    }

    /// Moves what an operation has changed to the field's own uid.
    pub(super) fn move_from(
        &mut self,
        former: &'static str,
        (index, uid): (usize, &'static str),
        is_marked: bool,
        begin: usize,
        scope: &mut Scope<'_>,
    ) -> Result<(), Error> {
        let tables = self.layout.tables.clone();
        if tables.mark(index).is_none() {
            let json = scope.changes.entries.last();
            let json = json.and_then(|edit| edit.json.clone());
            if let Some(written) = self.written.get_mut(index) {
                *written = json.filter(|_| scope.changes.is_own);
            }
        } else {
            if is_marked {
                // What has changed alone would be of a field that is not there.
                scope.changes.entries.truncate(begin);
                let entries = scope.entries;
                let outcome = tables.record(
                    &mut self.draft().state,
                    index,
                    None,
                    &|at| stored_at(entries, Some(former), uid, at),
                    &mut scope.changes,
                );
                outcome.map_err(|error| error.at(uid))?;
            }
            scope.take_over(uid, begin);
        }
        if !planted(Bug::LeaveFormerUid) {
            scope.delete_all_of(former);
        }
        Ok(())
    }

    /// A field that is back at its seed is so under all of its uids.
    pub(super) fn delete_aliases(&self, uid: &str, scope: &mut Scope<'_>) {
        for alias in self.layout.outline.renames().aliases(uid) {
            scope.delete_all_of(alias);
        }
    }
}

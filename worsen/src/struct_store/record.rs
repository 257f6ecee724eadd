//! What an operation changed of a struct, in entries. Never here: how the draft comes to be what it is.

use std::collections::HashSet;

use super::{model::StructModel, rules::Recording};
use crate::{
    backend::Entries,
    engine::Scope,
    entry::{Edit, Edits, Stored},
    error::Error,
    planted::{Bug, planted},
    schema::{EntryTables, FieldInfo, Mark, Schema, fields_of},
    shared_str::SharedStr,
    uid::split,
};

/// The entries of every field at its seed.
///
/// # Errors
///
/// Where a seed cannot be written as JSON.
pub(crate) fn record_seed<S: Schema>(seed: &S, tables: &EntryTables) -> Result<Edits, Error> {
    let mut seed = seed.__copy();
    let mut edits = Edits::default();
    for (index, field) in fields_of::<S>().iter().enumerate() {
        if let Some(uid) = field.uid {
            tables
                .record(&mut seed, index, None, &|_| None, &mut edits)
                .map_err(|error| error.at(uid))?;
        }
    }
    Ok(edits)
}

/// What the file has at a place of a field: below its former uid, where it stands under that.
pub(super) fn stored_at(
    entries: &Entries,
    former: Option<&str>,
    uid: &str,
    at: &str,
) -> Option<SharedStr> {
    match (former, at.strip_prefix(uid)) {
        (Some(former), Some(rest)) => entries.get(&format!("{former}{rest}")),
        _ => entries.get(at),
    }
    .cloned()
}

impl<S: Schema> StructModel<S> {
    pub(super) fn record(&mut self, index: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        let begin = scope.changes.entries.len();
        self.record_edits(index, scope)?;
        self.forget_unfit(begin, scope);
        Ok(())
    }

    fn record_edits(&mut self, index: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        let Some(&FieldInfo { uid, rules, .. }) = self.layout.fields.get(index) else {
            return Ok(());
        };
        let uid = uid.unwrap_or_default();
        let former = self.layout.outline.renames().source(uid, scope.entries);
        let before = self.before.take();
        // Without the mark that it has entries, all of them are still to be written.
        let mark = self.layout.tables.mark(index);
        let stored = scope.entries.get(former.unwrap_or(uid));
        let is_marked = mark.is_some() && mark == stored.and_then(|json| Mark::parse(json));
        let begin = scope.changes.entries.len();
        scope.changes.stored = self.stored(index, stored);
        let tables = self.layout.tables.clone();
        let marked = before.as_ref().filter(|_| is_marked);
        let mut outcome = tables.record(
            &mut self.draft().state,
            index,
            marked,
            &|at| stored_at(scope.entries, former, uid, at),
            &mut scope.changes,
        );
        if let (Some(former), Ok(())) = (former, &outcome) {
            let edits = scope.changes.entries.get(begin..).unwrap_or_default();
            let stored = scope.entries.get(former);
            // What is stored there and does not fit stays too.
            let stays = self.are_of_seed(index, edits) && self.reads_as_seed(index)
                || self.is_as_before(index, (edits, stored), before.as_ref(), is_marked);
            if stays {
                scope.changes.entries.truncate(begin);
                self.before = before;
                return Ok(());
            }
        }
        if !rules.is_empty() && !planted(Bug::WriteWhatBreaksRules) {
            let recording = Recording {
                index,
                before: marked,
                was: before.as_ref(),
                begin,
            };
            outcome = self.keep_rules(outcome, &recording, scope);
        }
        self.before = before;
        outcome.map_err(|error| error.at(uid))?;
        if let Some(former) = former {
            return self.move_from(former, (index, uid), is_marked, begin, scope);
        }
        if mark.is_none() {
            if let (Some(written), Some(Edit { json, .. })) =
                (self.written.get_mut(index), scope.changes.entries.last())
            {
                written.clone_from(if scope.changes.is_own { json } else { &None });
            }
        } else if !is_marked {
            scope.take_over(uid, begin);
        }
        Ok(())
    }

    /// Whether nothing tells a field that logs by entry from its seed.
    fn is_at_seed(&mut self, index: usize) -> bool {
        let mut edits = Edits::default();
        let layout = self.layout.clone();
        let mut state = layout.seed.__copy();
        state.__copy_field(index, &self.draft().state);
        let tables = &layout.tables;
        let seed = Some(&layout.seed);
        let outcome = tables.record(&mut state, index, seed, &|_| None, &mut edits);
        outcome.is_ok() && edits.entries.is_empty()
    }

    /// Whether these edits say of a field what its seed does.
    fn are_of_seed(&self, index: usize, edits: &[Edit]) -> bool {
        self.seed_entries.get(index).is_some_and(|all| all == edits)
    }

    /// What the store has of a field, which is this; its seed, where it has nothing, or nothing that fits.
    fn stored(&mut self, index: usize, json: Option<&SharedStr>) -> Option<Stored> {
        let fits = !self.draft().unfit.reads_as_seed(index);
        let written = self.written.get(index)?.as_ref();
        let seed = || self.seed_entries.get(index)?.first()?.json.as_ref();
        let json = json.filter(|_| fits).or_else(seed)?.clone();
        let is_own = written.is_some_and(|written| *written == json);
        Some(Stored { json, is_own })
    }

    /// Records a field. One that was never set, or of which nothing that fits is stored, goes on reading as its seed, also
    /// when that changes, until the field is something else.
    pub(super) fn record_unless_at_seed(
        &mut self,
        index: usize,
        scope: &mut Scope<'_>,
    ) -> Result<(), Error> {
        let Some(uid) = self.layout.fields.get(index).and_then(|field| field.uid) else {
            return Ok(());
        };
        let begin = scope.changes.entries.len();
        let is_misfit = self.reads_as_seed(index) && !planted(Bug::WriteSeedOverMisfit);
        let may_be_at_seed = is_misfit || self.source(uid, scope.entries).is_none();
        let is_by_entry = self.layout.tables.mark(index).is_some();
        if may_be_at_seed && is_by_entry && self.is_at_seed(index) {
            return Ok(());
        }
        self.record_edits(index, scope)?;
        let edits = scope.changes.entries.get(begin..).unwrap_or_default();
        if may_be_at_seed && self.are_of_seed(index, edits) {
            scope.changes.entries.truncate(begin);
        }
        self.forget_unfit(begin, scope);
        Ok(())
    }

    /// Whether a value is stored that does not fit this field, and the operation does not set it.
    pub(super) fn reads_as_seed(&mut self, index: usize) -> bool {
        self.set != Some(index) && self.draft().unfit.reads_as_seed(index)
    }

    /// What the edits from this place on write of the draft is no misfit any more.
    pub(super) fn forget_unfit(&mut self, begin: usize, scope: &Scope<'_>) {
        if self.draft().unfit.is_empty() {
            return;
        }
        for edit in &scope.changes.entries[begin..] {
            let Some(index) = self.layout.index_of(&edit.uid) else {
                continue;
            };
            let is_field = split(&edit.uid).1.is_none();
            let unfit = &mut self.draft().unfit;
            match is_field {
                true => unfit.forget_field(index),
                false => unfit.forget_entry(index, &edit.uid),
            }
        }
    }

    pub(super) fn record_all(&mut self, scope: &mut Scope<'_>) -> Result<(), Error> {
        for index in 0..S::__COUNT {
            self.record_unless_at_seed(index, scope)?;
        }
        if planted(Bug::UpdateDropsUnknownFields) {
            let uids = scope.entries.keys();
            let unknown = uids.filter(|uid| !self.layout.index.contains_key(split(uid).0));
            unknown.for_each(|uid| scope.changes.delete(uid.clone()));
        }
        Ok(())
    }
}

impl Scope<'_> {
    /// From this place on, the edits hold all entries of a field that had none before, or that nobody had marked:
    /// what else the store has below its uid goes.
    pub(super) fn take_over(&mut self, uid: &str, begin: usize) {
        let below = format!("{uid}/");
        let stale = self
            .entries
            .iter_from(&below)
            .map(|(uid, _)| uid)
            .take_while(|uid| uid.starts_with(&below));
        let edits = &mut self.changes;
        let written: HashSet<SharedStr> = edits.entries[begin..]
            .iter()
            .map(|edit| edit.uid.clone())
            .collect();
        for uid in stale {
            edits.whole = true;
            if !written.contains(uid) {
                edits.delete(uid);
            }
        }
        edits.whole |= self.entries.contains_key(uid);
    }
}

//! When the rules of a struct are asked: at what a write changes, at the seeds, and at what is stored where somebody
//! asks for the health of the store. Never here: the rules themselves.
//!
//! A rule judges what a write changes. What another program has stored is shown, and refuses no write that leaves it
//! as it is. Nor does what it has stored in one entry of a collection refuse a write of another entry: there, and for
//! the struct's own rule, a state that broke the rule before the write may break it after that too.

use super::{field_set::FieldSet, handle::Handle, model::StructModel};
use crate::{
    engine::Scope,
    entry::{Edit, Edits},
    error::{
        Error, ValueError,
        rules::{Broken, broken, broken_by_struct},
    },
    health::Condition,
    planted::{Bug, planted},
    rules::{BrokenRule, normalize},
    schema::{EntryTables, Schema, fields_of},
    value::excerpt,
};

/// What to record of a field, and where.
pub(super) struct Recording<'a, S> {
    pub(super) index: usize,
    /// The field before the operation, where it logs by entry: what stands in the store of it.
    pub(super) before: Option<&'a S>,
    /// The field before the operation, marked or not.
    pub(super) was: Option<&'a S>,
    /// Where its edits begin.
    pub(super) begin: usize,
}

/// The rules of a whole struct.
pub(super) const fn normalizes<S: Schema>() -> bool {
    normalize(S::__STRUCT_RULES)
}

impl<S: Schema> StructModel<S> {
    /// Opens the fields that an operation on this one may change.
    pub(super) fn open_for(&mut self, index: usize) -> &mut S {
        match normalizes::<S>() {
            true => self.open_all(),
            false => self.open_field(index),
        }
    }

    /// Records what an operation on this field changed, as far as the rules let it.
    pub(super) fn record_one(&mut self, index: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        if normalizes::<S>() {
            return self.record_each(scope);
        }
        match self.reads_as_seed(index) {
            true => self.record_unless_at_seed(index, scope)?,
            false => self.record(index, scope)?,
        }
        self.keep_rules_of_struct(scope)
    }

    /// As [`record_one`](StructModel::record_one), of all fields.
    pub(super) fn record_each(&mut self, scope: &mut Scope<'_>) -> Result<(), Error> {
        if !normalizes::<S>() {
            self.record_all(scope)?;
            return self.keep_rules_of_struct(scope);
        }
        let outcome = self.record_all(scope);
        // A value that cannot be written, or that breaks a rule, is not the one that is stored.
        if outcome.is_ok() && !changes(scope, 0) {
            return Ok(());
        }
        self.draft().state.__normalize_struct();
        scope.changes = Edits::default();
        self.record_all(scope)?;
        self.keep_rules_of_struct(scope)
    }

    /// Refuses what breaks the struct's own rule.
    pub(super) fn keep_rules_of_struct(&mut self, scope: &Scope<'_>) -> Result<(), Error> {
        if S::__STRUCT_RULES.is_empty() || !changes(scope, 0) {
            return Ok(());
        }
        match self.draft().state.__check_struct() {
            Err(rule) if !self.broke_before(scope) => Err(of_struct(Broken::Written, rule)),
            _ => Ok(()),
        }
    }

    /// Whether the state before the operation breaks the struct's rule, too.
    fn broke_before(&mut self, scope: &Scope<'_>) -> bool {
        let layout = self.layout.clone();
        let mut state = self.draft().state.__copy();
        let mut changed = FieldSet::of(S::__COUNT);
        for edit in &scope.changes.entries {
            if let Some(index) = layout.index_of(&edit.uid) {
                changed.add(index);
            }
        }
        let stored = layout.outline.as_read(scope.entries);
        for index in changed.iter() {
            state.__copy_field(index, &layout.seed);
            let Some(uid) = layout.fields.get(index).and_then(|field| field.uid) else {
                continue;
            };
            let own = stored.get(uid).map(|json| (uid, json));
            let below = format!("{uid}/");
            let entries = stored.iter_from(&below);
            let entries = entries
                .take_while(|(uid, _)| uid.starts_with(&below))
                .map(|(uid, json)| (&**uid, json));
            for (uid, json) in own.into_iter().chain(entries) {
                if layout.apply(&mut state, index, uid, Some(json)).is_err() {
                    return false;
                }
            }
        }
        state.__check_struct().is_err()
    }

    /// Goes by the rules of a field that was recorded with this outcome. It is recorded anew where it was normalized.
    pub(super) fn keep_rules(
        &mut self,
        outcome: Result<(), ValueError>,
        recording: &Recording<'_, S>,
        scope: &mut Scope<'_>,
    ) -> Result<(), ValueError> {
        let &Recording {
            index,
            before,
            was,
            begin,
        } = recording;
        // A value that cannot be written is not the one that is stored.
        let is_unchanged = outcome.is_ok() && !changes(scope, begin);
        if is_unchanged && !planted(Bug::JudgeWhatNobodyChanged) {
            return Ok(());
        }
        let rules = self
            .layout
            .fields
            .get(index)
            .map_or(&[][..], |field| field.rules);
        if normalize(rules) {
            self.draft().state.__normalize(index);
            scope.changes.entries.truncate(begin);
            let tables = self.layout.tables.clone();
            let state = &mut self.draft().state;
            let stored = |uid: &str| scope.entries.get(uid).cloned();
            tables.record(state, index, before, &stored, &mut scope.changes)?;
            if !changes(scope, begin) {
                return Ok(());
            }
        } else {
            outcome?;
        }
        let is_by_entry = self.layout.tables.mark(index).is_some();
        let Err(rule) = self.draft().state.__check(index) else {
            return Ok(());
        };
        if is_by_entry && was.is_some_and(|was| was.__check(index).is_err()) {
            return Ok(());
        }
        let written = scope.changes.entries.last();
        let json = written
            .filter(|_| !is_by_entry)
            .and_then(|edit| edit.json.as_deref());
        Err(of_field(Broken::Written, json, rule))
    }
}

/// Whether one of the edits from this place on changes anything.
fn changes(scope: &Scope<'_>, begin: usize) -> bool {
    let edits = scope.changes.entries.get(begin..).unwrap_or_default();
    let is_new = |Edit { uid, json }: &Edit| scope.entries.get(uid) != json.as_ref();
    edits.iter().any(is_new)
}

fn of_field(about: Broken, json: Option<&str>, rule: BrokenRule) -> ValueError {
    let BrokenRule { key, text, why } = rule;
    broken(
        about,
        json.map(excerpt).as_deref(),
        (key, text),
        why.as_deref(),
    )
}

fn of_struct(about: Broken, rule: BrokenRule) -> Error {
    let BrokenRule { key, text, why } = rule;
    broken_by_struct(about, (key, text), why.as_deref())
}

/// What of a state breaks a rule: each field, and then the struct.
fn broken_in<S: Schema>(state: &S, about: Broken) -> Vec<Error> {
    let mut found = Vec::new();
    for (index, field) in fields_of::<S>().iter().enumerate() {
        let Some(uid) = field.uid.filter(|_| !field.rules.is_empty()) else {
            continue;
        };
        if let Err(rule) = state.__check(index) {
            let mut edits = Edits::default();
            let json = match state.__copy().__record(index, uid, &mut edits) {
                Ok(()) => edits.entries.first().and_then(|edit| edit.json.as_deref()),
                Err(_) => None,
            };
            found.push(of_field(about, json, rule).at(uid));
        }
    }
    if let Err(rule) = state.__check_struct() {
        found.push(of_struct(about, rule));
    }
    found
}

/// A seed as it is written: normalized.
///
/// # Errors
///
/// Where it breaks a rule.
pub(crate) fn checked_seed<S: Schema>(mut seed: S) -> Result<S, Error> {
    if fields_of::<S>().iter().all(|field| field.rules.is_empty()) && S::__STRUCT_RULES.is_empty() {
        return Ok(seed);
    }
    for (index, field) in fields_of::<S>().iter().enumerate() {
        if normalize(field.rules) {
            seed.__normalize(index);
        }
    }
    if normalizes::<S>() {
        seed.__normalize_struct();
    }
    match broken_in(&seed, Broken::Seed).into_iter().next() {
        Some(error) => Err(error.nothing_written()),
        None => Ok(seed),
    }
}

/// Why one field of a seed is not written, once it is normalized.
pub(super) fn seed_breaks_rule<S: Schema>(
    seed: &mut S,
    index: usize,
    tables: &EntryTables,
) -> Option<ValueError> {
    let field = fields_of::<S>().get(index)?;
    if normalize(field.rules) {
        seed.__normalize(index);
    }
    let mut edits = Edits::default();
    if let Err(error) = tables.record(seed, index, None, &|_| None, &mut edits) {
        return Some(error);
    }
    let written = edits
        .entries
        .first()
        .filter(|_| tables.mark(index).is_none());
    let json = written.and_then(|edit| edit.json.as_deref());
    let rule = seed.__check(index).err()?;
    Some(of_field(Broken::Written, json, rule))
}

impl<S: Schema> Handle<S> {
    /// What is stored and breaks a rule.
    pub(super) fn broken_rules(&self) -> Vec<Condition> {
        let has_none = fields_of::<S>().iter().all(|field| field.rules.is_empty());
        if has_none && S::__STRUCT_RULES.is_empty() {
            return Vec::new();
        }
        let errors = broken_in(&*self.stored_state(), Broken::Stored);
        let named = errors
            .into_iter()
            .map(|error| self.engine().in_store(error));
        named.map(|error| Condition::Invalid { error }).collect()
    }
}

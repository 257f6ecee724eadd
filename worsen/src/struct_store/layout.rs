//! What the draft of a struct and its readers both know of it: its seed, its fields by uid, and which of them log
//! by entry. Never here: a state that changes.

use std::{collections::HashMap, sync::Arc};

use crate::{
    entry::FieldChange,
    error::ValueError,
    options::OnMismatch,
    planted::meet_unknown,
    schema::{EntryTables, FieldInfo, Fields, Outline},
    uid::split,
};

pub(super) struct Layout<S> {
    pub(super) seed: S,
    pub(super) fields: &'static [FieldInfo],
    pub(super) outline: Arc<Outline>,
    pub(super) index: HashMap<&'static str, usize>,
    pub(super) tables: EntryTables,
    /// What is stored and does not fit reads as, where its field says nothing.
    pub(super) on_mismatch: Option<OnMismatch>,
}

impl<S: Fields> Layout<S> {
    /// Whether the file holds the field at this place.
    pub(super) fn is_stored(&self, index: usize) -> bool {
        let field = self.fields.get(index);
        field.is_some_and(|field| field.uid.is_some())
    }

    /// The place of the field of this uid. What a newer program wrote is carried along by the engine, and
    /// means nothing here.
    pub(super) fn index_of(&self, uid: &str) -> Option<usize> {
        let index = self.index.get(split(uid).0).copied();
        if index.is_none() {
            meet_unknown(uid);
        }
        index
    }

    /// Takes one entry into the field at this place.
    pub(super) fn apply(
        &self,
        state: &mut S,
        index: usize,
        uid: &str,
        json: Option<&str>,
    ) -> Result<(), ValueError> {
        match FieldChange::new(split(uid).1, json) {
            FieldChange::Unset => {
                state.__copy_field(index, &self.seed);
                Ok(())
            }
            change => self.tables.apply(state, index, change),
        }
    }

    /// What is stored at this uid and does not fit reads as.
    pub(super) fn on_mismatch(&self, index: usize) -> Option<OnMismatch> {
        let field = self.fields.get(index);
        field
            .and_then(|field| field.on_mismatch)
            .or(self.on_mismatch)
    }
}

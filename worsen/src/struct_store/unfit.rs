//! What of the stored state does not fit its field and is not shown: the field reads as its seed, or the entry is left
//! out. A part of each copy of the state, which goes from copy to copy with its field. Never here: what reads how.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;

use crate::{error::Error, health::Condition, shared_str::SharedStr};

/// Nearly always nothing.
#[derive(Clone, Default)]
pub(super) struct Unfit(Option<Arc<BTreeMap<usize, OfField>>>);

/// What of one field does not fit.
#[derive(Clone, Default)]
struct OfField {
    /// The value under its own uid.
    own: Option<Error>,
    /// The entries below that, by their uids.
    entries: OrdMap<SharedStr, Error>,
}

impl Unfit {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn reads_as_seed(&self, index: usize) -> bool {
        self.of(index).is_some_and(|field| field.own.is_some())
    }

    fn of(&self, index: usize) -> Option<&OfField> {
        self.0.as_ref()?.get(&index)
    }

    fn of_mut(&mut self, index: usize) -> &mut OfField {
        let all = Arc::make_mut(self.0.get_or_insert_with(Arc::default));
        all.entry(index).or_default()
    }

    /// The field reads as its seed.
    pub(super) fn add_field(&mut self, index: usize, error: Error) {
        *self.of_mut(index) = OfField {
            own: Some(error),
            entries: OrdMap::new(),
        };
    }

    /// The entry of this uid is left out.
    pub(super) fn add_entry(&mut self, index: usize, uid: &str, error: Error) {
        self.of_mut(index).entries.insert(uid.into(), error);
    }

    /// The field was written whole.
    pub(super) fn forget_field(&mut self, index: usize) {
        self.change(index, None);
    }

    /// The entry of this uid was written, or is gone.
    pub(super) fn forget_entry(&mut self, index: usize, uid: &str) {
        let Some(field) = self
            .of(index)
            .filter(|field| field.entries.contains_key(uid))
        else {
            return;
        };
        let mut field = field.clone();
        field.entries.remove(uid);
        self.change(index, Some(field));
    }

    pub(super) fn copy_field(&mut self, index: usize, from: &Self) {
        if self.is_empty() && from.is_empty() {
            return;
        }
        self.change(index, from.of(index).cloned());
    }

    fn change(&mut self, index: usize, field: Option<OfField>) {
        let field = field.filter(|field| field.own.is_some() || !field.entries.is_empty());
        if let Some(field) = field {
            *self.of_mut(index) = field;
        } else if let Some(all) = &mut self.0 {
            if all.contains_key(&index) {
                let all = Arc::make_mut(all);
                all.remove(&index);
                if all.is_empty() {
                    self.0 = None;
                }
            }
        }
    }

    /// What to tell of it. `name` says of each error which store it is about.
    pub(super) fn conditions(&self, name: impl Fn(Error) -> Error) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for OfField { own, entries } in self.0.iter().flat_map(|all| all.values()) {
            if let Some(error) = own {
                let error = name(error.clone());
                conditions.push(Condition::ReadsAsSeed { error });
            }
            if let Some(error) = entries.values().next() {
                conditions.push(Condition::LeftOut {
                    error: name(error.clone()),
                    entries: entries.len(),
                });
            }
        }
        conditions
    }
}

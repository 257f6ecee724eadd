//! The draft of a keyed store: what operations changed of its values since readers were last told. Never here: what
//! readers see.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::published::{KeyedReadModel, Published, SPARE_ENTRIES};
use crate::{
    backend::Entries,
    engine::{Model, Scope, Unseen},
    entry::{Edit, Stored},
    error::{Error, ValueError},
    shared_str::SharedStr,
    uid::check_uid,
    value::{self, Value},
};

/// The values, and what operations changed of them since readers were last told.
pub(crate) struct KeyedModel<T: Value> {
    map: Arc<Published<T>>,
    draft: HashMap<SharedStr, Option<T>>,
    /// The uids touched since the last `accept`.
    open: Vec<SharedStr>,
}

impl<T: Value> KeyedModel<T> {
    /// The model of a store without values, and what its readers see.
    pub(crate) fn new() -> (Self, KeyedReadModel<T>, Arc<Published<T>>) {
        let map = Arc::new(Published::new());
        let model = KeyedModel {
            map: map.clone(),
            draft: HashMap::new(),
            open: Vec::new(),
        };
        (model, KeyedReadModel::new(map.clone()), map)
    }

    pub(super) fn get(&self, uid: &str) -> Result<Option<T>, Error> {
        match self.draft.get(uid) {
            Some(value) => Ok(value.clone()),
            None => self.map.value(uid).map_err(|error| error.at(uid)),
        }
    }

    pub(super) fn set(
        &mut self,
        uid: &str,
        value: Option<T>,
        scope: &mut Scope<'_>,
    ) -> Result<(), Error> {
        check_uid(uid)?;
        let text = SharedStr::from(uid);
        let value = match value {
            Some(value) => {
                let json = scope.entries.get(uid).cloned();
                let stored = json.map(|json| Stored {
                    json,
                    is_own: false,
                });
                let encoded = value::encode(&value, stored.as_ref());
                let encoded = encoded.map_err(|error| error.at(uid))?;
                scope.changes.set(&text, encoded.json);
                Some(encoded.copy.unwrap_or(value))
            }
            None => {
                scope.changes.delete(&text);
                None
            }
        };
        self.put(text, value);
        Ok(())
    }

    fn put(&mut self, uid: SharedStr, value: Option<T>) {
        self.open.push(uid.clone());
        self.draft.insert(uid, value);
    }
}

impl<T: Value> Model for KeyedModel<T> {
    fn adopt(&mut self, entries: &Entries, revision: u64) -> Vec<(SharedStr, ValueError)> {
        let mut misfits = Vec::new();
        for (uid, json) in entries {
            if let Err(error) = value::decode::<T>(json) {
                misfits.push((uid.clone(), error));
            }
        }
        // Nobody can read yet, so this needs no draft.
        self.map.load(entries.sorted(), entries.len(), revision);
        misfits
    }

    fn follow(&mut self) {
        self.draft.clear();
        self.draft.shrink_to(SPARE_ENTRIES);
        self.open.clear();
    }

    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let value = json.as_deref().map(value::decode).transpose()?;
        self.put(uid.clone(), value);
        Ok(())
    }

    fn accept(&mut self) {
        self.open.clear();
        self.open.shrink_to(SPARE_ENTRIES);
    }

    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError> {
        let undone: HashSet<SharedStr> = if all {
            self.draft.drain().map(|(uid, _)| uid).collect()
        } else {
            self.open.drain(..).collect()
        };
        for uid in &undone {
            self.draft.remove(uid);
        }
        for edit in since {
            if undone.contains(&edit.uid) {
                self.apply(edit)?;
            }
        }
        self.open.clear();
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        !self.draft.is_empty()
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.map.publish(self.draft.drain(), revision, unseen);
        // To empty a map costs its capacity: every later commit would pay for a large one.
        self.draft.shrink_to(SPARE_ENTRIES);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A draft that was large once made every later commit cost as much as that one.
    #[test]
    fn a_large_commit_does_not_make_the_next_ones_dear() {
        let (mut model, ..) = KeyedModel::<u32>::new();
        for number in 0..10_000 {
            model.put(number.to_string().into(), Some(number));
        }
        model.accept();
        let uids = (0..10_000).map(|number| number.to_string().into());
        model.publish(1, uids.map(|uid| (uid, None)).collect());
        assert_eq!(model.map.len(), 10_000);
        assert!(model.draft.capacity() < 1_000);
        assert!(model.open.capacity() < 1_000);
    }
}

//! Readers of a keyed store as they go on by themselves, beside the draft. Never here: operations.

use std::{collections::HashMap, sync::Arc};

use super::{Published, SPARE_ENTRIES};
use crate::{
    engine::{ReadModel, Unseen},
    entry::Edit,
    error::ValueError,
    shared_str::SharedStr,
    value::{self, Value},
};

/// Readers, as they go on by themselves.
pub(crate) struct KeyedReadModel<T: Value> {
    map: Arc<Published<T>>,
    next: HashMap<SharedStr, Option<T>>,
}

impl<T: Value> KeyedReadModel<T> {
    pub(in crate::keyed_store) fn new(map: Arc<Published<T>>) -> Self {
        KeyedReadModel {
            map,
            next: HashMap::new(),
        }
    }
}

impl<T: Value> ReadModel for KeyedReadModel<T> {
    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let value = json.as_deref().map(value::decode).transpose()?;
        self.next.insert(uid.clone(), value);
        Ok(())
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.map.publish(self.next.drain(), revision, unseen);
        self.next.shrink_to(SPARE_ENTRIES);
    }

    fn forget(&mut self) {
        self.next.clear();
        self.next.shrink_to(SPARE_ENTRIES);
    }
}

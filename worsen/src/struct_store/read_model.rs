//! Readers of a struct as they go on by themselves: they take over what is new into a copy of their own, while an
//! operation is at work on the draft. Never here: operations.

use std::sync::Arc;

use super::{
    field_set::FieldSet,
    layout::Layout,
    published::{Published, Versioned},
};
use crate::{
    engine::{ReadModel, Unseen},
    entry::Edit,
    error::ValueError,
    schema::{EntryTables, Schema},
};

/// What readers see of one struct, and the copy with which they go on.
pub(crate) struct StructReadModel<S: Schema> {
    pub(crate) cell: Arc<Published<S>>,
    layout: Arc<Layout<S>>,
    /// Made when it is needed: a process that only writes has no use for it.
    spare: Option<Arc<Versioned<S>>>,
    /// Fields that are newer in it.
    newer: FieldSet,
}

impl<S: Schema> StructReadModel<S> {
    pub(super) fn new(cell: Arc<Published<S>>, layout: Arc<Layout<S>>, fields: usize) -> Self {
        StructReadModel {
            cell,
            layout,
            spare: None,
            newer: FieldSet::of(fields),
        }
    }

    /// Which fields log by entry.
    pub(crate) fn tables(&self) -> EntryTables {
        self.layout.tables.clone()
    }

    fn bring_up(&mut self) -> &mut Versioned<S> {
        let newer = |index| self.newer.contains(index);
        self.cell.bring_up(&mut self.spare, newer)
    }
}

impl<S: Schema> ReadModel for StructReadModel<S> {
    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let Some(index) = self.layout.index_of(uid) else {
            return Ok(());
        };
        // Before it is newer, it may be older.
        self.bring_up();
        self.newer.add(index);
        let layout = self.layout.clone();
        self.bring_up().take(&layout, index, uid, json.as_deref())
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.bring_up();
        let Some(spare) = self.spare.take() else {
            return;
        };
        let before = self
            .cell
            .publish(spare, &self.newer, &self.layout, revision, &unseen);
        self.spare = Some(before);
        self.newer.clear();
    }

    fn forget(&mut self) {
        if !self.newer.is_empty() {
            // What it has is of no use.
            self.spare = None;
            self.newer.clear();
        }
    }
}

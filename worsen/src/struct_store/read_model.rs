//! What readers of a struct see: one state, swapped whole. Readers take over what is new into a copy of
//! their own, while an operation is at work on the draft. Never here: operations.

use std::sync::Arc;

use super::{Fields, Layout, Published, Versioned};
use crate::{
    engine::{ReadModel, Unseen},
    entry::Edit,
    error::ValueError,
    schema::{EntryTables, Schema},
    uid::split,
};

impl<S: Schema> Published<S> {
    /// A copy that nobody else has, up to date with what readers see, apart from the fields that are newer
    /// in it. `copy` is one that lags behind, and `None`, or kept by a reader, where it is not to be had.
    ///
    /// It stays where it is: where a `Clone` panics, what is newer in it is not lost.
    pub(super) fn bring_up<'a>(
        &self,
        copy: &'a mut Option<Arc<Versioned<S>>>,
        newer: impl Fn(usize) -> bool,
    ) -> &'a mut Versioned<S> {
        let newest = self.newest.load();
        if copy.as_ref().is_none_or(|copy| Arc::strong_count(copy) > 1) {
            *copy = Some(Arc::new(newest.copy()));
        }
        let copy = copy.get_or_insert_with(|| Arc::new(newest.copy()));
        // Nobody else has it, so this never copies.
        let copy = Arc::make_mut(copy);
        if copy.publication != newest.publication {
            for index in 0..S::__FIELDS.len() {
                if copy.stamps.get(index) != newest.stamps.get(index) && !newer(index) {
                    copy.copy_field(index, &newest);
                }
            }
            copy.changed.copy_from_slice(&newest.changed);
            copy.publication = newest.publication;
        }
        copy
    }

    /// Readers see this copy from now on, in which these fields are newer. Returns what they saw.
    pub(super) fn publish(
        &self,
        mut copy: Arc<Versioned<S>>,
        newer: &Fields,
        layout: &Layout<S>,
        revision: u64,
        unseen: &Unseen,
    ) -> Arc<Versioned<S>> {
        // Nobody else has it, so this never copies.
        let next = Arc::make_mut(&mut copy);
        next.revision = revision;
        next.publication += 1;
        for index in newer.iter() {
            if let Some(stamp) = next.stamps.get_mut(index) {
                *stamp = next.publication;
            }
        }
        for uid in unseen.keys() {
            let index = layout.index.get(split(uid).0);
            if let Some(changed) = index.and_then(|index| next.changed.get_mut(*index)) {
                *changed = revision;
            }
        }
        self.newest.swap(copy)
    }
}

/// What readers see of one struct, and the copy that they go on with.
pub(crate) struct StructReadModel<S: Schema> {
    pub(crate) cell: Arc<Published<S>>,
    layout: Arc<Layout<S>>,
    /// Made when it is needed: a process that only writes has no use for it.
    spare: Option<Arc<Versioned<S>>>,
    /// Fields that are newer in it.
    newer: Fields,
}

impl<S: Schema> StructReadModel<S> {
    pub(super) fn new(cell: Arc<Published<S>>, layout: Arc<Layout<S>>, fields: usize) -> Self {
        StructReadModel {
            cell,
            layout,
            spare: None,
            newer: Fields::of(fields),
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
        layout.apply(&mut self.bring_up().state, index, uid, json.as_deref())
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
        if self.newer.any {
            // What it has is of no use.
            self.spare = None;
            self.newer.clear();
        }
    }
}

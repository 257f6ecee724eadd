//! What readers of a struct see: one state, swapped whole. Draft and readers each bring a copy of their own up to
//! it, and swap that in. Never here: operations, and what is new in a copy.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{field_set::FieldSet, layout::Layout};
use crate::{engine::Unseen, open_store::ReadSide, schema::Schema, uid::split};

/// The state that readers see.
pub(crate) struct Published<S> {
    /// For states of another time.
    pub(super) layout: Arc<Layout<S>>,
    pub(super) newest: ArcSwap<Versioned<S>>,
}

/// A state, and when each of its fields changed last.
pub(super) struct Versioned<S> {
    pub(super) state: S,
    pub(super) revision: u64,
    /// In revisions, for watches.
    pub(super) changed: Box<[u64]>,
    /// In publications of this process, for the copies that are brought up to this one: what is not stored
    /// has no revision.
    pub(super) stamps: Box<[u64]>,
    pub(super) publication: u64,
}

impl<S: Schema> ReadSide for Published<S> {
    fn revision(&self) -> u64 {
        self.newest.load().revision
    }
}

impl<S: Schema> Published<S> {
    /// A copy that nobody else has, up to date with what readers see, apart from the fields that are newer
    /// in it. `copy` is one that lags behind; where there is none, or a reader keeps it, a new one takes its
    /// place.
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
            for index in 0..S::__COUNT {
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
        newer: &FieldSet,
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
        let renames = layout.outline.renames();
        for uid in unseen.keys() {
            let field = split(uid).0;
            let index = match renames.present(field) {
                None => layout.index.get(field),
                // A former uid that is not read any more may change as it likes.
                Some(uid) => layout
                    .index
                    .get(uid)
                    .filter(|index| newer.contains(**index)),
            };
            if let Some(changed) = index.and_then(|index| next.changed.get_mut(*index)) {
                *changed = revision;
            }
        }
        self.newest.swap(copy)
    }
}

impl<S: Schema> Versioned<S> {
    pub(super) fn copy(&self) -> Self {
        Versioned {
            state: self.state.__copy(),
            revision: self.revision,
            changed: self.changed.clone(),
            stamps: self.stamps.clone(),
            publication: self.publication,
        }
    }

    pub(super) fn copy_field(&mut self, index: usize, from: &Self) {
        self.state.__copy_field(index, &from.state);
        if let (Some(stamp), Some(newer)) = (self.stamps.get_mut(index), from.stamps.get(index)) {
            *stamp = *newer;
        }
    }
}

impl<S: Schema> Clone for Versioned<S> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

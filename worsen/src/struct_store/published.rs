//! What readers of a struct see: one state, swapped whole. Draft and readers each bring a copy of their own up to
//! it, and swap that in. Never here: operations, and what is new in a copy.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{field_set::FieldSet, layout::Layout, overrides::Overrides, unfit::Unfit};
use crate::{
    engine::Unseen,
    error::ValueError,
    loom::{Mutex, Unpoisoned},
    open_store::ReadSide,
    options::OnMismatch,
    planted::{Bug, planted},
    schema::Schema,
    uid::split,
};

/// The state that readers see.
pub(crate) struct Published<S> {
    /// For states of another time.
    pub(super) layout: Arc<Layout<S>>,
    /// As it is stored.
    pub(super) newest: ArcSwap<Versioned<S>>,
    /// What readers see in its place, where something is overridden.
    pub(super) shown: Option<Shown<S>>,
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
    /// What it does not show.
    pub(super) unfit: Unfit,
}

impl<S: Schema> ReadSide for Published<S> {
    fn revision(&self) -> u64 {
        // What is shown comes last. By the other one, a reader between the two would not look for what it lacks.
        self.readers().load().revision
    }
}

impl<S: Schema> Published<S> {
    /// What readers see.
    #[inline]
    pub(super) fn readers(&self) -> &ArcSwap<Versioned<S>> {
        match &self.shown {
            Some(shown) if S::__HAS_ENV => &shown.newest,
            _ => &self.newest,
        }
    }

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
        let newest = match planted(Bug::StoreOverrides) {
            true => self.readers().load(),
            false => self.newest.load(),
        };
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
        let before = self.newest.swap(copy);
        if let Some(shown) = &self.shown {
            shown.follow(&self.newest.load());
        }
        before
    }
}

/// What readers see where something is overridden.
pub(super) struct Shown<S> {
    pub(super) newest: ArcSwap<Versioned<S>>,
    /// A copy that lags behind, to be the next one. Publications come one by one; the lock says so to the compiler.
    spare: Mutex<Option<Arc<Versioned<S>>>>,
    overrides: Overrides<S>,
}

impl<S: Schema> Shown<S> {
    pub(super) fn new(stored: &Versioned<S>, overrides: Overrides<S>) -> Self {
        let mut first = stored.copy();
        for index in overrides.fields.iter() {
            first.state.__copy_field(index, &overrides.state);
        }
        Shown {
            newest: ArcSwap::from_pointee(first),
            spare: Mutex::new(None),
            overrides,
        }
    }

    pub(super) fn overrides(&self, index: usize) -> bool {
        self.overrides.fields.contains(index)
    }

    /// Shows what was published.
    pub(super) fn follow(&self, stored: &Versioned<S>) {
        let mut spare = self.spare.lock().unpoisoned();
        if spare
            .as_ref()
            .is_none_or(|spare| Arc::strong_count(spare) > 1)
        {
            *spare = Some(Arc::new(self.newest.load().copy()));
        }
        let Some(mut copy) = spare.take() else { return };
        // Nobody else has it, so this never copies.
        let next = Arc::make_mut(&mut copy);
        for index in 0..S::__COUNT {
            if next.stamps.get(index) != stored.stamps.get(index) && !self.overrides(index) {
                next.copy_field(index, stored);
                if let (Some(changed), Some(newer)) =
                    (next.changed.get_mut(index), stored.changed.get(index))
                {
                    *changed = *newer;
                }
            }
        }
        next.revision = stored.revision;
        next.publication = stored.publication;
        *spare = Some(self.newest.swap(copy));
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
            unfit: self.unfit.clone(),
        }
    }

    /// Takes one entry into the field at this place. What does not fit is left out, where that is allowed.
    pub(super) fn take(
        &mut self,
        layout: &Layout<S>,
        index: usize,
        uid: &str,
        json: Option<&str>,
    ) -> Result<(), ValueError> {
        let key = split(uid).1;
        if !self.unfit.is_empty() {
            match key {
                None => self.unfit.forget_field(index),
                // The field has no entries, as far as anybody knows.
                Some(_) if self.unfit.reads_as_seed(index) => return Ok(()),
                Some(_) => self.unfit.forget_entry(index, uid),
            }
        }
        let Err(error) = layout.apply(&mut self.state, index, uid, json) else {
            return Ok(());
        };
        match (key, json, layout.on_mismatch(index)) {
            (None, _, Some(OnMismatch::Seed)) => {
                self.state.__copy_field(index, &layout.seed);
                self.unfit.add_field(index, error.at(uid));
                Ok(())
            }
            (Some(key), Some(json), None | Some(OnMismatch::Seed))
                if layout.tables.leave_out(&mut self.state, index, key, json) =>
            {
                self.unfit.add_entry(index, uid, error.at(uid));
                Ok(())
            }
            _ => Err(error),
        }
    }

    pub(super) fn copy_field(&mut self, index: usize, from: &Self) {
        self.state.__copy_field(index, &from.state);
        self.unfit.copy_field(index, &from.unfit);
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

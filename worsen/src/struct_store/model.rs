//! The draft of a struct: the state that operations change, until it is what readers see. Never here: how what
//! changed is written.

use std::{any::Any, collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    field_set::FieldSet,
    layout::Layout,
    overrides::Overrides,
    published::{Published, Shown, Versioned},
    read_model::StructReadModel,
    unfit::Unfit,
};
use crate::{
    backend::Entries,
    engine::{Model, Unseen},
    entry::{Edit, Edits},
    error::ValueError,
    options::OnMismatch,
    planted::{Bug, meet_unknown, planted},
    schema::{EntryTables, Outline, Schema, fields_of},
    shared_str::SharedStr,
    uid::split,
};

/// The draft of one struct: a copy that is brought up to what readers see field by field. A publication
/// swaps the two, so a write costs the fields it touches and not the state.
pub(crate) struct StructModel<S: Schema> {
    cell: Arc<Published<S>>,
    pub(super) layout: Arc<Layout<S>>,
    /// Nobody else has it. `None`: readers still keep the state that would have become the draft.
    draft: Option<Arc<Versioned<S>>>,
    /// Fields that may be newer in the draft.
    pub(super) dirty: FieldSet,
    /// Those of them touched since the last `accept`.
    open: FieldSet,
    /// The entries of each field's seed, for fields that the store has no value of.
    pub(super) seed_entries: Vec<Vec<Edit>>,
    /// Has the fields that log by entry as they were before the operation that runs, also those that are not
    /// stored and that readers do not see yet, and the seeds of the others. `None`: it was not needed yet.
    pub(super) before: Option<S>,
    /// What this program wrote of each field last.
    pub(super) written: Vec<Option<SharedStr>>,
    /// The field that the operation which runs sets to a value, whatever it was.
    pub(super) set: Option<usize>,
}

impl<S: Schema> StructModel<S> {
    /// The model of a store in which every field is at its seed.
    pub(crate) fn new(
        mut seed: S,
        on_mismatch: Option<OnMismatch>,
        overrides: Option<Overrides<S>>,
    ) -> (Self, StructReadModel<S>) {
        let count = S::__COUNT;
        let fields = fields_of::<S>();
        let mut index = HashMap::new();
        let mut seed_entries = vec![Vec::new(); count];
        let tables = EntryTables::of::<S>();
        for (at, field) in fields.iter().enumerate() {
            if let Some(uid) = field.uid {
                index.insert(uid, at);
                let mut entries = Edits::default();
                // A seed that cannot be written is refused where a store is created. A store that exists needs
                // no seeds.
                if tables
                    .record(&mut seed, at, None, &|_| None, &mut entries)
                    .is_ok()
                {
                    seed_entries[at] = entries.entries;
                }
            }
        }
        let versioned = Versioned {
            state: seed.__copy(),
            revision: 0,
            changed: vec![0; count].into(),
            stamps: vec![0; count].into(),
            publication: 0,
            unfit: Unfit::default(),
        };
        let layout = Arc::new(Layout {
            seed,
            fields,
            outline: Arc::new(Outline::of(S::__evolution(), fields)),
            index,
            tables,
            on_mismatch,
        });
        let cell = Arc::new(Published {
            layout: layout.clone(),
            shown: overrides.map(|overrides| Shown::new(&versioned, overrides)),
            newest: ArcSwap::from_pointee(versioned),
        });
        let model = StructModel {
            cell: cell.clone(),
            layout: layout.clone(),
            draft: None,
            dirty: FieldSet::of(count),
            open: FieldSet::of(count),
            seed_entries,
            before: None,
            written: vec![None; count],
            set: None,
        };
        (model, StructReadModel::new(cell, layout, count))
    }

    /// The draft, up to date with what readers see wherever it is not newer.
    pub(super) fn draft(&mut self) -> &mut Versioned<S> {
        let newer = |index| self.dirty.contains(index) || self.open.contains(index);
        self.cell.bring_up(&mut self.draft, newer)
    }

    /// The field may be newer in the draft from now on. Until now it may have been older.
    fn open(&mut self, index: usize) {
        self.draft();
        self.open.add(index);
    }

    pub(super) fn open_field(&mut self, index: usize) -> &mut S {
        self.remember(index);
        self.open(index);
        &mut self.draft().state
    }

    pub(super) fn open_all(&mut self) -> &mut S {
        for index in 0..S::__COUNT {
            self.remember(index);
        }
        self.draft();
        self.open.add_all();
        &mut self.draft().state
    }

    /// Keeps a field as it is, to be compared with what an operation makes of it.
    fn remember(&mut self, index: usize) {
        // Nothing else holds what an operation before this one did to a field that is not stored.
        let is_needed = self.layout.tables.mark(index).is_some()
            || self.dirty.contains(index) && !self.layout.is_stored(index);
        if is_needed {
            let seed = &self.layout.seed;
            let mut before = self.before.take().unwrap_or_else(|| seed.__copy());
            before.__copy_field(index, &self.draft().state);
            self.before = Some(before);
        }
    }
}

impl<S: Schema> Model for StructModel<S> {
    fn outline(&self) -> Arc<Outline> {
        self.layout.outline.clone()
    }

    fn adopt(&mut self, entries: &Entries, _revision: u64) -> Vec<(SharedStr, ValueError)> {
        let mut misfits = Vec::new();
        let mut draft = self.cell.newest.load().copy();
        let layout = self.layout.clone();
        // Nearly always the field is that of the entry before.
        let mut last: Option<(&str, usize)> = None;
        for (uid, json) in entries {
            let (field, _) = split(uid);
            let index = match last {
                Some((name, index)) if name == field => index,
                _ => {
                    let Some(&index) = self.layout.index.get(field) else {
                        meet_unknown(uid);
                        continue;
                    };
                    self.open.add(index);
                    last = Some((field, index));
                    index
                }
            };
            if let Err(error) = draft.take(&layout, index, uid, Some(json)) {
                misfits.push((uid.clone(), error));
            }
        }
        self.draft = Some(Arc::new(draft));
        misfits
    }

    fn follow(&mut self) {
        let layout = self.layout.clone();
        let unstored = |index: &usize| !layout.is_stored(*index);
        let mut own = FieldSet::of(S::__COUNT);
        for index in self.dirty.iter().filter(unstored) {
            own.add(index);
        }
        if !self.dirty.is_empty() {
            let newest = self.cell.newest.load_full();
            let dirty = std::mem::replace(&mut self.dirty, own);
            let draft = self.draft();
            for index in dirty.iter().filter(|index| !unstored(index)) {
                draft.copy_field(index, &newest);
            }
            if !self.dirty.is_empty() {
                self.publish(newest.revision, Unseen::default());
            }
        }
    }

    fn apply(&mut self, Edit { uid, json }: &Edit) -> Result<(), ValueError> {
        let Some(index) = self.layout.index_of(uid) else {
            return Ok(());
        };
        self.open(index);
        let layout = self.layout.clone();
        self.draft().take(&layout, index, uid, json.as_deref())
    }

    fn accept(&mut self) {
        self.dirty.add_from(&self.open);
        self.open.clear();
    }

    fn roll_back(&mut self, all: bool, since: &[Edit]) -> Result<(), ValueError> {
        if all {
            self.open.add_from(&self.dirty);
        }
        let fields = self.open.clone();
        let mut accepted = FieldSet::of(S::__COUNT);
        if !all {
            let both = fields.iter().filter(|index| self.dirty.contains(*index));
            both.for_each(|index| accepted.add(index));
        }
        let before = self.before.take();
        let (cell, layout) = (self.cell.clone(), self.layout.clone());
        let draft = self.draft();
        // After the draft: what readers publish meanwhile is as new or newer in both.
        let newest = cell.newest.load();
        for index in fields.iter() {
            draft.copy_field(index, &newest);
        }
        if let (false, Some(before)) = (all || planted(Bug::ForgetWhatIsNotStored), &before) {
            for index in accepted.iter().filter(|index| !layout.is_stored(*index)) {
                draft.state.__copy_field(index, before);
            }
        }
        self.before = before;
        for edit in since {
            let index = self.layout.index_of(&edit.uid);
            if index.is_some_and(|index| fields.contains(index)) {
                self.apply(edit)?;
            }
        }
        // It is again what it was; what `since` changed of it was dirty before.
        self.open.clear();
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    fn publish(&mut self, revision: u64, unseen: Unseen) {
        self.draft();
        let Some(draft) = self.draft.take() else {
            return;
        };
        // If a reader keeps what was there, `draft` copies the newest instead.
        let before = self
            .cell
            .publish(draft, &self.dirty, &self.layout, revision, &unseen);
        self.draft = Some(before);
        self.dirty.clear();
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

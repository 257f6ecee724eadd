//! Back to the seeds: one field, or all of them. Never here: what a field without a value reads as.

use super::{handle::Handle, model::StructModel};
use crate::{
    commit::Commit,
    engine::Scope,
    error::Error,
    schema::{FieldInfo, Schema},
};

impl<S: Schema> Handle<S> {
    /// Sets every stored field back to its seed, in one commit. `reset_x` of the derived handle does so for
    /// the field `x`.
    ///
    /// What the file holds of a field goes: so it reads as its seed from now on, also when a later version
    /// of the program has another one, until it is set again. Only a collection that has entries in its seed
    /// gets these as they are now, and a work queue goes on with its numbers. Fields that are not stored stay as
    /// they are, and so do the uids of other versions of the program.
    ///
    /// ```
    /// # use worsen::Store;
    /// #[derive(Store)]
    /// struct Settings {
    ///     #[store(seed = 11)]
    ///     font_size: u32,
    ///     recent: Vec<String>,
    /// }
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = Settings::builder().in_memory().open()?;
    /// store.set_font_size(20).wait()?;
    /// store.reset_font_size().wait()?;
    /// assert_eq!(store.font_size(), 11);
    /// store.update_recent(|recent| recent.push("notes.txt".into())).wait()?;
    /// store.reset().wait()?;
    /// assert!(store.recent().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(&self) -> Commit<()> {
        self.commit(|model, scope| {
            (0..S::__COUNT).try_for_each(|index| model.reset(index, scope))?;
            model.keep_rules_of_struct(scope)
        })
    }

    pub(crate) fn reset_field(&self, index: usize) -> Commit<()> {
        self.commit(move |model, scope| {
            model.reset(index, scope)?;
            model.keep_rules_of_struct(scope)
        })
    }
}

impl<S: Schema> StructModel<S> {
    pub(super) fn reset(&mut self, index: usize, scope: &mut Scope<'_>) -> Result<(), Error> {
        let Some(FieldInfo { uid: Some(uid), .. }) = self.layout.fields.get(index) else {
            return Ok(());
        };
        let seed = self.layout.seed.__copy();
        self.open_field(index).__copy_field(index, &seed);
        // A process that takes over that a collection is back at its seed would drop the seed's own entries along
        // with those that go.
        let has_entries = self
            .seed_entries
            .get(index)
            .is_some_and(|all| all.len() > 1);
        let is_stored = self.source(uid, scope.entries).is_some();
        let was_used = is_stored && self.layout.tables.remembers(index);
        if has_entries || was_used {
            return self.record(index, scope);
        }
        self.before = None;
        scope.delete_all_of(uid);
        self.draft().unfit.forget_field(index);
        self.delete_aliases(uid, scope);
        Ok(())
    }
}

impl Scope<'_> {
    /// Deletes what there is at a field's uid and below it.
    pub(super) fn delete_all_of(&mut self, uid: &str) {
        let below = format!("{uid}/");
        let entries = self.entries.iter_from(&below).map(|(uid, _)| uid);
        let entries = entries.take_while(|uid| uid.starts_with(&below));
        for uid in entries {
            self.changes.delete(uid.clone());
        }
        self.changes.delete(uid);
    }
}

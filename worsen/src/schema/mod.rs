//! What the derive implements: [`Fields`] for a struct of fields, [`Schema`] for one that is a store, and [`Field`] for
//! the type of one field.
//!
//! A field turns itself into JSON entries and back; everything else is the engine's. Never here: files, locks,
//! threads.

use std::any::Any;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    entry::{Edits, FieldChange},
    error::ValueError,
    options::{OnMismatch, Settings},
    rules::{BrokenRule, Rule},
};

mod by_entry;
mod evolution;
mod mark;

pub use self::{
    by_entry::EntryTable,
    evolution::{Evolution, Raw},
};
pub(crate) use self::{
    by_entry::{ByEntry, EntryTables, answer},
    evolution::{Evolved, News, Opening, Outline, VERSION, changes_between, is_new},
    mark::{Mark, NewMarks},
};

/// The fields of a struct that can be a store. `#[derive(Store)]` writes it beside
/// [`Store`](crate::Store); there is nothing to call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store",
    label = "this type does not implement `worsen::Store`",
    note = "write `#[derive(worsen::Store)]` above the struct"
)]
pub trait Schema: Fields + Send + Sync + 'static {
    /// The generated handle with one set of accessors a field: `AppStateStore` for `AppState`. See
    /// [`Store`](crate::Store).
    type Handle;

    /// The settings of the container's attributes.
    #[doc(hidden)]
    fn __settings() -> Settings;
    /// What the container's attributes say of versions.
    #[doc(hidden)]
    fn __evolution() -> Evolution {
        Evolution::NONE
    }
}

/// A struct of fields, by the index of each. The derive writes it; there is nothing to call.
///
/// What its fields need for threads is asked of the struct by the traits above this one: here the compiler would
/// tell it once more.
pub trait Fields: Sized + 'static {
    /// What the struct says of each of its fields.
    #[doc(hidden)]
    const __FIELDS: &'static [FieldInfo];
    /// How many there are: an index is below that.
    #[doc(hidden)]
    const __COUNT: usize;
    /// Every field at its seed.
    #[doc(hidden)]
    fn __seed() -> Self;
    /// A clone, field by field: the struct itself need not be `Clone`.
    #[doc(hidden)]
    fn __copy(&self) -> Self;
    /// Clones one field from another state into this one.
    #[doc(hidden)]
    fn __copy_field(&mut self, index: usize, from: &Self);
    /// Adds one field that logs itself whole to `out`, as [`Field::record`].
    #[doc(hidden)]
    fn __record(
        &mut self,
        index: usize,
        uid: &'static str,
        out: &mut Edits,
    ) -> Result<(), ValueError>;
    /// Takes one change of the log into a field, as [`Field::apply`].
    #[doc(hidden)]
    fn __apply(&mut self, index: usize, change: FieldChange<'_>) -> Result<(), ValueError>;
    /// One stored field, for callers that know its type.
    #[doc(hidden)]
    fn __field(&self, index: usize) -> Option<&dyn Any>;
    #[doc(hidden)]
    fn __field_mut(&mut self, index: usize) -> Option<&mut dyn Any>;

    /// Whether a field can be overridden by the environment.
    #[doc(hidden)]
    const __HAS_ENV: bool = false;
    /// The rules of the whole struct.
    #[doc(hidden)]
    const __STRUCT_RULES: &'static [Rule] = &[];
    /// Changes one field as its `normalize` says.
    #[doc(hidden)]
    fn __normalize(&mut self, _index: usize) {}
    /// Whether one field keeps its rules.
    #[doc(hidden)]
    fn __check(&self, _index: usize) -> Result<(), BrokenRule> {
        Ok(())
    }
    /// As [`__normalize`](Fields::__normalize), of the whole struct.
    #[doc(hidden)]
    fn __normalize_struct(&mut self) {}
    /// As [`__check`](Fields::__check), of the whole struct.
    #[doc(hidden)]
    fn __check_struct(&self) -> Result<(), BrokenRule> {
        Ok(())
    }
}

/// The type of a stored field: anything that is `Clone`, `Serialize`, `DeserializeOwned`, `Send`,
/// `Sync` and `'static`.
///
/// Implemented for all of them at once; there is nothing to write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    label = "this type cannot be the type of a stored field",
    note = "a stored field is cloned, written as JSON and shared between threads: derive `Clone`, `serde::Serialize` and `serde::Deserialize` on it, and keep it free of borrows and of types such as `Rc` or `Cell`",
    note = "for a type of another crate, turn on that crate's feature for serde (most call it `serde`): `features = [\"serde\"]`; where it has none, wrap it in a newtype of your own, or name a module that writes and reads it with `#[store(with = ...)]`",
    note = "of a `Map`, `Set`, `Queue` or `WorkQueue`, that is asked of what it holds; and a key, or an element of a `Set`, derives `PartialEq`, `Eq`, `PartialOrd` and `Ord` too",
    note = "or leave the field out of the file with `#[store(skip)]`"
)]
pub trait Field: Clone + Send + Sync + 'static {
    /// How it logs by entry, with uids below its own, `field/key`; `None`: it logs itself whole.
    #[doc(hidden)]
    fn by_entry() -> Option<EntryTable>;

    /// Adds the whole field to `out`: the engine drops an entry that is already stored. The field then is
    /// what everybody reads from it, which may be less than it was.
    #[doc(hidden)]
    fn record(&mut self, uid: &'static str, out: &mut Edits) -> Result<(), ValueError> {
        match Self::by_entry() {
            Some(table) => table.record(self, None, uid, &|_| None, out),
            None => Ok(()),
        }
    }

    /// Takes one change of the log.
    #[doc(hidden)]
    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match Self::by_entry() {
            Some(table) => table.apply(self, change),
            None => Ok(()),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T> Field for T
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn by_entry() -> Option<EntryTable> {
        by_entry::ask::<T>()
    }

    fn record(&mut self, uid: &'static str, out: &mut Edits) -> Result<(), ValueError> {
        let encoded = crate::value::encode(self, out.stored.as_ref())?;
        out.set(uid, encoded.json);
        out.is_own = encoded.is_own;
        if let Some(copy) = encoded.copy {
            *self = copy;
        }
        Ok(())
    }

    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        match change {
            FieldChange::Set(json) => *self = crate::value::decode(json)?,
            FieldChange::SetEntry { key, .. } => return Err(crate::value::has_entries::<T>(key)),
            // The model sets the field back to its seed.
            FieldChange::Unset => {}
            // A plain field has no entries.
            FieldChange::RemoveEntry { .. } => {}
        }
        Ok(())
    }
}

/// What is known of each field of a struct, by index.
pub(crate) fn fields_of<S: Fields>() -> &'static [FieldInfo] {
    S::__FIELDS
}

/// What the derive tells of one field. `index` in the hidden methods of [`Fields`] is its place here.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    /// The field's name in the file. `None` for a field that is not stored (`skip`).
    pub uid: Option<&'static str>,
    /// The field's name in the struct, for messages.
    pub name: &'static str,
    /// As [`Field::by_entry`].
    pub by_entry: fn() -> Option<EntryTable>,
    /// What a value must be to be written.
    pub rules: &'static [Rule],
    /// `None`: as the store says.
    pub on_mismatch: Option<OnMismatch>,
    /// Its names in the files of older versions.
    pub aliases: &'static [&'static str],
    /// The variable of the environment that overrides what is stored.
    pub env: Option<&'static str>,
    /// The field's type as the struct has it, for messages.
    pub type_name: &'static str,
}

impl FieldInfo {
    /// A field of this name in the struct, which is stored under `uid`.
    pub const fn new(
        name: &'static str,
        uid: Option<&'static str>,
        by_entry: fn() -> Option<EntryTable>,
    ) -> Self {
        FieldInfo {
            uid,
            name,
            by_entry,
            rules: &[],
            on_mismatch: None,
            aliases: &[],
            env: None,
            type_name: "",
        }
    }

    /// What a stored value reads as that does not fit.
    pub const fn on_mismatch(self, on_mismatch: OnMismatch) -> Self {
        FieldInfo {
            on_mismatch: Some(on_mismatch),
            ..self
        }
    }

    /// Of this type.
    pub const fn of_type(self, type_name: &'static str) -> Self {
        FieldInfo { type_name, ..self }
    }

    /// Overridden by this variable.
    pub const fn env(self, variable: &'static str) -> Self {
        FieldInfo {
            env: Some(variable),
            ..self
        }
    }

    /// With these rules.
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        FieldInfo { rules, ..self }
    }

    /// It was stored under these uids before.
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        FieldInfo { aliases, ..self }
    }
}

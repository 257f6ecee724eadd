//! What the derive's expansion calls, and nothing else. No stability is promised: the derive and
//! the runtime are released together.

pub use std::{
    any::Any,
    boxed::Box,
    clone::Clone,
    convert::{From, Into},
    default::Default,
    fmt,
    marker::{Send, Sync},
    ops::{
        Bound::{Excluded, Included, Unbounded},
        Deref, FnOnce,
    },
    option::Option::{self, None, Some},
    path::PathBuf,
    primitive::{str, u64, usize},
    result::Result::{self, Err, Ok},
    string::String,
    time::Duration,
    unreachable,
};

pub use serde::{Deserialize, Serialize};

pub use crate::{
    commit::Commit,
    entry::{Edits, FieldChange},
    error::{Error, ValueError},
    open::Store,
    options::Settings,
    options::{Durability, OnMismatch, Retention},
    rules::{BrokenRule, Rule, has_length, in_range, is_one_of, normalized, verdict},
    schema::{EntryTable, Evolution, Field, FieldInfo, Fields, Schema},
    struct_store::Handle,
    value::{Canonical, JsonDeserializer, JsonSerializer},
    watch::Watch,
};

/// The value of one field, cloned out of the newest snapshot. That the type can be cloned is asked
/// for in the closure, by [`Stored`]: a bound here would tell of a bad type once more.
pub fn read<S: Schema, T>(handle: &Handle<S>, field: impl FnOnce(&S) -> T) -> T {
    handle.read(field)
}

/// A commit that changes one field and no other.
pub fn update_field<S: Schema, R: Send + 'static>(
    handle: &Handle<S>,
    index: usize,
    change: impl FnOnce(&mut S) -> R + Send + 'static,
) -> Commit<R> {
    handle.update_field(index, change)
}

/// A commit that sets one field back to its seed.
pub fn reset_field<S: Schema>(handle: &Handle<S>, index: usize) -> Commit<()> {
    handle.reset_field(index)
}

/// A watch on one field.
pub fn watch_field<S: Schema, T: 'static>(
    handle: &Handle<S>,
    index: usize,
    field: fn(&S) -> T,
) -> Watch<S, T> {
    handle.watch_field(index, field)
}

/// As [`Field::by_entry`], of a field that a `with` module turns into JSON, and of one that is not stored.
pub fn whole() -> Option<EntryTable> {
    None
}

/// As [`Field::record`], through the functions of a `with` module.
pub fn record_with<T>(
    value: &mut T,
    uid: &'static str,
    out: &mut Edits,
    tell: impl Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
    serialize: impl Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<(), ValueError> {
    let stored = out.stored.as_ref();
    let encoded = crate::value::encode_with(value, stored, tell, serialize, deserialize)?;
    out.set(uid, encoded.json);
    out.is_own = encoded.is_own;
    if let Some(copy) = encoded.copy {
        *value = copy;
    }
    Ok(())
}

/// As [`Field::apply`], through the function of a `with` module.
pub fn apply_with<T>(
    slot: &mut T,
    change: FieldChange<'_>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<(), ValueError> {
    if let FieldChange::Set(json) = change {
        *slot = crate::value::decode_with(json, deserialize)?;
    }
    Ok(())
}

pub use crate::{
    open::app_dir::{app_dir, config_dir},
    uid::check_uids,
};

/// The seed of a field that has no `#[store(seed = ...)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `Default`, so the field needs a seed",
    label = "this field has no seed",
    note = "write `#[store(seed = ...)]` on the field, or implement `Default` for its type"
)]
pub trait DefaultSeed: Sized {
    fn default_seed() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> DefaultSeed for T {
    fn default_seed() -> Self {
        T::default()
    }
}

/// What the derive calls on a stored field. It asks for the same as [`Field`], but has no
/// supertraits, and every call names it at the field's type: so the compiler finds the same error at
/// the same place each time, and a type that cannot be stored is told of once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    label = "this type cannot be the type of a stored field",
    note = "a stored field is cloned, written as JSON and shared between threads: derive `Clone`, `serde::Serialize` and `serde::Deserialize` on it, and keep it free of borrows and of types such as `Rc` or `Cell`",
    note = "for a type of another crate, turn on that crate's feature for serde (most call it `serde`): `features = [\"serde\"]`; where it has none, wrap it in a newtype of your own, or name a module that writes and reads it with `#[store(with = ...)]`",
    note = "of a `Map`, `Set`, `Queue` or `WorkQueue`, that is asked of what it holds; and a key, or an element of a `Set`, derives `PartialEq`, `Eq`, `PartialOrd` and `Ord` too",
    note = "or leave the field out of the file with `#[store(skip)]`"
)]
pub trait Stored: Sized {
    fn by_entry() -> Option<EntryTable>;
    fn copy(&self) -> Self;
    /// A commit that replaces the field at this place.
    fn set<S: Schema>(
        handle: &Handle<S>,
        index: usize,
        value: Self,
        place: fn(&mut S) -> &mut Self,
    ) -> Commit<()>;
    fn record(&mut self, uid: &'static str, out: &mut Edits) -> Result<(), ValueError>;
    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError>;
    fn any(&self) -> &dyn Any;
    fn any_mut(&mut self) -> &mut dyn Any;
}

#[diagnostic::do_not_recommend]
impl<T: Field> Stored for T {
    fn by_entry() -> Option<EntryTable> {
        <T as Field>::by_entry()
    }

    #[inline]
    fn copy(&self) -> Self {
        self.clone()
    }

    fn set<S: Schema>(
        handle: &Handle<S>,
        index: usize,
        value: Self,
        place: fn(&mut S) -> &mut Self,
    ) -> Commit<()> {
        handle.set_field(index, move |state| *place(state) = value)
    }

    #[inline]
    fn record(&mut self, uid: &'static str, out: &mut Edits) -> Result<(), ValueError> {
        Field::record(self, uid, out)
    }

    #[inline]
    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError> {
        Field::apply(self, change)
    }

    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// As [`Stored`], for a field that a `with` module turns into JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    label = "this type cannot be the type of a stored field",
    note = "a stored field is cloned and shared between threads: derive `Clone` on it, and keep it free of borrows and of types such as `Rc` or `Cell`; a type of another crate that is not so goes into a newtype of your own, or into an `Arc`"
)]
pub trait StoredWith: Sized {
    fn copy(&self) -> Self;
    fn set<S: Schema>(
        handle: &Handle<S>,
        index: usize,
        value: Self,
        place: fn(&mut S) -> &mut Self,
    ) -> Commit<()>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> StoredWith for T {
    #[inline]
    fn copy(&self) -> Self {
        self.clone()
    }

    fn set<S: Schema>(
        handle: &Handle<S>,
        index: usize,
        value: Self,
        place: fn(&mut S) -> &mut Self,
    ) -> Commit<()> {
        handle.set_field(index, move |state| *place(state) = value)
    }
}

/// As [`Stored`], for a field that is left out of the file.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a skipped field of a store",
    label = "this type cannot be the type of a skipped field",
    note = "a skipped field starts at its `Default`, is cloned and shared between threads: derive `Clone` and `Default` on it, and keep it free of borrows and of types such as `Rc` or `Cell`"
)]
pub trait Skipped: Sized {
    fn default_seed() -> Self;
    fn copy(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Default + Send + Sync + 'static> Skipped for T {
    fn default_seed() -> Self {
        T::default()
    }

    #[inline]
    fn copy(&self) -> Self {
        self.clone()
    }
}

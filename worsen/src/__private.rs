//! What the derive's expansion calls, and nothing else. No stability is promised: the derive and
//! the runtime are released together.

use serde::{Serialize, de::DeserializeOwned};
pub use std::{
    boxed::Box,
    clone::Clone,
    convert::{From, Into},
    default::Default,
    fmt,
    option::Option::{self, None, Some},
    ops::{Deref, FnOnce},
    marker::{Send, Sync},
    path::PathBuf,
    primitive::{str, u64, usize},
    result::Result::{self, Err, Ok},
    string::String,
    time::Duration,
    unreachable,
};

pub use crate::{
    builder::Durability,
    commit::Commit,
    error::{Error, ValueError},
    schema::{Changes, Field, FieldInfo, Settings, Store},
    store::Handle,
    watch::Watch,
};

/// Where serde writes a field's JSON, and where it reads it: for `#[store(with = ...)]`.
pub type JsonSerializer<'a> = &'a mut serde_json::Serializer<&'a mut Vec<u8>>;
pub type JsonDeserializer<'a, 'de> = &'a mut serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// Compiles only where the type can be a field: one error, at the field's type.
pub const fn assert_field<T: Field>() {}

/// Compiles only where the seed has the field's type.
pub fn seed<T>(seed: T) -> T {
    seed
}

/// The value of one field, cloned out of the newest snapshot.
pub fn read<S: Store, T: Clone>(handle: &Handle<S>, field: impl FnOnce(&S) -> &T) -> T {
    handle.read(field)
}

/// A commit that changes one field and no other.
pub fn update_field<S: Store, R: Send + 'static>(
    handle: &Handle<S>,
    index: usize,
    change: impl FnOnce(&mut S) -> R + Send + 'static,
) -> Commit<R> {
    handle.update_field(index, change)
}

/// A watch on one field.
pub fn watch_field<S: Store, T: Clone>(
    handle: &Handle<S>,
    index: usize,
    field: fn(&S) -> T,
) -> Watch<S, T> {
    handle.watch_field(index, field)
}

/// As [`Field::record`], through the functions of a `with` module.
pub fn record_with<T>(
    value: &T,
    uid: &'static str,
    out: &mut Changes,
    serialize: impl Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<(), ValueError> {
    out.set(uid, crate::value::encode_with(value, serialize, deserialize)?);
    Ok(())
}

/// As [`Field::apply`], through the function of a `with` module.
pub fn apply_with<T>(
    slot: &mut T,
    key: Option<&str>,
    json: Option<&str>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<(), ValueError> {
    if let (None, Some(json)) = (key, json) {
        *slot = crate::value::decode_with(json, deserialize)?;
    }
    Ok(())
}

pub use crate::app_dir::app_dir;

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

/// What a field needs that a `with` module turns into JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    label = "this type cannot be the type of a stored field",
    note = "a stored field is cloned and shared between threads: derive `Clone` on it, and keep it free of borrows and of types such as `Rc` or `Cell`"
)]
pub trait FieldWith: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> FieldWith for T {}

/// Compiles only where a `with` module can do the rest.
pub const fn assert_field_with<T: FieldWith>() {}

/// What a field needs that is not stored.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a skipped field of a store",
    label = "this type cannot be the type of a skipped field",
    note = "a skipped field starts at its `Default`, is cloned and shared between threads: derive `Clone` and `Default` on it, and keep it free of borrows and of types such as `Rc` or `Cell`"
)]
pub trait Skipped: Clone + Default + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Default + Send + Sync + 'static> Skipped for T {}

/// Compiles only where the field can be left out of the file.
pub const fn assert_skipped<T: Skipped>() {}

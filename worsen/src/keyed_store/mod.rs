//! Stores of values under uids: the handle (`store`, `several`), what readers see (`published`), and the draft that
//! operations change (`model`). Never here: a struct, and how a write becomes durable.

mod model;
mod past;
mod published;
mod several;
mod store;
mod transfer;

pub(crate) use self::{model::KeyedModel, published::Published};
pub use self::{several::Draft, store::PersistentStore};

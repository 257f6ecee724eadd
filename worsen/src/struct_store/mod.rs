//! Stores of one struct: the handle (`handle`), what readers see (`published`, `snapshot`), how readers go on by
//! themselves (`read_model`), the draft that operations change (`model`), and what they changed, in entries (`record`,
//! `reset`), as far as the rules of the struct let them (`rules`); what is stored and does not fit (`unfit`); what the
//! environment says in their place (`overrides`, `source`); and the state as a whole, from elsewhere and on its way there (`import`,
//! `transfer`). Never here: how a write becomes durable.

mod field_set;
mod handle;
pub(crate) mod import;
mod layout;
mod model;
mod overrides;
mod past;
mod published;
mod read_model;
mod record;
mod rename;
mod reset;
mod rules;
mod snapshot;
mod source;
mod transfer;
mod unfit;

pub use self::{handle::Handle, snapshot::Snapshot, source::Source};
pub(crate) use self::{
    model::StructModel,
    overrides::{Environment, Overrides},
    published::Published,
    record::record_seed,
    rules::checked_seed,
};

#![doc = include_str!("guide.md")]

mod app_dir;
mod backend;
mod builder;
mod commit;
mod debug;
mod engine;
mod error;
mod keyed;
mod schema;
mod seeds;
mod store;
mod value;
mod watch;

pub use builder::{Builder, Durability};
pub use commit::Commit;
pub use error::{Error, ErrorKind, Result};
pub use keyed::{Options, PersistentStore};
pub use schema::{Field, Store};
pub use store::{Handle, Recovery, Snapshot};
pub use watch::Watch;
pub use worsen_derive::Store;

/// What the derive's expansion calls. Not for people; no stability is promised.
#[doc(hidden)]
pub mod __private;

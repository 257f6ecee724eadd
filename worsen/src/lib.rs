//! A persistent, typed, shared store for a plain struct.
//!
//! Derive [`Store`](derive@Store) on a struct: its fields become uids in a log that a person can read,
//! and compile-time checked accessors on a handle that threads and processes share.
//!
//! ```
//! use std::collections::VecDeque;
//! use worsen::Store;
//!
//! #[derive(Store)]
//! #[store(name = "app", dir = "./db", poll = "5s")]
//! pub struct AppState {
//!     /// First-run set-up has happened.
//!     #[store(uid = "AppInit", seed = true)]
//!     pub app_init: bool,
//!     pub jobs: VecDeque<String>,
//! }
//!
//! # fn main() -> Result<(), worsen::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let open = || AppState::builder().dir(folder.path()).open();
//! # /*
//! let store = AppState::open()?;
//! # */
//! # let store = open()?;
//! assert!(store.app_init());                                   // from memory, at once
//! store.set_app_init(false).wait()?;                           // durable; `.await` it in async code
//! store.update_jobs(|jobs| jobs.push_back("mail".into())).wait()?;   // atomic across processes
//! let job = store.update(|state| {                             // several fields, one commit
//!     state.app_init = true;
//!     state.jobs.pop_front()
//! }).wait()?;
//! assert_eq!(job.as_deref(), Some("mail"));
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! | --- | --- |
//! | open a struct's store, with other settings than its attributes say | [`Store`], [`Builder`] |
//! | read, write, update, watch it | the derived handle, and [`Handle`] below it |
//! | wait for a write | [`Commit`], [`Durability`] |
//! | be told of changes, also by other processes | [`Watch`]; [`OnChange`] for a callback; [`Changes`] for each commit, with its process and its time |
//! | look at the past, go back to it, or take the last commit back | [`Builder::history`], [`Handle::at`], [`Handle::revert_to`], [`Handle::undo`]; [`History`] |
//! | have a field whose commits write what changed of it | [`Map`], [`Queue`], [`Set`] |
//! | hand out jobs, each done at least once, also when workers die | [`WorkQueue`], [`Work`] |
//! | keep values under uids chosen at run time | [`PersistentStore`] |
//! | act on what went wrong | [`Error`], [`ErrorKind`], [`Recovery`]; [`Condition`] for what is wrong while it runs |
//! | move, copy, restore, edit or reset a store | [`Handle::backup_to`] and below; the guide to its [files](guide::files) |
//! | know whether its files are whole | [`check`](check()) |
//! | begin with what another program left | [`Builder::import_once`], [`Import`] |
//! | know what becomes of a type of another crate | the guide to [types](guide::types) |
//! | test a program against power cuts and ill disks | the module `worsen::testing`, and its guide `worsen::guide::power_cuts` |
//!
//! # Features
//!
//! None is on by default.
//!
//! * `import`: `Import::toml`, `Import::confy` and `Import::original`, for a store that begins with what these wrote.
//! * `tracing`: what a store tells of itself also goes to the `tracing` crate, as events.
//! * `testing`: a disk in memory that crashes and fails at every operation, for tests of programs. It changes nothing for a store
//!   on a real disk; ask for it in `[dev-dependencies]`.

mod backend;
mod callbacks;
mod changes;
mod clock;
pub mod collections;
mod commit;
mod document;
mod engine;
mod entries;
mod entry;
mod error;
mod exit;
/// What fuzzing and unit tests ask of every input. Not for people; no stability is promised.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod health;
mod history;
mod imported;
mod keyed_store;
mod loom;
mod on_change;
mod open;
mod open_store;
mod options;
mod planted;
mod process;
mod repair;
mod rules;
mod schema;
mod shared_str;
mod struct_store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trace;
mod transfer;
mod uid;
mod value;
mod watch;
mod work;

pub use backend::file::compaction::Compaction;
pub use changes::{Change, ChangedEntry, Changes};
pub use collections::{Map, Queue, Set, WorkQueue};
pub use commit::Commit;
pub use error::{Effect, Error, ErrorKind, Result};
pub use health::{Condition, UnknownUid};
pub use history::{History, PastValue};
pub use imported::{Imported, LeftOut};
pub use keyed_store::{Draft, PersistentStore};
pub use on_change::OnChange;
pub use open::{
    Store,
    app_dir::{app_dir, config_dir},
    builder::Builder,
    keyed::Options,
};
pub use options::{At, Durability, OnMismatch, Retention};
pub use repair::{Recovery, Repair};
pub use schema::{Field, Raw, Schema};
pub use struct_store::{Handle, Snapshot, Source};
pub use transfer::{BackedUp, Import, Progress, Report, Unreadable, check};
pub use value::Value;
pub use watch::Watch;
pub use work::{Taken, Work};
pub use worsen_derive::Store;

/// What the derive's expansion calls. Not for people; no stability is promised.
#[doc(hidden)]
pub mod __private;

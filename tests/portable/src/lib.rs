//! What the tests and their other processes share.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use worsen::{Builder, Store};

/// A store with a bit of everything.
#[derive(Store, Debug)]
#[store(name = "state", poll = "50ms")]
pub struct State {
    /// What many increment.
    pub count: u64,
    /// A text, for sizes.
    pub note: String,
}

/// The store in this directory, whose log is compacted from 16 KiB on.
pub fn build(dir: &Path) -> Builder<State> {
    let above = Arc::new(AtomicU64::new(16 * 1024));
    State::builder()
        .dir(dir)
        .lock_timeout(Duration::from_secs(60))
        .compact_above(above)
}

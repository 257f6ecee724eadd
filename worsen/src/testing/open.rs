//! Opening a store on a simulated disk. Never here: the disk.

use std::sync::{Arc, atomic::AtomicU64};

use super::SimulatedDisk;
use crate::{backend::file::compaction::CompactAbove, open::builder::Builder};

impl<S> Builder<S> {
    /// Keeps the files on a simulated disk, where the process of this handle has the store open. Needs the
    /// feature `testing`.
    ///
    /// The directory is one of that disk: `./db`, for example, is `/db` there. Those above it are created
    /// where they are missing. Each opening is an engine of its own, as in another process, also where the
    /// disk is the same.
    ///
    /// ```
    /// use worsen::{Store, testing::SimulatedDisk};
    ///
    /// #[derive(Store)]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// let disk = SimulatedDisk::new();
    /// let store = Visits::builder().on(&disk).open().unwrap();
    /// store.set_count(1).wait().unwrap();
    /// drop(store);
    /// assert_eq!(Visits::builder().on(&disk).open().unwrap().count(), 1);
    /// ```
    pub fn on(mut self, disk: &SimulatedDisk) -> Self {
        self.place.disk = Some(Arc::new(disk.clone()));
        self
    }

    /// Compacts logs longer than this, from now on and as it changes. For worsen's own tests; no stability
    /// is promised.
    #[doc(hidden)]
    pub fn compact_above(mut self, bytes: Arc<AtomicU64>) -> Self {
        self.place.compact_above = CompactAbove(bytes);
        self
    }
}

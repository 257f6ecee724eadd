//! Opening a store on a simulated disk. Never here: the disk.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::SimulatedDisk;
use crate::{
    backend::file::compaction::CompactAbove,
    error::Error,
    open::builder::Builder,
    transfer::{Report, check::check_on},
};

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

impl SimulatedDisk {
    /// As [`worsen::check`](crate::check()), of a store on this disk.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # use worsen::{Store, testing::SimulatedDisk};
    /// # #[derive(Store)] struct Visits { count: u64 }
    /// let disk = SimulatedDisk::new();
    /// let store = Visits::builder().on(&disk).open().unwrap();
    /// assert!(disk.check("db/visits.db").unwrap().is_whole());
    /// ```
    pub fn check(&self, log: impl AsRef<Path>) -> Result<Report, Error> {
        // On this disk nobody writes while it is asked.
        check_on(self, log.as_ref(), Duration::ZERO)
    }
}

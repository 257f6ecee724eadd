//! Having the operations of a simulated disk fail. Never here: how each fault shows.

use std::sync::Arc;

use super::{
    super::{
        fault::{Fault, Planned, Repeat, When},
        operation::Operation,
    },
    SimulatedDisk,
};

impl SimulatedDisk {
    /// The operation after the next `n` ones fails, or all from there on. Several faults may be planned:
    /// where two are due, the one that was planned first strikes.
    ///
    /// To try every place, count up until [`faults_struck`](SimulatedDisk::faults_struck) says 0.
    ///
    /// ```
    /// use worsen::{ErrorKind, Store, testing::{Fault, Repeat, SimulatedDisk}};
    ///
    /// #[derive(Store)]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// for n in 0.. {
    ///     let disk = SimulatedDisk::new();
    ///     let store = Visits::builder().on(&disk).open().unwrap();
    ///     disk.fail(n, Fault::NoSpace, Repeat::Once);
    ///     let written = store.set_count(1).wait();
    ///     if disk.faults_struck() == 0 {
    ///         break; // the write has fewer operations than `n`
    ///     }
    ///     if let Err(error) = written {
    ///         // A full disk says so, or leaves in doubt what it has synced.
    ///         let kinds = [ErrorKind::NoSpace, ErrorKind::OutcomeUnknown];
    ///         assert!(kinds.contains(&error.kind()), "{error}");
    ///         assert_eq!(store.count(), 0);
    ///     }
    /// }
    /// ```
    pub fn fail(&self, n: usize, fault: Fault, repeat: Repeat) {
        let mut state = self.state();
        let at = state.operations + n;
        state.faults.push(Planned {
            when: When::At(at),
            fault,
            repeat,
        });
    }

    /// The next operation that is chosen fails, or each of them.
    ///
    /// ```
    /// use worsen::{ErrorKind, Store};
    /// use worsen::testing::{Fault, OperationKind, Repeat, SimulatedDisk};
    ///
    /// #[derive(Store)]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// let disk = SimulatedDisk::new();
    /// let store = Visits::builder().on(&disk).open().unwrap();
    /// disk.fail_where(|operation| operation.kind() == OperationKind::Sync, Fault::LostSync, Repeat::Once);
    /// let error = store.set_count(1).wait().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    /// // The disk would take the next one. Nobody knows what became of the first, so the store refuses.
    /// let error = store.set_count(2).wait().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Poisoned);
    /// ```
    pub fn fail_where(
        &self,
        chosen: impl Fn(&Operation) -> bool + Send + Sync + 'static,
        fault: Fault,
        repeat: Repeat,
    ) {
        self.state().faults.push(Planned {
            when: When::Where(Arc::new(chosen)),
            fault,
            repeat,
        });
    }

    /// The disk is healthy again. What has been lost stays lost.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// How often a fault struck: 0 means that a test has tested nothing.
    pub fn faults_struck(&self) -> usize {
        self.state().struck
    }
}

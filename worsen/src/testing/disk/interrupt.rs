//! Interrupting the operations of a simulated disk. Never here: which of them are made.

use std::io;

use super::{
    super::{
        interruption::{Interruption, Moment},
        operation::Operation,
    },
    SimulatedDisk,
};

impl SimulatedDisk {
    /// Does something, once, in the middle of the next operation that is chosen, on a thread of its own. The
    /// operation goes on when that is done. So a test says what another process does meanwhile, without
    /// leaving it to chance.
    ///
    /// It may use other handles on the store. Where it waits for the very write that it interrupts, it waits
    /// for ever. It panics where the deed does.
    ///
    /// ```
    /// use worsen::{Durability, Store};
    /// use worsen::testing::{Moment, OperationKind, SimulatedDisk};
    ///
    /// #[derive(Store)]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// let disk = SimulatedDisk::new();
    /// let store = Visits::builder().on(&disk).open().unwrap();
    /// let other = Visits::builder().on(&disk.new_process()).open().unwrap();
    /// // While the disk is busy with the first commit, another process makes one.
    /// disk.interrupt(
    ///     Moment::Before,
    ///     |operation| operation.kind() == OperationKind::Sync,
    ///     move || drop(other.update_count(|count| *count += 10).wait()),
    /// );
    /// store.set_count(1).wait().unwrap();
    /// assert_eq!(disk.interruptions_left(), 0);
    /// assert_eq!(store.count(), 11);
    /// ```
    pub fn interrupt(
        &self,
        moment: Moment,
        chosen: impl FnMut(&Operation) -> bool + Send + 'static,
        deed: impl FnOnce() + Send + 'static,
    ) {
        self.machine.interruptions.add(Interruption {
            moment,
            chosen: Box::new(chosen),
            deed: Box::new(deed),
        });
    }

    /// How many interruptions have not come: where it is not 0 at the end of a test, it has tested less than
    /// it says.
    pub fn interruptions_left(&self) -> usize {
        self.machine.interruptions.count()
    }

    /// An operation, with what is to happen before and after it.
    pub(in crate::testing) fn around<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(Operation) -> io::Result<T>,
    ) -> io::Result<T> {
        let interruptions = &self.machine.interruptions;
        if interruptions.count() == 0 {
            return act(operation);
        }
        interruptions.run(Moment::Before, &operation);
        let outcome = act(operation.clone());
        interruptions.run(Moment::After, &operation);
        outcome
    }
}

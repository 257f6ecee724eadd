//! What happens in the middle of an operation, such as a commit of another process. Never here: the
//! operations.

use std::{
    fmt, io,
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

use super::{SimulatedDisk, operation::Operation};

/// When an [interruption](SimulatedDisk::interrupt) comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Just before the operation takes effect.
    Before,
    /// Just after it, before its caller goes on.
    After,
}

type Chosen = Box<dyn FnMut(&Operation) -> bool + Send>;
type Deed = Box<dyn FnOnce() + Send>;

struct Interruption {
    moment: Moment,
    chosen: Chosen,
    deed: Deed,
}

/// Those that are still to come.
#[derive(Default)]
pub(super) struct Interruptions(Mutex<Vec<Interruption>>);

impl Interruptions {
    fn add(&self, interruption: Interruption) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(interruption);
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self, moment: Moment, operation: &Operation) -> Option<Deed> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting
            .iter_mut()
            .position(|next| next.moment == moment && (next.chosen)(operation))?;
        Some(waiting.remove(at).deed)
    }

    /// On a thread of its own: as what another process does, it is within no write of this one.
    fn run(&self, moment: Moment, operation: &Operation) {
        while let Some(deed) = self.take(moment, operation) {
            if let Err(panic) = thread::spawn(deed).join() {
                resume_unwind(panic);
            }
        }
    }
}

impl fmt::Debug for Interruptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interruptions", self.count())
    }
}

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
    pub(super) fn around<T>(
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

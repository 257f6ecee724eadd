//! What happens in the middle of an operation, such as a commit of another process. Never here: the
//! operations.

use std::{fmt, panic::resume_unwind, sync::Mutex, thread};

use super::operation::Operation;
use crate::loom::Unpoisoned;

/// When an [interruption](crate::testing::SimulatedDisk::interrupt) comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Just before the operation takes effect.
    Before,
    /// Just after it, before its caller goes on.
    After,
}

pub(super) type Chosen = Box<dyn FnMut(&Operation) -> bool + Send>;
pub(super) type Deed = Box<dyn FnOnce() + Send>;

pub(super) struct Interruption {
    pub(super) moment: Moment,
    pub(super) chosen: Chosen,
    pub(super) deed: Deed,
}

/// Those that are still to come.
#[derive(Default)]
pub(super) struct Interruptions(Mutex<Vec<Interruption>>);

impl Interruptions {
    pub(super) fn add(&self, interruption: Interruption) {
        let mut waiting = self.0.lock().unpoisoned();
        waiting.push(interruption);
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unpoisoned().len()
    }

    fn take(&self, moment: Moment, operation: &Operation) -> Option<Deed> {
        let mut waiting = self.0.lock().unpoisoned();
        let at = waiting
            .iter_mut()
            .position(|next| next.moment == moment && (next.chosen)(operation))?;
        Some(waiting.remove(at).deed)
    }

    /// On a thread of its own: as what another process does, it is within no write of this one.
    pub(super) fn run(&self, moment: Moment, operation: &Operation) {
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

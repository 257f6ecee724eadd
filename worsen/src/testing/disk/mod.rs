//! The simulated disk as a test has it in hand: its processes, its power cuts, and what it counts. Never
//! here: what becomes of a single operation.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

mod crash_states;
mod faults;
mod interrupt;
mod room;

pub use self::crash_states::CrashStates;
use super::{
    directory::Directory,
    interruption::Interruptions,
    plan::Plan,
    state::{Crash, ROOT, State},
};
use crate::loom::Unpoisoned;

/// A disk in memory that can crash, lie and fail at every operation, and the machine around it.
///
/// A handle is one process on that machine: its clones are the same process, and
/// [`new_process`](SimulatedDisk::new_process) gives another one. [`Builder::on`](crate::Builder::on) opens a
/// store on it. What such a disk may leave after a power cut is said [above](super).
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
/// let other = Visits::builder().on(&disk.new_process()).open().unwrap();
/// store.set_count(1).wait().unwrap();
/// assert_eq!(other.count(), 1);
/// // The first process is killed. The second one goes on, and so does the one that comes after the first.
/// let restarted = disk.kill_process();
/// other.update_count(|count| *count += 1).wait().unwrap();
/// let store = Visits::builder().on(&restarted).open().unwrap();
/// assert_eq!(store.count(), 2);
/// ```
#[derive(Clone)]
pub struct SimulatedDisk {
    pub(in crate::testing) machine: Arc<Machine>,
    pub(in crate::testing) process: u64,
}

pub(in crate::testing) struct Machine {
    pub(in crate::testing) state: Mutex<State>,
    pub(in crate::testing) interruptions: Interruptions,
    /// Which crash this machine has come back from.
    origin: Option<Origin>,
}

pub(in crate::testing) struct Origin {
    pub(in crate::testing) plan: Arc<Plan>,
    pub(in crate::testing) choices: Vec<u32>,
}

impl Default for SimulatedDisk {
    fn default() -> SimulatedDisk {
        SimulatedDisk::new()
    }
}

impl SimulatedDisk {
    /// An empty disk: a root directory, which is also where relative paths start.
    pub fn new() -> SimulatedDisk {
        let dirs = BTreeMap::from([(ROOT, Directory::default())]);
        SimulatedDisk::with(
            State {
                dirs,
                ..State::default()
            },
            None,
        )
    }

    pub(in crate::testing) fn with(state: State, origin: Option<Origin>) -> SimulatedDisk {
        let machine = Machine {
            state: Mutex::new(state),
            interruptions: Interruptions::default(),
            origin,
        };
        SimulatedDisk {
            machine: Arc::new(machine),
            process: 0,
        }
    }

    pub(in crate::testing) fn state(&self) -> MutexGuard<'_, State> {
        self.machine.state.lock().unpoisoned()
    }

    /// A machine in the same state, which goes its own way from now on.
    pub(in crate::testing) fn copy(&self) -> SimulatedDisk {
        let mut state = self.state().clone();
        for page in state.shared_pages.values_mut() {
            *page = page.copy();
        }
        let copied = SimulatedDisk::with(state, None);
        SimulatedDisk {
            process: self.process,
            ..copied
        }
    }

    /// Another process of the same machine. A store that is opened on it has an engine and a lock of its own.
    pub fn new_process(&self) -> SimulatedDisk {
        let mut state = self.state();
        state.processes += 1;
        SimulatedDisk {
            machine: self.machine.clone(),
            process: state.processes,
        }
    }

    /// Ends this process as `kill -9` does: its locks are free, what it wrote is in the page cache, and
    /// nothing it still tries has an effect. Gives the process that comes after it. Where a planned crash
    /// has struck, this makes it a crash of this process alone, and the machine goes on.
    pub fn kill_process(&self) -> SimulatedDisk {
        let mut state = self.state();
        state.killed.insert(self.process);
        state
            .locks
            .retain(|_, holding| holding.process != self.process);
        state.crash = None;
        state.crashed = false;
        drop(state);
        self.new_process()
    }

    /// The machine stops at the mutation of this number: it does not happen, and from then on every
    /// operation fails. Where it is passed already, at the next mutation.
    pub fn crash_at(&self, mutation: usize) {
        self.crash_within(mutation, 0);
    }

    /// As [`SimulatedDisk::crash_at`], but where the mutation is a write, its first `bytes` bytes reach
    /// the page cache.
    pub fn crash_within(&self, mutation: usize, bytes: usize) {
        self.state().crash = Some(Crash { mutation, bytes });
    }

    /// Whether a planned crash has struck.
    pub fn has_crashed(&self) -> bool {
        self.state().crashed
    }

    /// How many operations there were, of any kind: the range for [`SimulatedDisk::fail`].
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// How many mutations there were: the range for [`SimulatedDisk::crash_at`].
    pub fn mutations(&self) -> usize {
        self.state().mutations
    }

    /// Every operation in words, a line each; its place is its number. `#` and the mutation's number
    /// first, or `-` where it changes nothing.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.iter().map(ToString::to_string).collect()
    }

    /// What a crash left, in words, on a disk out of [`SimulatedDisk::crash_states`].
    pub fn origin(&self) -> Option<String> {
        self.machine
            .origin
            .as_ref()
            .map(|origin| origin.plan.describe(&origin.choices))
    }

    /// Lock files opened from now on have no shared page, as on a network file system.
    pub fn without_shared_pages(&self) {
        self.state().no_shared_pages = true;
    }

    /// Replaces all shared pages by untouched ones: a machine after a reboot whose pages never reached the
    /// disk. Without this, a disk out of [`SimulatedDisk::crash_states`] has them as they were at the
    /// crash. Lock files that are open keep the old ones.
    pub fn reset_shared_pages(&self) {
        self.state().shared_pages.clear();
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk")
            .field("process", &self.process)
            .field("files", &self.files())
            .field("operations", &self.operations())
            .finish_non_exhaustive()
    }
}

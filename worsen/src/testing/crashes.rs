//! A program that is crashed at every place: what a test writes of it is the program, and what must hold
//! afterwards. Never here: what a crash leaves.

use std::fmt;

use super::{CrashStates, SimulatedDisk};

/// So many disks are looked at after each power cut, where there are more.
const STATES: usize = 100;

/// Runs a program on a new disk, and then once more for each of its steps, which is where the machine stops.
/// The last time it stops behind the end.
///
/// The program opens its stores on the disk it is given, by [`Builder::on`](crate::Builder::on). It returns
/// what it may count on by then, such as how many orders it has confirmed, and ends at the first error, as it
/// would otherwise; when the machine has stopped, all that it tries fails. It must do the same each time, so
/// it should be one thread, and ask neither the clock nor chance.
///
/// A step is an operation that changes something on the disk, or makes it durable. `crashes(…).step_by(7)`
/// looks at one in seven, where a test takes too long.
///
/// ```
/// use worsen::{Error, Store, testing::{self, SimulatedDisk}};
///
/// #[derive(Store)]
/// struct Account {
///     #[store(seed = 100)]
///     here: u64,
///     there: u64,
/// }
///
/// fn transfers(disk: &SimulatedDisk) -> Result<(), Error> {
///     let account = Account::builder().on(disk).open()?;
///     for _ in 0..3 {
///         account
///             .update(|account| {
///                 account.here -= 10;
///                 account.there += 10;
///             })
///             .wait()?;
///     }
///     Ok(())
/// }
///
/// for crash in testing::crashes(transfers).step_by(5) {
///     for disk in crash.left_by_power_cut() {
///         let account = Account::builder().on(&disk).open().unwrap().snapshot();
///         assert_eq!(account.here + account.there, 100, "{crash}");
///     }
/// }
/// ```
pub fn crashes<R, F: FnMut(&SimulatedDisk) -> R>(mut program: F) -> Crashes<F> {
    let disk = SimulatedDisk::new();
    drop(program(&disk));
    Crashes {
        program,
        next: 0,
        steps: disk.mutations(),
    }
}

/// Every crash of a program: from [`crashes`].
#[derive(Clone)]
#[must_use = "it crashes the program as it is iterated"]
pub struct Crashes<F> {
    program: F,
    next: usize,
    /// Of the whole program.
    steps: usize,
}

impl<F> Crashes<F> {
    /// How many crashes are left.
    fn left(&self) -> usize {
        // The one behind the end too.
        (self.steps + 1).saturating_sub(self.next)
    }
}

impl<R, F: FnMut(&SimulatedDisk) -> R> Iterator for Crashes<F> {
    type Item = Crash<R>;

    fn next(&mut self) -> Option<Crash<R>> {
        if self.left() == 0 {
            return None;
        }
        let step = self.next;
        self.next += 1;
        let disk = SimulatedDisk::new();
        disk.crash_at(step);
        let outcome = (self.program)(&disk);
        Some(Crash {
            disk,
            step,
            outcome,
        })
    }

    /// Without running the program for those in between.
    fn nth(&mut self, n: usize) -> Option<Crash<R>> {
        self.next = self.next.saturating_add(n);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left(), Some(self.left()))
    }
}

impl<R, F: FnMut(&SimulatedDisk) -> R> ExactSizeIterator for Crashes<F> {}

impl<F> fmt::Debug for Crashes<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crashes")
            .field("next", &self.next)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// One crash of a program: from [`crashes`]. It prints as the step that was not made any more, and all before
/// it: what to read when an assertion fails.
#[derive(Debug, Clone)]
pub struct Crash<R> {
    disk: SimulatedDisk,
    step: usize,
    outcome: R,
}

impl<R> Crash<R> {
    /// What the program returned when the machine had stopped: what it has been promised.
    pub fn outcome(&self) -> &R {
        &self.outcome
    }

    /// The number of the step that was not made any more.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The disks that a power cut here may leave: all of them, or a hundred where there are more.
    /// [`SimulatedDisk::crash_states`] of the [disk](Crash::disk) gives as many as you like.
    pub fn left_by_power_cut(&self) -> CrashStates {
        self.disk.crash_states(STATES, self.step as u64)
    }

    /// What the next process finds where only the program was killed here, as by `kill -9`: all that it has
    /// written, synced or not.
    pub fn left_by_kill(&self) -> SimulatedDisk {
        self.disk.copy().kill_process()
    }

    /// The machine that has stopped.
    pub fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }
}

impl<R> fmt::Display for Crash<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crash at step {} of:", self.step)?;
        for line in self.disk.trace() {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

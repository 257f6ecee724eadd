//! What becomes of a store in which something other than the closure of a write panics: the `Clone` or `Drop`
//! of a stored type, a `Serialize` where it is not expected, or worsen itself. The threads of the store go on,
//! so that no caller waits for ever. Writes are refused from then on. Where the view may be in the middle of a
//! change, readers keep what they see. Never here: a closure that panics, which is undone alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Engine, core::Core};
use crate::{
    callbacks::dispose,
    error::{self, Error},
};

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

impl Engine {
    /// Runs this. If it panics, the store refuses writes from now on, and the error says why.
    ///
    /// # Errors
    ///
    /// Where it panicked. How far it came is unknown: what it was to write may be on disk.
    pub(super) fn contain<T>(
        &self,
        doing: &'static str,
        run: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
            dispose(payload);
            self.note_panic(doing)
        })
    }

    /// The store refuses writes from now on. Returns the error for the writer in whose commit it happened.
    pub(super) fn note_panic(&self, doing: &'static str) -> Error {
        let error = error::engine::broken(doing);
        // The first one tells most.
        let first = self.panicked.get_or_init(|| error.clone());
        self.health.poisoned(Some(first));
        error
    }

    /// Whether the store refuses writes, and why.
    pub(super) fn refused<'a>(&'a self, core: &'a Core) -> Option<&'a Error> {
        core.poisoned.as_ref().or_else(|| self.panicked.get())
    }

    /// # Errors
    ///
    /// Where the store refuses writes.
    pub(super) fn check(&self, core: &Core) -> Result<(), Error> {
        match self.refused(core) {
            None => Ok(()),
            Some(cause) => Err(error::engine::poisoned(Some(cause))),
        }
    }
}

//! [`Snapshot`]: the state of a store at one revision, kept by somebody. Never here: how it comes to be the newest.

use std::{fmt, ops::Deref, sync::Arc};

use super::published::Versioned;

/// The state of a store at one revision. It derefs to the struct and never changes.
///
/// Taking one copies nothing. As long as it is kept, the next write has to copy the whole state once.
pub struct Snapshot<S>(pub(super) Arc<Versioned<S>>);

impl<S> Snapshot<S> {
    /// Which revision this is: the number of commits since the store was created.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }
}

impl<S> Deref for Snapshot<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> Clone for Snapshot<S> {
    fn clone(&self) -> Self {
        Snapshot(self.0.clone())
    }
}

impl<S: fmt::Debug> fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("revision", &self.revision())
            .field("state", &**self)
            .finish()
    }
}

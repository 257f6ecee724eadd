//! Fields that log by entry: a commit writes the entries that it changed, whatever else there is.
//!
//! A collection is a persistent map (of imbl): a copy of it costs nothing, and comparing it with an
//! earlier copy of itself costs what has changed. In the log each entry has a uid of its own, `field/key`,
//! beside the uid of the field, which stands for "empty, apart from its entries". Where that uid holds
//! something else, the field was a plain one before, and its value is taken over whole.

mod key;
mod map;
mod queue;
mod set;
pub(crate) mod work_queue;

use std::sync::Arc;

pub use self::{
    key::Key,
    map::{Iter as MapIter, Map},
    queue::{Iter as QueueIter, Queue},
    set::{Iter as SetIter, Set},
    work_queue::{Iter as WorkQueueIter, JobState, QueuedJob, Ticket, WorkQueue},
};

/// A value that copies of a collection share. Equal only to itself, so that comparing two copies of a
/// collection looks at no value: what was replaced by the same value is found out as JSON.
#[derive(Debug)]
pub(crate) struct Shared<V>(pub(crate) Arc<V>);

impl<V> Clone for Shared<V> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<V> PartialEq for Shared<V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<V> Shared<V> {
    fn new(value: V) -> Self {
        Shared(Arc::new(value))
    }
}

impl<V: Clone> Shared<V> {
    fn take(self) -> V {
        Arc::unwrap_or_clone(self.0)
    }
}

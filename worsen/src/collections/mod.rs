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

use imbl::{OrdMap, ordmap::DiffItem};

use crate::{error::ValueError, schema::Edits};

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

/// Adds what changed since `before` to `out`, an edit an entry; all there is, where there is no `before`.
fn record_entries<K: Ord + Clone, V>(
    before: Option<&OrdMap<K, Shared<V>>>,
    entries: &OrdMap<K, Shared<V>>,
    uid: &str,
    out: &mut Edits,
    to_text: impl Fn(&K) -> Result<String, ValueError>,
    to_json: impl Fn(&K, &V) -> Result<String, ValueError>,
) -> Result<(), ValueError> {
    let mut set = |key: &K, value: &Shared<V>| {
        let text = to_text(key)?;
        match to_json(key, &value.0) {
            Ok(json) => {
                out.set(format!("{uid}/{text}"), json);
                Ok(())
            }
            Err(error) => Err(error.in_key(text)),
        }
    };
    let Some(before) = before else {
        return entries.iter().try_for_each(|(key, value)| set(key, value));
    };
    let mut gone = Vec::new();
    for change in before.diff(entries) {
        match change {
            DiffItem::Add(key, value)
            | DiffItem::Update {
                new: (key, value), ..
            } => set(key, value)?,
            DiffItem::Remove(key, _) => gone.push(to_text(key)?),
        }
    }
    for text in gone {
        out.delete(format!("{uid}/{text}"));
    }
    Ok(())
}

impl<V: Clone> Shared<V> {
    fn take(self) -> V {
        Arc::unwrap_or_clone(self.0)
    }
}

//! Fields that log by entry: a commit writes the entries that it changed, whatever else there is.
//!
//! A collection is a persistent map (of imbl): a copy of it costs nothing, and comparing it with an
//! earlier copy of itself costs what has changed. In the log each entry has a uid of its own, `field/key`,
//! beside the uid of the field, which holds the mark of the collection. Where that uid holds something else, the
//! field was a plain one before, and its value is taken over whole. Never here: a store, or when a commit is made.

mod key;
mod left_out;
mod length;
mod map;
mod queue;
mod set;
mod work_queue;

use std::sync::Arc;

use imbl::{OrdMap, ordmap::DiffItem};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    entry::{Edits, StoredAt},
    error::ValueError,
    shared_str::SharedStr,
    value,
};

pub(crate) use self::work_queue::{Again, Now, Span, Take};
pub use self::{
    key::Key,
    map::{Iter as MapIter, Map},
    queue::{Iter as QueueIter, Queue},
    set::{Iter as SetIter, Set},
    work_queue::{
        Backoff, Failure, Iter as WorkQueueIter, JobOptions, JobState, Pushed, QueuedJob, Receipt,
        WorkQueue,
    },
};

/// A value that copies of a collection share. Equal only to itself, so that comparing two copies of a
/// collection looks at no value. Its JSON tells later whether a value was replaced by the same one.
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

/// What a commit writes of the value of one entry.
pub(crate) enum ToWrite<V> {
    /// The store holds this value already.
    Nothing,
    /// This text; and what everybody reads from it, where that is not the value itself.
    Json(SharedStr, Option<V>),
}

/// The value that an entry had, and the text that the store holds for it.
pub(crate) struct Before<'a, V> {
    pub(crate) value: &'a V,
    pub(crate) json: &'a dyn Fn() -> Option<SharedStr>,
}

/// The value of an entry, beside the one before it.
fn encode<V: Serialize + DeserializeOwned + 'static>(
    value: &V,
    before: Option<Before<'_, V>>,
) -> Result<ToWrite<V>, ValueError> {
    let value::Encoded { json, copy, .. } = value::encode(value, None)?;
    let read = copy.as_ref().unwrap_or(value);
    let Some(before) = before else {
        return Ok(ToWrite::Json(json, copy));
    };
    if value::is_same(read, &json, before.value) {
        return Ok(ToWrite::Nothing);
    }
    let json = value::with_unknown_keys(json, read, before.value, before.json);
    Ok(ToWrite::Json(json, copy))
}

/// Adds what changed since `before` to `out`, an edit an entry; all there is, where there is no `before`.
/// For keys that have one text each.
fn record_entries<K: Ord + Clone + ToString, V>(
    before: Option<&OrdMap<K, Shared<V>>>,
    entries: &mut OrdMap<K, Shared<V>>,
    uid: &str,
    stored: StoredAt<'_>,
    out: &mut Edits,
    encode: impl Fn(&K, &V, Option<Before<'_, V>>) -> Result<ToWrite<V>, ValueError>,
) -> Result<(), ValueError> {
    let none = OrdMap::new();
    let after = entries.clone();
    let mut gone = Vec::new();
    for change in before.unwrap_or(&none).diff(&after) {
        let (old, (key, value)) = match change {
            DiffItem::Add(key, value) => (None, (key, value)),
            DiffItem::Update { old, new } => (Some(old.1), new),
            DiffItem::Remove(key, _) => {
                gone.push(key);
                continue;
            }
        };
        let at = format!("{uid}/{}", key.to_string());
        let json = || stored(&at);
        let before = old.map(|old| Before {
            value: &*old.0,
            json: &json,
        });
        match encode(key, &value.0, before) {
            Ok(ToWrite::Nothing) => {
                if let Some(old) = old {
                    entries.insert(key.clone(), old.clone());
                }
            }
            Ok(ToWrite::Json(json, copy)) => {
                out.set(at, json);
                if let Some(copy) = copy {
                    entries.insert(key.clone(), Shared::new(copy));
                }
            }
            Err(error) => return Err(error.in_key(key.to_string())),
        }
    }
    for key in gone {
        out.delete(format!("{uid}/{}", key.to_string()));
    }
    Ok(())
}

impl<V: Clone> Shared<V> {
    fn take(self) -> V {
        Arc::unwrap_or_clone(self.0)
    }
}

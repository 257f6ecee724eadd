//! Which stores this process has open: opening the same files twice shares one engine, or two of them
//! would lock each other out. What is shared is the opener's business.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

/// What makes two openings the same: the log, by its canonical path, the type it is opened as, and
/// the process. Opened as another type, a store behaves as in another process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) log: PathBuf,
    pub(crate) kind: TypeId,
    pub(crate) read_only: bool,
    pub(crate) pid: u32,
}

/// One place a key. Its mutex is held while a store is being opened, so that nobody opens it twice
/// and nobody waits for the opening of another one.
type Place = Arc<Mutex<Option<Weak<dyn Any + Send + Sync>>>>;

static OPEN: LazyLock<Mutex<HashMap<Key, Place>>> = LazyLock::new(Mutex::default);

/// The store that is open under this key, or what `open` opens.
pub(crate) fn share<E>(
    key: Key,
    open: impl FnOnce() -> Result<Arc<dyn Any + Send + Sync>, E>,
) -> Result<Arc<dyn Any + Send + Sync>, E> {
    let place = {
        let mut stores = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // Places of stores that are closed, and that nobody is opening, are not kept for ever.
        stores.retain(|_, place| {
            Arc::strong_count(place) > 1
                || place
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .as_ref()
                    .is_some_and(|store| store.strong_count() > 0)
        });
        stores.entry(key).or_default().clone()
    };
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = place.as_ref().and_then(Weak::upgrade) {
        return Ok(shared);
    }
    let opened = open()?;
    *place = Some(Arc::downgrade(&opened));
    Ok(opened)
}

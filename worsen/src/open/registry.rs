//! Which stores this process has open: opening the same files twice shares one engine, or two of them
//! would lock each other out. What is shared is the opener's business.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, Weak},
};

use crate::{
    error::{self, Error},
    loom::Unpoisoned,
};

/// What makes two openings the same: the log, by its canonical path, the type it is opened as, and
/// the process. Opened as another type, a store behaves as in another process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) log: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) read_only: bool,
    pub(crate) pid: u32,
}

/// What a store is opened as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    /// Of the struct, or of the values.
    id: TypeId,
    /// The name of the type that all values of the store have, where they have one.
    values: Option<&'static str>,
}

impl Kind {
    pub(crate) fn structure<S: 'static>() -> Self {
        Kind {
            id: TypeId::of::<S>(),
            values: None,
        }
    }

    pub(crate) fn keyed<T: 'static>() -> Self {
        Kind {
            id: TypeId::of::<T>(),
            values: Some(std::any::type_name::<T>()),
        }
    }
}

/// A store whose values are all of one type cannot be one of another type at the same time: what one of
/// the two writes, the other could not read. Two structs may well share some fields.
fn check_kind(stores: &HashMap<Key, Place>, key: &Key) -> Result<(), Error> {
    let Some(wanted) = key.kind.values else {
        return Ok(());
    };
    let is_open = |place: &Place| {
        // Somebody else is opening it, or has it open.
        Arc::strong_count(place) > 1 || is_alive(place)
    };
    let other = stores.iter().find_map(|(other, place)| {
        let values = other.kind.values?;
        let is_another = other.log == key.log && other.pid == key.pid && other.kind != key.kind;
        (is_another && is_open(place)).then_some(values)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(error::open::open_with_other_values(&key.log, other, wanted)),
    }
}

fn is_alive(place: &Place) -> bool {
    let opened = place.lock().unpoisoned();
    opened
        .as_ref()
        .is_some_and(|store| store.strong_count() > 0)
}

/// One place a key. Its mutex is held while a store is being opened, so that nobody opens it twice
/// and nobody waits for the opening of another one.
type Place = Arc<Mutex<Option<Weak<dyn Any + Send + Sync>>>>;

static OPEN: LazyLock<Mutex<HashMap<Key, Place>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// What this thread is about to open. Seeds and migrations are the user's code, and may open other stores.
    static OPENING: RefCell<Vec<Key>> = const { RefCell::new(Vec::new()) };
}

/// Stands in that list as long as it lives.
struct Opening;

impl Opening {
    fn enter(key: &Key) -> Result<Self, Error> {
        OPENING.with_borrow_mut(|all| {
            if all.contains(key) {
                return Err(error::open::opened_within_its_opening(&key.log));
            }
            all.push(key.clone());
            Ok(Opening)
        })
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        OPENING.with_borrow_mut(|all| all.pop());
    }
}

/// The store that is open under this key, or what `open` opens.
///
/// # Errors
///
/// As `open`; of kind [`ErrorKind::Nested`](crate::ErrorKind::Nested) where this thread is about to open it; of kind [`ErrorKind::AlreadyOpen`](crate::ErrorKind::AlreadyOpen) where it is open as another type that it cannot be too.
pub(crate) fn share(
    key: Key,
    open: impl FnOnce() -> Result<Arc<dyn Any + Send + Sync>, Error>,
) -> Result<Arc<dyn Any + Send + Sync>, Error> {
    // Before the lock, for which the thread would wait for ever.
    let _opening = Opening::enter(&key)?;
    let place = {
        let mut stores = OPEN.lock().unpoisoned();
        // Places of stores that are closed, and that nobody is opening, are not kept for ever.
        stores.retain(|_, place| Arc::strong_count(place) > 1 || is_alive(place));
        check_kind(&stores, &key)?;
        stores.entry(key).or_default().clone()
    };
    let mut place = place.lock().unpoisoned();
    if let Some(shared) = place.as_ref().and_then(Weak::upgrade) {
        return Ok(shared);
    }
    let opened = open()?;
    *place = Some(Arc::downgrade(&opened));
    Ok(opened)
}

//! Opening a [`PersistentStore`], by the names and the meaning of the original worsen, or with a builder.

use std::{path::PathBuf, sync::Arc};

use super::{builder::Builder, import_once::Importing, place::Place, registry::Kind};
use crate::{
    engine::Seeds,
    error::Error,
    keyed_store::{KeyedModel, PersistentStore, Published},
    open_store::OpenStore,
    options::Settings,
    trace,
    value::Value,
};

/// How to open a [`PersistentStore`]. What else there is to choose, such as how long to wait for the lock,
/// stands in [`PersistentStore::builder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether the store tells on stderr what it does. By default when the environment says
    /// `DEBUG_PERSISTENCE=true`.
    pub is_debug: bool,
    /// The directory of the files. By default `db` under the current directory.
    pub db_dir: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            is_debug: trace::asked_for(),
            db_dir: PathBuf::from("db"),
        }
    }
}

impl<T: Value> PersistentStore<T> {
    /// Opens the store, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`](crate::Builder::open); of kind [`Decode`](crate::ErrorKind::Decode) where a value does
    /// not fit the type, and [`AlreadyOpen`](crate::ErrorKind::AlreadyOpen) where this process has the store open
    /// as a `PersistentStore` of another type.
    pub fn new(name: impl Into<String>, options: Options) -> Result<Self, Error> {
        let mut settings = Settings::new(name);
        settings.dir = Ok(options.db_dir);
        // From `init` on.
        settings.poll = None;
        let mut place = Place::new(settings);
        place.debug = options.is_debug;
        Self::opened_at(place)
    }

    /// Opens the store with other options than [`new`](PersistentStore::new) has: read-only, in memory, with
    /// time-outs of its own. It looks for other processes' commits every 5 seconds, until
    /// [`init`](PersistentStore::init) says otherwise.
    ///
    /// ```
    /// use worsen::{Durability, PersistentStore};
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = PersistentStore::<u64>::builder("visits")
    ///     .in_memory()
    ///     .durability(Durability::Buffered)
    ///     .open()?;
    /// store.write("front page", 1).wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: impl Into<String>) -> Builder<Self> {
        Builder::keyed(name.into())
    }

    pub(crate) fn opened_at(place: Place) -> Result<Self, Error> {
        let importing = (!place.imports.is_empty()).then(|| Importing::of(&place));
        let inner = place.open::<OpenStore<Published<T>>>(Kind::keyed::<T>(), &mut |opening| {
            let (model, read_model, map) = KeyedModel::<T>::new();
            let seeds = importing
                .as_ref()
                .map(|importing| -> Seeds<'_> { Box::new(|| importing.values_of::<T>()) });
            let handle = opening.start(Box::new(model), Box::new(read_model), seeds)?;
            let imported = importing.as_ref().and_then(Importing::told);
            Ok(Arc::new(OpenStore::new(map, handle).with(imported)))
        })?;
        Ok(PersistentStore::of(inner))
    }
}

impl<T: Value> Builder<PersistentStore<T>> {
    pub(crate) fn keyed(name: String) -> Self {
        Builder::at(Place::new(Settings::new(name)))
    }

    /// Opens the store, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// As [`PersistentStore::new`].
    pub fn open(self) -> Result<PersistentStore<T>, Error> {
        PersistentStore::opened_at(self.place)
    }
}

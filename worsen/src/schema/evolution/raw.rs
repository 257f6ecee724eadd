//! [`Raw`]: the values of a store as its file has them, for a migration. Never here: what is done with what comes
//! of it.

use std::{any::Any, fmt};

use super::{family, remove_all};
use crate::{
    entries::Entries,
    entry::{Edits, FieldChange},
    error::{self, Error},
    schema::{Field, Mark},
    shared_str::SharedStr,
    uid::{check_uid, is_own, split},
    value::{self, Value},
};

/// The values of a store by their uids, as an older version of the program has left them: what a function gets
/// that `migrate = path` names. It is a copy, which becomes the store's state, in one commit, when the function
/// returns `Ok`.
///
/// A field of a plain type is one value under its uid; a [`Map`](crate::Map), [`Queue`](crate::Queue) or
/// [`Set`](crate::Set) has one more below that for each of its entries, such as `users/Ada`. All methods take a field
/// with its entries along, and the uid of one entry too. A [`WorkQueue`](crate::WorkQueue) can be renamed and removed
/// as a whole; of its jobs, `jobs/7` holds the object that FORMAT.md describes.
///
/// ```
/// use worsen::{Raw, Store};
///
/// #[derive(Store)]
/// #[store(version = 2, migrate = to_newest)]
/// struct Settings {
///     /// In milliseconds. In version 1 it was `timeout`, in seconds.
///     timeout_ms: u64,
///     #[store(seed = "dark".into())]
///     theme: String,
/// }
///
/// fn to_newest(store: &mut Raw<'_>, from: u32) -> worsen::Result<()> {
///     if from < 2 {
///         if let Some(seconds) = store.get::<u64>("timeout")? {
///             store.set("timeout_ms", seconds * 1000)?;
///             store.remove("timeout");
///         }
///     }
///     Ok(())
/// }
/// # #[derive(Store)]
/// # #[store(name = "settings")]
/// # struct Before { timeout: u64 }
/// # fn main() -> worsen::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// # Before::builder().dir(folder).open()?.set_timeout(30).wait()?;
/// let store = Settings::builder().dir(folder).open()?;
/// assert_eq!(store.timeout_ms(), 30_000);
/// assert_eq!(store.theme(), "dark");
/// # Ok(())
/// # }
/// ```
pub struct Raw<'a> {
    entries: &'a mut Entries,
}

/// Below which the entries of a value are made, before they get their place.
const ANY: &str = "value";

impl<'a> Raw<'a> {
    pub(super) fn of(entries: &'a mut Entries) -> Self {
        Raw { entries }
    }

    /// The value of a uid; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Of kind [`Decode`](crate::ErrorKind::Decode), where it does not fit the type.
    pub fn get<T: Value>(&self, uid: &str) -> Result<Option<T>, Error> {
        let Some(json) = self.entries.get(uid).filter(|_| !is_own(uid)) else {
            return Ok(None);
        };
        let below = || family(self.entries, uid).filter(|(other, _)| ***other != *uid);
        let table = match split(uid).1 {
            None => <T as Field>::by_entry(),
            Some(_) => None,
        };
        let read = || {
            let Some(table) = table else {
                return match below().next() {
                    Some((other, _)) if Mark::parse(json).is_some() => {
                        Err(value::has_entries::<T>(&other[uid.len() + 1..]))
                    }
                    _ => value::decode(json),
                };
            };
            let mut all: T = value::decode(table.mark().json())?;
            let any: &mut dyn Any = &mut all;
            table.apply(any, FieldChange::Set(json))?;
            for (other, json) in below() {
                let key = &other[uid.len() + 1..];
                table.apply(any, FieldChange::SetEntry { key, json })?;
            }
            Ok(all)
        };
        read().map(Some).map_err(|error| error.at(uid))
    }

    /// Sets the value of a uid, in the place of all that it held. The collections get their entries, as in a
    /// field.
    ///
    /// # Errors
    ///
    /// Where it is no uid, or the value cannot be stored.
    pub fn set<T: Value>(&mut self, uid: &str, value: T) -> Result<(), Error> {
        check_uid(uid)?;
        let mut value = value;
        let mut edits = Edits::default();
        let recorded = match (split(uid).1, <T as Field>::by_entry()) {
            (None, Some(table)) => {
                let any: &mut dyn Any = &mut value;
                table.record(any, None, ANY, &|_| None, &mut edits)
            }
            // Within another collection a collection is one value too.
            _ => Field::record(&mut value, ANY, &mut edits),
        };
        recorded.map_err(|error| error.at(uid))?;
        remove_all(self.entries, uid);
        for edit in edits.entries {
            let place: SharedStr = format!("{uid}{}", &edit.uid[ANY.len()..]).into();
            self.entries.put(&place, edit.json);
        }
        Ok(())
    }

    /// Gives what a uid holds, and its entries, another uid; returns whether it held anything.
    ///
    /// # Errors
    ///
    /// Where the new one is no uid, or holds something already.
    pub fn rename(&mut self, uid: &str, to: &str) -> Result<bool, Error> {
        check_uid(uid)?;
        check_uid(to)?;
        if uid == to {
            return Ok(self.contains(uid));
        }
        let all: Vec<(SharedStr, SharedStr)> = family(self.entries, uid)
            .map(|(uid, json)| (uid.clone(), json.clone()))
            .collect();
        if all.is_empty() {
            return Ok(false);
        }
        let is_within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if is_within(to, uid) || is_within(uid, to) || self.contains(to) {
            return Err(error::evolution::renamed_over(uid, to));
        }
        for (from, _) in &all {
            self.entries.remove(from);
        }
        for (from, json) in all {
            self.entries
                .insert(format!("{to}{}", &from[uid.len()..]).into(), json);
        }
        Ok(true)
    }

    /// Removes what a uid holds, and its entries; returns whether it held anything.
    pub fn remove(&mut self, uid: &str) -> bool {
        !is_own(uid) && remove_all(self.entries, uid)
    }

    /// Whether a uid holds anything, or has entries.
    pub fn contains(&self, uid: &str) -> bool {
        !is_own(uid) && family(self.entries, uid).next().is_some()
    }

    /// All uids, in order, those of entries too.
    pub fn uids(&self) -> impl Iterator<Item = &str> {
        let uids = self.entries.keys().map(|uid| &**uid);
        uids.filter(|uid| !is_own(uid))
    }

    /// An error that says why a migration cannot go on, to return from it.
    ///
    /// ```
    /// # use worsen::Raw;
    /// fn to_newest(store: &mut Raw<'_>, from: u32) -> worsen::Result<()> {
    ///     match from {
    ///         0 => Err(store.refuse("stores from before version 1 are not supported any more")),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// ```
    pub fn refuse(&self, why: impl Into<String>) -> Error {
        error::evolution::refused(why.into())
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.uids()).finish()
    }
}

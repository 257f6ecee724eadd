//! A keyed store as a whole: copied, restored, exported and imported. Never here: how a log is copied.

use std::path::{Path, PathBuf};

use super::{model::KeyedModel, store::PersistentStore};
use crate::{
    commit::Commit,
    document::{Writer, members},
    engine::Scope,
    error::{self, Error, ErrorKind},
    imported::Imported,
    schema::Outline,
    transfer::{BackedUp, Progress, restore},
    value::{self, Value},
};

impl<T: Value> PersistentStore<T> {
    /// As [`Handle::backup_to`](crate::Handle::backup_to). With `serde_json::Value` for the type of the values it copies a
    /// store of any struct, of which only the name is known.
    ///
    /// ```
    /// use worsen::PersistentStore;
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (dir, backups) = (folder.path().join("db"), folder.path().join("backups"));
    /// # PersistentStore::<u8>::builder("state").dir(&dir).open()?.write("a", 1).wait()?;
    /// let store = PersistentStore::<serde_json::Value>::builder("state").dir(dir).read_only().open()?;
    /// let copy = store.backup_to(backups.join("state.db"))?;
    /// println!("revision {} is in {}", copy.revision(), copy.path().display());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::backup_to`](crate::Handle::backup_to).
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<BackedUp, Error> {
        self.backup_with(path, |_| ())
    }

    /// As [`Handle::backup_with`](crate::Handle::backup_with).
    ///
    /// # Errors
    ///
    /// As [`Handle::backup_to`](crate::Handle::backup_to).
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        tell: impl FnMut(Progress),
    ) -> Result<BackedUp, Error> {
        self.store().backup_to(path.as_ref(), tell)
    }

    /// As [`Handle::restore_from`](crate::Handle::restore_from): every value of the copy has to decode as `T`, and values
    /// under other uids go.
    ///
    /// # Errors
    ///
    /// As [`Handle::restore_from`](crate::Handle::restore_from).
    pub fn restore_from(&self, path: impl Into<PathBuf>) -> Commit<u64> {
        let (path, engine) = (path.into(), self.store().engine().clone());
        self.commit(move |model, scope| {
            let (copy, revision) = restore::load(&engine, &path)?;
            restore::take(model, scope, (&copy, "the copy"), |_| true)?;
            Ok(revision)
        })
    }

    /// Every value, as one JSON object with a member for each uid, in their order, for people and for
    /// [`import_json`](PersistentStore::import_json).
    ///
    /// ```
    /// # use worsen::PersistentStore;
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = PersistentStore::<u64>::builder("visits").in_memory().open()?;
    /// store.write("front page", 7).wait()?;
    /// let json = store.export_json()?;
    /// assert_eq!(json, "{\n  \"front page\": 7\n}\n");
    /// store.clear().wait()?;
    /// store.import_json(json).wait()?;
    /// assert_eq!(store.read("front page"), Some(7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::export_json`](crate::Handle::export_json).
    pub fn export_json(&self) -> Result<String, Error> {
        let engine = self.store().engine();
        let Some((entries, _)) = engine.entries() else {
            return Err(engine.in_store(error::transfer::read_within_reading()));
        };
        let mut out = Writer::default();
        for (uid, json) in &*Outline::of_any_uids().as_read(&entries) {
            out.member(uid, json);
        }
        Ok(out.finish())
    }

    /// What [`import_once`](crate::Builder::import_once) has done as this process created the store. `None`: the store
    /// held something already, or nothing was to be imported.
    pub fn imported(&self) -> Option<&Imported> {
        self.store().imported()
    }

    /// Writes a value under each uid that a JSON object has a member for, in one commit. The values under other uids
    /// stay. Where something is wrong, nothing is changed, and the error names all that is wrong.
    ///
    /// # Errors
    ///
    /// Of kind [`Decode`](crate::ErrorKind::Decode) where it is no JSON object, or a value does not decode as `T`; and
    /// those of any write.
    pub fn import_json(&self, json: impl Into<String>) -> Commit<()> {
        let json = json.into();
        self.commit(move |model, scope| model.import(&json, scope))
    }
}

impl<T: Value> KeyedModel<T> {
    fn import(&mut self, document: &str, scope: &mut Scope<'_>) -> Result<(), Error> {
        let members = members(document)
            .map_err(|error| error::transfer::no_json_object("the JSON text", error))?;
        let mut problems = Vec::new();
        for (uid, json) in members {
            let taken = value::decode::<T>(json.get())
                .map_err(|error| error.at(&uid))
                .and_then(|value| self.set(&uid, Some(value), scope));
            if let Err(error) = taken {
                // It is not stored yet.
                let what = error.words().replacen("the stored value", "the value", 1);
                problems.push((uid, what));
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(error::transfer::does_not_fit(
                ErrorKind::Decode,
                &problems,
                "the JSON text",
            )),
        }
    }
}

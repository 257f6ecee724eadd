//! A store of one struct as a whole: copied, restored, exported and imported. Never here: how a log is copied, and
//! how a value is taken into a field (`import`).

use std::path::{Path, PathBuf};

use super::handle::Handle;
use crate::{
    commit::Commit,
    document::Writer,
    error::{self, Error},
    imported::Imported,
    schema::{EntryTables, Mark, Outline, Schema, fields_of},
    transfer::{BackedUp, Progress, restore},
};

impl<S: Schema> Handle<S> {
    /// Copies the store into a file, as it is at one revision, while others go on writing: nobody waits for it.
    ///
    /// The file is a whole store: where it is called `<name>.db`, it opens by its directory, and
    /// [`restore_from`](Handle::restore_from) takes it whatever it is called. Its name ends in `.db`; its directory
    /// is created if its parent exists. What the copy holds is durable, in the store as in the copy, and every line
    /// of it was looked at: a log that rots is an error, and leaves the copy that there is.
    ///
    /// An older copy of this store is replaced, whole or not at all, also in a power cut. Anything else that stands
    /// there stays, and is an error; so does an older copy of a store in memory, which nothing tells from that of another
    /// one. On Linux, where the file system can do that, the copy
    /// [shares its blocks](BackedUp::is_clone) with the log.
    ///
    /// This blocks for as long as copying takes; in async code, call it where that may be.
    ///
    /// ```
    /// # use worsen::Store;
    /// #[derive(Store)]
    /// #[store(name = "settings")]
    /// struct Settings {
    ///     port: u16,
    /// }
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let dir = folder.path().join("db");
    /// # let backups = folder.path().join("backups");
    /// let store = Settings::builder().dir(&dir).open()?;
    /// store.set_port(80).wait()?;
    /// let copy = store.backup_to(backups.join("settings.db"))?;
    /// store.set_port(8080).wait()?;
    ///
    /// assert_eq!(copy.revision(), 2);
    /// let copied = Settings::builder().dir(&backups).read_only().open()?;
    /// assert_eq!(copied.port(), 80);
    /// # drop(copied);
    /// store.restore_from(copy.path()).wait()?;
    /// assert_eq!(store.port(), 80);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`Occupied`](crate::ErrorKind::Occupied) where something else than an older copy of this store stands
    /// there, [`InvalidName`](crate::ErrorKind::InvalidName) where the path is none of a copy,
    /// [`Damaged`](crate::ErrorKind::Damaged) where the log cannot be read, those of [`sync`](Handle::sync) but for
    /// what detached writes have left, and those of the disk. The copy that was there stays then.
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<BackedUp, Error> {
        self.backup_with(path, |_| ())
    }

    /// As [`backup_to`](Handle::backup_to), and tells how far it is: at the beginning, after every mebibyte, and when
    /// all is copied.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct Settings { port: u16 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let backup = folder.path().join("settings.db");
    /// # let store = Settings::builder().in_memory().open()?;
    /// store.backup_with(backup, |progress| {
    ///     eprintln!("{} of {} bytes", progress.copied(), progress.total());
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`backup_to`](Handle::backup_to).
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        tell: impl FnMut(Progress),
    ) -> Result<BackedUp, Error> {
        self.store().backup_to(path.as_ref(), tell)
    }

    /// Has the store become again what it was in a copy, in one commit: fields that were not set then read as their
    /// seeds, and what other versions of the program keep in the store is as it was, too. Returns the revision
    /// that the copy is of.
    ///
    /// It is a commit as any other, behind those that there are. So the other processes that have the store open
    /// see it at once, watches are woken, and nothing that was committed since the copy is gone from the log before
    /// it is compacted. Putting the file itself in the place of the log does none of that: see the guide to the
    /// [files](crate::guide::files).
    ///
    /// The copy is read within the commit, while other writers wait. It counts as one commit for
    /// [`max_commit_bytes`](crate::Builder::max_commit_bytes), with what is different in it.
    ///
    /// # Errors
    ///
    /// Where the file is no copy of a store of this name, of kind [`Damaged`](crate::ErrorKind::Damaged) where it
    /// is not whole, and of kind [`Decode`](crate::ErrorKind::Decode) where its values do not fit the fields, which
    /// names all of them. Nothing is changed then.
    pub fn restore_from(&self, path: impl Into<PathBuf>) -> Commit<u64> {
        let (path, engine) = (path.into(), self.engine().clone());
        self.commit(move |model, scope| {
            let (copy, revision) = restore::load(&engine, &path)?;
            model.restore((&copy, "the copy"), scope)?;
            Ok(revision)
        })
    }

    /// All that the store holds of its fields, as one JSON object with a member for each of them, in the order of
    /// the struct, for people and for [`import_json`](Handle::import_json).
    ///
    /// A field that is not set, and reads as its seed, is not in it, nor is what other versions of the program keep
    /// in the store: [`backup_to`](Handle::backup_to) copies everything. A `Map` is an object of its entries, a
    /// `Queue` a list, a `Set` an object whose values are `null`. A `WorkQueue` is an object of its jobs by their
    /// numbers, with all that is known of them. Numbers stand there as they were written, whatever their length.
    ///
    /// ```
    /// # use worsen::{Map, Store};
    /// #[derive(Store)]
    /// struct Settings {
    ///     port: u16,
    ///     users: Map<String, u32>,
    /// }
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = Settings::builder().in_memory().open()?;
    /// store.update(|settings| {
    ///     settings.port = 80;
    ///     settings.users.insert("Ada".into(), 36);
    /// }).wait()?;
    /// let json = store.export_json()?;
    /// assert_eq!(json, r#"{
    ///   "port": 80,
    ///   "users": {
    ///     "Ada": 36
    ///   }
    /// }
    /// "#);
    /// # let other = Settings::builder().in_memory().open()?;
    /// other.import_json(json).wait()?;
    /// assert_eq!(other.users().get("Ada"), Some(&36));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the code that reads a value of the store calls it.
    pub fn export_json(&self) -> Result<String, Error> {
        let engine = self.engine();
        let Some((entries, _)) = engine.entries() else {
            return Err(engine.in_store(error::transfer::read_within_reading()));
        };
        let outline = Outline::of(S::__evolution(), fields_of::<S>());
        let entries = outline.as_read(&entries);
        let tables = EntryTables::of::<S>();
        let mut out = Writer::default();
        for (index, field) in fields_of::<S>().iter().enumerate() {
            let Some((uid, json)) = field.uid.and_then(|uid| Some((uid, entries.get(uid)?))) else {
                continue;
            };
            match Mark::parse(json).filter(|_| tables.mark(index).is_some()) {
                None => out.member(uid, json),
                Some(mark) => {
                    let below = format!("{uid}/");
                    let entries = entries.iter_from(&below);
                    let entries =
                        entries.map_while(|(uid, json)| Some((uid.strip_prefix(&below)?, &**json)));
                    out.collection(uid, mark, entries);
                }
            }
        }
        Ok(out.finish())
    }

    /// What [`import_once`](crate::Builder::import_once) has done as this process created the store. `None`: the store
    /// held something already, or nothing was to be imported.
    pub fn imported(&self) -> Option<&Imported> {
        self.store().imported()
    }

    /// Sets the fields that a JSON object has members for, in one commit: what
    /// [`export_json`](Handle::export_json) gives, or a person has written. The other fields stay as they are;
    /// a collection is what it is there, and has no entries besides.
    ///
    /// Every value is decoded as its field's type and written as that writes it. Where something is wrong, nothing
    /// is changed, and the error names all that is wrong: a member that is no field's uid, too, which may be a
    /// misspelled one.
    ///
    /// ```
    /// # use worsen::{ErrorKind, Store};
    /// #[derive(Store)]
    /// struct Settings {
    ///     #[store(seed = 80)]
    ///     port: u16,
    ///     host: String,
    /// }
    ///
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = Settings::builder().in_memory().open()?;
    /// store.import_json(r#"{ "host": "example.org" }"#).wait()?;
    /// assert_eq!((store.port(), &*store.host()), (80, "example.org"));
    ///
    /// let error = store.import_json(r#"{ "port": "http", "hots": "" }"#).wait().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Decode);
    /// assert!(error.to_string().contains("`hots`: no field has this uid; did you mean `host`?"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`Decode`](crate::ErrorKind::Decode) where it is no JSON object, or does not fit; and those of any
    /// write.
    pub fn import_json(&self, json: impl Into<String>) -> Commit<()> {
        let json = json.into();
        self.commit(move |model, scope| model.import(&json, scope))
    }
}

//! Where the files of one store are, as data.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The files of one store.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) name: String,
    /// What the names of the files begin with.
    stem: String,
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) backup: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) new_log: PathBuf,
    pub(crate) new_backup: PathBuf,
}

impl Paths {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        Paths::of_log(dir, name, dir.join(format!("{name}.db")))
    }

    /// Of the store of this name whose log is this file, in this directory.
    pub(crate) fn of_log(dir: &Path, name: &str, log: PathBuf) -> Self {
        let file = log.file_name().unwrap_or_default().to_string_lossy();
        let stem = file.strip_suffix(".db").unwrap_or(&file);
        let path = |extension: &str| dir.join(format!("{stem}.{extension}"));
        Paths {
            stem: stem.into(),
            backup: path("cache.db"),
            lock: path("lock"),
            new_log: path("db.new"),
            new_backup: path("cache.db.new"),
            name: name.into(),
            dir: dir.into(),
            log,
        }
    }

    /// Where the log of a generation that has ended is kept, where the past is.
    pub(crate) fn past(&self, generation: u64) -> PathBuf {
        self.dir.join(format!("{}.db.past-{generation}", self.stem))
    }

    /// Which generation's file of the past has this name, if it is the name of one.
    pub(crate) fn past_of(&self, name: &OsStr) -> Option<u64> {
        self.number_of(name, "past")
    }

    /// Whether this is the name of a copy of damaged bytes.
    pub(crate) fn is_damaged(&self, name: &OsStr) -> bool {
        self.number_of(name, "damaged").is_some()
    }

    /// The number at the end of `<name>.db.<what>-<number>`.
    fn number_of(&self, name: &OsStr, what: &str) -> Option<u64> {
        let rest = name.to_str()?.strip_prefix(&*self.stem)?;
        let number = rest.strip_prefix(".db.")?.strip_prefix(what)?;
        let digits = number.strip_prefix('-')?;
        let number: u64 = digits.parse().ok()?;
        (number.to_string() == digits).then_some(number)
    }

    /// Where the state before a migration from this version is kept, and what it is called until it is whole.
    pub(crate) fn of_version(&self, version: u32) -> (PathBuf, PathBuf) {
        let kept = format!("{}.v{version}.db", self.stem);
        (self.dir.join(&kept), self.dir.join(format!("{kept}.new")))
    }

    /// Where a copy of damaged bytes is kept.
    pub(crate) fn damaged(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.db.damaged-{number}", self.stem))
    }
}

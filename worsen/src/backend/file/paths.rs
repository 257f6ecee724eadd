//! Where the files of one store are, as data.

use std::path::{Path, PathBuf};

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

    /// Where a copy of damaged bytes is kept.
    pub(crate) fn damaged(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.db.damaged-{number}", self.stem))
    }
}

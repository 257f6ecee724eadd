//! What an import took and what it left out, as the store tells its user. Never here: importing.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// What [`import_once`](crate::Builder::import_once) has done as the store was created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub(crate) source: Option<PathBuf>,
    pub(crate) uids: Vec<String>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Imported {
    /// The file that was read; `None`: none of those that were named is there, and the store began with its seeds.
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// The uids of what was taken from there.
    pub fn uids(&self) -> &[String] {
        &self.uids
    }

    /// What was there and is not in the store.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(source) = &self.source else {
            return f.write_str("there was nothing to import, and the store began with its seeds");
        };
        let count = self.uids.len();
        write!(f, "imported {count} uids from {}", source.display())?;
        let mut separator = "; left out: ";
        for left_out in &self.left_out {
            write!(f, "{separator}{left_out}")?;
            separator = "; ";
        }
        Ok(())
    }
}

/// Something that was not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub(crate) key: String,
    pub(crate) why: String,
}

impl LeftOut {
    /// Where it stood: a member of the file, or an entry of one, as `users/Ada`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Why it is not in the store.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key.escape_debug(), self.why)
    }
}

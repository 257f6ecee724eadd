//! The directories of a simulated disk: which names stand in them, and which of those a crash may take back.
//! Never here: what is in a file.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Component, Path},
};

/// The names in a directory.
#[derive(Clone, Default)]
pub(super) struct Directory {
    /// What is on the disk for certain.
    pub(super) durable: BTreeMap<OsString, Entry>,
    /// What processes see.
    pub(super) current: BTreeMap<OsString, Entry>,
    /// How one became the other, in order.
    pub(super) changes: Vec<Naming>,
}

/// What a name stands for: the number of a file, or of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    File(u64),
    Dir(u64),
}

impl Directory {
    /// A crash decides no more on the changes of this name.
    pub(super) fn forget_changes_of(&mut self, name: &OsStr) {
        let changes = std::mem::take(&mut self.changes).into_iter();
        self.changes = changes
            .filter_map(|change| match change {
                Naming::Add(added, _) if added == name => None,
                Naming::Remove(removed) if removed == name => None,
                Naming::Move(from, to, entry) if from == name && to != name => {
                    Some(Naming::Add(to, entry))
                }
                Naming::Move(from, to, _) if to == name => Some(Naming::Remove(from)),
                change => Some(change),
            })
            .collect();
    }
}

/// A change of a directory.
#[derive(Clone)]
pub(super) enum Naming {
    Add(OsString, Entry),
    Move(OsString, OsString, Entry),
    Remove(OsString),
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<OsString, Entry>) {
        match self {
            Naming::Add(name, entry) => {
                names.insert(name.clone(), *entry);
            }
            Naming::Move(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
            Naming::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

/// The names on the way to a file, from the root.
pub(super) fn names_of(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => {
                names.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    names
}

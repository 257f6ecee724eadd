//! The files of a simulated disk, looked at and changed from outside of every process. Never here: what a
//! store calls.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    SimulatedDisk,
    content::Node,
    directory::{Directory, Entry, names_of},
    state::{Holding, ROOT, State},
};

impl State {
    /// A name of a file, and the number of its directory.
    fn file_name(&self, path: &Path) -> Option<(u64, OsString)> {
        self.file_at(path)?;
        self.place(path).ok()
    }

    /// Has this name stand for that entry, or for nothing, in memory and on the disk.
    fn name_durably(&mut self, dir: u64, name: OsString, entry: Option<Entry>) {
        let Some(dir) = self.dirs.get_mut(&dir) else {
            return;
        };
        dir.forget_changes_of(&name);
        for names in [&mut dir.current, &mut dir.durable] {
            match entry {
                Some(entry) => names.insert(name.clone(), entry),
                None => names.remove(&name),
            };
        }
    }
}

/// A process that has the lock of a store, until this is dropped: from [`SimulatedDisk::hold_lock`].
#[must_use = "the lock is released when this is dropped"]
#[derive(Debug)]
pub struct HeldLock {
    disk: SimulatedDisk,
    inode: u64,
    opening: u64,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        let locks = &mut state.locks;
        if locks
            .get(&self.inode)
            .is_some_and(|holding| holding.opening == self.opening)
        {
            locks.remove(&self.inode);
        }
    }
}

impl SimulatedDisk {
    /// Takes the lock whose file this is, as a process that hangs in its commit does. `None` where there is
    /// no such file, or somebody has the lock. No operation.
    ///
    /// ```
    /// use std::time::Duration;
    /// use worsen::{ErrorKind, Store, testing::SimulatedDisk};
    ///
    /// #[derive(Store)]
    /// #[store(name = "visits", dir = "/db")]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// let disk = SimulatedDisk::new();
    /// let store = Visits::builder()
    ///     .on(&disk)
    ///     .lock_timeout(Duration::from_millis(10))
    ///     .open()
    ///     .unwrap();
    /// let held = disk.new_process().hold_lock("/db/visits.lock").unwrap();
    /// let error = store.set_count(1).wait().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LockTimeout);
    /// drop(held);
    /// store.set_count(1).wait().unwrap();
    /// ```
    pub fn hold_lock(&self, path: impl AsRef<Path>) -> Option<HeldLock> {
        let mut state = self.state();
        let inode = state.file_at(path.as_ref())?;
        if state.locks.contains_key(&inode) {
            return None;
        }
        state.openings += 1;
        let opening = state.openings;
        let process = self.process;
        state.locks.insert(inode, Holding { opening, process });
        drop(state);
        Some(HeldLock {
            disk: self.clone(),
            inode,
            opening,
        })
    }

    /// What processes read in a file now. No operation.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.file_at(path.as_ref())?;
        Some(Vec::clone(&state.nodes.get(&inode)?.current))
    }

    /// Puts a file there, durably, with its directories. Where there is one, its content changes, and it
    /// stays the same file. No operation.
    ///
    /// # Panics
    ///
    /// When the path, or one above it, is of the other kind.
    pub fn write_file(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let mut state = self.state();
        let names = names_of(path.as_ref());
        let mut at = ROOT;
        for (depth, name) in names.iter().enumerate() {
            let last = depth + 1 == names.len();
            let entry = state.entry(at, name).unwrap_or_else(|| {
                let number = state.free_number();
                if last {
                    state.nodes.insert(number, Node::default());
                    Entry::File(number)
                } else {
                    state.dirs.insert(number, Directory::default());
                    Entry::Dir(number)
                }
            });
            state.name_durably(at, name.to_os_string(), Some(entry));
            match entry {
                Entry::Dir(dir) if !last => at = dir,
                Entry::File(inode) if last => {
                    let content = Arc::new(bytes.as_ref().to_vec());
                    let node = state.nodes.entry(inode).or_default();
                    node.durable = content.clone();
                    node.current = content;
                    node.changes.clear();
                    return;
                }
                Entry::File(_) | Entry::Dir(_) => break,
            }
        }
        drop(state);
        assert!(
            names.is_empty(),
            "{} cannot be a file",
            path.as_ref().display()
        );
    }

    /// Removes a file, durably. False where there is none. No operation.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> bool {
        let mut state = self.state();
        match state.file_name(path.as_ref()) {
            Some((dir, name)) => {
                state.name_durably(dir, name, None);
                true
            }
            None => false,
        }
    }

    /// The files that processes see now, in order. No operation.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        self.state().each_file(|path, _| files.push(path));
        files.sort();
        files
    }

    /// Moves a file over another one of the same directory, or to a name that is free, durably. False where
    /// there is none to be moved, or it cannot stand there. No operation.
    pub fn move_file(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> bool {
        let mut state = self.state();
        let Some((dir, name)) = state.file_name(from.as_ref()) else {
            return false;
        };
        let Ok((to_dir, to_name)) = state.place(to.as_ref()) else {
            return false;
        };
        if to_dir != dir || matches!(state.entry(dir, &to_name), Some(Entry::Dir(_))) {
            return false;
        }
        let entry = state.entry(dir, &name);
        state.name_durably(dir, name, None);
        state.name_durably(dir, to_name, entry);
        true
    }
}

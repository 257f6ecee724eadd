//! What a store calls of a simulated disk: the operations one by one. Never here: how they fail.

use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    SimulatedDisk,
    content::Node,
    directory::{Directory, Entry, Naming},
    fault::Fault,
    operation::{Course, Operation, What},
    state::{Holding, State, dead},
};
use crate::backend::file::{
    disk::{Disk, DiskFile, Found, Open},
    file_id::FileId,
    lock::LockFile,
    shared_page::SharedPage,
};

fn id(inode: u64) -> FileId {
    FileId { device: 1, inode }
}

/// A file that is moved, and where to.
struct Move {
    dir: u64,
    from: OsString,
    to: OsString,
    entry: Entry,
    target: Option<Entry>,
}

impl State {
    fn find(&self, path: &Path) -> io::Result<Option<Found>> {
        let entry = match self.place(path) {
            Ok((dir, name)) => self.entry(dir, &name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let len = |node: &Node| node.current.len() as u64;
        Ok(entry.map(|entry| match entry {
            Entry::File(number) | Entry::Dir(number) => Found {
                id: id(number),
                len: self.nodes.get(&number).map_or(0, len),
            },
        }))
    }

    fn prepare_rename(&self, from: &Path, to: &Path) -> io::Result<Move> {
        let (dir, name) = self.place(from)?;
        let (to_dir, to_name) = self.place(to)?;
        if dir != to_dir {
            // The store has no use for it, and the model no order for it.
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        match (self.entry(dir, &name), self.entry(dir, &to_name)) {
            (None, _) => Err(io::ErrorKind::NotFound.into()),
            (Some(Entry::Dir(_)), _) | (_, Some(Entry::Dir(_))) => {
                Err(io::ErrorKind::IsADirectory.into())
            }
            (Some(entry), target) => Ok(Move {
                dir,
                from: name,
                to: to_name,
                entry,
                target,
            }),
        }
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let path: Arc<Path> = path.into();
        self.around(Operation::new(What::Open(how), &path), |operation| {
            let mut state = self.state();
            let inode = state.open(self.process, operation, how)?;
            // A file opened after a loss is not told of it.
            let told = AtomicU64::new(state.node(inode)?.losses);
            drop(state);
            let writable = how != Open::Read;
            Ok(Box::new(SimulatedFile {
                disk: self.clone(),
                path,
                inode,
                writable,
                told,
            }) as Box<dyn DiskFile>)
        })
    }

    fn identify(&self, path: &Path) -> io::Result<Option<Found>> {
        let operation = Operation::new(What::Identify, &path.into());
        self.around(operation, |operation| {
            let mut state = self.state();
            state.begin(self.process, operation, false)?;
            state.find(path)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let operation = Operation {
            to: Some(to.into()),
            ..Operation::new(What::Rename, &from.into())
        };
        self.around(operation, |operation| {
            let mut state = self.state();
            let prepared = state.prepare_rename(from, to);
            state.begin(self.process, operation, prepared.is_ok())?;
            let Move {
                dir,
                from,
                to,
                entry,
                target,
            } = prepared?;
            if target != Some(entry) {
                state.change_names(dir, Naming::Move(from, to, entry));
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let operation = Operation::new(What::Remove, &path.into());
        self.around(operation, |operation| {
            let mut state = self.state();
            let place = state.place(path);
            let prepared = place.and_then(|(dir, name)| match state.entry(dir, &name) {
                Some(Entry::File(_)) => Ok((dir, name)),
                Some(Entry::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
                None => Err(io::ErrorKind::NotFound.into()),
            });
            state.begin(self.process, operation, prepared.is_ok())?;
            let (dir, name) = prepared?;
            state.change_names(dir, Naming::Remove(name));
            Ok(())
        })
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let operation = Operation::new(What::Names, &dir.into());
        self.around(operation, |operation| {
            let mut state = self.state();
            state.begin(self.process, operation, false)?;
            let number = state.directory(dir)?;
            let names = state.dirs.get(&number).map(|dir| dir.current.keys());
            Ok(names.into_iter().flatten().cloned().collect())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let operation = Operation::new(What::SyncDir, &dir.into());
        self.around(operation, |operation| {
            let mut state = self.state();
            let number = state.directory(dir);
            let course = state.begin(self.process, operation, number.is_ok())?;
            if let Some(dir) = state.dirs.get_mut(&number?) {
                let changes = std::mem::take(&mut dir.changes);
                if course == Course::LosesData {
                    return Err(Fault::LostSync.error());
                }
                changes
                    .iter()
                    .for_each(|change| change.apply(&mut dir.durable));
            }
            Ok(())
        })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let operation = Operation::new(What::CreateDir, &dir.into());
        self.around(operation, |operation| {
            let mut state = self.state();
            let prepared = match state.place(dir) {
                Ok((parent, name)) => match state.entry(parent, &name) {
                    Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                    None => Ok((parent, name)),
                },
                // The root has no name, and is there.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    Err(io::ErrorKind::AlreadyExists.into())
                }
                Err(error) => Err(error),
            };
            state.begin(self.process, operation, prepared.is_ok())?;
            let (parent, name) = prepared?;
            let number = state.free_number();
            state.dirs.insert(number, Directory::default());
            state.change_names(parent, Naming::Add(name, Entry::Dir(number)));
            Ok(())
        })
    }

    fn for_copies(&self) -> &dyn Disk {
        self
    }

    fn open_lock(&self, path: &Path, shared_memory: bool) -> io::Result<Box<dyn LockFile>> {
        let path: Arc<Path> = path.into();
        self.around(Operation::new(What::OpenLock, &path), |operation| {
            let mut state = self.state();
            let inode = state.open(self.process, operation, Open::Create)?;
            state.openings += 1;
            let opening = state.openings;
            let has_page = shared_memory && !state.no_shared_pages;
            let shared_page = has_page.then(|| state.shared_page(inode));
            Ok(Box::new(SimulatedLock {
                disk: self.clone(),
                path,
                inode,
                opening,
                shared_page,
            }) as Box<dyn LockFile>)
        })
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    path: Arc<Path>,
    inode: u64,
    writable: bool,
    /// How many of the node's losses this handle has been told of.
    told: AtomicU64,
}

impl SimulatedFile {
    fn begin(
        &self,
        operation: Operation,
        mutates: bool,
    ) -> io::Result<(MutexGuard<'_, State>, Course)> {
        let mut state = self.disk.state();
        let course = state.begin(self.disk.process, operation, mutates)?;
        Ok((state, course))
    }

    fn around<T>(&self, what: What, act: impl FnOnce(Operation) -> io::Result<T>) -> io::Result<T> {
        self.disk.around(Operation::new(what, &self.path), act)
    }

    /// As writing through a descriptor that is open for reading alone.
    fn check_writable(&self) -> io::Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    fn sync(&self, what: What) -> io::Result<()> {
        self.around(what, |operation| {
            let (mut state, course) = self.begin(operation, true)?;
            let node = state.node(self.inode)?;
            if course == Course::LosesData {
                node.lose_sync();
            } else {
                node.sync();
            }
            // Relaxed: the machine's mutex is held.
            if self.told.swap(node.losses, Relaxed) == node.losses {
                Ok(())
            } else {
                Err(Fault::LostSync.error())
            }
        })
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = buf.len();
        self.around(What::Read { offset, len }, |operation| {
            let (mut state, course) = self.begin(operation, false)?;
            let content = &state.node(self.inode)?.current;
            let start = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(content.len());
            let mut len = len.min(content.len() - start);
            if course == Course::Short {
                len = len.div_ceil(2);
            }
            buf[..len].copy_from_slice(&content[start..start + len]);
            Ok(len)
        })
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let len = buf.len();
        self.around(What::Write { offset, len }, |operation| {
            let (mut state, course) = self.begin(operation, true)?;
            let len = match course {
                Course::Short => len.div_ceil(2),
                Course::Crash(bytes) => bytes,
                Course::Straight | Course::LosesData => len,
            };
            let fits = state.take_room(self.inode, offset, len as u64)?;
            // As on a real disk: first a short write, and the error at the next one.
            let len = len.min(fits as usize);
            state.node(self.inode)?.write(&buf[..len], offset)?;
            match course {
                Course::Crash(_) => Err(dead()),
                _ => Ok(len),
            }
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.around(What::Len, |operation| {
            let (mut state, _) = self.begin(operation, false)?;
            Ok(state.node(self.inode)?.current.len() as u64)
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.around(What::SetLen(len), |operation| {
            let (mut state, _) = self.begin(operation, true)?;
            state.node(self.inode)?.set_len(len)?;
            state.free_room(self.inode, len);
            Ok(())
        })
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<bool> {
        self.check_writable()?;
        let len = to.saturating_sub(from);
        self.around(What::Reserve { offset: from, len }, |operation| {
            let (mut state, _) = self.begin(operation, false)?;
            if state.take_room(self.inode, from, len)? < len {
                return Err(Fault::NoSpace.error());
            }
            Ok(true)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(What::SyncData)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(What::SyncAll)
    }

    /// Always: one thread plays all processes, and each ends its syncs before another begins.
    fn try_lead(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn end_lead(&self) -> io::Result<()> {
        Ok(())
    }

    fn id(&self) -> FileId {
        id(self.inode)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.disk.state().close(self.inode);
    }
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    path: Arc<Path>,
    inode: u64,
    opening: u64,
    shared_page: Option<Arc<SharedPage>>,
}

impl LockFile for SimulatedLock {
    fn try_lock(&self) -> io::Result<bool> {
        let operation = Operation::new(What::TryLock, &self.path);
        self.disk.around(operation, |operation| {
            let process = self.disk.process;
            let mut state = self.disk.state();
            state.begin(process, operation, false)?;
            if state.locks.contains_key(&self.inode) {
                return Ok(false);
            }
            let holding = Holding {
                opening: self.opening,
                process,
            };
            state.locks.insert(self.inode, holding);
            Ok(true)
        })
    }

    fn unlock(&self) -> io::Result<()> {
        let operation = Operation::new(What::Unlock, &self.path);
        self.disk.around(operation, |operation| {
            let mut state = self.disk.state();
            state.begin(self.disk.process, operation, false)?;
            state
                .locks
                .retain(|_, holding| holding.opening != self.opening);
            Ok(())
        })
    }

    fn id(&self) -> FileId {
        id(self.inode)
    }

    fn shared_page(&self) -> Option<Arc<SharedPage>> {
        self.shared_page.clone()
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        state
            .locks
            .retain(|_, holding| holding.opening != self.opening);
        state.close(self.inode);
    }
}

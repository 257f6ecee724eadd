//! A simulated machine: its files, directories and locks, and how an operation begins. Never here: the
//! operations one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

mod room;

use self::room::Room;
use super::{
    content::Node,
    directory::{Directory, Entry, Naming, names_of},
    fault::{Fault, Planned},
    operation::{Course, Operation, What},
    trace::{Fate, Line},
};
use crate::backend::file::{disk::Open, shared_page::SharedPage};

/// The directory that is always there. Relative paths start here too.
pub(in crate::testing) const ROOT: u64 = 1;

/// The state of a machine.
#[derive(Clone, Default)]
pub(in crate::testing) struct State {
    pub(in crate::testing) nodes: BTreeMap<u64, Node>,
    pub(in crate::testing) dirs: BTreeMap<u64, Directory>,
    /// Per lock file. Memory, not disk: other processes see a change at once.
    pub(in crate::testing) shared_pages: BTreeMap<u64, Arc<SharedPage>>,
    pub(in crate::testing) no_shared_pages: bool,
    /// Where the disk has an end.
    pub(in crate::testing) room: Option<Room>,
    /// Per lock file, its holder.
    pub(in crate::testing) locks: BTreeMap<u64, Holding>,
    pub(in crate::testing) processes: u64,
    pub(in crate::testing) killed: BTreeSet<u64>,
    pub(in crate::testing) openings: u64,
    pub(in crate::testing) operations: usize,
    pub(in crate::testing) mutations: usize,
    pub(in crate::testing) crash: Option<Crash>,
    pub(in crate::testing) crashed: bool,
    pub(in crate::testing) faults: Vec<Planned>,
    pub(in crate::testing) struck: usize,
    pub(in crate::testing) trace: Vec<Line>,
}

/// Which opening of a lock file has the lock.
#[derive(Clone, Copy)]
pub(in crate::testing) struct Holding {
    pub(in crate::testing) opening: u64,
    pub(in crate::testing) process: u64,
}

#[derive(Clone, Copy)]
pub(in crate::testing) struct Crash {
    pub(in crate::testing) mutation: usize,
    /// How much of it still happens, where it is a write.
    pub(in crate::testing) bytes: usize,
}

impl State {
    /// Counts an operation, and lets the planned crash and the planned faults happen.
    pub(in crate::testing) fn begin(
        &mut self,
        process: u64,
        operation: Operation,
        mutates: bool,
    ) -> io::Result<Course> {
        if self.crashed || self.killed.contains(&process) {
            return Err(dead());
        }
        let number = self.operations;
        self.operations += 1;
        let mutation = mutates.then_some(self.mutations);
        let what = operation.what;
        let reached = |crash: &Crash| mutation.is_some_and(|number| number >= crash.mutation);
        let crash = self.crash.filter(reached);
        let fault = match crash {
            None => self.take_fault(number, &operation),
            Some(_) => None,
        };
        let fate = match (crash, fault) {
            (Some(_), _) => Fate::Crashed,
            (None, Some(fault)) => Fate::Struck(fault),
            (None, None) => Fate::Done,
        };
        self.trace.push(Line {
            operation,
            mutation,
            process,
            fate,
        });
        if let Some(crash) = crash {
            self.crashed = true;
            return match what {
                What::Write { len, .. } => Ok(Course::Crash(crash.bytes.min(len))),
                _ => Err(dead()),
            };
        }
        // Also where a fault refuses it before it begins: so the numbers of a run do not depend on its faults.
        self.mutations += usize::from(mutates);
        match fault {
            None => Ok(Course::Straight),
            Some(Fault::ShortWrite | Fault::ShortRead) => Ok(Course::Short),
            Some(Fault::LostSync) => Ok(Course::LosesData),
            Some(fault) => Err(fault.error()),
        }
    }

    /// The fault that strikes this operation.
    fn take_fault(&mut self, number: usize, operation: &Operation) -> Option<Fault> {
        let due = |planned: &Planned| planned.is_due(number, operation);
        let at = self.faults.iter().position(due)?;
        self.struck += 1;
        let fault = self.faults[at].fault;
        if !self.faults[at].comes_again() {
            self.faults.remove(at);
        }
        Some(fault)
    }

    pub(in crate::testing) fn directory(&self, path: &Path) -> io::Result<u64> {
        let mut at = ROOT;
        for name in names_of(path) {
            match self.dirs.get(&at).and_then(|dir| dir.current.get(name)) {
                Some(Entry::Dir(dir)) => at = *dir,
                Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => return Err(io::ErrorKind::NotFound.into()),
            }
        }
        Ok(at)
    }

    /// The directory a path lies in, and the name it has there.
    pub(in crate::testing) fn place(&self, path: &Path) -> io::Result<(u64, OsString)> {
        let mut names = names_of(path);
        let Some(name) = names.pop() else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let parent: PathBuf = names.iter().collect();
        Ok((self.directory(&parent)?, name.to_os_string()))
    }

    pub(in crate::testing) fn entry(&self, dir: u64, name: &OsStr) -> Option<Entry> {
        self.dirs.get(&dir)?.current.get(name).copied()
    }

    pub(in crate::testing) fn change_names(&mut self, dir: u64, change: Naming) {
        if let Some(dir) = self.dirs.get_mut(&dir) {
            change.apply(&mut dir.current);
            dir.changes.push(change);
        }
    }

    pub(in crate::testing) fn node(&mut self, inode: u64) -> io::Result<&mut Node> {
        // Handles keep their node, so this is a fault of the simulation.
        self.nodes
            .get_mut(&inode)
            .ok_or_else(|| io::Error::other("no such inode"))
    }

    /// The files and directories that have a name, in memory or on the disk, now or by a change that a
    /// crash may take back.
    pub(in crate::testing) fn named(&self) -> BTreeSet<u64> {
        let mut numbers = BTreeSet::from([ROOT]);
        for dir in self.dirs.values() {
            let named = dir.current.values().chain(dir.durable.values()).copied();
            let changed = dir.changes.iter().filter_map(|change| match change {
                Naming::Add(_, entry) | Naming::Move(_, _, entry) => Some(*entry),
                Naming::Remove(_) => None,
            });
            numbers.extend(named.chain(changed).map(|entry| match entry {
                Entry::File(number) | Entry::Dir(number) => number,
            }));
        }
        numbers
    }

    /// The lowest number that neither a name nor an open file uses. File systems reuse them as quickly:
    /// an identity is good for as long as the file is open.
    pub(in crate::testing) fn free_number(&mut self) -> u64 {
        let named = self.named();
        self.nodes
            .retain(|number, node| node.handles > 0 || named.contains(number));
        let nodes = &self.nodes;
        self.shared_pages
            .retain(|number, _| nodes.contains_key(number));
        self.locks.retain(|number, _| nodes.contains_key(number));
        self.dirs.retain(|number, _| named.contains(number));
        (ROOT..)
            .find(|number| !named.contains(number) && !nodes.contains_key(number))
            .unwrap_or(ROOT)
    }

    /// Finds or creates a file. Counts the operation.
    pub(in crate::testing) fn open(
        &mut self,
        process: u64,
        operation: Operation,
        how: Open,
    ) -> io::Result<u64> {
        let found = self.place(&operation.path).map(|(dir, name)| {
            let entry = self.entry(dir, &name);
            (dir, name, entry)
        });
        let creates =
            matches!(how, Open::Create | Open::CreateNew) && matches!(found, Ok((_, _, None)));
        self.begin(process, operation, creates)?;
        let (dir, name, entry) = found?;
        let inode = match entry {
            Some(_) if how == Open::CreateNew => return Err(io::ErrorKind::AlreadyExists.into()),
            Some(Entry::File(inode)) => inode,
            Some(Entry::Dir(_)) => {
                let text = "not a regular file but a directory";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            None if !creates => return Err(io::ErrorKind::NotFound.into()),
            None => {
                let inode = self.free_number();
                self.nodes.insert(inode, Node::default());
                self.change_names(dir, Naming::Add(name, Entry::File(inode)));
                inode
            }
        };
        self.node(inode)?.handles += 1;
        Ok(inode)
    }

    /// The shared page of a lock file.
    pub(in crate::testing) fn shared_page(&mut self, inode: u64) -> Arc<SharedPage> {
        let pages = &mut self.shared_pages;
        pages
            .entry(inode)
            .or_insert_with(SharedPage::in_memory)
            .clone()
    }

    pub(in crate::testing) fn close(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.handles -= 1;
        }
    }

    /// What is left when everything with an unreachable name, and nothing else, is gone.
    pub(in crate::testing) fn drop_unreachable(&mut self) {
        let mut dirs = BTreeSet::from([ROOT]);
        let mut files = BTreeSet::new();
        let mut ahead = vec![ROOT];
        while let Some(dir) = ahead.pop() {
            for entry in self
                .dirs
                .get(&dir)
                .into_iter()
                .flat_map(|dir| dir.current.values())
            {
                match *entry {
                    Entry::File(inode) => {
                        files.insert(inode);
                    }
                    Entry::Dir(dir) => {
                        if dirs.insert(dir) {
                            ahead.push(dir);
                        }
                    }
                }
            }
        }
        self.dirs.retain(|dir, _| dirs.contains(dir));
        self.nodes.retain(|inode, _| files.contains(inode));
        self.shared_pages.retain(|inode, _| files.contains(inode));
    }

    pub(in crate::testing) fn each_file(&self, mut visit: impl FnMut(PathBuf, u64)) {
        let mut ahead = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, dir)) = ahead.pop() {
            for (name, entry) in self.dirs.get(&dir).into_iter().flat_map(|dir| &dir.current) {
                match *entry {
                    Entry::File(inode) => visit(path.join(name), inode),
                    Entry::Dir(dir) => ahead.push((path.join(name), dir)),
                }
            }
        }
    }

    pub(in crate::testing) fn file_at(&self, path: &Path) -> Option<u64> {
        let (dir, name) = self.place(path).ok()?;
        match self.entry(dir, &name)? {
            Entry::File(inode) => Some(inode),
            Entry::Dir(_) => None,
        }
    }
}

pub(in crate::testing) fn dead() -> io::Error {
    io::Error::other("the simulated process is dead")
}

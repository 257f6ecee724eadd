//! A disk in memory that can crash, lie and fail at every operation. Lives here: what may be left on a
//! disk after a power cut, and which of it a test gets to see. Never here: what the bytes mean.
//!
//! # What a crash may leave
//!
//! The model is as harsh as file systems that keep their word may be. It assumes four things:
//!
//! * **Sectors.** Of a write that was not synced, each sector of 512 bytes is on the disk, or not, or
//!   is torn (the first bytes new, the rest old), or garbage. Where several writes touched a sector,
//!   it may also stand as it was after any of them.
//! * **Powersafe overwrite.** Bytes that no unsynced write touched keep their value, also within a
//!   sector whose other bytes are torn or garbage.
//! * **Sizes.** A file's size is metadata, apart from its data. Of the changes since the last sync, any
//!   number from the first on may have happened. Where the size grew and the data did not arrive, the
//!   file reads as NULs.
//! * **Directories.** Of the creations, renames and removals in a directory since it was last synced,
//!   any number from the first on may have happened, in order (a journal). Each directory is on its
//!   own. Syncing a file does not make its name durable.
//!
//! # Numbers
//!
//! Every call that can fail is an *operation*. Those that change something, or make it durable, are
//! *mutations*, with numbers of their own. Both count from 0, for the whole machine: all of its processes.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fmt,
    hash::Hash,
    io,
    ops::Range,
    path::{Component, Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

mod crash_states;
mod room;
#[cfg(test)]
mod tests;

pub use self::crash_states::CrashStates;
use self::{crash_states::Plan, room::Room};
use crate::backend::file::{
    disk::{Disk, DiskFile, Found, Open},
    file_id::FileId,
    lock::LockFile,
    shared_page::SharedPage,
};

/// What worsen's own tests reach beside this. No stability is promised.
#[doc(hidden)]
#[cfg(feature = "testing")]
pub mod internals {
    #[cfg(worsen_planted)]
    pub use crate::planted::Bug;
    pub use crate::{
        backend::file::{
            compaction::CompactAbove,
            disk::{Disk, DiskFile, Found, Open},
            file_id::FileId,
            lock::LockFile,
            shared_page::SharedPage,
        },
        open::keyed::OnDisk,
        process::{Environment, ProcessId},
    };
}

/// What a disk writes whole, or tears.
const SECTOR: u64 = 512;

/// No simulated file grows beyond this: a wild offset must fail here, not take the machine's memory.
const MAX_FILE: u64 = 1 << 30;

/// The directory that is always there. Relative paths start here too.
const ROOT: u64 = 1;

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// EIO. A sync that fails with it has done nothing, and may be tried again.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EDQUOT.
    Quota,
    /// EROFS.
    ReadOnly,
    /// EINTR. For good it is nothing that happens, and code that tries again would not end.
    Interrupted,
    /// EACCES.
    Access,
    /// EMFILE.
    TooManyFiles,
    /// A write takes half of its bytes and says so. Other operations succeed.
    ShortWrite,
    /// A read gives half of its bytes and says so. Other operations succeed.
    ShortRead,
    /// A sync fails with EIO, and forgets what it should have written: the next one succeeds, the page
    /// cache shows the data, and a crash loses it. As Linux does since 4.13, it tells each handle that
    /// had the file open, once, at its next sync. Other operations succeed.
    LostSync,
}

impl Fault {
    /// Every way to fail.
    pub const ALL: [Fault; 10] = [
        Fault::Io,
        Fault::NoSpace,
        Fault::Quota,
        Fault::ReadOnly,
        Fault::Interrupted,
        Fault::Access,
        Fault::TooManyFiles,
        Fault::ShortWrite,
        Fault::ShortRead,
        Fault::LostSync,
    ];

    /// Whether this kind of operation can fail in this way.
    fn strikes(self, what: What) -> bool {
        match self {
            Fault::ShortWrite => matches!(what, What::Write { .. }),
            Fault::ShortRead => matches!(what, What::Read { .. }),
            Fault::LostSync => matches!(what, What::SyncData | What::SyncAll | What::SyncDir),
            _ => true,
        }
    }

    #[cfg(unix)]
    fn error(self) -> io::Error {
        use rustix::io::Errno;
        match self {
            Fault::NoSpace => Errno::NOSPC,
            Fault::Quota => Errno::DQUOT,
            Fault::ReadOnly => Errno::ROFS,
            Fault::Interrupted => Errno::INTR,
            Fault::Access => Errno::ACCESS,
            Fault::TooManyFiles => Errno::MFILE,
            Fault::Io | Fault::ShortWrite | Fault::ShortRead | Fault::LostSync => Errno::IO,
        }
        .into()
    }

    #[cfg(not(unix))]
    fn error(self) -> io::Error {
        match self {
            Fault::NoSpace => io::ErrorKind::StorageFull.into(),
            Fault::Quota => io::ErrorKind::QuotaExceeded.into(),
            Fault::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
            Fault::Interrupted => io::ErrorKind::Interrupted.into(),
            Fault::Access => io::ErrorKind::PermissionDenied.into(),
            Fault::TooManyFiles => io::Error::other("too many open files"),
            Fault::Io | Fault::ShortWrite | Fault::ShortRead | Fault::LostSync => {
                io::Error::other("input/output error")
            }
        }
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// At that operation alone.
    Once,
    /// From that operation on.
    ForGood,
}

/// One process's view of a simulated machine. Clones are the same process.
#[derive(Clone)]
pub struct SimulatedDisk {
    machine: Arc<Machine>,
    process: u64,
}

struct Machine {
    state: Mutex<State>,
    /// Which crash this machine has come back from.
    origin: Option<Origin>,
}

struct Origin {
    plan: Arc<Plan>,
    choices: Vec<u32>,
}

#[derive(Clone, Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    dirs: BTreeMap<u64, Directory>,
    /// Per lock file. Memory, not disk: other processes see a change at once.
    shared_pages: BTreeMap<u64, Arc<SharedPage>>,
    no_shared_pages: bool,
    /// Where the disk has an end.
    room: Option<Room>,
    /// Per lock file, who has it.
    locks: BTreeMap<u64, Holding>,
    processes: u64,
    killed: BTreeSet<u64>,
    openings: u64,
    operations: usize,
    mutations: usize,
    crash: Option<Crash>,
    crashed: bool,
    faults: Vec<Planned>,
    struck: usize,
    trace: Vec<Line>,
}

#[derive(Clone, Copy)]
struct Holding {
    opening: u64,
    process: u64,
}

#[derive(Clone, Copy)]
struct Crash {
    mutation: usize,
    /// How much of it still happens, where it is a write.
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Planned {
    operation: usize,
    fault: Fault,
    repeat: Repeat,
}

/// A file, whatever its names are.
#[derive(Clone, Default)]
struct Node {
    /// What is on the disk for certain.
    durable: Arc<Vec<u8>>,
    /// What processes see.
    current: Arc<Vec<u8>>,
    /// How one became the other, but for what a sync has lost.
    changes: Vec<Change>,
    handles: usize,
    /// How many syncs have lost data.
    losses: u64,
}

#[derive(Clone)]
enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    Size(u64),
}

#[derive(Clone, Default)]
struct Directory {
    durable: BTreeMap<OsString, Entry>,
    current: BTreeMap<OsString, Entry>,
    changes: Vec<Naming>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    File(u64),
    Dir(u64),
}

impl Directory {
    /// Takes the changes of this name out of those that a crash decides on.
    fn settle(&mut self, name: &OsStr) {
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
enum Naming {
    Add(OsString, Entry),
    Move(OsString, OsString, Entry),
    Remove(OsString),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<OsString, Entry>) {
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

#[derive(Debug, Clone, Copy)]
enum What {
    Open(Open),
    OpenLock,
    Identify,
    Rename,
    Remove,
    SyncDir,
    CreateDir,
    Read { offset: u64, len: usize },
    Write { offset: u64, len: usize },
    Reserve { offset: u64, len: u64 },
    Len,
    SetLen(u64),
    SyncData,
    SyncAll,
    TryLock,
    Unlock,
}

/// One operation, for people.
#[derive(Clone)]
struct Line {
    mutation: Option<usize>,
    process: u64,
    what: What,
    path: Arc<Path>,
    fate: Fate,
}

#[derive(Clone, Copy)]
enum Fate {
    Done,
    Struck(Fault),
    Crashed,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutation {
            Some(mutation) => write!(f, "#{mutation}")?,
            None => write!(f, "-")?,
        }
        write!(f, " process {}: ", self.process)?;
        let path = self.path.display();
        match self.what {
            What::Open(how) => write!(f, "open {path} to {how:?}")?,
            What::OpenLock => write!(f, "open lock {path}")?,
            What::Identify => write!(f, "identify {path}")?,
            What::Rename => write!(f, "rename {path}")?,
            What::Remove => write!(f, "remove {path}")?,
            What::SyncDir => write!(f, "sync directory {path}")?,
            What::CreateDir => write!(f, "create directory {path}")?,
            What::Read { offset, len } => write!(f, "read {path} at {offset}, {len} bytes")?,
            What::Write { offset, len } => write!(f, "write {path} at {offset}, {len} bytes")?,
            What::Reserve { offset, len } => {
                write!(f, "reserve {path} at {offset}, {len} bytes")?;
            }
            What::Len => write!(f, "length of {path}")?,
            What::SetLen(len) => write!(f, "set length of {path} to {len}")?,
            What::SyncData => write!(f, "sync data of {path}")?,
            What::SyncAll => write!(f, "sync {path}")?,
            What::TryLock => write!(f, "try to lock {path}")?,
            What::Unlock => write!(f, "unlock {path}")?,
        }
        match self.fate {
            Fate::Done => Ok(()),
            Fate::Struck(fault) => write!(f, ": {fault:?}"),
            Fate::Crashed => write!(f, ": crash"),
        }
    }
}

/// How an operation that may begin goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Straight,
    Short,
    LosesData,
    /// This many bytes, then the crash.
    Crash(usize),
}

impl State {
    /// Counts an operation, and lets the planned crash and the planned faults happen.
    fn begin(
        &mut self,
        process: u64,
        what: What,
        path: &Arc<Path>,
        mutates: bool,
    ) -> io::Result<Course> {
        if self.crashed || self.killed.contains(&process) {
            return Err(dead());
        }
        let operation = self.operations;
        self.operations += 1;
        let mutation = mutates.then_some(self.mutations);
        let mut line = Line {
            mutation,
            process,
            what,
            path: path.clone(),
            fate: Fate::Done,
        };
        let reached = |crash: &Crash| mutation.is_some_and(|number| number >= crash.mutation);
        if let Some(crash) = self.crash.filter(reached) {
            self.crashed = true;
            line.fate = Fate::Crashed;
            self.trace.push(line);
            return match what {
                What::Write { len, .. } => Ok(Course::Crash(crash.bytes.min(len))),
                _ => Err(dead()),
            };
        }
        let due = |planned: &&Planned| match planned.repeat {
            Repeat::Once => planned.operation == operation,
            Repeat::ForGood => planned.operation <= operation,
        };
        let mut faults = self.faults.iter().filter(due).map(|planned| planned.fault);
        let fault = faults.find(|fault| fault.strikes(what));
        if let Some(fault) = fault {
            self.struck += 1;
            line.fate = Fate::Struck(fault);
        }
        let course = match fault {
            None => Course::Straight,
            Some(Fault::ShortWrite | Fault::ShortRead) => Course::Short,
            Some(Fault::LostSync) => Course::LosesData,
            Some(fault) => {
                // Refused before it began: no mutation took place, but its number is spent, so that
                // the numbers of a run do not depend on its faults.
                self.mutations += usize::from(mutates);
                self.trace.push(line);
                return Err(fault.error());
            }
        };
        self.mutations += usize::from(mutates);
        self.trace.push(line);
        Ok(course)
    }

    fn directory(&self, path: &Path) -> io::Result<u64> {
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
    fn place(&self, path: &Path) -> io::Result<(u64, OsString)> {
        let mut names = names_of(path);
        let Some(name) = names.pop() else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let parent: PathBuf = names.iter().collect();
        Ok((self.directory(&parent)?, name.to_os_string()))
    }

    fn entry(&self, dir: u64, name: &OsStr) -> Option<Entry> {
        self.dirs.get(&dir)?.current.get(name).copied()
    }

    fn change_names(&mut self, dir: u64, change: Naming) {
        if let Some(dir) = self.dirs.get_mut(&dir) {
            change.apply(&mut dir.current);
            dir.changes.push(change);
        }
    }

    fn node(&mut self, inode: u64) -> io::Result<&mut Node> {
        // Handles keep their node, so this is a fault of the simulation.
        self.nodes
            .get_mut(&inode)
            .ok_or_else(|| io::Error::other("no such inode"))
    }

    /// The files and directories that have a name, in memory or on the disk, now or by a change that a
    /// crash may take back.
    fn named(&self) -> BTreeSet<u64> {
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
    fn free_number(&mut self) -> u64 {
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
    fn open(&mut self, process: u64, what: What, how: Open, path: &Arc<Path>) -> io::Result<u64> {
        let found = self.place(path).map(|(dir, name)| {
            let entry = self.entry(dir, &name);
            (dir, name, entry)
        });
        let creates =
            matches!(how, Open::Create | Open::CreateNew) && matches!(found, Ok((_, _, None)));
        self.begin(process, what, path, creates)?;
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

    fn close(&mut self, inode: u64) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.handles -= 1;
        }
    }

    /// What is left when everything with an unreachable name, and nothing else, is gone.
    fn drop_unreachable(&mut self) {
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

    fn each_file(&self, mut visit: impl FnMut(PathBuf, u64)) {
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

    fn file_at(&self, path: &Path) -> Option<u64> {
        let (dir, name) = self.place(path).ok()?;
        match self.entry(dir, &name)? {
            Entry::File(inode) => Some(inode),
            Entry::Dir(_) => None,
        }
    }
}

impl Node {
    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset
            .checked_add(bytes.len() as u64)
            .filter(|end| *end <= MAX_FILE);
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        let grows = end > self.current.len() as u64;
        put(Arc::make_mut(&mut self.current), bytes, offset);
        self.changes.push(Change::Write {
            offset,
            bytes: bytes.into(),
        });
        if grows {
            self.changes.push(Change::Size(end));
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        if len > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if len != self.current.len() as u64 {
            Arc::make_mut(&mut self.current).resize(len as usize, 0);
            self.changes.push(Change::Size(len));
        }
        Ok(())
    }

    fn sync(&mut self) {
        if !self.changes.is_empty() {
            self.durable = Arc::new(self.after_crash(usize::MAX, 0, |_| Sector::After(u32::MAX)));
            self.changes.clear();
            if self.durable == self.current {
                // One copy will do until the next change.
                self.current = self.durable.clone();
            }
        }
    }

    /// The data is lost to the disk; how long the file is, its metadata knows.
    fn lose_sync(&mut self) {
        self.changes
            .retain(|change| matches!(change, Change::Size(_)));
        self.losses += 1;
    }

    fn sizes(&self) -> u32 {
        self.changes
            .iter()
            .filter(|change| matches!(change, Change::Size(_)))
            .count() as u32
    }

    /// The sectors touched since the last sync: how many writes, and from where to where.
    fn sectors(&self) -> BTreeMap<u64, (u32, Range<u64>)> {
        let mut sectors: BTreeMap<u64, (u32, Range<u64>)> = BTreeMap::new();
        for change in &self.changes {
            let Change::Write { offset, bytes } = change else {
                continue;
            };
            for (sector, range, _) in pieces(*offset, bytes) {
                let known = sectors.entry(sector).or_insert((0, range.clone()));
                known.0 += 1;
                known.1 = known.1.start.min(range.start)..known.1.end.max(range.end);
            }
        }
        sectors
    }

    /// The content with this many changes of size, and each sector as chosen.
    fn after_crash(&self, mut sizes: usize, seed: u64, chosen: impl Fn(u64) -> Sector) -> Vec<u8> {
        let mut content = Vec::clone(&self.durable);
        let mut size = content.len();
        let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
        let mut garbage: Vec<Range<u64>> = Vec::new();
        for change in &self.changes {
            match change {
                Change::Size(_) if sizes == 0 => {}
                Change::Size(len) => {
                    sizes -= 1;
                    size = *len as usize;
                    // What was cut off reads as NULs should the file grow again.
                    content.truncate(size);
                    for range in &mut garbage {
                        range.end = range.end.min(*len);
                    }
                }
                Change::Write { offset, bytes } => {
                    for (sector, range, bytes) in pieces(*offset, bytes) {
                        let nth = seen.entry(sector).or_insert(0);
                        *nth += 1;
                        match chosen(sector) {
                            Sector::After(writes) if *nth > writes => {}
                            Sector::After(_) => put(&mut content, bytes, range.start),
                            Sector::Torn(cut) => {
                                let new = cut.saturating_sub(range.start).min(bytes.len() as u64);
                                put(&mut content, &bytes[..new as usize], range.start);
                            }
                            Sector::Garbage => {
                                put(&mut content, bytes, range.start);
                                garbage.push(range);
                            }
                        }
                    }
                }
            }
        }
        for range in garbage.iter().filter(|range| range.start < range.end) {
            let mut random = Random::new(seed ^ range.start.wrapping_mul(0x9E37_79B9));
            spoil(
                &mut content[range.start as usize..range.end as usize],
                &mut random,
            );
        }
        content.resize(size, 0);
        content
    }
}

/// What a sector that was written and not synced holds after a crash.
#[derive(Clone, Copy)]
enum Sector {
    /// As it was after this many of the writes that touched it.
    After(u32),
    /// All the writes up to this offset, and none of them from there on.
    Torn(u64),
    /// Anything, where a write touched it.
    Garbage,
}

/// Never what was there before: a test that asks for garbage gets garbage.
fn spoil(bytes: &mut [u8], random: &mut Random) {
    match random.below(4) {
        0 if bytes.iter().any(|byte| *byte != 0) => bytes.fill(0),
        1 => {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        2 => {
            // Text, digits and all: to a parser more seductive than noise.
            let text = br#"{"rev":1,"set":{"a":null},"crc":"00000000"}"#;
            let text = text
                .iter()
                .cycle()
                .skip(random.below(text.len() as u64) as usize);
            let mut same = true;
            for (byte, text) in bytes.iter_mut().zip(text) {
                same &= *byte == *text;
                *byte = *text;
            }
            if same {
                bytes[0] ^= 1;
            }
        }
        _ => {
            for byte in bytes {
                *byte ^= 1 + random.below(255) as u8;
            }
        }
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let start = offset as usize;
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// A write, cut at the sectors' boundaries.
fn pieces(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, Range<u64>, &[u8])> {
    let end = offset + bytes.len() as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let sector = at / SECTOR;
        let range = at..end.min((sector + 1) * SECTOR);
        at = range.end;
        let bytes = &bytes[(range.start - offset) as usize..(range.end - offset) as usize];
        Some((sector, range, bytes))
    })
}

fn names_of(path: &Path) -> Vec<&OsStr> {
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

fn dead() -> io::Error {
    io::Error::other("the simulated process is dead")
}

fn id(inode: u64) -> FileId {
    FileId { device: 1, inode }
}

/// A small generator (splitmix64): the same numbers from the same seed, on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `bound`, which is not 0. A little uneven, which does no harm here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl Default for SimulatedDisk {
    fn default() -> SimulatedDisk {
        SimulatedDisk::new()
    }
}

impl SimulatedDisk {
    /// An empty disk: a root directory, which is also where relative paths start.
    pub fn new() -> SimulatedDisk {
        let dirs = BTreeMap::from([(ROOT, Directory::default())]);
        SimulatedDisk::with(
            State {
                dirs,
                ..State::default()
            },
            None,
        )
    }

    fn with(state: State, origin: Option<Origin>) -> SimulatedDisk {
        let machine = Machine {
            state: Mutex::new(state),
            origin,
        };
        SimulatedDisk {
            machine: Arc::new(machine),
            process: 0,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.machine
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Another process of the same machine.
    pub fn new_process(&self) -> SimulatedDisk {
        let mut state = self.state();
        state.processes += 1;
        SimulatedDisk {
            machine: self.machine.clone(),
            process: state.processes,
        }
    }

    /// Ends this process as `kill -9` does: its locks are free, what it wrote is in the page cache, and
    /// nothing it still tries has an effect. Gives the process that comes after it. Where a planned crash
    /// has struck, this makes it a crash of this process alone, and the machine goes on.
    pub fn kill_process(&self) -> SimulatedDisk {
        let mut state = self.state();
        state.killed.insert(self.process);
        state
            .locks
            .retain(|_, holding| holding.process != self.process);
        state.crash = None;
        state.crashed = false;
        drop(state);
        self.new_process()
    }

    /// The machine stops at the mutation of this number: it does not happen, and from then on every
    /// operation fails. Where it is passed already, at the next mutation.
    pub fn crash_at(&self, mutation: usize) {
        self.crash_within(mutation, 0);
    }

    /// As [`SimulatedDisk::crash_at`], but where the mutation is a write, its first `bytes` bytes reach
    /// the page cache.
    pub fn crash_within(&self, mutation: usize, bytes: usize) {
        self.state().crash = Some(Crash { mutation, bytes });
    }

    /// Whether a planned crash has struck.
    pub fn has_crashed(&self) -> bool {
        self.state().crashed
    }

    /// The operation after the next `n` ones fails, or all from there on. Several faults may be planned;
    /// where two are due, the one planned first strikes.
    pub fn fail(&self, n: usize, fault: Fault, repeat: Repeat) {
        let mut state = self.state();
        let operation = state.operations + n;
        state.faults.push(Planned {
            operation,
            fault,
            repeat,
        });
    }

    /// The disk is healthy again. What has been lost stays lost.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// How often a fault struck: 0 means that a test has tested nothing.
    pub fn faults_struck(&self) -> usize {
        self.state().struck
    }

    /// How many operations there were, of any kind: the range for [`SimulatedDisk::fail`].
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// How many mutations there were: the range for [`SimulatedDisk::crash_at`].
    pub fn mutations(&self) -> usize {
        self.state().mutations
    }

    /// Every operation in words, a line each; its place is its number. `#` and the mutation's number
    /// first, or `-` where it changes nothing.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.iter().map(ToString::to_string).collect()
    }

    /// What a crash left, in words, on a disk out of [`SimulatedDisk::crash_states`].
    pub fn origin(&self) -> Option<String> {
        self.machine
            .origin
            .as_ref()
            .map(|origin| origin.plan.describe(&origin.choices))
    }

    /// Lock files opened from now on have no shared page, as on a network file system.
    pub fn without_shared_pages(&self) {
        self.state().no_shared_pages = true;
    }

    /// Replaces all shared_pages by untouched ones: a machine after a reboot whose pages never reached the
    /// disk. Without this, a disk out of [`SimulatedDisk::crash_states`] has them as they were at the
    /// crash. Lock files that are open keep the old ones.
    pub fn reset_shared_pages(&self) {
        self.state().shared_pages.clear();
    }

    /// The shared page of the lock file at this path; an untouched one where nobody has opened it yet.
    pub fn shared_page(&self, path: impl AsRef<Path>) -> Option<Arc<SharedPage>> {
        let mut state = self.state();
        let inode = state.file_at(path.as_ref())?;
        let shared_pages = &mut state.shared_pages;
        Some(
            shared_pages
                .entry(inode)
                .or_insert_with(SharedPage::in_memory)
                .clone(),
        )
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
            if let Some(dir) = state.dirs.get_mut(&at) {
                dir.settle(name);
                dir.current.insert(name.to_os_string(), entry);
                dir.durable.insert(name.to_os_string(), entry);
            }
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
        if state.file_at(path.as_ref()).is_none() {
            return false;
        }
        let Ok((dir, name)) = state.place(path.as_ref()) else {
            return false;
        };
        if let Some(dir) = state.dirs.get_mut(&dir) {
            dir.settle(&name);
            dir.current.remove(&name);
            dir.durable.remove(&name);
        }
        true
    }

    /// The files that processes see now, in order. No operation.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        self.state().each_file(|path, _| files.push(path));
        files.sort();
        files
    }

    /// The disks that a power cut right now may leave, each of them once, on a healthy machine with no
    /// process and no lock. All of them where there are no more than `limit`. Else `limit` of them: the
    /// extremes first (nothing or everything kept, a single sector kept, lost, torn or garbage, every
    /// prefix of the changes of a directory or a size), then a sample drawn from the seed. The seed also
    /// says what garbage looks like.
    pub fn crash_states(&self, limit: usize, seed: u64) -> CrashStates {
        CrashStates::new(Plan::new(self.state().clone(), seed), limit)
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk")
            .field("process", &self.process)
            .field("files", &self.files())
            .field("operations", &self.operations())
            .finish_non_exhaustive()
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let path: Arc<Path> = path.into();
        let mut state = self.state();
        let inode = state.open(self.process, What::Open(how), how, &path)?;
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
        }))
    }

    fn identify(&self, path: &Path) -> io::Result<Option<Found>> {
        let mut state = self.state();
        state.begin(self.process, What::Identify, &path.into(), false)?;
        match state.place(path) {
            Ok((dir, name)) => Ok(state.entry(dir, &name).map(|entry| match entry {
                Entry::File(number) | Entry::Dir(number) => Found {
                    id: id(number),
                    len: state
                        .nodes
                        .get(&number)
                        .map_or(0, |node| node.current.len() as u64),
                },
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let prepared = (|| {
            let (dir, name) = state.place(from)?;
            let (to_dir, to_name) = state.place(to)?;
            if dir != to_dir {
                // The store has no use for it, and the model no order for it.
                return Err(io::Error::from(io::ErrorKind::CrossesDevices));
            }
            match (state.entry(dir, &name), state.entry(dir, &to_name)) {
                (None, _) => Err(io::ErrorKind::NotFound.into()),
                (Some(Entry::Dir(_)), _) | (_, Some(Entry::Dir(_))) => {
                    Err(io::ErrorKind::IsADirectory.into())
                }
                (Some(entry), target) => Ok((dir, name, to_name, entry, target)),
            }
        })();
        let path = format!("{} to {}", from.display(), to.display());
        let path: Arc<Path> = PathBuf::from(path).into();
        state.begin(self.process, What::Rename, &path, prepared.is_ok())?;
        let (dir, name, to_name, entry, target) = prepared?;
        if target != Some(entry) {
            state.change_names(dir, Naming::Move(name, to_name, entry));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let prepared = state
            .place(path)
            .and_then(|(dir, name)| match state.entry(dir, &name) {
                Some(Entry::File(_)) => Ok((dir, name)),
                Some(Entry::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
                None => Err(io::ErrorKind::NotFound.into()),
            });
        state.begin(self.process, What::Remove, &path.into(), prepared.is_ok())?;
        let (dir, name) = prepared?;
        state.change_names(dir, Naming::Remove(name));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let number = state.directory(dir);
        let course = state.begin(self.process, What::SyncDir, &dir.into(), number.is_ok())?;
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
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let prepared =
            state
                .place(dir)
                .and_then(|(parent, name)| match state.entry(parent, &name) {
                    Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                    None => Ok((parent, name)),
                });
        state.begin(self.process, What::CreateDir, &dir.into(), prepared.is_ok())?;
        let (parent, name) = prepared?;
        let number = state.free_number();
        state.dirs.insert(number, Directory::default());
        state.change_names(parent, Naming::Add(name, Entry::Dir(number)));
        Ok(())
    }

    fn open_lock(&self, path: &Path, shared_memory: bool) -> io::Result<Box<dyn LockFile>> {
        let path: Arc<Path> = path.into();
        let mut state = self.state();
        let inode = state.open(self.process, What::OpenLock, Open::Create, &path)?;
        state.openings += 1;
        let opening = state.openings;
        let shared_page = if state.no_shared_pages || !shared_memory {
            None
        } else {
            Some(
                state
                    .shared_pages
                    .entry(inode)
                    .or_insert_with(SharedPage::in_memory)
                    .clone(),
            )
        };
        Ok(Box::new(SimulatedLock {
            disk: self.clone(),
            path,
            inode,
            opening,
            shared_page,
        }))
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
    fn begin(&self, what: What, mutates: bool) -> io::Result<(MutexGuard<'_, State>, Course)> {
        let mut state = self.disk.state();
        let course = state.begin(self.disk.process, what, &self.path, mutates)?;
        Ok((state, course))
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
        let (mut state, course) = self.begin(what, true)?;
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
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let (mut state, course) = self.begin(
            What::Read {
                offset,
                len: buf.len(),
            },
            false,
        )?;
        let content = &state.node(self.inode)?.current;
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let mut len = buf.len().min(content.len() - start);
        if course == Course::Short {
            len = len.div_ceil(2);
        }
        buf[..len].copy_from_slice(&content[start..start + len]);
        Ok(len)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let (mut state, course) = self.begin(
            What::Write {
                offset,
                len: buf.len(),
            },
            true,
        )?;
        let len = match course {
            Course::Short => buf.len().div_ceil(2),
            Course::Crash(bytes) => bytes,
            Course::Straight | Course::LosesData => buf.len(),
        };
        let fits = state.take_room(self.inode, offset, len as u64)?;
        // As on a real disk: first a short write, and the error at the next one.
        let len = len.min(fits as usize);
        state.node(self.inode)?.write(&buf[..len], offset)?;
        if matches!(course, Course::Crash(_)) {
            Err(dead())
        } else {
            Ok(len)
        }
    }

    fn len(&self) -> io::Result<u64> {
        let (mut state, _) = self.begin(What::Len, false)?;
        Ok(state.node(self.inode)?.current.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let (mut state, _) = self.begin(What::SetLen(len), true)?;
        state.node(self.inode)?.set_len(len)?;
        state.free_room(self.inode, len);
        Ok(())
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<bool> {
        self.check_writable()?;
        let len = to.saturating_sub(from);
        let (mut state, _) = self.begin(What::Reserve { offset: from, len }, false)?;
        if state.take_room(self.inode, from, len)? < len {
            return Err(Fault::NoSpace.error());
        }
        Ok(true)
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
        let process = self.disk.process;
        let mut state = self.disk.state();
        state.begin(process, What::TryLock, &self.path, false)?;
        if state.locks.contains_key(&self.inode) {
            return Ok(false);
        }
        state.locks.insert(
            self.inode,
            Holding {
                opening: self.opening,
                process,
            },
        );
        Ok(true)
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin(self.disk.process, What::Unlock, &self.path, false)?;
        state
            .locks
            .retain(|_, holding| holding.opening != self.opening);
        Ok(())
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

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
    collections::{BTreeMap, BTreeSet, HashSet},
    ffi::{OsStr, OsString},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    ops::Range,
    path::{Component, Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    beacon::Beacon,
    disk::{Disk, DiskFile, FileId, Found, Open},
    lock::LockFile,
};

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
    beacons: BTreeMap<u64, Arc<Beacon>>,
    no_beacons: bool,
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
        self.beacons.retain(|number, _| nodes.contains_key(number));
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
        self.beacons.retain(|inode, _| files.contains(inode));
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

    /// Lock files opened from now on have no beacon, as on a network file system.
    pub fn without_beacons(&self) {
        self.state().no_beacons = true;
    }

    /// Replaces all beacons by untouched ones: a machine after a reboot whose pages never reached the
    /// disk. Without this, a disk out of [`SimulatedDisk::crash_states`] has them as they were at the
    /// crash. Lock files that are open keep the old ones.
    pub fn reset_beacons(&self) {
        self.state().beacons.clear();
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
        let plan = Arc::new(Plan::new(self.state().clone(), seed));
        let total = plan.total();
        let ahead = if total <= limit as u128 {
            Vec::new()
        } else {
            plan.extremes()
        };
        CrashStates {
            total,
            limit,
            all: (total <= limit as u128).then_some(0),
            ahead: ahead.into_iter(),
            tries: limit.saturating_mul(8),
            random: Random::new(seed),
            seen: HashSet::new(),
            plan,
        }
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

/// Everything that is open at a crash: one number a question, below how many answers it has.
struct Plan {
    state: State,
    questions: Vec<Question>,
    seed: u64,
}

#[derive(Clone, Copy)]
enum Question {
    /// How many of its changes a directory has.
    Names { dir: u64, changes: u32 },
    /// How many changes of its size a file has.
    Size { inode: u64, changes: u32 },
    /// 0 to `writes`: after that many. Then torn at `cut`, then garbage.
    Sector {
        inode: u64,
        sector: u64,
        writes: u32,
        cut: u64,
    },
}

impl Question {
    fn answers(self) -> u32 {
        match self {
            Question::Names { changes, .. } | Question::Size { changes, .. } => changes + 1,
            Question::Sector { writes, .. } => writes + 3,
        }
    }

    /// The answer by which nothing is lost.
    fn kept(self) -> u32 {
        match self {
            Question::Names { changes, .. } | Question::Size { changes, .. } => changes,
            Question::Sector { writes, .. } => writes,
        }
    }

    fn is_sector(self) -> bool {
        matches!(self, Question::Sector { .. })
    }

    fn is_names(self) -> bool {
        matches!(self, Question::Names { .. })
    }
}

impl Plan {
    fn new(mut state: State, seed: u64) -> Plan {
        state.trace.clear();
        // As they are now: the machine may go on while its crashes are looked at.
        state
            .beacons
            .values_mut()
            .for_each(|page| *page = page.copy());
        let named = state.named();
        state.nodes.retain(|number, _| named.contains(number));
        let mut questions = Vec::new();
        for (number, dir) in &state.dirs {
            if !dir.changes.is_empty() {
                let changes = dir.changes.len() as u32;
                questions.push(Question::Names {
                    dir: *number,
                    changes,
                });
            }
        }
        for (number, node) in &state.nodes {
            let (inode, changes) = (*number, node.sizes());
            if changes > 0 {
                questions.push(Question::Size { inode, changes });
            }
            for (sector, (writes, range)) in node.sectors() {
                let mut random = Random::new(seed ^ (inode << 40) ^ sector);
                // At least one byte new and, where there are two, one old.
                let bytes = range.end - range.start;
                let cut = range.start + 1 + random.below((bytes - 1).max(1));
                questions.push(Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                });
            }
        }
        Plan {
            state,
            questions,
            seed,
        }
    }

    fn total(&self) -> u128 {
        let answers = self
            .questions
            .iter()
            .map(|question| u128::from(question.answers()));
        answers.fold(1, u128::saturating_mul)
    }

    /// All answers by a rule.
    fn all(&self, answer: impl Fn(Question) -> u32) -> Vec<u32> {
        self.questions
            .iter()
            .map(|question| answer(*question))
            .collect()
    }

    fn extremes(&self) -> Vec<Vec<u32>> {
        let lost = self.all(|_| 0);
        let kept = self.all(Question::kept);
        let if_sector = |yes: bool| self.all(|q| if q.is_sector() == yes { q.kept() } else { 0 });
        let if_names = |yes: bool| self.all(|q| if q.is_names() == yes { q.kept() } else { 0 });
        // Names and sizes are there, the data is not.
        let bare = if_sector(false);
        let mut all = vec![
            lost.clone(),
            kept.clone(),
            bare.clone(),
            if_sector(true),
            if_names(true),
            if_names(false),
            self.all(|q| {
                if q.is_sector() {
                    q.answers() - 1
                } else {
                    q.kept()
                }
            }),
            self.all(|q| {
                if q.is_sector() {
                    q.answers() - 2
                } else {
                    q.kept()
                }
            }),
        ];
        let with = |base: &[u32], at: usize, answer: u32| {
            let mut choices = base.to_vec();
            choices[at] = answer;
            choices
        };
        let sectors = |q: &(usize, &Question)| q.1.is_sector();
        // The first and the last kept, for each file, before the many in between.
        let mut ends: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for (at, question) in self.questions.iter().enumerate() {
            if let Question::Sector { inode, .. } = question {
                ends.entry(*inode).or_insert((at, at)).1 = at;
            }
        }
        for (first, last) in ends.into_values() {
            for at in [first, last] {
                let kept_here = self.questions[at].kept();
                all.push(with(&bare, at, kept_here));
                all.push(with(&kept, at, 0));
                all.push(with(&kept, at, kept_here + 1));
                all.push(with(&kept, at, kept_here + 2));
            }
        }
        for (at, question) in self.questions.iter().enumerate().filter(|q| !sectors(q)) {
            for answer in 0..question.answers() {
                all.push(with(&kept, at, answer));
                all.push(with(&lost, at, answer));
            }
        }
        for (at, question) in self.questions.iter().enumerate().filter(sectors) {
            all.push(with(&bare, at, question.kept()));
            for answer in 0..question.answers() {
                all.push(with(&kept, at, answer));
            }
            all.push(with(&bare, at, question.kept() + 1));
            all.push(with(&bare, at, question.kept() + 2));
        }
        all
    }

    /// The answers of this number, where all of them are counted through.
    fn numbered(&self, mut number: u128) -> Vec<u32> {
        self.all_mut(|question| {
            let answers = u128::from(question.answers());
            let answer = number % answers;
            number /= answers;
            answer as u32
        })
    }

    fn sampled(&self, random: &mut Random) -> Vec<u32> {
        // A disk that lost one sector of a hundred is as likely as one that kept one.
        let keeps = random.below(9) + 1;
        self.all_mut(|question| {
            if random.below(10) < keeps {
                question.kept()
            } else {
                random.below(u64::from(question.answers())) as u32
            }
        })
    }

    fn all_mut(&self, answer: impl FnMut(Question) -> u32) -> Vec<u32> {
        self.questions.iter().copied().map(answer).collect()
    }

    /// The machine after the reboot.
    fn state_after(&self, choices: &[u32]) -> State {
        let mut names = BTreeMap::new();
        let mut sizes = BTreeMap::new();
        let mut sectors: BTreeMap<u64, BTreeMap<u64, Sector>> = BTreeMap::new();
        for (question, answer) in self.questions.iter().zip(choices) {
            match *question {
                Question::Names { dir, .. } => {
                    names.insert(dir, *answer as usize);
                }
                Question::Size { inode, .. } => {
                    sizes.insert(inode, *answer as usize);
                }
                Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                } => {
                    let chosen = match *answer {
                        answer if answer <= writes => Sector::After(answer),
                        answer if answer == writes + 1 => Sector::Torn(cut),
                        _ => Sector::Garbage,
                    };
                    sectors.entry(inode).or_default().insert(sector, chosen);
                }
            }
        }
        let mut state = State {
            no_beacons: self.state.no_beacons,
            ..State::default()
        };
        for (number, dir) in &self.state.dirs {
            let mut current = dir.durable.clone();
            let kept = names.get(number).copied().unwrap_or(0);
            dir.changes
                .iter()
                .take(kept)
                .for_each(|change| change.apply(&mut current));
            let durable = current.clone();
            state.dirs.insert(
                *number,
                Directory {
                    durable,
                    current,
                    changes: Vec::new(),
                },
            );
        }
        for (number, node) in &self.state.nodes {
            let durable = if node.changes.is_empty() {
                node.durable.clone()
            } else {
                let sizes = sizes.get(number).copied().unwrap_or(0);
                let sectors = sectors.get(number);
                let chosen = |sector| {
                    let chosen = sectors.and_then(|sectors| sectors.get(&sector));
                    chosen.copied().unwrap_or(Sector::After(0))
                };
                Arc::new(node.after_crash(sizes, self.seed ^ (number << 40), chosen))
            };
            let current = durable.clone();
            state.nodes.insert(
                *number,
                Node {
                    durable,
                    current,
                    ..Node::default()
                },
            );
        }
        state.beacons = self
            .state
            .beacons
            .iter()
            .map(|(at, page)| (*at, page.copy()))
            .collect();
        state.drop_unreachable();
        state
    }

    fn describe(&self, choices: &[u32]) -> String {
        let mut paths = BTreeMap::new();
        self.state.each_file(|path, inode| {
            paths.insert(inode, path);
        });
        let file = |inode: u64| match paths.get(&inode) {
            Some(path) => path.display().to_string(),
            None => format!("inode {inode}"),
        };
        let mut lost = Vec::new();
        for (question, answer) in self.questions.iter().zip(choices) {
            match *question {
                _ if *answer == question.kept() => {}
                Question::Names { dir, changes } => {
                    lost.push(format!("directory {dir}: {answer} of {changes} changes"));
                }
                Question::Size { inode, changes } => {
                    let file = file(inode);
                    lost.push(format!("{file}: {answer} of {changes} changes of size"));
                }
                Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                } => {
                    let file = file(inode);
                    let what = match *answer {
                        answer if answer < writes => format!("{answer} of {writes} writes"),
                        answer if answer == writes + 1 => format!("torn at byte {cut}"),
                        _ => "garbage".to_owned(),
                    };
                    lost.push(format!("{file}, sector {sector}: {what}"));
                }
            }
        }
        if lost.is_empty() {
            "everything kept".to_owned()
        } else {
            lost.join("; ")
        }
    }
}

/// The disks that a power cut may leave: [`SimulatedDisk::crash_states`].
pub struct CrashStates {
    plan: Arc<Plan>,
    total: u128,
    limit: usize,
    /// Where all are counted through: the next number.
    all: Option<u128>,
    ahead: std::vec::IntoIter<Vec<u32>>,
    tries: usize,
    random: Random,
    /// Different answers may leave the same disk.
    seen: HashSet<u64>,
}

impl CrashStates {
    /// How many ways there are to crash here, some of which leave the same disk.
    pub fn total(&self) -> u128 {
        self.total
    }

    /// Whether all of them are seen, not a sample.
    pub fn is_exhaustive(&self) -> bool {
        self.all.is_some()
    }

    fn choices(&mut self) -> Option<Vec<u32>> {
        if let Some(next) = &mut self.all {
            let number = *next;
            *next += 1;
            return (number < self.total).then(|| self.plan.numbered(number));
        }
        if let Some(choices) = self.ahead.next() {
            return Some(choices);
        }
        self.tries = self.tries.checked_sub(1)?;
        Some(self.plan.sampled(&mut self.random))
    }
}

impl Iterator for CrashStates {
    type Item = SimulatedDisk;

    fn next(&mut self) -> Option<SimulatedDisk> {
        while self.seen.len() < self.limit {
            let choices = self.choices()?;
            let state = self.plan.state_after(&choices);
            let mut hasher = DefaultHasher::new();
            for (number, dir) in &state.dirs {
                (number, &dir.current).hash(&mut hasher);
            }
            for (number, node) in &state.nodes {
                (number, &node.current).hash(&mut hasher);
            }
            if self.seen.insert(hasher.finish()) {
                let origin = Origin {
                    plan: self.plan.clone(),
                    choices,
                };
                return Some(SimulatedDisk::with(state, Some(origin)));
            }
        }
        None
    }
}

impl fmt::Debug for CrashStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashStates")
            .field("total", &self.total)
            .field("limit", &self.limit)
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
        let beacon = if state.no_beacons || !shared_memory {
            None
        } else {
            Some(
                state
                    .beacons
                    .entry(inode)
                    .or_insert_with(Beacon::in_memory)
                    .clone(),
            )
        };
        Ok(Box::new(SimulatedLock {
            disk: self.clone(),
            path,
            inode,
            opening,
            beacon,
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
        state.node(self.inode)?.set_len(len)
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
    beacon: Option<Arc<Beacon>>,
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

    fn beacon(&self) -> Option<Arc<Beacon>> {
        self.beacon.clone()
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ALL: usize = 100_000;

    fn create(disk: &SimulatedDisk, path: &str) -> Box<dyn DiskFile> {
        disk.open(Path::new(path), Open::Create).unwrap()
    }

    fn write(file: &dyn DiskFile, bytes: &[u8], offset: u64) {
        assert_eq!(file.write_at(bytes, offset).unwrap(), bytes.len());
    }

    /// All that may stand in a file after a crash.
    fn contents(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
        let states = disk.crash_states(ALL, 1);
        assert!(states.is_exhaustive());
        states.map(|state| state.read_file(path)).collect()
    }

    fn all_files(disk: &SimulatedDisk) -> BTreeSet<Vec<PathBuf>> {
        disk.crash_states(ALL, 1)
            .map(|state| state.files())
            .collect()
    }

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn synced_data_outlives_every_crash() {
        for sync_all in [false, true] {
            let disk = SimulatedDisk::new();
            let file = create(&disk, "a");
            write(&*file, &[7; 2000], 0);
            write(&*file, b"more", 100);
            if sync_all {
                file.sync_all().unwrap()
            } else {
                file.sync_data().unwrap()
            }
            disk.sync_dir(Path::new("/")).unwrap();
            write(&*file, &[8; 700], 1900);
            let mut count = 0;
            for state in disk.crash_states(ALL, 1) {
                let bytes = state.read_file("/a").unwrap();
                assert!(bytes.len() == 2000 || bytes.len() == 2600);
                assert!(bytes[..100].iter().all(|byte| *byte == 7));
                assert_eq!(&bytes[100..104], b"more");
                assert!(bytes[104..1900].iter().all(|byte| *byte == 7));
                count += 1;
            }
            // Three sectors touched, each lost, kept, torn or garbage. With the shorter size only the
            // first of them is in the file.
            assert!((64 + 3..=64 + 4).contains(&count), "{count}");
        }
    }

    #[test]
    fn an_unsynced_write_is_there_or_not_or_in_between_or_garbage() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", b"old old old");
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, b"NEW", 4);
        let contents = contents(&disk, "/a");
        assert_eq!(contents.len(), 4);
        assert!(contents.contains(&Some(b"old old old".to_vec())));
        assert!(contents.contains(&Some(b"old NEW old".to_vec())));
        let torn = [b"old Nld old".to_vec(), b"old NEd old".to_vec()];
        assert!(torn.into_iter().any(|torn| contents.contains(&Some(torn))));
        // What was not written keeps its value, garbage or not.
        for content in contents.iter().flatten() {
            assert_eq!((&content[..4], &content[7..]), (&b"old "[..], &b" old"[..]));
        }
    }

    #[test]
    fn a_sector_may_stand_as_after_any_of_its_writes() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", b"0");
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        for byte in [b"1", b"2", b"3"] {
            write(&*file, byte, 0);
        }
        let contents = contents(&disk, "/a");
        for byte in b"0123" {
            assert!(contents.contains(&Some(vec![*byte])));
        }
    }

    #[test]
    fn sectors_are_kept_and_lost_apart() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", [b'o'; 1536]);
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, &[b'n'; 1536], 0);
        let contents = contents(&disk, "/a");
        assert_eq!(contents.len(), 4 * 4 * 4);
        for kept in 0..8 {
            let mut bytes = Vec::new();
            for sector in 0..3 {
                bytes.extend([if kept >> sector & 1 == 1 { b'n' } else { b'o' }; 512]);
            }
            assert!(contents.contains(&Some(bytes)));
        }
    }

    #[test]
    fn a_file_that_grew_without_its_data_reads_as_nuls() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", b"x");
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, b"yz", 1);
        let after = contents(&disk, "/a");
        assert!(
            after.contains(&Some(b"x\0\0".to_vec())),
            "size without data"
        );
        assert!(after.contains(&Some(b"x".to_vec())), "data without size");
        assert!(after.contains(&Some(b"xyz".to_vec())));
        assert!(after.contains(&Some(b"xy\0".to_vec())), "torn");

        file.sync_data().unwrap();
        assert_eq!(contents(&disk, "/a"), [Some(b"xyz".to_vec())].into());
    }

    #[test]
    fn what_was_cut_off_never_comes_back_behind_a_new_end() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", b"secret");
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        file.set_len(2).unwrap();
        file.set_len(4).unwrap();
        let expected = [b"secret".to_vec(), b"se".to_vec(), b"se\0\0".to_vec()];
        assert_eq!(
            contents(&disk, "/a"),
            expected.into_iter().map(Some).collect()
        );
        assert_eq!(disk.read_file("/a").unwrap(), b"se\0\0");
        file.sync_all().unwrap();
        assert_eq!(contents(&disk, "/a").len(), 1);
    }

    #[test]
    fn a_name_is_lost_until_its_directory_is_synced() {
        let disk = SimulatedDisk::new();
        let file = create(&disk, "/a");
        write(&*file, b"1", 0);
        file.sync_all().unwrap();
        assert_eq!(contents(&disk, "/a"), [None, Some(b"1".to_vec())].into());
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(contents(&disk, "/a"), [Some(b"1".to_vec())].into());
    }

    #[test]
    fn a_rename_may_come_back_whole_and_in_order() {
        let disk = SimulatedDisk::new();
        disk.write_file("/db/a", b"old");
        disk.write_file("/db/new", b"new");
        disk.write_file("/db/other", b"other");
        disk.rename(Path::new("/db/new"), Path::new("/db/a"))
            .unwrap();
        disk.remove(Path::new("/db/other")).unwrap();
        let before = paths(&["/db/a", "/db/new", "/db/other"]);
        let between = paths(&["/db/a", "/db/other"]);
        assert_eq!(
            all_files(&disk),
            [before, between, paths(&["/db/a"])].into()
        );
        assert_eq!(
            contents(&disk, "/db/a"),
            [Some(b"old".to_vec()), Some(b"new".to_vec())].into()
        );
        disk.sync_dir(Path::new("db")).unwrap();
        assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
        assert_eq!(contents(&disk, "/db/a"), [Some(b"new".to_vec())].into());
    }

    #[test]
    fn a_new_directory_is_lost_with_all_in_it() {
        let disk = SimulatedDisk::new();
        disk.create_dir(Path::new("db")).unwrap();
        let file = create(&disk, "db/a");
        file.sync_all().unwrap();
        disk.sync_dir(Path::new("db")).unwrap();
        assert_eq!(all_files(&disk), [paths(&[]), paths(&["/db/a"])].into());
        disk.sync_dir(Path::new("")).unwrap();
        assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
    }

    #[test]
    fn a_crash_stops_everything_at_its_mutation() {
        let run = |disk: &SimulatedDisk| -> io::Result<()> {
            let file = disk.open(Path::new("/a"), Open::Create)?;
            assert_eq!(file.write_at(b"hello", 0)?, 5);
            file.sync_data()?;
            file.read_at(&mut [0; 5], 0)?;
            disk.sync_dir(Path::new("/"))
        };
        let disk = SimulatedDisk::new();
        run(&disk).unwrap();
        assert_eq!((disk.operations(), disk.mutations()), (5, 4));
        for at in 0..4 {
            let disk = SimulatedDisk::new();
            disk.crash_at(at);
            assert!(run(&disk).is_err());
            assert!(disk.has_crashed());
            assert_eq!(disk.mutations(), at);
            assert!(
                disk.identify(Path::new("/a")).is_err(),
                "the dead do not read"
            );
            assert!(disk.trace().last().unwrap().ends_with(": crash"));
            assert_eq!(disk.files().len(), usize::from(at > 0));
        }
        disk.crash_at(4);
        assert!(!disk.has_crashed());
    }

    #[test]
    fn a_crash_within_a_write_leaves_its_first_bytes() {
        let disk = SimulatedDisk::new();
        let file = create(&disk, "/a");
        disk.crash_within(1, 3);
        assert!(file.write_at(b"hello", 0).is_err());
        assert_eq!(disk.read_file("/a").unwrap(), b"hel");
        let next = disk.kill_process();
        assert!(!next.has_crashed());
        assert_eq!(
            next.open(Path::new("/a"), Open::Read)
                .unwrap()
                .len()
                .unwrap(),
            3
        );
        assert!(disk.open(Path::new("/a"), Open::Read).is_err());
    }

    #[test]
    fn a_killed_process_leaves_its_data_and_no_lock() {
        let disk = SimulatedDisk::new();
        let other = disk.new_process();
        let path = Path::new("/a.lock");
        let lock = disk.open_lock(path, true).unwrap();
        let second = disk.open_lock(path, true).unwrap();
        let others = other.open_lock(path, true).unwrap();
        assert_eq!(lock.id(), others.id());
        assert!(lock.try_lock().unwrap());
        assert!(!lock.try_lock().unwrap());
        assert!(!second.try_lock().unwrap());
        assert!(!others.try_lock().unwrap());
        let file = create(&disk, "/a");
        write(&*file, b"1", 0);
        let next = disk.kill_process();
        assert!(file.write_at(b"2", 0).is_err());
        assert_eq!(next.read_file("/a").unwrap(), b"1");
        assert!(others.try_lock().unwrap());
        drop((lock, second));
        let mine = next.open_lock(path, true).unwrap();
        assert!(
            !mine.try_lock().unwrap(),
            "the dead one's handles free no lock"
        );
        others.unlock().unwrap();
        assert!(mine.try_lock().unwrap());
        drop(mine);
        assert!(others.try_lock().unwrap());
        // Nobody has a lock after a power cut.
        let state = disk.crash_states(1, 0).next().unwrap();
        assert!(state.open_lock(path, true).unwrap().try_lock().unwrap());
    }

    #[test]
    fn a_beacon_is_shared_and_stale_or_new_after_a_crash() {
        let disk = SimulatedDisk::new();
        let path = Path::new("/a.lock");
        let beacon = disk.open_lock(path, true).unwrap().beacon().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        beacon.publish(5);
        beacon.set_durable_offset(2, 77);
        let other = disk
            .new_process()
            .open_lock(path, true)
            .unwrap()
            .beacon()
            .unwrap();
        assert_eq!(other.revision(), 5);
        let mut states = disk.crash_states(1, 0);
        beacon.publish(6);
        let state = states.next().unwrap();
        let stale = state.open_lock(path, true).unwrap().beacon().unwrap();
        assert_eq!((stale.revision(), stale.durable_offset(2)), (5, 77));
        state.reset_beacons();
        assert_eq!(
            state
                .open_lock(path, true)
                .unwrap()
                .beacon()
                .unwrap()
                .revision(),
            0
        );
        disk.without_beacons();
        assert!(disk.open_lock(path, true).unwrap().beacon().is_none());
    }

    #[test]
    fn a_fault_strikes_its_operation() {
        for fault in Fault::ALL {
            let disk = SimulatedDisk::new();
            let file = create(&disk, "/a");
            disk.fail(1, fault, Repeat::Once);
            write(&*file, b"abcd", 0);
            let result = file.write_at(b"efgh", 4);
            match fault {
                Fault::ShortWrite => assert_eq!(result.unwrap(), 2),
                Fault::ShortRead | Fault::LostSync => assert_eq!(result.unwrap(), 4),
                _ => assert!(result.is_err()),
            }
            let passes = matches!(fault, Fault::ShortRead | Fault::LostSync);
            assert_eq!(disk.faults_struck(), usize::from(!passes));
            write(&*file, b"ijkl", 4);
            disk.fail(0, fault, Repeat::ForGood);
            for _ in 0..2 {
                let mut bytes = [0; 4];
                let (read, sync) = (file.read_at(&mut bytes, 0), file.sync_data());
                match fault {
                    Fault::ShortRead => {
                        assert_eq!((read.unwrap(), &bytes), (2, b"ab\0\0"));
                        sync.unwrap();
                    }
                    Fault::ShortWrite => {
                        assert_eq!(read.unwrap(), 4);
                        sync.unwrap();
                    }
                    Fault::LostSync => assert!(read.is_ok() && sync.is_err()),
                    _ => assert!(read.is_err() && sync.is_err()),
                }
            }
            disk.clear_faults();
            file.sync_data().unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_fault_looks_like_the_operating_systems() {
        let disk = SimulatedDisk::new();
        for (fault, kind) in [
            (Fault::NoSpace, io::ErrorKind::StorageFull),
            (Fault::Quota, io::ErrorKind::QuotaExceeded),
            (Fault::ReadOnly, io::ErrorKind::ReadOnlyFilesystem),
            (Fault::Interrupted, io::ErrorKind::Interrupted),
            (Fault::Access, io::ErrorKind::PermissionDenied),
        ] {
            disk.fail(0, fault, Repeat::Once);
            assert_eq!(disk.remove(Path::new("/a")).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn a_sync_that_failed_may_lose_what_the_next_one_calls_good() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", b"old");
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        let other = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, b"newer", 0);
        disk.fail(0, Fault::LostSync, Repeat::Once);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(disk.read_file("/a").unwrap(), b"newer");
        assert_eq!(contents(&disk, "/a"), [Some(b"old\0\0".to_vec())].into());
        // Who had the file open is told once, and who opens it later is not.
        assert!(other.sync_data().is_err());
        other.sync_data().unwrap();
        let later = disk.open(Path::new("/a"), Open::Write).unwrap();
        later.sync_data().unwrap();
        // What is written after it does arrive.
        write(&*file, b"N", 0);
        file.sync_data().unwrap();
        assert_eq!(contents(&disk, "/a"), [Some(b"Nld\0\0".to_vec())].into());

        disk.rename(Path::new("/a"), Path::new("/b")).unwrap();
        disk.fail(0, Fault::LostSync, Repeat::Once);
        assert!(disk.sync_dir(Path::new("/")).is_err());
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(disk.files(), paths(&["/b"]));
        assert_eq!(all_files(&disk), [paths(&["/a"])].into());
    }

    #[test]
    fn a_number_is_used_again_once_nothing_uses_it() {
        let disk = SimulatedDisk::new();
        let root = Path::new("/");
        let file = create(&disk, "/a");
        disk.sync_dir(root).unwrap();
        let first = file.id();
        disk.remove(Path::new("/a")).unwrap();
        disk.sync_dir(root).unwrap();
        let second = create(&disk, "/b").id();
        assert_ne!(second, first, "still open");
        drop(file);
        disk.remove(Path::new("/b")).unwrap();
        assert_eq!(create(&disk, "/c").id(), first);
        let third = create(&disk, "/d").id();
        assert!(
            third != first && third != second,
            "a crash may still bring /b back"
        );
    }

    #[cfg_attr(
        miri,
        ignore = "many minutes under miri, and nothing there but safe code"
    )]
    #[test]
    fn a_sample_has_the_extremes_and_is_the_same_for_a_seed() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", vec![b'o'; 40 * 512]);
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, &vec![b'n'; 40 * 512], 0);
        let sample = |seed| {
            let states = disk.crash_states(500, seed);
            assert!(!states.is_exhaustive());
            assert_eq!(states.total(), 1 << 80);
            states
                .map(|state| state.read_file("/a").unwrap())
                .collect::<Vec<_>>()
        };
        let states = sample(3);
        assert_eq!(states.len(), 500);
        assert!(states == sample(3));
        assert!(states != sample(4));
        assert_eq!(states[0], vec![b'o'; 40 * 512]);
        assert_eq!(states[1], vec![b'n'; 40 * 512]);
        let distinct: BTreeSet<_> = states.iter().collect();
        assert_eq!(distinct.len(), 500);
        for (one, rest) in [(b'n', b'o'), (b'o', b'n')] {
            for sector in 0..40 {
                let mut bytes = vec![rest; 40 * 512];
                bytes[sector * 512..(sector + 1) * 512].fill(one);
                assert!(distinct.contains(&bytes), "sector {sector} alone");
            }
        }
    }

    #[test]
    fn a_crash_can_be_crashed_again() {
        let disk = SimulatedDisk::new();
        let mut count = 0;
        write(&*create(&disk, "/a"), b"12", 0);
        for state in disk.crash_states(ALL, 1) {
            assert!(state.origin().is_some());
            write(&*create(&state, "/b"), b"34", 0);
            for state in state.crash_states(ALL, 2) {
                let file = create(&state, "/a");
                file.sync_all().unwrap();
                state.sync_dir(Path::new("/")).unwrap();
                let deepest: Vec<_> = state.crash_states(ALL, 3).collect();
                assert_eq!(deepest.len(), 1, "nothing is open after a sync of all");
                assert_eq!(deepest[0].origin().unwrap(), "everything kept");
                count += 1;
            }
        }
        // No name; no size; NULs; kept; torn; garbage, which may be NULs.
        assert!((5 * 5..=6 * 6).contains(&count), "{count}");
    }

    #[test]
    fn helpers_are_durable_and_no_operations() {
        let disk = SimulatedDisk::new();
        drop(create(&disk, "/db2"));
        disk.write_file("/db/a", b"1");
        disk.write_file("/db/a", b"2");
        assert!(disk.remove_file("/db2"));
        assert!(!disk.remove_file("/db2"));
        assert_eq!(disk.operations(), 1);
        assert_eq!(all_files(&disk), [paths(&["/db/a"])].into());
        assert_eq!(contents(&disk, "/db/a"), [Some(b"2".to_vec())].into());
        assert!(disk.identify(Path::new("db/../db/./a")).unwrap().is_some());
    }

    #[test]
    fn errors_are_those_of_a_real_disk() {
        let disk = SimulatedDisk::new();
        disk.write_file("/db/a", b"1");
        let kind = |how, path: &str| disk.open(Path::new(path), how).unwrap_err().kind();
        assert_eq!(kind(Open::Read, "/no"), io::ErrorKind::NotFound);
        assert_eq!(kind(Open::Create, "/no/a"), io::ErrorKind::NotFound);
        assert_eq!(kind(Open::Create, "/db"), io::ErrorKind::InvalidInput);
        assert_eq!(kind(Open::CreateNew, "/db/a"), io::ErrorKind::AlreadyExists);
        assert_eq!(kind(Open::Read, "/db/a/b"), io::ErrorKind::NotADirectory);
        let read_only = disk.open(Path::new("/db/a"), Open::Read).unwrap();
        assert!(read_only.write_at(b"2", 0).is_err());
        assert!(read_only.set_len(0).is_err());
        assert_eq!(
            disk.identify(Path::new("/db/a"))
                .unwrap()
                .map(|found| found.id),
            Some(read_only.id())
        );
        assert_eq!(disk.identify(Path::new("/db/b")).unwrap(), None);
        assert_eq!(read_only.read_at(&mut [0], u64::MAX).unwrap(), 0);
        let file = disk.open(Path::new("/db/a"), Open::Write).unwrap();
        assert!(file.write_at(b"2", u64::MAX).is_err());
        assert!(file.set_len(u64::MAX).is_err());
        assert_eq!(disk.trace().len(), disk.operations());
    }

    /// Suites look at hundreds of thousands of crashes: a state must cost microseconds.
    #[test]
    fn a_state_is_cheap() {
        let disk = SimulatedDisk::new();
        disk.write_file("/a", vec![b' '; 16 << 10]);
        let file = disk.open(Path::new("/a"), Open::Write).unwrap();
        write(&*file, &[b'x'; 4000], 100);
        let states = if cfg!(miri) { 10 } else { 2000 };
        let start = Instant::now();
        assert_eq!(disk.crash_states(states, 1).count(), states);
        assert!(cfg!(miri) || start.elapsed().as_secs() < 10);
    }
}

//! What another process does in the middle of an operation: within a sync, and within a write.

use std::{
    fmt,
    io::{self, ErrorKind::StorageFull},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use worsen::{
    Changes, ErrorKind,
    testing::{
        Fault, Repeat, SimulatedDisk,
        internals::{Disk, DiskFile, FileId, Found, LockFile, Open},
    },
};

use crate::machine::{self, BUFFERED, LOG, Op, Opened, PLAIN, READ_ONLY, open, open_as};

type Deed = Box<dyn FnOnce() + Send>;

/// A simulated disk on which somebody else does something in the middle of an operation on the log.
#[derive(Clone)]
struct Busy {
    disk: SimulatedDisk,
    planned: Arc<Mutex<Planned>>,
}

#[derive(Default)]
struct Planned {
    before_sync: Option<Deed>,
    after_sync: Option<Deed>,
    /// The next write takes one line. Then this happens, and then the disk is full.
    within_write: Option<Deed>,
    is_full: Option<Deed>,
}

impl Busy {
    fn on(disk: &SimulatedDisk) -> Busy {
        Busy {
            disk: disk.clone(),
            planned: Arc::default(),
        }
    }

    fn open(&self) -> Opened {
        machine::open_through(Arc::new(self.clone()), &self.disk, PLAIN).unwrap()
    }

    fn before_sync(&self, deed: impl FnOnce() + Send + 'static) {
        self.planned.lock().unwrap().before_sync = Some(Box::new(deed));
    }

    fn after_sync(&self, deed: impl FnOnce() + Send + 'static) {
        self.planned.lock().unwrap().after_sync = Some(Box::new(deed));
    }

    fn within_write(&self, deed: impl FnOnce() + Send + 'static) {
        self.planned.lock().unwrap().within_write = Some(Box::new(deed));
    }

    /// On a thread that leads no write of its own.
    fn run(&self, which: impl FnOnce(&mut Planned) -> &mut Option<Deed>) -> bool {
        let deed = which(&mut self.planned.lock().unwrap()).take();
        deed.is_some_and(|deed| {
            thread::spawn(deed).join().expect("the other goes on");
            true
        })
    }

    /// Everything that was planned has happened.
    fn is_done(&self) -> bool {
        let planned = self.planned.lock().unwrap();
        planned.before_sync.is_none()
            && planned.after_sync.is_none()
            && planned.within_write.is_none()
            && planned.is_full.is_none()
    }
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(f)
    }
}

impl Disk for Busy {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let file = self.disk.open(path, how)?;
        // Also one that is going to be the log.
        if !path.to_string_lossy().starts_with(LOG) {
            return Ok(file);
        }
        let busy = self.clone();
        Ok(Box::new(BusyFile { file, busy }))
    }

    fn identify(&self, path: &Path) -> io::Result<Option<Found>> {
        self.disk.identify(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn open_lock(&self, path: &Path, shared_memory: bool) -> io::Result<Box<dyn LockFile>> {
        self.disk.open_lock(path, shared_memory)
    }
}

#[derive(Debug)]
struct BusyFile {
    file: Box<dyn DiskFile>,
    busy: Busy,
}

impl DiskFile for BusyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        if self.busy.run(|planned| &mut planned.is_full) {
            return Err(StorageFull.into());
        }
        let deed = self.busy.planned.lock().unwrap().within_write.take();
        let Some(deed) = deed else {
            return self.file.write_at(buf, offset);
        };
        self.busy.planned.lock().unwrap().is_full = Some(deed);
        let line = buf.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        self.file.write_at(&buf[..line], offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<bool> {
        self.file.reserve(from, to)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.busy.run(|planned| &mut planned.before_sync);
        let outcome = self.file.sync_data();
        self.busy.run(|planned| &mut planned.after_sync);
        outcome
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn try_lead(&self) -> io::Result<bool> {
        self.file.try_lead()
    }

    fn end_lead(&self) -> io::Result<()> {
        self.file.end_lead()
    }

    fn id(&self) -> FileId {
        self.file.id()
    }
}

/// Everything that this process sees is there after a power cut.
fn is_kept(disk: &SimulatedDisk, by: &Opened) {
    let (revision, state) = by.state();
    for left in disk.crash_states(100, 1) {
        let opened = open(&left).expect("it opens after a power cut");
        let what = left.origin().unwrap_or_default();
        assert_eq!(opened.state(), (revision, state.clone()), "{what}");
    }
}

#[test]
fn what_is_written_while_a_sync_runs_is_not_covered_by_it() {
    let disk = SimulatedDisk::new();
    let busy = Busy::on(&disk);
    let one = busy.open();
    let other = Arc::new(open_as(&disk.new_process(), BUFFERED).unwrap());
    let late = other.clone();
    busy.after_sync(move || late.set("b", "written too late").unwrap());
    one.set("a", "synced").unwrap();
    assert!(busy.is_done());
    other.sync().unwrap();
    is_kept(&disk, &other);
}

#[test]
fn a_sync_says_nothing_of_a_generation_that_began_meanwhile() {
    let disk = SimulatedDisk::new();
    let busy = Busy::on(&disk);
    let one = busy.open();
    for number in 0..10 {
        one.run(Op::SetLong("a"), number).unwrap();
    }
    let other = Arc::new(open_as(&disk.new_process(), BUFFERED).unwrap());
    let late = other.clone();
    busy.after_sync(move || late.compact().unwrap());
    one.set("b", "synced").unwrap();
    assert!(busy.is_done());
    other.set("c", "1").unwrap();
    other.sync().unwrap();
    is_kept(&disk, &other);
    // And who was late goes on in the new one.
    one.set("d", "1").unwrap();
    is_kept(&disk, &one);
}

/// How many operations of a write come before its sync.
fn sync_of_a_write(disk: &SimulatedDisk, opened: &Opened) -> usize {
    let begin = disk.trace().len();
    opened.set("x", &begin.to_string()).unwrap();
    disk.trace()[begin..]
        .iter()
        .position(|line| line.contains("sync data"))
        .expect("a write is synced")
}

#[test]
fn a_sync_beside_one_that_failed_is_not_believed() {
    let disk = SimulatedDisk::new();
    let busy = Busy::on(&disk);
    let one = busy.open();
    let other = open(&disk.new_process()).unwrap();
    // The first write of a process does more: it has room kept for the backup.
    other.set("x", "first").unwrap();
    one.set("a", "kept").unwrap();
    let at = sync_of_a_write(&disk, &other);
    let ill = disk.clone();
    busy.before_sync(move || {
        ill.fail(at, Fault::Io, Repeat::Once);
        let error = other.set("b", "in doubt").unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
    });
    // Its own sync succeeds. The one that failed was of the same bytes.
    let error = one.set("a", "in doubt").unwrap_err();
    assert!(busy.is_done());
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(one.store.read("a").as_deref(), Some("kept"));
    assert_eq!(
        one.set("a", "refused").unwrap_err().kind(),
        ErrorKind::Poisoned
    );
    drop(one);
    let one = open(&disk).unwrap();
    one.set("c", "1").unwrap();
    is_kept(&disk, &one);
}

fn next(changes: &Mutex<Changes>) -> worsen::Change {
    let next = changes.lock().unwrap().try_next();
    next.expect("there is a commit").unwrap()
}

#[test]
fn changes_do_not_tell_what_was_taken_back() {
    let disk = SimulatedDisk::new();
    let busy = Busy::on(&disk);
    let one = busy.open();
    let reader = open(&disk.new_process()).unwrap();
    let changes = Arc::new(Mutex::new(reader.store.changes(0).unwrap()));
    one.set("a", "1").unwrap();
    let early = changes.clone();
    // There is a whole line behind the one that is told, and it is no commit yet.
    busy.within_write(move || assert_eq!(next(&early).revision(), 1));
    let error = one.run(Op::Group, 7).unwrap_err();
    assert!(busy.is_done());
    assert!(!error.is_outcome_unknown(), "{error}");
    assert!(changes.lock().unwrap().try_next().is_none());
    for (revision, text) in [(2, "2"), (3, "3")] {
        one.set("a", text).unwrap();
        let change = next(&changes);
        let json = format!("\"{text}\"");
        assert_eq!(change.revision(), revision);
        let told: Vec<_> = change.entries().map(|entry| entry.new_value()).collect();
        assert_eq!(told, [Some(&json[..])]);
    }
    assert!(changes.lock().unwrap().try_next().is_none());
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn who_only_reads_goes_on_behind_what_was_taken_back() {
    let disk = SimulatedDisk::new();
    let busy = Busy::on(&disk);
    let one = busy.open();
    one.set("a", "1").unwrap();
    let reader = Arc::new(open_as(&disk.new_process(), READ_ONLY).unwrap());
    // It begins to poll, and cannot write seeds.
    let none: [(&str, String); 0] = [];
    let error = reader.store.init(Duration::from_millis(1), none);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ReadOnly);
    let early = reader.clone();
    busy.within_write(move || {
        wait_until("it reads whatever is there", || {
            early.store.read("a").as_deref() == Some("text 7")
        });
    });
    one.run(Op::Group, 7).unwrap_err();
    assert!(busy.is_done());
    one.set("a", "2").unwrap();
    wait_until("it reads what took its place", || {
        reader.store.read("a").as_deref() == Some("2")
    });
    assert_eq!(reader.state(), one.state());
}

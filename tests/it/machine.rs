//! A store of texts on a simulated machine: opening it, doing operations to it, and knowing what its
//! commits are. Which crash, fault or damage happens to it is for the topics to say.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use worsen::{Durability, Error, PersistentStore, Retention, testing::SimulatedDisk};

use crate::support::sample;

pub(crate) const DIR: &str = "/db";
pub(crate) const LOG: &str = "/db/s.db";
pub(crate) const BACKUP: &str = "/db/s.cache.db";
pub(crate) const LOCK: &str = "/db/s.lock";

/// What a store holds.
pub(crate) type Texts = BTreeMap<String, String>;

/// The states after each commit, the empty one first: the place in it is the revision.
pub(crate) type History = Vec<Texts>;

/// An open store of texts.
pub(crate) struct Opened {
    pub(crate) store: PersistentStore<String>,
    pub(crate) compact_above: Arc<AtomicU64>,
    disk: SimulatedDisk,
}

/// How to open it.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) durability: Durability,
    pub(crate) salvage: bool,
    pub(crate) read_only: bool,
    pub(crate) history: Retention,
}

pub(crate) const PLAIN: How = How {
    durability: Durability::Synced,
    salvage: false,
    read_only: false,
    history: Retention::Nothing,
};

pub(crate) const BUFFERED: How = How {
    durability: Durability::Buffered,
    ..PLAIN
};

pub(crate) const SALVAGE: How = How {
    salvage: true,
    ..PLAIN
};

pub(crate) const READ_ONLY: How = How {
    read_only: true,
    ..PLAIN
};

pub(crate) fn open(disk: &SimulatedDisk) -> Result<Opened, Error> {
    open_as(disk, PLAIN)
}

pub(crate) fn open_as(disk: &SimulatedDisk, how: How) -> Result<Opened, Error> {
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let mut builder = PersistentStore::builder("s")
        .on(disk)
        .dir(DIR)
        .poll(None)
        .durability(how.durability)
        .lock_timeout(Duration::from_millis(200))
        .history(how.history)
        .compact_above(compact_above.clone());
    if how.salvage {
        builder = builder.salvage();
    }
    if how.read_only {
        builder = builder.read_only();
    }
    let store = builder.open()?;
    Ok(Opened {
        store,
        compact_above,
        disk: disk.clone(),
    })
}

/// The same machine once more, as after a reboot that lost nothing. Only where everything is synced.
pub(crate) fn copy(disk: &SimulatedDisk) -> SimulatedDisk {
    let mut states = disk.crash_states(2, 0);
    let only = states.next().expect("a disk has at least one state");
    assert!(states.next().is_none(), "not everything was synced");
    only
}

/// A disk with these files on it and nothing else. `None`: no such file.
pub(crate) fn disk_with(log: Option<&[u8]>, backup: Option<&[u8]>) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.write_file(LOCK, b"");
    if let Some(log) = log {
        disk.write_file(LOG, log);
    }
    if let Some(backup) = backup {
        disk.write_file(BACKUP, backup);
    }
    disk
}

/// One thing done to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// A short text.
    Set(&'static str),
    /// A text that fills more than a sector.
    SetLong(&'static str),
    Remove(&'static str),
    /// Reads, changes and writes.
    Update(&'static str),
    /// Three commits that reach the disk in one write.
    Group,
    /// A new generation of the log.
    Compact,
    /// Everything before it is on disk.
    Sync,
    /// Closes the store and opens it again.
    Reopen,
}

impl Op {
    /// Adds the states that this operation leads to, one a commit. `number` makes its texts its own.
    pub(crate) fn commits(self, number: usize, history: &mut History) {
        let mut put = |uid: &str, text: Option<String>| {
            let mut state = history.last().cloned().unwrap_or_default();
            let changed = match text {
                Some(text) => state.insert(uid.to_owned(), text.clone()) != Some(text),
                None => state.remove(uid).is_some(),
            };
            if changed {
                history.push(state);
            }
        };
        match self {
            Op::Set(uid) => put(uid, Some(short(number))),
            Op::SetLong(uid) => put(uid, Some(long(number))),
            Op::Remove(uid) => put(uid, None),
            Op::Update(uid) => {
                let before = history.last().and_then(|state| state.get(uid));
                let text = format!("{}+{number}", before.map_or("", String::as_str));
                let mut state = history.last().cloned().unwrap_or_default();
                state.insert(uid.to_owned(), text);
                history.push(state);
            }
            Op::Group => {
                put("a", Some(short(number)));
                put("b", Some(long(number)));
                put("c", Some(short(number)));
            }
            Op::Compact | Op::Sync | Op::Reopen => {}
        }
    }
}

fn short(number: usize) -> String {
    format!("text {number}")
}

fn long(number: usize) -> String {
    format!("{number:0700}")
}

impl Opened {
    /// The revision and everything there is.
    pub(crate) fn state(&self) -> (u64, Texts) {
        let texts = self.store.iter().collect();
        (self.store.revision(), texts)
    }

    /// Does it; the store is another one after `Reopen`.
    pub(crate) fn apply(
        self,
        op: Op,
        number: usize,
        how: How,
    ) -> (Option<Opened>, Result<(), Error>) {
        if op == Op::Reopen {
            let disk = self.disk.clone();
            drop(self);
            return match open_as(&disk, how) {
                Ok(opened) => (Some(opened), Ok(())),
                Err(error) => (None, Err(error)),
            };
        }
        let outcome = self.run(op, number);
        (Some(self), outcome)
    }

    pub(crate) fn run(&self, op: Op, number: usize) -> Result<(), Error> {
        match op {
            Op::Set(uid) => self.store.write(uid, short(number)).wait(),
            Op::SetLong(uid) => self.store.write(uid, long(number)).wait(),
            Op::Remove(uid) => self.store.remove(uid).wait().map(drop),
            Op::Update(uid) => self
                .store
                .update(uid, move |text| {
                    *text = Some(format!("{}+{number}", text.as_deref().unwrap_or("")));
                })
                .wait(),
            Op::Group => self.group(number),
            Op::Compact => self.compact(),
            Op::Sync => self.store.sync().wait(),
            Op::Reopen => Ok(()),
        }
    }

    pub(crate) fn set(&self, uid: &str, text: &str) -> Result<(), Error> {
        self.store.write(uid, text.to_owned()).wait()
    }

    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.store.sync().wait()
    }

    pub(crate) fn compact(&self) -> Result<(), Error> {
        self.compact_above.store(0, Relaxed);
        let outcome = self.store.sync().wait();
        self.compact_above.store(u64::MAX, Relaxed);
        outcome
    }

    /// Three commits in one group: they are queued while a leader runs a closure that waits for that.
    /// All of them fail, or none.
    fn group(&self, number: usize) -> Result<(), Error> {
        let (open, gate) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        // It changes nothing, so it is no commit of its own.
        let mut before = self.store.update("a", move |_| {
            // Neither fails: both other ends are there until the gate opens.
            let _ = enter.send(());
            let _ = gate.recv();
        });
        let mut commits = [
            self.store.write("a", short(number)),
            self.store.write("b", long(number)),
            self.store.write("c", short(number)),
        ];
        let mut first = poll(&mut before);
        // Until the leader is in the closure, so that its group is closed; or has failed.
        while first.is_none() && entered.try_recv().is_err() {
            thread::yield_now();
            first = poll(&mut before);
        }
        let polled = commits.each_mut().map(poll);
        drop(open);
        let before = first.unwrap_or_else(|| pollster::block_on(before));
        let mut polled = polled.into_iter();
        let outcomes = commits.map(|commit| match polled.next().flatten() {
            Some(outcome) => outcome,
            None => pollster::block_on(commit),
        });
        // It changes nothing, so whether it succeeded is not what is asked.
        drop(before);
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert!(
            failed == 0 || failed == 3,
            "a part of a group was acknowledged"
        );
        outcomes.into_iter().collect()
    }
}

/// What it resolves to without waiting: errors alone, where somebody else has the lock.
fn poll<R: Send + 'static>(commit: &mut worsen::Commit<R>) -> Option<Result<R, Error>> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(commit).poll(&mut context) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

/// Counts, told at the end of a test.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) workloads: AtomicU64,
    pub(crate) points: AtomicU64,
    pub(crate) states: AtomicU64,
}

impl Counts {
    pub(crate) fn tell(&self, test: &str) -> u64 {
        let states = self.states.load(Relaxed);
        println!(
            "{test}: {} workloads, {} crash points, {states} crash states",
            self.workloads.load(Relaxed),
            self.points.load(Relaxed),
        );
        states
    }
}

/// Does `job` to every item, or to a sample of them, on as many threads as there are processors. Where
/// it panics, no more are begun.
pub(crate) fn in_parallel<T: Sync>(items: &[T], job: impl Fn(&T) + Sync) {
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let step = sample() as u64;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(step, Relaxed) as usize) {
                    let _end = EndOnPanic(&next);
                    job(item);
                }
            });
        }
    });
}

struct EndOnPanic<'a>(&'a AtomicU64);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(u64::MAX / 2, Relaxed);
        }
    }
}

/// Opens what a crash left and checks everything that is promised.
pub(crate) fn check(
    disk: &SimulatedDisk,
    possible: &[History],
    certain: usize,
    what: &dyn Fn() -> String,
) {
    let fail = |problem: String| -> ! {
        panic!(
            "{problem}\n{}\nleft by the crash: {}\nsince:\n{}",
            what(),
            disk.origin().unwrap_or_default(),
            disk.trace().join("\n")
        )
    };
    let opened = match open(disk) {
        Ok(opened) => opened,
        Err(error) => fail(format!("does not open after a crash: {error}")),
    };
    let (revision, state) = opened.state();
    let revision = revision as usize;
    if revision < certain {
        fail(format!(
            "acknowledged was revision {certain}, and there is {revision}; {:?}",
            opened.store.recovered()
        ));
    }
    if !possible
        .iter()
        .any(|history| history.get(revision) == Some(&state))
    {
        fail(format!(
            "revision {revision} is none that was written: {state:?}"
        ));
    }
    if let Err(error) = opened.set("after", "the crash") {
        fail(format!("cannot be written after a crash: {error}"));
    }
    drop(opened);
    let opened = match open(disk) {
        Ok(opened) => opened,
        Err(error) => fail(format!("does not open a second time: {error}")),
    };
    let mut expected = state;
    expected.insert("after".into(), "the crash".into());
    let again = opened.state();
    if again != (revision as u64 + 1, expected) {
        fail(format!(
            "the second opening gives something else: {again:?}"
        ));
    }
    if !opened.store.recovered().is_empty() {
        fail(format!(
            "the second opening repairs again: {:?}",
            opened.store.recovered()
        ));
    }
}

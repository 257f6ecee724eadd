//! What the engine counts on, asked of each backend through the seam itself. A backend that joins has a line in
//! [`KINDS`]; what it cannot do by its nature, such as two processes in memory, stands there too.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Backend, Connect, Entries, Followed, History, LeadsTo, Locked, Next, Opened, Sink, Visible,
    file::{FileOptions, Paths, compaction::CompactAbove, disk::Disk},
    memory::InMemory,
};
use crate::{entry::Edit, error::Error, options::Access, testing::SimulatedDisk, trace::Debug};

/// A wait that nothing ends is a failure, and none that works is as long.
const HANGS: Duration = Duration::from_secs(60);

/// One way to get at stores, with a new store each time that it is made.
struct Kind {
    name: &'static str,
    /// Opens the store as another process would; memory alone cannot.
    open: Box<dyn Fn() -> Opened>,
    is_shared: bool,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const KINDS: [fn() -> Kind; 3] = [in_memory, on_simulated_disk, on_files];

fn in_memory() -> Kind {
    Kind {
        name: "memory",
        open: Box::new(|| Box::new(InMemory { read_only: false }).connect().unwrap()),
        is_shared: false,
    }
}

fn open_files(disk: Arc<dyn Disk>, dir: &Path) -> Opened {
    let options = FileOptions {
        paths: Paths::new(dir, "contract"),
        disk,
        access: Access::Repair,
        lock_timeout: Duration::ZERO,
        shared_memory: true,
        compact_above: CompactAbove::default(),
        on_compaction: super::file::compaction::Observer::default(),
        history: crate::options::Retention::Nothing,
        debug: Debug::new("contract".into(), false),
    };
    Box::new(options).connect().unwrap()
}

fn on_simulated_disk() -> Kind {
    let disk = SimulatedDisk::new();
    Kind {
        name: "files on a simulated disk",
        open: Box::new(move || open_files(Arc::new(disk.new_process()), Path::new("/db"))),
        is_shared: true,
    }
}

fn on_files() -> Kind {
    let dir = tempfile::tempdir().unwrap();
    Kind {
        name: "files",
        open: Box::new(move || {
            let disk = Arc::new(super::file::disk::RealDisk);
            open_files(disk, dir.path())
        }),
        is_shared: true,
    }
}

/// A store that is open, without its lock, and the state that its opener has.
struct Process {
    backend: Box<dyn Backend>,
    state: State,
}

/// What a reader or a writer has come to.
struct State {
    entries: Entries,
    revision: u64,
    /// Every commit, as it was handed over.
    commits: Vec<(u64, Vec<Edit>)>,
}

impl Sink for State {
    fn commit(&mut self, revision: u64, changes: Vec<Edit>) -> Result<(), Error> {
        assert_eq!(revision, self.revision + 1, "revisions have no gap");
        super::replay(&mut self.entries, &changes);
        self.revision = revision;
        self.commits.push((revision, changes));
        Ok(())
    }

    fn replace(&mut self, entries: Entries, revision: u64) -> Result<(), Error> {
        (self.entries, self.revision) = (entries, revision);
        Ok(())
    }

    fn entries(&self) -> &Entries {
        &self.entries
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Process {
    fn open(kind: &Kind) -> Self {
        let Opened {
            backend,
            entries,
            revision,
            ..
        } = (kind.open)();
        drop(Locked::since_opening(&*backend));
        Process {
            backend,
            state: State {
                entries,
                revision,
                commits: Vec::new(),
            },
        }
    }

    /// A whole group, as a leader commits it.
    fn commit(&mut self, group: &[Vec<Edit>]) {
        let Process { backend, state } = self;
        let locked = backend.lock(HANGS).unwrap();
        locked.catch_up(state).unwrap();
        append(&locked, state, group);
        drop(locked);
        if !backend.is_durable() {
            backend.sync().unwrap();
        }
        assert!(backend.is_durable(), "after a sync");
        backend.publish(state.revision);
        backend.hand_over();
    }

    fn value(&self, uid: &str) -> Option<String> {
        self.state.entries.get(uid).map(ToString::to_string)
    }

    /// Everything that a reader of commits finds now.
    fn read(&self, history: &mut dyn History) -> Vec<Next> {
        let next = || history.next(self.state.revision).unwrap();
        let all = std::iter::repeat_with(next);
        all.take_while(|next| !matches!(next, Next::Nothing))
            .collect()
    }
}

fn append(locked: &Locked<'_>, state: &mut State, group: &[Vec<Edit>]) {
    let mut next = state.entries.clone();
    for changes in group {
        super::replay(&mut next, changes);
    }
    let leads_to = LeadsTo {
        entries: &next,
        shrinks: next.bytes() < state.entries.bytes(),
    };
    assert!(locked.append(group, Some(leads_to)).is_ok());
    state.entries = next;
    state.revision += group.len() as u64;
}

fn set(uid: &str, json: &str) -> Edit {
    Edit::set(uid, json)
}

fn for_all(run: fn(&Kind)) {
    for kind in KINDS {
        let kind = kind();
        println!("{}", kind.name);
        run(&kind);
    }
}

fn for_shared(run: fn(&Kind)) {
    for kind in KINDS.map(|kind| kind()) {
        match kind.is_shared {
            true => run(&kind),
            false => println!("skipped {}: no other process gets at it", kind.name),
        }
    }
}

#[test]
fn a_new_store_is_empty_and_its_first_commit_is_revision_one() {
    for_all(|kind| {
        let mut process = Process::open(kind);
        assert_eq!((process.state.revision, process.value("a")), (0, None));
        process.commit(&[vec![set("a", "1")]]);
        assert_eq!(process.state.revision, 1, "{kind:?}");
    });
}

#[test]
fn the_lock_keeps_another_process_out_until_it_is_dropped() {
    for_shared(|kind| {
        let (one, other) = (Process::open(kind), Process::open(kind));
        let locked = one.backend.lock(HANGS).unwrap();
        let refused = other.backend.lock(Duration::ZERO).map(drop);
        assert_eq!(
            refused.unwrap_err().kind(),
            crate::ErrorKind::LockTimeout,
            "{kind:?}"
        );
        drop(locked);
        drop(other.backend.lock(HANGS).unwrap());
        // Twice is once.
        other.backend.release();
        drop(one.backend.lock(HANGS).unwrap());
    });
}

#[test]
fn catching_up_hands_over_what_others_committed_in_order() {
    for_shared(|kind| {
        let (mut one, mut other) = (Process::open(kind), Process::open(kind));
        one.commit(&[vec![set("a", "1")], vec![set("a", "2"), set("b", "1")]]);
        one.commit(&[vec![Edit::delete("b")]]);
        other.commit(&[vec![set("c", "1")]]);
        let seen = &other.state.commits;
        let revisions: Vec<u64> = seen.iter().map(|(revision, _)| *revision).collect();
        assert_eq!(revisions, [1, 2, 3], "{kind:?}");
        assert_eq!(seen[1].1, [set("a", "2"), set("b", "1")]);
        assert_eq!(seen[2].1, [Edit::delete("b")]);
        assert_eq!(other.state.revision, 4);
        assert_eq!(other.value("a").as_deref(), Some("2"));
        assert_eq!(other.value("b"), None);
    });
}

#[test]
fn a_store_that_is_opened_again_has_every_commit() {
    for_shared(|kind| {
        let mut one = Process::open(kind);
        for number in 1..=100 {
            one.commit(&[vec![set("n", &number.to_string())]]);
        }
        one.backend.close();
        // Whether it was the last one or not.
        one.backend.close();
        let other = Process::open(kind);
        assert_eq!(other.state.revision, 100, "{kind:?}");
        assert_eq!(other.value("n").as_deref(), Some("100"));
    });
}

#[test]
fn readers_follow_without_the_lock_what_is_published_and_no_more() {
    for_shared(|kind| {
        let (mut one, mut reader) = (Process::open(kind), Process::open(kind));
        let follow = |reader: &mut Process| {
            let Process { backend, state } = reader;
            backend.scout().unwrap();
            let followed = backend.follow(state).unwrap();
            assert!(matches!(followed, Followed::Visible), "{kind:?}");
            state.revision
        };
        one.commit(&[vec![set("a", "1")]]);
        assert!(reader.backend.has_news(0), "{kind:?}");
        assert_eq!(follow(&mut reader), 1);
        // Somebody writes, and has neither synced nor published.
        let locked = one.backend.lock(HANGS).unwrap();
        locked.catch_up(&mut one.state).unwrap();
        append(&locked, &mut one.state, &[vec![set("a", "2")]]);
        if reader.backend.visible() != Visible::Unknown {
            assert_eq!(follow(&mut reader), 1, "{kind:?}");
        }
        drop(locked);
        one.backend.sync().unwrap();
        one.backend.publish(2);
        assert_eq!(follow(&mut reader), 2, "{kind:?}");
        assert_eq!(reader.value("a").as_deref(), Some("2"));
    });
}

#[test]
fn what_is_visible_rises_with_what_is_published() {
    for_all(|kind| {
        let mut process = Process::open(kind);
        let before = process.backend.sight();
        process.commit(&[vec![set("a", "1")]]);
        match process.backend.visible() {
            Visible::UpTo(visible) => {
                assert_eq!(visible, 1, "{kind:?}");
                assert_ne!(process.backend.sight(), before);
                assert!(process.backend.has_news(0) && !process.backend.has_news(1));
            }
            Visible::Moved => panic!("{kind:?}: nobody has moved anything"),
            Visible::Unknown => println!("skipped {}: nothing in memory tells", kind.name),
        }
    });
}

#[test]
fn a_sleeper_is_woken_by_a_commit_of_another_process_and_by_a_wake() {
    for_shared(|kind| {
        let (mut one, other) = (Process::open(kind), Process::open(kind));
        let seen = other.backend.sight();
        if !other.backend.wait_for_news(seen, &|| true, Duration::ZERO) {
            println!("skipped {}: there is nothing to be woken by", kind.name);
            return;
        }
        let stops = AtomicBool::new(false);
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let begun = Instant::now();
                while other.backend.sight() == seen && begun.elapsed() < HANGS {
                    other.backend.wait_for_news(seen, &|| false, HANGS);
                }
                begun.elapsed()
            });
            one.commit(&[vec![set("a", "1")]]);
            assert!(sleeper.join().unwrap() < HANGS, "{kind:?}: a lost wake");
        });
        let seen = other.backend.sight();
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let begun = Instant::now();
                let stop = || stops.load(Ordering::SeqCst);
                while !stop() && begun.elapsed() < HANGS {
                    other.backend.wait_for_news(seen, &stop, HANGS);
                }
                begun.elapsed()
            });
            stops.store(true, Ordering::SeqCst);
            other.backend.wake();
            assert!(sleeper.join().unwrap() < HANGS, "{kind:?}: a lost wake");
        });
    });
}

#[test]
fn the_history_tells_each_commit_with_the_values_before_it() {
    for_all(|kind| {
        let mut process = Process::open(kind);
        process.commit(&[vec![set("a", "1")], vec![set("a", "2"), set("b", "1")]]);
        process.commit(&[vec![Edit::delete("a")]]);
        let mut history = process.backend.history(1, true).unwrap();
        let read = process.read(&mut *history);
        assert_eq!(history.revision(), 3);
        let [Next::Commit(two), Next::Commit(three)] = &read[..] else {
            panic!("{kind:?}: {read:?}");
        };
        assert_eq!((two.revision, three.revision), (2, 3), "{kind:?}");
        assert_eq!(two.pid, std::process::id());
        assert_eq!(two.changes, [set("a", "2"), set("b", "1")]);
        assert_eq!(
            two.before.as_deref(),
            Some(&[Some("1".into()), None][..]),
            "{kind:?}"
        );
        assert_eq!(three.changes, [Edit::delete("a")]);
        assert_eq!(three.before.as_deref(), Some(&[Some("2".into())][..]));
        let mut plain = process.backend.history(2, false).unwrap();
        let read = process.read(&mut *plain);
        assert!(
            matches!(&read[..], [Next::Commit(three)] if three.before.is_none()),
            "{kind:?}: {read:?}"
        );
    });
}

#[test]
fn what_a_compaction_takes_away_is_a_gap_and_the_state_stays() {
    for_shared(|kind| {
        let mut process = Process::open(kind);
        for number in 1..=10 {
            process.commit(&[vec![set("n", &number.to_string())]]);
        }
        let mut history = process.backend.history(0, false).unwrap();
        let Process { backend, state } = &mut process;
        let locked = backend.lock(HANGS).unwrap();
        locked.catch_up(state).unwrap();
        locked.compact(&state.entries).unwrap();
        drop(locked);
        process.commit(&[vec![set("n", "11")]]);
        let read = process.read(&mut *history);
        let mut told = 0;
        for next in &read {
            match next {
                Next::Gap { first, last } => {
                    assert_eq!(*first, told + 1, "{kind:?}: {read:?}");
                    told = *last;
                }
                Next::Commit(commit) => {
                    assert_eq!(commit.revision, told + 1, "{kind:?}: {read:?}");
                    told = commit.revision;
                }
                Next::Nothing => {}
            }
        }
        assert_eq!(
            told, 11,
            "{kind:?}: every revision is told, or told to be lost"
        );
        let other = Process::open(kind);
        assert_eq!(other.value("n").as_deref(), Some("11"), "{kind:?}");
    });
}

#[test]
fn a_store_that_is_only_read_refuses_the_lock() {
    let Opened { backend, .. } = Box::new(InMemory { read_only: true }).connect().unwrap();
    let refused = backend.lock(Duration::ZERO).map(drop).unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::ReadOnly);
}

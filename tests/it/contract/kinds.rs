//! The kinds of stores: how each is got at, what it can do, and running a topic over all of them. Never here:
//! what a store promises.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::mpsc::channel,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use worsen::{
    Builder, Change, Changes, Commit, Error, ErrorKind, Handle, PersistentStore, Store, Value,
    testing::SimulatedDisk,
};
use worsen_tests::{State, StateStore};

use crate::support::{Worker, folder};

/// For what has to come.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// One way to get at a store.
pub(crate) struct Kind {
    name: &'static str,
    /// What it cannot do, and why.
    lacks: &'static [(Ability, &'static str)],
    /// So many commits of so many bytes push what was before them out of what `changes()` can tell.
    forgets_after: (u64, usize),
    location: fn() -> Where,
}

/// Every kind there is: an entry here, and an arm in each `match` on [`Where`], add one.
const KINDS: [Kind; 3] = [
    Kind {
        name: "files",
        lacks: &[(
            Ability::PowerCuts,
            "a test cannot cut the power of its own machine",
        )],
        forgets_after: (100, 64 * 1024),
        location: || Where::Files(folder()),
    },
    Kind {
        name: "memory",
        lacks: &[
            (Ability::Reopening, GOES),
            (Ability::TwoOpenings, GOES),
            (Ability::FreshReads, GOES),
            (Ability::OtherProcesses, GOES),
            (Ability::PowerCuts, GOES),
        ],
        forgets_after: (17 * 1024, 1),
        location: || Where::Memory,
    },
    Kind {
        name: "a simulated disk",
        lacks: &[(
            Ability::OtherProcesses,
            "it is memory of this process; its other processes are other openings",
        )],
        forgets_after: (100, 64 * 1024),
        location: || Where::Simulated(SimulatedDisk::new()),
    },
];

const GOES: &str = "each opening in memory is a store of its own, which goes with its last handle";

/// What a kind may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// What was committed is there when the store is opened again.
    Reopening,
    /// Two openings at once, neither of which knows that the other one is in the same process.
    TwoOpenings,
    /// A read shows what another opening was told is committed, and not only what it has heard of.
    FreshReads,
    /// Other processes can open it.
    OtherProcesses,
    /// A test can see all that a power cut may leave.
    PowerCuts,
}

/// Where a store of some kind is.
enum Where {
    Files(TempDir),
    Memory,
    Simulated(SimulatedDisk),
}

/// Where the stores of one test of one kind are. Nothing is there at first.
pub(crate) struct Location {
    kind: &'static Kind,
    at: Where,
}

impl Location {
    fn new(kind: &'static Kind) -> Location {
        Location {
            kind,
            at: (kind.location)(),
        }
    }

    fn put<S>(&self, builder: Builder<S>) -> Builder<S> {
        match &self.at {
            Where::Files(folder) => builder.dir(folder.path()),
            Where::Memory => builder.in_memory(),
            Where::Simulated(disk) => builder.dir("/db").on(disk),
        }
    }

    /// Opens a struct here, once the rest is said.
    pub(crate) fn builder<S: Store>(&self) -> Builder<S> {
        self.put(S::builder())
    }

    /// As [`builder`](Location::builder), from another process where the kind can simulate one. Elsewhere the
    /// caller takes a struct that is not open yet: a store that is opened as two types is open twice.
    pub(crate) fn beside<S: Store>(&self) -> Builder<S> {
        match &self.at {
            Where::Simulated(disk) => S::builder().dir("/db").on(&disk.new_process()),
            Where::Files(_) | Where::Memory => self.builder(),
        }
    }

    /// Opens values under uids here, once the rest is said.
    pub(crate) fn keyed<T: Value>(&self, name: &str) -> Builder<PersistentStore<T>> {
        self.put(PersistentStore::builder(name))
    }

    pub(crate) fn open(&self) -> StateStore {
        self.builder::<State>().open().expect("the store opens")
    }

    pub(crate) fn open_beside(&self) -> TwinStore {
        self.beside::<Twin>().open().expect("it opens beside")
    }

    pub(crate) fn open_keyed<T: Value>(&self) -> PersistentStore<T> {
        self.keyed("keyed").open().expect("the store opens")
    }

    /// Whether the kind can do it; if not, it is printed what of a test is left out, and why.
    pub(crate) fn can(&self, ability: Ability, what_for: &str) -> bool {
        let lack = self.kind.lacks.iter().find(|(lack, _)| *lack == ability);
        if let Some((_, why)) = lack {
            println!("{}: skipped {what_for}: {why}", self.kind.name);
        }
        lack.is_none()
    }

    /// So many commits of so many bytes push what was before them out of what `changes()` can tell.
    pub(crate) fn forgets_after(&self) -> (u64, usize) {
        self.kind.forgets_after
    }

    /// Another process, which opens a [`State`] here.
    pub(crate) fn worker(&self, job: &str, rest: &[&str]) -> Worker {
        match &self.at {
            Where::Files(folder) => Worker::start(job, folder.path(), rest),
            Where::Memory | Where::Simulated(_) => panic!("{} lacks that", self.kind.name),
        }
    }

    /// What a power cut right now may leave: all of it, or a sample.
    pub(crate) fn after_power_cut(&self) -> Vec<Location> {
        let Where::Simulated(disk) = &self.at else {
            panic!("{} lacks that", self.kind.name);
        };
        let left = disk.crash_states(64, 1);
        left.map(|disk| Location {
            kind: self.kind,
            at: Where::Simulated(disk),
        })
        .collect()
    }
}

/// Runs a topic for every kind, and tells for which of them it does not hold.
pub(crate) fn each(topic: impl Fn(&Location)) {
    run(&topic, |_| true);
}

/// As [`each`], for those kinds that can do it; the others are printed with the reason.
pub(crate) fn each_with(ability: Ability, topic: impl Fn(&Location)) {
    run(&topic, |location| location.can(ability, "all of it"));
}

fn run(topic: &dyn Fn(&Location), wants: impl Fn(&Location) -> bool) {
    let mut broken = Vec::new();
    for kind in &KINDS {
        let location = Location::new(kind);
        if !wants(&location) {
            continue;
        }
        println!("for {}:", kind.name);
        // The others are looked at all the same: whether one kind breaks it or all of them tells where to look.
        if catch_unwind(AssertUnwindSafe(|| topic(&location))).is_err() {
            broken.push(kind.name);
        }
    }
    assert!(
        broken.is_empty(),
        "this does not hold for: {}",
        broken.join(", ")
    );
}

/// The same store as [`State`], opened by another struct.
#[derive(Store, Debug)]
#[store(name = "state", poll = "50ms")]
pub(crate) struct Twin {
    pub(crate) count: u64,
    #[store(seed = "seeded".to_owned())]
    pub(crate) note: String,
    pub(crate) jobs: VecDeque<String>,
}

/// The next commit, which has to come.
pub(crate) fn next(changes: &mut Changes) -> Change {
    let change = changes.wait(LONG).expect("a commit is told");
    change.expect("nothing is wrong with it")
}

/// What a future comes to, which has to come.
pub(crate) fn in_time<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(LONG).await;
        panic!("it does not come")
    };
    smol::block_on(smol::future::or(future, late))
}

/// What there is to tell now, each commit by its revision and what it changed: uid, value before and since.
pub(crate) fn told(changes: &mut Changes) -> Vec<(u64, Vec<Edit>)> {
    let commits = std::iter::from_fn(|| changes.try_next());
    let commits = commits.map(|change| change.expect("every commit can be told"));
    commits
        .map(|change| (change.revision(), edits(&change)))
        .collect()
}

/// A uid that a commit changed, the value before and the one since.
pub(crate) type Edit = (String, Option<String>, Option<String>);

pub(crate) fn edits(change: &Change) -> Vec<Edit> {
    let owned = |json: Option<&str>| json.map(str::to_owned);
    let entries = change.entries().map(|entry| {
        let (old, new) = (entry.old_value(), entry.new_value());
        (entry.uid().to_owned(), owned(old), owned(new))
    });
    entries.collect()
}

/// An edit, to compare with.
pub(crate) fn edit(uid: &str, old: impl Into<Option<&'static str>>, new: &str) -> Edit {
    let old = old.into().map(str::to_owned);
    (uid.to_owned(), old, Some(new.to_owned()))
}

/// Queues a write, as the first poll of a future does.
pub(crate) fn queued<R: Send + 'static>(mut commit: Commit<R>) -> Commit<R> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut commit).poll(&mut context) {
        Poll::Pending => commit,
        Poll::Ready(outcome) => panic!("it was not queued: {:?}", outcome.err()),
    }
}

/// What `queue` queues is committed as one group: it is queued while a leader is in a closure.
pub(crate) fn in_one_group<S: Store, R>(store: &Handle<S>, queue: impl FnOnce() -> R) -> R {
    let (enter, entered) = channel();
    let (open, gate) = channel::<()>();
    let leader = store.clone();
    // It changes nothing, so it is no commit.
    let leads = thread::spawn(move || {
        let waits = leader.update(move |_| {
            // The other ends are there until the gate opens; where a test panics, they go, and so does this.
            let _ = enter.send(());
            let _ = gate.recv();
        });
        waits.wait()
    });
    entered.recv_timeout(LONG).expect("a leader runs");
    let all = queue();
    drop(open);
    leads.join().expect("it does not panic").expect("it leads");
    all
}

/// Asks that an error is of this kind and names the store.
#[track_caller]
pub(crate) fn assert_told(error: &Error, kind: ErrorKind, store: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.store(), Some(store), "{error}");
    let said = error.to_string();
    assert!(said.starts_with(&format!("store `{store}`")), "{said}");
}

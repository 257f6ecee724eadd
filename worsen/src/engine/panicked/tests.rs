//! A panic at every place of a store's own code and of what it calls: each writer is told, and no caller waits
//! for ever, neither for a write nor for the end of the store.

use std::{
    any::Any,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    task::Waker,
    thread,
    time::Duration,
};

use super::super::*;
use crate::{
    backend::{
        AppendFailure, Entries, Followed, Held, LeadsTo, Sight, Sink, memory::MemoryBackend,
    },
    commit::Commit,
    entry::Edit,
    error::{Effect, ErrorKind, ValueError},
    loom::Unpoisoned,
    shared_str::SharedStr,
};

/// Nothing takes as long, unless it hangs.
const HANGS: Duration = Duration::from_secs(30);

/// Panics once, at this place.
#[derive(Debug, Default)]
struct Bomb {
    at: Mutex<Option<&'static str>>,
}

impl Bomb {
    fn reach(&self, place: &'static str) {
        let mut at = self.at.lock().unpoisoned();
        if *at == Some(place) {
            *at = None;
            drop(at);
            panic!("on purpose, at {place}");
        }
    }

    fn arm(&self, place: &'static str) {
        *self.at.lock().unwrap() = Some(place);
    }

    fn went_off(&self) -> bool {
        self.at.lock().unwrap().is_none()
    }
}

#[derive(Debug)]
struct Disk(MemoryBackend, Arc<Bomb>);

impl Backend for Disk {
    fn acquire(&self, timeout: Duration) -> Result<(), Error> {
        self.1.reach("lock");
        self.0.acquire(timeout)
    }

    fn release(&self) {
        self.0.release();
    }

    fn catch_up(&self, held: &Held, sink: &mut dyn Sink) -> Result<(), Error> {
        self.1.reach("catch_up");
        self.0.catch_up(held, sink)
    }

    fn append(
        &self,
        held: &Held,
        commits: &[Vec<Edit>],
        leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        self.1.reach("append");
        self.0.append(held, commits, leads_to)
    }

    fn is_durable(&self) -> bool {
        self.1.reach("is_durable");
        false
    }

    fn sync(&self) -> Result<(), Error> {
        self.1.reach("sync");
        self.0.sync()
    }

    fn sync_time(&self) -> Duration {
        self.1.reach("sync_time");
        self.0.sync_time()
    }

    fn publish(&self, revision: u64) {
        self.1.reach("publish");
        self.0.publish(revision);
    }

    fn follow(&self, sink: &mut dyn Sink) -> Result<Followed, Error> {
        self.1.reach("follow");
        self.0.follow(sink)
    }

    fn scout(&self) -> Result<(), Error> {
        self.1.reach("scout");
        Ok(())
    }

    fn hand_over(&self) {
        self.1.reach("hand_over");
    }

    fn wants_compaction(&self, live: u64) -> bool {
        self.1.reach("wants_compaction");
        self.0.wants_compaction(live)
    }

    fn compact(&self, held: &Held, entries: &Entries) -> Result<(), Error> {
        self.0.compact(held, entries)
    }

    fn state_at(
        &self,
        at: crate::options::At,
        newest: u64,
    ) -> Result<(crate::backend::Entries, u64), Error> {
        self.0.state_at(at, newest)
    }

    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error> {
        self.0.spans(newest)
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        self.0.history(after, old_values)
    }

    fn close(&self) {
        self.1.reach("close");
        self.0.close();
    }

    fn wait_for_news(&self, seen: Sight, stop: &dyn Fn() -> bool, timeout: Duration) -> bool {
        self.0.wait_for_news(seen, stop, timeout)
    }

    fn wake(&self) {
        self.0.wake();
    }
}

/// A state of which only the places are of interest at which a stored type's `Clone` and `Drop` run.
struct State(Arc<Bomb>);

impl Model for State {
    fn adopt(&mut self, _entries: &Entries, _revision: u64) -> Vec<(SharedStr, ValueError)> {
        Vec::new()
    }

    fn follow(&mut self) {}

    fn apply(&mut self, _edit: &Edit) -> Result<(), ValueError> {
        Ok(())
    }

    fn accept(&mut self) {
        self.0.reach("accept");
    }

    fn roll_back(&mut self, _all: bool, _since: &[Edit]) -> Result<(), ValueError> {
        self.0.reach("roll_back");
        Ok(())
    }

    fn is_dirty(&self) -> bool {
        true
    }

    fn publish(&mut self, _revision: u64, _unseen: Unseen) {
        self.0.reach("show");
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl ReadModel for State {
    fn apply(&mut self, _edit: &Edit) -> Result<(), ValueError> {
        Ok(())
    }

    fn publish(&mut self, _revision: u64, _unseen: Unseen) {}

    fn forget(&mut self) {
        self.0.reach("forget");
    }
}

/// A write that panics where the engine asks it something, and is another one's otherwise.
struct BadTask(Arc<Bomb>);

impl Task for BadTask {
    fn run(&self, _transaction: &mut Transaction<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn failed(&self, _error: Error) {}

    fn panicked(&self, _payload: Box<dyn Any + Send>) {}

    fn resolve(&self, _outcome: Result<(), Error>) -> Option<Waker> {
        self.0.reach("resolve");
        None
    }

    fn has_leftovers(&self) -> bool {
        self.0.reach("has_leftovers");
        true
    }

    fn promote(&self) -> bool {
        self.0.reach("promote");
        false
    }

    fn durability(&self) -> Option<Durability> {
        self.0.reach("durability");
        None
    }
}

impl Drop for BadTask {
    fn drop(&mut self) {
        self.0.reach("drop of a task");
    }
}

fn open(bomb: &Arc<Bomb>, poll: Option<Duration>) -> Arc<EngineHandle> {
    let backend = Disk(MemoryBackend::default(), bomb.clone());
    let options = EngineOptions {
        name: "state".into(),
        lock_timeout: HANGS,
        poll,
        ..EngineOptions::of_new(
            Box::new(backend),
            Box::new(State(bomb.clone())),
            Box::new(State(bomb.clone())),
        )
    };
    Engine::start(options, None).unwrap()
}

fn write(handle: &Arc<EngineHandle>, number: usize) -> Commit<()> {
    Commit::new(handle.clone(), move |transaction| {
        let changes = &mut transaction.scope.changes;
        changes.set("number", number.to_string());
        match number % 4 {
            // So that something is undone.
            3 => Err(Error::new(ErrorKind::Encode, "refused on purpose")),
            _ => Ok(()),
        }
    })
}

/// Runs it on a thread of its own, which is left behind where it hangs.
fn aside<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (done, is_done) = channel();
    thread::spawn(move || drop(done.send(run())));
    is_done
}

fn ends<T>(what: &str, is_done: &Receiver<T>) -> T {
    let Ok(done) = is_done.recv_timeout(HANGS) else {
        panic!("{what} hangs");
    };
    done
}

/// Writes in each way, from several threads, and then once more.
fn writes_are_answered(place: &str, handle: &Arc<EngineHandle>) -> Vec<Result<(), Error>> {
    let mut outcomes = Vec::new();
    for round in 0..3 {
        let writers: Vec<_> = (0..6)
            .map(|number| {
                let handle = handle.clone();
                aside(move || {
                    let number = 10 * round + number;
                    write(&handle, 100 + number).detach();
                    match number % 2 {
                        0 => write(&handle, number).wait(),
                        _ => pollster::block_on(write(&handle, number)),
                    }
                })
            })
            .collect();
        outcomes.extend(writers.iter().map(|writer| ends(place, writer)));
    }
    outcomes
}

const PLACES: &[&str] = &[
    "lock",
    "catch_up",
    "append",
    "is_durable",
    "sync",
    "sync_time",
    "publish",
    "hand_over",
    "wants_compaction",
    "accept",
    "roll_back",
    "show",
    "forget",
    "follow",
    "scout",
    "resolve",
    "has_leftovers",
    "promote",
    "durability",
    "drop of a task",
    "close",
];

#[test]
fn wherever_something_panics_every_write_is_answered_and_the_store_is_closed() {
    for place in PLACES {
        let bomb = Arc::<Bomb>::default();
        // Looks for other processes all the time.
        let handle = open(&bomb, Some(Duration::from_micros(100)));
        write(&handle, 0).wait().unwrap();
        // What is queued behind a closure is one group.
        let (go, wait) = channel::<()>();
        let (begun, begins) = channel();
        let closure = Commit::new(handle.clone(), move |_| {
            begun.send(()).unwrap();
            let _ = wait.recv();
            Ok(())
        });
        let closure = aside(move || closure.wait());
        ends(place, &begins);
        let submitted = handle.engine.submit(Arc::new(BadTask(bomb.clone())), false);
        assert!(!submitted.unwrap());
        write(&handle, 3).detach();
        write(&handle, 4).detach();
        bomb.arm(place);
        drop(go);
        // It may be what meets the panic.
        drop(ends(place, &closure));
        let outcomes = writes_are_answered(place, &handle);
        let kinds = outcomes
            .iter()
            .filter_map(|outcome| Some(outcome.as_ref().err()?.kind()));
        for kind in kinds.filter(|kind| *kind != ErrorKind::Encode) {
            let told = [ErrorKind::Broken, ErrorKind::Poisoned];
            assert!(bomb.went_off() && told.contains(&kind), "{place}: {kind:?}");
        }
        // The store looks for others when it has nothing else to do.
        let begun = std::time::Instant::now();
        while !bomb.went_off() && *place != "close" {
            assert!(begun.elapsed() < HANGS, "{place} was not reached");
            thread::sleep(Duration::from_millis(1));
        }
        // The destructor of a task runs where it can do no harm; nobody is left to be told of the last one.
        let breaks = !["drop of a task", "close"].contains(place);
        let ended = aside(move || {
            let is_poisoned =
                |condition: &Condition| matches!(condition, Condition::Poisoned { .. });
            // A thread that has begun to panic may not have come to where that is noted.
            let begun = std::time::Instant::now();
            let mut health = handle.engine.health();
            while breaks && !health.iter().any(is_poisoned) && begun.elapsed() < HANGS / 2 {
                thread::sleep(Duration::from_millis(1));
                health = handle.engine.health();
            }
            drop(handle);
            (health.iter().any(is_poisoned), health)
        });
        let (is_broken, health) = ends(place, &ended);
        assert!(bomb.went_off(), "{place} was not reached");
        assert_eq!(is_broken, breaks, "{place}: {health:?}");
    }
}

#[test]
fn who_writes_when_something_panics_is_told_and_so_is_whoever_writes_afterwards() {
    let bomb = Arc::<Bomb>::default();
    let handle = open(&bomb, None);
    bomb.arm("show");
    let error = pollster::block_on(write(&handle, 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
    // The log had it before readers were to see it.
    assert_eq!(error.effect(), Effect::Written, "{error}");
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(error.store(), Some("state"));
    let later = write(&handle, 2).wait().unwrap_err();
    assert_eq!(later.kind(), ErrorKind::Poisoned);
    assert_eq!(later.effect(), Effect::NothingWritten);
    assert!(format!("{later:#}").contains("panicked"), "{later:#}");
}

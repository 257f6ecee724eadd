//! Watches in every order of their threads: never is the last change missed. A wait here has no
//! time-out, so a wake that is lost is a deadlock.

use super::*;
use crate::{
    backend::{
        AppendFailure, Backend, Followed, Held, History, LeadsTo, Sight, Sink, Visible,
        file::shared_page::SharedPage,
    },
    engine::loom_tests::{add, open_on, poll_once},
    entry::Edit,
    error::Error,
    loom::{
        atomic::{AtomicU64, Ordering::Relaxed},
        in_every_order, thread,
    },
    shared_str::SharedStr,
};

const FOR_EVER: Duration = Duration::MAX;

/// The state of a store in memory, and what its readers see.
struct Sum {
    handle: Arc<EngineHandle>,
    shown: std::sync::Arc<AtomicU64>,
}

impl Sum {
    fn open() -> Sum {
        let (handle, shown) = open_on(Box::new(crate::backend::memory::MemoryBackend::default()));
        Sum { handle, shown }
    }

    /// As a store watches its state: the mark is the revision, and the value what is published.
    fn watch(&self) -> Watch<(), u64> {
        let (handle, shown) = (self.handle.clone(), self.shown.clone());
        Watch::new(self.handle.clone(), move |seen| {
            let revision = handle.engine.revision();
            (Some(revision) != seen).then(|| (revision, shown.load(Relaxed)))
        })
    }
}

/// Waits until the watch yields it. Whatever it yields on the way is new.
fn wait_for(watch: &mut Watch<(), u64>, value: u64) {
    let mut before = 0;
    while before != value {
        let now = watch.wait(FOR_EVER).unwrap().unwrap();
        assert!(now > before);
        before = now;
    }
}

async fn next_until(watch: &mut Watch<(), u64>, value: u64) {
    let mut before = 0;
    while before != value {
        let now = watch.next().await.unwrap();
        assert!(now > before);
        before = now;
    }
}

#[test]
fn a_thread_that_watches_never_misses_the_last_of_two_writes() {
    in_every_order(Some(4), || {
        let sum = Sum::open();
        let mut watch = sum.watch();
        let watcher = thread::spawn(move || wait_for(&mut watch, 2));
        add(&sum.handle, 1).wait().unwrap();
        add(&sum.handle, 1).wait().unwrap();
        watcher.join().unwrap();
    });
}

#[test]
fn a_task_that_watches_never_misses_the_last_of_two_writes() {
    in_every_order(Some(4), || {
        let sum = Sum::open();
        let mut watch = sum.watch();
        let watcher = thread::spawn(move || loom::future::block_on(next_until(&mut watch, 2)));
        add(&sum.handle, 1).wait().unwrap();
        add(&sum.handle, 1).wait().unwrap();
        watcher.join().unwrap();
    });
}

#[test]
fn two_that_watch_are_both_told() {
    in_every_order(Some(2), || {
        let sum = Sum::open();
        let (mut one, mut other) = (sum.watch(), sum.watch());
        let thread = thread::spawn(move || wait_for(&mut one, 1));
        let task = thread::spawn(move || loom::future::block_on(next_until(&mut other, 1)));
        add(&sum.handle, 1).wait().unwrap();
        thread.join().unwrap();
        task.join().unwrap();
    });
}

/// The value at the time of the call counts as seen, and whatever comes after it does not.
#[test]
fn a_watch_that_is_created_during_a_write_has_seen_it_or_tells_of_it() {
    in_every_order(None, || {
        let sum = Sum::open();
        let (handle, shown) = (sum.handle.clone(), sum.shown.clone());
        let writer = thread::spawn(move || {
            add(&handle, 1).wait().unwrap();
        });
        let mut watch = sum.watch();
        if watch.seen == Some(0) {
            assert_eq!(watch.wait(FOR_EVER).unwrap().unwrap(), 1);
        } else {
            assert_eq!(shown.load(Relaxed), 1);
            assert!((watch.probe)(watch.seen).is_none());
        }
        writer.join().unwrap();
    });
}

#[test]
fn cancelling_next_loses_nothing() {
    in_every_order(None, || {
        let sum = Sum::open();
        let mut watch = sum.watch();
        let watcher = thread::spawn(move || {
            let told = match poll_once(watch.next()) {
                Poll::Ready(value) => value.unwrap(),
                Poll::Pending => 0,
            };
            if told != 1 {
                loom::future::block_on(next_until(&mut watch, 1));
            }
        });
        add(&sum.handle, 1).wait().unwrap();
        watcher.join().unwrap();
    });
}

/// What processes share: the commits of all, and the page that tells how many of them are public.
#[derive(Debug)]
struct Shared {
    commits: std::sync::Mutex<Vec<Vec<Edit>>>,
    shared_page: std::sync::Arc<SharedPage>,
}

impl Shared {
    fn new() -> std::sync::Arc<Shared> {
        std::sync::Arc::new(Shared {
            commits: std::sync::Mutex::new(Vec::new()),
            shared_page: SharedPage::in_memory(),
        })
    }

    /// Another process sets the sum.
    fn commit_elsewhere(&self, sum: u64) {
        let revision = self.append_elsewhere(sum);
        self.shared_page.publish_revision(revision);
    }

    /// As far as that is possible before it is durable: nobody may see it yet.
    fn append_elsewhere(&self, sum: u64) -> u64 {
        let json: SharedStr = sum.to_string().into();
        let mut commits = self.commits.try_lock().unwrap();
        commits.push(vec![Edit::set("sum", json)]);
        commits.len() as u64
    }
}

/// One of the processes.
#[derive(Debug)]
struct Process {
    shared: std::sync::Arc<Shared>,
    /// Its disk does not let it read.
    blind: bool,
}

impl Backend for Process {
    fn acquire(&self, _timeout: Duration) -> Result<(), Error> {
        Ok(())
    }

    fn release(&self) {}

    fn catch_up(&self, _held: &Held, sink: &mut dyn Sink) -> Result<(), Error> {
        let commits = self.shared.commits.try_lock().unwrap().clone();
        let known = sink.revision();
        for (revision, commit) in (1..).zip(commits).filter(|(revision, _)| *revision > known) {
            sink.commit(revision, commit)?;
        }
        Ok(())
    }

    fn append(
        &self,
        _held: &Held,
        commits: &[Vec<Edit>],
        _leads_to: Option<LeadsTo<'_>>,
    ) -> Result<(), AppendFailure> {
        let mut all = self.shared.commits.try_lock().unwrap();
        all.extend_from_slice(commits);
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn publish(&self, revision: u64) {
        self.shared.shared_page.publish_revision(revision);
    }

    fn visible(&self) -> Visible {
        Visible::UpTo(self.shared.shared_page.revision())
    }

    fn follow(&self, sink: &mut dyn Sink) -> Result<Followed, Error> {
        if self.blind {
            return Err(Error::new(crate::ErrorKind::Io, "the disk failed"));
        }
        let visible = self.shared.shared_page.revision();
        while sink.revision() < visible {
            let next = sink.revision() + 1;
            let commit = self.shared.commits.try_lock().unwrap()[next as usize - 1].clone();
            sink.commit(next, commit)?;
        }
        Ok(Followed::Visible)
    }

    fn state_at(
        &self,
        at: crate::options::At,
        newest: u64,
    ) -> Result<(crate::backend::Entries, u64), Error> {
        crate::backend::memory::MemoryBackend::default().state_at(at, newest)
    }

    fn spans(&self, newest: u64) -> Result<Vec<(u64, u64)>, Error> {
        crate::backend::memory::MemoryBackend::default().spans(newest)
    }

    fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        crate::backend::memory::MemoryBackend::default().history(after, old_values)
    }

    fn sight(&self) -> Sight {
        self.shared.shared_page.sight()
    }

    fn wait_for_news(&self, seen: Sight, stop: &dyn Fn() -> bool, timeout: Duration) -> bool {
        self.shared.shared_page.wait(seen, stop, timeout);
        true
    }

    fn wake(&self) {
        self.shared.shared_page.wake_all();
    }
}

fn open_beside(shared: &std::sync::Arc<Shared>, blind: bool) -> Sum {
    let shared = shared.clone();
    let (handle, shown) = open_on(Box::new(Process { shared, blind }));
    Sum { handle, shown }
}

/// A waker that does nothing has been given to the store, which therefore listens.
fn start_listening(watch: &mut Watch<(), u64>) {
    assert!(poll_once(watch.next()).is_pending());
}

fn is_told_of_a_commit_of_another_process(
    preemptions: usize,
    hear: fn(&mut Watch<(), u64>) -> Option<u64>,
) {
    in_every_order(Some(preemptions), move || {
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let mut watch = sum.watch();
        let elsewhere = thread::spawn(move || shared.commit_elsewhere(7));
        assert_eq!(hear(&mut watch), Some(7));
        elsewhere.join().unwrap();
    });
}

#[test]
fn a_thread_is_told_of_a_commit_of_another_process() {
    is_told_of_a_commit_of_another_process(3, |watch| watch.wait(FOR_EVER)?.ok());
}

#[test]
fn a_task_is_told_of_a_commit_of_another_process() {
    is_told_of_a_commit_of_another_process(2, |watch| loom::future::block_on(watch.next()).ok());
}

/// It sleeps on the page, like one that waits for other processes.
#[test]
fn a_thread_that_could_hear_of_other_processes_is_told_of_a_write_of_this_one() {
    in_every_order(Some(3), || {
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let mut watch = sum.watch();
        let watcher = thread::spawn(move || wait_for(&mut watch, 2));
        add(&sum.handle, 1).wait().unwrap();
        add(&sum.handle, 1).wait().unwrap();
        watcher.join().unwrap();
    });
}

#[test]
fn a_store_that_listens_closes_at_once() {
    in_every_order(None, || {
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let mut watch = sum.watch();
        start_listening(&mut watch);
        drop(watch);
        drop(sum);
    });
}

/// Reading fails, so there is always something newer in the page: the listener must not look for it all the
/// time.
#[test]
fn what_cannot_be_read_is_not_looked_for_without_a_pause() {
    in_every_order(Some(4), || {
        let shared = Shared::new();
        let sum = open_beside(&shared, true);
        let mut watch = sum.watch();
        start_listening(&mut watch);
        shared.commit_elsewhere(7);
        drop(watch);
        drop(sum);
    });
}

/// Nor must a thread that waits.
#[test]
fn who_waits_does_not_look_without_a_pause_for_what_cannot_be_read() {
    in_every_order(Some(4), || {
        let shared = Shared::new();
        let sum = open_beside(&shared, true);
        shared.commit_elsewhere(7);
        let page = shared.shared_page.clone();
        let elsewhere = thread::spawn(move || shared.commit_elsewhere(8));
        let mut looks = 0;
        let is_there = || {
            looks += 1;
            (page.revision() == 2).then_some(()).into()
        };
        sum.handle.engine.wait(FOR_EVER, is_there);
        // Before the second commit, on hearing of it, and where the page it looks at is an old one then.
        assert!(looks <= 3);
        elsewhere.join().unwrap();
    });
}

/// What a read of the store says, and what every process could know by then.
fn read(sum: &Sum, page: &SharedPage) -> (u64, u64) {
    let acknowledged = page.revision();
    let engine = &sum.handle.engine;
    if engine.is_behind(engine.revision()) {
        engine.refresh();
    }
    (acknowledged, sum.shown.load(Relaxed))
}

/// A closure waits for a mutex of the program, and the thread that holds it reads.
#[test]
fn a_closure_that_waits_for_a_reader_who_is_behind_gets_on() {
    in_every_order(None, || {
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let app = Arc::new(crate::loom::Mutex::new(()));
        let (handle, within) = (sum.handle.clone(), app.clone());
        let writer = thread::spawn(move || {
            let commit = crate::commit::Commit::new(handle, move |_| {
                drop(within.lock().unwrap());
                Ok(())
            });
            commit.wait().unwrap();
        });
        let held = app.lock().unwrap();
        shared.commit_elsewhere(7);
        assert_eq!(read(&sum, &shared.shared_page), (1, 7));
        drop(held);
        writer.join().unwrap();
    });
}

/// A commit of another process becomes public while this one builds on it, and publishes both.
#[test]
fn readers_and_a_leader_who_publish_at_once_show_everything_and_take_nothing_back() {
    in_every_order(Some(3), || {
        const SUMS: [u64; 3] = [0, 7, 8];
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let revision = shared.append_elsewhere(7);
        let page = shared.shared_page.clone();
        let elsewhere = thread::spawn(move || page.publish_revision(revision));
        let handle = sum.handle.clone();
        let writer = thread::spawn(move || {
            assert_eq!(add(&handle, 1).wait().unwrap(), 8);
        });
        let mut before = 0;
        for _ in 0..2 {
            let (acknowledged, shown) = read(&sum, &shared.shared_page);
            assert!(SUMS.contains(&shown));
            assert!(shown >= SUMS[acknowledged as usize] && shown >= before);
            before = shown;
        }
        elsewhere.join().unwrap();
        writer.join().unwrap();
        assert_eq!(read(&sum, &shared.shared_page), (2, 8));
        assert_eq!(sum.handle.engine.revision(), 2);
    });
}

/// Two threads hold what the other waits for: a closure has the draft and wants a mutex of the program, and the
/// thread that holds the mutex reads, while a commit of another process becomes public.
#[test]
fn a_read_beside_a_closure_and_a_publication_waits_for_neither() {
    in_every_order(Some(3), || {
        let shared = Shared::new();
        let sum = open_beside(&shared, false);
        let app = Arc::new(crate::loom::Mutex::new(()));
        let held = app.lock().unwrap();
        let (handle, within) = (sum.handle.clone(), app.clone());
        let writer = thread::spawn(move || {
            let commit = crate::commit::Commit::new(handle, move |_| {
                drop(within.lock().unwrap());
                Ok(())
            });
            commit.wait().unwrap();
        });
        let elsewhere = shared.clone();
        let elsewhere = thread::spawn(move || elsewhere.commit_elsewhere(7));
        for _ in 0..2 {
            let (acknowledged, shown) = read(&sum, &shared.shared_page);
            assert!(shown == 7 || acknowledged == 0 && shown == 0);
        }
        drop(held);
        elsewhere.join().unwrap();
        writer.join().unwrap();
        assert_eq!(read(&sum, &shared.shared_page), (1, 7));
    });
}

/// Two readers that are behind take over the same commits at the same time, beside a closure.
#[test]
fn two_reads_beside_a_closure_wait_for_each_other_alone() {
    in_every_order(Some(2), || {
        let shared = Shared::new();
        let sum = std::sync::Arc::new(open_beside(&shared, false));
        let app = Arc::new(crate::loom::Mutex::new(()));
        let held = app.lock().unwrap();
        let (handle, within) = (sum.handle.clone(), app.clone());
        let writer = thread::spawn(move || {
            let commit = crate::commit::Commit::new(handle, move |_| {
                drop(within.lock().unwrap());
                Ok(())
            });
            commit.wait().unwrap();
        });
        shared.commit_elsewhere(7);
        let (other, page) = (sum.clone(), shared.shared_page.clone());
        let other = thread::spawn(move || assert_eq!(read(&other, &page), (1, 7)));
        assert_eq!(read(&sum, &shared.shared_page), (1, 7));
        other.join().unwrap();
        drop(held);
        writer.join().unwrap();
    });
}

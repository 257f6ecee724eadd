//! Writes that no thread blocks on: awaited, and detached. Told in multiples of those of a thread that blocks, in
//! the same run: what is between the two is what it costs to have the store's own threads do it. How often a thread
//! goes to sleep for each write is told too: that hardly depends on what else the machine does.

use std::{
    error::Error,
    future::Future,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use worsen::{Durability, Store};

use crate::yardstick::median;

#[derive(Store)]
#[store(name = "tasks")]
struct Counts {
    count: u64,
}

/// Wakes the thread that runs a task.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Waits,
    Awaits,
    /// And waits for every so many of them.
    Detaches(u64),
}

/// Blocks of one kind alternate with those of the others, so that all of them meet the same machine.
const ROUNDS: usize = 15;

pub fn all() -> Result<(), Box<dyn Error>> {
    println!("\nwrites a second of one field: a thread that blocks; multiples of that, awaited and detached");
    for (name, durability) in [
        ("in memory", None),
        ("buffered", Some(Durability::Buffered)),
        ("synced", Some(Durability::Synced)),
    ] {
        let folder = tempfile::tempdir_in(".")?;
        let store = open(folder.path(), durability)?;
        for threads in [1, 8] {
            let mut rates = [const { Vec::new() }; 3];
            let mut sleeps = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS {
                let kinds = [Kind::Waits, Kind::Awaits, Kind::Detaches(16)];
                for ((kind, rates), sleeps) in kinds.into_iter().zip(&mut rates).zip(&mut sleeps) {
                    let (rate, slept) = rate(&store, threads, kind)?;
                    rates.push(rate);
                    sleeps.push(slept);
                }
            }
            let [waited, awaited, detached] = rates.map(median);
            let [waits, awaits, detaches] = sleeps.map(median);
            println!(
                "  {name:<12} {threads} at once  blocks {waited:8.0}/s, {waits:4.2} sleeps  awaited {:5.2} x, {awaits:4.2}  detached, 16 at a time {:5.2} x, {detaches:4.2}",
                awaited / waited,
                detached / waited
            );
        }
    }
    Ok(())
}

fn open(dir: &Path, durability: Option<Durability>) -> Result<CountsStore, worsen::Error> {
    let builder = Counts::builder();
    match durability {
        None => builder.in_memory().open(),
        Some(durability) => builder.dir(dir).durability(durability).open(),
    }
}

/// How often the threads of this process have gone to sleep so far.
fn sleeps() -> u64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let of = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tasks.flatten().filter_map(of).sum()
}

/// As `sleeps`, of this thread alone.
fn own_sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// How many there are in a second, and how often a thread goes to sleep for each.
fn rate(store: &CountsStore, threads: usize, kind: Kind) -> Result<(f64, f64), worsen::Error> {
    const TIME: Duration = Duration::from_millis(150);
    let start = Instant::now();
    let write = || -> Result<u64, worsen::Error> {
        let mut count = 0;
        while start.elapsed() < TIME {
            let add = || store.update_count(|count| *count += 1);
            match kind {
                Kind::Waits => add().wait()?,
                Kind::Awaits => block_on(add())?,
                Kind::Detaches(many) => {
                    (1..many).for_each(|_| add().detach());
                    add().wait()?;
                    count += many - 1;
                }
            }
            count += 1;
        }
        Ok(count)
    };
    let before = sleeps();
    let counted = || write().map(|count| (count, own_sleeps()));
    let (count, own) = thread::scope(|scope| {
        let writers: Vec<_> = (0..threads).map(|_| scope.spawn(counted)).collect();
        let mut sum = (0, 0);
        for writer in writers {
            let (count, own) = writer.join().unwrap_or(Ok((0, 0)))?;
            sum = (sum.0 + count, sum.1 + own);
        }
        Ok::<_, worsen::Error>(sum)
    })?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    // Those of the writers are gone with them.
    let slept = (sleeps() + own).saturating_sub(before);
    Ok((rate, slept as f64 / count.max(1) as f64))
}

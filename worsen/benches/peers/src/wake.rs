//! How long another process of worsen waits: to be woken by a commit, and for the lock of a process
//! that was killed. Told as distributions, in microseconds.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use worsen::{Durability, Store};

const WAKES: u64 = 2_000;
const KILLS: u64 = 200;

/// What one process tells another through.
#[derive(Store)]
#[store(name = "wake")]
struct Shared {
    count: u64,
}

/// Nanoseconds of the clock that all processes share.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The other process.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(job: &str, dir: &Path) -> Result<Other, Box<dyn Error>> {
        let mut child = Command::new(env::current_exe()?)
            .arg(job)
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut other = Other {
            child,
            lines: BufReader::new(stdout).lines(),
        };
        other.line()?;
        Ok(other)
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        Ok(self.lines.next().ok_or("it died")??)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sleeps until the count changes, and tells when it saw that.
pub fn watch(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = Shared::builder().dir(dir).open()?;
    let mut watch = store.watch_count();
    println!("ready");
    while let Some(count) = watch.wait(Duration::from_secs(60)) {
        let woken = now();
        println!("{} {woken}", count?);
    }
    Ok(())
}

/// Holds the lock until it is killed.
pub fn hold(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = Shared::builder().dir(dir).open()?;
    store
        .update_count(|_| {
            println!("held");
            thread::sleep(Duration::from_secs(600));
        })
        .wait()?;
    Ok(())
}

pub fn all() -> Result<(), Box<dyn Error>> {
    wakes()?;
    kills()
}

fn wakes() -> Result<(), Box<dyn Error>> {
    println!("\na watcher asleep in another process has the new value, us after the acknowledgement of {WAKES} writes");
    println!("(below zero: it had it before the writer's call returned)");
    for (name, durability) in [("buffered", Durability::Buffered), ("synced", Durability::Synced)] {
        let folder = tempfile::tempdir_in(".")?;
        let store = Shared::builder().dir(folder.path()).durability(durability).open()?;
        let mut other = Other::start("watcher", folder.path())?;
        let mut waits = Vec::new();
        for count in 1..=WAKES {
            // Long enough to be asleep by then.
            thread::sleep(Duration::from_millis(3));
            store.set_count(count).wait()?;
            let acknowledged = now();
            let line = other.line()?;
            let (told, woken) = line.split_once(' ').ok_or("an odd line")?;
            if told != count.to_string() {
                return Err(format!("the watcher told of {told} instead of {count}").into());
            }
            waits.push(woken.parse::<u64>()? as f64 - acknowledged as f64);
        }
        tell(name, waits);
    }
    Ok(())
}

fn kills() -> Result<(), Box<dyn Error>> {
    println!("\na writer that waits for the lock has its commit acknowledged, us after kill -9 of the holder, {KILLS} times");
    let folder = tempfile::tempdir_in(".")?;
    let store = Shared::builder()
        .dir(folder.path())
        .durability(Durability::Buffered)
        .lock_timeout(Duration::from_secs(60))
        .open()?;
    let (ask, asked) = mpsc::channel();
    let (tell_it, told) = mpsc::channel();
    let writer = thread::spawn(move || -> Result<(), worsen::Error> {
        for count in asked {
            store.set_count(count).wait()?;
            if tell_it.send(now()).is_err() {
                break;
            }
        }
        Ok(())
    });
    let mut waits = Vec::new();
    for count in 1..=KILLS {
        let mut holder = Other::start("holder", folder.path())?;
        ask.send(count)?;
        // Long enough to be waiting by then.
        thread::sleep(Duration::from_millis(20));
        if let Ok(early) = told.try_recv() {
            return Err(format!("the lock was not held: {early}").into());
        }
        let killed = now();
        holder.child.kill()?;
        waits.push(told.recv()? as f64 - killed as f64);
    }
    drop(ask);
    writer.join().map_err(|_| "the writer panicked")??;
    tell("kill -9", waits);
    Ok(())
}

fn tell(name: &str, mut waits: Vec<f64>) {
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize] / 1e3;
    println!(
        "  {name:<12} p50 {:8.1}  p90 {:8.1}  p99 {:8.1}  max {:8.1}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    std::io::stdout().flush().unwrap_or_default();
}

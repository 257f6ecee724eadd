//! Reads beside a closure of their own process that takes half a second, and commits of another process: they wait
//! for neither. Told as distributions, beside those of a thread that does nothing but read an atomic in the same
//! set-up: what it waits for is the machine.

use std::{
    error::Error,
    hint::black_box,
    path::Path,
    process::{Child, Command},
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use worsen::{Durability, Options, PersistentStore, Store};

/// How long each kind of read goes on.
const TIME: Duration = Duration::from_secs(5);
const CLOSURE: Duration = Duration::from_millis(500);
/// Between two commits of the other process.
const PAUSE: Duration = Duration::from_millis(1);
/// Between two reads: others run on the machine too.
const REST: u32 = 64;

#[derive(Store)]
#[store(name = "beside")]
struct Counts {
    count: u64,
    other: u64,
}

fn keyed(dir: &Path) -> Result<PersistentStore<u64>, worsen::Error> {
    let options = Options {
        is_debug: false,
        db_dir: dir.to_owned(),
    };
    PersistentStore::new("keyed", options)
}

/// The other process: commits to both stores until it is killed.
pub fn commit(dir: &Path) -> Result<(), Box<dyn Error>> {
    let counts = Counts::builder().dir(dir).durability(Durability::Buffered).open()?;
    let values = keyed(dir)?;
    for number in 1.. {
        // While a closure has the lock it waits, and then commits at once.
        counts.set_count(number).detach();
        let write = values.write("count", number).durability(Durability::Buffered);
        write.detach();
        thread::sleep(PAUSE);
    }
    Ok(())
}

struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long each took, in nanoseconds, in powers of two and sixteenths of them.
struct Times {
    counts: Vec<u64>,
    all: u64,
    longest: u64,
}

impl Times {
    fn new() -> Times {
        Times {
            counts: vec![0; 64 * 16],
            all: 0,
            longest: 0,
        }
    }

    fn add(&mut self, nanoseconds: u64) {
        let power = nanoseconds.max(16).ilog2();
        let place = power as usize * 16 + (nanoseconds.max(16) >> (power - 4)) as usize % 16;
        self.counts[place] += 1;
        self.all += 1;
        self.longest = self.longest.max(nanoseconds);
    }

    /// In microseconds.
    fn at(&self, share: f64) -> f64 {
        let mut left = (self.all as f64 * share) as u64;
        for (place, count) in self.counts.iter().enumerate() {
            if *count > left {
                return ((16 + place as u64 % 16) << (place / 16) >> 4) as f64 / 1e3;
            }
            left -= count;
        }
        self.longest as f64 / 1e3
    }
}

fn measure(mut read: impl FnMut()) -> Times {
    let mut times = Times::new();
    let begin = Instant::now();
    while begin.elapsed() < TIME {
        for _ in 0..REST {
            let start = Instant::now();
            read();
            times.add(start.elapsed().as_nanos() as u64);
        }
        thread::sleep(Duration::from_micros(50));
    }
    times
}

pub fn all() -> Result<(), Box<dyn Error>> {
    println!("\none read beside closures of {} ms of its own process and commits of another one, us", CLOSURE.as_millis());
    let folder = tempfile::tempdir_in(".")?;
    let builder = Counts::builder().dir(folder.path()).lock_timeout(Duration::from_secs(60));
    let counts = builder.durability(Durability::Buffered).open()?;
    let values = keyed(folder.path())?;
    let other = Command::new(std::env::current_exe()?)
        .args(["committer".as_ref(), folder.path().as_os_str()])
        .spawn()?;
    let _other = Other(other);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let closures = scope.spawn(|| -> Result<(), worsen::Error> {
            while !ends.load(Relaxed) {
                counts.update_other(|other| {
                    *other += 1;
                    thread::sleep(CLOSURE);
                }).wait()?;
                values.update("other", |other: &mut Option<u64>| {
                    *other = Some(other.unwrap_or(0) + 1);
                    thread::sleep(CLOSURE);
                }).wait()?;
                // So that the other process gets the lock.
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        });
        let control = AtomicU64::new(0);
        let mut last = None;
        for (name, times) in [
            ("control", measure(|| drop(black_box(control.load(Acquire))))),
            ("accessor", measure(|| drop(black_box(counts.count())))),
            ("control", measure(|| drop(black_box(control.load(Acquire))))),
            ("by key", measure(|| drop(black_box(values.read("count"))))),
        ] {
            tell(name, &times, last.as_ref().filter(|_| name != "control"));
            last = Some(times);
        }
        ends.store(true, Relaxed);
        closures.join().map_err(|_| "the writer panicked")??;
        println!("  the other process has committed {} and {} times", counts.count(), values.read("count").unwrap_or(0));
        Ok(())
    })
}

fn tell(name: &str, times: &Times, control: Option<&Times>) {
    let shares = [0.5, 0.99, 0.9999].map(|share| times.at(share));
    let mut line = format!("  {name:<10}");
    for (label, value) in ["p50", "p99", "p99.99"].iter().zip(shares) {
        line += &format!("  {label} {value:8.2}");
    }
    line += &format!("  max {:8.1}  of {}", times.longest as f64 / 1e3, times.all);
    if let Some(control) = control {
        line += &format!("; p99.99 {:.1} x the control", shares[2] / control.at(0.9999));
    }
    println!("{line}");
}

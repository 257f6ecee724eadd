//! The other process of a test: does as its arguments say, and tells on stdout what it did.

use std::{
    error::Error,
    io::{Write, stdin, stdout},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Duration,
};

use worsen::{Durability, Options, PersistentStore, Store, simulation::CompactAbove};
use worsen_tests::{
    State,
    torture::work::{Work, work},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["increment", dir, threads, times] => {
            increment(Path::new(dir), threads.parse()?, times.parse()?)
        }
        ["write-until-killed", dir, threads, length] => {
            write_until_killed(Path::new(dir), threads.parse()?, length.parse()?)
        }
        ["watch", dir, until] => watch(Path::new(dir), until.parse()?),
        ["set-note", dir, note] => {
            let store = State::builder().dir(dir).open()?;
            store.set_note(note.to_owned()).wait()?;
            Ok(())
        }
        ["print", dir] => {
            let store = State::builder().dir(dir).open()?;
            println!("{} {}", store.count(), store.note());
            Ok(())
        }
        ["hold-the-lock", dir] => hold_the_lock(Path::new(dir)),
        ["compact", dir, count] => compact(Path::new(dir), count.parse()?),
        ["take-turns", dir, durability] => take_turns(Path::new(dir), durability),
        ["peak", dir] => peak(Path::new(dir)),
        ["torture", dir, journal, number, threads, acts, seed] => work(Work {
            dir: dir.into(),
            journal: journal.into(),
            number: number.parse()?,
            threads: threads.parse()?,
            acts: acts.parse()?,
            seed: seed.parse()?,
        }),
        _ => Err(format!("no such job: {arguments:?}").into()),
    }
}

/// Threads that increment one counter.
fn increment(dir: &Path, threads: usize, times: usize) -> Result<(), Box<dyn Error>> {
    let store = State::builder()
        .dir(dir)
        .lock_timeout(Duration::from_secs(60))
        .open()?;
    thread::scope(|scope| -> Result<(), worsen::Error> {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..times {
                        store.update_count(|count| *count += 1).wait()?;
                    }
                    Ok::<(), worsen::Error>(())
                })
            })
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Threads that each write 0, 1, 2 … under a uid of their own, and tell of each acknowledgement on
/// stdout, until somebody kills them.
fn write_until_killed(dir: &Path, threads: usize, length: usize) -> Result<(), Box<dyn Error>> {
    let options = Options {
        is_debug: false,
        db_dir: PathBuf::from(dir),
    };
    let store = PersistentStore::<(u64, String)>::new("killed", options)?;
    thread::scope(|scope| {
        for thread in 0..threads {
            let store = &store;
            scope.spawn(move || -> Result<(), worsen::Error> {
                let uid = format!("writer-{thread}");
                let first = store.read(&uid).map_or(0, |(last, _)| last + 1);
                for number in first.. {
                    let text = "x".repeat(length);
                    store.write(uid.as_str(), (number, text)).wait()?;
                    // One write call a line: lines of threads do not mix, and none is half there.
                    let line = format!("{uid} {number}\n");
                    if stdout().lock().write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
                Ok(())
            });
        }
    });
    Ok(())
}

/// Prints every count that a watch tells of, until it has told of this one.
fn watch(dir: &Path, until: u64) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    let mut watch = store.watch_count();
    println!("ready");
    while let Some(count) = watch.wait(Duration::from_secs(60)) {
        println!("{count}");
        if count >= until {
            return Ok(());
        }
    }
    Err("the last change was missed".into())
}

/// Holds the lock by sleeping in the closure of a write, until stdin is closed.
fn hold_the_lock(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    store
        .update_count(|count| {
            *count += 1;
            println!("held");
            let mut line = String::new();
            // Whatever comes, or nothing: the closure ends.
            drop(stdin().read_line(&mut line));
        })
        .wait()?;
    Ok(())
}

/// Sets the count, and then compacts the log, whatever its length.
fn compact(dir: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let store = State::builder()
        .dir(dir)
        .compact_above(CompactAbove(Arc::new(AtomicU64::new(0))))
        .open()?;
    store.set_count(count).wait()?;
    // A write compacts before it appends, so there is one thing in the log and one behind that.
    store.set_note("compacted".into()).wait()?;
    Ok(())
}

/// For each line on stdin: reads the count, writes one more, and prints both.
fn take_turns(dir: &Path, durability: &str) -> Result<(), Box<dyn Error>> {
    let durability = match durability {
        "synced" => Durability::Synced,
        "buffered" => Durability::Buffered,
        _ => return Err(format!("no such durability: {durability}").into()),
    };
    let store = State::builder().dir(dir).durability(durability).open()?;
    for line in stdin().lines() {
        line?;
        let count = store.count();
        store.set_count(count + 1).wait()?;
        println!("{count} {}", count + 1);
    }
    Ok(())
}

/// Opens a store, and prints what came of it and the most memory that this process has used, in KiB.
fn peak(dir: &Path) -> Result<(), Box<dyn Error>> {
    match State::builder().dir(dir).open() {
        Ok(_) => println!("opened"),
        Err(error) => println!("{:?}", error.kind()),
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no peak in /proc/self/status")?;
    println!("{}", peak.trim().trim_end_matches("kB").trim());
    Ok(())
}

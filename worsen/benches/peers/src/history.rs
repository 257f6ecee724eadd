//! What keeping the past costs, of worsen alone: a store that keeps all of it beside one that does not, in one run,
//! and how long it takes to look at a moment in 100,000 commits.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use worsen::{Durability, PersistentStore, Retention};

use crate::yardstick::median;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// In two compactions' worth of lines.
const BLOCK: u64 = 5_500;

const COMMITS: u64 = 100_000;

fn open(dir: &Path, name: &str, history: Retention, durability: Durability) -> Outcome<PersistentStore<String>> {
    let builder = PersistentStore::builder(name).dir(dir).history(history);
    Ok(builder.durability(durability).open()?)
}

fn commit(store: &PersistentStore<String>, entries: u64, number: u64) -> Outcome<()> {
    let uid = format!("key-{:07}", number % entries);
    Ok(store.write(uid, format!("{number:0100}")).wait()?)
}

/// The median of the blocks' ratios, and of the time of a commit without the past, in us.
fn commits(durability: Durability, blocks: usize) -> Outcome<(f64, f64)> {
    let folder = tempfile::tempdir_in(".")?;
    let open = |name, history| open(folder.path(), name, history, durability);
    let stores = [open("off", Retention::Nothing)?, open("on", Retention::Commits(u64::MAX))?];
    let (mut ratios, mut each) = (Vec::new(), Vec::new());
    let mut number = 0;
    for block in 0..blocks {
        let mut times = [Duration::ZERO; 2];
        // By turns, in small parts: a disk that stalls does so for both.
        for part in 0..BLOCK / 50 {
            for turn in 0..2 {
                let which = (turn + part as usize + block) % 2;
                let start = Instant::now();
                for commits in 0..50 {
                    commit(&stores[which], 1_000, number + commits)?;
                }
                times[which] += start.elapsed();
            }
            number += 50;
        }
        ratios.push(times[1].as_secs_f64() / times[0].as_secs_f64());
        each.push(times[0].as_secs_f64() / BLOCK as f64 * 1e6);
    }
    Ok((median(ratios), median(each)))
}

/// Makes 100,000 commits to a store with so many entries, and closes it.
fn fill(dir: &Path, name: &str, history: Retention, entries: u64) -> Outcome<Vec<SystemTime>> {
    let store = open(dir, name, history, Durability::Buffered)?;
    let mut times = Vec::new();
    for number in 0..COMMITS {
        commit(&store, entries, number)?;
        if number % 1_000 == 0 {
            times.push(SystemTime::now());
        }
    }
    store.compact_now().wait()?;
    for number in 0..500 {
        commit(&store, entries, COMMITS + number)?;
    }
    store.sync().wait()?;
    Ok(times)
}

fn opening(dir: &Path, name: &str, history: Retention) -> Outcome<f64> {
    let start = Instant::now();
    let store = open(dir, name, history, Durability::Synced)?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    drop(store);
    Ok(time)
}

pub fn all() -> Outcome<()> {
    println!("\nkeeping the past, in multiples of the same without it, and looking at it in {COMMITS} commits");
    for (what, durability, blocks) in [("synced", Durability::Synced, 8), ("buffered", Durability::Buffered, 30)] {
        let (ratio, each) = commits(durability, blocks)?;
        println!("  a commit, {what:<9} {ratio:5.3} x, of {each:7.1} us");
    }
    for entries in [1_000, 50_000] {
        let folder = tempfile::tempdir_in(".")?;
        let dir = folder.path();
        let kept = Retention::Commits(u64::MAX);
        fill(dir, "off", Retention::Nothing, entries)?;
        let times = fill(dir, "on", kept, entries)?;
        let (mut ratios, mut each) = (Vec::new(), Vec::new());
        for _ in 0..25 {
            let off = opening(dir, "off", Retention::Nothing)?;
            let on = opening(dir, "on", kept)?;
            ratios.push(on / off);
            each.push(off);
        }
        println!("  opening, {entries:>6} entries {:5.3} x, of {:6.2} ms", median(ratios), median(each));
        let store = open(dir, "on", kept, Durability::Synced)?;
        let (mut revisions, mut moments) = (Vec::new(), Vec::new());
        for (step, time) in times.into_iter().enumerate() {
            let start = Instant::now();
            store.at(step as u64 * 1_000 + 1)?;
            revisions.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            store.at(time)?;
            moments.push(start.elapsed().as_secs_f64() * 1e3);
        }
        for (what, times) in [("revision", revisions), ("time", moments)] {
            let most = times.iter().copied().fold(0.0, f64::max);
            println!("  at a {what:<8} {entries:>6} entries {:6.2} ms, at most {most:6.2} ms", median(times));
        }
        let start = Instant::now();
        let told = store.history().of("key-0000007")?.len();
        println!("  the {told} values of one uid {:6.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

//! Durable writes: one writer, in yardsticks; and several threads, in multiples of one.

use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

use crate::{
    stores::{self, Peer, fill, key, value},
    yardstick::{Yardstick, median},
};

const ENTRIES: usize = 1_000;
const BLOCK: u32 = 50;
const BLOCKS: usize = 40;

pub fn alone() -> Result<(), Box<dyn Error>> {
    println!("\none durable write of 100 B, one writer, {ENTRIES} entries: multiples of the yardstick");
    let folder = tempfile::tempdir_in(".")?;
    let mut yardstick = Yardstick::new(folder.path())?;
    let mut peers: Vec<(&str, Box<dyn Peer>)> = Vec::new();
    for name in stores::NAMES {
        let peer = stores::open(name, folder.path(), true).map_err(|error| error.to_string())?;
        fill(&*peer, ENTRIES).map_err(|error| error.to_string())?;
        peers.push((name, peer));
    }
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
    let mut raw = Vec::new();
    let mut number = 0;
    for _ in 0..BLOCKS {
        for (index, (_, peer)) in peers.iter().enumerate() {
            let before = yardstick.measure(BLOCK)?;
            let start = Instant::now();
            for _ in 0..BLOCK {
                number += 1;
                peer.put(&key(number % ENTRIES), &value(number)).map_err(|error| error.to_string())?;
            }
            let each = start.elapsed() / BLOCK;
            let after = yardstick.measure(BLOCK)?;
            let (least, most) = (before.min(after), before.max(after));
            // The disk stalled around it: the block says nothing.
            if most < least * 3 / 2 {
                let mean = (before + after).as_secs_f64() / 2.0;
                ratios[index].push(each.as_secs_f64() / mean);
                raw.push(mean * 1e6);
            }
        }
    }
    println!("  yardstick        {:7.0} us", median(raw));
    for ((name, _), ratios) in peers.iter().zip(ratios) {
        println!("  {name:<12} {:8.2} x ({} of {BLOCKS} blocks)", median(ratios.clone()), ratios.len());
    }
    Ok(())
}

pub fn threads() -> Result<(), Box<dyn Error>> {
    println!("\ndurable writes a second, all threads together; slowest / fastest thread");
    for name in stores::NAMES {
        let folder = tempfile::tempdir_in(".")?;
        let peer = stores::open(name, folder.path(), true).map_err(|error| error.to_string())?;
        fill(&*peer, ENTRIES).map_err(|error| error.to_string())?;
        let mut line = format!("  {name:<12}");
        let mut single = 0.0;
        for threads in [1, 8, 64] {
            let (rate, fairness) = rate(&*peer, threads);
            if threads == 1 {
                single = rate;
            }
            line += &format!("  {threads:>2}: {rate:8.0}/s {:5.1} x  {fairness:4.2}", rate / single);
        }
        println!("{line}");
    }
    Ok(())
}

fn rate(peer: &dyn Peer, threads: usize) -> (f64, f64) {
    const TIME: Duration = Duration::from_secs(3);
    let start = Instant::now();
    let counts: Vec<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut count = 0;
                    while start.elapsed() < TIME {
                        let number = thread * 1_000_003 + count as usize;
                        peer.put(&key(number % ENTRIES), &value(number)).expect("the write succeeds");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
    });
    let rate = counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64();
    let least = counts.iter().min().copied().unwrap_or(0) as f64;
    let most = counts.iter().max().copied().unwrap_or(1) as f64;
    (rate, least / most)
}

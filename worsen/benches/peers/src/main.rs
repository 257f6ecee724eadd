//! worsen beside other embedded stores, each doing the same work in the same run.
//!
//! Disks stall in bursts, so nothing here is told in seconds: a durable write is compared with the
//! *yardstick* around it, an overwrite of 128 bytes and an fdatasync in a file that was filled before.
//! Blocks of work and of the yardstick alternate, and a block next to a stalled yardstick is dropped.
//! How long a process waits for another one is told in seconds, as no disk is in it, and of worsen alone.

mod beside;
mod collections;
mod durable;
mod history;
mod processes;
mod reads;
mod relaxed;
mod stores;
mod tasks;
mod wake;
mod yardstick;

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // A process of the benchmark with several of them.
        ["process", store, dir, writes] => processes::run(store, dir.as_ref(), writes.parse()?),
        // The other process where there are two.
        ["watcher", dir] => wake::watch(dir.as_ref()),
        ["committer", dir] => beside::commit(dir.as_ref()),
        ["holder", dir] => wake::hold(dir.as_ref()),
        // A process that opens a store, and says what that took.
        ["open", kind, dir] => collections::open(kind, dir.as_ref()),
        // To look at an opening with a profiler.
        ["fill", kind, dir, entries, at_once] => {
            collections::fill(kind, dir.as_ref(), entries.parse()?, at_once.parse()?).map(drop)
        }
        [] => {
            durable::alone()?;
            durable::threads()?;
            processes::together()?;
            relaxed::writes()?;
            reads::all()?;
            beside::all()?;
            collections::all()?;
            tasks::all()?;
            history::all()?;
            wake::all()
        }
        ["durable"] => {
            durable::alone()?;
            durable::threads()
        }
        ["processes"] => processes::together(),
        ["relaxed"] => relaxed::writes(),
        ["reads"] => reads::all(),
        ["beside"] => beside::all(),
        ["collections"] => collections::all(),
        ["commits"] => collections::commits(),
        ["openings"] => collections::openings(),
        ["history"] => history::all(),
        ["tasks"] => tasks::all(),
        ["wake"] => wake::all(),
        _ => Err("say nothing, or one of: durable, processes, relaxed, reads, beside, collections, commits, openings, tasks, history, wake".into()),
    }
}

//! Two processes on one store, both writing and watching: nothing is lost, and each sees what the other
//! did at once. The program starts itself a second time.

use std::{env, error::Error, process::Command, time::Duration};

use worsen::Store;

#[derive(Store)]
#[store(name = "two-processes", dir = "./db")]
struct Shared {
    /// Both add to it.
    count: u64,
    /// How many have added all they wanted to.
    finished: u32,
}

const EACH: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some("child") {
        return Ok(work("child")?);
    }

    let store = Shared::open()?;
    let before = store
        .update(|state| {
            state.finished = 0;
            state.count
        })
        .wait()?;
    let mut child = Command::new(env::current_exe()?).arg("child").spawn()?;
    work("parent")?;

    // Woken by the other process; no polling.
    let mut watch = store.watch_finished();
    while store.finished() < 2 {
        watch.wait(Duration::from_secs(5)).transpose()?;
        if child.try_wait()?.is_some_and(|status| !status.success()) {
            return Err("the child failed".into());
        }
    }
    child.wait()?;

    let added = store.count() - before;
    println!("Together they added {added}; {} were expected.", 2 * EACH);
    if added != 2 * EACH {
        return Err("a write was lost".into());
    }
    Ok(())
}

fn work(who: &str) -> Result<(), worsen::Error> {
    let store = Shared::open()?;
    let mut watch = store.watch_count();
    let mut mine = 0;
    let mut seen = 0;
    while mine < EACH {
        store.update_count(|count| *count += 1).wait()?;
        mine += 1;
        if watch.wait(Duration::ZERO).transpose()?.is_some() {
            seen += 1;
        }
    }
    store.update_finished(|finished| *finished += 1).wait()?;
    println!("The {who} added {mine} and was told of {seen} changes.");
    Ok(())
}

//! A state struct kept in `./db`: read, written, updated, watched. Run it twice: it goes on from where
//! it was.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use worsen::Store;

#[derive(Store)]
#[store(name = "quickstart", dir = "./db", poll = "5s")]
struct AppState {
    /// First-run set-up has happened.
    #[store(uid = "AppInit", seed = false)]
    app_init: bool,
    /// How often this program ran.
    runs: u32,
    /// Work that is still to be done.
    jobs: VecDeque<Job>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Job {
    task: String,
}

fn main() -> Result<(), worsen::Error> {
    let store = AppState::open()?;

    // Reads are synchronous, from memory.
    if store.app_init() {
        let state = store.snapshot();
        println!(
            "Going on at revision {}: {} runs so far, {} jobs waiting.",
            state.revision(),
            state.runs,
            state.jobs.len(),
        );
    } else {
        println!("First run: setting up.");
        store.set_app_init(true).wait()?; // durable when it returns
    }

    // A read-modify-write, atomic across threads and processes.
    let runs = store
        .update_runs(|runs| {
            *runs += 1;
            *runs
        })
        .wait()?;
    println!("This is run {runs}.");

    // In async code, on any runtime, `.await` the same.
    let mut watch = store.watch_jobs();
    pollster::block_on(async {
        for step in ["write", "test", "ship"] {
            let task = format!("{step} release {runs}");
            store
                .update_jobs(|jobs| jobs.push_back(Job { task }))
                .await?;
        }
        Ok::<_, worsen::Error>(())
    })?;
    if let Some(jobs) = watch.wait(Duration::ZERO) {
        println!("The watch saw {} jobs waiting.", jobs?.len());
    }

    // Several fields, one commit: all of it or nothing.
    let job = store.update(|state| state.jobs.pop_front()).wait()?;
    if let Some(job) = job {
        println!("Done: {}.", job.task);
    }

    if let Some(path) = store.path() {
        println!(
            "Everything is in {}: look at it with `less` or `jq`.",
            path.display()
        );
    }
    Ok(())
}

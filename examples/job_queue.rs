//! A queue of jobs, worked off by processes that are killed while they work: every job is done, a few of
//! them twice. The program starts itself as its own workers.

use std::{
    env,
    error::Error,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use worsen::{Map, Store, WorkQueue};

#[derive(Store)]
#[store(name = "job-queue", dir = "./db", lock_timeout = "30s")]
struct State {
    /// What is to be done.
    jobs: WorkQueue<u64>,
    /// How often each job was begun.
    begun: Map<u64, u32>,
    /// How often each job was done, whether or not it was still the worker's.
    done: Map<u64, u32>,
}

const JOBS: u64 = 150;
const WORKERS: usize = 4;
const KILLS: usize = 12;

/// Longer than any job takes. A worker that dies loses its job at once.
const LEASE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some("worker") {
        return Ok(work()?);
    }

    let store = State::open()?;
    store
        .update(|state| {
            state.jobs.clear();
            state.begun.clear();
            state.done.clear();
            state.jobs.extend(0..JOBS);
        })
        .wait()?;
    let start = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(start_worker()?);
    }

    // As long as there is something to do, kill one after the other, and start another one for it.
    let mut kills = 0;
    while !store.jobs().is_empty() && kills < KILLS {
        thread::sleep(Duration::from_millis(60));
        let which = kills % WORKERS;
        workers[which].kill()?; // kill -9: it gets to do nothing more
        workers[which].wait()?;
        workers[which] = start_worker()?;
        kills += 1;
    }

    // Woken by every job that is done; no polling.
    let mut watch = store.watch_jobs();
    while !store.jobs().is_empty() {
        let told = watch.wait(Duration::from_secs(30)).transpose()?;
        if told.is_none() && !store.jobs().is_empty() {
            return Err(format!("nobody works any more: {:?}", store.jobs()).into());
        }
    }
    for worker in &mut workers {
        worker.kill()?;
        worker.wait()?;
    }

    let state = store.snapshot();
    let twice = |times: &Map<u64, u32>| times.values().filter(|times| **times > 1).count();
    println!(
        "{} of {JOBS} jobs were done, with {kills} workers killed, in {:.1} s.",
        state.done.len(),
        start.elapsed().as_secs_f32(),
    );
    println!(
        "{} were begun more than once, {} were done twice.",
        twice(&state.begun),
        twice(&state.done)
    );
    if state.done.len() as u64 != JOBS {
        return Err("a job was lost".into());
    }
    Ok(())
}

fn start_worker() -> Result<Child, Box<dyn Error>> {
    Ok(Command::new(env::current_exe()?).arg("worker").spawn()?)
}

/// Works until it is killed.
fn work() -> Result<(), worsen::Error> {
    let store = State::open()?;
    // Whatever kills a worker here, it is not the job's fault.
    let work = store.work(|state| &state.jobs).max_tries(100);
    while let Some(job) = work.wait(LEASE, Duration::MAX)? {
        let number = *job;
        let count = move |times: &mut Map<u64, u32>| *times.get_or_insert_with(number, || 0) += 1;
        store.update_begun(count).wait()?;
        thread::sleep(Duration::from_millis(5)); // the work itself
        store.update_done(count).wait()?;
        // A worker that is killed here has done its job, and another one does it again.
        job.ack().wait()?;
    }
    Ok(())
}

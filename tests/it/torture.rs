//! Processes that write, read, stop and die on one store, and a check of everything they were told.
//! What they do and how it is checked stands in `worsen_tests::torture`.
//!
//! A seed repeats who is started and what each thread does first; when the kills hit is up to the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use worsen::Store;
use worsen_tests::torture::{
    Torture,
    check::{Tally, check},
};

use crate::support::{Random, folder, scale, signal};

const PROCESSES: usize = 4;
/// A process has one to so many threads.
const THREADS: u64 = 4;
const KILLS: u64 = 30;

/// A process of the torture, killed when dropped.
struct Victim {
    child: Child,
    /// Stopped until then.
    stopped: Option<Instant>,
}

impl Victim {
    fn go_on(&mut self) {
        if self.stopped.take().is_some() {
            signal(&self.child, Signal::CONT);
        }
    }

    /// Whether it has ended of its own accord, and well.
    fn has_ended(&mut self) -> bool {
        match self.child.try_wait().expect("it can be waited for") {
            None => false,
            Some(status) => {
                assert!(status.success(), "a worker failed: {status}");
                true
            }
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A store, and the processes that torture it.
struct Scene<'a> {
    random: &'a mut Random,
    store: PathBuf,
    journals: PathBuf,
    started: u64,
    victims: Vec<Victim>,
}

impl Scene<'_> {
    fn start(&mut self) {
        self.started += 1;
        let threads = 1 + self.random.below(THREADS);
        // Some end of their own accord, and so close the store.
        let acts = [20, 1_000_000][self.random.below(2) as usize];
        let child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg("torture")
            .arg(&self.store)
            .arg(self.journals.join(self.started.to_string()))
            .args([self.started, threads, acts, self.random.below(1 << 32)].map(|n| n.to_string()))
            .stdin(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        self.victims.push(Victim {
            child,
            stopped: None,
        });
    }

    /// Kills so many processes, each replaced by another one; stops some for a while.
    fn torture(&mut self, kills: u64) -> (u64, u64) {
        let (mut killed, mut stops) = (0, 0);
        while killed < kills {
            while self.victims.len() < PROCESSES {
                self.start();
            }
            thread::sleep(Duration::from_micros(self.random.below(40_000)));
            for victim in &mut self.victims {
                if victim.stopped.is_some_and(|until| until < Instant::now()) {
                    victim.go_on();
                }
            }
            self.victims.retain_mut(|victim| !victim.has_ended());
            if self.victims.is_empty() {
                continue;
            }
            let chosen = self.random.below(self.victims.len() as u64) as usize;
            match self.random.below(10) {
                0..5 => {
                    // Also where it is stopped.
                    drop(self.victims.swap_remove(chosen));
                    killed += 1;
                }
                5..9 if self.victims[chosen].stopped.is_none() => {
                    let pause = Duration::from_millis(self.random.below(150));
                    signal(&self.victims[chosen].child, Signal::STOP);
                    self.victims[chosen].stopped = Some(Instant::now() + pause);
                    stops += 1;
                }
                _ => {}
            }
        }
        (killed, stops)
    }

    /// Tells all processes to end, and waits until they have.
    fn finish(&mut self) {
        for victim in &mut self.victims {
            victim.go_on();
            drop(victim.child.stdin.take());
        }
        for mut victim in self.victims.drain(..) {
            let status = victim.child.wait().expect("it can be waited for");
            assert!(status.success(), "a worker failed: {status}");
        }
    }

    fn check(&self) -> Result<Tally, String> {
        let store = Torture::builder()
            .dir(&self.store)
            .open()
            .map_err(|error| error.to_string())?;
        let journals: Vec<PathBuf> = (1..=self.started)
            .map(|number| self.journals.join(number.to_string()))
            // Killed before it came to anything.
            .filter(|journal| journal.exists())
            .collect();
        let tally = check(journals.iter().map(PathBuf::as_path), &store)?;
        let revision = store.revision();
        drop(store);
        check_log(&self.store.join("torture.db"), revision)?;
        Ok(tally)
    }
}

/// The revisions in a log have no gap, and lead to the newest one. Read by hand.
fn check_log(path: &Path, newest: u64) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut last: Option<u64> = None;
    let mut base = 0;
    for line in text.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).map_err(|error| format!("{error} in {line}"))?;
        let revision = line["rev"].as_u64().ok_or("a line without a revision")?;
        match last {
            None => base = line["base"].as_u64().ok_or("a header without its base")?,
            Some(last) if base > 0 && revision == last => base -= 1,
            Some(last) if base == 0 && revision == last + 1 => {}
            Some(last) => return Err(format!("revision {revision} follows {last} in the log")),
        }
        last = Some(revision);
    }
    if last != Some(newest) {
        return Err(format!("the log ends at {last:?} instead of {newest}"));
    }
    Ok(())
}

#[test]
fn processes_that_are_killed_at_any_time_are_never_told_what_is_not_true() {
    let mut random =
        Random::seeded("processes_that_are_killed_at_any_time_are_never_told_what_is_not_true");
    let (mut kills, mut stops) = (0, 0);
    let mut tally = Tally::default();
    for round in 0..17 * scale() {
        let folder = folder();
        let mut scene = Scene {
            store: folder.path().join("store"),
            journals: folder.path().join("journals"),
            random: &mut random,
            started: 0,
            victims: Vec::new(),
        };
        fs::create_dir(&scene.journals).unwrap();
        let (killed, stopped) = scene.torture(KILLS);
        scene.finish();
        match scene.check() {
            Ok(counted) => tally.add(counted),
            Err(why) => panic!(
                "round {round}: {why}\nthe store and the journals are kept in {}",
                folder.keep().display()
            ),
        }
        kills += killed;
        stops += stopped;
    }
    println!("{kills} kills, {stops} stops; {tally}");
    assert!(kills >= 500, "{kills} kills");
    assert!(tally.acknowledged > kills, "{tally}");
    assert!(tally.turned_up > 0, "{tally}");
}

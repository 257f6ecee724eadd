//! What several topics need: a folder, a worker process, a scale, what a log says.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use worsen::{PersistentStore, Store, Value, testing::SimulatedDisk};
pub(crate) use worsen_tests::Random;
use worsen_tests::{State, StateStore};

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn open(dir: &Path) -> StateStore {
    State::builder().dir(dir).open().expect("the store opens")
}

/// A store whose count is 2, and whose log somebody has replaced by an older one, in which it is 1. The backup is gone.
pub(crate) fn open_with_older_log(dir: &Path) -> StateStore {
    let path = dir.join("state.db");
    let store = open(dir);
    store.set_count(1).wait().unwrap();
    let older = fs::read(&path).unwrap();
    store.set_count(2).wait().unwrap();
    let aside = dir.join("aside");
    fs::write(&aside, older).unwrap();
    fs::rename(aside, path).unwrap();
    fs::remove_file(dir.join("state.cache.db")).unwrap();
    store
}

/// A store of values of one type on a simulated disk, each time as in a process of its own.
pub(crate) fn open_values<T: Value>(disk: &SimulatedDisk) -> PersistentStore<T> {
    try_open_values(disk).expect("it opens")
}

/// As [`open_values`], where it may be refused.
pub(crate) fn try_open_values<T: Value>(
    disk: &SimulatedDisk,
) -> Result<PersistentStore<T>, worsen::Error> {
    PersistentStore::builder("values")
        .on(disk)
        .dir("/db")
        .poll(None)
        .lock_timeout(Duration::from_secs(1))
        .open()
}

/// A process of its own, killed when dropped.
pub(crate) struct Worker {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub(crate) fn start(job: &str, dir: &Path, rest: &[&str]) -> Worker {
        Worker::start_with(job, dir, rest, &[])
    }

    /// With these variables in its environment.
    pub(crate) fn start_with(
        job: &str,
        dir: &Path,
        rest: &[&str],
        environment: &[(&str, &str)],
    ) -> Worker {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg(job)
            .arg(dir)
            .args(rest)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let stdout = child.stdout.take().expect("its stdout is piped");
        Worker {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// The next line it prints; `None` once it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.lines
            .next()
            .map(|line| line.expect("its lines are text"))
    }

    /// Gives the worker `obey` an order, and returns what it says to that.
    pub(crate) fn order(&mut self, order: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("its stdin is piped");
        let told = writeln!(stdin, "{order}");
        let answer = told.ok().and_then(|()| self.line());
        answer.unwrap_or_else(|| panic!("at `{order}` it ended: {:?}", self.child.wait()))
    }

    /// Gives the worker `obey` an order that may end it: how it ended, if it did.
    pub(crate) fn ended_at(&mut self, order: &str) -> Option<ExitStatus> {
        let stdin = self.child.stdin.as_mut().expect("its stdin is piped");
        let told = writeln!(stdin, "{order}");
        match told.ok().and_then(|()| self.line()) {
            Some(_) => None,
            None => Some(self.child.wait().expect("it ends")),
        }
    }

    /// Every line that is still to come.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Waits for a good end.
    pub(crate) fn finish(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let lines = self.rest();
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "the worker failed: {status}");
        lines
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal to a child that nobody has waited for yet, so that its pid is its own.
pub(crate) fn signal(child: &Child, which: Signal) {
    let pid = Pid::from_raw(child.id() as i32).expect("it has a pid");
    kill_process(pid, which).expect("it is our child");
}

/// Of how many cases of an exhaustive test one is looked at: `WORSEN_TEST_SAMPLE`, 1 where it is not
/// set, so that all are.
pub(crate) fn sample() -> usize {
    std::env::var("WORSEN_TEST_SAMPLE")
        .ok()
        .and_then(|sample| sample.parse().ok())
        .filter(|sample| *sample > 0)
        .unwrap_or(1)
}

/// How much longer than in CI a test runs: `WORSEN_TEST_SCALE`, 1 where it is not set.
pub(crate) fn scale() -> u64 {
    std::env::var("WORSEN_TEST_SCALE")
        .ok()
        .and_then(|scale| scale.parse().ok())
        .unwrap_or(1)
}

/// Runs so many random cases, scaled and sampled, from the seed of this name.
pub(crate) fn sequences<S: Strategy>(
    name: &str,
    cases: u64,
    steps: &S,
    agree: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let mut random = Random::seeded(name);
    let seed: [u8; 32] = std::array::from_fn(|_| random.below(256) as u8);
    let cases = (cases * scale()).div_ceil(sample() as u64) as u32;
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let outcome = TestRunner::new_with_rng(config, random).run(steps, agree);
    println!("{name}: {cases} sequences");
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// What each commit of a log after the first `skip` lines set and deleted, the newest last.
pub(crate) fn edits(log: &Path, skip: usize) -> Vec<(serde_json::Value, serde_json::Value)> {
    let text = fs::read_to_string(log).unwrap();
    text.lines()
        .skip(skip)
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["set"].clone(), line["del"].clone())
        })
        .collect()
}

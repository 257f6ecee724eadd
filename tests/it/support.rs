//! What several topics need: a folder, a worker process, a seed.

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;
use worsen::Store;
use worsen_tests::{State, StateStore};

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn open(dir: &Path) -> StateStore {
    State::builder().dir(dir).open().expect("the store opens")
}

/// A process of its own, killed when dropped.
pub(crate) struct Worker {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub(crate) fn start(job: &str, dir: &Path, rest: &[&str]) -> Worker {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg(job)
            .arg(dir)
            .args(rest)
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

    /// Every line that is still to come.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
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

/// A little generator (splitmix64), so that a failing test can be run again with its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Seeded by `WORSEN_TEST_SEED`, or by the clock; says which.
    pub(crate) fn seeded(test: &str) -> Random {
        let seed = std::env::var("WORSEN_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                now.map_or(0, |now| now.as_nanos() as u64)
            });
        println!("{test}: WORSEN_TEST_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
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

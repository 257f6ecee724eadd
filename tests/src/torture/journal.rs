//! What a process notes down: a line before each act, one after it, one for each read. A line is one
//! `write` to a file opened for appending, so `kill -9` leaves whole lines, and at worst a torn last one.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use worsen::{Error, ErrorKind};

use super::{Shared, Transaction};

/// Nanoseconds of the clock that all processes of the machine share and nobody sets.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Line {
    /// A store was opened, and this had to be put right.
    Opened {
        repairs: Vec<String>,
        /// Whether a commit is gone, by what the store says.
        lost: bool,
    },
    /// A store could not be opened.
    Closed(Refusal),
    /// The act with this number is about to begin.
    Began { id: u64, at: u64, act: Act },
    /// It has ended.
    Ended { id: u64, at: u64, outcome: Outcome },
    /// What a read gave that began and ended then.
    Read { began: u64, ended: u64, seen: Seen },
}

/// What can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Transaction(Transaction),
    /// A transaction whose closure fails in the end.
    Abandoned(Transaction),
    /// The closure of a transaction that changes nothing.
    Look,
    /// Sets the solo register, whatever it holds.
    Set,
    /// Reads the solo register and changes it.
    Swap,
    /// Increments the counter.
    Hit,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Acknowledged. What the closure saw before it changed anything.
    Acknowledged(Seen),
    /// It has not happened, said the store.
    Refused(Refusal),
    /// It is over, and nobody was told how.
    Detached,
}

/// An error of worsen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// The lock was held by somebody else for too long: the one error that torture alone may cause.
    pub(crate) is_timeout: bool,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn of(error: &Error) -> Self {
        Refusal {
            is_timeout: error.kind() == ErrorKind::LockTimeout,
            text: error.to_string(),
        }
    }
}

/// What was seen of the store, as of one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<Shared>,
    /// The newest authors, as far as this thread had not noted them down before; the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) authors: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) solo: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hits: Option<u64>,
}

/// The journal of one process, shared by its threads.
#[derive(Debug)]
pub(crate) struct Journal(File);

impl Journal {
    pub(crate) fn open(path: &Path) -> io::Result<Journal> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Journal(file))
    }

    pub(crate) fn note(&self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        match (&self.0).write(&bytes)? {
            written if written == bytes.len() => Ok(()),
            _ => Err(io::Error::other("a line of the journal was cut short")),
        }
    }
}

/// The lines of a journal, but for a torn last one.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Line>> {
    let text = std::fs::read(path)?;
    let whole = text.split_inclusive(|byte| *byte == b'\n');
    whole
        .filter(|line| line.ends_with(b"\n"))
        .map(|line| Ok(serde_json::from_slice(line)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_left_out_and_a_torn_other_one_is_an_error() {
        let path = std::env::temp_dir().join(format!("worsen-journal-{}", std::process::id()));
        let journal = Journal::open(&path).unwrap();
        let line = Line::Read {
            began: 1,
            ended: u64::MAX,
            seen: Seen {
                shared: Some(Shared::default()),
                authors: vec![3, 4],
                ..Seen::default()
            },
        };
        journal.note(&line).unwrap();
        journal.note(&line).unwrap();
        (&journal.0).write_all(b"{\"Ended\"").unwrap();
        assert_eq!(read(&path).unwrap(), [line.clone(), line.clone()]);
        (&journal.0).write_all(b"\n").unwrap();
        journal.note(&line).unwrap();
        read(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
    }
}

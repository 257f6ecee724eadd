//! Torture: processes that write, read and die on one store, and a check of everything they were told.
//!
//! [`journal`] is what a process notes down outside the store, before and after each act; [`work`] is the
//! process; [`check`] decides whether the journals and the store that is left can both be true. The tests start
//! and kill the processes.

pub mod check;
pub mod journal;
pub mod work;

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hasher},
};

use serde::{Deserialize, Serialize};
use worsen::Store;

/// How many authors the store remembers. Between two observations there may be as many transactions
/// whose authors all died before they could tell.
pub(crate) const AUTHORS: usize = 64;

/// The store of the torture. Every value that is written is unique: it holds the number of the act
/// that wrote it.
#[derive(Store, Debug)]
#[store(name = "torture")]
pub struct Torture {
    /// How many transactions there were: each counts itself, and so knows its place among them.
    pub n: u64,
    /// Which act wrote it last, as are the next two.
    pub left: u64,
    /// Some transactions write only some of the three.
    pub middle: u64,
    /// See `left`.
    pub right: u64,
    /// Every transaction adds to it.
    pub sum: u64,
    /// Large at times, so that lines are torn and logs compacted.
    pub note: String,
    /// The authors of the last transactions, the newest last.
    pub authors: VecDeque<u64>,
    /// A register that no transaction writes: it is set, or read and changed, alone.
    pub solo: u64,
    /// A counter that no transaction writes.
    pub hits: u64,
}

/// The part of the store that transactions write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shared {
    pub(crate) n: u64,
    pub(crate) registers: [u64; 3],
    pub(crate) sum: u64,
    /// The length of the note, and its digest.
    pub(crate) note: (usize, u64),
    /// The digest of the list of authors.
    pub(crate) authors: u64,
}

impl Shared {
    fn of(state: &Torture) -> Self {
        Shared {
            n: state.n,
            registers: [state.left, state.middle, state.right],
            sum: state.sum,
            note: (state.note.len(), digest(state.note.as_bytes())),
            authors: digest_authors(&state.authors),
        }
    }
}

/// What a transaction is going to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// Which of the three registers it writes.
    pub(crate) registers: [bool; 3],
    pub(crate) add: u64,
    /// How long it makes the note, where it writes that.
    pub(crate) note: Option<usize>,
}

impl Transaction {
    fn apply(&self, id: u64, state: &mut Torture) {
        state.n += 1;
        let registers = [&mut state.left, &mut state.middle, &mut state.right];
        for (register, written) in registers.into_iter().zip(self.registers) {
            if written {
                *register = id;
            }
        }
        state.sum += self.add;
        if let Some(length) = self.note {
            state.note = note(id, length);
        }
        push_author(&mut state.authors, id);
    }
}

fn note(id: u64, length: usize) -> String {
    format!("{id}:{}", "x".repeat(length))
}

fn push_author(authors: &mut VecDeque<u64>, id: u64) {
    authors.push_back(id);
    while authors.len() > AUTHORS {
        authors.pop_front();
    }
}

/// Writer and checker are of one build, so any digest is as good as another.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn digest_authors(authors: &VecDeque<u64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for author in authors {
        hasher.write_u64(*author);
    }
    hasher.finish()
}

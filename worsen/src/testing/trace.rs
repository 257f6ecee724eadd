//! What a simulated disk was asked for, and what became of it, in words. Never here: what else is kept of it.

use std::fmt;

use super::{fault::Fault, operation::Operation};

/// One operation, and what became of it: a line of the trace.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) operation: Operation,
    pub(super) mutation: Option<usize>,
    pub(super) process: u64,
    pub(super) fate: Fate,
}

#[derive(Clone, Copy)]
pub(super) enum Fate {
    Done,
    Struck(Fault),
    Crashed,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutation {
            Some(mutation) => write!(f, "#{mutation}")?,
            None => write!(f, "-")?,
        }
        write!(f, " process {}: {}", self.process, self.operation)?;
        match self.fate {
            Fate::Done => Ok(()),
            Fate::Struck(fault) => write!(f, ": {fault:?}"),
            Fate::Crashed => write!(f, ": crash"),
        }
    }
}

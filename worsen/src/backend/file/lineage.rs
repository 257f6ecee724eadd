//! Whether a log that was found goes on from what this process knows of the store. Revisions do not tell:
//! after a copy was put in the place of the log, they are used anew. The chain of checksums does, line by line
//! within a generation, and from one generation to a later one by what its header says of those before it.
//! Never here: reading, and what is done about it.

use std::sync::{Arc, Mutex, MutexGuard};

use super::format::{Crc, Header, Past, Position};
use crate::loom::Unpoisoned;

/// How many of the generations before it a header names at most.
const PAST_LIMIT: usize = 8;

/// The checksums of the lines of one log, the header's first, as far as it was read. Writer and readers of a
/// process share it: it is the same log for both.
#[derive(Debug, Clone)]
pub(crate) struct Chain(Arc<Mutex<Vec<Crc>>>);

impl Chain {
    /// Of a log of which the header was read.
    pub(super) fn of_header(crc: Crc) -> Self {
        Chain(Arc::new(Mutex::new(vec![crc])))
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Crc>> {
        self.0.lock().unpoisoned()
    }

    /// The line that ends there was read, or written. It may take the place of one that was taken back.
    pub(super) fn note(&self, header: &Header, position: &Position) {
        let count = lines_up_to(header, position);
        let lines = &mut *self.lines();
        if let Some(line) = lines.get_mut(count) {
            *line = position.crc;
        } else if lines.len() == count {
            lines.push(position.crc);
        }
        // Otherwise the other one of this process, which is ahead, notes those in between.
    }

    /// Where the chain stands behind the header and so many lines. `None`: it was not read so far.
    fn at(&self, count: usize) -> Option<Crc> {
        self.lines().get(count).copied()
    }

    /// Where the chain of this log stands at a revision.
    pub(super) fn at_revision(&self, header: &Header, revision: u64) -> Option<Crc> {
        let behind = revision.checked_sub(header.revision)?;
        let count = header.base.checked_add(behind)?;
        self.at(usize::try_from(count).ok()?)
    }
}

/// How many lines of the log there are behind the header, up to a place.
fn lines_up_to(header: &Header, position: &Position) -> usize {
    let base = header.base.saturating_sub(position.base_left);
    let commits = position.revision.saturating_sub(header.revision);
    usize::try_from(base.saturating_add(commits)).unwrap_or(usize::MAX)
}

/// What the header of the next generation says of those before it, the newest first.
pub(super) fn past(header: &Header, position: &Position) -> Vec<Past> {
    let newest = Past {
        generation: header.generation,
        revision: position.revision,
        crc: position.crc,
    };
    let before = header.past.iter().copied().take(PAST_LIMIT - 1);
    std::iter::once(newest).chain(before).collect()
}

/// What a log that was found is to one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// It holds all that is known, and perhaps more.
    GoesOn,
    /// It holds the beginning of that, in the same generation.
    Begins,
    /// It has another history: what is known, or the end of it, is not in there.
    Parted,
    /// It says nothing of the generation that is known: an older program began it, or there were many since.
    Unknown,
}

/// One log as far as it was read.
#[derive(Clone, Copy)]
pub(super) struct Lineage<'a> {
    pub(super) header: &'a Header,
    pub(super) position: &'a Position,
    pub(super) chain: &'a Chain,
}

impl Lineage<'_> {
    fn lines(&self) -> usize {
        lines_up_to(self.header, self.position)
    }
}

/// Compares what was found with what is known. The caller first reads what is known to its
/// end, where that can be done.
pub(super) fn compare(known: Lineage<'_>, found: Lineage<'_>) -> Kin {
    if found.header == known.header {
        let common = known.lines().min(found.lines());
        return if known.chain.at(common) != found.chain.at(common) {
            Kin::Parted
        } else if found.lines() < known.lines() {
            Kin::Begins
        } else {
            Kin::GoesOn
        };
    }
    if found.header.generation <= known.header.generation {
        return Kin::Parted;
    }
    let is_known = |past: &&Past| past.generation == known.header.generation;
    match found.header.past.iter().find(is_known) {
        None => Kin::Unknown,
        Some(past) if past.revision < known.position.revision => Kin::Parted,
        Some(past) => match known.chain.at_revision(known.header, past.revision) {
            Some(crc) if crc == past.crc => Kin::GoesOn,
            Some(_) => Kin::Parted,
            // It was not read so far, and cannot be.
            None => Kin::Unknown,
        },
    }
}

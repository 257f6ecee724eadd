//! Reading the commits of a store one by one, in order, without the lock, from the log as it is now and
//! as it goes on. Never here: what they mean, and when to look.

use std::{io, sync::Arc};

use super::{
    Paths,
    disk::transfer::read_full,
    disk::{Disk, DiskFile, Open},
    format::{Header, Position, Record, is_blank, read_header},
    past::{Ended, before},
};
use crate::{
    backend::{Committed, Entries, History, Next, replay},
    error::{self, Error},
    planted::{Bug, planted},
    shared_str::Buffer,
};

/// How much is read at a time, at least.
const CHUNK: usize = 64 * 1024;

/// A place in the log of one store, of its own: it moves no other reader.
#[derive(Debug)]
pub(super) struct LogHistory {
    disk: Arc<dyn Disk>,
    paths: Paths,
    generation: Generation,
    /// The newest place that was read, of whichever file: what comes after it goes on from there.
    newest: Position,
    /// The newest revision that was handed over, or is not wanted.
    after: u64,
    /// Revisions that are in no log any more, still to be told.
    lost: Option<(u64, u64)>,
    /// Where old values are asked for: the state at the place.
    state: Option<Entries>,
}

/// One generation of the log, open. Where it ended in a compaction, all of it is still there to be read.
#[derive(Debug)]
struct Generation {
    file: Box<dyn DiskFile>,
    /// The revision at its end, where this is the file of one that has ended.
    end: Option<u64>,
    header: Header,
    position: Position,
    /// What was read of the file, and how much of that is before the place.
    read: Vec<u8>,
    taken: usize,
    /// The newest revision that was a commit when that was read. A line behind it may have been taken
    /// back since, and another one be in its place.
    known: u64,
}

impl LogHistory {
    /// What comes after this revision. The log is opened at once, so that a compaction from now on
    /// takes nothing away.
    ///
    /// # Errors
    ///
    /// Where there is no log that can be read.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        paths: Paths,
        after: u64,
        old_values: bool,
    ) -> Result<Self, Error> {
        let generation = Generation::behind(&*disk, &paths, after)?;
        let mut history = LogHistory {
            disk,
            paths,
            newest: generation.position,
            after,
            lost: None,
            state: old_values.then(Entries::new),
            generation,
        };
        history.skip_what_is_lost();
        Ok(history)
    }

    fn skip_what_is_lost(&mut self) {
        let begins = self.generation.header.revision;
        if begins > self.after {
            let first = self.lost.map_or(self.after + 1, |(first, _)| first);
            self.lost = Some((first, begins));
            self.after = begins;
        }
    }

    /// Goes on to the generation that comes next, which nearly always is the log.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, and once where it begins before what was read already.
    fn turn(&mut self) -> Result<(), Error> {
        let new = Generation::behind(&*self.disk, &self.paths, self.after)?;
        let old = std::mem::replace(&mut self.generation, new);
        if let Some(state) = &mut self.state {
            // The lines of the state at the beginning fill it again.
            *state = Entries::new();
        }
        if self.generation.header == old.header {
            // The same commits once more, as far as this reader has come: `step` compares.
            return Ok(());
        }
        let (before, begins) = (self.newest, self.generation.position);
        self.newest = begins;
        if begins.revision < before.revision {
            // No compaction does that: an older copy was put in its place, and goes on in its own way.
            if self.after <= before.revision {
                self.after = begins.revision;
            }
            return Err(self.replaced(before.revision));
        }
        self.skip_what_is_lost();
        Ok(())
    }

    /// Takes note of the place that was reached.
    ///
    /// # Errors
    ///
    /// Once where it is not the one that was there before.
    fn step(&mut self) -> Result<(), Error> {
        let (before, now) = (self.newest, self.generation.position);
        if now.revision > before.revision || before.base_left > 0 {
            self.newest = now;
        } else if now.revision == before.revision && now.base_left == 0 && now != before {
            self.newest = now;
            return Err(self.replaced(before.revision));
        }
        Ok(())
    }

    /// Where a file of the past cannot be read to its end, the rest of it is lost.
    fn give_up_the_rest(&mut self) {
        if let Some(end) = self.generation.end.filter(|end| *end > self.after) {
            self.lost = Some((self.after + 1, end));
            self.after = end;
        }
    }

    fn replaced(&self, revision: u64) -> Error {
        error::file::replaced_history(&self.paths.log, revision, self.after)
    }
}

impl History for LogHistory {
    fn next(&mut self, newest: u64) -> Result<Next, Error> {
        loop {
            if let Some((first, last)) = self.lost.take() {
                return Ok(Next::Gap { first, last });
            }
            if self.after >= newest {
                return Ok(Next::Nothing);
            }
            // Asked before reading: a file that is not at the path any more gets no more lines, so what is
            // read of it then is all there is.
            let failed = |error| error::file::log_unreadable(&self.paths.log, error);
            let found = self.disk.identify(&self.paths.log).map_err(failed)?;
            let is_over = found.is_some_and(|found| found.id != self.generation.file.id());
            if is_over && planted(Bug::TurnBeforeEndOfLog) {
                self.turn()?;
                continue;
            }
            let record = self.generation.next(newest).map_err(failed)?;
            let is_over = is_over || self.generation.end.is_some();
            match record {
                Some(record) => {
                    let is_state = record.revision <= self.generation.header.revision;
                    let committed = committed(record, self.state.as_mut());
                    self.step()?;
                    if !is_state && committed.revision > self.after {
                        self.after = committed.revision;
                        return Ok(Next::Commit(committed));
                    }
                }
                None if is_over => {
                    self.give_up_the_rest();
                    self.turn()?;
                }
                None => return Err(damaged(&self.paths, self.after)),
            }
        }
    }

    fn revision(&self) -> u64 {
        // What is still to be told was not told.
        self.lost.map_or(self.after, |(first, _)| first - 1)
    }
}

impl Generation {
    /// The one that has the commit after this revision, or those that come next: the log, or one before it, as far
    /// as these are kept.
    fn behind(disk: &dyn Disk, paths: &Paths, after: u64) -> Result<Self, Error> {
        let mut found = Generation::open(disk, paths, after)?;
        if found.header.revision <= after {
            return Ok(found);
        }
        let header = found.header.clone();
        for ended in before(disk, paths, &header) {
            let ended = ended?;
            if ended.revision <= after {
                break;
            }
            found = ended.into();
            if found.header.revision <= after {
                break;
            }
        }
        Ok(found)
    }

    /// The one that stands at the path now.
    fn open(disk: &dyn Disk, paths: &Paths, after: u64) -> Result<Self, Error> {
        let failed = |error| error::file::log_unreadable(&paths.log, error);
        let file = disk.open(&paths.log, Open::Read).map_err(failed)?;
        let mut read = Vec::new();
        loop {
            let more = read_on(&*file, 0, &mut read).map_err(failed)?;
            if let Ok((header, position)) = read_header(&read) {
                if header.store != paths.name {
                    return Err(damaged(paths, after));
                }
                return Ok(Generation {
                    end: None,
                    taken: position.offset as usize,
                    known: header.revision,
                    file,
                    header,
                    position,
                    read,
                });
            }
            if !more || memchr::memchr(b'\n', &read).is_some() {
                return Err(damaged(paths, after));
            }
        }
    }

    /// The next line, if it is there as a whole, and of no later revision than `newest`.
    fn next(&mut self, newest: u64) -> io::Result<Option<Record>> {
        if self.position.base_left == 0 && self.position.revision >= newest {
            return Ok(None);
        }
        let is_known = self.position.base_left > 0 || self.position.revision < self.known;
        if is_known || planted(Bug::TellWhatWasReadEarly) {
            if let Some(record) = self.take() {
                return Ok(Some(record));
            }
        }
        // Once more from the place on: when it was read, there may have been blanks, half a line, or one
        // that was no commit yet.
        self.read.clear();
        self.taken = 0;
        self.known = newest;
        loop {
            let more = read_on(&*self.file, self.position.offset, &mut self.read)?;
            if let Some(record) = self.take() {
                return Ok(Some(record));
            }
            let line_is_open = memchr::memchr(b'\n', &self.read).is_none();
            if !more || !line_is_open || is_blank(&self.read) {
                return Ok(None);
            }
        }
    }

    fn take(&mut self) -> Option<Record> {
        let rest = &self.read[self.taken..];
        let end = memchr::memchr(b'\n', rest)?;
        let record = self.position.step(&rest[..end], Buffer::NONE)?;
        self.taken += end + 1;
        Some(record)
    }
}

impl From<Ended> for Generation {
    fn from(ended: Ended) -> Self {
        Generation {
            file: ended.file,
            end: Some(ended.revision),
            known: ended.header.revision,
            header: ended.header,
            position: ended.first,
            read: Vec::new(),
            taken: 0,
        }
    }
}

/// Reads on where `read`, which begins at `offset`, ends: as much again. False: there is nothing more.
fn read_on(file: &dyn DiskFile, offset: u64, read: &mut Vec<u8>) -> io::Result<bool> {
    let length = read.len();
    read.resize(length + length.max(CHUNK), 0);
    let outcome = read_full(file, &mut read[length..], offset + length as u64);
    let more = *outcome.as_ref().unwrap_or(&0);
    read.truncate(length + more);
    outcome.map(|more| more > 0)
}

/// A commit with the values before it, where there is a state to take them from.
fn committed(record: Record, state: Option<&mut Entries>) -> Committed {
    let before = state.map(|state| replay(state, &record.changes));
    Committed {
        revision: record.revision,
        at: record.at.to_string(),
        pid: record.pid,
        changes: record.changes,
        before,
    }
}

fn damaged(paths: &Paths, after: u64) -> Error {
    error::file::history_unreadable(&paths.log, after)
}

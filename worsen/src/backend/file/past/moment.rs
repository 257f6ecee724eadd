//! The state of a store at a moment of its past, and which moments there are. Never here: which files of the past
//! there are.

use std::{ops::ControlFlow, time::SystemTime};

use super::{Ended, before};
use crate::{
    backend::{
        Entries,
        file::{
            FileBackend,
            disk::transfer::read_whole,
            disk::{DiskFile, Open},
            format::{Header, Position, claimed_revision, claimed_time},
            log::read_header_of,
            recovery::Replay,
        },
    },
    clock::Moment,
    error::{self, Error},
    options::At,
    shared_str::Buffer,
};

/// One generation, as far as this is asked for: the one that is the log, or one before.
struct Generation {
    path: std::path::PathBuf,
    file: Box<dyn DiskFile>,
    header: Header,
    first: Position,
    /// The newest revision in it that may be shown.
    newest: u64,
}

impl From<Ended> for Generation {
    fn from(ended: Ended) -> Self {
        Generation {
            path: ended.path,
            file: ended.file,
            header: ended.header,
            first: ended.first,
            newest: ended.revision,
        }
    }
}

impl FileBackend {
    /// The state at a moment that is not behind this revision, and its revision.
    pub(in crate::backend::file) fn find_moment(
        &self,
        at: At,
        newest: u64,
    ) -> Result<(Entries, u64), Error> {
        let is_in = |generation: &Generation| match at {
            At::Revision(revision) => generation.header.revision <= revision,
            At::Time(time) => Moment::of(time).is_past(&generation.header.at),
        };
        let mut found = None;
        let mut oldest = (0, String::new());
        self.each_generation(newest, |generation| {
            oldest = (generation.header.revision, generation.header.at.clone());
            if is_in(&generation) {
                found = Some(generation);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let revision = match (at, &found) {
            (At::Revision(revision), Some(generation)) if revision <= generation.newest => revision,
            (At::Time(time), Some(generation)) => generation.newest_by(time)?,
            (At::Revision(revision), _) => {
                return Err(error::past::no_such_revision(
                    revision,
                    &self.spans_up_to(newest)?,
                ));
            }
            (At::Time(_), None) => return Err(error::past::before_all(oldest.0, &oldest.1)),
        };
        match found {
            Some(generation) => generation.state_at(revision),
            None => Err(error::past::no_such_revision(
                revision,
                &self.spans_up_to(newest)?,
            )),
        }
    }

    /// Which revisions there is a state of, the oldest first, each as the first and the last of many without a
    /// gap.
    pub(in crate::backend::file) fn spans_up_to(
        &self,
        newest: u64,
    ) -> Result<Vec<(u64, u64)>, Error> {
        let mut spans: Vec<(u64, u64)> = Vec::new();
        self.each_generation(newest, |generation| {
            let Generation { header, newest, .. } = generation;
            match spans.last_mut() {
                Some(later) if later.0 == newest => later.0 = header.revision,
                _ => spans.push((header.revision, newest)),
            }
            ControlFlow::Continue(())
        })?;
        spans.reverse();
        Ok(spans)
    }

    /// Each generation that can be read, the newest first.
    fn each_generation(
        &self,
        newest: u64,
        mut each: impl FnMut(Generation) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let (disk, paths) = (&*self.disk, &self.paths);
        let failed = |error| error::file::log_unreadable(&paths.log, error);
        let file = disk.open(&paths.log, Open::Read).map_err(failed)?;
        let Some((header, first)) = read_header_of(&*file).map_err(failed)? else {
            return Err(error::file::history_unreadable(&paths.log, newest));
        };
        let mut older = before(disk, paths, &header);
        let mut generation = Generation {
            path: paths.log.clone(),
            file,
            // A new generation may begin with a commit that nobody may see yet.
            newest: newest.max(header.revision),
            header,
            first,
        };
        while each(generation).is_continue() {
            match older.next() {
                Some(next) => generation = next?.into(),
                None => break,
            }
        }
        Ok(())
    }
}

impl Generation {
    fn read(&self) -> Result<Buffer, Error> {
        read_whole(&*self.file)
            .map(Into::into)
            .map_err(|error| error::past::unreadable(&self.path, error))
    }

    /// The newest revision in it of which this is the time, or that was before. It begins before that.
    fn newest_by(&self, time: SystemTime) -> Result<u64, Error> {
        let bytes = self.read()?;
        let lines = bytes.get(self.first.offset as usize..).unwrap_or_default();
        let limit = Moment::of(time);
        let mut end = lines.len();
        while let Some(before) = memchr::memrchr(b'\n', &lines[..end]) {
            let begin = memchr::memrchr(b'\n', &lines[..before]).map_or(0, |at| at + 1);
            let line = &lines[begin..before];
            let shown = claimed_revision(line).filter(|revision| *revision <= self.newest);
            let is_by = |line| claimed_time(line).is_some_and(|at| limit.is_past(at));
            if let Some(revision) = shown.filter(|_| is_by(line)) {
                // The lines of the state that it begins with have the revision of that.
                return Ok(revision);
            }
            end = begin;
        }
        Ok(self.header.revision)
    }

    /// The state at a revision that is in it.
    fn state_at(&self, revision: u64) -> Result<(Entries, u64), Error> {
        let bytes = self.read()?;
        let mut replay = Replay::default();
        let mut position = self.first;
        let lines = bytes.get(position.offset as usize..).unwrap_or_default();
        // An error is the first line behind the moment.
        let _ = position.scan(lines, &bytes, |_, record| {
            if record.revision > revision {
                return Err(());
            }
            replay.apply(record);
            Ok(())
        });
        if position.revision < revision || position.base_left > 0 {
            return Err(error::past::damaged(&self.path, position.revision));
        }
        // Its texts keep all of the file in memory: the state is looked at, and let go of.
        Ok((replay.into_entries(), revision))
    }
}

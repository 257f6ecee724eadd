//! The past of a store: the files of generations that have ended, which a compaction leaves beside the log where
//! the past is wanted (`keep`), and the state at a moment of it (`moment`). Never here: telling its commits one by
//! one.
//!
//! Such a file is what the backup was when its generation ended, brought up to the log's end: a whole log, which
//! begins with the state before its commits. The header of the generation behind it says at which checksum it
//! ends. So a file counts only where it leads to the log, whatever else may lie in the directory.

mod keep;
mod moment;

use std::{collections::VecDeque, io, path::PathBuf};

pub(super) use self::keep::Ending;
use super::{
    disk::transfer::read_full,
    disk::{Disk, DiskFile, Open},
    format::{Header, Past, Position, TRAILER},
    log::read_header_of,
    paths::Paths,
};
use crate::{
    error::{self, Error},
    planted::{Bug, planted},
};

/// The file of a generation that has ended, and has led to the log.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) header: Header,
    /// Right behind the header.
    pub(super) first: Position,
    /// The revision at its end.
    pub(super) revision: u64,
}

/// The generations before one, the newest first, as far as there are files of them.
pub(super) struct Before<'a> {
    disk: &'a dyn Disk,
    paths: &'a Paths,
    /// Those that are named by what stands behind them, the newest first.
    named: VecDeque<Past>,
}

/// The generations before the one of this header.
pub(super) fn before<'a>(disk: &'a dyn Disk, paths: &'a Paths, header: &Header) -> Before<'a> {
    Before {
        disk,
        paths,
        named: header.past.iter().copied().collect(),
    }
}

impl Iterator for Before<'_> {
    type Item = Result<Ended, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(named) = self.named.pop_front() {
            let path = self.paths.past(named.generation);
            match find(self.disk, self.paths, path.clone(), named) {
                Ok(None) => {}
                Ok(Some(ended)) => {
                    // It names those that are named already, and older ones.
                    self.named = ended.header.past.iter().copied().collect();
                    return Some(Ok(ended));
                }
                Err(error) => return Some(Err(error::past::unreadable(&path, error))),
            }
        }
        None
    }
}

/// The file of a generation, where there is one and it is that.
fn find(disk: &dyn Disk, paths: &Paths, path: PathBuf, named: Past) -> io::Result<Option<Ended>> {
    let file = match disk.open(&path, Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((header, first)) = read_header_of(&*file)? else {
        return Ok(None);
    };
    let mut end = [0; TRAILER];
    let from = file.len()?.saturating_sub(TRAILER as u64);
    let read = read_full(&*file, &mut end, from)?;
    let leads_there = read == TRAILER && end == named.crc.trailer() || planted(Bug::BelieveAnyPast);
    let is_it = header.store == paths.name && header.generation == named.generation && leads_there;
    Ok(is_it.then_some(Ended {
        path,
        file,
        header,
        first,
        revision: named.revision,
    }))
}

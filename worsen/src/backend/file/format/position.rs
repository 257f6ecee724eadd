//! A place in the chain of valid lines, and going on from it.

use super::{
    crc::Crc,
    header::{Header, NotAHeader},
    record::Record,
};
use crate::{
    planted::{Bug, planted},
    shared_str::Buffer,
};

/// A place in the chain of valid lines: everything before it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) offset: u64,
    pub(crate) crc: Crc,
    pub(crate) revision: u64,
    /// How many lines of the state that the generation begins with are still to come.
    pub(crate) base_left: u64,
}

impl Position {
    /// Right behind a header line of `length` bytes, its line feed included.
    pub(crate) fn after_header(header: &Header, crc: Crc, length: usize) -> Self {
        Position {
            offset: length as u64,
            crc,
            revision: header.revision,
            base_left: header.base,
        }
    }

    /// Where nothing was read and nothing can follow: for a file whose header is lost.
    pub(crate) fn before_everything() -> Self {
        Position {
            offset: 0,
            crc: Crc::default(),
            revision: 0,
            base_left: 0,
        }
    }

    /// Takes one line, without its line feed, if it is valid here. Its texts stay parts of `whole`,
    /// where the line is one.
    pub(crate) fn step(&mut self, line: &[u8], whole: &Buffer) -> Option<Record> {
        let (record, crc) = Record::decode(line, self.crc, whole)?;
        let expected = match self.base_left {
            0 => self.revision.checked_add(1)?,
            _ => self.revision,
        };
        if record.revision != expected && !planted(Bug::DoNotCheckRevision) {
            return None;
        }
        *self = Position {
            offset: self.offset + line.len() as u64 + 1,
            crc,
            revision: record.revision,
            base_left: self.base_left.saturating_sub(1),
        };
        Some(record)
    }

    /// Takes valid lines of `bytes`, which begin at this position, until there is none.
    ///
    /// # Errors
    ///
    /// The first error of `each`, which is told the place behind the line too; the position then stands
    /// before the line it was given.
    pub(crate) fn scan<E>(
        &mut self,
        mut bytes: &[u8],
        whole: &Buffer,
        mut each: impl FnMut(&Position, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let end_of_line = |bytes: &[u8]| match memchr::memchr(b'\n', bytes) {
            None if planted(Bug::AcceptLineWithoutEnd) && !bytes.is_empty() => Some(bytes.len()),
            end => end,
        };
        while let Some(end) = end_of_line(bytes) {
            let before = *self;
            let Some(record) = self.step(&bytes[..end], whole) else {
                break;
            };
            if let Err(error) = each(self, record) {
                *self = before;
                return Err(error);
            }
            bytes = match planted(Bug::AcceptLineWithoutEnd) {
                true => bytes.get(end + 1..).unwrap_or_default(),
                false => &bytes[end + 1..],
            };
        }
        Ok(())
    }
}

/// Reads the header off the beginning of a file.
pub(crate) fn read_header(bytes: &[u8]) -> Result<(Header, Position), NotAHeader> {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (header, crc) = Header::decode(&bytes[..end])?;
    if end == bytes.len() {
        // Only a whole line ends in a line feed; a file cut inside it is damaged.
        return Err(NotAHeader::Damaged);
    }
    let position = Position::after_header(&header, crc, end + 1);
    Ok((header, position))
}

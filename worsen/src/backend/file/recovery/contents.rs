//! What the bytes of one file are: a store's, by its header, or what else they may be; and which of its
//! lines can still be read behind one that cannot. Pure. Never here: what follows from that.

use super::assembly::{Line, lines};
use crate::{
    backend::file::format::{
        Crc, Header, NotAHeader, Position, Record, claimed_crc, is_blank, is_header, read_header,
    },
    planted::{Bug, planted},
    shared_str::Buffer,
};

/// What a log begins with: its header, and where that ends once it stands where it belongs.
#[derive(Debug, Clone)]
pub(super) struct Beginning<'a> {
    pub(super) header: Header,
    pub(super) position: Position,
    /// The line, without its end.
    pub(super) line: &'a [u8],
}

/// What a file is, by its first line.
pub(super) enum Contents<'a> {
    Nothing,
    Store(Beginning<'a>),
    /// The log of the store of this name.
    Other(String),
    /// A log of this format, which a newer version wrote.
    Newer(u64),
    /// Lines of ours, but not the first.
    Damaged,
    Foreign,
}

impl<'a> Contents<'a> {
    pub(super) fn of(bytes: &'a [u8], store: &str) -> Contents<'a> {
        let failure = match read_header(bytes) {
            Ok((header, _)) if header.store != store => return Contents::Other(header.store),
            Ok((header, position)) => {
                return Contents::Store(Beginning {
                    header,
                    position,
                    line: &bytes[..position.offset as usize - 1],
                });
            }
            Err(NotAHeader::Newer(format)) => return Contents::Newer(format),
            Err(_) if is_blank(bytes) => return Contents::Nothing,
            Err(failure) => failure,
        };
        if let Some(beginning) = displaced_header(bytes, store) {
            return Contents::Store(beginning);
        }
        if failure == NotAHeader::Damaged {
            return Contents::Damaged;
        }
        let mut ours = Behind::default();
        ours.read(bytes, None, |_| ());
        match ours.lines {
            0 => Contents::Foreign,
            _ => Contents::Damaged,
        }
    }

    /// Whether it is of the same generation as this header.
    pub(super) fn is_of(&self, header: &Header) -> bool {
        let unchecked = planted(Bug::DoNotCheckBackupGeneration);
        matches!(self, Contents::Store(of) if of.header == *header || unchecked)
    }
}

/// The first line that is a header of this store, where the file does not begin with one.
fn displaced_header<'a>(bytes: &'a [u8], store: &str) -> Option<Beginning<'a>> {
    lines(bytes)
        .filter(|line| is_header(line.text))
        .find_map(|line| {
            let (header, crc) = Header::decode(line.text).ok()?;
            let position = Position::after_header(&header, crc, line.text.len() + 1);
            (header.store == store).then_some(Beginning {
                header,
                position,
                line: line.text,
            })
        })
}

/// What can still be read behind an unreadable line: each line that is valid after the line before
/// it, whatever that one holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Behind {
    lines: u64,
    /// The newest revision that any of them says was durable.
    pub(super) durable: u64,
    /// The newest revision of any of them.
    pub(super) newest: u64,
}

impl Behind {
    /// Reads these bytes too. `before`: where the chain stands in front of them, if it is known.
    pub(super) fn read(&mut self, bytes: &[u8], before: Option<Crc>, mut each: impl FnMut(Record)) {
        let mut last = before;
        for Line { text: line, .. } in lines(bytes) {
            if let Some((record, _)) =
                last.and_then(|last| Record::decode(line, last, Buffer::NONE))
            {
                self.lines += 1;
                self.durable = self.durable.max(record.durable.unwrap_or(0));
                self.newest = self.newest.max(record.revision);
                each(record);
            }
            // What has no checksum, such as an empty line, did not come from here.
            last = claimed_crc(line).or(last);
        }
    }
}

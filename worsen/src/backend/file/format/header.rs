//! The first line of a log: which store it is of, which generation, and where those before it ended.

use std::fmt::Write as _;

use super::{
    FORMAT, MAGIC, MAX_REVISION,
    crc::{Crc, seal, split_trailer},
    json::push_json_string,
    parse::parse,
    past::{Past, push_past},
};
use crate::shared_str::Buffer;

/// One generation of the log: from its creation, or a compaction, to the next compaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) store: String,
    pub(crate) generation: u64,
    /// The revision of the state that the log begins with; 0 for a new store.
    pub(crate) revision: u64,
    /// How many of the lines that follow hold that state.
    pub(crate) base: u64,
    /// Where the generations before it ended, the newest first. Empty for a new store, and where an older
    /// program began it.
    pub(crate) past: Vec<Past>,
    pub(crate) at: String,
}

/// Why a line is not a header that this code can use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotAHeader {
    /// Not written by any worsen.
    Foreign,
    /// Written by a worsen that is newer than this one, in this format.
    Newer(u64),
    /// Written by worsen, and damaged since.
    Damaged,
}

impl Header {
    /// Appends the line to `out`; returns the chain after it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Crc {
        let mut line = String::with_capacity(128);
        line.push_str(MAGIC);
        // Writing into a String cannot fail.
        let _ = write!(line, "{FORMAT},\"store\":");
        push_json_string(&mut line, &self.store);
        let _ = write!(
            line,
            ",\"gen\":{},\"rev\":{},\"base\":{}",
            self.generation, self.revision, self.base
        );
        push_past(&mut line, &self.past);
        line.push_str(",\"at\":");
        push_json_string(&mut line, &self.at);
        seal(line, Crc::salt(self.generation), out)
    }

    /// Reads the first line of a file, without its line feed.
    pub(crate) fn decode(line: &[u8]) -> Result<(Header, Crc), NotAHeader> {
        let rest = line
            .strip_prefix(MAGIC.as_bytes())
            .ok_or(NotAHeader::Foreign)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let format: u64 = std::str::from_utf8(&rest[..digits])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or(NotAHeader::Damaged)?;
        let decoded = (format == FORMAT)
            .then(|| Self::decode_known(line))
            .flatten();
        match decoded {
            Some(header) => Ok(header),
            // A flipped digit must not be reported as the work of a newer program: a header whose
            // checksum holds once the digit is put back is this format's, and damaged.
            None if format > FORMAT && !Self::is_flipped(line, digits) => {
                Err(NotAHeader::Newer(format))
            }
            None => Err(NotAHeader::Damaged),
        }
    }

    fn is_flipped(line: &[u8], digits: usize) -> bool {
        let mut mended = MAGIC.as_bytes().to_vec();
        mended.extend_from_slice(FORMAT.to_string().as_bytes());
        mended.extend_from_slice(&line[MAGIC.len() + digits..]);
        Self::decode_known(&mended).is_some()
    }

    fn decode_known(line: &[u8]) -> Option<(Header, Crc)> {
        let (content, crc) = split_trailer(line)?;
        let raw = parse(line, Buffer::NONE)?;
        let header = Header {
            store: raw.store?,
            generation: raw.generation?,
            revision: raw.revision?,
            base: raw.base?,
            past: raw.past,
            at: raw.at?.to_string(),
        };
        let counts = header.generation <= MAX_REVISION && header.revision <= MAX_REVISION;
        (counts && Crc::salt(header.generation).of(content) == crc).then_some((header, crc))
    }
}

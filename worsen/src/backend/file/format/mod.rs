//! The format of the log's lines, as FORMAT.md has it: pure functions from bytes to values and back. No file is
//! touched here, and nothing is decided about a line that is not valid.
//!
//! Every line ends in a CRC that also covers the CRC of the line before it, so that a line which was
//! moved, or left over from before, never validates. SQLite's write-ahead log chains its checksums
//! in the same way.

mod blank;
mod crc;
mod header;
mod json;
mod parse;
mod past;
mod position;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    blank::{is_blank, trimmed},
    crc::{Crc, TRAILER, claimed_crc},
    header::{Header, NotAHeader},
    past::Past,
    position::{Position, read_header},
    record::Record,
};

use crate::shared_str::Buffer;

/// The format that this code writes, and the newest it reads.
pub(crate) const FORMAT: u64 = 1;

/// The greatest revision and generation. No store gets there, every JSON reader holds them exactly,
/// and no sum of a few of them overflows.
pub(crate) const MAX_REVISION: u64 = 1 << 53;

/// What every header line begins with, in this format and all to come.
pub(super) const MAGIC: &str = "{\"worsen\":";

/// The revision of a line, as its beginning tells it, without reading on. Says nothing about whether it is
/// valid.
pub(crate) fn claimed_revision(line: &[u8]) -> Option<u64> {
    split_revision(line).map(|(revision, _)| revision)
}

/// The revision of a line that may be spelled as no writer of ours does it, such as with a blank before a colon. As
/// [`claimed_revision`], but for such a line it reads all of it.
pub(crate) fn revision_of(line: &[u8]) -> Option<u64> {
    claimed_revision(line).or_else(|| {
        claimed_crc(line)?;
        parse::parse(line, Buffer::NONE)?.revision
    })
}

/// When a line was written, as its beginning tells it. As [`claimed_revision`].
pub(crate) fn claimed_time(line: &[u8]) -> Option<&str> {
    let (_, rest) = split_revision(line)?;
    let rest = rest.strip_prefix(b",\"at\":\"")?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(&rest[..end]).ok()
}

fn split_revision(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"{\"rev\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(digits);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// Whether a line begins as every header does.
pub(crate) fn is_header(line: &[u8]) -> bool {
    line.starts_with(MAGIC.as_bytes())
}

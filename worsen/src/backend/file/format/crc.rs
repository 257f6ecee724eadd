//! The chain of checksums, and the end of a line, where its own stands.

use crate::planted::{Bug, planted};

/// The bytes of `,"crc":"1a2b3c4d"}` and the line feed after it.
pub(crate) const TRAILER: usize = 19;

/// Where the chain of checksums stands after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Crc(pub(super) u32);

impl Crc {
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The chain before a header: salted with the generation.
    pub(super) fn salt(generation: u64) -> Self {
        if planted(Bug::DoNotSaltHeader) {
            return Crc::default();
        }
        Crc(crc32fast::hash(&generation.to_le_bytes()))
    }

    /// The end of the line that leaves the chain here, its line feed included.
    pub(crate) fn trailer(self) -> [u8; TRAILER] {
        let mut trailer = *b",\"crc\":\"00000000\"}\n";
        for (place, digit) in trailer[8..16].iter_mut().rev().enumerate() {
            let nibble = self.0 >> (4 * place) & 0xf;
            *digit = b"0123456789abcdef"[nibble as usize];
        }
        trailer
    }

    pub(super) fn of(self, content: &[u8]) -> Self {
        let before = if planted(Bug::DropCrcChain) {
            0
        } else {
            self.0
        };
        let mut hasher = crc32fast::Hasher::new_with_initial(before);
        hasher.update(content);
        Crc(hasher.finalize())
    }
}

pub(super) fn seal(content: String, before: Crc, out: &mut Vec<u8>) -> Crc {
    let crc = before.of(content.as_bytes());
    out.extend_from_slice(content.as_bytes());
    out.extend_from_slice(&crc.trailer());
    crc
}

/// Splits `…,"crc":"1a2b3c4d"}` into what the checksum covers and the checksum.
pub(super) fn split_trailer(line: &[u8]) -> Option<(&[u8], Crc)> {
    let at = line.len().checked_sub(TRAILER - 1)?;
    let (content, trailer) = line.split_at(at);
    let digits = trailer.strip_prefix(b",\"crc\":\"")?.strip_suffix(b"\"}")?;
    // Only what `seal` writes: `from_str_radix` would take a sign and capitals too.
    if !digits
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    Some((content, Crc(u32::from_str_radix(digits, 16).ok()?)))
}

/// The chain after a line, as the line itself tells it. Says nothing about whether it is valid.
pub(crate) fn claimed_crc(line: &[u8]) -> Option<Crc> {
    split_trailer(line).map(|(_, crc)| crc)
}

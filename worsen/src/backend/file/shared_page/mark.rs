//! Which line of the log a revision is, in one word.

/// The revision of a page that is not in use any more. No store reaches it.
pub(super) const RETIRED: u64 = u64::MAX;

/// A line of the log in one word: the low 32 bits of its revision, and its checksum. Two histories that both
/// have the revision have another line there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(in crate::backend::file) fn new(revision: u64, crc: u32) -> Self {
        Mark(revision & u64::from(u32::MAX) | u64::from(crc) << 32)
    }

    pub(in crate::backend::file) fn of_word(word: u64) -> Self {
        Mark(word)
    }

    pub(in crate::backend::file) fn word(self) -> u64 {
        self.0
    }

    /// Whether it is of this revision: a program that does not know of marks leaves those of others standing.
    #[inline]
    pub(super) fn is_about(self, revision: u64) -> bool {
        self.0 as u32 == revision as u32
    }

    /// Whether its revision is newer, as far as 32 bits tell.
    pub(super) fn is_newer_than(self, other: Mark) -> bool {
        other.0 == 0 || (self.0 as u32).wrapping_sub(other.0 as u32) as i32 > 0
    }
}

/// What the page shows of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sight {
    pub(crate) revision: u64,
    pub(crate) mark: Mark,
}

impl Sight {
    /// Whether the page tells nothing any more, and that of another file does.
    #[inline]
    pub(in crate::backend::file) fn is_of_retired_page(&self) -> bool {
        self.revision == RETIRED
    }

    /// Whether this may be the history of which that is a line. No: it is another one.
    #[inline]
    pub(crate) fn is_of(self, known: Mark) -> bool {
        self.mark == known || !self.mark.is_about(self.revision) || !known.is_about(self.revision)
    }
}

//! Where each word of the page stands, and the generation and offset that share one.

#[cfg(any(target_os = "linux", test, feature = "testing"))]
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::atomic::Ordering::{Relaxed, Release};

use super::{
    event_count::EventCount,
    mark::Mark,
    words::{Word32, Word64},
};
use crate::planted::{Bug, planted};

/// How much of the lock file the page takes.
#[cfg(not(loom))]
pub(super) const PAGE_BYTES: u64 = 4096;

/// The page's first eight bytes. The last one is the layout's version.
#[cfg(any(target_os = "linux", test, feature = "testing"))]
pub(super) const MAGIC: [u8; 8] = *b"worsenB\x01";

/// The bits of an offset beside those of its generation: 16 TiB, as long as a file can be on ext4.
pub(super) const OFFSET_BITS: u32 = 44;

pub(super) const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

#[repr(C, align(64))]
pub(super) struct Label {
    pub(super) magic: Word64,
}

#[repr(C, align(64))]
pub(super) struct News {
    pub(super) revision: Word64,
    pub(super) changes: EventCount,
    pub(super) mark: Word64,
    pub(super) marks_until: Word32,
}

#[repr(C, align(64))]
pub(super) struct Progress {
    pub(super) doubted: Word64,
    pub(super) durable: Word64,
    pub(super) written: Word64,
    pub(super) synced: EventCount,
}

#[repr(C, align(64))]
pub(super) struct Held {
    pub(super) since_ms: Word64,
    pub(super) pid: Word32,
}

#[repr(C, align(64))]
pub(super) struct Trial {
    pub(super) count: Word32,
}

/// The page: atomics alone, each valid for every bit pattern.
#[repr(C)]
pub(super) struct Page {
    pub(super) label: Label,
    pub(super) news: News,
    pub(super) progress: Progress,
    pub(super) held: Held,
    pub(super) trial: Trial,
}

// Other processes, perhaps of another build of this crate, read these places. Loom's atomics are of
// another size, and never mapped.
#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Page>() as u64 <= PAGE_BYTES);
    assert!(align_of::<Page>() as u64 <= PAGE_BYTES);
    assert!(std::mem::offset_of!(Page, label.magic) == 0);
    assert!(std::mem::offset_of!(Page, news.revision) == 64);
    assert!(std::mem::offset_of!(Page, news.changes) == 72);
    assert!(std::mem::offset_of!(Page, news.mark) == 80);
    assert!(std::mem::offset_of!(Page, news.marks_until) == 88);
    assert!(std::mem::offset_of!(Page, progress.doubted) == 128);
    assert!(std::mem::offset_of!(Page, progress.durable) == 136);
    assert!(std::mem::offset_of!(Page, progress.written) == 144);
    assert!(std::mem::offset_of!(Page, progress.synced) == 152);
    assert!(std::mem::offset_of!(Page, held.since_ms) == 192);
    assert!(std::mem::offset_of!(Page, held.pid) == 200);
    assert!(std::mem::offset_of!(Page, trial.count) == 256);
};

impl Page {
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn new() -> Page {
        Page {
            label: Label {
                magic: Word64::new(0),
            },
            news: News {
                revision: Word64::new(0),
                changes: EventCount::new(),
                mark: Word64::new(0),
                marks_until: Word32::new(0),
            },
            progress: Progress {
                doubted: Word64::new(0),
                durable: Word64::new(0),
                written: Word64::new(0),
                synced: EventCount::new(),
            },
            held: Held {
                since_ms: Word64::new(0),
                pid: Word32::new(0),
            },
            trial: Trial {
                count: Word32::new(0),
            },
        }
    }

    /// Makes an untouched page ours. False where another layout, or no shared page at all, stands there.
    #[cfg(any(target_os = "linux", test, feature = "testing"))]
    pub(super) fn claim(&self) -> bool {
        let magic = u64::from_le_bytes(MAGIC);
        match self.label.magic.compare_exchange(0, magic, AcqRel, Acquire) {
            Ok(_) => true,
            Err(there) => there == magic,
        }
    }

    pub(super) fn raise_mark(&self, mark: Mark) {
        let mut there = self.news.mark.load(Relaxed);
        while mark.is_newer_than(Mark::of_word(there)) {
            // Release, as all that is seen with a revision.
            match self
                .news
                .mark
                .compare_exchange(there, mark.word(), Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => there = now,
            }
        }
    }

    pub(super) fn raise_durable_offset(&self, generation: u64, offset: u64) {
        let Some(raised) = pack(generation, offset) else {
            return;
        };
        let mut there = self.progress.durable.load(Relaxed);
        let raised = match planted(Bug::RaiseOffsetOfAnotherGeneration) {
            true => (there & !OFFSET_MASK) | offset,
            false => raised,
        };
        // Equal high bits: the same generation, and the greater word is the greater offset.
        while there >> OFFSET_BITS == raised >> OFFSET_BITS && there < raised {
            match self
                .progress
                .durable
                .compare_exchange(there, raised, Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => there = now,
            }
        }
    }
}

/// Generation and offset in one word, so that they change together. `None`: the offset is too great.
pub(super) fn pack(generation: u64, offset: u64) -> Option<u64> {
    (offset <= OFFSET_MASK).then_some((generation << OFFSET_BITS) | offset)
}

/// As [`pack`]. An offset too great to be told is told as 0: then everybody syncs for itself.
pub(super) fn pack_or_none(generation: u64, offset: u64) -> u64 {
    pack(generation, offset).unwrap_or(generation << OFFSET_BITS)
}

/// The offset in a word of this generation, or 0.
pub(super) fn unpack(word: u64, generation: u64) -> u64 {
    if (word ^ (generation << OFFSET_BITS)) >> OFFSET_BITS == 0 {
        word & OFFSET_MASK
    } else {
        0
    }
}

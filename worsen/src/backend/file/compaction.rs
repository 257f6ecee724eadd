//! A new generation of the log, which begins with the live state: what it looks like, and when it is
//! due. Amortised over the writes that made it due, a byte of it costs a byte of them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    format::{Header, Past, Position, Record},
    lineage::Chain,
    log::KEPT,
};
use crate::{
    backend::Entries,
    callbacks::quietly,
    entry::Edit,
    planted::{Bug, planted, was_unknown},
};

/// A log up to this length is left alone; 0: none is. Shared, so that a test can ask for a compaction
/// now.
#[derive(Debug, Clone)]
pub(crate) struct CompactAbove(pub(crate) Arc<AtomicU64>);

impl Default for CompactAbove {
    fn default() -> Self {
        CompactAbove(Arc::new(AtomicU64::new(512 * 1024)))
    }
}

/// How far a compaction is. See [`Builder::on_compaction`](crate::Builder::on_compaction).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    written: u64,
    total: u64,
}

impl Compaction {
    /// How many bytes are written, of the new log and then of its backup.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes there are to write.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.written == self.total
    }
}

/// The function that is told of compactions, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<dyn Fn(Compaction) + Send + Sync>>);

impl Observer {
    pub(crate) fn new(tell: impl Fn(Compaction) + Send + Sync + 'static) -> Self {
        Observer(Some(Arc::new(tell)))
    }

    /// A panic of it is printed as any, and stops nothing: the store is not the worse for it.
    pub(crate) fn tell(&self, written: u64, total: u64) {
        if let Some(tell) = &self.0 {
            quietly(|| tell(Compaction { written, total }));
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "an observer",
            None => "nobody",
        })
    }
}

/// How many times its live state a log may hold.
const FACTOR: u64 = 4;

/// How long a line of the state at the beginning becomes, about.
const LINE: usize = 64 * 1024;

/// Whether a log of this length has outgrown its live state.
pub(crate) fn is_due(length: u64, live: u64, above: &CompactAbove) -> bool {
    // Relaxed: nothing hangs on when a change of it is seen.
    let above = above.0.load(Ordering::Relaxed);
    above == 0 || length > above.max(live.saturating_mul(FACTOR))
}

/// Whether a compaction of it makes room on a full disk, for the log as for its backup.
pub(crate) fn is_worth_it(length: u64, live: u64) -> bool {
    length > live.saturating_mul(2).saturating_add(KEPT)
}

/// How long a log of this length becomes before a compaction is tried again that has failed: trying
/// costs the live state, and every write would pay it.
pub(crate) fn after_failure(length: u64) -> u64 {
    length.saturating_add(length / FACTOR)
}

/// A log that is to be written.
pub(crate) struct NewLog {
    pub(crate) header: Header,
    pub(crate) bytes: Vec<u8>,
    pub(crate) position: Position,
    pub(crate) chain: Chain,
}

/// A log that begins with these entries, after these generations.
pub(crate) fn image(
    store: &str,
    (generation, past): (u64, Vec<Past>),
    revision: u64,
    entries: &Entries,
    now: &str,
) -> NewLog {
    let mut lines: Vec<Vec<Edit>> = Vec::new();
    let mut length = LINE;
    for (uid, json) in entries {
        if planted(Bug::CompactionDropsUnknownFields) && was_unknown(uid) {
            continue;
        }
        if length >= LINE {
            lines.push(Vec::new());
            length = 0;
        }
        length += uid.len() + json.len();
        if let Some(line) = lines.last_mut() {
            line.push(Edit::set(uid, json));
        }
    }
    let header = Header {
        store: store.into(),
        generation,
        revision,
        base: lines.len() as u64,
        past,
        at: now.into(),
    };
    let mut bytes = Vec::new();
    let crc = header.encode(&mut bytes);
    let chain = Chain::of_header(crc);
    let mut position = Position::after_header(&header, crc, bytes.len());
    for changes in lines {
        let record = Record {
            revision,
            at: now.into(),
            pid: std::process::id(),
            durable: None,
            changes,
        };
        position.crc = record.encode(position.crc, &mut bytes);
        position.offset = bytes.len() as u64;
        position.base_left -= 1;
        chain.note(&header, &position);
    }
    NewLog {
        header,
        bytes,
        position,
        chain,
    }
}

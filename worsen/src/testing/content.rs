//! What is in the files of a simulated disk, and what a crash may leave of it. Never here: their names.

use std::{collections::BTreeMap, io, ops::Range, sync::Arc};

use super::random::Random;

/// What a disk writes whole, or tears.
const SECTOR: u64 = 512;

/// No simulated file grows beyond this: a wild offset must fail here, not take the machine's memory.
const MAX_FILE: u64 = 1 << 30;

/// A file, whatever its names are.
#[derive(Clone, Default)]
pub(super) struct Node {
    /// What is on the disk for certain.
    pub(super) durable: Arc<Vec<u8>>,
    /// What processes see.
    pub(super) current: Arc<Vec<u8>>,
    /// How one became the other, but for what a sync has lost.
    pub(super) changes: Vec<Change>,
    pub(super) handles: usize,
    /// How many syncs have lost data.
    pub(super) losses: u64,
}

/// A change that no sync has made durable.
#[derive(Clone)]
pub(super) enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    Size(u64),
}

impl Node {
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset
            .checked_add(bytes.len() as u64)
            .filter(|end| *end <= MAX_FILE);
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        let grows = end > self.current.len() as u64;
        put(Arc::make_mut(&mut self.current), bytes, offset);
        self.changes.push(Change::Write {
            offset,
            bytes: bytes.into(),
        });
        if grows {
            self.changes.push(Change::Size(end));
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, len: u64) -> io::Result<()> {
        if len > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if len != self.current.len() as u64 {
            Arc::make_mut(&mut self.current).resize(len as usize, 0);
            self.changes.push(Change::Size(len));
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        if !self.changes.is_empty() {
            self.durable = Arc::new(self.after_crash(usize::MAX, 0, |_| Sector::After(u32::MAX)));
            self.changes.clear();
            if self.durable == self.current {
                // One copy will do until the next change.
                self.current = self.durable.clone();
            }
        }
    }

    /// The data is lost to the disk; how long the file is, its metadata knows.
    pub(super) fn lose_sync(&mut self) {
        self.changes
            .retain(|change| matches!(change, Change::Size(_)));
        self.losses += 1;
    }

    pub(super) fn sizes(&self) -> u32 {
        self.changes
            .iter()
            .filter(|change| matches!(change, Change::Size(_)))
            .count() as u32
    }

    /// The sectors touched since the last sync: how many writes, and from where to where.
    pub(super) fn sectors(&self) -> BTreeMap<u64, (u32, Range<u64>)> {
        let mut sectors: BTreeMap<u64, (u32, Range<u64>)> = BTreeMap::new();
        for change in &self.changes {
            let Change::Write { offset, bytes } = change else {
                continue;
            };
            for (sector, range, _) in pieces(*offset, bytes) {
                let known = sectors.entry(sector).or_insert((0, range.clone()));
                known.0 += 1;
                known.1 = known.1.start.min(range.start)..known.1.end.max(range.end);
            }
        }
        sectors
    }

    /// The content with this many changes of size, and each sector as chosen.
    pub(super) fn after_crash(
        &self,
        mut sizes: usize,
        seed: u64,
        chosen: impl Fn(u64) -> Sector,
    ) -> Vec<u8> {
        let mut content = Vec::clone(&self.durable);
        let mut size = content.len();
        let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
        let mut garbage: Vec<Range<u64>> = Vec::new();
        for change in &self.changes {
            match change {
                Change::Size(_) if sizes == 0 => {}
                Change::Size(len) => {
                    sizes -= 1;
                    size = *len as usize;
                    // What was cut off reads as NULs should the file grow again.
                    content.truncate(size);
                    for range in &mut garbage {
                        range.end = range.end.min(*len);
                    }
                }
                Change::Write { offset, bytes } => {
                    for (sector, range, bytes) in pieces(*offset, bytes) {
                        let nth = seen.entry(sector).or_insert(0);
                        *nth += 1;
                        match chosen(sector) {
                            Sector::After(writes) if *nth > writes => {}
                            Sector::After(_) => put(&mut content, bytes, range.start),
                            Sector::Torn(cut) => {
                                let new = cut.saturating_sub(range.start).min(bytes.len() as u64);
                                put(&mut content, &bytes[..new as usize], range.start);
                            }
                            Sector::Garbage => {
                                put(&mut content, bytes, range.start);
                                garbage.push(range);
                            }
                        }
                    }
                }
            }
        }
        for range in garbage.iter().filter(|range| range.start < range.end) {
            let mut random = Random::new(seed ^ range.start.wrapping_mul(0x9E37_79B9));
            spoil(
                &mut content[range.start as usize..range.end as usize],
                &mut random,
            );
        }
        content.resize(size, 0);
        content
    }
}

/// What a sector that was written and not synced holds after a crash.
#[derive(Clone, Copy)]
pub(super) enum Sector {
    /// As it was after this many of the writes that touched it.
    After(u32),
    /// All the writes up to this offset, and none of them from there on.
    Torn(u64),
    /// Anything, where a write touched it.
    Garbage,
}

impl Sector {
    /// By the answer to how many of its `writes` it has: one more is a write that was torn at `cut`, two more garbage.
    pub(super) fn chosen(answer: u32, writes: u32, cut: u64) -> Sector {
        match answer {
            answer if answer <= writes => Sector::After(answer),
            answer if answer == writes + 1 => Sector::Torn(cut),
            _ => Sector::Garbage,
        }
    }
}

/// Never what was there before: a test that asks for garbage gets garbage.
fn spoil(bytes: &mut [u8], random: &mut Random) {
    match random.below(4) {
        0 if bytes.iter().any(|byte| *byte != 0) => bytes.fill(0),
        1 => {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        2 => {
            // Text, digits and all: to a parser more seductive than noise.
            let text = br#"{"rev":1,"set":{"a":null},"crc":"00000000"}"#;
            let text = text
                .iter()
                .cycle()
                .skip(random.below(text.len() as u64) as usize);
            let mut same = true;
            for (byte, text) in bytes.iter_mut().zip(text) {
                same &= *byte == *text;
                *byte = *text;
            }
            if same {
                bytes[0] ^= 1;
            }
        }
        _ => {
            for byte in bytes {
                *byte ^= 1 + random.below(255) as u8;
            }
        }
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let start = offset as usize;
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// A write, cut at the sectors' boundaries.
fn pieces(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, Range<u64>, &[u8])> {
    let end = offset + bytes.len() as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let sector = at / SECTOR;
        let range = at..end.min((sector + 1) * SECTOR);
        at = range.end;
        let bytes = &bytes[(range.start - offset) as usize..(range.end - offset) as usize];
        Some((sector, range, bytes))
    })
}

//! Putting a log together again from the lines of both its files, wherever they stand: a person who edits a log
//! by hand drops lines, moves them, and gives them other ends. Never here: what is to become of the files, and
//! of what no line fits.

use std::collections::{HashMap, HashSet};

use crate::{
    backend::file::format::{Crc, Position, Record, claimed_crc, is_blank, revision_of},
    shared_str::Buffer,
};

/// A line, without what is blank around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Where it begins, in bytes from the start of the file.
    pub(super) offset: usize,
    pub(super) text: &'a [u8],
    /// A line feed follows it.
    pub(super) has_end: bool,
}

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Every line that is not blank.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut end = 0;
    let line = move |line| {
        let line: &[u8] = line;
        let begin = end;
        end += line.len();
        let mut skipped = blank_start(line);
        let mut text = &line[skipped..];
        if let Some(behind) = text.strip_prefix(BYTE_ORDER_MARK) {
            skipped += BYTE_ORDER_MARK.len() + blank_start(behind);
            text = &line[skipped..];
        }
        let last = text.iter().rposition(|byte| !is_blank(&[*byte]));
        Line {
            offset: begin + skipped,
            text: &text[..last.map_or(0, |last| last + 1)],
            has_end: line.last() == Some(&b'\n'),
        }
    };
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(line)
        .filter(|line| !line.text.is_empty())
}

/// How many bytes are blank at the beginning.
fn blank_start(bytes: &[u8]) -> usize {
    let ink = bytes.iter().position(|byte| !is_blank(&[*byte]));
    ink.unwrap_or(bytes.len())
}

/// How many chains are followed at a time. A copy that was put over a log leaves two histories that both go on
/// from one line; somebody who leaves more than a few does so on purpose.
const CHAIN_LIMIT: usize = 16;

/// How many bytes are decoded for each byte that there is: lines that somebody shuffled on purpose are not worth
/// more.
const DECODED_PER_BYTE: u64 = 64;

/// A line in a chain.
struct Link {
    /// Where the chain stands behind it.
    position: Position,
    /// Its index in the pool, and that of the link before it.
    line: usize,
    before: Option<usize>,
}

/// The longest chain of valid lines that goes on from here, of both files together. Where two are of one
/// length, the one that stands first.
pub(super) fn longest_chain(start: Position, files: [&[u8]; 2]) -> Vec<&[u8]> {
    let pool: Vec<&[u8]> = files
        .into_iter()
        .flat_map(|bytes| lines(bytes).map(|line| line.text))
        .collect();
    let mut of_revision: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, text) in pool.iter().enumerate() {
        if let Some(revision) = revision_of(text) {
            of_revision.entry(revision).or_default().push(index);
        }
    }
    let bytes: usize = files.iter().map(|bytes| bytes.len()).sum();
    let mut search = Search {
        bytes_left: DECODED_PER_BYTE.saturating_mul(bytes as u64),
        links: Vec::new(),
        of_revision,
        pool,
    };
    let mut newest = search.go_on(start, None);
    let mut longest = newest.first().copied();
    while let Some(first) = newest.first() {
        longest = Some(*first);
        newest.truncate(CHAIN_LIMIT);
        let mut next = Vec::new();
        for link in newest {
            let position = search.links[link].position;
            next.extend(search.go_on(position, Some(link)));
        }
        newest = next;
    }
    let mut chain = Vec::new();
    while let Some(link) = longest.and_then(|link| search.links.get(link)) {
        chain.push(search.pool[link.line]);
        longest = link.before;
    }
    chain.reverse();
    chain
}

struct Search<'a> {
    pool: Vec<&'a [u8]>,
    /// Where lines stand that say to be of a revision.
    of_revision: HashMap<u64, Vec<usize>>,
    links: Vec<Link>,
    bytes_left: u64,
}

impl Search<'_> {
    /// Every line that goes on from this place of a chain, as new links.
    fn go_on(&mut self, from: Position, before: Option<usize>) -> Vec<usize> {
        let revision = match from.base_left {
            0 => from.revision.saturating_add(1),
            _ => from.revision,
        };
        // Nearly always it is the next one.
        let next = before.map_or(0, |link| self.links[link].line + 1);
        let others = self.of_revision.get(&revision);
        let others = others.into_iter().flatten().copied();
        let mut found: Vec<(Crc, usize)> = Vec::new();
        for index in std::iter::once(next).chain(others) {
            let Some(text) = self.pool.get(index) else {
                continue;
            };
            let crc = claimed_crc(text);
            if self.bytes_left == 0 && index != next
                || crc.is_none_or(|crc| found.iter().any(|(known, _)| *known == crc))
            {
                continue;
            }
            self.bytes_left = self.bytes_left.saturating_sub(text.len() as u64);
            let mut position = from;
            if position.step(text, Buffer::NONE).is_some() {
                self.links.push(Link {
                    position,
                    line: index,
                    before,
                });
                found.push((position.crc, self.links.len() - 1));
                // One process wrote the state that a generation begins with: there is one of it.
                if from.base_left > 0 {
                    break;
                }
            }
        }
        found.into_iter().map(|(_, link)| link).collect()
    }
}

/// The bytes of a log with these lines.
pub(super) fn image(header: &[u8], chain: &[&[u8]]) -> Vec<u8> {
    let length: usize = chain.iter().map(|line| line.len() + 1).sum();
    let mut bytes = Vec::with_capacity(header.len() + 1 + length);
    for line in std::iter::once(&header).chain(chain) {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    bytes
}

/// Lines of a log that are in no chain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOver {
    /// Where the first one begins, in bytes from the start of the file.
    pub(super) offset: u64,
    /// How many bytes it is from there to the end of the last one.
    pub(super) bytes: u64,
    /// They may have been whole once: a writer that dies leaves the beginning of a line.
    pub(super) may_be_commits: bool,
    /// No writer leaves this: somebody typed it.
    pub(super) is_typed: bool,
}

impl LeftOver {
    /// What of a log is not in the chain that it was put together to, from this place of it on.
    pub(super) fn of(log: &[u8], from: Position, header: &[u8], chain: &[&[u8]]) -> Self {
        let begin = (from.offset as usize).min(log.len());
        let found: HashSet<&[u8]> = lines(&log[begin..]).map(|line| line.text).collect();
        let wanted: HashSet<&[u8]> = chain.iter().copied().collect();
        let missing = Missing::of(header, chain, |line| found.contains(line), begin);
        let mut left = LeftOver::default();
        let mut last = Some(from.crc);
        for line in lines(&log[begin..]) {
            let before = last;
            last = claimed_crc(line.text).or(last);
            let offset = begin + line.offset;
            let end = offset + line.text.len();
            if line.text == header || wanted.contains(line.text) {
                continue;
            }
            let is_whole = before
                .is_some_and(|before| Record::decode(line.text, before, Buffer::NONE).is_some());
            if !is_whole && missing.cover(offset, end) {
                continue;
            }
            if left.bytes == 0 {
                left.offset = offset as u64;
            }
            left.bytes = end as u64 - left.offset;
            left.may_be_commits |=
                line.has_end || memchr::memmem::find(line.text, b",\"crc\":\"").is_some();
            // The object that a writer has begun is whole when its checksum is.
            left.is_typed |= claimed_crc(line.text).is_none()
                && serde_json::from_slice::<serde::de::IgnoredAny>(line.text).is_ok();
        }
        left
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

/// Where the lines of a chain belong that the log itself does not have. What stands there in their place is
/// what is left of them.
struct Missing(Vec<(usize, usize)>);

impl Missing {
    /// Those from `begin` on.
    fn of(header: &[u8], chain: &[&[u8]], is_there: impl Fn(&[u8]) -> bool, begin: usize) -> Self {
        let mut missing = Vec::new();
        let mut offset = 0;
        for line in std::iter::once(&header).chain(chain) {
            let end = offset + line.len() + 1;
            if end > begin && !is_there(line) {
                missing.push((offset, end));
            }
            offset = end;
        }
        Missing(missing)
    }

    /// Whether everything between these offsets is in the place of a missing line.
    fn cover(&self, mut offset: usize, end: usize) -> bool {
        let first = self.0.partition_point(|(_, end)| *end <= offset);
        for (begins, ends) in &self.0[first..] {
            if *begins > offset || offset >= end {
                break;
            }
            offset = *ends;
        }
        offset >= end
    }
}

//! A commit as a line of the log, and back: the codec of FORMAT.md, pure. No file is touched here.
//!
//! Every line ends in a CRC that also covers the CRC of the line before it, so that a line which was
//! moved, or left over from before, never validates. SQLite's write-ahead log chains its checksums
//! in the same way.

use std::fmt::Write as _;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    backend::Entry,
    planted::{Bug, planted},
    text::{Text, Whole},
};

/// The format that this code writes, and the newest it reads.
pub(crate) const FORMAT: u64 = 1;

/// The greatest revision and generation. No store gets there, every JSON reader holds them exactly,
/// and no sum of a few of them overflows.
pub(crate) const MOST: u64 = 1 << 53;

/// What every header line begins with, in this format and all to come.
const MAGIC: &str = "{\"worsen\":";

/// The bytes of `,"crc":"1a2b3c4d"}` and the line feed after it.
pub(super) const TRAILER: usize = 19;

/// One life of the log: from its creation, or a compaction, to the next compaction.
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

/// Where an earlier generation ended, and the next one began with its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) generation: u64,
    pub(crate) revision: u64,
    pub(crate) crc: Crc,
}

/// One commit, or one part of the state that a generation begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    /// When it was committed: UTC, to the millisecond. For people; nothing is ordered by it.
    pub(crate) at: Text,
    /// The process that committed it. For people as well.
    pub(crate) pid: u32,
    /// On the first line of each write: the newest revision that was known to be on disk by then.
    /// An unreadable line at or before it was acknowledged, and must not be taken for a torn write.
    pub(crate) durable: Option<u64>,
    pub(crate) changes: Vec<Entry>,
}

/// Where the chain of checksums stands after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Crc(u32);

impl Crc {
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The chain before a header: salted with the generation.
    fn salt(generation: u64) -> Self {
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

    fn of(self, content: &[u8]) -> Self {
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
        for (place, past) in self.past.iter().enumerate() {
            line.push_str(if place == 0 { ",\"past\":[" } else { "," });
            let Past {
                generation,
                revision,
                crc: Crc(crc),
            } = past;
            let _ = write!(line, "[{generation},{revision},\"{crc:08x}\"]");
        }
        if !self.past.is_empty() {
            line.push(']');
        }
        let _ = write!(line, ",\"at\":\"{}\"", self.at);
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
        let raw = parse(line, Whole::NONE)?;
        let header = Header {
            store: raw.store?,
            generation: raw.generation?,
            revision: raw.revision?,
            base: raw.base?,
            past: raw.past,
            at: raw.at?.to_string(),
        };
        let counts = header.generation <= MOST && header.revision <= MOST;
        (counts && Crc::salt(header.generation).of(content) == crc).then_some((header, crc))
    }
}

impl Record {
    /// Appends the line to `out`; returns the chain after it.
    pub(crate) fn encode(&self, before: Crc, out: &mut Vec<u8>) -> Crc {
        let mut line = String::with_capacity(160);
        let _ = write!(
            line,
            "{{\"rev\":{},\"at\":\"{}\",\"pid\":{}",
            self.revision, self.at, self.pid
        );
        if let Some(durable) = self.durable {
            let _ = write!(line, ",\"durable\":{durable}");
        }
        let mut separator = ",\"set\":{";
        for (uid, json) in &self.changes {
            if let Some(json) = json {
                line.push_str(separator);
                push_json_string(&mut line, uid);
                line.push(':');
                line.push_str(json);
                separator = ",";
            }
        }
        if separator == "," {
            line.push('}');
        }
        separator = ",\"del\":[";
        for (uid, json) in &self.changes {
            if json.is_none() {
                line.push_str(separator);
                push_json_string(&mut line, uid);
                separator = ",";
            }
        }
        if separator == "," {
            line.push(']');
        }
        seal(line, before, out)
    }

    /// Reads a line, without its line feed, that stands after `before` in the chain. `None` where
    /// it is not valid there.
    ///
    /// Its texts stay parts of `whole`, where the line is one.
    pub(crate) fn decode(line: &[u8], before: Crc, whole: &Whole) -> Option<(Record, Crc)> {
        let (content, crc) = split_trailer(line)?;
        if before.of(content) != crc {
            return None;
        }
        let raw = parse(line, whole)?;
        let record = Record {
            revision: raw.revision?,
            at: raw.at?,
            pid: raw.pid?,
            durable: raw.durable,
            changes: raw.changes,
        };
        (record.revision <= MOST).then_some((record, crc))
    }
}

/// The chain after a line, as the line itself tells it. Says nothing about whether it is valid.
pub(crate) fn claimed_crc(line: &[u8]) -> Option<Crc> {
    split_trailer(line).map(|(_, crc)| crc)
}

/// The revision of a line, as its beginning tells it, without reading on. Says nothing about whether it is
/// valid.
pub(crate) fn claimed_revision(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"rev\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// Whether a line begins as every header does.
pub(crate) fn is_header(line: &[u8]) -> bool {
    line.starts_with(MAGIC.as_bytes())
}

fn seal(content: String, before: Crc, out: &mut Vec<u8>) -> Crc {
    let crc = before.of(content.as_bytes());
    out.extend_from_slice(content.as_bytes());
    out.extend_from_slice(&crc.trailer());
    crc
}

/// Splits `…,"crc":"1a2b3c4d"}` into what the checksum covers and the checksum.
fn split_trailer(line: &[u8]) -> Option<(&[u8], Crc)> {
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

pub(crate) fn push_json_string(out: &mut String, text: &str) {
    // By far most uids need no escape.
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

fn parse(line: &[u8], whole: &Whole) -> Option<RawLine> {
    let mut line = serde_json::Deserializer::from_str(whole.text(line)?);
    let raw = LineSeed(whole).deserialize(&mut line).ok()?;
    line.end().ok()?;
    Some(raw)
}

/// What a header says of the generations before it. Nothing, where a later version says it otherwise: it helps
/// to compare, and nothing depends on it.
fn parse_past(json: &RawValue) -> Vec<Past> {
    let past = |(generation, revision, crc): (u64, u64, String)| {
        let crc = u32::from_str_radix(&crc, 16).ok().map(Crc)?;
        Some(Past {
            generation,
            revision,
            crc,
        })
    };
    let all: Vec<(u64, u64, String)> = serde_json::from_str(json.get()).unwrap_or_default();
    all.into_iter().filter_map(past).collect()
}

/// Any line: the fields of headers and records, each where it is there.
#[derive(Default)]
struct RawLine {
    store: Option<String>,
    generation: Option<u64>,
    revision: Option<u64>,
    base: Option<u64>,
    past: Vec<Past>,
    at: Option<Text>,
    pid: Option<u32>,
    durable: Option<u64>,
    changes: Vec<Entry>,
}

/// The name of a field.
enum Member {
    Store,
    Generation,
    Revision,
    Base,
    Past,
    At,
    Pid,
    Durable,
    Set,
    Del,
    /// A later format may say more; what is there is still valid.
    Unknown,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MemberVisitor;
        impl Visitor<'_> for MemberVisitor {
            type Value = Member;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "store" => Member::Store,
                    "gen" => Member::Generation,
                    "rev" => Member::Revision,
                    "base" => Member::Base,
                    "past" => Member::Past,
                    "at" => Member::At,
                    "pid" => Member::Pid,
                    "durable" => Member::Durable,
                    "set" => Member::Set,
                    "del" => Member::Del,
                    _ => Member::Unknown,
                })
            }
        }
        deserializer.deserialize_str(MemberVisitor)
    }
}

struct LineSeed<'a>(&'a Whole);

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = RawLine;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawLine, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = RawLine;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a line of the log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawLine, A::Error> {
        let LineSeed(whole) = self;
        let mut line = RawLine::default();
        while let Some(member) = map.next_key()? {
            match member {
                Member::Store => line.store = Some(map.next_value()?),
                Member::Generation => line.generation = Some(map.next_value()?),
                Member::Revision => line.revision = Some(map.next_value()?),
                Member::Base => line.base = Some(map.next_value()?),
                Member::Past => line.past = parse_past(map.next_value()?),
                Member::At => line.at = Some(map.next_value_seed(TextSeed(whole))?),
                Member::Pid => line.pid = Some(map.next_value()?),
                Member::Durable => line.durable = Some(map.next_value()?),
                Member::Set => map.next_value_seed(SetSeed(&mut line.changes, whole))?,
                Member::Del => map.next_value_seed(DelSeed(&mut line.changes, whole))?,
                Member::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(line)
    }
}

/// The object behind `set`, straight into the list of changes.
struct SetSeed<'a>(&'a mut Vec<Entry>, &'a Whole);

impl<'de> DeserializeSeed<'de> for SetSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SetSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of uids and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(uid) = map.next_key_seed(TextSeed(self.1))? {
            let json: &RawValue = map.next_value()?;
            let is_known = || self.0.iter().any(|(known, _)| *known == uid);
            if planted(Bug::FirstOfDuplicateUidsWins) && is_known() {
                continue;
            }
            self.0.push((uid, Some(self.1.keep(json.get()))));
        }
        Ok(())
    }
}

/// The array behind `del`, straight into the list of changes.
struct DelSeed<'a>(&'a mut Vec<Entry>, &'a Whole);

impl<'de> DeserializeSeed<'de> for DelSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for DelSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of uids")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(uid) = seq.next_element_seed(TextSeed(self.1))? {
            self.0.push((uid, None));
        }
        Ok(())
    }
}

/// A string. What needs no unescaping stays a part of the line.
struct TextSeed<'a>(&'a Whole);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TextSeed<'_> {
    type Value = Text;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(self.0.keep(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            store: "a \"name\"".into(),
            generation: 3,
            revision: 41,
            base: 2,
            past: vec![
                Past {
                    generation: 2,
                    revision: 41,
                    crc: Crc(0x00ab_cdef),
                },
                Past {
                    generation: 1,
                    revision: 7,
                    crc: Crc(u32::MAX),
                },
            ],
            at: "2026-11-23T02:30:00.123Z".into(),
        }
    }

    fn record() -> Record {
        Record {
            revision: 42,
            at: "2026-11-23T02:30:00.123Z".into(),
            pid: 7,
            durable: Some(41),
            changes: vec![
                ("AppErrors".into(), Some("false".into())),
                ("od\u{1}d\n\"uid\"\\".into(), Some(r#"{"a":[1,2]}"#.into())),
                ("jobs/7".into(), None),
            ],
        }
    }

    fn line(bytes: &[u8]) -> &[u8] {
        bytes.strip_suffix(b"\n").unwrap()
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let mut out = Vec::new();
        let crc = header().encode(&mut out);
        assert_eq!(Header::decode(line(&out)), Ok((header(), crc)));
        let text = String::from_utf8_lossy(&out);
        let past = ",\"past\":[[2,41,\"00abcdef\"],[1,7,\"ffffffff\"]],\"at\":";
        assert!(text.contains(past), "{text}");
        let mut out = Vec::new();
        let after = record().encode(crc, &mut out);
        assert_eq!(
            Record::decode(line(&out), crc, Whole::NONE),
            Some((record(), after))
        );
        assert_eq!(claimed_crc(line(&out)), Some(after));
    }

    /// Whatever a later version says there, the header is one.
    #[test]
    fn a_past_that_is_told_otherwise_is_none() {
        for past in ["17", "[[1,2]]", "[[1,2,\"0\",4]]", "{}", "null"] {
            let mut out = Vec::new();
            header().encode(&mut out);
            let text = String::from_utf8_lossy(&out);
            let (before, rest) = text.split_once(",\"past\":").unwrap();
            let (_, behind) = rest.split_once(",\"at\":").unwrap();
            let behind = &behind[..behind.len() - TRAILER];
            let line = format!("{before},\"past\":{past},\"at\":{behind}");
            let mut out = Vec::new();
            seal(line, Crc::salt(3), &mut out);
            let decoded = Header::decode(&out[..out.len() - 1]).unwrap().0;
            assert_eq!(
                decoded,
                Header {
                    past: Vec::new(),
                    ..header()
                },
                "{past}"
            );
        }
    }

    #[test]
    fn a_line_is_valid_in_its_own_place_only() {
        let mut out = Vec::new();
        let crc = header().encode(&mut out);
        let mut other = Vec::new();
        let elsewhere = Header {
            generation: 4,
            ..header()
        }
        .encode(&mut other);
        let mut out = Vec::new();
        record().encode(crc, &mut out);
        assert!(Record::decode(line(&out), elsewhere, Whole::NONE).is_none());
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        // Miri takes its time.
        let bits = if cfg!(miri) { 3..4 } else { 0..8 };
        let mut header_line = Vec::new();
        let crc = header().encode(&mut header_line);
        let mut record_line = Vec::new();
        record().encode(crc, &mut record_line);
        for at in 0..record_line.len() - 1 {
            for bit in bits.clone() {
                let mut flipped = record_line.clone();
                flipped[at] ^= 1 << bit;
                assert!(
                    Record::decode(line_of(&flipped), crc, Whole::NONE).is_none(),
                    "byte {at} bit {bit}"
                );
            }
        }
        for at in 0..header_line.len() - 1 {
            for bit in bits.clone() {
                let mut flipped = header_line.clone();
                flipped[at] ^= 1 << bit;
                let decoded = Header::decode(line_of(&flipped));
                assert!(
                    matches!(decoded, Err(NotAHeader::Damaged | NotAHeader::Foreign)),
                    "byte {at} bit {bit}: {decoded:?}"
                );
            }
        }
    }

    fn line_of(bytes: &[u8]) -> &[u8] {
        &bytes[..bytes.len() - 1]
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        assert_eq!(
            Header::decode(br#"{"worsen":2,"whatever":"comes"}"#),
            Err(NotAHeader::Newer(2))
        );
        assert_eq!(Header::decode(br#"{"hello":2}"#), Err(NotAHeader::Foreign));
        assert_eq!(Header::decode(b""), Err(NotAHeader::Foreign));
        assert_eq!(Header::decode(br#"{"worsen":"#), Err(NotAHeader::Damaged));
    }
}

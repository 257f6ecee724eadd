//! What must hold of any bytes that are read as a log. The fuzz target `record` asks it of what it makes up, and a
//! unit test of the inputs that it begins with.

use super::{
    Crc, Header, Position, Record, TRAILER, claimed_crc, claimed_revision, crc::split_trailer,
    is_header, parse::parse, read_header,
};
use crate::shared_str::Buffer;

/// The first bit of the first byte: seal the lines anew, so that their checksums hold. The other ones: where the
/// log is cut off. The rest is a log.
pub(crate) fn check_record(input: &[u8]) {
    let Some((flags, bytes)) = input.split_first() else {
        return;
    };
    let log = match flags & 1 {
        0 => bytes.to_vec(),
        _ => resealed(bytes),
    };
    let cut = log.len() * usize::from(flags >> 1) / 127;
    let log = Buffer::from(log);
    check_lines(&log);
    check_beginnings(&log, cut);
}

/// These lines, each with the checksum that it would have behind the one before it. What begins as no line does
/// stays as it is.
pub(crate) fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut crc = Crc::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.first() != Some(&b'{') {
            out.extend_from_slice(line);
            continue;
        }
        let content = split_trailer(text).map_or(text, |(content, _)| content);
        if is_header(text) {
            let sealed = [content, &crc.trailer()[..TRAILER - 1]].concat();
            let generation = parse(&sealed, Buffer::NONE).and_then(|raw| raw.generation);
            crc = Crc::salt(generation.unwrap_or(0));
        }
        crc = crc.of(content);
        out.extend_from_slice(content);
        out.extend_from_slice(&crc.trailer()[..TRAILER - 1]);
        out.extend_from_slice(&line[text.len()..]);
    }
    out
}

/// What a line says comes back when it is written, whatever it looked like.
fn check_lines(log: &Buffer) {
    let mut before = None;
    for line in log.split(|byte| *byte == b'\n') {
        if let Ok((header, _)) = Header::decode(line) {
            let mut out = Vec::new();
            let crc = header.encode(&mut out);
            let written = &out[..out.len() - 1];
            assert!(is_header(written));
            assert_eq!(Header::decode(written), Ok((header, crc)));
        }
        let decoded = before.and_then(|before| Record::decode(line, before, Buffer::NONE));
        if let (Some((mut record, crc)), Some(before)) = (decoded, before) {
            assert_eq!(claimed_crc(line), Some(crc));
            let shared = Record::decode(line, before, log);
            assert_eq!(shared.as_ref(), Some(&(record.clone(), crc)));
            let mut out = Vec::new();
            let crc = record.encode(before, &mut out);
            let written = &out[..out.len() - 1];
            assert_eq!(claimed_revision(written), Some(record.revision));
            assert_eq!(claimed_crc(written), Some(crc));
            // A line sets before it deletes.
            record.changes.sort_by_key(|edit| edit.json.is_none());
            let decoded = Record::decode(written, before, Buffer::NONE);
            assert_eq!(decoded, Some((record.clone(), crc)));
            let mut again = Vec::new();
            record.encode(before, &mut again);
            assert_eq!(again, out);
        }
        before = claimed_crc(line).or(before);
    }
}

/// A log of which the end is missing leads to a part of where all of it does.
fn check_beginnings(log: &[u8], cut: usize) {
    let Some((first, whole)) = read(log) else {
        return;
    };
    let mut last = first;
    for (place, record) in &whole {
        assert_eq!(place.revision, record.revision);
        assert!(place.revision == last.revision + u64::from(last.base_left == 0));
        let line = &log[last.offset as usize..place.offset as usize];
        assert!(line.ends_with(&place.crc.trailer()));
        last = *place;
    }
    let end = last.offset as usize;
    for cut in [cut, end, end - 1, first.offset as usize] {
        let begun = read(&log[..cut]);
        let reached = whole
            .iter()
            .take_while(|(place, _)| place.offset <= cut as u64);
        match begun {
            Some((_, begun)) => assert!(begun.iter().eq(reached)),
            None => assert!((cut as u64) < first.offset),
        }
    }
}

/// Where the header ends, and each line with the place behind it.
fn read(log: &[u8]) -> Option<(Position, Vec<(Position, Record)>)> {
    let (_, first) = read_header(log).ok()?;
    let mut lines = Vec::new();
    let mut position = first;
    let Ok(()) = position.scan(
        &log[first.offset as usize..],
        Buffer::NONE,
        |place, record| {
            lines.push((*place, record));
            Ok::<(), std::convert::Infallible>(())
        },
    );
    assert_eq!(lines.last().map_or(first, |(place, _)| *place), position);
    Some((first, lines))
}

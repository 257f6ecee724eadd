//! Lines as they are written, and what is made of those that were changed.

use super::{crc::seal, *};
use crate::{entry::Edit, shared_str::Buffer};

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
            Edit::set("AppErrors", "false"),
            Edit::set("od\u{1}d\n\"uid\"\\", r#"{"a":[1,2]}"#),
            Edit::delete("jobs/7"),
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
        Record::decode(line(&out), crc, Buffer::NONE),
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
    assert!(Record::decode(line(&out), elsewhere, Buffer::NONE).is_none());
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
                Record::decode(line_of(&flipped), crc, Buffer::NONE).is_none(),
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

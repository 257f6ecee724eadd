//! Files that somebody made to do harm, or a tool that meant well: whatever they hold, opening them gives
//! a store or an error with a kind, in memory and time that are a multiple of their size.

use std::collections::BTreeMap;

use worsen::{Error, ErrorKind, Repair, testing::SimulatedDisk};

use crate::{
    machine::{BACKUP, LOG, Op, PLAIN, READ_ONLY, SALVAGE, disk_with, open, open_as},
    support::{Random, Worker, folder, scale},
};

const MIB: usize = 1 << 20;

fn crc32(start: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ 0xEDB8_8320
                } else {
                    crc >> 1
                };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!start, |crc, byte| {
        (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}

/// Lines, each without its checksum and what closes it, as a log in which all checksums are right.
fn sealed<T: AsRef<[u8]>>(generation: u64, contents: &[T]) -> Vec<u8> {
    let mut crc = crc32(0, &generation.to_le_bytes());
    let mut log = Vec::new();
    for content in contents {
        crc = crc32(crc, content.as_ref());
        log.extend_from_slice(content.as_ref());
        log.extend_from_slice(format!(",\"crc\":\"{crc:08x}\"}}\n").as_bytes());
    }
    log
}

const HEADER: &str =
    r#"{"worsen":1,"store":"s","gen":1,"rev":0,"base":0,"at":"2026-11-23T02:30:00.000Z""#;

fn commit(revision: u64, rest: &str) -> String {
    format!(r#"{{"rev":{revision},"at":"2026-11-23T02:30:00.000Z","pid":1,{rest}"#)
}

/// Opens it in every way. Where it opens, it takes a write and shows the same the next time.
fn survive(
    log: &[u8],
    backup: Option<&[u8]>,
    what: &str,
) -> Result<(u64, BTreeMap<String, String>), ErrorKind> {
    let typed = |error: &Error| {
        let typed = matches!(
            error.kind(),
            ErrorKind::Damaged | ErrorKind::NotAStore | ErrorKind::NewerFormat | ErrorKind::Decode
        );
        assert!(typed, "{what}: {error}");
        error.kind()
    };
    let mut plain = None;
    for how in [READ_ONLY, PLAIN, SALVAGE] {
        let disk = disk_with(Some(log), backup);
        let outcome = open_as(&disk, how).map(|opened| {
            let (revision, mut state) = opened.state();
            let before = (revision, state.clone());
            if !how.read_only {
                match opened.set("after", "the harm") {
                    Ok(()) => {
                        state.insert("after".into(), "the harm".into());
                        drop(opened);
                        let opened = open(&disk).unwrap_or_else(|error| {
                            panic!("{what}: opens once and never again: {error}")
                        });
                        assert_eq!(opened.state(), (revision + 1, state), "{what}");
                        assert!(
                            opened.store.recovered().is_empty(),
                            "{what}: {:?}",
                            opened.store.recovered()
                        );
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TooLarge, "{what}: {error}"),
                }
            }
            before
        });
        let outcome = outcome.map_err(|error| typed(&error));
        // A value that does not fit is found last, when what was damaged has been mended.
        if outcome
            .as_ref()
            .is_err_and(|kind| *kind != ErrorKind::Decode)
        {
            assert_eq!(
                disk.read_file(LOG).as_deref(),
                Some(log),
                "{what}: refused, and changed the log"
            );
        }
        if !how.read_only && !how.salvage {
            plain = Some(outcome);
        }
    }
    plain.expect("it was opened plainly")
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(uid, text)| ((*uid).into(), (*text).into()))
        .collect()
}

#[test]
fn a_well_made_log_is_read() {
    let log = sealed(1, &[HEADER, &commit(1, r#""set":{"a":"1"}"#)]);
    assert_eq!(
        survive(&log, None, "well made"),
        Ok((1, texts(&[("a", "1")])))
    );
}

#[test]
fn a_checksum_that_is_right_makes_no_content_right() {
    let good = commit(1, r#""set":{"a":"1"}"#);
    let a = texts(&[("a", "1")]);
    // What a later version may say, or what has one meaning only.
    for (line, expected) in [
        (
            commit(2, r#""set":{"b":"1","b":"2"}"#),
            &[("a", "1"), ("b", "2")][..],
        ),
        (commit(2, r#""del":["a","a","nobody"]"#), &[]),
        (
            commit(2, r#""later":{"deep":[[[]]]},"set":{}"#),
            &[("a", "1")],
        ),
        (
            commit(2, r#""set":{"":"empty"}"#),
            &[("", "empty"), ("a", "1")],
        ),
        (
            commit(2, r#""set":{"\u0000\n":"control"}"#),
            &[("\0\n", "control"), ("a", "1")],
        ),
        (
            commit(2, r#""durable":18446744073709551615"#),
            &[("a", "1")],
        ),
    ] {
        let log = sealed(1, &[HEADER, &good, &line]);
        assert_eq!(
            survive(&log, None, &line),
            Ok((2, texts(expected))),
            "{line}"
        );
    }
    // What no writer writes is no commit: the log ends before it, and what was there is kept.
    for line in [
        commit(3, r#""set":{"b":"1"}"#),
        commit(1, r#""set":{"b":"1"}"#),
        commit(0, r#""set":{"b":"1"}"#),
        commit(u64::MAX, r#""set":{"b":"1"}"#),
        commit(2, r#""set":["b"]"#),
        commit(2, r#""del":{"b":"1"}"#),
        commit(2, r#""set":{"b":}"#),
        commit(2, r#""set":{"b":"1""#),
        commit(2, r#""set":{"b":"1"},}"#),
        commit(2, r#""set":{"b":01}"#),
        commit(2, r#""set":{"b":nul}"#),
        commit(2, "\"set\":{\"b\":\"\u{1}\"}"),
        commit(2, r#""set":{"b":"\ud800"#),
        commit(2, r#""set":{b:"1"}"#),
        commit(2, r#""rev":"2""#),
        commit(2, r#""pid":-1"#),
        commit(2, r#""pid":1e300"#),
        commit(2, r#""durable":null"#),
        r#"{"at":"","pid":1,"set":{"b":"1"}"#.to_owned(),
        r#"{"rev":2,"set":{"b":"1"}"#.to_owned(),
        r#"[{"rev":2,"at":"","pid":1,"set":{"b":"1"}"#.to_owned(),
        r#"{"rev":2.0,"at":"","pid":1,"set":{"b":"1"}"#.to_owned(),
        String::new(),
        "null".to_owned(),
        HEADER.to_owned(),
    ] {
        let log = sealed(1, &[HEADER, &good, &line]);
        assert_eq!(survive(&log, None, &line), Ok((1, a.clone())), "{line}");
    }
    // A value that is not of the store's type is an error that names it, not a loss.
    for value in ["1", "null", "[]", "{}", "true"] {
        let line = commit(2, &format!(r#""set":{{"b":{value}}}"#));
        let log = sealed(1, &[HEADER, &good, &line]);
        assert_eq!(survive(&log, None, &line), Err(ErrorKind::Decode), "{line}");
    }
}

/// A writer that dies leaves lines like this, and its commit was not acknowledged.
#[test]
fn a_line_that_lacks_only_its_end_is_a_commit() {
    let lines = [
        HEADER.to_owned(),
        commit(1, r#""set":{"a":"1"}"#),
        commit(2, r#""durable":1,"set":{"a":"2"}"#),
    ];
    let whole = sealed(1, &lines);
    let cut = &whole[..whole.len() - 1];
    for (what, behind) in [("cut", 0), ("blanks behind", 4096)] {
        let log = [cut, &vec![b' '; behind]].concat();
        let expected = Ok((2, texts(&[("a", "2")])));
        assert_eq!(survive(&log, None, what), expected, "{what}");
    }
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    let header = |store: &str, generation: &str, revision: &str, base: &str| {
        format!(
            r#"{{"worsen":1,"store":{store},"gen":{generation},"rev":{revision},"base":{base},"at":"""#
        )
    };
    let largest = u64::MAX.to_string();
    let next = (u64::MAX - 1).to_string();
    for (generation, line) in [
        (1, header("\"s\"", "1", "0", "5")),
        (1, header("\"s\"", "1", "0", &largest)),
        (1, header("\"s\"", "1", &largest, "0")),
        (1, header("\"s\"", "1", &next, "0")),
        (u64::MAX, header("\"s\"", &largest, "0", "0")),
        (u64::MAX - 1, header("\"s\"", &next, "0", "0")),
        (0, header("\"s\"", "0", "0", "0")),
        (1, header("\"t\"", "1", "0", "0")),
        (1, header("1", "1", "0", "0")),
        (
            1,
            header(&format!("\"{}\"", "s".repeat(MIB)), "1", "0", "0"),
        ),
        (1, header("\"s\"", "-1", "0", "0")),
        (1, header("\"s\"", "1.0", "0", "0")),
        (1, r#"{"worsen":1"#.to_owned()),
        (
            1,
            r#"{"worsen":0,"store":"s","gen":1,"rev":0,"base":0,"at":"""#.to_owned(),
        ),
        (
            1,
            r#"{"worsen":01,"store":"s","gen":1,"rev":0,"base":0,"at":"""#.to_owned(),
        ),
        (
            1,
            r#"{"worsen":99999999999999999999999,"store":"s""#.to_owned(),
        ),
        (
            1,
            r#"{"worsen":18446744073709551615,"store":"s""#.to_owned(),
        ),
    ] {
        let what: String = line.chars().take(100).collect();
        let log = sealed(generation, std::slice::from_ref(&line));
        drop(survive(&log, None, &what));
        let log = sealed(generation, &[line, commit(1, r#""set":{"a":"1"}"#)]);
        drop(survive(&log, None, &what));
    }
}

#[test]
fn what_editors_and_copies_do_to_a_text_is_noticed() {
    let whole = sealed(
        1,
        &[
            HEADER.to_owned(),
            commit(1, r#""durable":0,"set":{"a":"1"}"#),
            commit(2, r#""durable":1,"set":{"b":"2"}"#),
            commit(3, r#""durable":2,"set":{"c":"3"}"#),
        ],
    );
    let all = Ok((3, texts(&[("a", "1"), ("b", "2"), ("c", "3")])));
    let text = String::from_utf8(whole.clone()).unwrap();
    let mut wide = vec![0xff, 0xfe];
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let edited: Vec<(&str, Vec<u8>)> = vec![
        ("a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("other line ends", text.replace('\n', "\r\n").into_bytes()),
        ("old line ends", text.replace('\n', "\r").into_bytes()),
        ("as UTF-16", wide),
        ("indented", text.replace('{', "{ ").into_bytes()),
        (
            "empty lines in between",
            text.replace('\n', "\n\n").into_bytes(),
        ),
        (
            "NULs in between",
            text.replace('\n', "\n\0\0\0").into_bytes(),
        ),
        (
            "blanks at the ends of lines",
            text.replace('\n', "  \n").into_bytes(),
        ),
        ("blanks in front", format!("  {text}").into_bytes()),
        ("an empty line in front", format!("\n{text}").into_bytes()),
        ("a NUL in front", format!("\0{text}").into_bytes()),
        (
            "bad UTF-8 in front",
            [&[0xff, 0xfe, 0xc0][..], &whole].concat(),
        ),
        (
            "bad UTF-8 in it",
            [&whole[..150], &[0xff], &whole[151..]].concat(),
        ),
        ("sorted", {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            (lines.join("\n") + "\n").into_bytes()
        }),
        ("twice", text.repeat(2).into_bytes()),
    ];
    for (what, log) in &edited {
        let alone = survive(log, None, what);
        // Whole lines alone are never passed over in silence.
        let disk = disk_with(Some(log), None);
        let told = open(&disk).is_ok_and(|opened| opened.store.recovered().may_have_lost());
        let refused = matches!(alone, Err(ErrorKind::Damaged | ErrorKind::NotAStore));
        assert!(refused || told || alone == all, "{what}: {alone:?}");
        // With the backup nothing but the newest may be missing, and here not even that.
        assert_eq!(
            survive(log, Some(&whole), what),
            all,
            "{what}, with a backup"
        );
    }
    for (what, behind) in [
        ("NULs", vec![0; 10_000]),
        ("blanks", vec![b' '; 10_000]),
        ("line ends", b"\r\n".repeat(10_000)),
        ("tabs", vec![b'\t'; 10_000]),
        ("all of them", b" \t\0\r\n".repeat(10_000)),
    ] {
        let log = [&whole[..], &behind].concat();
        assert_eq!(survive(&log, None, what), all, "{what}");
    }
}

#[test]
fn nesting_without_end_is_refused_and_carried() {
    for depth in [127, 128, 1000, 100_000] {
        for (from, to) in [("[", "]"), ("{\"a\":", "}")] {
            let middle = if from == "[" { "" } else { "1" };
            let deep = format!("{}{middle}{}", from.repeat(depth), to.repeat(depth));
            let log = sealed(
                1,
                &[
                    HEADER.to_owned(),
                    commit(1, &format!(r#""set":{{"a":{deep}}}"#)),
                ],
            );
            assert_eq!(survive(&log, None, "a deep value"), Err(ErrorKind::Decode));
            let log = sealed(
                1,
                &[
                    HEADER.to_owned(),
                    commit(1, &format!(r#""later":{deep},"set":{{"a":"1"}}"#)),
                ],
            );
            assert_eq!(
                survive(&log, None, "a deep key"),
                Ok((1, texts(&[("a", "1")])))
            );
            // Not closed: no line at all.
            let open = from.repeat(depth);
            let log = sealed(
                1,
                &[
                    HEADER.to_owned(),
                    commit(1, &format!(r#""set":{{"a":{open}"#)),
                ],
            );
            assert_eq!(survive(&log, None, "an open value"), Ok((0, texts(&[]))));
        }
    }
}

/// How many operations and bytes it takes to open these files.
fn cost(log: &[u8], backup: Option<&[u8]>) -> (usize, usize) {
    let disk = disk_with(Some(log), backup);
    drop(open(&disk));
    let trace = disk.trace();
    let bytes = trace.iter().filter_map(|line| {
        let (_, length) = line.strip_suffix(" bytes")?.rsplit_once(", ")?;
        length.parse::<usize>().ok()
    });
    (disk.operations(), bytes.sum())
}

/// `make` gives files of a size. Four times as large, they take about four times as much.
fn is_linear(what: &str, size: usize, make: impl Fn(usize) -> (Vec<u8>, Option<Vec<u8>>)) {
    let costs = [size, 4 * size].map(|size| {
        let (log, backup) = make(size);
        let (operations, bytes) = cost(&log, backup.as_deref());
        // Read once, written anew once or twice, kept once.
        let length = log.len() + backup.map_or(0, |backup| backup.len());
        assert!(
            bytes <= 8 * length + MIB,
            "{what}: {bytes} bytes moved for {length}"
        );
        operations
    });
    assert!(
        costs[1] <= 5 * costs[0] + 20,
        "{what}: {costs:?} operations"
    );
}

#[test]
fn large_harm_costs_no_more_than_its_size() {
    let garbage = |size: usize| vec![b'x'; size];
    let header = sealed(1, &[HEADER]);
    let behind = |rest: Vec<u8>| (([&header[..], &rest].concat()), None);
    let size = 2 * MIB;
    is_linear("a long line", size, |size| (garbage(size), None));
    is_linear("a long line behind the header", size, |size| {
        behind(garbage(size))
    });
    is_linear("a long line that ends", size, |size| {
        behind([garbage(size), b"\n".to_vec()].concat())
    });
    is_linear("a long value", size, |size| {
        let value = "v".repeat(size);
        let line = commit(1, &format!(r#""set":{{"a":"{value}"}}"#));
        (sealed(1, &[HEADER, &line]), None)
    });
    is_linear("empty lines", 1_000_000, |lines| behind(vec![b'\n'; lines]));
    is_linear("nothing but empty lines", 1_000_000, |lines| {
        (vec![b'\n'; lines], None)
    });
    is_linear("short lines", 1_000_000, |lines| {
        behind(b"x\n".repeat(lines))
    });
    is_linear("short lines that look like something", 100_000, |lines| {
        behind(b"{\"rev\":1,\"crc\":\"00000000\"}\n".repeat(lines))
    });
    is_linear("headers", 20_000, |lines| (header.repeat(lines), None));
    is_linear("brackets", size, |size| behind(vec![b'['; size]));
    is_linear(
        "commits of nothing, every other one damaged",
        20_000,
        |lines| {
            let contents: Vec<String> = (1..lines as u64)
                .map(|revision| commit(revision, r#""durable":0"#))
                .collect();
            let mut contents: Vec<&str> = contents.iter().map(String::as_str).collect();
            contents.insert(0, HEADER);
            let whole = sealed(1, &contents);
            let mut log = whole.clone();
            let ends: Vec<usize> = (0..log.len()).filter(|at| log[*at] == b'\n').collect();
            for end in ends.iter().skip(1).step_by(2) {
                log[end - 30] ^= 1;
            }
            (log, Some(whole))
        },
    );
}

/// A commit of another process that is far longer than what is read at a time.
#[test]
fn a_long_commit_of_another_process_is_read_once() {
    let read = |size: usize| {
        let disk = SimulatedDisk::new();
        let one = open(&disk).unwrap();
        let other = open(&disk.new_process()).unwrap();
        one.set("a", &"v".repeat(size)).unwrap();
        let before = disk.operations();
        assert_eq!(other.state().1["a"].len(), size);
        disk.operations() - before
    };
    let (short, long) = (read(MIB), read(63 * MIB));
    assert!(long <= short + 16, "{short} operations, then {long}");
}

/// What another process wrote is read a piece at a time. A line that ends where a piece does once hid
/// the lines behind it, and the next commit was written over those.
#[test]
fn lines_that_end_where_a_read_does_hide_nothing() {
    // More than a line is long, so that in one of these cases the end of one is where it must be.
    for more in 0..120 {
        let disk = SimulatedDisk::new();
        let one = open(&disk).unwrap();
        let other = open(&disk.new_process()).unwrap();
        one.set("a", &"v".repeat(more + 1)).unwrap();
        for number in 0..50 {
            one.set("b", &format!("{number:02}")).unwrap();
        }
        assert_eq!(other.state(), one.state(), "{more}");
        other.set("c", "after").unwrap();
        drop((one, other));
        assert_eq!(open(&disk).unwrap().state().0, 52, "{more}");
    }
}

/// In a process of its own, which tells how much memory it has used.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_by_the_size_of_the_files() {
    let header = sealed(1, &[HEADER.replace("\"s\"", "\"state\"")]);
    let header = &header[..];
    let lines = MIB;
    let value = "v".repeat(64 * MIB);
    let good = |rest: &str| {
        let header = HEADER.replace("\"s\"", "\"state\"");
        sealed(1, &[header, commit(1, rest)])
    };
    let entries: String = (0..lines / 2).map(|n| format!("\"{n}\":1,")).collect();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("a line of 64 MiB", vec![b'x'; 64 * MIB]),
        (
            "a line of 64 MiB behind the header",
            [header, &vec![b'x'; 64 * MIB]].concat(),
        ),
        (
            "a value of 64 MiB",
            good(&format!(r#""set":{{"note":"{value}"}}"#)),
        ),
        (
            "a value of 64 MiB of nobody",
            good(&format!(r#""set":{{"nobody":"{value}"}}"#)),
        ),
        (
            "a value of the wrong type, 64 MiB",
            good(&format!(r#""set":{{"count":"{value}"}}"#)),
        ),
        ("a key of 64 MiB", good(&format!(r#""{value}":1"#))),
        (
            "brackets",
            good(&format!(
                r#""set":{{"note":{}{}}}"#,
                "[".repeat(8 * MIB),
                "]".repeat(8 * MIB)
            )),
        ),
        (
            "a million empty lines",
            [header, &vec![b'\n'; lines]].concat(),
        ),
        (
            "a million short lines",
            [header, &b"x\n".repeat(lines)].concat(),
        ),
        (
            "half a million tiny entries",
            good(&format!(r#""set":{{{entries}"a":1}}"#)),
        ),
        (
            "a million removals",
            good(&format!(r#""del":["a"{}]"#, ",\"a\"".repeat(lines))),
        ),
    ];
    for (what, log) in files {
        let folder = folder();
        std::fs::write(folder.path().join("state.db"), &log).unwrap();
        let mut worker = Worker::start("peak", folder.path(), &[]);
        let outcome = worker.line().expect("it says how it went");
        let peak: usize = worker.line().expect("it says how much").parse().unwrap();
        worker.finish();
        println!(
            "{what}: {} KiB, {outcome}, peak {peak} KiB",
            log.len() / 1024
        );
        // Of an entry with three bytes to its uid, most is what it takes to keep it apart from others.
        let times = if what.contains("million") { 32 } else { 4 };
        assert!(
            peak <= times * log.len() / 1024 + 16 * 1024,
            "{what}: {peak} KiB for {} KiB",
            log.len() / 1024
        );
    }
}

/// Random changes to a log in which all checksums are then put right.
#[test]
fn random_lines_with_right_checksums_do_no_harm() {
    let mut random = Random::seeded("hostile lines");
    let pieces = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\",
        "\\u",
        "0",
        "-",
        "1e999",
        "null",
        "\n",
        "\0",
        " ",
        "\"rev\":",
        "\"set\":{",
        "\"del\":[",
        "\"crc\":\"00000000\"}",
        "\"base\":",
        "\"gen\":",
        "18446744073709551615",
        "9007199254740993",
        "\u{feff}",
        "é",
        "{\"worsen\":1,",
        "\"durable\":9,",
    ];
    let mut opened = 0;
    let count = 10_000 * scale();
    for _ in 0..count {
        let mut contents: Vec<Vec<u8>> = vec![
            HEADER.into(),
            commit(1, r#""durable":0,"set":{"a":"1"}"#).into(),
            commit(2, r#""durable":1,"set":{"b":"2"},"del":["a"]"#).into(),
            commit(3, r#""durable":2,"set":{"a":"3"}"#).into(),
        ];
        for _ in 0..=random.below(3) {
            let line = random.below(contents.len() as u64) as usize;
            let bytes = &mut contents[line];
            let at = random.below(bytes.len() as u64 + 1) as usize;
            match random.below(5) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
                1 => {
                    let piece = pieces[random.below(pieces.len() as u64) as usize];
                    bytes.splice(at..at, piece.bytes());
                }
                2 => bytes.truncate(at),
                3 if at < bytes.len() => {
                    let to = (at + 1 + random.below(12) as usize).min(bytes.len());
                    bytes.drain(at..to);
                }
                _ => {
                    let other = random.below(contents.len() as u64) as usize;
                    let copied = contents[other].clone();
                    contents.insert(line, copied);
                }
            }
        }
        let log = sealed(1, &contents);
        let backup = (random.below(3) == 0).then(|| sealed(1, &contents[..contents.len() - 1]));
        let what = String::from_utf8_lossy(&log).into_owned();
        opened += u64::from(survive(&log, backup.as_deref(), &what).is_ok());
    }
    println!("hostile lines: {count} logs, {opened} of them opened");
}

/// Whatever stands in the backup, a log that is whole is used.
#[test]
fn a_hostile_backup_does_not_touch_a_good_log() {
    let whole = sealed(
        1,
        &[
            HEADER.to_owned(),
            commit(1, r#""durable":0,"set":{"a":"1"}"#),
        ],
    );
    let longer = sealed(
        1,
        &[
            HEADER.to_owned(),
            commit(1, r#""durable":0,"set":{"a":"1"}"#),
            commit(2, r#""durable":1,"set":{"a":"forged"}"#),
        ],
    );
    for (what, backup) in [
        ("garbage", vec![b'x'; 1000]),
        ("NULs", vec![0; 1000]),
        ("binary", (0..=255).collect()),
        ("nesting", vec![b'['; 100_000]),
        (
            "another store's",
            sealed(1, &[HEADER.replace("\"s\"", "\"t\"")]),
        ),
    ] {
        let expected = Ok((1, texts(&[("a", "1")])));
        assert_eq!(survive(&whole, Some(&backup), what), expected, "{what}");
    }
    // A backup that goes on where the log ends cannot be told from the log's own; it is taken, and that is
    // told.
    let disk = disk_with(Some(&whole), Some(&longer));
    let opened = open(&disk).unwrap();
    assert_eq!(opened.state().0, 2);
    assert!(matches!(
        opened.store.recovered().repairs(),
        [Repair::Mended { .. }, Repair::Restored { .. }]
    ));
    assert!(disk.read_file(BACKUP).is_some());
    opened.run(Op::Set("a"), 1).unwrap();
}

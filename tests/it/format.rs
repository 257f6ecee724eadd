//! FORMAT.md is true: its example opens, and its words are enough to compute its checksums.

use std::fs;

use worsen::Store;

use crate::support::folder;

fn example() -> String {
    let page = include_str!("../../FORMAT.md");
    let (_, rest) = page.split_once("```jsonl\n").expect("the example begins");
    let (block, _) = rest.split_once("```").expect("the example ends");
    block.to_owned()
}

/// CRC-32 by the book, a bit at a time: not the code that the store uses.
fn crc32(start: u32, bytes: &[u8]) -> u32 {
    let mut crc = !start;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[test]
fn the_example_has_the_checksums_that_the_page_describes() {
    let mut crc = crc32(0, &1_u64.to_le_bytes());
    for line in example().lines() {
        let (content, claimed) = line.split_once(",\"crc\":").expect("a checksum");
        crc = crc32(crc, content.as_bytes());
        assert_eq!(claimed, format!("\"{crc:08x}\"}}"), "{line}");
    }
}

#[test]
fn the_example_opens_and_is_left_byte_for_byte() {
    #[derive(Store)]
    #[store(name = "example", rename_all = "PascalCase")]
    struct Example {
        app_init: bool,
        app_errors: bool,
        #[store(uid = "jobs", seed = vec!["seed".to_owned()])]
        jobs: Vec<String>,
    }
    let folder = folder();
    let path = folder.path().join("example.db");
    fs::write(&path, example()).expect("the log is written");
    let store = Example::builder()
        .dir(folder.path())
        .open()
        .expect("it opens");
    assert_eq!(store.revision(), 4);
    assert!(!store.app_init());
    assert!(store.app_errors());
    assert_eq!(
        store.jobs(),
        ["seed"],
        "it was deleted, so it reads as its seed"
    );
    drop(store);
    assert_eq!(
        fs::read_to_string(&path).expect("the log is there"),
        example()
    );
}

#!/usr/bin/env bash
# bytesize 2.7.0, feature `serde`.
# Expected: a `ByteSize` is one u64, so that Serialize and Deserialize keep it.
# Seen: for JSON, TOML and their like, Serialize writes what Display shows a person: one decimal place. Up to 5 % of the
# value is lost, and different sizes become equal. Binary formats keep
# the number. The documentation speaks of serde for people, and of no loss.
source "$(dirname "$0")/common.bash"

rust 'bytesize = { version = "=2.7.0", features = ["serde"] }' 'serde_json = "=1.0.154"' 'postcard = { version = "=1.2.0", features = ["alloc"] }' <<'END'
use bytesize::ByteSize;

fn main() {
    for bytes in [1_023, 1_100, 1_234_567, 1_300_000] {
        let text = serde_json::to_string(&ByteSize(bytes)).unwrap();
        let ByteSize(read) = serde_json::from_str(&text).unwrap();
        let binary = postcard::to_allocvec(&ByteSize(bytes)).unwrap();
        let ByteSize(kept) = postcard::from_bytes(&binary).unwrap();
        println!("{bytes} -> {text} -> {read}; postcard {kept}");
    }
}
END
expect <<'END'
1023 -> "1023 B" -> 1023; postcard 1023
1100 -> "1.1 KiB" -> 1126; postcard 1100
1234567 -> "1.2 MiB" -> 1258291; postcard 1234567
1300000 -> "1.2 MiB" -> 1258291; postcard 1300000
END

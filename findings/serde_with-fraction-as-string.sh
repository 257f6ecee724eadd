#!/usr/bin/env bash
# serde_with 3.25.0.
# Expected: `DurationSecondsWithFrac<String>` exists because an f64 cannot hold a time in nanoseconds; the text has all
# nine digits.
# Seen: the String too is made by way of an f64. Any `SystemTime` of today loses its last two digits, in the text itself.
source "$(dirname "$0")/common.bash"

rust 'serde_with = "=3.25.0"' 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, DurationSecondsWithFrac, TimestampSecondsWithFrac};
use std::time::{Duration, SystemTime};

#[serde_as]
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde_as(as = "DurationSecondsWithFrac<String>")]
    length: Duration,
    #[serde_as(as = "TimestampSecondsWithFrac<String>")]
    at: SystemTime,
}

fn main() {
    let length = Duration::new(1_700_000_000, 123_456_789);
    let text = serde_json::to_string(&Saved { length, at: SystemTime::UNIX_EPOCH + length }).unwrap();
    let read: Saved = serde_json::from_str(&text).unwrap();
    println!("{text}\n{length:?} -> {:?}", read.length);
}
END
expect <<'END'
{"length":"1700000000.1234567","at":"1700000000.1234567"}
1700000000.123456789s -> 1700000000.1234567s
END

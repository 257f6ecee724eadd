#!/usr/bin/env bash
# chrono 0.4.45, feature `serde`.
# Expected: a `DateTime<FixedOffset>` is an instant first; written and read it is the same instant, or writing fails.
# Seen: offsets have seconds (all local times before about 1900 do), RFC 3339 has none, and Serialize rounds the offset to
# the minute but leaves the local time as it is: the instant that is read is another, 28 s off here, without an error.
# The documentation of `to_rfc3339` says nothing of it. `time` writes the seconds of the offset.
source "$(dirname "$0")/common.bash"

rust 'chrono = { version = "=0.4.45", features = ["serde"] }' 'time = { version = "=0.3.55", features = ["serde-human-readable", "macros"] }' 'serde_json = "=1.0.154"' <<'END'
use chrono::{DateTime, FixedOffset, TimeZone};

fn main() {
    let written = FixedOffset::east_opt(19 * 60 + 32).unwrap().with_ymd_and_hms(1890, 1, 1, 12, 0, 0).unwrap();
    let text = serde_json::to_string(&written).unwrap();
    let read: DateTime<FixedOffset> = serde_json::from_str(&text).unwrap();
    println!("chrono: {text}, off by {} s", (read - written).num_seconds());

    let written = time::macros::datetime!(1890-01-01 12:00:00 +00:19:32);
    let text = serde_json::to_string(&written).unwrap();
    let read: time::OffsetDateTime = serde_json::from_str(&text).unwrap();
    println!("time: {text}, off by {}", read - written);
}
END
expect <<'END'
chrono: "1890-01-01T12:00:00+00:20", off by -28 s
time: "1890-01-01 12:00:00.0 +00:19:32", off by 0s
END

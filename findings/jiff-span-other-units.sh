#!/usr/bin/env bash
# jiff 1.0.2, feature `serde`.
# Expected: a `Span` keeps each unit apart, so that what is read back is the span that was written, field by field.
# Seen: below the second its text has one fraction, and reading spreads that anew: 1500 milliseconds are read as 1 second
# and 500 milliseconds. The two are one length, and `fieldwise()` says that they differ.
source "$(dirname "$0")/common.bash"

rust 'jiff = { version = "=1.0.2", features = ["serde"] }' 'serde_json = "=1.0.154"' <<'END'
use jiff::{Span, ToSpan};

fn main() {
    for span in [1500.milliseconds(), 90.seconds(), 2_000_000.microseconds()] {
        let text = serde_json::to_string(&span).unwrap();
        let read: Span = serde_json::from_str(&text).unwrap();
        println!(
            "{text}: {} s, {} ms, {} us; the same: {}",
            read.get_seconds(),
            read.get_milliseconds(),
            read.get_microseconds(),
            span.fieldwise() == read
        );
    }
}
END
expect <<'END'
"PT1.5S": 1 s, 500 ms, 0 us; the same: false
"PT90S": 90 s, 0 ms, 0 us; the same: true
"PT2S": 2 s, 0 ms, 0 us; the same: false
END

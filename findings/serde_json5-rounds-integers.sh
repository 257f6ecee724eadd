#!/usr/bin/env bash
# serde_json5 0.2.1; json5 1.3.7 beside it.
# Expected: a u64 field reads 9007199254740993 as that: the crate's own Value-like reading does, and it writes all digits.
# Seen: where the field's type is known, the digits go through f64: the nearest even neighbour comes out, without an error.
# Into a `serde_json::Value` the same text is exact. The crate json5 reads both exactly.
source "$(dirname "$0")/common.bash"

rust 'serde_json5 = "=0.2.1"' 'json5 = "=1.3.7"' 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    id: u64,
    balance: i64,
}

fn main() {
    let text = serde_json5::to_string(&Saved { id: 9_007_199_254_740_993, balance: -9_223_372_036_854_775_001 }).unwrap();
    println!("{text}");
    println!("serde_json5: {:?}", serde_json5::from_str::<Saved>(&text).unwrap());
    println!("serde_json5 as a Value: {}", serde_json5::from_str::<serde_json::Value>(&text).unwrap());
    println!("json5: {:?}", json5::from_str::<Saved>(&text).unwrap());
}
END
expect <<'END'
{"id":9007199254740993,"balance":-9223372036854775001}
serde_json5: Saved { id: 9007199254740992, balance: -9223372036854774784 }
serde_json5 as a Value: {"balance":-9223372036854775001,"id":9007199254740993}
json5: Saved { id: 9007199254740993, balance: -9223372036854775001 }
END

#!/usr/bin/env bash
# fixedbitset 0.5.9, feature `serde`.
# Expected: what serde_json wrote of a set, serde_json reads.
# Seen: the blocks are written with `serialize_bytes`, which in JSON is a list of numbers, and are read as bytes that must
# be borrowed from the input, which JSON never has. Every set is written without an error and none can be read. postcard
# reads its own.
source "$(dirname "$0")/common.bash"

rust 'fixedbitset = { version = "=0.5.9", features = ["serde"] }' 'serde_json = "=1.0.154"' 'postcard = { version = "=1.2.0", features = ["alloc"] }' <<'END'
use fixedbitset::FixedBitSet;

fn main() {
    let mut set = FixedBitSet::with_capacity(10);
    set.insert(3);
    let text = serde_json::to_string(&set).unwrap();
    println!("{text}");
    println!("from_str: {}", serde_json::from_str::<FixedBitSet>(&text).unwrap_err());
    println!("from_slice: {}", serde_json::from_slice::<FixedBitSet>(text.as_bytes()).unwrap_err());
    println!("from_value: {}", serde_json::from_value::<FixedBitSet>(serde_json::to_value(&set).unwrap()).unwrap_err());
    let bytes = postcard::to_allocvec(&set).unwrap();
    println!("postcard: {}", postcard::from_bytes::<FixedBitSet>(&bytes).unwrap() == set);
}
END
expect <<'END'
{"length":10,"data":[8,0,0,0,0,0,0,0]}
from_str: invalid type: sequence, expected a borrowed byte array at line 1 column 21
from_slice: invalid type: sequence, expected a borrowed byte array at line 1 column 21
from_value: invalid type: sequence, expected a borrowed byte array
postcard: true
END

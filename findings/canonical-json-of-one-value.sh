#!/usr/bin/env bash
# serde_jcs 0.2.0 and json-canon 0.1.3, two implementations of RFC 8785, with serde_json 1.0.154.
# Expected: one value has one canonical text; that is all that the format is for.
# Seen: of an f32 one writes the shortest text of the f32 and the other that of the f64 that it widens to. An integer beyond
# 2^53 is changed silently by one and refused by the other. A name that `flatten` gives twice is written twice by one,
# which no canonical text may hold, and once by the other. Signatures and hashes of equal values differ.
source "$(dirname "$0")/common.bash"

rust 'serde_jcs = "=0.2.0"' 'json-canon = "=0.1.3"' 'serde_json = "=1.0.154"' 'serde = { version = "=1.0.229", features = ["derive"] }' <<'END'
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Flat {
    name: u8,
    #[serde(flatten)]
    rest: BTreeMap<&'static str, u8>,
}

fn show(what: &str, value: &impl Serialize) {
    println!("{what}: serde_jcs {:?}, json-canon {:?}", serde_jcs::to_string(value).map_err(|_| "refused"), json_canon::to_string(value).map_err(|_| "refused"));
}

fn main() {
    show("0.1f32", &0.1f32);
    show("2^53 + 1", &9_007_199_254_740_993_u64);
    show("a name twice", &Flat { name: 1, rest: BTreeMap::from([("name", 2)]) });
}
END
expect <<'END'
0.1f32: serde_jcs Ok("0.10000000149011612"), json-canon Ok("0.1")
2^53 + 1: serde_jcs Ok("9007199254740992"), json-canon Err("refused")
a name twice: serde_jcs Ok("{\"name\":2}"), json-canon Ok("{\"name\":1,\"name\":2}")
END

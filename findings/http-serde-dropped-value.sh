#!/usr/bin/env bash
# http-serde 2.1.1 with http 1.5.0.
# Expected: `#[serde(with = "http_serde::header_map")]` writes every value of the map, or fails.
# Seen: in formats for people, such as JSON, a value with any byte outside visible ASCII is left out without an error: one
# among several vanishes from its list, and a lone one leaves an empty list, so that the header itself is gone when read.
# An ordinary UTF-8 name is enough.
source "$(dirname "$0")/common.bash"

rust 'http = "=1.5.0"' 'http-serde = "=2.1.1"' 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Saved(#[serde(with = "http_serde::header_map")] HeaderMap);

fn main() {
    let mut headers = HeaderMap::new();
    headers.append("x-city", HeaderValue::from_str("Zürich").unwrap());
    headers.append("x-tag", HeaderValue::from_static("one"));
    headers.append("x-tag", HeaderValue::from_str("zwölf").unwrap());
    headers.append("x-tag", HeaderValue::from_static("three"));
    let text = serde_json::to_string(&Saved(headers.clone())).unwrap();
    println!("{text}");
    let Saved(read) = serde_json::from_str(&text).unwrap();
    println!("values: {} written, {} read; x-city is there: {}", headers.len(), read.len(), read.contains_key("x-city"));
}
END
expect <<'END'
{"x-city":[],"x-tag":["one","three"]}
values: 4 written, 2 read; x-city is there: false
END

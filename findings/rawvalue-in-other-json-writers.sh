#!/usr/bin/env bash
# serde_json 1.0.154 (feature `raw_value`), with sonic-rs 0.5.10, simd-json 0.19.0, json5 1.3.7 and rmp-serde 1.3.1.
# Expected: a `RawValue` is JSON text, and a writer of JSON puts it in as it is, or fails.
# Seen: only serde_json's own serializer knows the mark that it is passed by. The faster writers of JSON, which offer the
# same functions as serde_json, write the mark and a string of the text in the place of the value, without an error;
# MessagePack gets a list of one string.
source "$(dirname "$0")/common.bash"

rust 'serde_json = { version = "=1.0.154", features = ["raw_value"] }' 'sonic-rs = "=0.5.10"' 'simd-json = "=0.19.0"' 'json5 = "=1.3.7"' 'rmp-serde = "=1.3.1"' <<'END'
use serde_json::value::RawValue;

fn main() {
    let raw = [RawValue::from_string("{\"x\": 1}".to_string()).unwrap()];
    println!("serde_json: {}", serde_json::to_string(&raw).unwrap());
    println!("sonic-rs: {}", sonic_rs::to_string(&raw).unwrap());
    println!("simd-json: {}", simd_json::to_string(&raw).unwrap());
    println!("json5: {}", json5::to_string(&raw).unwrap().split_whitespace().collect::<String>());
    println!("rmp-serde: {}", rmp_serde::from_slice::<serde_json::Value>(&rmp_serde::to_vec(&raw).unwrap()).unwrap());
}
END
expect <<'END'
serde_json: [{"x": 1}]
sonic-rs: [{"$serde_json::private::RawValue":"{\"x\": 1}"}]
simd-json: [{"$serde_json::private::RawValue":"{\"x\": 1}"}]
json5: [{"$serde_json::private::RawValue":'{"x":1}',},]
rmp-serde: [["{\"x\": 1}"]]
END

#!/usr/bin/env bash
# rmpv 1.3.1, feature `with-serde`.
# Expected: its `Value` implements Serialize and Deserialize, so that it passes through JSON as serde_json's own does.
# Seen: bytes come back as a list of numbers, and an extension as a list with its number and such a list. Nothing tells.
source "$(dirname "$0")/common.bash"

rust 'rmpv = { version = "=1.3.1", features = ["with-serde"] }' 'serde_json = "=1.0.154"' <<'END'
use rmpv::Value;

fn main() {
    for value in [Value::Binary(vec![1, 2]), Value::Ext(5, vec![1]), Value::F32(0.1), Value::from(7)] {
        let text = serde_json::to_string(&value).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        println!("{value:?} -> {text} -> {read:?}");
    }
}
END
expect <<'END'
Binary([1, 2]) -> [1,2] -> Array([Integer(PosInt(1)), Integer(PosInt(2))])
Ext(5, [1]) -> [5,[1]] -> Array([Integer(PosInt(5)), Array([Integer(PosInt(1))])])
F32(0.1) -> 0.1 -> F64(0.1)
Integer(PosInt(7)) -> 7 -> Integer(PosInt(7))
END

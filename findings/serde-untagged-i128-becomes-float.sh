#!/usr/bin/env bash
# serde 1.0.229, with serde_json 1.0.154.
# Expected: an untagged enum takes the first variant that fits; the integer 5 fits `Int(i128)`, the first one, which is also
# what it was written from.
# Seen: the buffer that untagged enums read from knows no 128-bit integers and refuses all of them, small ones too. The
# refusal is taken for "does not fit", and the next variant gets the value: an integer comes back as a float, rounded.
# Without such a variant it is an error, which names the whole enum. Adjacently tagged enums read them where the tag comes
# first, and fail where it comes last.
source "$(dirname "$0")/common.bash"

rust 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Int(i128),
    Float(f64),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Tagged {
    Int(i128),
}

fn main() {
    for int in [5, i128::MAX] {
        let text = serde_json::to_string(&Value::Int(int)).unwrap();
        println!("{text} -> {:?}", serde_json::from_str::<Value>(&text).unwrap());
    }
    for text in [r#"{"kind":"Int","of":5}"#, r#"{"of":5,"kind":"Int"}"#] {
        println!("{text} -> {:?}", serde_json::from_str::<Tagged>(text).map_err(|error| error.to_string()));
    }
}
END
expect <<'END'
5 -> Float(5.0)
170141183460469231731687303715884105727 -> Float(1.7014118346046923e38)
{"kind":"Int","of":5} -> Ok(Int(5))
{"of":5,"kind":"Int"} -> Err("i128 is not supported at line 1 column 21")
END

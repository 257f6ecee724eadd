#!/usr/bin/env bash
# sonic-rs 0.5.10 beside serde_json 1.0.154.
# Expected: a crate that offers serde_json's functions and a `Value` of its own reads what serde_json reads.
# Seen: the sign of a zero is lost in every type, so that -0.0 does not survive its own round trip; and a `Value` keeps both
# entries of a name that comes twice, finds the first where serde_json has the last, and writes both out again.
source "$(dirname "$0")/common.bash"

rust 'sonic-rs = "=0.5.10"' 'serde_json = "=1.0.154"' <<'END'
use sonic_rs::{JsonContainerTrait, JsonValueTrait};

fn main() {
    let text = sonic_rs::to_string(&-0.0f64).unwrap();
    println!("{text}: serde_json {:?}, sonic-rs {:?}, as a Value {}", serde_json::from_str::<f64>(&text).unwrap(), sonic_rs::from_str::<f64>(&text).unwrap(), sonic_rs::from_str::<sonic_rs::Value>(&text).unwrap());
    let text = r#"{"port":1,"port":2}"#;
    let ours: serde_json::Value = serde_json::from_str(text).unwrap();
    println!("{text}: serde_json finds {} of {} entries, writes {ours}", ours["port"], ours.as_object().unwrap().len());
    let theirs: sonic_rs::Value = sonic_rs::from_str(text).unwrap();
    println!("{text}: sonic-rs finds {} of {} entries, writes {theirs}", theirs["port"].as_u64().unwrap(), theirs.as_object().unwrap().len());
}
END
expect <<'END'
-0.0: serde_json -0.0, sonic-rs 0.0, as a Value 0.0
{"port":1,"port":2}: serde_json finds 2 of 1 entries, writes {"port":2}
{"port":1,"port":2}: sonic-rs finds 1 of 2 entries, writes {"port":1,"port":2}
END

#!/usr/bin/env bash
# rmp-serde 1.3.1 with serde 1.0.229.
# Expected: `skip_serializing_if` with `default`, which serde.rs shows together, round-trips in any format; MessagePack
# describes itself, so that a reader sees what is there.
# Seen: `to_vec` writes a struct as a list without names, and a skipped field leaves no gap: the later fields move up, and
# where the types fit, reading succeeds with the values in the wrong fields. `to_vec_named` keeps them.
source "$(dirname "$0")/common.bash"

rust 'rmp-serde = "=1.3.1"' 'serde = { version = "=1.0.229", features = ["derive"] }' <<'END'
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Account {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(default)]
    balance: u32,
    #[serde(default)]
    fee: Option<u32>,
}

fn main() {
    let account = Account { limit: None, balance: 700, fee: Some(2) };
    println!("written: {account:?}");
    println!("to_vec: {:?}", rmp_serde::from_slice::<Account>(&rmp_serde::to_vec(&account).unwrap()).unwrap());
    println!("to_vec_named: {:?}", rmp_serde::from_slice::<Account>(&rmp_serde::to_vec_named(&account).unwrap()).unwrap());
}
END
expect <<'END'
written: Account { limit: None, balance: 700, fee: Some(2) }
to_vec: Account { limit: Some(700), balance: 2, fee: None }
to_vec_named: Account { limit: None, balance: 700, fee: Some(2) }
END

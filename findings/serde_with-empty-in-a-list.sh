#!/usr/bin/env bash
# serde_with 3.25.0.
# Expected: `StringWithSeparator` and `OneOrMany` read the list that they wrote; the examples of both assert it.
# Seen: a list of one empty string is written as the empty list is, and is empty when read; only two empty strings keep
# their number. With `OneOrMany` an empty list of lists comes back with one (empty) element: a list that grew.
source "$(dirname "$0")/common.bash"

rust 'serde_with = "=3.25.0"' 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use serde::{Deserialize, Serialize};
use serde_with::{formats::CommaSeparator, serde_as, OneOrMany, StringWithSeparator};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct Tags(#[serde_as(as = "StringWithSeparator::<CommaSeparator, String>")] Vec<String>);

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct Rows(#[serde_as(as = "OneOrMany<_>")] Vec<Vec<u8>>);

fn main() {
    for count in 0..3 {
        let tags = Tags(vec![String::new(); count]);
        let text = serde_json::to_string(&tags).unwrap();
        println!("{tags:?} -> {text} -> {:?}", serde_json::from_str::<Tags>(&text).unwrap());
    }
    for count in 0..3 {
        let rows = Rows(vec![Vec::new(); count]);
        let text = serde_json::to_string(&rows).unwrap();
        println!("{rows:?} -> {text} -> {:?}", serde_json::from_str::<Rows>(&text).unwrap());
    }
}
END
expect <<'END'
Tags([]) -> "" -> Tags([])
Tags([""]) -> "" -> Tags([])
Tags(["", ""]) -> "," -> Tags(["", ""])
Rows([]) -> [] -> Rows([[]])
Rows([[]]) -> [] -> Rows([[]])
Rows([[], []]) -> [[],[]] -> Rows([[], []])
END

#!/usr/bin/env bash
# serde 1.0.229, with serde_json 1.0.154.
# Expected: a flattened map, and a map in an internally tagged enum, whose keys are data: where a key equals the name of a
# field or of the tag, writing fails, or reading finds both.
# Seen: the name is written twice, without an error. serde_json's typed reader refuses the text; as a `Value`, jq and most
# others, the data's entry has replaced the field, or the tag. One key that a user chose makes a file unreadable.
source "$(dirname "$0")/common.bash"

rust 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' <<'END'
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
struct Page {
    title: String,
    #[serde(flatten)]
    notes: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Event {
    Labels(BTreeMap<String, String>),
}

fn main() {
    let page = Page { title: "real".to_string(), notes: BTreeMap::from([("title".to_string(), "note".to_string())]) };
    let text = serde_json::to_string(&page).unwrap();
    println!("{text}: {}", serde_json::from_str::<Page>(&text).unwrap_err());
    println!("  as a Value: {}", serde_json::from_str::<serde_json::Value>(&text).unwrap());
    let event = Event::Labels(BTreeMap::from([("kind".to_string(), "blue".to_string())]));
    let text = serde_json::to_string(&event).unwrap();
    println!("{text}: {}", serde_json::from_str::<Event>(&text).unwrap_err());
    println!("  as a Value: {}", serde_json::from_str::<serde_json::Value>(&text).unwrap());
}
END
expect <<'END'
{"title":"real","title":"note"}: duplicate field `title` at line 1 column 23
  as a Value: {"title":"note"}
{"kind":"Labels","kind":"blue"}: duplicate field `kind` at line 1 column 23
  as a Value: {"kind":"blue"}
END

#!/usr/bin/env bash
# slotmap 1.1.1, feature `serde`.
# Expected: `SlotMap<K, Option<T>>` is written and read like any other, as the documentation promises of keys and maps.
# Seen: a vacant slot is written as `null`, and so is an occupied slot that holds `None`. Writing succeeds; reading
# fails for the whole map. `SecondaryMap` does the same. One `None` makes a saved file unreadable.
source "$(dirname "$0")/common.bash"

rust 'slotmap = { version = "=1.1.1", features = ["serde"] }' 'serde_json = "=1.0.154"' <<'END'
use slotmap::{DefaultKey, SecondaryMap, SlotMap};

fn main() {
    let mut map: SlotMap<DefaultKey, Option<u32>> = SlotMap::new();
    let key = map.insert(Some(7));
    let read = |text: &str| serde_json::from_str::<SlotMap<DefaultKey, Option<u32>>>(text).map(|map| map.len()).map_err(|e| e.to_string());
    println!("{:?}", read(&serde_json::to_string(&map).unwrap()));
    map.insert(None);
    let text = serde_json::to_string(&map).unwrap();
    println!("{text}\n{:?}", read(&text));

    let mut notes: SecondaryMap<DefaultKey, Option<u32>> = SecondaryMap::new();
    notes.insert(key, None);
    let text = serde_json::to_string(&notes).unwrap();
    println!("{text}\n{:?}", serde_json::from_str::<SecondaryMap<DefaultKey, Option<u32>>>(&text).map(|map| map.len()).map_err(|e| e.to_string()));
}
END
expect <<'END'
Ok(1)
[{"value":null,"version":0},{"value":7,"version":1},{"value":null,"version":1}]
Err("inconsistent occupation in Slot at line 1 column 79")
[{"value":null,"version":0},{"value":null,"version":1}]
Err("inconsistent occupation in Slot at line 1 column 55")
END

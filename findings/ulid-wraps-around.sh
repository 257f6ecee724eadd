#!/usr/bin/env bash
# ulid 3.0.0 (1.2 does the same).
# Expected: the ULID specification says that 7ZZZZZZZZZZZZZZZZZZZZZZZZZ is the largest and that every implementation must
# refuse a larger one.
# Seen: 26 characters hold 130 bits, and the two at the top are dropped silently, by `parse` and by Deserialize: a text
# beyond the range is read as an early identifier, and four texts are one identifier. A map with such texts as keys
# loses entries.
source "$(dirname "$0")/common.bash"

rust 'ulid = { version = "=3.0.0", features = ["serde"] }' 'serde_json = "=1.0.154"' <<'END'
use ulid::Ulid;

fn main() {
    for text in ["80000000000000000000000000", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
        println!("{text} parses as {:?}", text.parse::<Ulid>().map(|id| id.to_string()));
        println!("{text} deserializes as {:?}", serde_json::from_str::<Ulid>(&format!("{text:?}")).map(|id| id.to_string()));
    }
    let one: Vec<Ulid> = ["1", "9", "H", "S"].iter().map(|first| format!("{first}1ARZ3NDEKTSV4RRFFQ69G5FAV").parse().unwrap()).collect();
    println!("four texts, all equal: {}", one.iter().all(|id| *id == one[0]));
}
END
expect <<'END'
80000000000000000000000000 parses as Ok("00000000000000000000000000")
80000000000000000000000000 deserializes as Ok("00000000000000000000000000")
ZZZZZZZZZZZZZZZZZZZZZZZZZZ parses as Ok("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
ZZZZZZZZZZZZZZZZZZZZZZZZZZ deserializes as Ok("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
four texts, all equal: true
END

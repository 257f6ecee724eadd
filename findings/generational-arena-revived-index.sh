#!/usr/bin/env bash
# generational-arena 0.2.9, feature `serde`.
# Expected: an index of a removed element never finds anything again; that is what generations are for, and both `Arena`
# and `Index` implement Serialize and Deserialize.
# Seen: the arena's own generation is not written; when read it becomes the largest one of the elements that are left.
# After a round trip through JSON, the next element gets an index that was given out and removed before: a stale index
# finds a stranger's value.
source "$(dirname "$0")/common.bash"

rust 'generational-arena = { version = "=0.2.9", features = ["serde"] }' 'serde_json = "=1.0.154"' <<'END'
use generational_arena::Arena;

fn main() {
    let mut arena = Arena::new();
    arena.insert("first".to_string());
    let removed = arena.insert("second".to_string());
    arena.remove(removed);

    let text = serde_json::to_string(&arena).unwrap();
    let mut copy: Arena<String> = serde_json::from_str(&text).unwrap();

    arena.insert("stranger".to_string());
    println!("in the original, the removed index finds {:?}", arena.get(removed));
    copy.insert("stranger".to_string());
    println!("in the copy, the removed index finds {:?}", copy.get(removed));
}
END
expect <<'END'
in the original, the removed index finds None
in the copy, the removed index finds Some("stranger")
END

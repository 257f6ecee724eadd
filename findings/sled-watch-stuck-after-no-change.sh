#!/usr/bin/env bash
# sled 0.34.7.
# Expected: `Subscriber::next_timeout` gives the next event of the watched keys, or an error when the time is over, and can
# be asked again.
# Seen: a write that changes nothing, such as removing a key that is not there, ends the waiting with `Disconnected`,
# and the subscriber keeps the dead event: every later call answers the same at once, though the tree is open and further
# writes are made. The iterator of the same subscriber skips it.
source "$(dirname "$0")/common.bash"

rust 'sled = "=0.34.7"' <<'END'
use std::time::Duration;

fn main() {
    let store = sled::Config::new().path("store").open().unwrap();
    for (name, step) in [("with a removal that finds nothing", true), ("without it", false)] {
        let tree = store.open_tree(name).unwrap();
        let mut watch = tree.watch_prefix("");
        let mut skipping = tree.watch_prefix("");
        if step {
            tree.remove("absent").unwrap();
        }
        tree.insert("a", "1").unwrap();
        tree.insert("b", "2").unwrap();
        for _ in 0..2 {
            println!("{name}: {:?}", watch.next_timeout(Duration::from_secs(5)).map(|event| event.key().to_vec()));
        }
        println!("{name}, iterator: {:?}", skipping.next().map(|event| event.key().to_vec()));
    }
}
END
expect <<'END'
with a removal that finds nothing: Err(Disconnected)
with a removal that finds nothing: Err(Disconnected)
with a removal that finds nothing, iterator: Some([97])
without it: Ok([97])
without it: Ok([98])
without it, iterator: Some([97])
END

#!/usr/bin/env bash
# pickledb 0.5.1.
# Expected: a call that fails, or answers that there is nothing of that kind, changes nothing.
# Seen: `set` under the name of a list removes the list before it finds that the value cannot be serialized: the error is
# returned and the list is gone. `lpop` with another type than the element's removes the element and answers `None`, of
# which the documentation says that no item was removed.
source "$(dirname "$0")/common.bash"

rust 'pickledb = { version = "=0.5.1", features = ["json"] }' <<'END'
use pickledb::{PickleDb, PickleDbDumpPolicy};
use std::collections::BTreeMap;

fn main() {
    let mut store = PickleDb::new_json("store", PickleDbDumpPolicy::AutoDump);
    store.lcreate("list").unwrap().ladd(&1).ladd(&"two");
    println!("elements: {}", store.llen("list"));
    println!("popped as a number: {:?}", store.lpop::<u32>("list", 1));
    println!("elements: {}", store.llen("list"));
    println!("set: {}", store.set("list", &BTreeMap::from([((1, 2), 3)])).unwrap_err());
    println!("the list is there: {}, under its name is anything: {}", store.lexists("list"), store.exists("list"));
}
END
expect <<'END'
elements: 2
popped as a number: None
elements: 1
set: key must be a string
the list is there: false, under its name is anything: false
END

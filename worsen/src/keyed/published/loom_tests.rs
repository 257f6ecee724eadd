//! A publication and its readers in every order of their steps: what it changes is seen at once, and not
//! before its revision. The map is another crate's, and each of its operations one step.

use super::*;
use crate::sync::{Arc as Shared, in_every_order, thread};

/// Sets both, which have the value of the revision before.
fn publish(map: &Published<u64>, revision: u64) {
    let json = |number: u64| (number > 0).then(|| Text::from(number.to_string()));
    let uids = || ["a", "b"].into_iter().map(Text::from);
    let unseen = uids().map(|uid| (uid, json(revision - 1))).collect();
    map.publish(uids().map(|uid| (uid, Some(revision))), revision, unseen);
}

#[test]
fn values_are_counted_as_they_are_seen() {
    in_every_order(None, || {
        let map = Shared::new(Published::new());
        let writer = map.clone();
        let writer = thread::spawn(move || {
            publish(&writer, 1);
            publish(&writer, 2);
        });
        let revision = map.revision();
        let len = map.len();
        assert!(len == 2 || len == 0 && revision == 0);
        assert!(len == 0 || map.revision() > 0);
        writer.join().unwrap();
        assert_eq!(map.len(), 2);
    });
}

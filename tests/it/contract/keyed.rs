//! Values under uids, chosen at run time: the same promises as for a struct.

use std::{collections::HashMap, thread, time::Duration};

use worsen::{ErrorKind, PersistentStore, Store};

use super::kinds::{Ability, LONG, assert_told, each, each_with, edit, told};

fn all(store: &PersistentStore<u64>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = store.iter().collect();
    all.sort();
    all
}

fn pairs<const N: usize>(pairs: [(&str, u64); N]) -> Vec<(String, u64)> {
    pairs.map(|(uid, value)| (uid.to_owned(), value)).into()
}

#[test]
fn values_are_written_read_updated_and_removed() {
    each(|location| {
        let store = location.open_keyed::<u64>();
        assert_eq!((store.revision(), store.len()), (0, 0));
        assert!(store.was_created() && store.is_empty());
        let mut changes = store.changes(0).unwrap().with_old_values().unwrap();
        store.write("a", 1).wait().unwrap();
        pollster::block_on(store.write("b", 2)).unwrap();
        store.write("a", 1).wait().unwrap(); // changes nothing
        let before = store.update("a", |value| value.replace(3)).wait().unwrap();
        assert_eq!(before, Some(1));
        assert_eq!(store.remove("b").wait().unwrap(), Some(2));
        assert_eq!(store.remove("b").wait().unwrap(), None);
        store.update("c", |value| *value = Some(4)).wait().unwrap();
        store.update("a", |value| *value = None).wait().unwrap();
        store
            .update("a", |value| assert!(value.is_none()))
            .wait()
            .unwrap();
        assert_eq!((store.read("a"), store.read("c")), (None, Some(4)));
        assert_eq!((store.keys(), store.len()), (vec!["c".to_owned()], 1));
        assert_eq!(store.get_hashmap_state(), HashMap::from([("c".into(), 4)]));
        let gone = |uid: &str, old: &str| (uid.to_owned(), Some(old.to_owned()), None);
        assert_eq!(
            told(&mut changes),
            [
                (1, vec![edit("a", None, "1")]),
                (2, vec![edit("b", None, "2")]),
                (3, vec![edit("a", "1", "3")]),
                (4, vec![gone("b", "2")]),
                (5, vec![edit("c", None, "4")]),
                (6, vec![gone("a", "3")]),
            ]
        );
        assert_eq!(store.revision(), 6);
        if location.can(Ability::Reopening, "reading after reopening") {
            drop((changes, store));
            let store = location.open_keyed::<u64>();
            assert_eq!(all(&store), pairs([("c", 4)]));
            assert_eq!(store.revision(), 6);
            assert!(!store.was_created() && store.recovered().is_empty());
        }
    });
}

#[test]
fn several_uids_are_one_commit_or_none() {
    each(|location| {
        let store = location.open_keyed::<u64>();
        let move_over = |amount: u64| {
            store.update_all(move |accounts| {
                let (from, to) = (accounts.get("from"), accounts.get("to"));
                accounts.set("to", to.unwrap_or(0) + amount);
                accounts.set("from", from.unwrap_or(100) - amount);
                accounts.remove("never there")
            })
        };
        assert_eq!(move_over(30).wait().unwrap(), None);
        move_over(20).wait().unwrap();
        assert_eq!(all(&store), pairs([("from", 50), ("to", 50)]));
        assert_eq!(store.revision(), 2);
        let refused = store.update_all(|accounts| {
            accounts.clear();
            accounts.set("", 1);
        });
        let error = refused.wait().unwrap_err();
        assert_told(&error, ErrorKind::InvalidUid, "keyed");
        let panics = store.update_all(|accounts| -> () {
            accounts.clear();
            panic!("on purpose");
        });
        let panics = std::panic::AssertUnwindSafe(|| panics.wait());
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(all(&store), pairs([("from", 50), ("to", 50)]));
        assert_eq!(store.revision(), 2);
        store.clear().wait().unwrap();
        assert_eq!((store.len(), store.revision()), (0, 3));
        store.clear().wait().unwrap();
        assert_eq!(store.revision(), 3);
        let mut changes = store.changes(0).unwrap();
        let sizes = told(&mut changes).into_iter();
        assert!(sizes.map(|(_, edits)| edits.len()).eq([2, 2, 2]));
    });
}

#[test]
fn seeds_fill_an_empty_store_alone() {
    each(|location| {
        let store = location.open_keyed::<u64>();
        let init = |seeds: [(&str, u64); 2]| store.init(Duration::from_secs(5), seeds);
        init([("a", 1), ("b", 2)]).unwrap();
        assert_eq!(all(&store), pairs([("a", 1), ("b", 2)]));
        assert_eq!(store.revision(), 1);
        store.remove("b").wait().unwrap();
        init([("a", 5), ("c", 6)]).unwrap();
        assert_eq!(all(&store), pairs([("a", 1)]));
        let error = store.init(Duration::ZERO, [("a", 1)]).unwrap_err();
        assert_told(&error, ErrorKind::InvalidOption, "keyed");
    });
}

#[test]
fn watches_tell_of_a_uid_and_of_all() {
    each(|location| {
        let store = location.open_keyed::<u64>();
        let (mut one, mut every) = (store.watch_uid("a"), store.watch());
        store.write("b", 1).wait().unwrap();
        assert!(one.wait(Duration::ZERO).is_none());
        assert_eq!(every.wait(Duration::ZERO).unwrap().unwrap(), 1);
        store.write("a", 2).wait().unwrap();
        assert_eq!(one.wait(Duration::ZERO).unwrap().unwrap(), Some(2));
        store.remove("a").wait().unwrap();
        assert_eq!(one.wait(Duration::ZERO).unwrap().unwrap(), None);
        assert_eq!(every.wait(Duration::ZERO).unwrap().unwrap(), 3);
        thread::scope(|scope| {
            scope.spawn(|| store.write("a", 4).wait().unwrap());
            assert_eq!(one.wait(LONG).unwrap().unwrap(), Some(4));
        });
    });
}

#[test]
fn threads_lose_no_increment_of_a_value() {
    each(|location| {
        let store = location.open_keyed::<u64>();
        let add = |value: &mut Option<u64>| *value = Some(value.unwrap_or(0) + 1);
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = store.clone();
                scope.spawn(move || {
                    for _ in 0..25 {
                        store.update("all", add).wait().unwrap();
                        store.update(format!("of {thread}"), add).wait().unwrap();
                    }
                });
            }
        });
        assert_eq!(
            (store.read("all"), store.read("of 3")),
            (Some(100), Some(25))
        );
        assert_eq!((store.len(), store.revision()), (5, 200));
    });
}

/// The store of values, as a struct.
#[derive(Store)]
#[store(name = "keyed", poll = "50ms")]
struct Counts {
    a: u64,
    b: u64,
}

#[test]
fn a_struct_beside_reads_and_writes_the_same_values() {
    each_with(Ability::TwoOpenings, |location| {
        let store = location.open_keyed::<u64>();
        store.write("a", 1).wait().unwrap();
        let counts = location.beside::<Counts>().open().unwrap();
        assert_eq!((counts.a(), counts.b()), (1, 0));
        assert!(!counts.was_created());
        let mut watch = store.watch_uid("b");
        counts.set_b(2).wait().unwrap();
        assert_eq!(watch.wait(LONG).unwrap().unwrap(), Some(2));
        store.write("c", 3).wait().unwrap();
        counts.update(|counts| counts.a += 1).wait().unwrap();
        let values = store.update_all(|values| (values.get("a"), values.get("c")));
        assert_eq!(values.wait().unwrap(), (Some(2), Some(3)));
        assert_eq!(store.revision(), 4);
    });
}

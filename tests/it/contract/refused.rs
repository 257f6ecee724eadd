//! Writes that are refused: by an error that names the store and says of what kind it is, with everything as it
//! was before, and the store goes on.

use std::time::Duration;

use serde_json::{Value as Json, json};
use worsen::{Effect, ErrorKind, Handle, Store};
use worsen_tests::State;

use super::kinds::{Ability, Location, assert_told, each, told};

#[derive(Store, Debug)]
#[store(name = "measured")]
struct Measured {
    ratio: f64,
    tree: Json,
    label: String,
}

fn open(location: &Location) -> MeasuredStore {
    let builder = location.builder::<Measured>();
    let builder = builder.max_commit_bytes(200).max_nesting(3);
    builder.open().unwrap()
}

/// Asks that a write is refused and leaves nothing, and that the next one is not.
#[track_caller]
fn assert_refused(
    store: &MeasuredStore,
    write: impl FnOnce(&mut Measured) + Send + 'static,
    kind: ErrorKind,
    uid: Option<&str>,
) {
    let fields = |store: &Handle<Measured>| {
        let state = store.snapshot();
        (
            state.ratio,
            state.tree.clone(),
            state.label.clone(),
            state.revision(),
        )
    };
    let before = fields(store);
    let mut changes = store.changes(before.3).unwrap();
    let error = store.update(write).wait().unwrap_err();
    assert_told(&error, kind, "measured");
    assert_eq!(error.uid(), uid, "{error}");
    assert_eq!(error.effect(), Effect::NothingWritten, "{error}");
    assert_eq!(fields(store), before);
    assert_eq!(told(&mut changes), []);
    store.update(|state| state.ratio += 0.5).wait().unwrap();
    assert_eq!(
        fields(store),
        (before.0 + 0.5, before.1, before.2, before.3 + 1)
    );
    assert_eq!(told(&mut changes).len(), 1);
}

#[test]
fn a_value_that_cannot_be_stored_leaves_all_as_it_was() {
    each(|location| {
        let store = open(location);
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let write = move |state: &mut Measured| {
                state.label = "never".into();
                state.ratio = number;
            };
            assert_refused(&store, write, ErrorKind::Encode, Some("ratio"));
        }
        let write = |state: &mut Measured| state.tree = json!([[[[1, 2, 3]]]]);
        assert_refused(&store, write, ErrorKind::TooLarge, Some("tree"));
        let write = |state: &mut Measured| {
            state.ratio = 7.0;
            state.label = "l".repeat(300);
        };
        assert_refused(&store, write, ErrorKind::TooLarge, None);
        let revision = store.revision();
        if location.can(Ability::Reopening, "reading after reopening") {
            drop(store);
            let store = open(location);
            assert_eq!((store.ratio(), store.revision()), (2.5, revision));
            assert!(store.label().is_empty() && store.tree().is_null());
        }
    });
}

#[test]
fn a_uid_that_cannot_stand_in_a_log_is_refused() {
    each(|location| {
        let builder = location.keyed::<f64>("keyed").max_uids(2);
        let store = builder.open().unwrap();
        store.write("a", 1.0).wait().unwrap();
        for uid in ["", "line\nfeed", "nul\0", &"u".repeat(4_097)] {
            let error = store.write(uid, 2.0).wait().unwrap_err();
            assert_told(&error, ErrorKind::InvalidUid, "keyed");
        }
        let error = store.write("a", f64::NAN).wait().unwrap_err();
        assert_told(&error, ErrorKind::Encode, "keyed");
        assert_eq!(error.uid(), Some("a"));
        store.write("b", 2.0).wait().unwrap();
        let error = store.write("c", 3.0).wait().unwrap_err();
        assert_told(&error, ErrorKind::TooLarge, "keyed");
        assert_eq!((store.read("a"), store.read("b")), (Some(1.0), Some(2.0)));
        assert_eq!((store.len(), store.revision()), (2, 2));
    });
}

#[test]
fn a_store_that_is_only_read_refuses_every_write() {
    each(|location| {
        // In memory there is nothing to be read but the seeds.
        let kept = location.can(Ability::Reopening, "reading what is there");
        if kept {
            location.open().set_count(3).wait().unwrap();
        }
        let store = location.builder::<State>().read_only().open().unwrap();
        let (count, revision) = (store.count(), store.revision());
        assert_eq!(count, if kept { 3 } else { 0 });
        let error = store.set_count(4).wait().unwrap_err();
        assert_told(&error, ErrorKind::ReadOnly, "state");
        let error = pollster::block_on(store.update(|state| state.count = 5)).unwrap_err();
        assert_told(&error, ErrorKind::ReadOnly, "state");
        let error = store.reset().wait().unwrap_err();
        assert_told(&error, ErrorKind::ReadOnly, "state");
        assert_eq!((store.count(), store.revision()), (count, revision));
        assert!(store.changes(revision).unwrap().try_next().is_none());
        if kept {
            drop(store);
            let store = location.open();
            assert_eq!((store.count(), store.revision()), (3, 2));
        }
    });
}

#[test]
fn a_write_within_a_write_is_refused_and_the_outer_one_goes_on() {
    each(|location| {
        let store = location.open();
        let inner = store.clone();
        let outer = store.update(move |state| {
            state.count = 1;
            inner.set_count(2).wait().map_err(|error| error.kind())
        });
        assert_eq!(outer.wait().unwrap(), Err(ErrorKind::Nested));
        assert_eq!((store.count(), store.revision()), (1, 2));
    });
}

#[test]
fn what_failed_while_nobody_waited_the_next_sync_tells() {
    each(|location| {
        let store = open(location);
        store.set_ratio(f64::NAN).detach();
        store.set_ratio(1.0).detach();
        let error = store.sync().wait().unwrap_err();
        assert_told(&error, ErrorKind::Encode, "measured");
        assert_eq!((store.ratio(), error.uid()), (1.0, Some("ratio")));
        store.sync().wait().unwrap();
    });
}

#[test]
fn options_that_make_no_sense_are_refused_before_anything_is_opened() {
    each(|location| {
        let error = location.builder::<State>().name("../escape").open();
        assert_told(&error.unwrap_err(), ErrorKind::InvalidName, "../escape");
        let error = location.builder::<State>().poll(Duration::ZERO).open();
        assert_told(&error.unwrap_err(), ErrorKind::InvalidOption, "state");
        assert_eq!(refused_seed(location), ErrorKind::Encode);
        assert!(location.open().was_created());
    });
}

/// A seed that cannot be written refuses the whole store.
fn refused_seed(location: &Location) -> ErrorKind {
    let builder = location.builder::<Measured>();
    let builder = builder.update_seed(|seed| seed.ratio = f64::NAN);
    let error = builder.open().unwrap_err();
    assert_told(&error, ErrorKind::Encode, "measured");
    assert!(open(location).was_created(), "it left something");
    error.kind()
}

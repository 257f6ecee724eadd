//! Uids that a program has no field for: they are told, refused or dropped, as the struct says.

use worsen::{Condition, ErrorKind, Map, PersistentStore, Store};

use crate::support::{edits, folder};

#[derive(Store)]
#[store(name = "app")]
struct Before {
    #[store(uid = "fontSize")]
    font: u32,
    users: Map<String, u32>,
    gone: Map<u32, u32>,
}

/// The field was renamed, and nobody thought of its uid.
#[derive(Store)]
#[store(name = "app")]
struct After {
    #[store(seed = 11)]
    font_size: u32,
    users: Map<String, u32>,
}

fn filled(dir: &std::path::Path) {
    let store = Before::builder().dir(dir).open().unwrap();
    let fill = |state: &mut Before| {
        state.font = 20;
        state.users.insert("Ada".into(), 1);
        state.gone = (0..100).map(|number| (number, number)).collect();
    };
    store.update(fill).wait().unwrap();
}

#[test]
fn a_field_that_reads_as_its_seed_because_it_was_renamed_is_told() {
    let folder = folder();
    filled(folder.path());
    let store = After::builder().dir(folder.path()).open().unwrap();
    assert_eq!(store.font_size(), 11);
    let health = store.health();
    let [Condition::UnknownUids { uids }] = &health[..] else {
        panic!("{health:?}")
    };
    let told: Vec<(&str, Option<&str>)> = uids
        .iter()
        .map(|unknown| (&*unknown.uid, unknown.similar.as_deref()))
        .collect();
    assert_eq!(told, [("fontSize", Some("font_size")), ("gone", None)]);
    let text = health[0].to_string();
    assert!(
        text.contains("`fontSize` (did you mean `font_size`?)"),
        "{text}"
    );
    // They are kept.
    store.set_font_size(3).wait().unwrap();
    drop(store);
    let store = Before::builder().dir(folder.path()).open().unwrap();
    assert_eq!((store.font(), store.gone().len()), (20, 100));
    assert_eq!(store.health().len(), 1, "font_size is none of its fields");
}

#[test]
fn what_is_removed_is_dropped_at_opening_for_good() {
    #[derive(Store)]
    #[store(name = "app", removed("gone", "fontSize"))]
    struct Removed {
        users: Map<String, u32>,
    }
    let folder = folder();
    filled(folder.path());
    let reads = Removed::builder().dir(folder.path()).read_only().open();
    assert!(reads.unwrap().health().is_empty());
    let store = Removed::builder().dir(folder.path()).open().unwrap();
    assert!(store.health().is_empty());
    let log = store.path().unwrap().to_owned();
    let [(set, deleted)] = &edits(&log, 3)[..] else {
        panic!("one commit")
    };
    assert!(set.is_null());
    assert_eq!(deleted.as_array().unwrap().len(), 102);
    drop(store);
    let store = Removed::builder().dir(folder.path()).open().unwrap();
    assert_eq!((store.revision(), store.users().len()), (3, 1));
    drop(store);
    let store = Before::builder().dir(folder.path()).open().unwrap();
    assert_eq!((store.font(), store.gone().len()), (0, 0));
}

#[test]
fn a_struct_that_denies_unknown_uids_does_not_open_a_store_that_has_some() {
    #[derive(Store)]
    #[store(name = "app", deny_unknown)]
    struct Strict {
        #[store(seed = 11)]
        font_size: u32,
        users: Map<String, u32>,
    }
    #[derive(Store)]
    #[store(name = "app", deny_unknown, removed("gone"))]
    struct Mended {
        #[store(alias = "fontSize")]
        font_size: u32,
        users: Map<String, u32>,
    }
    let folder = folder();
    filled(folder.path());
    let error = Strict::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownUid);
    let text = error.to_string();
    assert!(
        text.contains("`fontSize` (did you mean `font_size`?), `gone`"),
        "{text}"
    );
    assert!(text.contains("alias") && text.contains("app.db"), "{text}");
    let mended = Mended::builder().dir(folder.path()).open().unwrap();
    assert_eq!(mended.font_size(), 20);
    mended.set_font_size(21).wait().unwrap();
    drop(mended);
    let strict = Strict::builder().dir(folder.path()).open().unwrap();
    assert_eq!((strict.font_size(), strict.users().len()), (21, 1));
}

#[test]
fn a_store_of_uids_chosen_at_run_time_knows_all_of_them() {
    let folder = folder();
    let open = || {
        PersistentStore::<u32>::builder("app")
            .dir(folder.path())
            .open()
            .unwrap()
    };
    open().write("fontSize", 1).wait().unwrap();
    let store = open();
    assert!(store.health().is_empty());
    drop(store);
    let store = After::builder().dir(folder.path()).open().unwrap();
    assert_eq!(store.health().len(), 1);
}

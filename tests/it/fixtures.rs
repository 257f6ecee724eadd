//! Stores that older programs have left, as files: every format and every version of the struct. Each is opened as
//! the newest program does, written to, and opened again. `src/bin/make_fixtures.rs` tells how they were made.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use worsen::{Condition, ErrorKind, PersistentStore, Repair, Store};
use worsen_tests::fixtures::{First, Newest, Second, Third};

use crate::support::folder;

const STRUCTS: [&str; 9] = [
    "before-past",
    "compacted",
    "migrated",
    "not-closed",
    "renamed",
    "torn",
    "version-0",
    "version-1",
    "version-2",
];

fn all() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A copy of one, in a directory of its own.
fn copy(fixture: &str) -> tempfile::TempDir {
    let to = folder();
    for entry in fs::read_dir(all().join(fixture)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// The version of the program that left it.
fn version(fixture: &str) -> u32 {
    match fixture {
        "version-1" => 1,
        "version-2" | "migrated" => 2,
        "version-3" | "renamed" => 3,
        _ => 0,
    }
}

#[test]
fn every_fixture_is_opened_by_a_test() {
    let there = fs::read_dir(all()).unwrap();
    let there: BTreeSet<String> = there
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let opened = STRUCTS.into_iter().chain(["version-3", "keyed"]);
    assert_eq!(there, opened.map(str::to_owned).collect());
}

#[test]
fn the_newest_program_opens_what_every_older_one_has_left() {
    for fixture in STRUCTS.into_iter().chain(["version-3"]) {
        let dir = copy(fixture);
        let (from, is_renamed) = (version(fixture), fixture == "renamed");
        let open = || Newest::builder().dir(dir.path()).open();
        let store = open().unwrap_or_else(|error| panic!("{fixture}: {error}"));
        let migrated = store
            .recovered()
            .repairs()
            .iter()
            .find_map(|repair| match repair {
                Repair::Migrated { from, kept, .. } => Some((*from, kept.is_some())),
                _ => None,
            });
        assert_eq!(migrated, (from < 3).then_some((from, true)), "{fixture}");
        let check = |state: &Newest| {
            assert!(!state.init, "{fixture}");
            assert_eq!(state.timeout_ms, 30_000, "{fixture}");
            assert_eq!(state.people["Ada"], 1, "{fixture}");
            assert_eq!(state.people.contains_key("Eve"), is_renamed, "{fixture}");
            assert!(!state.people.contains_key("Old"), "{fixture}");
            if from == 0 {
                assert_eq!(state.people["Bob/x"], 2, "{fixture}");
                assert_eq!(
                    (&state.list, state.plain["a"]),
                    (&vec![1, 2, 3], 1),
                    "{fixture}"
                );
                assert!(state.tags.contains("red"), "{fixture}");
                assert_eq!(
                    (state.tasks.len() >= 2, state.chores.len()),
                    (true, 2),
                    "{fixture}"
                );
            }
        };
        check(&store.snapshot());
        let former = store.health().into_iter().any(|condition| match condition {
            Condition::FormerUid { uid, read } => (&*uid, &*read) == ("users", "people"),
            _ => false,
        });
        assert_eq!(former, is_renamed, "{fixture}");
        let edit = |state: &mut Newest| {
            state.people.insert("New".into(), 7);
            state.tasks.push(8);
            state.init = true;
        };
        store.update(edit).wait().unwrap();
        store.set_init(false).wait().unwrap();
        drop(store);
        let store = open().unwrap();
        check(&store.snapshot());
        assert!(store.recovered().is_empty(), "{fixture}");
        assert_eq!(store.people()["New"], 7, "{fixture}");
    }
}

#[test]
fn each_program_opens_its_own_and_refuses_those_that_do_not_let_it_in() {
    for fixture in STRUCTS.into_iter().chain(["version-3"]) {
        let dir = copy(fixture);
        let from = version(fixture);
        // The oldest that the store lets in: version 3 says that those of version 2 may.
        let oldest = from.min(2);
        let outcomes = [
            First::builder()
                .dir(dir.path())
                .read_only()
                .open()
                .map(|store| store.timeout()),
            Second::builder()
                .dir(dir.path())
                .read_only()
                .open()
                .map(|store| store.timeout()),
            Third::builder()
                .dir(dir.path())
                .read_only()
                .open()
                .map(|store| (store.timeout_ms() / 1000) as u32),
        ];
        for (program, outcome) in (0..).zip(outcomes) {
            match outcome {
                // Without a function there is nothing to migrate for one that reads.
                Ok(timeout) => {
                    assert!(program >= oldest && (program < 2 || from >= 2), "{fixture}");
                    assert_eq!(timeout, 30, "{fixture}");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Version, "{fixture}: {error}");
                    assert!(program < oldest || program == 2 && from < 2, "{fixture}");
                }
            }
        }
    }
}

#[test]
fn a_keyed_store_of_an_older_program_opens() {
    let dir = copy("keyed");
    let open = || {
        PersistentStore::<u32>::builder("app")
            .dir(dir.path())
            .open()
            .unwrap()
    };
    let store = open();
    assert_eq!(
        (store.keys(), store.read("timeout")),
        (vec!["c".to_owned(), "timeout".to_owned()], Some(30))
    );
    store.write("d", 4).wait().unwrap();
    drop(store);
    assert_eq!(open().read("d"), Some(4));
}

//! What a store begins with, and how it comes back to that: seeds, which an empty store alone takes, single
//! ones overridden, made when they are needed, and fields that are reset.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use worsen::{ErrorKind, Map, Queue, Store};

use crate::support::{edits, folder};

#[derive(Store)]
#[store(name = "settings")]
struct Settings {
    #[store(seed = 11)]
    font_size: u32,
    recent: Vec<String>,
    windows: Map<String, u32>,
    #[store(seed = [1, 2].into())]
    queue: Queue<u32>,
    #[store(skip)]
    cursor: u32,
}

fn open(dir: &Path) -> SettingsStore {
    Settings::builder().dir(dir).open().unwrap()
}

/// Everything set to something else than its seed.
fn filled(dir: &Path) -> SettingsStore {
    let store = open(dir);
    let fill = |settings: &mut Settings| {
        settings.font_size = 20;
        settings.recent = vec!["a".into()];
        settings.windows = [("main".to_owned(), 1), ("help".to_owned(), 2)].into();
        settings.queue = [7].into();
        settings.cursor = 3;
    };
    store.update(fill).wait().unwrap();
    store
}

fn assert_at_its_seeds(store: &SettingsStore) {
    let state = store.snapshot();
    assert_eq!((state.font_size, state.recent.len()), (11, 0));
    assert_eq!(
        (&state.windows, &state.queue),
        (&Map::new(), &[1, 2].into())
    );
}

#[test]
fn a_field_that_is_reset_reads_as_its_seed_here_in_another_process_and_after_reopening() {
    let folder = folder();
    let store = filled(folder.path());
    // As good as another process: it opens the files for itself.
    let other = Settings::builder()
        .dir(folder.path())
        .read_only()
        .open()
        .unwrap();
    store.reset_font_size().wait().unwrap();
    store.reset_windows().wait().unwrap();
    assert_eq!((store.font_size(), store.windows()), (11, Map::new()));
    assert_eq!((store.recent().len(), store.queue()), (1, [7].into()));
    let log = store.path().unwrap().to_owned();
    let all = edits(&log, 3);
    assert_eq!(all[0].1, serde_json::json!(["font_size"]));
    let windows = serde_json::json!(["windows", "windows/help", "windows/main"]);
    let mut deleted: Vec<String> = serde_json::from_value(all[1].1.clone()).unwrap();
    deleted.sort();
    assert_eq!(serde_json::json!(deleted), windows);
    drop((other, store));
    let store = open(folder.path());
    assert_eq!((store.font_size(), store.windows()), (11, Map::new()));
}

#[test]
fn a_store_that_is_reset_is_at_its_seeds_in_one_commit() {
    let folder = folder();
    let store = filled(folder.path());
    let before = store.revision();
    store.reset().wait().unwrap();
    assert_eq!(store.revision(), before + 1);
    assert_at_its_seeds(&store);
    assert_eq!(store.snapshot().cursor, 3, "what is not stored stays");
    store.reset().wait().unwrap();
    assert_eq!(
        store.revision(),
        before + 1,
        "there is nothing left to change"
    );
    drop(store);
    let store = open(folder.path());
    assert_at_its_seeds(&store);
    assert!(!store.was_created());
}

#[test]
fn a_field_that_was_reset_follows_the_seed_of_a_later_version() {
    #[derive(Store)]
    #[store(name = "settings")]
    struct Later {
        #[store(seed = 14)]
        font_size: u32,
    }
    let folder = folder();
    let store = filled(folder.path());
    store.reset_font_size().wait().unwrap();
    drop(store);
    let later = Later::builder().dir(folder.path()).open().unwrap();
    assert_eq!(later.font_size(), 14);
    later.reset().wait().unwrap();
    drop(later);
    assert_eq!(
        open(folder.path()).recent(),
        ["a"],
        "of another version, and carried along"
    );
}

#[test]
fn a_commit_that_resets_and_fails_changes_nothing() {
    let folder = folder();
    let store = filled(folder.path());
    let read_only = Settings::builder()
        .dir(folder.path())
        .read_only()
        .open()
        .unwrap();
    let error = read_only.reset().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert_eq!((read_only.font_size(), store.font_size()), (20, 20));
}

#[test]
fn seeds_that_are_costly_are_made_for_an_empty_store_alone() {
    let folder = folder();
    let made = Arc::new(AtomicU32::new(0));
    let open = || {
        let made = made.clone();
        let seeds = move || {
            made.fetch_add(1, Relaxed);
            Settings {
                font_size: 30,
                recent: vec!["made".into()],
                windows: Map::new(),
                queue: Queue::new(),
                cursor: 0,
            }
        };
        Settings::builder()
            .dir(folder.path())
            .seed_with(seeds)
            .open()
            .unwrap()
    };
    let store = open();
    assert!(store.was_created());
    assert_eq!(
        (store.font_size(), store.recent()),
        (30, vec!["made".into()])
    );
    store.reset_font_size().wait().unwrap();
    assert_eq!(
        store.font_size(),
        11,
        "a field without a value reads as its attribute says"
    );
    drop(store);
    assert!(!open().was_created());
    assert_eq!(made.load(Relaxed), 1);
}

#[test]
fn a_single_seed_is_overridden_and_the_others_stay() {
    let folder = folder();
    let store = Settings::builder()
        .dir(folder.path())
        .update_seed(|seed| seed.font_size = 40)
        .update_seed(|seed| seed.font_size += 1)
        .open()
        .unwrap();
    assert_eq!((store.font_size(), store.queue()), (41, [1, 2].into()));
}

#[derive(Store)]
#[store(name = "settings")]
struct Unstorable {
    font_size: u32,
    #[store(seed = f64::NAN)]
    zoom: f64,
}

#[test]
fn a_seed_that_cannot_be_written_refuses_the_creation_of_a_store_and_not_its_opening() {
    let folder = folder();
    let error = Unstorable::builder()
        .dir(folder.path())
        .open()
        .err()
        .unwrap();
    assert_eq!(
        (error.kind(), error.uid()),
        (ErrorKind::Encode, Some("zoom"))
    );
    drop(filled(folder.path()));
    let store = Unstorable::builder().dir(folder.path()).open().unwrap();
    assert_eq!(store.font_size(), 20);
    assert!(store.zoom().is_nan());
    store.set_font_size(21).wait().unwrap();
    store.set_zoom(1.5).wait().unwrap();
}

#[test]
fn seeds_that_panic_leave_no_lock_behind() {
    let folder = folder();
    let panics = std::panic::catch_unwind(|| {
        let seeds = || panic!("no seeds today");
        drop(
            Settings::builder()
                .dir(folder.path())
                .seed_with(seeds)
                .open(),
        );
    });
    assert!(panics.is_err());
    assert!(open(folder.path()).was_created());
    assert!(fs::exists(folder.path().join("settings.db")).unwrap());
}

//! What users get wrong: a typed error that says what to do, nothing written, nothing lost.

use std::{fs, os::unix::fs::symlink, time::Duration};

use worsen::{ErrorKind, Options, PersistentStore, Store};
use worsen_tests::State;

use crate::support::{folder, open};

#[test]
fn hostile_names_are_refused() {
    let folder = folder();
    for name in [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "nul\0",
        "line\nfeed",
        ".hidden",
        "C:",
        "trailing.",
        "what?",
        &"long".repeat(100),
    ] {
        let error = State::builder()
            .dir(folder.path())
            .name(name)
            .open()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{name:?}: {error}");
        assert_eq!(error.store(), Some(name));
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was created"
    );
}

#[test]
fn a_directory_is_made_if_its_parent_exists() {
    let folder = folder();
    let dir = folder.path().join("new");
    assert_eq!(open(&dir).count(), 0);
    let error = State::builder()
        .dir(folder.path().join("not/there"))
        .open()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Directory, "{error}");
    assert!(error.to_string().contains("create the parent"), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for what in [&*file, "/dev/null".as_ref()] {
        let error = State::builder().dir(what).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Directory, "{error}");
        assert!(error.to_string().contains("no directory"), "{error}");
    }
}

#[test]
fn a_tilde_is_named_and_not_made_a_directory() {
    for dir in ["~", "~/.local/share/state", "~somebody/db"] {
        let error = State::builder().dir(dir).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Directory, "{error}");
        assert!(error.to_string().contains("`~` is expanded"), "{error}");
    }
    assert!(!std::path::Path::new("~").exists());
}

#[test]
fn a_foreign_file_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("state.db");
    for content in [
        "hello\n",
        "SQLite format 3\0and more",
        "{\"json\":true}\n",
        "\u{feff}x",
    ] {
        fs::write(&path, content).unwrap();
        let error = State::builder().dir(folder.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert!(!folder.path().join("state.cache.db").exists());
    }
}

#[test]
fn a_newer_format_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("state.db");
    let content = "{\"worsen\":2,\"new\":\"things\"}\nin other ways\n";
    fs::write(&path, content).unwrap();
    let error = State::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NewerFormat, "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
}

#[test]
fn the_log_of_another_store_is_refused_by_name() {
    let folder = folder();
    drop(open(folder.path()));
    fs::rename(
        folder.path().join("state.db"),
        folder.path().join("other.db"),
    )
    .unwrap();
    let error = State::builder()
        .dir(folder.path())
        .name("other")
        .open()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore);
    assert!(error.to_string().contains("`state`"), "{error}");
}

#[test]
fn links_and_directories_in_the_place_of_files_are_refused() {
    for name in ["state.db", "state.cache.db", "state.lock"] {
        let folder = folder();
        let target = folder.path().join("target");
        symlink(&target, folder.path().join(name)).unwrap();
        let error = State::builder().dir(folder.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAStore, "{name}: {error}");
        assert!(!target.exists(), "{name} was followed");
        fs::remove_file(folder.path().join(name)).unwrap();
        fs::create_dir(folder.path().join(name)).unwrap();
        let error = State::builder().dir(folder.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAStore, "{name}: {error}");
    }
}

#[test]
fn a_value_that_does_not_fit_its_field_names_the_uid_and_stays() {
    #[derive(Store, Debug)]
    #[store(name = "state")]
    struct Changed {
        count: String,
    }
    let folder = folder();
    let store = open(folder.path());
    store.set_count(7).wait().unwrap();
    drop(store);
    let path = folder.path().join("state.db");
    let before = fs::read(&path).unwrap();
    let error = Changed::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.uid(), Some("count"));
    assert_eq!(error.store(), Some("state"));
    assert!(error.to_string().contains("`7`"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(open(folder.path()).count(), 7);
}

#[test]
fn a_value_that_json_cannot_carry_is_refused_at_the_write() {
    #[derive(Store)]
    struct Reading {
        celsius: f64,
        place: String,
    }
    let store = Reading::builder().in_memory().open().unwrap();
    let error = store.set_celsius(f64::NAN).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert_eq!(error.uid(), Some("celsius"));
    let error = store
        .update(|state| {
            state.place = "roof".into();
            state.celsius = f64::INFINITY;
        })
        .wait()
        .unwrap_err();
    assert_eq!(error.uid(), Some("celsius"));
    assert_eq!(store.place(), "", "the whole update was undone");
    store.set_celsius(21.5).wait().unwrap();
    assert_eq!(store.celsius(), 21.5);
}

#[test]
fn an_update_inside_an_update_is_an_error() {
    let store = State::builder().in_memory().open().unwrap();
    let inner = store.clone();
    let error = store
        .update(move |state| {
            state.count = 1;
            inner.set_count(2).wait().unwrap_err()
        })
        .wait()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Nested, "{error}");
    assert_eq!(store.count(), 1);
    // Another store too: two of them could wait for each other for ever.
    let other = State::builder().in_memory().open().unwrap();
    let error = store
        .update(move |_| other.set_count(2).wait().unwrap_err())
        .wait()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Nested);
}

#[test]
fn a_read_inside_an_update_sees_what_is_committed() {
    let folder = folder();
    let store = open(folder.path());
    let inner = store.clone();
    let seen = store
        .update(move |state| {
            state.count = 5;
            inner.count()
        })
        .wait()
        .unwrap();
    assert_eq!((seen, store.count()), (0, 5));
}

#[test]
fn a_poll_of_zero_is_refused() {
    let error = State::builder()
        .in_memory()
        .poll(Duration::ZERO)
        .open()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
}

#[test]
fn hostile_uids_are_refused() {
    let folder = folder();
    let options = Options {
        db_dir: folder.path().into(),
        ..Options::default()
    };
    let store = PersistentStore::<bool>::new("uids", options).unwrap();
    for uid in ["", "line\nfeed", "nul\0", &"long".repeat(2_000)] {
        let error = store.write(uid, true).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUid, "{error}");
    }
    for uid in ["with \"quotes\"", "b\\s", "日本", "a/b", " "] {
        store.write(uid, true).wait().unwrap();
        assert_eq!(store.read(uid), Some(true));
    }
    drop(store);
    let options = Options {
        db_dir: folder.path().into(),
        ..Options::default()
    };
    let store = PersistentStore::<bool>::new("uids", options).unwrap();
    assert_eq!(store.len(), 5);
    assert_eq!(store.read("with \"quotes\""), Some(true));
}

#[test]
fn a_store_opened_for_reading_refuses_writes_and_touches_nothing() {
    let folder = folder();
    let read_only = || State::builder().dir(folder.path()).read_only().open();
    assert_eq!(read_only().unwrap_err().kind(), ErrorKind::NotFound);
    let store = open(folder.path());
    store.set_count(3).wait().unwrap();
    let reader = read_only().unwrap();
    assert_eq!(reader.count(), 3);
    let error = reader.set_count(4).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    store.set_count(5).wait().unwrap();
    let mut watch = reader.watch_count();
    if reader.count() != 5 {
        assert_eq!(
            watch.wait(Duration::from_secs(60)).transpose().unwrap(),
            Some(5),
            "the poll finds it"
        );
    }
}

#[test]
fn a_store_in_memory_that_is_only_read_stays_at_its_seeds() {
    let store = State::builder().in_memory().read_only().open().unwrap();
    let note = store.note();
    let error = store.set_note("other".into()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    assert_eq!((store.note(), store.revision()), (note, 0));
}

#[test]
fn a_directory_that_is_moved_or_deleted_under_an_open_store_is_told_as_such() {
    for deleted in [false, true] {
        let folder = folder();
        let dir = folder.path().join("db");
        let store = State::builder().dir(&dir).open().unwrap();
        store.set_count(1).wait().unwrap();
        match deleted {
            true => std::fs::remove_dir_all(&dir).unwrap(),
            false => std::fs::rename(&dir, folder.path().join("elsewhere")).unwrap(),
        }
        let error = store.set_count(2).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
        assert!(error.to_string().contains("moved or deleted"), "{error}");
        assert_eq!(store.count(), 1, "reads go on");
        assert!(!dir.exists());
        if !deleted {
            std::fs::rename(folder.path().join("elsewhere"), &dir).unwrap();
            store.set_count(3).wait().unwrap();
            assert_eq!(store.count(), 3);
        }
    }
}

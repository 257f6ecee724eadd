//! Symbolic links: where a store may be opened through them, and whose directory counts then.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use worsen::Store;
use worsen_tests::State;

use crate::support::{folder, open};

/// A store in this directory that counts to this number.
fn filled(dir: &Path, count: u64) {
    open(dir).set_count(count).wait().unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// As Kubernetes mounts a ConfigMap, and replaces it by one rename.
#[test]
fn a_store_that_is_only_read_may_be_behind_links_that_are_replaced() {
    let folder = folder();
    let (mounted, aside) = (folder.path().join("mounted"), folder.path().join("aside"));
    for dir in [&mounted, &aside] {
        fs::create_dir(dir).unwrap();
    }
    let put = |version: &str, count| {
        let dir = mounted.join(version);
        fs::create_dir(&dir).unwrap();
        filled(&dir, count);
        symlink(version, aside.join("data")).unwrap();
        fs::rename(aside.join("data"), mounted.join("..data")).unwrap();
    };
    put("..one", 1);
    symlink("..data/state.db", mounted.join("state.db")).unwrap();
    let before = names(&mounted);
    let store = State::builder()
        .dir(&mounted)
        .poll(Duration::from_millis(10))
        .read_only()
        .open()
        .unwrap();
    assert_eq!(store.count(), 1);
    put("..two", 2);
    let longest = Instant::now() + Duration::from_secs(60);
    while store.count() != 2 {
        assert!(Instant::now() < longest, "the new one is never read");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(store);
    let mut after = names(&mounted);
    after.retain(|name| name != "..two");
    assert_eq!(after, before, "nothing was written");
}

/// As a manager of dotfiles does it.
#[test]
fn a_store_behind_a_link_is_in_the_directory_of_the_file() {
    for name in ["state.db", "of-this-machine.db"] {
        let folder = folder();
        let (home, kept) = (folder.path().join("home"), folder.path().join("kept"));
        for dir in [&home, &kept] {
            fs::create_dir(dir).unwrap();
        }
        filled(&kept, 1);
        for file in ["state.cache.db", "state.lock"] {
            fs::remove_file(kept.join(file)).unwrap();
        }
        fs::rename(kept.join("state.db"), kept.join("moved")).unwrap();
        fs::rename(kept.join("moved"), kept.join(name)).unwrap();
        symlink(kept.join(name), home.join("state.db")).unwrap();
        let store = open(&home);
        assert_eq!(store.count(), 1);
        store.set_count(2).wait().unwrap();
        // By both paths it is one store.
        if name == "state.db" {
            let other = open(&kept);
            other.update_count(|count| *count += 1).wait().unwrap();
            assert_eq!(store.count(), 3);
        }
        drop(store);
        assert_eq!(names(&home), ["state.db"]);
        assert!(
            fs::symlink_metadata(home.join("state.db"))
                .unwrap()
                .is_symlink()
        );
        let stem = name.trim_end_matches(".db");
        let expected = [
            format!("{stem}.cache.db"),
            name.into(),
            format!("{stem}.lock"),
        ];
        assert_eq!(names(&kept), expected);
        assert!(open(&home).count() >= 2);
    }
}

#[test]
fn an_opening_that_is_refused_leaves_nothing_beside_the_file() {
    let folder = folder();
    let path = folder.path().join("state.db");
    for content in [
        "hello\n",
        "SQLite format 3\0and more",
        "{\"worsen\":2}\nnew\n",
    ] {
        fs::write(&path, content).unwrap();
        State::builder().dir(folder.path()).open().unwrap_err();
        assert_eq!(names(folder.path()), ["state.db"]);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    State::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(names(folder.path()), ["state.db"]);
    fs::remove_dir(&path).unwrap();
    symlink("/dev/null", &path).unwrap();
    State::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(names(folder.path()), ["state.db"]);
}

//! Makes the stores in `tests/fixtures` that are not there yet, from real programs:
//!
//! ```text
//! cargo run -p worsen-tests --bin make_fixtures
//! ```
//!
//! One that is there stays as it is, whatever has changed since: that is what it is for. A new format, or a new
//! version of the struct, adds one. `before-past` cannot be made anew: a worsen made it whose headers did not name the
//! generations before them.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use worsen::{PersistentStore, Store};
use worsen_tests::fixtures::{First, FirstStore, Newest, Second, Third};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A store that a function leaves in a directory.
type Make = fn(&Path) -> Outcome;

fn main() -> Outcome {
    let fixtures: [(&str, Make); 10] = [
        ("version-0", |dir| first(dir).map(drop)),
        ("not-closed", not_closed),
        ("torn", torn),
        ("compacted", compacted),
        ("version-1", version_1),
        ("version-2", version_2),
        ("version-3", version_3),
        ("migrated", migrated),
        ("renamed", renamed),
        ("keyed", keyed),
    ];
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (name, make) in fixtures {
        let dir = all.join(name);
        if dir.exists() {
            println!("{name} is there");
            continue;
        }
        fs::create_dir_all(&dir)?;
        make(&dir)?;
        // It means nothing on another machine.
        fs::remove_file(dir.join("app.lock"))?;
        println!("{name} is made");
    }
    Ok(())
}

fn first(dir: &Path) -> Outcome<FirstStore> {
    let store = First::builder().dir(dir).open()?;
    let fill = |state: &mut First| {
        state.init = false;
        state.timeout = 30;
        state.list = vec![1, 2, 3];
        state.plain = [("a".to_owned(), 1)].into();
        state.users = [("Ada".to_owned(), 1), ("Bob/x".to_owned(), 2)].into();
        state.jobs = [5, 6, 7].into();
        state.tags = ["red".to_owned()].into();
        state.chores.push("wash".to_owned());
        state.chores.push("cook".to_owned());
    };
    store.update(fill).wait()?;
    store.update_jobs(|jobs| jobs.pop_front()).wait()?;
    Ok(store)
}

/// Copies the files of a store as it is open: filled ahead, and its backup one write behind.
fn not_closed(dir: &Path) -> Outcome {
    let real = dir.join("open");
    fs::create_dir(&real)?;
    let store = first(&real)?;
    for file in ["app.db", "app.cache.db", "app.lock"] {
        fs::copy(real.join(file), dir.join(file))?;
    }
    drop(store);
    Ok(fs::remove_dir_all(real)?)
}

/// As a power cut may leave it: the newest line is half of one.
fn torn(dir: &Path) -> Outcome {
    let store = first(dir)?;
    store.set_timeout(31).wait()?;
    drop(store);
    let log = dir.join("app.db");
    let bytes = fs::read(&log)?;
    Ok(fs::write(log, &bytes[..bytes.len() - 30])?)
}

fn compacted(dir: &Path) -> Outcome {
    first(dir)?;
    let always = Arc::new(AtomicU64::new(0));
    let store = First::builder().dir(dir).compact_above(always).open()?;
    store.set_timeout(1).wait()?;
    store.set_timeout(30).wait()?;
    Ok(())
}

fn version_1(dir: &Path) -> Outcome {
    let store = Second::builder().dir(dir).open()?;
    store.set_init(false).wait()?;
    store.set_timeout(30).wait()?;
    store
        .update_users(|users| users.insert("Ada".into(), 1))
        .wait()?;
    Ok(())
}

fn version_2(dir: &Path) -> Outcome {
    let store = Third::builder().dir(dir).open()?;
    store.set_init(false).wait()?;
    store.set_timeout_ms(30_000).wait()?;
    store
        .update_users(|users| users.insert("Ada".into(), 1))
        .wait()?;
    Ok(())
}

fn version_3(dir: &Path) -> Outcome {
    let store = Newest::builder().dir(dir).open()?;
    store.set_init(false).wait()?;
    store.set_timeout_ms(30_000).wait()?;
    store
        .update_people(|people| people.insert("Ada".into(), 1))
        .wait()?;
    Ok(())
}

/// With the state before beside it.
fn migrated(dir: &Path) -> Outcome {
    version_1(dir)?;
    Third::builder().dir(dir).open()?;
    Ok(())
}

/// Some fields under their new uids, and one under both, as an older program that went on leaves it.
fn renamed(dir: &Path) -> Outcome {
    version_2(dir)?;
    let older = Third::builder().dir(dir).open()?;
    let store = Newest::builder().dir(dir).open()?;
    store
        .update_people(|people| people.insert("Eve".into(), 5))
        .wait()?;
    older
        .update_users(|users| users.insert("Old".into(), 9))
        .wait()?;
    Ok(())
}

fn keyed(dir: &Path) -> Outcome {
    let store = PersistentStore::<u32>::builder("app").dir(dir).open()?;
    store.write("a/b", 1).wait()?;
    store.write("timeout", 30).wait()?;
    store.remove("a/b").wait()?;
    store.write("c", 3).wait()?;
    Ok(())
}

//! A store and programs of several versions: what a migration does, what becomes of it in a power cut, and what an
//! older program sees meanwhile.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use worsen::{
    Condition, Effect, ErrorKind, Map, PersistentStore, Queue, Raw, Repair, Store, WorkQueue,
    testing::{self, SimulatedDisk},
};

use crate::support::{edits, folder};

/// As it was before it had a version.
#[derive(Store)]
#[store(name = "app")]
struct First {
    timeout: u32,
    users: Map<String, u32>,
    jobs: Queue<String>,
    #[store(seed = "untouched".into())]
    note: String,
}

/// Seconds have become milliseconds, and `users` is `people`.
#[derive(Store)]
#[store(name = "app", version = 2, migrate = to_second)]
struct Second {
    #[store(seed = 1)]
    timeout_ms: u64,
    people: Map<String, u32>,
    jobs: Queue<String>,
    note: String,
}

fn to_second(store: &mut Raw<'_>, from: u32) -> worsen::Result<()> {
    assert_eq!(from, 0);
    if let Some(seconds) = store.get::<u64>("timeout")? {
        store.set("timeout_ms", seconds * 1000)?;
        assert!(store.remove("timeout"));
    }
    store.rename("users", "people")?;
    Ok(())
}

/// Lets those of version 2 in.
#[derive(Store)]
#[store(name = "app", version = 3, compatible = 2)]
struct Third {
    timeout_ms: u64,
    people: Map<String, u32>,
    #[store(seed = true)]
    is_new: bool,
}

fn first(dir: &Path) -> FirstStore {
    First::builder().dir(dir).open().unwrap()
}

fn second(dir: &Path) -> SecondStore {
    Second::builder().dir(dir).open().unwrap()
}

fn filled(dir: &Path) -> FirstStore {
    let store = first(dir);
    store
        .update(|state| {
            state.timeout = 30;
            state.users = [("Ada".to_owned(), 1), ("Bob".to_owned(), 2)].into();
            state.jobs = ["mail".to_owned()].into();
        })
        .wait()
        .unwrap();
    store
}

#[test]
fn an_older_store_is_migrated_in_one_commit_and_once() {
    let folder = folder();
    drop(filled(folder.path()));
    let store = second(folder.path());
    let state = store.snapshot();
    assert_eq!((state.timeout_ms, &*state.note), (30_000, "untouched"));
    assert_eq!(state.people.keys().collect::<Vec<_>>(), ["Ada", "Bob"]);
    assert_eq!(state.jobs, ["mail".to_owned()].into());
    assert_eq!(state.revision(), 3);
    assert!(!store.was_created());
    let log = store.path().unwrap().to_owned();
    let [(set, deleted)] = &edits(&log, 3)[..] else {
        panic!("it is one commit")
    };
    assert_eq!(
        set["/worsen/version"],
        serde_json::json!({"version": 2, "compatible": 2})
    );
    assert_eq!(set["people/Ada"], 1);
    let gone = serde_json::json!(["timeout", "users", "users/Ada", "users/Bob"]);
    assert_eq!(*deleted, gone);
    let kept = folder.path().canonicalize().unwrap().join("app.v0.db");
    let migrated = Repair::Migrated {
        from: 0,
        to: 2,
        kept: Some(kept),
    };
    assert_eq!(store.recovered().repairs(), [migrated]);
    assert!(!store.recovered().may_have_lost());
    assert!(store.health().is_empty(), "{:?}", store.health());
    drop((state, store));

    let again = second(folder.path());
    assert_eq!((again.revision(), again.timeout_ms()), (3, 30_000));
    assert!(again.recovered().is_empty());
}

#[test]
fn the_state_before_a_migration_can_take_the_place_of_the_log() {
    let folder = folder();
    drop(filled(folder.path()));
    drop(second(folder.path()));
    let path = |name: &str| folder.path().join(name);
    fs::copy(path("app.v0.db"), path("app.db")).unwrap();
    fs::remove_file(path("app.cache.db")).unwrap();
    let store = first(folder.path());
    let state = store.snapshot();
    assert_eq!((state.timeout, state.users.len()), (30, 2));
    assert_eq!(state.jobs, ["mail".to_owned()].into());
    store.set_timeout(40).wait().unwrap();
    drop((state, store));
    // And be migrated once more, over the copy of the first time.
    let store = second(folder.path());
    assert_eq!(store.timeout_ms(), 40_000);
    drop(store);
    let kept = fs::read_to_string(path("app.v0.db")).unwrap();
    assert!(kept.contains("\"timeout\":40"), "{kept}");
}

#[test]
fn a_new_store_begins_with_the_version_of_its_program_and_no_migration() {
    fn never(_: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        panic!("there is nothing to migrate")
    }
    #[derive(Store)]
    #[store(name = "new", version = 7, migrate = never)]
    struct New {
        #[store(seed = 5)]
        count: u32,
    }
    let folder = folder();
    for _ in 0..2 {
        let store = New::builder().dir(folder.path()).open().unwrap();
        assert_eq!((store.count(), store.revision()), (5, 1));
        let log = store.path().unwrap().to_owned();
        let version = serde_json::json!({"version": 7, "compatible": 7});
        assert_eq!(edits(&log, 1)[0].0["/worsen/version"], version);
    }
    assert!(!folder.path().join("new.v0.db").exists());
    let store = New::builder().in_memory().open().unwrap();
    assert_eq!(store.count(), 5);
    let store = New::builder().in_memory().read_only().open().unwrap();
    assert_eq!(store.count(), 5);
}

#[test]
fn the_version_survives_compaction_also_by_a_program_that_knows_of_none() {
    let disk = SimulatedDisk::new();
    let above = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    drop(Second::builder().on(&disk).open().unwrap());
    let other = PersistentStore::<serde_json::Value>::builder("app")
        .on(&disk)
        .compact_above(above)
        .open()
        .unwrap();
    for number in 0..3 {
        other
            .write("timeout_ms", serde_json::json!(number))
            .wait()
            .unwrap();
    }
    assert_eq!(other.keys(), ["jobs", "note", "people", "timeout_ms"]);
    let own = other.write("/worsen/version", serde_json::json!(1));
    assert_eq!(own.wait().unwrap_err().kind(), ErrorKind::InvalidUid);
    assert_eq!(other.read("/worsen/version"), None);
    drop(other);
    let log = disk.read_file("./db/app.db").unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(!log.contains("\"gen\":1,"), "{log}");
    let store = Second::builder().on(&disk).open().unwrap();
    assert_eq!(store.timeout_ms(), 2);
}

#[test]
fn a_migration_that_fails_or_panics_leaves_everything_as_it_was() {
    fn fails(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        store.remove("users");
        store.get::<bool>("timeout").map(drop)
    }
    fn refuses(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        store.set("note", 7)?;
        Err(store.refuse("it is too old"))
    }
    fn panics(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        store.remove("jobs");
        panic!("what now")
    }
    fn leaves_a_misfit(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        store.set("timeout", "soon".to_owned())
    }
    #[derive(Store)]
    #[store(name = "app", version = 1, migrate = fails)]
    struct Fails {
        timeout: u32,
    }
    #[derive(Store)]
    #[store(name = "app", version = 1, migrate = refuses)]
    struct Refuses {
        timeout: u32,
    }
    #[derive(Store)]
    #[store(name = "app", version = 1, migrate = panics)]
    struct Panics {
        timeout: u32,
    }
    #[derive(Store)]
    #[store(name = "app", version = 1, migrate = leaves_a_misfit)]
    struct LeavesAMisfit {
        timeout: u32,
    }
    let folder = folder();
    let dir = folder.path();
    drop(filled(dir));
    let files = || {
        let read = |name: &str| fs::read(dir.join(name)).unwrap();
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        (read("app.db"), read("app.cache.db"), names)
    };
    let before = files();
    let errors = [
        Fails::builder().dir(dir).open().unwrap_err(),
        Refuses::builder().dir(dir).open().unwrap_err(),
        Panics::builder().dir(dir).open().unwrap_err(),
        LeavesAMisfit::builder().dir(dir).open().unwrap_err(),
    ];
    let [fails, refuses, panics, misfit] = &errors;
    for error in [fails, refuses, panics] {
        assert_eq!(error.kind(), ErrorKind::Migration, "{error}");
        assert_eq!(error.effect(), Effect::NothingWritten);
        let text = error.to_string();
        assert!(text.contains("from version 0 to 1"), "{text}");
        assert!(text.contains("store `app`"), "{text}");
    }
    assert_eq!(fails.uid(), Some("timeout"));
    assert!(refuses.to_string().contains("it is too old"), "{refuses}");
    assert!(
        panics.to_string().contains("panicked: what now"),
        "{panics}"
    );
    assert_eq!(misfit.kind(), ErrorKind::Decode);
    assert_eq!(files(), before);
    assert_eq!(first(dir).users().len(), 2);
}

#[test]
fn a_migration_reads_and_writes_values_and_collections_by_their_types() {
    #[derive(Store)]
    #[store(name = "typed")]
    struct Before {
        plain: Vec<u32>,
        map: Map<u32, String>,
        queue: Queue<u32>,
        chores: WorkQueue<u32>,
        #[store(seed = [1, 2].into())]
        plain_queue: Queue<u32>,
    }
    fn migrate(store: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        let uids: Vec<&str> = store.uids().filter(|uid| !uid.contains('/')).collect();
        assert_eq!(uids, ["chores", "map", "plain", "plain_queue", "queue"]);
        let plain: Vec<u32> = store.get("plain")?.unwrap();
        store.set::<Queue<u32>>("plain", plain.into_iter().collect())?;
        let mut map: Map<u32, String> = store.get("map")?.unwrap();
        assert_eq!(map[&2], "two");
        assert_eq!(store.get::<String>("map/2")?.unwrap(), "two");
        map.remove(&1);
        map.insert(3, "three".into());
        store.set("map", map)?;
        store.set("map/4", "four".to_owned())?;
        let queue: Queue<u32> = store.get("queue")?.unwrap();
        assert_eq!(queue, [7, 8].into());
        let chore: serde_json::Value = store.get("chores/0")?.unwrap();
        assert_eq!(chore["job"], 9);
        // Of another kind than it is.
        assert!(store.get::<Map<u32, u32>>("queue").is_err());
        let error = store.get::<Vec<u32>>("queue").unwrap_err();
        assert_eq!(
            (error.kind(), error.uid()),
            (ErrorKind::Decode, Some("queue/0"))
        );
        let error = store.get::<u32>("map/2").unwrap_err();
        assert_eq!(
            (error.kind(), error.uid()),
            (ErrorKind::Decode, Some("map/2"))
        );
        let error = store.set("nan", f64::NAN).unwrap_err();
        assert_eq!(
            (error.kind(), error.uid()),
            (ErrorKind::Encode, Some("nan"))
        );
        for uid in ["", "a\nb", "/worsen/version"] {
            let error = store.set(uid, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUid, "{uid:?}");
        }
        assert_eq!(store.get::<u32>("/worsen/version")?, None);
        assert!(!store.remove("/worsen/version") && !store.contains("/worsen/version"));
        assert!(store.rename("queue", "map").is_err(), "it is there");
        assert!(
            store.rename("queue", "queue/1").is_err(),
            "it is a part of it"
        );
        assert!(!store.rename("nothing", "something")?);
        assert!(store.rename("queue", "line")?);
        assert!(store.contains("line") && !store.contains("queue"));
        Ok(())
    }
    #[derive(Store)]
    #[store(name = "typed", version = 1, migrate = migrate)]
    struct After {
        plain: Queue<u32>,
        map: Map<u32, String>,
        line: Queue<u32>,
        chores: WorkQueue<u32>,
        plain_queue: WorkQueue<u32>,
    }
    let folder = folder();
    let store = Before::builder().dir(folder.path()).open().unwrap();
    let fill = |state: &mut Before| {
        state.plain = vec![5, 6];
        state.map = [(1, "one".to_owned()), (2, "two".to_owned())].into();
        state.queue = [7, 8].into();
        state.chores.push(9);
    };
    store.update(fill).wait().unwrap();
    drop(store);
    for _ in 0..2 {
        let store = After::builder().dir(folder.path()).open().unwrap();
        let state = store.snapshot();
        assert_eq!(
            (&state.plain, &state.line),
            (&[5, 6].into(), &[7, 8].into())
        );
        let map = [(2, "two"), (3, "three"), (4, "four")];
        assert_eq!(
            state.map,
            map.map(|(key, text)| (key, text.to_owned())).into()
        );
        assert_eq!((state.chores.len(), state.plain_queue.len()), (1, 2));
    }
}

#[test]
fn an_older_program_is_let_in_where_the_store_says_so() {
    let folder = folder();
    let dir = folder.path();
    drop(filled(dir));
    drop(second(dir));
    let third = Third::builder().dir(dir).open().unwrap();
    assert!(third.is_new());
    assert_eq!(third.timeout_ms(), 30_000);
    // No function, and so nothing but the version has changed.
    assert!(third.recovered().is_empty());
    assert!(!dir.join("app.v2.db").exists());

    let second = second(dir);
    second.set_timeout_ms(7).wait().unwrap();
    assert_eq!(third.timeout_ms(), 7);
    third.set_timeout_ms(8).wait().unwrap();
    assert_eq!(second.timeout_ms(), 8);
    // What a newer program has written is no news.
    assert!(second.health().is_empty(), "{:?}", second.health());

    let error = First::builder().dir(dir).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    let text = error.to_string();
    assert!(
        text.contains("of version 3") && text.contains("of version 0"),
        "{text}"
    );
    assert!(text.contains("from version 2 on"), "{text}");
    let error = First::builder().dir(dir).read_only().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    drop((second, third));
    // It stays of version 3.
    let log = fs::read_to_string(dir.join("app.db")).unwrap();
    assert!(log.contains("{\"version\":3,\"compatible\":2}"), "{log}");
}

#[test]
fn an_older_program_that_has_the_store_open_reads_on_and_its_writes_are_refused() {
    let folder = folder();
    let older = filled(folder.path());
    let mut watch = older.watch();
    let newer = second(folder.path());
    assert_eq!(newer.timeout_ms(), 30_000);
    newer.set_timeout_ms(5).wait().unwrap();

    let state = older.snapshot();
    assert_eq!(
        (state.timeout, state.users.len(), state.revision()),
        (30, 2, 2)
    );
    let error = older.set_timeout(1).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    assert_eq!(error.effect(), Effect::NothingWritten);
    let text = error.to_string();
    assert!(
        text.contains("version 2") && text.contains("version 0"),
        "{text}"
    );
    let told = watch.wait(Duration::from_secs(60)).unwrap();
    assert_eq!(
        told.err().map(|error| error.kind()),
        Some(ErrorKind::Version)
    );
    let health = older.health();
    let misfit = health.iter().find_map(|condition| match condition {
        Condition::Misfit { error, revision } => Some((error.kind(), *revision)),
        _ => None,
    });
    assert_eq!(misfit, Some((ErrorKind::Version, 2)), "{health:?}");
    // And nothing of it came into the newer one.
    assert_eq!(newer.timeout_ms(), 5);
    let log = fs::read_to_string(newer.path().unwrap()).unwrap();
    assert!(log.contains("\"people\""), "{log}");
}

#[test]
fn a_program_whose_store_goes_back_to_an_older_version_stops_until_it_is_opened_anew() {
    let disk = SimulatedDisk::new();
    let store = Second::builder().on(&disk).open().unwrap();
    // As another program, or a person, could do it.
    let other = disk.new_process();
    #[derive(Store)]
    #[store(name = "app", version = 1, compatible = 0)]
    struct Meddler {
        #[store(uid = "timeout_ms")]
        timeout: u64,
    }
    assert_eq!(
        Meddler::builder().on(&other).open().unwrap_err().kind(),
        ErrorKind::Version
    );
    assert_eq!(store.timeout_ms(), 1);
    store.set_timeout_ms(2).wait().unwrap();
}

#[test]
fn a_program_that_only_reads_cannot_migrate() {
    let folder = folder();
    drop(filled(folder.path()));
    let open = || Second::builder().dir(folder.path()).read_only().open();
    let error = open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    assert!(
        error.to_string().contains("without `.read_only()`"),
        "{error}"
    );
    drop(second(folder.path()));
    assert_eq!(open().unwrap().timeout_ms(), 30_000);
    // Where there is nothing to migrate, it reads.
    let third = Third::builder().dir(folder.path()).read_only().open();
    assert_eq!(third.unwrap().timeout_ms(), 30_000);
}

#[test]
fn a_file_in_the_place_of_the_kept_state_is_not_overwritten() {
    let folder = folder();
    let dir = folder.path();
    drop(filled(dir));
    // A store that is called so.
    let other = First::builder().dir(dir).name("app.v0").open().unwrap();
    other.set_timeout(99).wait().unwrap();
    drop(other);
    let error = Second::builder().dir(dir).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Occupied);
    assert!(error.to_string().contains("app.v0.db"), "{error}");
    assert_eq!(first(dir).timeout(), 30);
    let other = First::builder().dir(dir).name("app.v0").open().unwrap();
    assert_eq!(other.timeout(), 99);
    drop(other);
    fs::remove_file(dir.join("app.v0.db")).unwrap();
    assert_eq!(second(dir).timeout_ms(), 30_000);
}

#[test]
fn a_version_that_is_lost_with_a_part_of_the_log_is_not_taken_for_none() {
    static MIGRATED: AtomicU32 = AtomicU32::new(0);
    fn count(_: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        MIGRATED.fetch_add(1, Relaxed);
        Ok(())
    }
    #[derive(Store)]
    #[store(name = "app", version = 2, migrate = count)]
    struct Counted {
        timeout_ms: u64,
    }
    let folder = folder();
    let dir = folder.path();
    let open = || Counted::builder().dir(dir).salvage().open().unwrap();
    let store = open();
    for number in 1..5 {
        store.set_timeout_ms(number).wait().unwrap();
    }
    drop(store);
    // The line with the seeds and the version, in both files.
    for name in ["app.db", "app.cache.db"] {
        let path = dir.join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("worsen/version", "worsen/versino", 1)).unwrap();
    }
    let store = open();
    assert!(store.recovered().may_have_lost());
    assert_eq!(store.timeout_ms(), 4);
    assert_eq!(MIGRATED.load(Relaxed), 0);
    drop(store);
    let store = Counted::builder().dir(dir).open().unwrap();
    assert_eq!((store.timeout_ms(), MIGRATED.load(Relaxed)), (4, 0));
}

/// What a process of the older version leaves, and then one of the newer version.
fn two_versions(disk: &SimulatedDisk) -> Option<()> {
    let store = First::builder().on(disk).open().ok()?;
    store.set_timeout(30).wait().ok()?;
    let ada = |users: &mut Map<String, u32>| users.insert("Ada".to_owned(), 1);
    store.update_users(ada).wait().ok()?;
    drop(store);
    let store = Second::builder().on(disk).open().ok()?;
    store.set_note("written".into()).wait().ok()
}

#[test]
fn a_power_cut_in_a_migration_leaves_the_old_state_or_the_new_one_and_the_kept_one_whole() {
    let (mut states, mut old, mut new) = (0, 0, 0);
    for crash in testing::crashes(two_versions) {
        let left = crash.left_by_power_cut().chain([crash.left_by_kill()]);
        for disk in left.step_by(crate::support::sample()) {
            states += 1;
            let log = disk.read_file("./db/app.db").unwrap_or_default();
            let is_new = String::from_utf8_lossy(&log).contains("/worsen/version");
            let users = if !is_new {
                old += 1;
                let store = First::builder().on(&disk).open().unwrap();
                (store.timeout() == 30).then(|| store.users().len())
            } else {
                new += 1;
                None
            };
            // The migration runs, once more or for the first time.
            let store = Second::builder().on(&disk).open().unwrap();
            let state = store.snapshot();
            let (timeout, people) = (state.timeout_ms, state.people.len());
            let seen = (timeout, people);
            let all = [(1, 0), (0, 0), (30_000, 0), (30_000, 1)];
            assert!(all.contains(&seen), "{seen:?}\n{crash}");
            if let Some(users) = users {
                assert_eq!(seen, (30_000, users), "{crash}");
            }
            let migrated = store.recovered().repairs().iter();
            let migrated = migrated.filter(|repair| matches!(repair, Repair::Migrated { .. }));
            assert_eq!(
                migrated.count(),
                usize::from(!is_new && timeout != 1),
                "{crash}"
            );
            drop((state, store));
            if timeout == 1 {
                continue;
            }
            // What is kept is a store of the older version.
            let kept = disk.read_file("./db/app.v0.db").expect("it is kept");
            let other = SimulatedDisk::new();
            other.write_file("./db/app.db", kept);
            let store = First::builder().on(&other).open().unwrap();
            assert!(
                store
                    .recovered()
                    .repairs()
                    .iter()
                    .all(|repair| { matches!(repair, Repair::BackupRenewed { .. }) })
            );
            assert_eq!(u64::from(store.timeout()) * 1000, timeout, "{crash}");
            assert_eq!(store.users().len(), people, "{crash}");
        }
    }
    println!("{states} states: {old} old, {new} new");
    assert!(old > 10 && new > 10, "{old} old, {new} new");
}

#[test]
fn a_full_disk_refuses_a_migration_and_leaves_the_store() {
    let disk = SimulatedDisk::new();
    let store = First::builder().on(&disk).open().unwrap();
    store.set_timeout(30).wait().unwrap();
    drop(store);
    disk.leave_room(Some(0));
    let error = Second::builder().on(&disk).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    disk.leave_room(None);
    assert_eq!(First::builder().on(&disk).open().unwrap().timeout(), 30);
    assert_eq!(
        Second::builder().on(&disk).open().unwrap().timeout_ms(),
        30_000
    );
}

#[test]
fn a_migration_that_opens_its_own_store_is_told_so_and_does_not_hang() {
    fn opens(_: &mut Raw<'_>, _: u32) -> worsen::Result<()> {
        let builder = Selfish::builder().lock_timeout(Duration::from_millis(10));
        builder.dir(DIR.get().unwrap()).open().map(drop)
    }
    static DIR: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    #[derive(Store)]
    #[store(name = "app", version = 1, migrate = opens)]
    struct Selfish {
        timeout: u32,
    }
    let folder = folder();
    DIR.set(folder.path().to_owned()).unwrap();
    drop(filled(folder.path()));
    let error = Selfish::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Migration);
    assert!(error.to_string().contains("being opened"), "{error}");
}

#[test]
fn a_copy_of_an_older_version_is_migrated_when_it_is_restored() {
    let folder = folder();
    let dir = folder.path();
    let older = filled(dir);
    let copy = dir.join("copy.db");
    older.backup_to(&copy).unwrap();
    drop(older);
    let newer = second(dir);
    newer.set_timeout_ms(1).wait().unwrap();
    newer.update_people(|people| people.clear()).wait().unwrap();
    newer.restore_from(&copy).wait().unwrap();
    assert_eq!((newer.timeout_ms(), newer.people().len()), (30_000, 2));
    newer.set_timeout_ms(2).wait().unwrap();
    drop(newer);
    let newer = second(dir);
    assert!(newer.recovered().is_empty());
    assert_eq!((newer.timeout_ms(), newer.people().len()), (2, 2));
    // And one of a newer version is refused.
    let third = Third::builder().dir(dir).open().unwrap();
    third.backup_to(dir.join("third.db")).unwrap();
    drop((third, newer));
    let other = First::builder().dir(dir.join("other")).open().unwrap();
    let error = other.restore_from(dir.join("third.db")).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version, "{error}");
    assert_eq!(other.timeout(), 0);
}

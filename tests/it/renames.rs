//! Fields that were called otherwise: `alias`. An older program that knows the former uid may run beside.

use std::path::Path;

use worsen::{Condition, ErrorKind, Map, Queue, Store, WorkQueue, testing::SimulatedDisk};

use crate::support::{edits, folder};

#[derive(Store)]
#[store(name = "app")]
struct Before {
    #[store(seed = 80)]
    port: u16,
    users: Map<String, u32>,
    jobs: Queue<u32>,
    list: Vec<u32>,
    other: u32,
}

#[derive(Store)]
#[store(name = "app")]
struct After {
    #[store(alias = "the_port", alias = "port", seed = 443)]
    listen_port: u16,
    #[store(alias = "users")]
    people: Map<String, u32>,
    #[store(alias = "jobs")]
    tasks: WorkQueue<u32>,
    #[store(alias = "list", seed = [9].into())]
    line: Queue<u32>,
    other: u32,
}

fn before(dir: &Path) -> BeforeStore {
    Before::builder().dir(dir).open().unwrap()
}

fn after(dir: &Path) -> AfterStore {
    After::builder().dir(dir).open().unwrap()
}

fn filled(dir: &Path) -> BeforeStore {
    let store = before(dir);
    let fill = |state: &mut Before| {
        state.port = 8080;
        state.users = [("Ada".to_owned(), 1), ("Bob".to_owned(), 2)].into();
        state.jobs = [5, 6].into();
        state.list = vec![7];
    };
    store.update(fill).wait().unwrap();
    store
}

fn assert_filled(store: &AfterStore) {
    let state = store.snapshot();
    assert_eq!(state.listen_port, 8080);
    assert_eq!(
        state.people,
        [("Ada".to_owned(), 1), ("Bob".to_owned(), 2)].into()
    );
    assert_eq!((state.tasks.len(), &state.line), (2, &[7].into()));
}

#[test]
fn a_renamed_field_is_read_under_its_former_uid_and_opening_writes_nothing() {
    let folder = folder();
    let revision = filled(folder.path()).revision();
    let store = after(folder.path());
    assert_filled(&store);
    assert_eq!(store.revision(), revision);
    assert!(store.health().is_empty(), "{:?}", store.health());
    // Nor does a write of another field, or one that changes nothing.
    store.update(|state| state.other = 1).wait().unwrap();
    store.set_listen_port(8080).wait().unwrap();
    store.update_people(|people| people.len()).wait().unwrap();
    store.update(|state| state.line.len()).wait().unwrap();
    assert_eq!(store.revision(), revision + 1);
    let log = store.path().unwrap().to_owned();
    let [(set, deleted)] = &edits(&log, 3)[..] else {
        panic!("one commit")
    };
    assert_eq!(
        (set, deleted),
        (&serde_json::json!({"other": 1}), &serde_json::Value::Null)
    );
    let reads = After::builder()
        .dir(folder.path())
        .read_only()
        .open()
        .unwrap();
    assert_filled(&reads);
}

#[test]
fn the_first_write_that_changes_a_field_moves_it_to_its_new_uid_in_the_same_commit() {
    let folder = folder();
    drop(filled(folder.path()));
    let store = after(folder.path());
    store.set_listen_port(1).wait().unwrap();
    store
        .update(|state| {
            state.people.insert("Cid".into(), 3);
            state.tasks.push(8);
            state.line.push_back(8);
        })
        .wait()
        .unwrap();
    let log = store.path().unwrap().to_owned();
    let [port, rest] = &edits(&log, 3)[..] else {
        panic!("two commits")
    };
    assert_eq!(
        *port,
        (
            serde_json::json!({"listen_port": 1}),
            serde_json::json!(["port"])
        )
    );
    let (set, deleted) = rest;
    assert_eq!(
        (&set["people"], &set["people/Ada"]),
        (&serde_json::json!({}), &1.into())
    );
    assert_eq!(set["tasks"], "work");
    let mut deleted: Vec<String> = serde_json::from_value(deleted.clone()).unwrap();
    deleted.sort();
    let gone = [
        "jobs",
        "jobs/0",
        "jobs/1",
        "list",
        "users",
        "users/Ada",
        "users/Bob",
    ];
    assert_eq!(deleted, gone);
    drop(store);
    let store = after(folder.path());
    let state = store.snapshot();
    assert_eq!((state.listen_port, state.people.len()), (1, 3));
    assert_eq!((state.tasks.len(), &state.line), (3, &[7, 8].into()));
    assert!(store.health().is_empty(), "{:?}", store.health());
}

#[test]
fn a_renamed_field_that_is_reset_is_so_under_all_of_its_uids() {
    let folder = folder();
    drop(filled(folder.path()));
    let store = after(folder.path());
    store.reset_listen_port().wait().unwrap();
    store.reset_people().wait().unwrap();
    store.reset_line().wait().unwrap();
    let check = |store: &AfterStore| {
        let state = store.snapshot();
        assert_eq!((state.listen_port, state.people.len()), (443, 0));
        assert_eq!((&state.line, state.tasks.len()), (&[9].into(), 2));
    };
    check(&store);
    drop(store);
    check(&after(folder.path()));
    drop(filled(folder.path()));
    let store = after(folder.path());
    store.reset().wait().unwrap();
    drop(store);
    let store = after(folder.path());
    assert_eq!((store.listen_port(), store.tasks().len()), (443, 0));
}

/// What the newer program reads follows what the older one writes, until the field is its own.
#[test]
fn an_older_program_beside_is_followed_until_the_newer_one_writes_the_field() {
    let folder = folder();
    let older = filled(folder.path());
    let newer = after(folder.path());
    let mut watch = newer.watch_listen_port();
    older.set_port(1).wait().unwrap();
    assert_eq!(newer.listen_port(), 1);
    assert_eq!(
        watch
            .wait(std::time::Duration::from_secs(60))
            .unwrap()
            .unwrap(),
        1
    );
    older
        .update(|state| {
            state.users.remove("Ada");
            state.users.insert("Eve".into(), 5);
            state.jobs.pop_front();
        })
        .wait()
        .unwrap();
    let state = newer.snapshot();
    assert_eq!(state.people.keys().collect::<Vec<_>>(), ["Bob", "Eve"]);
    assert_eq!(state.tasks.len(), 1);
    // In one group with a write of its own, and on what it has not read yet.
    older.set_port(2).wait().unwrap();
    newer.update_listen_port(|port| *port += 1).wait().unwrap();
    assert_eq!(newer.listen_port(), 3);

    // The older one sees its seed, and what it writes from now on is its own.
    assert_eq!(older.port(), 80);
    older.set_port(81).wait().unwrap();
    assert_eq!((older.port(), newer.listen_port()), (81, 3));
    assert!(
        watch
            .wait(std::time::Duration::ZERO)
            .is_some_and(|port| port.unwrap() == 3)
    );
    assert!(watch.wait(std::time::Duration::ZERO).is_none());
    newer.set_listen_port(4).wait().unwrap();
    assert_eq!((older.port(), newer.listen_port()), (81, 4));
    newer.update_people(|people| people.clear()).wait().unwrap();
    assert_eq!(older.users().len(), 0);
    older
        .update_users(|users| users.insert("Old".into(), 1))
        .wait()
        .unwrap();
    assert_eq!((older.users().len(), newer.people().len()), (1, 0));
    drop((newer, watch));
    // The next opening tells.
    let newer = after(folder.path());
    assert_eq!((newer.listen_port(), newer.people().len()), (4, 0));
    let told: Vec<(String, String)> = newer
        .health()
        .into_iter()
        .map(|condition| match condition {
            Condition::FormerUid { uid, read } => (uid, read),
            other => panic!("{other}"),
        })
        .collect();
    let expected = [("port", "listen_port"), ("users", "people")];
    assert_eq!(
        told,
        expected.map(|(uid, read)| (uid.to_owned(), read.to_owned()))
    );
    // And the older one goes on with what is its own.
    assert_eq!((older.port(), older.users().len()), (81, 1));
}

#[test]
fn a_value_that_does_not_fit_is_told_under_the_uid_that_the_file_has() {
    #[derive(Store)]
    #[store(name = "app")]
    struct Wrong {
        #[store(alias = "users", on_mismatch = "error")]
        people: Map<String, bool>,
    }
    let folder = folder();
    let older = filled(folder.path());
    let error = Wrong::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.uid().unwrap().starts_with("users/"), "{error}");
    older.update_users(|users| users.clear()).wait().unwrap();
    let wrong = Wrong::builder().dir(folder.path()).open().unwrap();
    older
        .update_users(|users| users.insert("Eve".into(), 5))
        .wait()
        .unwrap();
    let error = wrong
        .update_people(|people| people.insert("x".into(), true))
        .wait();
    assert_eq!(error.unwrap_err().uid(), Some("users/Eve"));
    older.update_users(|users| users.clear()).wait().unwrap();
    wrong
        .update_people(|people| people.insert("x".into(), true))
        .wait()
        .unwrap();
    assert_eq!(wrong.people().len(), 1);
}

/// The field counts as it is in the file, whichever way a process has come there.
#[test]
fn processes_that_have_come_different_ways_see_the_same() {
    let disk = SimulatedDisk::new();
    let process = disk.new_process();
    let older = Before::builder().on(&process).open().unwrap();
    let newer = After::builder().on(&disk).open().unwrap();
    let mut random = worsen_tests::Random::seeded("renames");
    for step in 0..400 {
        let number = random.below(4) as u32;
        match random.below(9) {
            0 => older.set_port(number as u16).wait().unwrap(),
            1 => newer.set_listen_port(number as u16).wait().unwrap(),
            2 => older.reset_port().wait().unwrap(),
            3 => newer.reset_listen_port().wait().unwrap(),
            4 => drop(
                older
                    .update_users(move |users| users.insert(number.to_string(), step))
                    .wait(),
            ),
            5 => drop(
                newer
                    .update_people(move |users| users.insert(number.to_string(), step))
                    .wait(),
            ),
            6 => drop(
                older
                    .update_users(move |users| users.remove(&number.to_string()))
                    .wait(),
            ),
            7 => newer.reset_people().wait().unwrap(),
            _ => newer.reset().wait().unwrap(),
        }
        let fresh = After::builder().on(&disk.new_process()).open().unwrap();
        let (here, there) = (newer.snapshot(), fresh.snapshot());
        assert_eq!(
            (here.listen_port, &here.people, here.revision()),
            (there.listen_port, &there.people, there.revision()),
            "step {step}"
        );
        let mine = older.snapshot();
        let fresh = Before::builder().on(&disk.new_process()).open().unwrap();
        let other = fresh.snapshot();
        assert_eq!(
            (mine.port, &mine.users),
            (other.port, &other.users),
            "step {step}"
        );
    }
}

#[test]
fn a_renamed_field_is_exported_and_restored_under_whichever_uid_it_stands() {
    let folder = folder();
    let older = filled(folder.path());
    let copy = folder.path().join("copy.db");
    older.backup_to(&copy).unwrap();
    drop(older);
    let store = after(folder.path());
    let exported = |store: &AfterStore| -> serde_json::Value {
        serde_json::from_str(&store.export_json().unwrap()).unwrap()
    };
    let before = exported(&store);
    assert_eq!(before["listen_port"], 8080);
    assert_eq!(before["people"]["Ada"], 1);
    store.set_listen_port(1).wait().unwrap();
    store
        .update_people(|people| people.remove("Ada"))
        .wait()
        .unwrap();
    store.restore_from(&copy).wait().unwrap();
    assert_filled(&store);
    assert_eq!(exported(&store), before);
    // It is as it was: under the former uids.
    drop(store);
    let older = Before::builder().dir(folder.path()).open().unwrap();
    assert_eq!((older.port(), older.users().len()), (8080, 2));
    let store = after(folder.path());
    assert_filled(&store);
}

#[test]
fn rules_are_asked_of_a_renamed_field_where_a_write_changes_it() {
    #[derive(Store)]
    #[store(name = "app")]
    struct Ruled {
        #[store(alias = "port", range = 1..=1000, seed = 1)]
        listen_port: u16,
        #[store(alias = "users", len = ..=2)]
        people: Map<String, u32>,
        other: u32,
    }
    let folder = folder();
    drop(filled(folder.path()));
    let store = Ruled::builder().dir(folder.path()).open().unwrap();
    // It breaks the rule already, and stays.
    store.update(|state| state.other = 1).wait().unwrap();
    assert_eq!(store.listen_port(), 8080);
    let error = store.set_listen_port(2000).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = store
        .update_people(|people| people.insert("Cid".into(), 3))
        .wait();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!((store.listen_port(), store.people().len()), (8080, 2));
    store.set_listen_port(7).wait().unwrap();
    store
        .update_people(|people| people.remove("Ada"))
        .wait()
        .unwrap();
    drop(store);
    let store = Ruled::builder().dir(folder.path()).open().unwrap();
    assert_eq!((store.listen_port(), store.people().len()), (7, 1));
}

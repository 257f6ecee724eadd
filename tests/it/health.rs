//! What `health()` says while a store is open: nothing where all is well, and otherwise what is wrong.

use std::{sync::mpsc::channel, thread, time::Duration};

use worsen::{
    Condition, ErrorKind, Options, PersistentStore, Store,
    testing::{Fault, Repeat, SimulatedDisk},
};

use worsen_tests::State;

use crate::{
    machine,
    support::{folder, open, open_with_older_log},
};

/// Beside a closure that the machine was too busy for.
fn without_slow(mut health: Vec<Condition>) -> Vec<Condition> {
    health.retain(|condition| !matches!(condition, Condition::SlowClosure { .. }));
    health
}

fn keyed<T: worsen::Value>(dir: &std::path::Path) -> PersistentStore<T> {
    let options = Options {
        is_debug: false,
        db_dir: dir.into(),
    };
    PersistentStore::new("keyed", options).unwrap()
}

#[test]
fn all_is_well_with_a_store_that_works() {
    let folder = folder();
    let store = open(folder.path());
    assert!(without_slow(store.health()).is_empty());
    store.set_count(1).wait().unwrap();
    assert!(
        without_slow(store.health()).is_empty(),
        "{:?}",
        without_slow(store.health())
    );
    let keyed = keyed::<u64>(folder.path());
    keyed.write("a", 1).wait().unwrap();
    assert!(
        without_slow(keyed.health()).is_empty(),
        "{:?}",
        without_slow(keyed.health())
    );
}

/// As good as another program on the same file.
#[derive(Store)]
#[store(name = "keyed")]
struct Anything {
    a: serde_json::Value,
}

#[test]
fn a_value_of_another_program_that_does_not_fit_is_told_until_it_is_put_right() {
    let folder = folder();
    let numbers = keyed::<u64>(folder.path());
    numbers.write("a", 1).wait().unwrap();
    let anything = Anything::builder().dir(folder.path()).open().unwrap();
    anything.set_a("text".into()).wait().unwrap();
    // The state stays; that it does is told without a write.
    assert_eq!(numbers.read("a"), Some(1));
    let health = without_slow(numbers.health());
    let [
        Condition::Misfit {
            error, revision, ..
        },
    ] = &health[..]
    else {
        panic!("{health:?}");
    };
    assert_eq!((error.kind(), error.uid()), (ErrorKind::Decode, Some("a")));
    assert_eq!((error.store(), *revision), (Some("keyed"), 1));
    let told = health[0].to_string();
    assert!(told.contains("reads stay at revision 1"), "{told}");
    assert!(without_slow(anything.health()).is_empty());
    anything.set_a(2.into()).wait().unwrap();
    assert_eq!(numbers.read("a"), Some(2));
    assert!(
        without_slow(numbers.health()).is_empty(),
        "{:?}",
        without_slow(numbers.health())
    );
}

/// For what has to come.
const LONG: Duration = Duration::from_secs(60);

/// The state behind such a value is old for as long as it is there, so nobody is left waiting beside it.
#[test]
fn a_value_that_does_not_fit_is_told_to_everybody_who_waits() {
    let folder = folder();
    let dir = folder.path();
    let numbers = State::builder().dir(dir).name("keyed").open().unwrap();
    let anything = PersistentStore::<serde_json::Value>::builder("keyed")
        .dir(dir)
        .open()
        .unwrap();
    numbers.set_count(1).wait().unwrap();
    let mut watch = numbers.watch_count();
    let mut changes = numbers.changes(numbers.revision()).unwrap();
    let mut task = numbers.watch();
    let (send, called) = channel();
    let _guard = numbers.on_change(move |state| send.send(state.map(|state| state.count)).unwrap());
    let waiting = thread::spawn(move || {
        let told = watch.wait(LONG).expect("the watch hangs beside it");
        (watch, told)
    });
    let polled = thread::spawn(move || pollster::block_on(task.next()));
    let commits = thread::spawn(move || {
        let told = changes.wait(LONG).expect("the changes hang beside it");
        (changes, told)
    });
    anything.write("count", "many".into()).wait().unwrap();
    let (mut watch, told) = waiting.join().unwrap();
    let (mut changes, untold) = commits.join().unwrap();
    let errors = [
        told.unwrap_err(),
        untold.unwrap_err(),
        polled.join().unwrap().unwrap_err(),
        called.recv_timeout(LONG).unwrap().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!((error.store(), error.uid()), (Some("keyed"), Some("count")));
    }
    // It is told once, also to a watch that begins beside it.
    assert!(watch.wait(Duration::ZERO).is_none());
    assert!(changes.try_next().is_none());
    let mut late = numbers.watch_note();
    assert!(late.wait(Duration::ZERO).unwrap().is_err());
    assert!(late.wait(Duration::ZERO).is_none());
    // And all goes on once it is put right.
    anything.write("count", 2.into()).wait().unwrap();
    assert_eq!(watch.wait(LONG).unwrap().unwrap(), 2);
    assert_eq!(called.recv_timeout(LONG).unwrap().unwrap(), 2);
    let told: Vec<String> = std::iter::from_fn(|| changes.try_next())
        .map(|change| {
            change
                .unwrap()
                .entries()
                .next()
                .unwrap()
                .new_value()
                .unwrap()
                .into()
        })
        .collect();
    assert_eq!(told, ["\"many\"", "2"]);
    // The next one is another one.
    anything.write("count", "more".into()).wait().unwrap();
    assert!(watch.wait(LONG).unwrap().is_err());
}

#[test]
fn a_store_that_refuses_writes_until_it_is_opened_anew_says_so() {
    let disk = SimulatedDisk::new();
    let opened = machine::open(&disk).unwrap();
    opened.set("a", "kept").unwrap();
    disk.fail(0, Fault::LostSync, Repeat::ForGood);
    opened.set("a", "lost").unwrap_err();
    disk.clear_faults();
    let health = without_slow(opened.store.health());
    assert!(
        matches!(health[..], [Condition::Poisoned { .. }]),
        "{health:?}"
    );
    let told = health[0].to_string();
    assert!(told.contains("opened again"), "{told}");
    drop(opened);
    let opened = machine::open(&disk).unwrap();
    assert!(without_slow(opened.store.health()).is_empty());
}

#[test]
fn a_log_that_was_replaced_is_told() {
    let folder = folder();
    let store = open_with_older_log(folder.path());
    store.set_count(3).wait().unwrap_err();
    let health = without_slow(store.health());
    assert!(
        matches!(health[..], [Condition::Replaced { .. }]),
        "{health:?}"
    );
    assert_eq!(health[0].error().unwrap().kind(), ErrorKind::Replaced);
}

#[test]
fn asking_within_a_write_waits_for_nothing() {
    let folder = folder();
    let store = open(folder.path());
    let own = store.clone();
    let health = store.update(move |_| own.health()).wait().unwrap();
    assert!(health.is_empty());
}

#[test]
fn the_slowest_closure_of_late_is_named_where_it_kept_others_waiting() {
    let folder = folder();
    let store = open(folder.path());
    let sleep = |milliseconds| std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    for (milliseconds, step) in [(120, 1), (250, 2), (110, 4)] {
        let change = move |count: &mut u64| {
            sleep(milliseconds);
            *count += step;
        };
        store.update_count(change).wait().unwrap();
    }
    let health = store.health();
    let [Condition::SlowClosure { took, uids, .. }] = &health[..] else {
        panic!("{health:?}");
    };
    assert!(took.as_millis() >= 250, "{took:?}");
    assert_eq!(uids[..], ["count"]);
    let told = health[0].to_string();
    assert!(told.contains("`count`") && told.contains("took"), "{told}");
}

//! Stored values that do not fit the types of this program: what they read as, that they stay in the file until somebody
//! sets them, and that all of them are told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worsen::{
    Condition, ErrorKind, Map, OnMismatch, PersistentStore, Queue, Set, Store, WorkQueue,
    testing::SimulatedDisk,
};

use crate::support::{folder, open_values};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Theme {
    #[default]
    Light,
    Dark,
}

#[derive(Store)]
#[store(name = "values", poll = "never")]
struct State {
    #[store(on_mismatch = "seed", seed = Theme::Dark)]
    theme: Theme,
    #[store(on_mismatch = "seed")]
    size: u32,
    count: u32,
    themes: Map<String, Theme>,
    sizes: Map<u32, u32>,
    used: Set<Theme>,
    queue: Queue<Theme>,
    ends: Queue<u32>,
    #[store(accessor = "todo", uid = "todo")]
    jobs: WorkQueue<Theme>,
}

fn open(disk: &SimulatedDisk) -> StateStore {
    State::builder().on(disk).dir("/db").open().unwrap()
}

/// Another program, which knows of no types.
fn other(disk: &SimulatedDisk) -> PersistentStore<Value> {
    open_values::<Value>(disk)
}

/// A store in which these are stored beside the seeds.
fn with(entries: &[(&str, Value)]) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    drop(open(&disk));
    write(&disk, entries);
    disk
}

fn write(disk: &SimulatedDisk, entries: &[(&str, Value)]) {
    let entries: Vec<(String, Value)> = entries
        .iter()
        .map(|(uid, value)| ((*uid).to_owned(), value.clone()))
        .collect();
    let all = other(disk).update_all(move |draft| {
        for (uid, value) in entries {
            draft.set(uid, value);
        }
    });
    all.wait().unwrap();
}

fn read(disk: &SimulatedDisk, uid: &str) -> Option<Value> {
    other(disk).read(uid)
}

/// What `health()` tells of what does not fit: the uid, and of how many.
fn told(store: &StateStore) -> Vec<(String, usize)> {
    let conditions = store.health().into_iter();
    conditions
        .filter_map(|condition| match condition {
            Condition::ReadsAsSeed { error } => Some((error.uid()?.to_owned(), 0)),
            Condition::LeftOut { error, entries } => Some((error.uid()?.to_owned(), entries)),
            Condition::SlowClosure { .. } => None,
            condition => panic!("{condition}"),
        })
        .collect()
}

/// How many conditions tell of what does not fit.
fn unfit(conditions: &[Condition]) -> usize {
    let is_unfit = |condition: &&Condition| {
        matches!(
            condition,
            Condition::ReadsAsSeed { .. } | Condition::LeftOut { .. }
        )
    };
    conditions.iter().filter(is_unfit).count()
}

// ---- A field -----------------------------------------------------------------------------------

#[test]
fn a_value_that_does_not_fit_reads_as_the_seed_and_stays_until_its_field_is_set() {
    let disk = with(&[("theme", json!("Sepia")), ("size", json!("large"))]);
    let store = open(&disk);
    assert_eq!((store.theme(), store.size()), (Theme::Dark, 0));
    assert_eq!(told(&store), [("theme".into(), 0), ("size".into(), 0)]);
    let condition = store.health()[0].to_string();
    assert!(
        condition.contains(r#"the stored value `"Sepia"`"#),
        "{condition}"
    );

    // Writes of other fields leave both as they are, and so do those that change nothing.
    store.set_count(1).wait().unwrap();
    store.update(|state| state.count += 1).wait().unwrap();
    store
        .update(|state| state.theme = Theme::Dark)
        .wait()
        .unwrap();
    store
        .update_theme(|theme| *theme = Theme::Dark)
        .wait()
        .unwrap();
    store.update_size(|_| ()).wait().unwrap();
    assert_eq!(read(&disk, "theme"), Some(json!("Sepia")));
    assert_eq!(read(&disk, "size"), Some(json!("large")));
    assert_eq!(store.count(), 2);

    store
        .update(|state| state.theme = Theme::Light)
        .wait()
        .unwrap();
    store.update_size(|size| *size += 1).wait().unwrap();
    assert_eq!((store.theme(), store.size()), (Theme::Light, 1));
    assert_eq!(read(&disk, "theme"), Some(json!("Light")));
    assert_eq!(read(&disk, "size"), Some(json!(1)));
    assert_eq!(told(&store), []);
}

#[test]
fn a_field_that_is_set_to_its_seed_or_reset_is_no_misfit_any_more() {
    let disk = with(&[("theme", json!("Sepia")), ("size", json!("large"))]);
    let store = open(&disk);
    store.set_theme(Theme::Dark).wait().unwrap();
    store.reset_size().wait().unwrap();
    assert_eq!(told(&store), []);
    assert_eq!(read(&disk, "theme"), Some(json!("Dark")));
    assert_eq!(read(&disk, "size"), None);
    drop(store);
    assert_eq!((open(&disk).theme(), open(&disk).size()), (Theme::Dark, 0));
}

#[test]
fn a_misfit_of_another_process_is_the_seed_at_once_and_a_value_that_fits_counts_again() {
    let disk = with(&[]);
    let store = open(&disk);
    store.set_theme(Theme::Light).wait().unwrap();
    let mut watch = store.watch_theme();
    write(&disk, &[("theme", json!("Sepia")), ("count", json!(7))]);
    assert_eq!((store.theme(), store.count()), (Theme::Dark, 7));
    assert_eq!(told(&store), [("theme".into(), 0)]);
    let seen = watch.wait(Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!(seen, Theme::Dark);
    store.set_count(8).wait().unwrap();
    write(&disk, &[("theme", json!("Light"))]);
    assert_eq!((store.theme(), store.count()), (Theme::Light, 8));
    assert_eq!(told(&store), []);
}

#[test]
fn a_closure_that_fails_leaves_a_misfit_what_it_is() {
    let disk = with(&[("theme", json!("Sepia")), ("themes/a", json!("Sepia"))]);
    let store = open(&disk);
    let failed = store.try_update(|state| {
        state.theme = Theme::Light;
        state.themes.insert("a".into(), Theme::Light);
        Err::<(), _>("no")
    });
    assert_eq!(failed.wait().unwrap(), Err("no"));
    assert_eq!(told(&store).len(), 2);
    assert_eq!(store.theme(), Theme::Dark);
    store.set_count(1).wait().unwrap();
    assert_eq!(told(&store).len(), 2);
    assert_eq!(read(&disk, "theme"), Some(json!("Sepia")));
    assert_eq!(read(&disk, "themes/a"), Some(json!("Sepia")));
}

#[test]
fn all_fields_that_do_not_fit_are_told_in_the_one_error_of_opening() {
    #[derive(Debug, Store)]
    #[store(name = "values", poll = "never")]
    struct Strict {
        theme: Theme,
        size: u32,
        #[store(on_mismatch = "error")]
        themes: Map<String, Theme>,
        count: u32,
    }
    let misfits = [
        ("theme", json!("Sepia")),
        ("size", json!("large")),
        ("themes/a", json!("Sepia")),
        ("themes/b", json!("Dark")),
    ];
    let disk = with(&misfits);
    let open = || Strict::builder().on(&disk).dir("/db");
    let error = open().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let text = error.to_string();
    for told in [
        "uid `size`: the stored value",
        "uid `theme`: the",
        "uid `themes/a`: the",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("themes/b"), "{text}");
    // The field itself says "error", and the others nothing.
    let error = open().on_mismatch(OnMismatch::Seed).open().unwrap_err();
    assert_eq!(error.uid(), Some("themes/a"));
    other(&disk).remove("themes/a").wait().unwrap();
    let store = open().on_mismatch(OnMismatch::Seed).open().unwrap();
    assert_eq!((store.theme(), store.size()), (Theme::Light, 0));
    assert_eq!(unfit(&store.health()), 2);
}

#[test]
fn a_struct_says_for_all_of_its_fields_what_one_that_says_nothing_does() {
    #[derive(Debug, Store)]
    #[store(name = "values", poll = "never", on_mismatch = "seed")]
    struct Lenient {
        theme: Theme,
        #[store(on_mismatch = "error")]
        size: u32,
        themes: Map<String, Theme>,
    }
    let disk = with(&[("theme", json!("Sepia")), ("themes", json!("none"))]);
    let open = || Lenient::builder().on(&disk).dir("/db").open();
    let store = open().unwrap();
    assert_eq!((store.theme(), store.themes().len()), (Theme::Light, 0));
    assert_eq!(unfit(&store.health()), 2);
    store
        .update_themes(|themes| themes.insert("a".into(), Theme::Dark))
        .wait()
        .unwrap();
    assert_eq!(unfit(&store.health()), 1);
    assert_eq!(read(&disk, "themes"), Some(json!({})));
    drop(store);
    write(&disk, &[("size", json!("large"))]);
    assert_eq!(open().unwrap_err().uid(), Some("size"));
}

#[test]
fn what_does_not_fit_in_a_copy_comes_back_with_it_and_does_not_fit() {
    let folder = folder();
    let open = || State::builder().dir(folder.path()).open().unwrap();
    let spoil = |uid: &str| {
        let store = PersistentStore::<Value>::builder("values").dir(folder.path());
        store
            .open()
            .unwrap()
            .write(uid, json!("Sepia"))
            .wait()
            .unwrap();
    };
    let store = open();
    spoil("theme");
    spoil("themes/a");
    let copy = store.backup_to(folder.path().join("copy.db")).unwrap();
    store.set_theme(Theme::Light).wait().unwrap();
    store.update_themes(Map::clear).wait().unwrap();
    assert_eq!(told(&store), []);
    store.restore_from(copy.path()).wait().unwrap();
    let misfits = [("theme".to_owned(), 0), ("themes/a".to_owned(), 1)];
    assert_eq!(
        (store.theme(), told(&store)),
        (Theme::Dark, misfits.to_vec())
    );
    store.update(|state| state.count += 1).wait().unwrap();
    drop(store);
    let store = open();
    assert_eq!((store.count(), told(&store)), (1, misfits.to_vec()));
    store
        .import_json(r#"{"theme": "Dark", "themes": {"b": "Dark"}}"#)
        .wait()
        .unwrap();
    assert_eq!((store.theme(), told(&store)), (Theme::Dark, vec![]));
    drop(store);
    assert_eq!(told(&open()), []);
}

// ---- Entries of collections --------------------------------------------------------------------

#[test]
fn an_entry_that_does_not_fit_is_left_out_and_stays() {
    let disk = with(&[
        ("themes/a", json!("Sepia")),
        ("themes/b", json!("Light")),
        ("themes/c", json!("Sepia")),
        ("sizes/many", json!(1)),
        ("used/Sepia", json!(null)),
        ("used/Dark", json!(null)),
    ]);
    let store = open(&disk);
    assert_eq!(store.themes(), Map::from([("b".into(), Theme::Light)]));
    assert_eq!(store.used(), Set::from([Theme::Dark]));
    assert!(store.sizes().is_empty());
    let expected = [
        ("themes/a".into(), 2),
        ("sizes/many".into(), 1),
        ("used/Sepia".into(), 1),
    ];
    assert_eq!(told(&store), expected);
    let change = |state: &mut State| {
        state.themes.insert("d".into(), Theme::Dark);
        state.themes.retain(|key, _| key != "b");
        state.sizes.insert(1, 2);
        state.used.remove(&Theme::Dark);
    };
    store.update(change).wait().unwrap();
    // A copy that was changed and set brings them along.
    let mut themes = store.themes();
    themes.insert("e".into(), Theme::Dark);
    store.set_themes(themes).wait().unwrap();
    assert_eq!(told(&store), expected);
    for uid in ["themes/a", "themes/c"] {
        assert_eq!(read(&disk, uid), Some(json!("Sepia")));
    }
    assert_eq!(read(&disk, "sizes/many"), Some(json!(1)));
    assert_eq!(read(&disk, "used/Sepia"), Some(json!(null)));
    assert_eq!(read(&disk, "themes/b"), None);
    drop(store);
    assert_eq!(told(&open(&disk)), expected);
}

#[test]
fn a_key_that_is_set_or_removed_is_left_out_no_more() {
    let disk = with(&[
        ("themes/a", json!("Sepia")),
        ("themes/b", json!("Sepia")),
        ("themes/c", json!("Sepia")),
    ]);
    let store = open(&disk);
    store
        .update_themes(|themes| themes.insert("a".into(), Theme::Dark))
        .wait()
        .unwrap();
    assert_eq!(told(&store), [("themes/b".into(), 2)]);
    let removed = store
        .update_themes(|themes| themes.remove("b"))
        .wait()
        .unwrap();
    assert_eq!(removed, None, "nobody can tell what it was");
    assert_eq!(told(&store), [("themes/c".into(), 1)]);
    store
        .update_themes(|themes| *themes.get_or_insert_with("c".into(), || Theme::Light))
        .wait()
        .unwrap();
    assert_eq!(told(&store), []);
    let stored = ["themes/a", "themes/b", "themes/c"].map(|uid| read(&disk, uid));
    assert_eq!(stored, [Some(json!("Dark")), None, Some(json!("Light"))]);
    drop(store);
    assert_eq!(open(&disk).themes().len(), 2);
}

#[test]
fn a_collection_that_is_cleared_reset_or_replaced_keeps_nothing() {
    type Change = fn(&StateStore) -> worsen::Commit<()>;
    let changes: [Change; 4] = [
        |store| store.update_themes(Map::clear),
        |store| store.reset_themes(),
        |store| store.set_themes(Map::new()),
        |store| store.reset(),
    ];
    for change in changes {
        let disk = with(&[("themes/a", json!("Sepia")), ("themes/b", json!("Light"))]);
        let store = open(&disk);
        change(&store).wait().unwrap();
        assert_eq!(told(&store), []);
        assert_eq!(read(&disk, "themes/a"), None);
        assert!(store.themes().is_empty());
        drop(store);
        assert_eq!(told(&open(&disk)), []);
    }
}

#[test]
fn an_entry_that_another_process_spoils_or_mends_goes_and_comes() {
    let disk = with(&[("themes/a", json!("Light")), ("themes/b", json!("Light"))]);
    let store = open(&disk);
    write(&disk, &[("themes/a", json!("Sepia")), ("count", json!(1))]);
    assert_eq!(store.themes().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(
        (store.count(), told(&store)),
        (1, vec![("themes/a".into(), 1)])
    );
    store.set_count(2).wait().unwrap();
    write(&disk, &[("themes/a", json!("Dark"))]);
    assert_eq!(store.themes()["a"], Theme::Dark);
    assert_eq!(told(&store), []);
    write(&disk, &[("themes/a", json!("Sepia"))]);
    assert_eq!(told(&store).len(), 1);
    other(&disk).remove("themes/a").wait().unwrap();
    assert_eq!((told(&store), store.themes().len()), (vec![], 1));
    store
        .update_themes(|themes| themes.insert("a".into(), Theme::Light))
        .wait()
        .unwrap();
    assert_eq!(read(&disk, "themes/a"), Some(json!("Light")));
}

#[test]
fn a_new_item_does_not_take_the_place_of_one_that_is_left_out() {
    let disk = with(&[
        ("queue/-1", json!("Sepia")),
        ("queue/0", json!("Dark")),
        ("queue/1", json!("Sepia")),
        ("queue/end", json!("Dark")),
        ("ends/9223372036854775807", json!("none")),
        ("ends/-9223372036854775808", json!("none")),
    ]);
    let store = open(&disk);
    let change = |state: &mut State| {
        state.queue.push_back(Theme::Light);
        state.queue.push_front(Theme::Light);
        for number in 0..3 {
            state.ends.push_back(number);
            state.ends.push_front(number);
        }
    };
    store.update(change).wait().unwrap();
    store.update(change).wait().unwrap();
    assert_eq!(store.queue().len(), 5);
    assert!(
        store
            .ends()
            .iter()
            .eq(&[2, 1, 0, 2, 1, 0, 0, 1, 2, 0, 1, 2])
    );
    assert_eq!(
        told(&store),
        [
            ("queue/-1".into(), 3),
            ("ends/-9223372036854775808".into(), 2)
        ]
    );
    for uid in ["queue/-1", "queue/1"] {
        assert_eq!(read(&disk, uid), Some(json!("Sepia")));
    }
    for uid in ["ends/9223372036854775807", "ends/-9223372036854775808"] {
        assert_eq!(read(&disk, uid), Some(json!("none")));
    }
    drop(store);
    let store = open(&disk);
    assert_eq!((store.queue().len(), store.ends().len()), (5, 12));
    store.update_queue(Queue::clear).wait().unwrap();
    assert_eq!(read(&disk, "queue/1"), None);
}

#[test]
fn a_job_of_a_newer_program_waits_for_one() {
    let disk = with(&[("todo/0", json!({"job": "Sepia", "tries": 0}))]);
    let store = open(&disk);
    let work = store.work(|state| &state.jobs);
    assert!(work.take(Duration::from_secs(60)).wait().unwrap().is_none());
    assert_eq!(told(&store), [("todo/0".into(), 1)]);
    assert_eq!(work.push(Theme::Dark).wait().unwrap(), 1);
    let taken = work.take(Duration::from_secs(60)).wait().unwrap().unwrap();
    assert_eq!(*taken, Theme::Dark);
    assert!(taken.ack().wait().unwrap());
    assert_eq!(
        read(&disk, "todo/0"),
        Some(json!({"job": "Sepia", "tries": 0}))
    );
    assert_eq!(work.push(Theme::Dark).wait().unwrap(), 2);
    assert!(store.update_todo(|jobs| jobs.remove(0)).wait().unwrap());
    assert_eq!((told(&store), read(&disk, "todo/0")), (vec![], None));
    // What is no job at all is no job of a newer program.
    write(&disk, &[("todo/3", json!("Dark"))]);
    drop(store);
    let error = State::builder().on(&disk).dir("/db").open().unwrap_err();
    assert_eq!(error.uid(), Some("todo/3"));
}

#[test]
fn an_error_in_so_many_words_holds_for_entries_too_while_the_store_is_open() {
    #[derive(Debug, Store)]
    #[store(name = "values", poll = "never", on_mismatch = "error")]
    struct Strict {
        count: u32,
        themes: Map<String, Theme>,
    }
    let disk = with(&[("count", json!(1)), ("themes/a", json!("Light"))]);
    let store = Strict::builder().on(&disk).dir("/db").open().unwrap();
    write(&disk, &[("themes/a", json!("Sepia")), ("count", json!(2))]);
    assert_eq!((store.count(), store.themes()["a"]), (1, Theme::Light));
    assert_eq!(
        store.set_count(3).wait().unwrap_err().uid(),
        Some("themes/a")
    );
    write(&disk, &[("themes/a", json!("Dark"))]);
    assert_eq!((store.count(), store.themes()["a"]), (2, Theme::Dark));
}

//! A store as one JSON object, and fields out of one: nothing is lost on the way, and what does not fit is refused as
//! a whole, with everything that is wrong told at once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use worsen::{ErrorKind, Map, PersistentStore, Queue, Set, Store, WorkQueue};

use crate::support::{folder, sequences};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Theme {
    Dark,
    Custom { accent: String, alpha: f64 },
}

#[derive(Store)]
#[store(name = "all")]
struct All {
    #[store(seed = Theme::Dark)]
    theme: Theme,
    big: Option<u128>,
    users: Map<String, Vec<i64>>,
    by_number: Map<u64, Map<String, u8>>,
    queue: Queue<String>,
    tags: Set<char>,
    jobs: WorkQueue<String>,
    #[store(uid = "Plain Map")]
    plain: BTreeMap<String, u8>,
    #[store(skip)]
    cache: u8,
}

fn in_memory() -> AllStore {
    All::builder().in_memory().open().unwrap()
}

/// Every field as its JSON, for comparison.
fn shown(store: &AllStore) -> serde_json::Value {
    let state = store.snapshot();
    let jobs: Vec<_> = state
        .jobs
        .iter()
        .map(|job| (job.id(), job.job().clone(), job.tries()))
        .collect();
    serde_json::json!({
        "theme": state.theme,
        "big": state.big.map(|big| big.to_string()),
        "users": state.users,
        "by_number": state.by_number,
        "queue": state.queue,
        "tags": state.tags,
        "jobs": jobs,
        "plain": state.plain,
    })
}

#[derive(Debug, Clone)]
struct Content {
    theme: Option<(String, f64)>,
    big: Option<u128>,
    users: BTreeMap<String, Vec<i64>>,
    by_number: BTreeMap<u64, BTreeMap<String, u8>>,
    queue: Vec<String>,
    popped: usize,
    tags: Vec<char>,
    jobs: Vec<String>,
    plain: BTreeMap<String, u8>,
}

prop_compose! {
    fn contents()(
        theme in proptest::option::of((".{0,5}", proptest::num::f64::NORMAL)),
        big in any::<Option<u128>>(),
        users in proptest::collection::btree_map("\\PC{0,4}", proptest::collection::vec(any::<i64>(), 0..3), 0..4),
        by_number in proptest::collection::btree_map(
            any::<u64>(), proptest::collection::btree_map("[a-z]{0,2}", any::<u8>(), 0..3), 0..3),
        queue in proptest::collection::vec(".{0,3}", 0..12),
        popped in 0_usize..12,
        tags in proptest::collection::vec(proptest::char::range('a', 'é'), 0..4),
        jobs in proptest::collection::vec("[a-z/\"]{0,3}", 0..12),
        plain in proptest::collection::btree_map(".{0,3}", any::<u8>(), 0..3),
    ) -> Content {
        Content { theme, big, users, by_number, queue, popped, tags, jobs, plain }
    }
}

fn fill(store: &AllStore, content: Content) {
    let Content {
        theme,
        big,
        users,
        by_number,
        queue,
        popped,
        tags,
        jobs,
        plain,
    } = content;
    store
        .update(move |all| {
            if let Some((accent, alpha)) = theme {
                all.theme = Theme::Custom { accent, alpha };
            }
            all.big = big;
            all.users = users.into_iter().collect();
            all.by_number = by_number
                .into_iter()
                .map(|(number, names)| (number, names.into_iter().collect()))
                .collect();
            all.queue = queue.into_iter().collect();
            all.tags = tags.into_iter().filter(|tag| !tag.is_control()).collect();
            all.plain = plain;
            for job in jobs {
                all.jobs.push(job);
            }
        })
        .wait()
        .unwrap();
    // Its numbers no longer begin at 0.
    for _ in 0..popped {
        store.update_queue(Queue::pop_front).wait().unwrap();
    }
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    sequences(
        "exported",
        300,
        &(contents(), contents()),
        |(content, other)| {
            let (store, target) = (in_memory(), in_memory());
            fill(&store, content);
            fill(&target, other);
            let json = store.export_json().unwrap();
            let _: serde_json::Value = serde_json::from_str(&json).unwrap();
            let revision = target.revision();
            target.import_json(json.clone()).wait().unwrap();
            prop_assert!(target.revision() <= revision + 1, "one commit");
            prop_assert_eq!(shown(&target), shown(&store));
            // A queue of jobs that has used more numbers does not forget that.
            let target = in_memory();
            target.import_json(json.clone()).wait().unwrap();
            prop_assert_eq!(target.export_json().unwrap(), json);
            Ok(())
        },
    );
}

#[test]
fn an_export_is_laid_out_for_people_in_the_order_of_the_struct() {
    let store = in_memory();
    store
        .update(|all| {
            all.big = Some(u128::MAX);
            all.users.insert("Ada".into(), vec![1, -2]);
            all.queue.extend(["b".into(), "a".into()]);
            all.tags.insert('x');
            all.jobs.push("mail".into());
        })
        .wait()
        .unwrap();
    let expected = r#"{
  "theme": "Dark",
  "big": 340282366920938463463374607431768211455,
  "users": {
    "Ada": [
      1,
      -2
    ]
  },
  "by_number": {},
  "queue": [
    "b",
    "a"
  ],
  "tags": {
    "x": null
  },
  "jobs": {
    "0": {
      "job": "mail",
      "tries": 0
    }
  },
  "Plain Map": {}
}
"#;
    assert_eq!(store.export_json().unwrap(), expected);
}

#[test]
fn a_person_writes_lists_and_objects_and_leaves_fields_out() {
    let store = in_memory();
    fill_some(&store);
    let json = r#"
        { "tags": ["y", "z"], "jobs": ["one", "two"],
          "theme": {"Custom": {"alpha": 0.5, "accent": "red"}} }
    "#;
    store.import_json(json).wait().unwrap();
    let state = store.snapshot();
    assert_eq!(state.tags.iter().collect::<String>(), "yz");
    assert_eq!(state.jobs.len(), 2);
    assert!(matches!(&state.theme, Theme::Custom { accent, .. } if accent == "red"));
    // What it does not name is as it was.
    assert_eq!(state.users["Ada"], [7]);
    drop(state);
    // A collection is what stands there, and nothing besides.
    store
        .import_json(r#"{"users": {"Alan": []}}"#)
        .wait()
        .unwrap();
    assert!(store.users().keys().eq(["Alan"]));
    store.import_json("{}").wait().unwrap();
}

fn fill_some(store: &AllStore) {
    store
        .update(|all| {
            all.users.insert("Ada".into(), vec![7]);
            all.tags.insert('x');
        })
        .wait()
        .unwrap();
}

#[test]
fn what_does_not_fit_is_told_all_at_once_and_nothing_is_changed() {
    let folder = folder();
    let store = All::builder().dir(folder.path()).open().unwrap();
    fill_some(&store);
    let (before, revision) = (store.export_json().unwrap(), store.revision());
    let json = r#"{
        "theme": "Darkk",
        "users": {"Ada": [1], "Alan": "none", "Bob": [1.5]},
        "by_number": {"seven": {}},
        "big": 1,
        "them": "Dark",
        "cache": 3,
        "queue": {"x": "y"}
    }"#;
    let error = store.import_json(json).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let told = error.to_string();
    for word in [
        "does not fit this store in 7 places",
        "`theme`: the value",
        "`users/Alan`: the value `\"none\"`",
        "`users/Bob`",
        "`by_number/seven`",
        "`them`: no field has this uid; did you mean `theme`?",
        "`cache`: no field has this uid",
        "`queue/x`",
        "nothing was written",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert_eq!(store.export_json().unwrap(), before);
    assert_eq!(store.revision(), revision);
    let error = store.import_json(r#"{"big": "x"}"#).wait().unwrap_err();
    assert_eq!(error.uid(), Some("big"));
    for wrong in [
        "",
        "[]",
        "7",
        "{",
        r#"{"big": 1} x"#,
        r#"{"big": 1, "big": 2}"#,
    ] {
        let error = store.import_json(wrong).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{wrong}: {error}");
    }
    let twice = r#"{"users": {"Ada": [1], "Ada": [2]}}"#;
    let error = store.import_json(twice).wait().unwrap_err();
    assert!(
        error.to_string().contains("`Ada` is there twice"),
        "{error}"
    );
    // The store goes on.
    drop(store);
    let store = All::builder().dir(folder.path()).open().unwrap();
    assert_eq!(store.export_json().unwrap(), before);
}

#[test]
fn what_a_field_cannot_keep_is_not_imported_either() {
    let store = in_memory();
    // Deeper than can be read back.
    let deep = format!(
        "{{\"users\": {{\"Ada\": {}1{}}}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    let error = store.import_json(deep).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let store = All::builder()
        .in_memory()
        .max_commit_bytes(500)
        .open()
        .unwrap();
    let long = format!("{{\"queue\": [\"{}\"]}}", "x".repeat(1000));
    let error = store.import_json(long).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert!(store.queue().is_empty());
}

#[test]
fn a_field_that_is_not_set_is_in_no_export() {
    let store = in_memory();
    store.set_big(Some(1)).wait().unwrap();
    store.reset().wait().unwrap();
    // But for what a queue of jobs remembers.
    let json = "{\n  \"jobs\": {}\n}\n";
    assert_eq!(store.export_json().unwrap(), json);
    let other = in_memory();
    other.set_big(Some(2)).wait().unwrap();
    other.import_json(json).wait().unwrap();
    assert_eq!(other.big(), Some(2));
}

#[test]
fn what_another_version_keeps_in_the_store_is_in_no_export_of_a_struct() {
    let folder = folder();
    let any = || {
        PersistentStore::<serde_json::Value>::builder("all")
            .dir(folder.path())
            .open()
            .unwrap()
    };
    let store = All::builder().dir(folder.path()).open().unwrap();
    any().write("newer", 1.into()).wait().unwrap();
    let json = store.export_json().unwrap();
    assert!(!json.contains("newer"), "{json}");
    store.import_json(json).wait().unwrap();
    // A store of which only the name is known has every uid.
    let json = any().export_json().unwrap();
    assert!(json.contains("\"newer\": 1"), "{json}");
    store.set_big(Some(1)).wait().unwrap();
    any().import_json(json).wait().unwrap();
    assert_eq!(store.big(), None);
}

#[test]
fn a_keyed_store_is_exported_and_imported_by_its_uids() {
    let open = || {
        PersistentStore::<u8>::builder("k")
            .in_memory()
            .open()
            .unwrap()
    };
    let (store, other) = (open(), open());
    for (uid, value) in [("b", 1), ("a/b", 2), ("\"", 3)] {
        store.write(uid, value).wait().unwrap();
    }
    let json = store.export_json().unwrap();
    assert_eq!(json, "{\n  \"\\\"\": 3,\n  \"a/b\": 2,\n  \"b\": 1\n}\n");
    other.write("stays", 9).wait().unwrap();
    let revision = other.revision();
    other.import_json(json).wait().unwrap();
    assert_eq!(other.revision(), revision + 1);
    assert_eq!((other.len(), other.read("a/b")), (4, Some(2)));
    let wrong = "{\"b\": 300, \"a\": \"x\", \"c\": 4, \"d\\n\": 5}";
    let error = other.import_json(wrong).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert!(error.to_string().contains("in 3 places"), "{error}");
    assert_eq!((other.len(), other.read("b")), (4, Some(1)));
}

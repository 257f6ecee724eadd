//! Fields that log by entry: what they write, that they come back, and what they agree with.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use proptest::{prelude::*, test_runner::TestCaseError};
use serde::{Deserialize, Serialize};
use worsen::{ErrorKind, Map, Queue, Set, Store, testing::SimulatedDisk};

use crate::support::{edits, folder, sequences};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Id(u32);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Color {
    Red,
    Rgb(u8, u8, u8),
}

#[derive(Store)]
#[store(name = "collections")]
struct Work {
    users: Map<String, u32>,
    jobs: Queue<String>,
    tags: Set<Id>,
    plain: u64,
}

fn open(dir: &Path) -> WorkStore {
    Work::builder().dir(dir).open().unwrap()
}

/// What each commit after the first `skip` lines set and deleted.
fn log(dir: &Path, skip: usize) -> Vec<(serde_json::Value, serde_json::Value)> {
    edits(&dir.join("collections.db"), skip)
}

#[test]
fn a_commit_writes_the_entries_that_it_changed() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update(|state| {
            state.users.insert("Ada/L".into(), 36);
            state.users.insert("Alan".into(), 41);
            state.jobs.extend(["write".to_owned(), "test".to_owned()]);
            state.tags.insert(Id(7));
            state.plain = 1;
        })
        .wait()
        .unwrap();
    store
        .update(|state| {
            *state.users.get_mut("Alan").unwrap() += 1;
            state.users.insert("Ada/L".into(), 36); // the same again
            state.jobs.pop_front();
            state.jobs.push_back("ship".into());
            state.tags.remove(&Id(7));
            state.plain = 2;
        })
        .wait()
        .unwrap();
    // Nothing: so nothing is written.
    store
        .update_jobs(|jobs| jobs.retain(|_| true))
        .wait()
        .unwrap();
    store
        .update_tags(|tags| tags.remove(&Id(8)))
        .wait()
        .unwrap();
    store.update_jobs(Queue::pop_front).wait().unwrap();
    let commits = log(folder.path(), 2);
    assert_eq!(
        commits[0].0,
        serde_json::json!({
            "users/Ada/L": 36, "users/Alan": 41,
            "jobs/0": "write", "jobs/1": "test",
            "tags/7": null,
            "plain": 1,
        })
    );
    assert_eq!(
        commits[1].0,
        serde_json::json!({ "users/Alan": 42, "jobs/2": "ship", "plain": 2 })
    );
    assert_eq!(commits[1].1, serde_json::json!(["jobs/0", "tags/7"]));
    assert_eq!(commits[2].1, serde_json::json!(["jobs/1"]));
    assert_eq!(commits.len(), 3);
    drop(store);
    let store = open(folder.path());
    let state = store.snapshot();
    assert_eq!(
        state.users,
        Map::from([("Ada/L".into(), 36), ("Alan".into(), 42)])
    );
    assert_eq!(state.jobs, Queue::from(["ship".to_owned()]));
    assert!(state.tags.is_empty());
    // To print them, as those of std.
    let json = serde_json::to_string(&(&state.users, &state.jobs, &state.tags)).unwrap();
    assert_eq!(json, r#"[{"Ada/L":36,"Alan":42},["ship"],[]]"#);
}

#[test]
fn a_write_that_fails_leaves_a_collection_as_it_was() {
    let store = Work::builder().in_memory().open().unwrap();
    store
        .set_jobs(Queue::from(["one".to_owned()]))
        .wait()
        .unwrap();
    let undone = store
        .try_update(|state| {
            state.jobs.push_back("two".into());
            state.users.insert("Ada".into(), 1);
            Err::<(), _>("no")
        })
        .wait()
        .unwrap();
    assert_eq!(undone, Err("no"));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store
            .update(|state| {
                state.jobs.clear();
                panic!("on purpose");
            })
            .wait()
    }));
    assert!(panic.is_err());
    assert_eq!(store.jobs(), Queue::from(["one".to_owned()]));
    assert!(store.users().is_empty());
    store
        .update_jobs(|jobs| jobs.push_back("two".into()))
        .wait()
        .unwrap();
    assert_eq!(store.jobs().len(), 2);
}

#[test]
fn a_plain_field_becomes_a_collection_and_not_the_reverse() {
    #[derive(Store)]
    #[store(name = "collections")]
    struct Before {
        users: BTreeMap<String, u32>,
        jobs: Vec<String>,
        tags: BTreeSet<Id>,
        plain: u64,
    }
    let folder = folder();
    let before = Before::builder().dir(folder.path()).open().unwrap();
    before
        .update(|state| {
            state.users.insert("Ada".into(), 36);
            state.users.insert("Alan".into(), 41);
            state.jobs.push("write".into());
            state.tags.insert(Id(7));
        })
        .wait()
        .unwrap();
    assert_eq!(before.plain(), 0);
    drop(before);
    let store = open(folder.path());
    assert_eq!(store.users().len(), 2);
    assert_eq!(store.tags(), Set::from([Id(7)]));
    store
        .update_users(|users| users.remove("Ada"))
        .wait()
        .unwrap();
    store
        .update_jobs(|jobs| jobs.push_back("test".into()))
        .wait()
        .unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.users(), Map::from([("Alan".into(), 41)]));
    assert_eq!(store.jobs(), ["write", "test"].map(str::to_owned).into());
    assert_eq!(store.tags(), Set::from([Id(7)]));
    drop(store);
    let error = Before::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("jobs/0"), "{error}");
    assert!(error.to_string().contains("a plain"), "{error}");
}

#[test]
fn a_seed_that_was_emptied_does_not_come_back() {
    #[derive(Store)]
    #[store(name = "collections")]
    struct Old {
        plain: u64,
    }
    #[derive(Store)]
    #[store(name = "collections")]
    struct Seeded {
        #[store(seed = Map::from([(1, "one".to_owned()), (2, "two".to_owned())]))]
        users: Map<u8, String>,
        plain: u64,
    }
    for added_later in [false, true] {
        let folder = folder();
        let open = || Seeded::builder().dir(folder.path()).open().unwrap();
        if added_later {
            let old = Old::builder().dir(folder.path()).open().unwrap();
            old.set_plain(1).wait().unwrap();
        }
        let store = open();
        assert_eq!(store.users().len(), 2);
        // Touches the field, and changes another one.
        store.update(|state| state.plain = 3).wait().unwrap();
        assert_eq!(store.plain(), 3);
        store.update_users(|users| users.remove(&1)).wait().unwrap();
        drop(store);
        let store = open();
        assert_eq!(store.users(), Map::from([(2, "two".to_owned())]));
        store.update_users(Map::clear).wait().unwrap();
        drop(store);
        assert!(open().users().is_empty(), "added later: {added_later}");
    }
}

#[test]
fn a_key_that_is_no_text_is_refused_with_its_uid() {
    #[derive(Store)]
    struct Colors {
        names: Map<Color, String>,
        values: Map<u8, f64>,
    }
    let store = Colors::builder().in_memory().open().unwrap();
    store
        .update_names(|names| names.insert(Color::Red, "red".into()))
        .wait()
        .unwrap();
    let error = store
        .update_names(|names| names.insert(Color::Rgb(1, 2, 3), "other".into()))
        .wait()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(error.uid(), Some("names"));
    assert_eq!(store.names().len(), 1);
    let error = store
        .update_values(|values| values.insert(7, f64::NAN))
        .wait()
        .unwrap_err();
    assert_eq!(error.uid(), Some("values/7"), "{error}");
    assert!(store.values().is_empty());
}

/// One thing done to the three collections, as to those of std.
#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u32),
    Remove(u8),
    Change(u8),
    PopFirst,
    RetainOdd,
    Clear,
    PushBack(u32),
    PushFront(u32),
    PopFront,
    PopBack,
    Take(usize),
    ChangeFront,
    Add(u8),
    Drop(u8),
    /// Several of them, in one commit.
    All(Vec<Step>),
    /// Undone.
    Undone(Vec<Step>),
    Replace(Vec<u32>),
    Reopen,
    Compact,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Plain {
    map: BTreeMap<u8, u32>,
    queue: VecDeque<u32>,
    set: BTreeSet<u8>,
    sum: u64,
}

#[derive(Store)]
#[store(name = "modelled")]
struct Modelled {
    map: Map<u8, u32>,
    queue: Queue<u32>,
    set: Set<u8>,
    sum: u64,
}

impl Step {
    fn to_plain(&self, plain: &mut Plain) {
        match self {
            Step::Insert(key, value) => drop(plain.map.insert(*key, *value)),
            Step::Remove(key) => drop(plain.map.remove(key)),
            Step::Change(key) => plain.map.entry(*key).or_insert(0).clone_from(&9),
            Step::PopFirst => drop(plain.map.pop_first()),
            Step::RetainOdd => {
                plain.map.retain(|_, value| *value % 2 == 1);
                plain.queue.retain(|item| *item % 2 == 1);
                plain.set.retain(|element| *element % 2 == 1);
            }
            Step::Clear => {
                plain.map.clear();
                plain.queue.clear();
                plain.set.clear();
            }
            Step::PushBack(item) => plain.queue.push_back(*item),
            Step::PushFront(item) => plain.queue.push_front(*item),
            Step::PopFront => drop(plain.queue.pop_front()),
            Step::PopBack => drop(plain.queue.pop_back()),
            Step::Take(index) => drop(plain.queue.remove(*index)),
            Step::ChangeFront => {
                if let Some(item) = plain.queue.front_mut() {
                    *item += 1;
                }
            }
            Step::Add(element) => drop(plain.set.insert(*element)),
            Step::Drop(element) => drop(plain.set.remove(element)),
            Step::All(steps) => {
                steps.iter().for_each(|step| step.to_plain(plain));
                plain.sum += 1;
            }
            Step::Replace(items) => {
                plain.queue = items.iter().copied().collect();
                plain.map = items.iter().map(|item| (*item as u8, *item)).collect();
            }
            Step::Undone(_) | Step::Reopen | Step::Compact => {}
        }
    }

    fn to_state(&self, state: &mut Modelled) {
        match self {
            Step::Insert(key, value) => drop(state.map.insert(*key, *value)),
            Step::Remove(key) => drop(state.map.remove(key)),
            Step::Change(key) => *state.map.get_or_insert_with(*key, || 0) = 9,
            Step::PopFirst => drop(state.map.pop_first()),
            Step::RetainOdd => {
                state.map.retain(|_, value| *value % 2 == 1);
                state.queue.retain(|item| *item % 2 == 1);
                state.set.retain(|element| *element % 2 == 1);
            }
            Step::Clear => {
                state.map.clear();
                state.queue.clear();
                state.set.clear();
            }
            Step::PushBack(item) => state.queue.push_back(*item),
            Step::PushFront(item) => state.queue.push_front(*item),
            Step::PopFront => drop(state.queue.pop_front()),
            Step::PopBack => drop(state.queue.pop_back()),
            Step::Take(index) => drop(state.queue.remove(*index)),
            Step::ChangeFront => {
                if let Some(item) = state.queue.front_mut() {
                    *item += 1;
                }
            }
            Step::Add(element) => drop(state.set.insert(*element)),
            Step::Drop(element) => drop(state.set.remove(element)),
            Step::All(steps) => {
                steps.iter().for_each(|step| step.to_state(state));
                state.sum += 1;
            }
            Step::Undone(steps) => steps.iter().for_each(|step| step.to_state(state)),
            Step::Replace(items) => {
                state.queue = items.iter().copied().collect();
                state.map = items.iter().map(|item| (*item as u8, *item)).collect();
            }
            Step::Reopen | Step::Compact => {}
        }
    }
}

fn single() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12_u8, 0..100_u32).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (0..12_u8).prop_map(Step::Remove),
        2 => (0..12_u8).prop_map(Step::Change),
        1 => Just(Step::PopFirst),
        1 => Just(Step::RetainOdd),
        1 => Just(Step::Clear),
        4 => (0..100_u32).prop_map(Step::PushBack),
        2 => (0..100_u32).prop_map(Step::PushFront),
        2 => Just(Step::PopFront),
        2 => Just(Step::PopBack),
        1 => (0..4_usize).prop_map(Step::Take),
        1 => Just(Step::ChangeFront),
        2 => (0..12_u8).prop_map(Step::Add),
        1 => (0..12_u8).prop_map(Step::Drop),
        1 => prop::collection::vec(0..100_u32, 0..6).prop_map(Step::Replace),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        8 => single(),
        3 => prop::collection::vec(single(), 0..5).prop_map(Step::All),
        1 => prop::collection::vec(single(), 0..5).prop_map(Step::Undone),
        1 => Just(Step::Reopen),
        1 => Just(Step::Compact),
    ];
    prop::collection::vec((0..2_usize, step), 1..30)
}

#[test]
fn collections_agree_with_those_of_std() {
    let name = "collections_agree_with_those_of_std";
    sequences(name, 3_000, &steps(), |steps| agree(&steps));
}

/// Two processes on a simulated disk; each sees at once what the other one did.
fn agree(steps: &[(usize, Step)]) -> Result<(), TestCaseError> {
    let disk = SimulatedDisk::new();
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let open = || {
        Modelled::builder()
            .dir("/db")
            .on(&disk.new_process())
            .compact_above(compact_above.clone())
            .poll(None)
            .open()
            .map_err(|error| TestCaseError::fail(error.to_string()))
    };
    let mut stores = [open()?, open()?];
    compact_above.store(u64::MAX, Relaxed);
    let mut plain = Plain::default();
    for (who, step) in steps {
        let fails = |error: worsen::Error| TestCaseError::fail(format!("{step:?}: {error}"));
        let store = &stores[*who];
        match step.clone() {
            Step::Reopen => stores[*who] = open()?,
            // The next writer does it.
            Step::Compact => compact_above.store(0, Relaxed),
            Step::Undone(_) => {
                let step = step.clone();
                let undone = store
                    .try_update(move |state| {
                        step.to_state(state);
                        Err::<(), ()>(())
                    })
                    .wait()
                    .map_err(fails)?;
                prop_assert!(undone.is_err());
            }
            step => {
                step.to_plain(&mut plain);
                store
                    .update(move |state| step.to_state(state))
                    .wait()
                    .map_err(fails)?;
                compact_above.store(u64::MAX, Relaxed);
            }
        }
        for store in &stores {
            let state = store.snapshot();
            let seen = Plain {
                map: state
                    .map
                    .iter()
                    .map(|(key, value)| (*key, *value))
                    .collect(),
                queue: state.queue.iter().copied().collect(),
                set: state.set.iter().copied().collect(),
                sum: state.sum,
            };
            prop_assert_eq!(&seen, &plain, "after {:?}", step);
        }
    }
    drop(stores);
    let store = open()?;
    prop_assert_eq!(store.snapshot().map.len(), plain.map.len());
    prop_assert!(store.queue().iter().eq(&plain.queue));
    prop_assert!(store.set().iter().eq(&plain.set));
    Ok(())
}

#[test]
fn what_is_taken_out_of_a_collection_is_what_std_would_give() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update(|state| {
            state.jobs.extend(["a", "b", "c", "d"].map(String::from));
            state.tags.extend([1, 3, 5, 7].map(Id));
            state
                .users
                .extend([("x".to_owned(), 1), ("y".to_owned(), 2)]);
        })
        .wait()
        .unwrap();
    store.update_jobs(|jobs| jobs.truncate(3)).wait().unwrap();
    store.update_jobs(|jobs| jobs.truncate(9)).wait().unwrap();
    drop(store);
    let store = open(folder.path());
    let kept = store.jobs();
    assert!(kept.contains(&"c".to_owned()) && !kept.contains(&"d".to_owned()));
    let jobs: Vec<String> = kept.into_iter().collect();
    assert_eq!(jobs, ["a", "b", "c"]);
    let snapshot = store.snapshot();
    let within: Vec<&Id> = snapshot.tags.range(Id(3)..Id(7)).collect();
    assert_eq!(within, [&Id(3), &Id(5)]);
    // The snapshot shares it, and keeps it.
    let tags: BTreeSet<Id> = snapshot.tags.clone().into_iter().collect();
    assert_eq!(tags, BTreeSet::from([1, 3, 5, 7].map(Id)));
    assert_eq!(snapshot.tags.len(), 4);
    let users: BTreeMap<String, u32> = store.users().into_iter().collect();
    assert_eq!(users, BTreeMap::from([("x".into(), 1), ("y".into(), 2)]));
}

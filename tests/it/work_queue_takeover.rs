//! A field that was a plain queue and becomes a work queue: what its items become, for whom, and when.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worsen::{ErrorKind, Map, Options, PersistentStore, Queue, Set, Store, WorkQueue};
use worsen_tests::Jobs;

use crate::{support::folder, work_queue::written};

/// Something that looks like what a work queue writes, and holds more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Build {
    job: String,
    tries: u32,
    dead: Option<String>,
    log: Vec<String>,
}

fn build(number: u32) -> Build {
    Build {
        job: format!("build {number}"),
        tries: number,
        dead: (number & 1 == 0).then(|| "of boredom".into()),
        log: vec!["begun".into()],
    }
}

/// As what the field was.
#[derive(Store)]
#[store(name = "jobs", poll = "never")]
struct Plain<T: worsen::Value> {
    jobs: Queue<T>,
    done: u32,
}

/// As what it is, and as a second process has it: another type on the same file is as good as that.
#[derive(Store)]
#[store(name = "jobs", poll = "never")]
struct Now<T: worsen::Value> {
    jobs: WorkQueue<T>,
    done: u32,
}

#[derive(Store)]
#[store(name = "jobs", poll = "never")]
struct Beside<T: worsen::Value> {
    jobs: WorkQueue<T>,
    done: u32,
}

fn seen<T: Clone>(jobs: &WorkQueue<T>) -> Vec<(u64, T)> {
    jobs.iter()
        .map(|job| (job.id(), job.job().clone()))
        .collect()
}

fn entries(dir: &Path) -> Vec<(String, Value)> {
    let options = Options {
        db_dir: dir.into(),
        ..Options::default()
    };
    let store = PersistentStore::<Value>::new("jobs", options).unwrap();
    let mut entries: Vec<_> = store
        .get_hashmap_state()
        .into_iter()
        .filter(|(uid, _)| uid.starts_with("jobs"))
        .collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// Fills a plain queue with these, lets two processes take it over, and looks at it from everywhere.
fn becomes_a_work_queue<T>(items: Vec<T>, fill: impl FnOnce(&mut Queue<T>, Vec<T>) + Send + 'static)
where
    T: worsen::Value + PartialEq + std::fmt::Debug,
{
    let dir = folder();
    let plain = Plain::<T>::builder().dir(dir.path()).open().unwrap();
    let filled = items.clone();
    plain
        .update_jobs(move |jobs| fill(jobs, filled))
        .wait()
        .unwrap();
    let expected: Vec<(u64, T)> = (0..).zip(items).collect();
    // Read at once, and nothing is written for that.
    let now = Now::<T>::builder().dir(dir.path()).open().unwrap();
    let beside = Beside::<T>::builder().dir(dir.path()).open().unwrap();
    assert_eq!(seen(&now.jobs()), expected);
    assert_eq!(seen(&beside.jobs()), expected);
    assert!(
        plain
            .jobs()
            .iter()
            .eq(expected.iter().map(|(_, item)| item))
    );
    let jobs = now.jobs();
    let last = expected.len() as u64 - 1;
    assert_eq!(
        jobs.get(last).map(|job| job.job().clone()).as_ref(),
        expected.last().map(|(_, job)| job)
    );
    assert!(jobs.get(last + 1).is_none() && jobs.get(u64::MAX).is_none());
    assert_eq!(
        (jobs.len(), jobs.waiting()),
        (expected.len(), expected.len())
    );
    // The first write, which fails in the middle the first time.
    let undone = now.try_update(|state| {
        state.jobs.remove(0);
        Err::<(), ()>(())
    });
    assert!(undone.wait().unwrap().is_err());
    assert_eq!(seen(&now.jobs()), expected);
    let another = expected[0].1.clone();
    let id = now.work(|state| &state.jobs).push(another.clone());
    assert_eq!(id.wait().unwrap(), last + 1);
    let mut expected = expected;
    expected.push((last + 1, another));
    assert_eq!(seen(&now.jobs()), expected);
    assert_eq!(seen(&beside.jobs()), expected);
    let plain_error = plain.update_jobs(|jobs| jobs.pop_front()).wait();
    assert_eq!(plain_error.unwrap_err().kind(), ErrorKind::Decode);
    // In the file each is a job, and nothing is left of what it was.
    let mut wanted: Vec<(String, Value)> = vec![("jobs".into(), json!("work"))];
    wanted.extend(
        expected
            .iter()
            .map(|(id, item)| (format!("jobs/{id}"), json!({ "job": item, "tries": 0 }))),
    );
    wanted.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(entries(dir.path()), wanted);
    // Jobs are taken in their order, in the other process too.
    let work = beside.work(|state| &state.jobs);
    for (id, item) in &expected {
        let taken = work.take(Duration::MAX).wait().unwrap().unwrap();
        assert_eq!((taken.id(), &*taken), (*id, item));
    }
    drop((plain, now, beside, work));
    let now = Now::<T>::builder().dir(dir.path()).open().unwrap();
    assert_eq!(seen(&now.jobs()), expected);
    assert_eq!(now.jobs().taken(), expected.len());
}

#[test]
fn items_that_look_like_jobs_are_what_they_were_when_their_queue_becomes_a_work_queue() {
    becomes_a_work_queue((0..12).map(build).collect(), Queue::extend);
}

#[test]
fn items_of_any_shape_are_what_they_were_when_their_queue_becomes_a_work_queue() {
    let items = vec![
        json!({ "job": "a", "tries": 2, "dead": "x", "mine": 1 }),
        json!({ "job": "b" }),
        json!({ "tries": 7 }),
        json!({ "job": { "job": 1, "tries": 0 }, "tries": 0 }),
        json!({ "job": 1, "tries": 0, "taken": { "pid": 1 } }),
        json!({ "job": 1, "tries": 0, "later": "tomorrow" }),
        json!("next"),
        json!(null),
    ];
    becomes_a_work_queue(items, Queue::extend);
}

#[test]
fn a_list_of_what_looks_like_jobs_becomes_a_work_queue_of_them() {
    #[derive(Store)]
    #[store(name = "jobs")]
    struct List {
        jobs: Vec<Build>,
    }
    let dir = folder();
    let list = List::builder().dir(dir.path()).open().unwrap();
    list.set_jobs(vec![build(1), build(2)]).wait().unwrap();
    drop(list);
    let now = Now::<Build>::builder().dir(dir.path()).open().unwrap();
    now.update_jobs(|jobs| jobs.push(build(3))).wait().unwrap();
    let expected = [(0, build(1)), (1, build(2)), (2, build(3))];
    assert_eq!(seen(&now.jobs()), expected);
    drop(now);
    let now = Now::<Build>::builder().dir(dir.path()).open().unwrap();
    assert_eq!(seen(&now.jobs()), expected);
}

#[test]
fn a_queue_with_items_in_front_becomes_a_work_queue_in_their_order() {
    // More than ten, so that numbers do not sort as their texts do.
    let fill = |jobs: &mut Queue<u64>, items: Vec<u64>| {
        for item in items[..25].iter().rev() {
            jobs.push_front(*item);
        }
        jobs.extend(items[25..].iter().copied());
    };
    becomes_a_work_queue((100..130).collect(), fill);
    let fill = |jobs: &mut Queue<Build>, items: Vec<Build>| {
        for item in items.into_iter().rev() {
            jobs.push_front(item);
        }
        // Nothing is left of the item of number 0.
        let first = jobs.pop_back().unwrap();
        jobs.push_front(first);
        let first = jobs.pop_front().unwrap();
        jobs.push_back(first);
    };
    becomes_a_work_queue((0..4).map(build).collect(), fill);
}

/// As long as the queue is a plain one, it may grow and shrink at both ends.
#[test]
fn a_work_queue_follows_a_plain_program_at_both_ends_until_it_is_written() {
    let dir = folder();
    let plain = Plain::<u64>::builder().dir(dir.path()).open().unwrap();
    plain.update_jobs(|jobs| jobs.push_back(5)).wait().unwrap();
    let now = Now::<u64>::builder().dir(dir.path()).open().unwrap();
    let jobs = |now: &NowStore<u64>| -> Vec<u64> { now.jobs().iter().map(|job| *job).collect() };
    assert_eq!(jobs(&now), [5]);
    for item in [4, 3] {
        plain
            .update_jobs(move |jobs| jobs.push_front(item))
            .wait()
            .unwrap();
    }
    plain.update_jobs(|jobs| jobs.push_back(6)).wait().unwrap();
    assert_eq!(jobs(&now), [3, 4, 5, 6]);
    assert_eq!(now.jobs().get(0).map(|job| *job), Some(3));
    plain.update_jobs(|jobs| jobs.pop_front()).wait().unwrap();
    plain.update_jobs(|jobs| jobs.pop_back()).wait().unwrap();
    assert_eq!(jobs(&now), [4, 5]);
    // To find out that there is nothing to wait for writes nothing.
    plain.update_jobs(Queue::clear).wait().unwrap();
    let work = now.work(|state| &state.jobs);
    let none = work.wait(Duration::MAX, Duration::ZERO);
    assert!(none.unwrap().is_none());
    plain.update_jobs(|jobs| jobs.push_front(9)).wait().unwrap();
    assert_eq!(seen(&now.jobs()), [(0, 9)]);
    let taken = work.take(Duration::MAX).wait().unwrap().unwrap();
    assert!(taken.ack().wait().unwrap());
    assert!(now.jobs().is_empty());
    assert_eq!(work.push(10).wait().unwrap(), 1);
}

#[test]
fn an_item_whose_number_nobody_would_come_to_is_refused_with_its_uid() {
    for (number, opens) in [
        ("-4503599627370496", true),
        ("-4503599627370497", false),
        ("-9223372036854775808", false),
        ("9007199254740991", true),
        ("9007199254740992", false),
        ("9223372036854775807", false),
        ("9223372036854775808", false),
        ("next", false),
    ] {
        let dir = folder();
        let uid = format!("jobs/{number}");
        written(dir.path(), &[("jobs", json!([])), (&uid, json!(7))]);
        match Jobs::builder().dir(dir.path()).open() {
            Ok(store) => {
                assert!(opens, "{number}");
                assert_eq!(store.jobs().len(), 1);
            }
            Err(error) => {
                assert!(!opens, "{error}");
                assert_eq!(error.uid(), Some(&*uid), "{error}");
            }
        }
    }
}

/// A line that another program writes may name a field behind its entries, and a write of this one may
/// fail behind it.
#[test]
fn what_an_entry_is_does_not_depend_on_where_it_stands_in_a_line() {
    let look_alike = json!({ "job": 1, "tries": 0 });
    let dir = folder();
    written(
        dir.path(),
        &[("jobs", json!([])), ("jobs/0", look_alike.clone())],
    );
    let now = Now::<Value>::builder().dir(dir.path()).open().unwrap();
    let beside = Beside::<Value>::builder().dir(dir.path()).open().unwrap();
    assert_eq!(seen(&now.jobs()), [(0, look_alike.clone())]);
    let options = Options {
        db_dir: dir.path().into(),
        ..Options::default()
    };
    let other = PersistentStore::<Value>::new("jobs", options).unwrap();
    let job = json!({ "job": look_alike, "tries": 0 });
    let write = |uids: [&'static str; 3]| {
        let job = job.clone();
        let write = other.update_all(move |values| {
            for uid in uids {
                match uid {
                    "jobs" => values.set(uid, json!("work")),
                    _ => values.set(uid, job.clone()),
                };
            }
        });
        write.wait().unwrap();
    };
    write(["jobs/0", "jobs", "jobs/1"]);
    let undone = now.try_update(|state| {
        state.jobs.clear();
        Err::<(), ()>(())
    });
    assert!(undone.wait().unwrap().is_err());
    let expected = [(0, look_alike.clone()), (1, look_alike.clone())];
    assert_eq!(seen(&now.jobs()), expected);
    assert_eq!(seen(&beside.jobs()), expected);
    drop((now, beside));
    let now = Now::<Value>::builder().dir(dir.path()).open().unwrap();
    assert_eq!(seen(&now.jobs()), expected);
}

/// A process that comes late finds the new generation alone. In it, number 0 has the same text as before, and
/// is another job.
#[test]
fn a_process_that_missed_the_takeover_and_a_compaction_sees_every_job() {
    let item = json!({ "job": "x", "tries": 0 });
    let dir = folder();
    let plain = Plain::<Value>::builder().dir(dir.path()).open().unwrap();
    let items = [json!("x"), item.clone()];
    let fill = plain.update_jobs(move |jobs| {
        let [front, back] = items;
        jobs.push_back(back);
        jobs.push_front(front);
    });
    fill.wait().unwrap();
    let beside = Beside::<Value>::builder().dir(dir.path()).open().unwrap();
    let compact_above = Arc::new(AtomicU64::new(u64::MAX));
    let now = Now::<Value>::builder().dir(dir.path());
    let now = now.compact_above(compact_above.clone()).open().unwrap();
    let compact = || {
        compact_above.store(0, Relaxed);
        now.update_done(|done| *done += 1).wait().unwrap();
        compact_above.store(u64::MAX, Relaxed);
    };
    compact();
    now.update_jobs(|jobs| jobs.push(json!("last")))
        .wait()
        .unwrap();
    compact();
    let log = fs::read_to_string(dir.path().join("jobs.db")).unwrap();
    assert!(!log.contains("\"gen\":1,"), "{log}");
    let before = entries(dir.path());
    assert_eq!(
        before[1],
        ("jobs/0".into(), item.clone()),
        "as it was before"
    );
    let expected = [(0, json!("x")), (1, item), (2, json!("last"))];
    assert_eq!(seen(&beside.jobs()), expected);
    beside
        .update_jobs(|jobs| jobs.push(json!("more")))
        .wait()
        .unwrap();
    assert_eq!(seen(&now.jobs()), seen(&beside.jobs()));
    assert_eq!(now.jobs().len(), 4);
}

/// Under the mark of a work queue everything is a job, or told.
#[test]
fn an_item_among_jobs_is_refused_with_its_uid() {
    for item in [
        json!(7),
        json!({ "job": 7 }),
        json!({ "tries": 7 }),
        json!([]),
    ] {
        let dir = folder();
        written(dir.path(), &[("jobs", json!("work")), ("jobs/3", item)]);
        let error = Now::<Value>::builder().dir(dir.path()).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.uid(), Some("jobs/3"));
    }
}

/// The log of a program before this one, with jobs that were given to several takers, one for later and one dead.
#[test]
fn a_work_queue_of_an_older_version_is_one_still() {
    let dir = folder();
    fs::write(dir.path().join("jobs.db"), OLD_LOG).unwrap();
    let store = Jobs::builder().dir(dir.path()).open().unwrap();
    let jobs = store.jobs();
    assert_eq!(
        (jobs.waiting(), jobs.taken(), jobs.dead()),
        (2, 1, 1),
        "{jobs:?}"
    );
    assert!(!store.recovered().may_have_lost());
    let push = store.work(|state| &state.jobs).push(1);
    assert_eq!(push.wait().unwrap(), 6);
}

const OLD_LOG: &str = r#"{"worsen":1,"store":"jobs","gen":1,"rev":0,"base":0,"at":"2026-11-28T08:44:43.326Z","crc":"20a719ec"}
{"rev":1,"at":"2026-11-28T08:44:43.341Z","pid":12786,"durable":0,"set":{"jobs":"work","done":{}},"crc":"b1cd94da"}
{"rev":2,"at":"2026-11-28T08:44:43.346Z","pid":12786,"durable":1,"set":{"jobs/0":{"job":7,"tries":0}},"crc":"b859c3a5"}
{"rev":3,"at":"2026-11-28T08:44:43.349Z","pid":12786,"durable":2,"set":{"jobs/1":{"job":8,"tries":0}},"crc":"05ac9f5d"}
{"rev":4,"at":"2026-11-28T08:44:43.353Z","pid":12786,"durable":3,"set":{"jobs/2":{"job":9,"tries":0}},"crc":"aeb71783"}
{"rev":5,"at":"2026-11-28T08:44:43.357Z","pid":12786,"durable":4,"set":{"jobs/3":{"job":10,"tries":0}},"crc":"0abd5fc8"}
{"rev":6,"at":"2026-11-28T08:44:43.361Z","pid":12786,"durable":5,"set":{"jobs/4":{"job":11,"tries":0}},"crc":"422c3ddc"}
{"rev":7,"at":"2026-11-28T08:44:43.365Z","pid":12786,"durable":6,"set":{"jobs/5":{"job":12,"tries":0}},"crc":"af7435bb"}
{"rev":8,"at":"2026-11-28T08:44:43.370Z","pid":12786,"durable":7,"set":{"jobs/0":{"job":7,"tries":1,"taken":{"pid":12786,"started":1383468,"on":"7c090281","token":"8c6d287be755e73e","until":"2026-11-28T08:46:23.369Z","lease":100000}}},"crc":"039fcfb5"}
{"rev":9,"at":"2026-11-28T08:44:43.373Z","pid":12786,"durable":8,"del":["jobs/0"],"crc":"01c8a303"}
{"rev":10,"at":"2026-11-28T08:44:43.378Z","pid":12786,"durable":9,"set":{"jobs/1":{"job":8,"tries":1,"taken":{"pid":12786,"started":1383468,"on":"7c090281","token":"11a581b60a0dbcd1","until":"2026-11-28T08:46:23.377Z","lease":100000}}},"crc":"9dbba6d6"}
{"rev":11,"at":"2026-11-28T08:44:43.382Z","pid":12786,"durable":10,"set":{"jobs/1":{"job":8,"tries":1,"dead":"why"}},"crc":"d1664396"}
{"rev":12,"at":"2026-11-28T08:44:43.386Z","pid":12786,"durable":11,"set":{"jobs/2":{"job":9,"tries":1,"taken":{"pid":12786,"started":1383468,"on":"7c090281","token":"d542b28aa42e9c2c","until":"2026-11-28T08:46:23.385Z","lease":100000}}},"crc":"55d396eb"}
{"rev":13,"at":"2026-11-28T08:44:43.389Z","pid":12786,"durable":12,"set":{"jobs/2":{"job":9,"tries":1,"later":{"until":"2026-11-28T08:46:23.389Z","delay":100000}}},"crc":"0f12a451"}
{"rev":14,"at":"2026-11-28T08:44:43.393Z","pid":12786,"durable":13,"set":{"jobs/3":{"job":10,"tries":1,"taken":{"pid":12786,"started":1383468,"on":"7c090281","token":"be4a0caaaf56293c","until":"2026-11-28T08:46:23.393Z","lease":100000}}},"crc":"647e07ba"}
{"rev":15,"at":"2026-11-28T08:44:43.397Z","pid":12786,"durable":14,"set":{"jobs/next":6},"del":["jobs/5"],"crc":"53dd8fde"}
"#;

/// What does not fit stops a program; once it is gone, nothing does.
#[test]
fn a_program_goes_on_when_a_key_that_was_none_is_removed() {
    #[derive(Store)]
    #[store(name = "jobs", poll = "never", on_mismatch = "error")]
    struct Numbered {
        map: Map<u64, u64>,
        set: Set<u64>,
        queue: Queue<u64>,
        jobs: WorkQueue<u64>,
        plain: WorkQueue<u64>,
    }
    let dir = folder();
    written(dir.path(), &[("plain", json!([])), ("plain/0", json!(1))]);
    let store = Numbered::builder().dir(dir.path()).open().unwrap();
    store.update_jobs(|jobs| jobs.push(1)).wait().unwrap();
    let options = Options {
        db_dir: dir.path().into(),
        ..Options::default()
    };
    let other = PersistentStore::<Value>::new("jobs", options).unwrap();
    for field in ["map", "set", "queue", "jobs", "plain"] {
        let uid = format!("{field}/first");
        other.write(uid.as_str(), json!(1)).wait().unwrap();
        let error = store.update_map(|map| map.insert(1, 1)).wait().unwrap_err();
        assert_eq!(error.uid(), Some(&*uid), "{error}");
        other.remove(uid.as_str()).wait().unwrap();
        let write = store.update_map(|map| map.insert(1, 0));
        write.wait().unwrap();
        // Also where a write fails behind both.
        other.write(uid.as_str(), json!(1)).wait().unwrap();
        other.remove(uid.as_str()).wait().unwrap();
        let undone = store.try_update(|state| {
            state.map.clear();
            state.set.clear();
            state.queue.clear();
            state.jobs.clear();
            state.plain.clear();
            Err::<(), ()>(())
        });
        assert!(undone.wait().unwrap().is_err());
        let write = store.update_map(move |map| map.insert(1, field.len() as u64));
        write.wait().unwrap();
    }
    assert_eq!(store.jobs().len(), 1);
    assert_eq!(store.plain().len(), 1);
}

/// Somebody has filled a field by hand, and left out its own uid.
#[test]
fn entries_that_nobody_had_marked_are_seen_by_all_when_the_field_is_written() {
    #[derive(Store)]
    #[store(name = "jobs", poll = "never")]
    struct One {
        map: Map<u64, u64>,
    }
    #[derive(Store)]
    #[store(name = "jobs", poll = "never")]
    struct Other {
        map: Map<u64, u64>,
    }
    let dir = folder();
    written(dir.path(), &[("map/1", json!(10))]);
    let one = One::builder().dir(dir.path()).open().unwrap();
    let other = Other::builder().dir(dir.path()).open().unwrap();
    one.update_map(|map| map.insert(2, 20)).wait().unwrap();
    let expected = Map::from([(1, 10), (2, 20)]);
    assert_eq!(one.map(), expected);
    assert_eq!(other.map(), expected);
}

//! What becomes of a value between the closure and its readers: it comes back as it was, in its order and from
//! one line of the log, or it is refused; the writer sees what the others see; and what is there already is not
//! committed again.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use worsen::{ErrorKind, Map, Queue, Store, Value, WorkQueue, testing::SimulatedDisk};

use crate::support::{Worker, folder, open_values, try_open_values};

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("it is JSON")
}

/// The error of a write that is refused, and leaves nothing.
#[track_caller]
fn refusal<T: Value>(value: T) -> String {
    let store = open_values::<T>(&SimulatedDisk::new());
    let error = store.write("uid", value).wait().expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert_eq!(store.revision(), 0);
    error.to_string()
}

/// What the writer sees, and what a process reads that opens the store later.
#[track_caller]
fn both_views<T: Value>(value: T) -> (T, T) {
    let disk = SimulatedDisk::new();
    let store = open_values::<T>(&disk);
    store.write("uid", value).wait().expect("it can be stored");
    let seen = store.read("uid").expect("it is there");
    drop(store);
    (seen, open_values(&disk).read("uid").expect("it is there"))
}

// ---- JSON that a value hands over as text ------------------------------------------------------

#[test]
fn json_text_of_several_lines_stands_on_one_and_every_reader_goes_on() {
    let disk = SimulatedDisk::new();
    let writer = open_values::<Box<RawValue>>(&disk);
    let reader = open_values::<Box<RawValue>>(&disk);
    let lines = "{\r\n\t\"a\\\"\": [\n1,\n2\n],\n\"b\": \"\\n\"\r\n}";
    writer.write("uid", raw(lines)).wait().unwrap();
    let one_line = "{  \t\"a\\\"\": [ 1, 2 ], \"b\": \"\\n\"  }";
    assert_eq!(writer.read("uid").unwrap().get(), one_line);
    assert_eq!(reader.read("uid").unwrap().get(), one_line);
    reader.write("other", raw("[\n]")).wait().unwrap();
    drop((writer, reader));
    let store = open_values::<Box<RawValue>>(&disk);
    assert!(store.recovered().is_empty(), "{:?}", store.recovered());
    assert_eq!(store.read("uid").unwrap().get(), one_line);
    assert_eq!(store.read("other").unwrap().get(), "[ ]");
}

/// Hands over text that is no JSON.
#[derive(Debug, Clone)]
struct Forged(&'static str);

impl Serialize for Forged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        const TOKEN: &str = "$serde_json::private::RawValue";
        let mut text = serializer.serialize_struct(TOKEN, 1)?;
        text.serialize_field(TOKEN, self.0)?;
        text.end()
    }
}

impl<'de> Deserialize<'de> for Forged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Forged("null"))
    }
}

#[test]
fn text_that_is_no_json_is_refused() {
    for text in [
        "\"a\nb\"",
        "1}\n{\"rev\":9}",
        "",
        "{",
        "1 2",
        "\u{0}",
        "nul",
    ] {
        let error = refusal(Forged(text));
        assert!(error.contains("JSON"), "{error}");
    }
}

mod pretty {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        raw(&format!("[\n{value}\n]")).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        <[u8; 1]>::deserialize(deserializer).map(|[value]| value)
    }
}

#[derive(Store)]
#[store(name = "lines")]
struct Lines {
    plain: Option<Box<RawValue>>,
    #[store(with = pretty)]
    with: u8,
    map: Map<String, Box<RawValue>>,
    queue: Queue<Box<RawValue>>,
    jobs: WorkQueue<Box<RawValue>>,
}

#[test]
fn json_text_of_several_lines_fits_wherever_a_value_does() {
    let folder = folder();
    let open = || Lines::builder().dir(folder.path()).open().unwrap();
    let store = open();
    store
        .update(|state| {
            state.plain = Some(raw("[\n1]"));
            state.with = 7;
            state.map.insert("key\n".into(), raw("[\n2]"));
            state.queue.push_back(raw("[\n3]"));
            state.jobs.push(raw("[\n4]"));
        })
        .wait()
        .unwrap();
    drop(store);
    let store = open();
    let state = store.snapshot();
    assert_eq!(state.plain.as_ref().unwrap().get(), "[ 1]");
    assert_eq!(state.with, 7);
    assert_eq!(state.map["key\n"].get(), "[ 2]");
    assert_eq!(state.queue.front().unwrap().get(), "[ 3]");
    assert_eq!(state.jobs.get(0).unwrap().get(), "[ 4]");
}

// ---- what comes back in another order ----------------------------------------------------------

/// Writes its two numbers the wrong way round.
#[derive(Debug, Clone, PartialEq)]
struct Swapped(u8, u8);

impl Serialize for Swapped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.1, self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Swapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(u8, u8)>::deserialize(deserializer).map(|(one, other)| Swapped(one, other))
    }
}

/// Writes its last element first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
struct Reversed(Vec<u8>);

impl Serialize for Reversed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().rev())
    }
}

/// As [`Reversed`], as a map of pairs.
#[derive(Debug, Clone, PartialEq)]
struct ReversedPairs(Vec<(String, u8)>);

impl Serialize for ReversedPairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().rev().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for ReversedPairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> serde::de::Visitor<'de> for Pairs {
            type Value = ReversedPairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ReversedPairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(ReversedPairs(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn sorted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let mut list = Vec::deserialize(deserializer)?;
    list.sort_unstable();
    Ok(list)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SortedWhenRead {
    #[serde(deserialize_with = "sorted")]
    list: Vec<u8>,
}

#[test]
fn what_would_come_back_in_another_order_is_refused() {
    let error = refusal(Swapped(1, 2));
    assert!(error.contains("at `[0]` 2 would come back as 1"), "{error}");
    let error = refusal(Reversed(vec![1, 2, 3]));
    assert!(error.contains("in another order"), "{error}");
    refusal(Reversed(vec![1, 2]));
    refusal(vec![Some(Reversed(vec![1, 1, 2]))]);
    refusal(HashMap::from([(1_u8, Reversed(vec![1, 2]))]));
    refusal(ReversedPairs(vec![("b".into(), 1), ("a".into(), 2)]));
    let error = refusal(SortedWhenRead { list: vec![3, 1] });
    assert!(
        error.contains("at `.list[0]` 3 would come back as 1"),
        "{error}"
    );
    // These are the same either way.
    both_views(Swapped(2, 2));
    both_views(Reversed(vec![1, 2, 1]));
    both_views(SortedWhenRead { list: vec![1, 3] });
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Shape {
    Sized { size: u8 },
    Pair((u8, u8)),
    Any(BTreeMap<String, u8>),
    List(Vec<u8>),
}

#[test]
fn a_map_is_no_struct_and_a_list_no_tuple() {
    let map = |name: &str| Shape::Any(BTreeMap::from([(name.to_owned(), 1)]));
    let error = refusal(map("size"));
    assert!(
        error.contains("a map of 1 would come back as a `Shape`"),
        "{error}"
    );
    let error = refusal(Shape::List(vec![1, 2]));
    assert!(
        error.contains("a list of 2 would come back as a tuple"),
        "{error}"
    );
    for shape in [
        map("other"),
        Shape::Sized { size: 1 },
        Shape::Pair((1, 2)),
        Shape::List(vec![1]),
    ] {
        assert_eq!(both_views(shape.clone()), (shape.clone(), shape));
    }
}

/// Hashes badly, so that members stand where there is room.
#[derive(Debug, Clone, Default)]
struct Remainder(u64);

impl Hasher for Remainder {
    fn finish(&self) -> u64 {
        self.0 % 7
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
    }
}

/// A set that says to serde that it is a list, and nothing of what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Ids(HashSet<u32>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct SteadyIds(HashSet<u32, BuildHasherDefault<Remainder>>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ways {
    ids: Ids,
    by_id: BTreeMap<u32, Ids>,
    nested: HashSet<BTreeSet<u32>>,
    list: Vec<Ids>,
}

#[test]
fn what_has_no_order_is_stored_whatever_it_is_called() {
    for count in 0..20 {
        let ids = || Ids((0..count).collect());
        assert_eq!(both_views(ids()), (ids(), ids()));
        // It has room for more than its copy will, and so lists its members otherwise.
        let mut steady = SteadyIds(HashSet::with_capacity_and_hasher(200, Default::default()));
        steady.0.extend((0..count).rev());
        assert_eq!(both_views(steady.clone()), (steady.clone(), steady));
        let ways = Ways {
            ids: ids(),
            by_id: (0..3).map(|id| (id, ids())).collect(),
            nested: (0..count).map(|last| (0..last).collect()).collect(),
            list: vec![ids(), ids()],
        };
        assert_eq!(both_views(ways.clone()), (ways.clone(), ways));
    }
    let heap: BinaryHeap<u8> = (0..9).chain(3..12).collect();
    let (seen, read) = both_views(heap.clone());
    assert_eq!(seen.into_sorted_vec(), heap.clone().into_sorted_vec());
    assert_eq!(read.into_sorted_vec(), heap.into_sorted_vec());
}

// ---- the place of a difference -----------------------------------------------------------------

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Limits {
    name: String,
    most: Vec<Option<f64>>,
}

#[test]
fn the_error_names_the_place_that_would_come_back_otherwise() {
    let limits = |most: f64| Limits {
        name: "cpu".into(),
        most: vec![Some(0.5), Some(most)],
    };
    let error = refusal(limits(f64::NAN));
    let place = "at `.most[1]` `Some` of NaN would come back as `None`";
    assert!(error.contains(place), "{error}");
    let error = refusal(HashMap::from([(
        "a b".to_owned(),
        vec![limits(f64::INFINITY)],
    )]));
    let place = "at `[\"a b\"][0].most[1]` `Some` of inf would come back as `None`";
    assert!(error.contains(place), "{error}");
    // What cannot be read at all, too.
    let error = refusal(BTreeMap::from([("a".to_owned(), vec![1.0, f64::NAN])]));
    assert!(error.contains("at `.a[1]`"), "{error}");
}

#[test]
fn the_error_of_a_value_that_does_not_fit_names_the_place() {
    let disk = SimulatedDisk::new();
    let store = open_values::<Vec<BTreeMap<String, u32>>>(&disk);
    let value = vec![BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 300)])];
    store.write("uid", value).wait().unwrap();
    drop(store);
    let error = try_open_values::<Vec<BTreeMap<String, u8>>>(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("at `[0].b`"), "{error}");
}

// ---- what a type does not tell -----------------------------------------------------------------

/// A size that is printed for people.
#[derive(Debug, Clone, PartialEq, Default)]
struct Size(f64);

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:.1} MiB", self.0))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.trim_end_matches(" MiB").parse();
        number.map(Size).map_err(serde::de::Error::custom)
    }
}

mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_secs().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Cached {
    value: u8,
    #[serde(skip)]
    cache: Option<String>,
}

fn cached(value: u8) -> Cached {
    Cached {
        value,
        cache: Some("warm".into()),
    }
}

#[derive(Debug, Clone, Store)]
#[store(name = "lossy")]
struct Lossy {
    #[store(seed = Size(1.26))]
    size: Size,
    #[store(with = seconds)]
    time: Duration,
    cached: Cached,
    by_name: Map<String, Cached>,
    queue: Queue<Size>,
    jobs: WorkQueue<Size>,
}

#[track_caller]
fn is_seen_as_it_is_read(store: &LossyStore, reopen: impl FnOnce() -> LossyStore) -> LossyStore {
    let seen = store.snapshot();
    let other = reopen();
    let read = other.snapshot();
    assert_eq!(seen.size, read.size);
    assert_eq!(seen.time, read.time);
    assert_eq!(seen.cached, read.cached);
    assert_eq!(seen.by_name, read.by_name);
    assert_eq!(seen.queue, read.queue);
    let jobs =
        |state: &Lossy| -> Vec<Size> { state.jobs.iter().map(|job| Size::clone(&job)).collect() };
    assert_eq!(jobs(&seen), jobs(&read));
    drop((seen, read));
    other
}

#[test]
fn who_writes_a_value_sees_what_the_others_see() {
    let (seen, read) = both_views(Size(1.26));
    assert_eq!((&seen, &read), (&Size(1.3), &Size(1.3)));
    let (seen, read) = both_views(cached(1));
    assert_eq!((seen.cache, read.cache), (None, None));

    let (here, there) = (folder(), folder());
    let open = |dir: &std::path::Path| Lossy::builder().dir(dir).open().unwrap();
    // The files at another place, as another process reads them.
    let copy = || {
        for name in ["lossy.db", "lossy.cache.db"] {
            std::fs::copy(here.path().join(name), there.path().join(name)).unwrap();
        }
        open(there.path())
    };
    let store = open(here.path());
    assert_eq!(store.size(), Size(1.3), "the seed");
    drop(is_seen_as_it_is_read(&store, copy));
    store
        .update(|state| {
            state.size = Size(2.04);
            state.time = Duration::from_millis(2500);
            state.cached = cached(1);
            state.by_name.insert("a".into(), cached(2));
            state.queue.push_back(Size(3.25));
            state.jobs.push(Size(4.05));
        })
        .wait()
        .unwrap();
    assert_eq!(store.time(), Duration::from_secs(2));
    assert_eq!(store.snapshot().by_name["a"].cache, None);
    drop(is_seen_as_it_is_read(&store, copy));
    // One at a time, too; and in a commit that changes nothing that is told.
    let revision = store.revision();
    store
        .update_cached(|cached| cached.cache = Some("hot".into()))
        .wait()
        .unwrap();
    let change = |names: &mut Map<String, Cached>| {
        names.get_mut("a").unwrap().cache = Some("hot".into());
    };
    store.update_by_name(change).wait().unwrap();
    store.set_size(Size(2.01)).wait().unwrap();
    assert_eq!(store.revision(), revision);
    drop(is_seen_as_it_is_read(&store, copy));
    store.set_size(Size(5.55)).wait().unwrap();
    assert_eq!(store.cached().cache, None);
    drop(is_seen_as_it_is_read(&store, copy));
    // The next write of the process goes on from what all see.
    let from = store.update_size(|size| size.0).wait().unwrap();
    assert_eq!(from, 5.5);
}

/// Also a `with` module may tell less than there is.
mod or_null {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

#[derive(Store)]
#[store(name = "with")]
struct With {
    #[store(with = or_null)]
    number: f64,
}

#[test]
fn what_a_with_module_would_turn_into_another_value_is_refused() {
    let store = With::builder().in_memory().open().unwrap();
    store.set_number(0.5).wait().unwrap();
    let error = store.set_number(f64::NAN).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(
        error.to_string().contains("NaN would come back as 0.0"),
        "{error}"
    );
    assert_eq!(store.number(), 0.5);
}

// ---- a write that changes nothing --------------------------------------------------------------

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Options {
    level: u8,
    #[serde(default)]
    added_later: bool,
}

#[derive(Store)]
#[store(name = "service")]
struct Service {
    port: u16,
    users: HashMap<String, HashSet<u32>>,
    ids: Option<Ids>,
    groups: Map<String, HashSet<u32>>,
    recent: Queue<HashMap<String, u32>>,
    #[store(seed = (0..50).collect())]
    never_set: HashSet<u32>,
    #[store(seed = [("all".to_owned(), (0..50).collect())].into())]
    never_set_map: Map<String, HashSet<u32>>,
    options: Option<Options>,
}

fn names(count: u32) -> HashMap<String, HashSet<u32>> {
    (0..count)
        .map(|n| (format!("user-{n}"), (0..n).collect()))
        .collect()
}

#[test]
fn an_update_of_one_field_names_that_field_alone() {
    let folder = folder();
    let open = || Service::builder().dir(folder.path()).open().unwrap();
    let store = open();
    store
        .update(|state| {
            state.users = names(30);
            state.ids = Some(Ids((0..50).collect()));
            state.groups.insert("all".into(), (0..50).collect());
            state
                .recent
                .push_back((0..50).map(|n| (n.to_string(), n)).collect());
            state.options = Some(Options {
                level: 1,
                added_later: false,
            });
        })
        .wait()
        .unwrap();
    drop(store);
    // Opened anew, every hash map has another order.
    for round in 0..5 {
        let store = open();
        let begin = store.revision();
        let mut changes = store.changes(begin).unwrap();
        store.update(|state| state.port += 1).wait().unwrap();
        store
            .update(|state| state.users = state.users.clone().into_iter().collect())
            .wait()
            .unwrap();
        store.set_users(names(30)).wait().unwrap();
        store
            .update(|state| {
                let again = state.groups["all"].iter().copied().collect();
                state.groups.insert("all".into(), again);
                let again = state.recent.pop_front().unwrap().into_iter().collect();
                state.recent.push_front(again);
            })
            .wait()
            .unwrap();
        assert_eq!(store.revision(), begin + 1, "round {round}");
        let change = changes.wait(Duration::from_secs(5)).unwrap().unwrap();
        let uids: Vec<&str> = change.entries().map(|entry| entry.uid()).collect();
        assert_eq!(uids, ["port"]);
    }
    let store = open();
    store
        .update_never_set(|set| set.extend([50]))
        .wait()
        .unwrap();
    store
        .update_users(|users| drop(users.insert("new".into(), HashSet::new())))
        .wait()
        .unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.never_set().len(), 51);
    assert_eq!(store.users().len(), 31);
}

#[test]
fn two_processes_that_clean_up_with_nothing_to_do_do_not_wake_each_other() {
    const ROUNDS: u64 = 20;
    let folder = folder();
    let store = worsen_tests::Tidied::builder()
        .dir(folder.path())
        .open()
        .unwrap();
    let users = || (0..50).map(|n| (format!("user-{n}"), n)).collect();
    store.set_users(users()).wait().unwrap();
    let begin = store.revision();
    let rounds = ROUNDS.to_string();
    let mut workers = [(); 2].map(|()| Worker::start("tidy-up", folder.path(), &[rounds.as_str()]));
    for worker in &mut workers {
        assert_eq!(worker.line().as_deref(), Some("ready"));
    }
    for round in 1..=ROUNDS {
        store.set_count(round).wait().unwrap();
        assert_eq!(store.revision(), begin + round, "a worker committed");
        // Both have been woken by it, and have written what changes nothing.
        for worker in &mut workers {
            assert_eq!(worker.line(), Some((begin + round).to_string()));
        }
    }
    for worker in workers {
        assert!(worker.finish().is_empty());
    }
    assert_eq!(store.revision(), begin + ROUNDS);
    drop(store);
    let store = worsen_tests::Tidied::builder()
        .dir(folder.path())
        .open()
        .unwrap();
    assert_eq!(store.revision(), begin + ROUNDS);
    assert_eq!(store.users(), users());
}

#[test]
fn an_order_that_counts_is_a_change() {
    let store = open_values::<Vec<(u8, u8)>>(&SimulatedDisk::new());
    store.write("uid", vec![(1, 2), (3, 4)]).wait().unwrap();
    store.write("uid", vec![(3, 4), (1, 2)]).wait().unwrap();
    assert_eq!(store.read("uid").unwrap(), [(3, 4), (1, 2)]);
    assert_eq!(store.revision(), 2);
    let store = open_values::<ListOf>(&SimulatedDisk::new());
    store.write("uid", ListOf(vec![1, 2])).wait().unwrap();
    store.write("uid", ListOf(vec![2, 1])).wait().unwrap();
    assert_eq!(store.read("uid").unwrap().0, [2, 1]);
    assert_eq!(store.revision(), 2);
}

/// A list that nobody knows by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct ListOf(Vec<u8>);

#[test]
fn a_value_that_is_there_is_not_written_again_where_its_text_is_another_one() {
    let disk = SimulatedDisk::new();
    let store = open_values::<HashMap<String, HashSet<u32>>>(&disk);
    store.write("uid", names(30)).wait().unwrap();
    for _ in 0..5 {
        store.write("uid", names(30)).wait().unwrap();
        store
            .update("uid", |value| *value = Some(names(30)))
            .wait()
            .unwrap();
    }
    assert_eq!(store.revision(), 1);
    store.write("uid", names(31)).wait().unwrap();
    assert_eq!(store.revision(), 2);

    // Another version of the program left something out that has a default.
    let disk = SimulatedDisk::new();
    let older = open_values::<BTreeMap<String, u8>>(&disk);
    older
        .write("uid", BTreeMap::from([("level".to_owned(), 3)]))
        .wait()
        .unwrap();
    drop(older);
    let store = open_values::<Options>(&disk);
    let options = Options {
        level: 3,
        added_later: false,
    };
    store.write("uid", options.clone()).wait().unwrap();
    assert_eq!(store.revision(), 1);
    store
        .write(
            "uid",
            Options {
                added_later: true,
                ..options
            },
        )
        .wait()
        .unwrap();
    assert_eq!(store.revision(), 2);
}

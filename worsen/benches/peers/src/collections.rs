//! What a commit costs when there is much already, and what opening costs: of worsen alone, in factors of
//! its own smallest store, and beside a whole file of JSON.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    error::Error,
    fs,
    hint::black_box,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use worsen::{Durability, Map, Options, PersistentStore, Queue, Snapshot, Store};

use crate::{
    stores::{key, value},
    yardstick::median,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Blocks of each kind of commit; their median counts, which leaves out the few that compact.
const BLOCKS: usize = 40;
const COMMITS: usize = 250;
const READS: usize = 20_000;

#[derive(Store)]
struct Queued {
    items: Queue<String>,
}

#[derive(Store)]
struct Mapped {
    entries: Map<String, String>,
}

/// Items of ten bytes in the file and less, where what is needed beside them shows most.
#[derive(Store)]
struct Small {
    items: Queue<u64>,
}

pub fn all() -> Outcome<()> {
    commits()?;
    openings()
}

// ---- commits ---------------------------------------------------------------------------------------

/// One store of one size.
trait Subject {
    /// What it can do, in the order in which it is done.
    fn jobs(&self) -> &'static [&'static str];
    /// Does so many of one of them, and says how many nanoseconds of CPU time it took.
    fn block(&mut self, job: &str, number: usize) -> Outcome<(f64, usize)>;
}

/// Nothing here waits for a disk but the two syncs of an opening, so CPU time tells what there is to do,
/// whatever else the machine has to do.
struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

impl Stopwatch {
    fn start() -> Stopwatch {
        Stopwatch {
            wall: Instant::now(),
            cpu: cpu_nanoseconds(),
        }
    }

    /// How many nanoseconds of CPU time it took.
    fn cpu(&self) -> f64 {
        cpu_nanoseconds() - self.cpu
    }
}

/// What this process has used.
fn cpu_nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn timed(count: usize, mut each: impl FnMut(usize) -> Outcome<()>) -> Outcome<(f64, usize)> {
    let start = Stopwatch::start();
    for number in 0..count {
        each(number)?;
    }
    Ok((start.cpu(), count))
}

/// All over the keys, as they are in order.
fn scattered(number: usize, entries: usize) -> usize {
    number * 7_919 % entries
}

/// Between two keys that are there.
fn new_key(number: usize, entries: usize) -> String {
    format!("{}-new", key(scattered(number, entries)))
}

struct QueueSubject(QueuedStore);

impl Subject for QueueSubject {
    fn jobs(&self) -> &'static [&'static str] {
        &["Queue push_back", "Queue pop_front"]
    }

    fn block(&mut self, job: &str, number: usize) -> Outcome<(f64, usize)> {
        let store = &self.0;
        timed(COMMITS, |commit| {
            if job == "Queue push_back" {
                let item = value(number * COMMITS + commit);
                return Ok(store.update_items(|items| items.push_back(item)).wait()?);
            }
            let item = store.update_items(Queue::pop_front).wait()?;
            item.map(drop).ok_or("the queue is empty".into())
        })
    }
}

struct MapSubject(MappedStore, usize);

impl Subject for MapSubject {
    fn jobs(&self) -> &'static [&'static str] {
        &["Map insert", "Map replace", "Map remove", "Map get"]
    }

    fn block(&mut self, job: &str, number: usize) -> Outcome<(f64, usize)> {
        let MapSubject(store, entries) = self;
        let entries = *entries;
        if job == "Map get" {
            let snapshot: Snapshot<Mapped> = store.snapshot();
            let keys: Vec<String> = (0..READS)
                .map(|read| key(scattered(number * READS + read, entries)))
                .collect();
            return timed(READS, |read| {
                match black_box(&snapshot).entries.get(&keys[read]) {
                    Some(value) => {
                        black_box(value.len());
                        Ok(())
                    }
                    None => Err("an entry is missing".into()),
                }
            });
        }
        timed(COMMITS, |commit| {
            let number = number * COMMITS + commit;
            let before = match job {
                "Map insert" => {
                    let (key, value) = (new_key(number, entries), value(number));
                    store
                        .update_entries(|map| map.insert(key, value))
                        .wait()?
                        .is_none()
                }
                "Map replace" => {
                    let (key, value) = (key(scattered(number, entries)), value(number + entries));
                    store
                        .update_entries(|map| map.insert(key, value))
                        .wait()?
                        .is_some()
                }
                _ => {
                    let key = new_key(number, entries);
                    store
                        .update_entries(move |map| map.remove(&key))
                        .wait()?
                        .is_some()
                }
            };
            before
                .then_some(())
                .ok_or("the map is not what it should be".into())
        })
    }
}

struct KeyedSubject(PersistentStore<String>, usize);

impl Subject for KeyedSubject {
    fn jobs(&self) -> &'static [&'static str] {
        &[
            "PersistentStore write, new",
            "PersistentStore write",
            "PersistentStore remove",
            "PersistentStore read",
        ]
    }

    fn block(&mut self, job: &str, number: usize) -> Outcome<(f64, usize)> {
        let KeyedSubject(store, entries) = self;
        let entries = *entries;
        if job == "PersistentStore read" {
            let keys: Vec<String> = (0..READS)
                .map(|read| key(scattered(number * READS + read, entries)))
                .collect();
            return timed(READS, |read| match store.read(&keys[read]) {
                Some(value) => Ok(drop(black_box(value))),
                None => Err("a value is missing".into()),
            });
        }
        timed(COMMITS, |commit| {
            let number = number * COMMITS + commit;
            let write = |key: String, value| {
                store
                    .write(key, value)
                    .durability(Durability::Buffered)
                    .wait()
            };
            match job {
                "PersistentStore write, new" => write(new_key(number, entries), value(number))?,
                "PersistentStore write" => {
                    write(key(scattered(number, entries)), value(number + entries))?
                }
                _ => {
                    let removed = store
                        .remove(new_key(number, entries))
                        .durability(Durability::Buffered)
                        .wait()?;
                    removed.ok_or("a value is missing")?;
                }
            }
            Ok(())
        })
    }
}

/// How many bytes this process has handed to `write` and its like.
fn written() -> Outcome<f64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "))
        .ok_or("no wchar")?;
    Ok(line.parse()?)
}

pub fn commits() -> Outcome<()> {
    println!(
        "\none relaxed commit (or read) of 100 B, by the number of entries: us of CPU time (factor over {}); bytes (factor)",
        SIZES[0]
    );
    compare(|dir, entries| {
        fill_queue(dir, entries, 1_000)?;
        Ok(Box::new(QueueSubject(open_queue(dir)?)))
    })?;
    compare(|dir, entries| {
        fill_map(dir, entries, 1_000)?;
        Ok(Box::new(MapSubject(open_map(dir)?, entries)))
    })?;
    compare(|dir, entries| {
        fill_keyed(dir, entries, false)?;
        Ok(Box::new(KeyedSubject(open_keyed(dir)?, entries)))
    })
}

/// What a block writes that neither fills the log ahead nor compacts: there are always some.
fn least(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// The sizes take turns, so that a machine that is slower for a while is so for all of them.
fn compare(open: impl Fn(&Path, usize) -> Outcome<Box<dyn Subject>>) -> Outcome<()> {
    let folders = SIZES.map(|_| tempfile::tempdir_in("."));
    let mut subjects = Vec::new();
    for (entries, folder) in SIZES.into_iter().zip(folders) {
        let folder = folder?;
        subjects.push((open(folder.path(), entries)?, folder));
    }
    let jobs = subjects[0].0.jobs();
    let mut figures = vec![[(); SIZES.len()].map(|()| (Vec::new(), Vec::new())); jobs.len()];
    for block in 0..BLOCKS {
        for (job, figures) in jobs.iter().zip(&mut figures) {
            for ((subject, _), (times, bytes)) in subjects.iter_mut().zip(figures) {
                let before = written()?;
                let (nanoseconds, count) = subject.block(job, block)?;
                times.push(nanoseconds / count as f64 / 1e3);
                bytes.push((written()? - before) / count as f64);
            }
        }
    }
    for (job, figures) in jobs.iter().zip(figures) {
        let mut line = format!("  {job:<27}");
        let medians = figures.map(|(times, bytes)| (median(times), least(bytes)));
        let (first_time, first_bytes) = medians[0];
        for (entries, (time, bytes)) in SIZES.into_iter().zip(medians) {
            line += &format!("  {entries:>7}: {time:6.2} ({:4.2} x)", time / first_time);
            if first_bytes > 1.0 {
                line += &format!(" {bytes:4.0} B ({:4.2} x)", bytes / first_bytes);
            }
        }
        println!("{line}");
    }
    Ok(())
}

// ---- openings --------------------------------------------------------------------------------------

/// What is opened, and how many entries a commit of it wrote: one, or as many as a compaction puts into
/// a line, about.
const OPENINGS: [(&str, usize); 6] = [
    ("map", 500),
    ("map", 1),
    ("queue", 500),
    ("small", 500),
    ("keyed", 500),
    ("keyed", 1),
];

fn open_queue(dir: &Path) -> Outcome<QueuedStore> {
    Ok(Queued::builder()
        .dir(dir)
        .durability(Durability::Buffered)
        .poll(None)
        .open()?)
}

fn open_map(dir: &Path) -> Outcome<MappedStore> {
    Ok(Mapped::builder()
        .dir(dir)
        .durability(Durability::Buffered)
        .poll(None)
        .open()?)
}

fn open_small(dir: &Path) -> Outcome<SmallStore> {
    Ok(Small::builder()
        .dir(dir)
        .durability(Durability::Buffered)
        .poll(None)
        .open()?)
}

fn open_keyed(dir: &Path) -> Outcome<PersistentStore<String>> {
    let options = Options {
        is_debug: false,
        db_dir: dir.to_owned(),
    };
    Ok(PersistentStore::new("keyed", options)?)
}

fn fill_queue(dir: &Path, entries: usize, at_once: usize) -> Outcome<()> {
    let store = open_queue(dir)?;
    for from in (0..entries).step_by(at_once) {
        let items = (from..entries.min(from + at_once)).map(value);
        store
            .update_items(move |queue| queue.extend(items))
            .wait()?;
    }
    Ok(())
}

fn fill_map(dir: &Path, entries: usize, at_once: usize) -> Outcome<()> {
    let store = open_map(dir)?;
    for from in (0..entries).step_by(at_once) {
        let new = (from..entries.min(from + at_once)).map(|number| (key(number), value(number)));
        store.update_entries(move |map| map.extend(new)).wait()?;
    }
    Ok(())
}

fn fill_small(dir: &Path, entries: usize, at_once: usize) -> Outcome<()> {
    let store = open_small(dir)?;
    for from in (0..entries).step_by(at_once) {
        let items = (from..entries.min(from + at_once)).map(|number| number as u64);
        store
            .update_items(move |queue| queue.extend(items))
            .wait()?;
    }
    Ok(())
}

/// One by one, or as its seeds: this store has no other commit of several uids.
fn fill_keyed(dir: &Path, entries: usize, as_seeds: bool) -> Outcome<()> {
    let store = open_keyed(dir)?;
    let all = (0..entries).map(|number| (key(number), value(number)));
    if as_seeds {
        return Ok(store.init(Duration::from_secs(5), all)?);
    }
    for (key, value) in all {
        store
            .write(key, value)
            .durability(Durability::Buffered)
            .wait()?;
    }
    Ok(())
}

/// Makes what `open` opens; returns the name of the log.
pub fn fill(kind: &str, dir: &Path, entries: usize, at_once: usize) -> Outcome<&'static str> {
    Ok(match kind {
        "map" => fill_map(dir, entries, at_once).map(|()| "mapped.db")?,
        "queue" => fill_queue(dir, entries, at_once).map(|()| "queued.db")?,
        "small" => fill_small(dir, entries, at_once).map(|()| "small.db")?,
        _ => fill_keyed(dir, entries, at_once > 1).map(|()| "keyed.db")?,
    })
}

/// The same content as one JSON object.
fn fill_json(dir: &Path, kind: &str, entries: usize) -> Outcome<()> {
    let numbers = 0..entries;
    let json = match kind {
        "small" => serde_json::to_vec(
            &numbers
                .map(|number| (number.to_string(), number))
                .collect::<BTreeMap<_, _>>(),
        )?,
        _ => serde_json::to_vec(
            &numbers
                .map(|number| (key(number), value(number)))
                .collect::<BTreeMap<_, _>>(),
        )?,
    };
    Ok(fs::write(dir.join("json"), json)?)
}

/// A process that opens one of them, and says how long that took in nanoseconds, of the clock and of the
/// CPU, how many entries there are, and how much memory it took in KiB.
pub fn open(kind: &str, dir: &Path) -> Outcome<()> {
    let before = peak()?;
    let start = Stopwatch::start();
    let entries = match kind {
        "map" => keep(start, open_map(dir)?, |store| {
            store.snapshot().entries.len()
        }),
        "queue" => keep(start, open_queue(dir)?, |store| {
            store.snapshot().items.len()
        }),
        "small" => keep(start, open_small(dir)?, |store| {
            store.snapshot().items.len()
        }),
        "keyed" => keep(start, open_keyed(dir)?, PersistentStore::len),
        "json-small" => {
            let all: HashMap<String, u64> = serde_json::from_slice(&fs::read(dir.join("json"))?)?;
            keep(start, all, HashMap::len)
        }
        _ => {
            let all: HashMap<String, String> =
                serde_json::from_slice(&fs::read(dir.join("json"))?)?;
            keep(start, all, HashMap::len)
        }
    };
    println!("{entries} {}", peak()? - before);
    Ok(())
}

/// Says how long it took, before anything is dropped.
fn keep<T>(start: Stopwatch, what: T, len: impl FnOnce(&T) -> usize) -> usize {
    println!("{} {}", start.wall.elapsed().as_nanos(), start.cpu());
    let len = len(&what);
    // Taking it apart is not part of opening it.
    std::mem::forget(what);
    len
}

/// The most memory that this process ever had, in KiB.
fn peak() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Milliseconds, those of CPU time, and MB.
fn opened(kind: &str, dir: &Path, entries: usize) -> Outcome<[f64; 3]> {
    let output = Command::new(env::current_exe()?)
        .args(["open", kind])
        .arg(dir)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[wall, cpu, found, peak] = &words[..] else {
        return Err(format!(
            "opening failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    };
    if found.parse::<usize>()? != entries {
        return Err(format!("{found} entries were opened, and not {entries}").into());
    }
    let peak = peak.parse::<f64>()? * 1_024.0 / 1e6;
    Ok([wall.parse::<f64>()? / 1e6, cpu.parse::<f64>()? / 1e6, peak])
}

pub fn openings() -> Outcome<()> {
    println!(
        "\nopening, by what is in the log and the entries a line: ms; those of CPU time, and per MB of log; times as fast as"
    );
    println!(
        "serde_json reads the same into a HashMap (CPU time); MB of memory at most per MB of log (serde_json: of its file)"
    );
    for (kind, at_once) in OPENINGS {
        for entries in SIZES {
            let folder = tempfile::tempdir_in(".")?;
            let dir = folder.path();
            // More seeds than that are more than one commit may be.
            if kind == "keyed" && at_once > 1 && entries > 100_000 {
                continue;
            }
            let name = fill(kind, dir, entries, at_once)?;
            fill_json(dir, kind, entries)?;
            let megabytes = |name| fs::metadata(dir.join(name)).map(|file| file.len() as f64 / 1e6);
            let (log, json) = (megabytes(name)?, megabytes("json")?);
            let json_kind = if kind == "small" {
                "json-small"
            } else {
                "json"
            };
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..if entries > 100_000 { 3 } else { 9 } {
                ours.push(opened(kind, dir, entries)?);
                theirs.push(opened(json_kind, dir, entries)?);
            }
            let median = |all: &[[f64; 3]], figure: usize| {
                median(all.iter().map(|one| one[figure]).collect())
            };
            let (cpu, json_cpu) = (median(&ours, 1), median(&theirs, 1));
            println!(
                "  {kind:<6} {at_once:>3} a line, {entries:>7}: {log:6.1} MB {:8.1} ms, {cpu:8.1} of CPU {:6.2} ms/MB {:5.2} x as fast (serde_json {json_cpu:7.1} ms)  {:5.1} MB/MB (serde_json {:4.1})",
                median(&ours, 0),
                cpu / log,
                json_cpu / cpu,
                median(&ours, 2) / log,
                median(&theirs, 2) / json
            );
        }
    }
    Ok(())
}

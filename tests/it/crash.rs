//! A power cut, or a kill, at every step of every short workload: what was acknowledged is there
//! afterwards, what was not is there whole or not at all, and nothing else is.

use std::{slice, sync::atomic::Ordering::Relaxed};

use worsen::{Store, testing::SimulatedDisk};

use crate::{
    machine::{
        BUFFERED, Counts, History, How, LOCK, Op, PLAIN, Texts, check, copy, in_parallel, open,
        open_as,
    },
    support::{Random, sample, scale},
};

const OPS: [Op; 7] = [
    Op::Set("a"),
    Op::SetLong("b"),
    Op::Remove("a"),
    Op::Update("a"),
    Op::Group,
    Op::Compact,
    Op::Reopen,
];

/// How much of a write that the crash strikes still happens, in bytes.
const CUTS: [usize; 6] = [0, 1, 70, 512, 700, usize::MAX];

/// Every workload of one to `most` of these operations.
fn workloads(ops: &[Op], most: usize) -> Vec<Vec<Op>> {
    let mut all: Vec<Vec<Op>> = vec![vec![]];
    let mut newest = all.clone();
    for _ in 0..most {
        newest = newest
            .iter()
            .flat_map(|workload| {
                ops.iter().map(move |op| {
                    let mut longer = workload.clone();
                    longer.push(*op);
                    longer
                })
            })
            .collect();
        all.extend(newest.iter().cloned());
    }
    all.remove(0);
    all
}

/// What a run left behind: which revisions are certain, and which are possible.
struct Run {
    /// The state of each revision that was tried.
    history: History,
    /// The newest revision that was acknowledged.
    floor: usize,
    /// The newest one that a `sync` acknowledged.
    synced: usize,
    /// Where the last operation began, in mutations of the machine.
    last: usize,
}

/// Runs a workload until something fails. Where a crash is planned, it is what fails.
fn run(disk: &SimulatedDisk, workload: &[Op], how: How) -> Run {
    let mut run = Run {
        history: vec![Texts::new()],
        floor: 0,
        synced: 0,
        last: 0,
    };
    let Ok(mut opened) = open_as(disk, how) else {
        assert!(disk.has_crashed(), "a new store does not open");
        return run;
    };
    for (number, op) in workload.iter().enumerate() {
        run.last = disk.mutations();
        op.commits(number, &mut run.history);
        let (after, outcome) = opened.apply(*op, number, how);
        match outcome {
            Ok(()) => run.floor = run.history.len() - 1,
            Err(error) => {
                assert!(
                    disk.has_crashed(),
                    "{op:?} failed on a healthy disk: {error}"
                );
                return run;
            }
        }
        if matches!(op, Op::Sync | Op::Compact | Op::Reopen) {
            run.synced = run.floor;
        }
        let Some(after) = after else { return run };
        opened = after;
        let (revision, state) = opened.state();
        assert_eq!(revision as usize, run.floor, "after {op:?}");
        assert_eq!(Some(&state), run.history.last(), "after {op:?}");
    }
    run
}

/// Crashes a workload at every mutation of its last operation, and of closing the store after it.
fn crash_everywhere(
    workload: &[Op],
    how: How,
    cuts: &[usize],
    mut at_crash: impl FnMut(&SimulatedDisk, &Run, &dyn Fn() -> String),
) {
    let disk = SimulatedDisk::new();
    let whole = run(&disk, workload, how);
    // The first operation's crash points are all from the beginning: of creating the store, too.
    let from = if workload.len() == 1 { 0 } else { whole.last };
    for mutation in from..=disk.mutations() {
        for cut in cuts {
            let disk = SimulatedDisk::new();
            disk.crash_within(mutation, *cut);
            let run = run(&disk, workload, how);
            let what = || {
                format!(
                    "workload {workload:?}, crash at mutation {mutation}, {cut} bytes into it:\n{}",
                    disk.trace().join("\n")
                )
            };
            at_crash(&disk, &run, &what);
            let was_write = disk
                .trace()
                .iter()
                .any(|line| line.ends_with(": crash") && line.contains(": write "));
            if !was_write {
                break;
            }
        }
    }
}

#[test]
fn every_acknowledged_commit_survives_a_power_cut() {
    let counts = Counts::default();
    let seed = Random::seeded("power cut").below(u64::MAX);
    let limit = 150 * scale() as usize;
    in_parallel(&workloads(&OPS, 3), |workload| {
        counts.workloads.fetch_add(1, Relaxed);
        crash_everywhere(workload, PLAIN, &CUTS[..3], |disk, run, what| {
            counts.points.fetch_add(1, Relaxed);
            for (number, state) in disk.crash_states(limit, seed).enumerate() {
                counts.states.fetch_add(1, Relaxed);
                if number % 2 == 1 {
                    state.reset_shared_pages();
                }
                check(&state, slice::from_ref(&run.history), run.floor, what);
            }
        });
    });
    let states = counts.tell("power cut");
    assert!(
        states >= 30_000 / sample() as u64,
        "only {states} crash states"
    );
}

#[test]
fn every_write_survives_a_kill_even_a_buffered_one() {
    let counts = Counts::default();
    in_parallel(&workloads(&OPS, 3), |workload| {
        counts.workloads.fetch_add(1, Relaxed);
        for how in [PLAIN, BUFFERED] {
            crash_everywhere(workload, how, &CUTS, |disk, run, what| {
                counts.points.fetch_add(1, Relaxed);
                counts.states.fetch_add(1, Relaxed);
                check(
                    &disk.kill_process(),
                    slice::from_ref(&run.history),
                    run.floor,
                    what,
                );
            });
        }
    });
    counts.tell("kill");
}

#[test]
fn a_power_cut_takes_only_the_newest_of_buffered_writes() {
    let counts = Counts::default();
    let seed = Random::seeded("buffered").below(u64::MAX);
    let limit = 24 * scale() as usize;
    let ops = [
        Op::Set("a"),
        Op::SetLong("b"),
        Op::Group,
        Op::Sync,
        Op::Compact,
        Op::Reopen,
    ];
    in_parallel(&workloads(&ops, 3), |workload| {
        counts.workloads.fetch_add(1, Relaxed);
        crash_everywhere(workload, BUFFERED, &CUTS[..1], |disk, run, what| {
            counts.points.fetch_add(1, Relaxed);
            for state in disk.crash_states(limit, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, slice::from_ref(&run.history), run.synced, what);
            }
        });
    });
    counts.tell("buffered");
}

/// Two processes that have the store open, and an operation of one of them after the other.
fn run_two(disk: &SimulatedDisk, workload: &[(usize, Op)]) -> Run {
    let mut run = Run {
        history: vec![Texts::new()],
        floor: 0,
        synced: 0,
        last: 0,
    };
    let mut opened = Vec::new();
    for process in [disk.clone(), disk.new_process()] {
        match open(&process) {
            Ok(store) => opened.push(store),
            Err(_) => {
                assert!(disk.has_crashed(), "a new store does not open");
                return run;
            }
        }
    }
    for (number, (process, op)) in workload.iter().enumerate() {
        run.last = disk.mutations();
        op.commits(number, &mut run.history);
        if let Err(error) = opened[*process].run(*op, number) {
            assert!(
                disk.has_crashed(),
                "{op:?} failed on a healthy disk: {error}"
            );
            break;
        }
        run.floor = run.history.len() - 1;
        for (reader, opened) in opened.iter().enumerate() {
            let (revision, state) = opened.state();
            if disk.has_crashed() {
                // While the reader looked for what is new.
                break;
            }
            let what = || {
                let trace = disk.trace().join("\n");
                format!("process {reader} after number {number} of {workload:?}:\n{trace}")
            };
            assert_eq!(revision as usize, run.floor, "{}", what());
            assert_eq!(Some(&state), run.history.last(), "{}", what());
        }
    }
    // What anybody can see now, nothing may take back.
    for opened in &opened {
        let (revision, state) = opened.state();
        assert_eq!(run.history.get(revision as usize), Some(&state));
        run.floor = run.floor.max(revision as usize);
    }
    run
}

#[test]
fn two_processes_lose_nothing_in_a_power_cut() {
    let counts = Counts::default();
    let seed = Random::seeded("two processes").below(u64::MAX);
    let limit = 24 * scale() as usize;
    let ops: Vec<(usize, Op)> = [0, 1]
        .into_iter()
        .flat_map(|process| {
            [Op::Set("a"), Op::SetLong("b"), Op::Group, Op::Compact].map(|op| (process, op))
        })
        .collect();
    let all: Vec<Vec<(usize, Op)>> = combinations(&ops, 3);
    in_parallel(&all, |workload| {
        counts.workloads.fetch_add(1, Relaxed);
        let disk = SimulatedDisk::new();
        let whole = run_two(&disk, workload);
        for mutation in whole.last..=disk.mutations() {
            let disk = SimulatedDisk::new();
            disk.crash_at(mutation);
            let run = run_two(&disk, workload);
            counts.points.fetch_add(1, Relaxed);
            let what = || {
                format!(
                    "workload {workload:?}, crash at mutation {mutation}:\n{}",
                    disk.trace().join("\n")
                )
            };
            for state in disk.crash_states(limit, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, slice::from_ref(&run.history), run.floor, &what);
            }
        }
    });
    counts.tell("two processes");
}

/// Every list of exactly `length` of these.
fn combinations<T: Copy>(items: &[T], length: usize) -> Vec<Vec<T>> {
    (0..length).fold(vec![vec![]], |lists, _| {
        lists
            .iter()
            .flat_map(|list| {
                items.iter().map(move |item| {
                    let mut longer = list.clone();
                    longer.push(*item);
                    longer
                })
            })
            .collect()
    })
}

/// A process dies at every step of an operation. Another one, which had the store open or opens it now, does
/// an operation, and the power goes at every step of that.
#[test]
fn who_goes_on_after_a_killed_process_loses_nothing_in_a_power_cut() {
    let counts = Counts::default();
    let seed = Random::seeded("kill, then power cut").below(u64::MAX);
    let limit = 12 * scale() as usize;
    let mut all = Vec::new();
    for first in [Op::Set("a"), Op::SetLong("b"), Op::Group, Op::Compact] {
        for second in [Op::Set("c"), Op::SetLong("c"), Op::Compact] {
            for cut in [0, 70, usize::MAX] {
                all.extend([(first, second, cut, false), (first, second, cut, true)]);
            }
        }
    }
    in_parallel(&all, |job| {
        counts.workloads.fetch_add(1, Relaxed);
        let mut kill_at = 0;
        loop {
            let mut power_at = 0;
            let struck = loop {
                let (killed, cut) =
                    kill_then_cut_power(*job, kill_at, power_at, limit, seed, &counts);
                power_at += 1;
                if !cut {
                    break killed;
                }
            };
            kill_at += 1;
            if !struck {
                break;
            }
        }
    });
    counts.tell("kill, then power cut");
}

/// Whether the kill and the power cut came before everything was over.
fn kill_then_cut_power(
    (first, second, bytes, opens_late): (Op, Op, usize, bool),
    kill_at: usize,
    power_at: usize,
    limit: usize,
    seed: u64,
    counts: &Counts,
) -> (bool, bool) {
    let disk = SimulatedDisk::new();
    if kill_at % 2 == 1 {
        // A real process does nothing in memory after it was killed; this one may.
        disk.without_shared_pages();
    }
    let mut history = vec![Texts::new()];
    let dying = open(&disk).expect("a new store opens");
    Op::Set("x").commits(0, &mut history);
    dying
        .run(Op::Set("x"), 0)
        .expect("a healthy disk is written");
    let early = (!opens_late).then(|| open(&disk.new_process()).expect("it opens twice"));
    first.commits(1, &mut history);
    disk.crash_within(disk.mutations() + kill_at, bytes);
    let done = dying.run(first, 1).is_ok();
    let killed = disk.has_crashed();
    let heir = disk.kill_process();
    drop(dying);
    let least = if done { history.len() - 1 } else { 1 };
    let mut certain = least;
    // What the heir may have made of each state that the dead one may have left.
    let mut possible: Vec<History> = (least..history.len())
        .map(|revision| {
            let mut history = history[..=revision].to_vec();
            second.commits(2, &mut history);
            history
        })
        .collect();
    heir.crash_at(heir.mutations() + power_at);
    let store = match early {
        // A process of its own, on the same machine.
        Some(early) => Ok(early),
        None => open(&heir),
    };
    match &store {
        Ok(store) => {
            // What it shows has to last, also before it writes, and it has to show what it acknowledges.
            let (revision, state) = store.state();
            certain = certain.max(revision as usize);
            possible.retain(|history| history.get(revision as usize) == Some(&state));
            let outcome = store.run(second, 2);
            let (revision, state) = store.state();
            certain = certain.max(revision as usize);
            possible.retain(|history| history.get(revision as usize) == Some(&state));
            assert!(
                !possible.is_empty(),
                "revision {revision} was never written: {state:?}"
            );
            match outcome {
                Ok(()) => possible.retain(|history| history.len() == revision as usize + 1),
                Err(error) => assert!(heir.has_crashed(), "{second:?} failed: {error}"),
            }
            assert!(
                !possible.is_empty(),
                "{second:?} was acknowledged and is not shown"
            );
        }
        Err(error) => assert!(heir.has_crashed(), "does not open after a kill: {error}"),
    }
    let cut = heir.has_crashed();
    let what = || {
        format!(
            "{first:?} killed at {kill_at} ({bytes} bytes), then {second:?} (opens late: {opens_late}), power cut at {power_at}:\n{}",
            disk.trace().join("\n")
        )
    };
    counts.points.fetch_add(1, Relaxed);
    for (number, state) in heir.crash_states(limit, seed).enumerate() {
        counts.states.fetch_add(1, Relaxed);
        if number % 2 == 1 {
            state.reset_shared_pages();
        }
        check(&state, &possible, certain, &what);
    }
    (killed, cut)
}

/// Crashes an opening at every mutation, and the opening of each disk that leaves, `depth` deep.
fn crash_openings(
    disk: &SimulatedDisk,
    depth: usize,
    limit: usize,
    seed: u64,
    run: &Run,
    counts: &Counts,
    what: &dyn Fn() -> String,
) {
    let whole = copy(disk);
    drop(open(&whole));
    let steps = whole.mutations();
    for mutation in 0..steps {
        let disk = copy(disk);
        disk.crash_at(mutation);
        drop(open(&disk));
        counts.points.fetch_add(1, Relaxed);
        let what = || {
            format!(
                "{}\n--- an opening, crashed at mutation {mutation}:\n{}",
                what(),
                disk.trace().join("\n")
            )
        };
        for state in disk.crash_states(limit, seed) {
            if depth > 1 {
                crash_openings(&state, depth - 1, limit, seed, run, counts, &what);
            } else {
                counts.states.fetch_add(1, Relaxed);
                check(&state, slice::from_ref(&run.history), run.floor, &what);
            }
        }
    }
}

#[test]
fn a_recovery_that_crashes_three_times_loses_nothing() {
    let counts = Counts::default();
    let seed = Random::seeded("crash in recovery").below(u64::MAX);
    let ops = [Op::SetLong("b"), Op::Group, Op::Compact, Op::Reopen];
    let mut all = workloads(&ops, 2);
    all.retain(|workload| workload.len() == 2);
    let limit = 1 + scale() as usize;
    in_parallel(&all, |workload| {
        counts.workloads.fetch_add(1, Relaxed);
        let mut random = Random(seed ^ counts.workloads.load(Relaxed));
        crash_everywhere(workload, PLAIN, &CUTS[..1], |disk, run, what| {
            let states: Vec<SimulatedDisk> = disk.crash_states(64, seed).collect();
            if states.is_empty() {
                return;
            }
            // In CI a third of the crash points, another one each time.
            if scale() == 1 && random.below(3) > 0 {
                return;
            }
            for _ in 0..scale() {
                let state = &states[random.below(states.len() as u64) as usize];
                crash_openings(state, 3, limit, seed, run, &counts, what);
            }
        });
    });
    counts.tell("crash in recovery");
}

#[derive(Store)]
#[store(name = "fields")]
struct Fields {
    number: u64,
    text: String,
    list: Vec<u64>,
}

/// What one commit changes in several fields is there whole or not at all.
#[test]
fn an_update_of_several_fields_is_never_halved() {
    let counts = Counts::default();
    let seed = Random::seeded("several fields").below(u64::MAX);
    let open = |disk: &SimulatedDisk| {
        Fields::builder()
            .on(disk)
            .dir("/db")
            .seed(Fields {
                number: 0,
                text: "0".into(),
                list: vec![],
            })
            .open()
    };
    let run = |disk: &SimulatedDisk| -> u64 {
        let Ok(store) = open(disk) else { return 0 };
        for number in 1..4 {
            let update = store.update(move |fields| {
                fields.number = number;
                fields.text = format!("{number}");
                fields.list = (0..number * 100).collect();
            });
            if update.wait().is_err() {
                return number - 1;
            }
        }
        3
    };
    let disk = SimulatedDisk::new();
    assert_eq!(run(&disk), 3);
    for mutation in 0..disk.mutations() {
        let disk = SimulatedDisk::new();
        disk.crash_at(mutation);
        let certain = run(&disk);
        counts.points.fetch_add(1, Relaxed);
        for state in disk.crash_states(100 * scale() as usize, seed) {
            counts.states.fetch_add(1, Relaxed);
            let store = open(&state).expect("it opens after a crash");
            let fields = store.snapshot();
            assert!(fields.number >= certain);
            assert_eq!(fields.text, fields.number.to_string());
            assert_eq!(fields.list.len() as u64, fields.number * 100);
        }
    }
    counts.workloads.fetch_add(1, Relaxed);
    counts.tell("several fields");
}

/// One process dies between its append and its sync, the next one while it compacts what that left, and
/// a third one holds the lock: what was acknowledged before all that is read at once.
#[test]
fn a_compaction_that_nobody_may_see_yet_hides_nothing_that_was_acknowledged() {
    // The reader has the log open that is compacted, or an older one that is gone.
    for missed in [false, true] {
        hides_nothing(missed);
    }
}

fn hides_nothing(missed: bool) {
    for at in 0.. {
        let disk = SimulatedDisk::new();
        let reader = open(&disk.new_process()).expect("a new store opens");
        let writer = open(&disk.new_process()).expect("it opens twice");
        let (first, second) = (disk.new_process(), disk.new_process());
        let dead = open(&first).expect("it opens three times");
        let compactor = open(&second).expect("it opens four times");
        writer.set("a", "seen").expect("a healthy disk is written");
        assert_eq!(reader.state().1["a"], "seen");
        if missed {
            writer.compact_above.store(0, Relaxed);
            writer
                .set("a", "compacted")
                .expect("a healthy disk is written");
            writer.compact_above.store(u64::MAX, Relaxed);
        }
        writer
            .set("a", "acknowledged")
            .expect("a healthy disk is written");
        assert_eq!(dead.state(), compactor.state());

        // Its mutations are those of the backup, the log and the sync.
        disk.crash_at(disk.mutations() + 2);
        dead.set("b", "appended").expect_err("it is killed");
        drop(first.kill_process());
        compactor.compact_above.store(0, Relaxed);
        disk.crash_at(disk.mutations() + at);
        let outcome = compactor.set("c", "compacted");
        let has_crashed = disk.has_crashed();
        drop(second.kill_process());
        let _held = disk
            .new_process()
            .hold_lock(LOCK)
            .expect("the lock is free");

        let what = || format!("killed at {at}:\n{}", disk.trace().join("\n"));
        assert_eq!(reader.state().1["a"], "acknowledged", "{}", what());
        if !has_crashed {
            outcome.expect("nothing went wrong");
            assert!(at > 8, "a compaction has more steps than {at}");
            return;
        }
    }
}

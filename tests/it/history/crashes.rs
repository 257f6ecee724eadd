//! A power cut, or a kill, at every step of a workload with compactions: the past of whatever is left is what it was.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use worsen::testing::SimulatedDisk;

use super::{KEPT, at};
use crate::{
    machine::{History, Op, Texts, in_parallel, open_as},
    support::{Random, scale},
};

const WORKLOADS: &[&[Op]] = &[
    &[Op::Set("a"), Op::Compact],
    &[
        Op::SetLong("a"),
        Op::Group,
        Op::Compact,
        Op::Set("b"),
        Op::Compact,
    ],
    &[
        Op::Set("a"),
        Op::Compact,
        Op::Compact,
        Op::Remove("a"),
        Op::Reopen,
        Op::Compact,
    ],
    &[
        Op::Compact,
        Op::Update("a"),
        Op::Compact,
        Op::Update("a"),
        Op::Reopen,
    ],
];

/// Does all of it, as far as that goes: which states there were, and the newest that is certain.
fn run(disk: &SimulatedDisk, workload: &[Op]) -> (History, usize) {
    let mut history = vec![Texts::new()];
    let mut certain = 0;
    let Ok(mut opened) = open_as(disk, KEPT) else {
        assert!(disk.has_crashed());
        return (history, certain);
    };
    for (number, op) in workload.iter().enumerate() {
        op.commits(number, &mut history);
        let outcome = match op {
            Op::Compact => opened.store.compact_now().wait(),
            op => {
                let (after, outcome) = opened.apply(*op, number, KEPT);
                match after {
                    Some(after) => opened = after,
                    None => return (history, certain),
                }
                outcome
            }
        };
        if let Err(error) = outcome {
            assert!(disk.has_crashed(), "{op:?}: {error}");
            return (history, certain);
        }
        certain = history.len() - 1;
    }
    (history, certain)
}

/// The past from the beginning to what was acknowledged, and nothing that never was.
fn check(disk: &SimulatedDisk, history: &History, certain: usize, what: &dyn Fn() -> String) {
    let opened = open_as(disk, KEPT);
    let opened = opened.unwrap_or_else(|error| panic!("{error}\n{}", what()));
    let newest = opened.store.revision();
    let told = || format!("{}\nleft: {}", what(), disk.origin().unwrap_or_default());
    assert!(newest as usize >= certain, "{}", told());
    for round in 0..2 {
        let revisions = opened.store.history().revisions().unwrap();
        assert_eq!(revisions, [0..=newest], "{round}: {}", told());
        for revision in 0..=newest {
            assert_eq!(
                at(&opened, revision),
                history[revision as usize],
                "{}",
                told()
            );
        }
        let commits = opened.store.history().commits().unwrap();
        assert_eq!(commits.map(Result::unwrap).count() as u64, newest);
        // And it is kept from here on.
        opened.store.compact_now().wait().unwrap();
    }
}

#[test]
fn a_crash_while_a_generation_ends_takes_nothing_of_the_past() {
    let states = AtomicU64::new(0);
    let seed = Random::seeded("past").below(u64::MAX);
    let limit = 60 * scale() as usize;
    let jobs: Vec<(&[Op], usize)> = WORKLOADS
        .iter()
        .flat_map(|workload| {
            let disk = SimulatedDisk::new();
            run(&disk, workload);
            (0..=disk.mutations()).map(move |mutation| (*workload, mutation))
        })
        .collect();
    in_parallel(&jobs, |(workload, mutation)| {
        for bytes in [0, 70] {
            let disk = SimulatedDisk::new();
            disk.crash_within(*mutation, bytes);
            let (history, certain) = run(&disk, workload);
            let what = || {
                let trace = disk.trace().join("\n");
                format!("{workload:?}, crash at {mutation}, {bytes} bytes into it:\n{trace}")
            };
            for (number, state) in disk.crash_states(limit, seed).enumerate() {
                states.fetch_add(1, Relaxed);
                if number % 2 == 1 {
                    state.reset_shared_pages();
                }
                check(&state, &history, certain, &what);
            }
            check(&disk.kill_process(), &history, certain, &what);
        }
    });
    println!("past: {} crash states", states.load(Relaxed));
}

/// One process is killed at every step of a compaction, another one goes on, and the power goes.
#[test]
fn who_goes_on_after_a_killed_process_keeps_the_past() {
    let mut mutation = 0;
    loop {
        let disk = SimulatedDisk::new();
        let first = open_as(&disk, KEPT).unwrap();
        let second = disk.new_process();
        let other = open_as(&second, KEPT).unwrap();
        first.set("a", "0").unwrap();
        first.set("a", "1").unwrap();
        disk.crash_at(disk.mutations() + mutation);
        let outcome = first.store.compact_now().wait();
        drop(disk.kill_process());
        other.set("a", "2").unwrap();
        other.store.compact_now().wait().unwrap();
        other.set("a", "3").unwrap();
        for state in [second.clone()]
            .into_iter()
            .chain(second.crash_states(20, 1))
        {
            let opened = open_as(&state.new_process(), KEPT).unwrap();
            assert_eq!(opened.store.history().revisions().unwrap(), [0..=4]);
            for revision in 1..=4 {
                assert_eq!(at(&opened, revision)["a"], (revision - 1).to_string());
            }
        }
        if outcome.is_ok() {
            break;
        }
        mutation += 1;
    }
    assert!(mutation > 8, "a compaction has more steps than {mutation}");
}

//! The disk fails at every operation, in every way, once and for good: nothing is acknowledged that is
//! not kept, nothing is kept that was refused, and the store works again when the disk does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, atomic::Ordering::Relaxed},
};

use worsen::{
    Error, ErrorKind,
    testing::{Fault, Repeat, SimulatedDisk},
};

use crate::{
    machine::{Counts, History, LOCK, Op, Opened, Texts, check, in_parallel, open},
    support::{Random, scale},
};

/// What may be on disk, as far as the callers were told.
struct Known {
    possible: Vec<History>,
    /// The newest revision that was acknowledged or seen.
    certain: usize,
}

impl Known {
    fn new() -> Known {
        Known {
            possible: vec![vec![Texts::new()]],
            certain: 0,
        }
    }

    /// Every history in which this operation went on from a state that is possible now.
    fn with(&self, op: Op, number: usize) -> Vec<History> {
        let mut all: Vec<History> = Vec::new();
        for history in &self.possible {
            for revision in self.certain..history.len() {
                let mut history = history[..=revision].to_vec();
                op.commits(number, &mut history);
                if !all.contains(&history) {
                    all.push(history);
                }
            }
        }
        all
    }

    /// Somebody sees this state: it is certain from now on.
    fn see(&mut self, (revision, state): (u64, Texts), what: &str) {
        let revision = revision as usize;
        assert!(
            revision >= self.certain,
            "{what}: revision {revision} is seen, {} was certain",
            self.certain
        );
        self.possible
            .retain(|history| history.get(revision) == Some(&state));
        assert!(
            !self.possible.is_empty(),
            "{what}: revision {revision} was never written: {state:?}"
        );
        self.certain = revision;
    }

    /// Does an operation and takes in what its caller is told.
    fn run(&mut self, opened: &Opened, op: Op, number: usize) -> Result<(), Error> {
        let with = self.with(op, number);
        let before = opened.state();
        let outcome = opened.run(op, number);
        match &outcome {
            Ok(()) => {
                self.possible = with;
                let seen = opened.state();
                self.see(seen, &format!("{op:?} was acknowledged"));
                let newest = self.certain + 1;
                self.possible.retain(|history| history.len() == newest);
                assert!(
                    !self.possible.is_empty(),
                    "{op:?} was acknowledged and cannot be seen"
                );
            }
            Err(error) => {
                assert_eq!(
                    opened.state(),
                    before,
                    "{op:?} failed ({error}) and changed something"
                );
                if error.is_outcome_unknown() {
                    for history in with {
                        if !self.possible.contains(&history) {
                            self.possible.push(history);
                        }
                    }
                }
            }
        }
        outcome
    }
}

/// What is done, by which of two processes, while the disk fails. `Reopen` is the second process's
/// coming and going.
const SCENARIOS: [&[(usize, Op)]; 3] = [
    &[
        (0, Op::Set("a")),
        (0, Op::SetLong("b")),
        (0, Op::Reopen),
        (0, Op::Group),
        (0, Op::Compact),
        (0, Op::Remove("a")),
        (0, Op::Reopen),
        (0, Op::Update("c")),
        (0, Op::Set("a")),
    ],
    &[
        (0, Op::SetLong("b")),
        (1, Op::Set("a")),
        (0, Op::Compact),
        (1, Op::Group),
        (0, Op::Set("a")),
        (1, Op::Compact),
        (0, Op::Set("b")),
        (1, Op::Set("c")),
    ],
    &[
        (0, Op::Set("a")),
        (1, Op::Reopen),
        (1, Op::Set("b")),
        (0, Op::Reopen),
        (0, Op::SetLong("c")),
        (1, Op::SetLong("a")),
    ],
];

struct Two {
    processes: [SimulatedDisk; 2],
    opened: [Option<Opened>; 2],
    known: Known,
}

impl Two {
    fn new() -> Two {
        let disk = SimulatedDisk::new();
        Two {
            processes: [disk.clone(), disk.new_process()],
            opened: [None, None],
            known: Known::new(),
        }
    }

    fn disk(&self) -> &SimulatedDisk {
        &self.processes[0]
    }

    /// Opens it where it is not open. Twice, where the first fails: as a user would.
    fn open(&mut self, process: usize) -> Result<(), Error> {
        for _ in 0..2 {
            if self.opened[process].is_none() {
                let opened = match open(&self.processes[process]) {
                    Ok(opened) => opened,
                    Err(_) => continue,
                };
                self.known.see(opened.state(), "opening");
                self.opened[process] = Some(opened);
            }
        }
        match self.opened[process] {
            Some(_) => Ok(()),
            None => open(&self.processes[process]).map(drop),
        }
    }

    fn scenario(&mut self, scenario: &[(usize, Op)]) {
        for (number, (process, op)) in scenario.iter().enumerate() {
            if *op == Op::Reopen {
                self.opened[*process] = None;
            }
            if self.open(*process).is_err() {
                continue;
            }
            let Some(opened) = &self.opened[*process] else {
                continue;
            };
            match self.known.run(opened, *op, number) {
                Err(error) if error.kind() == ErrorKind::Poisoned || error.is_outcome_unknown() => {
                    // As the error says.
                    self.opened[*process] = None;
                }
                _ => {}
            }
        }
    }
}

fn fault_everywhere(
    fault: Fault,
    repeat: Repeat,
    scenario: &[(usize, Op)],
    seed: u64,
    counts: &Counts,
    failures: &Mutex<Vec<String>>,
) {
    // So many say what there is to say.
    const ENOUGH: usize = 20;
    let mut at = 0;
    while failures.lock().unwrap().len() < ENOUGH {
        let mut two = Two::new();
        let disk = two.disk().clone();
        if fault == Fault::LostSync {
            // A new directory whose name a sync has lost is beyond a store's reach: it cannot be
            // renamed into place once more as a file can.
            disk.write_file(LOCK, b"");
        }
        disk.fail(at, fault, repeat);
        let scenario = catch_unwind(AssertUnwindSafe(|| two.scenario(scenario)));
        if disk.faults_struck() == 0 && disk.operations() < at {
            break;
        }
        counts.workloads.fetch_add(1, Relaxed);
        if disk.faults_struck() > 0 {
            counts.points.fetch_add(1, Relaxed);
        }
        let what = || {
            format!(
                "{fault:?} {repeat:?} at operation {at}:\n{}",
                disk.trace().join("\n")
            )
        };
        let result = catch_unwind(AssertUnwindSafe(|| {
            if let Err(panic) = scenario {
                resume_unwind(panic);
            }
            // The power goes while the disk is ill.
            for state in disk.crash_states(2 * scale() as usize, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, &two.known.possible, two.known.certain, &what);
            }
            disk.clear_faults();
            // A lock that could not be released is released by its holder's next write.
            for opened in two.opened.iter().flatten() {
                drop(opened.sync());
            }
            for (round, process) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                // Without reopening where it is open, which a full disk must not force anybody to.
                two.open(process)
                    .unwrap_or_else(|error| panic!("does not open on a healthy disk: {error}"));
                let opened = two.opened[process].as_ref().expect("it was just opened");
                let outcome = two.known.run(opened, Op::Set("d"), 100 * round + process);
                let Err(error) = outcome else { continue };
                // A process that could not even unlock tries again before its own next write.
                let stuck = error.kind() == ErrorKind::LockTimeout && repeat == Repeat::ForGood;
                if stuck && round == 1 {
                    continue;
                }
                let excused = error.kind() == ErrorKind::Poisoned || error.is_outcome_unknown();
                assert!(excused, "not written on a healthy disk: {error}");
                assert!(
                    !matches!(fault, Fault::ShortRead | Fault::ShortWrite),
                    "poisoned by what is no error: {error}"
                );
                two.opened[process] = None;
                two.open(process)
                    .unwrap_or_else(|error| panic!("does not open on a healthy disk: {error}"));
                let opened = two.opened[process].as_ref().expect("it was just opened");
                two.known
                    .run(opened, Op::Set("d"), 1000 * round + process)
                    .unwrap_or_else(|error| {
                        panic!("not written after reopening on a healthy disk: {error}")
                    });
            }
            for state in disk.crash_states(4 * scale() as usize, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, &two.known.possible, two.known.certain, &what);
            }
        }));
        if let Err(panic) = result {
            let message = panic
                .downcast_ref::<String>()
                .map_or("a panic", String::as_str);
            failures
                .lock()
                .unwrap()
                .push(format!("{message}\n{}", what()));
        }
        at += 1;
    }
}

#[test]
fn a_disk_that_fails_anywhere_is_believed_nothing() {
    let counts = Counts::default();
    let seed = Random::seeded("faults").below(u64::MAX);
    let failures = Mutex::new(Vec::new());
    let mut all = Vec::new();
    for fault in Fault::ALL {
        for repeat in [Repeat::Once, Repeat::ForGood] {
            // For good it is nothing that happens.
            if !(fault == Fault::Interrupted && repeat == Repeat::ForGood) {
                all.extend(SCENARIOS.map(|scenario| (fault, repeat, scenario)));
            }
        }
    }
    in_parallel(&all, |(fault, repeat, scenario)| {
        fault_everywhere(*fault, *repeat, scenario, seed, &counts, &failures);
    });
    println!(
        "faults: {} runs, {} of them struck",
        counts.workloads.load(Relaxed),
        counts.points.load(Relaxed)
    );
    counts.tell("faults");
    let failures = failures.into_inner().unwrap();
    for failure in &failures {
        println!("{}", failure.lines().next().unwrap_or_default());
    }
    if let Some(first) = failures.first() {
        panic!("{} failures; the first:\n{first}", failures.len());
    }
}

/// A sync fails once, and the next one would succeed. It proves nothing, so none is made.
#[test]
fn a_sync_that_failed_once_is_not_tried_again() {
    let mut struck = 0;
    for at in 0.. {
        let disk = SimulatedDisk::new();
        let opened = open(&disk).expect("a new store opens");
        opened.set("a", "kept").expect("a healthy disk is written");
        let begin = disk.operations();
        disk.fail(at, Fault::LostSync, Repeat::Once);
        let outcome = opened.set("b", "lost");
        if disk.operations() <= begin + at {
            break;
        }
        if disk.faults_struck() == 0 {
            // No sync has this number.
            continue;
        }
        struck += 1;
        let error = outcome.expect_err("a failed sync was taken for a good one");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(opened.store.read("b"), None, "nobody sees it");
        let error = opened.set("c", "refused").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    }
    assert!(struck > 0, "a write has no sync");
}

/// A group that does not fit on the disk is undone in memory too: what comes later does not bring it up.
#[test]
fn a_write_that_did_not_fit_is_not_seen_with_a_later_one() {
    let mut undone = 0;
    for op in [Op::Set("a"), Op::SetLong("b"), Op::Group] {
        for at in 0.. {
            let disk = SimulatedDisk::new();
            let opened = open(&disk).expect("a new store opens");
            opened.set("x", "kept").expect("a healthy disk is written");
            let (revision, mut state) = opened.state();
            disk.fail(at, Fault::NoSpace, Repeat::Once);
            let outcome = opened.run(op, 1);
            if disk.faults_struck() == 0 {
                break;
            }
            disk.clear_faults();
            match outcome {
                Err(error) if !error.is_outcome_unknown() => {}
                // The write was over, or the sync has failed.
                _ => continue,
            }
            undone += 1;
            assert_eq!(opened.state(), (revision, state.clone()), "{op:?} at {at}");
            for uid in ["a", "b"] {
                // A closure does not see it either.
                let look = opened.store.update(uid, |value| value.clone());
                let value = look.wait().expect("nothing is written");
                assert_eq!(value.as_ref(), state.get(uid), "{op:?} at {at}");
            }
            opened
                .set("y", "later")
                .expect("a healthy disk is written, without reopening");
            state.insert("y".into(), "later".into());
            let expected = (revision + 1, state);
            assert_eq!(opened.state(), expected, "{op:?} at {at}");
            drop(opened);
            let opened = open(&disk).expect("it opens again");
            assert_eq!(opened.state(), expected, "{op:?} at {at}");
        }
    }
    assert!(undone > 3, "only {undone} writes were undone");
}

/// First a part of a write, then none: nothing is left of it, and the store goes on as it is.
#[test]
fn a_disk_that_fills_up_within_a_write_needs_no_reopening_when_there_is_room_again() {
    let counts = Counts::default();
    let seed = Random::seeded("full disk").below(u64::MAX);
    let mut jobs = Vec::new();
    // A group first, and in every sample: what is left of one may be whole lines.
    for op in [Op::Group, Op::Set("a"), Op::SetLong("b"), Op::Compact] {
        for full in [Fault::NoSpace, Fault::Quota] {
            // Within the filling, and where the filling has run out.
            jobs.extend([(op, full, 1), (op, full, 25)]);
        }
    }
    in_parallel(&jobs, |(op, full, already)| {
        let (op, full, already) = (*op, *full, *already);
        for at in 0.. {
            let disk = SimulatedDisk::new();
            let opened = open(&disk).expect("a new store opens");
            let mut known = Known::new();
            for number in 0..already {
                known
                    .run(&opened, Op::SetLong("x"), number)
                    .expect("a healthy disk is written");
            }
            disk.fail(at, Fault::ShortWrite, Repeat::Once);
            disk.fail(at + 1, full, Repeat::Once);
            let begin = disk.trace().len();
            let outcome = known.run(&opened, op, 1000);
            if disk.faults_struck() == 0 {
                break;
            }
            counts.points.fetch_add(1, Relaxed);
            let trace = disk.trace()[begin..].join("\n");
            let what = || format!("{op:?} after {already}, {full:?} at {at}:\n{trace}");
            disk.clear_faults();
            for state in disk.crash_states(20, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, &known.possible, known.certain, &what);
            }
            let again = known.run(&opened, op, 1001);
            match again {
                Ok(()) => {}
                // Only a sync that failed leaves a doubt.
                Err(error) => {
                    let sync_failed = trace.lines().any(|line| {
                        line.contains("sync data") && line.ends_with(&format!("{full:?}"))
                    });
                    assert!(sync_failed, "{outcome:?}, then {error}\n{}", what());
                }
            }
            for state in disk.crash_states(20, seed) {
                counts.states.fetch_add(1, Relaxed);
                check(&state, &known.possible, known.certain, &what);
            }
        }
    });
    counts.tell("full disk");
}

/// A sync fails, has forgotten what it should have written, and the next one succeeds: the page cache
/// shows the commit, the disk does not have it.
#[test]
fn a_failed_sync_is_not_called_good_by_the_next_one() {
    for others in [false, true] {
        let disk = SimulatedDisk::new();
        let opened = open(&disk).expect("a new store opens");
        opened.set("a", "kept").expect("a healthy disk is written");
        let other = others.then(|| open(&disk.new_process()).expect("it opens twice"));
        let before = disk.mutations();
        // Whatever the write does before its sync, no sync comes before that one.
        disk.fail(0, Fault::LostSync, Repeat::ForGood);
        let error = opened.set("b", "lost").unwrap_err();
        disk.clear_faults();
        assert!(disk.mutations() > before);
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(
            opened.store.read("b"),
            None,
            "nobody sees what may not last"
        );
        let error = opened.set("c", "refused").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
        let next = match other {
            Some(other) => other,
            None => {
                drop(opened);
                open(&disk).expect("it opens when the disk is healthy")
            }
        };
        next.set("d", "acknowledged")
            .expect("a healthy disk is written");
        let (revision, state) = next.state();
        for left in disk.crash_states(100, 1) {
            let opened = open(&left).expect("it opens after a crash");
            assert_eq!(opened.state(), (revision, state.clone()));
        }
    }
}

/// A second log has no room, the commit has.
#[test]
fn a_full_disk_takes_what_fits_although_a_compaction_is_due() {
    let fill = |opened: &Opened| {
        for number in 0..8 {
            opened
                .set("a", &number.to_string().repeat(200))
                .expect("a healthy disk is written");
        }
    };
    let ready = || {
        let disk = SimulatedDisk::new();
        let opened = open(&disk).expect("a new store opens");
        fill(&opened);
        opened.compact_above.store(1000, Relaxed);
        (disk, opened)
    };
    // Where the new log is created, written and synced.
    let place = |what: &str| {
        let (disk, opened) = ready();
        let begin = disk.trace().len();
        opened.set("b", "1").expect("a healthy disk is written");
        let at = disk.trace()[begin..]
            .iter()
            .position(|line| line.contains(what) && line.contains("s.db.new"));
        at.unwrap_or_else(|| panic!("{what}:\n{}", disk.trace()[begin..].join("\n")))
    };
    // Some systems refuse to move a file over one that somebody has open.
    for (what, fault) in [
        ("open", Fault::NoSpace),
        ("write", Fault::NoSpace),
        ("sync", Fault::NoSpace),
        ("rename", Fault::Access),
        ("rename", Fault::Io),
    ] {
        let at = place(what);
        let (disk, opened) = ready();
        disk.fail(at, fault, Repeat::Once);
        opened.set("b", "1").expect("the commit has room");
        assert_eq!(disk.faults_struck(), 1, "{what}");
        let begin = disk.trace().len();
        opened.set("b", "2").expect("the commit has room");
        let again = disk.trace()[begin..].join("\n");
        assert!(
            !again.contains("open /db/s.db.new"),
            "tried at every write:\n{again}"
        );
        let begin = disk.trace().len();
        fill(&opened);
        let later = disk.trace()[begin..].join("\n");
        assert!(later.contains("open /db/s.db.new"), "never again:\n{later}");
        assert_eq!(opened.state().1["b"], "2");
    }
}

#[test]
fn a_compaction_whose_backup_cannot_be_moved_refuses_no_write() {
    let ready = || {
        let disk = SimulatedDisk::new();
        let opened = open(&disk).expect("a new store opens");
        for number in 0..8 {
            let text = number.to_string().repeat(200);
            opened.set("a", &text).expect("a healthy disk is written");
        }
        opened.compact_above.store(1000, Relaxed);
        (disk, opened)
    };
    let (disk, opened) = ready();
    let begin = disk.trace().len();
    opened.set("b", "1").expect("a healthy disk is written");
    let trace = disk.trace();
    let at = trace[begin..]
        .iter()
        .position(|line| line.contains("rename") && line.contains("s.cache.db.new"))
        .unwrap_or_else(|| panic!("{}", trace[begin..].join("\n")));
    let (disk, opened) = ready();
    disk.fail(at, Fault::Access, Repeat::Once);
    opened.set("b", "1").expect("the log is as good as ever");
    assert_eq!(disk.faults_struck(), 1);
    opened.set("b", "2").expect("the log is as good as ever");
    drop(opened);
    // And there is a backup again, one write behind.
    assert!(disk.remove_file("/db/s.db"));
    let opened = open(&disk).expect("it is restored");
    assert_eq!(opened.state().1["b"], "1");
}

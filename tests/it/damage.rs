//! Bytes change that nobody wrote: flipped, zeroed, dropped, doubled, cut off, exchanged; with the store
//! closed and while it is open. It is noticed, and nothing is lost that one of the two files holds.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use worsen::{
    ErrorKind, Repair,
    testing::{Fault, Repeat, SimulatedDisk},
};

use crate::{
    machine::{
        BACKUP, BUFFERED, Counts, History, LOG, Op, Opened, PLAIN, READ_ONLY, SALVAGE, Texts,
        check, copy, disk_with, in_parallel, open, open_as,
    },
    support::{Random, scale},
};

const SECTOR: usize = 512;

/// The two files of a store, and what they hold.
struct Files {
    name: &'static str,
    log: Vec<u8>,
    backup: Vec<u8>,
    history: History,
    /// The revision before the newest write: the backup holds it for certain.
    before: usize,
}

impl Files {
    fn newest(&self) -> usize {
        self.history.len() - 1
    }
}

/// What these operations leave, closed or as a killed process leaves it.
fn files(name: &'static str, ops: &[Op], closed: bool) -> Files {
    let disk = SimulatedDisk::new();
    let mut history = vec![Texts::new()];
    let mut before = 0;
    let mut opened = Some(open(&disk).expect("a new store opens"));
    for (number, op) in ops.iter().enumerate() {
        let length = history.len();
        op.commits(number, &mut history);
        if history.len() > length {
            before = length - 1;
        }
        let (after, outcome) = opened.take().expect("it is open").apply(*op, number, PLAIN);
        outcome.expect("a healthy disk is written");
        opened = after;
    }
    if closed {
        drop(opened);
    }
    Files {
        name,
        log: disk.read_file(LOG).expect("there is a log"),
        backup: disk.read_file(BACKUP).expect("there is a backup"),
        history,
        before,
    }
}

fn all_files() -> Vec<Files> {
    let some = [
        Op::Set("a"),
        Op::SetLong("b"),
        Op::Remove("a"),
        Op::Set("c"),
        Op::Update("c"),
    ];
    let compacted = [
        Op::Set("a"),
        Op::SetLong("b"),
        Op::Compact,
        Op::Set("c"),
        Op::SetLong("a"),
    ];
    let group = [Op::Set("x"), Op::SetLong("x"), Op::Group];
    vec![
        files("closed", &some, true),
        files("open", &some, false),
        files("compacted", &compacted, true),
        files("just compacted", &compacted[..3], true),
        files("a group at the end", &group, true),
        files("empty", &[], true),
    ]
}

/// Opens damaged files, and checks what it says and does. Whether it refused.
fn look(
    files: &Files,
    log: &[u8],
    backup: &[u8],
    at_most: Loss,
    thorough: bool,
    what: &dyn Fn() -> String,
) -> bool {
    let disk = disk_with(Some(log), Some(backup));
    let fail = |problem: String| -> ! { panic!("{problem}\n{}: {}", files.name, what()) };
    // A process that may not write sees no wrong value either, and says no more than that it cannot read.
    if thorough {
        if let Ok(reader) = open_as(&disk, READ_ONLY) {
            let (revision, state) = reader.state();
            if files.history.get(revision as usize) != Some(&state) {
                fail(format!("a reader sees revision {revision} as {state:?}"));
            }
        }
        if disk.read_file(LOG).as_deref() != Some(log) {
            fail("a reader changed the log".into());
        }
    }
    let opened = match open(&disk) {
        Ok(opened) => opened,
        Err(error) => {
            if at_most != Loss::Anything {
                fail(format!("refused: {error}"));
            }
            if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAStore) {
                fail(format!("refused with the wrong kind of error: {error}"));
            }
            if disk.read_file(LOG).as_deref() != Some(log) {
                fail("refused, and changed the log".into());
            }
            salvage(files, &disk, log, what);
            return true;
        }
    };
    let (revision, state) = opened.state();
    let found = revision as usize;
    let repairs = opened.store.recovered();
    if files.history.get(found) != Some(&state) {
        fail(format!("revision {found} was never {state:?}"));
    }
    let least = match at_most {
        Loss::Nothing => files.newest(),
        Loss::Newest => files.before,
        Loss::Anything => 0,
    };
    if found < least {
        fail(format!(
            "only revision {found} of {} is left, {repairs:?}",
            files.newest()
        ));
    }
    let is_told = repairs.may_have_lost()
        || (repairs.repairs().iter()).any(|repair| matches!(repair, Repair::CutOff { .. }));
    if found < files.newest() && !is_told {
        // Whole lines and nothing behind them: but for the shared page, which is new here, nobody can
        // know that there were more.
        let kept = trimmed(log).len();
        let is_whole = files.log.starts_with(trimmed(log)) && files.log[kept] == b'\n';
        if !is_whole {
            fail(format!(
                "revision {found} of {} is left, and nothing is said",
                files.newest()
            ));
        }
    }
    for repair in repairs.repairs() {
        let (kept, of) = match repair {
            Repair::Mended { kept, .. }
            | Repair::Salvaged { kept, .. }
            | Repair::CutOff { kept, .. } => (kept, log),
            Repair::BackupRenewed { kept } => (kept, backup),
            _ => continue,
        };
        match kept {
            Some(path) if disk.read_file(path).as_deref() != Some(of) => {
                fail(format!("{} is not what was found", path.display()));
            }
            None if matches!(
                repair,
                Repair::Mended { .. }
                    | Repair::CutOff {
                        acknowledged: true,
                        ..
                    }
            ) =>
            {
                fail(format!("what was found is not kept: {repair:?}"));
            }
            _ => {}
        }
    }
    if thorough {
        drop(opened);
        check(&disk, std::slice::from_ref(&files.history), found, what);
    }
    false
}

/// How much may be gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    Nothing,
    /// The newest write, which only the log has.
    Newest,
    /// Anything, or all of it be refused. But nothing be invented.
    Anything,
}

/// What `.salvage()` makes of it: a store, with no value that was never there.
fn salvage(files: &Files, disk: &SimulatedDisk, log: &[u8], what: &dyn Fn() -> String) {
    let opened = open_as(disk, SALVAGE);
    let opened = match opened {
        Ok(opened) => opened,
        // Files of nobody are nobody's to salvage.
        Err(error) if error.kind() == ErrorKind::NotAStore => return,
        Err(error) => panic!("not salvaged: {error}\n{}", what()),
    };
    let (_, state) = opened.state();
    for (uid, text) in &state {
        let known = files
            .history
            .iter()
            .any(|state| state.get(uid) == Some(text));
        assert!(
            known,
            "salvaged {uid}: {text}, which was never there\n{}",
            what()
        );
    }
    assert!(opened.store.recovered().may_have_lost(), "{}", what());
    let kept = disk.files().iter().any(|path| {
        path.to_string_lossy().contains("damaged") && disk.read_file(path).as_deref() == Some(log)
    });
    assert!(
        kept || trimmed(log).is_empty(),
        "what was found is not kept: {}",
        what()
    );
    opened
        .set("after", "salvage")
        .expect("what was salvaged is written");
    drop(opened);
    let opened = open(disk).expect("what was salvaged opens");
    assert!(
        opened.store.recovered().is_empty(),
        "{:?}",
        opened.store.recovered()
    );
    let mut expected = state;
    expected.insert("after".into(), "salvage".into());
    assert_eq!(opened.state().1, expected);
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, 0 | b' ' | b'\n');
    let end = bytes
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Every damage of a kind to a file, in words and bytes.
type Damages = Vec<(String, Vec<u8>)>;

fn flips(bytes: &[u8], bits: &[u8]) -> Damages {
    let mut all = Vec::new();
    // Of the filling, only the beginning.
    for at in 0..bytes.len().min(trimmed(bytes).len() + 40) {
        for bit in bits {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            all.push((format!("byte {at}, bit {bit} flipped"), flipped));
        }
    }
    all
}

fn cuts(bytes: &[u8]) -> Damages {
    (0..bytes.len().min(trimmed(bytes).len() + 2))
        .map(|at| (format!("cut at {at}"), bytes[..at].to_vec()))
        .collect()
}

fn sectors(bytes: &[u8], random: &mut Random) -> Damages {
    let mut all = Vec::new();
    let count = trimmed(bytes).len().div_ceil(SECTOR);
    for sector in 0..count {
        let from = sector * SECTOR;
        let to = (from + SECTOR).min(bytes.len());
        let with = |piece: &[u8]| [&bytes[..from], piece, &bytes[to..]].concat();
        let noise: Vec<u8> = (from..to).map(|_| random.below(256) as u8).collect();
        all.push((format!("sector {sector} zeroed"), with(&vec![0; to - from])));
        all.push((
            format!("sector {sector} blank"),
            with(&vec![b' '; to - from]),
        ));
        all.push((format!("sector {sector} dropped"), with(&[])));
        all.push((
            format!("sector {sector} doubled"),
            with(&bytes[from..to].repeat(2)),
        ));
        all.push((format!("sector {sector} noise"), with(&noise)));
        for other in 0..count {
            let start = other * SECTOR;
            let end = (start + SECTOR).min(bytes.len());
            if other != sector && end - start == to - from {
                let moved = with(&bytes[start..end]);
                all.push((format!("sector {other} in the place of {sector}"), moved));
            }
        }
    }
    all
}

fn lines(bytes: &[u8]) -> Damages {
    let lines: Vec<&[u8]> = trimmed(bytes)
        .split_inclusive(|byte| *byte == b'\n')
        .collect();
    let mut all = Vec::new();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        all.push((format!("line {at} dropped"), without.concat()));
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        all.push((format!("line {at} doubled"), doubled.concat()));
        if at > 0 {
            let mut swapped = lines.clone();
            swapped.swap(at - 1, at);
            all.push((
                format!("lines {} and {at} exchanged", at - 1),
                swapped.concat(),
            ));
        }
    }
    all
}

#[test]
fn damage_to_one_file_costs_the_newest_write_at_most() {
    let counts = Counts::default();
    let mut random = Random::seeded("damage");
    let mut jobs = Vec::new();
    let all = all_files();
    for files in &all {
        // Every bit where it is cheap, and always the one that turns digits into digits.
        let bits: Vec<u8> = match files.name {
            "closed" | "compacted" => (0..8).collect(),
            _ if scale() > 1 => (0..8).collect(),
            _ => vec![0, random.below(8) as u8],
        };
        for (is_log, bytes) in [(true, &files.log), (false, &files.backup)] {
            for damages in [
                flips(bytes, &bits),
                cuts(bytes),
                sectors(bytes, &mut random),
                lines(bytes),
            ] {
                for (number, (what, damaged)) in damages.into_iter().enumerate() {
                    jobs.push((files, is_log, number % 5 == 0, what, damaged));
                }
            }
        }
    }
    let recovered = AtomicU64::new(0);
    in_parallel(&jobs, |(files, is_log, thorough, what, damaged)| {
        counts.states.fetch_add(1, Relaxed);
        let what = || format!("{}: {what}", if *is_log { LOG } else { BACKUP });
        let refused = if *is_log {
            look(
                files,
                damaged,
                &files.backup,
                Loss::Newest,
                *thorough,
                &what,
            )
        } else {
            look(files, &files.log, damaged, Loss::Nothing, *thorough, &what)
        };
        recovered.fetch_add(u64::from(!refused), Relaxed);
    });
    println!(
        "damage to one file: {} damages, 0 wrong values",
        counts.states.load(Relaxed)
    );
}

#[test]
fn damage_to_both_files_is_never_taken_for_good() {
    let mut random = Random::seeded("damage to both");
    let all = all_files();
    let mut jobs = Vec::new();
    for files in &all {
        let mut of_log = [
            flips(&files.log, &[0, 4]),
            cuts(&files.log),
            sectors(&files.log, &mut random),
            lines(&files.log),
        ]
        .concat();
        let mut of_backup = [
            flips(&files.backup, &[1]),
            cuts(&files.backup),
            sectors(&files.backup, &mut random),
            lines(&files.backup),
        ]
        .concat();
        of_log.push(("empty".into(), vec![]));
        of_backup.push(("empty".into(), vec![]));
        for _ in 0..3000 * scale() {
            let log = of_log[random.below(of_log.len() as u64) as usize].clone();
            let backup = of_backup[random.below(of_backup.len() as u64) as usize].clone();
            jobs.push((files, log, backup));
        }
        // The same damage in both.
        for (log, backup) in flips(&files.log, &[2])
            .into_iter()
            .zip(flips(&files.backup, &[2]))
        {
            jobs.push((files, log, backup));
        }
    }
    let refused = AtomicU64::new(0);
    in_parallel(&jobs, |(files, (log_what, log), (backup_what, backup))| {
        let what = || format!("log: {log_what}, backup: {backup_what}");
        let no = look(files, log, backup, Loss::Anything, false, &what);
        refused.fetch_add(u64::from(no), Relaxed);
    });
    println!(
        "damage to both files: {} damages, {} refused and salvaged, 0 wrong values",
        jobs.len(),
        refused.load(Relaxed)
    );
}

/// Files, what is wrong with them, and the log and the backup as they are then.
type Job<'a> = (&'a Files, String, Option<Vec<u8>>, Option<Vec<u8>>);

/// A recovery dies at every step, another process finishes it and writes, and then the power goes.
#[test]
fn a_recovery_that_is_killed_and_finished_by_another_process_loses_nothing() {
    let counts = Counts::default();
    let seed = Random::seeded("killed recovery").below(u64::MAX);
    let all = all_files();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for files in &all {
        let (log, backup) = (Some(files.log.clone()), Some(files.backup.clone()));
        jobs.push((files, "log deleted".into(), None, backup.clone()));
        jobs.push((files, "log emptied".into(), Some(vec![]), backup.clone()));
        jobs.push((files, "backup deleted".into(), log.clone(), None));
        jobs.push((files, "backup emptied".into(), log, Some(vec![])));
        for at in [5, 130, 300, 700] {
            let mut flipped = files.log.clone();
            if at < flipped.len() {
                flipped[at] ^= 1;
                jobs.push((
                    files,
                    format!("byte {at} flipped"),
                    Some(flipped),
                    backup.clone(),
                ));
            }
        }
        let cut = files.log[..trimmed(&files.log).len() - 30].to_vec();
        jobs.push((files, "newest line cut".into(), Some(cut), backup));
    }
    in_parallel(&jobs, |(files, damage, log, backup)| {
        counts.workloads.fetch_add(1, Relaxed);
        let fresh = || {
            let disk = disk_with(log.as_deref(), backup.as_deref());
            // What a process does in memory after it was killed here, a real one does not.
            disk.without_shared_pages();
            disk
        };
        let whole = fresh();
        drop(open(&whole));
        for kill_at in 0..=whole.mutations() {
            for bytes in [0, 70, usize::MAX] {
                let disk = fresh();
                disk.crash_within(kill_at, bytes);
                drop(open(&disk));
                let heir = disk.kill_process();
                let what = || {
                    let trace = disk.trace().join("\n");
                    format!(
                        "{}: {damage}, killed at {kill_at}, {bytes} bytes:\n{trace}",
                        files.name
                    )
                };
                counts.points.fetch_add(1, Relaxed);
                let opened = open(&heir).unwrap_or_else(|error| panic!("{error}\n{}", what()));
                let found = opened.state().0 as usize;
                assert!(
                    found >= files.before,
                    "only revision {found} is left: {}",
                    what()
                );
                let mut history = files.history[..=found].to_vec();
                assert_eq!(history.last(), Some(&opened.state().1), "{}", what());
                Op::Set("heir").commits(9, &mut history);
                opened
                    .run(Op::Set("heir"), 9)
                    .unwrap_or_else(|error| panic!("{error}\n{}", what()));
                for state in heir.crash_states(30 * scale() as usize, seed) {
                    counts.states.fetch_add(1, Relaxed);
                    check(
                        &state,
                        std::slice::from_ref(&history),
                        history.len() - 1,
                        &what,
                    );
                }
            }
        }
    });
    counts.tell("killed recovery");
}

/// The same machine, twice from the same moment on: two lives that number their revisions alike.
#[test]
fn a_line_of_another_life_is_not_taken_for_the_next_one() {
    let begun = SimulatedDisk::new();
    let opened = open(&begun).expect("a new store opens");
    opened.set("a", "begun").expect("a healthy disk is written");
    drop(opened);
    let log_of = |life: &str| {
        let disk = copy_of(&begun);
        let opened = open(&disk).expect("it opens");
        opened.set("a", life).expect("a healthy disk is written");
        opened.set("b", life).expect("a healthy disk is written");
        drop(opened);
        disk.read_file(LOG).expect("there is a log")
    };
    let (one, other) = (log_of("one"), log_of("another"));
    let mut lines: Vec<&[u8]> = one.split_inclusive(|byte| *byte == b'\n').collect();
    let newest = other.split_inclusive(|byte| *byte == b'\n').next_back();
    lines.pop();
    lines.extend(newest);
    let disk = disk_with(Some(&lines.concat()), None);
    let opened = open(&disk).expect("it opens up to the line");
    let expected = Texts::from([("a".into(), "one".into())]);
    assert_eq!(opened.state(), (2, expected));
    assert!(opened.store.recovered().may_have_lost(), "and it is told");
}

/// Somebody puts an old copy of the log in its place, and the backup has gone on.
#[test]
fn a_backup_of_a_later_life_does_not_condemn_an_older_log() {
    let disk = SimulatedDisk::new();
    let opened = open(&disk).expect("a new store opens");
    opened.set("a", "old").expect("a healthy disk is written");
    let old = disk.read_file(LOG).expect("there is a log");
    opened.compact().expect("a healthy disk is written");
    for number in 0..10 {
        let op = Op::SetLong("b");
        opened.run(op, number).expect("a healthy disk is written");
    }
    let backup = disk.read_file(BACKUP).expect("there is a backup");
    let put_back = disk_with(Some(&old), Some(&backup));
    let opened = open(&put_back).expect("an old copy opens");
    let expected = Texts::from([("a".into(), "old".into())]);
    assert_eq!(opened.state(), (1, expected));
    assert!(opened.store.recovered().may_have_lost(), "and it is told");
    let kept = put_back.files().iter().any(|path| {
        path.to_string_lossy().contains("damaged")
            && put_back.read_file(path).as_ref() == Some(&backup)
    });
    assert!(kept, "the backup that knew more is kept");
}

/// The lock file is deleted, and a process that opens the store after that locks another one. The process that
/// was there before waits for that lock, too.
#[test]
fn a_lock_on_a_deleted_file_is_no_lock() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).expect("a new store opens");
    one.set("a", "before").expect("a healthy disk is written");
    assert!(disk.remove_file(crate::machine::LOCK));
    let other = open(&disk.new_process()).expect("it opens twice");
    let during = other.store.update("b", move |text| {
        *text = Some("during".into());
        // Not this thread, which must not write inside a write.
        let tried = std::thread::spawn(move || (one.set("a", "meanwhile"), one));
        tried.join().expect("it does not panic")
    });
    let (outcome, one) = during.wait().expect("a healthy disk is written");
    let error = outcome.expect_err("two processes had the lock");
    assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error}");
    one.set("a", "after").expect("the lock is free by now");
    assert_eq!(one.state(), other.state());
    let expected = [("a", "after"), ("b", "during")];
    let expected = expected.map(|(uid, text)| (uid.into(), text.into()));
    assert_eq!(one.state(), (3, Texts::from(expected)));
    // Reads look into memory again, and no further.
    let reads_memory = || {
        let begin = disk.operations();
        assert_eq!(one.store.read("a").as_deref(), Some("after"));
        disk.operations() == begin
    };
    // From time to time one looks at the files, to see whether they are still those.
    assert!((0..100).any(|_| reads_memory()));
    other.set("b", "again").expect("a healthy disk is written");
    assert_eq!(one.store.read("b").as_deref(), Some("again"));
}

/// A sync has failed, and the lock file in which that is noted is deleted.
#[test]
fn a_failed_sync_is_not_forgotten_with_the_lock_file() {
    let disk = SimulatedDisk::new();
    let one = open(&disk).expect("a new store opens");
    one.set("a", "kept").expect("a healthy disk is written");
    let other = open_as(&disk.new_process(), BUFFERED).expect("it opens twice");
    disk.fail(0, Fault::LostSync, Repeat::ForGood);
    let error = one.set("b", "lost").unwrap_err();
    disk.clear_faults();
    assert!(error.is_outcome_unknown(), "{error}");
    assert!(disk.remove_file(crate::machine::LOCK));
    other.set("c", "1").expect("a healthy disk is written");
    // The system tells no later process that a sync has failed.
    let newcomer = open(&disk.new_process()).expect("it opens once more");
    newcomer.set("d", "1").expect("a healthy disk is written");
    let (revision, state) = newcomer.state();
    for left in disk.crash_states(100, 1) {
        let opened = open(&left).expect("it opens after a crash");
        assert_eq!(opened.state(), (revision, state.clone()));
    }
}

/// An old copy is written into the log, not put in its place, the lock file is deleted, and another process
/// goes on from there. The process that has the store open finds blanks where its own tail was, as if nothing
/// had been written.
#[test]
fn an_old_copy_that_is_written_into_an_open_log_is_noticed() {
    let disk = SimulatedDisk::new();
    let opened = open(&disk).expect("a new store opens");
    opened.set("a", "old").expect("a healthy disk is written");
    let old = disk.read_file(LOG).expect("there is a log");
    let long = Op::SetLong("b");
    opened.run(long, 1).expect("a healthy disk is written");
    opened.run(long, 2).expect("a healthy disk is written");
    disk.write_file(LOG, &old);
    assert!(disk.remove_file(BACKUP) && disk.remove_file(crate::machine::LOCK));
    let newcomer = open(&disk.new_process()).expect("it opens twice");
    newcomer.set("c", "new").expect("a healthy disk is written");
    let error = opened.set("d", "lost").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    newcomer.set("e", "newer").expect("it is not disturbed");
    let state = newcomer.state();
    let expected = [("a", "old"), ("c", "new"), ("e", "newer")];
    let expected = expected.map(|(uid, text)| (uid.into(), text.into()));
    assert_eq!(state, (3, Texts::from(expected)));
    drop((opened, newcomer));
    let opened = open(&disk).expect("it opens again");
    assert_eq!(opened.state(), state);
    assert!(opened.store.recovered().is_empty());
}

/// A compaction was killed, and what it had written is longer than what the next one writes.
#[test]
fn nothing_of_a_half_written_file_gets_into_the_next_one() {
    let disk = SimulatedDisk::new();
    let opened = open(&disk).expect("a new store opens");
    opened.set("a", "kept").expect("a healthy disk is written");
    let line = br#"{"rev":2,"at":"","pid":1,"set":{"a":"left over"},"crc":"00000000"}"#;
    for path in [LOG, BACKUP] {
        disk.write_file(
            format!("{path}.new"),
            [&line[..], b"\n"].concat().repeat(50),
        );
    }
    opened.compact().expect("a healthy disk is written");
    let left_over = |path| {
        let bytes = disk.read_file(path).expect("it is there");
        contains(&bytes, b"left over")
    };
    assert!(!left_over(LOG), "in the log");
    assert!(!left_over(BACKUP), "in the backup");
    opened.set("b", "after").expect("a healthy disk is written");
    let state = opened.state();
    drop(opened);
    let opened = open(&disk).expect("it opens again");
    assert_eq!(opened.state(), state);
    assert!(opened.store.recovered().is_empty());
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// What happens to the files behind the back of a process that has them open.
#[derive(Debug, Clone)]
enum Behind {
    /// The same file has another content.
    Content(&'static str, Vec<u8>),
    /// Another file stands at the path.
    File(&'static str, Vec<u8>),
    Deleted(&'static str),
}

impl Behind {
    fn happen(&self, disk: &SimulatedDisk) {
        match self {
            Behind::Content(path, bytes) => disk.write_file(path, bytes),
            Behind::File(path, bytes) => {
                disk.write_file("/db/other", bytes);
                assert!(disk.move_file("/db/other", path), "it can be moved");
            }
            Behind::Deleted(path) => assert!(disk.remove_file(path)),
        }
    }
}

const WRITES: usize = 4;

/// The content of both files, by their paths.
type Copied = BTreeMap<&'static str, Vec<u8>>;

/// A store that is open, with its history, and the files as they were after each write.
fn live() -> (SimulatedDisk, Opened, History, Vec<Copied>) {
    let disk = SimulatedDisk::new();
    let opened = open(&disk).expect("a new store opens");
    let mut history = vec![Texts::new()];
    let mut copies = Vec::new();
    for number in 0..WRITES {
        let op = if number == 2 {
            Op::SetLong("b")
        } else {
            Op::Update("a")
        };
        op.commits(number, &mut history);
        opened.run(op, number).expect("a healthy disk is written");
        copies.push(
            [LOG, BACKUP]
                .map(|path| (path, disk.read_file(path).expect("it is there")))
                .into(),
        );
    }
    (disk, opened, history, copies)
}

fn behinds(copies: &[Copied]) -> Vec<Vec<Behind>> {
    let log = &copies[WRITES - 1][LOG];
    let backup = &copies[WRITES - 1][BACKUP];
    let end = trimmed(log).len() + 1;
    let mut all = Vec::new();
    let mut one = |behind: Behind| all.push(vec![behind]);
    for path in [LOG, BACKUP] {
        one(Behind::Deleted(path));
        let garbage = b"garbage\n".repeat(400);
        one(Behind::Content(path, garbage.clone()));
        one(Behind::File(path, garbage));
        one(Behind::Content(path, vec![]));
        one(Behind::File(path, vec![]));
        for copy in copies {
            one(Behind::Content(path, copy[path].clone()));
            one(Behind::File(path, copy[path].clone()));
        }
    }
    for at in [
        1,
        50,
        99,
        150,
        300,
        end - 130,
        end - 60,
        end - 1,
        end,
        end + 1,
    ] {
        one(Behind::Content(LOG, log[..at].to_vec()));
        one(Behind::File(LOG, log[..at].to_vec()));
        let mut flipped = log.clone();
        flipped[at] ^= 1;
        one(Behind::Content(LOG, flipped.clone()));
        one(Behind::File(LOG, flipped));
        let mut blank = log.clone();
        blank[at..].fill(b' ');
        one(Behind::Content(LOG, blank.clone()));
        one(Behind::File(LOG, blank));
    }
    let mut appended = log[..end].to_vec();
    appended.extend_from_slice(b"{\"rev\":9}\n");
    one(Behind::Content(LOG, appended.clone()));
    one(Behind::File(LOG, appended));
    // Both files: all gone, or a restored copy of both.
    all.push(vec![Behind::Deleted(LOG), Behind::Deleted(BACKUP)]);
    for copy in copies {
        all.push(vec![
            Behind::File(LOG, copy[LOG].clone()),
            Behind::File(BACKUP, copy[BACKUP].clone()),
        ]);
        all.push(vec![
            Behind::Content(LOG, copy[LOG].clone()),
            Behind::Content(BACKUP, copy[BACKUP].clone()),
        ]);
    }
    all.push(vec![
        Behind::File(LOG, backup.clone()),
        Behind::Deleted(BACKUP),
    ]);
    all
}

#[test]
fn files_that_change_while_they_are_open_are_healed_or_refused() {
    let counts = Counts::default();
    let seed = Random::seeded("damage while open").below(u64::MAX);
    let cases: Vec<usize> = (0..behinds(&live().3).len()).collect();
    in_parallel(&cases, |case| {
        // Which process writes next: the one that remembers, a second one that has the store open as well, or
        // one that opens it now, before the first, and writes a longer or a shorter line.
        for who in 0..4 {
            for remove_lock in [false, true] {
                let (disk, opened, mut history, copies) = live();
                let remembered = history.clone();
                let behinds = &behinds(&copies)[*case];
                let second = (who == 1).then(|| open(&disk.new_process()).expect("it opens twice"));
                behinds.iter().for_each(|behind| behind.happen(&disk));
                if remove_lock {
                    disk.remove_file(crate::machine::LOCK);
                }
                counts.workloads.fetch_add(1, Relaxed);
                let what = || format!("{who}, {:?}:\n{}", short(behinds), disk.trace().join("\n"));
                let mut said = None;
                // It stays open, and its filling stays behind the tail.
                let mut stays = None;
                if who >= 2 {
                    let newcomer = disk.new_process();
                    match open(&newcomer) {
                        // It knows no more than the files do.
                        Ok(newcomer) => {
                            let (revision, state) = newcomer.state();
                            let all_gone =
                                matches!(behinds[..], [Behind::Deleted(_), Behind::Deleted(_)]);
                            if (revision as usize) < WRITES && !remove_lock && !all_gone {
                                assert!(!newcomer.store.recovered().is_empty(), "{}", what());
                            }
                            history.truncate(revision as usize + 1);
                            assert_eq!(history.last(), Some(&state), "{}", what());
                            said = Some(newcomer.store.recovered().clone());
                            let op = if who == 2 {
                                Op::Set("new")
                            } else {
                                Op::Remove("a")
                            };
                            op.commits(7, &mut history);
                            if let Err(error) = newcomer.run(op, 7) {
                                panic!("a newcomer cannot write: {error}\n{}", what());
                            }
                            assert_eq!(newcomer.state().1, history[history.len() - 1]);
                            stays = Some(newcomer);
                        }
                        Err(error) => {
                            let refused =
                                matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAStore);
                            assert!(refused, "{error}\n{}", what());
                        }
                    }
                }
                let writer = second.as_ref().unwrap_or(&opened);
                let mut outcome = writer.run(Op::Set("c"), 8);
                if outcome
                    .as_ref()
                    .is_err_and(|error| error.to_string().contains("write again"))
                {
                    outcome = writer.run(Op::Set("c"), 8);
                }
                match outcome {
                    Ok(()) => {
                        Op::Set("c").commits(8, &mut history);
                        let (revision, state) = writer.state();
                        assert_eq!(Some(&state), history.last(), "{said:?} {}", what());
                        assert_eq!(revision as usize, history.len() - 1, "{said:?} {}", what());
                        counts.points.fetch_add(1, Relaxed);
                        // Damage that nobody has noticed yet, and a power cut that takes the backup
                        // which would mend it, are two misfortunes.
                        let noticed = open(&copy_of(&disk))
                            .is_ok_and(|opened| opened.store.recovered().is_empty());
                        let limit = if noticed { 12 * scale() as usize } else { 0 };
                        for state in disk.crash_states(limit, seed) {
                            counts.states.fetch_add(1, Relaxed);
                            check(
                                &state,
                                std::slice::from_ref(&history),
                                history.len() - 1,
                                &what,
                            );
                        }
                        drop((opened, second, stays));
                        check(
                            &copy_of(&disk),
                            std::slice::from_ref(&history),
                            history.len() - 1,
                            &what,
                        );
                    }
                    Err(error) => {
                        let refused = matches!(
                            error.kind(),
                            ErrorKind::Damaged | ErrorKind::NotAStore | ErrorKind::Replaced
                        );
                        assert!(refused, "{error}\n{}", what());
                        // What it showed before, it still shows.
                        let shown = writer.state().1;
                        assert!(
                            remembered.contains(&shown) || history.contains(&shown),
                            "{}",
                            what()
                        );
                    }
                }
            }
        }
    });
    println!(
        "damage while open: {} cases, {} of them healed",
        counts.workloads.load(Relaxed),
        counts.points.load(Relaxed)
    );
    counts.tell("damage while open");
}

/// The machine after a reboot that lost nothing of the page cache.
fn copy_of(disk: &SimulatedDisk) -> SimulatedDisk {
    let copied = SimulatedDisk::new();
    for path in disk.files() {
        copied.write_file(&path, disk.read_file(&path).unwrap_or_default());
    }
    copy(&copied)
}

fn short(behinds: &[Behind]) -> Vec<String> {
    let short = |behind: &Behind| match behind {
        Behind::Content(path, bytes) => {
            format!("{path} has another content, {} bytes", bytes.len())
        }
        Behind::File(path, bytes) => format!("another {path}, {} bytes", bytes.len()),
        Behind::Deleted(path) => format!("{path} deleted"),
    };
    behinds.iter().map(short).collect()
}

/// What somebody with an editor leaves of a log, while nobody has the store open.
#[test]
fn a_log_that_was_edited_by_hand_loses_no_line_that_is_whole() {
    let files = &all_files()[0];
    let text = String::from_utf8(trimmed(&files.log).to_vec()).expect("a log is text");
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let mut edited: Vec<(String, Vec<u8>)> = vec![
        (
            "the last line end is missing".into(),
            text.clone().into_bytes(),
        ),
        (
            "other line ends".into(),
            (text.replace('\n', "\r\n") + "\r\n").into_bytes(),
        ),
        (
            "blanks at the line ends".into(),
            (text.replace('\n', " \n") + "  \n").into_bytes(),
        ),
        (
            "a mark at the beginning".into(),
            format!("\u{feff}{text}\n").into_bytes(),
        ),
        (
            "empty lines".into(),
            text.replace('\n', "\n\n\n").into_bytes(),
        ),
        (
            "a note in front".into(),
            format!("# mine\n{text}\n").into_bytes(),
        ),
    ];
    // The newest line is in the log alone.
    for at in 0..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(at);
        edited.push((format!("line {at} deleted"), joined(&without)));
        let mut shorter = lines.clone();
        shorter[at] = &lines[at][..lines[at].len() - 7];
        edited.push((format!("line {at} shortened"), joined(&shorter)));
        let mut longer = lines.clone();
        let noted = format!("{}, see above", lines[at]);
        longer[at] = &noted;
        edited.push((format!("a note behind line {at}"), joined(&longer)));
        let mut moved = lines.clone();
        moved.swap(at, lines.len() - 1);
        edited.push((
            format!("line {at} and the newest exchanged"),
            joined(&moved),
        ));
    }
    let in_windows = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(trimmed(bytes)).replace('\n', "\r\n");
        (text + "\r\n").into_bytes()
    };
    for (what, log) in &edited {
        for backup in [files.backup.clone(), in_windows(&files.backup)] {
            let disk = disk_with(Some(log), Some(&backup));
            let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            let (revision, state) = opened.state();
            assert_eq!(revision as usize, files.newest(), "{what}");
            assert_eq!(Some(&state), files.history.last(), "{what}");
            let repairs = opened.store.recovered();
            let mended = |repair: &Repair| matches!(repair, Repair::Mended { kept: Some(_), .. });
            assert!(repairs.repairs().iter().any(mended), "{what}: {repairs:?}");
            opened
                .set("after", "it")
                .expect("a healthy disk is written");
            drop(opened);
            let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(opened.store.recovered().is_empty(), "{what}");
        }
    }
}

/// With other line ends in both files not even `.salvage()` kept anything.
#[test]
fn two_files_with_other_line_ends_open_as_they_were() {
    for files in &all_files() {
        let convert = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(trimmed(bytes)).replace('\n', "\r\n");
            (text + "\r\n").into_bytes()
        };
        for how in [PLAIN, SALVAGE, READ_ONLY] {
            let disk = disk_with(Some(&convert(&files.log)), Some(&convert(&files.backup)));
            let opened = open_as(&disk, how).expect("it opens");
            let (revision, state) = opened.state();
            assert_eq!(revision as usize, files.newest(), "{}", files.name);
            assert_eq!(Some(&state), files.history.last(), "{}", files.name);
        }
    }
}

/// Somebody typed a commit, and did not know of the checksum, nor that a line needs an end.
#[test]
fn a_line_without_a_checksum_that_somebody_typed_is_kept_in_a_copy() {
    let files = &all_files()[0];
    for end in ["", "\n"] {
        let mut log = trimmed(&files.log).to_vec();
        log.extend_from_slice(b"\n{\"rev\":6,\"set\":{\"a\":\"mine\"}}");
        log.extend_from_slice(end.as_bytes());
        let disk = disk_with(Some(&log), Some(&files.backup));
        let opened = open(&disk).expect("it opens");
        assert_eq!(opened.state().0 as usize, files.newest());
        let repairs = opened.store.recovered().repairs();
        let [
            Repair::CutOff {
                kept: Some(kept), ..
            },
        ] = repairs
        else {
            panic!("{repairs:?}");
        };
        assert_eq!(disk.read_file(kept), Some(log));
    }
}

//! Every state of the log with every state of the backup, and the one outcome each pair has: the table
//! of FORMAT.md, which the test prints where it differs.

use worsen::{
    Error, Repair,
    testing::{SimulatedDisk, internals::publish_revision},
};

use crate::machine::{BACKUP, LOCK, LOG, Op, PLAIN, SALVAGE, disk_with, open, open_as};

/// The newest revision of the log, and of its backup, which is one write behind.
const NEWEST: u64 = 5;

/// A state of a file: its name, its bytes where there is a file.
pub(crate) type State = (&'static str, Option<Vec<u8>>);

/// The log and the backup of a store in its second generation, and of its first.
pub(crate) fn generations() -> [(Vec<u8>, Vec<u8>); 2] {
    let disk = SimulatedDisk::new();
    let opened = open(&disk).expect("a new store opens");
    let files = || {
        let whole = |path| {
            let bytes = disk.read_file(path).expect("it is there");
            let end = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            bytes[..end].to_vec()
        };
        (whole(LOG), whole(BACKUP))
    };
    let run = |op: Op, number| opened.run(op, number).expect("a healthy disk is written");
    run(Op::Set("a"), 0);
    run(Op::SetLong("b"), 1);
    let first = files();
    run(Op::Compact, 2);
    run(Op::Set("c"), 3);
    run(Op::Update("c"), 4);
    run(Op::Set("d"), 5);
    assert_eq!(opened.state().0, NEWEST);
    [first, files()]
}

pub(crate) fn states(whole: &[u8], other: &[u8]) -> Vec<State> {
    let lines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let flipped = |at: usize| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        Some(bytes)
    };
    vec![
        ("absent", None),
        ("empty", Some(vec![])),
        ("blank", Some(vec![b' '; 4096])),
        ("whole", Some(whole.to_vec())),
        ("torn", Some(whole[..whole.len() - 40].to_vec())),
        // The line after the first commit's: what the generation begins with is whole.
        ("damaged in the middle", flipped(lines[1] + 20)),
        ("damaged header", flipped(30)),
        ("other generation", Some(other.to_vec())),
        (
            "newer format",
            Some(b"{\"worsen\":2,\"set\":{}}\n".to_vec()),
        ),
        ("foreign", Some(b"hello\n".to_vec())),
    ]
}

/// Whether a file is missing, or holds nothing.
fn is_nothing(state: &State) -> bool {
    let is_blank = |bytes: &Vec<u8>| bytes.iter().all(|byte| *byte == b' ');
    state.1.as_ref().is_none_or(is_blank)
}

/// A disk with these files. Where both hold nothing, the shared page shows that there was a store.
fn disk(log: &State, backup: &State) -> SimulatedDisk {
    let disk = disk_with(log.1.as_deref(), backup.1.as_deref());
    if is_nothing(log) && is_nothing(backup) {
        let is_told = publish_revision(&disk, LOCK, NEWEST);
        assert!(is_told, "the lock file has a page");
    }
    disk
}

/// What opening these files comes to, in few words.
fn outcome(log: &State, backup: &State) -> String {
    let disk = disk(log, backup);
    let opened = match open_as(&disk, PLAIN) {
        Ok(opened) => opened,
        Err(error) => {
            // Nothing is changed, so that it is the same the next time.
            assert_eq!(disk.read_file(LOG), log.1, "refused, and changed the log");
            assert_eq!(
                disk.read_file(BACKUP),
                backup.1,
                "refused, and changed the backup"
            );
            return format!("{:?}{}", error.kind(), salvaged(&disk));
        }
    };
    let (revision, _) = opened.state();
    let mut words = vec![match revision {
        NEWEST => "5".to_owned(),
        0 => "new".to_owned(),
        older => older.to_string(),
    }];
    words.extend(opened.store.recovered().repairs().iter().map(|repair| {
        let (name, kept) = match repair {
            Repair::Restored { .. } => ("restored", &None),
            Repair::Mended { kept, .. } => ("mended", kept),
            Repair::CutOff { kept, .. } => ("cut off", kept),
            Repair::BackupRenewed { kept } => ("backup renewed", kept),
            Repair::Behind { .. } => ("behind", &None),
            Repair::Emptied { seen: NEWEST } => ("emptied", &None),
            other => panic!("{other:?}"),
        };
        let kept = if kept.is_some() { ", kept" } else { "" };
        format!("{name}{kept}")
    }));
    // Whatever it came to, the next opening finds nothing to do.
    let before = opened.state();
    drop(opened);
    let opened = open(&disk).expect("it opens a second time");
    assert!(
        opened.store.recovered().is_empty(),
        "{:?}",
        opened.store.recovered()
    );
    assert_eq!(opened.state(), before);
    words.join("; ")
}

fn salvaged(disk: &SimulatedDisk) -> String {
    let opened: Result<_, Error> = open_as(disk, SALVAGE);
    match opened {
        Ok(opened) => format!(" (salvage: {} entries)", opened.state().1.len()),
        Err(_) => String::new(),
    }
}

fn table() -> String {
    let [first, second] = generations();
    let logs = states(&second.0, &first.0);
    let backups = states(&second.1, &first.1);
    let mut table = String::from("| log \\ backup |");
    for (name, _) in &backups {
        table.push_str(&format!(" {name} |"));
    }
    table.push_str("\n|");
    table.push_str(&" --- |".repeat(backups.len() + 1));
    for log in &logs {
        table.push_str(&format!("\n| {} |", log.0));
        for backup in &backups {
            table.push_str(&format!(" {} |", outcome(log, backup)));
        }
    }
    table.push('\n');
    table
}

/// The table stands in FORMAT.md, once: there a number is the revision that the store opens with; 5 is
/// the newest, 4 the backup's.
#[test]
fn every_pair_of_files_has_its_outcome() {
    let table = table();
    let page = include_str!("../../FORMAT.md");
    assert!(page.contains(&table), "the table is now:\n{table}");
}

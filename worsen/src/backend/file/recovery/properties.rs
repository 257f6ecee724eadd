//! What must hold of every plan, whatever the files hold. The fuzz target `recovery_plan` asks it of what it makes
//! up, and a unit test of the inputs that it begins with.

use super::{
    contents::Behind,
    plan::{BackupPlan, Image, Plan, decide},
    refusal::Refusal,
    replay::Replay,
};
use crate::{
    backend::file::format::{Position, is_blank, properties::resealed, read_header},
    options::Access,
    shared_str::Buffer,
};

/// The store that the files are said to be of.
const STORE: &str = "fuzz";

const NOW: &str = "2026-11-23T02:30:00.000Z";

/// What stands between the log and the backup of an input.
const SEPARATOR: u8 = 0xff;

/// The first two bits of the first byte: how the store is opened. The third and the fourth one: seal the lines of
/// the log and of the backup anew, so that their checksums hold. The rest are the log and the backup.
pub(crate) fn check_recovery_plan(input: &[u8]) {
    let Some((flags, bytes)) = input.split_first() else {
        return;
    };
    let access = match flags & 3 {
        1 => Access::ReadOnly,
        2 => Access::Salvage,
        _ => Access::Repair,
    };
    let mut files = bytes.splitn(2, |byte| *byte == SEPARATOR);
    let mut file = |is_resealed: bool| {
        let bytes = files.next().unwrap_or_default();
        match is_resealed {
            true => resealed(bytes),
            false => bytes.to_vec(),
        }
    };
    let log = Buffer::from(file(flags & 4 != 0));
    let backup = file(flags & 8 != 0);
    match decide(&log, &backup, STORE, access, NOW) {
        Ok(plan) => {
            let files = apply(&plan, &log, &backup);
            check_applied(&plan, &files);
            check_losses(&plan, &log, &backup, access, &files.0);
        }
        Err(refusal) => check_refusal(&refusal, &log, &backup, access),
    }
    let outcome = |access| {
        let plan = decide(&log, &backup, STORE, access, NOW);
        plan.map(|plan| (plan.position, plan.entries))
    };
    match outcome(Access::ReadOnly) {
        Err(Refusal::Nothing) => {}
        read_only => assert_eq!(read_only, outcome(Access::Repair)),
    }
}

/// Both files, once the plan is carried out.
fn apply(plan: &Plan, log: &[u8], backup: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let end = plan.position.offset as usize;
    let new = match &plan.image {
        Image::Keep => log.to_vec(),
        Image::Cut => log[..end].to_vec(),
        Image::Write(bytes) => bytes.clone(),
    };
    let backup = match plan.backup {
        BackupPlan::Keep(len) => {
            let mut backup = backup.to_vec();
            backup.resize(len as usize, 0);
            backup
        }
        BackupPlan::Renew { .. } => new[..end].to_vec(),
    };
    (new, backup)
}

/// The log is a chain of valid lines that leads to the state, the backup is the beginning of it, and the next one
/// to open the store finds nothing to do.
fn check_applied(plan: &Plan, (log, backup): &(Vec<u8>, Vec<u8>)) {
    let (valid, rest) = log.split_at(plan.position.offset as usize);
    assert!(is_blank(rest));
    let (header, mut position) = read_header(valid).unwrap_or_else(|failure| {
        unreachable!("a log is left that begins with no header: {failure:?}")
    });
    assert_eq!(header, plan.header);
    let mut replay = Replay::default();
    let first = position.offset as usize;
    let Ok(()) = position.scan(&valid[first..], Buffer::NONE, |_, record| {
        replay.apply(record);
        Ok::<(), std::convert::Infallible>(())
    });
    assert_eq!(position, plan.position);
    assert_eq!(position.base_left, 0);
    assert!(replay.into_entries() == plan.entries);
    assert!(valid.starts_with(backup));

    let again = decide(&log.clone().into(), backup, STORE, Access::Repair, NOW);
    let again = again.unwrap_or_else(|refusal| {
        unreachable!("the files are refused after they were put right: {refusal:?}")
    });
    assert_eq!(again.image, Image::Keep);
    assert_eq!(again.backup, BackupPlan::Keep(backup.len() as u64));
    assert!(again.repairs.is_empty() && !again.keep_log);
    assert_eq!((again.header, again.position), (header, plan.position));
    assert!(again.entries == plan.entries);
}

/// How far a file leads where its lines stand, if it begins with the header of the new log, to the byte: a header
/// that says the same in other words begins another chain of checksums.
fn reached(bytes: &[u8], new: &[u8]) -> Option<Position> {
    let (_, mut position) = read_header(bytes).ok()?;
    let first = position.offset as usize;
    let Ok(()) = position.scan(&bytes[first..], Buffer::NONE, |_, _| {
        Ok::<(), std::convert::Infallible>(())
    });
    new.starts_with(&bytes[..first]).then_some(position)
}

/// No commit is lost that either file leads to, nor one that any line says was acknowledged.
fn check_losses(plan: &Plan, log: &[u8], backup: &[u8], access: Access, new: &[u8]) {
    for file in [log, backup] {
        if let Some(reached) = reached(file, new) {
            assert!(plan.position.revision >= reached.revision);
        }
    }
    let Some(reached) = reached(log, new).filter(|_| access != Access::Salvage) else {
        return;
    };
    let kept: Vec<&[u8]> = new.split(|byte| *byte == b'\n').collect();
    let rest = &log[reached.offset as usize..];
    let is_lost = |line: &&[u8]| !kept.contains(line) && !is_blank(line);
    if rest.split(|byte| *byte == b'\n').any(|line| is_lost(&line)) {
        let mut behind = Behind::default();
        behind.read(rest, Some(reached.crc), |_| ());
        assert!(behind.durable <= plan.position.revision);
    }
}

/// A refusal is for a reason, and salvaging is refused where nothing is this store's.
fn check_refusal(refusal: &Refusal, log: &[u8], backup: &[u8], access: Access) {
    match refusal {
        Refusal::Nothing => {
            assert!(access == Access::ReadOnly && is_blank(log) && is_blank(backup));
        }
        Refusal::Foreign | Refusal::OtherStore(_) | Refusal::Newer(_) => {}
        Refusal::Damaged { .. } | Refusal::BackupUnreadable => {
            assert_ne!(access, Access::Salvage);
            let log = Buffer::from(log.to_vec());
            let salvaged = decide(&log, backup, STORE, Access::Salvage, NOW);
            assert!(salvaged.is_ok());
        }
    }
}

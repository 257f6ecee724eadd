//! What is to become of the files: the decision table of FORMAT.md. Pure: the bytes of both files in, a
//! plan or a refusal out. Never here: reading and writing them.

use std::collections::BTreeSet;

use super::{
    assembly::LeftOver,
    contents::{Beginning, Behind, Contents},
    mend::Mending,
    refusal::Refusal,
};
use crate::{
    backend::{
        Entries,
        file::{
            compaction,
            format::{Header, Position, Record, trimmed},
            lineage::{self, Chain},
        },
    },
    options::Access,
    planted::{Bug, planted},
    repair::Repair,
    shared_str::Buffer,
};

/// What is to be done, and the state that the log then leads to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) header: Header,
    pub(super) position: Position,
    pub(super) chain: Chain,
    pub(super) entries: Entries,
    pub(super) image: Image,
    pub(super) backup: BackupPlan,
    /// A copy of the log as found must be kept before anything is changed.
    pub(super) keep_log: bool,
    pub(super) repairs: Vec<Repair>,
}

/// What becomes of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// It stays as it is.
    Keep,
    /// It is cut at the position.
    Cut,
    /// It is written anew, with these bytes.
    Write(Vec<u8>),
}

/// What becomes of the backup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BackupPlan {
    /// Its first so many bytes are the log's; the next write goes on from there.
    Keep(u64),
    /// It is written anew from the log.
    Renew { keep: bool, report: bool },
}

/// What is decided about.
struct Findings<'a> {
    /// The log as it was found, or what took its place: mending may have covered lines that are good.
    log: &'a [u8],
    backup: &'a [u8],
    of_backup: Contents<'a>,
    access: Access,
    now: &'a str,
}

/// What to do, given the bytes of both files (empty where there is none), for the store of this
/// name.
pub(super) fn decide(
    log: &Buffer,
    backup: &[u8],
    store: &str,
    access: Access,
    now: &str,
) -> Result<Plan, Refusal> {
    let of_log = Contents::of(log, store);
    let of_backup = Contents::of(backup, store);
    if let Contents::Newer(format) = of_log {
        return Err(Refusal::Newer(format));
    }
    if let Contents::Newer(format) = of_backup {
        return Err(Refusal::Newer(format));
    }
    let found = |log, backup, of_backup| Findings {
        log,
        backup,
        of_backup,
        access,
        now,
    };
    match (of_log, of_backup) {
        (Contents::Other(name), _) => Err(Refusal::OtherStore(name)),
        (Contents::Store(of), of_backup) => {
            let is_of_one = of_backup.is_of(&of.header);
            let mending = Mending::of(log, log, &of, if is_of_one { backup } else { &[] });
            finish(mending, of.header, &found(log, backup, of_backup))
        }
        (Contents::Nothing, Contents::Nothing) => match access {
            Access::ReadOnly => Err(Refusal::Nothing),
            Access::Repair | Access::Salvage => Ok(create(store, now)),
        },
        (Contents::Nothing, Contents::Store(of)) => {
            restore(&of, &found(backup, &[], Contents::Nothing))
        }
        // The beginning of the log is gone: the backup's header takes the place of its own.
        (_, Contents::Store(of)) => {
            let mending = Mending::of(log, log, &of, backup);
            let header = of.header.clone();
            finish(mending, header, &found(log, backup, Contents::Store(of)))
        }
        (Contents::Foreign, _) => Err(Refusal::Foreign),
        (of_log, of_backup) => {
            let is_gone = matches!(of_log, Contents::Nothing);
            if access != Access::Salvage {
                return Err(match is_gone {
                    true => Refusal::BackupUnreadable,
                    false => Refusal::Damaged {
                        offset: 0,
                        revision: 0,
                    },
                });
            }
            let left = if is_gone { backup } else { log };
            let mending = Mending::nothing_of(left);
            Ok(salvage(
                mending,
                unknown_header(store, now),
                &found(left, &[], of_backup),
            ))
        }
    }
}

/// In the place of a header that is lost.
fn unknown_header(store: &str, now: &str) -> Header {
    Header {
        store: store.into(),
        generation: 0,
        revision: 0,
        base: 0,
        past: Vec::new(),
        at: now.into(),
    }
}

/// The log is gone: the backup, which is what `found` calls the log, takes its place.
fn restore(of: &Beginning<'_>, found: &Findings<'_>) -> Result<Plan, Refusal> {
    let mending = Mending::of(found.log, Buffer::NONE, of, &[]);
    let header = of.header.clone();
    let mut behind = Behind::default();
    behind.read(mending.rest(), Some(mending.in_place.crc), |_| ());
    let is_whole = mending.left.is_empty() || behind.newest <= mending.position.revision;
    if !is_whole || mending.position.base_left > 0 {
        return match found.access {
            Access::Salvage => Ok(salvage(mending, header, found)),
            Access::ReadOnly | Access::Repair => Err(Refusal::BackupUnreadable),
        };
    }
    let bytes = mending.valid().to_vec();
    Ok(Plan {
        header,
        position: mending.position,
        chain: mending.chain,
        backup: match mending.mended_at {
            None => BackupPlan::Keep(bytes.len() as u64),
            // It is the log in another order: what is appended to it later has to stand where the log has it.
            Some(_) => BackupPlan::Renew {
                keep: true,
                report: true,
            },
        },
        image: Image::Write(bytes),
        keep_log: false,
        repairs: vec![Repair::Restored {
            revision: mending.position.revision,
        }],
        entries: mending.replay.into_entries(),
    })
}

/// A store with nothing in it.
fn create(store: &str, now: &str) -> Plan {
    let header = Header {
        store: store.into(),
        generation: 1,
        revision: 0,
        base: 0,
        past: Vec::new(),
        at: now.into(),
    };
    let mut bytes = Vec::new();
    let crc = header.encode(&mut bytes);
    Plan {
        position: Position::after_header(&header, crc, bytes.len()),
        chain: Chain::of_header(crc),
        header,
        entries: Entries::new(),
        image: Image::Write(bytes),
        backup: BackupPlan::Renew {
            keep: false,
            report: false,
        },
        keep_log: false,
        repairs: Vec::new(),
    }
}

/// Judges what stands behind the last valid line.
fn finish(mending: Mending<'_>, header: Header, found: &Findings<'_>) -> Result<Plan, Refusal> {
    if has_lost_acknowledged(&mending, &header, found) {
        return match found.access {
            Access::Salvage => Ok(salvage(mending, header, found)),
            Access::ReadOnly | Access::Repair => Err(Refusal::Damaged {
                offset: mending.in_place.offset,
                revision: mending.position.revision,
            }),
        };
    }
    let is_torn = !mending.left.is_empty();
    let may_be_wanted = mending.left.may_be_commits || mending.left.is_typed;
    Ok(Plan {
        backup: plan_backup(mending.valid(), &header, found),
        image: match (mending.mended_at, is_torn) {
            (Some(_), _) => Image::Write(mending.valid().to_vec()),
            (None, true) => Image::Cut,
            (None, false) => Image::Keep,
        },
        keep_log: mending.mended_at.is_some() || (is_torn && may_be_wanted),
        repairs: repairs(&mending, &header, found),
        header,
        position: mending.position,
        chain: mending.chain,
        entries: mending.replay.into_entries(),
    })
}

/// Whether a commit is missing that was acknowledged.
fn has_lost_acknowledged(mending: &Mending<'_>, header: &Header, found: &Findings<'_>) -> bool {
    let mut behind = Behind::default();
    if !mending.left.is_empty() {
        behind.read(mending.rest(), Some(mending.in_place.crc), |_| ());
    }
    if found.of_backup.is_of(header) && !mending.valid().starts_with(trimmed(found.backup)) {
        behind.read(found.backup, None, |_| ());
    }
    // A line that can be read says that one which can't was on disk: it was acknowledged, so this
    // is no torn write. The state that a generation begins with is on disk before it is renamed into
    // place, so no part of it can be torn either.
    (behind.durable > mending.position.revision && !planted(Bug::TakeDamageForTornTail))
        || (mending.position.base_left > 0 && !planted(Bug::TakeLostBaseForTornTail))
}

/// What is told of a log that is put right without a loss.
fn repairs(mending: &Mending<'_>, header: &Header, found: &Findings<'_>) -> Vec<Repair> {
    let LeftOver {
        offset,
        bytes,
        may_be_commits: acknowledged,
        ..
    } = mending.left;
    let mut repairs = Vec::new();
    if let Some(offset) = mending.mended_at {
        repairs.push(Repair::Mended { offset, kept: None });
    }
    let revision = mending.position.revision;
    if !mending.left.is_empty() {
        repairs.push(Repair::CutOff {
            offset,
            bytes,
            acknowledged,
            kept: None,
        });
    } else if mending.ends_in_backup {
        // The newest write is not in there.
        repairs.push(Repair::Restored { revision });
    }
    // A log of an earlier generation than its backup: somebody put an old copy in its place.
    if matches!(&found.of_backup, Contents::Store(of) if of.header.generation > header.generation) {
        let mut seen = Behind::default();
        seen.read(found.backup, None, |_| ());
        let seen = seen.newest;
        if seen > revision {
            repairs.push(Repair::Behind { revision, seen });
        }
    }
    repairs
}

/// The backup belongs to the log if it is the beginning of it.
fn plan_backup(valid: &[u8], header: &Header, found: &Findings<'_>) -> BackupPlan {
    let written = trimmed(found.backup);
    if !written.is_empty() && valid.starts_with(written) {
        // A line feed at the end was trimmed along with the blanks.
        let known = written.len();
        let more = valid[known..]
            .iter()
            .zip(&found.backup[known..])
            .take_while(|(one, other)| one == other);
        return BackupPlan::Keep((known + more.count()) as u64);
    }
    match &found.of_backup {
        Contents::Nothing => BackupPlan::Renew {
            keep: false,
            report: true,
        },
        // An earlier generation, which a crash during compaction leaves, or this one with its end torn.
        Contents::Store(Beginning { header: of, .. })
            if of.generation < header.generation || of == header =>
        {
            BackupPlan::Renew {
                keep: false,
                report: of == header,
            }
        }
        _ => BackupPlan::Renew {
            keep: true,
            report: true,
        },
    }
}

/// Everything that can be read, on both sides of what can't, as the beginning of a new generation.
fn salvage(mending: Mending<'_>, header: Header, found: &Findings<'_>) -> Plan {
    let reached = mending.position.revision;
    let before = reached.saturating_sub(header.revision);
    let is_whole = mending.position.base_left == 0;
    let is_new = |revision| revision > reached || revision == reached && !is_whole;
    let mut behind: Vec<Record> = Vec::new();
    Behind::default().read(found.log, None, |record| {
        if is_new(record.revision) {
            behind.push(record);
        }
    });
    if matches!(&found.of_backup, Contents::Store(of) if of.header == header) {
        let of_log: BTreeSet<u64> = behind.iter().map(|record| record.revision).collect();
        Behind::default().read(found.backup, None, |record| {
            if is_new(record.revision) && !of_log.contains(&record.revision) {
                behind.push(record);
            }
        });
    }
    // Stable: the lines of a state that a generation begins with share one revision.
    behind.sort_by_key(|record| record.revision);
    let lines = behind.len() as u64;
    let revision = behind.last().map_or(reached, |record| record.revision);
    let mut replay = mending.replay;
    for record in behind {
        replay.apply(record);
    }
    let entries = replay.into_entries();
    let generation = match &found.of_backup {
        Contents::Store(of) => of.header.generation.max(header.generation),
        _ => header.generation,
    };
    // As far as the damage it is the same history.
    let past = match header.generation {
        0 => Vec::new(),
        _ => lineage::past(&header, &mending.position),
    };
    let new = compaction::image(
        &header.store,
        (generation.saturating_add(1), past),
        revision,
        &entries,
        found.now,
    );
    Plan {
        header: new.header,
        position: new.position,
        chain: new.chain,
        entries,
        image: Image::Write(new.bytes),
        backup: BackupPlan::Renew {
            keep: true,
            report: true,
        },
        keep_log: true,
        repairs: vec![Repair::Salvaged {
            before,
            behind: lines,
            kept: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Edit;

    /// The next write would otherwise be backed up behind bytes that are not the log's.
    #[test]
    fn a_backup_whose_lines_were_moved_is_written_anew_when_it_takes_the_place_of_the_log() {
        let header = Header {
            generation: 1,
            ..unknown_header("x", "")
        };
        let mut log = Vec::new();
        let mut crc = header.encode(&mut log);
        for revision in 1..=2 {
            let record = Record {
                revision,
                at: "".into(),
                pid: 1,
                durable: None,
                changes: vec![Edit::set("uid", "1")],
            };
            crc = record.encode(crc, &mut log);
        }
        let mut lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
        lines.swap(1, 2);
        let none = Vec::new().into();
        let plan = decide(&none, &lines.concat(), "x", Access::Repair, "").unwrap();
        assert_eq!(plan.image, Image::Write(log.clone()));
        assert!(matches!(plan.backup, BackupPlan::Renew { keep: true, .. }));
        let whole = decide(&none, &log, "x", Access::Repair, "").unwrap();
        assert_eq!(whole.backup, BackupPlan::Keep(log.len() as u64));
    }
}

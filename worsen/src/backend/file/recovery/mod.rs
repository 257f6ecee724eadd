//! What to make of the log and the backup as they are found: the decision table of FORMAT.md.
//!
//! [`decide`] is pure: bytes in, a plan out. [`recover`] reads, asks it, and carries the plan out in
//! such an order that a crash in between leaves the same to be decided again. Nothing here appends
//! commits.

mod assembly;
mod mending;

use std::{borrow::Cow, collections::BTreeSet, io, path::PathBuf, sync::Arc};

use self::{
    assembly::{LeftOver, Line, displaced_header, lines},
    mending::{Beginning, Mending},
};
use super::{
    Paths,
    backup::Backup,
    compaction,
    disk::transfer::{read_full, read_whole, write_full},
    disk::{Disk, DiskFile, FileId, Found, Open},
    format::{
        Crc, FORMAT, Header, NotAHeader, Position, Record, claimed_crc, is_blank, read_header,
    },
    lineage::{self, Chain, Kin},
    log::Log,
};
use crate::{
    backend::{Entries, Entry, now},
    error::{Error, ErrorKind},
    options::Access,
    planted::{Bug, planted},
    repair::Repair,
    shared_str::Buffer,
};

/// The log and the backup, fit for use, and the state they hold.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) log: Log,
    /// `None` when only looking.
    pub(crate) backup: Option<Backup>,
    pub(crate) entries: Entries,
    pub(crate) repairs: Vec<Repair>,
    /// There was no store.
    pub(crate) created: bool,
    /// One of the files was there all the same, with nothing in it.
    pub(crate) was_emptied: bool,
}

/// What is to be done.
#[derive(Debug)]
struct Plan {
    header: Header,
    position: Position,
    chain: Chain,
    entries: Entries,
    image: Image,
    backup: BackupPlan,
    /// A copy of the log as found must be kept before anything is changed.
    keep_log: bool,
    repairs: Vec<Repair>,
}

/// What becomes of the log.
#[derive(Debug, PartialEq, Eq)]
enum Image {
    /// It stays as it is.
    Keep,
    /// It is cut at the position.
    Cut,
    /// It is written anew, with these bytes.
    Write(Vec<u8>),
}

/// What becomes of the backup.
#[derive(Debug, PartialEq, Eq)]
enum BackupPlan {
    /// Its first so many bytes are the log's; the next write goes on from there.
    Keep(u64),
    /// It is written anew from the log.
    Renew { keep: bool, report: bool },
}

/// Why nothing is done.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Only looking, and there is no store.
    Nothing,
    Foreign,
    OtherStore(String),
    Newer(u64),
    Damaged {
        offset: u64,
        revision: u64,
    },
    BackupUnreadable,
}

/// What a file is, by its first line.
enum Contents<'a> {
    Nothing,
    Store(Beginning<'a>),
    Other(String),
    Newer(u64),
    /// Lines of ours, but not the first.
    Damaged,
    Foreign,
}

impl<'a> Contents<'a> {
    fn of(bytes: &'a [u8], store: &str) -> Contents<'a> {
        let beginning = |header, position: Position, line| {
            Contents::Store(Beginning {
                header,
                position,
                line,
            })
        };
        let failure = match read_header(bytes) {
            Ok((header, _)) if header.store != store => return Contents::Other(header.store),
            Ok((header, position)) => {
                let line = &bytes[..position.offset as usize - 1];
                return beginning(header, position, line);
            }
            Err(NotAHeader::Newer(format)) => return Contents::Newer(format),
            Err(_) if is_blank(bytes) => return Contents::Nothing,
            Err(failure) => failure,
        };
        if let Some((header, position, line)) = displaced_header(bytes, store) {
            return beginning(header, position, line);
        }
        if failure == NotAHeader::Damaged {
            return Contents::Damaged;
        }
        let mut ours = Behind::default();
        ours.look(bytes, None, |_| ());
        match ours.lines {
            0 => Contents::Foreign,
            _ => Contents::Damaged,
        }
    }

    /// Whether it is of the same life as this header.
    fn is_of(&self, header: &Header) -> bool {
        let unchecked = planted(Bug::DoNotCheckBackupGeneration);
        matches!(self, Contents::Store(of) if of.header == *header || unchecked)
    }
}

/// What can still be read behind an unreadable line: each line that is valid after the line before
/// it, whatever that one holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Behind {
    lines: u64,
    /// The newest revision that any of them says was durable.
    durable: u64,
    /// The newest revision of any of them.
    newest: u64,
}

impl Behind {
    /// `before`: where the chain stands in front of these bytes, if it is known.
    fn look(&mut self, bytes: &[u8], before: Option<Crc>, mut each: impl FnMut(Record)) {
        let mut last = before;
        for Line { text: line, .. } in lines(bytes) {
            if let Some((record, _)) =
                last.and_then(|last| Record::decode(line, last, Buffer::NONE))
            {
                self.lines += 1;
                self.durable = self.durable.max(record.durable.unwrap_or(0));
                self.newest = self.newest.max(record.revision);
                each(record);
            }
            // What has no checksum, such as an empty line, did not come from here.
            last = claimed_crc(line).or(last);
        }
    }
}

/// The state that records lead to. Their changes are gathered, and put in order many at a time: a map
/// that is built in order takes a fraction of the time, and half the room.
#[derive(Debug)]
pub(crate) struct Replay {
    entries: Entries,
    pending: Vec<Entry>,
    /// How many are gathered at least. From there on it is as many as there are entries, so that an entry
    /// is not moved more often than the state doubles.
    many: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Replay {
            entries: Entries::new(),
            pending: Vec::new(),
            many: 64 * 1024,
        }
    }
}

impl Replay {
    /// Applies a record.
    pub(crate) fn apply(&mut self, record: Record) {
        self.pending.extend(record.changes);
        if self.pending.len() >= self.entries.len().max(self.many) {
            self.settle();
        }
    }

    pub(crate) fn into_entries(mut self) -> Entries {
        self.settle();
        self.entries
    }

    fn settle(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for (_, json) in &mut pending {
            if json.is_none() && planted(Bug::ReplayDelAsNull) {
                *json = Some("null".into());
            }
        }
        // Stable: of several changes of one uid the last one counts.
        pending.sort_by(|(one, _), (other, _)| one.cmp(other));
        pending.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.entries.merge(pending);
    }
}

/// What to do, given the bytes of both files (empty where there is none), for the store of this
/// name.
fn decide(
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
    match (of_log, of_backup) {
        (Contents::Other(name), _) => Err(Refusal::OtherStore(name)),
        (Contents::Store(of), of_backup) => {
            let same_life = of_backup.is_of(&of.header);
            let mending = Mending::of(log, log, &of, if same_life { backup } else { &[] });
            finish(mending, of.header, [log, backup], &of_backup, access, now)
        }
        (Contents::Nothing, Contents::Nothing) => {
            if access == Access::ReadOnly {
                return Err(Refusal::Nothing);
            }
            Ok(create(store, now))
        }
        // The log is gone, or its beginning is: the backup's header takes the place of its own.
        (of_log, Contents::Store(of)) => {
            if matches!(of_log, Contents::Nothing) {
                return restore(backup, of, access, now);
            }
            let mending = Mending::of(log, log, &of, backup);
            let header = of.header.clone();
            let of_backup = Contents::Store(of);
            finish(mending, header, [log, backup], &of_backup, access, now)
        }
        (Contents::Nothing, of_backup) => {
            if access != Access::Salvage {
                return Err(Refusal::BackupUnreadable);
            }
            let mending = Mending::nothing_of(backup);
            Ok(salvage(
                mending,
                nothing(store, now),
                [backup, &[]],
                &of_backup,
                now,
            ))
        }
        (Contents::Foreign, _) => Err(Refusal::Foreign),
        (Contents::Damaged | Contents::Newer(_), of_backup) => {
            if access != Access::Salvage {
                return Err(Refusal::Damaged {
                    offset: 0,
                    revision: 0,
                });
            }
            let mending = Mending::nothing_of(log);
            Ok(salvage(
                mending,
                nothing(store, now),
                [log, &[]],
                &of_backup,
                now,
            ))
        }
    }
}

/// In the place of a header that is lost.
fn nothing(store: &str, now: &str) -> Header {
    Header {
        store: store.into(),
        generation: 0,
        revision: 0,
        base: 0,
        past: Vec::new(),
        at: now.into(),
    }
}

/// The log is gone: the backup takes its place.
fn restore(backup: &[u8], of: Beginning<'_>, access: Access, now: &str) -> Result<Plan, Refusal> {
    let mending = Mending::of(backup, Buffer::NONE, &of, &[]);
    let header = of.header.clone();
    let mut behind = Behind::default();
    behind.look(mending.rest(), Some(mending.in_place.crc), |_| ());
    let is_whole = mending.left.is_empty() || behind.newest <= mending.position.revision;
    if !is_whole || mending.position.base_left > 0 {
        return match access {
            Access::Salvage => Ok(salvage(
                mending,
                header,
                [backup, &[]],
                &Contents::Store(of),
                now,
            )),
            Access::ReadOnly | Access::Repair => Err(Refusal::BackupUnreadable),
        };
    }
    let bytes = mending.valid().to_vec();
    Ok(Plan {
        header,
        position: mending.position,
        chain: mending.chain,
        backup: BackupPlan::Keep(bytes.len() as u64),
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
fn finish(
    mending: Mending<'_>,
    header: Header,
    [log, backup]: [&[u8]; 2],
    of_backup: &Contents<'_>,
    access: Access,
    now: &str,
) -> Result<Plan, Refusal> {
    let torn = !mending.left.is_empty();
    let mut behind = Behind::default();
    if torn {
        behind.look(mending.rest(), Some(mending.in_place.crc), |_| ());
    }
    if of_backup.is_of(&header) && !mending.valid().starts_with(trimmed(backup)) {
        behind.look(backup, None, |_| ());
    }
    // A line that can be read says that one which can't was on disk: it was acknowledged, so this
    // is no torn write. The state that a generation begins with is on disk before it is renamed into
    // place, so no part of it can be torn either.
    if (behind.durable > mending.position.revision && !planted(Bug::TakeDamageForTornTail))
        || (mending.position.base_left > 0 && !planted(Bug::TakeLostBaseForTornTail))
    {
        return match access {
            Access::Salvage => Ok(salvage(mending, header, [log, backup], of_backup, now)),
            Access::ReadOnly | Access::Repair => Err(Refusal::Damaged {
                offset: mending.in_place.offset,
                revision: mending.position.revision,
            }),
        };
    }
    let LeftOver {
        offset,
        bytes,
        may_be_commits: acknowledged,
        is_typed,
    } = mending.left;
    let valid = mending.valid();
    let mut repairs = Vec::new();
    if let Some(offset) = mending.mended_at {
        repairs.push(Repair::Mended { offset, kept: None });
    }
    let revision = mending.position.revision;
    if torn {
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
    // A log of an earlier life than its backup: somebody put an old copy in its place.
    if matches!(of_backup, Contents::Store(of) if of.header.generation > header.generation) {
        let seen = newest_of(backup);
        if seen > revision {
            repairs.push(Repair::Behind { revision, seen });
        }
    }
    Ok(Plan {
        backup: plan_backup(valid, &header, backup, of_backup),
        image: match (mending.mended_at, torn) {
            (Some(_), _) => Image::Write(valid.to_vec()),
            (None, true) => Image::Cut,
            (None, false) => Image::Keep,
        },
        keep_log: mending.mended_at.is_some() || (torn && (acknowledged || is_typed)),
        repairs,
        header,
        position: mending.position,
        chain: mending.chain,
        entries: mending.replay.into_entries(),
    })
}

/// The newest revision of the lines of a file, damaged or not.
fn newest_of(bytes: &[u8]) -> u64 {
    let mut newest = 0;
    Behind::default().look(bytes, None, |record| newest = newest.max(record.revision));
    newest
}

/// The backup belongs to the log if it is the beginning of it.
fn plan_backup(
    valid: &[u8],
    header: &Header,
    backup: &[u8],
    of_backup: &Contents<'_>,
) -> BackupPlan {
    let written = trimmed(backup);
    if !written.is_empty() && valid.starts_with(written) {
        // A line feed at the end was trimmed along with the blanks.
        let known = written.len();
        let more = valid[known..]
            .iter()
            .zip(&backup[known..])
            .take_while(|(one, other)| one == other);
        return BackupPlan::Keep((known + more.count()) as u64);
    }
    match of_backup {
        Contents::Nothing => BackupPlan::Renew {
            keep: false,
            report: true,
        },
        // An earlier life, which a crash during compaction leaves, or this one with its end torn.
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

/// Everything that can be read, on both sides of what can't, as the beginning of a new life. `log` is
/// as it was found: mending may have covered lines that are good.
fn salvage(
    mending: Mending<'_>,
    header: Header,
    [log, backup]: [&[u8]; 2],
    of_backup: &Contents<'_>,
    now: &str,
) -> Plan {
    let reached = mending.position.revision;
    let before = reached.saturating_sub(header.revision);
    let is_whole = mending.position.base_left == 0;
    let is_new = |revision| revision > reached || revision == reached && !is_whole;
    let mut behind: Vec<Record> = Vec::new();
    Behind::default().look(log, None, |record| {
        if is_new(record.revision) {
            behind.push(record);
        }
    });
    if matches!(of_backup, Contents::Store(of) if of.header == header) {
        let of_log: BTreeSet<u64> = behind.iter().map(|record| record.revision).collect();
        Behind::default().look(backup, None, |record| {
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
    let generation = match of_backup {
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
        now,
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

/// Without the blanks at the end.
pub(in crate::backend::file) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| !is_blank(&[*byte]))
        .map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Reads both files, decides, and puts right what is to be put right. Where a sync fails, the
/// generation in question is in `doubt` from then on.
///
/// # Errors
///
/// A refusal of the decision table, with the files as they were; or the disk's.
pub(crate) fn recover(
    disk: &dyn Disk,
    paths: &Paths,
    access: Access,
    doubt: &dyn Fn(u64),
) -> Result<Recovered, Error> {
    examine(disk, paths, access)?.carry_out(disk, paths, doubt)
}

/// Both files as they were found, and what is to be done about them. Nothing is changed yet.
pub(crate) struct Examined {
    log: Loaded,
    backup: LoadedBackup,
    plan: Plan,
    access: Access,
}

/// Reads both files, and decides.
///
/// # Errors
///
/// A refusal of the decision table, or the disk's.
pub(crate) fn examine(disk: &dyn Disk, paths: &Paths, access: Access) -> Result<Examined, Error> {
    let how = if access == Access::ReadOnly {
        Open::Read
    } else {
        Open::Write
    };
    let (log, backup, plan) = look(disk, paths, access, how)?;
    Ok(Examined {
        log,
        backup,
        plan,
        access,
    })
}

fn remove_stale(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    for stale in [&paths.new_log, &paths.new_backup] {
        if planted(Bug::ReuseStaleNewFile) {
            break;
        }
        match disk.remove(stale) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::io("a stale file cannot be removed", stale, error));
            }
        }
    }
    Ok(())
}

impl Examined {
    /// What the log is to what is known.
    pub(in crate::backend::file) fn kin_of(&self, known: &Log) -> Kin {
        let Plan {
            header,
            position,
            chain,
            ..
        } = &self.plan;
        lineage::compare(known, header, position, chain)
    }

    pub(in crate::backend::file) fn revision(&self) -> u64 {
        self.plan.position.revision
    }

    /// The log as it was found.
    pub(in crate::backend::file) fn log(&self) -> &[u8] {
        &self.log.1
    }

    /// Something of the log is missing or unreadable, where it stands: somebody who puts an older one in its
    /// place leaves a whole one, and none that its backup has more of.
    pub(in crate::backend::file) fn is_damaged(&self) -> bool {
        let is_told = |repair: &Repair| !matches!(repair, Repair::BackupRenewed { .. });
        self.plan.repairs.iter().any(is_told)
    }

    /// Whether the files were the same then.
    pub(in crate::backend::file) fn is_as(&self, before: &Examined) -> bool {
        let bytes = |examined: &Examined| examined.backup.1.bytes(&examined.log.1).len();
        self.log.1[..] == before.log.1[..] && bytes(self) == bytes(before)
    }

    /// Puts right what is to be put right.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(in crate::backend::file) fn carry_out(
        self,
        disk: &dyn Disk,
        paths: &Paths,
        doubt: &dyn Fn(u64),
    ) -> Result<Recovered, Error> {
        let Examined {
            log: (log_file, log),
            backup: (backup_file, held),
            mut plan,
            access,
        } = self;
        if access != Access::ReadOnly {
            remove_stale(disk, paths)?;
        }
        // The parts of a log keep all of it in memory: too much, where most of it is history.
        if plan.entries.bytes() < log.len() as u64 / 2 {
            plan.entries.settle();
        }
        let backup = held.bytes(&log);
        if access == Access::ReadOnly {
            let file = log_file.ok_or_else(|| Refusal::Nothing.into_error(paths))?;
            // A line that has no end may be one that is being written: nothing to report. What was put
            // back is put back in memory alone.
            let mut repairs = plan.repairs;
            repairs.retain(|repair| !matches!(repair, Repair::CutOff { .. }));
            return Ok(Recovered {
                log: Log::new(file, plan.header, plan.position, plan.chain, 0),
                backup: None,
                entries: plan.entries,
                repairs,
                created: false,
                was_emptied: false,
            });
        }
        put_right(
            disk,
            paths,
            plan,
            (log_file, &log),
            (backup_file, backup),
            doubt,
        )
    }
}

/// Keeps copies of what is to be kept, and writes both files as the plan says.
fn put_right(
    disk: &dyn Disk,
    paths: &Paths,
    plan: Plan,
    (log_file, log): (Option<Arc<dyn DiskFile>>, &[u8]),
    (backup_file, backup): (Option<Arc<dyn DiskFile>>, &[u8]),
    doubt: &dyn Fn(u64),
) -> Result<Recovered, Error> {
    let generation = plan.header.generation;
    let sync_failed = |what: &'static str| {
        move |error| {
            doubt(generation);
            Error::io(what, &paths.log, error)
        }
    };

    let created = plan.repairs.is_empty() && matches!(plan.image, Image::Write(_));
    let was_emptied = created && (log_file.is_some() || backup_file.is_some());
    let mut repairs = Vec::new();
    let kept = match plan.keep_log && !is_blank(log) && !planted(Bug::KeepNoCopyOfDamage) {
        true => Some(keep_copy(disk, paths, log)?),
        false => None,
    };
    for mut repair in plan.repairs {
        repair.keep(kept.clone());
        repairs.push(repair);
    }
    let (file, bytes, filled) = match (plan.image, log_file) {
        (Image::Keep, Some(file)) => {
            // Another process may have died between writing and syncing: what is read here is about
            // to be shown, so it must be on disk first.
            // So must its name: who compacted may have died before that.
            if !planted(Bug::RecoveryDoesNotSync) {
                file.sync_data()
                    .and_then(|()| disk.sync_dir(&paths.dir))
                    .map_err(sync_failed("the log cannot be synced"))?;
            }
            let filled = log.len() as u64;
            (
                file,
                Cow::Borrowed(&log[..plan.position.offset as usize]),
                filled,
            )
        }
        (Image::Cut, Some(file)) => {
            file.set_len(plan.position.offset)
                .and_then(|()| file.sync_all())
                .and_then(|()| disk.sync_dir(&paths.dir))
                .map_err(sync_failed("the end of the log cannot be cut off"))?;
            (
                file,
                Cow::Borrowed(&log[..plan.position.offset as usize]),
                plan.position.offset,
            )
        }
        (Image::Write(bytes), _) => {
            let file = write_file(disk, paths, &paths.new_log, &paths.log, &bytes, &mut |_| ())
                .inspect_err(|failure| {
                    if failure.in_doubt {
                        doubt(generation);
                    }
                })?;
            let filled = bytes.len() as u64;
            (file, Cow::Owned(bytes), filled)
        }
        (Image::Keep | Image::Cut, None) => return Err(Refusal::Nothing.into_error(paths)),
    };
    let backup = match (plan.backup, backup_file) {
        (BackupPlan::Keep(len), Some(file)) => {
            if backup.len() as u64 != len {
                file.set_len(len)
                    .map_err(|error| Error::io("the backup cannot be cut", &paths.backup, error))?;
            }
            file
        }
        (BackupPlan::Renew { keep, report }, _) => {
            let kept = match keep && !is_blank(backup) {
                true => Some(keep_copy(disk, paths, backup)?),
                false => None,
            };
            if report {
                repairs.push(Repair::BackupRenewed { kept });
            }
            write_file(
                disk,
                paths,
                &paths.new_backup,
                &paths.backup,
                &bytes,
                &mut |_| (),
            )?
        }
        (BackupPlan::Keep(_), None) => write_file(
            disk,
            paths,
            &paths.new_backup,
            &paths.backup,
            &bytes,
            &mut |_| (),
        )?,
    };
    Ok(Recovered {
        log: Log::new(file, plan.header, plan.position, plan.chain, filled),
        backup: Some(Backup::new(backup)),
        entries: plan.entries,
        repairs,
        created,
        was_emptied,
    })
}

/// Reads both files and decides. Who only looks has no lock and may read while others write, so that
/// what seems damaged is looked at again.
fn look(
    disk: &dyn Disk,
    paths: &Paths,
    access: Access,
    how: Open,
) -> Result<(Loaded, LoadedBackup, Plan), Error> {
    let mut tries = if access == Access::ReadOnly { 5 } else { 1 };
    loop {
        let log = load(disk, &paths.log, how)?;
        let (backup, held) = load_backup(disk, &paths.backup, how, &log.1)?;
        tries -= 1;
        let bytes = held.bytes(&log.1);
        match decide(&log.1, bytes, &paths.name, access, &now()) {
            Ok(plan) => return Ok((log, (backup, held), plan)),
            Err(Refusal::Damaged { .. } | Refusal::BackupUnreadable | Refusal::Nothing)
                if tries > 0 => {}
            Err(refusal) => return Err(refusal.into_error(paths)),
        }
    }
}

/// Refuses files that are none of this store's before there is a lock file, so that none is left beside them.
/// What else may be wrong is judged under the lock.
pub(crate) fn refuse_unlocked(disk: &dyn Disk, paths: &Paths, access: Access) -> Result<(), Error> {
    let is_there = |path| matches!(disk.identify(path), Ok(Some(_)));
    if is_there(&paths.lock) || !is_there(&paths.log) {
        return Ok(());
    }
    match look(disk, paths, access, Open::Read) {
        Err(error) if matches!(error.kind(), ErrorKind::NotAStore | ErrorKind::NewerFormat) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// An open file and all its bytes; nothing of either where it is absent.
pub(crate) type Loaded = (Option<Arc<dyn DiskFile>>, Buffer);

pub(crate) fn load(disk: &dyn Disk, path: &std::path::Path, how: Open) -> Result<Loaded, Error> {
    let Some(file) = open(disk, path, how)? else {
        return Ok((None, Vec::new().into()));
    };
    let bytes = read_whole(&*file).map_err(|error| unreadable(path, error))?;
    Ok((Some(file), bytes.into()))
}

/// A backup that was there, and its bytes.
type LoadedBackup = (Option<Arc<dyn DiskFile>>, Held);

/// The bytes of a backup. Nearly always they are the beginning of the log, and then they are not kept twice.
enum Held {
    OfLog(usize),
    Own(Vec<u8>),
}

impl Held {
    fn bytes<'a>(&'a self, log: &'a [u8]) -> &'a [u8] {
        match self {
            Held::OfLog(len) => &log[..*len],
            Held::Own(bytes) => bytes,
        }
    }
}

fn load_backup(
    disk: &dyn Disk,
    path: &std::path::Path,
    how: Open,
    log: &[u8],
) -> Result<LoadedBackup, Error> {
    let Some(file) = open(disk, path, how)? else {
        return Ok((None, Held::OfLog(0)));
    };
    let held = match begins(log, &*file) {
        Ok(Some(len)) => Ok(Held::OfLog(len)),
        Ok(None) => read_whole(&*file).map(Held::Own),
        Err(error) => Err(error),
    };
    let held = held.map_err(|error| unreadable(path, error))?;
    Ok((Some(file), held))
}

/// How long a file is, if these bytes begin with it.
fn begins(bytes: &[u8], file: &dyn DiskFile) -> io::Result<Option<usize>> {
    let mut part = vec![0; PART / 8];
    let mut known = 0;
    loop {
        let read = read_full(file, &mut part, known as u64)?;
        if !bytes[known..].starts_with(&part[..read]) {
            return Ok(None);
        }
        known += read;
        if read < part.len() {
            return Ok(Some(known));
        }
    }
}

fn unreadable(path: &std::path::Path, error: io::Error) -> Error {
    Error::io("the file cannot be read", path, error)
}

/// `None` where there is none.
fn open(
    disk: &dyn Disk,
    path: &std::path::Path,
    how: Open,
) -> Result<Option<Arc<dyn DiskFile>>, Error> {
    Ok(Some(match disk.open(path, how) {
        Ok(file) => file.into(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(Error::new(ErrorKind::NotAStore, "this is not a regular file")
                .help("a store's files must not be links, pipes or directories: move it away, or choose another name or directory")
                .path(path)
                .caused_by(error));
        }
        Err(error) => return Err(Error::io("the file cannot be opened", path, error)),
    }))
}

/// Why a file was not written.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) error: Error,
    /// It may stand in its place all the same, now or after a power cut. Otherwise everything is as it
    /// was.
    pub(crate) in_doubt: bool,
}

impl WriteError {
    /// Whether there was no room for it, and everything is as it was.
    pub(crate) fn is_full(&self) -> bool {
        self.error.kind() == ErrorKind::NoSpace && !self.in_doubt
    }
}

impl From<WriteError> for Error {
    fn from(failure: WriteError) -> Error {
        failure.error
    }
}

/// Whether two files are still at their paths, after a move of one over the other that failed.
fn is_unmoved(
    disk: &dyn Disk,
    (new, id): (&std::path::Path, FileId),
    (to, before): (&std::path::Path, Option<Found>),
) -> bool {
    let is_at = |path, id: Option<FileId>| {
        disk.identify(path)
            .is_ok_and(|found| found.map(|found| found.id) == id)
    };
    is_at(new, Some(id)) && is_at(to, before.map(|before| before.id))
}

/// How many bytes are written before it is told how far it is.
const PART: usize = 1024 * 1024;

/// Writes a file under another name, syncs it and moves it into place. `written` is told how far it is.
pub(crate) fn write_file(
    disk: &dyn Disk,
    paths: &Paths,
    new: &std::path::Path,
    to: &std::path::Path,
    bytes: &[u8],
    written: &mut dyn FnMut(u64),
) -> Result<Arc<dyn DiskFile>, WriteError> {
    let create = || -> io::Result<Arc<dyn DiskFile>> {
        // One that a killed process left. The lock is held, so nobody is writing it.
        let how = match planted(Bug::ReuseStaleNewFile) {
            true => Open::Create,
            false => Open::CreateNew,
        };
        if how == Open::CreateNew {
            match disk.remove(new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = disk.open(new, how)?;
        if !planted(Bug::KeepNoOwner) {
            file.take_after(&[to, &paths.log, &paths.backup, &paths.lock])?;
        }
        Ok(file.into())
    };
    put_in_place(disk, paths, create, (new, to), bytes, written)
}

/// Writes these bytes to a file that stands under another name, syncs it and moves it into place.
pub(in crate::backend::file) fn put_in_place(
    disk: &dyn Disk,
    paths: &Paths,
    file: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    (new, to): (&std::path::Path, &std::path::Path),
    bytes: &[u8],
    written: &mut dyn FnMut(u64),
) -> Result<Arc<dyn DiskFile>, WriteError> {
    let mut in_doubt = false;
    let write = || -> io::Result<Arc<dyn DiskFile>> {
        let file = file()?;
        let mut offset = 0;
        for part in bytes.chunks(PART) {
            write_full(&*file, part, offset)?;
            offset += part.len() as u64;
            written(offset);
        }
        if file.len()? > offset && !planted(Bug::ReuseStaleNewFile) {
            // There was something else in it.
            file.set_len(offset)?;
        }
        if !planted(Bug::SkipFileSyncBeforeRename) {
            file.sync_all()?;
        }
        let before = disk.identify(to)?;
        let outcome = disk.rename(new, to);
        // Where it failed and both are where they were, nothing has happened, and the log that there is goes
        // on: a system may refuse the move as long as somebody has the file open.
        in_doubt = outcome.is_ok()
            || planted(Bug::DoubtRefusedRename)
            || !is_unmoved(disk, (new, file.id()), (to, before));
        outcome?;
        if !planted(Bug::SkipDirectorySyncAfterRename) {
            disk.sync_dir(&paths.dir)?;
        }
        Ok(file)
    };
    match write() {
        Ok(file) => Ok(file),
        Err(error) => {
            // What is left of it would be in the way of the next attempt; that one removes it too.
            let _ = disk.remove(new);
            let error = Error::io("the file cannot be written", to, error);
            Err(WriteError { error, in_doubt })
        }
    }
}

/// Keeps a copy of what was found, under the first free name of `<name>.db.damaged-<n>`.
pub(in crate::backend::file) fn keep_copy(
    disk: &dyn Disk,
    paths: &Paths,
    bytes: &[u8],
) -> Result<PathBuf, Error> {
    for number in 1_u32.. {
        let path = paths.damaged(number);
        let keep = || -> io::Result<bool> {
            let file = match disk.open(&path, Open::CreateNew) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // A recovery that crashed itself has kept these bytes before.
                    return holds(disk, &path, bytes);
                }
                Err(error) => return Err(error),
            };
            file.take_after(&[&paths.log, &paths.backup, &paths.lock])?;
            write_full(&*file, bytes, 0)?;
            file.sync_all()?;
            disk.sync_dir(&paths.dir)?;
            Ok(true)
        };
        match keep() {
            Ok(true) => return Ok(path),
            Ok(false) => {}
            Err(error) => {
                return Err(Error::io(
                    "no copy of the damaged file can be kept",
                    path,
                    error,
                ));
            }
        }
    }
    Err(Error::new(ErrorKind::Io, "there are too many damaged copies").path(&paths.dir))
}

fn holds(disk: &dyn Disk, path: &std::path::Path, bytes: &[u8]) -> io::Result<bool> {
    let Ok(file) = disk.open(path, Open::Read) else {
        return Ok(false);
    };
    if file.len()? != bytes.len() as u64 {
        return Ok(false);
    }
    let mut held = vec![0; bytes.len()];
    Ok(read_full(&*file, &mut held, 0)? == bytes.len() && held == bytes)
}

impl Repair {
    fn keep(&mut self, path: Option<PathBuf>) {
        match self {
            Repair::Mended { kept, .. }
            | Repair::CutOff { kept, .. }
            | Repair::BackupRenewed { kept }
            | Repair::Salvaged { kept, .. } => *kept = path,
            Repair::Restored { .. }
            | Repair::Behind { .. }
            | Repair::Emptied { .. }
            | Repair::Healed => {}
        }
    }
}

impl Refusal {
    fn into_error(self, paths: &Paths) -> Error {
        let error = match self {
            Refusal::Nothing => Error::new(ErrorKind::NotAStore, "there is no store here")
                .help("open it once without `.read_only()` to create it, or look at its name and directory"),
            Refusal::Foreign => Error::new(ErrorKind::NotAStore, "this file was not written by worsen")
                .help("nothing was changed; move it away, or choose another name or directory"),
            Refusal::OtherStore(name) => Error::new(
                ErrorKind::NotAStore,
                format!("this file is the log of the store `{}`", name.escape_debug()),
            )
            .help("open it by that name; a log cannot be renamed"),
            Refusal::Newer(format) => Error::new(
                ErrorKind::NewerFormat,
                format!("this file has format {format}, and this version of worsen reads up to {FORMAT}"),
            )
            .help("nothing was changed; use a newer version of worsen"),
            Refusal::Damaged { offset, revision } => Error::new(
                ErrorKind::Damaged,
                format!("the log cannot be read from byte {offset} on, behind revision {revision}, and the backup does not hold what is missing"),
            )
            .help("nothing was changed; restore the file from a copy, or open with `.salvage()` to go on with what can be read"),
            Refusal::BackupUnreadable => Error::new(
                ErrorKind::Damaged,
                "the log is missing or empty, and the backup cannot be read",
            )
            .help("nothing was changed; restore either file from a copy, remove both to begin anew, or open with `.salvage()`"),
        };
        error.path(&paths.log)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::shared_str::SharedStr;

    /// However many changes are gathered, the state is the one that they lead to one by one.
    #[test]
    fn changes_put_in_order_together_lead_where_they_lead_one_by_one() {
        let mut random = 1_u32;
        let mut random = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        for many in [1, 2, 7, 50, 100_000] {
            for uids in [3, 40, 700] {
                let mut replay = Replay {
                    many,
                    ..Replay::default()
                };
                let mut expected = BTreeMap::<SharedStr, SharedStr>::new();
                for revision in 0..900 {
                    let mut changes: Vec<Entry> = Vec::new();
                    for _ in 0..random(4) {
                        let uid: SharedStr = format!("uid/{}", random(uids)).into();
                        let json: Option<SharedStr> =
                            (random(3) > 0).then(|| revision.to_string().into());
                        match &json {
                            Some(json) => expected.insert(uid.clone(), json.clone()),
                            None => expected.remove(&uid),
                        };
                        changes.push((uid, json));
                    }
                    replay.apply(Record {
                        revision,
                        at: "".into(),
                        pid: 1,
                        durable: None,
                        changes,
                    });
                }
                let entries = replay.into_entries();
                assert!(entries.iter().eq(&expected), "{many} of {uids} uids");
                assert_eq!(entries.len(), expected.len());
            }
        }
    }
}

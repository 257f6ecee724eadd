//! The files of a store as they are, judged as at opening, and left alone: for whoever asks whether they are whole.
//! Never here: what is put right, and the lock.
//!
//! Others may be writing them. The backup is read first: it is the beginning of the log, so what it holds is in the
//! log that is read after it. What seems to be wrong is looked at again a little later, for a line that is being
//! written looks torn.

use std::{path::Path, thread, time::Duration};

use super::{
    assembly::lines,
    inspect::load,
    plan::{BackupPlan, Plan, decide},
    refusal::Refusal,
};
use crate::{
    backend::{
        file::{
            disk::{Disk, Open},
            format::{Crc, Header, Record, claimed_crc, is_blank, is_header, trimmed},
            paths::Paths,
        },
        now,
    },
    error::{self, Error},
    options::Access,
    repair::Repair,
    shared_str::Buffer,
};

/// What the files of a store hold, and what opening it would do about them.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The store's name, as its header has it.
    pub(crate) store: String,
    pub(crate) generation: u64,
    /// The newest revision that can be read, and how many commits this generation has up to there.
    pub(crate) revision: u64,
    pub(crate) commits: u64,
    pub(crate) entries: usize,
    /// Of the log, without what it is filled ahead with.
    pub(crate) bytes: u64,
    pub(crate) has_backup: bool,
    /// Bytes of the log that are no valid line, each as where they begin and how many they are.
    pub(crate) unreadable: Vec<(u64, u64)>,
    pub(crate) repairs: Vec<Repair>,
    pub(crate) refusal: Option<Error>,
}

/// How often files are read that seem to be damaged.
const ATTEMPTS: u32 = 5;

/// Looks at the log at this path, and at the backup beside it; so long after that once more, where they seem to be
/// damaged.
///
/// # Errors
///
/// Where neither is there, or they are no files of a store that this version reads; and those of the disk.
pub(crate) fn survey(disk: &dyn Disk, log: &Path, pause: Duration) -> Result<Survey, Error> {
    let dir = match log.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut before = None;
    let mut attempt = 1;
    loop {
        let paths = Paths::of_log(dir, "", log.to_path_buf());
        let (backup_file, backup) = load(disk, &paths.backup, Open::Read)?;
        let (log_file, bytes) = load(disk, &paths.log, Open::Read)?;
        if log_file.is_none() && backup_file.is_none() {
            return Err(error::recovery::nothing_to_check(log));
        }
        let is_same = before
            .as_ref()
            .is_some_and(|before| *before == (bytes.len(), backup.len()));
        let name = name_of(&bytes).or_else(|| name_of(&backup));
        let paths = Paths::of_log(dir, &name.unwrap_or_else(|| stem(log)), log.to_path_buf());
        let found = judge(&bytes, (backup_file.is_some(), &backup), &paths)?;
        if found.is_whole() || is_same || attempt == ATTEMPTS {
            return Ok(found);
        }
        before = Some((bytes.len(), backup.len()));
        attempt += 1;
        thread::sleep(pause);
    }
}

/// The name that the first header of a file gives.
fn name_of(bytes: &[u8]) -> Option<String> {
    lines(bytes)
        .filter(|line| is_header(line.text))
        .find_map(|line| Header::decode(line.text).ok())
        .map(|(header, _)| header.store)
}

/// The name that a file would have.
fn stem(log: &Path) -> String {
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".db").unwrap_or(&name).to_owned()
}

fn judge(
    log: &Buffer,
    (has_backup, backup): (bool, &[u8]),
    paths: &Paths,
) -> Result<Survey, Error> {
    if is_blank(log) && is_blank(backup) {
        return Err(error::recovery::nothing_in_the_files(&paths.log));
    }
    let name = &paths.name;
    let survey = |plan: &Plan, refusal| Survey {
        store: name.clone(),
        generation: plan.header.generation,
        revision: plan.position.revision,
        commits: plan.position.revision - plan.header.revision,
        entries: plan.entries.len(),
        bytes: trimmed(log).len() as u64,
        has_backup,
        unreadable: unreadable(log),
        repairs: repairs(plan),
        refusal,
    };
    match decide(log, backup, name, Access::Repair, &now()) {
        Ok(plan) => Ok(survey(&plan, None)),
        Err(refusal @ (Refusal::Damaged { .. } | Refusal::BackupUnreadable)) => {
            let revision = match refusal {
                Refusal::Damaged { revision, .. } => revision,
                _ => 0,
            };
            let refused = refusal.into_error(paths);
            // How much there is left, which salvaging would go on with.
            let left = decide(log, backup, name, Access::Salvage, &now())
                .map_err(|refusal| refusal.into_error(paths))?;
            let generation = left.header.generation.saturating_sub(1);
            Ok(Survey {
                generation,
                revision,
                commits: 0,
                repairs: Vec::new(),
                ..survey(&left, Some(refused))
            })
        }
        Err(refusal) => Err(refusal.into_error(paths)),
    }
}

/// What opening would tell.
fn repairs(plan: &Plan) -> Vec<Repair> {
    let mut repairs = plan.repairs.clone();
    if let BackupPlan::Renew { report: true, .. } = plan.backup {
        repairs.push(Repair::BackupRenewed { kept: None });
    }
    repairs
}

/// The parts of a log that are no valid line, nor blank. A line is valid behind the one before it, as that one's
/// checksum reads.
fn unreadable(log: &[u8]) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    let mut last = None::<Crc>;
    for line in lines(log) {
        let is_valid = line.has_end
            && match is_header(line.text) {
                true => line.offset == 0 && Header::decode(line.text).is_ok(),
                false => {
                    last.is_some_and(|last| Record::decode(line.text, last, Buffer::NONE).is_some())
                }
            };
        let end = (line.offset + line.text.len()) as u64;
        last = claimed_crc(line.text).or(last);
        if is_valid {
            continue;
        }
        match found.last_mut() {
            // Between them is nothing but the end of a line.
            Some((begin, bytes)) if *begin + *bytes + 1 >= line.offset as u64 => {
                *bytes = end - *begin;
            }
            _ => found.push((line.offset as u64, end - line.offset as u64)),
        }
    }
    found
}

impl Survey {
    /// Whether there is nothing to put right but a backup that is not there.
    pub(crate) fn is_whole(&self) -> bool {
        let is_fine = |repair: &Repair| matches!(repair, Repair::BackupRenewed { .. });
        self.refusal.is_none()
            && self.unreadable.is_empty()
            && self
                .repairs
                .iter()
                .all(|repair| is_fine(repair) && !self.has_backup)
    }
}

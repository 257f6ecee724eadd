//! Carrying a plan out, in such an order that a crash in between leaves the same to be decided again: first
//! the copies that are kept, then the log, then the backup. Never here: judging what was found.

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    inspect::Files,
    plan::{BackupPlan, Image, Plan},
    refusal::Refusal,
};
use crate::{
    backend::{
        Entries,
        file::{
            backup::Backup,
            disk::{
                Disk, DiskFile, Open,
                replace::write_file,
                transfer::{read_full, write_full},
            },
            format::{Position, is_blank},
            log::Log,
            paths::Paths,
        },
    },
    error::{self, Error},
    planted::{Bug, planted},
    repair::Repair,
};

/// The log and the backup, fit for use, and the state they hold.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) log: Log,
    /// `None` where the store is only read.
    pub(crate) backup: Option<Backup>,
    pub(crate) entries: Entries,
    pub(crate) repairs: Vec<Repair>,
    /// There was no store.
    pub(crate) created: bool,
    /// One of the files was there all the same, with nothing in it.
    pub(crate) was_emptied: bool,
}

/// Applies the plan in memory alone, where the store is only read.
pub(super) fn apply_in_memory(plan: Plan, files: Files, paths: &Paths) -> Result<Recovered, Error> {
    let file = files.log_file;
    let file = file.ok_or_else(|| Refusal::Nothing.into_error(paths))?;
    // A line that has no end may be one that is being written: nothing to report. What was put
    // back is put back in memory alone.
    let mut repairs = plan.repairs;
    repairs.retain(|repair| !matches!(repair, Repair::CutOff { .. }));
    Ok(Recovered {
        log: Log::new(file, plan.header, plan.position, plan.chain, 0),
        backup: None,
        entries: plan.entries,
        repairs,
        created: false,
        was_emptied: false,
    })
}

/// Removes what a process left that was killed while it wrote a file anew.
pub(super) fn remove_stale(disk: &dyn Disk, paths: &Paths) -> Result<(), Error> {
    for stale in [&paths.new_log, &paths.new_backup] {
        if planted(Bug::ReuseStaleNewFile) {
            break;
        }
        match disk.remove(stale) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error::recovery::stale_file_stays(stale, error));
            }
        }
    }
    Ok(())
}

/// Keeps copies of what is to be kept, and writes both files as the plan says. Where a sync fails, the
/// generation is in `doubt` from then on.
pub(super) fn put_right(
    disk: &dyn Disk,
    paths: &Paths,
    plan: Plan,
    files: Files,
    doubt: &dyn Fn(u64),
) -> Result<Recovered, Error> {
    let Files {
        log_file,
        log,
        backup_file,
        backup,
    } = files;
    let backup = backup.bytes(&log);
    let created = plan.repairs.is_empty() && matches!(plan.image, Image::Write(_));
    let was_emptied = created && (log_file.is_some() || backup_file.is_some());
    let kept = match plan.keep_log && !is_blank(&log) && !planted(Bug::KeepNoCopyOfDamage) {
        true => Some(keep_copy(disk, paths, &log)?),
        false => None,
    };
    let mut repairs = plan.repairs;
    for repair in &mut repairs {
        repair.keep(kept.clone());
    }
    let doubt = || doubt(plan.header.generation);
    let new = put_log_right(
        (disk, paths),
        plan.image,
        &plan.position,
        (log_file, &log),
        &doubt,
    )?;
    let (backup, renewed) = put_backup_right(
        (disk, paths),
        plan.backup,
        (backup_file, backup),
        &new.bytes,
    )?;
    repairs.extend(renewed);
    Ok(Recovered {
        log: Log::new(new.file, plan.header, plan.position, plan.chain, new.filled),
        backup: Some(Backup::new(backup)),
        entries: plan.entries,
        repairs,
        created,
        was_emptied,
    })
}

/// A log as the plan wants it.
struct LogPutRight<'a> {
    file: Arc<dyn DiskFile>,
    bytes: Cow<'a, [u8]>,
    /// How far the file reaches, blanks included.
    filled: u64,
}

fn put_log_right<'a>(
    (disk, paths): (&dyn Disk, &Paths),
    image: Image,
    position: &Position,
    (file, log): (Option<Arc<dyn DiskFile>>, &'a [u8]),
    doubt: &dyn Fn(),
) -> Result<LogPutRight<'a>, Error> {
    let sync_failed = |refused: fn(&Path, io::Error) -> Error| {
        move |error| {
            doubt();
            refused(&paths.log, error)
        }
    };
    let valid = |log: &'a [u8]| Cow::Borrowed(&log[..position.offset as usize]);
    Ok(match (image, file) {
        (Image::Keep, Some(file)) => {
            // Another process may have died between writing and syncing: what is read here is about
            // to be shown, so it must be on disk first.
            // So must its name: the process that compacted may have died before it synced that.
            if !planted(Bug::RecoveryDoesNotSync) {
                file.sync_data()
                    .and_then(|()| disk.sync_dir(&paths.dir))
                    .map_err(sync_failed(error::file::log_not_synced))?;
            }
            LogPutRight {
                file,
                bytes: valid(log),
                filled: log.len() as u64,
            }
        }
        (Image::Cut, Some(file)) => {
            file.set_len(position.offset)
                .and_then(|()| file.sync_all())
                .and_then(|()| disk.sync_dir(&paths.dir))
                .map_err(sync_failed(error::recovery::end_cannot_be_cut))?;
            LogPutRight {
                file,
                bytes: valid(log),
                filled: position.offset,
            }
        }
        (Image::Write(bytes), _) => {
            let file = write_file(disk, paths, &paths.new_log, &paths.log, &bytes, &mut |_| ())
                .inspect_err(|failure| {
                    if failure.in_doubt {
                        doubt();
                    }
                })?;
            LogPutRight {
                file,
                filled: bytes.len() as u64,
                bytes: Cow::Owned(bytes),
            }
        }
        (Image::Keep | Image::Cut, None) => return Err(Refusal::Nothing.into_error(paths)),
    })
}

/// The backup, and what is told if it was written anew.
fn put_backup_right(
    (disk, paths): (&dyn Disk, &Paths),
    plan: BackupPlan,
    (file, found): (Option<Arc<dyn DiskFile>>, &[u8]),
    log: &[u8],
) -> Result<(Arc<dyn DiskFile>, Option<Repair>), Error> {
    let renew = || {
        let (new, to) = (&paths.new_backup, &paths.backup);
        write_file(disk, paths, new, to, log, &mut |_| ())
    };
    match (plan, file) {
        (BackupPlan::Keep(len), Some(file)) => {
            if found.len() as u64 != len {
                file.set_len(len)
                    .map_err(|error| error::recovery::backup_cannot_be_cut(&paths.backup, error))?;
            }
            Ok((file, None))
        }
        (BackupPlan::Renew { keep, report }, _) => {
            let kept = match keep && !is_blank(found) {
                true => Some(keep_copy(disk, paths, found)?),
                false => None,
            };
            let renewed = report.then_some(Repair::BackupRenewed { kept });
            Ok((renew()?, renewed))
        }
        (BackupPlan::Keep(_), None) => Ok((renew()?, None)),
    }
}

/// Keeps a copy of what was found, under the first free name of `<name>.db.damaged-<n>`.
pub(crate) fn keep_copy(disk: &dyn Disk, paths: &Paths, bytes: &[u8]) -> Result<PathBuf, Error> {
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
                return Err(error::recovery::no_copy(&path, error));
            }
        }
    }
    Err(error::recovery::too_many_copies(&paths.dir))
}

fn holds(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<bool> {
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
            | Repair::Migrated { .. }
            | Repair::Healed => {}
        }
    }
}

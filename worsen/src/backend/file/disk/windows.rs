//! Windows' files. Never here: what is asked of them, which the trait says.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use winapi_util::file::{Information, information};

use super::{Found, Open, not_regular};
use crate::backend::file::file_id::FileId;

/// FILE_FLAG_OPEN_REPARSE_POINT: opens a link itself, which is then found not to be regular.
const OPEN_LINK_ITSELF: u32 = 0x0020_0000;

/// FILE_FLAG_BACKUP_SEMANTICS: opens a directory too.
const OPEN_DIRECTORY_TOO: u32 = 0x0200_0000;

/// ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION: what Windows says of a file that is open.
const IN_USE: [i32; 2] = [5, 32];

pub(super) fn open(path: &Path, how: Open) -> io::Result<(File, FileId)> {
    // Handles are not inherited unless asked for, and access is the directory's: there is no
    // counterpart to O_CLOEXEC and to a mode.
    let file = OpenOptions::new()
        .read(true)
        .write(how != Open::Read)
        .create(how == Open::Create)
        .create_new(how == Open::CreateNew)
        .custom_flags(OPEN_LINK_ITSELF)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular(metadata.file_type()));
    }
    let id = id(&information(&file)?);
    Ok((file, id))
}

fn id(information: &Information) -> FileId {
    FileId {
        device: information.volume_serial_number(),
        inode: information.file_index(),
    }
}

pub(super) fn found(path: &Path) -> io::Result<Found> {
    let file = OpenOptions::new()
        .access_mode(0)
        .custom_flags(OPEN_LINK_ITSELF | OPEN_DIRECTORY_TOO)
        .open(path)?;
    let information = information(&file)?;
    Ok(Found {
        id: id(&information),
        len: information.file_size(),
    })
}

pub(super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buf, offset)
}

pub(super) fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(buf, offset)
}

/// Nothing: Windows keeps the caches of network drives in step.
pub(super) fn forget_cached(_file: &File) {}

/// As well.
pub(super) fn forget_name(_path: &Path) {}

pub(super) fn sync_data(file: &File) -> io::Result<()> {
    file.sync_data()
}

pub(super) fn sync_all(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Nothing: NTFS journals its directories, and Windows offers no way to wait for one.
pub(super) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir(dir)
}

/// A file that somebody has open cannot be moved over, other than by systems and file systems that know how
/// POSIX does it (NTFS from Windows 10 on). It can be moved itself, though. So it is moved aside, under a
/// number that is higher than any there is; until the other one stands in its place, `finish_rename` would
/// put it back. A process that has it open goes on reading it, and finds out as ever that another one is at its
/// path.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let error = match fs::rename(from, to) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let is_in_use = error
        .raw_os_error()
        .is_some_and(|code| IN_USE.contains(&code));
    if !is_in_use || !from.exists() || !to.exists() {
        return Err(error);
    }
    let aside = aside(to, put_aside(to)?.last().map_or(1, |(last, _)| last + 1));
    fs::rename(to, &aside)?;
    if let Err(error) = fs::rename(from, to) {
        fs::rename(&aside, to)?;
        return Err(error);
    }
    // One that somebody has open goes when they close it, or at the next move.
    let _ = fs::remove_file(&aside);
    Ok(())
}

pub(super) fn finish_rename(to: &Path) -> io::Result<()> {
    let mut all = match put_aside(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        all => all?,
    };
    if !to.try_exists()? {
        if let Some((_, newest)) = all.pop() {
            fs::rename(newest, to)?;
        }
    }
    for (_, old) in all {
        // It may be open elsewhere still.
        let _ = fs::remove_file(old);
    }
    Ok(())
}

/// `state.db.old-7`
fn aside(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".old-{number}"));
    name.into()
}

/// What was moved aside for this file, by its numbers.
fn put_aside(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut prefix: OsString = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".old-");
    let prefix = prefix.to_string_lossy();
    let mut all = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_string_lossy();
        let number = number
            .strip_prefix(&*prefix)
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            all.push((number, entry.path()));
        }
    }
    all.sort();
    Ok(all)
}

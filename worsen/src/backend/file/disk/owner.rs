//! Whose a file is, and who may use it: a file that takes the place of another one keeps that. Otherwise a
//! compaction by root, or by another member of a group, would shut everybody else out.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::{
    fs::{Gid, Mode, Uid, fchmod, fchown},
    io::Errno,
};

/// Reading and writing, for everybody.
const BITS: u32 = 0o666;
/// Reading and writing, for the group and for everybody else.
const GROUP: u32 = 0o060;
const OTHERS: u32 = 0o006;

/// Gives the file the owner, the group, the mode and the access list of the first of these files that is
/// there.
///
/// # Errors
///
/// Where that would shut the owner out: only root gives files away.
pub(super) fn take_after(file: &File, like: &[&Path]) -> io::Result<()> {
    // Not through a link: whose the file behind it is does not matter.
    let found = like.iter().find_map(|path| {
        let metadata = fs::symlink_metadata(path).ok()?;
        metadata.is_file().then_some((*path, metadata))
    });
    let Some((path, model)) = found else {
        return Ok(());
    };
    let own = file.metadata()?;
    let differs = |one: u32, other: u32| (one != other).then_some(one);
    let owner = differs(model.uid(), own.uid());
    let group = differs(model.gid(), own.gid());
    let mut has_group = true;
    if let Some(group) = group {
        has_group = fchown(file, None, Some(Gid::from_raw(group))).is_ok();
    }
    // Before it is given away, after which it is no longer this user's to change.
    let has_list = copy_access_list(file, path)?;
    if (own.mode() ^ model.mode()) & BITS != 0 || has_list {
        let mode = Mode::from_raw_mode((model.mode() & 0o777) as _);
        match fchmod(file, mode) {
            // A file system that has no modes.
            Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let Some(owner) = owner else {
        return Ok(());
    };
    match fchown(file, Some(Uid::from_raw(owner)), None) {
        Ok(()) => Ok(()),
        Err(_) if stays_open(&model, has_group) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the owner before can use a file that is another user's now.
fn stays_open(model: &Metadata, has_group: bool) -> bool {
    let may = |bits: u32| model.mode() & bits == bits;
    may(OTHERS) || has_group && may(GROUP)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy_access_list(file: &File, from: &Path) -> io::Result<bool> {
    use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, lgetxattr};

    const NAME: &str = "system.posix_acl_access";
    // As long as one can be on ext4 and xfs, by far.
    let mut list = vec![0; 64 * 1024];
    match lgetxattr(from, NAME, &mut list[..]) {
        Ok(length) => {
            fsetxattr(file, NAME, &list[..length], XattrFlags::empty())?;
            Ok(true)
        }
        // What the directory gives to new files was not given to this one.
        Err(Errno::NODATA) => match fremovexattr(file, NAME) {
            Ok(()) => Ok(true),
            Err(_) => Ok(false),
        },
        Err(_) => Ok(false),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn copy_access_list(_file: &File, _from: &Path) -> io::Result<bool> {
    Ok(false)
}

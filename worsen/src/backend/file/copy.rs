//! A copy of a store in a file of its own: the log up to one revision, line by line as it is. It is whole or not
//! there, and takes the place of nothing but an older copy of the same store. And the state that a copy holds.
//! Never here: when what is copied is durable, and what becomes of a state.
//!
//! The bytes of a log up to a commit that readers may see are never changed, as commits are appended and a new
//! generation is another file. So copying needs no lock, and nobody waits for it.

use std::{io, path::Path, sync::Arc};

use super::{
    disk::{
        Disk, DiskFile, Open,
        directory::create_directory,
        transfer::{read_full, write_full},
    },
    format::{Header, Position, is_blank, read_header},
    lineage::{Chain, Kin, Lineage},
    paths::Paths,
    recovery::examine,
};
use crate::{
    backend::{Copied, Entries},
    error::{self, Error},
    options::Access,
    planted::{Bug, planted},
    shared_str::Buffer,
};

/// How much is read and written at a time.
const PART_BYTES: usize = 1024 * 1024;

/// The files of the store that a copy would be, for the store of this name.
///
/// # Errors
///
/// Where the path cannot be that of a copy.
pub(crate) fn paths_of(copy: &Path, store: &str) -> Result<Paths, Error> {
    let is_named = copy
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.len() > ".db".len() && name.ends_with(".db"));
    if !is_named {
        return Err(error::transfer::not_the_name_of_a_copy(copy));
    }
    let dir = match copy.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    Ok(Paths::of_log(dir, store, copy.to_path_buf()))
}

/// Copies the log up to this revision, which readers may see. `tell` is told how many bytes are copied, and how
/// many there are about.
///
/// # Errors
///
/// Where the log cannot be read so far, where something else than an older copy stands there, and those of the
/// disk. What stands there then stays.
pub(crate) fn copy_log(
    disk: &dyn Disk,
    paths: &Paths,
    to: &Path,
    revision: u64,
    tell: &mut dyn FnMut(u64, u64),
) -> Result<Copied, Error> {
    let target = paths_of(to, &paths.name)?;
    let mut source = Source::open(disk, paths, revision)?;
    let disk = disk.for_copies();
    source.check_is_not(disk, &target)?;
    put(disk, &target, paths, &mut |new, target| {
        let copied = source.copy_to((new, &target.log), paths, tell)?;
        source.check_takes_place_of(disk, target)?;
        Ok(copied)
    })
}

/// Writes these bytes, which are a whole log at this revision, as a copy.
///
/// # Errors
///
/// As [`copy_log`].
pub(crate) fn write_copy(
    disk: &dyn Disk,
    store: &str,
    to: &Path,
    (bytes, revision): (&[u8], u64),
    tell: &mut dyn FnMut(u64, u64),
) -> Result<Copied, Error> {
    let target = paths_of(to, store)?;
    put(disk, &target, &target, &mut |new, target| {
        let total = bytes.len() as u64;
        let mut offset = 0;
        for part in bytes.chunks(PART_BYTES) {
            write_full(new, part, offset)
                .map_err(|error| error::transfer::copy_not_written(&target.log, error))?;
            offset += part.len() as u64;
            tell(offset, total);
        }
        // Of a store in memory nothing tells an older copy from that of another one: it replaces none.
        let (header, position) = header_of(bytes, &target.log)?;
        let source = Chain::of_header(position.crc);
        check_place(
            disk,
            target,
            Lineage {
                header: &header,
                position: &position,
                chain: &source,
            },
        )?;
        Ok(Copied {
            path: target.log.clone(),
            revision,
            bytes: total,
            is_clone: false,
        })
    })
}

fn header_of(bytes: &[u8], path: &Path) -> Result<(Header, Position), Error> {
    read_header(bytes).map_err(|_| error::transfer::log_not_copied(path, 0))
}

/// Writes a copy under another name by `fill`, and moves it into place.
fn put(
    disk: &dyn Disk,
    target: &Paths,
    like: &Paths,
    fill: &mut dyn FnMut(&dyn DiskFile, &Paths) -> Result<Copied, Error>,
) -> Result<Copied, Error> {
    create_directory(disk, &target.dir)?;
    let not_written = |error| error::transfer::copy_not_written(&target.log, error);
    match disk.remove(&target.new_log) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(not_written(error)),
        _ => {}
    }
    let new = disk
        .open(&target.new_log, Open::CreateNew)
        .map_err(not_written)?;
    let mut write = || {
        new.take_after(&[&target.log, &like.log])
            .map_err(not_written)?;
        let copied = fill(&*new, target)?;
        new.sync_all().map_err(not_written)?;
        disk.rename(&target.new_log, &target.log)
            .and_then(|()| disk.sync_dir(&target.dir))
            .map_err(not_written)?;
        Ok(copied)
    };
    write().inspect_err(|_| {
        // What is left of it would only take room; the next copy removes it too.
        let _ = disk.remove(&target.new_log);
    })
}

/// The log that is copied, as far as it was read.
struct Source {
    file: Arc<dyn DiskFile>,
    header: Header,
    position: Position,
    chain: Chain,
    revision: u64,
}

impl Source {
    fn open(disk: &dyn Disk, paths: &Paths, revision: u64) -> Result<Source, Error> {
        let unreadable = |error| error::file::log_unreadable(&paths.log, error);
        let file: Arc<dyn DiskFile> = disk
            .open(&paths.log, Open::Read)
            .map_err(unreadable)?
            .into();
        let mut bytes = vec![0; 4096];
        loop {
            let read = read_full(&*file, &mut bytes, 0).map_err(unreadable)?;
            let is_all = read < bytes.len();
            let line_ends = memchr::memchr(b'\n', &bytes[..read]).is_some();
            if line_ends || is_all {
                let (header, position) = header_of(&bytes[..read], &paths.log)?;
                return Ok(Source {
                    file,
                    chain: Chain::of_header(position.crc),
                    // A generation that began since holds its first state from its first line on.
                    revision: revision.max(header.revision),
                    header,
                    position,
                });
            }
            bytes.resize(2 * bytes.len(), 0);
        }
    }

    /// A store is no copy of itself.
    fn check_is_not(&self, disk: &dyn Disk, target: &Paths) -> Result<(), Error> {
        let found = disk
            .identify(&target.log)
            .map_err(|error| error::transfer::copy_not_written(&target.log, error))?;
        match found.is_some_and(|found| found.id == self.file.id()) {
            true => Err(error::transfer::not_a_copy(
                &target.log,
                "it is the log of this store itself",
            )),
            false => Ok(()),
        }
    }

    /// Copies, and looks at every line on the way: a log that rots would otherwise take the place of a good copy.
    fn copy_to(
        &mut self,
        (new, to): (&dyn DiskFile, &Path),
        paths: &Paths,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Copied, Error> {
        let not_written = |error| error::transfer::copy_not_written(to, error);
        let unreadable = |error| error::file::log_unreadable(&paths.log, error);
        let is_clone = new.clone_of(&*self.file).map_err(not_written)?;
        let total = self.file.len().map_err(unreadable)?;
        tell(0, total);
        let mut part = vec![0; PART_BYTES];
        let mut pending = Vec::new();
        let (mut offset, mut is_header) = (0, true);
        while !self.is_read() {
            let read = read_full(&*self.file, &mut part, offset).map_err(unreadable)?;
            if !is_clone {
                write_full(new, &part[..read], offset).map_err(not_written)?;
            }
            offset += read as u64;
            pending.extend_from_slice(&part[..read]);
            if is_header {
                pending.drain(..self.position.offset as usize);
                is_header = false;
            }
            self.scan(&mut pending);
            tell(offset.min(total), total);
            let is_end = read < part.len() || is_blank(&pending) && !pending.is_empty();
            if is_end && !self.is_read() {
                return Err(error::transfer::log_not_copied(
                    &paths.log,
                    self.position.revision,
                ));
            }
        }
        // Behind it stands what is no commit yet, and the filling.
        new.set_len(self.position.offset).map_err(not_written)?;
        tell(self.position.offset, self.position.offset);
        Ok(Copied {
            path: to.to_path_buf(),
            revision: self.position.revision,
            bytes: self.position.offset,
            is_clone,
        })
    }

    fn is_read(&self) -> bool {
        self.position.base_left == 0 && self.position.revision >= self.revision
    }

    /// Takes the whole lines of this, as far as they are wanted.
    fn scan(&mut self, pending: &mut Vec<u8>) {
        let mut taken = 0;
        while !self.is_read() {
            let rest = &pending[taken..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                break;
            };
            if self.position.step(&rest[..end], Buffer::NONE).is_none() {
                break;
            }
            self.chain.note(&self.header, &self.position);
            taken += end + 1;
        }
        pending.drain(..taken);
    }

    /// What stands at the place of the copy may go: it is an older copy of this store.
    fn check_takes_place_of(&self, disk: &dyn Disk, target: &Paths) -> Result<(), Error> {
        let source = Lineage {
            header: &self.header,
            position: &self.position,
            chain: &self.chain,
        };
        check_place(disk, target, source)
    }
}

/// Whether a copy of this log may stand there: nothing does, or an older copy.
fn check_place(disk: &dyn Disk, target: &Paths, copy: Lineage<'_>) -> Result<(), Error> {
    if planted(Bug::CopyOverAnything) {
        return Ok(());
    }
    let is_there = |path: &Path| {
        disk.identify(path)
            .map(|found| found.is_some())
            .map_err(|error| error::transfer::copy_not_written(path, error))
    };
    if is_there(&target.lock)? || is_there(&target.backup)? {
        return Err(error::transfer::not_a_copy(
            &target.log,
            "a program has opened it as a store, as the files beside it show",
        ));
    }
    if !is_there(&target.log)? {
        return Ok(());
    }
    let found = examine(disk, target, Access::ReadOnly)
        .map_err(|error| error::transfer::not_an_older_copy(&target.log, error))?;
    match found.kin_to(copy) {
        Kin::GoesOn | Kin::Unknown => Ok(()),
        Kin::Begins | Kin::Parted => Err(error::transfer::not_a_copy(
            &target.log,
            "it is a copy of another history of this store, or of more of it",
        )),
    }
}

/// The state that a copy holds, and its revision.
///
/// # Errors
///
/// Where it is no whole copy of the store of this name, and those of the disk.
pub(crate) fn load_copy(
    disk: &dyn Disk,
    copy: &Path,
    store: &str,
) -> Result<(Entries, u64), Error> {
    let paths = paths_of(copy, store)?;
    let found = examine(disk, &paths, Access::ReadOnly)?;
    if found.is_damaged() {
        return Err(error::transfer::copy_is_not_whole(copy));
    }
    Ok(found.into_state())
}

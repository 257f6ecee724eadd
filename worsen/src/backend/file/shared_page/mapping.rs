//! The page in the lock file: where it stands, whether processes really share it, and how a store into
//! it is kept from raising a signal. Never here: what stands in the page.
//!
//! # Why a store may raise a signal
//!
//! A file system that never overwrites, such as btrfs, needs new room for a page that was written back and
//! is then stored to, whatever was allocated before; so does a file that shares its blocks with another one.
//! Where there is no room the store raises SIGBUS, which ends the process. The system can be asked to make
//! the page writable first, and then returns an error instead. It is asked before every store. Only a
//! write-back in the instant between the two is left, on a disk that fills up in that same instant.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
    thread::futex::{self, Flags, WakeOp, WakeOpCmp},
};

use super::{MAGIC, PAGE_BYTES, Page};
use crate::{
    backend::file::reach::Reach,
    loom::atomic::AtomicU32,
    planted::{Bug, planted},
};

/// Where the page of a served file system stands in the lock file: not in the page of the directory
/// behind it, which processes may share that do not go through the server. 64 KiB are a page on every
/// machine.
const SERVED_AT: u64 = 64 * 1024;

/// The mapped page.
pub(super) struct Mapped {
    map: MmapRaw,
    /// The newest revision that could not be stored when it was published.
    pub(super) owed: AtomicU64,
    /// Whether all writers of the store share the page.
    pub(super) is_complete: bool,
}

impl Mapped {
    /// Maps the page, where all processes of this mount can share one. `again` is another opening of the same
    /// file.
    pub(super) fn new(file: &File, again: Option<&File>) -> io::Result<Option<Mapped>> {
        let reach = Reach::of(file)?;
        let at = match reach {
            Reach::Machine => 0,
            Reach::Mount => SERVED_AT,
            Reach::Network => return Ok(None),
        };
        // What else stands in the file is not ours to grow.
        if !is_ours(file, 0)? || !is_ours(file, at)? {
            return Ok(None);
        }
        allocate(file, at)?;
        let Some(map) = map(file, at)? else {
            return Ok(None);
        };
        // So that a read is never a read of the disk, which may fail. It is a favour: the system may have
        // no memory to give for it.
        drop(map.lock());
        if !is_storable(&map) {
            write_last_byte(file, at)?;
            if !is_storable(&map) {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let mapped = Mapped {
            map,
            owed: AtomicU64::new(0),
            is_complete: reach == Reach::Machine,
        };
        match again {
            Some(again) => match self::map(again, at)? {
                Some(other) => Ok(mapped.is_one_with(&other).then_some(mapped)),
                None => Ok(None),
            },
            None => Ok(Some(mapped)),
        }
    }

    /// Whether what is stored here is seen there.
    fn is_one_with(&self, other: &MmapRaw) -> bool {
        let word = |page: &Page| page.trial.count.load(Relaxed);
        let (here, there) = (self.page(), page(other));
        let before = word(there);
        // Others may try at the same time: they count up too.
        here.trial.count.fetch_add(1, Relaxed);
        word(there) != before
    }

    #[inline]
    pub(super) fn page(&self) -> &Page {
        page(&self.map)
    }

    pub(super) fn is_storable(&self) -> bool {
        is_storable(&self.map)
    }
}

/// The page of a mapping that [`map`] made.
#[inline]
#[expect(unsafe_code, reason = "a mapped page is reached through a raw pointer")]
fn page(map: &MmapRaw) -> &Page {
    let page = map.as_ptr().cast::<Page>();
    // SAFETY: `map` made the mapping PAGE_BYTES long, readable and writable, and it lives as long as the
    // reference. A mapping starts at a page's boundary. That is the size and the alignment of a `Page`
    // (asserted below its definition), which is atomics alone: valid for every bit pattern, and sound to
    // change through a shared reference, by this process or by others. Nobody makes a `&mut` to it.
    unsafe { &*page }
}

/// `None` where the file system has no mappings that processes share.
fn map(file: &File, at: u64) -> io::Result<Option<MmapRaw>> {
    let mapped = MmapOptions::new()
        .offset(at)
        .len(PAGE_BYTES as usize)
        .map_raw(file);
    match mapped {
        Ok(map) => Ok(Some(map)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NODEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Whether a store into the page will find it writable. See the head of this file.
fn is_storable(map: &MmapRaw) -> bool {
    if planted(Bug::StoreWithoutAsking) {
        return true;
    }
    /// The kernel is older than 5.14 and does not know the advice.
    static IS_OLD: AtomicBool = AtomicBool::new(false);
    while !IS_OLD.load(Relaxed) {
        match map.advise(Advice::PopulateWrite) {
            Ok(()) => return true,
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::INTR | Errno::AGAIN) => {}
                Some(Errno::INVAL) => IS_OLD.store(true, Relaxed),
                _ => return false,
            },
        }
    }
    touch(&page(map).trial.count.0)
}

/// Has the kernel add nothing to the word, as a futex: it returns an error where a store would raise a
/// signal. Where there are no futexes at all nothing can be found out.
fn touch(word: &AtomicU32) -> bool {
    let nobody = std::sync::atomic::AtomicU32::new(0);
    let added = futex::wake_op(
        &nobody,
        Flags::empty(),
        0,
        0,
        word,
        WakeOp::Add,
        WakeOpCmp::Eq,
        0,
        0,
    );
    !matches!(added, Err(Errno::FAULT))
}

/// Looks for room for the page of this lock file once more, in such a way that the system says why there is
/// none: it writes one byte.
pub(crate) fn find_room(file: &File) -> io::Result<()> {
    let at = match Reach::of(file)? {
        Reach::Mount => SERVED_AT,
        Reach::Machine | Reach::Network => 0,
    };
    write_last_byte(file, at)
}

/// Whether the file is empty here, untouched, or has a page of this layout. What else stands there is not
/// ours to grow. The page's claim looks again: another process may be a step ahead.
pub(crate) fn is_ours(file: &File, at: u64) -> io::Result<bool> {
    let mut magic = [0; 8];
    let mut got = 0;
    while got < magic.len() {
        match file.read_at(&mut magic[got..], at + got as u64) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(magic == [0; 8] || magic == MAGIC)
}

/// Gives the page its block on disk, and the file its size, before anybody touches the mapping: behind the
/// end of a file there is nothing to touch. It changes no byte, so it needs no lock.
fn allocate(file: &File, at: u64) -> io::Result<()> {
    match rustix::io::retry_on_intr(|| fallocate(file, FallocateFlags::empty(), at, PAGE_BYTES)) {
        Ok(()) => return Ok(()),
        // File systems without it, such as ZFS.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    match file.metadata()?.len() >= at + PAGE_BYTES {
        true => Ok(()),
        false => write_last_byte(file, at),
    }
}

/// The page's last byte is NUL in every layout, so writing it takes nothing from anybody.
fn write_last_byte(file: &File, at: u64) -> io::Result<()> {
    loop {
        match file.write_at(&[0], at + PAGE_BYTES - 1) {
            Ok(1) => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn openings_of_one_file_share_its_page_and_two_files_do_not() {
        let (one, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let shared = Mapped::new(&one, Some(&one.try_clone().unwrap())).unwrap();
        assert!(shared.unwrap().is_complete);
        other.set_len(PAGE_BYTES).unwrap();
        assert!(Mapped::new(&one, Some(&other)).unwrap().is_none());
    }

    /// What an older kernel is asked in the place of the advice.
    #[test]
    fn a_page_that_was_cut_off_is_found_out_without_a_signal() {
        let file = tempfile::tempfile().unwrap();
        let mapped = Mapped::new(&file, None).unwrap().unwrap();
        assert!(mapped.is_storable());
        assert!(touch(&mapped.page().trial.count.0));
        file.set_len(0).unwrap();
        assert!(!mapped.is_storable());
        assert!(!touch(&mapped.page().trial.count.0));
    }

    #[test]
    fn the_page_of_a_served_file_system_is_at_a_boundary_of_every_machine() {
        assert_eq!(SERVED_AT % (64 * 1024), 0);
    }
}

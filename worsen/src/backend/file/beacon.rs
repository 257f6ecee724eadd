//! A page of memory that all processes with the store open share: the newest durable revision, who
//! holds the lock, and a word to sleep on. Lives here: the page's layout, the atomics and the mapping,
//! with the crate's only unsafe code. Never here: what a revision means, or a lock.
//!
//! # The page
//!
//! The first 4096 bytes of the lock file. Numbers are in the machine's byte order: a page is shared by
//! the processes of one machine and by nobody else.
//!
//! | offset | bytes | content |
//! | ---: | ---: | --- |
//! | 0 | 8 | `worsenB` and the layout's version, one byte |
//! | 64 | 8 | the newest revision that readers may see |
//! | 72 | 4 | the word to sleep on: bit 0 "somebody may sleep", above it a count of changes |
//! | 128 | 8 | the newest generation of the log that a failed sync put in doubt |
//! | 136 | 8 | how far the log is durable: 20 bits of the generation, 44 bits of offset |
//! | 144 | 8 | how far the log is written, in the same way |
//! | 152 | 4 | the word to sleep on until a sync of another process has ended, as the one at 72 |
//! | 192 | 8 | since when the lock is held, in milliseconds since 1970 |
//! | 200 | 4 | the pid of the lock's holder, 0 for nobody |
//!
//! Everything else is NUL. Fields that change at different times have a cache line each, so that
//! taking the lock does not slow down readers. Nothing in the page is needed to recover a store: what
//! a power cut leaves there is put right by the next opening, under the lock.
//!
//! # Another program that cuts the file short
//!
//! Touching a mapped page behind the end of its file raises SIGBUS. This crate never shortens the
//! lock file, and allocates its one block before it maps it, so that a full disk cannot raise it
//! either. A program that truncates the lock file of a running store kills that store's processes.
//! Their commits are safe: the signal is no different from a kill.

use std::{fmt, io, sync::Arc, time::Duration};

use crate::{
    planted::{Bug, planted},
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

/// How much of the lock file the page takes.
#[cfg(not(loom))]
const PAGE_BYTES: u64 = 4096;

/// The page's first eight bytes. The last one is the layout's version.
const MAGIC: u64 = u64::from_ne_bytes(*b"worsenB\x01");

/// In a word to sleep on: somebody sleeps, or slept and was killed.
const SLEEPERS: u32 = 1;
/// One change, in a word to sleep on.
const CHANGE: u32 = 2;

/// The bits of an offset beside those of its generation: 16 TiB, as long as a file can be on ext4.
const OFFSET_BITS: u32 = 44;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

#[repr(C, align(64))]
struct Label {
    magic: AtomicU64,
}

/// A word to sleep on: bit 0 "somebody may sleep", above it a count of changes.
#[repr(transparent)]
struct Bell(AtomicU32);

#[repr(C, align(64))]
struct News {
    revision: AtomicU64,
    bell: Bell,
}

#[repr(C, align(64))]
struct Progress {
    doubted: AtomicU64,
    durable: AtomicU64,
    written: AtomicU64,
    synced: Bell,
}

#[repr(C, align(64))]
struct Held {
    since_ms: AtomicU64,
    pid: AtomicU32,
}

/// The page: atomics alone, each valid for every bit pattern.
#[repr(C)]
struct Page {
    label: Label,
    news: News,
    progress: Progress,
    held: Held,
}

// Other processes, perhaps of another build of this crate, read these places. Loom's atomics are of
// another size, and never mapped.
#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Page>() as u64 <= PAGE_BYTES);
    assert!(align_of::<Page>() as u64 <= PAGE_BYTES);
    assert!(std::mem::offset_of!(Page, label.magic) == 0);
    assert!(std::mem::offset_of!(Page, news.revision) == 64);
    assert!(std::mem::offset_of!(Page, news.bell) == 72);
    assert!(std::mem::offset_of!(Page, progress.doubted) == 128);
    assert!(std::mem::offset_of!(Page, progress.durable) == 136);
    assert!(std::mem::offset_of!(Page, progress.written) == 144);
    assert!(std::mem::offset_of!(Page, progress.synced) == 152);
    assert!(std::mem::offset_of!(Page, held.since_ms) == 192);
    assert!(std::mem::offset_of!(Page, held.pid) == 200);
};

impl Page {
    fn new() -> Page {
        Page {
            label: Label {
                magic: AtomicU64::new(0),
            },
            news: News {
                revision: AtomicU64::new(0),
                bell: Bell(AtomicU32::new(0)),
            },
            progress: Progress {
                doubted: AtomicU64::new(0),
                durable: AtomicU64::new(0),
                written: AtomicU64::new(0),
                synced: Bell(AtomicU32::new(0)),
            },
            held: Held {
                since_ms: AtomicU64::new(0),
                pid: AtomicU32::new(0),
            },
        }
    }

    /// Makes an untouched page ours. False where another layout, or no beacon at all, stands there.
    fn claim(&self) -> bool {
        match self.label.magic.compare_exchange(0, MAGIC, AcqRel, Acquire) {
            Ok(_) => true,
            Err(there) => there == MAGIC,
        }
    }

    fn raise_durable_offset(&self, generation: u64, offset: u64) {
        let Some(raised) = pack(generation, offset) else {
            return;
        };
        let mut there = self.progress.durable.load(Relaxed);
        let raised = match planted(Bug::RaiseOffsetOfAnotherGeneration) {
            true => (there & !OFFSET_MASK) | offset,
            false => raised,
        };
        // Equal high bits: the same generation, and the greater word is the greater offset.
        while there >> OFFSET_BITS == raised >> OFFSET_BITS && there < raised {
            match self
                .progress
                .durable
                .compare_exchange_weak(there, raised, Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => there = now,
            }
        }
    }
}

impl Bell {
    /// Counts one change, and wakes whoever sleeps.
    ///
    /// Callers write what changed before they call. No wake is lost:
    ///
    /// * A sleeper reads the word, then looks at what it waits for, then sets the bit where it is
    ///   missing, then asks the kernel to sleep *while the word is still that*.
    /// * Read after our `fetch_add`: acquire and release pair up, so it sees what we wrote, and does
    ///   not sleep for it.
    /// * Read before our `fetch_add`: the word it wants to sleep on is gone. Where it asks the kernel
    ///   after us, it is refused. Where it asked before us, it had set the bit before us, so `before`
    ///   has the bit, and we wake it.
    ///
    /// The bit outlives its sleepers, who may be killed. A wake that finds nobody therefore takes it
    /// back, and then wakes once more: for those who went to sleep on the word with the bit in between.
    /// A process killed between counting and waking leaves the bit, so that the next change wakes its
    /// sleepers too. Killed between taking the bit back and the second wake, it costs a sleeper that
    /// came in that instant one time-out.
    fn ring(&self) {
        let before = self.0.fetch_add(CHANGE, AcqRel);
        if before & SLEEPERS == 0 {
            return;
        }
        let now = before.wrapping_add(CHANGE);
        if sleep::wake_all(&self.0) == Woken::Nobody
            && self
                .0
                .compare_exchange(now, now & !SLEEPERS, AcqRel, Relaxed)
                .is_ok()
        {
            // How many this one wakes does not matter: they set the bit again.
            sleep::wake_all(&self.0);
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket(self.0.load(Acquire) & !SLEEPERS)
    }

    /// Sleeps until a change is counted after the ticket was taken. See [`Bell::ring`].
    ///
    /// The count has 31 bits. Missing a change takes 2^31 of them between the two lines that read the
    /// word and sleep on it, and costs one time-out.
    fn sleep(&self, ticket: Ticket, timeout: Duration) {
        let mut word = self.0.load(Acquire);
        while word & !SLEEPERS == ticket.0 {
            if word & SLEEPERS == 0 {
                // Relaxed: the word itself is all that passes here.
                match self
                    .0
                    .compare_exchange(word, word | SLEEPERS, Relaxed, Acquire)
                {
                    Ok(_) => word |= SLEEPERS,
                    Err(there) => {
                        word = there;
                        continue;
                    }
                }
            }
            sleep::wait(&self.0, word, timeout);
            return;
        }
    }
}

/// Generation and offset in one word, so that they change together. `None`: the offset is too great.
fn pack(generation: u64, offset: u64) -> Option<u64> {
    (offset <= OFFSET_MASK).then_some((generation << OFFSET_BITS) | offset)
}

/// As [`pack`]. An offset too great to be told is told as 0: then everybody syncs for itself.
fn pack_or_none(generation: u64, offset: u64) -> u64 {
    pack(generation, offset).unwrap_or(generation << OFFSET_BITS)
}

/// The offset in a word of this generation, or 0.
fn unpack(word: u64, generation: u64) -> u64 {
    if (word ^ (generation << OFFSET_BITS)) >> OFFSET_BITS == 0 {
        word & OFFSET_MASK
    } else {
        0
    }
}

enum Memory {
    #[cfg(all(target_os = "linux", not(loom)))]
    Mapped(memmap2::MmapRaw),
    Boxed(Box<Page>),
}

/// The shared page. See the head of this file.
pub struct Beacon {
    memory: Memory,
}

/// Who holds the lock. For messages: a killed holder is still named here, though its lock is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// Milliseconds since 1970.
    pub since_ms: u64,
}

/// A moment in a word's life, to sleep from. Take it first, then look at what you wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u32);

impl Beacon {
    /// A page that no other process sees.
    pub fn in_memory() -> Arc<Beacon> {
        let page = Page::new();
        page.claim();
        Arc::new(Beacon {
            memory: Memory::Boxed(Box::new(page)),
        })
    }

    /// A page with the same content, that no other process sees.
    #[cfg(any(test, feature = "simulation"))]
    pub fn copy(&self) -> Arc<Beacon> {
        let (from, page) = (self.page(), Page::new());
        let words = [
            (&from.label.magic, &page.label.magic),
            (&from.news.revision, &page.news.revision),
            (&from.progress.doubted, &page.progress.doubted),
            (&from.progress.durable, &page.progress.durable),
            (&from.progress.written, &page.progress.written),
            (&from.held.since_ms, &page.held.since_ms),
        ];
        for (from, to) in words {
            to.store(from.load(Acquire), Relaxed);
        }
        for (from, to) in [
            (&from.news.bell, &page.news.bell),
            (&from.progress.synced, &page.progress.synced),
        ] {
            to.0.store(from.0.load(Acquire), Relaxed);
        }
        page.held.pid.store(from.held.pid.load(Acquire), Relaxed);
        Arc::new(Beacon {
            memory: Memory::Boxed(Box::new(page)),
        })
    }

    /// The page at the start of this file, which must be open for reading and writing. `None` where
    /// processes could not share it (a network file system, or a system without futexes) and where
    /// something else stands in the file, such as the page of another version of this crate.
    ///
    /// # Errors
    ///
    /// When the page cannot be allocated or mapped: a full disk, for one. A process without the page
    /// would commit and not tell those that have it, so this is no reason to go on without.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub fn map(file: &std::fs::File) -> io::Result<Option<Beacon>> {
        if mapping::is_remote(file)? || !mapping::is_ours(file)? {
            return Ok(None);
        }
        mapping::allocate(file)?;
        let mapped = memmap2::MmapOptions::new()
            .len(PAGE_BYTES as usize)
            .map_raw(file)?;
        let beacon = Beacon {
            memory: Memory::Mapped(mapped),
        };
        Ok(beacon.page().claim().then_some(beacon))
    }

    /// `None`: without futexes nobody could be woken.
    ///
    /// # Errors
    ///
    /// None on this system.
    #[cfg(not(all(target_os = "linux", not(loom))))]
    pub fn map(_file: &std::fs::File) -> io::Result<Option<Beacon>> {
        Ok(None)
    }

    #[inline]
    #[cfg_attr(
        all(target_os = "linux", not(loom)),
        expect(unsafe_code, reason = "a mapped page is reached through a raw pointer")
    )]
    fn page(&self) -> &Page {
        match &self.memory {
            Memory::Boxed(page) => page,
            #[cfg(all(target_os = "linux", not(loom)))]
            Memory::Mapped(mapped) => {
                let page = mapped.as_ptr().cast::<Page>();
                // SAFETY: `map` made the mapping PAGE_BYTES long, readable and writable, and it lives
                // as long as `self`. A mapping starts at a page's boundary. That is the size and the
                // alignment of a `Page` (asserted below its definition), which is atomics alone:
                // valid for every bit pattern, and sound to change through a shared reference, by
                // this process or by others. Nobody makes a `&mut` to it.
                unsafe { &*page }
            }
        }
    }

    /// The newest revision that readers may see. One load, for every read of a store.
    #[inline]
    pub fn revision(&self) -> u64 {
        // Acquire: who sees the revision sees the offset and the generation set before it was published.
        self.page().news.revision.load(Acquire)
    }

    /// Lets readers see this revision and all before it, and wakes whoever waits. An older revision
    /// than the newest changes nothing. A system call only where somebody sleeps.
    pub fn publish(&self, revision: u64) {
        let page = self.page();
        page.news.revision.fetch_max(revision, Release);
        // Counted for an older revision too: who published the newer one may have been killed before
        // it counted.
        page.news.bell.ring();
    }

    /// Sets the revision, also to an older one. Only under the lock, by who has just read the log: a
    /// page that outlived a power cut may promise what is gone.
    pub fn reset(&self, revision: u64) {
        let page = self.page();
        page.news.revision.store(revision, Release);
        page.news.bell.ring();
    }

    /// Sleeps until a revision newer than `seen` is published, but not longer than `timeout`. It may
    /// return early, with nothing new: look again. It does not sleep where `stop` says so, and who
    /// makes `stop` say so calls [`Beacon::wake_all`] after that.
    pub fn wait(&self, seen: u64, stop: impl FnOnce() -> bool, timeout: Duration) {
        let ticket = self.ticket();
        if self.revision() <= seen && !stop() {
            self.wait_from(ticket, timeout);
        }
    }

    /// For waiting for anything in the page: take a ticket, look, then [`Beacon::wait_from`] it.
    pub fn ticket(&self) -> Ticket {
        self.page().news.bell.ticket()
    }

    /// Sleeps until something changes after the ticket was taken, but not longer than `timeout`: a
    /// [`publish`](Beacon::publish), [`reset`](Beacon::reset) or [`wake_all`](Beacon::wake_all), in
    /// any process. It may return early, with nothing new: look again.
    pub fn wait_from(&self, ticket: Ticket, timeout: Duration) {
        self.page().news.bell.sleep(ticket, timeout);
    }

    /// Wakes everybody who waits, in all processes.
    pub fn wake_all(&self) {
        self.page().news.bell.ring();
    }

    /// Says who holds the lock. Only by its holder.
    pub fn set_holder(&self, pid: u32, since_ms: u64) {
        let held = &self.page().held;
        held.since_ms.store(since_ms, Relaxed);
        held.pid.store(pid, Release);
    }

    /// Says that nobody holds the lock. Only by its holder, before it unlocks.
    pub fn clear_holder(&self) {
        self.page().held.pid.store(0, Release);
    }

    /// Who holds the lock, as far as it said so. Pid and time may belong to two holders where the lock
    /// changes hands meanwhile.
    pub fn holder(&self) -> Option<Holder> {
        let held = &self.page().held;
        match held.pid.load(Acquire) {
            0 => None,
            pid => Some(Holder {
                pid,
                since_ms: held.since_ms.load(Relaxed),
            }),
        }
    }

    /// Says that a sync of this generation's log, or of its name, has failed. What the page cache
    /// shows of it may be missing on the disk from now on, even where a later sync succeeds, so
    /// whoever takes the lock next writes a new generation.
    pub fn doubt(&self, generation: u64) {
        self.page().progress.doubted.fetch_max(generation, AcqRel);
    }

    /// Ends all doubt. Only under the lock, by who has just brought a new generation to the disk. Who
    /// doubts an older one later changes nothing.
    pub fn trust(&self) {
        self.page().progress.doubted.store(0, Release);
    }

    /// The newest generation that is in doubt; 0 where none is.
    pub fn doubted(&self) -> u64 {
        self.page().progress.doubted.load(Acquire)
    }

    /// How far the log of this generation is durable, in bytes; 0 where the page speaks of another
    /// generation.
    pub fn durable_offset(&self, generation: u64) -> u64 {
        unpack(self.page().progress.durable.load(Acquire), generation)
    }

    /// Sets how far the log is written and durable, and that it is of this generation. Only under the
    /// lock.
    pub fn set_durable_offset(&self, generation: u64, offset: u64) {
        self.set_written_offset(generation, offset);
        self.page()
            .progress
            .durable
            .store(pack_or_none(generation, offset), Release);
    }

    /// Sets how far the log is written, and that it is of this generation. Only under the lock, once
    /// the write has returned.
    pub fn set_written_offset(&self, generation: u64, offset: u64) {
        self.page()
            .progress
            .written
            .store(pack_or_none(generation, offset), Release);
    }

    /// How far the log of this generation was written at least, in bytes; 0 where the page speaks of
    /// another generation. A sync that begins after this call covers all of it.
    pub fn written_offset(&self, generation: u64) -> u64 {
        unpack(self.page().progress.written.load(Acquire), generation)
    }

    /// Tells that the log of this generation is durable up to here: without the lock, after a sync.
    /// It changes nothing where more is durable already, nor where the page speaks of another
    /// generation: a sync that ends after a compaction says nothing of the new log. It wakes nobody.
    pub fn raise_durable_offset(&self, generation: u64, offset: u64) {
        self.page().raise_durable_offset(generation, offset);
    }

    /// For waiting for the end of another's sync: take a ticket, look, then
    /// [`Beacon::wait_for_sync`] from it.
    pub fn sync_ticket(&self) -> Ticket {
        self.page().progress.synced.ticket()
    }

    /// Sleeps until a sync ended after the ticket was taken, but not longer than `timeout`. It may
    /// return early: look again.
    pub fn wait_for_sync(&self, ticket: Ticket, timeout: Duration) {
        self.page().progress.synced.sleep(ticket, timeout);
    }

    /// Wakes whoever waits for the end of a sync.
    pub fn sync_ended(&self) {
        self.page().progress.synced.ring();
    }
}

impl fmt::Debug for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beacon")
            .field("revision", &self.revision())
            .field("doubted", &self.doubted())
            .field("holder", &self.holder())
            .finish_non_exhaustive()
    }
}

/// Whom a wake found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Nobody,
    #[cfg_attr(
        all(not(loom), any(miri, not(target_os = "linux"))),
        expect(dead_code, reason = "without futexes nobody is ever known to be woken")
    )]
    Somebody,
}

/// Futexes, shared between processes: the kernel knows the word by its file and place.
#[cfg(all(target_os = "linux", not(any(miri, loom))))]
mod sleep {
    use std::{sync::atomic::AtomicU32, thread, time::Duration};

    use rustix::{
        io::Errno,
        thread::futex::{self, Flags, Timespec},
    };

    use super::Woken;

    /// Sleeps while the word is `expected`. Ends early on a signal.
    pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
        // More seconds than this are for ever; the kernel takes them on every machine.
        let timespec = Timespec {
            tv_sec: i64::from(u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX) >> 1),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match futex::wait(word, Flags::empty(), expected, Some(&timespec)) {
            Ok(()) | Err(Errno::AGAIN | Errno::TIMEDOUT | Errno::INTR) => {}
            // No futexes (a sandbox): callers look again after every return, and must not spin.
            Err(_) => thread::sleep(timeout.min(Duration::from_millis(10))),
        }
    }

    pub(super) fn wake_all(word: &AtomicU32) -> Woken {
        match futex::wake(word, Flags::empty(), i32::MAX as u32) {
            Ok(0) => Woken::Nobody,
            // An error says nothing of who sleeps. They wake at their time-out at the latest.
            Ok(_) | Err(_) => Woken::Somebody,
        }
    }
}

/// Looking again and again, where there are no futexes: for tests in memory alone, `map` gives no page.
#[cfg(all(not(loom), any(miri, not(target_os = "linux"))))]
mod sleep {
    use std::{
        sync::atomic::{AtomicU32, Ordering::Acquire},
        thread,
        time::{Duration, Instant},
    };

    use super::Woken;

    pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
        let start = Instant::now();
        while word.load(Acquire) == expected && start.elapsed() < timeout {
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn wake_all(_word: &AtomicU32) -> Woken {
        Woken::Nobody
    }
}

/// What the kernel promises, and nothing more, for the models. Its queues are behind locks: a wait
/// compares the word and goes to sleep under that lock, a wake takes it too. There are no time-outs.
#[cfg(loom)]
mod sleep {
    use std::{sync::PoisonError, time::Duration};

    use super::Woken;
    use crate::sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    loom::lazy_static! {
        static ref KERNEL: Kernel = Kernel {
            queue: Mutex::new(Queue { sleepers: Vec::new(), next: 0 }),
            woken: Condvar::new(),
        };
    }

    struct Kernel {
        queue: Mutex<Queue>,
        woken: Condvar,
    }

    struct Queue {
        /// The address of the word of each, and its number.
        sleepers: Vec<(usize, u64)>,
        next: u64,
    }

    pub(super) fn wait(word: &AtomicU32, expected: u32, _timeout: Duration) {
        let mut queue = lock();
        // Relaxed: the lock is all that orders it, as in the kernel.
        if word.load(Relaxed) != expected {
            return;
        }
        let me = queue.next;
        queue.next += 1;
        queue.sleepers.push((address(word), me));
        while queue.sleepers.iter().any(|(_, number)| *number == me) {
            queue = KERNEL
                .woken
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn wake_all(word: &AtomicU32) -> Woken {
        let mut queue = lock();
        let before = queue.sleepers.len();
        queue.sleepers.retain(|(there, _)| *there != address(word));
        if queue.sleepers.len() == before {
            return Woken::Nobody;
        }
        KERNEL.woken.notify_all();
        Woken::Somebody
    }

    fn lock() -> MutexGuard<'static, Queue> {
        KERNEL.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(word: &AtomicU32) -> usize {
        std::ptr::from_ref(word).addr()
    }
}

#[cfg(loom)]
#[cfg(test)]
mod loom_tests;

/// What comes before the mapping.
#[cfg(all(target_os = "linux", not(loom)))]
mod mapping {
    use std::{fs::File, io, os::unix::fs::FileExt};

    use rustix::{
        fs::{FallocateFlags, fallocate, fstatfs},
        io::Errno,
    };

    use super::{MAGIC, PAGE_BYTES};

    /// File systems that another machine may change, where a mapping does not see it: the `f_type` of
    /// statfs(2), by the names of the kernel's linux/magic.h where it has one.
    const REMOTE: &[u32] = &[
        0x0000_6969, // NFS
        0x0000_517B, // SMB
        0xFF53_4D42, // CIFS
        0xFE53_4D42, // SMB2
        0x0000_564C, // NCP
        0x0102_1997, // V9FS: 9P
        0x6573_5546, // FUSE: sshfs, GlusterFS, virtiofs, and local ones, which cannot be told apart
        0x5346_414F, // AFS
        0x6B41_4653, // AFS, the kernel's own
        0x00C3_6400, // CEPH
        0x7375_7245, // CODA
        0x7461_636F, // OCFS2
        0x0116_1970, // GFS2
        0x0BD0_0BD0, // Lustre
        0x4750_4653, // GPFS
        0x1983_0326, // BeeGFS
        0x2003_0528, // OrangeFS
        0xAAD7_AAEA, // PanFS
        0x786F_4256, // VirtualBox shared folders
        0xBACB_ACBC, // VMware shared folders
        0x7C7C_6673, // Parallels shared folders
    ];

    pub(super) fn is_remote(file: &File) -> io::Result<bool> {
        // The field is signed on some machines and wider than its 32 bits on most.
        let kind = fstatfs(file)?.f_type as u32;
        Ok(REMOTE.contains(&kind))
    }

    /// Whether the file is empty, untouched or a page of this layout. What else stands there is not
    /// ours to grow. The page's claim looks again: another process may be a step ahead.
    pub(super) fn is_ours(file: &File) -> io::Result<bool> {
        let mut magic = [0; 8];
        let mut got = 0;
        while got < magic.len() {
            match file.read_at(&mut magic[got..], got as u64) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(magic == [0; 8] || u64::from_ne_bytes(magic) == MAGIC)
    }

    /// Gives the page its block on disk, and the file its size, before anybody touches the mapping: a
    /// hole on a full disk is a SIGBUS. It changes no byte, so it needs no lock.
    pub(super) fn allocate(file: &File) -> io::Result<()> {
        match rustix::io::retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, PAGE_BYTES))
        {
            Ok(()) => return Ok(()),
            // File systems without it, such as ZFS.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
        if file.metadata()?.len() >= PAGE_BYTES {
            return Ok(());
        }
        // The page's last byte is NUL in every layout, so writing it takes nothing from anybody.
        loop {
            match file.write_at(&[0], PAGE_BYTES - 1) {
                Ok(1) => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_older_revision_is_not_published_but_can_be_reset() {
        let beacon = Beacon::in_memory();
        assert_eq!(beacon.revision(), 0);
        beacon.publish(7);
        beacon.publish(5);
        assert_eq!(beacon.revision(), 7);
        beacon.reset(3);
        assert_eq!(beacon.revision(), 3);
    }

    #[test]
    fn the_holder_is_named_until_it_says_otherwise() {
        let beacon = Beacon::in_memory();
        assert_eq!(beacon.holder(), None);
        beacon.set_holder(42, 1_700_000_000_000);
        assert_eq!(
            beacon.holder(),
            Some(Holder {
                pid: 42,
                since_ms: 1_700_000_000_000
            })
        );
        beacon.clear_holder();
        assert_eq!(beacon.holder(), None);
    }

    #[test]
    fn a_durable_offset_rises_within_its_generation_alone() {
        let beacon = Beacon::in_memory();
        beacon.doubt(3);
        beacon.doubt(2);
        beacon.set_durable_offset(3, 100);
        assert_eq!(beacon.written_offset(3), 100);
        beacon.set_written_offset(3, 400);
        assert_eq!(beacon.written_offset(3), 400);
        assert_eq!(beacon.written_offset(2), 0);
        assert_eq!(beacon.durable_offset(3), 100);
        assert_eq!(beacon.doubted(), 3);
        beacon.trust();
        assert_eq!(beacon.doubted(), 0);
        beacon.raise_durable_offset(3, 300);
        beacon.raise_durable_offset(3, 200);
        assert_eq!(beacon.durable_offset(3), 300);
        // A sync of the old log that ends late.
        beacon.set_durable_offset(4, 50);
        beacon.raise_durable_offset(3, 9000);
        assert_eq!(beacon.durable_offset(4), 50);
        assert_eq!(beacon.durable_offset(3), 0);
        // Too great to be told.
        beacon.raise_durable_offset(4, 1 << OFFSET_BITS);
        assert_eq!(beacon.durable_offset(4), 50);
        beacon.set_durable_offset(u64::MAX, 1 << OFFSET_BITS);
        assert_eq!(beacon.durable_offset(u64::MAX), 0);
        beacon.raise_durable_offset(u64::MAX, OFFSET_MASK);
        assert_eq!(beacon.durable_offset(u64::MAX), OFFSET_MASK);
    }

    #[test]
    fn a_wait_ends_at_its_time_out() {
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            beacon.wait(0, || false, Duration::from_millis(20));
        }
        // And at once, where there is something new.
        beacon.publish(1);
        beacon.wait(0, || false, LONG);
        // A change after the ticket was taken ends a wait that has not begun.
        let ticket = beacon.ticket();
        beacon.wake_all();
        beacon.wait_from(ticket, LONG);
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn a_publication_wakes_everybody() {
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while beacon.revision() < 1 {
                        beacon.wait(0, || false, LONG);
                    }
                });
            }
            thread::sleep(Duration::from_millis(30));
            beacon.publish(1);
        });
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn who_waits_for_a_sync_is_woken_by_its_end_alone() {
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        let ticket = beacon.sync_ticket();
        beacon.publish(1);
        assert_eq!(beacon.sync_ticket(), ticket);
        thread::scope(|scope| {
            scope.spawn(|| {
                while beacon.durable_offset(1) < 10 {
                    let ticket = beacon.sync_ticket();
                    if beacon.durable_offset(1) < 10 {
                        beacon.wait_for_sync(ticket, LONG);
                    }
                }
            });
            thread::sleep(Duration::from_millis(30));
            beacon.set_durable_offset(1, 10);
            beacon.sync_ended();
        });
        assert!(start.elapsed() < LONG);
    }

    /// Each of two threads publishes, then waits for the other: one lost wake and both stand still.
    #[test]
    fn no_wake_is_lost() {
        let rounds: u64 = if cfg!(miri) { 20 } else { 20_000 };
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        thread::scope(|scope| {
            for first in [true, false] {
                let beacon = &beacon;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let (mine, theirs) = if first {
                            (2 * round + 1, 2 * round + 2)
                        } else {
                            (2 * round + 2, 2 * round + 1)
                        };
                        if first {
                            beacon.publish(mine);
                        }
                        while beacon.revision() < theirs {
                            beacon.wait(theirs - 1, || false, LONG);
                        }
                        if !first {
                            beacon.publish(mine);
                        }
                    }
                });
            }
        });
        assert_eq!(beacon.revision(), 2 * rounds);
        assert!(start.elapsed() < LONG, "a wake was lost");
    }

    /// Many publish and many wait, so that the bit is set, kept and taken back in all orders.
    #[test]
    fn no_wake_is_lost_in_a_crowd() {
        let rounds: u64 = if cfg!(miri) { 10 } else { 5_000 };
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        thread::scope(|scope| {
            for publisher in 0..2 {
                let beacon = &beacon;
                scope.spawn(move || {
                    for round in 0..rounds {
                        beacon.publish(2 * round + publisher + 1);
                        if round % 8 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 2 * rounds {
                        beacon.wait(seen, || false, LONG);
                        seen = beacon.revision();
                    }
                });
            }
        });
        assert!(start.elapsed() < LONG, "a wake was lost");
    }

    #[test]
    fn a_killed_sleeper_costs_one_wake_and_no_more() {
        let bell = Bell(AtomicU32::new(SLEEPERS));
        bell.ring();
        assert_eq!(bell.0.load(Relaxed), CHANGE);
    }

    #[cfg(all(target_os = "linux", not(any(miri, loom))))]
    mod mapped {
        use std::{fs::File, io::Write, os::unix::fs::FileExt};

        use super::*;

        fn file() -> File {
            tempfile::tempfile().unwrap()
        }

        #[test]
        fn two_mappings_of_a_file_are_one_page() {
            let file = file();
            let one = Beacon::map(&file).unwrap().unwrap();
            let other = Beacon::map(&file).unwrap().unwrap();
            assert_eq!(file.metadata().unwrap().len(), PAGE_BYTES);
            one.publish(9);
            one.set_holder(4, 5);
            assert_eq!(other.revision(), 9);
            assert_eq!(
                other.holder(),
                Some(Holder {
                    pid: 4,
                    since_ms: 5
                })
            );
            let mut bytes = [0; 208];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(&bytes[..8], b"worsenB\x01");
            assert_eq!(bytes[64..72], 9u64.to_ne_bytes());
            assert_eq!(bytes[192..200], 5u64.to_ne_bytes());
            assert_eq!(bytes[200..204], 4u32.to_ne_bytes());
        }

        #[test]
        fn a_wake_goes_from_one_mapping_to_another() {
            let file = file();
            let one = Beacon::map(&file).unwrap().unwrap();
            let other = Beacon::map(&file).unwrap().unwrap();
            let start = Instant::now();
            thread::scope(|scope| {
                scope.spawn(|| {
                    while other.revision() < 1 {
                        other.wait(0, || false, LONG);
                    }
                });
                thread::sleep(Duration::from_millis(30));
                one.publish(1);
            });
            assert!(start.elapsed() < LONG);
        }

        #[test]
        fn the_page_takes_a_block_of_the_disk() {
            use std::os::unix::fs::MetadataExt;
            let file = file();
            file.set_len(PAGE_BYTES).unwrap();
            drop(Beacon::map(&file).unwrap().unwrap());
            assert!(file.metadata().unwrap().blocks() * 512 >= PAGE_BYTES);
        }

        #[test]
        fn what_is_no_beacon_is_left_alone() {
            for content in [&b"12345\n"[..], b"worsenB\x02", b"worsenB\x02 and more"] {
                let mut file = file();
                file.write_all(content).unwrap();
                assert!(Beacon::map(&file).unwrap().is_none());
                let mut bytes = vec![0; content.len()];
                file.read_exact_at(&mut bytes, 0).unwrap();
                assert_eq!(bytes, content);
                assert_eq!(file.metadata().unwrap().len(), content.len() as u64);
            }
        }

        #[test]
        fn a_longer_file_keeps_its_length() {
            let file = file();
            file.set_len(3 * PAGE_BYTES).unwrap();
            drop(Beacon::map(&file).unwrap().unwrap());
            assert_eq!(file.metadata().unwrap().len(), 3 * PAGE_BYTES);
        }
    }
}

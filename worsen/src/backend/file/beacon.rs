//! A page of memory that all processes with the store open share: the newest durable revision, who
//! holds the lock, and a word to sleep on. Lives here: the page's layout, the atomics and the mapping,
//! with the crate's only unsafe code. Never here: what a revision means, or a lock.
//!
//! # The page
//!
//! The first 4096 bytes of the lock file, or where a process serves the file system (FUSE) those at
//! 65,536. Numbers stand there least significant byte first, on every machine.
//!
//! | offset | bytes | content |
//! | ---: | ---: | --- |
//! | 0 | 8 | `worsenB` and the layout's version, one byte |
//! | 64 | 8 | the newest revision that readers may see |
//! | 72 | 4 | the word to sleep on: bit 0 "somebody may sleep", above it a count of changes |
//! | 80 | 8 | the line of that revision: its low 32 bits, then the line's checksum |
//! | 88 | 4 | until when processes of other views of the directory ask for marks, in seconds since 1970 |
//! | 128 | 8 | the newest generation of the log that a failed sync put in doubt |
//! | 136 | 8 | how far the log is durable: 20 bits of the generation, 44 bits of offset |
//! | 144 | 8 | how far the log is written, in the same way |
//! | 152 | 4 | the word to sleep on until a sync of another process has ended, as the one at 72 |
//! | 192 | 8 | since when the lock is held, in milliseconds since 1970 |
//! | 200 | 4 | the pid of the lock's holder, 0 for nobody |
//! | 256 | 4 | counted up by each opening, to see whether another mapping of the file shows it |
//!
//! Everything else is NUL. Fields that change at different times have a cache line each, so that
//! taking the lock does not slow down readers. Nothing in the page is needed to recover a store: what
//! a power cut leaves there is put right by the next opening, under the lock.
//!
//! # No room, and no page
//!
//! A store into a mapped page may find no room on a disk that is full, and then raises SIGBUS. So each
//! store asks first (see `mapping`), and where there is none it is left out: whoever takes the lock learns
//! of it as an error before anything is written, and what was published late is told with the next store.
//!
//! A program that cuts off the lock file of a running store still ends that store's processes: reads do
//! not ask. Their commits are safe: the signal is no different from a kill.

use std::{fmt, io, sync::Arc, time::Duration};

use self::words::{Word32, Word64};
use crate::{
    planted::{Bug, planted},
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
};

#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) mod mapping;
mod words;

/// How much of the lock file the page takes.
#[cfg(not(loom))]
const PAGE_BYTES: u64 = 4096;

/// The page's first eight bytes. The last one is the layout's version.
const MAGIC: [u8; 8] = *b"worsenB\x01";

/// In a word to sleep on: somebody sleeps, or slept and was killed.
const SLEEPERS: u32 = 1;
/// One change, in a word to sleep on.
const CHANGE: u32 = 2;

/// How long to sleep where others may not know of it.
const NAP: Duration = Duration::from_millis(50);

/// The bits of an offset beside those of its generation: 16 TiB, as long as a file can be on ext4.
const OFFSET_BITS: u32 = 44;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

#[repr(C, align(64))]
struct Label {
    magic: Word64,
}

/// A word to sleep on: bit 0 "somebody may sleep", above it a count of changes.
#[repr(transparent)]
struct Bell(Word32);

#[repr(C, align(64))]
struct News {
    revision: Word64,
    bell: Bell,
    mark: Word64,
    marks_until: Word32,
}

#[repr(C, align(64))]
struct Progress {
    doubted: Word64,
    durable: Word64,
    written: Word64,
    synced: Bell,
}

#[repr(C, align(64))]
struct Held {
    since_ms: Word64,
    pid: Word32,
}

#[repr(C, align(64))]
struct Trial {
    count: Word32,
}

/// The page: atomics alone, each valid for every bit pattern.
#[repr(C)]
struct Page {
    label: Label,
    news: News,
    progress: Progress,
    held: Held,
    trial: Trial,
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
    assert!(std::mem::offset_of!(Page, news.mark) == 80);
    assert!(std::mem::offset_of!(Page, news.marks_until) == 88);
    assert!(std::mem::offset_of!(Page, progress.doubted) == 128);
    assert!(std::mem::offset_of!(Page, progress.durable) == 136);
    assert!(std::mem::offset_of!(Page, progress.written) == 144);
    assert!(std::mem::offset_of!(Page, progress.synced) == 152);
    assert!(std::mem::offset_of!(Page, held.since_ms) == 192);
    assert!(std::mem::offset_of!(Page, held.pid) == 200);
    assert!(std::mem::offset_of!(Page, trial.count) == 256);
};

impl Page {
    fn new() -> Page {
        Page {
            label: Label {
                magic: Word64::new(0),
            },
            news: News {
                revision: Word64::new(0),
                bell: Bell(Word32::new(0)),
                mark: Word64::new(0),
                marks_until: Word32::new(0),
            },
            progress: Progress {
                doubted: Word64::new(0),
                durable: Word64::new(0),
                written: Word64::new(0),
                synced: Bell(Word32::new(0)),
            },
            held: Held {
                since_ms: Word64::new(0),
                pid: Word32::new(0),
            },
            trial: Trial {
                count: Word32::new(0),
            },
        }
    }

    /// Makes an untouched page ours. False where another layout, or no beacon at all, stands there.
    fn claim(&self) -> bool {
        let magic = u64::from_le_bytes(MAGIC);
        match self.label.magic.compare_exchange(0, magic, AcqRel, Acquire) {
            Ok(_) => true,
            Err(there) => there == magic,
        }
    }

    fn raise_mark(&self, mark: Mark) {
        let mut there = self.news.mark.load(Relaxed);
        while mark.is_newer_than(Mark(there)) {
            // Release, as all that is seen with a revision.
            match self
                .news
                .mark
                .compare_exchange(there, mark.word(), Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => there = now,
            }
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
                .compare_exchange(there, raised, Release, Relaxed)
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
        if self.wake() == Woken::Nobody
            && self
                .0
                .compare_exchange(now, now & !SLEEPERS, AcqRel, Relaxed)
                .is_ok()
        {
            // How many this one wakes does not matter: they set the bit again.
            self.wake();
        }
    }

    /// Wakes whoever sleeps, without counting.
    fn wake(&self) -> Woken {
        sleep::wake_all(&self.0.0)
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
            self.doze(word, timeout);
            return;
        }
    }

    /// Sleeps while the word is this one.
    fn doze(&self, word: u32, timeout: Duration) {
        sleep::wait(&self.0.0, word.to_le(), timeout);
    }

    /// As [`Bell::sleep`], where the bit cannot be set, so that not every change wakes the sleeper.
    fn nap(&self, ticket: Ticket, timeout: Duration) {
        let word = self.0.load(Acquire);
        if word & !SLEEPERS == ticket.0 {
            self.doze(word, timeout.min(NAP));
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

/// A line of the log in one word: the low 32 bits of its revision, and its checksum. Two histories that both
/// have the revision have another line there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark(u64);

impl Mark {
    pub(super) fn new(revision: u64, crc: u32) -> Self {
        Mark(revision & u64::from(u32::MAX) | u64::from(crc) << 32)
    }

    pub(super) fn of_word(word: u64) -> Self {
        Mark(word)
    }

    pub(super) fn word(self) -> u64 {
        self.0
    }

    /// Whether it is of this revision: a program that does not know of marks leaves those of others standing.
    #[inline]
    fn is_about(self, revision: u64) -> bool {
        self.0 as u32 == revision as u32
    }

    /// Whether its revision is newer, as far as 32 bits tell.
    fn is_newer_than(self, other: Mark) -> bool {
        other.0 == 0 || (self.0 as u32).wrapping_sub(other.0 as u32) as i32 > 0
    }
}

/// What the page shows of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    pub revision: u64,
    pub mark: Mark,
}

impl Sight {
    /// Whether this may be the history of which that is a line. No: it is another one.
    #[inline]
    pub fn is_of(self, known: Mark) -> bool {
        self.mark == known || !self.mark.is_about(self.revision) || !known.is_about(self.revision)
    }
}

enum Memory {
    #[cfg(all(target_os = "linux", not(loom)))]
    Mapped(mapping::Mapped),
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

/// The disk has no room for a store into the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

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
            (&from.news.mark, &page.news.mark),
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

    /// The page in this file, which must be open for reading and writing. `None` where processes could not
    /// share it (a network file system, one whose mappings do not show what others store, a system without
    /// futexes) and where something else stands in the file, such as the page of another version of this
    /// crate. Whether they share it is tried, with another opening of the file, where there is one.
    ///
    /// # Errors
    ///
    /// When the page cannot be allocated, mapped or stored to: a full disk, for one. A process without the
    /// page would commit and not tell those that have it, so this is no reason to go on without.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub fn map(file: &std::fs::File, again: Option<&std::fs::File>) -> io::Result<Option<Beacon>> {
        let Some(mapped) = mapping::Mapped::new(file, again)? else {
            return Ok(None);
        };
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
    pub fn map(
        _file: &std::fs::File,
        _again: Option<&std::fs::File>,
    ) -> io::Result<Option<Beacon>> {
        Ok(None)
    }

    #[inline]
    fn page(&self) -> &Page {
        match &self.memory {
            Memory::Boxed(page) => page,
            #[cfg(all(target_os = "linux", not(loom)))]
            Memory::Mapped(mapped) => mapped.page(),
        }
    }

    /// The page, for a store: `None` where a store might find no room on the disk. Asked before each, as
    /// the system may write the page back at any time.
    fn storable(&self) -> Option<&Page> {
        match &self.memory {
            Memory::Boxed(page) => Some(page),
            #[cfg(all(target_os = "linux", not(loom)))]
            Memory::Mapped(mapped) => {
                if !mapped.is_storable() {
                    return None;
                }
                let page = mapped.page();
                if mapped.owed.load(std::sync::atomic::Ordering::Relaxed) > 0 {
                    let owed = mapped.owed.swap(0, std::sync::atomic::Ordering::AcqRel);
                    page.news.revision.fetch_max(owed, Release);
                    page.news.bell.ring();
                }
                Some(page)
            }
        }
    }

    /// Whether nobody writes the store who does not share this page: no other mount of the directory, no
    /// other machine. Otherwise it says what is newest as far as it knows, and nothing of the disk.
    pub fn is_complete(&self) -> bool {
        match &self.memory {
            Memory::Boxed(_) => true,
            #[cfg(all(target_os = "linux", not(loom)))]
            Memory::Mapped(mapped) => mapped.is_complete && !self.asks_for_marks(),
        }
    }

    /// Whether processes that use the directory through another view of it ask for marks for now: see the
    /// lock file's marks. Of the holder of the lock, once it has said so here.
    pub fn asks_for_marks(&self) -> bool {
        // SeqCst: after the holder was set. Either it sees what is asked for, or who asks sees the holder.
        match self.page().news.marks_until.load(SeqCst) {
            0 => false,
            until => u64::from(until) > crate::clock::milliseconds() / 1000,
        }
    }

    /// The newest revision that readers may see. One load, for every read of a store.
    #[inline]
    pub fn revision(&self) -> u64 {
        // Acquire: who sees the revision sees the offset and the generation set before it was published.
        self.page().news.revision.load(Acquire)
    }

    /// The newest revision that readers may see, and which line that is.
    #[inline]
    pub fn sight(&self) -> Sight {
        let news = &self.page().news;
        // Acquire, and first: the mark was set before the revision.
        let revision = news.revision.load(Acquire);
        let mark = Mark(news.mark.load(Acquire));
        Sight { revision, mark }
    }

    /// As [`publish`](Beacon::publish), where nobody knows which line it is.
    pub fn publish_revision(&self, revision: u64) {
        self.publish(revision, None);
    }

    /// Lets readers see this revision and all before it, the line of which has this checksum, and wakes
    /// whoever waits. An older revision than the newest changes nothing. Where the disk has no room for it, it
    /// is told with the next store into the page, by this process, or by whoever publishes the next one.
    pub fn publish(&self, revision: u64, crc: Option<u32>) {
        let Some(page) = self.storable() else {
            #[cfg(all(target_os = "linux", not(loom)))]
            if let Memory::Mapped(mapped) = &self.memory {
                let relaxed = std::sync::atomic::Ordering::Relaxed;
                mapped.owed.fetch_max(revision, relaxed);
            }
            self.page().news.bell.wake();
            return;
        };
        if let Some(crc) = crc {
            page.raise_mark(Mark::new(revision, crc));
        }
        page.news.revision.fetch_max(revision, Release);
        // Counted for an older revision too: who published the newer one may have been killed before
        // it counted.
        page.news.bell.ring();
    }

    /// Sets the revision, also to an older one. Only under the lock, by who has just read the log: a
    /// page that outlived a power cut may promise what is gone.
    ///
    /// # Errors
    ///
    /// Where the disk has no room for it.
    pub fn reset(&self, revision: u64, crc: u32) -> Result<(), NoRoom> {
        let page = self.storable().ok_or(NoRoom)?;
        page.news
            .mark
            .store(Mark::new(revision, crc).word(), Release);
        page.news.revision.store(revision, Release);
        page.news.bell.ring();
        Ok(())
    }

    /// The newest revision stands in another line by now: a new generation begins with its state. Only under
    /// the lock.
    pub fn change_mark(&self, revision: u64, crc: u32) {
        if self.revision() != revision {
            // It comes with the revision.
            return;
        }
        if let Some(page) = self.storable() {
            page.news
                .mark
                .store(Mark::new(revision, crc).word(), Release);
        }
    }

    /// Sleeps until the page shows something else than this, but not longer than `timeout`. It may
    /// return early, with nothing new: look again. It does not sleep where `stop` says so, and who
    /// makes `stop` say so calls [`Beacon::wake_all`] after that.
    pub fn wait(&self, seen: Sight, stop: impl FnOnce() -> bool, timeout: Duration) {
        let ticket = self.ticket();
        if self.sight() == seen && !stop() {
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
        match self.storable() {
            Some(page) => page.news.bell.sleep(ticket, timeout),
            None => self.page().news.bell.nap(ticket, timeout),
        }
    }

    /// Wakes everybody who waits, in all processes.
    pub fn wake_all(&self) {
        match self.storable() {
            Some(page) => page.news.bell.ring(),
            None => drop(self.page().news.bell.wake()),
        }
    }

    /// Says who holds the lock. Only by its holder. Returns who is said to hold it until now.
    ///
    /// # Errors
    ///
    /// Where the disk has no room for it: nor would it have any for telling others of a commit.
    pub fn set_holder(&self, pid: u32, since_ms: u64) -> Result<Option<Holder>, NoRoom> {
        let held = &self.storable().ok_or(NoRoom)?.held;
        let before = held.since_ms.load(Relaxed);
        held.since_ms.store(since_ms, Relaxed);
        // SeqCst: before the look at `marks_until`, which others write before they look at the holder.
        Ok(match held.pid.swap(pid, SeqCst) {
            0 => None,
            pid => Some(Holder {
                pid,
                since_ms: before,
            }),
        })
    }

    /// Says again that this one holds the lock, if nobody has said anything else since this process did.
    pub fn give_back(&self, pid: u32, holder: Holder) {
        if let Some(page) = self.storable() {
            page.held.since_ms.store(holder.since_ms, Relaxed);
            // Whoever has said something else has the lock by now.
            let _ = page
                .held
                .pid
                .compare_exchange(pid, holder.pid, SeqCst, Relaxed);
        }
    }

    /// Says that nobody holds the lock. Only by its holder, before it unlocks.
    pub fn clear_holder(&self) {
        if let Some(page) = self.storable() {
            page.held.pid.store(0, Release);
        }
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
    /// whoever takes the lock next writes a new generation. Where the disk has no room for this mark it
    /// cannot be left, as where there is no page.
    pub fn doubt(&self, generation: u64) {
        if let Some(page) = self.storable() {
            page.progress.doubted.fetch_max(generation, AcqRel);
        }
    }

    /// Ends all doubt. Only under the lock, by who has just brought a new generation to the disk. Who
    /// doubts an older one later changes nothing.
    pub fn trust(&self) {
        if let Some(page) = self.storable() {
            page.progress.doubted.store(0, Release);
        }
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
        // Where it cannot be stored, less is known to be durable than is, or nothing of this generation:
        // then others sync once more.
        if let Some(page) = self.storable() {
            let durable = pack_or_none(generation, offset);
            page.progress.durable.store(durable, Release);
        }
    }

    /// Sets how far the log is written, and that it is of this generation. Only under the lock, once
    /// the write has returned.
    pub fn set_written_offset(&self, generation: u64, offset: u64) {
        if let Some(page) = self.storable() {
            let written = pack_or_none(generation, offset);
            page.progress.written.store(written, Release);
        }
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
        if let Some(page) = self.storable() {
            page.raise_durable_offset(generation, offset);
        }
    }

    /// For waiting for the end of another's sync: take a ticket, look, then
    /// [`Beacon::wait_for_sync`] from it.
    pub fn sync_ticket(&self) -> Ticket {
        self.page().progress.synced.ticket()
    }

    /// Sleeps until a sync ended after the ticket was taken, but not longer than `timeout`. It may
    /// return early: look again.
    pub fn wait_for_sync(&self, ticket: Ticket, timeout: Duration) {
        match self.storable() {
            Some(page) => page.progress.synced.sleep(ticket, timeout),
            None => self.page().progress.synced.nap(ticket, timeout),
        }
    }

    /// Wakes whoever waits for the end of a sync.
    pub fn sync_ended(&self) {
        match self.storable() {
            Some(page) => page.progress.synced.ring(),
            None => drop(self.page().progress.synced.wake()),
        }
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

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_older_revision_is_not_published_but_can_be_reset() {
        let beacon = Beacon::in_memory();
        assert_eq!(beacon.revision(), 0);
        beacon.publish_revision(7);
        beacon.publish_revision(5);
        assert_eq!(beacon.revision(), 7);
        beacon.reset(3, 9).unwrap();
        assert_eq!(beacon.revision(), 3);
    }

    #[test]
    fn a_history_that_went_back_is_told_from_the_one_before() {
        let beacon = Beacon::in_memory();
        beacon.publish(6, Some(60));
        beacon.publish(5, Some(50));
        let before = beacon.sight();
        assert!(before.is_of(Mark::new(6, 60)));
        assert!(!before.is_of(Mark::new(6, 61)));
        // Whoever is not there yet, or knows of no marks, is told nothing by it.
        assert!(before.is_of(Mark::new(5, 61)));
        beacon.publish_revision(7);
        assert!(beacon.sight().is_of(Mark::new(7, 70)));
        // An older copy, from which somebody goes on.
        beacon.reset(5, 50).unwrap();
        beacon.publish(6, Some(61));
        assert_ne!(beacon.sight(), before);
        assert!(!beacon.sight().is_of(Mark::new(6, 60)));
        // A new generation begins with the same state.
        beacon.change_mark(5, 52);
        assert!(beacon.sight().is_of(Mark::new(6, 61)));
        beacon.change_mark(6, 62);
        assert!(beacon.sight().is_of(Mark::new(6, 62)));
        // As far as 32 bits count.
        let far = u64::from(u32::MAX) + 3;
        beacon.reset(far - 5, 1).unwrap();
        beacon.publish(far, Some(2));
        assert!(!beacon.sight().is_of(Mark::new(far, 1)));
    }

    /// Waits until the page shows this revision, or a newer one.
    fn until(beacon: &Beacon, revision: u64) {
        loop {
            let seen = beacon.sight();
            if seen.revision >= revision {
                return;
            }
            beacon.wait(seen, || false, LONG);
        }
    }

    #[test]
    fn the_holder_is_named_until_it_says_otherwise() {
        let beacon = Beacon::in_memory();
        assert_eq!(beacon.holder(), None);
        beacon.set_holder(42, 1_700_000_000_000).unwrap();
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
            beacon.wait(beacon.sight(), || false, Duration::from_millis(20));
        }
        // And at once, where there is something else, be it older.
        let seen = beacon.sight();
        beacon.publish_revision(2);
        beacon.wait(seen, || false, LONG);
        let seen = beacon.sight();
        beacon.reset(1, 0).unwrap();
        beacon.wait(seen, || false, LONG);
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
                scope.spawn(|| until(&beacon, 1));
            }
            thread::sleep(Duration::from_millis(30));
            beacon.publish_revision(1);
        });
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn who_waits_for_a_sync_is_woken_by_its_end_alone() {
        let beacon = Beacon::in_memory();
        let start = Instant::now();
        let ticket = beacon.sync_ticket();
        beacon.publish_revision(1);
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
                            beacon.publish_revision(mine);
                        }
                        until(beacon, theirs);
                        if !first {
                            beacon.publish_revision(mine);
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
                        beacon.publish_revision(2 * round + publisher + 1);
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
                        until(&beacon, seen + 1);
                        seen = beacon.revision();
                    }
                });
            }
        });
        assert!(start.elapsed() < LONG, "a wake was lost");
    }

    #[test]
    fn a_killed_sleeper_costs_one_wake_and_no_more() {
        let bell = Bell(Word32::new(SLEEPERS));
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
            let one = Beacon::map(&file, None).unwrap().unwrap();
            let other = Beacon::map(&file, None).unwrap().unwrap();
            assert_eq!(file.metadata().unwrap().len(), PAGE_BYTES);
            one.publish_revision(9);
            one.set_holder(4, 5).unwrap();
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
            assert_eq!(bytes[64..72], 9u64.to_le_bytes());
            assert_eq!(bytes[192..200], 5u64.to_le_bytes());
            assert_eq!(bytes[200..204], 4u32.to_le_bytes());
        }

        #[test]
        fn a_wake_goes_from_one_mapping_to_another() {
            let file = file();
            let one = Beacon::map(&file, None).unwrap().unwrap();
            let other = Beacon::map(&file, None).unwrap().unwrap();
            let start = Instant::now();
            thread::scope(|scope| {
                scope.spawn(|| until(&other, 1));
                thread::sleep(Duration::from_millis(30));
                one.publish_revision(1);
            });
            assert!(start.elapsed() < LONG);
        }

        #[test]
        fn the_page_takes_a_block_of_the_disk() {
            use std::os::unix::fs::MetadataExt;
            let file = file();
            file.set_len(PAGE_BYTES).unwrap();
            drop(Beacon::map(&file, None).unwrap().unwrap());
            assert!(file.metadata().unwrap().blocks() * 512 >= PAGE_BYTES);
        }

        #[test]
        fn what_is_no_beacon_is_left_alone() {
            for content in [&b"12345\n"[..], b"worsenB\x02", b"worsenB\x02 and more"] {
                let mut file = file();
                file.write_all(content).unwrap();
                assert!(Beacon::map(&file, None).unwrap().is_none());
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
            drop(Beacon::map(&file, None).unwrap().unwrap());
            assert_eq!(file.metadata().unwrap().len(), 3 * PAGE_BYTES);
        }
    }
}

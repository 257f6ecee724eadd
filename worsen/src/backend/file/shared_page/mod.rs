//! A page of memory that all processes with the store open share: the newest durable revision, who
//! holds the lock, and a word to sleep on. Lives here: the page's layout, the atomics and the mapping,
//! with most of the crate's unsafe code. Never here: what a revision means, or a lock.
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
//! store asks first (see `mapping`), and where there is none it is left out: the process that takes the lock
//! learns of it as an error before anything is written, and what was published late is told with the next
//! store.
//!
//! A program that cuts off the lock file of a running store still ends that store's processes: reads do
//! not ask. Their commits are safe: the signal is no different from a kill.

#[cfg(any(test, feature = "testing"))]
use std::sync::Arc;
use std::{fmt, io, time::Duration};

#[cfg(all(target_os = "linux", not(loom)))]
use self::layout::{MAGIC, PAGE_BYTES};
pub(crate) use self::{
    event_count::EventKey,
    mark::{Mark, Sight},
};
use self::{
    layout::{Page, pack_or_none, unpack},
    mark::RETIRED,
};
use crate::backend::Visible;
use crate::loom::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

mod event_count;
mod futex;
mod layout;
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) mod mapping;
mod mark;
mod words;

enum Memory {
    #[cfg(all(target_os = "linux", not(loom)))]
    Mapped(mapping::Mapped),
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(dead_code, reason = "only a simulated disk has its page in memory")
    )]
    Boxed(Box<Page>),
}

/// The shared page. See the head of this file.
pub(crate) struct SharedPage {
    memory: Memory,
}

/// Who holds the lock. For messages: a killed holder is still named here, though its lock is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// Milliseconds since 1970.
    pub(crate) since_ms: u64,
}

/// The disk has no room for a store into the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl SharedPage {
    /// A page that no other process sees.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn in_memory() -> Arc<SharedPage> {
        let page = Page::new();
        page.claim();
        Arc::new(SharedPage {
            memory: Memory::Boxed(Box::new(page)),
        })
    }

    /// A page with the same content, that no other process sees.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn copy(&self) -> Arc<SharedPage> {
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
            (&from.news.changes, &page.news.changes),
            (&from.progress.synced, &page.progress.synced),
        ] {
            to.0.store(from.0.load(Acquire), Relaxed);
        }
        page.held.pid.store(from.held.pid.load(Acquire), Relaxed);
        Arc::new(SharedPage {
            memory: Memory::Boxed(Box::new(page)),
        })
    }

    /// The page in this file, which must be open for reading and writing. `None` where processes could not
    /// share it (a network file system, one whose mappings do not show what other processes store, a system
    /// without futexes) and where something else stands in the file, such as the page of another version of
    /// this crate. Whether they share it is tried, with another opening of the file, where there is one.
    ///
    /// # Errors
    ///
    /// When the page cannot be allocated, mapped or stored to: a full disk, for one. A process without the
    /// page would commit and not tell those that have it, so this is no reason to go on without.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn map(
        file: &std::fs::File,
        again: Option<&std::fs::File>,
    ) -> io::Result<Option<SharedPage>> {
        let Some(mapped) = mapping::Mapped::new(file, again)? else {
            return Ok(None);
        };
        let shared_page = SharedPage {
            memory: Memory::Mapped(mapped),
        };
        Ok(shared_page.page().claim().then_some(shared_page))
    }

    /// `None`: without futexes nobody could be woken.
    ///
    /// # Errors
    ///
    /// None on this system.
    #[cfg(not(all(target_os = "linux", not(loom))))]
    pub(crate) fn map(
        _file: &std::fs::File,
        _again: Option<&std::fs::File>,
    ) -> io::Result<Option<SharedPage>> {
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
                    page.news.changes.notify();
                }
                Some(page)
            }
        }
    }

    /// Whether all writers of the store share this page: none uses another mount or another machine.
    /// Otherwise it says what is newest as far as it knows, and nothing of the disk.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.memory {
            Memory::Boxed(_) => true,
            #[cfg(all(target_os = "linux", not(loom)))]
            Memory::Mapped(mapped) => mapped.is_complete && !self.asks_for_marks(),
        }
    }

    /// Whether processes that use the directory through another view of it ask for marks for now: see the
    /// lock file's marks. The holder asks this once the page names it.
    #[cfg(any(target_os = "linux", test, feature = "testing"))]
    pub(crate) fn asks_for_marks(&self) -> bool {
        // SeqCst: after the holder was set. Either the holder sees the request, or the process that
        // asks sees the holder.
        match self.page().news.marks_until.load(SeqCst) {
            0 => false,
            until => u64::from(until) > crate::clock::milliseconds() / 1000,
        }
    }

    /// The newest revision that readers may see. One load, for every read of a store.
    #[inline]
    pub(crate) fn revision(&self) -> u64 {
        // Acquire: a reader that sees the revision sees the offset and the generation set before it
        // was published.
        self.page().news.revision.load(Acquire)
    }

    /// How far every process may read, unless the page is retired.
    #[inline]
    pub(in crate::backend::file) fn visible(&self) -> Visible {
        match self.revision() {
            RETIRED => Visible::Moved,
            revision => Visible::UpTo(revision),
        }
    }

    /// Whether the lock file that the page is in was replaced, and the page of another one is in use.
    pub(in crate::backend::file) fn is_retired(&self) -> bool {
        self.revision() == RETIRED
    }

    /// Says that another page is in use, and wakes all threads that wait here.
    pub(in crate::backend::file) fn retire(&self) {
        self.publish(RETIRED, None);
    }

    /// The newest revision that readers may see, and which line that is.
    #[inline]
    pub(crate) fn sight(&self) -> Sight {
        let news = &self.page().news;
        // Acquire, and first: the mark was set before the revision.
        let revision = news.revision.load(Acquire);
        let mark = Mark::of_word(news.mark.load(Acquire));
        Sight { revision, mark }
    }

    /// As [`publish`](SharedPage::publish), where nobody knows which line it is.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn publish_revision(&self, revision: u64) {
        self.publish(revision, None);
    }

    /// Lets readers see this revision and all before it, the line of which has this checksum, and wakes all
    /// threads that wait. An older revision than the newest changes nothing. Where the disk has no room for it,
    /// the next store into the page tells it, by this process or by the one that publishes next.
    pub(crate) fn publish(&self, revision: u64, crc: Option<u32>) {
        let Some(page) = self.storable() else {
            #[cfg(all(target_os = "linux", not(loom)))]
            if let Memory::Mapped(mapped) = &self.memory {
                let relaxed = std::sync::atomic::Ordering::Relaxed;
                mapped.owed.fetch_max(revision, relaxed);
            }
            self.page().news.changes.wake();
            return;
        };
        if let Some(crc) = crc {
            page.raise_mark(Mark::new(revision, crc));
        }
        page.news.revision.fetch_max(revision, Release);
        // Counted for an older revision too: the process that published the newer one may have been killed
        // before it counted.
        page.news.changes.notify();
    }

    /// Sets the revision, also to an older one. Only the holder of the lock calls it, when it has just read the
    /// log: a page that outlived a power cut may promise what is gone.
    ///
    /// # Errors
    ///
    /// Where the disk has no room for it.
    pub(crate) fn reset(&self, revision: u64, crc: u32) -> Result<(), NoRoom> {
        let page = self.storable().ok_or(NoRoom)?;
        page.news
            .mark
            .store(Mark::new(revision, crc).word(), Release);
        page.news.revision.store(revision, Release);
        page.news.changes.notify();
        Ok(())
    }

    /// The newest revision stands in another line by now: a new generation begins with its state. Only under
    /// the lock.
    pub(crate) fn change_mark(&self, revision: u64, crc: u32) {
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
    /// return early, with nothing new: look again. It does not sleep where `stop` says so; the
    /// thread that makes `stop` say so calls [`SharedPage::wake_all`] after that.
    pub(crate) fn wait(&self, seen: Sight, stop: impl FnOnce() -> bool, timeout: Duration) {
        let key = self.key();
        if self.sight() == seen && !stop() {
            self.wait_from(key, timeout);
        }
    }

    /// For waiting for anything in the page: take a key, look, then [`SharedPage::wait_from`] it.
    pub(crate) fn key(&self) -> EventKey {
        self.page().news.changes.key()
    }

    /// Sleeps until something changes after the key was taken, but not longer than `timeout`: a
    /// [`publish`](SharedPage::publish), [`reset`](SharedPage::reset) or [`wake_all`](SharedPage::wake_all), in
    /// any process. It may return early, with nothing new: look again.
    pub(crate) fn wait_from(&self, key: EventKey, timeout: Duration) {
        match self.storable() {
            Some(page) => page.news.changes.sleep(key, timeout),
            None => self.page().news.changes.sleep_in_intervals(key, timeout),
        }
    }

    /// Wakes all threads that wait, in all processes.
    pub(crate) fn wake_all(&self) {
        match self.storable() {
            Some(page) => page.news.changes.notify(),
            None => drop(self.page().news.changes.wake()),
        }
    }

    /// Names the holder of the lock in the page. Only the holder calls it. Returns the holder that
    /// the page named until now.
    ///
    /// # Errors
    ///
    /// Where the disk has no room for it: nor would it have any for telling others of a commit.
    pub(crate) fn set_holder(&self, pid: u32, since_ms: u64) -> Result<Option<Holder>, NoRoom> {
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
    pub(crate) fn give_back(&self, pid: u32, holder: Holder) {
        if let Some(page) = self.storable() {
            page.held.since_ms.store(holder.since_ms, Relaxed);
            // A process that has named itself meanwhile has the lock by now.
            let _ = page
                .held
                .pid
                .compare_exchange(pid, holder.pid, SeqCst, Relaxed);
        }
    }

    /// Says that no process holds the lock. Only the holder calls it, before it unlocks.
    pub(crate) fn clear_holder(&self) {
        if let Some(page) = self.storable() {
            page.held.pid.store(0, Release);
        }
    }

    /// Who holds the lock, as far as it said so. Pid and time may belong to two holders where the lock
    /// changes hands meanwhile.
    pub(crate) fn holder(&self) -> Option<Holder> {
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
    /// shows of it may be missing on the disk from now on, even where a later sync succeeds, so the next
    /// process to take the lock writes a new generation. Where the disk has no room for this mark it cannot be
    /// left, as where there is no page.
    pub(crate) fn doubt(&self, generation: u64) {
        if let Some(page) = self.storable() {
            page.progress.doubted.fetch_max(generation, AcqRel);
        }
    }

    /// Ends all doubt. Only the holder of the lock calls it, when it has just brought a new generation to the
    /// disk. A process that doubts an older one later changes nothing.
    pub(crate) fn trust(&self) {
        if let Some(page) = self.storable() {
            page.progress.doubted.store(0, Release);
        }
    }

    /// The newest generation that is in doubt; 0 where none is.
    pub(crate) fn doubted(&self) -> u64 {
        self.page().progress.doubted.load(Acquire)
    }

    /// How far the log of this generation is durable, in bytes; 0 where the page speaks of another
    /// generation.
    pub(crate) fn durable_offset(&self, generation: u64) -> u64 {
        unpack(self.page().progress.durable.load(Acquire), generation)
    }

    /// Sets how far the log is written and durable, and that it is of this generation. Only under the
    /// lock.
    pub(crate) fn set_durable_offset(&self, generation: u64, offset: u64) {
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
    pub(crate) fn set_written_offset(&self, generation: u64, offset: u64) {
        if let Some(page) = self.storable() {
            let written = pack_or_none(generation, offset);
            page.progress.written.store(written, Release);
        }
    }

    /// How far the log of this generation was written at least, in bytes; 0 where the page speaks of
    /// another generation. A sync that begins after this call covers all of it.
    pub(crate) fn written_offset(&self, generation: u64) -> u64 {
        unpack(self.page().progress.written.load(Acquire), generation)
    }

    /// Tells that the log of this generation is durable up to here: without the lock, after a sync.
    /// It changes nothing where more is durable already, nor where the page speaks of another
    /// generation: a sync that ends after a compaction says nothing of the new log. It wakes nobody.
    pub(crate) fn raise_durable_offset(&self, generation: u64, offset: u64) {
        if let Some(page) = self.storable() {
            page.raise_durable_offset(generation, offset);
        }
    }

    /// For waiting for the end of another's sync: take a key, look, then
    /// [`SharedPage::wait_for_sync`] from it.
    pub(crate) fn sync_key(&self) -> EventKey {
        self.page().progress.synced.key()
    }

    /// Sleeps until a sync ended after the key was taken, but not longer than `timeout`. It may
    /// return early: look again.
    pub(crate) fn wait_for_sync(&self, key: EventKey, timeout: Duration) {
        match self.storable() {
            Some(page) => page.progress.synced.sleep(key, timeout),
            None => self.page().progress.synced.sleep_in_intervals(key, timeout),
        }
    }

    /// Wakes all threads that wait for the end of a sync.
    pub(crate) fn sync_ended(&self) {
        match self.storable() {
            Some(page) => page.progress.synced.notify(),
            None => drop(self.page().progress.synced.wake()),
        }
    }
}

impl fmt::Debug for SharedPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPage")
            .field("revision", &self.revision())
            .field("doubted", &self.doubted())
            .field("holder", &self.holder())
            .finish_non_exhaustive()
    }
}

#[cfg(loom)]
#[cfg(test)]
mod loom_tests;

#[cfg(test)]
mod tests;

//! Marks of the lock's holder in the lock file, for the processes that the lock does not keep out: those that
//! use the directory through another view of it, such as a second mount by a file server (FUSE), or the
//! directory behind that mount. Never here: the lock itself, and what becomes of a commit that meets another
//! holder.
//!
//! # Which processes mark
//!
//! A file server decides for itself whether a lock taken through it keeps out the processes that do not go
//! through it; most do not. So a process on such a file system writes a mark when it has the lock, and then
//! reads those of the others, past what its own view has cached. Of two that hold their locks at the same time
//! at least one sees the mark of the other, as each writes before it reads (Dekker). That one has written
//! nothing else yet, and lets go.
//!
//! On an ordinary file system a lock excludes, and nobody marks: a commit there writes nothing into this file.
//! Only where a served view exists its processes must see those of the directory behind it too. They ask for
//! that in the page of that directory, where it costs one load to see, and then wait for a holder that took the
//! lock before it was asked for. What they ask for ends by itself, for they may be killed.
//!
//! # Marks of the dead
//!
//! A mark counts only while its process lives. One that this process cannot ask for, of another machine or
//! container, is looked at for a while: a holder that goes on changes its mark, and one that does not is taken
//! for dead and its mark is cleared. So a holder that has taken its time looks for its own mark once more
//! before it writes a commit.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::Intruder;
use crate::{
    backend::file::{file_id::FileId, reach::Reach, shared_page::SharedPage},
    clock::milliseconds,
    loom::Unpoisoned,
    planted::{Bug, planted},
    process::{Environment, ProcessId, System, is_gone_since},
};

/// Where the marks stand in the lock file, and how many there are.
const TABLE: u64 = 128 * 1024;
const TABLE_BYTES: usize = 4096;
const MARK_BYTES: usize = 32;
const MARKS: u64 = (TABLE_BYTES / MARK_BYTES) as u64;

/// In the page of the directory behind a served one: who has the lock, and until when everybody is asked
/// for marks.
const SINCE_IN_PAGE: u64 = 192;
const ASKED_IN_PAGE: u64 = 88;

/// For how long marks are asked for, in seconds. When half of it is over they are asked for anew.
const ASKED_FOR: u64 = 600;

/// A holder that cannot be asked for and whose mark has not changed for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// The marks of one open lock file.
#[derive(Debug)]
pub(super) struct Marks {
    /// The same file, opened such that nothing of it is cached, where the system can do that.
    direct: Option<File>,
    reach: Reach,
    /// The number of the mark that processes of this view use: one at a time, as the lock excludes them.
    number: u64,
    /// Found out when it is first asked for: most never ask.
    me: OnceLock<Asker>,
    token: u64,
    /// When the mark was made that stands there; 0 for none.
    marked: AtomicU64,
    /// Until when marks are asked for, in seconds since 1970.
    asked: Mutex<u64>,
}

/// Finds out which processes live.
struct Asker(System);

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.me().fmt(f)
    }
}

/// One mark. No token: nobody has made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mark {
    token: u64,
    pid: u32,
    /// Where the pid means something.
    place: u32,
    started: u64,
    /// Nanoseconds since 1970, so that no two marks of a process are equal.
    at: u64,
}

impl Mark {
    fn encode(&self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[..8].copy_from_slice(&self.token.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.pid.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.place.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.started.to_le_bytes());
        bytes[24..].copy_from_slice(&self.at.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Mark {
        let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let eight = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        Mark {
            token: eight(0),
            pid: four(8),
            place: four(12),
            started: eight(16),
            at: eight(24),
        }
    }
}

/// What is known of the process behind a mark.
enum Standing {
    Nobody,
    Lives,
    Gone,
    Unknown,
}

impl Marks {
    /// For this file. `direct`: another opening of it that nothing caches.
    pub(super) fn new(id: FileId, reach: Reach, direct: Option<File>) -> Marks {
        let number = match reach {
            // All processes that use the page of the directory itself.
            Reach::Machine => 0,
            // The system numbers its mounts one after the other.
            Reach::Mount => u64::from(rustix::fs::minor(id.device)) % (MARKS - 2) + 1,
            Reach::Network => random() % (MARKS - 2) + 1,
        };
        Marks {
            direct,
            reach,
            number,
            token: random() | 1,
            me: OnceLock::new(),
            marked: AtomicU64::new(0),
            asked: Mutex::new(0),
        }
    }

    fn system(&self) -> &System {
        &self.me.get_or_init(|| Asker(System::new())).0
    }

    /// Whether the file system is one whose locks may keep out less than everybody.
    pub(super) fn is_served(&self) -> bool {
        self.reach != Reach::Machine
    }

    pub(super) fn is_marked(&self) -> bool {
        self.marked.load(Relaxed) != 0
    }

    /// Marks, where that is asked for, and looks whether somebody else has the lock too; looks for the own mark
    /// where it was made already. Only the holder of the lock calls it. It waits at most `patience` for a
    /// process of which it cannot tell whether that lives.
    pub(super) fn enter(
        &self,
        file: &File,
        page: Option<&SharedPage>,
        patience: Duration,
    ) -> io::Result<Option<Intruder>> {
        if planted(Bug::TrustEveryLock) {
            return Ok(None);
        }
        if self.is_marked() {
            // Nobody clears it before that.
            let age = nanoseconds().saturating_sub(self.marked.load(Relaxed));
            if Duration::from_nanos(age) < DEAD_AFTER / 2 {
                return Ok(None);
            }
            let own = self.read_table(file)?[self.number as usize];
            let is_own = own.token == self.token && own.at == self.marked.load(Relaxed);
            return Ok((!is_own).then_some(Intruder { pid: own.pid }));
        }
        match self.is_served() {
            true => {
                if let Some(intruder) = self.ask(file, patience)? {
                    return Ok(Some(intruder));
                }
            }
            false if !self.is_asked(file, page)? => return Ok(None),
            false => {}
        }
        let me = self.system().me();
        let mark = Mark {
            token: self.token,
            pid: me.pid,
            place: place(me),
            started: me.started.unwrap_or(0),
            at: nanoseconds(),
        };
        self.marked.store(mark.at, Relaxed);
        self.write(file, &mark.encode(), self.place_of(self.number))?;
        self.look_for_others(file, mark, patience)
    }

    /// Takes the mark away. Only the holder calls it, while it still has the lock.
    pub(super) fn leave(&self, file: &File) -> io::Result<()> {
        if !self.is_marked() {
            return Ok(());
        }
        // Whatever comes of it: the next mark is written in its place.
        self.marked.store(0, Relaxed);
        self.clear(file, self.number)
    }

    fn look_for_others(
        &self,
        file: &File,
        own: Mark,
        patience: Duration,
    ) -> io::Result<Option<Intruder>> {
        let begun = Instant::now();
        let mut watched: Option<Vec<(u64, Mark)>> = None;
        loop {
            let table = self.read_table(file)?;
            let there = |number: u64| table[number as usize];
            if there(self.number) != own {
                let pid = there(self.number).pid;
                return Ok(Some(Intruder { pid }));
            }
            let mut unknown = Vec::new();
            for number in (0..MARKS).filter(|number| *number != self.number) {
                let mark = there(number);
                match self.standing(&mark) {
                    Standing::Lives => return Ok(Some(Intruder { pid: mark.pid })),
                    // A process that comes to use that place in this instant sees the mark of this one.
                    Standing::Gone => self.clear(file, number)?,
                    Standing::Unknown => unknown.push((number, mark)),
                    Standing::Nobody => {}
                }
            }
            // Changed, gone or new since, while this process has the lock: a sign of life.
            if let Some(watched) = watched.as_ref().filter(|watched| **watched != unknown) {
                let (_, mark) = watched[0];
                return Ok(Some(Intruder { pid: mark.pid }));
            }
            let Some((_, mark)) = unknown.first() else {
                return Ok(None);
            };
            if begun.elapsed() >= DEAD_AFTER && watched.is_some() {
                for (number, _) in &unknown {
                    self.clear(file, *number)?;
                }
                return Ok(None);
            }
            if begun.elapsed() >= patience {
                return Ok(Some(Intruder { pid: mark.pid }));
            }
            watched = Some(unknown);
            thread::sleep(PAUSE);
        }
    }

    fn standing(&self, mark: &Mark) -> Standing {
        if mark.token == 0 {
            return Standing::Nobody;
        }
        let me = self.system().me();
        let is_near = place(me) == mark.place && me.on.is_some() && mark.started != 0;
        let other = ProcessId {
            pid: mark.pid,
            started: Some(mark.started),
            on: me.on.clone(),
        };
        match is_near {
            false => Standing::Unknown,
            // Another opening, in this process.
            true if other == *me => Standing::Lives,
            true if self.system().is_gone(&other) => Standing::Gone,
            true => Standing::Lives,
        }
    }

    /// Whether somebody asks for marks, on an ordinary file system.
    fn is_asked(&self, file: &File, page: Option<&SharedPage>) -> io::Result<bool> {
        if let Some(page) = page {
            return Ok(page.asks_for_marks());
        }
        let mut bytes = [0; 4];
        read_full(file, &mut bytes, ASKED_IN_PAGE)?;
        Ok(u64::from(u32::from_le_bytes(bytes)) > seconds())
    }

    /// Asks the processes that use the directory behind for marks, where that is due, and waits for a holder
    /// that took the lock without having seen the request.
    fn ask(&self, file: &File, patience: Duration) -> io::Result<Option<Intruder>> {
        let mut asked = self.asked.lock().unpoisoned();
        let now = seconds();
        // It is as due where the clock was set back.
        if (ASKED_FOR / 2..=ASKED_FOR).contains(&asked.saturating_sub(now)) {
            return Ok(None);
        }
        let until = u32::try_from(now + ASKED_FOR).unwrap_or(u32::MAX);
        // What is behind the end that this view knows of cannot be read past its cache.
        self.write(file, &[0], TABLE + TABLE_BYTES as u64 - 1)?;
        if !planted(Bug::NeverAskForMarks) {
            self.write(file, &until.to_le_bytes(), ASKED_IN_PAGE)?;
        }
        let begun = Instant::now();
        let mut first = None;
        loop {
            let mut bytes = [0; 12];
            self.read(file, &mut bytes, SINCE_IN_PAGE)?;
            let pid = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
            // A process that took the lock since has seen the request.
            if pid == 0 || *first.get_or_insert(bytes) != bytes {
                break;
            }
            let since = std::array::from_fn(|index| bytes[index]);
            if is_gone_since(pid, u64::from_le_bytes(since)) {
                break;
            }
            if begun.elapsed() >= patience {
                return Ok(Some(Intruder { pid }));
            }
            thread::sleep(PAUSE);
        }
        *asked = u64::from(until);
        Ok(None)
    }

    fn place_of(&self, number: u64) -> u64 {
        TABLE + number * MARK_BYTES as u64
    }

    fn clear(&self, file: &File, number: u64) -> io::Result<()> {
        self.write(file, &[0; MARK_BYTES], self.place_of(number))
    }

    fn read_table(&self, file: &File) -> io::Result<Vec<Mark>> {
        let mut bytes = [0; TABLE_BYTES];
        self.read(file, &mut bytes, TABLE)?;
        let mark = |number: usize| &bytes[number * MARK_BYTES..][..MARK_BYTES];
        Ok((0..MARKS as usize).map(mark).map(Mark::decode).collect())
    }

    /// Past the cache of this view. What is not there is NUL.
    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if let Some(direct) = &self.direct {
            // A server may hand the wish on to a file system that wants whole blocks.
            if read_full(direct, buffer, at).is_ok() {
                return Ok(());
            }
        }
        if self.is_served() {
            // Where it is refused, it is as if nobody had asked.
            let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        }
        read_full(file, buffer, at)
    }

    /// Writes through to the server of the file system.
    fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        if let Some(direct) = &self.direct {
            if direct.write_all_at(bytes, at).is_ok() {
                return Ok(());
            }
        }
        file.write_all_at(bytes, at)?;
        match self.reach {
            // Kept until it is asked for.
            Reach::Network => Ok(rustix::fs::fdatasync(file)?),
            Reach::Machine | Reach::Mount => Ok(()),
        }
    }
}

/// Reads until the buffer is full or the file ends; the rest is NUL.
fn read_full(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer[done..].fill(0);
    Ok(())
}

/// Where the pids of this process mean something.
fn place(me: &ProcessId) -> u32 {
    me.on
        .as_ref()
        .map_or(0, |on| crc32fast::hash(on.as_bytes()))
}

fn seconds() -> u64 {
    milliseconds() / 1000
}

/// Another number at each call, also where the clock stands still.
fn nanoseconds() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(1, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    let last = LAST.fetch_max(now, Relaxed);
    match last < now {
        true => now,
        false => LAST.fetch_add(1, Relaxed).wrapping_add(1).max(1),
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};

    // Its keys are the system's random numbers.
    RandomState::new().build_hasher().finish()
}

#[cfg(all(test, not(miri)))]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    /// An opening of a file as processes on this side of a file server have it, and the file.
    fn marks(file: &File, reach: Reach, number: u64) -> Marks {
        let device = rustix::fs::makedev(0, number as u32 - u32::from(reach != Reach::Machine));
        let marks = Marks::new(FileId { device, inode: 1 }, reach, None);
        assert_eq!(marks.number, number);
        // Whether it can be written at all.
        file.set_len(4096).unwrap();
        marks
    }

    fn enter(marks: &Marks, file: &File) -> Option<Intruder> {
        marks.enter(file, None, Duration::ZERO).unwrap()
    }

    fn me() -> Option<Intruder> {
        Some(Intruder {
            pid: std::process::id(),
        })
    }

    /// Makes the mark one of long ago.
    fn age(marks: &Marks, file: &File) {
        let number = marks.number;
        let mut mark = marks.read_table(file).unwrap()[number as usize];
        mark.at = 1;
        marks.marked.store(1, Relaxed);
        marks
            .write(file, &mark.encode(), marks.place_of(number))
            .unwrap();
    }

    #[test]
    fn a_holder_whose_mark_was_cleared_meanwhile_is_told_before_it_writes() {
        let file = tempfile::tempfile().unwrap();
        let marks = marks(&file, Reach::Mount, 3);
        assert_eq!(enter(&marks, &file), None);
        age(&marks, &file);
        assert_eq!(enter(&marks, &file), None);
        marks.clear(&file, 3).unwrap();
        assert_eq!(enter(&marks, &file), Some(Intruder { pid: 0 }));
    }

    #[test]
    fn of_two_views_whose_locks_do_not_exclude_the_second_holder_is_told() {
        let file = tempfile::tempfile().unwrap();
        let (one, other) = (marks(&file, Reach::Mount, 3), marks(&file, Reach::Mount, 4));
        assert_eq!(enter(&one, &file), None);
        assert!(one.is_marked());
        assert_eq!(enter(&other, &file), me());
        other.leave(&file).unwrap();
        assert_eq!(enter(&one, &file), None, "once more, before it writes");
        one.leave(&file).unwrap();
        assert_eq!(enter(&other, &file), None);
    }

    #[test]
    fn two_views_that_have_one_place_for_their_marks_see_each_other_too() {
        let file = tempfile::tempfile().unwrap();
        let (one, other) = (marks(&file, Reach::Mount, 3), marks(&file, Reach::Mount, 3));
        assert_eq!(enter(&one, &file), None);
        age(&one, &file);
        assert_eq!(enter(&other, &file), None);
        assert_eq!(enter(&one, &file), me());
    }

    #[test]
    fn an_ordinary_file_system_is_not_written_to_unless_marks_are_asked_for() {
        let file = tempfile::tempfile().unwrap();
        let (behind, served) = (
            marks(&file, Reach::Machine, 0),
            marks(&file, Reach::Mount, 9),
        );
        assert_eq!(enter(&behind, &file), None);
        assert!(!behind.is_marked());
        assert_eq!(file.metadata().unwrap().len(), 4096);
        assert_eq!(enter(&served, &file), None);
        assert_eq!(enter(&behind, &file), me());
        behind.leave(&file).unwrap();
        served.leave(&file).unwrap();
        assert_eq!(enter(&behind, &file), None);
        assert!(behind.is_marked());
        assert_eq!(enter(&served, &file), me());
    }

    #[test]
    fn what_is_asked_for_ends_by_itself() {
        let file = tempfile::tempfile().unwrap();
        let (behind, served) = (
            marks(&file, Reach::Machine, 0),
            marks(&file, Reach::Mount, 9),
        );
        assert_eq!(enter(&served, &file), None);
        served.leave(&file).unwrap();
        assert!(behind.is_asked(&file, None).unwrap());
        let over = u32::try_from(seconds()).unwrap();
        file.write_all_at(&over.to_le_bytes(), ASKED_IN_PAGE)
            .unwrap();
        assert!(!behind.is_asked(&file, None).unwrap());
        // Asked for once more when half of the time is over.
        assert_eq!(enter(&served, &file), None);
        served.leave(&file).unwrap();
        assert!(!behind.is_asked(&file, None).unwrap());
        *served.asked.lock().unwrap() = seconds() + ASKED_FOR / 2 - 1;
        assert_eq!(enter(&served, &file), None);
        assert!(behind.is_asked(&file, None).unwrap());
    }

    /// It took the lock before anybody asked it for a mark.
    #[test]
    fn a_holder_that_was_not_asked_in_time_is_waited_for() {
        let file = tempfile::tempfile().unwrap();
        let served = marks(&file, Reach::Mount, 9);
        let hold = |pid: u32, since: u64| {
            let held = [&since.to_le_bytes()[..], &pid.to_le_bytes()].concat();
            file.write_all_at(&held, SINCE_IN_PAGE).unwrap();
        };
        let pid = std::process::id();
        hold(pid, milliseconds());
        assert_eq!(enter(&served, &file), me());
        assert!(!served.is_marked());
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                hold(0, milliseconds());
            });
            let waited = served.enter(&file, None, Duration::from_secs(60));
            assert_eq!(waited.unwrap(), None);
        });
        served.leave(&file).unwrap();
        // One that is gone, and one that had the pid of this process before it.
        for (pid, since) in [(u32::MAX, milliseconds()), (pid, 1)] {
            hold(pid, since);
            *served.asked.lock().unwrap() = 0;
            assert_eq!(enter(&served, &file), None);
            served.leave(&file).unwrap();
        }
    }

    fn leave_a_mark(of: &Marks, file: &File, change: impl FnOnce(&mut Mark)) -> Mark {
        let me = of.system().me();
        let mut mark = Mark {
            token: 7,
            pid: me.pid,
            place: place(me),
            started: me.started.unwrap(),
            at: 1,
        };
        change(&mut mark);
        file.write_all_at(&mark.encode(), TABLE + 5 * MARK_BYTES as u64)
            .unwrap();
        mark
    }

    #[test]
    fn the_mark_of_a_dead_process_counts_no_more() {
        let file = tempfile::tempfile().unwrap();
        let marks = marks(&file, Reach::Mount, 9);
        let written = leave_a_mark(&marks, &file, |mark| mark.started -= 1);
        assert_eq!(marks.read_table(&file).unwrap()[5], written);
        assert_eq!(enter(&marks, &file), None);
        assert_eq!(marks.read_table(&file).unwrap()[5], Mark::default());
    }

    #[test]
    fn one_of_whom_nobody_knows_whether_it_lives_is_watched_for_a_while() {
        let file = tempfile::tempfile().unwrap();
        let marks = marks(&file, Reach::Mount, 9);
        let elsewhere = |mark: &mut Mark| mark.place ^= 1;
        leave_a_mark(&marks, &file, elsewhere);
        assert_eq!(enter(&marks, &file), me(), "without any patience");
        marks.leave(&file).unwrap();
        let begun = Instant::now();
        let long = Duration::from_secs(60);
        assert_eq!(marks.enter(&file, None, long).unwrap(), None);
        assert!(begun.elapsed() >= DEAD_AFTER);
        assert_eq!(marks.read_table(&file).unwrap()[5], Mark::default());
        marks.leave(&file).unwrap();
        // A holder that makes its next mark meanwhile lives.
        let is_over = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for at in 1.. {
                    leave_a_mark(&marks, &file, |mark| {
                        elsewhere(mark);
                        mark.at = at;
                    });
                    if is_over.load(Relaxed) > 0 {
                        break;
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            });
            while marks.read_table(&file).unwrap()[5].token == 0 {
                thread::yield_now();
            }
            let found = marks.enter(&file, None, long);
            is_over.store(1, Relaxed);
            assert_eq!(found.unwrap(), me());
        });
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark {
            token: 1 << 63,
            pid: 2,
            place: 3,
            started: 4,
            at: 5,
        };
        assert_eq!(Mark::decode(&mark.encode()), mark);
        assert_eq!(mark.encode()[..8], (1_u64 << 63).to_le_bytes());
    }
}

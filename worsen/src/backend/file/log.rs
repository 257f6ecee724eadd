//! The log: reading valid lines off its tail and writing lines there. What to do with a line that is
//! not valid is for `recovery` to say; which commit comes next, for the engine.

use std::{io, sync::Arc};

use super::{
    disk::{
        DiskFile,
        transfer::{read_full, write_full, write_some},
    },
    file_id::FileId,
    format::{Crc, Header, Position, Record, TRAILER, is_blank, read_header},
    lineage::{Chain, Lineage},
};

use crate::{
    planted::{Bug, planted},
    shared_str::Buffer,
};

/// How far the log is filled with blanks beyond its tail, so that a commit changes no metadata of
/// the file and one sync writes one page: the first step, and the largest.
const FIRST_FILL_BYTES: u64 = 16 * 1024;

const LARGEST_FILL_BYTES: u64 = 256 * 1024;

/// How much of it is kept, on a full disk, for commits that make the state smaller: enough for a hundred of
/// them. Behind any other commit there is at least this much.
pub(crate) const KEPT: u64 = 16 * 1024;

/// How much is read at a time of what others wrote.
const CHUNK_BYTES: usize = 4096;

/// How many bytes at the tail are kept at hand for the backup.
const RECENT_BYTES: usize = 64 * 1024;

/// What stands at the tail, seen while holding the lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Blanks or the end of the file: everything was read.
    Clean,
    /// Bytes that are no valid line.
    Unreadable,
    /// What was read last is not in front of it any more: the file was cut off, or has another content.
    Lost,
}

/// What was read of what follows.
enum Chunk {
    Read {
        at_end: bool,
    },
    /// What was read before is not in front of it any more.
    Lost,
    /// Nothing was appended.
    Blank,
}

/// How far the log is to be filled with blanks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    /// So that it lasts for a while.
    pub(crate) to: u64,
    /// Where a full disk has no room for that.
    pub(crate) least: u64,
}

/// Whether it says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The open log of one generation.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: Header,
    pub(crate) position: Position,
    /// The checksums up to there.
    pub(super) chain: Chain,
    /// Up to here the file is known to exist, blank behind the tail.
    filled: u64,
    fill: u64,
    /// The bytes right before the tail, for the backup, which is one write behind.
    recent: Vec<u8>,
    chunk: Vec<u8>,
}

/// Why an append failed.
pub(crate) enum AppendError {
    /// Nothing of it is left in the file.
    Undone(io::Error),
    /// Some of it may be left; the log must not be written to any more.
    Unclean(io::Error),
}

impl Log {
    pub(crate) fn new(
        file: Arc<dyn DiskFile>,
        header: Header,
        position: Position,
        chain: Chain,
        filled: u64,
    ) -> Self {
        Log {
            file,
            header,
            position,
            chain,
            filled,
            fill: FIRST_FILL_BYTES,
            recent: Vec::new(),
            chunk: vec![0; CHUNK_BYTES],
        }
    }

    /// Reads what was appended since, line by line. Stops behind the last valid line.
    ///
    /// # Errors
    ///
    /// Those of the disk, and the first of `each`.
    pub(crate) fn read_on<E: From<io::Error>>(
        &mut self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<Tail, E> {
        self.file.forget_cached();
        if self.is_at_the_tail()? {
            return Ok(Tail::Clean);
        }
        let mut pending: Vec<u8> = Vec::new();
        loop {
            let at_end = match self.read_chunk(&mut pending)? {
                Chunk::Read { at_end } => at_end,
                Chunk::Lost => return Ok(Tail::Lost),
                Chunk::Blank => return Ok(Tail::Clean),
            };
            let before = self.position;
            let (header, chain) = (&self.header, &self.chain);
            let note = |place: &Position, record| -> Result<(), E> {
                each(record)?;
                chain.note(header, place);
                Ok(())
            };
            let outcome = self.position.scan(&pending, Buffer::NONE, note);
            let taken = (self.position.offset - before.offset) as usize;
            self.remember(&pending[..taken]);
            pending.drain(..taken);
            outcome?;
            let line_is_open = memchr::memchr(b'\n', &pending).is_none();
            if at_end || !line_is_open {
                return Ok(if is_blank(&pending) {
                    Tail::Clean
                } else {
                    Tail::Unreadable
                });
            }
            // Nothing pending is not the tail: the last line may end where the chunk does.
            let is_tail = !pending.is_empty() || planted(Bug::StopReadingAtChunkEnd);
            if is_tail && is_blank(&pending) {
                return Ok(Tail::Clean);
            }
        }
    }

    /// Reads the bytes behind those that are pending.
    fn read_chunk(&mut self, pending: &mut Vec<u8>) -> io::Result<Chunk> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let outcome = self.read_chunk_into(&mut chunk, pending);
        chunk.truncate(CHUNK_BYTES);
        chunk.shrink_to(LARGEST_FILL_BYTES as usize);
        self.chunk = chunk;
        outcome
    }

    fn read_chunk_into(&mut self, chunk: &mut Vec<u8>, pending: &mut Vec<u8>) -> io::Result<Chunk> {
        let offset = self.position.offset + pending.len() as u64;
        // The end of the line before is read along: were it another one by now, or cut off,
        // what follows would not be ours to judge, nor its place ours to write to.
        let trailer = self.position.crc.trailer();
        let behind = if pending.is_empty() { trailer.len() } else { 0 };
        // A long line is read in growing steps, so that it is looked through only twice.
        let wanted = pending.len().max(CHUNK_BYTES);
        chunk.resize(behind + wanted, 0);
        let read = read_full(&*self.file, chunk, offset.saturating_sub(behind as u64))?;
        let is_followed = chunk[..read.min(behind)] == trailer[..behind]
            || planted(Bug::DoNotCheckLineBeforeTail) && read >= behind;
        if !is_followed {
            return Ok(Chunk::Lost);
        }
        let read = read - behind;
        let at_end = read < wanted;
        if at_end {
            // Somebody trimmed the file on closing: what is beyond has to be filled again.
            self.filled = self.filled.min(offset + read as u64);
        }
        // The last line ended where the chunk before did, and nothing follows it.
        if behind > 0 && (read == 0 || is_blank_start(chunk[behind])) {
            return Ok(Chunk::Blank);
        }
        pending.extend_from_slice(&chunk[behind..behind + read]);
        Ok(Chunk::Read { at_end })
    }

    /// By far the most frequent case: nobody else wrote. The end of the newest line is there, and a
    /// blank behind it.
    pub(super) fn is_at_the_tail(&mut self) -> io::Result<bool> {
        let trailer = self.position.crc.trailer();
        let mut bytes = [0; TRAILER + 1];
        let from = self.position.offset.saturating_sub(TRAILER as u64);
        let read = read_full(&*self.file, &mut bytes, from)?;
        if read < TRAILER || bytes[..TRAILER] != trailer {
            return Ok(false);
        }
        if read == TRAILER {
            // Somebody trimmed the file on closing: what is beyond has to be filled again.
            self.filled = self.filled.min(self.position.offset);
        }
        Ok(read == TRAILER || is_blank_start(bytes[TRAILER]))
    }

    /// How far the log is to be filled before lines that end here are written; `None` where the filling
    /// reaches, and leaves what is kept of it.
    pub(crate) fn filling(&self, end: u64) -> Option<Filling> {
        let kept = end + KEPT;
        (kept > self.filled).then(|| Filling {
            to: (kept + self.fill).next_multiple_of(CHUNK_BYTES as u64),
            least: kept.next_multiple_of(CHUNK_BYTES as u64),
        })
    }

    /// Up to where a commit has room in the file.
    pub(crate) fn filled(&self) -> u64 {
        self.filled
    }

    /// Writes whole lines at the tail, and blanks behind them where the filling runs out. Where a full disk
    /// has no room for these, lines that may do so take what is kept of the filling. `places`: those behind
    /// each of the lines.
    pub(crate) fn append(
        &mut self,
        lines: &[u8],
        places: &[Position],
        filling: Option<Filling>,
        may_take_what_is_kept: bool,
    ) -> Result<(), AppendError> {
        let start = self.position.offset;
        let end = places.last().map_or(start, |last| last.offset);
        match filling {
            // One write takes both.
            Some(filling) if end > self.filled => {
                let mut bytes = Vec::with_capacity((filling.to - start) as usize);
                bytes.extend_from_slice(lines);
                bytes.resize((filling.to - start) as usize, b' ');
                let (written, outcome) = write_some(&*self.file, &bytes, start);
                let reached = start + written as u64;
                match outcome {
                    Err(error) if !(is_full(&error) && reached >= filling.least) => {
                        return Err(self.undo(start, &bytes[..written], error));
                    }
                    _ => self.has_filled(reached),
                }
            }
            _ => {
                if let Some(Err(error)) = filling.map(|filling| self.fill(filling)) {
                    if !(is_full(&error) && may_take_what_is_kept) {
                        return Err(self.undo(start, &[], error));
                    }
                }
                let (written, outcome) = write_some(&*self.file, lines, start);
                if let Err(error) = outcome {
                    return Err(self.undo(start, &lines[..written], error));
                }
                self.filled = self.filled.max(end);
            }
        }
        for place in places {
            self.chain.note(&self.header, place);
            self.position = *place;
        }
        self.remember(lines);
        Ok(())
    }

    /// Writes blanks behind those that there are.
    fn fill(&mut self, filling: Filling) -> io::Result<()> {
        let blanks = vec![b' '; filling.to.saturating_sub(self.filled) as usize];
        let (written, outcome) = write_some(&*self.file, &blanks, self.filled);
        let reached = self.filled + written as u64;
        match outcome {
            Err(error) if !(is_full(&error) && reached >= filling.least) => {
                self.filled = reached;
                Err(error)
            }
            _ => {
                self.has_filled(reached);
                Ok(())
            }
        }
    }

    /// Not so far this time, and from now on in small steps.
    pub(crate) fn fill_less(&mut self, filling: Filling) -> Filling {
        self.fill = 0;
        Filling {
            to: filling.least,
            ..filling
        }
    }

    fn has_filled(&mut self, to: u64) {
        self.filled = self.filled.max(to);
        self.fill = (self.fill * 2).clamp(CHUNK_BYTES as u64, LARGEST_FILL_BYTES);
    }

    /// Blanks what an append left behind. On a full disk the bytes within the old size have their
    /// room already; those beyond it are cut off.
    fn undo(&mut self, start: u64, written: &[u8], error: io::Error) -> AppendError {
        if planted(Bug::LeavePartialLine) {
            return AppendError::Undone(error);
        }
        // After any other error nobody knows what the disk has done.
        let refused = is_full(&error)
            || matches!(
                error.kind(),
                io::ErrorKind::WriteZero
                    | io::ErrorKind::Interrupted
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
            );
        if refused && written.is_empty() {
            return AppendError::Undone(error);
        }
        let undo = || -> io::Result<()> {
            let end = start + written.len() as u64;
            if end > self.filled {
                self.file.set_len(self.filled.max(start))?;
            }
            let inside = end.min(self.filled).saturating_sub(start);
            write_full(&*self.file, &vec![b' '; inside as usize], start)?;
            // A commit that is whole already could come back in a power cut.
            match memchr::memchr(b'\n', written) {
                Some(_) => self.file.sync_data(),
                None => Ok(()),
            }
        };
        match undo() {
            Ok(()) if refused => AppendError::Undone(error),
            _ => AppendError::Unclean(error),
        }
    }

    /// The bytes from a place to the tail: from memory where they are recent.
    ///
    /// # Errors
    ///
    /// Those of the disk, and `InvalidData` where the file no longer holds the lines that were read
    /// or written there: what is damaged must not become the backup.
    pub(crate) fn bytes_from(&self, from: u64) -> io::Result<std::borrow::Cow<'_, [u8]>> {
        let start = self.position.offset - self.recent.len() as u64;
        if from >= start {
            return Ok(self.recent[(from - start) as usize..].into());
        }
        // A backup may end within a line, so it takes the whole log to tell.
        let mut bytes = vec![0; self.position.offset as usize];
        if read_full(&*self.file, &mut bytes, 0)? < bytes.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (_, mut position) = read_header(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let first = position.offset as usize;
        let Ok(()) = position.scan(&bytes[first..], Buffer::NONE, |_, _| {
            Ok::<(), std::convert::Infallible>(())
        });
        if position != self.position {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.drain(..from as usize);
        Ok(bytes.into())
    }

    /// Keeps the newest bytes before the tail, at most `RECENT_BYTES` of those before the newest write.
    fn remember(&mut self, bytes: &[u8]) {
        if self.recent.len() > RECENT_BYTES {
            self.recent.clear();
        }
        self.recent.extend_from_slice(bytes);
    }

    /// Goes on where another reader of the same file has come to.
    pub(crate) fn go_on(&mut self, other: &Log) {
        if other.position.offset - other.recent.len() as u64 == self.position.offset {
            self.remember(&other.recent);
        } else {
            self.recent.clone_from(&other.recent);
        }
        self.position = other.position;
        self.chain = other.chain.clone();
    }

    /// Where the chain of checksums stands at a revision that was read.
    pub(super) fn crc_at(&self, revision: u64) -> Option<Crc> {
        self.chain.at_revision(&self.header, revision)
    }

    /// As far as it was read.
    pub(super) fn lineage(&self) -> Lineage<'_> {
        Lineage {
            header: &self.header,
            position: &self.position,
            chain: &self.chain,
        }
    }

    /// Another reader of the same file, from here on.
    pub(crate) fn reader(&self) -> Log {
        Log::new(
            self.file.clone(),
            self.header.clone(),
            self.position,
            self.chain.clone(),
            self.position.offset,
        )
    }

    /// Closes the file, where another one is at its path and this one is not needed: it would keep its room on
    /// the disk.
    pub(crate) fn let_go(&mut self) {
        self.file = Arc::new(LetGo);
        self.recent = Vec::new();
    }

    /// Forgets the bytes before the tail: the backup has them now.
    pub(crate) fn forget_recent(&mut self) {
        self.recent.clear();
    }

    /// Cuts the filling off.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        self.filled = self.position.offset;
        self.file.set_len(self.position.offset)
    }
}

/// In the place of a file that was let go of: it is at no path, and there is nothing in it.
#[derive(Debug)]
struct LetGo;

impl DiskFile for LetGo {
    fn read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync_all(&self) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn try_lead(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn end_lead(&self) -> io::Result<()> {
        Ok(())
    }

    fn id(&self) -> FileId {
        FileId {
            device: u64::MAX,
            inode: u64::MAX,
        }
    }
}

/// The first line of a file, and the place behind it. `None`: it is none of ours.
pub(super) fn read_header_of(file: &dyn DiskFile) -> io::Result<Option<(Header, Position)>> {
    let mut bytes = vec![0; 4096];
    loop {
        let read = read_full(file, &mut bytes, 0)?;
        let is_all = read < bytes.len();
        match read_header(&bytes[..read]) {
            Ok(found) => return Ok(Some(found)),
            Err(_) if is_all || memchr::memchr(b'\n', &bytes).is_some() => return Ok(None),
            Err(_) => bytes.resize(bytes.len() * 2, 0),
        }
    }
}

fn is_blank_start(byte: u8) -> bool {
    matches!(byte, 0 | b' ')
}

#[cfg(test)]
mod tests {
    use super::{super::disk::Open, super::format::Header, *};
    use crate::backend::file::disk::Disk;
    use crate::testing::SimulatedDisk;

    /// Lines that end exactly where a chunk does once hid the lines behind them, and the next commit
    /// was written over those.
    #[test]
    fn lines_that_end_with_a_chunk_do_not_hide_the_next_ones() {
        for filling in 0..300 {
            let disk = SimulatedDisk::new();
            let file: Arc<dyn DiskFile> = disk.open("log".as_ref(), Open::Create).unwrap().into();
            let header = Header {
                store: "x".into(),
                generation: 1,
                revision: 0,
                base: 0,
                past: Vec::new(),
                at: String::new(),
            };
            let mut bytes = Vec::new();
            let crc = header.encode(&mut bytes);
            let start = Position::after_header(&header, crc, bytes.len());
            let chain = Chain::of_header(crc);
            let mut crc = crc;
            for revision in 1..=100 {
                let json = "1".repeat(if revision == 1 { filling + 1 } else { 1 });
                let record = Record {
                    revision,
                    at: "".into(),
                    pid: 1,
                    durable: None,
                    changes: vec![crate::entry::Edit::set("uid", json)],
                };
                crc = record.encode(crc, &mut bytes);
            }
            write_full(&*file, &bytes, 0).unwrap();
            write_full(&*file, &[b' '; 10_000], bytes.len() as u64).unwrap();
            let mut log = Log::new(file, header, start, chain, 0);
            let mut read = 0;
            let tail = log.read_on(|_| {
                read += 1;
                Ok::<(), io::Error>(())
            });
            assert_eq!(
                (tail.unwrap(), read),
                (Tail::Clean, 100),
                "filling {filling}"
            );
        }
    }
}

//! Reads and writes of any length, and of whole files.

use std::io;

use super::DiskFile;
use crate::planted::{Bug, planted};

/// Reads until the buffer is full or the file ends; returns how much.
pub(crate) fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64)? {
            0 => break,
            read => done += read,
        }
    }
    Ok(done)
}

/// Writes all of it, or says how much was written before the error.
pub(crate) fn write_some(
    file: &dyn DiskFile,
    bytes: &[u8],
    offset: u64,
) -> (usize, io::Result<()>) {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset + done as u64) {
            Ok(0) => return (done, Err(io::ErrorKind::WriteZero.into())),
            Ok(_) if planted(Bug::IgnoreShortWrite) => return (bytes.len(), Ok(())),
            Ok(written) => done += written,
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

/// Writes all of it.
pub(crate) fn write_full(file: &dyn DiskFile, bytes: &[u8], offset: u64) -> io::Result<()> {
    write_some(file, bytes, offset).1
}

/// A whole file, in memory.
pub(crate) fn read_whole(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // Whether there is room for it: what follows would end the process.
    Vec::<u8>::new()
        .try_reserve_exact(len)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    // The system hands out blank memory, so that nobody has to blank it.
    let mut bytes = vec![0; len];
    let read = read_full(file, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

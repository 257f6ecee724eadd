//! The backup: the lines of the log, always one write behind. It is never synced by itself: a crash
//! of the process leaves it whole, and a power cut that takes its end leaves the log.

use std::{io, sync::Arc};

use super::{disk::DiskFile, disk::transfer::write_full, log::Log};
use crate::planted::{Bug, planted};

#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) file: Arc<dyn DiskFile>,
    /// Up to here this process has had room kept for it.
    reserved: u64,
}

impl Backup {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Backup { file, reserved: 0 }
    }

    /// Brings the backup up to the tail of the log, before the next write goes there. Its length
    /// tells how far it is, whichever process wrote last.
    pub(crate) fn catch_up(&self, log: &mut Log, len: u64) -> io::Result<()> {
        let tail = log.position.offset;
        if len < tail && !planted(Bug::SkipBackup) {
            let bytes = log.bytes_from(len)?;
            write_full(&*self.file, &bytes, len)?;
        }
        log.forget_recent();
        Ok(())
    }

    /// Up to where there is room for it, as far as this process knows.
    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Has room kept from one place to another, behind which nothing is written without asking again. Where
    /// the system has no such thing, nothing is kept.
    pub(crate) fn reserve(&mut self, from: u64, to: u64) -> io::Result<()> {
        if from < to && !planted(Bug::TakeFillingForBackedUp) {
            self.file.reserve(from, to)?;
        }
        self.reserved = to;
        Ok(())
    }

    /// Gives back what is kept behind its end. The lock is held.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        self.reserved = 0;
        self.file.set_len(self.file.len()?)
    }

    /// How many bytes could be written to it without new room.
    pub(crate) fn room(&self) -> io::Result<u64> {
        Ok(self.file.len()?.max(self.reserved))
    }
}

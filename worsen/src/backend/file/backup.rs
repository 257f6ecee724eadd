//! The backup: the lines of the log, always one write behind. It is never synced by itself: a crash
//! of the process leaves it whole, and a power cut that takes its end leaves the log.

use std::{io, sync::Arc};

use super::{
    disk::DiskFile,
    log::{Log, write_full},
};
use crate::planted::{Bug, planted};

#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) file: Arc<dyn DiskFile>,
}

impl Backup {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Backup { file }
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
}

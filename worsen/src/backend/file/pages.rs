//! Which shared page tells what is newest: that of the lock file that was there at opening, or, once
//! somebody has replaced that, of the one in its place. Never here: what stands in a page.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    FileBackend, LogAtPath, OtherPage,
    acquire::{self, Lock},
    format::Crc,
    shared_page::SharedPage,
};
use crate::{
    backend::Visible,
    error::{self, Error},
    loom::Unpoisoned,
    options::Access,
    planted::{Bug, planted},
};

impl FileBackend {
    /// Takes the lock, and goes over to the page of the file that is locked.
    pub(super) fn take_lock(&self, timeout: Duration) -> Result<(), Error> {
        if self.access == Access::ReadOnly {
            return Err(error::engine::read_only());
        }
        if let Some(error) = self.replaced.get() {
            return Err(error.clone());
        }
        let current = self.current_lock();
        let taken = acquire::take_lock(
            &*self.disk,
            &self.paths,
            Some(current.clone()),
            timeout,
            self.pid,
            self.shared_memory,
        )
        .inspect_err(|error| self.note_intrusion(error))?;
        if !Arc::ptr_eq(&current, &taken) {
            // The lock file was deleted: from now on another page tells what is newest.
            if let (Some(old), Some(new)) = (current.shared_page(), taken.shared_page()) {
                if !old.is_retired() {
                    // Told there once it is known that the log goes on from it.
                    self.owed.fetch_max(old.revision(), Ordering::Relaxed);
                }
                // A sync that failed stays one. Where that is over, the log is of a later generation.
                new.doubt(old.doubted());
                old.retire();
            }
            *self.lock.lock().unpoisoned() = taken;
        }
        Ok(())
    }

    pub(super) fn free_lock(&self) {
        let lock = self.current_lock();
        if let Some(shared_page) = lock.shared_page() {
            shared_page.clear_holder();
        }
        if let Err(error) = lock.release() {
            self.debug
                .warn(format_args!("the lock cannot be released: {error}"));
        }
    }

    /// The page that tells what is newest.
    pub(super) fn page(&self) -> Option<Arc<SharedPage>> {
        match &self.shared_page {
            Some(shared_page) if !shared_page.is_retired() => Some(shared_page.clone()),
            Some(_) => self.page_in_use(),
            None => self.current_page(),
        }
    }

    /// The page that is in use, where the first one says that it is not. Nobody needs the lock to look at
    /// the file that is at its path.
    pub(super) fn page_in_use(&self) -> Option<Arc<SharedPage>> {
        let mut other = self.other_page.lock().unpoisoned();
        let is_there = |page: &Arc<SharedPage>| !page.is_retired();
        if !other.page.as_ref().is_some_and(is_there) {
            let found = self.disk.identify(&self.paths.lock).ok().flatten();
            let found = found.map(|found| found.id);
            if found.is_some() && other.of != found {
                let open = self.disk.open_lock(&self.paths.lock, self.shared_memory);
                if let Ok(file) = open {
                    *other = OtherPage {
                        of: Some(file.id()),
                        page: file.shared_page(),
                    };
                }
            }
        }
        other.page.clone()
    }

    /// A reader found that another page is in use, and this process has not locked its file yet.
    #[cold]
    pub(super) fn publish_elsewhere(&self, revision: u64, crc: Option<u32>) {
        // One that came with a copy of the store does not hear of it.
        let is_ours = matches!(self.is_ours(self.following().log()), Ok(LogAtPath::Ours));
        if let Some(page) = self.page_in_use().filter(|_| is_ours) {
            page.publish(revision, crc);
        }
    }

    pub(super) fn current_lock(&self) -> Arc<Lock> {
        self.lock.lock().unpoisoned().clone()
    }

    pub(super) fn current_page(&self) -> Option<Arc<SharedPage>> {
        self.current_lock().shared_page()
    }

    /// The shared page, where it can tell how far the log is on disk. A page that some writers of the store do
    /// not share cannot: what they wrote through another mount may be in a cache that a sync of this mount does
    /// not reach.
    pub(super) fn page_of_syncs(&self) -> Option<Arc<SharedPage>> {
        self.current_page()
            .filter(|shared_page| shared_page.is_complete())
    }

    pub(super) fn publish_in_page(&self, revision: u64) {
        if self.replaced.get().is_some() {
            return;
        }
        if let Some(shared_page) = self.current_page() {
            if planted(Bug::RaiseDurableOffsetWithoutSync) {
                let log = &self.state().log;
                shared_page.raise_durable_offset(log.header.generation, log.position.offset);
            }
            let crc = self.following().crc_at(revision).map(Crc::number);
            shared_page.publish(revision, crc);
            if shared_page.is_retired() {
                self.publish_elsewhere(revision, crc);
            }
        }
    }

    /// What the page tells of the newest revision.
    pub(super) fn visible_in_page(&self) -> Visible {
        let Some(page) = &self.shared_page else {
            return Visible::Unknown;
        };
        match page.visible() {
            // Where this process has not found the other page yet, everything may be newer.
            Visible::Moved => self
                .page_in_use()
                .map_or(Visible::Moved, |page| page.visible()),
            visible => visible,
        }
    }
}

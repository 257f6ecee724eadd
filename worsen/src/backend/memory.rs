//! The backend that keeps nothing: for tests, and for state that may go with the process.

use std::time::Duration;

use super::{AppendFailure, Backend, Entries, Entry, Sink};
use crate::error::Error;

/// A store in memory belongs to one process and one handle, so there is nobody to keep out, nothing
/// to catch up with and nothing to sync.
#[derive(Debug)]
pub(crate) struct MemoryBackend;

impl Backend for MemoryBackend {
    fn lock(&self, _timeout: Duration) -> Result<(), Error> {
        Ok(())
    }

    fn unlock(&self) {}

    fn catch_up(&self, _sink: &mut dyn Sink) -> Result<(), Error> {
        Ok(())
    }

    fn append(&self, _commits: &[Vec<Entry>]) -> Result<(), AppendFailure> {
        Ok(())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn publish(&self, _revision: u64) {}

    fn visible(&self) -> Option<u64> {
        None
    }

    fn follow(&self, _sink: &mut dyn Sink) -> Result<(), Error> {
        Ok(())
    }

    fn wants_compaction(&self, _live: u64) -> bool {
        false
    }

    fn compact(&self, _entries: &Entries) -> Result<(), Error> {
        Ok(())
    }

    fn close(&self) {}

    fn wait_for_news(&self, _seen: u64, _stop: &dyn Fn() -> bool, _timeout: Duration) -> bool {
        false
    }

    fn wake(&self) {}
}

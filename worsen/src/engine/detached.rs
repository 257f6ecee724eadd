//! Detached writes that failed. Never here: how they failed.

use crate::{
    error::Error,
    loom::Unpoisoned,
    planted::{Bug, planted},
};

/// The detached writes of a store that failed, until a `sync` tells of them.
#[derive(Default)]
pub(crate) struct DetachedFailures {
    /// The first one, and how many. The standard library's lock also under loom: it is never held across
    /// anything that other threads take part in.
    failed: std::sync::Mutex<Option<(Error, u64)>>,
}

impl DetachedFailures {
    fn failed(&self) -> std::sync::MutexGuard<'_, Option<(Error, u64)>> {
        self.failed.lock().unpoisoned()
    }

    pub(crate) fn note(&self, error: Error) {
        if planted(Bug::ForgetWhatNobodyWaitedFor) {
            return;
        }
        let failed = &mut *self.failed();
        *failed = match failed.take() {
            None => Some((error, 1)),
            Some((first, count)) => {
                let first = first.along_with(error.effect());
                Some((first, count.saturating_add(1)))
            }
        };
    }

    pub(crate) fn take(&self) -> Option<Error> {
        let (first, count) = self.failed().take()?;
        Some(match count {
            1 => first.introduced("a write that nobody waited for failed"),
            _ => first.introduced(&format!(
                "{count} writes that nobody waited for failed, the first of them so"
            )),
        })
    }
}

//! A lease that extends itself for as long as its taker holds the job. Never here: how long leases are.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use super::{Work, alarm::Sleeper};
use crate::{
    collections::{Now, Receipt, Span},
    loom::Unpoisoned,
    options::Durability,
    planted::{Bug, planted},
    schema::Schema,
};

/// Extends the lease of a job until it is dropped. What a taken job holds.
pub(super) struct Extender<S: Schema, T: Send + Sync + 'static>(Arc<Extension<S, T>>);

struct Extension<S: Schema, T: Send + Sync + 'static> {
    work: Work<S, T>,
    receipt: Receipt,
    lease: Duration,
    /// From then on the lease is left to end. `None`: never.
    end: Option<Instant>,
    /// The job is neither dropped nor lost.
    is_held: Arc<AtomicBool>,
    sleeper: Mutex<Option<Sleeper>>,
}

impl<S: Schema, T: Send + Sync + 'static> Extender<S, T> {
    /// For a job that is taken now. The thread of the alarm runs already.
    pub(super) fn new(work: Work<S, T>, receipt: Receipt, lease: Duration, most: Duration) -> Self {
        let extension = Arc::new(Extension {
            work,
            receipt,
            lease,
            end: Instant::now().checked_add(most),
            is_held: Arc::new(AtomicBool::new(true)),
            sleeper: Mutex::new(None),
        });
        extension.sleep();
        Extender(extension)
    }
}

impl<S: Schema, T: Send + Sync + 'static> Drop for Extender<S, T> {
    fn drop(&mut self) {
        let extension = &self.0;
        if planted(Bug::ExtendForNobody) {
            return;
        }
        extension.is_held.store(false, Ordering::Release);
        let sleeper = extension.sleeper.lock().unpoisoned().take();
        if let Some(sleeper) = sleeper {
            extension.work.alarm.cancel(sleeper);
        }
    }
}

impl<S: Schema, T: Send + Sync + 'static> Extension<S, T> {
    /// A lease is extended when a third of it is over: two extensions may be late, or fail.
    const PARTS: u32 = 3;

    /// Commits come no closer than that, however short a lease is.
    const LEAST_PAUSE: Duration = Duration::from_millis(1);

    fn sleep(self: &Arc<Self>) {
        let pause = (self.lease / Self::PARTS).max(Self::LEAST_PAUSE);
        let next = Instant::now().checked_add(pause);
        // Nobody lives to see the end of a lease that is longer than the clock counts.
        let Some(next) = next.filter(|next| self.end.is_none_or(|end| *next < end)) else {
            return;
        };
        let mut sleeper = self.sleeper.lock().unpoisoned();
        // Whoever drops the job takes the sleeper after it has said so.
        if self.is_held.load(Ordering::Acquire) {
            let waker = Waker::from(self.clone());
            *sleeper = Some(self.work.alarm.wake_at(next, waker));
        }
    }
}

impl<S: Schema, T: Send + Sync + 'static> Wake for Extension<S, T> {
    fn wake(self: Arc<Self>) {
        if !self.is_held.load(Ordering::Acquire) {
            return;
        }
        let (receipt, lease) = (self.receipt, self.lease);
        let (is_held, environment) = (self.is_held.clone(), self.work.environment.clone());
        let extend = self.work.update(move |queue| {
            // The job may have been dropped while this was queued.
            if !is_held.load(Ordering::Acquire) {
                return;
            }
            let span = Span::new(&Now::of(&*environment), lease);
            if !queue.extend_lease(receipt, span) {
                is_held.store(false, Ordering::Release);
            }
        });
        // A power cut that takes an extension back takes the taker as well.
        extend.durability(Durability::Buffered).detach();
        self.sleep();
    }
}

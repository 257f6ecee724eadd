//! Locks, atomics and threads: the standard library's, or, under `cfg(loom)`, loom's, which runs a test in
//! every order of its threads. They are used where such an order matters, and in those files alone: `commit`,
//! `engine`, `watch`, `shared_page` and what readers of a keyed store see. Nothing is built on top of it here.
//!
//! Two counts stay the standard library's under loom: that of the engine and that of a queued write. Dropping
//! the last of those does nothing but free it. Dropping the last [`EngineHandle`] closes the store, so its
//! count is loom's.
//!
//! [`EngineHandle`]: crate::engine::EngineHandle

#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

/// Takes what a lock guards also where a thread panicked that had it. A panic does not leave it half changed: what
/// is changed under such a lock is whole after each step, and what is not breaks the store where it happens, which
/// refuses writes from then on.
pub(crate) trait Unpoisoned<T> {
    /// The guard, poisoned or not.
    fn unpoisoned(self) -> T;
}

impl<T> Unpoisoned<T> for std::sync::LockResult<T> {
    #[inline]
    fn unpoisoned(self) -> T {
        self.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Holds one thing that others may still look at when it is taken away. Nobody waits for anybody here.
pub(crate) struct Slot<T>(
    #[cfg(not(loom))] arc_swap::ArcSwapOption<T>,
    #[cfg(loom)] Mutex<Option<std::sync::Arc<T>>>,
);

#[cfg(not(loom))]
impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Slot(arc_swap::ArcSwapOption::empty())
    }

    pub(crate) fn load(&self) -> Option<std::sync::Arc<T>> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Option<std::sync::Arc<T>>) {
        self.0.store(value);
    }
}

/// Loom does not know the atomics of other crates: a lock that is held for a moment is as one of them.
#[cfg(loom)]
impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Slot(Mutex::new(None))
    }

    pub(crate) fn load(&self) -> Option<std::sync::Arc<T>> {
        self.0.lock().unpoisoned().clone()
    }

    pub(crate) fn store(&self, value: Option<std::sync::Arc<T>>) {
        *self.0.lock().unpoisoned() = value;
    }
}

/// As `std::thread_local!`, of which loom's does not know the `const` form.
#[cfg(loom)]
macro_rules! checked_thread_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $init:expr };) => {
        ::loom::thread_local! {
            $(#[$attribute])*
            static $name: $type = $init;
        }
    };
}
#[cfg(loom)]
pub(crate) use checked_thread_local as thread_local;

/// Runs `body` in every order of its threads that makes a difference. Where those are too many, in
/// those alone that switch at most `preemptions` times away from a thread that could go on; the
/// environment variable `LOOM_MAX_PREEMPTIONS` says another number for all tests. Prints how many
/// there were.
///
/// There is no time in it: nothing that waits ever times out, so that a wake that is lost stands out
/// as a deadlock.
#[cfg(loom)]
#[cfg(test)]
pub(crate) fn in_every_order(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(preemptions);
    model.max_branches = 20_000;
    let start = std::time::Instant::now();
    let executions = std::sync::Arc::new(AtomicU64::new(0));
    let count = executions.clone();
    model.check(move || {
        count.fetch_add(1, Relaxed);
        body();
    });
    println!(
        "{} executions in {:.1} s",
        executions.load(Relaxed),
        start.elapsed().as_secs_f32()
    );
}

//! Wakers of tasks that wait for a publication, woken when nothing is locked any more: a waker may run
//! what it likes, and drop the last handle of its store. Never here: what they wait for.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    task::{Wake, Waker},
};

/// Those that are due. The standard library's lock also under loom: it is never held across anything
/// that other threads take part in.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    due: Arc<Mutex<Vec<Waker>>>,
}

/// Takes the place of a waker where it would be woken under a lock.
struct Later {
    waker: Waker,
    due: Arc<Mutex<Vec<Waker>>>,
}

impl Wake for Later {
    fn wake(self: Arc<Self>) {
        let Later { waker, due } = match Arc::try_unwrap(self) {
            Ok(later) => later,
            Err(shared) => Later {
                waker: shared.waker.clone(),
                due: shared.due.clone(),
            },
        };
        due.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waker);
    }
}

impl Wakers {
    /// A waker that notes that this one is due, and does nothing else.
    pub(crate) fn later(&self, waker: &Waker) -> Waker {
        let (waker, due) = (waker.clone(), self.due.clone());
        Waker::from(Arc::new(Later { waker, due }))
    }

    /// Wakes those that are due. Whoever has made one due calls it after that.
    pub(crate) fn wake(&self) {
        let due = std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner));
        for waker in due {
            // A panic of it is printed as any; the commit that it is woken for is none the worse for it.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

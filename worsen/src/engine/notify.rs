//! Being told of a publication, as a thread or as a task. The waker of a task is woken when nothing is
//! locked any more: it may run what it likes, and drop the last handle of its store. Never here: what is
//! published, and what those who wait are looking for.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use event_listener::{Event, EventListener};

use crate::strangers::{Strangers, quietly};

/// Those of one store.
#[derive(Debug)]
pub(crate) struct Publications {
    happened: Event,
    /// The wakers that are due. The standard library's lock also under loom: it is never held across
    /// anything that other threads take part in.
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

impl Publications {
    pub(crate) fn new() -> Self {
        Publications {
            happened: Event::new(),
            due: Arc::default(),
        }
    }

    /// There is one. Threads that wait go on, tasks at the next [`wake`](Publications::wake).
    pub(crate) fn notify(&self) {
        self.happened.notify(usize::MAX);
    }

    /// Hears of every publication from now on.
    pub(crate) fn listen(&self) -> EventListener {
        self.happened.listen()
    }

    /// Whether there was one since the listener was made; otherwise the task is woken by the next one.
    pub(crate) fn hear(&self, listener: &mut EventListener, context: &Context<'_>) -> Poll<()> {
        let waker = self.later(context.waker());
        Pin::new(listener).poll(&mut Context::from_waker(&waker))
    }

    /// Looks until there is something to find, or nothing is published. The listener is kept from one poll
    /// to the next.
    pub(crate) fn poll<T>(
        &self,
        listener: &mut Option<EventListener>,
        context: &Context<'_>,
        mut look: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        loop {
            if let Some(found) = look() {
                *listener = None;
                return Poll::Ready(found);
            }
            match listener {
                // Listening before looking again: what comes in between is not missed.
                None => *listener = Some(self.listen()),
                Some(heard) => match self.hear(heard, context) {
                    Poll::Ready(()) => *listener = None,
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// A waker that notes that this one is due, and does nothing else.
    fn later(&self, waker: &Waker) -> Waker {
        let (waker, due) = (waker.clone(), self.due.clone());
        Waker::from(Arc::new(Later { waker, due }))
    }

    /// Has those woken that are due, on a thread where they can do no harm. Whoever has made one due calls
    /// it after that.
    pub(crate) fn wake(&self, strangers: &Strangers) {
        let due = std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner));
        if !due.is_empty() {
            strangers.run(move || due.into_iter().for_each(wake));
        }
    }
}

/// Wakes one task. A panic of its waker is printed as any; what it is woken for, and whoever comes after it,
/// are none the worse for it.
pub(crate) fn wake(waker: Waker) {
    quietly(|| waker.wake());
}

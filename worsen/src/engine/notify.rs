//! Being told of a publication, as a thread or as a task. The waker of a task is called when nothing is locked
//! any more: it may run any code, and drop the last handle of its store. Never here: what is published, and
//! what a waiting caller looks for.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use event_listener::{Event, EventListener};

use crate::{
    callbacks::{Callback, Callbacks},
    loom::Unpoisoned,
};

/// The publications of one store, to wait for.
#[derive(Debug)]
pub(crate) struct Notifier {
    happened: Event,
    /// The wakers that are due. The standard library's lock also under loom: it is never held across
    /// anything that other threads take part in.
    due: Arc<Mutex<Vec<Waker>>>,
}

/// A task that waits for a publication.
#[derive(Debug)]
pub(crate) struct Listener {
    // Dropped first: the event then has nothing of the task any more.
    heard: EventListener,
    later: Arc<Later>,
}

/// Stands in for a waker where it would be called, or dropped, under a lock. The listener holds it too, so that
/// the task's own thread is the last one to drop it.
#[derive(Debug)]
struct Later {
    /// The standard library's lock, as above.
    waker: Mutex<Option<Waker>>,
    due: Arc<Mutex<Vec<Waker>>>,
}

impl Later {
    fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut place = self.waker.lock().unpoisoned();
        std::mem::replace(&mut *place, waker)
    }
}

impl Wake for Later {
    fn wake(self: Arc<Self>) {
        let waker = self.replace(None);
        let mut due = self.due.lock().unpoisoned();
        due.extend(waker);
    }
}

impl Notifier {
    pub(crate) fn new() -> Self {
        Notifier {
            happened: Event::new(),
            due: Arc::default(),
        }
    }

    /// Tells of a publication. Threads that wait go on at once, tasks at the next [`wake`](Notifier::wake).
    pub(crate) fn notify(&self) {
        self.happened.notify(usize::MAX);
    }

    /// A listener for every publication from now on.
    pub(crate) fn listen(&self) -> EventListener {
        self.happened.listen()
    }

    /// As `listen`, for a task.
    pub(crate) fn listen_as_task(&self) -> Listener {
        Listener {
            heard: self.listen(),
            later: Arc::new(Later {
                waker: Mutex::new(None),
                due: self.due.clone(),
            }),
        }
    }

    /// Ready where something was published since the listener was made; otherwise the next publication wakes
    /// the task.
    pub(crate) fn hear(&self, listener: &mut Listener, context: &Context<'_>) -> Poll<()> {
        let Listener { heard, later } = listener;
        // Cloning and dropping a waker runs code of the user's, so nothing is locked here.
        let before = later.replace(Some(context.waker().clone()));
        let waker = Waker::from(later.clone());
        let polled = Pin::new(heard).poll(&mut Context::from_waker(&waker));
        drop(before);
        polled
    }

    /// Looks until there is something to find, or nothing is published. The listener is kept from one poll
    /// to the next.
    pub(crate) fn poll<T>(
        &self,
        listener: &mut Option<Listener>,
        context: &Context<'_>,
        mut look: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        loop {
            if let Some(found) = look() {
                *listener = None;
                return Poll::Ready(found);
            }
            match listener {
                // It listens before it looks again: then it misses nothing that comes in between.
                None => *listener = Some(self.listen_as_task()),
                Some(heard) => match self.hear(heard, context) {
                    Poll::Ready(()) => *listener = None,
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// The wakers that are due. A thread that has made one due calls this afterwards.
    pub(crate) fn take_due(&self) -> Vec<Waker> {
        std::mem::take(&mut *self.due.lock().unpoisoned())
    }

    /// Calls the wakers that are due, on a thread where they can do no harm.
    pub(crate) fn wake(&self, callbacks: &Callbacks) {
        callbacks.run(self.take_due().into_iter().map(Callback::Wake));
    }
}

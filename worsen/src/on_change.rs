//! [`OnChange`]: a function that is called at each change, on a thread of its own, for programs that neither
//! wait nor poll. The watch behind it knows what a change is.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use futures_core::Stream;

use crate::{
    error::{self, Error},
    watch::Watch,
};

/// Calls a function at each change, until it is dropped. From [`Handle::on_change`](crate::Handle::on_change).
///
/// It keeps its store open. A call that runs when it is dropped goes on to its end, and the drop does not wait
/// for that: it may be dropped in the function itself, and by a thread that the function waits for.
#[must_use = "the function is called until this is dropped, so keep it"]
pub struct OnChange {
    stop: Arc<Stop>,
    thread: Thread,
}

#[derive(Default)]
struct Stop(AtomicBool);

/// Wakes the thread that calls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl OnChange {
    /// # Errors
    ///
    /// Where no thread can be started.
    pub(crate) fn start<S: 'static, T: 'static>(
        mut watch: Watch<S, T>,
        mut tell: impl FnMut(Result<T, Error>) + Send + 'static,
    ) -> Result<Self, Error> {
        let stop = Arc::<Stop>::default();
        let stopped = stop.clone();
        let call = move || {
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let mut context = Context::from_waker(&waker);
            // Acquire: pairs with the drop, so that nothing is called after it that could have seen it.
            while !stopped.0.load(Ordering::Acquire) {
                match Pin::new(&mut watch).poll_next(&mut context) {
                    Poll::Ready(Some(change)) => tell(change),
                    Poll::Ready(None) => break,
                    // Woken before this, or by something else: it looks again.
                    Poll::Pending => thread::park(),
                }
            }
        };
        let thread = thread::Builder::new()
            .name("worsen-on-change".into())
            .spawn(call)
            .map_err(|error| error::system::no_thread("tells of changes", error))?;
        Ok(OnChange {
            stop,
            thread: thread.thread().clone(),
        })
    }
}

impl Drop for OnChange {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl fmt::Debug for OnChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnChange").finish_non_exhaustive()
    }
}

//! [`Watch`]: being told of changes, as a stream or by blocking. Where changes come from is not
//! known here.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use event_listener::EventListener;
use futures_core::Stream;

use crate::{engine::EngineHandle, sync::Arc};

#[cfg(loom)]
#[cfg(test)]
mod loom_tests;

/// Looks for a value newer than the one with this mark; `None`: any value.
type Probe<T> = Box<dyn Fn(Option<u64>) -> Option<(u64, T)> + Send + Sync>;

/// Tells of changes of a store `S`, or of one of its fields, by whichever process.
///
/// It yields the newest value, and that only when it changed since this watch last yielded; the value
/// at the time of the `watch` call counts as seen. Changes in quick succession may be told as one,
/// but never is the last one missed. A watch keeps its store open.
///
/// It is a [`Stream`] on any async runtime, has [`next`](Watch::next) where no stream library is at
/// hand, and [`wait`](Watch::wait) for plain threads.
///
/// ```
/// # use std::time::Duration;
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool }
/// # fn main() -> Result<(), worsen::Error> {
/// let store = State::builder().in_memory().open()?;
/// let mut watch = store.watch_ready();
/// store.set_ready(true).wait()?;
/// assert_eq!(watch.wait(Duration::from_secs(1)), Some(true));
/// assert_eq!(watch.wait(Duration::ZERO), None);   // nothing new since
/// # Ok(())
/// # }
/// ```
#[must_use = "a watch tells nothing unless it is polled or waited for"]
pub struct Watch<S, T> {
    handle: Arc<EngineHandle>,
    probe: Probe<T>,
    seen: Option<u64>,
    listener: Option<EventListener>,
    store: PhantomData<fn() -> S>,
}

impl<S, T> Watch<S, T> {
    pub(crate) fn new(
        handle: Arc<EngineHandle>,
        probe: impl Fn(Option<u64>) -> Option<(u64, T)> + Send + Sync + 'static,
    ) -> Self {
        if handle.engine.is_behind(handle.engine.revision()) {
            handle.engine.refresh();
        }
        let seen = probe(None).map(|(mark, _)| mark);
        Watch {
            handle,
            probe: Box::new(probe),
            seen,
            listener: None,
            store: PhantomData,
        }
    }

    /// Blocks until there is a change, at most so long. `None`: there was none. With a time of zero it looks
    /// at what is acknowledged now, by whichever process, as a read does.
    pub fn wait(&mut self, timeout: Duration) -> Option<T> {
        let Watch {
            handle,
            probe,
            seen,
            ..
        } = self;
        handle.engine.wait(timeout, || look(probe, seen).into())
    }

    /// Resolves when there is a change. Cancelling it loses nothing.
    pub async fn next(&mut self) -> T {
        poll_fn(|context| self.poll_change(context)).await
    }

    fn poll_change(&mut self, context: &Context<'_>) -> Poll<T> {
        let Watch {
            handle,
            probe,
            seen,
            listener,
            ..
        } = self;
        handle.engine.poll(listener, context, || look(probe, seen))
    }
}

fn look<T>(probe: &Probe<T>, seen: &mut Option<u64>) -> Option<T> {
    let (mark, value) = probe(*seen)?;
    *seen = Some(mark);
    Some(value)
}

impl<S, T> Stream for Watch<S, T> {
    type Item = T;

    /// Never ends.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_change(context).map(Some)
    }
}

impl<S, T> fmt::Debug for Watch<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("store", &self.handle.engine.name())
            .finish_non_exhaustive()
    }
}

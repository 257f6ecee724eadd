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

use futures_core::Stream;

use crate::{
    engine::notify::Listener,
    engine::{Engine, EngineHandle},
    error::Error,
    health::Told,
    loom::Arc,
};

#[cfg(loom)]
#[cfg(test)]
mod loom_tests;

/// Looks for a value newer than the one with this mark; `None`: any value.
type Probe<T> = Box<dyn Fn(Option<u64>) -> Option<(u64, T)> + Send + Sync>;

/// Tells of changes of a store `S`, or of one of its fields, by any process.
///
/// It yields the newest value, and that only when it changed since this watch last yielded; the value
/// at the time of the `watch` call counts as seen. Changes in quick succession may be told as one,
/// but never is the last one missed. A watch keeps its store open.
///
/// Where what others wrote cannot be shown, it tells that in the place of a value, so that no caller waits for
/// ever beside an old state. Each is told once, and then it goes on:
///
/// - [`Decode`](crate::ErrorKind::Decode): another program wrote a value that does not fit its type. Reads stay at
///   the state before, and so does the watch until a value that fits is written.
/// - [`Replaced`](crate::ErrorKind::Replaced): the files were replaced by others with another history, such as an
///   older copy. What comes next is the state that stands there now, changed or not.
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
/// assert_eq!(watch.wait(Duration::from_secs(1)).transpose()?, Some(true));
/// assert!(watch.wait(Duration::ZERO).is_none());   // nothing new since
/// # Ok(())
/// # }
/// ```
#[must_use = "a watch tells nothing unless it is polled or waited for"]
pub struct Watch<S, T> {
    handle: Arc<EngineHandle>,
    probe: Probe<T>,
    seen: Option<u64>,
    told: Told,
    listener: Option<Listener>,
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
            told: handle.engine.told(),
            handle,
            probe: Box::new(probe),
            seen,
            listener: None,
            store: PhantomData,
        }
    }

    /// Blocks until there is a change, or the time is over. `None`: there was none. With a time of zero it
    /// looks at what is acknowledged now, by any process, as a read does.
    ///
    /// # Errors
    ///
    /// Once where what others wrote does not fit its type, and once where the files were replaced; see
    /// [`Watch`].
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<T, Error>> {
        let Watch {
            handle,
            probe,
            seen,
            told,
            ..
        } = self;
        let engine = &handle.engine;
        engine.wait(timeout, || look(engine, probe, seen, told).into())
    }

    /// Resolves when there is a change. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// As [`wait`](Watch::wait).
    pub async fn next(&mut self) -> Result<T, Error> {
        poll_fn(|context| self.poll_change(context)).await
    }

    fn poll_change(&mut self, context: &Context<'_>) -> Poll<Result<T, Error>> {
        let Watch {
            handle,
            probe,
            seen,
            told,
            listener,
            ..
        } = self;
        let engine = &handle.engine;
        engine.poll(listener, context, || look(engine, probe, seen, told))
    }
}

fn look<T>(
    engine: &Engine,
    probe: &Probe<T>,
    seen: &mut Option<u64>,
    told: &mut Told,
) -> Option<Result<T, Error>> {
    if let Some(error) = engine.tell_replaced(told) {
        // What is there now may have the same mark as what was.
        *seen = None;
        return Some(Err(error));
    }
    match probe(*seen) {
        Some((mark, value)) => {
            *seen = Some(mark);
            Some(Ok(value))
        }
        None => engine.tell_misfit(told).map(Err),
    }
}

impl<S, T> Stream for Watch<S, T> {
    type Item = Result<T, Error>;

    /// Never ends.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
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

//! The threads of a store: the keeper, which leads for those who must not block, looks for other processes'
//! commits on a timer, and closes the store; and the listener, which sleeps on the page for tasks. Never
//! here: what leading and following are.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{Engine, KEEPING, queue::Queue};
use crate::{
    error::{Error, ErrorKind},
    sync::thread::{self, JoinHandle},
};

/// How long the keeper, which is no reader, waits for the lock where only its holder can tell what there is.
const PATIENCE: Duration = Duration::from_millis(50);

impl Engine {
    /// Starts the keeper, if it does not run yet: a store that is only read, or only written to by
    /// threads that block, has no thread of its own.
    pub(super) fn start_keeper(self: &Arc<Self>, queue: &mut Queue) -> Result<(), Error> {
        if queue.keeper.is_none() {
            queue.keeper = Some(spawn("worsen-keeper", self, Engine::keep)?);
        }
        Ok(())
    }

    /// The keeper leads for callers that must not block, looks for other processes' commits on a
    /// timer, and closes the store.
    fn keep(&self) {
        KEEPING.with(|keeping| keeping.set(true));
        let mut queue = self.queue();
        loop {
            if queue.keeper_leads {
                queue.keeper_leads = false;
                drop(queue);
                self.lead();
                queue = self.queue();
                continue;
            }
            if queue.closing && !queue.led {
                break;
            }
            queue = match queue.poll.filter(|_| !queue.closing) {
                None => self
                    .keeper
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(poll) => {
                    let (woken, timer) = self
                        .keeper
                        .wait_timeout(queue, poll)
                        .unwrap_or_else(PoisonError::into_inner);
                    if timer.timed_out() && !woken.keeper_leads && !woken.closing {
                        drop(woken);
                        self.look_for_others();
                        self.queue()
                    } else {
                        woken
                    }
                }
            };
        }
        drop(queue);
        self.close();
    }

    /// Looks for other processes' commits where nothing tells of them.
    fn look_for_others(&self) {
        let scouted = self.backend.scout();
        if let Err(error) = &scouted {
            self.debug.warn(format_args!(
                "other processes' commits cannot be shown: {error}"
            ));
        }
        self.follow(PATIENCE);
        if scouted.is_err() {
            self.health.read(&scouted);
        }
    }

    /// Leaves everything on disk. Nothing is queued any more, and nobody has a handle.
    pub(super) fn close(&self) {
        let listener = self.queue().listener.take();
        if let Some(listener) = listener {
            self.backend.wake();
            // Where the last handle was dropped by a waker that it woke, it ends after this.
            if listener.thread().id() != thread::current().id() {
                // A panic there was printed when it happened; there is nobody left to tell.
                let _ = listener.join();
            }
        }
        if self.core().poisoned.is_none() {
            if !self.backend.is_durable() {
                if let Err(error) = self.backend.sync() {
                    self.debug.warn(format_args!("{}", self.in_store(error)));
                }
            }
            self.backend.close();
        }
        self.debug
            .say(format_args!("closed at revision {}", self.revision()));
    }

    /// Starts the thread that sleeps until another process publishes, for tasks that wait: threads that
    /// wait sleep for themselves.
    pub(crate) fn listen(self: &Arc<Self>) {
        let mut queue = self.queue();
        if queue.listener.is_some() || queue.closing || self.backend.visible().is_none() {
            return;
        }
        let listener = spawn("worsen-listener", self, |engine| {
            let closing = || engine.queue().closing;
            while !closing() {
                let seen = engine.look_around();
                let stop = || closing() || engine.revision() != seen.revision;
                if !engine
                    .backend
                    .wait_for_news(seen.visible, &stop, seen.again)
                {
                    break;
                }
            }
        });
        match listener {
            Ok(listener) => queue.listener = Some(listener),
            // Then the poll tells of other processes' commits.
            Err(error) => self.debug.warn(format_args!("{error}")),
        }
    }
}

fn spawn(
    name: &str,
    engine: &Arc<Engine>,
    run: impl FnOnce(&Engine) + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let own = engine.clone();
    thread::Builder::new()
        .name(name.into())
        .spawn(move || run(&own))
        .map_err(|error| {
            engine.in_store(
                Error::new(ErrorKind::Io, "a thread of the store cannot be started")
                    .help("raise the limit on threads")
                    .caused_by(error),
            )
        })
}

//! The threads of a store: the keeper, which leads for tasks that must not block, looks for other processes'
//! commits on a timer, and closes the store; and the listener, which sleeps on the page for tasks. Never here:
//! what leading and following are.

use std::{sync::Arc, time::Duration};

use super::{Engine, KEEPING, Leading, queue::Queue};
use crate::{
    backend::Visible,
    callbacks::Callback,
    error::{self, Error},
    loom::{
        Unpoisoned,
        thread::{self, JoinHandle},
    },
};

/// How long the keeper, which is no reader, waits for the lock where only its holder can tell what there is.
const PATIENCE: Duration = Duration::from_millis(50);

impl Engine {
    /// Starts the keeper, if it does not run yet: a store that is only read, or only written to by
    /// threads that block, has no thread of its own.
    pub(super) fn start_keeper(self: &Arc<Self>, queue: &mut Queue) -> Result<(), Error> {
        if queue.keeper.is_none() {
            let seat = queue.seat;
            let keep = move |engine: &Arc<Engine>| engine.keep(seat);
            queue.keeper = Some(spawn("worsen-keeper", self, keep)?);
        }
        Ok(())
    }

    /// Makes another thread the keeper, in the place of one that does not return from a callback. Returns
    /// whether there is a new keeper: where no thread can be started, there is none.
    pub(super) fn replace_keeper(self: &Arc<Self>, seat: u64) -> bool {
        let mut queue = self.queue();
        if queue.seat != seat || queue.closes {
            return true;
        }
        let keep = move |engine: &Arc<Engine>| engine.keep(seat + 1);
        match spawn("worsen-keeper", self, keep) {
            Err(_) => false,
            Ok(keeper) => {
                queue.seat += 1;
                queue.keeper = Some(keeper);
                true
            }
        }
    }

    /// The keeper leads for callers that must not block, looks for other processes' commits on a
    /// timer, and closes the store. Of several threads it is the one with this seat.
    fn keep(self: &Arc<Self>, seat: u64) {
        KEEPING.with(|keeping| keeping.set(true));
        // A listener of the store's tracing events may not wait for this thread.
        let _leading = Leading::enter();
        let _leaves = Leaves { engine: self, seat };
        // A keeper that dies would leave its callers waiting, and the store open, for ever.
        while self
            .contain("kept itself up to date", || self.keep_on(seat))
            .is_err()
        {}
        if self.queue().seat == seat {
            drop(self.contain("closed itself", || self.close()));
        }
    }

    /// Until there is nothing left to do, or another thread does it.
    fn keep_on(self: &Arc<Self>, seat: u64) {
        let mut queue = self.queue();
        while queue.seat == seat {
            if queue.keeper_leads {
                queue.keeper_leads = false;
                drop(queue);
                let callbacks = self.lead_group();
                self.lend(seat, callbacks);
                queue = self.queue();
                continue;
            }
            if queue.closing && !queue.led {
                // No thread may take its place any more, or both would close.
                queue.closes = true;
                return;
            }
            queue = match queue.poll.filter(|_| !queue.closing) {
                None => self.keeper.wait(queue).unpoisoned(),
                Some(poll) => {
                    let (woken, timer) = self.keeper.wait_timeout(queue, poll).unpoisoned();
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
    }

    /// Runs callbacks here: handing them to another thread would cost each group a wake. Nearly always they take
    /// no time; where one does not return, another thread becomes the keeper.
    fn lend(self: &Arc<Self>, seat: u64, callbacks: Vec<Callback>) {
        if callbacks.is_empty() {
            return;
        }
        let _free = Leading::leave();
        let engine = Arc::downgrade(self);
        let replace = move || {
            let engine = engine.upgrade();
            engine.is_none_or(|engine| engine.replace_keeper(seat))
        };
        self.callbacks.lend(callbacks, replace);
    }

    /// Looks for other processes' commits where nothing tells of them.
    fn look_for_others(&self) {
        let scouted = self.backend.scout();
        if let Err(error) = &scouted {
            self.debug.warn(format_args!(
                "other processes' commits cannot be shown: {error:#}"
            ));
        }
        self.follow(PATIENCE);
        if scouted.is_err() {
            self.health.read(&scouted);
        }
    }

    /// Leaves everything on disk. Nothing is queued any more, and no handle is left.
    pub(super) fn close(&self) {
        let listener = self.queue().listener.take();
        if let Some(listener) = listener {
            self.backend.wake();
            // Where the last handle was dropped by a waker that it woke, it ends after this.
            if listener.thread().id() != thread::current().id() {
                // A panic there was printed when it happened; no caller is left to tell.
                let _ = listener.join();
            }
        }
        if self.refused(&self.core()).is_none() {
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
        if queue.listener.is_some() || queue.closing || self.backend.visible() == Visible::Unknown {
            return;
        }
        let listener = spawn("worsen-listener", self, |engine| {
            let closing = || engine.queue().closing;
            let sleep = || {
                let seen = engine.look_around();
                let stop = || closing() || engine.revision() != seen.revision;
                engine.backend.wait_for_news(seen.sight, &stop, seen.again)
            };
            // Where it panics the store is broken, and readers see nothing new.
            while !closing() && matches!(engine.contain("waited for others", sleep), Ok(true)) {}
        });
        match listener {
            Ok(listener) => queue.listener = Some(listener),
            // Then the poll tells of other processes' commits.
            Err(error) => self.debug.warn(format_args!("{error:#}")),
        }
    }
}

/// The keeper is at its end, in whatever way.
struct Leaves<'a> {
    engine: &'a Engine,
    seat: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let mut queue = self.engine.queue();
        if queue.seat == self.seat {
            queue.closed = true;
            // The thread that drops the last handle waits for this.
            self.engine.keeper.notify_all();
        }
    }
}

fn spawn(
    name: &str,
    engine: &Arc<Engine>,
    run: impl FnOnce(&Arc<Engine>) + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let own = engine.clone();
    thread::Builder::new()
        .name(name.into())
        .spawn(move || run(&own))
        .map_err(|error| {
            engine.in_store(error::system::no_thread(
                "commits, or listens to other processes",
                error,
            ))
        })
}

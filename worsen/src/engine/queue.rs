//! The queue of writes: how one is put in, how a leader takes them out as a group, and which thread leads next.
//! Never here: what a leader does with a group.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::{Engine, KEEPING, LEADING, Task};
use crate::{
    callbacks::Callback,
    error::{self, Error},
    exit::{self, Finish},
    loom::thread::{self, JoinHandle},
    options::Durability,
};

pub(super) struct Queue {
    pub(super) tasks: VecDeque<Arc<dyn Task>>,
    /// How many tasks the previous group had.
    pub(super) last_group: usize,
    /// A thread leads, or was told to.
    pub(super) led: bool,
    /// The keeper was told to lead.
    pub(super) keeper_leads: bool,
    pub(super) closing: bool,
    /// The exit handler knows that it has to finish what is queued.
    pub(super) finishes_at_exit: bool,
    pub(super) poll: Option<Duration>,
    /// The threads of the store, once a caller needed them.
    pub(super) keeper: Option<JoinHandle<()>>,
    /// Which keeper it is: a keeper that does not return from a callback is replaced by the next.
    pub(super) seat: u64,
    /// The keeper is about to close the store.
    pub(super) closes: bool,
    /// The keeper has closed it.
    pub(super) closed: bool,
    pub(super) listener: Option<JoinHandle<()>>,
}

impl Queue {
    /// Nothing is queued, and no thread was needed so far.
    pub(super) fn new(poll: Option<Duration>) -> Self {
        Queue {
            tasks: VecDeque::new(),
            last_group: 0,
            led: false,
            keeper_leads: false,
            closing: false,
            finishes_at_exit: false,
            poll,
            keeper: None,
            seat: 0,
            closes: false,
            closed: false,
            listener: None,
        }
    }
}

impl Engine {
    /// Puts a task into the queue. `true`: the caller must call `lead`. Only callers that block anyway are
    /// asked to; for the others the keeper leads.
    pub(crate) fn submit(
        self: &Arc<Self>,
        task: Arc<dyn Task>,
        blocks: bool,
    ) -> Result<bool, Error> {
        if LEADING.with(Cell::get) {
            return Err(self.in_store(error::engine::nested()));
        }
        if self.is_forked() {
            return Err(self.in_store(error::engine::forked()));
        }
        let mut queue = self.queue();
        if !blocks {
            self.start_keeper(&mut queue)?;
            if !std::mem::replace(&mut queue.finishes_at_exit, true) {
                let engine: Weak<Engine> = Arc::downgrade(self);
                exit::at_exit(engine);
            }
        }
        queue.tasks.push_back(task);
        if queue.led {
            return Ok(false);
        }
        queue.led = true;
        if !blocks {
            queue.keeper_leads = true;
            self.keeper.notify_all();
        }
        Ok(blocks)
    }

    /// Appoints the next leader.
    pub(super) fn hand_over(&self, callbacks: &mut Vec<Callback>) {
        loop {
            let mut queue = self.queue();
            if queue.tasks.is_empty() {
                queue.led = false;
                if queue.closing {
                    // The keeper waits for this, to close the store.
                    self.keeper.notify_all();
                }
                return;
            }
            let promote = || queue.tasks.iter().any(|task| task.promote());
            match self.contain("named its next leader", promote) {
                Ok(true) => return,
                Ok(false) => {
                    queue.keeper_leads = true;
                    self.keeper.notify_all();
                    return;
                }
                // Then no task is left that could lead.
                Err(_) => {
                    drop(queue);
                    self.refuse_queued(callbacks);
                }
            }
        }
    }

    /// Takes what is queued. The threads of the previous group are likely to write again at once, and one sync
    /// can cover all of them. So the leader waits for them, up to a third of a sync. A thread that writes alone
    /// never waits.
    pub(super) fn gather(&self) -> Vec<Arc<dyn Task>> {
        let mut queue = self.queue();
        let is_synced = |task: &Arc<dyn Task>| {
            task.durability().unwrap_or(self.durability) == Durability::Synced
        };
        if queue.last_group > 1 && queue.tasks.iter().any(is_synced) {
            let start = Instant::now();
            let patience = self.backend.sync_time() / 3;
            while queue.tasks.len() < queue.last_group && start.elapsed() < patience {
                drop(queue);
                // The others need the processor more than this thread does.
                thread::yield_now();
                queue = self.queue();
            }
        }
        queue.last_group = queue.tasks.len();
        queue.tasks.drain(..).collect()
    }
}

/// How long a program that ends waits for a commit beyond the time that the lock may take.
const COMMIT_AT_EXIT: Duration = Duration::from_secs(1);

/// What is queued is committed before the program ends. No caller waits for a detached write, and no destructor
/// runs for a handle that is leaked, in a static, or held by a thread that goes on for ever.
impl Finish for Engine {
    fn finish(&self, begun: Instant) {
        let deadline = begun.checked_add(self.lock_timeout.saturating_add(COMMIT_AT_EXIT));
        // Where a closure ends the program, its own commit cannot be waited for.
        while !self.is_forked() && !LEADING.with(Cell::get) {
            let mut queue = self.queue();
            if queue.tasks.is_empty() && !queue.led {
                return;
            }
            // Where the keeper ends the program, in a waker that it calls, no other thread leads for it.
            let leads_itself = KEEPING.with(Cell::get) && (queue.keeper_leads || !queue.led);
            if leads_itself {
                queue.led = true;
                queue.keeper_leads = false;
            }
            drop(queue);
            if leads_itself {
                self.lead();
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                self.debug.warn(format_args!(
                    "the program ends before what is queued is committed"
                ));
                return;
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

//! The state in memory: one engine a store and process. It leads groups of writes through the
//! backend, in the order of the steps in ARCHITECTURE.md, and publishes what became durable.
//!
//! The engine knows entries, revisions and an untyped [`Model`]. It never knows a struct of the
//! user's, nor a file.

use std::{
    any::Any,
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, TryLockError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use event_listener::{EventListener, Listener as _};

use crate::{
    backend::{AppendFailure, Backend, Entries, Entry, History, Recovery, Sink},
    builder::Durability,
    debug::Debug,
    error::{Error, ErrorKind, ValueError},
    limits::Limits,
    planted::{Bug, planted},
    publications::{Publications, wake},
    schema::Edits,
    sync::{
        self, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
        thread::{self, JoinHandle},
    },
    text::Text,
};

#[cfg(loom)]
#[cfg(test)]
pub(crate) mod loom_tests;

/// The typed state of a store behind an untyped engine: a draft that operations change, and what
/// readers see.
pub(crate) trait Model: Send {
    /// Takes the whole state of a store that is being opened, at this revision. Returns what does not
    /// fit; nothing is published then.
    fn adopt(&mut self, entries: &Entries, revision: u64) -> Vec<(Text, ValueError)>;
    /// Takes one entry into the draft.
    fn apply(&mut self, uid: &Text, json: Option<&str>) -> Result<(), ValueError>;
    /// Keeps what was done to the draft since the last `accept`.
    fn accept(&mut self);
    /// Undoes what was done to the draft since the last `accept`, or all of it. The draft then is what
    /// readers see, changed by `since`.
    ///
    /// # Errors
    ///
    /// Where a value that was stored does not decode again; the draft is of no use then.
    fn roll_back(&mut self, all: bool, since: &[Entry]) -> Result<(), ValueError>;
    /// Whether the draft may be anything else than what readers see.
    fn is_dirty(&self) -> bool;
    /// Readers see the draft from now on. `since` is what was committed to it.
    fn publish(&mut self, revision: u64, since: &[Entry]);
    /// For operations, which know their model.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// What one operation works on.
pub(crate) struct Transaction<'a> {
    pub(crate) model: &'a mut dyn Model,
    pub(crate) scope: Scope<'a>,
}

/// What there is beside the model.
pub(crate) struct Scope<'a> {
    /// The newest JSON of every uid, before this operation.
    pub(crate) entries: &'a Entries,
    pub(crate) changes: Edits,
    /// The operation wants to have done nothing.
    pub(crate) undo: bool,
}

/// One queued write. `commit` has the only one.
pub(crate) trait Task: Send + Sync {
    /// Runs the operation.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<(), Error>;
    /// It returned this error, and was undone.
    fn failed(&self, error: Error);
    /// It panicked, and was undone.
    fn panicked(&self, payload: Box<dyn Any + Send>);
    /// The group is through: callers may know, those of failed and panicked tasks too. Returns who is to
    /// be woken once this thread leads no more.
    fn resolve(&self, outcome: Result<(), Error>) -> Option<Waker>;
    /// Makes the thread that blocks on this task the leader, if there is one.
    fn promote(&self) -> bool;
    /// `None`: as the store.
    fn durability(&self) -> Option<Durability>;
}

sync::thread_local! {
    /// Set while this thread runs operations: a write of the same thread could never finish, and a
    /// read must not wait for it.
    static LEADING: Cell<bool> = const { Cell::new(false) };
}

/// Sets `LEADING` for a scope.
struct Leading;

impl Leading {
    fn enter() -> Self {
        LEADING.with(|leading| leading.set(true));
        Leading
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        LEADING.with(|leading| leading.set(false));
    }
}

/// What an engine is opened with.
pub(crate) struct EngineOptions {
    pub(crate) name: Arc<str>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) model: Box<dyn Model>,
    pub(crate) entries: Entries,
    pub(crate) revision: u64,
    pub(crate) recovery: Recovery,
    pub(crate) durability: Durability,
    pub(crate) lock_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) poll: Option<Duration>,
    pub(crate) debug: Debug,
}

pub(crate) struct Engine {
    name: Arc<str>,
    path: Option<PathBuf>,
    backend: Box<dyn Backend>,
    core: Mutex<Core>,
    queue: Mutex<Queue>,
    /// Wakes the keeper: there is a group to lead, or it is time to close.
    keeper: Condvar,
    pub(crate) publications: Publications,
    published: AtomicU64,
    recovery: Recovery,
    durability: Durability,
    lock_timeout: Duration,
    limits: Limits,
    pid: u32,
    pub(crate) debug: Debug,
}

/// What only one thread at a time may touch.
struct Core {
    model: Box<dyn Model>,
    entries: Entries,
    /// The revision of the draft.
    revision: u64,
    /// What the draft has and readers do not see yet, in order.
    since: Vec<Entry>,
    /// How many of these are looked through for what was overwritten.
    crowded: usize,
    /// What of it the model has not been given yet.
    incoming: Vec<Entry>,
    /// Values of other programs that do not fit the types of this one, by uid.
    misfits: BTreeMap<Text, Error>,
    poisoned: Option<Error>,
}

struct Queue {
    tasks: VecDeque<Arc<dyn Task>>,
    /// How many there were in the group before.
    last_group: usize,
    /// Somebody leads, or was told to.
    led: bool,
    /// The keeper was told to.
    keeper_leads: bool,
    closing: bool,
    poll: Option<Duration>,
    /// The threads of the store, once somebody needed them.
    keeper: Option<JoinHandle<()>>,
    listener: Option<JoinHandle<()>>,
}

/// Up to so many changes, looking through all of them is faster than a hash map.
const FEW: usize = 16;

/// Fewer changes than that are not worth looking through for those that count no more.
const MANY: usize = 1024;

/// How long to sleep until news at most: long enough to cost nothing, short enough to try again what could
/// not be taken over, and to do without the wake of a process that was killed before it gave it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What there is no point in looking for again.
#[derive(Clone, Copy)]
struct Seen {
    /// What readers of this process saw.
    revision: u64,
    /// The same, or a newer one that cannot be taken over for now.
    visible: u64,
    /// When to try again at the latest.
    again: Duration,
}

/// How long to wait for a commit of this process: it wakes whoever waits unless it fails.
const COMMIT_AGAIN: Duration = Duration::from_millis(10);

/// What one finds who looks for something among what is published.
pub(crate) enum Outlook<T> {
    Found(T),
    /// Nothing, but it may come to be there at this time by itself.
    NothingBefore(Instant),
    Nothing,
}

impl<T> From<Option<T>> for Outlook<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Outlook::Nothing, Outlook::Found)
    }
}

impl Core {
    fn take(&mut self, changes: Vec<Entry>, revision: u64) {
        for (uid, json) in &changes {
            self.put(uid, json.clone());
        }
        self.since.extend(changes);
        self.revision = revision;
        if self.since.len() >= self.crowded {
            self.forget_overwritten();
        }
    }

    /// Of several changes of one uid that readers do not see yet only the last one counts. They are many
    /// where another program goes on writing beside a value that does not fit.
    fn forget_overwritten(&mut self) {
        let mut known = HashSet::with_capacity(self.since.len());
        let mut newest: Vec<Entry> = Vec::new();
        for (uid, json) in self.since.drain(..).rev() {
            if known.insert(uid.clone()) {
                newest.push((uid, json));
            }
        }
        newest.reverse();
        self.since = newest;
        self.crowded = MANY.max(2 * self.since.len());
    }

    fn put(&mut self, uid: &Text, json: Option<Text>) -> Option<Text> {
        if json.is_none() && planted(Bug::CompactionForgetsDel) {
            return None;
        }
        self.entries.put(uid, json)
    }

    /// Takes the state of a store that is being opened.
    fn adopt(&mut self, entries: Entries) {
        for (uid, error) in self.model.adopt(&entries, self.revision) {
            let error = error.at(&uid);
            self.misfits.insert(uid, error);
        }
        self.model.accept();
        self.entries = entries;
    }

    /// Takes one entry of another program's into the model.
    fn fill(&mut self, uid: &Text, json: Option<&str>) {
        let model = &mut self.model;
        let error = match catch_unwind(AssertUnwindSafe(|| model.apply(uid, json))) {
            Ok(Ok(())) => {
                self.misfits.remove(uid);
                return;
            }
            Ok(Err(error)) => error.at(uid),
            // It was printed when it happened. Were it let through, the entries behind this one were lost.
            Err(_) => Error::new(
                ErrorKind::Decode,
                "the type's Deserialize panicked at the stored value",
            )
            .help("nothing was changed; have it return an error, or accept the value")
            .in_uid(uid),
        };
        self.misfits.insert(uid.clone(), error);
    }

    /// Takes what others committed into the model. Of several values of one uid only the newest has
    /// to decode. What does not is remembered: until another process puts it right, nothing more is
    /// shown or written, so that nobody sees or builds on half a commit.
    fn absorb(&mut self) {
        let newest: BTreeMap<Text, Option<Text>> = self.incoming.drain(..).collect();
        for (uid, json) in newest {
            self.fill(&uid, json.as_deref());
        }
        self.model.accept();
    }

    fn roll_back(&mut self, all: bool) {
        if planted(match all {
            true => Bug::KeepDraftOfFailedAppend,
            false => Bug::KeepDraftOfFailedClosure,
        }) {
            return;
        }
        if let Err(error) = self.model.roll_back(all, &self.since) {
            self.poisoned = Some(Error::new(error.kind, error.what));
        }
    }

    /// What an operation really changed: later entries win over earlier ones, and what is stored
    /// already is dropped.
    fn distinct(&self, changes: Edits) -> Vec<Entry> {
        let whole = changes.whole;
        let mut distinct: Vec<Entry> = Vec::with_capacity(changes.entries.len());
        if changes.entries.len() <= FEW {
            for (uid, json) in changes.entries {
                match distinct.iter_mut().find(|(other, _)| *other == uid) {
                    Some((_, other)) => *other = json,
                    None => distinct.push((uid, json)),
                }
            }
        } else {
            let mut places: HashMap<Text, usize> = HashMap::with_capacity(distinct.capacity());
            for (uid, json) in changes.entries {
                match places.get(&uid) {
                    Some(place) => distinct[*place].1 = json,
                    None => {
                        places.insert(uid.clone(), distinct.len());
                        distinct.push((uid, json));
                    }
                }
            }
        }
        if !whole {
            distinct.retain(|(uid, json)| self.entries.get(uid) != json.as_ref());
        }
        distinct
    }

    /// The first value that does not fit its field.
    fn check_fit(&self) -> Result<(), Error> {
        match self.misfits.values().next() {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match &self.poisoned {
            None => Ok(()),
            Some(cause) => Err(Error::new(
                ErrorKind::Poisoned,
                "an earlier write failed such that what is on disk is in doubt",
            )
            .help("nothing was written; drop every handle and open the store again")
            .caused_by(cause.clone())),
        }
    }
}

impl Sink for Core {
    fn commit(&mut self, revision: u64, changes: Vec<Entry>) -> Result<(), Error> {
        self.incoming.extend_from_slice(&changes);
        self.take(changes, revision);
        Ok(())
    }

    fn replace(&mut self, entries: Entries, revision: u64) -> Result<(), Error> {
        let mut changes: Vec<Entry> = Vec::new();
        for (uid, json) in &entries {
            if self.entries.get(uid) != Some(json) {
                // As a part, each of them would keep all of the log that was read for it, and with every
                // generation there is another one.
                changes.push((uid.detached(), Some(json.detached())));
            }
        }
        for uid in self.entries.keys() {
            if !entries.contains_key(uid) {
                changes.push((uid.clone(), None));
            }
        }
        self.commit(revision, changes)
    }

    fn entries(&self) -> &Entries {
        &self.entries
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Engine {
    /// Fills the model and seeds an empty store. The lock of the backend is held
    /// by the caller on entry when `seeds` is given, and is free afterwards.
    pub(crate) fn start(
        options: EngineOptions,
        seeds: Option<Edits>,
    ) -> Result<sync::Arc<EngineHandle>, Error> {
        let mut core = Core {
            model: options.model,
            entries: Entries::new(),
            revision: options.revision,
            since: Vec::new(),
            crowded: MANY,
            incoming: Vec::new(),
            misfits: BTreeMap::new(),
            poisoned: None,
        };
        let backend = options.backend;
        core.adopt(options.entries);
        let filled = core.check_fit().and_then(|()| match seeds {
            Some(seeds) if core.entries.is_empty() => {
                seed(&mut core, &*backend, seeds, &options.limits)
            }
            _ => Ok(()),
        });
        if filled.is_ok() {
            core.model.publish(core.revision, &core.since);
            core.since.clear();
            backend.publish(core.revision);
        }
        backend.unlock();
        let name = options.name;
        filled.map_err(|error| error.in_store(&name, options.path.as_deref()))?;
        let engine = Arc::new(Engine {
            published: AtomicU64::new(core.revision),
            path: options.path,
            backend,
            core: Mutex::new(core),
            queue: Mutex::new(Queue {
                tasks: VecDeque::new(),
                last_group: 0,
                led: false,
                keeper_leads: false,
                closing: false,
                poll: options.poll,
                keeper: None,
                listener: None,
            }),
            keeper: Condvar::new(),
            publications: Publications::new(),
            recovery: options.recovery,
            durability: options.durability,
            lock_timeout: options.lock_timeout,
            limits: options.limits,
            pid: std::process::id(),
            debug: options.debug,
            name,
        });
        if options.poll.is_some() {
            engine.start_keeper(&mut engine.queue())?;
        }
        engine
            .debug
            .say(format_args!("opened at revision {}", engine.revision()));
        Ok(sync::Arc::new(EngineHandle { engine }))
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The revision that readers of this process see.
    pub(crate) fn revision(&self) -> u64 {
        // Acquire: who sees the revision sees the snapshot that was stored before it.
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn in_store(&self, error: Error) -> Error {
        error.in_store(&self.name, self.path.as_deref())
    }

    /// Says how often to look for other processes' commits.
    ///
    /// # Errors
    ///
    /// Where no thread can be started for it.
    pub(crate) fn set_poll(self: &Arc<Self>, poll: Duration) -> Result<(), Error> {
        let mut queue = self.queue();
        self.start_keeper(&mut queue)?;
        queue.poll = Some(poll);
        self.keeper.notify_all();
        Ok(())
    }

    /// A reader of the commits after this revision.
    pub(crate) fn history(&self, after: u64, old_values: bool) -> Result<Box<dyn History>, Error> {
        let history = self.backend.history(after, old_values);
        history.map_err(|error| self.in_store(error))
    }

    fn is_forked(&self) -> bool {
        std::process::id() != self.pid
    }

    // ---- reading -------------------------------------------------------------------------------

    /// Whether a state of this revision is older than what any process acknowledged.
    #[inline]
    pub(crate) fn is_behind(&self, revision: u64) -> bool {
        self.backend
            .visible()
            .is_some_and(|visible| visible > revision && !planted(Bug::StaleRead))
    }

    /// Takes what is newest into memory.
    #[cold]
    pub(crate) fn refresh(&self) {
        // The closure of a write sees its own draft; a read in it must not wait for the write to end.
        if !LEADING.with(Cell::get) {
            self.follow();
        }
    }

    /// Takes over what there is, unless this process is just committing: a closure may take its time, and
    /// who waits wants to do so no longer than he said. What comes to be seen meanwhile is not in what this
    /// returns.
    fn look_around(&self) -> Seen {
        let revision = self.revision();
        let visible = self.backend.visible().unwrap_or(0);
        let seen = |visible, again| Seen {
            revision,
            visible,
            again,
        };
        if visible <= revision || LEADING.with(Cell::get) || self.is_forked() {
            return seen(visible.max(revision), LOOK_AGAIN);
        }
        match self.core.try_lock() {
            Ok(core) => self.follow_into(core),
            Err(TryLockError::Poisoned(core)) => self.follow_into(core.into_inner()),
            Err(TryLockError::WouldBlock) => return seen(visible, COMMIT_AGAIN),
        }
        match self.backend.visible() {
            // On another page, or up to date, or there is something newer still.
            Some(now) if now != visible || now <= self.revision() => seen(revision, LOOK_AGAIN),
            _ => seen(visible, LOOK_AGAIN),
        }
    }

    /// Sleeps until there may be something else than `look_around` returned, and until the deadline at most.
    fn sleep(&self, seen: Seen, deadline: Option<Instant>) {
        let is_newer = || self.revision() != seen.revision;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let pause = left.map_or(seen.again, |left| left.min(seen.again));
        // On the page itself: through the listener it would take two wakes.
        if self.backend.wait_for_news(seen.visible, &is_newer, pause) {
            return;
        }
        let listener = self.publications.listen();
        // Listening before looking: what comes in between is not missed.
        if !is_newer() {
            match deadline {
                None => listener.wait(),
                // Whether it was woken or it is time: the caller looks.
                Some(deadline) => drop(listener.wait_deadline(deadline)),
            }
        }
    }

    /// Blocks until `look` finds something, at most so long. `look` may name a time at which to look
    /// again though nothing is published.
    pub(crate) fn wait<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut() -> Outlook<T>,
    ) -> Option<T> {
        // A time-out beyond what a clock can count is for ever.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Before looking: what comes in between is not slept through.
            let seen = self.look_around();
            let again = match look() {
                Outlook::Found(found) => return Some(found),
                Outlook::NothingBefore(again) => Some(again),
                Outlook::Nothing => None,
            };
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return None;
            }
            self.sleep(seen, again.into_iter().chain(deadline).min());
        }
    }

    /// As [`wait`](Engine::wait), for a task. The listener is kept from one poll to the next.
    pub(crate) fn poll<T>(
        self: &Arc<Self>,
        listener: &mut Option<EventListener>,
        context: &Context<'_>,
        look: impl FnMut() -> Option<T>,
    ) -> Poll<T> {
        if listener.is_none() {
            self.listen();
        }
        self.publications.poll(listener, context, look)
    }

    /// Takes over what other processes published. An error is for the next write to report: reads
    /// go on with what there is.
    pub(crate) fn follow(&self) {
        // Asked first: whoever held the core at the fork holds it for ever.
        if !self.is_forked() {
            self.follow_into(self.core());
        }
    }

    fn follow_into(&self, mut core: MutexGuard<'_, Core>) {
        if core.poisoned.is_some() {
            return;
        }
        let leading = Leading::enter();
        if let Err(error) = self.backend.follow(&mut *core) {
            self.debug.warn(format_args!(
                "other processes' commits cannot be read: {error}"
            ));
        }
        core.absorb();
        // A group that failed may have read commits of others that nobody has synced yet.
        let public = self
            .backend
            .visible()
            .is_some_and(|visible| (core.revision..u64::MAX).contains(&visible));
        if public || self.backend.is_durable() {
            self.publish(&mut core);
        }
        drop(core);
        drop(leading);
        self.publications.wake();
    }

    fn publish(&self, core: &mut Core) {
        if core.revision == self.revision() && !core.model.is_dirty() {
            return;
        }
        if let Err(error) = core.check_fit() {
            self.debug.warn(format_args!(
                "another program wrote what does not fit: {error}"
            ));
            return;
        }
        core.model.publish(core.revision, &core.since);
        core.since.clear();
        // Release: pairs with `revision`.
        self.published.store(core.revision, Ordering::Release);
        self.backend.publish(core.revision);
        self.publications.notify();
    }

    // ---- writing -------------------------------------------------------------------------------

    /// Puts a task into the queue. `true`: the caller must lead, by calling `lead`. That is asked of
    /// callers that block anyway; for the others the keeper leads.
    pub(crate) fn submit(
        self: &Arc<Self>,
        task: Arc<dyn Task>,
        blocks: bool,
    ) -> Result<bool, Error> {
        if LEADING.with(Cell::get) {
            return Err(self.in_store(
                Error::new(ErrorKind::Nested, "a write was started inside the closure of another write")
                    .help("nothing was written; change everything in the outer closure, or write after it has returned"),
            ));
        }
        if self.is_forked() {
            return Err(self.in_store(
                Error::new(
                    ErrorKind::Forked,
                    "this handle was carried into a forked child process",
                )
                .help("nothing was written; open the store in the child"),
            ));
        }
        let mut queue = self.queue();
        if !blocks {
            self.start_keeper(&mut queue)?;
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

    /// Commits everything that is queued as one group, and names the next leader.
    pub(crate) fn lead(&self) {
        let group = self.gather();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.commit(&group)));
        let outcome = outcome.unwrap_or_else(|_| {
            // Not a closure of the user's: those are caught one by one.
            let error = Error::new(
                ErrorKind::Poisoned,
                "worsen itself panicked while it committed",
            )
            .help("open the store again, and report this");
            self.core().poisoned = Some(error.clone());
            Err(error)
        });
        let outcome = outcome.map_err(|error| self.in_store(error));
        if let Err(error) = &outcome {
            self.debug.warn(format_args!("{error}"));
        }
        let resolve = |task: &Arc<dyn Task>| task.resolve(outcome.clone());
        let wakers: Vec<Waker> = group.iter().filter_map(resolve).collect();
        self.hand_over();
        // A waker may write, and wait for that: somebody else can lead by now, or the waker itself.
        wakers.into_iter().for_each(wake);
        self.publications.wake();
    }

    /// Names the next leader.
    fn hand_over(&self) {
        let mut queue = self.queue();
        if queue.tasks.is_empty() {
            queue.led = false;
            if queue.closing {
                // The keeper waits for this.
                self.keeper.notify_all();
            }
        } else if !queue.tasks.iter().any(|task| task.promote()) {
            queue.keeper_leads = true;
            self.keeper.notify_all();
        }
    }

    /// What is queued. Who was in the last group is likely to write again at once, and a sync that covers
    /// all of them is worth a wait that is short beside it. A thread that writes alone never waits.
    fn gather(&self) -> Vec<Arc<dyn Task>> {
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

    fn commit(&self, group: &[Arc<dyn Task>]) -> Result<(), Error> {
        // Looked at before the lock too, which may take its time.
        self.core().check()?;
        self.backend.lock(self.lock_timeout)?;
        let mut core = self.core();
        let _leading = Leading::enter();
        let unlock = Unlock(&*self.backend);
        let outcome = self.append(&mut core, group);
        drop(unlock);
        let outcome = outcome.and_then(|buffered| self.settle(&mut core, buffered));
        if let Err(error) = &outcome {
            // Whatever others committed meanwhile stays out of sight until a group succeeds.
            if error.kind() == ErrorKind::OutcomeUnknown
                && core.poisoned.is_none()
                && !planted(Bug::DoNotPoisonAfterFailedSync)
            {
                core.poisoned = Some(error.clone());
            }
        }
        outcome
    }

    /// Steps 3 to 5, under the lock: catch up, run the closures, append. Returns whether nobody asked
    /// for more than buffered writes.
    fn append(&self, core: &mut Core, group: &[Arc<dyn Task>]) -> Result<bool, Error> {
        core.check()?;
        if planted(Bug::CompactBeforeCatchUp) && self.backend.wants_compaction(core.entries.bytes())
        {
            self.backend.compact(&core.entries)?;
        }
        let caught_up = match planted(Bug::SkipCatchUp) {
            true => Ok(()),
            false => self.backend.catch_up(core),
        };
        core.absorb();
        caught_up?;
        core.check_fit()?;
        if self.backend.wants_compaction(core.entries.bytes()) {
            self.backend.compact(&core.entries)?;
            // It has just cost as much as there is, so now is the time to put that in order too.
            core.entries.settle();
        }
        let caught_up = core.since.len();
        let revision = core.revision;
        let mut undo: Vec<Entry> = Vec::new();
        let mut commits: Vec<Vec<Entry>> = Vec::with_capacity(group.len());
        let mut buffered = !group.is_empty();
        for task in group {
            buffered &= task.durability().unwrap_or(self.durability) == Durability::Buffered;
            let Some(changes) = self.run(core, &**task) else {
                continue;
            };
            if changes.is_empty() {
                continue;
            }
            commits.push(changes.clone());
            for (uid, json) in &changes {
                undo.push((uid.clone(), core.put(uid, json.clone())));
            }
            core.since.extend(changes);
            core.revision += 1;
        }
        if commits.is_empty() {
            return Ok(buffered);
        }
        if planted(Bug::UnlockBeforeAppend) {
            self.backend.unlock();
        }
        let Err(failure) = self.backend.append(&commits) else {
            return Ok(buffered);
        };
        for (uid, json) in undo.into_iter().rev() {
            core.put(&uid, json);
        }
        core.since.truncate(caught_up);
        core.revision = revision;
        core.roll_back(true);
        match failure {
            AppendFailure::Undone(error) => Err(error),
            AppendFailure::Poisoned(error) => {
                core.poisoned = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Runs one operation on the draft: what it changed, or `None` where it failed and was undone.
    fn run(&self, core: &mut Core, task: &dyn Task) -> Option<Vec<Entry>> {
        let mut transaction = Transaction {
            model: &mut *core.model,
            scope: Scope {
                entries: &core.entries,
                changes: Edits::default(),
                undo: false,
            },
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| task.run(&mut transaction)));
        let Scope { changes, undo, .. } = transaction.scope;
        match outcome {
            Ok(Ok(())) if undo => {
                core.roll_back(false);
                None
            }
            Ok(outcome) => {
                let changes = outcome.and_then(|()| {
                    let changes = core.distinct(changes);
                    self.limits.check(&changes, &core.entries)?;
                    Ok(changes)
                });
                let error = match changes {
                    Ok(changes) => {
                        core.model.accept();
                        return Some(changes);
                    }
                    Err(error) => error,
                };
                core.roll_back(false);
                let error = self.in_store(error);
                self.debug
                    .warn(format_args!("a write failed and was undone: {error}"));
                task.failed(error);
                None
            }
            Err(payload) => {
                core.roll_back(false);
                task.panicked(payload);
                None
            }
        }
    }

    /// Steps 6 and 7, after the lock: make it durable, then let it be seen.
    fn settle(&self, core: &mut Core, buffered: bool) -> Result<(), Error> {
        if planted(Bug::PublishBeforeSync) {
            self.publish(core);
        }
        if planted(Bug::BeaconBeforeSync) {
            self.backend.publish(core.revision);
        }
        if !buffered && !self.backend.is_durable() && !planted(Bug::AcknowledgeBeforeSync) {
            self.backend.sync()?;
        }
        self.publish(core);
        Ok(())
    }

    // ---- the threads of a store ----------------------------------------------------------------

    /// Starts the keeper, if it does not run yet: a store that is only read, or only written to by
    /// threads that block, has no thread of its own.
    fn start_keeper(self: &Arc<Self>, queue: &mut Queue) -> Result<(), Error> {
        if queue.keeper.is_none() {
            queue.keeper = Some(spawn("worsen-keeper", self, Engine::keep)?);
        }
        Ok(())
    }

    /// The keeper leads for callers that must not block, looks for other processes' commits on a
    /// timer, and closes the store.
    fn keep(&self) {
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
                        self.follow();
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

    /// Leaves everything on disk. Nothing is queued any more, and nobody has a handle.
    fn close(&self) {
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

fn seed(
    core: &mut Core,
    backend: &dyn Backend,
    seeds: Edits,
    limits: &Limits,
) -> Result<(), Error> {
    let changes = core.distinct(seeds);
    if !planted(Bug::IgnoreLimitsOfSeeds) {
        limits.check(&changes, &core.entries)?;
    }
    if changes.is_empty() {
        return Ok(());
    }
    backend
        .append(std::slice::from_ref(&changes))
        .map_err(|failure| match failure {
            AppendFailure::Undone(error) | AppendFailure::Poisoned(error) => error,
        })?;
    let revision = core.revision + 1;
    core.commit(revision, changes)?;
    core.absorb();
    core.check_fit()?;
    backend.sync()
}

struct Unlock<'a>(&'a dyn Backend);

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// Keeps an engine running; the last one to go finishes what is queued and closes it.
pub(crate) struct EngineHandle {
    pub(crate) engine: Arc<Engine>,
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        let engine = &self.engine;
        if engine.is_forked() {
            // The threads are the parent's, and so is the work. Whatever the child did with them
            // would be done to the parent's files. So it keeps what it was given, for ever.
            std::mem::forget(engine.clone());
            return;
        }
        let (keeper, is_listener) = {
            let mut queue = engine.queue();
            queue.closing = true;
            let listener = queue.listener.as_ref().map(|thread| thread.thread().id());
            let is_listener = listener == Some(thread::current().id());
            (queue.keeper.take(), is_listener)
        };
        engine.keeper.notify_all();
        match keeper {
            // Every write was led by a thread that blocked on it with a handle of its own.
            None => engine.close(),
            // Dropped inside a closure that the keeper runs: it closes when it is done with that.
            Some(keeper) if keeper.thread().id() == thread::current().id() => {}
            // Dropped by a waker that the listener wakes, which the keeper waits for when it closes.
            Some(_) if is_listener => {}
            // A panic there was printed when it happened; there is nobody left to tell.
            Some(keeper) => drop(keeper.join()),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::text::Whole;

    /// Takes everything, and keeps nothing.
    struct Nothing;

    impl Model for Nothing {
        fn adopt(&mut self, _entries: &Entries, _revision: u64) -> Vec<(Text, ValueError)> {
            Vec::new()
        }

        fn apply(&mut self, _uid: &Text, _json: Option<&str>) -> Result<(), ValueError> {
            Ok(())
        }

        fn accept(&mut self) {}

        fn roll_back(&mut self, _all: bool, _since: &[Entry]) -> Result<(), ValueError> {
            Ok(())
        }

        fn is_dirty(&self) -> bool {
            false
        }

        fn publish(&mut self, _revision: u64, _since: &[Entry]) {}

        fn as_any(&mut self) -> &mut dyn Any {
            self
        }
    }

    fn core() -> Core {
        Core {
            model: Box::new(Nothing),
            entries: Entries::new(),
            revision: 0,
            since: Vec::new(),
            crowded: MANY,
            incoming: Vec::new(),
            misfits: BTreeMap::new(),
            poisoned: None,
        }
    }

    /// Whoever only reads takes over one generation after the other.
    #[test]
    fn a_log_that_was_read_anew_does_not_stay_for_the_little_that_is_new_in_it() {
        let mut core = core();
        for revision in 1..=3 {
            let log: Whole = format!("a{revision} b{revision}").into_bytes().into();
            let part = |start: usize| log.keep(log.text(&log[start..start + 2]).unwrap());
            let entries: Entries = [(part(0), part(3))].into_iter().collect();
            core.replace(entries, revision).unwrap();
            core.absorb();
            let is_kept = |text: &Text| log.place(text.as_bytes()).is_some();
            assert_eq!(core.entries.len(), 1);
            for (uid, json) in &core.entries {
                assert!(!is_kept(uid) && !is_kept(json));
            }
            for (uid, json) in &core.since {
                assert!(!is_kept(uid) && !json.as_ref().is_some_and(is_kept));
            }
        }
    }

    /// Another program writes on and on, beside a value that does not fit, so that nothing is published.
    #[test]
    fn what_is_overwritten_before_anybody_sees_it_takes_no_room() {
        let mut core = core();
        let uid = |number: u64| Text::from(format!("uid-{}", number % 10));
        for revision in 1..=20_000 {
            let json = (revision % 7 > 0).then(|| revision.to_string().into());
            core.commit(revision, vec![(uid(revision), json)]).unwrap();
            core.absorb();
            assert!(core.since.len() <= MANY);
        }
        core.forget_overwritten();
        assert_eq!(core.since.len(), 10);
        for (uid, json) in &core.since {
            assert_eq!(core.entries.get(uid), json.as_ref());
        }
        // In the order of the commits.
        let uids = core.since.iter().map(|(other, _)| other.clone());
        assert!(uids.eq((19_991..=20_000).map(uid)));
    }
}

//! What readers see, and how it is brought up. A reader that is behind takes the log over itself, beside the
//! draft: it never waits for a closure, for the disk, or for another process. A leader whose group is durable
//! publishes its draft. Both work under one lock, held for as long as it takes to decode what is new. Never
//! here: the draft.

use std::{cell::Cell, sync::TryLockError, time::Duration};

use super::{Engine, Leading, ReadModel, core::Core, replica::Replica};
use crate::{
    backend::{Entries, Followed, Visible},
    error::{Error, ErrorKind},
    loom::{self, MutexGuard, Unpoisoned, atomic::Ordering},
    planted::{Bug, planted},
};

/// What readers of this process see, and how far they have read.
pub(super) struct View {
    read_model: Box<dyn ReadModel>,
    /// Something panicked in the middle of a change, and the next one might show parts of it. So readers keep
    /// what they see.
    is_torn: bool,
    /// What is published, or more where a newer value does not fit. Its `since` is what the draft does not have
    /// yet.
    pub(super) replica: Replica,
}

impl View {
    /// Readers see the draft.
    pub(super) fn new(read_model: Box<dyn ReadModel>, draft: &Replica) -> Self {
        let (outline, entries) = (draft.outline.clone(), draft.entries.clone());
        View {
            read_model,
            is_torn: false,
            replica: Replica::of_readers(outline, entries, draft.revision),
        }
    }
}

loom::thread_local! {
    /// Set while this thread has the view of a store locked. User code that it runs then, such as a
    /// `Deserialize`, may read a store, and must not wait for its own thread.
    static VIEWING: Cell<bool> = const { Cell::new(false) };
}

/// The locked view of one store. Its thread must not wait for the view of another store.
struct Viewing<'a> {
    view: MutexGuard<'a, View>,
    engine: &'a Engine,
    before: bool,
    /// The thread was panicking before it locked the view: a destructor reads.
    panics: bool,
    /// The thread may not write either.
    _leading: Leading,
}

impl<'a> Viewing<'a> {
    fn of(engine: &'a Engine, view: MutexGuard<'a, View>) -> Self {
        Viewing {
            view,
            engine,
            before: VIEWING.with(|viewing| viewing.replace(true)),
            panics: std::thread::panicking(),
            _leading: Leading::enter(),
        }
    }
}

impl Drop for Viewing<'_> {
    fn drop(&mut self) {
        if !self.panics && std::thread::panicking() {
            self.view.is_torn = true;
            // Before another thread gets the view.
            self.engine.note_panic("changed what readers see");
        }
        VIEWING.with(|viewing| viewing.set(self.before));
    }
}

impl Engine {
    /// Whether the state that readers see has a value at this uid.
    pub(crate) fn shows(&self, uid: &str) -> bool {
        let view = self.view();
        // Where this thread has it already, it is in the middle of a change.
        view.is_some_and(|view| view.view.replica.entries.contains_key(uid))
    }

    /// The view; `None` where this thread has one already.
    fn view(&self) -> Option<Viewing<'_>> {
        if !VIEWING.with(Cell::get) {
            let view = self.view.lock().unpoisoned();
            return Some(Viewing::of(self, view));
        }
        match self.view.try_lock() {
            Ok(view) => Some(Viewing::of(self, view)),
            Err(TryLockError::Poisoned(view)) => Some(Viewing::of(self, view.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What readers see, in entries, and its revision. `None` where this thread is reading one of them.
    pub(crate) fn entries(&self) -> Option<(Entries, u64)> {
        if self.is_behind(self.revision()) {
            self.refresh();
        }
        let viewing = self.view()?;
        let replica = &viewing.view.replica;
        Some((replica.entries.clone(), replica.revision))
    }

    /// Takes over what other processes published. The next write reports an error; reads go on with what there
    /// is. Where only the holder of the lock can tell what the files are, this waits up to `patience` for the
    /// lock.
    pub(super) fn follow(&self, patience: Duration) {
        // Asked first: a thread that held the view at the fork holds it for ever in the child.
        if self.is_forked() {
            return;
        }
        if planted(Bug::ReadWaitsForClosure) {
            drop(self.core());
        }
        let outcome = self.contain("looked for commits of other processes", || {
            Some(match self.follow_once()? {
                Ok(Followed::Visible | Followed::Replaced(_)) => Ok(()),
                Ok(Followed::Unknown) => self.judge(patience).or_else(|error| {
                    let is_replaced = error.kind() == ErrorKind::Replaced;
                    // Where that is for good, what stands there is read from now on.
                    match self.follow_once().filter(|_| is_replaced) {
                        Some(Ok(Followed::Visible | Followed::Replaced(_))) => Ok(()),
                        Some(Err(error)) => Err(error),
                        _ => Err(error),
                    }
                }),
                Err(error) => Err(error),
            })
        });
        let outcome = match outcome {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return,
            Err(error) => Err(error),
        };
        self.health.read(&outcome);
        if let Err(error) = outcome {
            self.debug.warn(format_args!(
                "other processes' commits cannot be read: {error:#}"
            ));
        }
        self.notifier.wake(&self.callbacks);
    }

    /// Takes over what there is, as far as that needs no judging. `None` where this thread has the view
    /// already, or a panic has closed it to changes.
    fn follow_once(&self) -> Option<Result<Followed, Error>> {
        let mut viewing = self.view().filter(|viewing| !viewing.view.is_torn)?;
        let view = &mut *viewing.view;
        let followed = self.backend.follow(&mut view.replica);
        if let Ok(Followed::Replaced(error)) = &followed {
            // Before the new state is shown: a waiting caller is told first that the files were replaced.
            self.health.replaced(error.clone());
        }
        let read_model = &mut view.read_model;
        view.replica.absorb(|edit| read_model.apply(edit));
        let fits = self.show(view);
        self.note_misfits(&view.replica);
        drop(viewing);
        if let Ok(Followed::Replaced(_)) = &followed {
            self.tell_of_event();
        }
        // A listener of this event may read and wait, so the view is free by now.
        if let Err(error) = fits {
            self.warn_of_misfit(&error);
        }
        Some(followed)
    }

    /// Publishes what readers have read.
    fn show(&self, view: &mut View) -> Result<(), Error> {
        let revision = view.replica.revision;
        // An older copy of a store may have other values at the same revision.
        if revision == self.revision() && !view.replica.has_unseen() {
            return Ok(());
        }
        view.replica.check_fit()?;
        let unseen = view.replica.take_unseen();
        view.read_model.publish(revision, unseen);
        self.announce(revision);
        Ok(())
    }

    fn announce(&self, revision: u64) {
        // Release: pairs with `revision`.
        self.published.store(revision, Ordering::Release);
        self.backend.publish(revision);
        self.notifier.notify();
    }

    /// A reader cannot follow this log. The holder of the lock can tell what it is; where another thread leads
    /// already, that one tells.
    fn judge(&self, patience: Duration) -> Result<(), Error> {
        // This thread is in the middle of another store's view; the next reader calls this again.
        if VIEWING.with(Cell::get) {
            return Ok(());
        }
        let mut core = match self.core.try_lock() {
            Ok(core) => core,
            Err(TryLockError::Poisoned(core)) => core.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if self.refused(&core).is_some() {
            return Ok(());
        }
        let locked = self.backend.lock(patience)?;
        let _leading = Leading::enter();
        self.go_on(&mut core);
        let caught_up = locked.judge(&mut core.replica);
        core.absorb();
        drop(locked);
        if let Err(error) = &caught_up {
            if error.kind() == ErrorKind::Replaced {
                return caught_up;
            }
        }
        // It may have read commits of others that are not synced yet.
        let public = match self.backend.visible() {
            Visible::UpTo(visible) => visible >= core.replica.revision,
            Visible::Moved | Visible::Unknown => false,
        };
        if public || self.backend.is_durable() {
            self.publish(&mut core)?;
            self.meet(&core);
        }
        self.note_health(&core);
        caught_up
    }

    /// Readers go on in the file that the draft reads, though it holds nothing new for them.
    fn meet(&self, core: &Core) {
        let Some(viewing) = self.view().filter(|viewing| !viewing.view.is_torn) else {
            return;
        };
        if viewing.view.replica.revision == core.replica.revision {
            self.backend.hand_over();
        }
    }

    /// The draft goes on from where readers have come to.
    pub(super) fn go_on(&self, core: &mut Core) {
        let Some(mut viewing) = self.view().filter(|viewing| !viewing.view.is_torn) else {
            return;
        };
        let view = &mut *viewing.view;
        let seen = self.revision();
        // Readers may have caught up meanwhile with what a failed group had taken over.
        let has_more = !core.replica.since.all().is_empty();
        if seen > core.replica.revision || seen == core.replica.revision && has_more {
            core.model.follow();
            core.replica.since.clear();
            core.replica.misfits.clear();
        }
        if view.replica.revision <= core.replica.revision {
            return;
        }
        let news = view.replica.since.take();
        for edit in &news {
            core.replica.put(edit);
        }
        core.replica.revision = view.replica.revision;
        self.backend.take_over();
        if seen < core.replica.revision {
            // Readers were stopped by a value that does not fit.
            core.replica.incoming.extend_from_slice(&news);
            core.replica.since.extend(news);
            core.absorb();
        }
    }

    /// Readers see the draft from now on, or what they have read themselves where that is newer.
    ///
    /// # Errors
    ///
    /// Where a panic has closed the view to changes.
    pub(super) fn publish(&self, core: &mut Core) -> Result<(), Error> {
        let revision = core.replica.revision;
        if revision == self.revision() && !core.model.is_dirty() {
            return Ok(());
        }
        if let Err(error) = core.replica.check_fit() {
            self.warn_of_misfit(&error);
            return Ok(());
        }
        let Some(mut viewing) = self.view() else {
            return Ok(());
        };
        let view = &mut *viewing.view;
        if view.is_torn {
            return Err(self.note_panic("changed what readers see"));
        }
        if revision < self.revision() {
            // Readers have seen this group already, and commits of others behind it.
            core.model.follow();
            core.replica.since.clear();
            return Ok(());
        }
        let unseen = if view.replica.revision <= revision {
            view.replica.go_on(core.replica.since.all(), revision);
            if std::mem::take(&mut core.detached_from_log) {
                view.replica.entries = core.replica.entries.clone();
            }
            view.read_model.forget();
            self.backend.hand_over();
            view.replica.take_unseen()
        } else {
            view.replica.take_unseen_up_to(&core.replica)
        };
        core.model.publish(revision, unseen);
        core.replica.since.clear();
        self.announce(revision);
        Ok(())
    }

    fn warn_of_misfit(&self, error: &Error) {
        self.debug.warn(format_args!(
            "another program wrote what does not fit: {error:#}"
        ));
    }
}

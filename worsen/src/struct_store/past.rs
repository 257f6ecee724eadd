//! The past of a struct: looking at it, and going back to it. Never here: where it is kept.

use std::sync::Arc;

use super::{handle::Handle, model::StructModel, snapshot::Snapshot};
use crate::{
    backend::{Entries, Upkeep},
    commit::Commit,
    engine::{Model, undo},
    error::Error,
    history::History,
    options::{At, OnMismatch},
    schema::Schema,
};

impl<S: Schema> Handle<S> {
    /// What the store has kept of its past: commit by commit, or the values that one uid has had.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { port: u16 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// store.set_port(8080).wait()?;
    /// let values = store.history().of("port")?;
    /// let newest = &values[values.len() - 1];
    /// assert_eq!((newest.json(), newest.old_json()), (Some("8080"), Some("0")));
    /// assert_eq!(newest.revision(), store.revision());
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(&self) -> History {
        self.store().history()
    }

    /// The state as it was: at a revision, or at a time. It is read from the files, without a lock.
    ///
    /// How far back that goes, the option [`history`](crate::Builder::history) says; without it, to where the log
    /// begins. A field that had no value then reads as its seed, and so does one that is not stored.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// # use worsen::{ErrorKind, Store};
    /// # #[derive(Store)] struct State { port: u16 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// store.set_port(8080).wait()?;
    /// let before = store.revision();
    /// store.set_port(443).wait()?;
    /// assert_eq!(store.at(before)?.port, 8080);
    /// assert_eq!(store.at(SystemTime::now())?.port, 443);
    /// assert_eq!(store.at(1000).map(drop).unwrap_err().kind(), ErrorKind::NotInHistory);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotInHistory`](crate::ErrorKind::NotInHistory) where nothing of that moment is kept; the error says what is.
    /// [`Decode`](crate::ErrorKind::Decode) where a value of then does not fit its field now, and
    /// [`Damaged`](crate::ErrorKind::Damaged) where a file of the past is.
    pub fn at(&self, moment: impl Into<At>) -> Result<Snapshot<S>, Error> {
        self.store().refresh();
        let engine = self.engine();
        let (entries, revision) = engine.state_at(moment.into())?;
        let layout = &self.store().view.layout;
        let empty = (layout.seed.__copy(), layout.on_mismatch);
        let state = StructModel::snapshot_of(empty, &entries, revision);
        state.map_err(|error| engine.in_store(error))
    }

    /// Makes the state what it was at a revision or at a time, in one commit with a revision of its own: nothing is
    /// rewritten, and what was in between stays in the history.
    ///
    /// All of it: also the uids that this program has no field for. Fields that are not stored stay as they are. Where
    /// the state is that one already, nothing is committed. The past is read while the lock is held.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { port: u16, hosts: Vec<String> }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// let good = store.revision();
    /// store.update(|state| { state.port = 0; state.hosts.push("?".into()) }).wait()?;
    /// store.revert_to(good).wait()?;
    /// assert!(store.hosts().is_empty());
    /// assert_eq!(store.revision(), good + 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`at`](Handle::at), and as any write. Nothing is written then.
    pub fn revert_to(&self, moment: impl Into<At>) -> Commit<()> {
        self.store().refresh();
        let (engine, moment) = (self.engine().clone(), moment.into());
        self.commit(move |model, scope| {
            let (target, _) = engine.state_at(moment)?;
            model.restore((&target, "the state of then"), scope)
        })
    }

    /// Takes back the last commit that this process made, in a commit of its own: each uid that it changed holds again
    /// what it held before.
    ///
    /// Where somebody has changed one of these uids since, in any process, it is refused: what they wrote is built on
    /// it. Commits to other uids stay. The commit that takes another one back is this process's last one then, so a
    /// second call takes that back. What was set at opening, the seeds, is no commit to be undone.
    ///
    /// ```
    /// # use worsen::{ErrorKind, Store};
    /// # #[derive(Store)] struct State { port: u16, title: String }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let open = || State::builder().dir(folder.path()).open();
    /// let store = open()?;
    /// store.set_title("Untitled".into()).wait()?;
    /// store.set_port(8080).wait()?;
    /// store.undo().wait()?;
    /// assert_eq!((store.port(), &store.title()[..]), (0, "Untitled"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) where somebody has built on it, and
    /// [`NotInHistory`](crate::ErrorKind::NotInHistory) where this process has not committed anything since it opened
    /// the store; and as any write.
    pub fn undo(&self) -> Commit<()> {
        let engine = self.engine().clone();
        self.commit(move |model, scope| {
            let target = undo(&engine, scope)?;
            model.restore((&target, "the state before it"), scope)
        })
    }

    /// Writes the log anew now, with the live state alone, as it is done by itself from time to time. With the option
    /// [`history`](crate::Builder::history) what was in it is kept beside it.
    ///
    /// # Errors
    ///
    /// As any write. The log is as it was then.
    pub fn compact_now(&self) -> Commit<()> {
        self.store().upkeep(Upkeep::Compact)
    }

    /// Removes from the files what was overwritten or removed, now: the log and its backup are written anew with the
    /// live state alone, and the files of the history are removed, and so are the copies of damaged bytes that a repair
    /// has kept beside them. For what must not stay anywhere, such as a person's data.
    ///
    /// Readers that tell commits one by one are told a gap. Copies that somebody has made are not known, and the state
    /// before a migration, `<name>.v<n>.db`, stays until a person removes it. Files
    /// are removed, not scrubbed: what a disk keeps of a file that is gone, its file system knows.
    ///
    /// ```
    /// # use worsen::{ErrorKind, Store};
    /// # #[derive(Store)] struct State { name: String }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = State::builder().dir(folder.path()).history(1000).open()?;
    /// store.set_name("Ada".into()).wait()?;
    /// let named = store.revision();
    /// store.set_name("".into()).wait()?;
    /// store.purge_history().wait()?;
    /// assert_eq!(store.at(named).map(drop).unwrap_err().kind(), ErrorKind::NotInHistory);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As any write, and where a file cannot be removed. Some of it may be gone then; the live state is as it was.
    pub fn purge_history(&self) -> Commit<()> {
        self.store().upkeep(Upkeep::Purge)
    }
}

impl<S: Schema> StructModel<S> {
    /// A state of another time, of a store with this seed.
    pub(super) fn snapshot_of(
        (seed, on_mismatch): (S, Option<OnMismatch>),
        entries: &Entries,
        revision: u64,
    ) -> Result<Snapshot<S>, Error> {
        let (mut model, _) = StructModel::new(seed, on_mismatch, None);
        let outline = model.layout.outline.clone();
        // It may be of an older version of the program.
        let entries = outline.brought_up(entries)?;
        let misfits = model.adopt(&outline.as_read(&entries), revision);
        if let Some((uid, error)) = misfits.into_iter().next() {
            return Err(error.at(&outline.renames().in_file(&uid, &entries)));
        }
        let mut state = model.draft().clone();
        state.revision = revision;
        Ok(Snapshot(Arc::new(state)))
    }
}

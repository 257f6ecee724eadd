//! [`History`]: what a store has kept of its past, as a list of commits or of the values of one uid. Never here: where
//! that is kept, and for how long.

use std::{fmt, ops::RangeInclusive, sync::Arc};

use serde::de::DeserializeOwned;

use crate::{
    backend::{Committed, History as Commits, Next},
    changes::Change,
    engine::EngineHandle,
    error::{self, Error},
    loom,
    shared_str::SharedStr,
    value,
};

/// The past of a store, as far as it is kept: from [`Handle::history`](crate::Handle::history).
///
/// Without the option [`history`](crate::Builder::history) that is what the log happens to hold. Looking at it reads
/// files, without a lock: it waits for no writer, and none waits for it.
///
/// ```
/// # use worsen::Store;
/// #[derive(Store)]
/// #[store(history = 1000)]
/// struct Settings {
///     #[store(seed = 80)]
///     port: u16,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let store = Settings::builder().dir(folder.path()).open()?;
/// store.set_port(8080).wait()?;
/// store.set_port(443).wait()?;
/// for value in store.history().of("port")? {
///     println!("{} at {} by {}: {:?}", value.revision(), value.at(), value.pid(), value.json());
/// }
/// let ports = store.history().of("port")?;
/// assert_eq!(ports[1].value::<u16>()?, Some(8080));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct History {
    handle: loom::Arc<EngineHandle>,
}

impl History {
    pub(crate) fn new(handle: loom::Arc<EngineHandle>) -> Self {
        History { handle }
    }

    /// Which revisions there is a state of, the oldest first: [`at`](crate::Handle::at) shows each of them.
    ///
    /// Nearly always it is one range. There is a gap where a program without `history` compacted the log, or the
    /// disk was full.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { count: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let store = State::builder().in_memory().open()?;
    /// store.set_count(1).wait()?;
    /// assert_eq!(store.history().revisions()?, [0..=2]);   // nothing, the seeds, and the 1
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the files cannot be read.
    pub fn revisions(&self) -> Result<Vec<RangeInclusive<u64>>, Error> {
        let engine = &self.handle.engine;
        if engine.is_behind(engine.revision()) {
            engine.refresh();
        }
        let spans = engine.spans()?;
        Ok(spans
            .into_iter()
            .map(|(first, last)| first..=last)
            .collect())
    }

    /// Every commit that is kept, the oldest first, each with the values before it: of the last of the
    /// [`revisions`](History::revisions)' ranges, up to the newest commit at the time of the call.
    ///
    /// # Errors
    ///
    /// Where the files cannot be read. While the commits are told, [`Gap`](crate::ErrorKind::Gap) once for those that
    /// went meanwhile.
    pub fn commits(
        &self,
    ) -> Result<impl Iterator<Item = Result<Change, Error>> + Send + use<>, Error> {
        let told = self.tell(true)?;
        Ok(told.map(|commit| commit.map(Change::of)))
    }

    /// The values that one uid has had, the oldest first; of a collection, those of each of its entries. Each comes
    /// with the commit that wrote it. What stood there before the first of them, that one tells.
    ///
    /// # Errors
    ///
    /// As [`commits`](History::commits).
    pub fn of(&self, uid: impl AsRef<str>) -> Result<Vec<PastValue>, Error> {
        let uid = uid.as_ref();
        let is_of = |other: &str| {
            let rest = other.strip_prefix(uid);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut values = Vec::new();
        for commit in self.tell(true)? {
            let commit = commit?;
            let at: Arc<str> = commit.at.as_str().into();
            let before = commit.before.unwrap_or_default();
            for (edit, old) in commit.changes.into_iter().zip(before) {
                if is_of(&edit.uid) {
                    values.push(PastValue {
                        revision: commit.revision,
                        at: at.clone(),
                        pid: commit.pid,
                        uid: edit.uid,
                        json: edit.json,
                        old,
                    });
                }
            }
        }
        Ok(values)
    }

    fn tell(&self, old_values: bool) -> Result<Told, Error> {
        let engine = &self.handle.engine;
        if engine.is_behind(engine.revision()) {
            engine.refresh();
        }
        let newest = engine.revision();
        let first = engine.spans()?.last().map_or(newest, |(first, _)| *first);
        Ok(Told {
            commits: Some(engine.history(first, old_values)?),
            newest,
            handle: self.handle.clone(),
        })
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("store", &self.handle.engine.name())
            .finish_non_exhaustive()
    }
}

/// The commits up to one, in order.
struct Told {
    /// `None`: they cannot be read on.
    commits: Option<Box<dyn Commits>>,
    newest: u64,
    handle: loom::Arc<EngineHandle>,
}

impl Iterator for Told {
    type Item = Result<Committed, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = match self.commits.as_mut()?.next(self.newest) {
            Ok(Next::Commit(commit)) => return Some(Ok(commit)),
            Ok(Next::Nothing) => return None,
            Ok(Next::Gap { first, last }) => error::engine::gap(first, last),
            Err(error) => {
                self.commits = None;
                error
            }
        };
        Some(Err(self.handle.engine.in_store(error)))
    }
}

/// A value that a uid has had, and the commit that wrote it: from [`History::of`].
#[derive(Debug, Clone)]
pub struct PastValue {
    revision: u64,
    at: Arc<str>,
    pid: u32,
    uid: SharedStr,
    json: Option<SharedStr>,
    old: Option<SharedStr>,
}

impl PastValue {
    /// The revision of the commit.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When it was made, by the clock of the writer: UTC to the millisecond, as in `2026-11-23T02:30:00.123Z`.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// The process that made it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The uid; of an entry of a collection, that of the entry.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The value as JSON, as in the file; `None`: it was removed, and a field reads as its seed since.
    pub fn json(&self) -> Option<&str> {
        self.json.as_deref()
    }

    /// The value before it, as JSON; `None` where there was none.
    pub fn old_json(&self) -> Option<&str> {
        self.old.as_deref()
    }

    /// The value; `None`: it was removed.
    ///
    /// # Errors
    ///
    /// Of kind [`Decode`](crate::ErrorKind::Decode) where it does not fit the type.
    pub fn value<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let value = self.json().map(value::decode).transpose();
        value.map_err(|error| error.at(&self.uid))
    }
}

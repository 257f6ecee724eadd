//! Following the log, for readers: from a place of their own, without the lock, and without anything that a
//! writer holds meanwhile. Never here: writing, and judging what cannot be followed.

use std::io;

use super::{
    FileBackend, Paths, Place, Sink, State,
    disk::Open,
    log::{self, Log, Tail},
    recovery::{Mode, Replay, load, recover},
};
use crate::{backend::Followed, error::Error};

/// Where readers have come to.
#[derive(Debug)]
pub(super) struct Following {
    log: Log,
    /// Up to this place of this generation everything was on disk when readers came to it, and this is the
    /// revision there. Of the rest the page knows.
    durable_offset: u64,
    durable_revision: u64,
    /// Where no page says it: up to this revision it was synced for readers.
    synced: u64,
    /// A sync for readers failed: trying again would succeed and prove nothing.
    in_doubt: bool,
}

impl Following {
    pub(super) fn new(state: &State) -> Self {
        Following {
            log: state.log.reader(),
            durable_offset: state.durable_offset,
            durable_revision: state.durable_revision,
            synced: 0,
            in_doubt: false,
        }
    }

    /// Readers go on where the writer has come to.
    pub(super) fn go_on(&mut self, state: &State) {
        if self.log.header == state.log.header && self.log.file.id() == state.log.file.id() {
            self.log.position = state.log.position;
            self.log.forget_recent();
        } else {
            *self = Following::new(state);
        }
    }

    /// The writer goes on where readers have come to.
    pub(super) fn lend_to(&mut self, state: &mut State) {
        if self.log.header == state.log.header && self.log.file.id() == state.log.file.id() {
            state.log.go_on(&self.log);
            self.log.forget_recent();
            return;
        }
        *state = State {
            log: self.log.reader(),
            // The next write looks for it, under the lock.
            backup: None,
            durable_offset: self.durable_offset,
            durable_revision: self.durable_revision,
            damaged: false,
            compact_from: 0,
            is_tight: false,
        };
    }

    /// Readers who have come to the end of a log turn to the one that begins with the same state. They would
    /// keep a file that nobody needs any more, and its room on the disk.
    pub(super) fn turn(&mut self, old: &Log, state: &State) {
        let is_there = self.log.header == old.header && self.log.position == old.position;
        if is_there && state.log.position.revision == old.position.revision {
            *self = Following::new(state);
        }
    }
}

impl FileBackend {
    pub(super) fn follow_log(&self, sink: &mut dyn Sink) -> Result<Followed, Error> {
        let following = &mut *self.following();
        // Asked before looking at the path: what may be seen is in the file that stands there then, or was.
        let visible = self.visible_to(following);
        let only_looks = self.mode == Mode::Look;
        match self.is_ours(&following.log)? {
            // What was read up to here is all there is: the next write heals it.
            Place::Empty => {
                self.read_log(following, sink, visible)?;
            }
            Place::Ours if only_looks => {
                if self.read_log(following, sink, None)? == Tail::Unreadable {
                    // Perhaps a line that is being written. Or what was read here before was taken back,
                    // or mended: who writes finds that out under the lock.
                    self.read_anew(following, sink)?;
                }
            }
            Place::Ours if visible.is_some() => {
                self.read_log(following, sink, visible)?;
            }
            Place::Ours => {
                let synced = following.synced;
                self.read_log(following, sink, Some(synced))?;
            }
            Place::Another if only_looks => self.read_anew(following, sink)?,
            // A new generation, and what everybody may see. That needs no judging, so nobody waits for the
            // lock, which may be held for long.
            Place::Another => {
                let Some(visible) = visible else {
                    return Ok(Followed::Unknown);
                };
                if !self.follow_to_the_end(following, sink, visible)?
                    && !self.follow_generation(following, sink, visible)?
                {
                    return Ok(Followed::Unknown);
                }
                self.let_go_of_what_was_before(following);
            }
        }
        Ok(Followed::Visible)
    }

    /// The writer's files, where readers have turned to the next ones: whoever only reads would keep the old
    /// ones, and their room on the disk, for as long as it does so. The next write looks for its place anew.
    fn let_go_of_what_was_before(&self, following: &Following) {
        // Where it is at work, the writer turns to them itself.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let is_over = state.log.header.generation < following.log.header.generation;
        // Nothing that it wrote there is still to be synced.
        if is_over && state.durable_offset >= state.log.position.offset {
            state.log.let_go();
            state.backup = None;
        }
    }

    fn read_log(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
        visible: Option<u64>,
    ) -> Result<Tail, Error> {
        read_on(&mut following.log, &self.paths, sink, visible)
    }

    /// How far readers may see, where the page tells.
    fn visible_to(&self, following: &Following) -> Option<u64> {
        let page = self.page()?;
        let visible = page.revision();
        let is_news = visible > following.log.position.revision;
        // One that is not told of everything, and has nothing new, says nothing: the log does.
        (is_news || page.is_complete()).then_some(visible)
    }

    /// Where nobody says what of the log is durable, it is synced before readers see it.
    pub(super) fn sync_for_readers(&self) -> Result<(), Error> {
        let failed = |error| Error::io("the log cannot be synced", &self.paths.log, error);
        let mut scout = {
            let following = self.following();
            if self.mode == Mode::Look || self.visible_to(&following).is_some() {
                return Ok(());
            }
            if following.in_doubt {
                return Err(failed(io::Error::other("an earlier sync failed")));
            }
            following.log.reader()
        };
        let before = scout.position.revision;
        scout
            .read_on(|_| Ok::<(), io::Error>(()))
            .map_err(|error| Error::io("the log cannot be read", &self.paths.log, error))?;
        let revision = scout.position.revision;
        if revision == before {
            return Ok(());
        }
        let outcome = scout.file.sync_data();
        let following = &mut *self.following();
        if following.log.header == scout.header && following.log.file.id() == scout.file.id() {
            match &outcome {
                Ok(()) => following.synced = revision,
                Err(_) => following.in_doubt = true,
            }
        }
        outcome.map_err(failed)
    }

    /// What stands at the path, as far as it can be read, where nothing is written.
    fn read_anew(&self, following: &mut Following, sink: &mut dyn Sink) -> Result<(), Error> {
        let recovered = recover(&*self.disk, &self.paths, self.mode, &|_| ())?;
        let (new, entries, _) = State::new(recovered);
        sink.replace(entries, new.log.position.revision)?;
        *following = Following::new(&new);
        Ok(())
    }

    /// Reads on in a log that is not at its path any more: it holds whatever was committed before the
    /// next generation began. That may begin with commits that nobody may see yet. Returns whether this
    /// leads to what everybody may see.
    fn follow_to_the_end(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
        visible: u64,
    ) -> Result<bool, Error> {
        self.read_log(following, sink, Some(visible))?;
        Ok(following.log.position.revision >= visible)
    }

    /// Reads a later generation up to what everybody may see, without the lock. Changes nothing, and
    /// returns false, where that does not lead there.
    fn follow_generation(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
        visible: u64,
    ) -> Result<bool, Error> {
        let (Some(file), bytes) = load(&*self.disk, &self.paths.log, Open::Write)? else {
            return Ok(false);
        };
        let Ok((header, mut position)) = log::read_header(&bytes) else {
            return Ok(false);
        };
        if header.store != self.paths.name || header.generation <= following.log.header.generation {
            return Ok(false);
        }
        let first = position.offset as usize;
        let mut replay = Replay::default();
        // An error is the first line that not everybody may see yet.
        let _ = position.scan(&bytes[first..], &bytes, |record| {
            // What it begins with is taken in any case: nothing less can be read of it.
            if record.revision > visible.max(header.revision) {
                return Err(());
            }
            replay.apply(record);
            Ok(())
        });
        if position.base_left > 0 || position.revision < visible.max(sink.revision()) {
            return Ok(false);
        }
        if position.revision > visible {
            // It begins with commits that nobody has acknowledged. They can be seen once they are durable,
            // under this name: where its writer has not come to that, it is this reader's to see to.
            let is_durable = self.page().is_some_and(|page| {
                page.is_complete() && page.durable_offset(header.generation) >= position.offset
            });
            if !is_durable
                && (file.sync_data().is_err() || self.disk.sync_dir(&self.paths.dir).is_err())
            {
                return Ok(false);
            }
        }
        sink.replace(replay.into_entries(), position.revision)?;
        let revision = header.revision;
        *following = Following {
            // Of the rest the page knows, or the next sync finds out.
            durable_offset: match position.revision == revision {
                true => position.offset,
                false => first as u64,
            },
            durable_revision: revision,
            synced: 0,
            in_doubt: false,
            log: Log::new(file, header, position, position.offset),
        };
        Ok(true)
    }
}

/// Reads what stands behind a place, up to this revision.
pub(super) fn read_on(
    log: &mut Log,
    paths: &Paths,
    sink: &mut dyn Sink,
    up_to: Option<u64>,
) -> Result<Tail, Error> {
    let outcome = log.read_on(|record| {
        if up_to.is_some_and(|up_to| record.revision > up_to) {
            return Err(Stop::Here);
        }
        sink.commit(record.revision, record.changes)
            .map_err(Stop::Error)
    });
    match outcome {
        Ok(tail) => Ok(tail),
        Err(Stop::Here) => Ok(Tail::Clean),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Io(error)) => Err(Error::io("the log cannot be read", &paths.log, error)),
    }
}

/// Why reading stopped.
enum Stop {
    Here,
    Io(io::Error),
    Error(Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

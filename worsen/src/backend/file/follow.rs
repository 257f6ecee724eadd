//! Following the log, for readers: from a place of their own, without the lock, and without anything that a
//! writer holds meanwhile. Never here: writing, and judging what cannot be followed.

use std::{io, sync::Arc};

use super::{
    FileBackend, LogAtPath, Paths, Sink, State,
    disk::{DiskFile, Open},
    file_id::FileId,
    format,
    format::{Crc, Position},
    lineage::{Chain, Kin, Lineage, compare},
    log::{Log, Tail, read_header_of},
    recovery::{Replay, examine, load},
};
use crate::{
    backend::Followed,
    error::{self, Error},
    options::Access,
    planted::{Bug, planted},
    shared_str::Buffer,
};

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
    /// The file that stands in the place of the one that was read, and goes on from it: nothing in it is news.
    successor: Option<FileId>,
    /// It was read since the history that this process knew was replaced.
    is_of_others: bool,
}

impl Following {
    pub(super) fn new(state: &State) -> Self {
        Following {
            log: state.log.reader(),
            durable_offset: state.durable_offset,
            durable_revision: state.durable_revision,
            synced: 0,
            in_doubt: false,
            successor: None,
            is_of_others: false,
        }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn position(&self) -> Position {
        self.log.position
    }

    pub(super) fn crc_at(&self, revision: u64) -> Option<Crc> {
        self.log.crc_at(revision)
    }

    /// Readers go on where the writer has come to.
    pub(super) fn go_on(&mut self, state: &State) {
        if self.log.header == state.log.header && self.log.file.id() == state.log.file.id() {
            self.log.position = state.log.position;
            self.log.chain = state.log.chain.clone();
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

    /// Readers that have come to the end of a log turn to the one that begins with the same state. They would
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
        self.look_at_lock();
        let following = &mut *self.following();
        if self.replaced.get().is_some() {
            return self.follow_others(following, sink);
        }
        // Asked before looking at the path: what may be seen is in the file that stands there then, or was.
        let visible = self.visible_to(following);
        match self.is_ours(&following.log)? {
            // What was read up to here is all there is: the next write heals it.
            LogAtPath::Nothing => {
                self.read_log(following, sink, visible)?;
                Ok(Followed::Visible)
            }
            place if self.access == Access::ReadOnly => self.look_at_log(following, sink, &place),
            LogAtPath::Ours => {
                let up_to = visible.unwrap_or(following.synced);
                let tail = self.read_log(following, sink, Some(up_to))?;
                // Behind that there may be half a line that somebody is writing.
                let is_short = tail == Tail::Unreadable
                    && visible.is_some_and(|visible| following.log.position.revision < visible);
                Ok(match tail == Tail::Lost || is_short {
                    true if planted(Bug::CompareRevisionsAlone) => Followed::Visible,
                    true => Followed::Unknown,
                    false => Followed::Visible,
                })
            }
            // A new generation, and what everybody may see. That needs no judging, so nobody waits for the
            // lock, which may be held for long.
            LogAtPath::Another => {
                let Some(visible) = visible else {
                    return Ok(Followed::Unknown);
                };
                let is_there = match self.follow_to_the_end(following, sink, visible)? {
                    true => self.is_succeeded(following)?,
                    false => self.follow_generation(following, sink, visible)?,
                };
                if is_there {
                    self.let_go_of_what_was_before(following);
                }
                Ok(match is_there {
                    true => Followed::Visible,
                    false => Followed::Unknown,
                })
            }
        }
    }

    /// Where nothing is written, and there is no lock: as far as it can be read.
    fn look_at_log(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
        place: &LogAtPath,
    ) -> Result<Followed, Error> {
        if matches!(place, LogAtPath::Ours) {
            let tail = self.read_log(following, sink, None)?;
            if tail == Tail::Clean {
                return Ok(Followed::Visible);
            }
            // Perhaps a line that is being written. Or what was read here before was taken back, or mended: the
            // next writer finds that out under the lock.
        }
        let examined = examine(&*self.disk, &self.paths, self.access)?;
        let kin = examined.kin_of(&following.log);
        let (new, entries, _) =
            State::new(examined.carry_out(&*self.disk, &self.paths, &|_| ())?);
        let (known, revision) = (sink.revision(), new.log.position.revision);
        sink.replace(entries, revision)?;
        *following = Following::new(&new);
        Ok(self.tell(kin, known, revision))
    }

    /// Tells a reader that knew this revision before what was read of another file.
    fn tell(&self, kin: Kin, known: u64, revision: u64) -> Followed {
        let goes_on = match kin {
            Kin::GoesOn => true,
            Kin::Unknown => revision >= known,
            Kin::Begins | Kin::Parted => false,
        };
        match goes_on || planted(Bug::CompareRevisionsAlone) {
            true => Followed::Visible,
            false => Followed::Replaced(error::file::replaced_under_reader(
                &self.paths.log,
                revision,
                known,
            )),
        }
    }

    /// The history that this process knew was replaced: what stands there now is read, as far as everybody
    /// may see it, and nothing is judged.
    fn follow_others(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
    ) -> Result<Followed, Error> {
        let visible = self.page().map_or(u64::MAX, |page| page.revision());
        if following.is_of_others {
            match self.is_ours(&following.log)? {
                LogAtPath::Nothing => return Ok(Followed::Visible),
                LogAtPath::Ours => {
                    if self.read_log(following, sink, Some(visible))? != Tail::Lost {
                        return Ok(Followed::Visible);
                    }
                }
                LogAtPath::Another => {}
            }
        }
        let loaded = load(&*self.disk, &self.paths.log, Open::Read)?;
        let Some(news) = self.read_generation(loaded, visible) else {
            if let Some(error) = self.replaced.get().filter(|_| !following.is_of_others) {
                // That is told first.
                following.is_of_others = true;
                return Ok(Followed::Replaced(error.clone()));
            }
            return Err(error::file::replaced_by_unreadable(&self.paths.log));
        };
        let kin = compare(following.log.lineage(), news.log.lineage());
        let (known, revision) = (sink.revision(), news.log.position.revision);
        sink.replace(news.replay.into_entries(), revision)?;
        let was_of_others = std::mem::replace(
            following,
            Following {
                // Nobody writes behind it.
                durable_offset: news.log.position.offset,
                durable_revision: revision,
                synced: 0,
                in_doubt: false,
                successor: None,
                is_of_others: true,
                log: news.log,
            },
        )
        .is_of_others;
        match self.replaced.get() {
            Some(error) if !was_of_others => Ok(Followed::Replaced(error.clone())),
            _ => Ok(self.tell(kin, known, revision)),
        }
    }

    /// Lets go of the writer's files when readers have turned to the next ones: a process that only reads would
    /// otherwise keep the old ones, and their room on the disk, for as long as it does so. The next write looks
    /// for its place anew.
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
        let failed = |error| error::file::log_not_synced(&self.paths.log, error);
        let mut scout = {
            let following = self.following();
            let writes_nothing = self.access == Access::ReadOnly || self.replaced.get().is_some();
            if writes_nothing || self.visible_to(&following).is_some() {
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
            .map_err(|error| error::file::log_unreadable(&self.paths.log, error))?;
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

    /// Whether the log at the path goes on from the one that was read, of which there is nothing more to see.
    fn is_succeeded(&self, following: &mut Following) -> Result<bool, Error> {
        let found = self.disk.identify(&self.paths.log);
        let found = found.ok().flatten().map(|found| found.id);
        if found.is_none() || found == following.successor {
            return Ok(true);
        }
        let file = match self.disk.open(&self.paths.log, Open::Read) {
            Ok(file) => file,
            // It is looked at again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error::file::log_unreadable(&self.paths.log, error)),
        };
        let header = read_header_of(&*file)
            .map_err(|error| error::file::log_unreadable(&self.paths.log, error))?;
        let Some((header, position)) = header else {
            return Ok(false);
        };
        let known = &following.log;
        let is_ours = header.store == self.paths.name && header != known.header;
        let found = Lineage {
            header: &header,
            position: &position,
            chain: &Chain::of_header(position.crc),
        };
        let goes_on = match compare(known.lineage(), found) {
            Kin::GoesOn => true,
            Kin::Unknown => position.revision >= known.position.revision,
            Kin::Begins | Kin::Parted => planted(Bug::CompareRevisionsAlone),
        };
        if is_ours && goes_on {
            following.successor = Some(file.id());
        }
        Ok(is_ours && goes_on)
    }

    /// Reads a later generation up to what everybody may see, without the lock. Changes nothing, and
    /// returns false, where that does not lead there.
    fn follow_generation(
        &self,
        following: &mut Following,
        sink: &mut dyn Sink,
        visible: u64,
    ) -> Result<bool, Error> {
        let loaded = load(&*self.disk, &self.paths.log, Open::Write)?;
        let Some(Generation { log, first, replay }) = self.read_generation(loaded, visible) else {
            return Ok(false);
        };
        let (header, position) = (&log.header, log.position);
        let is_later = header.generation > following.log.header.generation;
        let kin = compare(following.log.lineage(), log.lineage());
        let has_parted = kin == Kin::Parted && !planted(Bug::CompareRevisionsAlone);
        if !is_later || has_parted || position.revision < visible.max(sink.revision()) {
            return Ok(false);
        }
        if position.revision > visible {
            // It begins with commits that nobody has acknowledged. They can be seen once they are durable,
            // under this name: where its writer has not come to that, it is this reader's to see to.
            let is_durable = self.page().is_some_and(|page| {
                page.is_complete() && page.durable_offset(header.generation) >= position.offset
            });
            if !is_durable
                && (log.file.sync_data().is_err() || self.disk.sync_dir(&self.paths.dir).is_err())
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
                false => first,
            },
            durable_revision: revision,
            synced: 0,
            in_doubt: false,
            successor: None,
            is_of_others: false,
            log,
        };
        Ok(true)
    }

    /// What a log holds up to what everybody may see: as much of it as its generation begins with in any case.
    fn read_generation(
        &self,
        (file, bytes): (Option<Arc<dyn DiskFile>>, Buffer),
        visible: u64,
    ) -> Option<Generation> {
        let (header, mut position) = format::read_header(&bytes).ok()?;
        if header.store != self.paths.name {
            return None;
        }
        let first = position.offset;
        let chain = Chain::of_header(position.crc);
        let mut replay = Replay::default();
        // An error is the first line that not everybody may see yet.
        let _ = position.scan(&bytes[first as usize..], &bytes, |place, record| {
            // What it begins with is taken in any case: nothing less can be read of it.
            if record.revision > visible.max(header.revision) {
                return Err(());
            }
            chain.note(&header, place);
            replay.apply(record);
            Ok(())
        });
        let is_whole = position.base_left == 0;
        let offset = position.offset;
        is_whole.then_some(Generation {
            log: Log::new(file?, header, position, chain, offset),
            first,
            replay,
        })
    }
}

/// What was read of one.
struct Generation {
    log: Log,
    /// Where its first line begins, behind the header.
    first: u64,
    replay: Replay,
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
        Err(Stop::Io(error)) => Err(error::file::log_unreadable(&paths.log, error)),
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

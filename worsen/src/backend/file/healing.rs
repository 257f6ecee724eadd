//! Catching up where the log is not simply longer than it was: somebody compacted it, damaged it, cut it off,
//! took it away, or put another one in its place. What this process remembers makes up for what was lost, and
//! for nothing else: never is a log written anew that has another history. Never here: comparing histories,
//! and what to make of damaged bytes.

use std::{thread, time::Duration};

use super::{
    FileBackend, LogAtPath, State,
    disk::Open,
    format::{is_blank, read_header},
    is_empty,
    lineage::Kin,
    log::Tail,
    open::{finish_renames, forget_backup},
    past::Ending,
    recovery::{Examined, examine, keep_copy, load},
    room::Room,
};
use crate::{
    backend::{Entries, Sink},
    error::{self, Error},
    health::Condition,
    loom::Unpoisoned,
    planted::{Bug, planted},
    repair::Repair,
};

/// A person or program that puts a copy over a log takes some time for it. The files count once they have
/// stayed the same for this long.
const STABLE_TIME: Duration = Duration::from_millis(20);

/// How many times they are read for that at most.
const READ_LIMIT: u32 = 100;

/// What a process catches up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// A commit follows: whatever is lost has to be put right before.
    Write,
    /// Only to see what there is: what is lost stays in memory until somebody writes.
    Read,
}

/// What stands in the place of the log.
enum Found {
    /// Nothing: it was deleted, or emptied.
    Nothing,
    Log(Box<Examined>, Kin),
}

impl Found {
    fn is_as(&self, before: &Found) -> bool {
        match (self, before) {
            (Found::Nothing, Found::Nothing) => true,
            (Found::Log(log, _), Found::Log(before, _)) => log.is_as(before),
            _ => false,
        }
    }
}

impl FileBackend {
    pub(super) fn catch_up_to(&self, sink: &mut dyn Sink, intent: Intent) -> Result<(), Error> {
        let state = &mut *self.state();
        let place = self.is_ours(&state.log)?;
        // Also where the file has gone from its path: what was committed to it counts.
        let tail = self.read_on(state, sink)?;
        match (place, tail) {
            (LogAtPath::Ours, Tail::Clean) => {}
            _ => self.reload(state, sink, intent)?,
        }
        self.pay_page(state);
        self.dispel_doubt(state, sink.entries(), sink.revision())
    }

    /// Reads everything anew, where it goes on from what is known.
    fn reload(&self, state: &mut State, sink: &mut dyn Sink, intent: Intent) -> Result<(), Error> {
        forget_backup(&*self.disk, &self.paths, &self.current_lock());
        finish_renames(&*self.disk, &self.paths)?;
        let known = sink.revision();
        let (examined, kin) = match self.find_stable(state, known)? {
            Found::Nothing => return self.make_up_for(state, sink, intent, &[]),
            Found::Log(examined, kin) => (examined, kin),
        };
        match kin {
            Kin::GoesOn => self.take_over_log(state, sink, *examined),
            Kin::Begins => self.make_up_for(state, sink, intent, examined.log()),
            Kin::Parted | Kin::Unknown => {
                let error = error::file::replaced(&self.paths.log, examined.revision(), known);
                self.debug.warn(format_args!("{error:#}"));
                Err(self.replaced.get_or_init(|| error).clone())
            }
        }
    }

    /// What stands there, once nobody changes it any more.
    fn find_stable(&self, state: &State, known: u64) -> Result<Found, Error> {
        let mut found = self.find(state, known)?;
        for _ in 0..READ_LIMIT {
            if matches!(found, Found::Log(_, Kin::GoesOn)) {
                break;
            }
            thread::sleep(STABLE_TIME);
            let again = self.find(state, known)?;
            let is_stable = again.is_as(&found);
            found = again;
            if is_stable {
                break;
            }
        }
        Ok(found)
    }

    fn find(&self, state: &State, known: u64) -> Result<Found, Error> {
        let found = self.disk.identify(&self.paths.log);
        let found = found.map_err(|error| error::file::log_out_of_sight(&self.paths.log, error))?;
        if found.is_none() || is_empty(&*self.disk, &self.paths)? {
            return Ok(Found::Nothing);
        }
        let examined = examine(&*self.disk, &self.paths, self.access)?;
        let kin = match examined.kin_of(&state.log) {
            _ if planted(Bug::CompareRevisionsAlone) => match examined.revision() < known {
                true => Kin::Begins,
                false => Kin::GoesOn,
            },
            // Nobody can tell: it may go on from there, if it is not shorter.
            Kin::Unknown if examined.revision() >= known => Kin::GoesOn,
            // Whole, and the backup has no more of it: somebody has put an older one there.
            Kin::Begins if !examined.is_damaged() => Kin::Parted,
            kin => kin,
        };
        Ok(Found::Log(Box::new(examined), kin))
    }

    fn take_over_log(
        &self,
        state: &mut State,
        sink: &mut dyn Sink,
        examined: Examined,
    ) -> Result<(), Error> {
        let doubt = |generation| self.doubt(generation);
        let recovered = examined.carry_out(&*self.disk, &self.paths, &doubt)?;
        let (new, entries, repairs) = State::new(recovered);
        for repair in &repairs {
            self.debug.warn(format_args!("{repair}"));
        }
        let revision = new.log.position.revision;
        for repair in repairs {
            // It stood in the way, and the backup has it all.
            if let Repair::Mended { kept, .. } = repair {
                self.note_healed(revision, kept);
            }
        }
        // First: where a value does not fit, nothing is taken over, and it is read again.
        sink.replace(entries, revision)?;
        *state = new;
        if let Some(shared_page) = self.current_page() {
            shared_page.set_durable_offset(state.log.header.generation, state.durable_offset);
        }
        Ok(())
    }

    /// The log is not there any more, or not all of it. `found`: what is left.
    fn make_up_for(
        &self,
        state: &mut State,
        sink: &mut dyn Sink,
        intent: Intent,
        found: &[u8],
    ) -> Result<(), Error> {
        let revision = sink.revision();
        if !self.knows_all(revision) {
            return Err(error::file::lost_to_others(&self.paths.log));
        }
        if intent == Intent::Read {
            return Err(error::file::lost_for_now(&self.paths.log));
        }
        self.heal(state, sink.entries(), revision, found)
    }

    /// Writes the log anew, from memory.
    pub(super) fn heal(
        &self,
        state: &mut State,
        entries: &Entries,
        revision: u64,
        found: &[u8],
    ) -> Result<(), Error> {
        self.debug.warn(format_args!("{}", Repair::Healed));
        let kept = match is_blank(found) || planted(Bug::KeepNoCopyOfDamage) {
            true => None,
            false => Some(keep_copy(&*self.disk, &self.paths, found)?),
        };
        // What is left may be of a later generation than this process has come to.
        let of = |bytes: &[u8]| read_header(bytes).map_or(0, |(header, _)| header.generation);
        let backup = load(&*self.disk, &self.paths.backup, Open::Read);
        let left = backup.map_or(0, |(_, bytes)| of(&bytes)).max(of(found));
        let next = state.log.header.generation.max(left) + 1;
        self.begin_generation(
            (next, Ending::KeptIfPossible),
            state,
            entries,
            revision,
            Room::Disk,
        )?;
        self.note_healed(revision, kept);
        Ok(())
    }

    fn note_healed(&self, revision: u64, kept: Option<std::path::PathBuf>) {
        if planted(Bug::HealInSilence) {
            return;
        }
        let mut healed = self.healed.lock().unpoisoned();
        // What was kept the first time is what somebody may want.
        let before = healed.take().and_then(|condition| match condition {
            Condition::Healed { kept, .. } => kept,
            _ => None,
        });
        *healed = Some(Condition::Healed {
            revision,
            kept: before.or(kept),
            path: self.paths.log.clone(),
        });
    }

    /// Whether no process can have shown more than this revision.
    fn knows_all(&self, revision: u64) -> bool {
        self.page().is_none_or(|page| {
            let visible = page.revision();
            !page.is_complete() || visible <= revision || page.is_retired()
        })
    }
}

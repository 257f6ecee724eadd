//! How a store follows a struct that changes from one version of a program to the next: its version and the
//! migration to that, the former uids of its fields (`renames`), and the uids that it has no field for (`unknown`).
//!
//! Everything here goes by the entries of a state and by what a struct says of itself. So two processes that know
//! the same entries and are of the same program see the same state. Never here: files, locks, typed state, and
//! when any of it is done.

mod raw;
mod renames;
mod unknown;
mod version;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

pub use self::raw::Raw;
pub(crate) use self::{renames::News, version::VERSION};
use self::{renames::Renames, version::Version};
use super::{FieldInfo, NewMarks};
use crate::{
    callbacks::dispose,
    entries::Entries,
    entry::Edit,
    error::{self, Error},
    health::{Condition, UnknownUid},
    planted::{Bug, planted},
    shared_str::SharedStr,
    uid::{OWN, is_own},
};

/// A function that brings a store of an older version to that of the program.
type Migrate = fn(&mut Raw<'_>, u32) -> Result<(), Error>;

/// What the attributes of a struct say of its versions.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Evolution {
    /// 0: the struct has none.
    pub version: u32,
    /// The oldest version of a program that may use a store of this one.
    pub compatible: u32,
    pub migrate: Option<Migrate>,
    /// Uids that are dropped.
    pub removed: &'static [&'static str],
    /// Whether a store that has other uids than those of the fields is refused.
    pub deny_unknown: bool,
}

impl Evolution {
    pub const NONE: Evolution = Evolution {
        version: 0,
        compatible: 0,
        migrate: None,
        removed: &[],
        deny_unknown: false,
    };
}

/// What a program knows of the uids of its store.
#[derive(Debug)]
pub(crate) struct Outline {
    evolution: Evolution,
    /// `None`: any uid is one of the program's.
    fields: Option<Vec<FieldUids>>,
    renames: Renames,
}

/// The uids of one stored field.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldUids {
    pub(super) uid: &'static str,
    /// What it was called before.
    pub(super) aliases: &'static [&'static str],
}

/// What is known of an opening.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) may_write: bool,
    /// Acknowledged commits may be gone.
    pub(crate) may_have_lost: bool,
}

/// What opening makes of the entries that it has found.
#[derive(Debug, Default)]
pub(crate) struct Evolved {
    /// What is to be committed.
    pub(crate) changes: Vec<Edit>,
    /// A migration has run: from this version to that of the program.
    pub(crate) migrated: Option<(u32, u32)>,
}

impl Outline {
    /// Of a struct.
    pub(crate) fn of(evolution: Evolution, fields: &[FieldInfo]) -> Self {
        let fields: Vec<FieldUids> = fields
            .iter()
            .filter_map(|field| {
                Some(FieldUids {
                    uid: field.uid?,
                    aliases: field.aliases,
                })
            })
            .collect();
        Outline {
            evolution,
            renames: Renames::of(&fields),
            fields: Some(fields),
        }
    }

    /// Of a store whose uids are chosen at run time. It has no version, and none is asked of it.
    pub(crate) fn of_any_uids() -> Self {
        Outline {
            evolution: Evolution::NONE,
            fields: None,
            renames: Renames::default(),
        }
    }

    pub(crate) fn renames(&self) -> &Renames {
        &self.renames
    }

    fn version(&self) -> u32 {
        self.evolution.version
    }

    /// The version that a new store is written with.
    pub(crate) fn version_of_new(&self) -> Option<Edit> {
        (self.version() > 0).then(|| self.own_version())
    }

    fn own_version(&self) -> Edit {
        let version = Version {
            version: self.evolution.version,
            compatible: self.evolution.compatible,
        };
        Edit::set(VERSION, version.json())
    }

    /// Whether this program may go on with a store whose version another one has changed meanwhile.
    ///
    /// # Errors
    ///
    /// Where it may not.
    pub(crate) fn check_version(&self, entries: &Entries) -> Result<(), Error> {
        if self.fields.is_none() || planted(Bug::LetOlderProgramIn) {
            return Ok(());
        }
        let found = Version::of_any(entries)?;
        match found.lets_in(self.version()) {
            true => Ok(()),
            false if found.version > self.version() => Err(error::evolution::program_too_old(
                self.version(),
                found.version,
                found.compatible,
            )),
            false => Err(error::evolution::store_went_back(
                self.version(),
                found.version,
            )),
        }
    }

    /// Brings the entries of a store that is being opened to the version of this program: what is to be committed
    /// for that. The entries stay as they are.
    ///
    /// # Errors
    ///
    /// Where this program is too old for the store, or the migration fails.
    pub(crate) fn evolve(&self, entries: &Entries, opening: Opening) -> Result<Evolved, Error> {
        if self.fields.is_none() {
            return Ok(Evolved::default());
        }
        let stored = Version::of(entries)?;
        let found = Version::of_any(entries)?.version;
        let program = self.version();
        if found > program {
            self.check_version(entries)?;
            // The newer program may use a uid anew that this one drops.
            return Ok(Evolved::default());
        }
        if is_new(entries) {
            return Ok(Evolved::default());
        }
        // What is left of a damaged store may lack its version. To migrate it from none would spoil what fits.
        let is_lost = opening.may_have_lost && stored.is_none();
        let migrate = self
            .evolution
            .migrate
            .filter(|_| found < program && !is_lost);
        if !opening.may_write {
            return match migrate {
                None => Ok(Evolved::default()),
                Some(_) => Err(error::evolution::not_migrated_read_only(found, program)),
            };
        }
        // Nearly always nothing is to be done, and comparing would visit every entry at every opening.
        let mut after = Cow::Borrowed(entries);
        if let Some(migrate) = migrate {
            run(migrate, after.to_mut(), found, program)?;
        }
        if found < program {
            let Edit { uid, json } = self.own_version();
            after.to_mut().put(&uid, json);
        }
        for uid in self.evolution.removed {
            if family(&after, uid).next().is_some() {
                remove_all(after.to_mut(), uid);
            }
        }
        let changes = match &after {
            Cow::Borrowed(_) => Vec::new(),
            Cow::Owned(after) => changes_between(entries, after),
        };
        Ok(Evolved {
            changes,
            migrated: migrate.map(|_| (found, program)),
        })
    }

    /// A state from elsewhere, such as a copy of the store, at the version of this program.
    ///
    /// # Errors
    ///
    /// As [`evolve`](Outline::evolve).
    pub(crate) fn brought_up(&self, entries: &Entries) -> Result<Entries, Error> {
        let opening = Opening {
            may_write: true,
            may_have_lost: false,
        };
        Ok(entries.with(&self.evolve(entries, opening)?.changes))
    }

    /// The entries as the fields of this program have them: under the uids that the fields have now, and without
    /// what the store keeps for itself.
    pub(crate) fn as_read<'a>(&self, entries: &'a Entries) -> Cow<'a, Entries> {
        let mut read = self.renames.as_read(entries);
        let own = entries.iter_from(OWN).map(|(uid, _)| uid);
        for uid in own.take_while(|uid| is_own(uid)) {
            read.to_mut().remove(uid);
        }
        read
    }

    /// The uids that this program has no field for. None, where a newer program has written them.
    ///
    /// # Errors
    ///
    /// Where there are some and the struct says `deny_unknown`.
    pub(crate) fn find_unknown(&self, entries: &Entries) -> Result<Vec<UnknownUid>, Error> {
        let Some(fields) = &self.fields else {
            return Ok(Vec::new());
        };
        let unknown = unknown::find(entries, fields, self.evolution.removed);
        if !unknown.is_empty() && self.evolution.deny_unknown {
            return Err(error::evolution::unknown_uids(&UnknownUid::list(&unknown)));
        }
        let is_newer = Version::of_any(entries)?.version > self.version();
        Ok(if is_newer { Vec::new() } else { unknown })
    }

    /// The former uids that hold something which is not read, because the field has a value under its new uid.
    pub(crate) fn find_shadowed(&self, entries: &Entries) -> Vec<Condition> {
        self.renames.find_shadowed(entries)
    }
}

/// Whether nothing was ever written, apart from what the store keeps for itself.
pub(crate) fn is_new(entries: &Entries) -> bool {
    entries.keys().all(|uid| is_own(uid))
}

/// Runs the user's function on a copy of the entries. A panic of it is an error, as everything it does is undone.
fn run(migrate: Migrate, entries: &mut Entries, from: u32, to: u32) -> Result<(), Error> {
    let mut raw = Raw::of(entries);
    match catch_unwind(AssertUnwindSafe(|| migrate(&mut raw, from))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error::evolution::migration_failed(from, to, error)),
        Err(payload) => {
            let error = error::evolution::migration_panicked(from, to, &*payload);
            dispose(payload);
            Err(error)
        }
    }
}

/// Removes an entry and those below it; returns whether there was any.
pub(super) fn remove_all(entries: &mut Entries, uid: &str) -> bool {
    let all: Vec<SharedStr> = family(entries, uid).map(|(uid, _)| uid.clone()).collect();
    for uid in &all {
        entries.remove(uid);
    }
    !all.is_empty()
}

/// The entry of a uid, and those below it.
pub(crate) fn family<'a>(
    entries: &'a Entries,
    uid: &str,
) -> impl Iterator<Item = (&'a SharedStr, &'a SharedStr)> {
    let below = format!("{uid}/");
    let own = entries.get_key_value(uid);
    let others = entries.iter_from(&below);
    own.into_iter()
        .chain(others.take_while(move |(uid, _)| uid.starts_with(&below)))
}

/// What leads from one state to another, which lives on in the changes alone. An entry below a new mark is told though
/// it is the same text.
pub(crate) fn changes_between(before: &Entries, after: &Entries) -> Vec<Edit> {
    let mut changes: Vec<Edit> = Vec::new();
    let mut marks = NewMarks::default();
    for (uid, json) in after {
        let is_new = before.get(uid) != Some(json);
        if marks.must_tell(uid, json, is_new) {
            // As a part, each of them would keep all of the log that was read for it, and with every
            // generation there is another one.
            changes.push(Edit::set(uid.detached(), json.detached()));
        }
    }
    for uid in before.keys() {
        if !after.contains_key(uid) {
            changes.push(Edit::delete(uid));
        }
    }
    changes
}

//! The draft: the newest state, which only one thread at a time may touch, and what others committed to
//! it. Never here: who touches it when.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::Model;
use crate::{
    backend::{AppendFailure, Backend, Entries, Entry, Sink},
    error::{Error, ErrorKind},
    limits::Limits,
    planted::{Bug, planted},
    schema::Edits,
    text::Text,
};

/// What only one thread at a time may touch.
pub(super) struct Core {
    pub(super) model: Box<dyn Model>,
    pub(super) entries: Entries,
    /// The revision of the draft.
    pub(super) revision: u64,
    /// What the draft has and readers do not see yet, in order.
    pub(super) since: Vec<Entry>,
    /// How many of these are looked through for what was overwritten.
    pub(super) crowded: usize,
    /// What of it the model has not been given yet.
    pub(super) incoming: Vec<Entry>,
    /// Values of other programs that do not fit the types of this one, by uid.
    pub(super) misfits: BTreeMap<Text, Error>,
    pub(super) poisoned: Option<Error>,
}

/// Up to so many changes, looking through all of them is faster than a hash map.
const FEW: usize = 16;

/// Fewer changes than that are not worth looking through for those that count no more.
pub(super) const MANY: usize = 1024;

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

    pub(super) fn put(&mut self, uid: &Text, json: Option<Text>) -> Option<Text> {
        if json.is_none() && planted(Bug::CompactionForgetsDel) {
            return None;
        }
        self.entries.put(uid, json)
    }

    /// Takes the state of a store that is being opened.
    pub(super) fn adopt(&mut self, entries: Entries) {
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
    pub(super) fn absorb(&mut self) {
        let newest: BTreeMap<Text, Option<Text>> = self.incoming.drain(..).collect();
        for (uid, json) in newest {
            self.fill(&uid, json.as_deref());
        }
        self.model.accept();
    }

    pub(super) fn roll_back(&mut self, all: bool) {
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
    pub(super) fn distinct(&self, changes: Edits) -> Vec<Entry> {
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
    pub(super) fn check_fit(&self) -> Result<(), Error> {
        match self.misfits.values().next() {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
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

pub(super) fn seed(
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

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::any::Any;

    use super::*;
    use crate::{error::ValueError, text::Whole};

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

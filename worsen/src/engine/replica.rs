//! A state as far as the log has been taken over, in entries. There are two of them: the draft's, and the readers',
//! which go on by themselves. Never here: a typed value, and when either goes on.

use std::{
    collections::{BTreeMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::Unseen;
use crate::{
    backend::{Entries, Sink},
    callbacks::dispose,
    entry::Edit,
    error::{self, Error, ValueError},
    planted::{Bug, planted},
    schema::{News, Outline, VERSION, changes_between},
    shared_str::SharedStr,
    uid::split,
};

/// Fewer changes than that are not worth looking through for those that count no more.
pub(super) const COMPACT_ABOVE_CHANGES: usize = 1024;

pub(super) struct Replica {
    pub(super) outline: Arc<Outline>,
    pub(super) entries: Entries,
    pub(super) revision: u64,
    /// The changes that the other replica has not taken over yet.
    pub(super) since: Changes,
    /// What of it nobody has decoded yet.
    pub(super) incoming: Vec<Edit>,
    /// Values of other programs that do not fit the types of this one, by uid.
    pub(super) misfits: BTreeMap<SharedStr, Error>,
    /// What readers see instead, where this is the replica that they go on with.
    unseen: Option<Unseen>,
}

impl Replica {
    /// The replica of the draft, without anything in it.
    pub(super) fn of_draft(outline: Arc<Outline>, revision: u64) -> Self {
        Replica {
            outline,
            entries: Entries::new(),
            revision,
            since: Changes::new(),
            incoming: Vec::new(),
            misfits: BTreeMap::new(),
            unseen: None,
        }
    }

    /// The replica of readers, which see all of this.
    pub(super) fn of_readers(outline: Arc<Outline>, entries: Entries, revision: u64) -> Self {
        Replica {
            entries,
            unseen: Some(Unseen::default()),
            ..Replica::of_draft(outline, revision)
        }
    }

    /// Makes this edit; returns what was there.
    pub(super) fn put(&mut self, edit: &Edit) -> Option<SharedStr> {
        if edit.json.is_none() && planted(Bug::CompactionForgetsDel) {
            return None;
        }
        self.entries.put(&edit.uid, edit.json.clone())
    }

    /// Makes this edit; returns the one that undoes it.
    pub(super) fn put_undoably(&mut self, edit: &Edit) -> Edit {
        Edit {
            uid: edit.uid.clone(),
            json: self.put(edit),
        }
    }

    /// Makes this edit, and remembers what readers see there.
    fn take(&mut self, edit: &Edit) {
        let before = self.put(edit);
        if let Some(unseen) = &mut self.unseen {
            unseen.entry(edit.uid.clone()).or_insert(before);
        }
    }

    /// Takes over what the other replica has come to.
    pub(super) fn go_on(&mut self, changes: &[Edit], revision: u64) {
        for edit in changes {
            self.take(edit);
        }
        self.revision = revision;
        // The other one has all of it.
        self.since.clear();
        self.incoming.clear();
        self.misfits.clear();
    }

    /// Whether there is anything that readers do not see yet.
    pub(super) fn has_unseen(&self) -> bool {
        self.unseen
            .as_ref()
            .is_some_and(|unseen| !unseen.is_empty())
    }

    /// What readers do not see yet, and do from now on.
    pub(super) fn take_unseen(&mut self) -> Unseen {
        let mut unseen = self.unseen.replace(Unseen::default()).unwrap_or_default();
        // Changed, and changed back.
        unseen.retain(|uid, before| self.entries.get(uid) != before.as_ref());
        unseen
    }

    /// Readers see something between what they saw and this: the draft, which is here. Returns what
    /// changes for them.
    pub(super) fn take_unseen_up_to(&mut self, draft: &Replica) -> Unseen {
        let mut seen = Unseen::default();
        let Some(unseen) = &mut self.unseen else {
            return seen;
        };
        for Edit { uid, .. } in draft.since.all() {
            let now = draft.entries.get(uid).cloned();
            // This one has come by there, so it is noted.
            if let Some(before) = unseen.insert(uid.clone(), now.clone()) {
                if before != now {
                    seen.entry(uid.clone()).or_insert(before);
                }
            }
        }
        seen
    }

    /// Decodes what is incoming, by `apply`. Of several values of one uid only the newest has to decode.
    /// What does not is remembered: until another process puts it right, nothing more is shown or
    /// written, so that nobody sees or builds on half a commit.
    pub(super) fn absorb(&mut self, mut apply: impl FnMut(&Edit) -> Result<(), ValueError>) {
        if self.incoming.is_empty() {
            return;
        }
        let newest = newest(self.incoming.drain(..));
        if newest.contains_key(VERSION) {
            match self.outline.check_version(&self.entries) {
                Ok(()) => self.misfits.remove(VERSION),
                Err(error) => self.misfits.insert(VERSION.into(), error),
            };
        }
        let renames = self.outline.renames();
        for edit in edits(renames.news(newest, &self.entries)) {
            let outcome = catch_unwind(AssertUnwindSafe(|| apply(&edit)));
            let uid = edit.uid;
            let in_file = || renames.in_file(&uid, &self.entries);
            let error = match outcome {
                Ok(Ok(())) => {
                    self.misfits.remove(&uid);
                    continue;
                }
                Ok(Err(error)) => error.at(&in_file()),
                // The panic was printed when it happened. If it went on, the entries behind this one would be
                // lost.
                Err(payload) => {
                    dispose(payload);
                    error::value::panicked_at(&in_file())
                }
            };
            self.misfits.insert(uid, error);
        }
        // Where another uid of a field counts from now on, nothing tells what became of the one before.
        let entries = &self.entries;
        self.misfits.retain(|uid, _| {
            !renames.concern(uid) || entries.contains_key(&renames.in_file(uid, entries))
        });
    }

    /// What the other replica has not taken over yet, as the fields have it, in the order in which a state takes
    /// it.
    pub(super) fn news_since(&self) -> Vec<Edit> {
        let newest = newest(self.since.all.iter().cloned());
        edits(self.outline.renames().news(newest, &self.entries))
    }

    /// Whether every value fits its field; the error tells of all that do not.
    pub(super) fn check_fit(&self) -> Result<(), Error> {
        error::value::together(self.misfits.values()).map_or(Ok(()), Err)
    }
}

/// In the order in which a state takes them, whatever their order in the log is.
fn edits(news: News) -> Vec<Edit> {
    let edits = news.into_iter().map(|(uid, json)| Edit { uid, json });
    in_order(edits.collect())
}

/// Of several edits of one uid only the newest counts.
fn newest(changes: impl Iterator<Item = Edit>) -> News {
    changes.map(|edit| (edit.uid, edit.json)).collect()
}

/// Puts edits that are sorted by uid, each once, into the order in which a state takes them. A field's own uid, with
/// its mark, stands in front of those below it. Entries that go stand in front of that: where a field becomes a plain
/// value again, or reads as its seed again, they are none of what it is then.
pub(crate) fn in_order(mut sorted: Vec<Edit>) -> Vec<Edit> {
    let goes = |edit: &Edit| edit.json.is_none() && split(&edit.uid).1.is_some();
    // Stable.
    sorted.sort_by_key(|edit| !goes(edit));
    sorted
}

impl Sink for Replica {
    fn commit(&mut self, revision: u64, changes: Vec<Edit>) -> Result<(), Error> {
        self.incoming.extend_from_slice(&changes);
        for edit in &changes {
            self.take(edit);
        }
        self.revision = revision;
        self.since.extend(changes);
        Ok(())
    }

    fn replace(&mut self, entries: Entries, revision: u64) -> Result<(), Error> {
        let changes = changes_between(&self.entries, &entries);
        self.commit(revision, changes)
    }

    fn entries(&self) -> &Entries {
        &self.entries
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

/// Changes in the order of their commits.
pub(super) struct Changes {
    all: Vec<Edit>,
    /// How many of these are looked through for what was overwritten.
    crowded: usize,
}

impl Changes {
    fn new() -> Self {
        Changes {
            all: Vec::new(),
            crowded: COMPACT_ABOVE_CHANGES,
        }
    }

    pub(super) fn all(&self) -> &[Edit] {
        &self.all
    }

    pub(super) fn extend(&mut self, changes: impl IntoIterator<Item = Edit>) {
        self.all.extend(changes);
        if self.all.len() >= self.crowded {
            self.forget_overwritten();
        }
    }

    /// As `extend`, where a `truncate` may follow.
    pub(super) fn add(&mut self, changes: impl IntoIterator<Item = Edit>) {
        self.all.extend(changes);
    }

    pub(super) fn truncate(&mut self, count: usize) {
        self.all.truncate(count);
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.all.shrink_to(COMPACT_ABOVE_CHANGES);
        self.crowded = COMPACT_ABOVE_CHANGES;
    }

    pub(super) fn take(&mut self) -> Vec<Edit> {
        self.crowded = COMPACT_ABOVE_CHANGES;
        std::mem::take(&mut self.all)
    }

    /// Of several changes of one uid only the last one counts. They are many where another program goes on
    /// writing beside a value that does not fit, and where this one only reads.
    pub(super) fn forget_overwritten(&mut self) {
        let mut known = HashSet::with_capacity(self.all.len());
        let mut newest: Vec<Edit> = Vec::new();
        for edit in self.all.drain(..).rev() {
            if known.insert(edit.uid.clone()) {
                newest.push(edit);
            }
        }
        newest.reverse();
        self.all = newest;
        self.crowded = COMPACT_ABOVE_CHANGES.max(2 * self.all.len());
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::shared_str::Buffer;

    fn replica() -> Replica {
        Replica::of_readers(Arc::new(Outline::of_any_uids()), Entries::new(), 0)
    }

    /// A process that only reads takes over one generation after the other.
    #[test]
    fn a_log_that_was_read_anew_does_not_stay_for_the_little_that_is_new_in_it() {
        let mut replica = replica();
        for revision in 1..=3 {
            let log: Buffer = format!("a{revision} b{revision}").into_bytes().into();
            let part = |start: usize| log.keep(log.text(&log[start..start + 2]).unwrap());
            let entries: Entries = [(part(0), part(3))].into_iter().collect();
            replica.replace(entries, revision).unwrap();
            replica.absorb(|_| Ok(()));
            let is_kept = |text: &SharedStr| log.place(text.as_bytes()).is_some();
            assert_eq!(replica.entries.len(), 1);
            for (uid, json) in &replica.entries {
                assert!(!is_kept(uid) && !is_kept(json));
            }
            for Edit { uid, json } in replica.since.all() {
                assert!(!is_kept(uid) && !json.as_ref().is_some_and(is_kept));
            }
        }
    }

    /// Another program writes on and on, and this one only reads, or meets a value that does not fit.
    #[test]
    fn what_is_overwritten_before_anybody_takes_it_over_takes_no_room() {
        let mut replica = replica();
        let uid = |number: u64| SharedStr::from(format!("uid-{}", number % 10));
        for revision in 1..=20_000 {
            let edit = match revision % 7 {
                0 => Edit::delete(uid(revision)),
                _ => Edit::set(uid(revision), revision.to_string()),
            };
            replica.commit(revision, vec![edit]).unwrap();
            replica.absorb(|_| Ok(()));
            assert!(replica.since.all().len() <= COMPACT_ABOVE_CHANGES);
        }
        replica.since.forget_overwritten();
        assert_eq!(replica.since.all().len(), 10);
        for Edit { uid, json } in replica.since.all() {
            assert_eq!(replica.entries.get(uid), json.as_ref());
        }
        // In the order of the commits.
        let uids = replica.since.all().iter().map(|edit| edit.uid.clone());
        assert!(uids.eq((19_991..=20_000).map(uid)));
    }

    #[test]
    fn what_changes_and_changes_back_before_it_is_shown_has_not_changed() {
        let mut replica = replica();
        replica.commit(1, vec![Edit::set("a", "1")]).unwrap();
        assert_eq!(replica.take_unseen().len(), 1);
        replica.commit(2, vec![Edit::set("a", "2")]).unwrap();
        replica.commit(3, vec![Edit::set("b", "3")]).unwrap();
        replica.commit(4, vec![Edit::set("a", "1")]).unwrap();
        let unseen = replica.take_unseen();
        assert_eq!(unseen.get("b"), Some(&None));
        assert_eq!(unseen.len(), 1);
        assert!(replica.take_unseen().is_empty());
    }
}

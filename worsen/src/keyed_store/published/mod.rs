//! What readers of a keyed store see: values in a map that many read at once, each commit as a whole, in
//! order, and not before its revision. Never here: operations.
//!
//! A publication puts the new values into the map one by one, and only then says that they count. Until it
//! does, a reader that meets one of them looks for the value before it among those that the publication has
//! put aside. So no reader ever waits, and one that meets none of them pays for a comparison.

use std::{
    mem,
    sync::{Arc, OnceLock, RwLock},
};

use crate::{
    backend::Sorted,
    callbacks::quietly,
    engine::Unseen,
    error::ValueError,
    loom::{
        Slot, Unpoisoned,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    open_store::ReadSide,
    planted::{Bug, planted},
    shared_str::SharedStr,
    value::{self, Value},
};

#[cfg(loom)]
#[cfg(test)]
mod loom_tests;
mod read_model;

pub(super) use self::read_model::KeyedReadModel;

/// A map keeps the room for so many entries: to give that back is not worth its cost.
pub(super) const SPARE_ENTRIES: usize = 64;

/// What readers see.
pub(crate) struct Published<T> {
    /// Counts publications, in revisions: what is stamped with a later time does not count yet. It never
    /// goes back, even where an older copy takes the place of the store.
    clock: AtomicU64,
    /// By how much the clock is ahead of the revision.
    ahead: AtomicU64,
    /// What was there before the publication that is under way.
    before: Slot<Before>,
    /// What the store held when it was opened, and when that was.
    loaded: OnceLock<(Sorted, u64)>,
    /// What was written since, and what readers asked for of that which was loaded: the first read of a value
    /// decodes it.
    values: papaya::HashMap<SharedStr, Stamped<T>, foldhash::fast::RandomState>,
    /// How many values there are.
    len: AtomicUsize,
    /// A reader of more than one uid takes it for reading, and a publication for writing, so that nobody sees half
    /// a commit.
    whole: RwLock<()>,
}

/// What a publication changes, as it was until then.
struct Before {
    clock: u64,
    values: Unseen,
    len: usize,
}

/// The time of what is put aside: nobody has noted when it was set.
pub(super) const PUT_ASIDE: u64 = u64::MAX;

#[derive(Clone)]
pub(super) struct Stamped<T> {
    /// `None`: what was there is gone.
    pub(super) value: Option<T>,
    /// Since when it counts, by the clock.
    pub(super) since: u64,
    /// Something was loaded at this uid.
    is_loaded: bool,
}

/// Some time later the map drops what was replaced, on whichever thread uses it then: a reader's, or one of the
/// store. No such thread may die of a value's destructor.
impl<T> Drop for Stamped<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            quietly(|| drop(self.value.take()));
        }
    }
}

/// The map, as long as what is found in it is kept.
pub(super) type Pinned<'a, T> = papaya::HashMapRef<
    'a,
    SharedStr,
    Stamped<T>,
    foldhash::fast::RandomState,
    papaya::LocalGuard<'a>,
>;

/// A value, of one revision.
pub(super) enum Found<'a, T> {
    Value(&'a T),
    /// It was loaded, and nobody has read it yet.
    Json(&'a str),
}

/// What there is at a uid, at one time.
enum Lookup<R> {
    Counts(R),
    /// It does not count yet. What does is put aside.
    TooNew,
}

impl<T: Send + Sync + 'static> ReadSide for Published<T> {
    #[inline]
    fn revision(&self) -> u64 {
        self.revision_at(self.clock.load(Acquire))
    }
}

impl<T> Published<T> {
    #[inline]
    fn revision_at(&self, clock: u64) -> u64 {
        clock.wrapping_sub(self.ahead.load(Relaxed))
    }
}

impl<T: Value> Published<T> {
    pub(super) fn new() -> Self {
        Published {
            clock: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            before: Slot::new(),
            loaded: OnceLock::new(),
            values: papaya::HashMap::default(),
            len: AtomicUsize::new(0),
            whole: RwLock::new(()),
        }
    }

    /// Takes what the store held when it was opened. Nobody can read yet; it is called once.
    pub(super) fn load(&self, entries: Sorted, len: usize, revision: u64) {
        self.len.store(len, Relaxed);
        self.clock.store(revision, Release);
        let _ = self.loaded.set((entries, revision));
    }

    /// Looks at what there is at this uid.
    ///
    /// # Errors
    ///
    /// Where a value that did decode when the store was opened, or written, does not any more.
    #[inline]
    pub(super) fn get<R>(
        &self,
        uid: &str,
        mut look: impl FnMut(Option<&Stamped<T>>) -> R,
    ) -> Result<R, ValueError> {
        // Acquire, and first: whatever is stamped up to this time is in the map by now.
        let clock = self.clock.load(Acquire);
        match self.lookup(uid, clock, &mut look)? {
            Lookup::Counts(seen) => Ok(seen),
            Lookup::TooNew => self.get_before(uid, clock, look),
        }
    }

    // Always: a call of its own, with the value handed through it, is a sixth of a read.
    #[inline(always)]
    fn lookup<R>(
        &self,
        uid: &str,
        clock: u64,
        look: &mut impl FnMut(Option<&Stamped<T>>) -> R,
    ) -> Result<Lookup<R>, ValueError> {
        let values = self.values.pin();
        let mut seen = |stamped: &Stamped<T>| match stamped.since <= clock {
            true => Lookup::Counts(look(Some(stamped))),
            false if planted(Bug::ShowHalfACommit) => Lookup::Counts(look(Some(stamped))),
            false => Lookup::TooNew,
        };
        Ok(match values.get(uid) {
            Some(stamped) => seen(stamped),
            None => match self.decode(uid)? {
                // Whatever was published in the meantime is newer, and stays.
                Some((uid, stamped)) if planted(Bug::DecodeOverNewer) => {
                    values.insert(uid, stamped.clone());
                    seen(&stamped)
                }
                Some((uid, stamped)) => seen(values.get_or_insert(uid, stamped)),
                None => Lookup::Counts(look(None)),
            },
        })
    }

    /// As `get`, after a value was found that did not count yet at this time.
    #[cold]
    fn get_before<R>(
        &self,
        uid: &str,
        clock: u64,
        mut look: impl FnMut(Option<&Stamped<T>>) -> R,
    ) -> Result<R, ValueError> {
        let mut clock = clock;
        loop {
            if let Some(before) = self.before.load() {
                if let Some(json) = before.values.get(uid).filter(|_| before.clock == clock) {
                    let value = json.as_deref().map(value::decode::<T>).transpose()?;
                    let stamped = value.map(|value| Stamped {
                        value: Some(value),
                        since: PUT_ASIDE,
                        is_loaded: false,
                    });
                    return Ok(look(stamped.as_ref()));
                }
            }
            // It counts by now: what is put aside is so until it does.
            clock = self.clock.load(Acquire);
            if let Lookup::Counts(seen) = self.lookup(uid, clock, &mut look)? {
                return Ok(seen);
            }
        }
    }

    pub(super) fn value(&self, uid: &str) -> Result<Option<T>, ValueError> {
        self.get(uid, |stamped| stamped?.value.clone())
    }

    /// What was loaded at this uid.
    #[cold]
    fn decode(&self, uid: &str) -> Result<Option<(SharedStr, Stamped<T>)>, ValueError> {
        let loaded = self.loaded.get();
        let found = loaded.and_then(|(loaded, since)| Some((loaded.get(uid)?, *since)));
        let Some(((uid, json), since)) = found else {
            return Ok(None);
        };
        let stamped = Stamped {
            value: Some(value::decode(json)?),
            since,
            is_loaded: true,
        };
        Ok(Some((uid.clone(), stamped)))
    }

    /// Keeps what was decoded of what was loaded for the next reader, unless there is something newer.
    pub(super) fn keep(&self, uid: &SharedStr, value: T) {
        if let Some((_, since)) = self.loaded.get() {
            let stamped = Stamped {
                value: Some(value),
                since: *since,
                is_loaded: true,
            };
            self.values.pin().get_or_insert(uid.clone(), stamped);
        }
    }

    fn is_loaded(&self, uid: &str) -> bool {
        let loaded = self.loaded.get();
        loaded.is_some_and(|(loaded, _)| loaded.get(uid).is_some())
    }

    pub(super) fn pin(&self) -> Pinned<'_, T> {
        self.values.pin()
    }

    /// Looks at all of it at one time, while nothing is published.
    pub(super) fn whole<'a, R>(&'a self, look: impl FnOnce(&'a Self) -> R) -> R {
        let _whole = self.whole.read().unpoisoned();
        look(self)
    }

    /// Everything there is, in no particular order. For [`whole`](Published::whole).
    ///
    /// Readers add to the map meanwhile, but nothing that was not loaded: so what was loaded is looked for
    /// in the map, and of the map only the rest is listed.
    pub(super) fn all<'a>(
        &'a self,
        values: &'a Pinned<'_, T>,
    ) -> Vec<(&'a SharedStr, Found<'a, T>)> {
        let value = |uid, stamped: &'a Stamped<T>| {
            let value = stamped.value.as_ref()?;
            Some((uid, Found::Value(value)))
        };
        let loaded = self.loaded.get().map(|(loaded, _)| loaded.iter());
        let loaded = loaded.into_iter().flatten();
        let loaded = loaded.filter_map(|(uid, json)| match values.get(&**uid) {
            Some(stamped) => value(uid, stamped),
            None => Some((uid, Found::Json(json))),
        });
        let others = values.iter().filter(|(_, stamped)| !stamped.is_loaded);
        let others = others.filter_map(|(uid, stamped)| value(uid, stamped));
        loaded.chain(others).collect()
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        loop {
            let clock = self.clock.load(Acquire);
            if let Some(before) = self.before.load().filter(|before| before.clock == clock) {
                return before.len;
            }
            let len = self.len.load(Acquire);
            // A publication puts the length before aside before it changes it.
            let is_under_way = self
                .before
                .load()
                .is_some_and(|before| before.clock == clock);
            if !is_under_way && self.clock.load(Acquire) == clock {
                return len;
            }
        }
    }

    /// Shows these values, as one: of those that readers do not see yet. Called by one thread at a time.
    pub(super) fn publish(
        &self,
        values: impl Iterator<Item = (SharedStr, Option<T>)>,
        revision: u64,
        unseen: Unseen,
    ) {
        let _whole = self.whole.write().unpoisoned();
        let before = self.clock.load(Relaxed);
        let ahead = self.ahead.load(Relaxed);
        let mut clock = revision.wrapping_add(ahead);
        if clock < before || clock == before && !unseen.is_empty() {
            // An older copy was put in the place of the store.
            clock = before + 1;
        }
        let before = Arc::new(Before {
            clock: before,
            values: unseen,
            len: self.len.load(Relaxed),
        });
        let is_empty = before.values.is_empty();
        if !is_empty {
            self.before.store(Some(before.clone()));
        }
        let mut gone = Vec::new();
        for (uid, value) in values {
            // What readers see already has its own time.
            if before.values.contains_key(&uid) {
                self.put(uid, value, clock, &mut gone);
                if planted(Bug::ShowHalfACommit) {
                    // So that a reader meets it for certain, however busy the machine is.
                    std::thread::sleep(std::time::Duration::from_micros(50));
                }
            }
        }
        // Release: a reader that sees it sees all that is stamped with it.
        self.clock.store(clock, Release);
        // Nearly always what it was.
        self.ahead.store(clock.wrapping_sub(revision), Relaxed);
        if is_empty {
            return;
        }
        self.before.store(None);
        let values = self.values.pin();
        for uid in gone {
            values.remove(&*uid);
        }
    }

    /// Puts one value into the map. `gone`: what is to be taken out of it once that counts.
    fn put(&self, uid: SharedStr, value: Option<T>, since: u64, gone: &mut Vec<SharedStr>) {
        let values = self.values.pin();
        let is_loaded = self.is_loaded(&uid) && !planted(Bug::ShowLoadedAgain);
        let is_there = value.is_some();
        if !is_there && !is_loaded {
            gone.push(uid.clone());
        }
        let stamped = Stamped {
            value,
            since,
            is_loaded,
        };
        let before = values.insert(uid, stamped);
        let was_there = before.map_or(is_loaded, |stamped| stamped.value.is_some());
        // Nobody else changes it meanwhile.
        let len = self.len.load(Relaxed) + usize::from(is_there) - usize::from(was_there);
        self.len.store(len, Release);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    type Values<'a> = &'a [(&'a str, Option<u64>)];

    /// Shows these values, and looks while they are put into the map.
    fn publish(map: &Published<u64>, revision: u64, each: Values<'_>, look: impl Fn()) {
        let before = |(uid, _): &(&str, Option<u64>)| {
            let json = map.value(uid).unwrap().map(|value| value.to_string());
            (SharedStr::from(*uid), json.map(SharedStr::from))
        };
        let unseen = each.iter().map(before).collect();
        let values = each.iter().map(|(uid, value)| {
            // Some of them are in the map by now.
            look();
            (SharedStr::from(*uid), *value)
        });
        map.publish(values, revision, unseen);
    }

    #[test]
    fn half_a_commit_is_seen_by_nobody() {
        let map = Published::new();
        let all = || {
            let value = |uid| map.value(uid).unwrap();
            (
                map.revision(),
                map.len(),
                [value("a"), value("b"), value("c")],
            )
        };
        let steps: [(u64, Values<'_>); 4] = [
            (1, &[("a", Some(1)), ("b", Some(1))]),
            (3, &[("b", Some(3)), ("a", None), ("c", Some(3))]),
            (4, &[("c", None), ("b", None)]),
            // An older copy of the store was put in its place.
            (2, &[("a", Some(2)), ("b", Some(2)), ("c", Some(2))]),
        ];
        for (revision, each) in steps {
            let before = all();
            publish(&map, revision, each, || assert_eq!(all(), before));
            assert_eq!(all().0, revision);
            for (uid, value) in each {
                assert_eq!(map.value(uid).unwrap(), *value);
            }
        }
        assert_eq!(all(), (2, 3, [Some(2); 3]));
    }
}

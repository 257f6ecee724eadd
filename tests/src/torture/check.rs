//! Whether the journals, and the store that is left, can all be true of a store that keeps its word:
//! every acknowledged write is there, writes are whole, and there is one order of all of them that
//! every answer agrees with and that no two acts contradict of which one ended before the other began.
//!
//! Transactions and hits count themselves, and each learns its place in the closure. The revision of a
//! snapshot counts all commits, so that what is left over counts the writes of the solo register. So
//! places need not be searched for, and checking takes linear time, but for one sort.
//!
//! A write that nobody was told the end of may be there or not. If it is, a later list of authors names
//! it, and from there on it has to be there whole.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    path::Path,
};

use super::{
    Shared, TortureStore, digest, digest_authors,
    journal::{self, Act, Line, Outcome, Seen},
    note, push_author,
    work::{is_loss, seen},
};

/// Seeding an empty store is its first commit.
const SEEDED: u64 = 1;

/// After every other moment.
const NEVER: u64 = u64::MAX;

/// What happened, counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Writes that nobody was told the end of.
    pub unknown: u64,
    /// Transactions among them that are there.
    pub turned_up: u64,
    /// Writes and openings that timed out.
    pub timeouts: u64,
    /// Reads, those inside of writes too.
    pub reads: u64,
    /// How often the store was opened.
    pub openings: u64,
    /// How much these had to put right.
    pub repairs: u64,
}

impl Tally {
    /// Counts these too.
    pub fn add(&mut self, other: Tally) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.turned_up += other.turned_up;
        self.timeouts += other.timeouts;
        self.reads += other.reads;
        self.openings += other.openings;
        self.repairs += other.repairs;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} writes acknowledged, {} of unknown end ({} transactions of them are there), {} time-outs, {} reads, {} openings with {} repairs",
            self.acknowledged,
            self.unknown,
            self.turned_up,
            self.timeouts,
            self.reads,
            self.openings,
            self.repairs
        )
    }
}

/// Checks journals and the store that is left when all their processes are gone.
///
/// # Errors
///
/// What cannot be true.
pub fn check<'a>(
    journals: impl IntoIterator<Item = &'a Path>,
    store: &TortureStore,
) -> Result<Tally, String> {
    let mut history = History::default();
    for path in journals {
        let lines = journal::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for line in lines {
            history.take(line)?;
        }
    }
    if is_loss(store.recovered()) {
        return Err(format!("a commit is lost: {:?}", store.recovered()));
    }
    let began = journal::now();
    let snapshot = store.snapshot();
    let last = seen(&snapshot, 0, Some(snapshot.revision()));
    history.check(began, last)
}

struct Write {
    began: u64,
    act: Act,
    /// When and how it ended, if anybody was told.
    end: Option<(u64, Outcome)>,
}

impl Write {
    /// Whether it may be there.
    fn is_possible(&self) -> bool {
        !matches!(self.end, Some((_, Outcome::Refused(_))))
            && !matches!(self.act, Act::Abandoned(_))
    }

    fn acknowledged(&self) -> Option<&Seen> {
        match &self.end {
            Some((_, Outcome::Acknowledged(seen))) => Some(seen),
            _ => None,
        }
    }

    /// When it was over. Known of a detached write too, if it happened.
    fn ended(&self) -> u64 {
        self.end.as_ref().map_or(NEVER, |(at, _)| *at)
    }

    fn is_solo(&self) -> bool {
        matches!(self.act, Act::Set | Act::Swap)
    }
}

struct Read<'a> {
    began: u64,
    ended: u64,
    seen: &'a Seen,
}

#[derive(Default)]
struct History {
    writes: HashMap<u64, Write>,
    reads: Vec<(u64, u64, Seen)>,
    tally: Tally,
}

impl History {
    fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Opened { repairs, lost } => {
                if lost {
                    return Err(format!("a commit is lost: {repairs:?}"));
                }
                self.tally.openings += 1;
                self.tally.repairs += repairs.len() as u64;
            }
            Line::Closed(refusal) => {
                if !refusal.is_timeout {
                    return Err(format!("the store could not be opened: {}", refusal.text));
                }
                self.tally.timeouts += 1;
            }
            Line::Began { id, at, act } => {
                let write = Write {
                    began: at,
                    act,
                    end: None,
                };
                if self.writes.insert(id, write).is_some() {
                    return Err(format!("the journals have two acts {id}"));
                }
            }
            Line::Ended { id, at, outcome } => {
                match &outcome {
                    Outcome::Refused(refusal) if refusal.is_timeout => self.tally.timeouts += 1,
                    Outcome::Refused(refusal) => {
                        return Err(format!("act {id} failed: {}", refusal.text));
                    }
                    Outcome::Acknowledged(_) => self.tally.acknowledged += 1,
                    Outcome::Detached => {}
                }
                let write = self.writes.get_mut(&id);
                let write = write.ok_or(format!("act {id} ended and never began"))?;
                write.end = Some((at, outcome));
            }
            Line::Read { began, ended, seen } => self.reads.push((began, ended, seen)),
        }
        Ok(())
    }

    /// `last` is what the store holds in the end, read at a moment after all others.
    fn check(mut self, at: u64, last: Seen) -> Result<Tally, String> {
        self.reads.push((at, at, last.clone()));
        let unknown = |write: &&Write| match &write.end {
            None => true,
            Some((_, outcome)) => *outcome == Outcome::Detached,
        };
        self.tally.unknown = self.writes.values().filter(unknown).count() as u64;
        self.tally.reads = self.all_reads().count() as u64;
        self.tally.turned_up = self.check_transactions(&last)?;
        self.check_hits(&last)?;
        self.check_solo()?;
        self.check_revisions(&last)?;
        Ok(self.tally)
    }

    /// Every read, including those of closures.
    fn all_reads(&self) -> impl Iterator<Item = Read<'_>> {
        let alone = self.reads.iter().map(|(began, ended, seen)| Read {
            began: *began,
            ended: *ended,
            seen,
        });
        let inside = self.writes.values().filter_map(|write| {
            Some(Read {
                began: write.began,
                ended: write.ended(),
                seen: write.acknowledged()?,
            })
        });
        alone.chain(inside)
    }

    /// Finds who did each transaction, does them again, and compares with whatever was seen between
    /// them. Returns how many are there of those whose end nobody was told.
    fn check_transactions(&self, last: &Seen) -> Result<u64, String> {
        let count = last.shared.as_ref().map_or(0, |shared| shared.n);
        let mut order = Order::new("transactions", count);
        for read in self.all_reads() {
            let Some(shared) = &read.seen.shared else {
                continue;
            };
            order.read(shared.n, read.began, read.ended)?;
            for (place, author) in (1..=shared.n).rev().zip(read.seen.authors.iter().rev()) {
                order.write(place, *author)?;
            }
        }
        for (id, write) in &self.writes {
            if let (Act::Transaction(_), Some(seen)) = (&write.act, write.acknowledged()) {
                let before = seen.shared.as_ref();
                let before = before.ok_or(format!("transaction {id} does not say what it saw"))?;
                order.write(before.n + 1, *id)?;
            }
        }
        let mut seen_at: Vec<Vec<&Shared>> = vec![Vec::new(); count as usize + 1];
        for shared in self
            .all_reads()
            .filter_map(|read| read.seen.shared.as_ref())
        {
            // The order has this place, or it would have refused it.
            seen_at[shared.n as usize].push(shared);
        }
        let mut turned_up = 0;
        let mut expected = Shared {
            note: (0, digest(b"")),
            authors: digest_authors(&VecDeque::new()),
            ..Shared::default()
        };
        let mut authors = VecDeque::new();
        for place in 0..=count {
            if place > 0 {
                let id = order.author(place).ok_or(format!(
                    "nobody can tell who did transaction {place}: too many died before anybody saw their work"
                ))?;
                let write = self.writes.get(&id);
                let write = write.ok_or(format!("act {id} is there, and nobody began it"))?;
                let Act::Transaction(transaction) = &write.act else {
                    return Err(format!(
                        "act {id} is among the transactions: {:?}",
                        write.act
                    ));
                };
                if !write.is_possible() {
                    return Err(format!("transaction {id} was refused, and is there"));
                }
                turned_up += u64::from(write.acknowledged().is_none());
                expected.n += 1;
                for (register, written) in expected.registers.iter_mut().zip(transaction.registers)
                {
                    if written {
                        *register = id;
                    }
                }
                expected.sum += transaction.add;
                if let Some(length) = transaction.note {
                    let note = note(id, length);
                    expected.note = (note.len(), digest(note.as_bytes()));
                }
                push_author(&mut authors, id);
            }
            let seen = &seen_at[place as usize];
            if !seen.is_empty() {
                expected.authors = digest_authors(&authors);
            }
            if let Some(other) = seen.iter().find(|seen| ***seen != expected) {
                return Err(format!(
                    "after transaction {place} somebody saw {other:?} instead of {expected:?}"
                ));
            }
        }
        order.check(&self.writes)?;
        Ok(turned_up)
    }

    fn check_hits(&self, last: &Seen) -> Result<(), String> {
        let mut order = Order::new("hits", last.hits.unwrap_or(0));
        for read in self.all_reads() {
            if let Some(hits) = read.seen.hits {
                order.read(hits, read.began, read.ended)?;
            }
        }
        let mut unknown = 0;
        for (id, write) in &self.writes {
            if write.act != Act::Hit || !write.is_possible() {
                continue;
            }
            match write.acknowledged() {
                None => unknown += 1,
                Some(seen) => {
                    let before = seen.hits;
                    let before = before.ok_or(format!("hit {id} does not say what it saw"))?;
                    order.write(before + 1, *id)?;
                }
            }
        }
        order.check_gaps(unknown)?;
        order.check(&self.writes)
    }

    /// The solo register is also set blindly, so a write of it does not know its place. As each value
    /// is unique, Gibbons and Korach's zones tell ("Testing shared memories", 1997): the time in which
    /// a value must have been there, from the first end to the last beginning of an act with it.
    fn check_solo(&self) -> Result<(), String> {
        struct Value {
            written: u64,
            first_end: u64,
            last_begin: u64,
            acknowledged: bool,
            read: bool,
        }
        let mut values: BTreeMap<u64, Value> = BTreeMap::new();
        let initial = Value {
            written: 0,
            first_end: 0,
            last_begin: 0,
            acknowledged: true,
            read: false,
        };
        values.insert(0, initial);
        for (id, write) in &self.writes {
            if write.is_solo() && write.is_possible() {
                let value = Value {
                    written: write.began,
                    first_end: write.ended(),
                    last_begin: write.began,
                    acknowledged: write.acknowledged().is_some(),
                    read: false,
                };
                values.insert(*id, value);
            }
        }
        for read in self.all_reads() {
            let Some(solo) = read.seen.solo else {
                continue;
            };
            let value = values.get_mut(&solo);
            let value = value.ok_or(format!(
                "somebody read {solo} in the solo register, which was never written, or refused"
            ))?;
            if read.ended < value.written {
                return Err(format!("{solo} was read before it was written"));
            }
            value.first_end = value.first_end.min(read.ended);
            value.last_begin = value.last_begin.max(read.began);
            value.read = true;
        }
        // What nobody saw may not have happened, if nobody was told that it did.
        values.retain(|_, value| value.acknowledged || value.read);
        let mut needed: Vec<(u64, u64, u64)> = Vec::new();
        for (id, value) in &values {
            if value.first_end < value.last_begin {
                needed.push((value.first_end, value.last_begin, *id));
            }
        }
        needed.sort_unstable();
        for pair in needed.windows(2) {
            match pair {
                [(_, until, one), (from, _, other)] if from < until => {
                    return Err(format!(
                        "the solo register held {one} and {other} at once: one of them was read when it was old"
                    ));
                }
                _ => {}
            }
        }
        for (id, value) in &values {
            if value.first_end < value.last_begin {
                continue;
            }
            let around = needed.partition_point(|(from, _, _)| *from < value.last_begin);
            match around.checked_sub(1).and_then(|at| needed.get(at)) {
                Some((_, until, other)) if value.first_end < *until => {
                    return Err(format!(
                        "the solo register was set to {id} while it held {other} before and after"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Each commit is one revision. What is neither a transaction nor a hit is a write of the solo
    /// register, so a snapshot tells the place of the value that it found there.
    fn check_revisions(&self, last: &Seen) -> Result<(), String> {
        let solo_place = |seen: &Seen| -> Result<Option<u64>, String> {
            let (Some(revision), Some(shared), Some(hits)) =
                (seen.revision, &seen.shared, seen.hits)
            else {
                return Ok(None);
            };
            let others = SEEDED + shared.n + hits;
            let place = revision.checked_sub(others).ok_or(format!(
                "revision {revision} holds {others} commits and more"
            ))?;
            Ok(Some(place))
        };
        let mut order = Order::new(
            "writes of the solo register",
            solo_place(last)?.unwrap_or(0),
        );
        let mut revisions = Order::new("revisions", last.revision.unwrap_or(0));
        let mut places: HashMap<u64, u64> = HashMap::from([(0, 0)]);
        let mut snapshots: Vec<(u64, u64, u64, u64)> = Vec::new();
        for read in self.all_reads() {
            let (Some(place), Some(revision)) = (solo_place(read.seen)?, read.seen.revision) else {
                continue;
            };
            let solo = read.seen.solo.unwrap_or(0);
            order.read(place, read.began, read.ended)?;
            revisions.read(revision, read.began, read.ended)?;
            if place > 0 {
                order.write(place, solo)?;
            }
            if *places.entry(solo).or_insert(place) != place {
                return Err(format!(
                    "{solo} was in the solo register at two places of its history"
                ));
            }
            let n = read.seen.shared.as_ref().map_or(0, |shared| shared.n);
            snapshots.push((revision, n, read.seen.hits.unwrap_or(0), place));
        }
        snapshots.sort_unstable();
        for pair in snapshots.windows(2) {
            if let [one, other] = pair {
                let same = one.0 == other.0;
                let grown = one.1 <= other.1 && one.2 <= other.2 && one.3 <= other.3;
                if (same && one != other) || !grown {
                    return Err(format!(
                        "two snapshots contradict each other (revision, transactions, hits, writes of the solo register): {one:?} and {other:?}"
                    ));
                }
            }
        }
        let mut follower: HashMap<u64, u64> = HashMap::new();
        let mut unknown = 0;
        for (id, write) in &self.writes {
            if !write.is_solo() || !write.is_possible() {
                continue;
            }
            let Some(seen) = write.acknowledged() else {
                unknown += 1;
                continue;
            };
            if write.act == Act::Set {
                continue;
            }
            let before = seen.solo;
            let before = before.ok_or(format!("swap {id} does not say what it saw"))?;
            if let Some(other) = follower.insert(before, *id) {
                return Err(format!(
                    "{id} and {other} both followed {before} in the solo register"
                ));
            }
            let place = places.get(&before).map(|place| place + 1);
            if let Some(place) = place {
                order.write(place, *id)?;
            }
            match (place, places.get(id)) {
                (Some(place), Some(own)) if place != *own => {
                    return Err(format!(
                        "swap {id} found {before} in the solo register, and is not the next one"
                    ));
                }
                _ => {}
            }
        }
        let written = self.writes.values();
        let acknowledged = written
            .filter(|write| write.is_solo() && write.acknowledged().is_some())
            .count() as u64;
        let count = order.count();
        if count < acknowledged || count > acknowledged + unknown {
            return Err(format!(
                "the solo register was written {count} times, by the revisions, and {acknowledged} to {} times, by the journals",
                acknowledged + unknown
            ));
        }
        revisions.check(&self.writes)?;
        order.check(&self.writes)
    }
}

/// Things that happened one after the other, each at its place from 1 on, and reads of the state
/// behind a place.
struct Order {
    what: &'static str,
    authors: Vec<Option<u64>>,
    /// Of the reads behind each place: the last beginning, and the first end.
    reads: Vec<(u64, u64)>,
}

impl Order {
    fn new(what: &'static str, count: u64) -> Self {
        Order {
            what,
            authors: vec![None; count as usize + 1],
            reads: vec![(0, NEVER); count as usize + 1],
        }
    }

    fn count(&self) -> u64 {
        self.authors.len() as u64 - 1
    }

    fn author(&self, place: u64) -> Option<u64> {
        self.authors.get(place as usize).copied().flatten()
    }

    fn write(&mut self, place: u64, id: u64) -> Result<(), String> {
        let what = self.what;
        let count = self.count();
        let author = self.authors.get_mut(place as usize).ok_or(format!(
            "{what}: {id} was at place {place}, and in the end there are {count}"
        ))?;
        match author.replace(id) {
            Some(other) if other != id => Err(format!(
                "{what}: {id} and {other} are both at place {place}"
            )),
            _ => Ok(()),
        }
    }

    fn read(&mut self, place: u64, began: u64, ended: u64) -> Result<(), String> {
        let what = self.what;
        let count = self.count();
        let (last_begin, first_end) = self.reads.get_mut(place as usize).ok_or(format!(
            "{what}: somebody saw {place} of them, and in the end there are {count}"
        ))?;
        *last_begin = began.max(*last_begin);
        *first_end = ended.min(*first_end);
        Ok(())
    }

    fn check_gaps(&self, most: u64) -> Result<(), String> {
        let gaps = self.authors.iter().skip(1).filter(|id| id.is_none());
        match gaps.count() as u64 {
            gaps if gaps > most => Err(format!(
                "{}: {gaps} were done by nobody, where {most} may have been done by the dead",
                self.what
            )),
            _ => Ok(()),
        }
    }

    /// Nobody is at two places; and no act that had ended before another one began is behind it.
    fn check(&self, writes: &HashMap<u64, Write>) -> Result<(), String> {
        let what = self.what;
        let mut places: HashMap<u64, usize> = HashMap::new();
        // The last beginning of whatever comes before.
        let mut latest = 0;
        for (place, (author, (last_begin, first_end))) in
            self.authors.iter().zip(&self.reads).enumerate()
        {
            if let Some(id) = author {
                if let Some(other) = places.insert(*id, place) {
                    return Err(format!("{what}: {id} is at the places {other} and {place}"));
                }
                let write = writes.get(id);
                let write = write.ok_or(format!("{what}: {id} is there, and nobody began it"))?;
                if write.ended() < latest {
                    return Err(format!(
                        "{what}: {id}, at place {place}, had ended before something began that comes before it"
                    ));
                }
                latest = latest.max(write.began);
            }
            if *first_end < latest {
                return Err(format!(
                    "{what}: a read that saw {place} of them ended before something began that comes before it"
                ));
            }
            latest = latest.max(*last_begin);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{AUTHORS, Torture, Transaction, journal::Refusal},
        *,
    };

    /// A store that keeps its word, and a journal of it. Tests then bend the journal.
    struct Story {
        lines: Vec<Line>,
        state: Torture,
        revision: u64,
        clock: u64,
    }

    fn transaction(registers: [bool; 3]) -> Act {
        Act::Transaction(Transaction {
            registers,
            add: 5,
            note: Some(3),
        })
    }

    const ALL: [bool; 3] = [true; 3];

    impl Story {
        fn new() -> Self {
            Story {
                lines: vec![Line::Opened {
                    repairs: Vec::new(),
                    lost: false,
                }],
                state: Torture {
                    n: 0,
                    left: 0,
                    middle: 0,
                    right: 0,
                    sum: 0,
                    note: String::new(),
                    authors: VecDeque::new(),
                    solo: 0,
                    hits: 0,
                },
                revision: SEEDED,
                clock: 100,
            }
        }

        /// Three acts of each kind, with a snapshot between them.
        fn long() -> Self {
            let mut story = Story::new();
            for round in 0..3 {
                story.act(10 * round + 1, transaction(ALL));
                story.act(10 * round + 2, transaction([true, false, false]));
                story.snapshot();
                story.act(10 * round + 3, Act::Set);
                story.act(10 * round + 4, Act::Swap);
                story.act(10 * round + 5, Act::Hit);
                story.act(10 * round + 6, Act::Look);
                story.abandon(10 * round + 7);
                story.snapshot();
            }
            story
        }

        fn now(&mut self) -> u64 {
            self.clock += 10;
            self.clock
        }

        fn begin(&mut self, id: u64, act: Act) {
            let at = self.now();
            self.lines.push(Line::Began { id, at, act });
        }

        fn end(&mut self, id: u64, outcome: Outcome) {
            let at = self.now();
            self.lines.push(Line::Ended { id, at, outcome });
        }

        fn seen(&self, revision: Option<u64>) -> Seen {
            seen(&self.state, 0, revision)
        }

        fn happen(&mut self, id: u64, act: &Act) -> Seen {
            let before = self.seen(None);
            let alone = Seen::default();
            let before = match act {
                Act::Transaction(transaction) => {
                    transaction.apply(id, &mut self.state);
                    before
                }
                Act::Look | Act::Abandoned(_) => return before,
                Act::Set => {
                    self.state.solo = id;
                    alone
                }
                Act::Swap => Seen {
                    solo: Some(std::mem::replace(&mut self.state.solo, id)),
                    ..alone
                },
                Act::Hit => {
                    self.state.hits += 1;
                    Seen {
                        hits: Some(self.state.hits - 1),
                        ..alone
                    }
                }
            };
            self.revision += 1;
            before
        }

        fn act(&mut self, id: u64, act: Act) {
            self.begin(id, act.clone());
            let seen = self.happen(id, &act);
            self.end(id, Outcome::Acknowledged(seen));
        }

        fn abandon(&mut self, id: u64) {
            let transaction = Transaction {
                registers: ALL,
                add: 1,
                note: None,
            };
            self.act(id, Act::Abandoned(transaction));
        }

        fn read(&mut self, seen: Seen) {
            let (began, ended) = (self.now(), self.now());
            self.lines.push(Line::Read { began, ended, seen });
        }

        fn snapshot(&mut self) {
            let seen = self.seen(Some(self.revision));
            self.read(seen);
        }

        fn verdict(mut self) -> Result<Tally, String> {
            let mut history = History::default();
            let at = self.now();
            let last = self.seen(Some(self.revision));
            for line in self.lines {
                history.take(line)?;
            }
            history.check(at, last)
        }

        #[track_caller]
        fn must_be_rejected(self, because: &str) {
            let why = self.verdict().expect_err("it cannot be true");
            assert!(why.contains(because), "{why}");
        }
    }

    fn refused(is_timeout: bool) -> Refusal {
        Refusal {
            is_timeout,
            text: "refused".into(),
        }
    }

    fn solo(value: u64) -> Seen {
        Seen {
            solo: Some(value),
            ..Seen::default()
        }
    }

    #[test]
    fn a_true_story_is_believed() {
        let tally = Story::long().verdict().unwrap();
        assert_eq!(tally.acknowledged, 21);
        assert_eq!((tally.unknown, tally.turned_up), (0, 0));
    }

    #[test]
    fn acts_at_the_same_time_may_be_in_any_order() {
        let mut story = Story::new();
        for id in [1, 2] {
            story.begin(id, transaction(ALL));
            story.begin(id + 10, Act::Set);
            story.begin(id + 20, Act::Hit);
        }
        // Begun first, and second in the order; and what is not acknowledged yet may be read.
        for id in [2, 1] {
            let seen = story.happen(id, &transaction(ALL));
            story.happen(id + 10, &Act::Set);
            let hits = story.happen(id + 20, &Act::Hit);
            story.snapshot();
            story.end(id, Outcome::Acknowledged(seen));
            story.end(id + 10, Outcome::Acknowledged(Seen::default()));
            story.end(id + 20, Outcome::Acknowledged(hits));
        }
        story.verdict().unwrap();
    }

    #[test]
    fn what_the_dead_wrote_may_be_there_or_not() {
        let acts = [transaction(ALL), Act::Set, Act::Swap, Act::Hit];
        for happens in [true, false] {
            let mut story = Story::long();
            for (id, act) in (100..).zip(&acts) {
                story.begin(id, act.clone());
                if happens {
                    story.happen(id, act);
                }
            }
            story.snapshot();
            story.act(200, transaction(ALL));
            let tally = story.verdict().unwrap();
            assert_eq!((tally.unknown, tally.turned_up), (4, u64::from(happens)));
        }
    }

    #[test]
    fn what_the_dead_wrote_may_turn_up_late_but_not_go_again() {
        let mut story = Story::long();
        story.begin(100, Act::Set);
        let before = story.state.solo;
        story.read(solo(before));
        story.happen(100, &Act::Set);
        story.read(solo(100));
        story.verdict().unwrap();

        let mut story = Story::long();
        story.begin(100, Act::Set);
        let before = story.state.solo;
        story.read(solo(100));
        story.read(solo(before));
        story.must_be_rejected("while it held");
    }

    #[test]
    fn a_lost_transaction_is_noticed() {
        let mut story = Story::long();
        story.begin(100, transaction(ALL));
        let seen = story.seen(None);
        story.end(100, Outcome::Acknowledged(seen));
        story.must_be_rejected("in the end there are 6");

        // Also where others came after it.
        let mut story = Story::long();
        story.begin(100, transaction(ALL));
        let seen = story.seen(None);
        story.end(100, Outcome::Acknowledged(seen));
        story.act(101, transaction(ALL));
        story.must_be_rejected("are both at place 7");
    }

    #[test]
    fn half_a_transaction_is_noticed() {
        for part in 0..5 {
            let mut story = Story::long();
            let before = story.seen(None).shared.unwrap();
            story.begin(100, transaction(ALL));
            story.happen(100, &transaction(ALL));
            let mut torn = story.seen(Some(story.revision));
            let shared = torn.shared.as_mut().unwrap();
            match part {
                0..3 => shared.registers[part] = before.registers[part],
                3 => shared.sum = before.sum,
                _ => shared.note = before.note,
            }
            story.read(torn);
            story.must_be_rejected("somebody saw");
        }
    }

    #[test]
    fn half_a_transaction_is_noticed_in_the_store_that_is_left() {
        let mut story = Story::long();
        story.begin(100, transaction(ALL));
        let right = story.state.right;
        story.happen(100, &transaction(ALL));
        story.state.right = right;
        story.must_be_rejected("somebody saw");
    }

    #[test]
    fn stale_reads_are_noticed() {
        for (act, because) in [
            (transaction(ALL), "ended before"),
            (Act::Set, "at once"),
            (Act::Swap, "at once"),
            (Act::Hit, "ended before"),
        ] {
            let mut story = Story::long();
            let stale = story.seen(Some(story.revision));
            story.act(100, act.clone());
            story.read(stale);
            story.must_be_rejected(because);

            let mut story = Story::long();
            let stale = story.seen(None);
            story.act(100, act);
            story.begin(101, Act::Look);
            story.end(101, Outcome::Acknowledged(stale));
            story.verdict().unwrap_err();
        }
    }

    #[test]
    fn a_read_may_not_go_back_behind_another_one() {
        let mut story = Story::long();
        let stale = story.seen(Some(story.revision));
        // Its writer is still busy, but somebody saw it.
        story.begin(100, transaction(ALL));
        let seen = story.happen(100, &transaction(ALL));
        story.snapshot();
        story.read(stale);
        story.end(100, Outcome::Acknowledged(seen));
        story.must_be_rejected("ended before");
    }

    #[test]
    fn a_wrong_order_is_noticed() {
        // Act 100 is behind act 101, and had ended before that began.
        let act = transaction(ALL);
        let mut story = Story::long();
        let second = story.happen(101, &act);
        let first = story.happen(100, &act);
        story.begin(100, act.clone());
        story.end(100, Outcome::Acknowledged(first));
        story.begin(101, act.clone());
        story.end(101, Outcome::Acknowledged(second));
        story.must_be_rejected("ended before something began");

        // Also where it saw nothing itself.
        let mut story = Story::long();
        let second = story.happen(101, &act);
        story.happen(100, &act);
        story.begin(100, act.clone());
        story.end(100, Outcome::Detached);
        story.begin(101, act);
        story.end(101, Outcome::Acknowledged(second));
        story.must_be_rejected("100, at place 8, had ended before");
    }

    #[test]
    fn a_lost_increment_is_noticed() {
        let mut story = Story::long();
        story.begin(100, Act::Hit);
        let seen = Seen {
            hits: Some(story.state.hits - 1),
            ..Seen::default()
        };
        story.end(100, Outcome::Acknowledged(seen));
        story.must_be_rejected("are both at place 3");
    }

    #[test]
    fn an_increment_by_nobody_is_noticed() {
        let mut story = Story::long();
        story.happen(100, &Act::Hit);
        story.must_be_rejected("done by nobody");
    }

    #[test]
    fn a_lost_set_is_noticed() {
        let mut story = Story::long();
        story.begin(100, Act::Set);
        story.end(100, Outcome::Acknowledged(Seen::default()));
        story.must_be_rejected("while it held");
    }

    #[test]
    fn two_swaps_of_one_value_are_noticed() {
        let mut story = Story::long();
        let before = story.state.solo;
        story.act(100, Act::Swap);
        story.begin(101, Act::Swap);
        story.happen(101, &Act::Swap);
        story.end(101, Outcome::Acknowledged(solo(before)));
        story.verdict().unwrap_err();

        // Also at the same time.
        let mut story = Story::long();
        let before = story.state.solo;
        story.begin(100, Act::Swap);
        story.begin(101, Act::Swap);
        story.happen(100, &Act::Swap);
        story.happen(101, &Act::Swap);
        story.end(100, Outcome::Acknowledged(solo(before)));
        story.end(101, Outcome::Acknowledged(solo(before)));
        story.must_be_rejected("24 in the solo register");
    }

    #[test]
    fn a_set_between_the_two_halves_of_a_swap_is_noticed() {
        let mut story = Story::long();
        let before = story.state.solo;
        story.snapshot();
        story.begin(100, Act::Set);
        story.begin(101, Act::Swap);
        story.happen(100, &Act::Set);
        story.happen(101, &Act::Swap);
        story.end(100, Outcome::Acknowledged(Seen::default()));
        story.end(101, Outcome::Acknowledged(solo(before)));
        story.snapshot();
        story.must_be_rejected("is not the next one");
    }

    #[test]
    fn a_read_of_what_is_not_written_yet_is_noticed() {
        let mut story = Story::new();
        story.read(solo(100));
        story.act(100, Act::Set);
        story.must_be_rejected("before it was written");
    }

    #[test]
    fn a_commit_too_many_or_too_few_is_noticed() {
        let mut story = Story::long();
        story.revision += 1;
        story.lines.pop();
        story.must_be_rejected("was written 7 times");

        let mut story = Story::long();
        story.revision -= 1;
        story.lines.pop();
        story.must_be_rejected("was written 5 times");

        let mut story = Story::new();
        story.act(1, Act::Hit);
        story.revision -= 1;
        story.must_be_rejected("and more");
    }

    #[test]
    fn snapshots_of_one_revision_that_differ_are_noticed() {
        let mut story = Story::long();
        story.begin(100, Act::Set);
        story.begin(101, Act::Hit);
        let mut other = story.seen(Some(story.revision + 1));
        other.solo = Some(100);
        story.happen(101, &Act::Hit);
        // Two reads at the same time.
        let (began, ended) = (story.now(), story.now());
        let one = story.seen(Some(story.revision));
        for seen in [one, other] {
            story.lines.push(Line::Read { began, ended, seen });
        }
        story.happen(100, &Act::Set);
        story.must_be_rejected("contradict");
    }

    #[test]
    fn what_was_refused_or_abandoned_must_not_be_there() {
        for act in [transaction(ALL), Act::Set, Act::Swap, Act::Hit] {
            let mut story = Story::long();
            story.begin(100, act.clone());
            story.happen(100, &act);
            story.end(100, Outcome::Refused(refused(true)));
            story.verdict().unwrap_err();
        }
        let mut story = Story::long();
        let Act::Transaction(transaction) = transaction(ALL) else {
            unreachable!();
        };
        let before = story.seen(None);
        story.begin(100, Act::Abandoned(transaction.clone()));
        transaction.apply(100, &mut story.state);
        story.revision += 1;
        story.end(100, Outcome::Acknowledged(before));
        story.must_be_rejected("among the transactions");
    }

    #[test]
    fn no_error_but_a_timeout_is_excused() {
        for is_timeout in [true, false] {
            let mut story = Story::long();
            story.begin(100, transaction(ALL));
            story.end(100, Outcome::Refused(refused(is_timeout)));
            assert_eq!(story.verdict().is_ok(), is_timeout);
            let mut story = Story::long();
            story.lines.push(Line::Closed(refused(is_timeout)));
            assert_eq!(story.verdict().is_ok(), is_timeout);
        }
        let mut story = Story::long();
        story.lines.push(Line::Opened {
            repairs: vec!["something".into()],
            lost: true,
        });
        story.must_be_rejected("is lost");
    }

    #[test]
    fn more_dead_authors_than_the_store_remembers_is_said_so() {
        let mut story = Story::long();
        for id in 0..=AUTHORS as u64 {
            story.begin(100 + id, transaction(ALL));
            story.happen(100 + id, &transaction(ALL));
        }
        story.must_be_rejected("too many died");
    }
}

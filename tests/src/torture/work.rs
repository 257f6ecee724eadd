//! The process that writes and reads until somebody kills it.

use std::{
    convert::Infallible,
    error::Error as StdError,
    io::{self, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use worsen::{Commit, Durability, Recovery, Repair, Store};

use super::{
    Shared, Torture, TortureStore, Transaction,
    journal::{Act, Journal, Line, Outcome, Refusal, Seen, now},
};
use crate::Random;

/// Between two compactions that are asked for, logs are left alone up to this length.
const COMPACT_ABOVE: u64 = 64 * 1024;

/// What a process is told.
#[derive(Debug)]
pub struct Work {
    /// The directory of the store.
    pub dir: PathBuf,
    /// Where to note down what happens. Not in the store's directory.
    pub journal: PathBuf,
    /// Which process of the torture this is, from 1 on; no other one has the same number.
    pub number: u64,
    /// How many threads.
    pub threads: u64,
    /// How many acts and reads a thread does before it ends of its own accord.
    pub acts: u64,
    /// Where the threads' chance begins.
    pub seed: u64,
}

/// What the threads of a process share.
struct Process {
    work: Work,
    journal: Journal,
    next: AtomicU64,
    compact_above: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// Works until the acts are done, or stdin is closed, or somebody kills it.
///
/// # Errors
///
/// Where the store does what no torture excuses. The journal tells of it too.
pub fn work(work: Work) -> Result<(), Box<dyn StdError>> {
    let process = Process {
        journal: Journal::open(&work.journal)?,
        next: AtomicU64::new(work.number << 32),
        compact_above: Arc::new(AtomicU64::new(COMPACT_ABOVE)),
        stop: Arc::default(),
        work,
    };
    let stop = process.stop.clone();
    // Not joined: an end of its own accord does not wait for stdin.
    thread::spawn(move || {
        while !matches!(io::stdin().read(&mut [0]), Ok(0) | Err(_)) {}
        stop.store(true, Ordering::Relaxed);
    });
    thread::scope(|scope| -> io::Result<()> {
        let threads: Vec<_> = (0..process.work.threads)
            .map(|thread| {
                let process = &process;
                let random = Random(process.work.seed ^ (thread << 32));
                scope.spawn(move || {
                    Thread {
                        process,
                        random,
                        noted: 0,
                    }
                    .run()
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(ended) => ended?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    Ok(())
}

struct Thread<'a> {
    process: &'a Process,
    random: Random,
    /// Up to this transaction this thread has noted down the authors.
    noted: u64,
}

impl Thread<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut store = None;
        for _ in 0..self.process.work.acts {
            if self.process.stop.load(Ordering::Relaxed) {
                break;
            }
            let open = match store.take() {
                Some(open) => open,
                None => match self.open()? {
                    Some(open) => open,
                    None => continue,
                },
            };
            match self.random.below(100) {
                0..30 => {
                    let transaction = self.transaction();
                    self.write(&open, Act::Transaction(transaction))?;
                }
                30..35 => {
                    let transaction = self.transaction();
                    self.write(&open, Act::Abandoned(transaction))?;
                }
                35..40 => self.write(&open, Act::Look)?,
                40..52 => self.write(&open, Act::Set)?,
                52..64 => self.write(&open, Act::Swap)?,
                64..74 => self.write(&open, Act::Hit)?,
                74..90 => self.read(|noted| {
                    let snapshot = open.snapshot();
                    seen(&snapshot, noted, Some(snapshot.revision()))
                })?,
                90..93 => self.read(|_| seen_solo(open.solo()))?,
                93..95 => self.read(|_| seen_hits(open.hits()))?,
                // Closes the store, where no other thread has it open.
                95..98 => continue,
                _ => {
                    // Relaxed: which commit compacts does not matter.
                    let above = &self.process.compact_above;
                    above.store(0, Ordering::Relaxed);
                    self.write(&open, Act::Hit)?;
                    above.store(COMPACT_ABOVE, Ordering::Relaxed);
                }
            }
            store = Some(open);
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<Option<TortureStore>> {
        let poll = [None, Some(Duration::from_millis(20))];
        // Long enough for any pause, or so short that a pause is an error.
        let timeout = [60_000, 60_000, 20];
        let opened = Torture::builder()
            .dir(&self.process.work.dir)
            .poll(poll[self.random.below(2) as usize])
            .lock_timeout(Duration::from_millis(
                timeout[self.random.below(3) as usize],
            ))
            .compact_above(self.process.compact_above.clone())
            .open();
        match opened {
            Ok(store) => {
                self.process.journal.note(&Line::Opened {
                    repairs: store
                        .recovered()
                        .repairs()
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                    lost: is_loss(store.recovered()),
                })?;
                Ok(Some(store))
            }
            Err(error) => {
                self.process
                    .journal
                    .note(&Line::Closed(Refusal::of(&error)))?;
                Ok(None)
            }
        }
    }

    fn transaction(&mut self) -> Transaction {
        Transaction {
            registers: [(); 3].map(|()| self.random.below(2) == 0),
            add: self.random.below(10),
            note: match self.random.below(40) {
                0 => Some(60_000),
                1..4 => Some(3_000),
                4..10 => Some(10),
                _ => None,
            },
        }
    }

    fn write(&mut self, store: &TortureStore, act: Act) -> io::Result<()> {
        let journal = &self.process.journal;
        let id = 1 + self.process.next.fetch_add(1, Ordering::Relaxed);
        let at = now();
        journal.note(&Line::Began {
            id,
            at,
            act: act.clone(),
        })?;
        let noted = self.noted;
        let outcome = match act {
            Act::Transaction(transaction) => {
                let commit = store.update(move |state| {
                    let before = seen(state, noted, None);
                    transaction.apply(id, state);
                    before
                });
                self.finish(store, commit, |before| before)
            }
            Act::Abandoned(transaction) => {
                let commit = store.try_update(move |state| {
                    let before = seen(state, noted, None);
                    transaction.apply(id, state);
                    Err::<Infallible, Box<Seen>>(Box::new(before))
                });
                self.finish(store, commit, |Err(before)| *before)
            }
            Act::Look => {
                let commit = store.update(move |state| seen(state, noted, None));
                self.finish(store, commit, |before| before)
            }
            Act::Set => self.finish(store, store.set_solo(id), |()| Seen::default()),
            Act::Swap => {
                let commit = store.update_solo(move |solo| std::mem::replace(solo, id));
                self.finish(store, commit, seen_solo)
            }
            Act::Hit => {
                let commit = store.update_hits(|hits| {
                    *hits += 1;
                    *hits - 1
                });
                self.finish(store, commit, seen_hits)
            }
        };
        let newest = match &outcome {
            Outcome::Acknowledged(seen) => newest(seen),
            Outcome::Refused(_) | Outcome::Detached => 0,
        };
        journal.note(&Line::Ended {
            id,
            at: now(),
            outcome,
        })?;
        self.noted = self.noted.max(newest);
        Ok(())
    }

    /// Waits for a write in one of the ways there are.
    fn finish<R: Send + 'static>(
        &mut self,
        store: &TortureStore,
        commit: Commit<R>,
        see: impl FnOnce(R) -> Seen,
    ) -> Outcome {
        let commit = match self.random.below(4) {
            0 => commit.durability(Durability::Synced),
            _ => commit.durability(Durability::Buffered),
        };
        let ended = match self.random.below(20) {
            0 => {
                commit.detach();
                // It has ended when this has. Whether well, nobody tells.
                return match store.sync().wait().map_err(|error| Refusal::of(&error)) {
                    Err(refusal) if !refusal.is_timeout => Outcome::Refused(refusal),
                    Ok(()) | Err(_) => Outcome::Detached,
                };
            }
            1..7 => pollster::block_on(commit),
            _ => commit.wait(),
        };
        match ended {
            Ok(value) => Outcome::Acknowledged(see(value)),
            Err(error) => Outcome::Refused(Refusal::of(&error)),
        }
    }

    fn read(&mut self, read: impl FnOnce(u64) -> Seen) -> io::Result<()> {
        let began = now();
        let seen = read(self.noted);
        let ended = now();
        let newest = newest(&seen);
        self.process
            .journal
            .note(&Line::Read { began, ended, seen })?;
        self.noted = self.noted.max(newest);
        Ok(())
    }
}

fn newest(seen: &Seen) -> u64 {
    seen.shared.as_ref().map_or(0, |shared| shared.n)
}

fn seen_solo(solo: u64) -> Seen {
    Seen {
        solo: Some(solo),
        ..Seen::default()
    }
}

fn seen_hits(hits: u64) -> Seen {
    Seen {
        hits: Some(hits),
        ..Seen::default()
    }
}

/// Whether an acknowledged commit is gone. `CutOff` is no sign of that: nobody can tell the end of a
/// line that was being written from one that was damaged.
pub(crate) fn is_loss(recovery: &Recovery) -> bool {
    recovery.repairs().iter().any(|repair| {
        matches!(
            repair,
            Repair::Restored { .. } | Repair::Behind { .. } | Repair::Salvaged { .. }
        )
    })
}

/// All of a state, with the authors since the one that was noted down last.
pub(crate) fn seen(state: &Torture, noted: u64, revision: Option<u64>) -> Seen {
    let new = state
        .n
        .saturating_sub(noted)
        .min(state.authors.len() as u64);
    let known = state.authors.len() - new as usize;
    Seen {
        revision,
        shared: Some(Shared::of(state)),
        authors: state.authors.range(known..).copied().collect(),
        solo: Some(state.solo),
        hits: Some(state.hits),
    }
}

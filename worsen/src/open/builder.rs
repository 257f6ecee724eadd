//! Every option of a store in one place, and opening it. What an option does is said here and done
//! elsewhere.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Store, import_once::Importing, place::Place, registry::Kind};
use crate::{
    backend::file::compaction::{Compaction, Observer},
    engine::MAX_NESTING,
    error::Error,
    open_store::OpenStore,
    options::{Access, Durability, OnMismatch, Retention},
    struct_store::{
        Environment, Handle, Overrides, Published, StructModel, checked_seed, record_seed,
    },
    transfer::Import,
};

/// Opens a store with other settings than its attributes say. From [`Store::builder`], and from
/// [`PersistentStore::builder`](crate::PersistentStore::builder).
///
/// ```
/// use std::time::Duration;
/// use worsen::{Durability, Store};
///
/// #[derive(Store)]
/// struct State {
///     count: u64,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let store = State::builder()
///     .dir(folder)
///     .name("counter")
///     .poll(Duration::from_millis(250))
///     .lock_timeout(Duration::from_secs(1))
///     .durability(Durability::Buffered)
///     .seed(State { count: 100 })
///     .open()?;
/// assert_eq!(store.count(), 100);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `.open()`"]
pub struct Builder<S> {
    pub(crate) place: Place,
    seed: Seed<S>,
    /// `None`: that of the process.
    environment: Option<Box<Environment>>,
}

/// Where the first values of a struct come from.
struct Seed<S> {
    /// In the place of the attributes'.
    given: Option<S>,
    /// For an empty store alone.
    made: Option<Box<dyn FnOnce() -> S + Send>>,
    changes: Vec<Change<S>>,
}

type Change<S> = Box<dyn Fn(&mut S) + Send>;

impl<S> Seed<S> {
    fn new() -> Self {
        Seed {
            given: None,
            made: None,
            changes: Vec::new(),
        }
    }
}

impl<S: Store> Builder<S> {
    pub(crate) fn new() -> Self {
        Builder::at(Place::new(S::__settings()))
    }

    /// The initial value of every field, in the place of the attributes' seeds. Written only to an
    /// empty store; a field that an existing store has no value for reads as it.
    pub fn seed(mut self, seed: S) -> Self {
        self.seed.given = Some(seed);
        self
    }

    /// As [`seed`](Builder::seed), for seeds that are costly to make: it is called for an empty store alone,
    /// once that is known. The lock is held meanwhile, so that no other process makes them too. In a store
    /// that exists, a field without a value reads as the seed of its attributes.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { token: String, runs: u32 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = State::builder()
    ///     .dir(folder.path())
    ///     .seed_with(|| State { token: "made once".into(), runs: 0 })
    ///     .open()?;
    /// assert_eq!(store.token(), "made once");
    /// # Ok(())
    /// # }
    /// ```
    pub fn seed_with(mut self, seed: impl FnOnce() -> S + Send + 'static) -> Self {
        self.seed.made = Some(Box::new(seed));
        self
    }

    /// Changes single seeds, and leaves the others as the attributes, or [`seed`](Builder::seed), say.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { #[store(seed = 80)] port: u16, runs: u32 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = State::builder().in_memory().update_seed(|seed| seed.runs = 7).open()?;
    /// assert_eq!((store.port(), store.runs()), (80, 7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_seed(mut self, change: impl Fn(&mut S) + Send + 'static) -> Self {
        self.seed.changes.push(Box::new(change));
        self
    }

    /// What a stored value reads as that does not fit its field, for the fields that say nothing themselves. By
    /// default opening is such an error, and entries of collections are left out.
    ///
    /// ```
    /// # use worsen::Store;
    /// use worsen::OnMismatch;
    ///
    /// # #[derive(Store)] struct State { port: u16 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let dir = folder.path();
    /// # mod newer { #[derive(worsen::Store)] #[store(name = "state")] pub struct State { pub port: String } }
    /// # newer::State::builder().dir(dir).open()?.set_port("a socket".into()).wait()?;
    /// let store = State::builder().dir(dir).on_mismatch(OnMismatch::Seed).open()?;
    /// for condition in store.health() {
    ///     eprintln!("{condition}");   // what reads as its seed, and why
    /// }
    /// # assert_eq!(store.health().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_mismatch(mut self, on_mismatch: OnMismatch) -> Self {
        self.place.settings.on_mismatch = Some(on_mismatch);
        self
    }

    /// Where the overrides of fields with `#[store(env = ...)]` come from, in the place of the process's
    /// environment: the text of the variable of this name, if it is set. For tests, which cannot set variables
    /// while other threads run, and for programs that read their settings from elsewhere. It is asked while the store
    /// is being opened.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { #[store(seed = 80, env = "APP_PORT")] port: u16 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// let store = State::builder()
    ///     .in_memory()
    ///     .environment(|name| match name {
    ///         "APP_PORT" => Some("8080".into()),
    ///         _ => None,
    ///     })
    ///     .open()?;
    /// assert_eq!(store.port(), 8080);
    /// # Ok(())
    /// # }
    /// ```
    pub fn environment(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + 'static,
    ) -> Self {
        self.environment = Some(Box::new(move |name| variable(name).map(Into::into)));
        self
    }

    /// Opens the store, and creates it where there is none.
    ///
    /// A process that opens the same store twice gets two handles to one: the options of the first
    /// opening count. What is opened as another type, or `.read_only()` beside one that is not, is as if it
    /// were opened by another process.
    ///
    /// # Errors
    ///
    /// Where the name is no name of a file, the directory or its parent is missing or cannot be
    /// written, the files belong to something else or a newer version, acknowledged commits cannot be
    /// read any more, a stored value does not fit its field, a seed cannot be written to a store that is
    /// empty, or another process holds the lock for too long. Nothing is changed then.
    pub fn open(self) -> Result<S::Handle, Error> {
        let Builder {
            place,
            seed,
            environment,
        } = self;
        let on_mismatch = place.settings.on_mismatch;
        let importing = Importing::of(&place);
        let mut seed = Some(seed);
        place
            .open::<OpenStore<Published<S>>>(Kind::structure::<S>(), &mut |opening| {
                let Seed {
                    given,
                    made,
                    changes,
                } = seed.take().unwrap_or_else(Seed::new);
                let changed = |mut seed: S| {
                    changes.iter().for_each(|change| change(&mut seed));
                    checked_seed(seed)
                };
                let seed = changed(given.unwrap_or_else(S::__seed))?;
                let first = seed.__copy();
                let overrides = match &environment {
                    Some(environment) => Overrides::read(&seed, environment),
                    None => Overrides::read(&seed, &|variable| std::env::var_os(variable)),
                };
                let (model, read_model) = StructModel::new(seed, on_mismatch, overrides?);
                let cell = read_model.cell.clone();
                let tables = read_model.tables();
                let importing = &importing;
                let first = Box::new(move || {
                    let seed = match made {
                        Some(made) => changed(made())?,
                        None => first,
                    };
                    record_seed(&importing.seed_of(seed, &tables)?, &tables)
                });
                let handle = opening.start(Box::new(model), Box::new(read_model), Some(first))?;
                Ok(Arc::new(
                    OpenStore::new(cell, handle).with(importing.told()),
                ))
            })
            .map(|inner| Handle::new(inner).into())
    }
}

impl<S> Builder<S> {
    pub(super) fn at(place: Place) -> Self {
        Builder {
            place,
            seed: Seed::new(),
            environment: None,
        }
    }

    /// The name of the store, and of its files. By default the struct's, in snake case.
    ///
    /// One path component: no separators, no leading dot, at most 200 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.place.settings.name = name.into();
        self
    }

    /// The directory of the files. By default `db` under the current directory. It is created, for
    /// this user alone, if its parent exists.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.place.settings.dir = Ok(dir.into());
        self.place.settings.create_parents = false;
        self
    }

    /// Begins the store with what another program left, where the store is empty: once, under the lock, and in the
    /// one commit of the seeds. A store that holds anything is opened as ever, and the source is not looked at.
    ///
    /// A member of the source is the value of the field with this uid, in the place of its seed; a field that the
    /// source has no member for begins with its seed. What no field takes, and what does not fit its field or
    /// breaks its rules, is left out, and [`imported`](crate::Handle::imported) tells it. Where none of the files
    /// is there, the store begins with its seeds. Where this is called several times, the first source that is
    /// there counts.
    ///
    /// A [`PersistentStore`](crate::PersistentStore) takes each member as the value of that uid; what
    /// [`init`](crate::PersistentStore::init) has for an empty store is not written then.
    ///
    /// ```
    /// use worsen::{Import, Store};
    ///
    /// #[derive(Store)]
    /// #[store(rename_all = "camelCase")]
    /// struct Settings {
    ///     #[store(seed = 11)]
    ///     font_size: u32,
    ///     #[store(seed = "light".to_owned())]
    ///     theme: String,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let old = folder.path().join("config.json");
    /// # let dir = folder.path().join("db");
    /// std::fs::write(&old, r#"{ "fontSize": 14, "windowBounds": [0, 0] }"#)?;
    /// let store = Settings::builder().dir(dir).import_once(Import::json(old)).open()?;
    /// assert_eq!((store.font_size(), &*store.theme()), (14, "light"));
    ///
    /// let imported = store.imported().unwrap();
    /// assert_eq!(imported.uids(), ["fontSize"]);
    /// assert_eq!(imported.left_out()[0].key(), "windowBounds");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Opening fails where the source is there and cannot be read, or is not what it was said to be; the store
    /// stays empty then, and the next opening tries again.
    pub fn import_once(mut self, from: Import) -> Self {
        self.place.imports.push(from);
        self
    }

    /// Whether the directories above the store's are created too where they are missing, for this user
    /// alone. By default only for a `dir = app(...)` or `config(...)` of the attributes: elsewhere a missing
    /// parent is more likely a misspelled path.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { count: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let home = folder.path();
    /// let dir = home.join("state/of/the/program");
    /// assert!(State::builder().dir(&dir).open().is_err());
    /// let store = State::builder().dir(&dir).create_parents(true).open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_parents(mut self, on: bool) -> Self {
        self.place.create_parents = Some(on);
        self
    }

    /// How often to look for other processes' commits where shared memory does not tell of them:
    /// on network file systems, and on systems other than Linux. By default every 5 seconds; `None`
    /// is never.
    pub fn poll(mut self, every: impl Into<Option<Duration>>) -> Self {
        self.place.settings.poll = every.into();
        self
    }

    /// How long a write waits for another process to let go of the lock. By default 5 seconds.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.place.settings.lock_timeout = timeout;
        self
    }

    /// How much an acknowledged write survives. By default a power cut.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.place.settings.durability = durability;
        self
    }

    /// Whether the store tells on stderr what it does. By default when the environment says
    /// `DEBUG_PERSISTENCE=true`.
    pub fn debug(mut self, on: bool) -> Self {
        self.place.debug = on;
        self
    }

    /// How much of its past the store keeps, at least: so many of the newest commits, or those of a time. By default
    /// what the log happens to hold.
    ///
    /// The commits that a compaction would drop then stay, in files beside the log (`<name>.db.past-<n>`), until they
    /// are older than that. [`at`](Handle::at), [`revert_to`](Handle::revert_to), [`history`](Handle::history) and
    /// [`changes`](Handle::changes) read them; opening does not. What the process says counts that compacts the log:
    /// one without this option leaves a gap, and the files as they are.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { count: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let week = Duration::from_secs(7 * 24 * 60 * 60);
    /// let store = State::builder().dir(folder.path()).history(week).open()?;   // or: history(1000)
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(mut self, keep: impl Into<Retention>) -> Self {
        self.place.settings.history = keep.into();
        self
    }

    /// Opens an existing store without ever writing to it, nor taking its lock. Every write is an
    /// error; other processes' commits are seen at the poll.
    pub fn read_only(mut self) -> Self {
        self.place.access = Access::ReadOnly;
        self
    }

    /// Opens a store in memory alone, for tests: it begins with its seeds and goes with its last
    /// handle. With [`read_only`](Builder::read_only) it stays at its seeds.
    pub fn in_memory(mut self) -> Self {
        self.place.in_memory = true;
        self
    }

    /// Whether the processes that have the store open share a page of memory, on Linux, where the file
    /// system allows it. By default they do.
    ///
    /// Without it a read sees what other processes committed at the [poll](Builder::poll) and no sooner,
    /// watches hear of it then, and writes are as safe as with it. A reason to do without: the page is a
    /// part of the lock file, and a program that truncates that file ends the processes that share it.
    ///
    /// All processes of a store should agree. Those that share the page do not hear of the commits of
    /// one that does not before their own poll.
    pub fn shared_memory(mut self, on: bool) -> Self {
        self.place.shared_memory = on;
        self
    }

    /// Goes on with what can be read where acknowledged commits are lost, instead of an error of kind
    /// [`Damaged`](crate::ErrorKind::Damaged). A copy of what was found is kept;
    /// [`recovered`](Handle::recovered) tells what was done.
    pub fn salvage(mut self) -> Self {
        self.place.access = Access::Salvage;
        self
    }

    /// The most bytes of uids and JSON that one commit may have. By default 64 MiB. A commit is one line
    /// of the log, which every process has to read as a whole.
    ///
    /// As every limit it is for writes: one that exceeds it fails with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) and
    /// changes nothing. What the store holds already is read as ever.
    pub fn max_commit_bytes(mut self, bytes: usize) -> Self {
        self.place.limits.commit_bytes = bytes;
        self
    }

    /// How many arrays and objects of a value may be in each other. By default 127, which is also the
    /// most: a deeper one could not be read back.
    pub fn max_nesting(mut self, depth: usize) -> Self {
        self.place.limits.nesting = depth.min(MAX_NESTING);
        self
    }

    /// How many uids the store may have. By default 16 million.
    pub fn max_uids(mut self, uids: usize) -> Self {
        self.place.limits.uids = uids;
        self
    }

    /// Is told of compactions by this process: when one begins, after every mebibyte, and when it is
    /// done. Other writers wait for a compaction, and readers do not.
    ///
    /// It is called by the thread that writes, so it should be quick. A write in it is an error.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { count: u64 }
    /// # fn main() -> Result<(), worsen::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = State::builder()
    ///     .dir(folder.path())
    ///     .on_compaction(|compaction| {
    ///         eprintln!("{} of {} bytes", compaction.written(), compaction.total());
    ///     })
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_compaction(mut self, tell: impl Fn(Compaction) + Send + Sync + 'static) -> Self {
        self.place.on_compaction = Observer::new(tell);
        self
    }
}

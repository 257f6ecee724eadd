//! From the options of a store to a running engine: which place they name, whether that is open already, and which
//! backend gets at it. What can be chosen is said in `builder`.

use std::{
    any::Any,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::registry::{self, Key, Kind};
use crate::{
    backend::{
        Connect,
        file::{
            FileOptions, Paths,
            compaction::{CompactAbove, Observer},
            disk::{Disk, LinkedDisk, RealDisk},
        },
        memory::InMemory,
    },
    engine::{Engine, EngineHandle, EngineOptions, Limits, Model, ReadModel, Seeds},
    error::{self, Error},
    loom,
    options::{Access, Settings},
    trace::{self, Debug},
    transfer::Import,
};

/// The options that do not depend on the struct.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) settings: Settings,
    pub(crate) debug: bool,
    pub(crate) access: Access,
    /// `None`: as the settings say.
    pub(crate) create_parents: Option<bool>,
    pub(crate) in_memory: bool,
    pub(crate) shared_memory: bool,
    /// Another disk than the machine's, for tests.
    pub(crate) disk: Option<Arc<dyn Disk>>,
    pub(crate) limits: Limits,
    pub(crate) compact_above: CompactAbove,
    pub(crate) on_compaction: Observer,
    /// What an empty store begins with, in the place of its seeds.
    pub(crate) imports: Vec<Import>,
}

impl Place {
    pub(crate) fn new(settings: Settings) -> Self {
        Place {
            settings,
            debug: trace::asked_for(),
            access: Access::Repair,
            create_parents: None,
            in_memory: false,
            shared_memory: true,
            disk: None,
            limits: Limits::default(),
            compact_above: CompactAbove::default(),
            on_compaction: Observer::default(),
            imports: Vec::new(),
        }
    }
}

/// Something open, of a type that its opener knows.
pub(crate) type Opened = Arc<dyn Any + Send + Sync>;

/// Opens what there is to open, once it is known that it is not open yet. Called at most once.
type Make<'a> = dyn FnMut(Opening) -> Result<Opened, Error> + 'a;

/// Files, or the lack of them, ready for an engine.
pub(crate) struct Opening {
    place: Place,
    paths: Option<Paths>,
}

impl Place {
    /// Opens what `make` makes, or shares what is open already.
    pub(crate) fn open<T: Send + Sync + 'static>(
        self,
        kind: Kind,
        make: &mut Make<'_>,
    ) -> Result<Arc<T>, Error> {
        let name = self.settings.name.clone();
        self.open_any(kind, make)
            .and_then(|opened| {
                opened.downcast::<T>().map_err(|_| {
                    // The kind is a part of the key that openings are shared under.
                    error::open::open_as_another_type()
                })
            })
            .map_err(|error| error.in_store(&name, None))
    }

    /// Apart from the type that is opened: compiled once, and not for each.
    fn open_any(mut self, kind: Kind, make: &mut Make<'_>) -> Result<Opened, Error> {
        check_name(&self.settings.name)?;
        if self.settings.poll.is_some_and(|poll| poll.is_zero()) {
            return Err(error::open::poll_of_zero(
                "give it some milliseconds, or `None` for never",
            ));
        }
        if self.in_memory {
            return make(Opening {
                place: self,
                paths: None,
            });
        }
        let dir = self.settings.dir.clone()?;
        let dir = if dir.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            dir
        };
        if let Some(disk) = &self.disk {
            let is_root = |dir: &Path| dir.file_name().is_none();
            create_parents_of(&dir, &**disk, |dir| {
                is_root(dir) || !matches!(disk.identify(dir), Ok(None))
            })?;
            // No other process, and no other path, leads to it.
            let paths = Paths::new(&dir, &self.settings.name);
            return make(Opening {
                place: self,
                paths: Some(paths),
            });
        }
        let create_parents = self.create_parents.unwrap_or(self.settings.create_parents);
        if create_parents && self.access != Access::ReadOnly {
            create_parents_of(&dir, &RealDisk, Path::exists)?;
        }
        let dir = canonical(&dir, self.access)?;
        let paths = Paths::new(&dir, &self.settings.name);
        let paths = match self.access {
            Access::ReadOnly => paths,
            Access::Repair | Access::Salvage => behind_link(paths),
        };
        let dir = paths.dir.clone();
        let key = Key {
            log: paths.log.clone(),
            kind,
            read_only: self.access == Access::ReadOnly,
            pid: std::process::id(),
        };
        self.settings.dir = Ok(dir);
        registry::share(key, || {
            make(Opening {
                place: self,
                paths: Some(paths),
            })
        })
    }
}

impl Opening {
    /// Opens the files and starts the engine on them. `seeds` are for an empty store.
    pub(crate) fn start(
        self,
        model: Box<dyn Model>,
        read_model: Box<dyn ReadModel>,
        seeds: Option<Seeds<'_>>,
    ) -> Result<loom::Arc<EngineHandle>, Error> {
        let Opening { place, paths } = self;
        let name: Arc<str> = place.settings.name.as_str().into();
        let debug = Debug::new(name.clone(), place.debug);
        let read_only = place.access == Access::ReadOnly;
        let (durability, poll) = (place.settings.durability, place.settings.poll);
        let (lock_timeout, limits) = (place.settings.lock_timeout, place.limits);
        let connection = Opening::connection(place, paths, &debug);
        let path = connection.path();
        let opened = connection.connect();
        let options = EngineOptions {
            opened: opened.map_err(|error| error.in_store(&name, path.as_deref()))?,
            name,
            path,
            model,
            read_model,
            durability,
            lock_timeout,
            limits,
            poll,
            debug,
        };
        Engine::start(options, seeds.filter(|_| !read_only))
    }

    /// How to get at the store: the one place that chooses between backends.
    fn connection(place: Place, paths: Option<Paths>, debug: &Debug) -> Box<dyn Connect> {
        let Some(paths) = paths else {
            return Box::new(InMemory {
                read_only: place.access == Access::ReadOnly,
            });
        };
        Box::new(FileOptions {
            paths,
            disk: match (place.disk, place.access) {
                (Some(disk), _) => disk,
                (None, Access::ReadOnly) => Arc::new(LinkedDisk),
                (None, Access::Repair | Access::Salvage) => Arc::new(RealDisk),
            },
            access: place.access,
            lock_timeout: place.settings.lock_timeout,
            shared_memory: place.shared_memory,
            compact_above: place.compact_above,
            on_compaction: place.on_compaction,
            history: place.settings.history,
            debug: debug.clone(),
        })
    }
}

/// A name must be the name of a file in every directory, on every system.
fn check_name(name: &str) -> Result<(), Error> {
    const LONGEST: usize = 200;
    let what = if name.is_empty() {
        "the store's name is empty".to_owned()
    } else if name.len() > LONGEST {
        format!(
            "the store's name has {} bytes; the limit is {LONGEST}",
            name.len()
        )
    } else if name.starts_with('.') {
        "the store's name begins with a dot".to_owned()
    } else if name.ends_with(['.', ' ']) || name.starts_with(' ') {
        "the store's name begins or ends with a blank, or ends with a dot".to_owned()
    } else if let Some(bad) = name
        .chars()
        .find(|character| character.is_control() || r#"/\:*?"<>|"#.contains(*character))
    {
        format!("the store's name contains {bad:?}")
    } else {
        return Ok(());
    };
    Err(error::open::invalid_name(name, what))
}

/// Creates every directory above this one that is missing, as the store's own: durable, and for this user
/// alone.
fn create_parents_of(
    dir: &Path,
    disk: &dyn Disk,
    exists: impl Fn(&Path) -> bool,
) -> Result<(), Error> {
    let mut above: Vec<&Path> = dir.ancestors().skip(1).collect();
    above.reverse();
    for dir in above.into_iter().filter(|dir| !dir.as_os_str().is_empty()) {
        if !exists(dir) {
            crate::backend::file::disk::directory::create_directory(disk, dir)?;
        }
    }
    Ok(())
}

/// Where a link to a file stands in the log's place, the store is in that file's directory: its other files
/// belong beside the log, by whichever link that is opened.
fn behind_link(paths: Paths) -> Paths {
    let is_link = fs::symlink_metadata(&paths.log).is_ok_and(|found| found.is_symlink());
    match fs::canonicalize(&paths.log) {
        Ok(log) if is_link && log.is_file() => match log.parent() {
            Some(dir) => Paths::of_log(dir, &paths.name, log.clone()),
            None => paths,
        },
        _ => paths,
    }
}

/// The one path of a directory, which is created if its parent exists.
fn canonical(dir: &Path, access: Access) -> Result<PathBuf, Error> {
    let first = dir.components().next();
    let is_home = first.is_some_and(|first| first.as_os_str().as_encoded_bytes().starts_with(b"~"));
    if is_home && !dir.exists() {
        return Err(error::open::home_in_path(dir));
    }
    if access != Access::ReadOnly {
        crate::backend::file::disk::directory::create_directory(&RealDisk, dir)?;
    }
    let found =
        fs::canonicalize(dir).map_err(|error| error::open::directory_not_found(dir, error))?;
    match found.is_dir() {
        true => Ok(found),
        false => Err(error::open::not_a_directory(dir)),
    }
}

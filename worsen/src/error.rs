//! The one error type, and what kind of trouble it can be. Nothing here decides what to do.

use std::{borrow::Cow, error::Error as StdError, fmt, io, path::PathBuf, sync::Arc};

/// The result of anything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: which store, which file, which uid, and what to do about it.
///
/// One opaque type. Match on [`Error::kind`] to decide; print it to tell a person. Cloning is
/// cheap: every commit of a failed group gets the same error.
///
/// ```
/// use worsen::{ErrorKind, Store};
///
/// #[derive(Store)]
/// struct State {
///     ready: bool,
/// }
///
/// let error = State::builder().name("../escape").open().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidName);
/// assert!(error.to_string().contains("../escape"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    store: Option<Arc<str>>,
    path: Option<PathBuf>,
    uid: Option<Arc<str>>,
    what: Cow<'static, str>,
    help: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of trouble an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store's name cannot be the name of a file in every directory.
    InvalidName,
    /// The uid cannot stand in the log.
    InvalidUid,
    /// An option has a value that makes no sense.
    InvalidOption,
    /// The directory is missing with its parent, or cannot be written.
    Directory,
    /// The file at the store's path is not a store, or another one's.
    NotAStore,
    /// The file was written by a newer version of worsen.
    NewerFormat,
    /// Acknowledged commits in the log cannot be read, and the backup does not hold them either.
    Damaged,
    /// The file was deleted, moved or replaced by an older one while the store was open.
    Replaced,
    /// A stored value does not fit the type of its field.
    Decode,
    /// A value cannot be written as JSON such that it comes back the same.
    Encode,
    /// Commits that were to be told one by one are not in the log any more.
    Gap,
    /// A commit is larger than a limit of the store.
    TooLarge,
    /// Another process held the lock until the deadline.
    LockTimeout,
    /// This process has the lock and another one has it too: they use the directory through two views of it,
    /// such as two mounts by a file server, whose locks do not keep each other out. Nothing was written.
    LockDoesNotExclude,
    /// A write was started inside the closure of another write.
    Nested,
    /// The closure of a write panicked, which nobody waited for.
    Panicked,
    /// The store was opened for reading only.
    ReadOnly,
    /// The handle was carried into a forked child.
    Forked,
    /// The disk, or a quota on it, is full. The store works again once there is room.
    NoSpace,
    /// The disk failed while syncing: the commit may or may not survive a power cut.
    OutcomeUnknown,
    /// An earlier I/O error made the store refuse writes until it is opened anew.
    Poisoned,
    /// The operating system refused something else.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Error(Arc::new(Inner {
            kind,
            store: None,
            path: None,
            uid: None,
            what: what.into(),
            help: Cow::Borrowed(""),
            source: None,
        }))
    }

    /// An error of the operating system while doing `what`.
    pub(crate) fn io(
        what: impl Into<Cow<'static, str>>,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> Self {
        let (kind, help) = match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => (
                ErrorKind::NoSpace,
                "make room; nothing was lost and the store goes on as soon as there is some",
            ),
            io::ErrorKind::ReadOnlyFilesystem => (
                ErrorKind::Directory,
                "the file system is mounted read-only: mount it for writing, choose another directory, or open the store with `.read_only()`",
            ),
            io::ErrorKind::PermissionDenied => (
                ErrorKind::Directory,
                "let this user read and write the store's directory and files, or open the store with `.read_only()`",
            ),
            _ if is_out_of_files(&source) => (
                ErrorKind::Io,
                "too many files are open: close some, or raise the limit (`ulimit -n`), then try again",
            ),
            _ => (
                ErrorKind::Io,
                "look at the disk and the file, then try again",
            ),
        };
        Error::new(kind, what)
            .help(help)
            .path(path)
            .caused_by(source)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What the reader of this error should do.
    pub(crate) fn help(self, help: impl Into<Cow<'static, str>>) -> Self {
        let help = help.into();
        self.with(|inner| inner.help = help)
    }

    pub(crate) fn path(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.with(|inner| inner.path = Some(path))
    }

    pub(crate) fn in_uid(self, uid: &str) -> Self {
        self.with(|inner| inner.uid = Some(uid.into()))
    }

    pub(crate) fn caused_by(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.source = Some(Arc::new(source)))
    }

    /// Says before what went wrong of what it is told.
    pub(crate) fn introduced(self, words: &str) -> Self {
        self.with(|inner| inner.what = format!("{words}: {}", inner.what).into())
    }

    /// Names the store, and its path where no nearer one is named already.
    pub(crate) fn in_store(self, store: &str, path: Option<&std::path::Path>) -> Self {
        self.with(|inner| {
            if inner.store.is_none() {
                inner.store = Some(store.into());
            }
            if inner.path.is_none() {
                inner.path = path.map(PathBuf::from);
            }
        })
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The name of the store.
    pub fn store(&self) -> Option<&str> {
        self.0.store.as_deref()
    }

    /// The file or directory in question.
    pub fn path_in_question(&self) -> Option<&std::path::Path> {
        self.0.path.as_deref()
    }

    /// The uid in question.
    pub fn uid(&self) -> Option<&str> {
        self.0.uid.as_deref()
    }

    /// What the operating system, serde or an earlier write said, for programs that decide by it. For people
    /// it is a part of the message.
    ///
    /// ```
    /// # use worsen::Store;
    /// # #[derive(Store)] struct State { ready: bool }
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("file");
    /// # std::fs::write(&file, "").unwrap();
    /// let error = State::builder().dir(file.join("below a file")).open().unwrap_err();
    /// let cause = error.cause().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    /// assert!(cause.is_some_and(|cause| cause.raw_os_error().is_some()));
    /// ```
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// Whether the write may have happened although it failed. After any other error it has not.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.kind == ErrorKind::OutcomeUnknown
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(store) = &inner.store {
            write!(f, "store `{}`", store.escape_debug())?;
            if let Some(path) = &inner.path {
                write!(f, " ({})", path.display())?;
            }
            f.write_str(": ")?;
        } else if let Some(path) = &inner.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(uid) = &inner.uid {
            write!(f, "uid `{}`: ", uid.escape_debug())?;
        }
        f.write_str(&inner.what)?;
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        if !inner.help.is_empty() {
            write!(f, "; {}", inner.help)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `fn main() -> Result<(), worsen::Error>` prints: the sentence, after its kind.
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl StdError for Error {
    /// What lies beneath the [`cause`](Error::cause), which the message tells already: so an error that is
    /// printed with all its sources says nothing twice.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref()?.source()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}

/// Whether this process, or the system, has no more files to open.
fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE)
        )
    }
    #[cfg(not(unix))]
    {
        // ERROR_TOO_MANY_OPEN_FILES.
        error.raw_os_error() == Some(4)
    }
}

/// Why one value does not become JSON, or JSON does not become a value. The engine adds the uid.
#[doc(hidden)]
#[derive(Debug)]
pub struct ValueError {
    pub(crate) what: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
    pub(crate) kind: ErrorKind,
    pub(crate) source: Option<serde_json::Error>,
    /// The key of the entry in question, below the uid of its field.
    pub(crate) key: Option<String>,
}

impl ValueError {
    /// Of one entry of a field.
    pub(crate) fn in_key(self, key: String) -> Self {
        ValueError {
            key: Some(key),
            ..self
        }
    }

    /// Turns into the error of the entry `uid`.
    pub(crate) fn at(self, uid: &str) -> Error {
        let error = Error::new(self.kind, self.what).help(self.help);
        let error = match self.key {
            Some(key) => error.in_uid(&format!("{uid}/{key}")),
            None => error.in_uid(uid),
        };
        match self.source {
            Some(source) => error.caused_by(source),
            None => error,
        }
    }
}

pub(crate) fn not_stored() -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        "this work queue is not a stored field of the store",
    )
    .help("name a field of the struct that is not skipped: `store.work(|state| &state.jobs)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As anyhow, eyre and others print it.
    fn with_all_sources(error: &dyn StdError) -> String {
        let mut said = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            said += &format!(": {error}");
            source = error.source();
        }
        said
    }

    #[test]
    fn an_error_that_is_printed_with_its_sources_says_nothing_twice() {
        let full = || io::Error::other("the first cause");
        let first = Error::new(ErrorKind::OutcomeUnknown, "the disk failed").caused_by(full());
        let poisoned = Error::new(ErrorKind::Poisoned, "an earlier write failed")
            .caused_by(first.clone())
            .help("open the store again");
        let wrapped = io::Error::other(io::Error::other(poisoned.clone()));
        for error in [
            &first as &dyn StdError,
            &poisoned,
            &wrapped,
            &io::Error::from(first.clone()),
        ] {
            let printed = with_all_sources(error);
            for said in ["the first cause", "the disk failed"] {
                assert_eq!(printed.matches(said).count(), 1, "{printed}");
            }
        }
        assert!(
            poisoned.to_string().contains("the first cause"),
            "{poisoned}"
        );
        assert!(first.cause().is_some_and(|cause| cause.is::<io::Error>()));
    }
}

//! The one error type: what kind of trouble it is, what became of the data, and the words for a person. Every
//! room has a file here with its errors, so that a message is found by who gives it. Nothing here decides what
//! to do.
//!
//! An error prints its own words, and hands out its cause by `source()`: printers that walk all sources, such as
//! anyhow's and eyre's, print each part once, and find an [`io::Error`] by its type. So that `{error}` alone is
//! enough to act, the own words say what the cause means (`system.rs`), and not what it says; `{error:#}` and
//! `{error:?}` print that too.

pub(crate) mod collections;
mod effect;
pub(crate) mod engine;
pub(crate) mod env;
pub(crate) mod evolution;
pub(crate) mod file;
mod kind;
pub(crate) mod lock;
pub(crate) mod open;
pub(crate) mod past;
pub(crate) mod recovery;
pub(crate) mod rules;
pub(crate) mod system;
#[cfg(test)]
mod tests;
pub(crate) mod transfer;
pub(crate) mod value;

pub use self::{effect::Effect, kind::ErrorKind, value::ValueError};

use std::{borrow::Cow, error::Error as StdError, fmt, io, path::PathBuf, sync::Arc};

/// The result of anything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: which store, which file, which uid, and what to do about it.
///
/// One opaque type. Ask [`effect`](Error::effect) what became of the data and match on [`kind`](Error::kind) to
/// decide; print it to tell a person. Cloning is cheap: every commit of a failed group gets the same error.
///
/// `{error}` says what happened, what became of the data and what to do. `{error:#}` says beside that what the
/// operating system or serde said, as does `{error:?}`, which `fn main() -> Result<(), worsen::Error>` prints.
/// That cause is the error's [`source`](std::error::Error::source) too:
///
/// ```
/// # use worsen::Store;
/// # #[derive(Store)] struct State { ready: bool }
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("file");
/// # std::fs::write(&file, "").unwrap();
/// use std::error::Error;
///
/// let error = State::builder().dir(file.join("below a file")).open().unwrap_err();
/// let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
/// assert!(cause.is_some_and(|cause| cause.raw_os_error().is_some()));
/// ```
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
    /// `None`: no write has to do with it, so there is nothing to say of one.
    effect: Option<Effect>,
    store: Option<Arc<str>>,
    path: Option<PathBuf>,
    uid: Option<Arc<str>>,
    what: Cow<'static, str>,
    help: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Error(Arc::new(Inner {
            kind,
            effect: kind.leaves_in_doubt().then_some(Effect::Unknown),
            store: None,
            path: None,
            uid: None,
            what: what.into(),
            help: Cow::Borrowed(""),
            source: None,
        }))
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

    /// It is told to somebody who writes: nothing was written, unless it says something else already.
    pub(crate) fn nothing_written(self) -> Self {
        self.with(|inner| {
            inner.effect.get_or_insert(Effect::NothingWritten);
        })
    }

    /// So far the write has come, whatever was said before.
    pub(crate) fn with_effect(self, effect: Effect) -> Self {
        self.with(|inner| inner.effect = Some(effect))
    }

    /// It stands for another write too, of which this became.
    pub(crate) fn along_with(self, effect: Effect) -> Self {
        self.with(|inner| inner.effect = Some(inner.effect.map_or(effect, |own| own.and(effect))))
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

    /// Says more behind what went wrong.
    pub(crate) fn followed_by(self, words: &str) -> Self {
        self.with(|inner| inner.what = format!("{}{words}", inner.what).into())
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

    /// What happened, without its place and what to do.
    pub(crate) fn words(&self) -> &str {
        &self.0.what
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

    /// What became of the change that the call was to make. See [`Effect`]; a call that writes nothing has
    /// written nothing.
    pub fn effect(&self) -> Effect {
        self.0.effect.unwrap_or(Effect::NothingWritten)
    }

    /// Whether the write may have happened although it failed: its [`effect`](Error::effect) is
    /// [`Unknown`](Effect::Unknown).
    pub fn is_outcome_unknown(&self) -> bool {
        self.effect() == Effect::Unknown
    }

    /// Whether the same call may succeed a little later, without this program doing anything else: another
    /// process has the lock, the disk is full, or the process has no more files or threads. Of an error of a
    /// write ask its [`effect`](Error::effect) as well before it is made again.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// The store, the file and the uid, and what happened to them.
    fn tell_what(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        f.write_str(&inner.what)
    }

    /// Everything that lies beneath. What became of an earlier write, and what to do about that, its own error
    /// has told.
    fn tell_causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = self.source();
        while let Some(cause) = next {
            match cause.downcast_ref::<Error>() {
                Some(Error(earlier)) => write!(f, ": {}", earlier.what)?,
                None => write!(f, ": {cause}")?,
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell_what(f)?;
        if f.alternate() {
            self.tell_causes(f)?;
        }
        if let Some(effect) = self.0.effect {
            write!(f, "; {effect}")?;
        }
        if !self.0.help.is_empty() {
            write!(f, "; {}", self.0.help)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `fn main() -> Result<(), worsen::Error>` prints: everything, after its kind.
        write!(f, "{:?}: {self:#}", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}

//! [`Source`]: where the value of a field comes from, as it is read. Never here: how it comes from there.

use super::handle::Handle;
use crate::schema::{Schema, fields_of};

/// Where the value of a field comes from, as it is read. From [`Handle::source_of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// From this variable of the environment, as it was when this process opened the store. Whatever is stored, it
    /// is not read.
    Env(&'static str),
    /// From the store.
    Stored,
    /// The store has no value for it, and it reads as its seed: it was added since the store was created, or
    /// reset.
    Seed,
}

impl<S: Schema> Handle<S> {
    /// Where the value of the field of this uid comes from. An override by the environment goes before what is
    /// stored, and that before the seed. `None`: the struct has no stored field of this uid.
    ///
    /// ```
    /// use worsen::{Source, Store};
    ///
    /// #[derive(Store)]
    /// struct Server {
    ///     #[store(seed = 80, env = "APP_PORT")]
    ///     port: u16,
    ///     title: String,
    /// }
    ///
    /// # fn main() -> worsen::Result<()> {
    /// let store = Server::builder()
    ///     .in_memory()
    ///     .environment(|name| (name == "APP_PORT").then(|| "8080".into()))
    ///     .open()?;
    /// assert_eq!(store.port(), 8080);
    /// assert_eq!(store.source_of("port"), Some(Source::Env("APP_PORT")));
    /// assert_eq!(store.source_of("title"), Some(Source::Stored));
    /// store.reset_title().wait()?;
    /// assert_eq!(store.source_of("title"), Some(Source::Seed));
    /// assert_eq!(store.source_of("colour"), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn source_of(&self, uid: &str) -> Option<Source> {
        let fields = fields_of::<S>();
        let index = fields.iter().position(|field| field.uid == Some(uid))?;
        let field = fields.get(index)?;
        if let Some(variable) = field.env.filter(|_| self.is_overridden(index)) {
            return Some(Source::Env(variable));
        }
        // Until it is set, it may stand under a former uid.
        let mut uids = field.aliases.iter().copied().chain([uid]);
        Some(match uids.any(|uid| self.is_stored(uid)) {
            true => Source::Stored,
            false => Source::Seed,
        })
    }
}

//! The derive macro of `worsen`. Depend on `worsen`, not on this crate.
//!
//! Only the entry stands here. Each step has a room of its own: `attr` reads the syntax of `#[store(...)]` and
//! of serde's attributes, `model` holds the struct as data, `names` knows the names of its accessors, `check`
//! states the rules, `expand` writes the code, and `derive` calls one after the other. A module imports from
//! floors above its own alone, as ARCHITECTURE.md lists them. The generated code reaches the runtime by
//! its `__private` paths alone.

use proc_macro::TokenStream;

mod attr;
mod case;
mod check;
mod ctxt;
mod derive;
mod expand;
mod model;
mod names;
#[cfg(test)]
mod tests;

/// Makes a plain struct with named fields a persistent store.
/// For `struct AppState` it implements the trait `worsen::Store`, which has `AppState::open()` and
/// `AppState::builder()`, and writes the type of the handle that they open, `AppStateStore`. The struct needs no other
/// derive. The types of its fields are `Clone`, `Serialize`, `Deserialize`, `Send`, `Sync` and `'static`. A field
/// without a seed has a type with a `Default`.
///
/// ```
/// use worsen::Store;
///
/// #[derive(Store)]
/// #[store(name = "settings", dir = "./db", poll = "1s")]
/// pub struct Settings {
///     /// The size of the text, in points.
///     #[store(uid = "FontSize", seed = 11)]
///     pub font_size: u32,
///     pub recent_files: Vec<String>,
/// }
///
/// # fn main() -> worsen::Result<()> {
/// let settings = Settings::builder().in_memory().open()?;
/// assert_eq!(settings.font_size(), 11);
/// settings.set_font_size(14).wait()?;
/// settings.update_recent_files(|files| files.push("notes.txt".to_owned())).wait()?;
/// assert_eq!(settings.snapshot().recent_files, ["notes.txt"]);
/// # Ok(())
/// # }
/// ```
///
/// # What the handle has
///
/// | method, for a field `x: T` | what it does |
/// | --- | --- |
/// | `x() -> T` | clones the newest value out of memory |
/// | `set_x(T) -> Commit<()>` | replaces it |
/// | `update_x(impl FnOnce(&mut T) -> R) -> Commit<R>` | changes it, from its newest value in all processes; the closure is `Send + 'static`, so what it uses is moved into it |
/// | `reset_x() -> Commit<()>` | sets it back to its seed |
/// | `watch_x() -> Watch<State, T>` | tells of every change, by any process |
///
/// The methods that concern the whole store (`snapshot`, `update`, `watch`, `sync` ...) come from `worsen::Handle`,
/// to which the handle derefs. An accessor has the visibility of its field: code that can use a private field, in the
/// module of the struct, can use its accessors too. `accessors = pub` makes all of them public. Each accessor has the
/// documentation of its field.
///
/// # Keys of the struct
///
/// | `#[store(...)]` above the struct | meaning | without it |
/// | --- | --- | --- |
/// | `name = "settings"` | the name of the store, and of its files `settings.db` ... | the struct's name in snake case |
/// | `dir = "./db"` | the directory of the files | `db` in the current directory |
/// | `dir = app("com", "Example", "Notes")` | the same: the platform's folder for this program's data, `worsen::app_dir`; opening creates it and missing folders above it | |
/// | `dir = config("com", "Example", "Notes")` | the same, for its settings: `worsen::config_dir` | |
/// | `dir = expr` | the same: any expression that becomes a `PathBuf` | |
/// | `poll = "5s"` or `"never"` | how often to look for changes by other processes, where they cannot announce them | every 5 s |
/// | `durability = Synced` or `Buffered` | whether a commit waits for the disk | `Synced` |
/// | `history = "7d"`, or a number of commits | how much of its past the store keeps, at least | what the log happens to hold |
/// | `lock_timeout = "5s"` | how long a write waits for another process to release the lock; with `"0s"` it tries once | 5 s |
/// | `handle = Name` | the name of the handle's type | the struct's name and `Store` |
/// | `accessors = pub(crate)` | the visibility of all accessors | each field's own |
/// | `rename_all = "camelCase"` | how a field's name becomes its uid; the rules are serde's | the name as it is |
/// | `validate = path`, `normalize = path` | [rules](#rules) of the whole struct | |
/// | `on_mismatch = "seed"` or `"error"` | what a stored value reads as that does not fit its field, for all fields; [below](#stored-values-that-do-not-fit) | `"error"` |
/// | `version = 3` | the version of the struct, from 1 on: see [below](#a-struct-that-changes) | 0 |
/// | `migrate = path` | the function that brings a store of an older version to this one: `fn(&mut worsen::Raw<'_>, from: u32) -> worsen::Result<()>` | nothing changes but the version |
/// | `compatible = 2` | the oldest version of the program that may use a store of this version | the version itself |
/// | `removed("a", "b")` | opening drops what the store has under these uids | unknown uids stay |
/// | `deny_unknown` | opening refuses a store that has a uid without a field | unknown uids stay, and `health()` tells of them |
/// | `env_prefix = "APP_"` | what stands before the name of a field that has `env` alone | |
/// | `crate = path` | where the `worsen` crate is, when it is renamed or re-exported | `::worsen` |
///
/// A time is a number with its unit: `"250ms"`, `"5s"`, `"1m 30s"`, `"2h"`.
///
/// # Keys of a field
///
/// | `#[store(...)]` above a field | meaning | without it |
/// | --- | --- | --- |
/// | `uid = "FontSize"` | the field's name in the file; it keeps the value when the field is renamed in the program | the field's name |
/// | `alias = "font_size"` | a former uid of the field, and there may be several: see [below](#a-struct-that-changes) | none |
/// | `seed = expr` | the first value, in a store that has none for the field yet; its type is that of the field | `Default::default()` |
/// | `accessor = "name"` | the name that the accessors are made of: `name`, `set_name`, `update_name`, `reset_name`, `watch_name` | the field's name |
/// | `skip` | the store does not write the field: it starts at its `Default` in each process, and has no accessors, only its place in a snapshot. `skip = false` stores a field that serde skips | |
/// | `with = module` | `module::serialize` writes the JSON and `module::deserialize` reads it, as with serde; the type needs neither trait | serde's traits |
/// | `on_mismatch = "seed"` or `"error"` | what a stored value reads as that [does not fit](#stored-values-that-do-not-fit) | as the struct says |
/// | `range`, `len`, `one_of`, `validate`, `normalize` | [rules](#rules): which values are written | every value |
/// | `env = "APP_PORT"` | an [override](#overrides): the field reads as this variable of the environment, where it is set | it reads as what is stored |
/// | `env` | the same, by the struct's `env_prefix` and the field's name in capitals | |
///
/// # Stored values that do not fit
///
/// A newer version of the program, or a person with an editor, may store what does not decode as the field's type: an
/// enum has one more variant.
///
/// With `on_mismatch = "seed"` the field reads as its seed. What is stored stays in the file, untouched, until this field
/// is set or reset; other fields are written meanwhile, and `health()` tells of it (`ReadsAsSeed`). `set_x` writes
/// whatever it is given; `update_x` and `update` write the field where they change it.
///
/// With `on_mismatch = "error"`, and where nothing is said, opening is an error that names every such field. Where
/// another process stores the value while the store is open, reads stay at the state before, writes are refused, and
/// `health()` tells of it (`Misfit`), until somebody stores a value that fits.
///
/// An entry of a `worsen::Map`, `Set`, `Queue` or `WorkQueue` that does not fit is left out, and `health()` tells of it
/// (`LeftOut`). It stays in the file until its key is set or removed, or the collection is cleared, reset or replaced. Where
/// `on_mismatch = "error"` is said in so many words, it is an error, as above.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use worsen::Store;
///
/// mod newer {
///     # use super::*;
///     #[derive(Clone, Default, Serialize, Deserialize)]
///     pub enum Theme { #[default] Light, Dark, Sepia }
///
///     #[derive(Store)]
///     #[store(name = "settings")]
///     pub struct Settings { pub theme: Theme, pub size: u32 }
/// }
///
/// #[derive(Debug, PartialEq, Clone, Default, Serialize, Deserialize)]
/// enum Theme { #[default] Light, Dark }
///
/// #[derive(Store)]
/// #[store(name = "settings")]
/// struct Settings {
///     #[store(on_mismatch = "seed")]
///     theme: Theme,
///     size: u32,
/// }
///
/// # fn main() -> worsen::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// let newer = newer::Settings::builder().dir(dir).open()?;
/// newer.set_theme(newer::Theme::Sepia).wait()?;
/// # drop(newer);
///
/// let settings = Settings::builder().dir(dir).open()?;
/// assert_eq!(settings.theme(), Theme::Light);
/// settings.update(|settings| settings.size += 1).wait()?;
/// for condition in settings.health() {
///     eprintln!("{condition}");   // uid `theme`: the stored value `"Sepia"` …
/// }
/// # assert_eq!(settings.health().len(), 1);
/// # let newer = newer::Settings::builder().dir(dir).open()?;
/// # assert!(matches!(newer.theme(), newer::Theme::Sepia));
/// # Ok(())
/// # }
/// ```
///
/// # Rules
///
/// | `#[store(...)]` above a field | which values are written |
/// | --- | --- |
/// | `range = 1..=65535` | those in this range, of any type with an order; one end may be open |
/// | `len = ..=80` | texts of so many characters (`char`s, not bytes), and lists, sets, maps and collections of so many elements |
/// | `one_of = ["light", "dark"]` | those that equal one of these |
/// | `validate = path` | those for which `fn(&T) -> Result<(), E>` returns `Ok`; what it returns otherwise can be printed, and says why |
/// | `normalize = path` | what `fn(&mut T)` makes of them, before the other rules are asked; the caller reads it back, too |
///
/// Of an `Option`, `range`, `len` and `one_of` ask what is in it, and let `None` pass; the functions get the `Option`. Of
/// a collection, such as `worsen::Map`, all rules see the whole, and not one entry.
///
/// A write that breaks a rule is an error of kind `Invalid`, which names the uid, the value and the rule; nothing of
/// it is written. A seed that breaks one is such an error at opening, or does not compile where both are literals.
///
/// A rule judges what a write changes, and no read. So a value that another program has stored, an older version or a
/// person with an editor, is shown although it breaks a rule; `health()` tells of it, and a write of other fields, or of other
/// entries of the same collection, leaves it as it is.
///
/// Above the struct, `validate = path` and `normalize = path` name an `fn(&State) -> Result<(), E>` and an
/// `fn(&mut State)`. They are called after the rules of the fields that were written and before those of what
/// `normalize` has changed, and may compare fields. A write to a struct with a `normalize` looks at all of its fields.
///
/// ```
/// use worsen::{ErrorKind, Store};
///
/// #[derive(Store)]
/// #[store(validate = Server::check)]
/// struct Server {
///     #[store(seed = 8080, range = 1..=65535)]
///     port: u16,
///     #[store(len = ..=80, normalize = trim)]
///     title: String,
///     #[store(seed = "light".into(), one_of = ["light", "dark"])]
///     theme: String,
///     #[store(seed = 1)]
///     min_threads: u32,
///     #[store(seed = 8)]
///     max_threads: u32,
/// }
///
/// fn trim(title: &mut String) {
///     *title = title.trim().to_owned();
/// }
///
/// impl Server {
///     fn check(&self) -> Result<(), &'static str> {
///         match self.min_threads <= self.max_threads {
///             true => Ok(()),
///             false => Err("there are more threads at least than at most"),
///         }
///     }
/// }
///
/// # fn main() -> worsen::Result<()> {
/// let server = Server::builder().in_memory().open()?;
/// let error = server.set_port(0).wait().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert!(error.to_string().contains("the value `0` breaks the rule `range = 1..=65535`"));
/// assert_eq!(server.port(), 8080);
/// server.set_title("  Home ".into()).wait()?;
/// assert_eq!(server.title(), "Home");
/// assert!(server.set_min_threads(9).wait().is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Overrides
///
/// A field with `env = "APP_PORT"` reads as that variable of the environment says, if it is set when the store is opened: the
/// environment goes before what is stored, and what is stored before the seed. `source_of("port")` tells which
/// of them it is.
///
/// - The text is the value of a field that can be read from a text, such as a `String`, a path, an address or an
///   enum's variant. Otherwise it is JSON: `8080`, `true`, `[1,2]`. A text that is neither, or that breaks a rule of the
///   field, is an error of kind `Environment` at opening. It names the variable, the field and its type, and does not
///   print the text, which may be a password.
/// - All reads of the process agree: the accessor, `snapshot()`, `watch()` and `on_change()` show the override. A watch of
///   the field tells of nothing, as it always reads the same.
/// - An override is never stored, and other processes do not see it. Writes work beneath it: `set_port(80)` stores 80, which
///   shows once the variable is gone; the closures of `update_port` and `update` get what is stored. So `port()` may
///   be another value than the one that was just set.
/// - A collection, such as `worsen::Map`, cannot be overridden.
///
/// ```
/// use worsen::{Source, Store};
///
/// #[derive(Store)]
/// #[store(env_prefix = "APP_")]
/// struct Server {
///     #[store(seed = 80, env)]   // APP_PORT
///     port: u16,
///     #[store(env = "HOSTNAME")]
///     host: String,
/// }
///
/// # fn main() -> worsen::Result<()> {
/// let server = Server::builder()
///     .in_memory()
///     // For a test: by default it is the environment of the process.
///     .environment(|name| (name == "APP_PORT").then(|| "8080".into()))
///     .open()?;
/// assert_eq!(server.port(), 8080);
/// assert_eq!(server.source_of("port"), Some(Source::Env("APP_PORT")));
/// server.set_port(9000).wait()?;
/// assert_eq!(server.port(), 8080);
/// assert_eq!(server.update_port(|port| *port).wait()?, 9000);   // what is stored
/// # Ok(())
/// # }
/// ```
///
/// # A struct that is serde's already
///
/// Unless a key of `#[store(...)]` says otherwise, the attributes of serde hold for the store too, so that a
/// field has the same name and form in the store's file and in serde's JSON.
///
/// | `#[serde(...)]` | in a store |
/// | --- | --- |
/// | `rename`, `rename_all` | the uid; `uid` and `rename_all` overrule them |
/// | `default`, `default = "path"`, also above the struct | the seed; `seed` overrules it |
/// | `skip` | `skip`; `skip = false` stores the field |
/// | `with`, `serialize_with`, `deserialize_with` | as `with`, which overrules them |
/// | `skip_serializing_if`, `borrow`, `bound`, `getter`, and above the struct `bound`, `crate`, `expecting`, `remote`, `rename`, `tag` | no effect in a store |
/// | `deny_unknown_fields` | no effect in a store: it keeps uids that it does not know through every write, for another version of the program; `#[store(deny_unknown)]` refuses them |
/// | `alias` | an error, until `#[store(alias = ...)]` names the former uids, or `uid` says that there are none |
/// | `flatten`, and two names in place of one | an error, until `uid` says under which uid the store keeps the whole field |
/// | `skip_serializing` or `skip_deserializing` alone | an error, until `skip` or `skip = false` says whether the field is stored |
/// | `from`, `try_from`, `into`, `transparent` | an error: they convert the whole struct, and a store reads and writes it field by field |
///
/// # A struct that changes
///
/// A field may be added: in a store that exists it reads as its seed until it is set. A field may be left out: its value
/// stays in the file, and `health()` tells of it; `removed("uid")` drops it when the store is opened.
///
/// A field may get another uid, where `alias` names the former one. It is read under that, as long as its new uid
/// holds nothing. The first write that changes the field writes it under the new uid and removes the old one, in the
/// same commit. An older program that runs beside sees its field without a value then, which reads as its seed; what it
/// writes after that stays under the old uid and is its own: the newer one reads the new uid, and tells of the other
/// in `health()`. Where that will not do, the older program is to be kept out by a version.
///
/// A field may get another meaning or type, where `migrate` names a function that changes the values. It is called
/// once, by the first opening of a program whose `version` is greater than the store's, with the version that the store
/// has: 0 where no program with a version has opened it yet. It works on a copy; where it returns an error, or panics,
/// nothing has changed. Otherwise the copy, with the new version, is one commit, and the state before it is kept beside
/// the log: as `settings.v2.db` for a store `settings` that was of version 2. A new store begins with the version of its
/// program, and no migration.
///
/// A program that is older than the store is refused with an error that names both versions, also while it has the store
/// open: its writes are errors then, and it reads the last state from before. `compatible = 2` lets programs from
/// version 2 on go on beside.
///
/// # Generics
///
/// A type parameter works if its bounds say that it can be stored, `T: worsen::Field`, and its field has a seed or a
/// `Default`. Stores of all types that it stands for have the same name, that of the struct: to open two of them at
/// the same time, give them two names with `builder().name(...)`. A lifetime is an error, because a store may live as
/// long as the program.
#[proc_macro_derive(Store, attributes(store, serde))]
pub fn derive_store(input: TokenStream) -> TokenStream {
    derive::derive(input.into()).into()
}

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
///
/// For `struct AppState` it implements the trait `worsen::Store`, by which `AppState::open()` and
/// `AppState::builder()` work, and writes the handle that they open, `AppStateStore`. Nothing else need
/// be derived on the struct. The types of its fields are `Clone`, `Serialize`, `Deserialize`, `Send`,
/// `Sync` and `'static`, and have a `Default` or a seed.
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
/// What is not of one field (`snapshot`, `update`, `watch`, `sync` ...) comes from `worsen::Handle`, to
/// which the handle derefs. An accessor has the visibility of its field: the accessors of a private
/// field can be used where the field can, in the module of the struct. `accessors = pub` opens them all.
/// The documentation of a field stands on each of its accessors.
///
/// # Keys of the struct
///
/// | `#[store(...)]` above the struct | meaning | without it |
/// | --- | --- | --- |
/// | `name = "settings"` | the name of the store, and of its files `settings.db` ... | the struct's name in snake case |
/// | `dir = "./db"` | the directory of the files | `db` in the current directory |
/// | `dir = app("com", "Example", "Notes")` | the same: the platform's folder for this program's data, `worsen::app_dir`; what is missing above it is created too | |
/// | `dir = config("com", "Example", "Notes")` | the same, for its settings: `worsen::config_dir` | |
/// | `dir = expr` | the same: any expression that becomes a `PathBuf` | |
/// | `poll = "5s"` or `"never"` | how often to look for changes by other processes, where they cannot tell | every 5 s |
/// | `durability = Synced` or `Buffered` | whether a commit waits for the disk | `Synced` |
/// | `lock_timeout = "5s"` | how long a write waits for another process; `"0s"` tries once | 5 s |
/// | `handle = Name` | the name of the handle's type | the struct's name and `Store` |
/// | `accessors = pub(crate)` | the visibility of all accessors | each field's own |
/// | `rename_all = "camelCase"` | how a field's name becomes its uid; the rules are serde's | the name as it is |
/// | `crate = path` | where the `worsen` crate is, when it is renamed or re-exported | `::worsen` |
///
/// A time is a number with its unit: `"250ms"`, `"5s"`, `"1m 30s"`, `"2h"`.
///
/// # Keys of a field
///
/// | `#[store(...)]` above a field | meaning | without it |
/// | --- | --- | --- |
/// | `uid = "FontSize"` | the field's name in the file, which survives that the field is renamed | the field's name |
/// | `seed = expr` | the value in a store that has none yet; it has the type of the field | `Default::default()` |
/// | `accessor = "name"` | what the accessors are named after: `name`, `set_name`, `update_name`, `reset_name`, `watch_name` | the field's name |
/// | `skip` | the field is not stored (`skip = false`: it is, though serde skips it): it starts at its `Default` in each process, is never written, and has no accessors, only its place in a snapshot | |
/// | `with = module` | the JSON is written by `module::serialize` and read by `module::deserialize`, as with serde; the type needs neither trait | serde's traits |
///
/// # A struct that is serde's already
///
/// Where no key of `#[store(...)]` says otherwise, the attributes of serde hold for the store too, so that
/// a field has one name and one form in its file and in serde's JSON.
///
/// | `#[serde(...)]` | in a store |
/// | --- | --- |
/// | `rename`, `rename_all` | the uid; `uid` and `rename_all` overrule them |
/// | `default`, `default = "path"`, also above the struct | the seed; `seed` overrules it |
/// | `skip` | `skip`; `skip = false` stores the field |
/// | `with`, `serialize_with`, `deserialize_with` | as `with`, which overrules them |
/// | `skip_serializing_if`, `borrow`, `bound`, `getter`, and above the struct `bound`, `crate`, `expecting`, `remote`, `rename`, `tag` | serde's alone |
/// | `deny_unknown_fields` | serde's alone: a store carries uids that it does not know through every write, for another version of the program |
/// | `alias`, `flatten`, and two names in the place of one | an error, until `uid` says under which uid the field is kept whole |
/// | `skip_serializing` or `skip_deserializing` alone | an error, until `skip` or `skip = false` says whether the field is stored |
/// | `from`, `try_from`, `into`, `transparent` | an error: they are of the whole struct, and a store reads and writes it field by field |
///
/// # Generics
///
/// A type parameter works when it says that it can be stored, `T: worsen::Field`, and has a seed or
/// `Default`. All instances share the struct's name: two of them that are open at the same time need
/// two names, by `builder().name(...)`. Lifetimes are refused, for a store outlives every borrow.
#[proc_macro_derive(Store, attributes(store, serde))]
pub fn derive_store(input: TokenStream) -> TokenStream {
    derive::derive(input.into()).into()
}

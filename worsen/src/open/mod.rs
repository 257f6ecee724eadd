//! Opening: the trait [`Store`], the options of a builder, and who shares what is open already. How a store
//! is kept is the business of the rooms above.

use std::{fmt, ops::Deref};

use self::builder::Builder;
use crate::{error::Error, schema::Schema, struct_store::Handle};

pub(crate) mod app_dir;
pub(crate) mod builder;
mod import_once;
pub(crate) mod keyed;
mod place;
mod registry;

/// A plain struct that can be kept as a persistent, shared store. Derive it, do not write it.
///
/// `Store::Handle` is the generated handle with one set of accessors a field: `AppStateStore` for
/// `AppState`. Code that is generic over the store takes the [`Handle`] that it derefs to, which is `Send`
/// and `Sync` for every store:
///
/// ```
/// use worsen::{Handle, Store};
///
/// /// Opens any store, and reports to another thread what changes in it.
/// fn report<S: Store>(open: impl FnOnce() -> worsen::Result<S::Handle>) -> worsen::Result<()> {
///     let store: Handle<S> = (*open()?).clone();
///     std::thread::spawn(move || println!("{} is at {}", store.store_name(), store.revision()));
///     Ok(())
/// }
/// # #[derive(Store)] struct State { ready: bool }
/// # report::<State>(|| State::builder().in_memory().open()).unwrap();
/// ```
///
/// ```
/// use worsen::Store;
///
/// #[derive(Store)]
/// #[store(name = "settings")]
/// struct Settings {
///     #[store(seed = 11)]
///     font_size: u32,
/// }
///
/// # fn main() -> Result<(), worsen::Error> {
/// let store = Settings::builder().in_memory().open()?;
/// assert_eq!(store.font_size(), 11);
/// store.set_font_size(14).wait()?;
/// assert_eq!(store.font_size(), 14);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store",
    label = "this type does not implement `worsen::Store`",
    note = "write `#[derive(worsen::Store)]` above the struct"
)]
pub trait Store:
    Schema<Handle: From<Handle<Self>> + Deref<Target = Handle<Self>> + Clone + fmt::Debug + 'static>
{
    /// Opens the store with the settings of its attributes, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`].
    fn open() -> Result<Self::Handle, Error> {
        Self::builder().open()
    }

    /// Starts from the settings of the attributes; every one of them can be overridden.
    fn builder() -> Builder<Self> {
        Builder::new()
    }
}

#[diagnostic::do_not_recommend]
impl<S> Store for S where
    S: Schema<Handle: From<Handle<S>> + Deref<Target = Handle<S>> + Clone + fmt::Debug + 'static>
{
}

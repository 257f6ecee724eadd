//! The syntax of `#[store(...)]`: what a struct and a field can say, as data, and each key once.
//!
//! Never here: whether a well-formed value makes sense, which `check` decides.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprArray, ExprRange, Ident, LitInt, LitStr, Path, Visibility};

use self::keys::{APP, CONFIG};
use crate::{case::RenameRule, ctxt::Ctxt};

mod keys;
mod parse;
pub(crate) mod serde;
mod suggest;
mod values;

#[cfg(test)]
pub(crate) use self::keys::all_keys;

pub(crate) const STORE: &str = "store";
pub(crate) const SERDE: &str = "serde";
pub(crate) const DEPRECATED: &str = "deprecated";
pub(crate) const DOC: &str = "doc";

/// A value with the key that it was given under.
pub(crate) struct Given<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

/// A key that can be given once.
pub(crate) struct Slot<T>(Option<Given<T>>);

impl<T> Slot<T> {
    fn set(&mut self, ctxt: &Ctxt, key: &Ident, value: T) {
        match &self.0 {
            None => {
                self.0 = Some(Given {
                    key: key.clone(),
                    value,
                })
            }
            Some(first) => {
                let mut error = syn::Error::new(
                    key.span(),
                    format!("`{key}` is given twice: keep one of them"),
                );
                error.combine(syn::Error::new(
                    first.key.span(),
                    format!("`{key}` is given here first"),
                ));
                ctxt.push(error);
            }
        }
    }

    pub(crate) fn get(&self) -> Option<&Given<T>> {
        self.0.as_ref()
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|given| &given.value)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(None)
    }
}

/// The `dir` of a store, as it was written.
pub(crate) enum Dir {
    /// `"./db"`
    Path(LitStr),
    /// `app("com", "Org", "App")`, or `config(...)`
    Folder(Folder, [LitStr; 3]),
    /// Anything else that becomes a `PathBuf`.
    Expr(Box<Expr>),
}

/// Which of the platform's folders for one program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Data,
    Config,
}

impl Folder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Folder::Data => APP,
            Folder::Config => CONFIG,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Synced,
    Buffered,
}

/// How much of its past a store keeps, as it was written.
pub(crate) enum History {
    /// `"7d"`
    Age(LitStr),
    /// `1000`
    Commits(LitInt),
}

/// What a stored value reads as that does not fit its field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnMismatch {
    Error,
    Seed,
}

/// A whole number, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: u32,
    pub(crate) span: Span,
}

/// A value that may be a mistake. The compiler reports the mistake, and nothing that follows from it.
pub(crate) enum Written<T> {
    Well(T),
    Badly,
}

/// Every `#[store(...)]` of the struct.
#[derive(Default)]
pub(crate) struct ContainerAttrs {
    pub(crate) name: Slot<LitStr>,
    pub(crate) dir: Slot<Dir>,
    pub(crate) poll: Slot<LitStr>,
    pub(crate) durability: Slot<Durability>,
    pub(crate) lock_timeout: Slot<LitStr>,
    pub(crate) history: Slot<History>,
    pub(crate) handle: Slot<Ident>,
    pub(crate) accessors: Slot<Visibility>,
    pub(crate) rename_all: Slot<RenameRule>,
    pub(crate) runtime: Slot<Path>,
    pub(crate) validate: Slot<Path>,
    pub(crate) normalize: Slot<Path>,
    pub(crate) on_mismatch: Slot<OnMismatch>,
    pub(crate) version: Slot<Number>,
    pub(crate) migrate: Slot<Written<Path>>,
    pub(crate) compatible: Slot<Number>,
    pub(crate) removed: Slot<Vec<LitStr>>,
    pub(crate) deny_unknown: Slot<()>,
    pub(crate) env_prefix: Slot<LitStr>,
}

/// Every `#[store(...)]` of one field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) uid: Slot<LitStr>,
    /// Each `alias`: there may be several.
    pub(crate) aliases: Vec<Given<LitStr>>,
    pub(crate) seed: Slot<Written<Expr>>,
    pub(crate) accessor: Slot<LitStr>,
    /// `skip = false` stores a field that serde skips.
    pub(crate) skip: Slot<bool>,
    pub(crate) with: Slot<Written<Path>>,
    pub(crate) validate: Slot<Path>,
    pub(crate) normalize: Slot<Path>,
    pub(crate) range: Slot<ExprRange>,
    pub(crate) len: Slot<ExprRange>,
    pub(crate) one_of: Slot<ExprArray>,
    pub(crate) on_mismatch: Slot<OnMismatch>,
    /// Without a value: by the prefix of the struct, and the field's name.
    pub(crate) env: Slot<Option<LitStr>>,
}

/// The lines of a field's own documentation.
pub(crate) fn docs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident(DOC))
}

/// The `#[deprecated]` of a struct or a field, which the code that is generated for it gets too.
pub(crate) fn deprecated(attrs: &[Attribute]) -> Option<&Attribute> {
    attrs.iter().find(|attr| attr.path().is_ident(DEPRECATED))
}

//! The list of the mistakes in one struct. Never here: what a mistake is.

use std::cell::RefCell;

use proc_macro2::{Span, TokenStream};

/// The mistakes of one struct, so that one compilation shows all of them.
///
/// Its owner must call [`Ctxt::finish`]: otherwise a wrong struct would pass.
pub(crate) struct Ctxt {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Self {
        Ctxt {
            errors: RefCell::new(Some(Vec::new())),
        }
    }

    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// An error at exactly this place.
    pub(crate) fn error(&self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    /// All mistakes as `compile_error!` invocations; nothing where there are none.
    pub(crate) fn finish(self) -> TokenStream {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Ctxt {
    #[expect(
        clippy::panic,
        reason = "a bug of this crate, which its tests would show"
    )]
    fn drop(&mut self) {
        if self.errors.borrow().is_some() && !std::thread::panicking() {
            panic!("the errors of a derive were never looked at");
        }
    }
}

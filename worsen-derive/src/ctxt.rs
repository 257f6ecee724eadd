//! Where the mistakes of one struct are gathered. Never here: what is a mistake.

use std::cell::RefCell;

use proc_macro2::{Span, TokenStream};

/// Where the mistakes of one struct are gathered, so that all are told in one compilation.
///
/// [`Ctxt::finish`] must be called: errors that nobody looks at would let a wrong struct pass.
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

    /// Everything that was wrong, as `compile_error!` invocations. Empty where nothing was.
    pub(crate) fn finish(self) -> TokenStream {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Ctxt {
    #[expect(
        clippy::panic,
        reason = "a bug of this crate, told to its developer at compile time"
    )]
    fn drop(&mut self) {
        if self.errors.borrow().is_some() && !std::thread::panicking() {
            panic!("the errors of a derive were never looked at");
        }
    }
}

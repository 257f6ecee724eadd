//! The derive macro of `worsen`. Depend on `worsen`, not on this crate.
//!
//! Only the entry is here. Each step has its room, and imports run downward only: [`attr`] reads
//! the syntax of attributes, [`model`] holds the data, [`check`] states the rules, [`expand`] and
//! [`accessor`] write the code. The runtime is known by its `__private` paths alone.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use syn::DeriveInput;

mod accessor;
mod attr;
mod check;
mod expand;
mod model;
#[cfg(test)]
mod tests;

/// Derives the store.
#[proc_macro_derive(Store, attributes(store, serde))]
pub fn derive_store(input: TokenStream) -> TokenStream {
    derive(input.into()).into()
}

/// The whole derive on `proc_macro2` tokens, so that tests can call it.
fn derive(input: TokenStream2) -> TokenStream2 {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let ctxt = attr::Ctxt::new();
    let store = model::Store::from_input(&ctxt, &input);
    check::check(&ctxt, &store);
    expand::expand(&store, ctxt.finish())
}

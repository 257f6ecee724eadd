//! The whole derive in one function, over tokens of `proc_macro2`: the tests and the fuzzer call it without
//! a compiler around it. Never here: what any of its steps does.

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::{check, ctxt::Ctxt, expand, model::Store};

/// What `#[derive(Store)]` adds to a struct: its code, or the errors, or both.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let ctxt = Ctxt::new();
    let store = Store::from_input(&ctxt, &input);
    check::check(&ctxt, &store);
    expand::expand(&store, ctxt.finish())
}

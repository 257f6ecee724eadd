//! Whatever stands in the attributes of a struct, `#[derive(Store)]` never panics, and what it writes is
//! Rust: code, errors, or both. An input is the text of a struct, as the compiler hands it to the derive.
//!
//! A crate of macros hands out nothing but its macros, so the modules of the derive are taken in here
//! by their files. A test in `worsen-derive` fails where one is missing.

#![no_main]
#![allow(
    dead_code,
    reason = "the derive's tests use more of its modules than its function does"
)]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use proc_macro2::TokenStream;
use syn::DeriveInput;

#[path = "../../../../worsen-derive/src/attr/mod.rs"]
mod attr;
#[path = "../../../../worsen-derive/src/case.rs"]
mod case;
#[path = "../../../../worsen-derive/src/check/mod.rs"]
mod check;
#[path = "../../../../worsen-derive/src/ctxt.rs"]
mod ctxt;
#[path = "../../../../worsen-derive/src/derive.rs"]
mod derive;
#[path = "../../../../worsen-derive/src/expand/mod.rs"]
mod expand;
#[path = "../../../../worsen-derive/src/model.rs"]
mod model;
mod mutate;
#[path = "../../../../worsen-derive/src/names.rs"]
mod names;

/// Brackets within brackets. A parser that calls itself at each of them, as syn's does, is at the end of its
/// stack after some thousand, and that is neither the derive's to mend nor a program that somebody writes.
const DEEPEST: usize = 64;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some(tokens) = tokens(input) else {
        return Corpus::Reject;
    };
    let output = derive::derive(tokens);
    if let Err(error) = syn::parse2::<syn::File>(output.clone()) {
        panic!("the derive wrote what is no Rust: {error}\n{output}");
    }
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});

/// The tokens of an input that the compiler would hand to a derive.
fn tokens(input: &[u8]) -> Option<TokenStream> {
    let text = std::str::from_utf8(input).ok()?;
    if depth(text) > DEEPEST {
        return None;
    }
    let tokens: TokenStream = text.parse().ok()?;
    let input: DeriveInput = syn::parse2(tokens.clone()).ok()?;
    (!has_nameless_field(&input)).then_some(tokens)
}

/// Whether a field is called `_`, which syn takes for a name and the compiler for a mistake of its own.
fn has_nameless_field(input: &DeriveInput) -> bool {
    let syn::Data::Struct(data) = &input.data else {
        return false;
    };
    let mut names = data.fields.iter().filter_map(|field| field.ident.as_ref());
    names.any(|name| name == "_")
}

/// How many brackets are open at once, at most: more are counted where a text or a comparison holds some.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => open += 1,
            b')' | b']' | b'}' | b'>' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

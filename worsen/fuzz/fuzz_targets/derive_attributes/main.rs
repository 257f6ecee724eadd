//! Whatever a struct has in its attributes, `#[derive(Store)]` does not panic, and its output is Rust: code,
//! errors, or both. An input is the text of a struct, as the compiler hands it to the derive.
//!
//! A crate of macros exports nothing but its macros, so this target includes the files of the derive's modules. A test in
//! `worsen-derive` fails if one is missing.

#![no_main]

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
#[path = "../../../src/testing/random.rs"]
mod random;

/// Brackets within brackets. At each of them syn's parser calls itself, and some thousands overflow the stack. The
/// derive cannot mend that, and nobody writes such a program.
const DEEPEST: usize = 64;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some(tokens) = tokens(input) else {
        return Corpus::Reject;
    };
    let output = derive::derive(tokens);
    if let Err(error) = syn::parse2::<syn::File>(output.clone()) {
        panic!("the output is not Rust: {error}\n{output}");
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

/// Whether a field is called `_`. Syn takes that for a name; the compiler refuses it before it calls a derive.
fn has_nameless_field(input: &DeriveInput) -> bool {
    let syn::Data::Struct(data) = &input.data else {
        return false;
    };
    let mut names = data.fields.iter().filter_map(|field| field.ident.as_ref());
    names.any(|name| name == "_")
}

/// How many brackets are open at once, at most. It counts those in texts and comparisons too.
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

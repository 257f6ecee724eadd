//! The state of a new store: every field has its seed.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use super::span::{call, located, method_of};
use crate::{
    attr::serde::Default,
    model::{Field, Seed, Store},
};

/// `__seed`.
pub(super) fn method(store: &Store<'_>) -> TokenStream {
    let seed = seed(store);
    // In place of a seed that is a mistake stands a panic, and the code behind it is unreachable.
    let allow_unreachable = store
        .fields
        .iter()
        .any(|field| matches!(field.seed(), Seed::Unknown))
        .then(|| quote!(#[allow(unreachable_code, reason = "a seed is missing")]));
    quote! {
        #allow_unreachable
        #[inline]
        fn __seed() -> Self {
            #seed
        }
    }
}

fn seed(store: &Store<'_>) -> TokenStream {
    if !store.has_named_fields() {
        // There is no field that a seed could go to, and `check` has reported that.
        return quote!(__private::unreachable!());
    }
    // No local of a field has this name: theirs begin with two underscores.
    let whole = Ident::new("_struct", Span::mixed_site());
    let of_struct = of_struct(store, &whole);
    let locals = store.fields.iter().filter_map(local);
    let values = store.fields.iter().map(|field| value(store, field, &whole));
    quote! {
        #of_struct
        #(#locals)*
        Self { #(#values),* }
    }
}

/// The default of the whole struct, if a field takes its seed from it.
fn of_struct(store: &Store<'_>, whole: &Ident) -> Option<TokenStream> {
    let is_needed = store
        .fields
        .iter()
        .any(|field| matches!(field.seed(), Seed::OfStruct));
    let default = match store.serde.default.as_ref().filter(|_| is_needed)? {
        Default::Function(function) => {
            quote_spanned!(located(function.span())=> #function())
        }
        Default::Trait => quote!(<Self as __private::Default>::default()),
    };
    Some(quote!(let #whole: Self = #default;))
}

/// A local variable of the field's type. It makes a seed of another type an error that points at the seed and
/// names the field's type.
fn local(field: &Field<'_>) -> Option<TokenStream> {
    let (local, ty) = (seed_local(field), field.ty());
    match field.seed() {
        Seed::Expr(seed) => Some(quote!(let #local: #ty = #seed;)),
        Seed::Function(function) => {
            let span = located(function.span());
            let seed = quote_spanned!(span=> #function());
            Some(quote!(let #local: #ty = #seed;))
        }
        Seed::Default | Seed::OfStruct | Seed::Unknown => None,
    }
}

fn value(store: &Store<'_>, field: &Field<'_>, whole: &Ident) -> TokenStream {
    let ident = field.ident;
    match field.seed() {
        Seed::Expr(_) | Seed::Function(_) => {
            let local = seed_local(field);
            quote!(#ident: #local)
        }
        Seed::Unknown => quote!(#ident: __private::unreachable!()),
        Seed::OfStruct => {
            let copy = method_of(store, field, "copy");
            quote!(#ident: #copy(&#whole.#ident))
        }
        Seed::Default => {
            let source = if field.is_stored() {
                quote!(DefaultSeed)
            } else {
                quote!(Skipped)
            };
            let seed = call(field, field.ty(), source, "default_seed");
            quote!(#ident: #seed())
        }
    }
}

/// The identifier of a local variable that holds the seed of one field.
fn seed_local(field: &Field<'_>) -> Ident {
    format_ident!("__{}", field.name, span = Span::mixed_site())
}

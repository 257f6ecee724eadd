//! Everything that the derive adds to a struct. The runtime has the code that does something with a field; the
//! generated code only says with which one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Field, Store};

mod docs;
mod fields;
mod handle;
mod rules;
mod seed;
mod settings;
mod span;

/// Everything the derive adds: the errors, and beside them the code that a struct without mistakes would
/// get. Without that code one mistake would make all uses of the store mistakes too.
pub(crate) fn expand(store: &Store<'_>, errors: TokenStream) -> TokenStream {
    if !can_be_written(store) {
        return errors;
    }
    let runtime = store.runtime();
    let handle = handle::definition(store);
    let impls = handle::impls(store);
    let implementation = implementation(store);
    let allow_deprecated = store.allow_deprecated();
    quote! {
        #errors
        #handle
        #allow_deprecated
        const _: () = {
            use #runtime::__private;

            #impls
            #implementation
        };
    }
}

/// Whether the code could compile at all. With a lifetime, a type without bounds or one without a size, the
/// compiler would complain about each line of it, and nobody would find the one error that matters.
fn can_be_written(store: &Store<'_>) -> bool {
    store.input.generics.lifetimes().next().is_none()
        && store.unbounded_parameters().next().is_none()
        && !store.fields.iter().any(Field::has_no_size)
}

fn implementation(store: &Store<'_>) -> TokenStream {
    let name = &store.input.ident;
    let handle = &store.handle;
    let (impl_generics, ty_generics, where_clause) = store.input.generics.split_for_impl();
    let fields = fields::infos(store);
    let settings = settings::method(store);
    let evolution = settings::evolution(store);
    let seed = seed::method(store);
    let of_fields = fields::methods(store);
    let rules = rules::methods(store);
    quote! {
        #[automatically_derived]
        impl #impl_generics __private::Schema for #name #ty_generics #where_clause {
            type Handle = #handle #ty_generics;

            #settings
            #evolution
        }

        #[automatically_derived]
        impl #impl_generics __private::Fields for #name #ty_generics #where_clause {
            #fields
            #seed
            #of_fields
            #rules
        }
    }
}

//! The handle's type, and its methods for each field.
//!
//! Every method only calls a function of the runtime, so that a store of many fields compiles fast.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, Visibility};

use super::{
    docs::{compact, docs},
    span::{located, method_of, number},
};
use crate::{
    attr,
    model::{Field, Store},
    names::{self, Names},
};

/// The handle's type: a newtype over the runtime's `Handle`.
pub(super) fn definition(store: &Store<'_>) -> TokenStream {
    let runtime = store.runtime();
    let vis = &store.input.vis;
    let name = &store.input.ident;
    let handle = &store.handle;
    let generics = &store.input.generics;
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let docs = [
        format!(" The handle of the store [`{name}`].", name = store.name),
        String::new(),
        " Cloning it is cheap, and all clones are the same store. What is not of one field, such as"
            .to_owned(),
        " `snapshot`, `update` and `watch`, comes from the [`Handle`] that it derefs to.".to_owned(),
        String::new(),
        format!(" [`Handle`]: {}::Handle", compact(runtime.clone())),
    ];
    let deprecated = attr::deprecated(&store.input.attrs);
    let allow_deprecated = store.allow_deprecated();
    quote! {
        #(#[doc = #docs])*
        #deprecated
        #allow_deprecated
        #vis struct #handle #generics (#runtime::Handle<#name #ty_generics>) #where_clause;
    }
}

/// What the handle can do: its accessors, and the traits that every handle has.
pub(super) fn impls(store: &Store<'_>) -> TokenStream {
    let name = &store.input.ident;
    let handle = &store.handle;
    let handle_name = handle.to_string();
    let (impl_generics, ty_generics, where_clause) = store.input.generics.split_for_impl();
    let mut taken = HashSet::new();
    let accessors = store
        .fields
        .iter()
        .filter(|field| field.is_stored())
        .map(|field| accessors(store, field, &mut taken));
    quote! {
        #[allow(dead_code, reason = "a program uses the accessors it needs")]
        #[automatically_derived]
        impl #impl_generics #handle #ty_generics #where_clause {
            #(#accessors)*
        }

        #[automatically_derived]
        impl #impl_generics __private::From<__private::Handle<#name #ty_generics>>
            for #handle #ty_generics #where_clause
        {
            #[inline]
            fn from(__handle: __private::Handle<#name #ty_generics>) -> Self {
                Self(__handle)
            }
        }

        #[automatically_derived]
        impl #impl_generics __private::Clone for #handle #ty_generics #where_clause {
            #[inline]
            fn clone(&self) -> Self {
                Self(__private::Clone::clone(&self.0))
            }
        }

        #[automatically_derived]
        impl #impl_generics __private::fmt::Debug for #handle #ty_generics #where_clause {
            #[inline]
            fn fmt(&self, __formatter: &mut __private::fmt::Formatter<'_>) -> __private::fmt::Result {
                __formatter.debug_tuple(#handle_name).field(&self.0).finish()
            }
        }

        #[automatically_derived]
        impl #impl_generics __private::Deref for #handle #ty_generics #where_clause {
            type Target = __private::Handle<#name #ty_generics>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    }
}

/// The accessors of one field. It leaves out a name that is taken: `check` has reported that, and a second
/// definition would report it again.
fn accessors(store: &Store<'_>, field: &Field<'_>, taken: &mut HashSet<String>) -> TokenStream {
    let names = Names::of(field);
    let methods: [(&str, Method); 5] = [
        (&names.read, read),
        (&names.set, set),
        (&names.update, update),
        (&names.reset, reset),
        (&names.watch, watch),
    ];
    methods
        .into_iter()
        .filter(|(name, _)| {
            names::is_accessor_name(name)
                && !names::is_reserved(name)
                && taken.insert((*name).to_owned())
        })
        .map(|(name, method)| method(store, field, &method_ident(name, field.accessor.span)))
        .collect()
}

type Method = fn(&Store<'_>, &Field<'_>, &Ident) -> TokenStream;

/// `x`.
fn read(store: &Store<'_>, field: &Field<'_>, method: &Ident) -> TokenStream {
    let summary = format!(" The value of `{}`, cloned from memory.", field.name);
    let docs = docs(store, field, &summary, true);
    let (vis, ident, ty) = parts(store, field);
    let copy = method_of(store, field, "copy");
    quote! {
        #docs
        #[inline]
        #vis fn #method(&self) -> #ty {
            __private::read(&self.0, |__state| #copy(&__state.#ident))
        }
    }
}

/// `set_x`.
fn set(store: &Store<'_>, field: &Field<'_>, method: &Ident) -> TokenStream {
    let summary = format!(" Sets `{}`, once you await the commit.", field.name);
    let docs = docs(store, field, &summary, false);
    let (vis, ident, ty) = parts(store, field);
    let (index, replace) = (number(field), method_of(store, field, "set"));
    quote! {
        #docs
        #[inline]
        #vis fn #method(&self, value: #ty) -> __private::Commit<()> {
            #replace(&self.0, #index, value, |__state| &mut __state.#ident)
        }
    }
}

/// `update_x`.
fn update(store: &Store<'_>, field: &Field<'_>, method: &Ident) -> TokenStream {
    let summary = format!(
        " Changes `{}` in place: the closure gets the newest value of all processes.",
        field.name
    );
    let docs = docs(store, field, &summary, false);
    let (vis, ident, ty) = parts(store, field);
    let (index, result) = (number(field), result_parameter(store));
    quote! {
        #docs
        #[inline]
        #vis fn #method<#result>(
            &self,
            change: impl __private::FnOnce(&mut #ty) -> #result + __private::Send + 'static,
        ) -> __private::Commit<#result>
        where
            #result: __private::Send + 'static,
        {
            __private::update_field(&self.0, #index, move |__state| change(&mut __state.#ident))
        }
    }
}

/// `reset_x`.
fn reset(store: &Store<'_>, field: &Field<'_>, method: &Ident) -> TokenStream {
    let summary = format!(
        " Sets `{}` back to its seed, once you await the commit.",
        field.name
    );
    let docs = docs(store, field, &summary, false);
    let (vis, index) = (store.accessor_visibility(field), number(field));
    quote! {
        #docs
        #[inline]
        #vis fn #method(&self) -> __private::Commit<()> {
            __private::reset_field(&self.0, #index)
        }
    }
}

/// `watch_x`.
fn watch(store: &Store<'_>, field: &Field<'_>, method: &Ident) -> TokenStream {
    let summary = format!(
        " Tells of every change of `{}`, by any process.",
        field.name
    );
    let docs = docs(store, field, &summary, false);
    let state = &store.input.ident;
    let (_, ty_generics, _) = store.input.generics.split_for_impl();
    let (vis, ident, ty) = parts(store, field);
    let (index, copy) = (number(field), method_of(store, field, "copy"));
    quote! {
        #docs
        #[inline]
        #vis fn #method(&self) -> __private::Watch<#state #ty_generics, #ty> {
            __private::watch_field(&self.0, #index, |__state| #copy(&__state.#ident))
        }
    }
}

/// The visibility of an accessor, and the name and type of the field behind it.
fn parts<'a>(
    store: &'a Store<'_>,
    field: &'a Field<'_>,
) -> (&'a Visibility, &'a Ident, TokenStream) {
    (
        store.accessor_visibility(field),
        field.ident,
        store.type_of(field),
    )
}

/// A method's name. Editors find it at the field, and lints know that no person wrote it.
fn method_ident(name: &str, span: Span) -> Ident {
    let span = located(span);
    if syn::parse_str::<Ident>(name).is_ok() {
        Ident::new(name, span)
    } else {
        // `names` lets a name through that is no identifier only if it is a keyword.
        Ident::new_raw(name, span)
    }
}

/// The type parameter of `update_x`: `R`, unless the struct has or names another `R`.
fn result_parameter(store: &Store<'_>) -> Ident {
    fn names_r(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "R",
            TokenTree::Group(group) => names_r(group.stream()),
            // A macro may expand to any name.
            TokenTree::Punct(punct) => punct.as_char() == '!',
            TokenTree::Literal(_) => false,
        })
    }
    let mut tokens = store.input.generics.to_token_stream();
    tokens.extend(
        store
            .fields
            .iter()
            .map(|field| field.ty().to_token_stream()),
    );
    let name = if names_r(tokens) || store.name == "R" {
        "__R"
    } else {
        "R"
    };
    Ident::new(name, Span::call_site())
}

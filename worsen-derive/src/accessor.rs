//! The handle's type, and the methods it has for each field.
//!
//! Every method is a thin shim into a function of the runtime, which is compiled once for all.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Literal, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, Meta};

use crate::{
    attr::{self, Durability},
    check,
    expand::{located, method_of},
    model::{Field, Seed, Store},
};

/// In bytes: a longer seed is not shown in the documentation.
const LONGEST_SEED: usize = 80;

/// The names of the methods of one field.
pub(crate) struct Names {
    pub(crate) read: String,
    pub(crate) set: String,
    pub(crate) update: String,
    pub(crate) reset: String,
    pub(crate) watch: String,
}

impl Names {
    pub(crate) fn of(field: &Field<'_>) -> Self {
        let name = &field.accessor.value;
        Names {
            read: name.clone(),
            set: format!("set_{name}"),
            update: format!("update_{name}"),
            reset: format!("reset_{name}"),
            watch: format!("watch_{name}"),
        }
    }

    pub(crate) fn all(&self) -> [&str; 5] {
        [
            &self.read,
            &self.set,
            &self.update,
            &self.reset,
            &self.watch,
        ]
    }
}

/// The handle's type: a newtype over the runtime's `Handle`.
pub(crate) fn handle(store: &Store<'_>) -> TokenStream {
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

/// What the handle can do: the accessors, and the traits of every handle.
pub(crate) fn impls(store: &Store<'_>) -> TokenStream {
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

/// `x`, `set_x`, `update_x`, `reset_x` and `watch_x`. A name that is taken already is left out: the collision
/// has been told, and a second definition would only tell it again.
fn accessors(store: &Store<'_>, field: &Field<'_>, taken: &mut HashSet<String>) -> TokenStream {
    let state = &store.input.ident;
    let (_, ty_generics, _) = store.input.generics.split_for_impl();
    let vis = store.accessor_visibility(field);
    let ident = field.ident;
    let index = Literal::usize_unsuffixed(field.index);
    let ty = store.type_of(field);
    let result = result_parameter(store);
    let copy = method_of(store, field, "copy");
    let replace = method_of(store, field, "set");
    let names = Names::of(field);
    let name = &field.name;

    let mut method = |name: &str, body: &dyn Fn(Ident) -> TokenStream| {
        let free = check::is_accessor_name(name)
            && !check::is_reserved(name)
            && taken.insert(name.to_owned());
        free.then(|| body(method_ident(name, field.accessor.span)))
    };

    let read = method(&names.read, &|method| {
        let docs = docs(
            store,
            field,
            &format!(" The value of `{name}`, cloned from memory."),
            true,
        );
        quote! {
            #docs
            #[inline]
            #vis fn #method(&self) -> #ty {
                __private::read(&self.0, |__state| #copy(&__state.#ident))
            }
        }
    });
    let set = method(&names.set, &|method| {
        let docs = docs(
            store,
            field,
            &format!(" Sets `{name}`, once the commit is awaited."),
            false,
        );
        quote! {
            #docs
            #[inline]
            #vis fn #method(&self, value: #ty) -> __private::Commit<()> {
                #replace(&self.0, #index, value, |__state| &mut __state.#ident)
            }
        }
    });
    let update = method(&names.update, &|method| {
        let docs = docs(
            store,
            field,
            &format!(
                " Changes `{name}` in place: the closure sees its newest value in all processes."
            ),
            false,
        );
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
    });
    let reset = method(&names.reset, &|method| {
        let docs = docs(
            store,
            field,
            &format!(" Sets `{name}` back to its seed, once the commit is awaited."),
            false,
        );
        quote! {
            #docs
            #[inline]
            #vis fn #method(&self) -> __private::Commit<()> {
                __private::reset_field(&self.0, #index)
            }
        }
    });
    let watch = method(&names.watch, &|method| {
        let docs = docs(
            store,
            field,
            &format!(" Tells of every change of `{name}`, by any process."),
            false,
        );
        quote! {
            #docs
            #[inline]
            #vis fn #method(&self) -> __private::Watch<#state #ty_generics, #ty> {
                __private::watch_field(&self.0, #index, |__state| #copy(&__state.#ident))
            }
        }
    });
    quote!(#read #set #update #reset #watch)
}

/// A method's name: at the place of the field, for editors, but not written by a person, for lints.
fn method_ident(name: &str, span: Span) -> Ident {
    let span = located(span);
    if syn::parse_str::<Ident>(name).is_ok() {
        Ident::new(name, span)
    } else {
        // Only a keyword is a name and yet no identifier.
        Ident::new_raw(name, span)
    }
}

/// The type parameter of `update_x`: `R`, unless the struct has or names an `R` of its own.
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

/// The documentation of one accessor: the field's own words, and how it is stored.
fn docs(store: &Store<'_>, field: &Field<'_>, summary: &str, is_read: bool) -> TokenStream {
    let (words, others): (Vec<_>, Vec<_>) = field
        .docs()
        .partition(|attr| matches!(attr.meta, Meta::NameValue(_)));
    let deprecated = attr::deprecated(&field.original.attrs);
    let summary = (!is_read || words.is_empty()).then_some(summary);
    let gap = (summary.is_some() && !words.is_empty()).then_some("");
    let seed = match field.seed() {
        Seed::Expr(expr) => {
            let seed = compact(expr.to_token_stream());
            if seed.len() <= LONGEST_SEED {
                format!("its seed is {}", code(&seed))
            } else {
                "it has a seed".to_owned()
            }
        }
        Seed::Function(function) => {
            let function = compact(function.to_token_stream());
            format!("its seed is {}", code(&format!("{function}()")))
        }
        Seed::OfStruct => "its seed is that of the struct's default".to_owned(),
        Seed::Default | Seed::Unknown => "its seed is the `Default` of its type".to_owned(),
    };
    let durability = match store.durability() {
        Durability::Synced => "on disk",
        Durability::Buffered => "with the operating system",
    };
    let storage = format!(
        " Stored as {uid}; {seed}; a commit resolves once it is {durability}.",
        uid = code(&field.uid.value)
    );
    let summary = summary.into_iter();
    let gap = gap.into_iter();
    quote! {
        #(#[doc = #summary])*
        #(#[doc = #gap])*
        #(#words)*
        #[doc = ""]
        #[doc = #storage]
        #(#others)*
        #deprecated
    }
}

/// Markdown that shows a text as code, whatever is in it.
fn code(text: &str) -> String {
    let text = text
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Tokens as a person would write them in a line, near enough for documentation.
fn compact(tokens: TokenStream) -> String {
    let mut text = String::new();
    write_compact(tokens, &mut text);
    text
}

fn write_compact(tokens: TokenStream, text: &mut String) {
    let mut operator = String::new();
    let mut after_word = false;
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) => {
                operator.push(punct.as_char());
                if punct.spacing() == Spacing::Joint {
                    continue;
                }
                let is_last = at + 1 == tokens.len();
                match operator.as_str() {
                    "," | ";" | ":" => {
                        text.push_str(&operator);
                        if !is_last {
                            text.push(' ');
                        }
                    }
                    "::" | "." | "!" | "?" | "<" | ">" | "'" | ".." | "..=" | "#" => {
                        text.push_str(&operator);
                    }
                    "-" | "&" | "*" | "|" if !after_word => text.push_str(&operator),
                    _ => {
                        text.push(' ');
                        text.push_str(&operator);
                        text.push(' ');
                    }
                }
                operator.clear();
                after_word = matches!(punct.as_char(), '>' | '?');
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(if text.is_empty() {
                    open.trim_start()
                } else {
                    open
                });
                write_compact(group.stream(), text);
                text.push_str(close);
                after_word = true;
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                let follows_word = at > 0
                    && matches!(
                        tokens[at - 1],
                        TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_)
                    );
                if follows_word {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
                after_word = true;
            }
        }
    }
}

/// The identifier of a local variable that holds the seed of one field.
pub(crate) fn seed_local(field: &Field<'_>) -> Ident {
    format_ident!("__{}", field.name, span = Span::mixed_site())
}

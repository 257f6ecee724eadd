//! What the attributes of the struct say of the store: the settings that a builder begins with, and its version.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::span::located;
use crate::{
    attr::{Dir, Durability, Folder, History, OnMismatch, Written},
    model::{self, Store},
};

/// `__settings`.
pub(super) fn method(store: &Store<'_>) -> TokenStream {
    let settings = settings(store);
    quote! {
        #[inline]
        fn __settings() -> __private::Settings {
            #settings
        }
    }
}

fn settings(store: &Store<'_>) -> TokenStream {
    let name = store.store_name();
    let mut changes = Vec::new();
    match store.attrs.dir.value() {
        None => {}
        Some(Dir::Path(dir)) => {
            changes.push(quote!(__settings.dir = __private::Ok(__private::Into::into(#dir));));
        }
        Some(Dir::Folder(folder, [qualifier, organization, application])) => {
            let function = match folder {
                Folder::Data => quote!(app_dir),
                Folder::Config => quote!(config_dir),
            };
            changes.push(quote! {
                __settings.dir = __private::#function(#qualifier, #organization, #application);
                __settings.create_parents = true;
            });
        }
        Some(Dir::Expr(dir)) => {
            // Located at the expression, so that an error points there if it gives no path.
            let span = located(dir.span());
            let into = quote_spanned!(span=> __private::Into::into(#dir));
            changes.push(quote!(__settings.dir = __private::Ok(#into);));
        }
    }
    if let Some(poll) = store.attrs.poll.value() {
        if model::is_never(poll) {
            changes.push(quote!(__settings.poll = __private::None;));
        } else if let Ok(poll) = model::duration(poll) {
            let poll = duration(poll);
            changes.push(quote!(__settings.poll = __private::Some(#poll);));
        }
    }
    if let Some(Ok(timeout)) = store.attrs.lock_timeout.value().map(model::duration) {
        let timeout = duration(timeout);
        changes.push(quote!(__settings.lock_timeout = #timeout;));
    }
    match store.attrs.history.value() {
        Some(History::Age(age)) => {
            if let Ok(age) = model::duration(age) {
                let age = duration(age);
                changes.push(quote!(__settings.history = __private::Retention::Age(#age);));
            }
        }
        Some(History::Commits(commits)) => {
            if let Ok(commits) = commits.base10_parse::<u64>() {
                let commits = Literal::u64_unsuffixed(commits);
                changes.push(quote!(__settings.history = __private::Retention::Commits(#commits);));
            }
        }
        None => {}
    }
    if store.durability() == Durability::Buffered {
        changes.push(quote!(__settings.durability = __private::Durability::Buffered;));
    }
    if let Some(on_mismatch) = store.attrs.on_mismatch.value() {
        let on_mismatch = self::on_mismatch(*on_mismatch);
        changes.push(quote!(__settings.on_mismatch = __private::Some(#on_mismatch);));
    }
    if changes.is_empty() {
        return quote!(__private::Settings::new(#name));
    }
    quote! {
        let mut __settings = __private::Settings::new(#name);
        #(#changes)*
        __settings
    }
}

pub(super) fn on_mismatch(on_mismatch: OnMismatch) -> TokenStream {
    match on_mismatch {
        OnMismatch::Error => quote!(__private::OnMismatch::Error),
        OnMismatch::Seed => quote!(__private::OnMismatch::Seed),
    }
}

/// `__evolution`, where it says anything.
pub(super) fn evolution(store: &Store<'_>) -> TokenStream {
    let attrs = &store.attrs;
    let mut parts = Vec::new();
    if let Some(version) = attrs.version.value() {
        let oldest = attrs.compatible.value().unwrap_or(version).value;
        let oldest = Literal::u32_unsuffixed(oldest.min(version.value));
        let version = Literal::u32_unsuffixed(version.value);
        parts.push(quote!(version: #version, compatible: #oldest,));
    }
    if let Some(Written::Well(path)) = attrs.migrate.value() {
        // Located at the path, so that an error points there if the function has another shape.
        let migrate = quote_spanned!(located(path.span())=> __private::Some(#path));
        parts.push(quote!(migrate: #migrate,));
    }
    if let Some(removed) = attrs.removed.value() {
        parts.push(quote!(removed: &[#(#removed),*],));
    }
    if attrs.deny_unknown.get().is_some() {
        parts.push(quote!(deny_unknown: true,));
    }
    if parts.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[inline]
        fn __evolution() -> __private::Evolution {
            __private::Evolution {
                #(#parts)*
                ..__private::Evolution::NONE
            }
        }
    }
}

fn duration(duration: std::time::Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(duration.as_secs());
    let nanoseconds = Literal::u32_unsuffixed(duration.subsec_nanos());
    quote!(__private::Duration::new(#seconds, #nanoseconds))
}

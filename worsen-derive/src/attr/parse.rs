//! How `#[store(...)]` is read, key by key. A mistake at one key does not hide the next.

use proc_macro2::TokenTree;
use syn::{
    Attribute, Ident, Lit, Meta, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned,
};

use super::{
    ContainerAttrs, FieldAttrs, Given, STORE, Written,
    keys::{
        ACCESSOR, ACCESSORS, ALIAS, COMPATIBLE, CONTAINER, CRATE, DENY_UNKNOWN, DIR, DURABILITY,
        ENV, ENV_PREFIX, FIELD, HANDLE, HISTORY, LEN, LOCK_TIMEOUT, Level, MIGRATE, NAME,
        NORMALIZE, ON_MISMATCH, ONE_OF, POLL, RANGE, REMOVED, RENAME_ALL, SEED, SKIP, UID,
        VALIDATE, VERSION, WITH,
    },
    suggest::unknown_key,
    values::{
        accessor, dir, durability, env, expr, flag, handle, history, list, number, on_mismatch,
        path, range, rename_rule, runtime, skip, string, strings, visibility,
    },
};
use crate::ctxt::Ctxt;

impl ContainerAttrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, &CONTAINER, |ctxt, key, input| {
            this.parse_key(ctxt, key, input)
        });
        this
    }

    fn parse_key(&mut self, ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            NAME => self.name.set(ctxt, key, string(&CONTAINER, key, input)?),
            DIR => self.dir.set(ctxt, key, dir(key, input)?),
            POLL => self.poll.set(ctxt, key, string(&CONTAINER, key, input)?),
            DURABILITY => self.durability.set(ctxt, key, durability(key, input)?),
            LOCK_TIMEOUT => self
                .lock_timeout
                .set(ctxt, key, string(&CONTAINER, key, input)?),
            HISTORY => self.history.set(ctxt, key, history(key, input)?),
            HANDLE => {
                let handle = handle(ctxt, key, input)?;
                self.handle.set(ctxt, key, handle);
            }
            ACCESSORS => self.accessors.set(ctxt, key, visibility(key, input)?),
            RENAME_ALL => self.rename_all.set(ctxt, key, rename_rule(key, input)?),
            CRATE => self.runtime.set(ctxt, key, runtime(key, input)?),
            VALIDATE => self.validate.set(ctxt, key, path(&CONTAINER, key, input)?),
            NORMALIZE => self.normalize.set(ctxt, key, path(&CONTAINER, key, input)?),
            ON_MISMATCH => (self.on_mismatch).set(ctxt, key, on_mismatch(&CONTAINER, key, input)?),
            VERSION => self.version.set(ctxt, key, number(&CONTAINER, key, input)?),
            MIGRATE => {
                let migrate = path(&CONTAINER, key, input);
                self.migrate.set(ctxt, key, written(&migrate));
                migrate?;
            }
            COMPATIBLE => self
                .compatible
                .set(ctxt, key, number(&CONTAINER, key, input)?),
            REMOVED => self
                .removed
                .set(ctxt, key, strings(&CONTAINER, key, input)?),
            DENY_UNKNOWN => self
                .deny_unknown
                .set(ctxt, key, flag(&CONTAINER, key, input)?),
            ENV_PREFIX => self
                .env_prefix
                .set(ctxt, key, string(&CONTAINER, key, input)?),
            _ => return Err(unknown_key(&CONTAINER, key)),
        }
        Ok(())
    }
}

impl FieldAttrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, &FIELD, |ctxt, key, input| {
            this.parse_key(ctxt, key, input)
        });
        this
    }

    fn parse_key(&mut self, ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            UID => self.uid.set(ctxt, key, string(&FIELD, key, input)?),
            ALIAS => {
                let value = string(&FIELD, key, input)?;
                let key = key.clone();
                self.aliases.push(Given { key, value });
            }
            SEED => {
                let seed = expr(&FIELD, key, input);
                self.seed.set(ctxt, key, written(&seed));
                seed?;
            }
            ACCESSOR => self.accessor.set(ctxt, key, accessor(ctxt, key, input)?),
            SKIP => {
                let skip = skip(key, input);
                self.skip.set(ctxt, key, *skip.as_ref().unwrap_or(&true));
                skip?;
            }
            WITH => {
                let with = path(&FIELD, key, input);
                self.with.set(ctxt, key, written(&with));
                with?;
            }
            VALIDATE => self.validate.set(ctxt, key, path(&FIELD, key, input)?),
            NORMALIZE => self.normalize.set(ctxt, key, path(&FIELD, key, input)?),
            RANGE => self.range.set(ctxt, key, range(key, input)?),
            LEN => self.len.set(ctxt, key, range(key, input)?),
            ONE_OF => self.one_of.set(ctxt, key, list(key, input)?),
            ON_MISMATCH => (self.on_mismatch).set(ctxt, key, on_mismatch(&FIELD, key, input)?),
            ENV => self.env.set(ctxt, key, env(key, input)?),
            _ => return Err(unknown_key(&FIELD, key)),
        }
        Ok(())
    }
}

fn written<T: Clone>(value: &syn::Result<T>) -> Written<T> {
    match value {
        Ok(value) => Written::Well(value.clone()),
        Err(_) => Written::Badly,
    }
}

/// Calls `parse` at each key of each `#[store(...)]`. A mistake at one key does not hide the next.
fn for_each_key(
    ctxt: &Ctxt,
    attrs: &[Attribute],
    level: &Level,
    mut parse: impl FnMut(&Ctxt, &Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(STORE)) {
        let list = match &attr.meta {
            Meta::List(list) => list,
            meta => {
                ctxt.error(
                    meta.span(),
                    format!(
                        "expected keys in parentheses: write `#[store({})]`",
                        level.keys[0].example
                    ),
                );
                continue;
            }
        };
        let keys = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = key(level, input).and_then(|key| parse(ctxt, &key, input)) {
                    ctxt.push(error);
                    skip_to_next_key(input)?;
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    ctxt.push(input.error("expected `,` before the next key"));
                    skip_to_next_key(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse_args_with(keys) {
            ctxt.push(error);
        }
    }
}

fn key(level: &Level, input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Ident::peek_any) {
        return input.call(Ident::parse_any);
    }
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let key = level.positional;
        return Err(syn::Error::new(
            literal.span(),
            format!(
                "this value has no key: write `{key} = ...`, such as `{}`",
                level.example(key)
            ),
        ));
    }
    Err(input.error(format!("expected a key, one of {}", level.list())))
}

/// Moves `input` on to the next comma that stands before a key, or to its end.
fn skip_to_next_key(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let ahead = input.fork();
            ahead.parse::<Token![,]>()?;
            let is_key = ahead.peek(Ident::peek_any)
                && (ahead.peek2(Token![=]) || ahead.peek2(Token![,]) || {
                    ahead.call(Ident::parse_any)?;
                    ahead.is_empty()
                });
            if ahead.is_empty() || is_key {
                return Ok(());
            }
        }
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

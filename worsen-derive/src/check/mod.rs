//! The rules that a store must keep, each a `check_*` function below the words of the rule. Those of the whole struct
//! stand here, and those that compare fields; the others in `settings`, `serde`, `evolution` and `field`.
//!
//! A check only reports. `expand` decides what a wrong struct is expanded to.

use std::collections::HashMap;

use syn::{Data, Fields, GenericParam, spanned::Spanned};

use self::{
    env::{check_env, check_env_prefix, check_variables_differ},
    evolution::{check_former_uids, check_version},
    field::{check_accessor_name, check_owned, check_reserved, check_size, check_skip, check_uid},
    rules::{check_len, check_one_of, check_range},
    serde::{check_serde, check_serde_of_struct},
    settings::{
        check_dir, check_handle, check_history, check_lock_timeout, check_name, check_poll,
    },
};
use crate::{
    ctxt::Ctxt,
    model::{Field, Store},
    names::Names,
};

mod env;
mod evolution;
mod field;
mod rules;
mod serde;
mod settings;

pub(crate) fn check(ctxt: &Ctxt, store: &Store<'_>) {
    check_shape(ctxt, store);
    check_lifetimes(ctxt, store);
    check_parameters(ctxt, store);
    check_name(ctxt, store);
    check_dir(ctxt, store);
    check_poll(ctxt, store);
    check_lock_timeout(ctxt, store);
    check_history(ctxt, store);
    check_handle(ctxt, store);
    check_version(ctxt, store);
    check_serde_of_struct(ctxt, store);
    for field in &store.fields {
        check_serde(ctxt, field);
        check_skip(ctxt, field);
        check_size(ctxt, field);
        check_owned(ctxt, store, field);
        check_uid(ctxt, field);
        check_accessor_name(ctxt, field);
        check_reserved(ctxt, store, field);
        check_range(ctxt, field);
        check_len(ctxt, field);
        check_one_of(ctxt, field);
        check_env(ctxt, store, field);
    }
    check_uids_differ(ctxt, store);
    check_former_uids(ctxt, store);
    check_env_prefix(ctxt, store);
    check_variables_differ(ctxt, store);
    check_accessors_differ(ctxt, store);
}

// A store is a struct with named fields, and at least one of them is stored.
fn check_shape(ctxt: &Ctxt, store: &Store<'_>) {
    let ident = &store.input.ident;
    match &store.input.data {
        Data::Enum(data) => ctxt.error(
            data.enum_token.span,
            format!(
                "only a struct can be a store: put the enum into one as a field, as in \
                 `value: {ident}`"
            ),
        ),
        Data::Union(data) => ctxt.error(
            data.union_token.span,
            "only a struct can be a store, and a union cannot be written as JSON: write a `struct` \
             with named fields",
        ),
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) => ctxt.error(
                fields.span(),
                format!(
                    "the fields of a store need names, which become the uids in its file: \
                     write `struct {ident} {{ name: Type }}`"
                ),
            ),
            Fields::Named(fields) if !fields.named.is_empty() => {
                if store.fields.iter().all(|field| !field.is_stored()) {
                    ctxt.error(
                        ident.span(),
                        "a store needs at least one stored field, and every field here is skipped: add \
                         one, or remove a `skip`",
                    );
                }
            }
            Fields::Named(_) | Fields::Unit => ctxt.error(
                ident.span(),
                format!(
                    "a store needs at least one field: write `struct {ident} {{ name: Type }}`"
                ),
            ),
        },
    }
}

// A store may live as long as the program, so its struct borrows nothing.
fn check_lifetimes(ctxt: &Ctxt, store: &Store<'_>) {
    for param in &store.input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            ctxt.error(
                param.lifetime.span(),
                format!(
                    "a store cannot borrow, because it may live as long as the program: remove `{}` and \
                     own the data, such as `String` in place of `&str`",
                    param.lifetime
                ),
            );
        }
    }
}

// A type parameter has bounds that say that its types can be stored.
fn check_parameters(ctxt: &Ctxt, store: &Store<'_>) {
    for param in store.unbounded_parameters() {
        let name = &param.ident;
        ctxt.error(
            name.span(),
            format!(
                "nothing says that a `{name}` can be stored: write `{name}: worsen::Field + Default`, or, \
                 if fields only hold it inside another type such as `Vec<{name}>`, `{name}: Clone + \
                 serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static`"
            ),
        );
    }
}

// No two fields have one uid.
fn check_uids_differ(ctxt: &Ctxt, store: &Store<'_>) {
    let mut seen: HashMap<&str, &Field<'_>> = HashMap::new();
    for field in store.fields.iter().filter(|field| field.is_stored()) {
        match seen.get(field.uid.value.as_str()) {
            None => {
                seen.insert(&field.uid.value, field);
            }
            Some(first) => {
                let uid = &field.uid.value;
                let mut error = syn::Error::new(
                    field.uid.span,
                    format!(
                        "the field `{}` has the uid `{uid}` too: give one of them another uid with `#[store(uid = \"...\")]`",
                        first.name
                    ),
                );
                error.combine(syn::Error::new(
                    first.uid.span,
                    format!("the uid `{uid}` is used here first"),
                ));
                ctxt.push(error);
            }
        }
    }
}

// No two accessors of a handle have one name.
fn check_accessors_differ(ctxt: &Ctxt, store: &Store<'_>) {
    let mut seen: HashMap<String, &Field<'_>> = HashMap::new();
    for field in store.fields.iter().filter(|field| field.is_stored()) {
        let mut collision = None;
        for name in Names::of(field).all() {
            match seen.get(name) {
                Some(first) => collision = collision.or_else(|| Some((name.to_owned(), *first))),
                None => {
                    seen.insert(name.to_owned(), field);
                }
            }
        }
        if let Some((name, first)) = collision {
            let mut error = syn::Error::new(
                field.accessor.span,
                format!(
                    "the field `{}` has an accessor `{name}` too: give the accessors of one of them \
                     another name with `#[store(accessor = \"...\")]`",
                    first.name
                ),
            );
            error.combine(syn::Error::new(
                first.accessor.span,
                format!("the accessor `{name}` comes from here first"),
            ));
            ctxt.push(error);
        }
    }
}

//! Rules for a struct that changes from one version of the program to the next: its version, the former uids of its
//! fields, and those that are dropped.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::LitStr;

use super::field::wrong_uid;
use crate::{ctxt::Ctxt, model::Store};

// A version is counted from 1, as a store that says nothing of versions has version 0. `migrate` leads to one, and
// `compatible` names it or an older one.
pub(super) fn check_version(ctxt: &Ctxt, store: &Store<'_>) {
    let attrs = &store.attrs;
    let Some(version) = attrs.version.value() else {
        let (migrate, compatible) = (attrs.migrate.get(), attrs.compatible.get());
        let migrate = migrate.map(|given| (&given.key, "leads to a version"));
        let compatible = compatible.map(|given| (&given.key, "names an older version"));
        for (key, does) in migrate.into_iter().chain(compatible) {
            ctxt.error(
                key.span(),
                format!("`{key}` {does}, and the struct has none: add `version = 1`"),
            );
        }
        return;
    };
    if version.value == 0 {
        ctxt.error(
            version.span,
            "versions count from 1, as a store from before its struct had a version has version 0: write \
             `version = 1`",
        );
    }
    if let Some(compatible) = attrs.compatible.value() {
        if compatible.value > version.value {
            ctxt.error(
                compatible.span,
                format!(
                    "`compatible` is the oldest version that may use a store of version {0}, and cannot be \
                     newer: write `compatible = {0}`, or leave it out",
                    version.value
                ),
            );
        }
    }
}

/// A uid that the struct names, and what for.
struct Named {
    span: Span,
    is: String,
}

// A former uid is none that another field has or had, nor one that is dropped.
pub(super) fn check_former_uids(ctxt: &Ctxt, store: &Store<'_>) {
    let mut seen: HashMap<String, Named> = HashMap::new();
    let stored = || store.fields.iter().filter(|field| field.is_stored());
    for field in stored() {
        let is = format!("the uid of the field `{}`", field.name);
        let span = field.uid.span;
        seen.entry(field.uid.value.clone())
            .or_insert(Named { span, is });
    }
    let aliases = stored().flat_map(|field| {
        let is = format!("an alias of the field `{}`", field.name);
        let aliases = field.attrs.aliases.iter();
        aliases.map(move |given| ("alias", &given.value, is.clone()))
    });
    let removed = store.attrs.removed.value().into_iter().flatten();
    let removed = removed.map(|literal| ("removed", literal, "removed".to_owned()));
    for (key, literal, is) in aliases.chain(removed) {
        let uid = literal.value();
        if let Some(wrong) = wrong(key, &uid) {
            ctxt.error(literal.span(), wrong);
            continue;
        }
        match seen.get(&uid) {
            Some(first) => collide(ctxt, (key, literal), first),
            None => {
                let span = literal.span();
                seen.insert(uid, Named { span, is });
            }
        }
    }
}

/// What is wrong with a uid by itself.
fn wrong(key: &str, uid: &str) -> Option<String> {
    let write = |uid: &str| match key {
        "alias" => format!("alias = {uid:?}"),
        _ => format!("removed({uid:?})"),
    };
    match uid.is_empty() {
        true => Some(format!(
            "a uid cannot be empty: write `{}`",
            write("old_uid")
        )),
        false => wrong_uid(uid, write),
    }
}

fn collide(ctxt: &Ctxt, (key, literal): (&str, &LitStr), first: &Named) {
    let uid = literal.value();
    let why = match key {
        "alias" => "an alias is a former uid, which nothing else has",
        _ => "what `removed` names is dropped",
    };
    let mut error = syn::Error::new(
        literal.span(),
        format!("`{uid}` is {} too, and {why}: remove one of them", first.is),
    );
    error.combine(syn::Error::new(
        first.span,
        format!("`{uid}` is {} here", first.is),
    ));
    ctxt.push(error);
}

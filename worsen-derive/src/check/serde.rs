//! Rules for what serde's attributes ask of a struct that is stored as well.

use crate::{
    attr::serde::Both,
    ctxt::Ctxt,
    model::{Field, Store},
};

// A store reads and writes its fields one by one, each under one name. Serde can do more: turn the whole struct
// into another type, or treat a field differently when it writes and when it reads. A store cannot follow.
pub(super) fn check_serde_of_struct(ctxt: &Ctxt, store: &Store<'_>) {
    if let (None, Some(Both::Differ(at))) = (store.attrs.rename_all.get(), &store.serde.rename_all)
    {
        ctxt.error(
            *at,
            "a store writes and reads a field under one uid, but serde is given two rules here: \
             choose one with `#[store(rename_all = \"...\")]`",
        );
    }
    for key in &store.serde.whole {
        ctxt.error(
            key.span(),
            format!(
                "a store writes and reads its fields one by one, so it would ignore `#[serde({key})]`, which \
                 is about the whole struct: derive `Store` on another struct, and convert between the two"
            ),
        );
    }
}

// The same for one field. A key of `#[store(...)]` for the same purpose overrules serde's.
pub(super) fn check_serde(ctxt: &Ctxt, field: &Field<'_>) {
    let serde = &field.serde;
    let has_uid = field.attrs.uid.get().is_some();
    if !field.is_stored() || field.attrs.skip.get().is_some() {
        return check_serde_names(ctxt, field, has_uid || !field.is_stored());
    }
    let (one_way, does, never) = match (serde.skip_serializing, serde.skip_deserializing) {
        (Some(at), None) => (at, "skip_serializing", "read and never written"),
        (None, Some(at)) => (at, "skip_deserializing", "written and never read"),
        _ => return check_serde_names(ctxt, field, has_uid),
    };
    ctxt.error(
        one_way,
        format!(
            "a store reads back what it writes, but with `#[serde({does})]` the field would be {never}: leave \
             it out with `#[store(skip)]`, or store it with `#[store(skip = false)]`"
        ),
    );
    check_serde_names(ctxt, field, has_uid);
}

// A field has one uid, and is stored whole under it. Where serde has several, `uid` says which.
fn check_serde_names(ctxt: &Ctxt, field: &Field<'_>, is_decided: bool) {
    if is_decided {
        return;
    }
    let (serde, name) = (&field.serde, &field.name);
    if let Some(Both::Differ(at)) = &serde.rename {
        ctxt.error(
            *at,
            "a store writes and reads a field under one uid, but serde is given two names here: \
             choose one with `#[store(uid = \"...\")]`",
        );
    }
    if let Some(at) = serde.alias.filter(|_| field.attrs.aliases.is_empty()) {
        ctxt.error(
            at,
            format!(
                "a store does not go by serde's aliases, and would not find a value that it has under the other \
                 name: read it under that name too with `#[store(alias = \"...\")]`, or, if no store has been \
                 written with it, write `#[store(uid = {:?})]`",
                field.uid.value
            ),
        );
    }
    if let Some(at) = serde.flatten {
        ctxt.error(
            at,
            format!(
                "a store keeps each field whole under one uid, and cannot spread it over several: write \
                 `#[store(uid = {name:?})]` to keep it whole"
            ),
        );
    }
}

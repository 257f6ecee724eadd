//! Rules for one field by itself: what it may be, its uid, and the name of its accessors.

use syn::Ident;

use crate::{
    attr::Given,
    ctxt::Ctxt,
    model::{Codec, Field, Store},
    names::{self, Names},
};

/// In bytes, as in the runtime.
const LONGEST_UID: usize = 4096;

// A skipped field is not in the file, and starts at its default, so no other key has an effect on it.
pub(super) fn check_skip(ctxt: &Ctxt, field: &Field<'_>) {
    if field.is_stored() {
        return;
    }
    fn key<T>(given: Option<&Given<T>>) -> Option<&Ident> {
        given.map(|given| &given.key)
    }
    let way_out = match field.attrs.skip.get() {
        Some(_) => "or `skip`",
        None => "or store the field with `skip = false`",
    };
    let keys = [
        (key(field.attrs.uid.get()), "it is not in the file"),
        (key(field.attrs.aliases.first()), "it is not in the file"),
        (key(field.attrs.seed.get()), "it starts at its `Default`"),
        (key(field.attrs.with.get()), "it is not in the file"),
        (
            key(field.attrs.accessor.get()),
            "it has no accessors, only its place in a snapshot",
        ),
        (key(field.attrs.on_mismatch.get()), "it is not in the file"),
        (key(field.attrs.validate.get()), "it is never written"),
        (key(field.attrs.normalize.get()), "it is never written"),
        (key(field.attrs.range.get()), "it is never written"),
        (key(field.attrs.len.get()), "it is never written"),
        (key(field.attrs.one_of.get()), "it is never written"),
        (
            key(field.attrs.env.get()),
            "it has no stored value to override",
        ),
    ];
    for (key, why) in keys {
        if let Some(key) = key {
            ctxt.error(
                key.span(),
                format!(
                    "`{key}` has no effect on a skipped field, because {why}: remove `{key}` {way_out}"
                ),
            );
        }
    }
}

// A field has a type of which values have one size, because the store reads, copies and returns them.
pub(super) fn check_size(ctxt: &Ctxt, field: &Field<'_>) {
    if field.has_no_size() {
        ctxt.push(syn::Error::new_spanned(
            field.ty(),
            "a field of a store has a type with a size, because the store copies its value: write `String` in \
             place of `str`, `Vec<T>` in place of `[T]`, and in place of `dyn Trait` an enum of the types that \
             it can be",
        ));
    }
}

// A stored field owns its value, because the store reads it back from a file.
pub(super) fn check_owned(ctxt: &Ctxt, store: &Store<'_>, field: &Field<'_>) {
    if store.input.generics.lifetimes().next().is_some() {
        return;
    }
    let is_plain = !matches!(field.codec(), Codec::Module(_) | Codec::Functions { .. });
    if field.is_stored() && field.attrs.with.get().is_none() && is_plain && field.borrows() {
        ctxt.push(syn::Error::new_spanned(
            field.ty(),
            "a stored field must own its value, because the store reads it back from a file: write `String` in place \
             of `&str`, `Vec<T>` in place of `&[T]`, or leave the field out with `#[store(skip)]`",
        ));
    }
}

// A uid is a name in the file: it is not empty, has no control characters, and no `/`, behind which the key of
// an entry stands.
pub(super) fn check_uid(ctxt: &Ctxt, field: &Field<'_>) {
    if !field.is_stored() {
        return;
    }
    let uid = &field.uid;
    if uid.value.is_empty() {
        ctxt.error(
            uid.span,
            format!(
                "a uid cannot be empty: remove `uid` to use the field's name, `{}`",
                field.name
            ),
        );
    } else if let Some(wrong) = wrong_uid(&uid.value, |uid| format!("uid = {uid:?}")) {
        ctxt.error(uid.span, wrong);
    }
}

/// What is wrong with a uid that is not empty, if anything is. `write` shows another one where it is given.
pub(super) fn wrong_uid(uid: &str, write: impl Fn(&str) -> String) -> Option<String> {
    if uid.len() > LONGEST_UID {
        Some(format!(
            "a uid can have {LONGEST_UID} bytes at most, and this one has {}: shorten it",
            uid.len()
        ))
    } else if uid.contains('/') {
        Some(format!(
            "a uid cannot contain `/`, which separates a field from the key of an entry: write `{}`",
            write(&uid.replace('/', "."))
        ))
    } else {
        let control = uid.chars().find(|char| char.is_control())?;
        Some(format!(
            "a uid cannot contain the control character `{}`: remove it",
            control.escape_default()
        ))
    }
}

// An accessor has a name that a method can have.
pub(super) fn check_accessor_name(ctxt: &Ctxt, field: &Field<'_>) {
    let name = &field.accessor.value;
    if field.is_stored() && !names::is_accessor_name(name) {
        ctxt.error(
            field.accessor.span,
            format!(
                "a method cannot be called {name:?}: write letters, digits and `_`, a letter first, such as \
                 `accessor = \"my_name\"`"
            ),
        );
    }
}

// No accessor hides a method of the handle, nor looks like a function of the trait `Store`.
pub(super) fn check_reserved(ctxt: &Ctxt, store: &Store<'_>, field: &Field<'_>) {
    if !field.is_stored() {
        return;
    }
    for name in Names::of(field).all() {
        let wrong = if names::OF_STORE.contains(&name) {
            format!(
                "looks like the function `{}::{name}` of the store",
                store.name
            )
        } else if names::is_reserved(name) {
            format!("would hide the handle's own method `{name}`")
        } else {
            continue;
        };
        ctxt.error(
            field.accessor.span,
            format!(
                "the accessor `{name}` {wrong}: choose another name with \
                 `#[store(accessor = \"...\")]`"
            ),
        );
    }
}

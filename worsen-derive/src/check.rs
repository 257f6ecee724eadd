//! The rules a store must keep, each a `check_*` function under the words of the rule.
//!
//! A check only tells. What is expanded of a wrong struct is decided in `expand`.

use std::collections::HashMap;

use syn::{Data, Fields, GenericParam, Ident, LitStr, spanned::Spanned};

use crate::{
    attr::{Dir, Given, serde::Both},
    ctxt::Ctxt,
    model::{self, Codec, Field, Store},
    names::{self, Names},
};

/// In bytes, as in the runtime: with what is put behind it, the longest file name of most systems.
const LONGEST_NAME: usize = 200;

/// In bytes, as in the runtime.
const LONGEST_UID: usize = 4096;

pub(crate) fn check(ctxt: &Ctxt, store: &Store<'_>) {
    check_shape(ctxt, store);
    check_lifetimes(ctxt, store);
    check_parameters(ctxt, store);
    check_name(ctxt, store);
    check_dir(ctxt, store);
    check_poll(ctxt, store);
    check_lock_timeout(ctxt, store);
    check_handle(ctxt, store);
    check_serde_of_struct(ctxt, store);
    for field in &store.fields {
        check_serde(ctxt, field);
        check_skip(ctxt, field);
        check_owned(ctxt, store, field);
        check_uid(ctxt, field);
        check_accessor_name(ctxt, field);
        check_reserved(ctxt, field);
    }
    check_uids_differ(ctxt, store);
    check_accessors_differ(ctxt, store);
}

// A store is a struct with named fields, and at least one of them is stored.
fn check_shape(ctxt: &Ctxt, store: &Store<'_>) {
    let ident = &store.input.ident;
    match &store.input.data {
        Data::Enum(data) => ctxt.error(
            data.enum_token.span,
            format!(
                "a store is a struct: keep the enum as the type of a field, as in `value: {ident}`"
            ),
        ),
        Data::Union(data) => ctxt.error(
            data.union_token.span,
            "a store is a struct, and a union cannot be written as JSON",
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
                        "a store needs at least one stored field, and every field here is skipped",
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

// A store outlives every borrow, so its struct has no lifetimes.
fn check_lifetimes(ctxt: &Ctxt, store: &Store<'_>) {
    for param in &store.input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            ctxt.error(
                param.lifetime.span(),
                format!(
                    "a store cannot borrow, for it lives as long as the program: remove `{}` and \
                     own the data, such as `String` in place of `&str`",
                    param.lifetime
                ),
            );
        }
    }
}

// A type parameter says that what it stands for can be stored.
fn check_parameters(ctxt: &Ctxt, store: &Store<'_>) {
    for param in store.unbounded_parameters() {
        let name = &param.ident;
        ctxt.error(
            name.span(),
            format!(
                "`{name}` must say that it can be stored: write `{name}: worsen::Field + Default`, or, \
                 where it stands inside another type such as `Vec<{name}>`, `{name}: Clone + \
                 serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static`"
            ),
        );
    }
}

// A store's name is one part of a path, on every platform. The runtime has the same rule, for names
// that are given to the builder.
fn check_name(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.name.value() else {
        return;
    };
    let name = literal.value();
    let separator = |char: &char| matches!(char, '/' | '\\');
    let forbidden = |char: &char| char.is_control() || r#":*?"<>|"#.contains(*char);
    let wrong = if name.is_empty() {
        "the name of a store cannot be empty: remove `name` to call it after the struct".to_owned()
    } else if name.len() > LONGEST_NAME {
        format!(
            "the name of a store has {LONGEST_NAME} bytes at most, for it names files, and this one \
             has {}",
            name.len()
        )
    } else if name.starts_with('.') {
        "the name of a store cannot begin with a dot: its files would be hidden, or be a directory"
            .to_owned()
    } else if let Some(char) = name.chars().find(separator) {
        format!("the name of a store cannot hold `{char}`: give the directory with `dir = \"...\"`")
    } else if let Some(char) = name.chars().find(forbidden) {
        format!(
            "the name of a store cannot hold `{}`: it names files, on every system",
            char.escape_default()
        )
    } else if name.starts_with(' ') || name.ends_with([' ', '.']) {
        "the name of a store cannot begin or end with a blank, or end with a dot: some systems cut \
         them off"
            .to_owned()
    } else {
        return;
    };
    ctxt.error(literal.span(), wrong);
}

// A directory is a path that can exist, and a program's data folder has the program's name.
fn check_dir(ctxt: &Ctxt, store: &Store<'_>) {
    match store.attrs.dir.value() {
        Some(Dir::Path(literal)) => {
            let dir = literal.value();
            if dir.is_empty() {
                ctxt.error(
                    literal.span(),
                    "an empty path is no directory: write `dir = \".\"` for the current one",
                );
            } else if dir.contains('\0') {
                ctxt.error(literal.span(), "a path cannot hold a NUL character");
            }
        }
        Some(Dir::Folder(folder, parts)) => {
            let folder = folder.name();
            for part in parts {
                let text = part.value();
                if text.contains(['/', '\\']) || text.chars().any(char::is_control) {
                    ctxt.error(
                        part.span(),
                        format!(
                            "a part of `{folder}(...)` names one directory: write it without `/`, \
                             `\\` and control characters"
                        ),
                    );
                }
            }
            let application = &parts[2];
            if matches!(application.value().as_str(), "" | "." | "..") {
                ctxt.error(
                    application.span(),
                    format!(
                        "`{folder}(...)` needs the name of the program: write `dir = \
                         {folder}(\"com\", \"Example\", \"Notes\")`"
                    ),
                );
            }
        }
        Some(Dir::Expr(_)) | None => {}
    }
}

// A store is polled after a time that is not zero, or never.
fn check_poll(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.poll.value() else {
        return;
    };
    if model::is_never(literal) {
        return;
    }
    match model::duration(literal) {
        Ok(poll) if poll.is_zero() => ctxt.error(
            literal.span(),
            "a store cannot be polled without a pause: write a time such as `poll = \"250ms\"`, \
             or `poll = \"never\"`",
        ),
        Ok(_) => {}
        Err(error) => not_a_duration(ctxt, literal, &error, "poll = \"5s\"` or `poll = \"never\""),
    }
}

// A lock is waited for no longer than some time. No time at all is one try.
fn check_lock_timeout(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.lock_timeout.value() else {
        return;
    };
    if let Err(error) = model::duration(literal) {
        not_a_duration(ctxt, literal, &error, "lock_timeout = \"5s\"");
    }
}

fn not_a_duration(ctxt: &Ctxt, literal: &LitStr, error: &humantime::DurationError, example: &str) {
    ctxt.error(
        literal.span(),
        format!(
            "{:?} is not a duration ({error}): write `{example}`",
            literal.value()
        ),
    );
}

// The handle is a type of its own, beside the struct.
fn check_handle(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(handle) = store.attrs.handle.value() else {
        return;
    };
    if *handle == store.input.ident {
        ctxt.error(
            handle.span(),
            format!(
                "the handle needs another name than the struct: write `handle = {}Handle`",
                store.name
            ),
        );
    }
}

// A store reads and writes its fields one by one, and each under one name. What serde does with the
// whole struct beyond that, or only in one direction, has no like there.
fn check_serde_of_struct(ctxt: &Ctxt, store: &Store<'_>) {
    if let (None, Some(Both::Differ(at))) = (store.attrs.rename_all.get(), &store.serde.rename_all)
    {
        ctxt.error(
            *at,
            "a store writes and reads a field under one uid, and serde is told two rules here: choose \
             one with `#[store(rename_all = \"...\")]`",
        );
    }
    for key in &store.serde.whole {
        ctxt.error(
            key.span(),
            format!(
                "a store writes and reads its fields one by one, so what `#[serde({key})]` does with \
                 the whole struct would not happen: derive `Store` on a struct of its own, and \
                 convert to it where the other one is needed"
            ),
        );
    }
}

// As above, for one field. A key of `#[store(...)]` for the same purpose overrules serde's.
fn check_serde(ctxt: &Ctxt, field: &Field<'_>) {
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
            "a store reads what it writes, and with `#[serde({does})]` the field would be {never}: \
             leave it out with `#[store(skip)]`, or store it with `#[store(skip = false)]`"
        ),
    );
    check_serde_names(ctxt, field, has_uid);
}

// A field has one uid, and a uid one field. `uid` says which, and that the field is stored whole.
fn check_serde_names(ctxt: &Ctxt, field: &Field<'_>, is_decided: bool) {
    if is_decided {
        return;
    }
    let (serde, name) = (&field.serde, &field.name);
    if let Some(Both::Differ(at)) = &serde.rename {
        ctxt.error(
            *at,
            "a store writes and reads a field under one uid, and serde is told two names here: choose \
             one with `#[store(uid = \"...\")]`",
        );
    }
    if let Some(at) = serde.alias {
        ctxt.error(
            at,
            format!(
                "a store reads a field under one uid, and would not find what it holds under the \
                 other name: keep that one with `#[store(uid = \"...\")]`, or write `#[store(uid = \
                 {:?})]` where no store holds it",
                field.uid.value
            ),
        );
    }
    if let Some(at) = serde.flatten {
        ctxt.error(
            at,
            format!(
                "a store keeps every field under a uid of its own, and cannot spread one over \
                 several: write `#[store(uid = {name:?})]` to keep it whole under that one"
            ),
        );
    }
}

// A skipped field is not in the file, and starts at its default: nothing else can be said of it.
fn check_skip(ctxt: &Ctxt, field: &Field<'_>) {
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
        (key(field.attrs.seed.get()), "it starts at its `Default`"),
        (key(field.attrs.with.get()), "it is not in the file"),
        (
            key(field.attrs.accessor.get()),
            "it has no accessors, only its place in a snapshot",
        ),
    ];
    for (key, why) in keys {
        if let Some(key) = key {
            ctxt.error(
                key.span(),
                format!(
                    "`{key}` has no effect on a skipped field, for {why}: remove `{key}` {way_out}"
                ),
            );
        }
    }
}

// A stored field owns its value, for it is read back from a file.
fn check_owned(ctxt: &Ctxt, store: &Store<'_>, field: &Field<'_>) {
    if store.input.generics.lifetimes().next().is_some() {
        return;
    }
    let is_plain = !matches!(field.codec(), Codec::Module(_) | Codec::Functions { .. });
    if field.is_stored() && field.attrs.with.get().is_none() && is_plain && field.borrows() {
        ctxt.push(syn::Error::new_spanned(
            &field.ty,
            "a stored field owns its value, for it is read back from a file: write `String` in place \
             of `&str`, `Vec<T>` in place of `&[T]`, or leave the field out with `#[store(skip)]`",
        ));
    }
}

// A uid is a name in the file: not empty, in one line, and without the `/` that comes before the
// key of an entry.
fn check_uid(ctxt: &Ctxt, field: &Field<'_>) {
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
    } else if uid.value.len() > LONGEST_UID {
        ctxt.error(
            uid.span,
            format!(
                "a uid has {LONGEST_UID} bytes at most, and this one has {}",
                uid.value.len()
            ),
        );
    } else if uid.value.contains('/') {
        ctxt.error(
            uid.span,
            format!(
                "a uid cannot hold `/`, which comes before the key of an entry: write `uid = {:?}`",
                uid.value.replace('/', ".")
            ),
        );
    } else if let Some(char) = uid.value.chars().find(|char| char.is_control()) {
        ctxt.error(
            uid.span,
            format!(
                "a uid cannot hold the control character `{}`: remove it",
                char.escape_default()
            ),
        );
    }
}

// Each uid is one field's.
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
                        "the uid `{uid}` is the one of the field `{}` too: give one of them another \
                         with `#[store(uid = \"...\")]`",
                        first.name
                    ),
                );
                error.combine(syn::Error::new(
                    first.uid.span,
                    format!("the uid `{uid}` is taken here"),
                ));
                ctxt.push(error);
            }
        }
    }
}

// An accessor's name is an identifier.
fn check_accessor_name(ctxt: &Ctxt, field: &Field<'_>) {
    let name = &field.accessor.value;
    if field.is_stored() && !names::is_accessor_name(name) {
        ctxt.error(
            field.accessor.span,
            format!(
                "{name:?} is not the name of a method: write letters, digits and `_`, such as \
                 `accessor = \"my_name\"`"
            ),
        );
    }
}

// No accessor hides a method of the handle.
fn check_reserved(ctxt: &Ctxt, field: &Field<'_>) {
    if !field.is_stored() {
        return;
    }
    for name in Names::of(field).all() {
        if names::is_reserved(name) {
            ctxt.error(
                field.accessor.span,
                format!(
                    "the accessor `{name}` would hide the handle's own method `{name}`: name it \
                     otherwise with `#[store(accessor = \"...\")]`"
                ),
            );
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
                    "the accessor `{name}` is one of the field `{}` too: name the accessors of one \
                     of them otherwise with `#[store(accessor = \"...\")]`",
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

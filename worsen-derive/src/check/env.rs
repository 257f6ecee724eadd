//! Rules for the variables of the environment that override fields. Never here: what such a variable may hold.

use std::collections::HashMap;

use crate::{
    attr::Given,
    ctxt::Ctxt,
    model::{Field, Store},
};

// A variable has a name that the environment can hold, and its field is one value.
pub(super) fn check_env(ctxt: &Ctxt, store: &Store<'_>, field: &Field<'_>) {
    let (Some(Given { key, value }), Some(variable)) = (field.attrs.env.get(), &field.env) else {
        return;
    };
    if !field.is_stored() {
        return;
    }
    if value.is_none() && store.attrs.env_prefix.get().is_none() {
        ctxt.error(
            key.span(),
            format!(
                "`env` alone is the struct's `env_prefix` and the field's name: write `env = {0:?}`, or \
                 `#[store(env_prefix = \"APP_\")]` above the struct for `APP_{0}`",
                field.name.to_uppercase()
            ),
        );
        return;
    }
    if variable.value.is_empty() || variable.value.contains(['=', '\0']) {
        ctxt.error(
            variable.span,
            "the name of a variable is not empty, and has no `=` and no NUL: write a name such as `env = \"APP_PORT\"`",
        );
    }
    if let Some(collection) = field.collection() {
        ctxt.error(
            key.span(),
            format!(
                "`env` overrides one value, and the entries of a `{collection}` are many: remove `env`, or give the \
                 field a plain type such as `Vec` or `BTreeMap`"
            ),
        );
    }
}

// A prefix stands before something.
pub(super) fn check_env_prefix(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(Given { key, .. }) = store.attrs.env_prefix.get() else {
        return;
    };
    let uses_it = |field: &Field<'_>| field.attrs.env.value().is_some_and(Option::is_none);
    if !store.fields.iter().any(uses_it) {
        ctxt.error(
            key.span(),
            "`env_prefix` has no effect, because no field has `env` without a name: write `#[store(env)]` on those \
             that the environment overrides, or remove `env_prefix`",
        );
    }
}

// No two fields have one variable.
pub(super) fn check_variables_differ(ctxt: &Ctxt, store: &Store<'_>) {
    let mut seen: HashMap<&str, &Field<'_>> = HashMap::new();
    for field in store.fields.iter().filter(|field| field.is_stored()) {
        let Some(variable) = &field.env else { continue };
        match seen.get(variable.value.as_str()) {
            None => {
                seen.insert(&variable.value, field);
            }
            Some(first) => ctxt.error(
                variable.span,
                format!(
                    "the variable `{}` overrides the field `{}` too: give one of them another with `#[store(env = \
                     \"...\")]`",
                    variable.value, first.name
                ),
            ),
        }
    }
}

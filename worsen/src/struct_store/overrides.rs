//! Overrides: fields that read as a variable of the environment says, in the place of what is stored. Never here:
//! which variable a field has, and any write.
//!
//! An override must not get into the file. So the draft, and the state that it is brought up from, have what is
//! stored, and readers see a copy of that state in which the overridden fields are other ones. The copy is brought up
//! at each publication, as the draft is: by the fields that changed. A struct whose fields name no variable has no
//! such copy, and its reads do not even ask for one.

use std::ffi::OsString;

use super::field_set::FieldSet;
use crate::{
    entry::FieldChange,
    error::{self, Error, ValueError},
    rules::normalize,
    schema::{Fields, fields_of},
};

/// Finds the text of a variable of the environment.
pub(crate) type Environment = dyn Fn(&str) -> Option<OsString> + Send;

/// The values that override what is stored.
pub(crate) struct Overrides<S> {
    /// The other fields are at their seeds, and count for nothing.
    pub(super) state: S,
    pub(super) fields: FieldSet,
}

impl<S: Fields> Overrides<S> {
    /// Those that the environment has now; `None`: it has none.
    ///
    /// # Errors
    ///
    /// Where a variable has a text that its field cannot be.
    pub(crate) fn read(seed: &S, environment: &Environment) -> Result<Option<Self>, Error> {
        if !S::__HAS_ENV {
            return Ok(None);
        }
        let mut overrides = None;
        for (index, field) in fields_of::<S>().iter().enumerate() {
            let (Some(variable), Some(uid)) = (field.env, field.uid) else {
                continue;
            };
            let Some(text) = environment(variable) else {
                continue;
            };
            let named = |error: Error| error.in_uid(uid);
            if (field.by_entry)().is_some() {
                return Err(named(error::env::of_collection(variable)));
            }
            let text = text
                .to_str()
                .ok_or_else(|| named(error::env::not_text(variable)))?;
            let overrides = overrides.get_or_insert_with(|| Overrides {
                state: seed.__copy(),
                fields: FieldSet::of(S::__COUNT),
            });
            let state = &mut overrides.state;
            parse(state, index, text).map_err(|error| {
                named(error::env::does_not_fit(variable, field.type_name, error))
            })?;
            if normalize(field.rules) {
                state.__normalize(index);
            }
            state.__check(index).map_err(|rule| {
                let why = rule.why.as_deref();
                named(error::env::breaks_rule(
                    variable,
                    (rule.key, rule.text),
                    why,
                ))
            })?;
            overrides.fields.add(index);
        }
        Ok(overrides)
    }
}

/// A text is the value where the type can be read from a text, and JSON otherwise.
fn parse<S: Fields>(state: &mut S, index: usize, text: &str) -> Result<(), ValueError> {
    let json = serde_json::Value::from(text).to_string();
    let of_text = match state.__apply(index, FieldChange::Set(&json)) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let of_json = state.__apply(index, FieldChange::Set(text));
    // Of a text that is no JSON, serde says more where it is told of a text.
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    of_json.map_err(|error| if is_json { error } else { of_text })
}

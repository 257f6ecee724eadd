//! Why a value is not stored, or not read. Never here: finding that out.

use std::{borrow::Cow, fmt::Write as _};

use super::{Error, ErrorKind};

/// Why one value does not become JSON, or JSON does not become a value. The engine adds the uid.
#[doc(hidden)]
#[derive(Debug)]
pub struct ValueError {
    pub(crate) what: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
    pub(crate) kind: ErrorKind,
    pub(crate) source: Option<serde_json::Error>,
    /// The key of the entry in question, below the uid of its field.
    pub(crate) key: Option<String>,
}

impl ValueError {
    pub(super) fn new(
        kind: ErrorKind,
        what: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        ValueError {
            what: what.into(),
            help: help.into(),
            kind,
            source: None,
            key: None,
        }
    }

    pub(super) fn caused_by(self, source: impl Into<Option<serde_json::Error>>) -> Self {
        ValueError {
            source: source.into(),
            ..self
        }
    }

    /// Of one entry of a field.
    pub(crate) fn in_key(self, key: String) -> Self {
        ValueError {
            key: Some(key),
            ..self
        }
    }

    /// Turns into the error of the entry `uid`.
    pub(crate) fn at(self, uid: &str) -> Error {
        let error = Error::new(self.kind, self.what).help(self.help);
        let error = match self.kind {
            // It was to be read: whether somebody wants to write meanwhile is not known here.
            ErrorKind::Decode => error,
            _ => error.nothing_written(),
        };
        let error = match self.key {
            Some(key) => error.in_uid(&format!("{uid}/{key}")),
            None => error.in_uid(uid),
        };
        match self.source {
            Some(source) => error.caused_by(source),
            None => error,
        }
    }
}

/// What a store cannot keep.
const CANNOT_BE_STORED: &str = "NaN and infinities, `Some` of what is `null`, values nested deeper than 127 and types whose Serialize and Deserialize disagree cannot be stored as JSON";

/// For a value that is stored as another type has written it.
pub(super) const FORMER_TYPE: &str = "give the field its former type, or another uid";

/// A Serialize that writes no JSON, `how` it did.
pub(crate) fn badly_written(how: &str) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        format!("the value was written {how}, which is no JSON"),
        "look at the type's Serialize implementation",
    )
}

pub(crate) fn not_json(error: serde_json::Error) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        "the value cannot be written as JSON",
        "use a type that serde can turn into JSON (a map needs string, number or unit-enum keys), or `#[store(with = ...)]`",
    )
    .caused_by(error)
}

/// The value is another one when it comes back. `json` is an excerpt.
pub(crate) fn comes_back_otherwise(json: &str, difference: &dyn std::fmt::Display) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        format!("the value would not come back from its JSON, {json}: {difference}"),
        CANNOT_BE_STORED,
    )
}

pub(crate) fn comes_back_in_another_order(json: &str) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        format!(
            "the value would not come back from its JSON, {json}: its members would come back in another order"
        ),
        "look whether the type's Serialize and Deserialize agree on the order",
    )
}

/// The value's own JSON cannot be read, `at` a place in it. `more`: what else may help.
pub(crate) fn does_not_come_back(
    json: &str,
    at: Option<&str>,
    more: Option<&str>,
    error: serde_json::Error,
) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        format!(
            "the value would not come back from its JSON, {json}{}",
            place(at)
        ),
        joined(CANNOT_BE_STORED, more),
    )
    .caused_by(error)
}

/// What is stored is none of the values of `wanted`.
pub(crate) fn does_not_fit(
    json: &str,
    wanted: &str,
    at: Option<&str>,
    more: Option<&str>,
    error: serde_json::Error,
) -> ValueError {
    const HELP: &str = "give the field, or the `PersistentStore`, its former type, a type that accepts both (serde's `untagged`, `default`), or another uid";
    ValueError::new(
        ErrorKind::Decode,
        format!(
            "the stored value {json} does not decode as `{wanted}`{}",
            place(at)
        ),
        joined(HELP, more),
    )
    .caused_by(error)
}

/// There are entries below the uid of a field that has none.
pub(crate) fn has_entries(plain: &str, key: &str) -> ValueError {
    ValueError::new(
        ErrorKind::Decode,
        format!("the store has entries of a `Map`, a `Queue`, a `Set` or a `WorkQueue` here, and the field is a plain `{plain}`"),
        FORMER_TYPE,
    )
    .in_key(key.to_owned())
}

/// All that does not fit, as one error: that of the first, which tells of the others too. `None`: all fits.
pub(crate) fn together<'a>(misfits: impl IntoIterator<Item = &'a Error>) -> Option<Error> {
    /// So many are told in full.
    const TOLD: usize = 10;
    let mut misfits = misfits.into_iter();
    let first = misfits.next()?;
    let mut others = String::new();
    for other in misfits.by_ref().take(TOLD - 1) {
        let uid = other.uid().unwrap_or_default().escape_debug();
        // Writing to a string does not fail.
        let _ = write!(others, "; uid `{uid}`: {}", other.0.what);
    }
    match misfits.count() {
        0 => {}
        more => drop(write!(others, "; and {more} more do not fit")),
    }
    Some(match others.is_empty() {
        true => first.clone(),
        false => first.clone().followed_by(&others),
    })
}

/// The type's own code panicked at a stored value.
pub(crate) fn panicked_at(uid: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        "the type's Deserialize panicked at the stored value",
    )
    .help("have it return an error, or accept the value")
    .in_uid(uid)
}

/// A uid that cannot stand in the log.
pub(crate) fn invalid_uid(uid: &str, what: String) -> Error {
    Error::new(ErrorKind::InvalidUid, what)
        .nothing_written()
        .help("a uid is some text without control characters")
        .in_uid(uid)
}

fn place(at: Option<&str>) -> String {
    at.map_or_else(String::new, |at| format!(", at `{at}`"))
}

fn joined(help: &'static str, more: Option<&str>) -> Cow<'static, str> {
    match more {
        Some(more) => format!("{help}; {more}").into(),
        None => help.into(),
    }
}

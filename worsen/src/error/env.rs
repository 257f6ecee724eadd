//! Of variables of the environment that override fields. What they hold is never printed: it may be a password.

use super::{Error, ErrorKind, ValueError};

const HELP: &str = "set it to a text if the field is one, and to JSON otherwise, such as `8080`, `true` or `[1,2]`; or unset it";

fn error(what: String) -> Error {
    Error::new(ErrorKind::Environment, what).nothing_written()
}

/// The text is no value of the field, whose type is `wanted`.
pub(crate) fn does_not_fit(variable: &str, wanted: &str, cause: ValueError) -> Error {
    let error = error(format!(
        "the variable `{variable}` of the environment overrides this field, and is no `{wanted}`"
    ));
    match cause.source {
        Some(source) => error.help(HELP).caused_by(source),
        None => error.help(HELP),
    }
}

pub(crate) fn not_text(variable: &str) -> Error {
    error(format!(
        "the variable `{variable}` of the environment overrides this field, and is not UTF-8"
    ))
    .help(HELP)
}

pub(crate) fn breaks_rule(variable: &str, (key, text): (&str, &str), why: Option<&str>) -> Error {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    error(format!(
        "the variable `{variable}` of the environment overrides this field, and breaks the rule `{key} = {text}`{why}"
    ))
    .help("set it to a value that keeps the rule, or unset it")
}

/// The entries of a collection have uids of their own, and no variables.
pub(crate) fn of_collection(variable: &str) -> Error {
    error(format!(
        "the variable `{variable}` of the environment cannot override this field, which is a collection"
    ))
    .help("unset it, and remove `env` from the field, or give it a plain type such as `Vec` or `BTreeMap`")
}

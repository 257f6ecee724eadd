//! Of a value that breaks a rule of its field, or of its struct. Never here: which values are asked.

use super::{Error, ErrorKind, ValueError};

/// What a broken rule is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Broken {
    /// A write was to store it.
    Written,
    /// A field is to begin with it.
    Seed,
    /// It is stored, by another program.
    Stored,
}

impl Broken {
    fn help(self) -> &'static str {
        match self {
            Broken::Written => "write a value that keeps the rule",
            Broken::Seed => {
                "give it a seed that keeps the rule, such as with `#[store(seed = ...)]`"
            }
            Broken::Stored => "write a value that keeps the rule, or change the rule",
        }
    }
}

/// The value of one field. `value` is an excerpt of its JSON, where there is one; `why` is what the rule says.
pub(crate) fn broken(
    broken: Broken,
    value: Option<&str>,
    (key, text): (&str, &str),
    why: Option<&str>,
) -> ValueError {
    let what = match (broken, value) {
        (Broken::Written, Some(value)) => format!("the value {value}"),
        (Broken::Seed, Some(value)) => format!("the seed {value}"),
        (Broken::Stored, Some(value)) => format!("the stored value {value}"),
        (Broken::Written | Broken::Stored, None) => "the field's value".to_owned(),
        (Broken::Seed, None) => "the field's seed".to_owned(),
    };
    ValueError::new(
        ErrorKind::Invalid,
        told(&what, (key, text), why),
        broken.help(),
    )
}

/// The whole struct. No field is to blame.
pub(crate) fn broken_by_struct(
    broken: Broken,
    (key, text): (&str, &str),
    why: Option<&str>,
) -> Error {
    let what = match broken {
        Broken::Written => "the state that the write would leave",
        Broken::Seed => "the state of all seeds",
        Broken::Stored => "the stored state",
    };
    Error::new(ErrorKind::Invalid, told(what, (key, text), why)).help(match broken {
        Broken::Written => "write a state that keeps the struct's rule",
        Broken::Seed => "choose seeds that keep the struct's rule together",
        Broken::Stored => "write a state that keeps the struct's rule, or change the rule",
    })
}

fn told(what: &str, (key, text): (&str, &str), why: Option<&str>) -> String {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("{what} breaks the rule `{key} = {text}`{why}")
}

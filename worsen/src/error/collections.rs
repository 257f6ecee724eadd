//! Why an entry of a collection is not stored, or not read.

use super::{ErrorKind, ValueError, value::FORMER_TYPE};

/// A key that JSON cannot have, or that is another one when it comes back.
pub(crate) fn key_is_no_text(error: Option<serde_json::Error>) -> ValueError {
    ValueError::new(
        ErrorKind::Encode,
        "a key cannot be written as the end of a uid",
        "use a string, an integer, a bool, an enum without data or a newtype of one",
    )
    .caused_by(error)
}

pub(crate) fn key_is_too_long(bytes: usize, longest: usize) -> ValueError {
    ValueError::new(
        ErrorKind::InvalidUid,
        format!("a key has {bytes} bytes; the limit is {longest}"),
        "use a shorter key, and keep the rest in the value",
    )
}

/// What stands behind the uid of the field is no key of the type `wanted`.
pub(crate) fn not_a_key(wanted: &str, error: serde_json::Error) -> ValueError {
    ValueError::new(
        ErrorKind::Decode,
        format!("the end of the uid is no key of type `{wanted}`"),
        FORMER_TYPE,
    )
    .caused_by(error)
}

pub(crate) fn not_a_job(error: Option<serde_json::Error>) -> ValueError {
    ValueError::new(
        ErrorKind::Decode,
        "the entry is no job of a work queue",
        FORMER_TYPE,
    )
    .caused_by(error)
}

pub(crate) fn not_a_number() -> ValueError {
    ValueError::new(
        ErrorKind::Decode,
        "the end of the uid is no number of a job",
        FORMER_TYPE,
    )
}

/// There is none left for another job.
pub(crate) fn no_more_numbers() -> ValueError {
    ValueError::new(
        ErrorKind::TooLarge,
        "the numbers of this queue are used up",
        "use another field",
    )
}

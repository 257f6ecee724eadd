//! A field's value as JSON text and back, refusing what JSON cannot carry. Knows no uids and no
//! stores.

mod imprint;

use std::any::{Any, TypeId};

use serde::{Serialize, de::DeserializeOwned};

use self::imprint::imprint;
use crate::{
    __private::{JsonDeserializer, JsonSerializer},
    error::{ErrorKind, ValueError},
    planted::{Bug, planted},
};

/// The value as JSON text, once it is sure that the text decodes to the same value again.
pub(crate) fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
) -> Result<String, ValueError> {
    if always_comes_back(value) {
        return to_text(|serializer| value.serialize(serializer));
    }
    // First: this refuses what is nested so deeply that writing it would end the stack.
    let before = imprint(value, false).map_err(not_json)?;
    let json = to_text(|serializer| value.serialize(serializer))?;
    let back: T = serde_json::from_str(&json).map_err(|error| changes(&json, Some(error)))?;
    if imprint(&back, false).map_err(not_json)? == before {
        return Ok(json);
    }
    // Sets and hash maps list their members in any order.
    let sorted = |value| imprint(value, true).map_err(not_json);
    if sorted(value)? == sorted(&back)? {
        Ok(json)
    } else {
        Err(changes(&json, None))
    }
}

/// As [`encode`], by the functions of a `with` module.
pub(crate) fn encode_with<T>(
    value: &T,
    serialize: impl Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<String, ValueError> {
    let json = to_text(|serializer| serialize(value, serializer))?;
    check_comes_back(&json, |text| {
        let back = from_text(text, &deserialize)?;
        let mut again = Vec::new();
        serialize(&back, &mut serde_json::Serializer::new(&mut again))?;
        // serde_json writes nothing but UTF-8.
        Ok(String::from_utf8_lossy(&again).into_owned())
    })?;
    Ok(json)
}

/// The value of this JSON text.
pub(crate) fn decode<T: DeserializeOwned>(json: &str) -> Result<T, ValueError> {
    serde_json::from_str(json).map_err(|error| does_not_fit::<T>(json, error))
}

/// As [`decode`], by the function of a `with` module.
pub(crate) fn decode_with<T>(
    json: &str,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<T, ValueError> {
    from_text(json, deserialize).map_err(|error| does_not_fit::<T>(json, error))
}

fn to_text(
    serialize: impl FnOnce(JsonSerializer<'_>) -> Result<(), serde_json::Error>,
) -> Result<String, ValueError> {
    let mut bytes = Vec::with_capacity(32);
    serialize(&mut serde_json::Serializer::new(&mut bytes)).map_err(not_json)?;
    String::from_utf8(bytes).map_err(|_| ValueError {
        kind: ErrorKind::Encode,
        what: "the value was written as something that is not UTF-8".into(),
        help: "nothing was written; look at the type's Serialize implementation".into(),
        source: None,
        key: None,
    })
}

fn not_json(error: serde_json::Error) -> ValueError {
    ValueError {
        kind: ErrorKind::Encode,
        what: "the value cannot be written as JSON".into(),
        help: "nothing was written; use a type that serde can turn into JSON (a map needs string, number or unit-enum keys), or `#[store(with = ...)]`".into(),
        source: Some(error),
        key: None,
    }
}

/// The value is another one when it comes back.
fn changes(json: &str, source: Option<serde_json::Error>) -> ValueError {
    ValueError {
        kind: ErrorKind::Encode,
        what: format!("the value would not come back from its JSON, {}", excerpt(json)).into(),
        help: "nothing was written; NaN and infinities, `Some` of what is `null`, values nested deeper than 127 and types whose Serialize and Deserialize disagree cannot be stored as JSON".into(),
        source,
        key: None,
    }
}

fn from_text<T>(
    json: &str,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

fn does_not_fit<T>(json: &str, error: serde_json::Error) -> ValueError {
    ValueError {
        kind: ErrorKind::Decode,
        what: format!(
            "the stored value {} does not decode as `{}`",
            excerpt(json),
            std::any::type_name::<T>()
        )
        .into(),
        help: "nothing was changed; give the field, or the `PersistentStore`, its former type, a type that accepts both (serde's `untagged`, `default`), or another uid".into(),
        source: Some(error),
        key: None,
    }
}

/// There are entries below the uid of a field that has none.
pub(crate) fn has_entries<T>(key: &str) -> ValueError {
    ValueError {
        kind: ErrorKind::Decode,
        what: format!(
            "the store has entries of a `Map`, a `Queue`, a `Set` or a `WorkQueue` here, and the field is a plain `{}`",
            std::any::type_name::<T>()
        )
        .into(),
        help: "nothing was changed; give the field its former type, or another uid".into(),
        source: None,
        key: Some(key.to_owned()),
    }
}

/// Values that JSON carries for certain, so that looking again would be wasted on a hot path.
fn always_comes_back<T: 'static>(value: &T) -> bool {
    let value: &dyn Any = value;
    if let Some(number) = value.downcast_ref::<f64>() {
        return number.is_finite() || planted(Bug::AcceptNan);
    }
    if let Some(number) = value.downcast_ref::<f32>() {
        return number.is_finite();
    }
    macro_rules! any_of {
        ($($known:ty),*) => { $(TypeId::of::<T>() == TypeId::of::<$known>())||* };
    }
    any_of!(
        bool,
        char,
        String,
        (),
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        Vec<String>,
        Vec<u8>,
        Option<bool>,
        Option<u32>,
        Option<u64>,
        Option<i32>,
        Option<i64>,
        Option<String>
    )
}

/// Decodes and encodes once more. What comes out must be the same JSON, apart from the order in
/// which sets and hash maps happen to list their members.
fn check_comes_back(
    json: &str,
    again: impl FnOnce(&str) -> Result<String, serde_json::Error>,
) -> Result<(), ValueError> {
    let back = again(json).map_err(|error| changes(json, Some(error)))?;
    if back == json {
        return Ok(());
    }
    let parse = |text: &str| {
        serde_json::from_str(text)
            .map(sorted)
            .map_err(|error| changes(json, Some(error)))
    };
    if parse(&back)? == parse(json)? {
        Ok(())
    } else {
        Err(changes(json, None))
    }
}

/// The same JSON with the members of every array in one order.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(members) => {
            let mut members: Vec<_> = members.into_iter().map(sorted).collect();
            members.sort_by_cached_key(ToString::to_string);
            Value::Array(members)
        }
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect(),
        ),
        plain => plain,
    }
}

/// The beginning of some JSON, short enough for a message.
fn excerpt(json: &str) -> String {
    const MOST: usize = 60;
    match json.char_indices().nth(MOST) {
        Some((end, _)) => format!("`{}…`", &json[..end]),
        None => format!("`{json}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn a_set_and_a_hash_map_come_back_in_any_order() {
        let set: HashSet<u32> = (0..100).collect();
        assert!(encode(&set).is_ok());
        let map: HashMap<String, HashSet<u32>> =
            (0..50).map(|n| (n.to_string(), (0..n).collect())).collect();
        assert!(encode(&map).is_ok());
    }

    #[test]
    fn not_a_number_is_refused() {
        let error = encode(&f64::NAN).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Encode);
        assert!(encode(&vec![1.0, f64::INFINITY]).is_err());
        assert!(encode(&0.1_f64).is_ok());
        assert!(encode(&Some(f64::NAN)).is_err());
        assert!(encode(&Some(f32::INFINITY)).is_err());
        assert!(encode(&Some(0.1_f64)).is_ok());
    }

    #[test]
    fn a_map_with_keys_that_are_not_strings_is_refused() {
        let map: HashMap<Vec<u8>, u8> = [(vec![1], 1)].into();
        assert_eq!(encode(&map).unwrap_err().kind, ErrorKind::Encode);
    }
}

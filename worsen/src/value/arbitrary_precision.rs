//! serde_json's feature `arbitrary_precision`, which another crate of the program may turn on: with it some
//! types cannot read floats. Whether it is on, and whether it can explain an error. Never here: the error itself.

use std::{fmt, sync::OnceLock};

use serde::de::{Deserializer, MapAccess, Visitor};

/// For the end of a message.
pub(super) const BREAKS_FLOATS: &str = "a crate of this program turns on the feature `arbitrary_precision` of serde_json, with which floats in untagged, internally tagged and flattened types cannot be read: turn it off, or use an enum that names its variants";

/// Whether numbers in this JSON may be what cannot be read: serde_json then gives floats to a type that
/// asks for anything as a map, which no such type takes for a number.
pub(super) fn breaks_floats(json: &str) -> bool {
    is_precision_arbitrary() && has_float(json)
}

fn is_precision_arbitrary() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| {
        let mut deserializer = serde_json::Deserializer::from_str("0.5");
        (&mut deserializer).deserialize_any(IsMap).unwrap_or(false)
    })
}

struct IsMap;

impl<'de> Visitor<'de> for IsMap {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, _value: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, _map: A) -> Result<bool, A::Error> {
        Ok(true)
    }
}

/// Whether there is a number with a fraction or an exponent, or one of more digits than an integer has.
fn has_float(json: &str) -> bool {
    let mut in_string = false;
    let mut escaped = false;
    let mut digits = 0;
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'0'..=b'9' if digits < 19 => digits += 1,
            b'0'..=b'9' | b'.' => return true,
            b'e' | b'E' if digits > 0 => return true,
            _ => digits = 0,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::has_float;

    #[test]
    fn a_float_is_told_from_other_numbers() {
        for json in ["0.5", "[1,2e3]", "{\"a\":1E-7}", "123456789012345678901"] {
            assert!(has_float(json), "{json}");
        }
        for json in ["1", "[\"0.5\"]", "true", "18446744073709551"] {
            assert!(!has_float(json), "{json}");
        }
    }
}

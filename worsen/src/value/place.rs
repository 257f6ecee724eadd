//! Where in some JSON an error is, and what a program's other crates may have to do with it.

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

/// The place at which reading this JSON failed: `.jobs[2].size`. `None` where it is the whole value.
pub(super) fn of(json: &str, error: &serde_json::Error) -> Option<String> {
    // It is one line, but for what an older version may have let through.
    if error.line() != 1 {
        return None;
    }
    let mut place = Place::default();
    for (index, byte) in json.bytes().enumerate().take(error.column()) {
        let is_last = index + 1 == error.column();
        place.step(json, index, byte, is_last);
    }
    let text: String = place.stack.iter().map(ToString::to_string).collect();
    (!text.is_empty()).then_some(text)
}

#[derive(Default)]
struct Place {
    stack: Vec<Step>,
    /// Where the string begins that this is in.
    string: Option<usize>,
    escaped: bool,
}

enum Step {
    Index(usize),
    /// The text of the key, with its quotes; empty before there is one.
    Key {
        text: String,
        is_read: bool,
    },
}

impl Place {
    fn step(&mut self, json: &str, index: usize, byte: u8, is_last: bool) {
        if let Some(start) = self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.string = None;
                    if let Some(Step::Key {
                        text,
                        is_read: false,
                    }) = self.stack.last_mut()
                    {
                        *text = json.get(start..=index).unwrap_or_default().to_owned();
                    }
                }
                _ => {}
            }
            return;
        }
        match (byte, self.stack.last_mut()) {
            (b'"', _) => self.string = Some(index),
            (b'[', _) => self.stack.push(Step::Index(0)),
            (b'{', _) => self.stack.push(Step::Key {
                text: String::new(),
                is_read: false,
            }),
            // What is wrong with a whole list or object is noticed at its end.
            (b']' | b'}', _) => drop(self.stack.pop()),
            (b':', Some(Step::Key { is_read, .. })) => *is_read = true,
            // The comma behind a value, where its error was noticed, is still its.
            (b',', _) if is_last => {}
            (b',', Some(Step::Index(index))) => *index += 1,
            (b',', Some(Step::Key { text, is_read })) => {
                text.clear();
                *is_read = false;
            }
            _ => {}
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key { is_read: false, .. } => Ok(()),
            Step::Key { text, .. } => {
                let name = text.trim_matches('"');
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                match !name.is_empty() && name.bytes().all(is_plain) {
                    true => write!(f, ".{name}"),
                    false => write!(f, "[{text}]"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;

    use super::*;

    #[track_caller]
    fn place<T: DeserializeOwned + fmt::Debug>(json: &str) -> Option<String> {
        of(json, &serde_json::from_str::<T>(json).unwrap_err())
    }

    #[test]
    fn the_place_of_an_error_is_found() {
        type Map = BTreeMap<String, Vec<f64>>;
        assert_eq!(place::<f64>("null"), None);
        assert_eq!(place::<Vec<f64>>("[1.0,null]").unwrap(), "[1]");
        assert_eq!(place::<Vec<f64>>("[1.0,null,2.0]").unwrap(), "[1]");
        assert_eq!(place::<Vec<(u8, u8)>>("[[1,2],[1]]").unwrap(), "[1]");
        assert_eq!(
            place::<Map>(r#"{"a":[1.0],"b":[1.0,null]}"#).unwrap(),
            ".b[1]"
        );
        assert_eq!(
            place::<Map>(r#"{"a]\":,":[1.0],"b c":["x"]}"#).unwrap(),
            r#"["b c"][0]"#
        );
        assert_eq!(place::<Map>(r#"{"a":300}"#).unwrap(), ".a");
    }

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

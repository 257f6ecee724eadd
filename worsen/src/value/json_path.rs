//! The path to the value at which reading some JSON failed, for messages: `.jobs[2].size`. Never here: what
//! was wrong with the value.

use std::fmt;

/// The path to the value at which reading this JSON failed: `.jobs[2].size`. `None` for the whole value.
pub(super) fn of(json: &str, error: &serde_json::Error) -> Option<String> {
    // It is one line, but for what an older version may have let through.
    if error.line() != 1 {
        return None;
    }
    let mut path = PathTracker::default();
    for (index, byte) in json.bytes().enumerate().take(error.column()) {
        let is_last = index + 1 == error.column();
        path.step(json, index, byte, is_last);
    }
    let text: String = path.stack.iter().map(ToString::to_string).collect();
    (!text.is_empty()).then_some(text)
}

#[derive(Default)]
struct PathTracker {
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

impl PathTracker {
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
    fn path<T: DeserializeOwned + fmt::Debug>(json: &str) -> Option<String> {
        of(json, &serde_json::from_str::<T>(json).unwrap_err())
    }

    #[test]
    fn the_path_of_an_error_is_found() {
        type Map = BTreeMap<String, Vec<f64>>;
        assert_eq!(path::<f64>("null"), None);
        assert_eq!(path::<Vec<f64>>("[1.0,null]").unwrap(), "[1]");
        assert_eq!(path::<Vec<f64>>("[1.0,null,2.0]").unwrap(), "[1]");
        assert_eq!(path::<Vec<(u8, u8)>>("[[1,2],[1]]").unwrap(), "[1]");
        assert_eq!(
            path::<Map>(r#"{"a":[1.0],"b":[1.0,null]}"#).unwrap(),
            ".b[1]"
        );
        assert_eq!(
            path::<Map>(r#"{"a]\":,":[1.0],"b c":["x"]}"#).unwrap(),
            r#"["b c"][0]"#
        );
        assert_eq!(path::<Map>(r#"{"a":300}"#).unwrap(), ".a");
    }
}

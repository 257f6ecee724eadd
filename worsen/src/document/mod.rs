//! A state as one JSON object that people read, and back: a member for each field, and in it the entries of a
//! collection. Pure: entries in and text out, text in and members out. Never here: types, files, and what becomes
//! of a member.

mod pretty;

use std::fmt;

use serde::{
    Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use self::pretty::pretty;
use crate::schema::Mark;

/// One JSON object, under way.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// Adds the value of a plain field, or of one uid.
    pub(crate) fn member(&mut self, uid: &str, json: &str) {
        self.text.push_str(match self.text.is_empty() {
            true => "{\n  ",
            false => ",\n  ",
        });
        push_string(&mut self.text, uid);
        self.text.push_str(": ");
        pretty(json, 1, &mut self.text);
    }

    /// Adds a collection, by its mark and by its entries, each as its key and its JSON, in the order of their keys.
    ///
    /// A queue is a list. Everything else is an object of its entries: a job of a work queue has more to it than
    /// what was pushed.
    pub(crate) fn collection<'a>(
        &mut self,
        uid: &str,
        mark: Mark,
        entries: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let mut json = String::new();
        let mut push = |key: Option<&str>, value: &str| {
            json.push(if json.is_empty() { ' ' } else { ',' });
            if let Some(key) = key {
                push_string(&mut json, key);
                json.push(':');
            }
            json.push_str(value);
        };
        let (open, close) = match mark {
            Mark::Queue => {
                let number = |key: &str| key.parse::<i64>();
                // A key that is no number belongs to no item.
                let mut items: Vec<(i64, &str)> = entries
                    .filter_map(|(key, value)| Some((number(key).ok()?, value)))
                    .collect();
                items.sort_by_key(|(number, _)| *number);
                items.iter().for_each(|(_, value)| push(None, value));
                ('[', ']')
            }
            Mark::Map | Mark::WorkQueue => {
                entries.for_each(|(key, value)| push(Some(key), value));
                ('{', '}')
            }
        };
        self.member(uid, &format!("{open}{json}{close}"));
    }

    /// The whole object.
    pub(crate) fn finish(mut self) -> String {
        if self.text.is_empty() {
            return "{}\n".into();
        }
        self.text.push_str("\n}\n");
        self.text
    }
}

fn push_string(out: &mut String, text: &str) {
    // A string always becomes JSON.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// The members of a JSON object, in their order, each with the text of its value.
///
/// # Errors
///
/// Where it is no JSON, no object, or names a member twice.
pub(crate) fn members(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let members = json.deserialize_map(Members)?;
    json.end()?;
    Ok(members)
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut known = std::collections::HashSet::new();
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !known.insert(name.clone()) {
                return Err(de::Error::custom(format_args!("`{name}` is there twice")));
            }
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
}

/// Whether this JSON text is an object.
pub(crate) fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_by_people_and_in_a_stable_order() {
        let mut writer = Writer::default();
        writer.member("port", "80");
        writer.member("hosts", r#"["a, b",{"x":[]}]"#);
        let users = [("Ada", r#"{"age":36}"#), ("B\"b", "1e400")];
        writer.collection("users", Mark::Map, users.into_iter());
        let jobs = [("10", "\"b\""), ("9", "\"a\""), ("x", "0")];
        writer.collection("jobs", Mark::Queue, jobs.into_iter());
        writer.collection("none", Mark::Queue, [].into_iter());
        let text = writer.finish();
        assert_eq!(
            text,
            r#"{
  "port": 80,
  "hosts": [
    "a, b",
    {
      "x": []
    }
  ],
  "users": {
    "Ada": {
      "age": 36
    },
    "B\"b": 1e400
  },
  "jobs": [
    "a",
    "b"
  ],
  "none": []
}
"#
        );
        let members = members(&text).unwrap();
        let names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["port", "hosts", "users", "jobs", "none"]);
        assert!(is_object(members[2].1.get()));
    }

    #[test]
    fn a_document_is_one_object_and_nothing_else() {
        assert_eq!(Writer::default().finish(), "{}\n");
        assert!(members("{}").unwrap().is_empty());
        for wrong in ["", "[]", "1", "{} {}", r#"{"a":1"#, "\u{feff}{}", "{a:1}"] {
            assert!(members(wrong).is_err(), "{wrong}");
        }
        let twice = members(r#"{"a":1,"b":2,"a":3}"#).unwrap_err();
        assert!(twice.to_string().contains("`a` is there twice"), "{twice}");
    }
}

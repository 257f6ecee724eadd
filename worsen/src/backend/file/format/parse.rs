//! The JSON of a line, read in one go: texts that need no unescaping stay parts of the log.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::past::{Past, parse_past};
use crate::{
    entry::Edit,
    planted::{Bug, planted},
    shared_str::{Buffer, SharedStr},
};

pub(super) fn parse(line: &[u8], whole: &Buffer) -> Option<RawLine> {
    let mut line = serde_json::Deserializer::from_str(whole.text(line)?);
    let raw = LineSeed(whole).deserialize(&mut line).ok()?;
    line.end().ok()?;
    Some(raw)
}

/// Any line: the fields of headers and records, each where it is there.
#[derive(Default)]
pub(super) struct RawLine {
    pub(super) store: Option<String>,
    pub(super) generation: Option<u64>,
    pub(super) revision: Option<u64>,
    pub(super) base: Option<u64>,
    pub(super) past: Vec<Past>,
    pub(super) at: Option<SharedStr>,
    pub(super) pid: Option<u32>,
    pub(super) durable: Option<u64>,
    pub(super) changes: Vec<Edit>,
}

/// The name of a field.
enum Member {
    Store,
    Generation,
    Revision,
    Base,
    Past,
    At,
    Pid,
    Durable,
    Set,
    Del,
    /// A later format may say more; what is there is still valid.
    Unknown,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MemberVisitor;
        impl Visitor<'_> for MemberVisitor {
            type Value = Member;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "store" => Member::Store,
                    "gen" => Member::Generation,
                    "rev" => Member::Revision,
                    "base" => Member::Base,
                    "past" => Member::Past,
                    "at" => Member::At,
                    "pid" => Member::Pid,
                    "durable" => Member::Durable,
                    "set" => Member::Set,
                    "del" => Member::Del,
                    _ => Member::Unknown,
                })
            }
        }
        deserializer.deserialize_str(MemberVisitor)
    }
}

struct LineSeed<'a>(&'a Buffer);

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = RawLine;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawLine, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = RawLine;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a line of the log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawLine, A::Error> {
        let LineSeed(whole) = self;
        let mut line = RawLine::default();
        while let Some(member) = map.next_key()? {
            match member {
                Member::Store => line.store = Some(map.next_value()?),
                Member::Generation => line.generation = Some(map.next_value()?),
                // Else a line could be of another revision than its beginning says.
                Member::Revision if line.revision.is_some() => {
                    return Err(de::Error::duplicate_field("rev"));
                }
                Member::Revision => line.revision = Some(map.next_value()?),
                Member::Base => line.base = Some(map.next_value()?),
                Member::Past => line.past = parse_past(map.next_value()?),
                Member::At => line.at = Some(map.next_value_seed(TextSeed(whole))?),
                Member::Pid => line.pid = Some(map.next_value()?),
                Member::Durable => line.durable = Some(map.next_value()?),
                Member::Set => map.next_value_seed(SetSeed(&mut line.changes, whole))?,
                Member::Del => map.next_value_seed(DelSeed(&mut line.changes, whole))?,
                Member::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(line)
    }
}

/// The object behind `set`, straight into the list of changes.
struct SetSeed<'a>(&'a mut Vec<Edit>, &'a Buffer);

impl<'de> DeserializeSeed<'de> for SetSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SetSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of uids and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(uid) = map.next_key_seed(TextSeed(self.1))? {
            let json: &RawValue = map.next_value()?;
            let is_known = || self.0.iter().any(|known| known.uid == uid);
            if planted(Bug::FirstOfDuplicateUidsWins) && is_known() {
                continue;
            }
            self.0.push(Edit::set(uid, self.1.keep(json.get())));
        }
        Ok(())
    }
}

/// The array behind `del`, straight into the list of changes.
struct DelSeed<'a>(&'a mut Vec<Edit>, &'a Buffer);

impl<'de> DeserializeSeed<'de> for DelSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for DelSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of uids")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(uid) = seq.next_element_seed(TextSeed(self.1))? {
            self.0.push(Edit::delete(uid));
        }
        Ok(())
    }
}

/// A string. What needs no unescaping stays a part of the line.
struct TextSeed<'a>(&'a Buffer);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = SharedStr;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SharedStr, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TextSeed<'_> {
    type Value = SharedStr;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SharedStr, E> {
        Ok(self.0.keep(text))
    }
}

//! A field's value as JSON text and back, refusing what JSON cannot carry. Knows no uids and no
//! stores.

mod arbitrary_precision;
mod canonical;
mod difference;
mod json_path;
mod raw;
mod unknown;

use std::any::{Any, TypeId};

use serde::{Serialize, de::DeserializeOwned};

pub use self::canonical::Canonical;
use self::{
    canonical::{canonical_with, notes_with},
    difference::{Difference, Outcome, Paths, compare},
    unknown::{Notes, Texts},
};
use crate::{
    entry::Stored,
    error::{self, ValueError},
    planted::{Bug, planted},
    shared_str::SharedStr,
};

/// Where serde writes a field's JSON: for `#[store(with = ...)]`.
pub type JsonSerializer<'a> = &'a mut serde_json::Serializer<&'a mut Vec<u8>>;
/// Where serde reads a field's JSON.
pub type JsonDeserializer<'a, 'de> = &'a mut serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// What a [`PersistentStore`](crate::PersistentStore) can hold. Implemented for every type that fits.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    note = "derive `Clone`, `serde::Serialize` and `serde::Deserialize` on it, and keep it free of borrows and of types such as `Rc` or `Cell`",
    note = "for a type of another crate, turn on that crate's feature for serde (most call it `serde`): `features = [\"serde\"]`; where it has none, wrap it in a newtype of your own, with `#[serde(with = ...)]` on what it holds"
)]
pub trait Value: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Value for T {}

/// A value as it is stored.
pub(crate) struct Encoded<T> {
    pub(crate) json: SharedStr,
    /// The value as all readers decode it. A type may tell less than it holds, as a duration in whole seconds
    /// does, and the writer is to see no more of it than the others. `None`: it is the value itself.
    pub(crate) copy: Option<T>,
    /// The text is what this type writes, and has nothing beside that.
    pub(crate) is_own: bool,
}

/// How values of a type are told, written and read.
struct Codec<Tell, Write, Read> {
    tell: Tell,
    write: Write,
    read: Read,
}

/// The codec of a type that does so by itself.
macro_rules! codec {
    ($type:ty) => {
        Codec {
            tell: |value: &$type, canonical: &mut Canonical| value.serialize(canonical),
            write: |value: &$type, serializer: JsonSerializer<'_>| value.serialize(serializer),
            read: |json: &str| serde_json::from_str(json),
        }
    };
}

/// The value as JSON text, once that text is known to decode to the same value again. Where the same value is
/// stored already, the stored text: a hash map lists the same members in another order each time.
pub(crate) fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    stored: Option<&Stored>,
) -> Result<Encoded<T>, ValueError> {
    if always_comes_back(value) {
        let json = to_text(|serializer| value.serialize(serializer))?.into();
        return Ok(Encoded {
            json,
            copy: None,
            is_own: true,
        });
    }
    codec!(T).encode(value, stored)
}

/// As [`encode`], by the functions of a `with` module.
pub(crate) fn encode_with<T>(
    value: &T,
    stored: Option<&Stored>,
    tell: impl Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
    serialize: impl Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
    deserialize: impl Fn(JsonDeserializer<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<Encoded<T>, ValueError> {
    let codec = Codec {
        tell,
        write: serialize,
        read: |json: &str| from_text(json, &deserialize),
    };
    codec.encode(value, stored)
}

/// Whether two values that were read are the same, and `json` the text of the first.
pub(crate) fn is_same<T: Serialize + DeserializeOwned + 'static>(
    one: &T,
    json: &str,
    other: &T,
) -> bool {
    codec!(T).is_same(one, json, other)
}

/// `json`, the text of this value, with the keys that its type does not know of the text which it replaces: `stored`,
/// from which `before` was read.
pub(crate) fn with_unknown_keys<T: Serialize + DeserializeOwned + 'static>(
    json: SharedStr,
    value: &T,
    before: &T,
    stored: impl FnOnce() -> Option<SharedStr>,
) -> SharedStr {
    if !has_keys(&json) {
        return json;
    }
    let codec = codec!(T);
    let carried = stored().and_then(|stored| codec.carry(&json, value, before, &stored));
    carried.map_or(json, Into::into)
}

impl<Tell, Write, Read> Codec<Tell, Write, Read> {
    fn encode<T>(&self, value: &T, stored: Option<&Stored>) -> Result<Encoded<T>, ValueError>
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Write: Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        // First: this refuses what is nested so deeply that writing it would end the stack.
        let before = self.canonical(value).map_err(error::value::not_json)?;
        let json = to_text(|serializer| (self.write)(value, serializer))?;
        let copy = (self.read)(&json).map_err(|error| not_readable(&json, error))?;
        let after = self.canonical(&copy).map_err(error::value::not_json)?;
        match compare(&before, &after) {
            Outcome::Same => {}
            Outcome::Different(difference) => return Err(changes(&json, &difference)),
            Outcome::Reordered(places) => {
                if !self.has_no_order(&places, &json, &copy, &after)? {
                    return Err(changes_order(&json));
                }
            }
        }
        let (json, is_own) = self.beside_stored(json, &copy, stored);
        let copy = (!planted(Bug::ShowWhatWasWritten)).then_some(copy);
        Ok(Encoded { json, copy, is_own })
    }

    fn canonical<T>(&self, value: &T) -> Result<Vec<u8>, serde_json::Error>
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
    {
        canonical_with::<T>(|canonical| (self.tell)(value, canonical))
    }

    /// What is written of a value where another one is stored, and whether that is the type's own text: the stored text,
    /// if it is the same value, and else this text, with the keys of the stored one that the type does not know.
    fn beside_stored<T>(&self, json: String, copy: &T, stored: Option<&Stored>) -> (SharedStr, bool)
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Write: Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        let Some(stored) = stored.filter(|_| !planted(Bug::CommitSameValue)) else {
            return (json.into(), true);
        };
        if *json == *stored.json {
            return (stored.json.clone(), true);
        }
        if stored.is_own && !has_same_bytes(&json, &stored.json) {
            return (json.into(), true);
        }
        let Ok(before) = (self.read)(&stored.json) else {
            return (json.into(), true);
        };
        if self.is_same(copy, &json, &before) {
            return (stored.json.clone(), stored.is_own);
        }
        let is_wanted = !stored.is_own && has_keys(&json);
        let carried = is_wanted.then(|| self.carry(&json, copy, &before, &stored.json));
        match carried.flatten() {
            Some(carried) => (carried.into(), false),
            None => (json.into(), true),
        }
    }

    /// The text of `copy` with the keys of the stored text that its type does not know; `None`: there are none.
    /// `before` is what was read from the stored text.
    fn carry<T>(&self, json: &str, copy: &T, before: &T, stored: &str) -> Option<String>
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Write: Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        let own = to_text(|serializer| (self.write)(before, serializer)).ok()?;
        if own == stored || planted(Bug::ForgetUnknownKeys) {
            return None;
        }
        let tell = |value: &T| notes_with::<T>(|canonical| (self.tell)(value, canonical));
        let mut notes: Notes = tell(before).ok()?;
        let Notes {
            tags,
            has_unordered,
        } = tell(copy).ok()?;
        notes.tags.extend(tags);
        notes.has_unordered |= has_unordered;
        let texts = Texts {
            stored,
            own: &own,
            new: json,
        };
        unknown::carry(&texts, &notes, |carried| {
            (self.read)(carried).is_ok_and(|other| self.is_same(copy, json, &other))
        })
    }

    fn is_same<T>(&self, one: &T, json: &str, other: &T) -> bool
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        /// A wrong `false` only costs a commit that was not needed.
        const TRIES: usize = 8;
        let (Ok(one), Ok(other)) = (self.canonical(one), self.canonical(other)) else {
            return false;
        };
        match compare(&one, &other) {
            Outcome::Same => true,
            Outcome::Different(_) => false,
            Outcome::Reordered(mut places) => {
                self.is_listed_at_random(&mut places, json, &one, TRIES)
            }
        }
    }

    /// Whether the values at these places list their members in an order that means nothing. A value and its
    /// copy list them differently, and no trait says whether that matters. But it shows: either the same text
    /// is listed in another order each time it is read, or the type arranges its members, and then the copy of
    /// a copy is listed as the copy. A type that writes a list the wrong way round does neither.
    fn has_no_order<T>(
        &self,
        places: &Paths,
        json: &str,
        copy: &T,
        after: &[u8],
    ) -> Result<bool, ValueError>
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Write: Fn(&T, JsonSerializer<'_>) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        /// A set of two is listed in one order 32 times by chance in one of four thousand million values.
        const TRIES: usize = 32;
        if planted(Bug::IgnoreOrder) {
            return Ok(true);
        }
        let again = to_text(|serializer| (self.write)(copy, serializer))?;
        let again = (self.read)(&again).map_err(|error| not_readable(json, error))?;
        let again = self.canonical(&again).map_err(error::value::not_json)?;
        let mut places = match compare(after, &again) {
            Outcome::Same => return Ok(true),
            Outcome::Different(difference) => return Err(changes(json, &difference)),
            Outcome::Reordered(again) => places.intersection(&again).cloned().collect(),
        };
        Ok(self.is_listed_at_random(&mut places, json, after, TRIES))
    }

    /// Whether each of these places is listed in another order at least once when the text is read again.
    fn is_listed_at_random<T>(
        &self,
        places: &mut Paths,
        json: &str,
        listed: &[u8],
        tries: usize,
    ) -> bool
    where
        Tell: Fn(&T, &mut Canonical) -> Result<(), serde_json::Error>,
        Read: Fn(&str) -> Result<T, serde_json::Error>,
    {
        for _ in 0..tries {
            if places.is_empty() {
                break;
            }
            let again = (self.read)(json).and_then(|again| self.canonical(&again));
            if let Ok(Outcome::Reordered(again)) = again.map(|again| compare(listed, &again)) {
                places.retain(|place| !again.contains(place));
            }
        }
        places.is_empty()
    }
}

/// Whether there is an object in this JSON text, as far as can be told at a glance.
fn has_keys(json: &str) -> bool {
    memchr::memchr(b'{', json.as_bytes()).is_some()
}

/// Whether one may be the other with its members in another order.
fn has_same_bytes(one: &str, other: &str) -> bool {
    let count = |text: &str| {
        let mut counts = [0_u32; 256];
        for byte in text.bytes() {
            counts[usize::from(byte)] = counts[usize::from(byte)].wrapping_add(1);
        }
        counts
    };
    one.len() == other.len() && count(one) == count(other)
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
    serialize(&mut serde_json::Serializer::new(&mut bytes)).map_err(error::value::not_json)?;
    // serde_json writes no line ends, but it takes over what a value says is JSON already.
    if !raw::is_one_line(&bytes) && !planted(Bug::LetLineEndsThrough) {
        raw::blank_line_ends(&mut bytes);
        if !raw::is_one_line(&bytes) {
            return Err(error::value::badly_written(
                "as a text with a line end within a string",
            ));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| error::value::badly_written("as something that is not UTF-8"))
}

/// The value comes back as another one.
fn changes(json: &str, difference: &Difference) -> ValueError {
    error::value::comes_back_otherwise(&excerpt(json), difference)
}

fn changes_order(json: &str) -> ValueError {
    error::value::comes_back_in_another_order(&excerpt(json))
}

/// The value's own JSON cannot be read.
fn not_readable(json: &str, error: serde_json::Error) -> ValueError {
    let at = json_path::of(json, &error);
    let breaks = arbitrary_precision::breaks_floats(json);
    let more = breaks.then_some(arbitrary_precision::BREAKS_FLOATS);
    error::value::does_not_come_back(&excerpt(json), at.as_deref(), more, error)
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
    let at = json_path::of(json, &error);
    let breaks = arbitrary_precision::breaks_floats(json);
    let more = breaks.then_some(arbitrary_precision::BREAKS_FLOATS);
    let wanted = std::any::type_name::<T>();
    error::value::does_not_fit(&excerpt(json), wanted, at.as_deref(), more, error)
}

/// There are entries below the uid of a field that has none.
pub(crate) fn has_entries<T>(key: &str) -> ValueError {
    error::value::has_entries(std::any::type_name::<T>(), key)
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

/// The beginning of some JSON, short enough for a message.
pub(crate) fn excerpt(json: &str) -> String {
    const MAX_EXCERPT_CHARS: usize = 60;
    match json.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("`{}…`", &json[..end]),
        None => format!("`{json}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::collections::{HashMap, HashSet};

    fn written<T: Serialize + DeserializeOwned + 'static>(
        value: &T,
    ) -> Result<SharedStr, ValueError> {
        encode(value, None).map(|encoded| encoded.json)
    }

    #[test]
    fn a_set_and_a_hash_map_come_back_in_any_order() {
        let set: HashSet<u32> = (0..100).collect();
        assert!(written(&set).is_ok());
        let map: HashMap<String, HashSet<u32>> =
            (0..50).map(|n| (n.to_string(), (0..n).collect())).collect();
        assert!(written(&map).is_ok());
    }

    #[test]
    fn the_same_value_keeps_its_text() {
        let stored = |json: &str, is_own| Stored {
            json: json.into(),
            is_own,
        };
        let map: HashMap<u32, bool> = (0..100).map(|n| (n, n % 2 == 0)).collect();
        let there = stored(&written(&map).unwrap(), true);
        let copy: HashMap<u32, bool> = map.iter().map(|(n, even)| (*n, *even)).collect();
        assert_eq!(encode(&copy, Some(&there)).unwrap().json, there.json);
        let mut other = copy;
        other.insert(7, true);
        assert_ne!(encode(&other, Some(&there)).unwrap().json, there.json);
        // In a list the order counts.
        let list = vec![(1_u8, 2_u8), (3, 4)];
        let there = stored("[[3,4],[1,2]]", true);
        assert_eq!(&*encode(&list, Some(&there)).unwrap().json, "[[1,2],[3,4]]");
        // Another program wrote it.
        let there = stored("[ [1,2],[3, 4] ]", false);
        assert_eq!(encode(&list, Some(&there)).unwrap().json, there.json);
    }

    #[test]
    fn not_a_number_is_refused() {
        let error = written(&f64::NAN).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Encode);
        assert!(written(&vec![1.0, f64::INFINITY]).is_err());
        assert!(written(&0.1_f64).is_ok());
        assert!(written(&Some(f64::NAN)).is_err());
        assert!(written(&Some(f32::INFINITY)).is_err());
        assert!(written(&Some(0.1_f64)).is_ok());
    }

    #[test]
    fn a_map_with_keys_that_are_not_strings_is_refused() {
        let map: HashMap<Vec<u8>, u8> = [(vec![1], 1)].into();
        assert_eq!(written(&map).unwrap_err().kind, ErrorKind::Encode);
    }
}

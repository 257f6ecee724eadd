//! A key as the end of a uid, and back. Never here: a collection.

use std::{
    any::{Any, TypeId},
    str::FromStr,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned, ser::SerializeMap};

use crate::{
    error::{self, ValueError},
    uid::LONGEST_UID,
};

/// Keys of these types, and strings, need no way through JSON.
macro_rules! with_integers {
    ($do:ident) => {
        $do!(
            u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
        )
    };
}

/// What can be the key of a [`Map`](crate::Map) or an element of a [`Set`](crate::Set): strings,
/// integers, `bool`, `char`, enums without data, and newtypes of them. Implemented for every type that
/// fits.
///
/// Other types that serde can serialize are refused when they are written, with the uid and the reason.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key in a store",
    note = "a key is a string, an integer, a `bool`, an enum without data or a newtype of one: derive `Clone`, `PartialEq`, `Eq`, `PartialOrd`, `Ord`, `serde::Serialize` and `serde::Deserialize` on it",
    note = "for a type of another crate, turn on that crate's feature for serde (most call it `serde`), or wrap it in a newtype of your own that has these"
)]
pub trait Key: Ord + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<K: Ord + Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Key for K {}

/// Whether every key of this type has one text, and every text at most one key.
pub(super) fn has_one_text<K: Key>() -> bool {
    let id = TypeId::of::<K>();
    macro_rules! any_of {
        ($($integer:ty),*) => { $(id == TypeId::of::<$integer>())||* };
    }
    id == TypeId::of::<String>() || with_integers!(any_of)
}

/// A key as it is stored.
pub(super) struct Written<K> {
    pub(super) text: String,
    /// What everybody reads from it; `None`: the key itself.
    pub(super) copy: Option<K>,
}

/// The key as text. Keys that are equal can have different ones, as 1.1 and 1.10.
///
/// # Errors
///
/// Where JSON has no text for it, where that is too long, or where it is read back as another key.
pub(super) fn write<K: Key>(key: &K) -> Result<Written<K>, ValueError> {
    if let Some(text) = plain_text(key) {
        let text = check_length(text)?;
        return Ok(Written { text, copy: None });
    }
    // serde_json knows which types can be the key of an object, and how.
    let object = serde_json::to_string(&Entry(key))
        .map_err(|error| error::collections::key_is_no_text(Some(error)))?;
    let Entry(text): Entry<String> = serde_json::from_str(&object)
        .map_err(|error| error::collections::key_is_no_text(Some(error)))?;
    let text = check_length(text)?;
    match from_object::<K>(&object) {
        Ok(back) if back == *key => Ok(Written {
            text,
            copy: Some(back),
        }),
        Ok(_) => Err(error::collections::key_is_no_text(None)),
        Err(error) => Err(error::collections::key_is_no_text(Some(error))),
    }
}

fn check_length(text: String) -> Result<String, ValueError> {
    if text.len() <= LONGEST_UID {
        return Ok(text);
    }
    Err(error::collections::key_is_too_long(text.len(), LONGEST_UID))
}

/// The text of a string or an integer.
fn plain_text<K: Key>(key: &K) -> Option<String> {
    let any: &dyn Any = key;
    if let Some(text) = any.downcast_ref::<String>() {
        return Some(text.clone());
    }
    macro_rules! text_of {
        ($($integer:ty),*) => {
            $(if let Some(number) = any.downcast_ref::<$integer>() {
                return Some(number.to_string());
            })*
        };
    }
    with_integers!(text_of);
    None
}

/// The string or integer of a text. `None` leaves it to serde_json to say what is wrong.
fn plain_key<K: Key>(text: &str) -> Option<K> {
    fn parse<T: FromStr + 'static, K: 'static>(text: &str) -> Option<K> {
        let mut parsed: Option<T> = text.parse().ok();
        let parsed: &mut dyn Any = &mut parsed;
        parsed.downcast_mut::<Option<K>>()?.take()
    }
    let id = TypeId::of::<K>();
    if id == TypeId::of::<String>() {
        return parse::<String, K>(text);
    }
    // As JSON has them: no sign but a minus, and no leading zero.
    let is_plain = match text.strip_prefix('-').unwrap_or(text).as_bytes() {
        [b'0'] => text == "0",
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    macro_rules! key_of {
        ($($integer:ty),*) => {
            $(if is_plain && id == TypeId::of::<$integer>() {
                return parse::<$integer, K>(text);
            })*
        };
    }
    with_integers!(key_of);
    None
}

/// The key of a text.
///
/// # Errors
///
/// Where the text is no key of this type.
pub(super) fn from_text<K: Key>(text: &str) -> Result<K, ValueError> {
    let wrong = |error| error::collections::not_a_key(std::any::type_name::<K>(), error);
    if let Some(key) = plain_key(text) {
        return Ok(key);
    }
    let object = serde_json::to_string(&Entry(text)).map_err(wrong)?;
    from_object(&object).map_err(wrong)
}

fn from_object<K: Key>(object: &str) -> Result<K, serde_json::Error> {
    serde_json::from_str::<Entry<K>>(object).map(|entry| entry.0)
}

/// `{"key":null}`.
struct Entry<K>(K);

impl<K: Serialize> Serialize for Entry<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.0, &())?;
        map.end()
    }
}

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Entry<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One<K>(std::marker::PhantomData<K>);
        impl<'de, K: Deserialize<'de>> serde::de::Visitor<'de> for One<K> {
            type Value = Entry<K>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with one key")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                match map.next_entry::<K, ()>()? {
                    Some((key, ())) => Ok(Entry(key)),
                    None => Err(serde::de::Error::invalid_length(0, &self)),
                }
            }
        }
        deserializer.deserialize_map(One(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::error::ErrorKind;

    fn to_text<K: Key>(key: &K) -> Result<String, ValueError> {
        write(key).map(|written| written.text)
    }

    fn comes_back<K: Key + Debug>(key: K, text: &str) {
        assert_eq!(to_text(&key).unwrap(), text);
        assert_eq!(from_text::<K>(text).unwrap(), key);
    }

    #[test]
    fn keys_come_back() {
        comes_back(String::new(), "");
        comes_back("a/b \"\n日本".to_owned(), "a/b \"\n日本");
        comes_back(17_u8, "17");
        comes_back(i64::MIN, "-9223372036854775808");
        comes_back(u128::MAX, "340282366920938463463374607431768211455");
        comes_back(true, "true");
        comes_back('x', "x");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(
            to_text(&None::<String>).unwrap_err().kind,
            ErrorKind::Encode
        );
        assert_eq!(to_text(&vec![1_u8]).unwrap_err().kind, ErrorKind::Encode);
        assert_eq!(to_text(&(1_u8, 2_u8)).unwrap_err().kind, ErrorKind::Encode);
        let long = "x".repeat(LONGEST_UID + 1);
        assert_eq!(to_text(&long).unwrap_err().kind, ErrorKind::InvalidUid);
        assert_eq!(from_text::<u8>("256").unwrap_err().kind, ErrorKind::Decode);
        assert_eq!(from_text::<u8>("one").unwrap_err().kind, ErrorKind::Decode);
        for text in ["+1", "01", "-0x", "1 ", " 1", "1.0", "1e3", "", "-"] {
            assert_eq!(
                from_text::<i64>(text).unwrap_err().kind,
                ErrorKind::Decode,
                "{text:?}"
            );
        }
        assert_eq!(from_text::<u8>("-1").unwrap_err().kind, ErrorKind::Decode);
        assert_eq!(
            from_text::<bool>("yes").unwrap_err().kind,
            ErrorKind::Decode
        );
    }
}

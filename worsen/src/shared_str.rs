//! [`SharedStr`]: a text that many may hold, alone or as a part of a longer one that all of them keep. Never here:
//! what it says.
//!
//! A log that is read at opening is nearly all uids and values. They stay where they are, and the state
//! points there: that takes much less time, and memory, than copying them out one by one.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// A text that costs little to clone. It compares and hashes as `str` does.
#[derive(Clone)]
pub struct SharedStr(Repr);

#[derive(Clone)]
enum Repr {
    Own(Arc<str>),
    /// Whole characters of a text, this many bytes from this one on.
    Part {
        of: Arc<String>,
        start: u32,
        len: u32,
    },
}

impl SharedStr {
    #[inline]
    fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Own(text) => text,
            Repr::Part { of, start, len } => {
                let start = *start as usize;
                // `keep` looked at it when it made it.
                of.get(start..start + *len as usize).unwrap_or_default()
            }
        }
    }

    /// In bytes. It looks at no byte of the text.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Repr::Own(text) => text.len(),
            Repr::Part { len, .. } => *len as usize,
        }
    }

    /// The same, kept alone.
    pub(crate) fn detached(&self) -> SharedStr {
        match &self.0 {
            Repr::Own(_) => self.clone(),
            Repr::Part { .. } => self.as_str().into(),
        }
    }
}

impl Deref for SharedStr {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for SharedStr {
    #[inline]
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for SharedStr {
    fn from(text: &str) -> SharedStr {
        SharedStr(Repr::Own(text.into()))
    }
}

impl From<String> for SharedStr {
    fn from(text: String) -> SharedStr {
        SharedStr(Repr::Own(text.into()))
    }
}

impl From<&SharedStr> for SharedStr {
    fn from(text: &SharedStr) -> SharedStr {
        text.clone()
    }
}

impl PartialEq for SharedStr {
    fn eq(&self, other: &SharedStr) -> bool {
        **self == **other
    }
}

impl Eq for SharedStr {}

impl PartialOrd for SharedStr {
    fn partial_cmp(&self, other: &SharedStr) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedStr {
    fn cmp(&self, other: &SharedStr) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for SharedStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The bytes of a file. Where they are a text, others may hold parts of it.
#[derive(Debug)]
pub(crate) enum Buffer {
    Text(Arc<String>),
    Bytes(Vec<u8>),
}

impl Buffer {
    /// Of nothing: whatever is cut out of it is kept alone.
    pub(crate) const NONE: &'static Buffer = &Buffer::Bytes(Vec::new());

    /// Where a slice stands in the text, if it is one of its own.
    pub(crate) fn place(&self, part: &[u8]) -> Option<(&Arc<String>, usize)> {
        let Buffer::Text(text) = self else {
            return None;
        };
        let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        (start.checked_add(part.len())? <= text.len()).then_some((text, start))
    }

    /// Bytes as a text. Those of this text were checked when it was read.
    pub(crate) fn text<'a>(&'a self, bytes: &'a [u8]) -> Option<&'a str> {
        match self.place(bytes) {
            Some((text, start)) => text.get(start..start + bytes.len()),
            None => std::str::from_utf8(bytes).ok(),
        }
    }

    /// A text to keep: as a part, if it is one, or alone.
    pub(crate) fn keep(&self, part: &str) -> SharedStr {
        let kept = self.place(part.as_bytes()).and_then(|(text, start)| {
            Some(Repr::Part {
                of: text.clone(),
                start: u32::try_from(start).ok()?,
                len: u32::try_from(part.len()).ok()?,
            })
        });
        kept.map_or_else(|| part.into(), SharedStr)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Buffer {
        match String::from_utf8(bytes) {
            Ok(text) => Buffer::Text(Arc::new(text)),
            Err(error) => Buffer::Bytes(error.into_bytes()),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Buffer::Text(text) => text.as_bytes(),
            Buffer::Bytes(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, hash::BuildHasher};

    use super::*;

    fn whole(text: &str) -> Buffer {
        text.as_bytes().to_vec().into()
    }

    fn is_part(text: &SharedStr) -> bool {
        matches!(text.0, Repr::Part { .. })
    }

    #[test]
    fn a_part_is_told_from_the_same_text_elsewhere() {
        let all = whole("one two");
        let two = all.text(&all[4..]).unwrap();
        assert!(is_part(&all.keep(two)));
        assert!(!is_part(&all.keep("two")));
        assert!(!is_part(&Buffer::NONE.keep(two)));
        assert_eq!(all.keep(two), SharedStr::from("two"));
        assert!(!is_part(&all.keep(two).detached()));
        assert_eq!(&*all.keep(two).detached(), "two");
    }

    #[test]
    fn a_part_outlives_what_it_was_cut_out_of() {
        let all = whole("über alles");
        let part = all.keep(all.text(&all[..5]).unwrap());
        drop(all);
        assert_eq!(&*part, "über");
    }

    #[test]
    fn half_a_character_is_no_text() {
        let all = whole("über");
        assert_eq!(all.text(&all[1..]), None);
        assert_eq!(all.text(&[0xbc]), None);
        let bytes: Buffer = vec![0xbc, b'a'].into();
        assert!(matches!(bytes, Buffer::Bytes(_)));
        assert_eq!(bytes.text(&bytes[1..]), Some("a"));
    }

    #[test]
    fn it_is_found_as_the_text_that_it_is() {
        let all = whole("b a c");
        let texts: BTreeSet<SharedStr> = [&all[4..], &all[..1], &all[2..3]]
            .map(|part| all.keep(all.text(part).unwrap()))
            .into();
        assert_eq!(format!("{texts:?}"), r#"{"a", "b", "c"}"#);
        assert!(texts.contains("b") && !texts.contains("d"));
        let hasher = std::hash::RandomState::new();
        assert_eq!(
            hasher.hash_one(texts.first().unwrap()),
            hasher.hash_one("a")
        );
    }
}

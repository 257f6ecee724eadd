//! What a value tells of its members, one by one: those of a list, a map or a struct. Never here: whether their
//! order counts.

use serde::{Serialize, ser};

use super::{Canonical, Error, Tag};
use crate::value::raw;

/// A sequence, a map, a struct or the like, while its members are told.
#[derive(Debug)]
pub struct Members<'a> {
    pub(super) canonical: &'a mut Canonical,
    pub(super) start: usize,
    pub(super) sorted: bool,
    /// Where each member begins, if they are to be sorted.
    pub(super) starts: Vec<usize>,
    /// It is JSON text that serde_json takes over as it is.
    pub(super) is_raw: bool,
    pub(super) first_key: FirstKey,
}

/// What is known of the first key of a map or a struct. serde's derive writes the name of a variant there, under the
/// tag of an enum: as a `str` under a `str`, which no field of a struct and no key of a map is.
#[derive(Debug)]
pub(super) enum FirstKey {
    /// It was not told yet.
    None,
    /// It may be a tag: it begins here.
    At(usize),
    /// It was told.
    Over,
}

impl Members<'_> {
    /// A key comes that may be a tag.
    fn key_comes<K: ?Sized>(&mut self) {
        if self.canonical.notes.is_none() {
            return;
        }
        self.first_key = match self.first_key {
            FirstKey::None if is_str::<K>() => FirstKey::At(self.canonical.bytes.len()),
            _ => FirstKey::Over,
        };
    }

    /// Its value comes.
    fn value_comes<V: ?Sized>(&mut self) {
        let FirstKey::At(start) = self.first_key else {
            return;
        };
        self.first_key = FirstKey::Over;
        // In front of it are a tag and its length.
        let key = self.canonical.bytes.get(start + 9..);
        let key = key.and_then(|key| std::str::from_utf8(key).ok());
        let is_variant = is_str::<V>() || is_tag_of_serde::<V>();
        if let (true, Some(key), Some(notes)) = (is_variant, key, &mut self.canonical.notes) {
            notes.tags.insert(key.to_owned());
        }
    }

    fn begin(&mut self) {
        if self.sorted {
            self.starts.push(self.canonical.bytes.len());
        }
    }

    fn finish(self) {
        if self.starts.len() > 1 {
            let bytes = self.canonical.bytes.split_off(self.start);
            let ends = self.starts[1..].iter().copied();
            let ends = ends.chain([self.start + bytes.len()]);
            let mut members: Vec<&[u8]> = (self.starts.iter().zip(ends))
                .map(|(from, to)| &bytes[from - self.start..to - self.start])
                .collect();
            members.sort_unstable();
            members
                .iter()
                .for_each(|member| self.canonical.bytes.extend_from_slice(member));
        }
        self.canonical.bytes.push(Tag::End as u8);
    }
}

impl ser::SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.begin();
        self.canonical.inside(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeTuple for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleVariant for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.begin();
        self.key_comes::<T>();
        self.canonical.inside(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value_comes::<T>();
        self.canonical.inside(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.key_comes::<str>();
        // By its name: a field that is left out must not make another look like it.
        self.canonical.tell_text(Tag::Text, key.as_bytes());
        self.value_comes::<T>();
        let start = self.canonical.bytes.len();
        self.canonical.inside(value)?;
        if self.is_raw {
            // In the log it stands on one line. In front of it are a tag and its length.
            let text = self.canonical.bytes.get_mut(start + 9..);
            raw::blank_line_ends(text.unwrap_or_default());
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStructVariant for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        ser::SerializeStruct::serialize_field(self, key, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

fn is_str<T: ?Sized>() -> bool {
    std::any::type_name::<T>() == "str"
}

/// What serde's derive writes in the place of a `str` where the value of a variant has a key of its own.
fn is_tag_of_serde<T: ?Sized>() -> bool {
    std::any::type_name::<T>().ends_with("::AdjacentlyTaggedEnumVariant")
}

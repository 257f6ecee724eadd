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
}

impl Members<'_> {
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
        self.canonical.inside(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
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
        // By its name: a field that is left out must not make another look like it.
        self.canonical.tell_text(Tag::Text, key.as_bytes());
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

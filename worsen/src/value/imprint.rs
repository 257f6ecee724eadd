//! Everything that a value tells serde of itself, as bytes: equal for values that are equal, and only
//! for those. JSON tells less (`Some(NaN)` and `None` are both `null`), so this is what a value is
//! compared with its copy by. Never here: JSON, and what to do where two imprints differ.

use serde::{Serialize, Serializer, ser};

type Error = serde_json::Error;

/// Deeper than this no value is looked into: its JSON could not be read, which stops at 128, and the
/// stack must not run out before that is found.
const DEEPEST: u32 = 512;

/// The imprint of a value.
///
/// `sorted`: with the members of every sequence and map in one order, since sets and hash maps list
/// theirs in any.
///
/// # Errors
///
/// Those of the value's own `Serialize`, and where it is nested too deeply.
pub(super) fn imprint<T: Serialize + ?Sized>(value: &T, sorted: bool) -> Result<Vec<u8>, Error> {
    let mut imprint = Imprint {
        bytes: Vec::with_capacity(64),
        depth: 0,
        sorted,
    };
    value.serialize(&mut imprint)?;
    Ok(imprint.bytes)
}

struct Imprint {
    bytes: Vec<u8>,
    depth: u32,
    sorted: bool,
}

/// The first byte of each thing told.
#[repr(u8)]
enum Tag {
    Bool,
    Signed,
    Unsigned,
    Float,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    Newtype,
    Sequence,
    Map,
    End,
}

impl Imprint {
    fn tell(&mut self, tag: Tag, bytes: &[u8]) {
        self.bytes.push(tag as u8);
        self.bytes.extend_from_slice(bytes);
    }

    /// With its length, so that what follows cannot be taken for a part of it.
    fn tell_text(&mut self, tag: Tag, text: &[u8]) {
        self.tell(tag, &(text.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(text);
    }

    fn variant(&mut self, index: u32) {
        self.tell(Tag::Variant, &index.to_le_bytes());
    }

    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.depth >= DEEPEST {
            return Err(ser::Error::custom("the value is nested too deeply"));
        }
        self.depth += 1;
        let outcome = value.serialize(&mut *self);
        self.depth -= 1;
        outcome
    }

    fn members(&mut self, tag: Tag) -> Members<'_> {
        self.bytes.push(tag as u8);
        Members {
            start: self.bytes.len(),
            imprint: self,
            starts: Vec::new(),
        }
    }
}

/// A sequence, a map, a struct or the like, while its members are told.
struct Members<'a> {
    imprint: &'a mut Imprint,
    start: usize,
    /// Where each member begins, if they are to be sorted.
    starts: Vec<usize>,
}

impl Members<'_> {
    fn begin(&mut self) {
        if self.imprint.sorted {
            self.starts.push(self.imprint.bytes.len());
        }
    }

    fn finish(self) {
        if self.starts.len() > 1 {
            let bytes = self.imprint.bytes.split_off(self.start);
            let ends = self.starts[1..].iter().copied();
            let ends = ends.chain([self.start + bytes.len()]);
            let mut members: Vec<&[u8]> = (self.starts.iter().zip(ends))
                .map(|(from, to)| &bytes[from - self.start..to - self.start])
                .collect();
            members.sort_unstable();
            members
                .iter()
                .for_each(|member| self.imprint.bytes.extend_from_slice(member));
        }
        self.imprint.bytes.push(Tag::End as u8);
    }
}

impl<'a> Serializer for &'a mut Imprint {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Members<'a>;
    type SerializeTupleVariant = Members<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.tell(Tag::Bool, &[value.into()]);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.tell(Tag::Signed, &[1]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.tell(Tag::Signed, &[2]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.tell(Tag::Signed, &[4]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.tell(Tag::Signed, &[8]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.tell(Tag::Signed, &[16]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.tell(Tag::Unsigned, &[1]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.tell(Tag::Unsigned, &[2]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.tell(Tag::Unsigned, &[4]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.tell(Tag::Unsigned, &[8]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.tell(Tag::Unsigned, &[16]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    // By their bits, and -0.0 is not 0.0; but one NaN is as good as another.

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        let value = if value.is_nan() { f32::NAN } else { value };
        self.tell(Tag::Float, &[4]);
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.tell(Tag::Float, &[8]);
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.tell(Tag::Char, &u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.tell_text(Tag::Text, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.tell_text(Tag::Bytes, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.tell(Tag::None, &[]);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.tell(Tag::Some, &[]);
        self.inside(value)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.tell(Tag::Unit, &[]);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), Error> {
        self.variant(index);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.tell(Tag::Newtype, &[]);
        self.inside(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(index);
        self.inside(value)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.members(Tag::Sequence))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.members(Tag::Sequence))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        Ok(self.members(Tag::Sequence))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(index);
        Ok(self.members(Tag::Sequence))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.members(Tag::Map))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.members(Tag::Map))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(index);
        Ok(self.members(Tag::Map))
    }
}

impl ser::SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.begin();
        self.imprint.inside(value)
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
        self.imprint.inside(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.imprint.inside(value)
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
        self.begin();
        // By its name: a field that is left out must not make another look like it.
        self.imprint.tell_text(Tag::Text, key.as_bytes());
        self.imprint.inside(value)
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use super::*;

    fn of<T: Serialize>(value: T) -> Vec<u8> {
        imprint(&value, false).unwrap()
    }

    #[test]
    fn what_json_confuses_is_told_apart() {
        assert_ne!(of(Some(f64::NAN)), of(None::<f64>));
        assert_ne!(of(Some(None::<u8>)), of(None::<Option<u8>>));
        assert_ne!(of(Some(())), of(None::<()>));
        assert_ne!(of(5_u8), of(5_u64));
        assert_ne!(of(0.0), of(-0.0));
        assert_ne!(of("5"), of('5'));
        assert_eq!(of(f64::NAN), of(-f64::NAN));
    }

    #[test]
    fn neighbours_do_not_run_into_each_other() {
        assert_ne!(of(("ab", "c")), of(("a", "bc")));
        assert_ne!(of((vec![1], vec![2, 3])), of((vec![1, 2], vec![3])));
        assert_ne!(of(vec![vec![1], vec![]]), of(vec![vec![], vec![1]]));
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert_ne!(of(map("a", "bc")), of(map("ab", "c")));
    }

    #[test]
    fn sorted_members_have_one_order() {
        let many = if cfg!(miri) { 8 } else { 50 };
        let map: HashMap<u32, HashSet<u32>> = (0..many).map(|n| (n, (0..n).collect())).collect();
        let same: HashMap<u32, HashSet<u32>> = (0..many)
            .rev()
            .map(|n| (n, (0..n).rev().collect()))
            .collect();
        assert_eq!(imprint(&map, true).unwrap(), imprint(&same, true).unwrap());
        let other: HashMap<u32, HashSet<u32>> = (0..many).map(|n| (n, (1..=n).collect())).collect();
        assert_ne!(imprint(&map, true).unwrap(), imprint(&other, true).unwrap());
    }

    #[test]
    fn a_nesting_without_end_is_refused_before_the_stack_ends() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct("Endless", &Endless)
            }
        }
        assert!(imprint(&Endless, false).is_err());
    }
}

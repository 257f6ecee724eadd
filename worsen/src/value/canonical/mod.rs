//! The canonical encoding: everything that a value tells serde of itself, as bytes, equal for equal values and
//! only for those. JSON tells less (`Some(NaN)` and `None` are both `null`, a struct and a map look alike), so
//! a value and its copy are compared by this. Never here: JSON, and what to do where two encodings differ.

mod members;

use serde::{Serialize, Serializer, ser};

use self::members::{FirstKey, Members};
use super::{raw, unknown::Notes};

type Error = serde_json::Error;

/// The encoding stops at this depth. Reading JSON stops at 128, so such a value is refused anyway, and the
/// stack must not run out before that is found.
const MAX_DEPTH: u32 = 512;

/// The canonical encoding of a value.
///
/// The members of a hash map, a hash set or a heap are sorted, since these types list them in any order.
///
/// # Errors
///
/// Those of the value's own `Serialize`, and where it is nested too deeply.
#[cfg(test)]
pub(super) fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    canonical_with::<T>(|canonical| value.serialize(canonical))
}

/// As [`canonical`], of what this function tells of a value of type `T`.
pub(super) fn canonical_with<T: ?Sized>(
    tell: impl FnOnce(&mut Canonical) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut canonical = Canonical::new::<T>();
    tell(&mut canonical)?;
    Ok(canonical.bytes)
}

/// What this function tells of a value of type `T` beside that.
pub(super) fn notes_with<T: ?Sized>(
    tell: impl FnOnce(&mut Canonical) -> Result<(), Error>,
) -> Result<Notes, Error> {
    let mut canonical = Canonical::new::<T>();
    canonical.notes = Some(Notes::default());
    tell(&mut canonical)?;
    Ok(canonical.notes.unwrap_or_default())
}

/// What a value tells of itself so far.
#[derive(Debug)]
pub struct Canonical {
    bytes: Vec<u8>,
    depth: u32,
    /// The type of the value that tells.
    of: &'static str,
    /// Where somebody wants to know.
    notes: Option<Notes>,
}

/// The first byte of each thing told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Bool,
    Signed,
    Unsigned,
    Float,
    Char,
    Text,
    Bytes,
    None,
    Unit,
    UnitVariant,
    // What follows has something inside.
    Some,
    Newtype,
    Variant,
    Tuple,
    Struct,
    /// Of members whose order may count or not.
    Sequence,
    Map,
    /// Of members in their order.
    OrderedSequence,
    OrderedMap,
    /// Of members that were in any order, and are sorted here.
    UnorderedSequence,
    UnorderedMap,
    End,
}

impl Tag {
    pub(super) const ALL: [Tag; 22] = [
        Tag::Bool,
        Tag::Signed,
        Tag::Unsigned,
        Tag::Float,
        Tag::Char,
        Tag::Text,
        Tag::Bytes,
        Tag::None,
        Tag::Unit,
        Tag::UnitVariant,
        Tag::Some,
        Tag::Newtype,
        Tag::Variant,
        Tag::Tuple,
        Tag::Struct,
        Tag::Sequence,
        Tag::Map,
        Tag::OrderedSequence,
        Tag::OrderedMap,
        Tag::UnorderedSequence,
        Tag::UnorderedMap,
        Tag::End,
    ];
}

/// Whether the order in which a value lists its members is a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Counts,
    CountsNot,
    /// A type that is not known by its name, such as a newtype that serializes as what it holds.
    Unknown,
}

impl Order {
    fn of(name: &str) -> Order {
        let mut name = name;
        loop {
            name = name.trim_start_matches(['&', ' ']);
            name = name.strip_prefix("mut ").unwrap_or(name);
            if name.starts_with('[') {
                return Order::Counts;
            }
            let (path, inside) = name.split_once('<').unwrap_or((name, ""));
            let (krate, _) = path.split_once("::").unwrap_or((path, ""));
            let last = path.rsplit("::").next().unwrap_or(path);
            match (krate, last) {
                ("alloc" | "std" | "hashbrown", "HashMap" | "HashSet" | "BinaryHeap") => {
                    return Order::CountsNot;
                }
                ("alloc" | "std", "Vec" | "VecDeque" | "LinkedList" | "BTreeMap" | "BTreeSet")
                | ("indexmap", _) => return Order::Counts,
                // These serialize as what they hold.
                (
                    "alloc" | "core" | "std",
                    "Box" | "Rc" | "Arc" | "Cow" | "RefCell" | "Mutex" | "RwLock" | "Reverse",
                ) => name = inside.strip_prefix("'_, ").unwrap_or(inside),
                _ => return Order::Unknown,
            }
        }
    }
}

impl Canonical {
    fn new<T: ?Sized>() -> Self {
        Canonical {
            bytes: Vec::with_capacity(64),
            depth: 0,
            of: std::any::type_name::<T>(),
            notes: None,
        }
    }

    fn tell(&mut self, tag: Tag, bytes: &[u8]) {
        self.bytes.push(tag as u8);
        self.bytes.extend_from_slice(bytes);
    }

    /// With its length, so that what follows cannot be taken for a part of it.
    fn tell_text(&mut self, tag: Tag, text: &[u8]) {
        self.bytes.push(tag as u8);
        self.text(text);
    }

    fn text(&mut self, text: &[u8]) {
        let length = (text.len() as u64).to_le_bytes();
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(text);
    }

    fn number(&mut self, tag: Tag, bytes: &[u8]) {
        // At most sixteen.
        self.tell(tag, &[bytes.len() as u8]);
        self.bytes.extend_from_slice(bytes);
    }

    fn variant(&mut self, tag: Tag, index: u32, name: &'static str) {
        self.tell(tag, &index.to_le_bytes());
        self.text(name.as_bytes());
    }

    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.depth >= MAX_DEPTH {
            return Err(ser::Error::custom("the value is nested too deeply"));
        }
        self.depth += 1;
        self.of = std::any::type_name::<T>();
        let outcome = value.serialize(&mut *self);
        self.depth -= 1;
        outcome
    }

    /// Of these three tags that for the order of the type's members.
    fn listing(&mut self, unknown: Tag, ordered: Tag, unordered: Tag) -> Members<'_> {
        let order = Order::of(self.of);
        if let Some(notes) = &mut self.notes {
            notes.has_unordered |= unknown == Tag::Sequence && order != Order::Counts;
        }
        self.bytes.push(match order {
            Order::Unknown => unknown,
            Order::Counts => ordered,
            Order::CountsNot => unordered,
        } as u8);
        self.members(order == Order::CountsNot)
    }

    fn named(&mut self, tag: Tag, name: &'static str) -> Members<'_> {
        self.tell_text(tag, name.as_bytes());
        self.members(false)
    }

    fn members(&mut self, sorted: bool) -> Members<'_> {
        Members {
            start: self.bytes.len(),
            canonical: self,
            starts: Vec::new(),
            sorted,
            is_raw: false,
            first_key: FirstKey::None,
        }
    }
}

impl<'a> Serializer for &'a mut Canonical {
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
        self.number(Tag::Signed, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.number(Tag::Signed, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.number(Tag::Signed, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.number(Tag::Signed, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.number(Tag::Signed, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.number(Tag::Unsigned, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.number(Tag::Unsigned, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.number(Tag::Unsigned, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.number(Tag::Unsigned, &value.to_le_bytes());
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.number(Tag::Unsigned, &value.to_le_bytes());
        Ok(())
    }

    // By their bits, and -0.0 is not 0.0; but one NaN is as good as another.

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        let value = if value.is_nan() { f32::NAN } else { value };
        self.number(Tag::Float, &value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.number(Tag::Float, &value.to_bits().to_le_bytes());
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

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Error> {
        self.tell_text(Tag::Newtype, name.as_bytes());
        self.tell(Tag::Unit, &[]);
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.variant(Tag::UnitVariant, index, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.tell_text(Tag::Newtype, name.as_bytes());
        self.inside(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(Tag::Variant, index, variant);
        self.inside(value)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.listing(Tag::Sequence, Tag::OrderedSequence, Tag::UnorderedSequence))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.named(Tag::Tuple, ""))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        Ok(self.named(Tag::Tuple, name))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(Tag::Variant, index, variant);
        Ok(self.named(Tag::Tuple, ""))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.listing(Tag::Map, Tag::OrderedMap, Tag::UnorderedMap))
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Members<'a>, Error> {
        let mut members = self.named(Tag::Struct, name);
        members.is_raw = name == raw::TOKEN;
        Ok(members)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(Tag::Variant, index, variant);
        Ok(self.named(Tag::Struct, ""))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use super::*;

    fn of<T: Serialize>(value: T) -> Vec<u8> {
        canonical(&value).unwrap()
    }

    #[test]
    fn what_json_confuses_is_told_apart() {
        use serde::ser::SerializeStruct as _;
        struct Sized;
        impl Serialize for Sized {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_struct("Sized", 1)?;
                fields.serialize_field("size", &1_u8)?;
                fields.end()
            }
        }
        assert_ne!(of(Some(f64::NAN)), of(None::<f64>));
        assert_ne!(of(Some(None::<u8>)), of(None::<Option<u8>>));
        assert_ne!(of(Some(())), of(None::<()>));
        assert_ne!(of(5_u8), of(5_u64));
        assert_ne!(of(0.0), of(-0.0));
        assert_ne!(of("5"), of('5'));
        assert_eq!(of(f64::NAN), of(-f64::NAN));
        assert_ne!(of((1_u8, 2_u8)), of(vec![1_u8, 2]));
        assert_ne!(of(Sized), of(BTreeMap::from([("size", 1_u8)])));
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
    fn what_is_in_any_order_stands_in_one_and_the_rest_as_it_is() {
        let many = if cfg!(miri) { 8 } else { 50 };
        let map: HashMap<u32, HashSet<u32>> = (0..many).map(|n| (n, (0..n).collect())).collect();
        let same: HashMap<u32, HashSet<u32>> = (0..many)
            .rev()
            .map(|n| (n, (0..n).rev().collect()))
            .collect();
        assert_eq!(of(&map), of(&same));
        let other: HashMap<u32, HashSet<u32>> = (0..many).map(|n| (n, (1..=n).collect())).collect();
        assert_ne!(of(&map), of(&other));
        assert_ne!(of(vec![1, 2]), of(vec![2, 1]));
        assert_ne!(of((1, 2)), of((2, 1)));
    }

    #[test]
    fn the_order_of_a_type_is_known_by_its_name_where_it_says_so() {
        fn order<T: ?Sized>() -> Order {
            Order::of(std::any::type_name::<T>())
        }
        assert_eq!(order::<HashMap<u8, Vec<u8>>>(), Order::CountsNot);
        assert_eq!(order::<&Box<HashSet<u8>>>(), Order::CountsNot);
        assert_eq!(
            order::<std::collections::BinaryHeap<u8>>(),
            Order::CountsNot
        );
        assert_eq!(order::<std::borrow::Cow<'_, [u8]>>(), Order::Counts);
        assert_eq!(order::<std::sync::Arc<Vec<HashSet<u8>>>>(), Order::Counts);
        assert_eq!(order::<[u8; 4]>(), Order::Counts);
        assert_eq!(order::<BTreeMap<u8, u8>>(), Order::Counts);
        assert_eq!(order::<Canonical>(), Order::Unknown);
        assert_eq!(order::<Option<Vec<u8>>>(), Order::Unknown);
    }

    #[test]
    fn a_nesting_without_end_is_refused_before_the_stack_ends() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct("Endless", &Endless)
            }
        }
        assert!(canonical(&Endless).is_err());
    }
}

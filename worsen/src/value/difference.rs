//! Where two canonical encodings differ, and whether in more than the order of members. For a type that is not
//! known by its name, the caller finds out whether order counts.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Write as _},
};

use super::canonical::Tag;

/// How two canonical encodings compare.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    /// They differ only in the order in which the values at these paths list their members.
    Reordered(Paths),
    Different(Difference),
}

/// Paths within a value. All elements of a list share one path.
pub(super) type Paths = BTreeSet<String>;

/// The first difference between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    place: String,
    one: String,
    other: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { place, one, other } = self;
        match place.is_empty() {
            true => write!(f, "{one} would come back as {other}"),
            false => write!(f, "at `{place}` {one} would come back as {other}"),
        }
    }
}

/// Compares two canonical encodings of one type.
pub(super) fn compare(one: &[u8], other: &[u8]) -> Outcome {
    if one == other {
        return Outcome::Same;
    }
    let nodes = (Reader::whole(one), Reader::whole(other));
    let (Some(one), Some(other)) = nodes else {
        // This program has just written them.
        return Outcome::Different(Difference {
            place: String::new(),
            one: "it".into(),
            other: "something else".into(),
        });
    };
    let mut comparison = Comparison::default();
    match comparison.compare(&one, &other) {
        Ok(()) => Outcome::Reordered(comparison.reordered),
        Err(difference) => Outcome::Different(difference),
    }
}

/// One value, as it was told.
struct Node<'a> {
    bytes: &'a [u8],
    tag: Tag,
    /// The name of its type, where it has one.
    name: &'a str,
    shape: Shape<'a>,
}

enum Shape<'a> {
    Leaf(&'a [u8]),
    Inside(Box<Node<'a>>),
    Members(Vec<Node<'a>>),
    /// With the keys of a map, or the names of a struct's fields.
    Entries(Vec<(Node<'a>, Node<'a>)>),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn whole(bytes: &'a [u8]) -> Option<Node<'a>> {
        let mut reader = Reader(bytes);
        reader.node().filter(|_| reader.0.is_empty())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.take(8)?.try_into().ok()?;
        self.take(usize::try_from(u64::from_le_bytes(length)).ok()?)
    }

    fn name(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.text()?).ok()
    }

    fn is_at_end(&mut self) -> bool {
        let is_at_end = self.0.first() == Some(&(Tag::End as u8));
        if is_at_end {
            self.0 = &self.0[1..];
        }
        is_at_end
    }

    fn node(&mut self) -> Option<Node<'a>> {
        let all = self.0;
        let first = self.take(1)?[0];
        let tag = *Tag::ALL.iter().find(|tag| **tag as u8 == first)?;
        let mut name = "";
        let shape = match tag {
            Tag::Bool => Shape::Leaf(self.take(1)?),
            Tag::Char => Shape::Leaf(self.take(4)?),
            Tag::Signed | Tag::Unsigned | Tag::Float => {
                let length = self.take(1)?[0];
                Shape::Leaf(self.take(length.into())?)
            }
            Tag::Text | Tag::Bytes => Shape::Leaf(self.text()?),
            Tag::None | Tag::Unit => Shape::Leaf(&[]),
            Tag::UnitVariant => {
                self.take(4)?;
                name = self.name()?;
                Shape::Leaf(&[])
            }
            Tag::Some => Shape::Inside(Box::new(self.node()?)),
            Tag::Newtype => {
                name = self.name()?;
                Shape::Inside(Box::new(self.node()?))
            }
            Tag::Variant => {
                self.take(4)?;
                name = self.name()?;
                Shape::Inside(Box::new(self.node()?))
            }
            Tag::Tuple => {
                name = self.name()?;
                self.members()?
            }
            Tag::Struct => {
                name = self.name()?;
                self.entries()?
            }
            Tag::Sequence | Tag::OrderedSequence | Tag::UnorderedSequence => self.members()?,
            Tag::Map | Tag::OrderedMap | Tag::UnorderedMap => self.entries()?,
            Tag::End => return None,
        };
        Some(Node {
            bytes: &all[..all.len() - self.0.len()],
            tag,
            name,
            shape,
        })
    }

    fn members(&mut self) -> Option<Shape<'a>> {
        let mut members = Vec::new();
        while !self.is_at_end() {
            members.push(self.node()?);
        }
        Some(Shape::Members(members))
    }

    fn entries(&mut self) -> Option<Shape<'a>> {
        let mut entries = Vec::new();
        while !self.is_at_end() {
            entries.push((self.node()?, self.node()?));
        }
        Some(Shape::Entries(entries))
    }
}

impl Node<'_> {
    /// Its bytes, with members sorted where their order may not count.
    fn settled(&self, out: &mut Vec<u8>) {
        let in_any_order = is_in_any_order(self.tag) || may_be_in_any_order(self.tag);
        let mut members: Vec<Vec<u8>> = match &self.shape {
            Shape::Leaf(_) => return out.extend_from_slice(self.bytes),
            Shape::Inside(inside) => {
                let head = self.bytes.len() - inside.bytes.len();
                out.extend_from_slice(&self.bytes[..head]);
                return inside.settled(out);
            }
            Shape::Members(members) => members.iter().map(|member| settled(&[member])).collect(),
            Shape::Entries(entries) => {
                let entries = entries.iter();
                entries.map(|(key, value)| settled(&[key, value])).collect()
            }
        };
        if in_any_order {
            members.sort_unstable();
        }
        out.push(self.tag as u8);
        out.extend_from_slice(self.name.as_bytes());
        // Each with its length: these bytes are compared, and never read.
        for member in members {
            out.extend_from_slice(&(member.len() as u64).to_le_bytes());
            out.extend_from_slice(&member);
        }
        out.push(Tag::End as u8);
    }
}

fn settled(nodes: &[&Node<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    nodes.iter().for_each(|node| node.settled(&mut out));
    out
}

/// The state of a comparison.
#[derive(Default)]
struct Comparison {
    /// The path as a person reads it, and as the path that all elements of a list share.
    place: String,
    kind: String,
    reordered: Paths,
}

impl Comparison {
    fn compare(&mut self, one: &Node<'_>, other: &Node<'_>) -> Result<(), Difference> {
        if one.bytes == other.bytes {
            return Ok(());
        }
        if one.tag != other.tag || one.name != other.name {
            return Err(self.differ(one, other));
        }
        match (&one.shape, &other.shape) {
            (Shape::Inside(inside), Shape::Inside(other_inside)) => {
                let step = match one.tag {
                    Tag::Variant => format!(".{}", one.name),
                    _ => String::new(),
                };
                self.inside(&step, &step, |at| at.compare(inside, other_inside))
            }
            (Shape::Members(members), Shape::Members(others)) => {
                if members.len() != others.len() {
                    return Err(self.differ(one, other));
                }
                let all = self.pair(one.tag, members, others, |member| settled(&[member]));
                for (index, (one, other)) in all.into_iter().enumerate() {
                    let place = format!("[{index}]");
                    self.inside(&place, "[]", |at| at.compare(one, other))?;
                }
                Ok(())
            }
            (Shape::Entries(entries), Shape::Entries(others)) => {
                if entries.len() != others.len() {
                    return Err(self.missing(one, other, entries, others));
                }
                let all = self.pair(one.tag, entries, others, |(key, value)| {
                    settled(&[key, value])
                });
                for ((key, one), (other_key, other)) in all {
                    self.compare(key, other_key)?;
                    let (place, kind) = match one_field(key) {
                        // Each field of a struct has a path of its own.
                        Some(name) => (format!(".{name}"), name.to_owned()),
                        None => (format!("[{}]", shown(key)), "{}".into()),
                    };
                    self.inside(&place, &kind, |at| at.compare(one, other))?;
                }
                Ok(())
            }
            _ => Err(self.differ(one, other)),
        }
    }

    /// Each member beside the one to compare it with. Where both have the same members in another order, which
    /// may not count, this path is noted.
    fn pair<'a, M>(
        &mut self,
        tag: Tag,
        members: &'a [M],
        others: &'a [M],
        settled: impl Fn(&M) -> Vec<u8>,
    ) -> Vec<(&'a M, &'a M)> {
        let as_they_stand = || members.iter().zip(others).collect();
        if !is_in_any_order(tag) && !may_be_in_any_order(tag) {
            return as_they_stand();
        }
        let keyed = |members: &'a [M]| -> Vec<(Vec<u8>, &'a M)> {
            members
                .iter()
                .map(|member| (settled(member), member))
                .collect()
        };
        let (mut one, mut other) = (keyed(members), keyed(others));
        let keys = |all: &[(Vec<u8>, &'a M)], others: &[(Vec<u8>, &'a M)]| {
            all.iter()
                .map(|(key, _)| key)
                .eq(others.iter().map(|(key, _)| key))
        };
        if keys(&one, &other) {
            return as_they_stand();
        }
        one.sort_by(|one, other| one.0.cmp(&other.0));
        other.sort_by(|one, other| one.0.cmp(&other.0));
        if !keys(&one, &other) {
            return as_they_stand();
        }
        if may_be_in_any_order(tag) {
            self.reordered.insert(self.kind.clone());
        }
        let pairs = one.into_iter().zip(other);
        pairs.map(|((_, one), (_, other))| (one, other)).collect()
    }

    fn inside(
        &mut self,
        place: &str,
        kind: &str,
        compare: impl FnOnce(&mut Self) -> Result<(), Difference>,
    ) -> Result<(), Difference> {
        let (before, kind_before) = (self.place.len(), self.kind.len());
        self.place.push_str(place);
        self.kind.push_str(kind);
        // No name contains this character, so no two paths read the same.
        self.kind.push('\n');
        compare(self)?;
        self.place.truncate(before);
        self.kind.truncate(kind_before);
        Ok(())
    }

    fn differ(&self, one: &Node<'_>, other: &Node<'_>) -> Difference {
        let (mut shown_one, mut shown_other) = (shown(one), shown(other));
        if shown_one == shown_other {
            // As where a `u8` comes back as a `u64`.
            let _ = write!(shown_one, " ({})", what(one));
            let _ = write!(shown_other, " ({})", what(other));
        }
        if shown_one == shown_other {
            shown_other = "another value of that kind".into();
        }
        Difference {
            place: self.place.clone(),
            one: shown_one,
            other: shown_other,
        }
    }

    /// Names the entry that only one of two maps or structs has.
    fn missing(
        &self,
        one: &Node<'_>,
        other: &Node<'_>,
        entries: &[(Node<'_>, Node<'_>)],
        others: &[(Node<'_>, Node<'_>)],
    ) -> Difference {
        let lacks = |(key, _): &&(Node<'_>, Node<'_>), all: &[(Node<'_>, Node<'_>)]| {
            !all.iter().any(|(other, _)| other.bytes == key.bytes)
        };
        let mut difference = self.differ(one, other);
        if let Some((key, _)) = entries.iter().find(|entry| lacks(entry, others)) {
            let _ = write!(difference.other, " without {}", shown(key));
        } else if let Some((key, _)) = others.iter().find(|entry| lacks(entry, entries)) {
            let _ = write!(difference.other, " with {}", shown(key));
        }
        difference
    }
}

/// They are sorted by their bytes, and their own members may stand in another order still.
fn is_in_any_order(tag: Tag) -> bool {
    matches!(tag, Tag::UnorderedSequence | Tag::UnorderedMap)
}

fn may_be_in_any_order(tag: Tag) -> bool {
    matches!(tag, Tag::Sequence | Tag::Map)
}

/// The text of a key that reads as the name of a field.
fn one_field<'a>(key: &Node<'a>) -> Option<&'a str> {
    let (Tag::Text, Shape::Leaf(text)) = (key.tag, &key.shape) else {
        return None;
    };
    let name = std::str::from_utf8(text).ok()?;
    let is_plain = |character: char| character.is_alphanumeric() || "_-".contains(character);
    (!name.is_empty() && name.len() <= 64 && name.chars().all(is_plain)).then_some(name)
}

/// What kind of thing it is.
fn what(node: &Node<'_>) -> String {
    match (node.tag, &node.shape) {
        (Tag::Bool, _) => "a bool".into(),
        (Tag::Signed, Shape::Leaf(bytes)) => format!("an i{}", 8 * bytes.len()),
        (Tag::Unsigned, Shape::Leaf(bytes)) => format!("a u{}", 8 * bytes.len()),
        (Tag::Float, Shape::Leaf(bytes)) => format!("an f{}", 8 * bytes.len()),
        (Tag::Char, _) => "a char".into(),
        (Tag::Text, _) => "a text".into(),
        (Tag::Bytes, _) => "bytes".into(),
        (Tag::Tuple, _) if !node.name.is_empty() => format!("a tuple `{}`", node.name),
        (Tag::Tuple, _) => "a tuple".into(),
        (Tag::Struct, _) if !node.name.is_empty() => format!("a `{}`", node.name),
        (Tag::Struct, _) => "a struct".into(),
        (Tag::Map | Tag::OrderedMap | Tag::UnorderedMap, _) => "a map".into(),
        (Tag::Sequence | Tag::OrderedSequence | Tag::UnorderedSequence, _) => "a list".into(),
        _ => "a value".into(),
    }
}

/// A value, short enough for a message.
fn shown(node: &Node<'_>) -> String {
    match (&node.shape, node.tag) {
        (Shape::Leaf(bytes), tag) => leaf(tag, bytes, node.name),
        (Shape::Inside(inside), Tag::Some) => format!("`Some` of {}", shown(inside)),
        (Shape::Inside(inside), Tag::Variant) => format!("`{}` of {}", node.name, shown(inside)),
        (Shape::Inside(inside), _) => shown(inside),
        (Shape::Members(members), _) => format!("{} of {}", what(node), members.len()),
        (Shape::Entries(_), Tag::Struct) => what(node),
        (Shape::Entries(entries), _) => format!("{} of {}", what(node), entries.len()),
    }
}

fn leaf(tag: Tag, bytes: &[u8], name: &str) -> String {
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().unwrap_or([0; N])
    }
    // Sign and zeros on the left make every width sixteen bytes.
    let wide = |fill: u8| -> [u8; 16] {
        let mut wide = [fill; 16];
        for (wide, byte) in wide.iter_mut().zip(bytes) {
            *wide = *byte;
        }
        wide
    };
    let is_negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    match tag {
        Tag::Bool => (bytes == [1]).to_string(),
        Tag::Unsigned => u128::from_le_bytes(wide(0)).to_string(),
        Tag::Signed => i128::from_le_bytes(wide(if is_negative { 0xff } else { 0 })).to_string(),
        Tag::Float if bytes.len() == 4 => format!("{:?}", f32::from_le_bytes(array(bytes))),
        Tag::Float => format!("{:?}", f64::from_le_bytes(array(bytes))),
        Tag::Char => {
            let character = char::from_u32(u32::from_le_bytes(array(bytes)));
            format!("{:?}", character.unwrap_or_default())
        }
        Tag::Text => excerpt(&String::from_utf8_lossy(bytes)),
        Tag::Bytes => format!("{} bytes", bytes.len()),
        Tag::None => "`None`".into(),
        Tag::UnitVariant => format!("`{name}`"),
        _ => "`()`".into(),
    }
}

fn excerpt(text: &str) -> String {
    const MAX_EXCERPT_CHARS: usize = 40;
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde::{Serialize, Serializer};

    use super::{super::canonical::canonical, *};

    /// A list whose type is not known by its name.
    struct List<T>(Vec<T>);

    impl<T: Serialize> Serialize for List<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(serializer)
        }
    }

    fn outcome<T: Serialize>(one: &T, other: &T) -> Outcome {
        compare(&canonical(one).unwrap(), &canonical(other).unwrap())
    }

    fn difference<T: Serialize>(one: &T, other: &T) -> String {
        match outcome(one, other) {
            Outcome::Different(difference) => difference.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_place_and_both_values_are_told() {
        assert_eq!(difference(&1_u8, &2), "1 would come back as 2");
        assert_eq!(
            difference(&vec![Some(1.5), Some(f64::NAN)], &vec![Some(1.5), None]),
            "at `[1]` `Some` of NaN would come back as `None`"
        );
        let map = |value: i16| BTreeMap::from([("limits", HashMap::from([("a b", value)]))]);
        assert_eq!(
            difference(&map(-1), &map(300)),
            "at `.limits[\"a b\"]` -1 would come back as 300"
        );
        assert_eq!(
            difference(&vec![1, 2], &vec![2, 1]),
            "at `[0]` 1 would come back as 2"
        );
        assert_eq!(
            difference(&BTreeMap::from([("a", 1)]), &BTreeMap::new()),
            "a map of 1 would come back as a map of 0 without \"a\""
        );
        assert_eq!(
            difference(&vec!["x".repeat(50)], &vec![]),
            "a list of 1 would come back as a list of 0"
        );
    }

    #[test]
    fn another_order_is_told_where_nobody_knows_whether_it_counts() {
        assert_eq!(outcome(&List(vec![1, 2]), &List(vec![1, 2])), Outcome::Same);
        let reordered = |places: &[&str]| {
            Outcome::Reordered(places.iter().map(|place| (*place).to_owned()).collect())
        };
        assert_eq!(
            outcome(&List(vec![1, 2]), &List(vec![2, 1])),
            reordered(&[""])
        );
        assert_eq!(
            outcome(
                &vec![List(vec![1, 2]), List(vec![3, 4])],
                &vec![List(vec![1, 2]), List(vec![4, 3])]
            ),
            reordered(&["[]\n"])
        );
        assert_eq!(
            outcome(
                &List(vec![List(vec![1, 2]), List(vec![3, 4])]),
                &List(vec![List(vec![4, 3]), List(vec![1, 2])])
            ),
            reordered(&["", "[]\n"])
        );
        assert!(matches!(
            outcome(&List(vec![1, 2]), &List(vec![2, 2])),
            Outcome::Different(_)
        ));
    }
}

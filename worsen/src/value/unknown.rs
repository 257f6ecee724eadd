//! Keys of a stored value that its type does not know, which a newer program has written: they are carried into the
//! text that takes its place. Never here: whether that text is the same value, which the caller asks of the type.
//!
//! A key is unknown where the type reads the stored text and does not write the key again. So a key that it wrote
//! itself, and that the new value lacks, was removed. Nobody says of an object whether it is a struct or a map, and
//! nobody has to: a map writes all keys that it reads.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// No value is nested deeper.
const MAX_DEPTH: usize = 128;

/// What a value tells of itself that its JSON does not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Notes {
    /// Keys that hold the name of an enum's variant.
    pub(super) tags: BTreeSet<String>,
    /// It has lists whose order may be another one each time.
    pub(super) has_unordered: bool,
}

/// Unknown keys of one name, so far inside the value.
type Kind = (usize, String);

/// One value as three texts: as it is stored, that text as its type writes it, and the value in its place.
pub(super) struct Texts<'a> {
    pub(super) stored: &'a str,
    pub(super) own: &'a str,
    pub(super) new: &'a str,
}

/// The new text with the unknown keys of the stored one, as far as `is_same` says of the result that it is still the
/// same value. `None`: there are none.
pub(super) fn carry(
    texts: &Texts<'_>,
    notes: &Notes,
    is_same: impl Fn(&str) -> bool,
) -> Option<String> {
    let merge = |wanted: Option<&BTreeSet<Kind>>| {
        let mut merge = Merge {
            notes,
            wanted,
            found: BTreeSet::new(),
        };
        let merged = merge.value(texts, 0);
        (merged, merge.found)
    };
    let (merged, found) = merge(None);
    let merged = merged?;
    if is_same(&merged) {
        return Some(merged);
    }
    // Some are known after all, as an alias that the type reads and does not write.
    let is_unknown = |kind: &Kind| {
        let (merged, _) = merge(Some(&BTreeSet::from([kind.clone()])));
        merged.is_some_and(|merged| is_same(&merged))
    };
    let unknown: BTreeSet<Kind> = found.into_iter().filter(is_unknown).collect();
    let (merged, _) = merge(Some(&unknown));
    merged.filter(|merged| is_same(merged))
}

struct Merge<'a> {
    notes: &'a Notes,
    /// `None`: every kind.
    wanted: Option<&'a BTreeSet<Kind>>,
    found: BTreeSet<Kind>,
}

impl Merge<'_> {
    /// The new text with what is unknown in the stored one; `None`: nothing is.
    fn value(&mut self, texts: &Texts<'_>, depth: usize) -> Option<String> {
        let Texts { stored, own, new } = *texts;
        if stored == own || depth > MAX_DEPTH {
            return None;
        }
        let all_begin_with = |first| {
            [stored, own, new]
                .iter()
                .all(|text| text.starts_with(first))
        };
        if all_begin_with('{') {
            let (stored, own, new) = (object(stored)?, object(own)?, object(new)?);
            self.object(&stored, &own, &new, depth)
        } else if all_begin_with('[') {
            let (stored, own, new) = (list(stored)?, list(own)?, list(new)?);
            self.list(&stored, &own, &new, depth)
        } else {
            None
        }
    }

    fn object(
        &mut self,
        stored: &Object<'_>,
        own: &Object<'_>,
        new: &Object<'_>,
        depth: usize,
    ) -> Option<String> {
        if self.is_another_variant(own, new) {
            return None;
        }
        let mut inside: HashMap<&str, String> = HashMap::new();
        let mut unknown: Vec<(&str, &str)> = Vec::new();
        for (key, stored) in &stored.members {
            match (own.get(key), new.get(key)) {
                (Some(own), Some(new)) => {
                    let texts = Texts { stored, own, new };
                    if let Some(merged) = self.value(&texts, depth + 1) {
                        inside.insert(key, merged);
                    }
                }
                (None, None) => {
                    let kind = (depth, key.to_string());
                    if self.wanted.is_none_or(|wanted| wanted.contains(&kind)) {
                        self.found.insert(kind);
                        unknown.push((key, stored));
                    }
                }
                _ => {}
            }
        }
        if inside.is_empty() && unknown.is_empty() {
            return None;
        }
        let known = new.members.iter().map(|(key, new)| {
            let merged = inside.get(&**key).map(String::as_str);
            (&**key, merged.unwrap_or(new))
        });
        write_object(known.chain(unknown))
    }

    /// Whether the new value is another variant of an enum than the stored one: then what is unknown belongs to
    /// that.
    fn is_another_variant(&self, own: &Object<'_>, new: &Object<'_>) -> bool {
        let has_other_tag = self
            .notes
            .tags
            .iter()
            .any(|tag| own.get(tag) != new.get(tag));
        // Of an untagged enum only the fields tell.
        let has_common_key = || own.members.iter().any(|(key, _)| new.get(key).is_some());
        has_other_tag || !own.members.is_empty() && !new.members.is_empty() && !has_common_key()
    }

    fn list(
        &mut self,
        stored: &[&str],
        own: &[&str],
        new: &[&str],
        depth: usize,
    ) -> Option<String> {
        let is_in_order = || {
            !self.notes.has_unordered
                || stored
                    .iter()
                    .zip(own)
                    .all(|(stored, own)| may_be_of(stored, own, depth))
        };
        if stored.len() != own.len() || !is_in_order() {
            return None;
        }
        let mut any = false;
        let mut items: Vec<Cow<'_, str>> = Vec::with_capacity(new.len());
        for (new, old) in new.iter().zip(pair(own, new)) {
            let merged = old.and_then(|old| {
                let (stored, own) = (stored.get(old)?, own.get(old)?);
                self.value(&Texts { stored, own, new }, depth + 1)
            });
            any |= merged.is_some();
            items.push(merged.map_or(Cow::Borrowed(*new), Cow::Owned));
        }
        any.then(|| format!("[{}]", items.join(",")))
    }
}

/// For each new item of a list the old one that it is. Items have no names: an item is the same where nothing that is
/// known of it has changed, wherever it stands by now. One that did change is the same at its place, where no other
/// item has come, gone or moved. So one that became to the letter what another one was counts as that one.
fn pair(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
    let same = |(old, new): &(&&str, &&str)| old == new;
    let front = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[front..], &new[front..]);
    let back = old_rest.iter().rev().zip(new_rest.iter().rev());
    let back = back.take_while(same).count();
    let (old_middle, new_middle) = (
        &old_rest[..old_rest.len() - back],
        &new_rest[..new_rest.len() - back],
    );
    let mut places: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (place, item) in old_middle.iter().enumerate() {
        places.entry(item).or_default().push_back(place);
    }
    let mut middle: Vec<Option<usize>> = new_middle
        .iter()
        .map(|item| places.get_mut(item)?.pop_front())
        .collect();
    let stays = |(place, old): (usize, &Option<usize>)| old.is_none_or(|old| old == place);
    if old_middle.len() == new_middle.len() && middle.iter().enumerate().all(stays) {
        middle = (0..new_middle.len()).map(Some).collect();
    }
    let in_front = (0..front).map(Some);
    let in_middle = middle.into_iter().map(|old| old.map(|old| front + old));
    let behind = (old.len() - back..old.len()).map(Some);
    in_front.chain(in_middle).chain(behind).collect()
}

/// Whether a type may have written this text of its own after it read the stored one.
fn may_be_of(stored: &str, own: &str, depth: usize) -> bool {
    if stored == own {
        return true;
    }
    if depth > MAX_DEPTH {
        return false;
    }
    let both_begin_with = |first| stored.starts_with(first) && own.starts_with(first);
    if both_begin_with('{') {
        let (Some(stored), Some(own)) = (object(stored), object(own)) else {
            return false;
        };
        // A key that is missing has its default.
        (own.members.iter()).all(|(key, own)| {
            (stored.get(key)).is_none_or(|stored| may_be_of(stored, own, depth + 1))
        })
    } else if both_begin_with('[') {
        let (Some(stored), Some(own)) = (list(stored), list(own)) else {
            return false;
        };
        let mut pairs = stored.iter().zip(&own);
        stored.len() == own.len() && pairs.all(|(stored, own)| may_be_of(stored, own, depth + 1))
    } else {
        false
    }
}

/// An object, as its members stand in the text.
struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a str)>,
    /// The places of the members, in the order of their keys: a map may have many.
    by_key: Vec<usize>,
}

impl<'a> Object<'a> {
    fn new(members: Vec<(Cow<'a, str>, &'a str)>) -> Self {
        let mut by_key: Vec<usize> = (0..members.len()).collect();
        by_key.sort_by(|one, other| members[*one].0.cmp(&members[*other].0));
        Object { members, by_key }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        let found = (self.by_key).binary_search_by(|place| (*self.members[*place].0).cmp(key));
        found.ok().map(|found| self.members[self.by_key[found]].1)
    }
}

fn object(json: &str) -> Option<Object<'_>> {
    serde_json::from_str(json).ok()
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
                    members.push((key, value.get()));
                }
                Ok(Object::new(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The items of a list, as they stand in the text.
fn list(json: &str) -> Option<Vec<&str>> {
    struct Items;
    impl<'de> Visitor<'de> for Items {
        type Value = Vec<&'de str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<&'de str>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element::<&RawValue>()? {
                items.push(item.get());
            }
            Ok(items)
        }
    }
    serde_json::Deserializer::from_str(json)
        .deserialize_seq(Items)
        .ok()
}

fn write_object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut json = String::from("{");
    for (key, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&serde_json::to_string(key).ok()?);
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    Some(json)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use serde::{Serialize, de::DeserializeOwned};

    use super::{super::encode, *};
    use crate::entry::Stored;

    /// What is written where this text is stored and a program of this type changes it so.
    fn after<T: Serialize + DeserializeOwned + 'static>(
        stored: &str,
        change: impl FnOnce(&mut T),
    ) -> String {
        let mut value: T = serde_json::from_str(stored).unwrap();
        change(&mut value);
        let stored = Stored {
            json: stored.into(),
            is_own: false,
        };
        let encoded = encode(&value, Some(&stored)).unwrap();
        encoded.json.to_string()
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct Item {
        n: u32,
    }

    #[derive(Serialize, Deserialize)]
    struct Outer {
        n: u32,
        item: Item,
        maybe: Option<Item>,
        map: BTreeMap<String, Item>,
        pair: (Item, Item),
    }

    #[test]
    fn unknown_keys_stay_wherever_a_struct_stands() {
        let stored = r#"{"n":1,"x":[1, 2],"item":{"y":0,"n":1},"maybe":{"n":1,"y":null},"map":{"a":{"n":1,"y":1},"b":{"n":2,"y":2}},"pair":[{"n":1,"y":1},{"n":2,"y":2}]}"#;
        let written = after::<Outer>(stored, |outer| {
            outer.n = 2;
            outer.item.n = 2;
            outer.map.remove("a");
            outer.map.insert("c".into(), Item { n: 3 });
            outer.pair.1.n = 3;
        });
        assert_eq!(
            written,
            r#"{"n":2,"item":{"n":2,"y":0},"maybe":{"n":1,"y":null},"map":{"b":{"n":2,"y":2},"c":{"n":3}},"pair":[{"n":1,"y":1},{"n":3,"y":2}],"x":[1, 2]}"#
        );
        let gone = after::<Outer>(stored, |outer| outer.maybe = None);
        assert!(gone.contains(r#""maybe":null"#), "{gone}");
    }

    #[test]
    fn a_key_that_the_type_wrote_itself_is_removed() {
        #[derive(Serialize, Deserialize)]
        struct Sparse {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            a: Option<u32>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            b: Option<u32>,
        }
        let stored = r#"{"a":1,"b":2,"x":3}"#;
        assert_eq!(
            after::<Sparse>(stored, |sparse| sparse.b = None),
            r#"{"a":1,"x":3}"#
        );
        // `null` is known, and no different from nothing.
        let null = after::<Sparse>(r#"{"a":1,"b":null}"#, |sparse| sparse.a = Some(2));
        assert_eq!(null, r#"{"a":2,"b":null}"#);
        let set = after::<Sparse>(r#"{"a":1,"b":null}"#, |sparse| sparse.b = Some(2));
        assert_eq!(set, r#"{"a":1,"b":2}"#);
        type Map = HashMap<String, u32>;
        assert_eq!(
            after::<Map>(r#"{"a":1,"b":2}"#, |map| assert!(map.remove("a").is_some())),
            r#"{"b":2}"#
        );
    }

    #[test]
    fn an_alias_is_known_though_it_is_not_written() {
        #[derive(Serialize, Deserialize)]
        struct Renamed {
            #[serde(alias = "old")]
            name: u32,
            #[serde(default, alias = "other", skip_serializing_if = "Option::is_none")]
            optional: Option<u32>,
        }
        let change = |renamed: &mut Renamed| {
            renamed.name += 1;
            renamed.optional = None;
        };
        let written = after(r#"{"old":1,"other":5,"x":7,"y":8}"#, change);
        assert_eq!(written, r#"{"name":2,"x":7,"y":8}"#);
    }

    #[test]
    fn a_flattened_struct_keeps_what_it_does_not_know_and_a_flattened_map_what_is_left_of_it() {
        #[derive(Serialize, Deserialize)]
        struct Flat {
            n: u32,
            #[serde(flatten)]
            item: Inner,
        }
        #[derive(Serialize, Deserialize)]
        struct Inner {
            inner: u32,
        }
        #[derive(Serialize, Deserialize)]
        struct Rest {
            n: u32,
            #[serde(flatten)]
            rest: BTreeMap<String, u32>,
        }
        let written = after::<Flat>(r#"{"n":1,"inner":1,"x":1}"#, |flat| flat.item.inner = 2);
        assert_eq!(written, r#"{"n":1,"inner":2,"x":1}"#);
        let written = after::<Rest>(r#"{"n":1,"a":1,"b":2}"#, |rest| {
            rest.rest.remove("a");
        });
        assert_eq!(written, r#"{"n":1,"b":2}"#);
    }

    #[test]
    fn another_variant_of_an_enum_gets_nothing_of_the_one_before() {
        #[derive(Serialize, Deserialize)]
        enum External {
            A { n: u32 },
            B { n: u32 },
        }
        #[derive(Serialize, Deserialize)]
        #[serde(tag = "type")]
        enum Internal {
            A { n: u32 },
            B(Item),
            C(BTreeMap<String, u32>),
        }
        #[derive(Serialize, Deserialize)]
        #[serde(tag = "t", content = "c")]
        enum Adjacent {
            A { n: u32 },
            B { n: u32 },
        }
        #[derive(Serialize, Deserialize)]
        #[serde(untagged)]
        enum Untagged {
            A { n: u32 },
            B { m: u32 },
        }
        let stored = r#"{"A":{"n":1,"x":1}}"#;
        let same = after::<External>(stored, |value| *value = External::A { n: 2 });
        assert_eq!(same, r#"{"A":{"n":2,"x":1}}"#);
        let other = after::<External>(stored, |value| *value = External::B { n: 2 });
        assert_eq!(other, r#"{"B":{"n":2}}"#);

        let stored = r#"{"type":"A","n":1,"x":1}"#;
        let same = after::<Internal>(stored, |value| *value = Internal::A { n: 2 });
        assert_eq!(same, r#"{"type":"A","n":2,"x":1}"#);
        let other = after::<Internal>(stored, |value| *value = Internal::B(Item { n: 2 }));
        assert_eq!(other, r#"{"type":"B","n":2}"#);
        let map = BTreeMap::from([("n".to_owned(), 2)]);
        let other = after::<Internal>(stored, |value| *value = Internal::C(map));
        assert_eq!(other, r#"{"type":"C","n":2}"#);

        let stored = r#"{"t":"A","c":{"n":1,"x":1}}"#;
        let same = after::<Adjacent>(stored, |value| *value = Adjacent::A { n: 2 });
        assert_eq!(same, r#"{"t":"A","c":{"n":2,"x":1}}"#);
        let other = after::<Adjacent>(stored, |value| *value = Adjacent::B { n: 2 });
        assert_eq!(other, r#"{"t":"B","c":{"n":2}}"#);

        let stored = r#"{"n":1,"x":1}"#;
        let same = after::<Untagged>(stored, |value| *value = Untagged::A { n: 2 });
        assert_eq!(same, r#"{"n":2,"x":1}"#);
        let other = after::<Untagged>(stored, |value| *value = Untagged::B { m: 2 });
        assert_eq!(other, r#"{"m":2}"#);
    }

    #[test]
    fn an_item_of_a_list_keeps_its_keys_where_it_moves_or_changes_but_not_both() {
        let stored = r#"[{"n":1,"x":1},{"n":2,"x":2},{"n":3,"x":3}]"#;
        let after = |change: fn(&mut Vec<Item>)| after::<Vec<Item>>(stored, change);
        assert_eq!(
            after(|items| items[1].n = 7),
            r#"[{"n":1,"x":1},{"n":7,"x":2},{"n":3,"x":3}]"#
        );
        assert_eq!(
            after(|items| items.iter_mut().for_each(|item| item.n *= 10)),
            r#"[{"n":10,"x":1},{"n":20,"x":2},{"n":30,"x":3}]"#
        );
        assert_eq!(
            after(|items| items.reverse()),
            r#"[{"n":3,"x":3},{"n":2,"x":2},{"n":1,"x":1}]"#
        );
        assert_eq!(
            after(|items| items.retain(|item| item.n != 1)),
            r#"[{"n":2,"x":2},{"n":3,"x":3}]"#
        );
        assert_eq!(
            after(|items| items.insert(1, Item { n: 9 })),
            r#"[{"n":1,"x":1},{"n":9},{"n":2,"x":2},{"n":3,"x":3}]"#
        );
        assert_eq!(
            after(|items| {
                items.remove(0);
                items.push(Item { n: 4 });
            }),
            r#"[{"n":2,"x":2},{"n":3,"x":3},{"n":4}]"#
        );
    }

    #[test]
    fn a_set_gives_no_key_to_another_element() {
        let stored = r#"[{"n":1,"x":1},{"n":2,"x":2},{"n":3,"x":3}]"#;
        for _ in 0..50 {
            let written = after::<HashSet<Item>>(stored, |set| {
                set.insert(Item { n: 4 });
            });
            let written: Vec<BTreeMap<String, u32>> = serde_json::from_str(&written).unwrap();
            for item in written {
                assert!(item.get("x").is_none_or(|x| *x == item["n"]), "{item:?}");
            }
        }
    }

    #[test]
    fn a_value_that_changes_nothing_keeps_its_text_each_time() {
        let stored = r#"{"n":1,"x":1}"#;
        assert_eq!(after::<Item>(stored, |_| ()), stored);
    }
}

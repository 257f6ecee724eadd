//! The former uids of fields: under which of its uids a field is read. A field has one value in the file that
//! counts: what its own uid holds, or else what the first of its aliases holds that holds anything. So the state
//! of a program follows from the entries alone, whoever wrote them in which order. Never here: writing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use super::{FieldUids, family, remove_all};
use crate::{
    entries::Entries,
    health::Condition,
    planted::{Bug, planted},
    shared_str::SharedStr,
    uid::{OWN, is_own, split},
};

/// What a commit leaves of each uid that it changes; sorted, so that a field's own uid stands in front of those
/// below it.
pub(crate) type News = BTreeMap<SharedStr, Option<SharedStr>>;

/// The fields that have aliases.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    fields: Vec<FieldUids>,
    /// Each of their uids, also the present ones, with the place of the field.
    places: HashMap<&'static str, usize>,
}

impl Renames {
    pub(super) fn of(fields: &[FieldUids]) -> Self {
        let with_aliases = fields.iter().filter(|field| !field.aliases.is_empty());
        let fields: Vec<FieldUids> = with_aliases.copied().collect();
        let mut places = HashMap::new();
        for (place, field) in fields.iter().enumerate() {
            let uids = field.aliases.iter().chain([&field.uid]);
            places.extend(uids.map(|uid| (*uid, place)));
        }
        Renames { fields, places }
    }

    fn field_of(&self, uid: &str) -> Option<&FieldUids> {
        self.fields.get(*self.places.get(uid)?)
    }

    /// The former uid under which the field with this uid stands in the file. `None`: it stands under its own, or
    /// nowhere.
    pub(crate) fn source(&self, uid: &str, entries: &Entries) -> Option<&'static str> {
        if self.fields.is_empty() {
            return None;
        }
        let field = self.field_of(uid)?;
        match field.source(entries) {
            Some(source) if source != field.uid => Some(source),
            _ => None,
        }
    }

    /// Whether the uid is one of these fields', or below it.
    pub(crate) fn concern(&self, uid: &str) -> bool {
        !self.fields.is_empty() && self.places.contains_key(split(uid).0)
    }

    /// The present uid of the field that was called so before.
    pub(crate) fn present(&self, alias: &str) -> Option<&'static str> {
        if self.fields.is_empty() {
            return None;
        }
        let uid = self.field_of(alias)?.uid;
        (uid != alias).then_some(uid)
    }

    /// All former uids of the field with this uid.
    pub(crate) fn aliases(&self, uid: &str) -> &'static [&'static str] {
        self.field_of(uid).map_or(&[], |field| field.aliases)
    }

    /// Where the file has the entry with this uid.
    pub(crate) fn in_file(&self, uid: &SharedStr, entries: &Entries) -> SharedStr {
        let (field, key) = split(uid);
        match (self.source(field, entries), key) {
            (None, _) => uid.clone(),
            (Some(source), None) => source.into(),
            (Some(source), Some(key)) => format!("{source}/{key}").into(),
        }
    }

    /// The entries under the uids that the fields have now.
    pub(super) fn as_read<'a>(&self, entries: &'a Entries) -> Cow<'a, Entries> {
        let mut read = Cow::Borrowed(entries);
        for field in &self.fields {
            let source = field.source(entries);
            if source == Some(field.uid) && !field.has_alias(entries) || source.is_none() {
                continue;
            }
            let to = read.to_mut();
            for alias in field.aliases {
                remove_all(to, alias);
            }
            if let Some(source) = source.filter(|source| *source != field.uid) {
                remove_all(to, field.uid);
                for (uid, json) in family(entries, source) {
                    to.insert(moved(uid, source, field.uid), json.clone());
                }
            }
        }
        read
    }

    /// What changes for the fields where this changes in the file, and the entries hold it already.
    pub(crate) fn news(&self, mut news: News, entries: &Entries) -> News {
        let own: Vec<SharedStr> = news
            .range::<str, _>((Bound::Included(OWN), Bound::Unbounded))
            .map(|(uid, _)| uid.clone())
            .take_while(|uid| is_own(uid))
            .collect();
        for uid in own {
            news.remove(&uid);
        }
        if self.fields.is_empty() || planted(Bug::IgnoreAliasOfOthers) {
            return news;
        }
        let mut whole = BTreeSet::new();
        let mut read = News::new();
        for (uid, json) in news {
            let (name, key) = split(&uid);
            let Some(place) = self.places.get(name) else {
                read.insert(uid, json);
                continue;
            };
            let field = &self.fields[*place];
            let source = field.source(entries);
            if key.is_none() && (name == field.uid || source != Some(field.uid)) {
                // Another uid may count from now on.
                whole.insert(*place);
            } else if source == Some(name) {
                read.insert(moved(&uid, name, field.uid), json);
            }
        }
        for place in whole {
            self.fields[place].tell(entries, &mut read);
        }
        read
    }

    pub(super) fn find_shadowed(&self, entries: &Entries) -> Vec<Condition> {
        let mut shadowed = Vec::new();
        for field in &self.fields {
            let source = field.source(entries);
            let others = field
                .aliases
                .iter()
                .filter(|alias| Some(**alias) != source && entries.contains_key(alias));
            shadowed.extend(others.map(|alias| Condition::FormerUid {
                uid: (*alias).to_owned(),
                read: source.unwrap_or(field.uid).to_owned(),
            }));
        }
        shadowed
    }
}

impl FieldUids {
    /// The uid that counts.
    fn source(&self, entries: &Entries) -> Option<&'static str> {
        let all = std::iter::once(self.uid).chain(self.aliases.iter().copied());
        let mut all = all.filter(|uid| entries.contains_key(uid));
        all.next()
    }

    fn has_alias(&self, entries: &Entries) -> bool {
        self.aliases.iter().any(|alias| entries.contains_key(alias))
    }

    /// The whole field, as something that changes.
    fn tell(&self, entries: &Entries, read: &mut News) {
        read.retain(|uid, _| split(uid).0 != self.uid);
        match self.source(entries) {
            None => {
                read.insert(self.uid.into(), None);
            }
            Some(source) => {
                for (uid, json) in family(entries, source) {
                    read.insert(moved(uid, source, self.uid), Some(json.clone()));
                }
            }
        }
    }
}

/// The same uid, below another field.
fn moved(uid: &SharedStr, from: &str, to: &str) -> SharedStr {
    match from == to {
        true => uid.clone(),
        false => format!("{to}{}", &uid[from.len()..]).into(),
    }
}

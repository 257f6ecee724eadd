//! Values that come from elsewhere, as the fields of a struct: a state that takes over that of a copy, and JSON text
//! that becomes fields. Never here: where it comes from.

use serde_json::value::RawValue;

use super::{
    model::StructModel,
    rules::{normalizes, seed_breaks_rule},
};
use crate::{
    backend::Entries,
    document,
    engine::Scope,
    entry::FieldChange,
    error::{self, Error, ErrorKind, ValueError},
    schema::{EntryTables, Schema, fields_of},
    transfer::restore,
    uid::split,
};

/// Takes a value, as JSON text from elsewhere, into one field in the place of what it holds. An object for a
/// collection is that of its entries.
///
/// # Errors
///
/// Of what does not fit, each with the key of the entry where it has one. The field then holds the rest.
pub(crate) fn take_field<S: Schema>(
    state: &mut S,
    (index, tables): (usize, &EntryTables),
    json: &str,
) -> Result<(), Vec<ValueError>> {
    let mut take = |change: FieldChange<'_>| tables.apply(state, index, change);
    let Some(mark) = tables.mark(index).filter(|_| document::is_object(json)) else {
        return take(FieldChange::Set(json)).map_err(|error| vec![error]);
    };
    // Of an object that is read already nothing can be wrong but a member that is there twice.
    let members =
        document::members(json).map_err(|error| vec![error::transfer::no_entries(error)])?;
    take(FieldChange::Set(mark.json())).map_err(|error| vec![error])?;
    let mut problems = Vec::new();
    for (key, json) in members {
        let change = FieldChange::SetEntry {
            key: &key,
            json: json.get(),
        };
        if let Err(error) = take(change) {
            problems.push(error.in_key(key));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}

/// A member of a document that belongs to a field: its index, and the value.
pub(crate) struct Member<'a> {
    pub(crate) index: usize,
    pub(crate) uid: &'static str,
    pub(crate) json: &'a RawValue,
}

/// The members of a document by the fields that they belong to, and those that belong to none. `network` with an
/// object belongs to the fields below it, such as `network.port`.
///
/// # Errors
///
/// Where the document is no JSON object.
pub(crate) fn members_of<'a, S: Schema>(
    document: &'a str,
    unknown: &mut Vec<String>,
) -> Result<Vec<Member<'a>>, serde_json::Error> {
    let mut members = Vec::new();
    sort_out::<S>("", document, &mut members, unknown)?;
    Ok(members)
}

fn sort_out<'a, S: Schema>(
    above: &str,
    document: &'a str,
    members: &mut Vec<Member<'a>>,
    unknown: &mut Vec<String>,
) -> Result<(), serde_json::Error> {
    for (name, json) in document::members(document)? {
        let name = format!("{above}{name}");
        let fields = fields_of::<S>().iter().enumerate();
        let mut stored = fields.filter_map(|(index, field)| Some((index, field.uid?)));
        if let Some((index, uid)) = stored.clone().find(|(_, uid)| *uid == name) {
            members.push(Member { index, uid, json });
            continue;
        }
        let below = format!("{name}.");
        let is_section = stored.any(|(_, uid)| uid.starts_with(&below));
        if is_section && document::is_object(json.get()) {
            sort_out::<S>(&below, json.get(), members, unknown)?;
        } else {
            unknown.push(name);
        }
    }
    Ok(())
}

/// What to say of a member that belongs to no field.
pub(crate) fn no_field<S: Schema>(name: &str) -> String {
    let uids = fields_of::<S>().iter().filter_map(|field| field.uid);
    match nearest(name, uids) {
        Some(uid) => format!("no field has this uid; did you mean `{uid}`?"),
        None => "no field has this uid".into(),
    }
}

/// The name that is most like this one, if any is.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| -> Vec<char> {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(name);
    let nearest = names
        .map(|name| (distance(&wanted, &plain(name)), name))
        .min_by_key(|(distance, _)| *distance);
    nearest
        .filter(|(distance, _)| *distance <= wanted.len().max(3) / 3)
        .map(|(_, name)| name)
}

/// How many letters are to be added, dropped, changed or exchanged with their neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, with) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != with);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let is_exchanged =
                row > 0 && column > 0 && one[row - 1] == *with && *letter == other[column - 1];
            if is_exchanged {
                least = least.min(before_last[column - 1] + 1);
            }
            next.push(least);
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

impl<S: Schema> StructModel<S> {
    /// Sets the fields that a document has members for.
    pub(super) fn import(&mut self, document: &str, scope: &mut Scope<'_>) -> Result<(), Error> {
        let mut unknown = Vec::new();
        let members = members_of::<S>(document, &mut unknown)
            .map_err(|error| error::transfer::no_json_object("the JSON text", error))?;
        let mut problems: Vec<(String, String)> = unknown
            .into_iter()
            .map(|name| {
                let what = no_field::<S>(&name);
                (name, what)
            })
            .collect();
        let tables = self.layout.tables.clone();
        // A rule of the struct may change fields that are not named.
        let is_whole = normalizes::<S>();
        if is_whole {
            self.open_all();
        }
        for Member { index, uid, json } in members {
            let state = self.open_field(index);
            match take_field(state, (index, &tables), json.get()) {
                Ok(()) if is_whole => {}
                Ok(()) => {
                    if let Err(error) = self.record(index, scope) {
                        problems.push((error.uid().unwrap_or(uid).into(), error.words().into()));
                    }
                }
                Err(errors) => problems.extend(errors.into_iter().map(|error| told(uid, error))),
            }
        }
        match problems.is_empty() {
            true if is_whole => self.record_each(scope),
            true => self.keep_rules_of_struct(scope),
            false => Err(error::transfer::does_not_fit(
                ErrorKind::Decode,
                &problems,
                "the JSON text",
            )),
        }
    }

    /// Becomes what these entries say. `what` they are, in words.
    pub(super) fn restore(
        &mut self,
        (copy, what): (&Entries, &str),
        scope: &mut Scope<'_>,
    ) -> Result<(), Error> {
        let outline = self.layout.outline.clone();
        let copy = &outline.brought_up(copy)?;
        let mut seeds = Vec::new();
        for (index, field) in fields_of::<S>().iter().enumerate() {
            let Some(uid) = field.uid else { continue };
            let has_entries = (self.seed_entries.get(index)).is_some_and(|all| all.len() > 1);
            let is_there = |entries| self.source(uid, entries).is_some();
            let is_unset = is_there(scope.entries) && !is_there(copy);
            if is_unset && has_entries {
                // Its seed has entries, which a process that takes over their removal would drop.
                seeds.push(uid);
                self.reset(index, scope)?;
            }
        }
        let is_ours = |uid: &str| !seeds.contains(&split(uid).0);
        restore::take(self, scope, (copy, what), is_ours)
    }
}

/// What does not fit, and where.
fn told(uid: &str, error: ValueError) -> (String, String) {
    let uid = match error.key {
        Some(key) => format!("{uid}/{key}"),
        None => uid.to_owned(),
    };
    (uid, of_a_new_value(&error.what))
}

/// The words of an error, of a value that is not stored yet.
pub(crate) fn of_a_new_value(what: &str) -> String {
    what.replacen("the stored value", "the value", 1)
}

/// Takes a member into a seed. What does not fit, or breaks a rule of the field, is returned, each with its place: the
/// field is of no use then.
pub(crate) fn take_seed<S: Schema>(
    seed: &mut S,
    tables: &EntryTables,
    member: &Member<'_>,
) -> Vec<(String, String)> {
    let &Member { index, uid, json } = member;
    let problems = match take_field(seed, (index, tables), json.get()) {
        Ok(()) => seed_breaks_rule(seed, index, tables).into_iter().collect(),
        Err(problems) => problems,
    };
    let problems = problems.into_iter();
    problems.map(|error| told(uid, error)).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelled_name_finds_the_one_that_was_meant() {
        let names = ["font_size", "theme", "port", "AppInit"];
        let nearest = |name| nearest(name, names.into_iter());
        assert_eq!(nearest("fontSize"), Some("font_size"));
        assert_eq!(nearest("prot"), Some("port"));
        assert_eq!(nearest("app_init"), Some("AppInit"));
        assert_eq!(nearest("themes"), Some("theme"));
        assert_eq!(nearest("volume"), None);
        assert_eq!(nearest(""), None);
    }
}

//! Uids that a program has no field for, and which field may have been meant. Never here: whether that is a
//! mistake.

use super::FieldUids;
use crate::{
    entries::Entries,
    health::UnknownUid,
    uid::{is_own, split},
};

pub(super) fn find(entries: &Entries, fields: &[FieldUids], removed: &[&str]) -> Vec<UnknownUid> {
    let is_known = |uid: &str| {
        let mut all = fields.iter();
        all.any(|field| field.uid == uid || field.aliases.contains(&uid)) || removed.contains(&uid)
    };
    let mut unknown: Vec<UnknownUid> = Vec::new();
    let mut known: Option<&str> = None;
    let mut from = entries.iter();
    while let Some((uid, _)) = from.next() {
        let (field, key) = split(uid);
        if is_own(uid) {
            continue;
        }
        let was_met = known == Some(field) || unknown.last().is_some_and(|last| last.uid == field);
        if !was_met {
            match is_known(field) {
                true => known = Some(field),
                false => unknown.push(UnknownUid {
                    uid: field.to_owned(),
                    similar: None,
                }),
            }
        }
        if key.is_some() {
            // `0` is the character behind `/`: past all entries of the field.
            from = entries.iter_from(&format!("{field}0"));
        }
    }
    // `a-b` stands between `a` and `a/1`.
    unknown.sort_by(|one, other| one.uid.cmp(&other.uid));
    unknown.dedup_by(|one, other| one.uid == other.uid);
    let missing: Vec<&str> = fields
        .iter()
        .filter(|field| {
            let mut uids = std::iter::once(&field.uid).chain(field.aliases);
            !uids.any(|uid| entries.contains_key(uid))
        })
        .map(|field| field.uid)
        .collect();
    for uid in &mut unknown {
        uid.similar = similar(&uid.uid, &missing).map(str::to_owned);
    }
    unknown
}

/// Longer names are not compared.
const LONGEST_COMPARED: usize = 100;

/// Which of these looks most like it, if any does.
fn similar<'a>(uid: &str, others: &[&'a str]) -> Option<&'a str> {
    let plain = |uid: &str| -> Vec<char> {
        let letters = uid.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(uid);
    if wanted.len() > LONGEST_COMPARED {
        return None;
    }
    let close = others.iter().filter_map(|other| {
        let letters = plain(other);
        let least = wanted.len().min(letters.len());
        if letters.len() > LONGEST_COMPARED || least == 0 {
            return None;
        }
        let contains = |whole: &[char], part: &[char]| {
            part.len() >= 3 && whole.windows(part.len()).any(|window| window == part)
        };
        let distance = distance(&wanted, &letters);
        let is_close = distance <= least.div_ceil(4)
            || contains(&wanted, &letters)
            || contains(&letters, &wanted);
        is_close.then_some((distance, *other))
    });
    close
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// How many letters have to be added, left out or changed: Levenshtein's distance.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != against);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Edit;

    fn entries(uids: &[&str]) -> Entries {
        let mut entries = Entries::new();
        for uid in uids {
            let edit = Edit::set(*uid, "1");
            entries.put(&edit.uid, edit.json);
        }
        entries
    }

    fn fields(uids: &[&'static str]) -> Vec<FieldUids> {
        let field = |uid: &&'static str| FieldUids { uid, aliases: &[] };
        uids.iter().map(field).collect()
    }

    #[test]
    fn every_unknown_field_is_told_once_and_no_known_one() {
        let entries = entries(&[
            "/worsen/version",
            "a",
            "a-b",
            "a/1",
            "a/2",
            "a0",
            "jobs",
            "jobs-old",
            "jobs.x",
            "jobs/1",
            "jobs/2",
            "z",
            "z/9",
        ]);
        let found = find(&entries, &fields(&["a", "jobs"]), &["z"]);
        let uids: Vec<&str> = found.iter().map(|unknown| &*unknown.uid).collect();
        assert_eq!(uids, ["a-b", "a0", "jobs-old", "jobs.x"]);
        let found = find(&entries, &fields(&["a0"]), &[]);
        let uids: Vec<&str> = found.iter().map(|unknown| &*unknown.uid).collect();
        assert_eq!(uids, ["a", "a-b", "jobs", "jobs-old", "jobs.x", "z"]);
    }

    #[test]
    fn a_field_without_a_value_is_meant_by_what_looks_like_it() {
        let others = ["font_size", "port", "name"];
        assert_eq!(similar("fontSize", &others), Some("font_size"));
        assert_eq!(similar("fontsiz", &others), Some("font_size"));
        assert_eq!(similar("listen_port", &others), Some("port"));
        assert_eq!(
            similar("prot", &["port"]),
            None,
            "half of it is another letter"
        );
        assert_eq!(similar("colour", &others), None);
        assert_eq!(similar("", &others), None);
        // A field that has a value is not meant.
        let entries = entries(&["fontSize", "font_size"]);
        let found = find(&entries, &fields(&["font_size"]), &[]);
        assert_eq!(found[0].to_string(), "`fontSize`");
    }
}

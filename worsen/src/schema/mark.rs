//! Marks: the JSON under the own uid of a field that logs by entry. Never here: the entries themselves.
//!
//! A mark says that the field is empty apart from its entries, and what these entries are: an item of a plain
//! queue may look like a job to the letter. So entries come after their mark. A commit that sets a mark anew
//! holds all entries of the field, and a state takes a field's own uid before those below it.

use std::collections::HashSet;

use crate::uid::split;

/// What the entries of a field are. A set has the entries of a map without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Map,
    Queue,
    WorkQueue,
}

impl Mark {
    const ALL: [Mark; 3] = [Mark::Map, Mark::Queue, Mark::WorkQueue];

    /// Its JSON text. That of a map or a queue is also what an empty plain one leaves, which has no entries
    /// to be told apart. That of a work queue is neither a list nor an object, so it cannot be taken for a
    /// plain field's value, nor the reverse.
    pub(crate) const fn json(self) -> &'static str {
        match self {
            Mark::Map => "{}",
            Mark::Queue => "[]",
            Mark::WorkQueue => "\"work\"",
        }
    }

    /// `None`: the text is the value of a plain field.
    pub(crate) fn parse(json: &str) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.json() == json)
    }
}

/// The fields whose mark is another one in a state that takes the place of an older state: below another mark the
/// same text is something else, so all of their entries count as new.
#[derive(Default)]
pub(crate) struct NewMarks<'a>(HashSet<&'a str>);

impl<'a> NewMarks<'a> {
    /// Whether the change from the older state must tell an entry. Entries come in the order of their uids;
    /// `is_new`: the older state has another text at this uid.
    pub(crate) fn must_tell(&mut self, uid: &'a str, json: &str, is_new: bool) -> bool {
        let (field, key) = split(uid);
        if is_new && key.is_none() && Mark::parse(json).is_some() {
            self.0.insert(field);
        }
        is_new || !self.0.is_empty() && self.0.contains(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_a_value_is_no_mark() {
        for mark in Mark::ALL {
            assert_eq!(Mark::parse(mark.json()), Some(mark));
        }
        for value in ["{\"a\":1}", "[1]", "\"works\"", "null", ""] {
            assert_eq!(Mark::parse(value), None, "{value}");
        }
    }

    #[test]
    fn the_entries_below_a_new_mark_are_told_also_where_their_text_is_the_same() {
        let mut marks = NewMarks::default();
        assert!(!marks.must_tell("a/1", "1", false));
        assert!(marks.must_tell("jobs", "\"work\"", true));
        assert!(marks.must_tell("jobs/1", "1", false));
        assert!(!marks.must_tell("other/1", "1", false));
        // An entry that looks like a mark is none.
        assert!(marks.must_tell("queues/1", "[]", true));
        assert!(!marks.must_tell("queues/2", "[]", false));
        // A plain value is told alone.
        assert!(marks.must_tell("plain", "[1]", true));
        assert!(!marks.must_tell("plain/1", "1", false));
    }
}

//! What a commit does to the entries of a store, as data: one change of one field, and all that one operation
//! changed. Never here: typed values, and where entries are kept.

use crate::shared_str::SharedStr;

/// One change of one field: of its own uid, or of an entry below that.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum FieldChange<'a> {
    /// Its own uid holds this JSON text now.
    Set(&'a str),
    /// Its own uid holds nothing any more.
    Unset,
    /// The uid `field/key` holds this JSON text now.
    SetEntry { key: &'a str, json: &'a str },
    /// The uid `field/key` holds nothing any more.
    RemoveEntry { key: &'a str },
}

impl<'a> FieldChange<'a> {
    /// The change of a uid. `key` is what stands after `field/`; without a `json` the uid holds nothing.
    #[inline]
    pub(crate) fn new(key: Option<&'a str>, json: Option<&'a str>) -> Self {
        match (key, json) {
            (None, Some(json)) => FieldChange::Set(json),
            (None, None) => FieldChange::Unset,
            (Some(key), Some(json)) => FieldChange::SetEntry { key, json },
            (Some(key), None) => FieldChange::RemoveEntry { key },
        }
    }
}

/// The JSON text that the store holds for a value.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) json: SharedStr,
    /// This program wrote it, with the same type. Else the same value may be another text, as where
    /// another version left something out.
    pub(crate) is_own: bool,
}

/// Tells the JSON text that the store holds at a uid.
pub(crate) type StoredAt<'a> = &'a dyn Fn(&str) -> Option<SharedStr>;

/// One uid that a commit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) uid: SharedStr,
    /// What it holds from now on; `None`: nothing any more.
    pub(crate) json: Option<SharedStr>,
}

impl Edit {
    pub(crate) fn set(uid: impl Into<SharedStr>, json: impl Into<SharedStr>) -> Self {
        Edit {
            uid: uid.into(),
            json: Some(json.into()),
        }
    }

    pub(crate) fn delete(uid: impl Into<SharedStr>) -> Self {
        Edit {
            uid: uid.into(),
            json: None,
        }
    }
}

/// What one operation set and deleted, in order.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Edits {
    pub(crate) entries: Vec<Edit>,
    /// The commit also tells the entries that are stored already: others forget what they have of the field.
    pub(crate) whole: bool,
    /// What the store holds for the field that is recorded. Where that is the same value, its text is kept.
    pub(crate) stored: Option<Stored>,
    /// The newest entry is the text of a value as its type writes it, with nothing beside that.
    pub(crate) is_own: bool,
}

impl Edits {
    /// The entry at `uid` is now this JSON text.
    pub fn set(&mut self, uid: impl Into<SharedStr>, json: impl Into<SharedStr>) {
        self.entries.push(Edit::set(uid, json));
    }

    /// There is no entry at `uid` any more.
    pub fn delete(&mut self, uid: impl Into<SharedStr>) {
        self.entries.push(Edit::delete(uid));
    }
}

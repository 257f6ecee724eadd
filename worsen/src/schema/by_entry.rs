//! How a field that logs by entry does so, and how the model finds out which fields do. Never here: what a
//! collection writes.
//!
//! A [`Map`](crate::Map) can be deserialized, as every other field. So no trait tells it from a plain field
//! where the type is a parameter, and stable Rust has no specialization. Instead opening asks each type once: a
//! collection that is deserialized meanwhile leaves its [`EntryTable`] behind, before it reads anything. serde_json
//! passes its raw values through serde in such a way. A type that holds a collection leaves that one's table, whose
//! type is not its own: then it is a plain field.

use std::{
    any::{Any, TypeId},
    cell::Cell,
    fmt,
    marker::PhantomData,
    sync::Arc,
};

use serde::{
    Deserializer,
    de::{DeserializeOwned, Error as _, Visitor},
    forward_to_deserialize_any,
};

use super::{FieldInfo, Fields, Mark, fields_of};
use crate::{
    callbacks,
    entry::{Edits, FieldChange, StoredAt},
    error::ValueError,
};

/// A field whose entries have uids of their own, below that of the field.
pub(crate) trait ByEntry: Sized + Send + Sync + 'static {
    /// What stands under the field's own uid.
    const MARK: Mark;

    /// Whether it knows something that outlives its entries, such as the numbers that were used: then a commit
    /// also writes it where it is set back to an empty seed.
    const REMEMBERS: bool = false;

    /// Adds the entries that changed since `before` to `out`; all there are, where there is no `before`. The
    /// field then is what everybody reads from its entries, which may be less than it was.
    fn record(
        &mut self,
        before: Option<&Self>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError>;

    /// Takes one change of the log.
    fn apply(&mut self, change: FieldChange<'_>) -> Result<(), ValueError>;

    /// Leaves out the entry of this key, which does not fit: it is not seen, and stays in the file until the field is
    /// written without it. False: nothing is known that would let it stay there.
    fn leave_out(&mut self, key: &str, json: &str) -> bool;
}

type Record = fn(
    field: &mut dyn Any,
    before: Option<&dyn Any>,
    uid: &'static str,
    stored: StoredAt<'_>,
    out: &mut Edits,
) -> Result<(), ValueError>;
type Apply = fn(field: &mut dyn Any, change: FieldChange<'_>) -> Result<(), ValueError>;
type LeaveOut = fn(field: &mut dyn Any, key: &str, json: &str) -> bool;

/// The functions of one type that logs by entry.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct EntryTable {
    type_id: TypeId,
    mark: Mark,
    remembers: bool,
    record: Record,
    apply: Apply,
    leave_out: LeaveOut,
}

impl fmt::Debug for EntryTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryTable")
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

impl EntryTable {
    pub(crate) fn of<T: ByEntry>() -> Self {
        EntryTable {
            type_id: TypeId::of::<T>(),
            mark: T::MARK,
            remembers: T::REMEMBERS,
            record: |field, before, uid, stored, out| match field.downcast_mut::<T>() {
                Some(field) => {
                    let before = before.and_then(<dyn Any>::downcast_ref);
                    field.record(before, uid, stored, out)
                }
                None => Ok(()),
            },
            apply: |field, change| match field.downcast_mut::<T>() {
                Some(field) => field.apply(change),
                None => Ok(()),
            },
            leave_out: |field, key, json| {
                let field = field.downcast_mut::<T>();
                field.is_some_and(|field| field.leave_out(key, json))
            },
        }
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// Adds what changed since `before` to `out`; all there is, where there is no `before`: then the mark
    /// stands in front of the entries.
    pub(super) fn record(
        &self,
        field: &mut dyn Any,
        before: Option<&dyn Any>,
        uid: &'static str,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        if before.is_none() {
            out.set(uid, self.mark.json());
        }
        (self.record)(field, before, uid, stored, out)
    }

    pub(super) fn apply(
        &self,
        field: &mut dyn Any,
        change: FieldChange<'_>,
    ) -> Result<(), ValueError> {
        (self.apply)(field, change)
    }
}

thread_local! {
    static QUESTION: Cell<Question> = const { Cell::new(Question::None) };
}

#[derive(Clone, Copy)]
enum Question {
    None,
    Asked,
    Answered(EntryTable),
}

/// The functions of this type, if it logs by entry.
pub(crate) fn ask<T: DeserializeOwned + 'static>() -> Option<EntryTable> {
    QUESTION.set(Question::Asked);
    // The type may be the user's. It gets nothing to read, and what it makes of that does not count.
    callbacks::quietly(|| drop(T::deserialize(Nothing(PhantomData))));
    match QUESTION.replace(Question::None) {
        Question::Answered(table) if table.type_id == TypeId::of::<T>() => Some(table),
        _ => None,
    }
}

/// What a collection says at the beginning of its `deserialize`.
pub(crate) fn answer<T: ByEntry>() {
    if let Question::Asked = QUESTION.get() {
        QUESTION.set(Question::Answered(EntryTable::of::<T>()));
    }
}

/// Has nothing to read, whatever it is asked for.
struct Nothing<'de>(PhantomData<&'de ()>);

impl<'de> Deserializer<'de> for Nothing<'de> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("there is nothing to read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Which fields of one struct log by entry.
#[derive(Clone)]
pub(crate) struct EntryTables {
    fields: &'static [FieldInfo],
    tables: Arc<[Option<EntryTable>]>,
}

impl EntryTables {
    pub(crate) fn of<S: Fields>() -> Self {
        let fields = fields_of::<S>();
        EntryTables {
            fields,
            tables: fields.iter().map(|field| (field.by_entry)()).collect(),
        }
    }

    fn get(&self, index: usize) -> Option<&EntryTable> {
        self.tables.get(index)?.as_ref()
    }

    /// As [`ByEntry::MARK`]; `None`: the field does not log by entry.
    pub(crate) fn mark(&self, index: usize) -> Option<Mark> {
        self.get(index).map(|table| table.mark)
    }

    /// As [`ByEntry::REMEMBERS`].
    pub(crate) fn remembers(&self, index: usize) -> bool {
        self.get(index).is_some_and(|table| table.remembers)
    }

    /// Adds the entries of one field to `out`: what changed since `before`, or all there is.
    pub(crate) fn record<S: Fields>(
        &self,
        state: &mut S,
        index: usize,
        before: Option<&S>,
        stored: StoredAt<'_>,
        out: &mut Edits,
    ) -> Result<(), ValueError> {
        let Some(uid) = self.fields.get(index).and_then(|field| field.uid) else {
            return Ok(());
        };
        let Some(table) = self.get(index) else {
            return state.__record(index, uid, out);
        };
        match state.__field_mut(index) {
            Some(field) => {
                let before = before.and_then(|before| before.__field(index));
                table.record(field, before, uid, stored, out)
            }
            None => Ok(()),
        }
    }

    /// Takes one change of the log into one field.
    #[inline]
    pub(crate) fn apply<S: Fields>(
        &self,
        state: &mut S,
        index: usize,
        change: FieldChange<'_>,
    ) -> Result<(), ValueError> {
        match self.get(index) {
            Some(table) => match state.__field_mut(index) {
                Some(field) => table.apply(field, change),
                None => Ok(()),
            },
            None => state.__apply(index, change),
        }
    }

    /// Leaves out an entry of a field, as [`ByEntry::leave_out`]. False: the field does not log by entry, or cannot.
    pub(crate) fn leave_out<S: Fields>(
        &self,
        state: &mut S,
        index: usize,
        key: &str,
        json: &str,
    ) -> bool {
        match (self.get(index), state.__field_mut(index)) {
            (Some(table), Some(field)) => (table.leave_out)(field, key, json),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer};

    use super::{Mark, ask};
    use crate::{Map, Queue, Set};

    struct Newtype(#[expect(dead_code, reason = "only its type matters")] Map<String, u32>);

    impl<'de> Deserialize<'de> for Newtype {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Map::deserialize(deserializer).map(Newtype)
        }
    }

    struct Panics;

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("there is nothing to read")
        }
    }

    #[test]
    fn a_collection_is_recognized_and_what_holds_one_is_not() {
        let mark = |table: Option<super::EntryTable>| table.map(|table| table.mark);
        assert_eq!(mark(ask::<Map<String, Vec<u8>>>()), Some(Mark::Map));
        assert_eq!(mark(ask::<Set<u64>>()), Some(Mark::Map));
        assert_eq!(mark(ask::<Queue<Map<u8, u8>>>()), Some(Mark::Queue));
        assert_eq!(mark(ask::<Newtype>()), None);
        assert_eq!(mark(ask::<Option<Map<u8, u8>>>()), None);
        assert_eq!(mark(ask::<(Map<u8, u8>, u8)>()), None);
        assert_eq!(mark(ask::<BTreeMap<u8, u8>>()), None);
        assert_eq!(mark(ask::<Panics>()), None);
        assert_eq!(mark(ask::<Map<u8, u8>>()), Some(Mark::Map), "after a panic");
    }

    #[test]
    fn who_reads_a_collection_answers_nobody() {
        let read: Map<String, u32> = serde_json::from_str(r#"{"a":1}"#).unwrap();
        assert_eq!(read["a"], 1);
        assert!(ask::<u8>().is_none());
    }
}

//! The JSON object that a job is in the file, read key by key. Never here: which keys there are.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::time::{Moment, Span, Uptime, milliseconds};
use crate::{
    error::{self, ValueError},
    shared_str::SharedStr,
    value,
};

/// As JSON.
pub(super) fn text(text: &str) -> Result<SharedStr, ValueError> {
    value::encode(&text.to_owned(), None).map(|encoded| encoded.json)
}

/// The fields of an object, each read when it is asked for. Others may be there.
pub(super) struct Object<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Object<'a> {
    pub(super) fn parse(json: &'a str) -> Result<Self, ValueError> {
        serde_json::from_str(json)
            .map(Object)
            .map_err(|error| error::collections::not_a_job(Some(error)))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// As it stands.
    pub(super) fn text(&self, name: &str) -> Option<SharedStr> {
        self.0.get(name).map(|json| json.get().into())
    }

    pub(super) fn get<V: DeserializeOwned>(&self, name: &str) -> Result<Option<V>, ValueError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(json) => value::decode(json.get()).map(Some),
        }
    }

    pub(super) fn need<V: DeserializeOwned>(&self, name: &str) -> Result<V, ValueError> {
        self.get(name)?
            .ok_or_else(|| error::collections::not_a_job(None))
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Object<'a>>, ValueError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(json) => Object::parse(json.get()).map(Some),
        }
    }

    pub(super) fn objects(&self, name: &str) -> Result<Vec<Object<'a>>, ValueError> {
        let Some(json) = self.0.get(name) else {
            return Ok(Vec::new());
        };
        serde_json::from_str::<Vec<BTreeMap<Cow<'a, str>, &'a RawValue>>>(json.get())
            .map(|all| all.into_iter().map(Object).collect())
            .map_err(|error| error::collections::not_a_job(Some(error)))
    }

    /// A time by the wall clock.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Moment>, ValueError> {
        let Some(text) = self.get::<String>(name)? else {
            return Ok(None);
        };
        let time: Result<jiff::Timestamp, _> = text.parse();
        time.map(|time| Some(Moment(time.as_millisecond())))
            .map_err(|_| error::collections::not_a_job(None))
    }

    /// `until`, the length of this name, and where it is known the end by `uptime`.
    pub(super) fn span(&self, length: &str) -> Result<Span, ValueError> {
        let end = self.moment("until")?;
        let length = self.get::<u64>(length)?.unwrap_or(0);
        let uptime = self.get::<u64>("uptime")?;
        let uptime = self.get::<String>("on")?.zip(uptime);
        Ok(Span {
            end: end.ok_or_else(|| error::collections::not_a_job(None))?,
            length: milliseconds(Duration::from_millis(length)),
            uptime: uptime.map(|(on, at)| Uptime {
                on: on.into(),
                at: Moment(milliseconds(Duration::from_millis(at))),
            }),
        })
    }

    /// The members beside these, as they stand, each behind a comma.
    pub(super) fn beside(&self, known: &[&str]) -> Result<Option<Arc<str>>, ValueError> {
        let mut members = String::new();
        for (name, json) in &self.0 {
            if !known.contains(&&**name) {
                // Writing to a string does not fail.
                let _ = write!(members, ",{}:{}", text(name)?, json.get());
            }
        }
        Ok((!members.is_empty()).then(|| members.into()))
    }
}

//! A job of a work queue, and how it stands in the file. Never here: what becomes of it.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::time::{Moment, Span, Uptime, milliseconds};
use crate::{
    collections::{Before, ToWrite},
    error::{self, ValueError},
    planted::{Bug, planted},
    process::ProcessId,
    shared_str::SharedStr,
    value,
};

pub(crate) struct Job<T> {
    pub(crate) job: Arc<T>,
    /// How often it was taken.
    pub(crate) tries: u32,
    pub(crate) state: State,
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Job {
            job: self.job.clone(),
            tries: self.tries,
            state: self.state.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// Nobody takes it before this is over.
    Later(Span),
    Taken(Lease),
    /// Nobody takes it any more, for this reason.
    Dead(Arc<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) process: ProcessId,
    /// Each take has another one.
    pub(crate) token: u64,
    pub(crate) span: Span,
}

impl<T: Serialize + DeserializeOwned + 'static> Job<T> {
    pub(crate) fn to_json(
        &self,
        before: Option<Before<'_, Self>>,
    ) -> Result<ToWrite<Self>, ValueError> {
        let Some((of_job, job)) = self.encode_job(before.as_ref())? else {
            return Ok(ToWrite::Nothing);
        };
        let mut json = String::from("{\"job\":");
        json.push_str(&of_job);
        // Writing to a string does not fail.
        let _ = write!(json, ",\"tries\":{}", self.tries);
        let _ = match &self.state {
            State::Waiting => Ok(()),
            State::Later(span) => {
                let until = span.end.text();
                let _ = write!(
                    json,
                    ",\"later\":{{\"until\":\"{until}\",\"delay\":{}",
                    span.length
                );
                if let Some(Uptime { on, at }) = &span.uptime {
                    let _ = write!(json, ",\"on\":{},\"uptime\":{}", text(on)?, at.0);
                }
                write!(json, "}}")
            }
            State::Taken(Lease {
                process,
                token,
                span,
            }) => {
                let _ = write!(json, ",\"taken\":{{\"pid\":{}", process.pid);
                if let Some(started) = process.started {
                    let _ = write!(json, ",\"started\":{started}");
                }
                if let Some(on) = &process.on {
                    let _ = write!(json, ",\"on\":{}", text(on)?);
                }
                let until = span.end.text();
                let _ = write!(
                    json,
                    ",\"token\":\"{token:016x}\",\"until\":\"{until}\",\"lease\":{}",
                    span.length
                );
                // On the machine of that process.
                if let Some(Uptime { at, .. }) = &span.uptime {
                    let _ = write!(json, ",\"uptime\":{}", at.0);
                }
                write!(json, "}}")
            }
            State::Dead(why) => write!(json, ",\"dead\":{}", text(why)?),
        };
        json.push('}');
        let is_read = before.is_some_and(|before| Arc::ptr_eq(&before.value.job, &self.job));
        let copy = (!is_read && !Arc::ptr_eq(&job, &self.job)).then(|| Job {
            job,
            tries: self.tries,
            state: self.state.clone(),
        });
        Ok(ToWrite::Json(json.into(), copy))
    }

    /// The text of the job itself, and what everybody reads from it; `None`: nothing has changed.
    fn encode_job(
        &self,
        before: Option<&Before<'_, Self>>,
    ) -> Result<Option<(SharedStr, Arc<T>)>, ValueError> {
        let encoded = value::encode(&*self.job, None)?;
        let job = encoded.copy.map_or_else(|| self.job.clone(), Arc::new);
        let Some(Before {
            value: before,
            json,
        }) = before
        else {
            return Ok(Some((encoded.json, job)));
        };
        let is_same = before.tries == self.tries
            && before.state == self.state
            && value::is_same(&*job, &encoded.json, &before.job);
        if is_same {
            return Ok(None);
        }
        let stored = || stored_job(json()?);
        let text = value::with_unknown_keys(encoded.json, &*job, &before.job, stored);
        Ok(Some((text, job)))
    }

    /// What a plain queue has as an item.
    pub(crate) fn from_item(json: &str) -> Result<Self, ValueError> {
        if planted(Bug::TakeItemsForJobs) {
            let is_like_one = |fields: &Object<'_>| fields.has("job") && fields.has("tries");
            if Object::parse(json).is_ok_and(|fields| is_like_one(&fields)) {
                return Job::from_json(json);
            }
        }
        Ok(Job {
            job: Arc::new(value::decode(json)?),
            tries: 0,
            state: State::Waiting,
        })
    }

    pub(crate) fn from_json(json: &str) -> Result<Self, ValueError> {
        let fields = Object::parse(json)?;
        let job = fields.need("job")?;
        let state = if let Some(why) = fields.get::<String>("dead")? {
            State::Dead(why.into())
        } else if let Some(taken) = fields.object("taken")? {
            State::Taken(Lease {
                process: ProcessId {
                    pid: taken.need("pid")?,
                    started: taken.get("started")?,
                    on: taken.get::<String>("on")?.map(Into::into),
                },
                token: taken.need::<String>("token").and_then(|token| {
                    u64::from_str_radix(&token, 16).map_err(|_| error::collections::not_a_job(None))
                })?,
                span: taken.span("lease")?,
            })
        } else if let Some(later) = fields.object("later")? {
            State::Later(later.span("delay")?)
        } else {
            State::Waiting
        };
        Ok(Job {
            job: Arc::new(job),
            tries: fields.need("tries")?,
            state,
        })
    }
}

/// The job itself in the JSON of its entry.
fn stored_job(entry: SharedStr) -> Option<SharedStr> {
    let fields = Object::parse(&entry).ok()?;
    fields.0.get("job").map(|job| job.get().into())
}

/// As JSON.
fn text(text: &str) -> Result<SharedStr, ValueError> {
    value::encode(&text.to_owned(), None).map(|encoded| encoded.json)
}

/// The fields of an object, each read when it is asked for. Others may be there.
struct Object<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Object<'a> {
    fn parse(json: &'a str) -> Result<Self, ValueError> {
        serde_json::from_str(json)
            .map(Object)
            .map_err(|error| error::collections::not_a_job(Some(error)))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn get<V: DeserializeOwned>(&self, name: &str) -> Result<Option<V>, ValueError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(json) => value::decode(json.get()).map(Some),
        }
    }

    fn need<V: DeserializeOwned>(&self, name: &str) -> Result<V, ValueError> {
        self.get(name)?
            .ok_or_else(|| error::collections::not_a_job(None))
    }

    fn object(&self, name: &str) -> Result<Option<Object<'a>>, ValueError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(json) => Object::parse(json.get()).map(Some),
        }
    }

    /// `until`, the length of this name, and where it is known the end by `uptime`.
    fn span(&self, length: &str) -> Result<Span, ValueError> {
        let until: String = self.need("until")?;
        let until: jiff::Timestamp = until
            .parse()
            .map_err(|_| error::collections::not_a_job(None))?;
        let length = self.get::<u64>(length)?.unwrap_or(0);
        let uptime = self.get::<u64>("uptime")?;
        let uptime = self.get::<String>("on")?.zip(uptime);
        Ok(Span {
            end: Moment(until.as_millisecond()),
            length: milliseconds(Duration::from_millis(length)),
            uptime: uptime.map(|(on, at)| Uptime {
                on: on.into(),
                at: Moment(milliseconds(Duration::from_millis(at))),
            }),
        })
    }
}

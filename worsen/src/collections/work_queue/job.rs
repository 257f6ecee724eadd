//! A job of a work queue, and how it stands in the file. Never here: what becomes of it.

use std::{fmt::Write as _, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    more::{Failed, More},
    object::{Object, text},
    time::{Moment, Span, Uptime},
};
use crate::{
    collections::{Before, ToWrite},
    error::{self, ValueError},
    planted::{Bug, planted},
    process::ProcessId,
    shared_str::SharedStr,
    value,
};

/// The keys of a job in the file.
const KEYS: [&str; 9] = [
    "job", "tries", "taken", "later", "dead", "died", "options", "since", "failed",
];

/// Why a program that does not know `"options"` leaves the job alone: to it, the job is a dead letter.
const FOR_NEWER: &str = "for a newer version of worsen";

pub(crate) struct Job<T> {
    pub(crate) job: Arc<T>,
    /// How often it was taken.
    pub(crate) tries: u32,
    pub(crate) state: State,
    /// `None`: nothing, as for nearly all.
    pub(crate) more: Option<Arc<More>>,
}

impl<T> Job<T> {
    pub(super) fn new(job: Arc<T>) -> Self {
        Job {
            job,
            tries: 0,
            state: State::Waiting,
            more: None,
        }
    }

    pub(super) fn priority(&self) -> i32 {
        self.more.as_ref().map_or(0, |more| more.kept.priority)
    }

    /// A dead letter is to live again: what it died of is one failure of several.
    pub(super) fn note_death(&mut self) {
        if let State::Dead { why, at: Some(at) } = &self.state {
            let (why, at) = (why.clone(), *at);
            self.note_failure(at, why);
        }
    }

    /// Its taker says that this try has failed.
    pub(super) fn note_failure(&mut self, at: Moment, why: Arc<str>) {
        if planted(Bug::ForgetWhyItFailed) {
            return;
        }
        let tries = self.tries;
        let more = Arc::make_mut(self.more.get_or_insert_default());
        more.note_failure(Failed { tries, at, why });
    }
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Job {
            job: self.job.clone(),
            tries: self.tries,
            state: self.state.clone(),
            more: self.more.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// Nobody takes it before this is over.
    Later(Span),
    Taken(Lease),
    /// Nobody takes it any more, for this reason, since this time where it is known.
    Dead {
        why: Arc<str>,
        at: Option<Moment>,
    },
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
        if let Some(more) = &self.more {
            more.write(&mut json)?;
        }
        self.state.write(&mut json)?;
        let is_dead = matches!(self.state, State::Dead { .. });
        let has_options = |more: &Arc<More>| !more.kept.is_empty();
        if !is_dead && self.more.as_ref().is_some_and(has_options) {
            let _ = write!(json, ",\"dead\":{}", text(FOR_NEWER)?);
        }
        json.push('}');
        let is_read = before.is_some_and(|before| Arc::ptr_eq(&before.value.job, &self.job));
        let copy = (!is_read && !Arc::ptr_eq(&job, &self.job)).then(|| Job {
            job,
            ..self.clone()
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
            && before.more == self.more
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
        Ok(Job::new(Arc::new(value::decode(json)?)))
    }

    pub(crate) fn from_json(json: &str) -> Result<Self, ValueError> {
        let fields = Object::parse(json)?;
        let job = fields.need("job")?;
        let more = More::read(&fields, &KEYS)?;
        let (dead, at) = (fields.get::<String>("dead")?, fields.moment("died")?);
        // Where there are options, the first alone is for those that do not know them.
        let dead = dead.filter(|_| at.is_some() || more.kept.is_empty());
        let state = if let Some(why) = dead {
            State::Dead {
                why: why.into(),
                at,
            }
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
            more: (!more.is_empty()).then(|| Arc::new(more)),
        })
    }
}

/// The job itself in the JSON of its entry.
fn stored_job(entry: SharedStr) -> Option<SharedStr> {
    Object::parse(&entry).ok()?.text("job")
}

impl State {
    /// As members of the job's object, each behind a comma.
    fn write(&self, json: &mut String) -> Result<(), ValueError> {
        // Writing to a string does not fail.
        let _ = match self {
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
            State::Dead { why, at } => {
                let _ = write!(json, ",\"dead\":{}", text(why)?);
                match at {
                    Some(at) => write!(json, ",\"died\":\"{}\"", at.text()),
                    None => Ok(()),
                }
            }
        };
        Ok(())
    }
}

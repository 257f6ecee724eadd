//! What few jobs have beside their state: what was said when they were pushed, and how they have failed. Never here:
//! the job itself.

use std::{fmt::Write as _, sync::Arc};

use super::{
    object::{Object, text},
    options::{Backoff, Kept},
    time::Moment,
};
use crate::error::ValueError;

/// The keys of [`Kept`] in the file.
const KEPT: [&str; 4] = ["priority", "unique", "max_tries", "backoff"];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(super) kept: Kept,
    /// When it was pushed, or was to be taken first.
    pub(super) since: Option<Moment>,
    /// The newest last.
    pub(super) failed: Vec<Failed>,
    /// Members of the job's object that a later version has written, each behind a comma.
    pub(super) unknown: Option<Arc<str>>,
}

/// A try that its taker has told of as failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(super) tries: u32,
    pub(super) at: Moment,
    pub(super) why: Arc<str>,
}

impl More {
    /// So many failed tries at most are kept, the newest.
    const LONGEST_HISTORY: usize = 8;

    pub(super) fn is_empty(&self) -> bool {
        *self == More::default()
    }

    pub(super) fn note_failure(&mut self, failed: Failed) {
        if self.failed.len() >= More::LONGEST_HISTORY {
            self.failed.remove(0);
        }
        self.failed.push(failed);
    }

    pub(super) fn read(object: &Object<'_>, known: &[&str]) -> Result<Self, ValueError> {
        let failed = object.objects("failed")?;
        Ok(More {
            kept: match object.object("options")? {
                Some(options) => Kept::read(&options)?,
                None => Kept::default(),
            },
            since: object.moment("since")?,
            failed: failed.iter().map(Failed::read).collect::<Result<_, _>>()?,
            unknown: object.beside(known)?,
        })
    }

    /// As members of the job's object, each behind a comma.
    pub(super) fn write(&self, json: &mut String) -> Result<(), ValueError> {
        self.kept.write(json)?;
        // Writing to a string does not fail.
        if let Some(since) = self.since {
            let _ = write!(json, ",\"since\":\"{}\"", since.text());
        }
        for (place, failed) in self.failed.iter().enumerate() {
            json.push_str(if place == 0 { ",\"failed\":[" } else { "," });
            let (at, why) = (failed.at.text(), text(&failed.why)?);
            let _ = write!(
                json,
                "{{\"try\":{},\"at\":\"{at}\",\"why\":{why}}}",
                failed.tries
            );
        }
        if !self.failed.is_empty() {
            json.push(']');
        }
        json.push_str(self.unknown.as_deref().unwrap_or(""));
        Ok(())
    }
}

impl Failed {
    fn read(object: &Object<'_>) -> Result<Self, ValueError> {
        Ok(Failed {
            tries: object.need("try")?,
            at: object.moment("at")?.unwrap_or(Moment(0)),
            why: object.need::<String>("why")?.into(),
        })
    }
}

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        *self == Kept::default()
    }

    fn read(object: &Object<'_>) -> Result<Self, ValueError> {
        let backoff = object.get::<(u64, u64)>("backoff")?;
        Ok(Kept {
            priority: object.get("priority")?.unwrap_or(0),
            unique: object.get::<String>("unique")?.map(Into::into),
            max_tries: object.get("max_tries")?,
            backoff: backoff.map(|(first, most)| Backoff { first, most }),
            unknown: object.beside(&KEPT)?,
        })
    }

    fn write(&self, json: &mut String) -> Result<(), ValueError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut members = String::new();
        // Writing to a string does not fail.
        if self.priority != 0 {
            let _ = write!(members, ",\"priority\":{}", self.priority);
        }
        if let Some(key) = &self.unique {
            let _ = write!(members, ",\"unique\":{}", text(key)?);
        }
        if let Some(tries) = self.max_tries {
            let _ = write!(members, ",\"max_tries\":{tries}");
        }
        if let Some(Backoff { first, most }) = self.backoff {
            let _ = write!(members, ",\"backoff\":[{first},{most}]");
        }
        members.push_str(self.unknown.as_deref().unwrap_or(""));
        let _ = write!(json, ",\"options\":{{{}}}", &members[1..]);
        Ok(())
    }
}

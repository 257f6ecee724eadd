//! The version of a store, as it stands in the store itself: in an entry, as the values do. So it changes in the
//! commit that changes them, every compaction carries it along, and a program that knows nothing of versions does
//! too. Never here: what is done about it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    entries::Entries,
    error::{self, Error},
    shared_str::SharedStr,
};

/// The uid under which it stands.
pub(crate) const VERSION: &str = "/worsen/version";

/// `{"version":3,"compatible":2}`. A later version of worsen may say more in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) version: u32,
    /// The oldest version of a program that may read and write the store.
    pub(crate) compatible: u32,
}

impl Version {
    /// Of a store that says nothing of versions.
    const NONE: Version = Version {
        version: 0,
        compatible: 0,
    };

    /// `None`: the store does not say.
    ///
    /// # Errors
    ///
    /// Where what it says is not this.
    pub(super) fn of(entries: &Entries) -> Result<Option<Version>, Error> {
        let Some(json) = entries.get(VERSION) else {
            return Ok(None);
        };
        let members: BTreeMap<String, Value> = serde_json::from_str(json)
            .map_err(|error| error::evolution::unreadable_version(VERSION, Some(error)))?;
        let number = |name: &str| {
            let number = members.get(name)?.as_u64()?;
            u32::try_from(number).ok()
        };
        match (number("version"), number("compatible")) {
            (Some(version), Some(compatible)) => Ok(Some(Version {
                version,
                compatible,
            })),
            _ => Err(error::evolution::unreadable_version(VERSION, None)),
        }
    }

    pub(super) fn of_any(entries: &Entries) -> Result<Version, Error> {
        Ok(Version::of(entries)?.unwrap_or(Version::NONE))
    }

    pub(super) fn json(self) -> SharedStr {
        let Version {
            version,
            compatible,
        } = self;
        format!("{{\"version\":{version},\"compatible\":{compatible}}}").into()
    }

    /// Whether a program of this version may use the store as it is.
    pub(super) fn lets_in(self, program: u32) -> bool {
        program == self.version || program < self.version && self.compatible <= program
    }
}

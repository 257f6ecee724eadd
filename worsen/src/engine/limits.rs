//! The limits of a write. They are checked before anything is written, and for writes alone: a store that is
//! larger already, or was written with other limits, opens and reads as usual.

use crate::{
    backend::Entries,
    entry::Edit,
    error::{self, Error},
    planted::{Bug, planted},
    shared_str::SharedStr,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The uids and the JSON of one commit, in bytes.
    pub(crate) commit_bytes: usize,
    /// Arrays and objects in each other.
    pub(crate) nesting: usize,
    /// Entries in the store.
    pub(crate) uids: usize,
}

/// The deepest that serde_json reads back.
pub(crate) const MAX_NESTING: usize = 127;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            commit_bytes: 64 * 1024 * 1024,
            nesting: MAX_NESTING,
            uids: 16 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Whether an operation may change this, in a store of these entries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge), naming the limit.
    pub(crate) fn check(&self, changes: &[Edit], entries: &Entries) -> Result<(), Error> {
        if planted(Bug::IgnoreLimits) {
            return Ok(());
        }
        let mut bytes = 0;
        for Edit { uid, json } in changes {
            bytes += uid.len() + json.as_ref().map_or(0, |json| json.len());
            if let Some(json) = json {
                self.check_nesting(uid, json)?;
            }
        }
        if bytes > self.commit_bytes {
            return Err(error::engine::commit_too_large(bytes, self.commit_bytes));
        }
        // Counting what is new looks up every uid, and most stores are far from the limit.
        if entries.len() + changes.len() > self.uids {
            let is_there = |uid: &SharedStr| entries.contains_key(uid);
            let (mut more, mut fewer) = (0, 0);
            for Edit { uid, json } in changes {
                match json {
                    Some(_) if !is_there(uid) => more += 1,
                    None if is_there(uid) => fewer += 1,
                    _ => {}
                }
            }
            let after = entries.len() + more - fewer;
            if after > self.uids && more > fewer {
                return Err(error::engine::too_many_uids(after, self.uids));
            }
        }
        Ok(())
    }

    fn check_nesting(&self, uid: &str, json: &str) -> Result<(), Error> {
        // The deepest value of so many bytes has half of them for closing.
        if json.len() / 2 <= self.nesting || !json.starts_with(['[', '{']) {
            return Ok(());
        }
        let deepest = nesting(json);
        if deepest <= self.nesting {
            return Ok(());
        }
        Err(error::engine::too_deep(uid, deepest, self.nesting))
    }
}

/// How many arrays and objects of a JSON text are in each other, at most.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                // To the end of the string: brackets in it mean nothing.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn brackets_in_strings_are_not_nesting() {
        assert_eq!(nesting("7"), 0);
        assert_eq!(nesting("[]"), 1);
        assert_eq!(nesting(r#"[[1],{"a":[2]},[]]"#), 3);
        assert_eq!(nesting(r#"["[[[", "\"[[[", "\\", [1]]"#), 2);
    }

    #[test]
    fn a_store_that_is_too_large_already_may_shrink_and_change() {
        let limits = Limits {
            uids: 1,
            ..Limits::default()
        };
        let entries: Entries = ["a", "b", "c"]
            .map(|uid| (uid.into(), "1".into()))
            .into_iter()
            .collect();
        let set = |uid: &str| Edit::set(uid, "2");
        assert!(limits.check(&[set("a")], &entries).is_ok());
        assert!(limits.check(&[Edit::delete("a")], &entries).is_ok());
        assert!(
            limits
                .check(&[Edit::delete("a"), set("d")], &entries)
                .is_ok()
        );
        let error = limits.check(&[set("d")], &entries).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

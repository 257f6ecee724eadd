//! From the records of a log to the state that they lead to. Never here: which records count.

use crate::{
    backend::{Entries, file::format::Record},
    entry::Edit,
    planted::{Bug, planted},
};

/// The state that records lead to. Their changes are gathered, and put in order many at a time: a map
/// that is built in order takes a fraction of the time, and half the room.
#[derive(Debug)]
pub(crate) struct Replay {
    entries: Entries,
    pending: Vec<Edit>,
    /// How many are gathered at least before they are merged. From there on it is as many as there are
    /// entries, so that an entry is not moved more often than the state doubles.
    least_merge: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Replay {
            entries: Entries::new(),
            pending: Vec::new(),
            least_merge: 64 * 1024,
        }
    }
}

impl Replay {
    /// Applies a record.
    pub(crate) fn apply(&mut self, record: Record) {
        self.pending.extend(record.changes);
        if self.pending.len() >= self.entries.len().max(self.least_merge) {
            self.merge();
        }
    }

    pub(crate) fn into_entries(mut self) -> Entries {
        self.merge();
        self.entries
    }

    fn merge(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for edit in &mut pending {
            if edit.json.is_none() && planted(Bug::ReplayDelAsNull) {
                edit.json = Some("null".into());
            }
        }
        // Stable: of several changes of one uid the last one counts.
        pending.sort_by(|one, other| one.uid.cmp(&other.uid));
        pending.dedup_by(|later, earlier| {
            let same = later.uid == earlier.uid;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.entries.merge(pending);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::shared_str::SharedStr;

    /// However many changes are gathered, the state is the one that they lead to one by one.
    #[test]
    fn changes_put_in_order_together_lead_where_they_lead_one_by_one() {
        let mut random = 1_u32;
        let mut random = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        for least_merge in [1, 2, 7, 50, 100_000] {
            for uids in [3, 40, 700] {
                let mut replay = Replay {
                    least_merge,
                    ..Replay::default()
                };
                let mut expected = BTreeMap::<SharedStr, SharedStr>::new();
                for revision in 0..900 {
                    let mut changes: Vec<Edit> = Vec::new();
                    for _ in 0..random(4) {
                        let uid: SharedStr = format!("uid/{}", random(uids)).into();
                        let json: Option<SharedStr> =
                            (random(3) > 0).then(|| revision.to_string().into());
                        match &json {
                            Some(json) => expected.insert(uid.clone(), json.clone()),
                            None => expected.remove(&uid),
                        };
                        changes.push(Edit { uid, json });
                    }
                    replay.apply(Record {
                        revision,
                        at: "".into(),
                        pid: 1,
                        durable: None,
                        changes,
                    });
                }
                let entries = replay.into_entries();
                assert!(entries.iter().eq(&expected), "{least_merge} of {uids} uids");
                assert_eq!(entries.len(), expected.len());
            }
        }
    }
}

//! One commit as a line of the log, and back.

use std::fmt::Write as _;

use super::{
    MAX_REVISION,
    crc::{Crc, seal, split_trailer},
    json::push_json_string,
    parse::parse,
};
use crate::{
    entry::Edit,
    shared_str::{Buffer, SharedStr},
};

/// One commit, or one part of the state that a generation begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    /// When it was committed: UTC, to the millisecond. For people; nothing is ordered by it.
    pub(crate) at: SharedStr,
    /// The process that committed it. For people as well.
    pub(crate) pid: u32,
    /// On the first line of each write: the newest revision that was known to be on disk by then.
    /// An unreadable line at or before it was acknowledged, and must not be taken for a torn write.
    pub(crate) durable: Option<u64>,
    pub(crate) changes: Vec<Edit>,
}

impl Record {
    /// Appends the line to `out`; returns the chain after it.
    pub(crate) fn encode(&self, before: Crc, out: &mut Vec<u8>) -> Crc {
        let mut line = String::with_capacity(160);
        let _ = write!(line, "{{\"rev\":{},\"at\":", self.revision);
        push_json_string(&mut line, &self.at);
        let _ = write!(line, ",\"pid\":{}", self.pid);
        if let Some(durable) = self.durable {
            let _ = write!(line, ",\"durable\":{durable}");
        }
        let mut separator = ",\"set\":{";
        for Edit { uid, json } in &self.changes {
            if let Some(json) = json {
                line.push_str(separator);
                push_json_string(&mut line, uid);
                line.push(':');
                line.push_str(json);
                separator = ",";
            }
        }
        if separator == "," {
            line.push('}');
        }
        separator = ",\"del\":[";
        for Edit { uid, json } in &self.changes {
            if json.is_none() {
                line.push_str(separator);
                push_json_string(&mut line, uid);
                separator = ",";
            }
        }
        if separator == "," {
            line.push(']');
        }
        seal(line, before, out)
    }

    /// Reads a line, without its line feed, that stands after `before` in the chain. `None` where
    /// it is not valid there.
    ///
    /// Its texts stay parts of `whole`, where the line is one.
    pub(crate) fn decode(line: &[u8], before: Crc, whole: &Buffer) -> Option<(Record, Crc)> {
        let (content, crc) = split_trailer(line)?;
        if before.of(content) != crc {
            return None;
        }
        let raw = parse(line, whole)?;
        let record = Record {
            revision: raw.revision?,
            at: raw.at?,
            pid: raw.pid?,
            durable: raw.durable,
            changes: raw.changes,
        };
        (record.revision <= MAX_REVISION).then_some((record, crc))
    }
}

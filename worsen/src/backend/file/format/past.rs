//! Where the generations before a log ended, as its header tells it: each as `[gen,rev,"crc"]`.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::crc::Crc;

/// Where an earlier generation ended, and the next one began with its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) generation: u64,
    pub(crate) revision: u64,
    pub(crate) crc: Crc,
}

/// Writes that into a header, unless there is none.
pub(super) fn push_past(line: &mut String, all: &[Past]) {
    for (index, past) in all.iter().enumerate() {
        line.push_str(if index == 0 { ",\"past\":[" } else { "," });
        let Past {
            generation,
            revision,
            crc: Crc(crc),
        } = past;
        // Writing into a String cannot fail.
        let _ = write!(line, "[{generation},{revision},\"{crc:08x}\"]");
    }
    if !all.is_empty() {
        line.push(']');
    }
}

/// What a header says of the generations before it. Nothing, where a later version says it otherwise: it helps
/// to compare, and nothing depends on it.
pub(super) fn parse_past(json: &RawValue) -> Vec<Past> {
    let past = |(generation, revision, crc): (u64, u64, String)| {
        let crc = u32::from_str_radix(&crc, 16).ok().map(Crc)?;
        Some(Past {
            generation,
            revision,
            crc,
        })
    };
    let all: Vec<(u64, u64, String)> = serde_json::from_str(json.get()).unwrap_or_default();
    all.into_iter().filter_map(past).collect()
}

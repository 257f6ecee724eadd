//! Jobs by when something ends for them. Two clocks tell that: the wall clock, which every machine has and
//! somebody may set, and the count of a machine since its start, which only goes on. A process on the machine
//! where a time began goes by the second; all other processes, and all processes after the next start, have the
//! first.

use std::{sync::Arc, time::Duration};

use imbl::{OrdMap, OrdSet};

use super::time::{Moment, Now, Span};
use crate::planted::{Bug, planted};

/// Jobs by the machine where their time began; `None`: it does not count.
#[derive(Debug, Clone, Default)]
pub(super) struct Timed(OrdMap<Option<Arc<str>>, Group>);

#[derive(Debug, Clone, Default)]
struct Group {
    by_wall: Times,
    by_uptime: Times,
}

#[derive(Debug, Clone, Default)]
struct Times {
    by_end: OrdSet<(Moment, u64)>,
    by_begin: OrdSet<(Moment, u64)>,
}

impl Times {
    fn insert(&mut self, id: u64, end: Moment, length: i64) {
        self.by_end.insert((end, id));
        self.by_begin.insert((end.before(length), id));
    }

    fn remove(&mut self, id: u64, end: Moment, length: i64) {
        self.by_end.remove(&(end, id));
        self.by_begin.remove(&(end.before(length), id));
    }

    /// Those that are over by now: what ends first, and what began last, for a clock that was set back. The count
    /// of a machine goes back only where the machine was put back to an earlier state.
    fn over(&self, now: Moment) -> impl Iterator<Item = u64> {
        let ended = self.by_end.iter().take_while(move |(end, _)| *end <= now);
        let latest = self.by_begin.iter().rev();
        let ahead = latest.take_while(move |(begin, _)| begin.is_long_after(now));
        ended.chain(ahead).map(|(_, id)| *id)
    }
}

impl Timed {
    pub(super) fn insert(&mut self, id: u64, span: &Span) {
        let on = span.uptime.as_ref().map(|uptime| uptime.on.clone());
        let group = self.0.entry(on).or_default();
        group.by_wall.insert(id, span.end, span.length);
        if let Some(uptime) = &span.uptime {
            group.by_uptime.insert(id, uptime.at, span.length);
        }
    }

    pub(super) fn remove(&mut self, id: u64, span: &Span) {
        let on = span.uptime.as_ref().map(|uptime| uptime.on.clone());
        let Some(group) = self.0.get_mut(&on) else {
            return;
        };
        group.by_wall.remove(id, span.end, span.length);
        if let Some(uptime) = &span.uptime {
            group.by_uptime.remove(id, uptime.at, span.length);
        }
        if group.by_wall.by_end.is_empty() {
            self.0.remove(&on);
        }
    }

    /// The jobs that are over by now.
    pub(super) fn over<'a>(&'a self, now: &'a Now) -> impl Iterator<Item = u64> + 'a {
        self.judged(now).flat_map(|(times, now)| times.over(now))
    }

    /// How long it is until the next one is.
    pub(super) fn next_end(&self, now: &Now) -> Option<Duration> {
        let ends = self.judged(now).filter_map(|(times, now)| {
            let (end, _) = times.by_end.get_min()?;
            Some(end.after(now))
        });
        ends.min()
    }

    /// For how long the job has been over that was so first.
    pub(super) fn overdue(&self, now: &Now) -> Option<Duration> {
        let ends = self.judged(now).filter_map(|(times, now)| {
            let (end, _) = times.by_end.get_min()?;
            (*end <= now).then(|| now.after(*end))
        });
        ends.max()
    }

    /// The order that counts for a process at this place, and the time there.
    fn judged<'a>(&'a self, now: &'a Now) -> impl Iterator<Item = (&'a Times, Moment)> + 'a {
        self.0.iter().map(move |(on, group)| match &now.uptime {
            Some(uptime)
                if on.as_ref() == Some(&uptime.on) && !planted(Bug::GoByWallClockAlone) =>
            {
                (&group.by_uptime, uptime.at)
            }
            _ => (&group.by_wall, now.wall),
        })
    }

    pub(super) fn len(&self) -> usize {
        let groups = self.0.values();
        groups.map(|group| group.by_wall.by_end.len()).sum()
    }
}

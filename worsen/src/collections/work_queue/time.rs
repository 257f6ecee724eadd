//! Times of a work queue: moments by either clock, and how long something lasts. Never here: what ends then.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::process::Environment;

/// Milliseconds since 1970 by the wall clock, or since the start of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// A clock may be set back so far before a lease counts as over.
    const JUMP: i64 = 60 * 60 * 1000;

    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        // A clock that stands before 1970 is wrong.
        Moment(since.map_or(0, milliseconds))
    }

    pub(crate) fn time(self) -> SystemTime {
        let since = Duration::from_millis(u64::try_from(self.0).unwrap_or(0));
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Whether it is long after now: then the clock has been set back, and nobody knows when that time will
    /// come.
    pub(crate) fn is_long_after(self, now: Moment) -> bool {
        self.0 > now.0.saturating_add(Moment::JUMP)
    }

    /// How much later it is.
    pub(crate) fn after(self, other: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(other.0)).unwrap_or(0))
    }

    /// So many milliseconds before it.
    pub(crate) fn before(self, length: i64) -> Moment {
        Moment(self.0.saturating_sub(length))
    }

    pub(super) fn text(self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        format!("{time:.3}")
    }
}

/// At most what a timestamp can say.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    let most = jiff::Timestamp::MAX.as_millisecond();
    i64::try_from(duration.as_millis()).map_or(most, |time| time.min(most))
}

/// A moment by the count of one machine since its start, which nobody sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uptime {
    /// As [`ProcessId::on`]: elsewhere, and after the next start, it means nothing.
    pub(crate) on: Arc<str>,
    pub(crate) at: Moment,
}

/// What time it is for one process, by both clocks.
#[derive(Debug, Clone)]
pub(crate) struct Now {
    pub(crate) wall: Moment,
    pub(crate) uptime: Option<Uptime>,
}

impl Now {
    pub(crate) fn of(environment: &dyn Environment) -> Self {
        let uptime = environment.me().on.clone().zip(environment.uptime());
        Now {
            wall: Moment::of(environment.now()),
            uptime: uptime.map(|(on, uptime)| Uptime {
                on,
                at: Moment(milliseconds(uptime)),
            }),
        }
    }
}

/// A time that begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// By the wall clock.
    pub(crate) end: Moment,
    /// In milliseconds.
    pub(crate) length: i64,
    /// The same end, for those on the machine where it began.
    pub(crate) uptime: Option<Uptime>,
}

impl Span {
    /// What ends at this time by the wall clock. It began in 1970, so that no clock that is set back ends it.
    pub(crate) fn to(end: Moment) -> Self {
        Span {
            end,
            length: end.0,
            uptime: None,
        }
    }

    pub(crate) fn new(begin: &Now, length: Duration) -> Self {
        let length = milliseconds(length);
        let end = |begin: Moment| {
            let end = begin.0.saturating_add(length);
            Moment(end.min(jiff::Timestamp::MAX.as_millisecond()))
        };
        Span {
            end: end(begin.wall),
            length,
            uptime: begin.uptime.as_ref().map(|uptime| Uptime {
                on: uptime.on.clone(),
                at: end(uptime.at),
            }),
        }
    }
}

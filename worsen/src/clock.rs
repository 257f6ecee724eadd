//! What time it is, for people: a machine's clock may be set to anything, also to what no calendar has.
//! Never here: anything that commits are ordered by.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Now, or the nearest time that a calendar has.
pub(crate) fn now() -> Timestamp {
    nearest(SystemTime::now())
}

/// Now, in milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(now().as_millisecond()).unwrap_or(0)
}

/// A time, or the nearest one that a calendar has.
pub(crate) fn nearest(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(match time < UNIX_EPOCH {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

/// A time, to the millisecond, as a commit says its own.
pub(crate) struct Moment {
    milliseconds: i64,
    text: String,
}

impl Moment {
    pub(crate) fn of(time: SystemTime) -> Self {
        let time = nearest(time);
        Moment {
            milliseconds: time.as_millisecond(),
            text: format!("{time:.3}"),
        }
    }

    /// Whether what a commit says of its time is no later.
    pub(crate) fn is_past(&self, at: &str) -> bool {
        // Nearly always both are of the same form, which need not be understood to be compared.
        let is_plain = |text: &str| text.len() == "2026-11-23T02:30:00.000Z".len();
        if is_plain(at) && is_plain(&self.text) {
            return at <= &*self.text;
        }
        at.parse::<Timestamp>()
            .is_ok_and(|at| at.as_millisecond() <= self.milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_no_calendar_reaches_is_no_panic() {
        // A year in the future of about 18 billion, and one as far in the past.
        let far = Duration::from_secs(1 << 59);
        let (after, before) = (UNIX_EPOCH.checked_add(far), UNIX_EPOCH.checked_sub(far));
        assert_eq!(nearest(after.unwrap()), Timestamp::MAX);
        assert_eq!(nearest(before.unwrap()), Timestamp::MIN);
        let soon = UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(nearest(soon).as_millisecond(), 1500);
    }

    #[test]
    fn a_time_is_compared_as_it_stands_in_a_line_and_as_what_it_means() {
        let at = |milliseconds| Moment::of(UNIX_EPOCH + Duration::from_millis(milliseconds));
        let said = "1970-01-01T00:00:01.500Z";
        assert!(!at(1499).is_past(said));
        assert!(at(1500).is_past(said));
        assert!(at(1501).is_past(said));
        // Of another program, in another form.
        assert!(at(1500).is_past("1970-01-01T00:00:01.5Z"));
        assert!(!at(1499).is_past("1970-01-01T01:00:01.5+01:00"));
        assert!(at(1500).is_past("1970-01-01T01:00:01.5+01:00"));
        assert!(!at(1500).is_past("yesterday"));
        let far = UNIX_EPOCH
            .checked_add(Duration::from_secs(1 << 59))
            .unwrap();
        assert!(Moment::of(far).is_past(said));
    }

    /// A commit and a time within one millisecond count as simultaneous: neither is rounded up.
    #[test]
    fn a_time_is_cut_to_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_micros(1_500_999);
        assert_eq!(Moment::of(time).text, "1970-01-01T00:00:01.500Z");
    }
}

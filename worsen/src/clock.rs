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

fn nearest(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(match time < UNIX_EPOCH {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
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
}

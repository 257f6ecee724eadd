//! Moments, dates and durations.

use std::time::Duration;

use crate::{Row, case, no_field, with};

pub fn rows() -> Vec<Row> {
    let mut rows = chronos();
    rows.extend(times());
    rows.extend(jiffs());
    rows
}

fn chronos() -> Vec<Row> {
    use chrono::{
        DateTime, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
        TimeZone as _, Utc, Weekday,
    };
    use chrono_tz::Tz;

    let chrono = Some("chrono");
    let offset = |seconds| FixedOffset::east_opt(seconds).unwrap();
    let hour = |seconds: i32| {
        offset(seconds)
            .with_ymd_and_hms(2026, 11, 28, 1, 2, 3)
            .unwrap()
    };
    vec![
        case!(
            chrono,
            DateTime<Utc>,
            [
                DateTime::UNIX_EPOCH,
                DateTime::from_timestamp_nanos(1),
                DateTime::<Utc>::MAX_UTC,
                DateTime::<Utc>::MIN_UTC
            ]
        ),
        case!(
            chrono,
            DateTime<FixedOffset>,
            [
                hour(3600),
                hour(3601),
                hour(3600).with_timezone(&offset(7200))
            ],
            |time: &DateTime<FixedOffset>| format!("{time:?}"),
            "keys of one instant are one entry"
        ),
        no_field!(chrono, DateTime<Tz>, "a `DateTime<Utc>` and a `Tz`"),
        case!(chrono, NaiveDate, [NaiveDate::MAX, NaiveDate::MIN]),
        case!(
            chrono,
            NaiveTime,
            [
                NaiveTime::from_hms_nano_opt(23, 59, 59, 1_999_999_999).unwrap(),
                NaiveTime::from_hms_nano_opt(1, 2, 3, 4).unwrap()
            ]
        ),
        case!(
            chrono,
            NaiveDateTime,
            [NaiveDateTime::MAX, NaiveDateTime::MIN]
        ),
        case!(
            chrono,
            TimeDelta,
            [TimeDelta::MAX, TimeDelta::nanoseconds(-1)]
        ),
        case!(chrono, Weekday, [Weekday::Mon]),
        case!(chrono, Month, [Month::May]),
        with!(
            chrono,
            DateTime<Utc>,
            chrono::serde::ts_seconds,
            [DateTime::UNIX_EPOCH, DateTime::from_timestamp_nanos(1)]
        ),
        case!(
            Some("chrono-tz"),
            Tz,
            [Tz::Europe__Berlin, Tz::EST5EDT],
            |zone: &Tz| *zone
        ),
    ]
}

fn times() -> Vec<Row> {
    use time::{
        Date, Duration as TimeSpan, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday,
        macros::{date, datetime, offset, time},
    };

    let time = Some("time");
    vec![
        case!(
            time,
            OffsetDateTime,
            [
                datetime!(2026-11-28 01:02:03.000000004 +1),
                datetime!(2026-11-28 02:02:03.000000004 +2),
                datetime!(-1000-01-01 0:00 UTC),
                datetime!(2026-11-28 01:02:03 +01:00:01)
            ],
            |moment: &OffsetDateTime| moment.to_string(),
            "keys of one instant are one entry"
        ),
        with!(
            time,
            OffsetDateTime,
            time::serde::rfc3339,
            [
                datetime!(2026-11-28 01:02:03.000000004 +1),
                datetime!(-1000-01-01 0:00 UTC),
                datetime!(2026-11-28 01:02:03 +01:00:01)
            ],
            |moment: &OffsetDateTime| moment.to_string()
        ),
        with!(
            time,
            OffsetDateTime,
            time::serde::timestamp,
            [
                datetime!(2026-11-28 01:02:03 UTC),
                datetime!(2026-11-28 01:02:03.5 +1)
            ],
            |moment: &OffsetDateTime| moment.to_string()
        ),
        case!(time, Date, [date!(2026 - 11 - 28), Date::MIN, Date::MAX]),
        case!(time, Time, [time!(23:59:59.999999999)]),
        case!(
            time,
            PrimitiveDateTime,
            [PrimitiveDateTime::MIN, PrimitiveDateTime::MAX]
        ),
        case!(time, UtcOffset, [offset!(-1:02:03)]),
        case!(
            time,
            TimeSpan,
            [TimeSpan::MIN, TimeSpan::MAX, TimeSpan::nanoseconds(-1)]
        ),
        case!(time, Weekday, [Weekday::Monday]),
        with!(
            Some("humantime-serde"),
            Duration,
            humantime_serde,
            [Duration::from_millis(90_061_001), Duration::new(1, 1)]
        ),
    ]
}

fn jiffs() -> Vec<Row> {
    use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime, civil};

    let jiff = Some("jiff");
    vec![
        case!(
            jiff,
            Timestamp,
            [Timestamp::MAX, Timestamp::MIN, Timestamp::UNIX_EPOCH]
        ),
        case!(
            jiff,
            ZonedDateTime,
            [
                "2026-11-28T01:02:03.000000004+01:00[Europe/Berlin]"
                    .parse()
                    .unwrap(),
                "2026-11-28T00:02:03.000000004Z[UTC]".parse().unwrap()
            ],
            |time: &ZonedDateTime| time.to_string(),
            "with its zone, which its reader has to know; keys of one instant are one entry"
        ),
        case!(jiff, civil::Date, [civil::Date::MAX, civil::Date::MIN]),
        case!(jiff, civil::Time, [civil::Time::MAX]),
        case!(
            jiff,
            civil::DateTime,
            [civil::DateTime::MAX, civil::DateTime::MIN]
        ),
        case!(
            jiff,
            SignedDuration,
            [SignedDuration::MAX, SignedDuration::MIN]
        ),
        case!(
            jiff,
            Span,
            [
                Span::new().months(1).nanoseconds(5),
                Span::new().milliseconds(1500)
            ],
            |span: &Span| format!("{:?}", span.fieldwise())
        ),
    ]
}

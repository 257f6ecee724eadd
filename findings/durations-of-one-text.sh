#!/usr/bin/env bash
# humantime 2.4.0, duration-str 0.21.0, duration-string 0.5.3.
# Expected: three parsers of durations for settings files agree on what they all accept; duration-str says that it adapts
# to humantime.
# Seen: `1M` is a month to one and a minute to another; a year has three lengths; a number without a unit behind hours is
# seconds, so that `1h30` is half a minute past the hour.
source "$(dirname "$0")/common.bash"

rust 'humantime = "=2.4.0"' 'duration-str = "=0.21.0"' 'duration-string = "=0.5.3"' <<'END'
use duration_string::DurationString;

fn main() {
    for text in ["1M", "1month", "1y", "1h30", "1h"] {
        let seconds = |duration: Option<std::time::Duration>| duration.map_or("refused".to_string(), |duration| duration.as_secs().to_string());
        println!(
            "{text}: humantime {}, duration-str {}, duration-string {}",
            seconds(humantime::parse_duration(text).ok()),
            seconds(duration_str::parse(text).ok()),
            seconds(DurationString::from_string(text.to_string()).ok().map(|duration| *duration)),
        );
    }
}
END
expect <<'END'
1M: humantime 2630016, duration-str 60, duration-string refused
1month: humantime 2630016, duration-str 2592000, duration-string refused
1y: humantime 31557600, duration-str 31536000, duration-string 31556926
1h30: humantime refused, duration-str 3630, duration-string refused
1h: humantime 3600, duration-str 3600, duration-string 3600
END

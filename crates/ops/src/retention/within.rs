//! Lengths of the calendar: `30d`, `1y5m`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use thiserror::Error;

/// A length of the calendar, as restic writes it: years, months, days and hours, such as `1y5m` or `30d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Within {
    years: u16,
    months: u16,
    days: u16,
    hours: u16,
}

/// A text that is no such length.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a length of the calendar is a number with y, m (months), d or h, such as 30d or 1y5m")]
pub struct WithinError;

impl Within {
    /// Returns the moment this long before `moment`, on the calendar of `zone`. Where the day does not exist (a month before
    /// 31 March), it is as many days later as that month is short, which is what restic does.
    pub fn before(self, moment: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let local = moment.with_timezone(&zone);
        let months = i64::from(local.year()) * 12 + i64::from(local.month0())
            - i64::from(self.years) * 12
            - i64::from(self.months);
        let first = i32::try_from(months.div_euclid(12))
            .ok()
            .zip(u32::try_from(months.rem_euclid(12)).ok())
            .and_then(|(year, month0)| NaiveDate::from_ymd_opt(year, month0 + 1, 1));
        let days = TimeDelta::days(i64::from(local.day0()) - i64::from(self.days));
        let Some(date) = first.and_then(|first| first.checked_add_signed(days)) else {
            return DateTime::<Utc>::MIN_UTC;
        };
        let clock = date.and_time(local.time());
        // an hour that a clock skips or shows twice: the earlier moment, which keeps more
        let then = zone.from_local_datetime(&clock).earliest().map(|then| then.to_utc());
        let then = then.or_else(|| {
            let before = clock.checked_sub_signed(TimeDelta::hours(1))?;
            zone.from_local_datetime(&before).earliest().map(|then| then.to_utc())
        });
        then.unwrap_or(clock.and_utc()) - TimeDelta::hours(i64::from(self.hours))
    }
}

impl FromStr for Within {
    type Err = WithinError;

    fn from_str(text: &str) -> Result<Self, WithinError> {
        let mut within = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(WithinError)?;
            let number: u16 = rest[..end].parse().map_err(|_| WithinError)?;
            let unit = rest[end..].chars().next().ok_or(WithinError)?;
            let part = match unit {
                'y' => &mut within.years,
                'm' => &mut within.months,
                'd' => &mut within.days,
                'h' => &mut within.hours,
                _ => return Err(WithinError),
            };
            *part = part.checked_add(number).ok_or(WithinError)?;
            rest = &rest[end + unit.len_utf8()..];
        }
        if within == Self::default() { Err(WithinError) } else { Ok(within) }
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')];
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
            write!(f, "{number}{unit}")?;
        }
        Ok(())
    }
}

impl Serialize for Within {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("30d", "30d")]
    #[case("1y5m", "1y5m")]
    #[case("2h7d1y", "1y7d2h")]
    #[case(" 3m ", "3m")]
    fn a_length_reads_as_it_prints(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<Within>().unwrap().to_string(), shown);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("0d")]
    #[case("30")]
    #[case("d")]
    #[case("-1d")]
    #[case("1.5d")]
    #[case("1w")]
    #[case("99999d")]
    #[case("65535d1d")]
    #[case("1ü")]
    fn this_is_none(#[case] text: &str) {
        assert_eq!(text.parse::<Within>(), Err(WithinError));
    }

    #[rstest::rstest]
    #[case("2026-11-21T02:00:00Z", "UTC", "30d", "2026-10-22T02:00:00Z")]
    #[case("2026-11-21T02:00:00Z", "UTC", "1y5m", "2025-06-21T02:00:00Z")]
    #[case("2028-02-29T02:00:00Z", "UTC", "1y", "2027-03-01T02:00:00Z")]
    #[case("2026-03-31T02:00:00Z", "UTC", "1m", "2026-03-03T02:00:00Z")]
    #[case("2026-03-31T02:00:00Z", "UTC", "1m5h", "2026-03-02T21:00:00Z")]
    #[case("2026-01-15T00:00:00Z", "UTC", "2m", "2025-11-15T00:00:00Z")]
    // a day of 23 hours: 02:30 in Berlin a day before is 24 hours before, 03:30 only 23
    #[case("2026-03-29T01:30:00Z", "Europe/Berlin", "1d", "2026-03-28T02:30:00Z")]
    // 02:30 does not exist on 29 March in Berlin
    #[case("2026-03-30T00:30:00Z", "Europe/Berlin", "1d", "2026-03-29T00:30:00Z")]
    // and comes twice on 25 October
    #[case("2026-10-26T01:30:00Z", "Europe/Berlin", "1d", "2026-10-25T00:30:00Z")]
    fn it_is_taken_from_the_calendar(
        #[case] moment: &str,
        #[case] zone: &str,
        #[case] within: &str,
        #[case] expected: &str,
    ) {
        let before = within.parse::<Within>().unwrap().before(moment.parse().unwrap(), zone.parse().unwrap());
        assert_eq!(before, expected.parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn the_longest_length_does_not_overflow() {
        let longest: Within = "65535y65535m65535d65535h".parse().unwrap();
        assert!(
            longest.before(Utc::now(), Tz::UTC) < "0000-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }
}

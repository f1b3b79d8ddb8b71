//! Calendar periods, in a time zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// A length of the calendar, of which a rule keeps the newest backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// An hour of a day. The hour that a clock shows twice in autumn is one.
    Hourly,
    /// A day.
    Daily,
    /// A week of ISO 8601: it begins on Monday, and the first one of a year has its first Thursday.
    Weekly,
    /// A month.
    Monthly,
    /// A year.
    Yearly,
}

impl Period {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// Returns the period that `moment` is in, as a clock and a calendar in `zone` show it: `2026-11-21 02`, `2026-11-21`,
    /// `2026-W47`, `2026-11`, `2026`.
    pub fn of(self, moment: DateTime<Utc>, zone: Tz) -> String {
        let format = match self {
            Self::Hourly => "%Y-%m-%d %H",
            Self::Daily => "%Y-%m-%d",
            Self::Weekly => "%G-W%V",
            Self::Monthly => "%Y-%m",
            Self::Yearly => "%Y",
        };
        moment.with_timezone(&zone).format(format).to_string()
    }

    /// Returns the word for its rule: `hourly`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    // the last days of 2024 are in the first week of 2025; 2026 ends in its 53rd
    #[case("2024-12-30T00:00:00Z", "UTC", Period::Weekly, "2025-W01")]
    #[case("2027-01-03T23:59:59Z", "UTC", Period::Weekly, "2026-W53")]
    #[case("2027-01-04T00:00:00Z", "UTC", Period::Weekly, "2027-W01")]
    #[case("2028-02-29T12:00:00Z", "UTC", Period::Daily, "2028-02-29")]
    // half past two comes twice in Berlin: first as 00:30 UTC, then as 01:30 UTC
    #[case("2026-10-25T00:30:00Z", "Europe/Berlin", Period::Hourly, "2026-10-25 02")]
    #[case("2026-10-25T01:30:00Z", "Europe/Berlin", Period::Hourly, "2026-10-25 02")]
    #[case("2026-10-25T02:30:00Z", "Europe/Berlin", Period::Hourly, "2026-10-25 03")]
    // and never in spring
    #[case("2026-03-29T00:59:59Z", "Europe/Berlin", Period::Hourly, "2026-03-29 01")]
    #[case("2026-03-29T01:00:00Z", "Europe/Berlin", Period::Hourly, "2026-03-29 03")]
    // a zone decides which day, month and year a night belongs to
    #[case("2026-12-31T23:30:00Z", "Europe/Berlin", Period::Yearly, "2027")]
    #[case("2026-12-31T23:30:00Z", "America/Lima", Period::Monthly, "2026-12")]
    #[case("2026-11-21T18:30:00Z", "Asia/Kolkata", Period::Daily, "2026-11-22")]
    fn a_moment_is_in_a_period(
        #[case] moment: &str,
        #[case] zone: &str,
        #[case] period: Period,
        #[case] expected: &str,
    ) {
        assert_eq!(period.of(moment.parse().unwrap(), zone.parse().unwrap()), expected);
    }
}

//! Lengths of time as people write them: `30s`, `5m`, `1h30m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A length of time: one or more numbers, each with `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// A text that is no length of time.
#[derive(Debug, thiserror::Error)]
#[error("a length of time is a number with ms, s, m, h or d, such as 30s or 1h30m")]
pub(crate) struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        loop {
            let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
            let (unit, after) = split_where(after.trim_start(), |c| !c.is_ascii_alphabetic());
            let number: u64 = number.parse().map_err(|_| NotASpan)?;
            let milliseconds = number.checked_mul(milliseconds_in(unit)?).ok_or(NotASpan)?;
            total = total.checked_add(Duration::from_millis(milliseconds)).ok_or(NotASpan)?;
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self(total));
            }
        }
    }
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

fn milliseconds_in(unit: &str) -> Result<u64, NotASpan> {
    match unit {
        "ms" => Ok(1),
        "s" => Ok(1_000),
        "m" => Ok(60_000),
        "h" => Ok(3_600_000),
        "d" => Ok(86_400_000),
        _ => Err(NotASpan),
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::ui::human::duration(self.0))
    }
}

/// A number of bytes: a number with `B`, `kB`, `MB`, `GB` or `TB`, by thousands, or `KiB`, `MiB`, `GiB`, `TiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// A text that is no size.
#[derive(Debug, thiserror::Error)]
#[error("a size is a number with B, kB, MB, GB or TB, such as 20MB")]
pub(crate) struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let (number, unit) = split_where(text.trim(), |c| !c.is_ascii_digit() && c != '.');
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "b" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return Err(NotASize),
        };
        let bytes = number.parse::<f64>().map_err(|_| NotASize)? * unit;
        if (1.0..1e18).contains(&bytes) { Ok(Self(bytes as u64)) } else { Err(NotASize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_adds_up_its_parts() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2 h 1 s", 7201), ("0s", 0), ("1d", 86400)]
        {
            assert_eq!(text.parse::<Span>().unwrap().0.as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_and_nonsense_are_refused() {
        for text in [
            "",
            " ",
            "30",
            "s",
            "-1s",
            "1.5h",
            "30 parsecs",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_a_number_with_a_unit() {
        for (text, bytes) in [("1B", 1), ("20MB", 20_000_000), ("1.5 GB", 1_500_000_000), ("4 kib", 4096)] {
            assert_eq!(text.parse::<Size>().unwrap().0, bytes, "{text}");
        }
        for text in ["", "20", "MB", "0MB", "-1MB", "1.2.3MB", "20 parsecs", "999999999TB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}

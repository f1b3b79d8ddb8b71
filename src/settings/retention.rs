//! `[retention]`: which backups stay.

use std::num::NonZeroU32;

use chrono_tz::Tz;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use unisys_db::pattern::TablePattern;
use unisys_ops::backup::Tag;
use unisys_ops::retention::{Count, Policy, Share, Within};

use super::{Span, parse};

/// `[retention]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Retention {
    /// When backups are removed without being asked.
    pub(crate) prune: Prune,
    #[serde(deserialize_with = "count")]
    keep_last: Count,
    #[serde(deserialize_with = "count")]
    keep_hourly: Count,
    #[serde(deserialize_with = "count")]
    keep_daily: Count,
    #[serde(deserialize_with = "count")]
    keep_weekly: Count,
    #[serde(deserialize_with = "count")]
    keep_monthly: Count,
    #[serde(deserialize_with = "count")]
    keep_yearly: Count,
    #[serde(deserialize_with = "within")]
    keep_within: Option<Within>,
    #[serde(deserialize_with = "tags")]
    keep_tags: Vec<Vec<Tag>>,
    /// Which stay in copies; nothing for the same as in the first store.
    #[serde(deserialize_with = "rules")]
    pub(crate) copies: Option<Policy>,
    /// How many of the newest proven ones stay whatever the policy says.
    #[serde(deserialize_with = "keep_proven")]
    pub(crate) keep_proven: NonZeroU32,
    /// How old the newest proven one may be.
    #[serde(deserialize_with = "optional_span")]
    pub(crate) max_proof_age: Option<Span>,
    /// By how much a table may shrink.
    #[serde(deserialize_with = "share")]
    pub(crate) max_shrink: Option<Share>,
    /// Tables that may shrink as they like.
    #[serde(deserialize_with = "patterns")]
    pub(crate) shrink_except: Vec<TablePattern>,
    /// Where the calendar is looked at.
    #[serde(deserialize_with = "time_zone")]
    pub(crate) time_zone: Tz,
}

/// When backups are removed without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Prune {
    /// At the end of each `backup run` that succeeded.
    AfterBackup,
    /// Never: `backup prune` alone removes.
    Never,
}

impl Retention {
    /// Returns what the keys `keep-…` say.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
            within: self.keep_within.into_iter().collect(),
            tags: self.keep_tags.clone(),
        }
    }
}

/// Reads rules in words; none means that others apply.
pub(super) fn rules<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Policy>, D::Error> {
    let rules = Vec::<String>::deserialize(input)?;
    let policy = Policy::parse(&rules).map_err(Error::custom)?;
    Ok((!rules.is_empty()).then_some(policy))
}

fn count<'de, D: Deserializer<'de>>(input: D) -> Result<Count, D::Error> {
    match i64::deserialize(input)? {
        -1 => Ok(Count::All),
        number => u32::try_from(number)
            .map(Count::Newest)
            .map_err(|_| Error::custom("a rule keeps 0 or more, or -1 for all")),
    }
}

fn keep_proven<'de, D: Deserializer<'de>>(input: D) -> Result<NonZeroU32, D::Error> {
    let number = u32::try_from(i64::deserialize(input)?).ok().and_then(NonZeroU32::new);
    number.ok_or_else(|| Error::custom("at least 1: the last proven backup is never removed"))
}

fn within<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Within>, D::Error> {
    parse::optional_text(input)?.map(|text| text.parse()).transpose().map_err(Error::custom)
}

fn tags<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Vec<Tag>>, D::Error> {
    let lists = Vec::<String>::deserialize(input)?;
    lists.iter().map(|list| Policy::tags(list)).collect::<Result<_, _>>().map_err(Error::custom)
}

fn optional_span<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Span>, D::Error> {
    parse::optional_text(input)?.map(|text| text.parse()).transpose().map_err(Error::custom)
}

fn share<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Share>, D::Error> {
    parse::optional_text(input)?.map(|text| text.parse()).transpose().map_err(Error::custom)
}

fn patterns<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<TablePattern>, D::Error> {
    let patterns = Vec::<String>::deserialize(input)?;
    patterns.iter().map(|text| TablePattern::parse(text)).collect::<Result<_, _>>().map_err(Error::custom)
}

fn time_zone<'de, D: Deserializer<'de>>(input: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(input)?;
    name.parse().map_err(|_| Error::custom("a time zone is a name such as \"UTC\" or \"Europe/Berlin\""))
}

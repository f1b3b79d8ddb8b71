//! Why a backup stays.

use std::fmt;

use serde::Serialize;

use super::period::Period;
use super::within::Within;

/// A rule of the policy that keeps a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The newest backups.
    Last,
    /// The newest of each period.
    #[serde(untagged)]
    Of(Period),
}

/// Why a backup stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Reason {
    /// It is the newest.
    Newest,
    /// It was made just now.
    JustMade,
    /// A rule that counts keeps it.
    Rule {
        /// Which.
        rule: Rule,
        /// The how-manieth it is of those the rule keeps, from 1, the newest first.
        nth: u32,
        /// The period it stands for, where the rule is about periods.
        period: Option<String>,
        /// Whether it is kept although a newer one stands for its period: the rule has room left, and nothing is older.
        oldest: bool,
    },
    /// It is at most this much older than the newest.
    Within {
        /// How much.
        within: Within,
    },
    /// It has these tags.
    Tag {
        /// Which.
        tags: Vec<String>,
    },
    /// Somebody pinned it.
    Pinned {
        /// Why, in that person's words.
        reason: Option<String>,
        /// Whether that lapses once a newer backup is proven.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        until_proven: bool,
    },
    /// It is one of the newest proven ones.
    Proven {
        /// The how-manieth, from 1, the newest first.
        nth: u32,
    },
    /// Its counts were accepted after they had fallen: those of later backups are compared with them.
    Accepted,
    /// Its moment lies ahead of the clock, so that nobody knows what to count it as.
    Future,
    /// Its newest drill failed, so that it counts for nothing; what to do with it is a person's decision.
    DrillFailed,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Last => "last",
            Self::Of(period) => period.word(),
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("newest"),
            Self::JustMade => f.write_str("just made"),
            Self::Rule { rule, oldest: true, .. } => write!(f, "oldest {rule}"),
            Self::Rule { rule, nth, .. } => write!(f, "{rule} {nth}"),
            Self::Within { within } => write!(f, "within {within}"),
            Self::Tag { tags } => write!(f, "tag {}", tags.join(",")),
            Self::Pinned { reason, until_proven } => {
                f.write_str(if *until_proven { "pinned until the next proven one" } else { "pinned" })?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, " ({reason})"))
            }
            Self::Proven { nth } => write!(f, "proven {nth}"),
            Self::Accepted => f.write_str("its counts were accepted"),
            Self::Future => f.write_str("dated in the future: not counted"),
            Self::DrillFailed => f.write_str("its newest drill failed: not counted"),
        }
    }
}

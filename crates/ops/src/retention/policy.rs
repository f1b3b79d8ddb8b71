//! What is to be kept: restic's rules, and what stands above them.

use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::TimeDelta;
use chrono_tz::Tz;
use thiserror::Error;
use unisys_db::pattern::TablePattern;

use super::period::Period;
use super::within::{Within, WithinError};
use crate::backup::{Tag, TagError};

/// How many backups, or periods, a rule keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// The newest so many.
    Newest(u32),
    /// All there are.
    All,
}

impl Default for Count {
    fn default() -> Self {
        Self::Newest(0)
    }
}

impl Count {
    /// Whether it has room for one more after `taken`.
    pub(super) fn has_room(self, taken: u32) -> bool {
        match self {
            Self::Newest(count) => taken < count,
            Self::All => true,
        }
    }
}

/// restic's rules. Each keeps what it is meant to, whatever the others say; a period without a backup is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The newest backups.
    pub last: Count,
    /// The newest of each hour.
    pub hourly: Count,
    /// The newest of each day.
    pub daily: Count,
    /// The newest of each week.
    pub weekly: Count,
    /// The newest of each month.
    pub monthly: Count,
    /// The newest of each year.
    pub yearly: Count,
    /// All that are at most this much older than the newest.
    pub within: Vec<Within>,
    /// All that have each tag of one of these lists.
    pub tags: Vec<Vec<Tag>>,
}

/// A text that is no rule.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PolicyError {
    /// No word of ours.
    #[error(
        "a rule is last, hourly, daily, weekly, monthly or yearly with a number, within with a length, or tag with a tag, such as \"daily 14\""
    )]
    Rule,
    /// Not a number.
    #[error("a rule keeps a whole number, or -1 for all, such as \"daily 14\"")]
    Count,
    /// Not a length of the calendar.
    #[error(transparent)]
    Within(#[from] WithinError),
    /// Not a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl FromStr for Count {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "-1" => Ok(Self::All),
            text => text.parse().map(Self::Newest).map_err(|_| PolicyError::Count),
        }
    }
}

impl Policy {
    /// Returns the policy of rules such as `daily 14`, `within 30d` and `tag audit`.
    ///
    /// # Errors
    /// [`PolicyError`] for the first text that is no rule.
    pub fn parse(rules: &[impl AsRef<str>]) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        for rule in rules {
            let (word, value) = rule.as_ref().trim().split_once(' ').ok_or(PolicyError::Rule)?;
            let value = value.trim();
            match word {
                "last" => policy.last = value.parse()?,
                "hourly" => policy.hourly = value.parse()?,
                "daily" => policy.daily = value.parse()?,
                "weekly" => policy.weekly = value.parse()?,
                "monthly" => policy.monthly = value.parse()?,
                "yearly" => policy.yearly = value.parse()?,
                "within" => policy.within.push(value.parse()?),
                "tag" => policy.tags.push(Self::tags(value)?),
                _ => return Err(PolicyError::Rule),
            }
        }
        Ok(policy)
    }

    /// Returns the tags in `text`, with commas between them: a backup needs all of them.
    ///
    /// # Errors
    /// [`TagError`].
    pub fn tags(text: &str) -> Result<Vec<Tag>, TagError> {
        text.split(',').map(|tag| tag.trim().parse()).collect()
    }

    /// Whether it keeps nothing, whatever there is. Such a policy is a mistake.
    pub fn is_empty(&self) -> bool {
        let none = Count::Newest(0);
        self.last == none
            && Period::ALL.iter().all(|period| self.of(*period) == none)
            && self.within.is_empty()
            && self.tags.is_empty()
    }

    /// Returns a policy that keeps what either of the two keeps.
    pub fn or(mut self, other: Self) -> Self {
        self.last = self.last.max(other.last);
        self.hourly = self.hourly.max(other.hourly);
        self.daily = self.daily.max(other.daily);
        self.weekly = self.weekly.max(other.weekly);
        self.monthly = self.monthly.max(other.monthly);
        self.yearly = self.yearly.max(other.yearly);
        self.within.extend(other.within);
        self.tags.extend(other.tags);
        self
    }

    pub(super) fn of(&self, period: Period) -> Count {
        match period {
            Period::Hourly => self.hourly,
            Period::Daily => self.daily,
            Period::Weekly => self.weekly,
            Period::Monthly => self.monthly,
            Period::Yearly => self.yearly,
        }
    }
}

/// A part of a whole, in percent: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

/// A text that is no such part.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a share is 1% to 100%")]
pub struct ShareError;

impl Share {
    /// Returns the percentage.
    pub fn percent(self) -> u64 {
        self.0.into()
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let number = text.trim().strip_suffix('%').ok_or(ShareError)?.trim_end();
        let share = number.parse().ok().filter(|share| (1..=100).contains(share));
        share.map(Self).ok_or(ShareError)
    }
}

/// A policy, what it may not take away, and when it is not followed at all.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is kept.
    pub policy: Policy,
    /// How many of the newest proven backups are kept whatever the policy says.
    pub keep_proven: NonZeroU32,
    /// How old the newest proven backup may be; nothing is removed when it is older, or when there is none. `None` does not ask.
    pub max_proof_age: Option<TimeDelta>,
    /// By how much the rows of a table may fall; nothing is removed when they fell by more. `None` does not ask.
    pub max_shrink: Option<Share>,
    /// Tables whose rows may fall as they like.
    pub shrink_except: Vec<TablePattern>,
    /// Where the calendar is looked at.
    pub zone: Tz,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_shown() {
        let policy =
            Policy::parse(&["last 3", " daily  14", "yearly -1", "within 1y5m", "tag a,b", "tag c"]).unwrap();
        assert_eq!(
            (policy.last, policy.daily, policy.yearly),
            (Count::Newest(3), Count::Newest(14), Count::All)
        );
        assert_eq!((policy.within.len(), policy.tags.len(), policy.tags[0].len()), (1, 2, 2));
        assert!(!policy.is_empty());
    }

    #[rstest::rstest]
    #[case("daily", PolicyError::Rule)]
    #[case("fortnightly 3", PolicyError::Rule)]
    #[case("daily many", PolicyError::Count)]
    #[case("daily -2", PolicyError::Count)]
    #[case("within 30", PolicyError::Within(WithinError))]
    #[case("tag a,,b", PolicyError::Tag(TagError))]
    fn what_is_no_rule_is_refused(#[case] rule: &str, #[case] error: PolicyError) {
        assert_eq!(Policy::parse(&[rule]), Err(error));
    }

    #[test]
    fn a_policy_that_keeps_nothing_is_empty() {
        assert!(Policy::parse(&[""; 0]).unwrap().is_empty());
        assert!(Policy::parse(&["last 0", "daily 0"]).unwrap().is_empty());
        for rule in
            ["last 1", "hourly 1", "daily 1", "weekly 1", "monthly 1", "yearly -1", "within 1h", "tag x"]
        {
            assert!(!Policy::parse(&[rule]).unwrap().is_empty(), "{rule}");
        }
    }

    #[test]
    fn of_two_policies_the_wider_counts() {
        let both =
            Policy::parse(&["last 3", "daily 1"]).unwrap().or(Policy::parse(&["daily -1", "tag x"]).unwrap());
        assert_eq!(both, Policy::parse(&["last 3", "daily -1", "tag x"]).unwrap());
    }

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!("30%".parse::<Share>().unwrap().percent(), 30);
        assert_eq!("100 %".parse::<Share>().unwrap().percent(), 100);
        for text in ["", "30", "0%", "101%", "-5%", "0.5%", "%"] {
            assert_eq!(text.parse::<Share>(), Err(ShareError), "{text}");
        }
    }
}

//! What a check is: its words, its queries for different servers, its thresholds, and how it judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Facts, Sample, State, Unreadable, Verdict};

/// How a check judges what it was told.
pub(super) type Judge = fn(&Sample, &Judging<'_>) -> Result<Verdict, Unreadable>;

/// What a check judges by.
pub(super) struct Judging<'a> {
    pub(super) check: &'a Check,
    pub(super) facts: &'a Facts,
    pub(super) thresholds: &'a Thresholds,
}

impl Judging<'_> {
    /// Returns what a value means for the check's threshold of this name.
    pub(super) fn mark(&self, name: &str, value: f64) -> State {
        let Some(threshold) = self.check.thresholds.iter().find(|threshold| threshold.name == name) else {
            return State::Ok;
        };
        let (warning, critical) = self.thresholds.marks(self.check.id, threshold);
        let downwards = critical.is_some_and(|critical| critical < warning);
        let passed = |mark: f64| if downwards { value <= mark } else { value >= mark };
        match () {
            () if critical.is_some_and(passed) => State::Critical,
            () if passed(warning) => State::Warning,
            () => State::Ok,
        }
    }
}

/// A check.
#[derive(Debug)]
pub struct Check {
    /// Its name: what a person types, and a part of its figures' names.
    pub id: &'static str,
    /// What it looks at, in a few words.
    pub title: &'static str,
    /// What it means when it is not well, for who reads that at night.
    pub meaning: &'static str,
    /// What to do then.
    pub advice: &'static str,
    /// The right it needs beyond logging in.
    pub needs: Needs,
    /// Its queries; the first that fits the server is asked.
    pub(super) queries: &'static [Query],
    /// What is too much.
    pub thresholds: &'static [Threshold],
    pub(super) judge: Judge,
}

/// A query and the servers it is for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) since: Since,
    pub(super) sql: &'static str,
}

/// From where on a query fits.
#[derive(Debug)]
pub(super) enum Since {
    /// `server_version_num`
    Server(u32),
    /// The installed version of `pg_stat_statements`, as numbers; `{schema}` in the query is its schema.
    Statements(u32, u32),
}

/// The right a check needs beyond logging in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// None.
    Nothing,
    /// A predefined role, such as `pg_monitor`.
    Role(&'static str),
    /// The right to read every sequence.
    Sequences,
}

impl Needs {
    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Role(role) => role,
            Self::Sequences => "select on the sequences",
        }
    }

    /// Returns the statement that gives it to a login.
    pub fn grant(self, login: &str) -> Option<String> {
        let login = crate::quote_ident(login);
        match self {
            Self::Nothing => None,
            Self::Role(role) => Some(format!("grant {role} to {login}")),
            Self::Sequences => Some(format!("grant select on all sequences in schema … to {login}")),
        }
    }
}

/// A figure with two marks.
#[derive(Debug)]
pub struct Threshold {
    /// Its name in the configuration.
    pub name: &'static str,
    /// In what it is measured.
    pub unit: Unit,
    /// From here on: warning.
    pub warning: f64,
    /// From here on: critical; `None`: it never is. Less than `warning`: the less, the worse.
    pub critical: Option<f64>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// No number.
    #[default]
    Text,
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Of a hundred.
    Percent,
}

/// The marks in force: those of the checks, and what the configuration says instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// By check and name: warning, critical.
    pub changed: BTreeMap<(String, String), (f64, Option<f64>)>,
}

impl Thresholds {
    /// Returns the marks of a check's threshold.
    pub fn marks(&self, check: &str, threshold: &Threshold) -> (f64, Option<f64>) {
        let changed = self.changed.get(&(check.to_owned(), threshold.name.to_owned()));
        changed.copied().unwrap_or((threshold.warning, threshold.critical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(80.0, 90.0, 79.9, State::Ok)]
    #[case(80.0, 90.0, 80.0, State::Warning)]
    #[case(80.0, 90.0, 90.0, State::Critical)]
    #[case(99.0, 90.0, 99.5, State::Ok)]
    #[case(99.0, 90.0, 98.0, State::Warning)]
    #[case(99.0, 90.0, 90.0, State::Critical)]
    fn a_mark_is_passed_upwards_or_downwards(
        #[case] warning: f64,
        #[case] critical: f64,
        #[case] value: f64,
        #[case] expected: State,
    ) {
        let check = crate::monitor::find("connections").unwrap();
        let changed = [(("connections".into(), "used".into()), (warning, Some(critical)))].into();
        let (facts, thresholds) = (Facts::default(), Thresholds { changed });
        assert_eq!(Judging { check, facts: &facts, thresholds: &thresholds }.mark("used", value), expected);
    }
}

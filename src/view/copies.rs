//! Copies of backups as reports.

use std::error::Error;

use serde::Serialize;
use unisys_ops::OpsError;
use unisys_ops::backup::{BackupId, Lag};

use super::prune::AfterBackup;
use crate::commands::backup::Followed;
use crate::ui::human::{count, time};

/// One copy after a backup.
#[derive(Serialize)]
pub(crate) struct Copy<'a> {
    location: &'a str,
    outcome: &'static str,
    copied: &'a [BackupId],
    #[serde(flatten)]
    lag: &'a Lag,
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<AfterBackup<'a>>,
}

impl<'a> Copy<'a> {
    pub(crate) fn of(Followed { copied, pruned }: &'a Followed) -> Self {
        Self {
            location: &copied.location,
            outcome: if copied.failure.is_none() { "ok" } else { "failed" },
            copied: &copied.copied,
            lag: &copied.lag,
            problem: copied.failure.as_ref().map(reason),
            retention: pruned.as_ref().map(AfterBackup::of),
        }
    }

    pub(crate) fn line(&self) -> String {
        match (&self.problem, self.copied.len()) {
            (Some(_), _) => format!("Copy in {}: failed, {}", self.location, phrase(self.lag)),
            (None, 0 | 1) => format!("Copy in {}: {}", self.location, phrase(self.lag)),
            (None, several) => {
                format!("Copy in {}: {}, {several} backups copied", self.location, phrase(self.lag))
            }
        }
    }
}

/// How far one copy of one database is behind.
#[derive(Serialize)]
pub(crate) struct Behind {
    database: String,
    location: String,
    #[serde(flatten)]
    lag: Option<Lag>,
    pub(crate) problem: Option<String>,
}

impl Behind {
    pub(crate) fn of(database: &str, location: String, lag: Result<Lag, OpsError>) -> Self {
        let (lag, problem) = match lag {
            Ok(lag) => (Some(lag), None),
            Err(error) => (None, Some(reason(&error))),
        };
        Self { database: database.to_owned(), location, lag, problem }
    }

    pub(crate) fn line(&self) -> String {
        let state = self.lag.as_ref().map_or_else(|| "cannot be asked".into(), phrase);
        format!("Copy of {} in {}: {state}", crate::ui::printable(&self.database), self.location)
    }
}

/// Returns how far a copy is behind, in words.
fn phrase(lag: &Lag) -> String {
    let backups = if lag.backups == 1 { "backup" } else { "backups" };
    match (lag.backups, lag.moment) {
        (0, _) => "up to date".into(),
        (lacking, None) => format!("empty, {} {backups} behind", count(lacking as u64)),
        (lacking, Some(moment)) => {
            format!("{} {backups} behind, the newest of {}", count(lacking as u64), time(moment))
        }
    }
}

/// Returns an error with its causes, on one line.
pub(crate) fn reason(error: &OpsError) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn a_lag_is_told_with_the_newest_there_is() {
        let moment: DateTime<Utc> = "2026-11-20T02:00:00Z".parse().unwrap();
        let lag = |backups, moment| phrase(&Lag { backups, newest: None, moment });
        assert_eq!(lag(0, Some(moment)), "up to date");
        assert_eq!(lag(1, None), "empty, 1 backup behind");
        assert_eq!(lag(2, Some(moment)), "2 backups behind, the newest of 2026-11-20 02:00:00 UTC");
    }
}

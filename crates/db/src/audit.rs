//! The audit log's months: which partitions are missing ahead, which rows lie in the default one, which are old.

use std::time::Duration;

use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;
use thiserror::Error;

use crate::{DbError, Session};

/// The audit log's months could not be seen to.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The database has no audit log.
    #[error("the database has no table app.audit_logs")]
    NoAuditLog,
    /// The server refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A partition as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The table's name.
    pub name: String,
    /// The first day of its month; the default partition has none.
    pub month: Option<NaiveDate>,
    /// Its rows, as the server estimates them.
    pub rows: i64,
    /// Its bytes, with indexes.
    pub bytes: i64,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// Partitions by month, the default one last.
    pub partitions: Vec<Partition>,
    /// Months whose rows lie in the default partition, with their number.
    pub astray: Vec<(NaiveDate, i64)>,
    /// The server's day, in UTC.
    pub today: NaiveDate,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
    /// A month's partition is made; rows of the default partition move into it.
    Make {
        /// The first day of the month.
        month: NaiveDate,
        /// How many rows move.
        rows: i64,
    },
    /// A month's partition becomes a table of its own.
    Detach {
        /// The first day of the month.
        month: NaiveDate,
        /// Its rows, as the server estimates them.
        rows: i64,
    },
}

/// Returns what has to be done so that there are partitions for this month and `ahead` more, nothing lies in the default
/// partition, and no month is left that was over before `detach_before`.
///
/// Rows in the default partition get a partition even where it is detached at once: they leave as a table, like any other month.
pub fn plan(state: &State, ahead: u32, detach_before: Option<NaiveDate>) -> Vec<Step> {
    let this = state.today.with_day(1).unwrap_or(state.today);
    let there: Vec<NaiveDate> = state.partitions.iter().filter_map(|partition| partition.month).collect();
    let coming = (0..=ahead).filter_map(|n| this.checked_add_months(Months::new(n))).map(|month| (month, 0));
    let mut missing: Vec<(NaiveDate, i64)> = state.astray.clone();
    for (month, rows) in coming {
        if !missing.iter().any(|(other, _)| *other == month) {
            missing.push((month, rows));
        }
    }
    missing.retain(|(month, _)| !there.contains(month));
    missing.sort_unstable();
    let old = |month: NaiveDate| {
        let end = month.checked_add_months(Months::new(1));
        detach_before.is_some_and(|before| end.is_some_and(|end| end <= before)) && month < this
    };
    let kept = state.partitions.iter().filter_map(|partition| Some((partition.month?, partition.rows)));
    let mut leaving: Vec<(NaiveDate, i64)> =
        kept.chain(missing.iter().copied()).filter(|(month, _)| old(*month)).collect();
    leaving.sort_unstable();
    let make = missing.into_iter().map(|(month, rows)| Step::Make { month, rows });
    make.chain(leaving.into_iter().map(|(month, rows)| Step::Detach { month, rows })).collect()
}

/// Reads what is there. Needs the rights of the audit log's owner.
///
/// # Errors
/// [`AuditError::NoAuditLog`] before the schema is there.
pub async fn state(session: &Session) -> Result<State, AuditError> {
    become_owner(session).await?;
    let doing = || session.doing("look at the months of the audit log");
    let partitions =
        session.query(include_str!("../../../sql/audit/partitions.sql"), &[]).await.map_err(doing())?;
    let astray = session.query(include_str!("../../../sql/audit/astray.sql"), &[]).await.map_err(doing())?;
    let today = session.query_one(include_str!("../../../sql/audit/today.sql"), &[]).await.map_err(doing())?;
    Ok(State {
        partitions: partitions
            .iter()
            .map(|row| Partition {
                name: row.get("name"),
                month: row.get("month"),
                rows: row.get("rows"),
                bytes: row.get("bytes"),
            })
            .collect(),
        astray: astray.iter().map(|row| (row.get("month"), row.get("rows"))).collect(),
        today: today.get("today"),
    })
}

/// Does one step, in a transaction of its own, waiting at most `lock_timeout` for the locks it needs. A step that was done
/// meanwhile by another is no error.
///
/// # Errors
/// What the server says; nothing of the step has happened then.
pub async fn apply(session: &Session, step: &Step, lock_timeout: Duration) -> Result<(), AuditError> {
    become_owner(session).await?;
    let (what, sql, month) = match step {
        Step::Make { month, .. } => {
            ("make the partition of", include_str!("../../../sql/audit/make.sql"), month)
        }
        Step::Detach { month, .. } => {
            ("detach the partition of", include_str!("../../../sql/audit/detach.sql"), month)
        }
    };
    let doing = || session.doing(format!("{what} {}", month.format("%Y-%m")));
    let timeouts = format!("set lock_timeout = '{}ms'; set statement_timeout = 0", lock_timeout.as_millis());
    session.batch_execute(&timeouts).await.map_err(doing())?;
    session.query_one(sql, &[month]).await.map_err(doing())?;
    Ok(())
}

async fn become_owner(session: &Session) -> Result<(), AuditError> {
    let doing = || session.doing("become the owner of the audit log");
    let owner = include_str!("../../../sql/audit/owner.sql");
    let Some(row) = session.query_opt(owner, &[]).await.map_err(doing())? else {
        return Err(AuditError::NoAuditLog);
    };
    if !row.get::<_, bool>("is_owner") {
        // The catalog quotes it where needed.
        let set = format!("set role {}", row.get::<_, &str>("owner"));
        session.batch_execute(&set).await.map_err(doing())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn month(text: &str) -> NaiveDate {
        format!("{text}-01").parse().unwrap()
    }

    fn words(steps: &[Step]) -> Vec<String> {
        let word = |step: &Step| match step {
            Step::Make { month, rows } => format!("make {} {rows}", month.format("%Y-%m")),
            Step::Detach { month, rows } => format!("detach {} {rows}", month.format("%Y-%m")),
        };
        steps.iter().map(word).collect()
    }

    #[rstest]
    #[case::all_there(&["2026-11", "2026-12"], &[], 1, None, &[])]
    #[case::ahead(&["2026-11"], &[], 2, None, &["make 2026-12 0", "make 2027-01 0"])]
    #[case::astray(&["2026-11"], &[("2024-02", 3), ("2026-12", 1)], 1, None, &["make 2024-02 3", "make 2026-12 1"])]
    #[case::old(&["2024-11", "2024-12", "2026-11"], &[], 0, Some("2024-12-31"), &["detach 2024-11 7"])]
    #[case::old_astray(&["2026-11"], &[("2020-01", 2)], 0, Some("2021-01-01"),
        &["make 2020-01 2", "detach 2020-01 2"])]
    #[case::never_this_month(&["2026-11"], &[], 0, Some("2030-01-01"), &[])]
    fn months_are_planned(
        #[case] there: &[&str],
        #[case] astray: &[(&str, i64)],
        #[case] ahead: u32,
        #[case] before: Option<&str>,
        #[case] expected: &[&str],
    ) {
        let partition =
            |name: &&str| Partition { name: (*name).into(), month: Some(month(name)), rows: 7, bytes: 0 };
        let state = State {
            partitions: there.iter().map(partition).collect(),
            astray: astray.iter().map(|(name, rows)| (month(name), *rows)).collect(),
            today: "2026-11-21".parse().unwrap(),
        };
        let before = before.map(|day| day.parse().unwrap());
        assert_eq!(words(&plan(&state, ahead, before)), expected);
    }
}

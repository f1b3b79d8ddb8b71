//! Freshness: whether a database has a backup that is young enough, and a proof that is.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::backup::{BackupId, Listed, State};

/// How far a server's clock may run ahead of ours before its moments are of the future.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// How much too early a drill may be: runs start at a random minute, and a weekly drill is not to slip by a day each week.
const EARLY: Duration = Duration::from_secs(12 * 3600);

/// How old things may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The newest backup, by the moment its data is of.
    pub max_age: Duration,
    /// The newest proof, by the begin of its drill.
    pub max_proof_age: Duration,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It will be, if nobody does anything.
    Warning,
    /// A disaster now would lose data, or might.
    Critical,
}

/// What is wrong with a database's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is none.
    NoBackup,
    /// There are backups of parts of it, and none of the whole.
    OnlyParts {
        /// The newest of them.
        id: BackupId,
        /// What that holds, in words.
        part: String,
    },
    /// There are some, and none of them counts.
    NoneCounts,
    /// The newest that counts is too old.
    TooOld {
        /// Its name.
        id: BackupId,
        /// Its age.
        age: Duration,
    },
    /// The newest drill failed.
    DrillFailed {
        /// The backup that was drilled.
        id: BackupId,
    },
    /// The newest backup cannot be read.
    Damaged {
        /// Its name.
        id: BackupId,
    },
    /// The newest backup is of a format this build does not know.
    Newer {
        /// Its name.
        id: BackupId,
    },
    /// A backup is of the future: one of the clocks is wrong.
    Future {
        /// Its name.
        id: BackupId,
        /// How far ahead.
        ahead: Duration,
    },
    /// No backup is proven.
    NoProof,
    /// The newest proof is too old.
    ProofTooOld {
        /// The backup that was proved.
        id: BackupId,
        /// The proof's age.
        age: Duration,
    },
}

impl Problem {
    /// Returns how bad it is: what endangers data is critical, what endangers certainty a warning.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoBackup
            | Self::OnlyParts { .. }
            | Self::NoneCounts
            | Self::TooOld { .. }
            | Self::DrillFailed { .. }
            | Self::Damaged { .. } => Severity::Critical,
            Self::Newer { .. } | Self::Future { .. } | Self::NoProof | Self::ProofTooOld { .. } => {
                Severity::Warning
            }
        }
    }
}

/// What the backups of one database are worth now.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// The newest backup that counts: whole, complete, readable, not of the future, and no drill of it failed.
    pub newest: Option<(BackupId, Duration)>,
    /// The newest proof: the backup and the age of the drill.
    pub proof: Option<(BackupId, Duration)>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
}

/// Judges the backups of one database, in any order. Those of a part count for nothing, but for `part`, where the configuration
/// asks for no more.
pub fn judge(backups: &[Listed], part: Option<&str>, limits: Limits, now: DateTime<Utc>) -> Freshness {
    let all = backups;
    let backups = &whole(all, part)[..];
    let newest = newest(backups, now);
    let proof = proof(backups, now);
    let mut problems = Vec::new();
    match &newest {
        None if backups.is_empty() => problems.push(only_parts(all).unwrap_or(Problem::NoBackup)),
        None => problems.push(Problem::NoneCounts),
        Some((id, age)) if *age > limits.max_age => {
            problems.push(Problem::TooOld { id: id.clone(), age: *age });
        }
        Some(_) => {}
    }
    problems.extend(of_the_newest(backups, now));
    problems.extend(failed_drill(backups, now));
    problems.extend(of_the_future(backups, now));
    match &proof {
        None if !backups.is_empty() => problems.push(Problem::NoProof),
        Some((id, age)) if *age > limits.max_proof_age => {
            problems.push(Problem::ProofTooOld { id: id.clone(), age: *age });
        }
        _ => {}
    }
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity()));
    Freshness { newest, proof, problems }
}

/// Whether a drill is due that should be made `every` so often: there is no proof that young, or the newest drill failed. Which
/// backups count is as in [`judge`].
pub fn drill_is_due(backups: &[Listed], part: Option<&str>, every: Duration, now: DateTime<Utc>) -> bool {
    let backups = &whole(backups, part)[..];
    let old = |(_, age): (BackupId, Duration)| age + EARLY.min(every / 2) >= every;
    failed_drill(backups, now).is_some() || proof(backups, now).is_none_or(old)
}

fn whole<'a>(backups: &'a [Listed], part: Option<&str>) -> Vec<&'a Listed> {
    backups.iter().filter(|backup| backup.is_whole(part)).collect()
}

/// What there is of a database that has no whole backup.
fn only_parts(backups: &[Listed]) -> Option<Problem> {
    let newest = backups.iter().max_by_key(|backup| (backup.moment, &backup.id))?;
    Some(Problem::OnlyParts { id: newest.id.clone(), part: newest.part.clone()? })
}

/// Returns how long ago that was; `None` in the future.
fn age(moment: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    (moment <= now + CLOCK_SKEW).then(|| (now - moment).to_std().unwrap_or_default())
}

fn newest(backups: &[&Listed], now: DateTime<Utc>) -> Option<(BackupId, Duration)> {
    let counts = |backup: &&&Listed| matches!(backup.state, State::Proven | State::Unproven);
    let aged = |backup: &&Listed| Some((backup.id.clone(), age(backup.moment, now)?));
    backups.iter().filter(counts).filter_map(aged).min_by_key(|(_, age)| *age)
}

fn proof(backups: &[&Listed], now: DateTime<Utc>) -> Option<(BackupId, Duration)> {
    let proven = backups.iter().filter(|backup| backup.state == State::Proven);
    let aged = |backup: &&Listed| Some((backup.id.clone(), age(backup.proven?, now)?));
    proven.filter_map(aged).min_by_key(|(_, age)| *age)
}

/// The newest backup cannot be read: an older one may still be young enough, and yet somebody must look.
fn of_the_newest(backups: &[&Listed], now: DateTime<Utc>) -> Option<Problem> {
    let past = backups.iter().filter(|backup| age(backup.moment, now).is_some());
    let newest = past.max_by_key(|backup| (backup.moment, &backup.id))?;
    match newest.state {
        State::Damaged => Some(Problem::Damaged { id: newest.id.clone() }),
        State::Newer => Some(Problem::Newer { id: newest.id.clone() }),
        _ => None,
    }
}

fn failed_drill(backups: &[&Listed], now: DateTime<Utc>) -> Option<Problem> {
    let past = |backup: &&&Listed| backup.drilled.is_some_and(|drilled| age(drilled, now).is_some());
    let newest = backups.iter().filter(past).max_by_key(|backup| backup.drilled)?;
    (newest.state == State::Failed).then(|| Problem::DrillFailed { id: newest.id.clone() })
}

fn of_the_future(backups: &[&Listed], now: DateTime<Utc>) -> Option<Problem> {
    let future = backups.iter().filter(|backup| age(backup.moment, now).is_none());
    let farthest = future.max_by_key(|backup| backup.moment)?;
    let ahead = (farthest.moment - now).to_std().unwrap_or_default();
    Some(Problem::Future { id: farthest.id.clone(), ahead })
}

#[cfg(test)]
mod tests;

//! Why nothing is removed, though the policy would.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::counts::{self, Fall};
use super::judge::Asked;
use super::policy::Rules;
use super::read::{Candidate, Group, Unreadable};
use crate::backup::{BackupId, State};

/// A kind of [`Hold`]: the word to overrule it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// The newest backup is damaged, incomplete or failed its drill.
    Damaged,
    /// No backup was proven for too long.
    Unproven,
    /// Rows became fewer.
    Shrunk,
}

/// Why nothing is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Hold {
    /// The newest backup cannot be read: it is damaged, or of a newer format.
    Unreadable {
        /// Which.
        id: BackupId,
        /// What is wrong with it.
        problem: String,
    },
    /// Something of the newest backup is not there.
    Incomplete {
        /// Which.
        id: BackupId,
        /// What is wrong with it.
        problem: String,
    },
    /// The newest backup's newest drill failed.
    Failed {
        /// Which.
        id: BackupId,
    },
    /// The newest proven backup is older than it may be; or none is proven.
    Unproven {
        /// Which is the newest proven one.
        proven: Option<BackupId>,
        /// Its moment (UTC).
        moment: Option<DateTime<Utc>>,
        /// How old it may be, in seconds.
        max_seconds: i64,
    },
    /// Rows became fewer than they were.
    Shrunk {
        /// The backup they fell with.
        since: BackupId,
        /// Which, and how.
        #[serde(flatten)]
        fall: Fall,
    },
}

impl Hold {
    /// Returns the word to overrule it by.
    pub fn kind(&self) -> HoldKind {
        match self {
            Self::Unreadable { .. } | Self::Incomplete { .. } | Self::Failed { .. } => HoldKind::Damaged,
            Self::Unproven { .. } => HoldKind::Unproven,
            Self::Shrunk { .. } => HoldKind::Shrunk,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { id, problem } => write!(f, "the newest backup {id} cannot be read: {problem}"),
            Self::Incomplete { id, problem } => {
                write!(f, "the newest backup {id} is not complete: {problem}")
            }
            Self::Failed { id } => write!(f, "the newest backup {id} failed its drill"),
            Self::Unproven { moment: None, .. } => f.write_str("no backup is proven"),
            Self::Unproven { moment: Some(moment), max_seconds, .. } => write!(
                f,
                "the newest proven backup is of {}, more than {} old",
                moment.format("%Y-%m-%d %H:%M:%S UTC"),
                length(*max_seconds)
            ),
            Self::Shrunk { since, fall } => write!(f, "{fall}, since {since}"),
        }
    }
}

/// Serializes each with its sentence, and the word to overrule it by.
pub(super) fn told<S: Serializer>(holds: &[Hold], out: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Told<'a> {
        text: String,
        overrule: HoldKind,
        #[serde(flatten)]
        hold: &'a Hold,
    }
    out.collect_seq(holds.iter().map(|hold| Told { text: hold.to_string(), overrule: hold.kind(), hold }))
}

/// Returns a length of time in whole days, or in hours.
fn length(seconds: i64) -> String {
    match (seconds / 86_400, seconds % 86_400) {
        (1, 0) => "a day".into(),
        (days, 0) => format!("{days} days"),
        _ => format!("{} hours", seconds / 3600),
    }
}

/// Returns why nothing of a group is to be removed. `counted` is what counts, the newest first; `falls` what fell, the oldest
/// backup first.
pub(super) fn holds(
    group: &Group,
    unreadable: &[Unreadable],
    rules: &Rules,
    asked: &Asked,
    counted: &[&Candidate],
    falls: &[Vec<Fall>],
) -> Vec<Hold> {
    let newest = counted.first().map(|newest| newest.moment);
    let mut holds = Vec::new();
    let of_this_name = |other: &&Unreadable| {
        counted.first().is_none_or(|newest| newest.id.database_slug() == other.id.database_slug())
            && !other.is_ahead_of(asked.now)
            && newest.is_none_or(|newest| other.id.moment().timestamp() >= newest.timestamp())
    };
    holds.extend(
        unreadable
            .iter()
            .filter(of_this_name)
            .map(|bad| Hold::Unreadable { id: bad.id.clone(), problem: bad.problem.clone() }),
    );
    let mut failed: Vec<&Candidate> = group.backups.iter().collect();
    failed.retain(|backup| {
        backup.state == State::Failed && !backup.is_ahead_of(asked.now) && Some(backup.moment) >= newest
    });
    failed.sort_by_key(|backup| std::cmp::Reverse((backup.moment, &backup.id)));
    holds.extend(failed.into_iter().map(|backup| Hold::Failed { id: backup.id.clone() }));
    if let (Some(newest), Some(problem)) = (counted.first(), &group.newest_lacks) {
        holds.push(Hold::Incomplete { id: newest.id.clone(), problem: problem.clone() });
    }
    holds.extend(unproven(rules, asked.now, counted));
    let history: Vec<&Candidate> = counted.iter().rev().copied().collect();
    let shrunk = counts::first_of_each(&history, falls).into_iter();
    holds.extend(shrunk.map(|(since, fall)| Hold::Shrunk { since: since.clone(), fall }));
    holds
}

fn unproven(rules: &Rules, now: DateTime<Utc>, counted: &[&Candidate]) -> Option<Hold> {
    let max = rules.max_proof_age?;
    let proven = counted.iter().find(|backup| backup.state == State::Proven);
    let fresh = proven.is_some_and(|backup| now - backup.moment <= max);
    (!fresh).then(|| Hold::Unproven {
        proven: proven.map(|backup| backup.id.clone()),
        moment: proven.map(|backup| backup.moment),
        max_seconds: max.num_seconds(),
    })
}

//! The judgement over the backups of one database: what stays, what goes, and whether anything goes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::counts::{self, Fall, Judgement};
use super::hold::{self, Hold, HoldKind};
use super::keep;
use super::pin::Pin;
use super::policy::Rules;
use super::read::{Candidate, Group, Unreadable};
use super::reason::Reason;
use crate::backup::{BackupId, State};

/// What a judgement is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The time (UTC).
    pub now: DateTime<Utc>,
    /// The backup that this run made. It stays, whatever its server's clock says.
    pub just_made: Option<BackupId>,
    /// What a person has seen and overrules.
    pub even_though: Vec<HoldKind>,
}

/// What becomes of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
    /// It would go, if nothing were held.
    Hold,
}

/// One backup, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name.
    pub id: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// What it is worth.
    pub state: State,
    /// The size of its files, in bytes.
    pub stored_bytes: u64,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why it stays; empty when nothing keeps it.
    pub reasons: Vec<Reason>,
    /// Its pin, if it has one that keeps it no longer.
    #[serde(skip)]
    pub lapsed_pin: Option<Pin>,
}

/// What becomes of the backups of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupPlan {
    /// The database.
    pub database: String,
    /// The cluster.
    pub system_identifier: String,
    /// Which part of the database, in words; nothing where it is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Why nothing is removed; empty when nothing speaks against it, or nothing would be.
    #[serde(serialize_with = "hold::told")]
    pub holds: Vec<Hold>,
    /// What would have spoken against it, and was overruled.
    #[serde(serialize_with = "hold::told")]
    pub overruled: Vec<Hold>,
    /// Its backups, the newest first.
    pub backups: Vec<Line>,
    /// What is to be written beside the backups about their counts.
    #[serde(skip)]
    pub judgements: BTreeMap<BackupId, Judgement>,
}

impl GroupPlan {
    /// Returns the plan of a database without backups.
    pub fn empty(database: impl Into<String>, system_identifier: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            system_identifier: system_identifier.into(),
            part: None,
            holds: Vec::new(),
            overruled: Vec::new(),
            backups: Vec::new(),
            judgements: BTreeMap::new(),
        }
    }

    /// Returns the backups to remove, the oldest first.
    pub fn removals(&self) -> impl Iterator<Item = &Line> {
        self.backups.iter().rev().filter(|line| line.verdict == Verdict::Remove)
    }

    /// Whether something would be removed, and is not.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }
}

/// Judges the backups of one database. `unreadable` is what cannot be read in the same store; what of it has another
/// database's name is passed over.
pub fn judge(group: &Group, unreadable: &[Unreadable], rules: &Rules, asked: &Asked) -> GroupPlan {
    let mut sorted: Vec<&Candidate> = group.backups.iter().collect();
    sorted.sort_by(|a, b| (b.moment, &b.id).cmp(&(a.moment, &a.id)));
    let counts = |backup: &&Candidate| !backup.is_ahead_of(asked.now) && backup.state != State::Failed;
    let counted: Vec<&Candidate> = sorted.iter().copied().filter(counts).collect();

    let newest_proven =
        counted.iter().find(|backup| backup.state == State::Proven).map(|proven| proven.moment);
    let has_lapsed = |backup: &Candidate, pin: &Pin| pin.has_lapsed(backup.moment, newest_proven);
    let mut reasons: BTreeMap<&BackupId, Vec<Reason>> = BTreeMap::new();
    for backup in sorted.iter().copied() {
        let pin = backup.pin.as_ref().filter(|pin| !has_lapsed(backup, pin));
        reasons.insert(&backup.id, standing(backup, pin, &counted, asked));
    }
    for (backup, by_rules) in counted.iter().zip(keep::reasons(&counted, &rules.policy, rules.zone)) {
        reasons.entry(&backup.id).or_default().extend(by_rules);
    }
    let proven = counted.iter().filter(|backup| backup.state == State::Proven);
    for (nth, backup) in (1..=rules.keep_proven.get()).zip(proven) {
        reasons.entry(&backup.id).or_default().push(Reason::Proven { nth });
    }

    let history: Vec<&Candidate> = counted.iter().rev().copied().collect();
    let falls: Vec<Vec<Fall>> = match rules.max_shrink {
        Some(share) => counts::falls(&history, share, &rules.shrink_except),
        None => Vec::new(),
    };
    let accepted = asked.even_though.contains(&HoldKind::Shrunk).then_some(asked.now);
    let judgements = counts::judgements(&history, &falls, accepted);
    let holds = hold::holds(group, unreadable, rules, asked, &counted, &falls);
    let (mut overruled, mut holds): (Vec<Hold>, Vec<Hold>) =
        holds.into_iter().partition(|hold| asked.even_though.contains(&hold.kind()));
    if reasons.values().all(|reasons| !reasons.is_empty()) {
        holds.clear();
        // counts are accepted for good, and so also where nothing would go today
        overruled.retain(|hold| hold.kind() == HoldKind::Shrunk);
    }

    let would = if holds.is_empty() { Verdict::Remove } else { Verdict::Hold };
    let line = |backup: &Candidate| {
        let reasons = reasons.remove(&backup.id).unwrap_or_default();
        Line {
            id: backup.id.clone(),
            moment: backup.moment,
            state: backup.state,
            stored_bytes: backup.stored_bytes,
            verdict: if reasons.is_empty() { would } else { Verdict::Keep },
            reasons,
            lapsed_pin: backup.pin.clone().filter(|pin| has_lapsed(backup, pin)),
        }
    };
    GroupPlan {
        database: group.database.clone(),
        system_identifier: group.system_identifier.clone(),
        part: group.part.clone(),
        backups: sorted.into_iter().map(line).collect(),
        holds,
        overruled,
        judgements,
    }
}

/// Returns why a backup stays whatever the rules say.
fn standing(backup: &Candidate, pin: Option<&Pin>, counted: &[&Candidate], asked: &Asked) -> Vec<Reason> {
    let newest = counted.first().is_some_and(|newest| newest.id == backup.id);
    let reasons = [
        newest.then_some(Reason::Newest),
        (asked.just_made.as_ref() == Some(&backup.id) && !newest).then_some(Reason::JustMade),
        pin.map(|pin| Reason::Pinned { reason: pin.reason.clone(), until_proven: pin.until_proven }),
        backup.is_ahead_of(asked.now).then_some(Reason::Future),
        (backup.state == State::Failed).then_some(Reason::DrillFailed),
    ];
    reasons.into_iter().flatten().collect()
}

//! What the rules of a policy keep. The meaning is restic's, to the backup.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::period::Period;
use super::policy::{Count, Policy};
use super::read::Candidate;
use super::reason::{Reason, Rule};

/// A rule at work: how many it has kept, and the period it kept one of last.
struct Counter {
    rule: Rule,
    count: Count,
    taken: u32,
    last: Option<String>,
}

impl Counter {
    /// Takes a backup, or not. `is_oldest`: there is none older, and a rule that has room left keeps it, so that a young store
    /// keeps its beginning.
    fn take(&mut self, moment: DateTime<Utc>, zone: Tz, is_oldest: bool) -> Option<Reason> {
        if !self.count.has_room(self.taken) {
            return None;
        }
        let period = match self.rule {
            Rule::Last => None,
            Rule::Of(period) => Some(period.of(moment, zone)),
        };
        let stands = period.is_some() && period == self.last;
        if stands && !is_oldest {
            return None;
        }
        self.taken += 1;
        self.last.clone_from(&period);
        Some(Reason::Rule { rule: self.rule, nth: self.taken, period, oldest: stands })
    }
}

/// Returns why the policy keeps each of `backups`, which are sorted, the newest first; no reason where it does not.
pub(super) fn reasons(backups: &[&Candidate], policy: &Policy, zone: Tz) -> Vec<Vec<Reason>> {
    let counter = |rule, count| Counter { rule, count, taken: 0, last: None };
    let mut counters = vec![counter(Rule::Last, policy.last)];
    counters.extend(Period::ALL.map(|period| counter(Rule::Of(period), policy.of(period))));
    let newest = backups.first().map(|newest| newest.moment);
    let keep = |(i, backup): (usize, &&Candidate)| {
        let is_oldest = i + 1 == backups.len();
        let mut reasons: Vec<Reason> =
            counters.iter_mut().filter_map(|counter| counter.take(backup.moment, zone, is_oldest)).collect();
        let within = policy
            .within
            .iter()
            .filter(|within| newest.is_some_and(|newest| backup.moment > within.before(newest, zone)));
        reasons.extend(within.map(|within| Reason::Within { within: *within }));
        let tags = policy.tags.iter().filter(|tags| tags.iter().all(|tag| backup.tags.contains(tag)));
        reasons.extend(tags.map(|tags| Reason::Tag { tags: tags.iter().map(ToString::to_string).collect() }));
        reasons
    };
    backups.iter().enumerate().map(keep).collect()
}

//! Ten years of nightly runs, in one process, on a clock that is told.
//!
//! What must be there each morning is worked out over all backups ever made, without the code under test: pruning every night
//! must come to the same as having kept everything and choosing once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::directories::Shelf;
use super::*;
use crate::drill::Outcome;
use crate::store::Store;

const YEARS: i64 = 10;

/// A backup that was made once, whether it is still there or not.
struct Made {
    id: BackupId,
    moment: DateTime<Utc>,
    /// Its day, week, month and year.
    periods: [i64; 4],
    proven: bool,
}

/// Returns what the default policy keeps of all that was made, with the newest two proven.
fn expected(made: &[Made], now: DateTime<Utc>) -> BTreeSet<BackupId> {
    let mut counted: Vec<&Made> =
        made.iter().filter(|made| made.moment <= now + TimeDelta::hours(1)).collect();
    counted.sort_by_key(|made| std::cmp::Reverse((made.moment, &made.id)));
    let mut keep: BTreeSet<BackupId> = counted.iter().take(3).map(|made| made.id.clone()).collect();
    keep.extend(counted.iter().filter(|made| made.proven).take(2).map(|made| made.id.clone()));
    for (period, count) in [14, 8, 12, 7].into_iter().enumerate() {
        let mut periods: BTreeMap<i64, &BackupId> = BTreeMap::new();
        for made in &counted {
            periods.entry(made.periods[period]).or_insert(&made.id);
        }
        keep.extend(periods.values().rev().take(count).map(|id| (*id).clone()));
        if periods.len() < count {
            keep.extend(counted.last().map(|made| made.id.clone()));
        }
    }
    let ahead = made.iter().filter(|made| made.moment > now + TimeDelta::hours(1));
    keep.extend(ahead.map(|made| made.id.clone()));
    keep
}

/// What happens in one night.
#[derive(Clone, Copy, PartialEq)]
enum Night {
    /// A backup, pruning.
    Backup,
    /// The same, and a drill of it.
    BackupAndDrill,
    /// Nothing: the machine was off.
    Off,
}

/// A store under test: on a disk, or in memory.
trait Nightly {
    fn back_up(&mut self, moment: DateTime<Utc>, number: usize) -> BackupId;
    fn drill(&mut self, id: &BackupId, now: DateTime<Utc>);
    fn prune(&mut self, now: DateTime<Utc>, just_made: &BackupId) -> bool;
    fn ids(&self) -> BTreeSet<BackupId>;
}

impl Nightly for Shelf {
    fn back_up(&mut self, moment: DateTime<Utc>, number: usize) -> BackupId {
        Shelf::back_up(self, "app", moment, number, 5000)
    }

    fn drill(&mut self, id: &BackupId, now: DateTime<Utc>) {
        Shelf::drill(self, id, Outcome::Proven, now);
    }

    fn prune(&mut self, now: DateTime<Utc>, just_made: &BackupId) -> bool {
        let asked = Asked { just_made: Some(just_made.clone()), ..asked(now) };
        let lock = self.store.lock("app").unwrap();
        let plan = self.plan("app", &default_rules(), &asked);
        let removals = remove(&self.store, &lock, &plan, None, now).unwrap();
        assert!(removals.iter().all(|removal| removal.fate == Fate::Removed), "{removals:?}");
        plan.is_held()
    }

    fn ids(&self) -> BTreeSet<BackupId> {
        Shelf::ids(self).into_iter().collect()
    }
}

impl Nightly for Vec<Candidate> {
    fn back_up(&mut self, moment: DateTime<Utc>, number: usize) -> BackupId {
        let mut backup = candidate(moment, number);
        backup.tables = vec![(table("students"), 5000)];
        self.push(backup);
        id("app", moment, number)
    }

    fn drill(&mut self, id: &BackupId, _: DateTime<Utc>) {
        self.iter_mut().filter(|backup| backup.id == *id).for_each(|backup| backup.state = State::Proven);
    }

    fn prune(&mut self, now: DateTime<Utc>, just_made: &BackupId) -> bool {
        let asked = Asked { just_made: Some(just_made.clone()), ..asked(now) };
        let mut plan = judge(&group(self.clone()), &[], &default_rules(), &asked);
        let gone: BTreeSet<BackupId> = plan.removals().map(|line| line.id.clone()).collect();
        self.retain(|backup| !gone.contains(&backup.id));
        for backup in self {
            backup.judged = plan.judgements.remove(&backup.id).or(backup.judged.take());
        }
        plan.is_held()
    }

    fn ids(&self) -> BTreeSet<BackupId> {
        self.iter().map(|backup| backup.id.clone()).collect()
    }
}

/// Lives through the years. `clock` says by how much the clock is wrong in a night. Checks each night that the newest proven
/// backup is there, and where `exact`, that exactly what the policy says is. Returns how many nights were held.
fn live(
    store: &mut dyn Nightly,
    night: impl Fn(i64) -> Night,
    clock: impl Fn(i64) -> TimeDelta,
    exact: impl Fn(i64) -> bool,
) -> usize {
    let (mut made, mut held): (Vec<Made>, usize) = (Vec::new(), 0);
    for day in 0..YEARS * 365 + 2 {
        let now = at("2026-11-21 02:00") + TimeDelta::days(day) + clock(day);
        let what = night(day);
        if what == Night::Off {
            continue;
        }
        let id = store.back_up(now, usize::try_from(day).unwrap());
        let is_held = store.prune(now, &id);
        held += usize::from(is_held);
        let periods =
            ["%Y%m%d", "%G%V", "%Y%m", "%Y"].map(|form| now.format(form).to_string().parse().unwrap());
        made.push(Made { id, moment: now, periods, proven: false });
        let there = store.ids();
        // what was removed wrongly stays away, what was kept wrongly is here for days: each fifth night is enough
        if day % 5 == 0 && exact(day) && !is_held {
            assert_eq!(there, expected(&made, now), "day {day}");
        }
        // by when it was proven: moments say little while a clock is wrong
        let proven = made.iter().rev().find(|made| made.proven);
        assert!(proven.is_none_or(|proven| there.contains(&proven.id)), "day {day}");
        assert!(made.last().is_some_and(|newest| there.contains(&newest.id)), "day {day}");
        if what == Night::BackupAndDrill {
            let newest = made.last_mut().unwrap();
            store.drill(&newest.id, now);
            newest.proven = true;
        }
    }
    assert!(store.ids().len() < 60, "{} backups are left", store.ids().len());
    held
}

fn weekly(day: i64) -> Night {
    if day % 7 == 0 { Night::BackupAndDrill } else { Night::Backup }
}

fn right(_: i64) -> TimeDelta {
    TimeDelta::zero()
}

#[test]
fn ten_years_of_nights_on_real_directories_keep_exactly_what_the_policy_says() {
    let mut shelf = Shelf::new();
    assert_eq!(live(&mut shelf, weekly, right, |_| true), 0);
    let last = Shelf::ids(&shelf);
    // 3 + 14 days, 8 weeks, 12 months and 7 years overlap
    assert_eq!(last.len(), 35, "{last:#?}");
}

#[test]
fn ten_years_in_memory_come_to_the_same() {
    let (mut memory, mut at_once) = (Vec::new(), Vec::new());
    assert_eq!(live(&mut memory, weekly, right, |_| true), 0);
    for day in 0..YEARS * 365 + 2 {
        let id =
            at_once.back_up(at("2026-11-21 02:00") + TimeDelta::days(day), usize::try_from(day).unwrap());
        if weekly(day) == Night::BackupAndDrill {
            at_once.drill(&id, at("2026-11-21 02:00"));
        }
    }
    // everything kept for ten years and pruned once
    let last = memory.iter().map(|backup| backup.moment).max().unwrap();
    let newest = memory.iter().max_by_key(|backup| backup.moment).unwrap().id.clone();
    assert!(!at_once.prune(last, &newest));
    assert_eq!(at_once.ids(), memory.ids());
}

#[test]
fn ten_years_with_missed_nights_keep_exactly_what_the_policy_says() {
    let night = |day: i64| match day {
        // off for a summer, each third night in the second year, and whenever
        200..260 => Night::Off,
        400..700 if day % 3 != 0 => Night::Off,
        _ if day % 11 == 5 => Night::Off,
        _ => weekly(day),
    };
    let held = live(&mut Vec::new(), night, right, |_| true);
    assert!(held > 0, "after the summer the last proof is too old");
}

#[test]
fn ten_years_with_a_year_without_drills_hold_that_year_and_lose_nothing() {
    let night = |day: i64| if (1000..1365).contains(&day) { Night::Backup } else { weekly(day) };
    let held = live(&mut Vec::new(), night, right, |_| true);
    assert!((325..=335).contains(&held), "{held}");
}

#[test]
fn ten_years_with_a_clock_that_jumps_ahead_keep_what_the_policy_says_when_it_is_right() {
    let clock = |day: i64| match day {
        800..805 => TimeDelta::days(400),
        2000 => TimeDelta::days(30 * 365),
        _ => TimeDelta::zero(),
    };
    let exact = |day: i64| clock(day).is_zero();
    assert!(live(&mut Vec::new(), weekly, clock, exact) > 0, "while it is wrong, proofs look old");
}

#[test]
fn ten_years_with_a_clock_that_falls_back_never_lose_the_last_proven() {
    let clock = |day: i64| match day {
        800..830 => TimeDelta::days(-300),
        2000..2010 => TimeDelta::hours(-36),
        _ => TimeDelta::zero(),
    };
    live(&mut Vec::new(), weekly, clock, |day| day < 800);
}

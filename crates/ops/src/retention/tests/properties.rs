//! What holds for any backups and any rules. The choices are made by a generator with fixed seeds.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::*;

/// A small generator (xorshift64*): the same seed tells the same story on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % sides
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.roll(all.len() as u64)).unwrap()]
    }
}

const NOW: &str = "2026-11-21 12:00";

fn backups(dice: &mut Dice) -> Vec<Candidate> {
    let spread = *dice.one_of(&[3, 48, 24 * 40, 24 * 800, 24 * 4000]);
    let count = usize::try_from(dice.roll(60)).unwrap();
    let one = |number| {
        // some lie a little ahead of the clock, some far ahead
        let hours = i64::try_from(dice.roll(spread)).unwrap() - if dice.roll(20) == 0 { 100 } else { 0 };
        let moment =
            at(NOW) - TimeDelta::hours(hours) + TimeDelta::minutes(i64::try_from(dice.roll(60)).unwrap());
        let mut backup = candidate(moment, number);
        backup.state = *dice.one_of(&[State::Unproven, State::Unproven, State::Proven, State::Failed]);
        if dice.roll(10) == 0 {
            backup.pin = Some(Pin::new(moment, None));
        }
        if dice.roll(6) == 0 {
            backup.tags = vec!["audit".parse().unwrap()];
        }
        backup.tables = vec![(table("a"), 1000 + dice.roll(50)), (table("b"), dice.roll(3) * 500)];
        backup
    };
    (0..count).map(one).collect()
}

fn rules(dice: &mut Dice) -> Rules {
    let rules = [
        "last 1",
        "last 4",
        "hourly 5",
        "daily 3",
        "daily 14",
        "weekly 2",
        "monthly 4",
        "yearly 2",
        "yearly -1",
        "within 3d",
        "within 1m",
        "tag audit",
    ];
    let chosen: Vec<&str> = (0..=dice.roll(3)).map(|_| *dice.one_of(&rules)).collect();
    Rules {
        keep_proven: std::num::NonZeroU32::new(1 + u32::try_from(dice.roll(3)).unwrap()).unwrap(),
        max_proof_age: dice.one_of(&[None, Some(TimeDelta::days(10))]).to_owned(),
        max_shrink: dice.one_of(&[None, Some("50%".parse().unwrap())]).to_owned(),
        zone: *dice.one_of(&[Tz::UTC, Tz::Europe__Berlin, Tz::Pacific__Kiritimati]),
        ..lenient(Policy::parse(&chosen).unwrap())
    }
}

/// Runs `check` on a thousand made-up stores.
fn for_any(check: impl Fn(&mut Dice, Vec<Candidate>, Rules)) {
    for seed in 1..=1000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (backups, rules) = (backups(&mut dice), rules(&mut dice));
        check(&mut dice, backups, rules);
    }
}

fn removed(plan: &GroupPlan) -> BTreeSet<BackupId> {
    plan.removals().map(|line| line.id.clone()).collect()
}

#[test]
fn the_newest_proven_pinned_tagged_failed_and_future_ones_are_never_removed() {
    for_any(|_, backups, rules| {
        let group = group(backups);
        let plan = judge(&group, &[], &rules, &asked(at(NOW)));
        let gone = removed(&plan);
        assert!(group.newest(at(NOW)).is_none_or(|newest| !gone.contains(&newest.id)));
        let mut proven: Vec<&Candidate> = group.backups.iter().collect();
        proven.retain(|backup| backup.state == State::Proven && !backup.is_ahead_of(at(NOW)));
        proven.sort_by_key(|backup| std::cmp::Reverse((backup.moment, backup.id.clone())));
        let floor = usize::try_from(rules.keep_proven.get()).unwrap();
        assert!(proven.iter().take(floor).all(|backup| !gone.contains(&backup.id)));
        for backup in &group.backups {
            if backup.pin.is_some() || backup.state == State::Failed || backup.is_ahead_of(at(NOW)) {
                assert!(!gone.contains(&backup.id));
            }
        }
        if plan.is_held() {
            assert!(gone.is_empty());
        }
        for line in &plan.backups {
            assert_eq!(line.verdict == Verdict::Keep, !line.reasons.is_empty(), "each line says why");
        }
    });
}

#[test]
fn the_order_backups_come_in_does_not_matter() {
    for_any(|dice, backups, rules| {
        let first = judge(&group(backups.clone()), &[], &rules, &asked(at(NOW)));
        let mut shuffled = backups;
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, usize::try_from(dice.roll(i as u64 + 1)).unwrap());
        }
        assert_eq!(judge(&group(shuffled), &[], &rules, &asked(at(NOW))), first);
    });
}

#[test]
fn pruning_twice_is_pruning_once() {
    for_any(|_, mut backups, rules| {
        let plan = judge(&group(backups.clone()), &[], &rules, &asked(at(NOW)));
        let gone = removed(&plan);
        backups.retain(|backup| !gone.contains(&backup.id));
        for backup in &mut backups {
            if let Some(judgement) = plan.judgements.get(&backup.id) {
                backup.judged = Some(judgement.clone());
            }
        }
        let again = judge(&group(backups), &[], &rules, &asked(at(NOW)));
        assert!(removed(&again).is_empty(), "{:#?}", again.backups);
        assert!(again.judgements.is_empty(), "what was written down once is not written again");
    });
}

#[test]
fn a_wider_policy_keeps_all_a_narrower_one_keeps() {
    for_any(|dice, backups, rules| {
        let wider = Rules { policy: rules.policy.clone().or(self::rules(dice).policy), ..rules.clone() };
        let narrow = removed(&judge(&group(backups.clone()), &[], &rules, &asked(at(NOW))));
        let wide = removed(&judge(&group(backups), &[], &wider, &asked(at(NOW))));
        // a hold shows only where something would go
        assert!(wide.is_subset(&narrow) || narrow.is_empty());
    });
}

//! The rules mean what restic's mean: its own answers are the expectation.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::*;

/// Returns the numbers in `0-3 7`.
fn numbers(text: &str) -> BTreeSet<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        from.parse().unwrap()..=to.parse().unwrap()
    };
    text.split_whitespace().flat_map(range).collect()
}

#[test]
fn what_restic_keeps_is_kept_and_nothing_else_by_the_rules() {
    let (mut zone, mut backups, mut compared) = (Tz::UTC, Vec::new(), 0);
    for line in include_str!("restic.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        match word {
            "zone" => (zone, backups) = (rest.parse().unwrap(), Vec::new()),
            "at" => backups.push(candidate(rest.parse().unwrap(), backups.len())),
            _ => {
                let (rules, kept) = rest.split_once(':').unwrap();
                let rules: Vec<&str> = rules.split("; ").collect();
                let rules = Rules { zone, ..lenient(Policy::parse(&rules).unwrap()) };
                let plan = judge(&group(backups.clone()), &[], &rules, &asked(at("2026-11-21 12:00")));
                let by_rule = |reason: &Reason| {
                    matches!(reason, Reason::Rule { oldest: false, .. } | Reason::Within { .. })
                };
                let ours =
                    plan.backups.iter().enumerate().filter(|(_, line)| line.reasons.iter().any(by_rule));
                let ours: BTreeSet<usize> = ours.map(|(i, _)| i).collect();
                assert_eq!(ours, numbers(kept), "{zone}, {rest}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 3 * 40);
}

#[test]
fn the_oldest_stays_while_a_rule_has_room_left() {
    let days = ["2026-11-21 02:00", "2026-11-20 14:00", "2026-11-20 02:00"];
    let backups: Vec<Candidate> = days.iter().enumerate().map(|(i, day)| candidate(at(day), i)).collect();
    let kept = |rule: &str| {
        let plan = judge(
            &group(backups.clone()),
            &[],
            &lenient(Policy::parse(&[rule]).unwrap()),
            &asked(at(days[0])),
        );
        plan.backups.iter().map(|line| line.verdict == Verdict::Keep).collect::<Vec<_>>()
    };
    assert_eq!(kept("daily 2"), [true, true, false]);
    assert_eq!(kept("daily 3"), [true, true, true]);
    assert_eq!(kept("daily -1"), [true, true, true]);
    assert_eq!(kept("yearly 1"), [true, false, false]);
    assert_eq!(kept("yearly 2"), [true, false, true]);
}

//! Holds over many nights: they last until somebody acts, and no longer.

use chrono::TimeDelta;

use super::*;

/// The backups of one database, and what each night makes of them.
#[derive(Default)]
struct Nights {
    now: DateTime<Utc>,
    backups: Vec<Candidate>,
    made: usize,
}

impl Nights {
    /// Makes a backup with so many students and prunes by `rules`; returns what speaks against it.
    fn night(&mut self, students: u64, rules: &Rules, even_though: &[HoldKind]) -> GroupPlan {
        self.now = if self.made == 0 { at("2026-01-01 02:00") } else { self.now + TimeDelta::days(1) };
        let mut backup = candidate(self.now, self.made);
        backup.tables = vec![(table("students"), students), (table("rooms"), 40)];
        backup.state = State::Proven;
        self.backups.push(backup);
        self.made += 1;
        let plan = judge(
            &group(self.backups.clone()),
            &[],
            rules,
            &Asked { even_though: even_though.to_vec(), ..asked(self.now) },
        );
        let gone: Vec<&BackupId> = plan.removals().map(|line| &line.id).collect();
        self.backups.retain(|backup| !gone.contains(&&backup.id));
        for backup in &mut self.backups {
            if let Some(judgement) = plan.judgements.get(&backup.id) {
                backup.judged = Some(judgement.clone());
            }
        }
        plan
    }
}

#[test]
fn a_mistaken_delete_holds_every_night_until_somebody_accepts_it() {
    let (mut nights, rules) = (Nights::default(), default_rules());
    for _ in 0..60 {
        assert!(!nights.night(1000, &rules, &[]).is_held());
    }
    let before = nights.backups.len();
    for night in 1..=100 {
        let plan = nights.night(10, &rules, &[]);
        assert!(plan.is_held(), "night {night}");
        assert_eq!(nights.backups.len(), before + night, "nothing goes");
        let told: Vec<String> = plan.holds.iter().map(ToString::to_string).collect();
        assert!(
            told[0].starts_with("app.students: 10 rows instead of 1000, since app_20260302T"),
            "{told:?}"
        );
    }
    let plan = nights.night(10, &rules, &[HoldKind::Shrunk]);
    assert_eq!((plan.holds.len(), plan.overruled.len()), (0, 1));
    assert!(nights.backups.len() < 40, "{}", nights.backups.len());
    for students in [10, 9, 9, 10, 8] {
        assert!(!nights.night(students, &rules, &[]).is_held(), "accepted once is accepted");
    }
    assert!(nights.night(0, &rules, &[]).is_held(), "another fall is another question");
}

#[test]
fn rows_that_come_back_end_the_hold_for_good() {
    let (mut nights, rules) = (Nights::default(), default_rules());
    for _ in 0..60 {
        nights.night(1000, &rules, &[]);
    }
    assert!(nights.night(0, &rules, &[]).is_held());
    assert!(nights.night(0, &rules, &[]).is_held());
    for _ in 0..30 {
        assert!(!nights.night(980, &rules, &[]).is_held());
    }
}

#[test]
fn a_slow_decline_over_years_is_no_alarm_and_pruning_makes_none_of_it() {
    let (mut nights, rules) = (Nights::default(), default_rules());
    // half of it goes each 90 days
    let mut students = 1e9;
    for _ in 0..3 * 365 {
        students *= 0.992_3;
        assert!(!nights.night(students as u64, &rules, &[]).is_held());
    }
    assert!(nights.backups.len() < 40);
}

#[test]
fn a_table_that_fills_and_empties_alarms_once_at_most() {
    let (mut nights, rules) = (Nights::default(), default_rules());
    let mut alarms = 0;
    for night in 0..3 * 365 {
        let students = [90_000, 4_000, 0, 30_000, 150, 60_000, 700][night % 7];
        if nights.night(students, &rules, &[]).is_held() {
            alarms += 1;
            nights.night(students, &rules, &[HoldKind::Shrunk]);
        }
    }
    assert!(alarms <= 2, "{alarms}");
}

#[test]
fn a_backup_that_was_made_while_pruning_was_off_is_judged_when_it_is_on_again() {
    let (mut nights, mut rules) = (Nights::default(), default_rules());
    rules.policy = Policy::parse(&["last -1"]).unwrap();
    for _ in 0..20 {
        nights.night(1000, &rules, &[]);
    }
    for backup in &mut nights.backups {
        backup.judged = None;
    }
    for _ in 0..10 {
        nights.night(1, &rules, &[]);
    }
    for backup in &mut nights.backups {
        backup.judged = None;
    }
    assert!(nights.night(1, &default_rules(), &[]).is_held());
}

//! Ages and proofs as tables.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const LIMITS: Limits =
    Limits { max_age: Duration::from_secs(26 * 3600), max_proof_age: Duration::from_secs(8 * 86_400) };

fn now() -> DateTime<Utc> {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

/// A backup made so many hours ago, in this state, drilled so many hours ago.
fn backup(hours: i64, state: State, drilled: Option<i64>) -> Listed {
    let ago = |hours: i64| now() - TimeDelta::hours(hours);
    let id =
        BackupId::parse(&format!("app_{}_{:04x}", ago(hours).format("%Y%m%dT%H%M%SZ"), hours.unsigned_abs()))
            .unwrap();
    Listed {
        moment: ago(hours),
        state,
        proven: drilled.filter(|_| state == State::Proven).map(ago),
        drilled: drilled.map(ago),
        ..Listed::named(id)
    }
}

/// The same of a part.
fn part(words: &str, hours: i64, state: State, drilled: Option<i64>) -> Listed {
    Listed { part: Some(words.into()), ..backup(hours, state, drilled) }
}

fn problems(backups: &[Listed], part: Option<&str>) -> Vec<String> {
    let problems = judge(backups, part, LIMITS, now()).problems;
    problems.iter().map(|p| format!("{p:?}").split([' ', '{']).next().unwrap().to_owned()).collect()
}

use State::{Damaged, Failed, Newer, Proven, Unproven};

#[rstest::rstest]
#[case::none(&[], &["NoBackup"])]
#[case::young_and_proven(&[(5, Proven, Some(4))], &[])]
#[case::a_minute_too_old(&[(27, Proven, Some(4))], &["TooOld"])]
#[case::at_the_limit(&[(26, Proven, Some(4))], &[])]
#[case::an_older_one_is_proven(&[(5, Unproven, None), (29, Proven, Some(28))], &[])]
#[case::never_proven(&[(5, Unproven, None)], &["NoProof"])]
#[case::proof_too_old(&[(5, Unproven, None), (200, Proven, Some(193))], &["ProofTooOld"])]
#[case::both_too_old(&[(200, Proven, Some(193))], &["TooOld", "ProofTooOld"])]
#[case::the_newest_failed_its_drill(&[(5, Failed, Some(4)), (10, Proven, Some(9))], &["DrillFailed"])]
#[case::all_failed(&[(5, Failed, Some(4))], &["NoneCounts", "DrillFailed", "NoProof"])]
#[case::failed_before_a_newer_one(&[(1, Unproven, None), (25, Failed, Some(24)), (50, Proven, Some(49))], &["DrillFailed"])]
#[case::proved_after_a_failure(&[(1, Proven, Some(0)), (25, Failed, Some(24))], &[])]
#[case::damaged_newest(&[(1, Damaged, None), (20, Proven, Some(19))], &["Damaged"])]
#[case::damaged_older(&[(1, Proven, Some(0)), (20, Damaged, None)], &[])]
#[case::newer_format(&[(1, Newer, None), (20, Proven, Some(19))], &["Newer"])]
#[case::of_the_future_alone(&[(-2, Proven, Some(-1))], &["NoneCounts", "Future", "NoProof"])]
#[case::of_the_future_beside_an_old_one(&[(-2, Unproven, None), (40, Proven, Some(39))], &["TooOld", "Future"])]
#[case::proved_in_the_future(&[(5, Proven, Some(-2))], &["NoProof"])]
fn every_problem_is_named_and_the_worst_comes_first(
    #[case] backups: &[(i64, State, Option<i64>)],
    #[case] expected: &[&str],
) {
    let backups: Vec<Listed> =
        backups.iter().map(|(hours, state, drilled)| backup(*hours, *state, *drilled)).collect();
    assert_eq!(problems(&backups, None), expected);
    let mut reversed = backups;
    reversed.reverse();
    assert_eq!(problems(&reversed, None), expected, "the order of the list says nothing");
}

#[test]
fn a_server_whose_clock_runs_a_little_ahead_is_fresh() {
    let mut fresh = backup(0, Proven, Some(0));
    fresh.moment = now() + TimeDelta::minutes(4);
    let found = judge(&[fresh], None, LIMITS, now());
    assert_eq!((found.problems, found.newest.unwrap().1), (vec![], Duration::ZERO));
}

#[test]
fn what_does_not_count_is_not_the_newest() {
    let all = [
        backup(1, Failed, Some(0)),
        backup(2, Damaged, None),
        backup(3, Newer, None),
        backup(-1, Unproven, None),
        backup(9, Unproven, None),
    ];
    assert_eq!(judge(&all, None, LIMITS, now()).newest.unwrap().1, HOUR * 9);
}

#[rstest::rstest]
#[case::never_drilled(&[(1, Unproven, None)], true)]
#[case::yesterday(&[(1, Unproven, None), (25, Proven, Some(24))], false)]
#[case::a_week_ago_less_half_an_hour(&[(1, Unproven, None), (168, Proven, Some(167))], true)]
#[case::six_days_ago(&[(1, Unproven, None), (145, Proven, Some(144))], false)]
#[case::the_last_one_failed(&[(1, Unproven, None), (25, Failed, Some(24)), (49, Proven, Some(48))], true)]
fn a_weekly_drill_is_due_after_a_week_and_after_a_failure(
    #[case] backups: &[(i64, State, Option<i64>)],
    #[case] due: bool,
) {
    let backups: Vec<Listed> =
        backups.iter().map(|(hours, state, drilled)| backup(*hours, *state, *drilled)).collect();
    assert_eq!(drill_is_due(&backups, None, HOUR * 168, now()), due);
}

#[test]
fn a_drill_of_every_night_is_due_every_night_and_not_twice_a_night() {
    let at = |hours: i64| drill_is_due(&[backup(hours + 1, Proven, Some(hours))], None, HOUR * 24, now());
    assert_eq!([at(23), at(24), at(25), at(6)], [true, true, true, false]);
}

#[rstest::rstest]
#[case::beside_a_fresh_whole_one(vec![part("schema only", 1, Unproven, None), backup(5, Proven, Some(4))], &[])]
#[case::newer_than_an_old_whole_one(vec![part("schema only", 1, Proven, Some(0)), backup(40, Proven, Some(39))], &["TooOld"])]
#[case::its_proof_proves_nothing_else(vec![part("schema only", 1, Proven, Some(0)), backup(5, Unproven, None)], &["NoProof"])]
#[case::its_failed_drill_is_its_own(vec![part("schema only", 1, Failed, Some(0)), backup(5, Proven, Some(4))], &[])]
#[case::of_the_future(vec![part("schema only", -9, Unproven, None), backup(5, Proven, Some(4))], &[])]
#[case::only_parts(vec![part("schema only", 1, Proven, Some(0)), part("tables app.t", 2, Unproven, None)], &["OnlyParts"])]
#[case::a_damaged_one_may_have_been_whole(vec![part("schema only", 9, Unproven, None), backup(1, Damaged, None)], &["NoneCounts", "Damaged", "NoProof"])]
fn a_part_is_never_taken_for_the_whole(#[case] backups: Vec<Listed>, #[case] expected: &[&str]) {
    assert_eq!(problems(&backups, None), expected);
}

#[test]
fn where_the_configuration_asks_for_a_part_that_part_is_what_must_be_fresh() {
    let asked = [part("schemas app", 1, Proven, Some(0)), part("schema only", 0, Unproven, None)];
    assert_eq!(problems(&asked, Some("schemas app")), Vec::<String>::new());
    assert_eq!(problems(&asked, Some("schemas hr")), ["OnlyParts"]);
    let found = judge(&asked, Some("schemas hr"), LIMITS, now());
    assert!(matches!(&found.problems[..], [Problem::OnlyParts { part, .. }] if part == "schema only"));
    let whole = [backup(1, Proven, Some(0))];
    assert_eq!(problems(&whole, Some("schemas app")), Vec::<String>::new(), "the whole holds every part");
}

#[test]
fn the_proof_of_a_part_puts_no_drill_off() {
    let backups = [part("schema only", 1, Proven, Some(0)), backup(200, Proven, Some(199))];
    assert!(drill_is_due(&backups, None, HOUR * 168, now()));
    assert!(!drill_is_due(&backups, Some("schema only"), HOUR * 168, now()));
}

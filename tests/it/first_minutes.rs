//! From a stranger's database to a proof: `init`, `doctor`, `backup run`, `drill`.

use serde_json::Value;

use crate::own_database::{OwnDatabase, told};

/// Runs a command that must succeed, and returns its answer.
fn answer(own: &OwnDatabase, words: &[&str]) -> Value {
    let output = own.program().args(words).args(["--format", "json"]).output().expect("the program");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", told(&output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn four_commands_lead_to_a_proof_whether_the_superuser_has_a_password_or_not() {
    let own =
        OwnDatabase::with(&[], &["create table a (i int)", "insert into a values (1), (2), (null)"]).await;
    own.initialised("postgres");
    for superuser in ["alter role postgres password null", "alter role postgres password 'something'"] {
        own.run_sql("app", superuser).await;
        assert!(answer(&own, &["doctor"])["findings"].is_array());
        assert_eq!(answer(&own, &["backup", "run"])["outcome"], "ok");
        let proof = answer(&own, &["drill"]);
        assert_eq!(
            (&proof["outcome"], &proof["compared"]["rows"]),
            (&"proven".into(), &3.into()),
            "{superuser}"
        );
    }
    let lost = told(&own.program().args(["backup", "show", "nothing"]).output().expect("the program"));
    assert!(lost.contains("newest proven backup: app_"), "{lost}");
    let estimate = &answer(&own, &["doctor"])["estimate"];
    assert!(estimate["based_on"].as_str().is_some_and(|id| id.starts_with("app_")), "{estimate}");
}

//! What an auditor is handed.

use chrono::Utc;
use unisys_ops::backup::{BackupId, Finding, ManifestTable};
use unisys_ops::drill::{Compared, DrillRecord, Outcome, Rto};
use unisys_ops::evidence::{Evidence, Exhibit, SigningKey, Verdict};

use super::{Database, Report, html};

const HOSTILE: &str = "<script>alert('1')</script>\"&";

fn drill(day: u32, outcome: Outcome, verdict: Verdict) -> Exhibit {
    let id = BackupId::parse(&format!("app_202611{day:02}T020000Z_0001")).unwrap();
    let record = DrillRecord {
        format: 1,
        outcome,
        backup: id.clone(),
        manifest_sha256: "00".into(),
        started: id.moment(),
        differences: if outcome == Outcome::Failed { vec![HOSTILE.into()] } else { Vec::new() },
        compared: Compared { rows: 1234, ..Compared::default() },
        not_compared: vec![HOSTILE.into()],
        restore_seconds: 60.0,
        verify_seconds: 2.0,
        rpo_seconds: 7200,
        keys: Default::default(),
        jobs: 2,
        server_version: HOSTILE.into(),
        made_by: HOSTILE.into(),
        rto: (outcome == Outcome::Proven).then_some(Rto {
            seconds: 90.0,
            analyze_seconds: 1.0,
            copy_bytes: 1000,
            synced_bytes_per_second: 1e6,
            cores: 2,
        }),
        signed_by: None,
    };
    let problems = match verdict.is_trusted() {
        true => Vec::new(),
        false => vec![Finding { file: "f".into(), problem: HOSTILE.into() }],
    };
    let evidence = Evidence {
        backup: id,
        file: "drill-1.json".into(),
        record: Some(record),
        record_signature: Some(verdict.clone()),
        manifest_signature: Some(verdict),
        manifest_sha256: Some("00".into()),
        removed: None,
        problems,
    };
    Exhibit { evidence, backup: None }
}

fn trusted() -> Verdict {
    Verdict::Trusted { key: "SHA256:k".into(), name: HOSTILE.into() }
}

fn report(drills: Vec<Exhibit>) -> String {
    let table = ManifestTable {
        schema: HOSTILE.into(),
        name: "t".into(),
        rows: 1,
        without_rows: false,
        bytes: 1,
        files: Vec::new(),
    };
    let name = HOSTILE.to_owned();
    let database = Database { cluster: name.clone(), name, drills, backups: Vec::new(), tables: vec![table] };
    let key = SigningKey::generate(HOSTILE).unwrap().public().clone();
    let made = "2026-11-21T02:00:00Z".parse::<chrono::DateTime<Utc>>().unwrap();
    html(&Report::new(made, None, std::slice::from_ref(&key), vec![database]), &[key]).unwrap()
}

#[test]
fn nothing_in_it_is_run_or_fetched() {
    let forged = Verdict::Broken { reason: HOSTILE.into() };
    let page = report(vec![
        drill(1, Outcome::Proven, trusted()),
        drill(2, Outcome::Failed, trusted()),
        drill(3, Outcome::Proven, forged),
    ]);
    assert!(!page.contains("<script") && !page.contains("alert('1')"), "{page}");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "{page}");
    assert!(page.contains("<svg") && page.contains("alert(&#39;1&#39;)"), "{page}");
}

#[test]
fn the_first_sentence_has_the_bad_news() {
    let proven = || drill(1, Outcome::Proven, trusted());
    let good = report(vec![proven(), drill(2, Outcome::Proven, trusted())]);
    assert!(
        good.contains("Every one of 2 drills restored its backup") && !good.contains("verdict bad"),
        "{good}"
    );
    let failed = report(vec![proven(), drill(2, Outcome::Failed, trusted())]);
    assert!(failed.contains("1 of 2 drills FAILED.") && failed.contains("verdict bad"), "{failed}");
    let unsigned = report(vec![proven(), drill(2, Outcome::Proven, Verdict::Unsigned)]);
    assert!(unsigned.contains("The evidence of 1 does NOT hold.") && unsigned.contains("verdict bad"));
    assert!(unsigned.contains("2: 1 proven, 0 failed, 1 with evidence that does not hold"), "{unsigned}");
    assert!(report(Vec::new()).contains("nothing is proved"));
}

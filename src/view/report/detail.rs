//! All that is known of one drill and its backup, in words.

use unisys_ops::backup::Layout;
use unisys_ops::drill::{DrillRecord, Outcome};
use unisys_ops::evidence::{BackedUp, Exhibit, Verdict};

use crate::ui::human::{bytes, count, duration, span, time};
use crate::ui::printable;
use crate::view::drill::recovery_point;
use crate::view::evidence::signed_by;

/// Returns what is known of one drill, line by line.
pub(super) fn detail(drill: &Exhibit) -> Vec<(&'static str, Vec<String>)> {
    let evidence = &drill.evidence;
    let mut lines = vec![("Backup", vec![evidence.backup.to_string()])];
    if let Some(backup) = &drill.backup {
        lines.extend(backed_up(backup));
    }
    if let Some(record) = &evidence.record {
        lines.extend(compared(record));
    }
    let signature =
        |verdict: &Option<Verdict>| verdict.as_ref().map_or_else(|| "cannot be read".into(), signed_by);
    let key = |verdict: &Option<Verdict>| Some(printable(verdict.as_ref()?.key()?));
    let mut record = vec![evidence.file.clone(), signature(&evidence.record_signature)];
    record.extend(key(&evidence.record_signature));
    lines.push(("Record", record));
    let mut manifest = vec![match evidence.removed {
        Some(_) => "removed with its backup; the record's signature vouches for its hash".into(),
        None => signature(&evidence.manifest_signature),
    }];
    manifest.extend(key(&evidence.manifest_signature));
    manifest.extend(evidence.manifest_sha256.iter().map(|sha256| format!("SHA-256 {sha256}")));
    lines.push(("Manifest", manifest));
    lines
}

fn backed_up(backup: &BackedUp) -> Vec<(&'static str, Vec<String>)> {
    let layout = match backup.layout {
        Layout::Parallel => "parallel",
        Layout::Single => "single",
    };
    let what = format!(
        "{} rows in {} tables, {} large objects; {} on the server",
        count(backup.rows),
        count(backup.tables),
        count(backup.large_objects),
        bytes(backup.database_bytes)
    );
    let stored = format!(
        "{} encrypted in {} files, layout {layout}, made in {}",
        bytes(backup.stored_bytes),
        count(backup.files),
        duration(span(backup.seconds))
    );
    let mut lines = vec![
        ("Moment", vec![format!("{}, WAL position {}", time(backup.moment), printable(&backup.lsn))]),
        ("Backed up", vec![what, stored]),
        ("Encrypted to", vec![format!("the keys {}", backup.recipients.join(", "))]),
        (
            "Versions",
            vec![format!(
                "server {}, pg_dump {}, {}",
                printable(&backup.server_version),
                printable(&backup.pg_dump_version),
                printable(&backup.made_by)
            )],
        ),
    ];
    if !backup.warnings.is_empty() {
        lines.push(("Left out", backup.warnings.iter().map(|text| printable(text)).collect()));
    }
    lines
}

fn compared(record: &DrillRecord) -> Vec<(&'static str, Vec<String>)> {
    let compared = &record.compared;
    let restored = format!(
        "{} on PostgreSQL {} by {}, {} sessions",
        time(record.started),
        printable(&record.server_version),
        printable(&record.made_by),
        record.jobs
    );
    let seconds = |seconds: f64| duration(span(seconds));
    let took = format!(
        "restored in {}, compared in {}",
        seconds(record.restore_seconds),
        seconds(record.verify_seconds)
    );
    let equal = match record.outcome {
        Outcome::Proven => format!(
            "equal: {} rows in {} tables ({}), {} sequences, {} large objects, {} catalog objects, {} definitions",
            count(compared.rows),
            count(compared.tables),
            bytes(compared.bytes),
            count(compared.sequences),
            count(compared.large_objects),
            count(compared.objects),
            count(compared.statements)
        ),
        Outcome::Failed => "FAILED, see above".into(),
    };
    let mut lines = vec![("Drilled", vec![restored, took]), ("Compared", vec![equal])];
    lines.push((
        "Not compared",
        match record.not_compared.is_empty() {
            true => vec!["nothing was left out".into()],
            false => record.not_compared.iter().map(|text| printable(text)).collect(),
        },
    ));
    if let Some(rto) = &record.rto {
        lines.push((
            "Recovery time",
            vec![format!(
                "about {}: restore {}, ANALYZE {}, and {} written twice at {}/s; {} processors",
                seconds(rto.seconds),
                seconds(record.restore_seconds),
                seconds(rto.analyze_seconds),
                bytes(rto.copy_bytes),
                bytes(rto.synced_bytes_per_second as u64),
                rto.cores
            )],
        ));
    }
    lines.push(("Recovery point", vec![recovery_point(record.rpo_seconds)]));
    lines
}

//! Metrics in Prometheus' text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! Moments, not ages: what is written once a night and read every minute must not stand still. An age is
//! `time() - unisys_dba_backup_last_success_timestamp_seconds`.

mod push;

use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, Utc};

pub use push::push;

use crate::memory::{Remembered, Runs};
use crate::store::write_atomically;
use crate::{OpsError, platform};

/// One metric: its name, what it means, and its value for a database; none where it is not known.
struct Metric {
    name: &'static str,
    help: &'static str,
    value: fn(&Remembered) -> Option<f64>,
}

/// Every metric there is. A new one is a line here and in the documentation.
const METRICS: &[Metric] = &[
    Metric {
        name: "unisys_dba_backup_last_run_timestamp_seconds",
        help: "When the last backup run ended, however it ended.",
        value: |known| known.backup.as_ref().map(|runs| seconds(runs.last)),
    },
    Metric {
        name: "unisys_dba_backup_last_run_success",
        help: "Whether the last backup run and all its later steps succeeded.",
        value: |known| known.backup.as_ref().map(whole),
    },
    Metric {
        name: "unisys_dba_backup_last_run_exit_code",
        help: "Exit code of the last backup run; 5: the backup is complete, a later step failed.",
        value: |known| known.backup.as_ref().map(|runs| f64::from(runs.exit)),
    },
    Metric {
        name: "unisys_dba_backup_last_run_duration_seconds",
        help: "How long the last backup run took, with its later steps.",
        value: |known| known.backup.as_ref().map(|runs| runs.seconds),
    },
    Metric {
        name: "unisys_dba_backup_last_success_timestamp_seconds",
        help: "When the last backup was complete.",
        value: |known| known.backup.as_ref()?.last_success.map(seconds),
    },
    Metric {
        name: "unisys_dba_backup_consecutive_failures",
        help: "How many backup runs have failed since one succeeded.",
        value: |known| known.backup.as_ref().map(|runs| runs.failures as f64),
    },
    Metric {
        name: "unisys_dba_backup_newest_moment_timestamp_seconds",
        help: "The moment the newest backup is of.",
        value: |known| known.newest.as_ref().map(|newest| seconds(newest.moment)),
    },
    Metric {
        name: "unisys_dba_backup_newest_rows",
        help: "Rows in the newest backup.",
        value: |known| known.newest.as_ref().map(|newest| newest.rows as f64),
    },
    Metric {
        name: "unisys_dba_backup_newest_tables",
        help: "Tables in the newest backup.",
        value: |known| known.newest.as_ref().map(|newest| newest.tables as f64),
    },
    Metric {
        name: "unisys_dba_backup_newest_stored_bytes",
        help: "Size of the newest backup as stored.",
        value: |known| known.newest.as_ref().map(|newest| newest.stored_bytes as f64),
    },
    Metric {
        name: "unisys_dba_backup_newest_database_bytes",
        help: "Size of the database on its server when the newest backup was made.",
        value: |known| known.newest.as_ref().map(|newest| newest.database_bytes as f64),
    },
    Metric {
        name: "unisys_dba_backup_newest_duration_seconds",
        help: "How long the newest backup took.",
        value: |known| known.newest.as_ref().map(|newest| newest.seconds),
    },
    Metric {
        name: "unisys_dba_drill_last_run_timestamp_seconds",
        help: "When the last drill ended, however it ended.",
        value: |known| known.drill.as_ref().map(|runs| seconds(runs.last)),
    },
    Metric {
        name: "unisys_dba_drill_last_run_success",
        help: "Whether the last drill proved its backup.",
        value: |known| known.drill.as_ref().map(whole),
    },
    Metric {
        name: "unisys_dba_drill_restore_duration_seconds",
        help: "How long the last drill took to restore.",
        value: |known| known.took.map(|took| took.restore_seconds),
    },
    Metric {
        name: "unisys_dba_drill_verify_duration_seconds",
        help: "How long the last drill took to compare.",
        value: |known| known.took.map(|took| took.verify_seconds),
    },
    Metric {
        name: "unisys_dba_proof_newest_timestamp_seconds",
        help: "When the newest proof was begun, by whichever machine.",
        value: |known| known.proof.as_ref().map(|proof| seconds(proof.proven)),
    },
    Metric {
        name: "unisys_dba_proof_newest_moment_timestamp_seconds",
        help: "The moment the backup with the newest proof is of: what is certain to come back.",
        value: |known| known.proof.as_ref().map(|proof| seconds(proof.moment)),
    },
];

fn seconds(moment: DateTime<Utc>) -> f64 {
    moment.timestamp() as f64
}

fn whole(runs: &Runs) -> f64 {
    if runs.exit == 0 { 1.0 } else { 0.0 }
}

/// Returns the metrics of these databases as a scraper reads them.
pub fn render(all: &[Remembered]) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let values: Vec<_> = all.iter().filter_map(|known| Some((known, (metric.value)(known)?))).collect();
        if values.is_empty() {
            continue;
        }
        // writing to a String cannot fail
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {0} gauge", metric.name, metric.help);
        for (known, value) in values {
            let _ = writeln!(text, "{}{{database=\"{}\"}} {value}", metric.name, escaped(&known.name));
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Writes the metrics for node_exporter's textfile collector: whole or not at all, and readable by the collector's user.
///
/// # Errors
/// [`OpsError::Io`].
pub fn write(path: &Path, all: &[Remembered]) -> Result<(), OpsError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        return Err(OpsError::Refused(format!(
            "there is no directory {} for the metrics",
            directory.display()
        )));
    }
    write_atomically(path, render(all).as_bytes())?;
    platform::make_readable(path)
}

#[cfg(test)]
mod tests;

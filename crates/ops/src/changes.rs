//! What became of a database since a backup of it: every row looked at, table by table.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use unisys_db::Target;
use unisys_db::migrate;
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::verify::{self, Content, Side, State, Verdict, VerifyError, VerifyOptions};

use crate::backup::Selected;
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;

/// A database beside a backup of it.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// The tables that are not as they were, the largest first: A is the backup, B the database.
    pub tables: Vec<Verdict>,
    /// How many rows the backup has, in all tables.
    pub rows_before: u64,
    /// How many rows the database has.
    pub rows_after: u64,
}

impl Changes {
    /// Compares a database, as it is now, with a backup. The migrations' own books are left out.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn since(
        backup: &OpenBackup,
        target: &Target,
        jobs: usize,
        progress: &Arc<dyn Progress>,
    ) -> Result<Self, VerifyError> {
        let before = Side::Known {
            tables: backup.facts.tables.clone(),
            seed: backup.facts.seed,
            encoding: backup.manifest.copy_encoding.clone(),
            columns: true,
        };
        progress.begin("compare", Expected::UNKNOWN);
        let progress = Arc::clone(progress);
        let options = VerifyOptions {
            content: Content::Fingerprints,
            patterns: Vec::new(),
            jobs,
            snapshot: SnapshotOptions { lock_timeout: Duration::from_secs(5), attempts: 3 },
            observer: Arc::new(move |verdict: &Verdict| {
                progress.start(&verdict.table.to_string(), Expected::bytes(verdict.bytes)).finish();
            }),
        };
        let verdicts = verify::run(before, Side::Database(Box::new(target.clone())), options).await?;
        Ok(Self::of(verdicts, backup.facts.selection.as_ref()))
    }

    fn of(mut verdicts: Vec<Verdict>, selected: Option<&Selected>) -> Self {
        verdicts.retain(|verdict| !migrate::is_record(&verdict.table) && is_comparable(verdict, selected));
        let rows = |rows: fn(&Verdict) -> Option<u64>| verdicts.iter().filter_map(rows).sum();
        let (rows_before, rows_after) = (rows(|verdict| verdict.rows_a), rows(|verdict| verdict.rows_b));
        verdicts.retain(|verdict| verdict.state != State::Equal);
        Self { tables: verdicts, rows_before, rows_after }
    }
}

/// A table whose rows a backup leaves out cannot be compared.
fn is_comparable(verdict: &Verdict, selected: Option<&Selected>) -> bool {
    verdict.rows_a.is_none() || selected.is_none_or(|selected| selected.holds_rows_of(&verdict.table))
}

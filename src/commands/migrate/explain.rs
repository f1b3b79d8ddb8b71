//! What to do about a migration that is refused or failed.

use unisys_db::migrate::MigrateError;

use crate::failure::Failure;

/// Returns the failure with what to do about it.
pub(crate) fn explain(error: MigrateError) -> Failure {
    let hint: String = match &error {
        MigrateError::NotPermitted { sql, .. } => {
            format!("Let a superuser run this first:\n{};", sql.join(";\n"))
        }
        MigrateError::Locked { .. } => "Wait for the other session, or end it, and run this again.".into(),
        MigrateError::Pooler(_) => "Name the server's own port in the url, or a pool in session mode.".into(),
        MigrateError::Rules(broken) => {
            let lines: Vec<String> = broken.iter().skip(1).map(|broken| format!("{broken}\n")).collect();
            format!(
                "{}Nothing was applied. What a migration may do and why is in migrations/README.md.",
                lines.concat()
            )
        }
        MigrateError::Edited { file } => {
            format!(
                "Bring {file} back as it was applied, and put the change into a new file. If it changes nothing, such as a \
                 comment: unisys-dba migrate repair --accept-checksum {} --reason WHY",
                file.split("__").next().unwrap_or_default()
            )
        }
        MigrateError::OutOfOrder { file, .. } => {
            format!("Give {file} the next free version: another branch was merged first.")
        }
        MigrateError::Unknown { version, .. } => {
            format!(
                "Use the version of unisys-dba that applied it, or a newer one. For a file of yours that is gone for good: \
                 unisys-dba migrate repair --forget V{version:04} --reason WHY"
            )
        }
        MigrateError::Apply { holders, .. } if !holders.is_empty() => {
            format!("Its locks were held by\n{}\nIt was rolled back. Run this again.", holders.join("\n"))
        }
        MigrateError::Apply { .. } | MigrateError::Unverified { .. } => {
            "The failed migration was rolled back. Remove the cause and run this again.".into()
        }
        MigrateError::HalfDone { invalid, .. } if !invalid.is_empty() => {
            "Run this again: it drops the invalid index of the file and builds it anew. An index whose name ends in \
             _ccnew is dropped with `drop index concurrently`."
                .into()
        }
        MigrateError::HalfDone { .. } => {
            "What it had done stays. Look at what is there, remove the cause and run this again.".into()
        }
        MigrateError::Left { .. } => {
            "Look at what is there and take it back by hand before you mend the file.".into()
        }
        MigrateError::Lost { .. } => "Run this again.".into(),
        MigrateError::Unresolved { .. } => {
            "When the server answers, run `unisys-dba migrate status`, then this again.".into()
        }
        MigrateError::Down { .. } => {
            "What the script had done is rolled back. Remove the cause, or go back with --restore.".into()
        }
        MigrateError::HasHistory { .. } => {
            "A baseline is for a database without one; `unisys-dba migrate status` shows it.".into()
        }
        MigrateError::NoSuchVersion { .. } => "Name the version of one of the files.".into(),
        MigrateError::Name { .. } | MigrateError::Duplicate { .. } | MigrateError::Orphan { .. } => {
            "A file is called V0001__what_it_does.sql, beside it V0001__what_it_does.verify.sql and .down.sql."
                .into()
        }
        MigrateError::Read { .. } => "Name the directory of the migrations with --dir, or in the database's table or migrate.dir.".into(),
        MigrateError::Text { .. } => "Correct the file; if it was applied, bring back its text of then.".into(),
        _ => "Run `unisys-dba migrate status`.".into(),
    };
    Failure::from(error).hint(hint)
}

//! Whether a backup made now would be complete: the doctor's judgement of the login and of the content, without the rest of the
//! pipeline. `backup run` asks it before each backup.

use std::fs;

use serde::Serialize;
use unisys_db::preflight::{Extension, Preflight};
use unisys_db::selection::{Selection, SelectionError, resolve};
use unisys_db::snapshot::SnapshotError;
use unisys_db::{Session, Target};

use super::{Finding, Level, contents, extensions, limits, rights};
use crate::OpsError;
use crate::program::{Programs, Search};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lint {
    /// What a backup would lack, and what it would not.
    pub findings: Vec<Finding>,
}

impl Lint {
    /// Returns the first reason why a backup would fail or lack what it should hold.
    pub fn failure(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.level == Level::Fail)
    }

    /// Returns the warnings, each a sentence with its repair, for the manifest.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.findings.iter().filter(|finding| finding.level == Level::Warn).map(|finding| {
            let repair = finding.repair.as_deref().unwrap_or_default();
            format!("{}: {}. To repair: {repair}", finding.check, finding.text)
        })
    }
}

/// Asks the server whether a backup of what is selected would be complete. Nothing is locked or written.
///
/// # Errors
/// [`OpsError::Db`]; [`OpsError::Snapshot`] for a selection the database does not allow.
pub async fn lint(target: &Target, selection: &Selection, search: &Search) -> Result<Lint, OpsError> {
    let session = Session::open(target).await?;
    session.set_pinned().await?;
    let scope = resolve(&session, selection).await.map_err(|error| match error {
        SelectionError::Db(error) => OpsError::Db(error),
        other => OpsError::Snapshot(SnapshotError::Selection(other)),
    })?;
    let facts = Preflight::load_selected(&session, &scope).await?;
    session.close().await;
    let mut findings = judge(&facts);
    findings.extend(judge_extensions(&facts, search));
    Ok(Lint { findings })
}

/// Judges what the server said of the login and of the content.
pub(super) fn judge(facts: &Preflight) -> Vec<Finding> {
    let mut findings = rights::judge_tables(facts);
    findings.extend([
        rights::judge_large_objects(facts),
        rights::judge_passwords(facts),
        limits::judge_encoding(facts),
    ]);
    findings.extend(contents::judge(facts));
    findings
}

/// Judges the extensions by those installed on this machine for a server of the same version; nothing where there is no such
/// server, because a drill will be made elsewhere.
fn judge_extensions(facts: &Preflight, search: &Search) -> Vec<Finding> {
    let major = facts.database.major();
    let installed = Programs::with_server(search, Some(major)).ok().and_then(|programs| installed(&programs));
    let findings = installed.map(|installed| extensions::judge(&facts.extensions, &installed, major));
    // the backup is whole without them; it is the drill that fails
    let softened = findings.into_iter().flatten().map(|finding| match finding.level {
        Level::Fail => Finding { level: Level::Warn, ..finding },
        _ => finding,
    });
    softened.collect()
}

/// Returns the extensions in the server's share directory, with the versions they would get.
fn installed(programs: &Programs) -> Option<Vec<Extension>> {
    let mut command = programs.command("pg_config");
    let output = command.arg("--sharedir").output().ok().filter(|output| output.status.success())?;
    let directory = String::from_utf8(output.stdout).ok()?;
    let entries = fs::read_dir(std::path::Path::new(directory.trim()).join("extension")).ok()?;
    let extension = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().strip_suffix(".control")?.to_owned();
        let version = default_version(&fs::read_to_string(entry.path()).ok()?).unwrap_or_default();
        Some(Extension { name, version })
    };
    Some(entries.flatten().filter_map(extension).collect())
}

/// `default_version = '1.6'`
fn default_version(control: &str) -> Option<String> {
    let values = control.lines().filter_map(|line| line.trim().strip_prefix("default_version"));
    let value = values.filter_map(|rest| rest.trim_start().strip_prefix('=')).next()?;
    Some(value.split('#').next()?.trim().trim_matches('\'').to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_control_file_names_its_version() {
        let control = "# pg_trgm\ncomment = 'x = y'\ndefault_version = '1.6'  # newest\n";
        assert_eq!(default_version(control).as_deref(), Some("1.6"));
        assert_eq!(default_version("comment = ''"), None);
    }

    #[test]
    fn a_warning_carries_its_repair_into_the_manifest() {
        let mut facts = samples::preflight();
        facts.login.reads_password_hashes = false;
        let lint = Lint { findings: judge(&facts) };
        let warnings: Vec<String> = lint.warnings().collect();
        assert_eq!(
            warnings,
            [
                "password hashes: not readable: after a disaster every role needs a new password. To repair: grant pg_read_all_data to \"dba\"; -- reads every table, password hashes too"
            ]
        );
        assert!(lint.failure().is_none());
    }
}

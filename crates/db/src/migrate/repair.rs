//! The history is made to agree with the files, where somebody says that they are right: explicit, one version at a time, and
//! in the log with its reason. Nothing of a migration is run.

use serde::Serialize;
use tokio_postgres::types::ToSql;

use super::history::{Applied, History};
use super::keeper::Keeper;
use super::{HISTORY, MigrateError, MigrationFile, MigrationSet, UpOptions, lock};
use crate::{Session, Target};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "repair", content = "version", rename_all = "kebab-case")]
pub enum Repair {
    /// The file of this version, which was changed after it was applied, is right as it is.
    AcceptChecksum(i32),
    /// The file of this version is gone for good: the history forgets that it was applied. What it did stays.
    Forget(i32),
}

impl Repair {
    /// Returns the version it is about.
    pub fn version(self) -> i32 {
        match self {
            Self::AcceptChecksum(version) | Self::Forget(version) => version,
        }
    }
}

/// One row of the history that is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairStep {
    /// What is done to it.
    #[serde(flatten)]
    pub repair: Repair,
    /// The name without version, as it will be, or as it was; empty where it cannot be read.
    pub name: String,
    /// The file, where there is one.
    pub file: Option<String>,
    /// What changes in the row, in words.
    pub change: String,
}

/// What would be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairPlan {
    /// The rows, in the order they were asked for.
    pub steps: Vec<RepairStep>,
}

/// Returns what repairs would change. Reads only.
///
/// # Errors
/// [`MigrateError::NotRepaired`] for a version whose row needs no such repair.
pub async fn plan_repair(
    session: &Session,
    migrations: &MigrationSet,
    asked: &[Repair],
) -> Result<RepairPlan, MigrateError> {
    let history = Keeper::find(session).await?.read(session).await?;
    plan(&history, migrations, asked)
}

/// Changes the rows of a plan, all or none, and writes each into the log with the reason.
///
/// # Errors
/// Nothing is changed when the history is not what the plan was made from, or what [`super::up`] refuses of the login.
pub async fn repair(
    target: &Target,
    migrations: &MigrationSet,
    asked: &[Repair],
    planned: &RepairPlan,
    reason: &str,
    options: &UpOptions,
) -> Result<(), MigrateError> {
    let session = lock::session(target, options.wait).await?;
    if plan_repair(&session, migrations, asked).await? != *planned {
        return Err(MigrateError::History { problem: "it changed since the plan was made".into() });
    }
    write(&session, migrations, planned, reason, options).await?;
    lock::release(session).await
}

/// All in one transaction, as the history's owner.
async fn write(
    session: &Session,
    migrations: &MigrationSet,
    planned: &RepairPlan,
    reason: &str,
    options: &UpOptions,
) -> Result<(), MigrateError> {
    let doing = || session.doing(format!("repair {HISTORY}"));
    Keeper::find(session).await?.begin(session).await.map_err(doing())?;
    let present = include_str!("../../../../sql/migrate/log_takes_repairs.sql");
    if !session.query_one(present, &[]).await.map_err(doing())?.get::<_, bool>(0) {
        let extend = include_str!("../../../../sql/migrate/log_extend.sql");
        session.batch_execute(extend).await.map_err(doing())?;
    }
    let host = (!options.host.is_empty()).then_some(&options.host);
    for step in &planned.steps {
        let version = step.repair.version();
        let changed = match (step.repair, of_version(migrations, version)) {
            (Repair::AcceptChecksum(_), Some(file)) => {
                let accept = include_str!("../../../../sql/migrate/accept.sql");
                session.execute(accept, &[&version, &file.name(), &file.checksum().to_string()]).await
            }
            _ => session.execute(include_str!("../../../../sql/migrate/forget.sql"), &[&version]).await,
        };
        let rows = changed.map_err(doing())?;
        if rows != 1 {
            // the session ends with this error, and with it the transaction
            return Err(MigrateError::History { problem: format!("version {version} is in {rows} rows") });
        }
        let log = include_str!("../../../../sql/migrate/log_repair.sql");
        let values: [&(dyn ToSql + Sync); 6] =
            [&version, &step.name, &host, &options.tool, &reason, &step.change];
        session.execute(log, &values).await.map_err(doing())?;
    }
    Ok(session.batch_execute("commit").await.map_err(doing())?)
}

fn of_version(migrations: &MigrationSet, version: i32) -> Option<&MigrationFile> {
    migrations.iter().find(|file| file.version() == version)
}

/// The judgement, pure.
fn plan(history: &History, migrations: &MigrationSet, asked: &[Repair]) -> Result<RepairPlan, MigrateError> {
    let mut steps: Vec<RepairStep> = Vec::new();
    for repair in asked {
        if !steps.iter().any(|step| step.repair == *repair) {
            let step = step(history, migrations, *repair);
            steps.push(
                step.map_err(|reason| MigrateError::NotRepaired { version: repair.version(), reason })?,
            );
        }
    }
    Ok(RepairPlan { steps })
}

fn step(history: &History, migrations: &MigrationSet, repair: Repair) -> Result<RepairStep, String> {
    let version = repair.version();
    let file = of_version(migrations, version);
    let row = row(history, version)?;
    match (repair, file) {
        (Repair::AcceptChecksum(_), None) => Err("there is no file of it; --forget is for that".into()),
        (Repair::AcceptChecksum(_), Some(file)) => Ok(RepairStep {
            repair,
            name: file.name().into(),
            file: Some(file.file().into()),
            change: accepted(&row, file).ok_or_else(|| format!("{} is as it was applied", file.file()))?,
        }),
        (Repair::Forget(_), Some(file)) => {
            Err(format!("{} is there; `migrate rollback` takes back what it did", file.file()))
        }
        (Repair::Forget(_), None) if migrations.is_builtin() => {
            Err("another version of this program has it; --dir names a directory of your own".into())
        }
        (Repair::Forget(_), None) => {
            let name = row.as_ref().map_or_else(|_| String::new(), |row| row.name.clone());
            Ok(RepairStep { repair, name, file: None, change: forgotten(&row) })
        }
    }
}

/// Returns the one row of a version, or why it cannot be read.
fn row(history: &History, version: i32) -> Result<Result<&Applied, &str>, String> {
    let row = history.rows.iter().find(|row| row.version == version);
    let problem = history.problems.iter().find(|problem| problem.version == Some(version));
    match (row, problem) {
        (Some(row), None) => Ok(Ok(row)),
        (None, Some(problem)) => Ok(Err(&problem.text)),
        (Some(_), Some(problem)) => Err(problem.text.clone()),
        (None, None) => Err("the history does not have it".into()),
    }
}

/// Returns what changes when the row becomes the file's; nothing when it is.
fn accepted(row: &Result<&Applied, &str>, file: &MigrationFile) -> Option<String> {
    let mut changes = Vec::new();
    match row {
        Ok(row) => {
            if row.name != file.name() {
                changes.push(format!("name {} -> {}", row.name, file.name()));
            }
            if row.checksum != file.checksum() {
                changes.push(format!("checksum {} -> {}", row.checksum, file.checksum()));
            }
        }
        Err(problem) => {
            changes.push(format!("{problem} -> name {}, checksum {}", file.name(), file.checksum()));
        }
    }
    (!changes.is_empty()).then(|| changes.join(", "))
}

/// Returns what the log keeps of a row that goes.
fn forgotten(row: &Result<&Applied, &str>) -> String {
    match row {
        Ok(row) => {
            let said = |what: &Option<String>| what.clone().unwrap_or_else(|| "unknown".into());
            let (on, by) = (said(&row.applied_on), said(&row.applied_by));
            format!("checksum {}, applied {on} by {by} -> no row", row.checksum)
        }
        Err(problem) => format!("{problem} -> no row"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::Problem;
    use super::*;

    const A: &[u8] = b"-- unisys:owner login\nselect 1;\n";

    fn set() -> MigrationSet {
        let file = |name: &str| MigrationFile::parse(name, A).unwrap();
        MigrationSet::new(vec![file("V0001__a.sql"), file("V0002__b.sql"), file("V0003__c.sql")]).unwrap()
    }

    /// 1 as it is, 2 edited and renamed, 3 unreadable, 4 without a file, 5 twice.
    fn history() -> History {
        let applied = |version, name: &str, checksum| {
            let mut row = Applied::default();
            (row.version, row.name, row.checksum) = (version, name.into(), checksum);
            row
        };
        let problem = |version, text: &str| Problem { version: Some(version), text: text.into() };
        History {
            rows: vec![
                applied(1, "a", set()[0].checksum()),
                applied(2, "old", 7),
                applied(4, "gone", 9),
                applied(5, "e", 5),
            ],
            problems: vec![problem(3, "no number"), problem(5, "version 5 is there twice")],
        }
    }

    fn judged(set: &MigrationSet, asked: &[Repair]) -> Result<Vec<String>, String> {
        let plan = plan(&history(), set, asked).map_err(|error| error.to_string())?;
        Ok(plan
            .steps
            .iter()
            .map(|step| format!("{} {}: {}", step.repair.version(), step.name, step.change))
            .collect())
    }

    #[test]
    fn a_repair_names_what_changes() {
        let (b, c) = (set()[1].checksum(), set()[2].checksum());
        use Repair::{AcceptChecksum, Forget};
        let found = judged(&set(), &[AcceptChecksum(2), Forget(4), AcceptChecksum(3), Forget(4)]).unwrap();
        let expected = [
            format!("2 b: name old -> b, checksum 7 -> {b}"),
            "4 gone: checksum 9, applied unknown by unknown -> no row".to_owned(),
            format!("3 c: no number -> name c, checksum {c}"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_needs_no_repair_or_another_gets_none() {
        use Repair::{AcceptChecksum, Forget};
        let refused = |repair| judged(&set(), &[AcceptChecksum(2), repair]).unwrap_err();
        assert_eq!(
            refused(AcceptChecksum(1)),
            "version 1 is not repaired: V0001__a.sql is as it was applied"
        );
        assert!(refused(AcceptChecksum(4)).ends_with("there is no file of it; --forget is for that"));
        assert!(refused(AcceptChecksum(6)).ends_with("the history does not have it"));
        assert!(refused(Forget(2)).contains("V0002__b.sql is there"));
        assert!(refused(Forget(5)).ends_with("version 5 is there twice"));
        let builtin = MigrationSet::builtin().unwrap();
        let mut history = history();
        history.rows[2].version = 4711;
        let error = plan(&history, &builtin, &[Forget(4711)]).unwrap_err().to_string();
        assert!(error.contains("another version of this program has it"), "{error}");
    }
}

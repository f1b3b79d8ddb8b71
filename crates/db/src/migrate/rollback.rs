//! Taking migrations back: which way there is, and the way by their down scripts.
//!
//! Where one of them has no down script, the way is the backup that was taken before; whoever calls restores it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::apply::{Failed, Work};
use super::calm::calm;
use super::history::History;
use super::keeper::Keeper;
use super::log::{Action, Outcome};
use super::{Event, MigrateError, MigrationFile, MigrationSet, Script, UpOptions, lock, log};
use crate::{Session, Target};

/// An applied migration that is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undo {
    /// Its version.
    pub version: i32,
    /// Its name in the history.
    pub name: String,
    /// The file that takes it back; nothing where there is none.
    pub down: Option<String>,
    /// The backup that was taken before it was applied; nothing where none was.
    pub backup: Option<String>,
}

/// How migrations can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Way {
    /// By their down scripts: what was written since stays, as far as the scripts leave it.
    Down,
    /// By the backup that was taken before the first of them: what was written since is not in it.
    Restore {
        /// The backup.
        backup: String,
    },
    /// Not at all.
    None {
        /// Why not.
        reason: String,
    },
}

/// What taking migrations back comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackPlan {
    /// The version the database is to be at; 0 for none.
    pub to: i32,
    /// What is taken back, the newest first.
    pub undo: Vec<Undo>,
    /// How.
    #[serde(flatten)]
    pub way: Way,
}

/// Returns how the database can be brought back to a version; the one before the newest, where none is named.
///
/// # Errors
/// [`MigrateError::History`] when nothing is applied that would be taken back.
pub async fn plan_rollback(
    session: &Session,
    migrations: &MigrationSet,
    to: Option<i32>,
    restore: bool,
) -> Result<RollbackPlan, MigrateError> {
    let keeper = Keeper::find(session).await?;
    let history = keeper.read(session).await?;
    let backups = match log::exists(session).await? {
        true => backups_before(session, &keeper).await?,
        false => BTreeMap::new(),
    };
    plan(&history, &backups, migrations, to, restore)
}

async fn backups_before(session: &Session, keeper: &Keeper) -> Result<BTreeMap<i32, String>, MigrateError> {
    let doing = || session.doing("read the log of migrations");
    keeper.begin(session).await.map_err(doing())?;
    let sql = include_str!("../../../../sql/migrate/backups_before.sql");
    let rows = session.query(sql, &[]).await.map_err(doing())?;
    session.batch_execute("rollback").await.map_err(doing())?;
    let known = rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<String>>(1)?)));
    Ok(known.collect())
}

/// The judgement, pure. `restore`: by the backup, even where there are down scripts.
fn plan(
    history: &History,
    backups: &BTreeMap<i32, String>,
    migrations: &MigrationSet,
    to: Option<i32>,
    restore: bool,
) -> Result<RollbackPlan, MigrateError> {
    history.trusted()?;
    let mut versions: Vec<i32> = history.rows.iter().map(|row| row.version).collect();
    versions.sort_unstable_by_key(|version| std::cmp::Reverse(*version));
    let to = to.unwrap_or_else(|| versions.get(1).copied().unwrap_or(0));
    let script = |version| migrations.iter().find(|file| file.version() == version)?.down();
    let name = |version| history.rows.iter().find(|row| row.version == version).map(|row| row.name.clone());
    let undo: Vec<Undo> = versions
        .iter()
        .filter(|version| **version > to)
        .map(|version| Undo {
            version: *version,
            name: name(*version).unwrap_or_default(),
            down: script(*version).map(|script| script.file.clone()),
            backup: backups.get(version).cloned(),
        })
        .collect();
    let Some(first) = undo.last() else {
        return Err(MigrateError::NothingToRollBack { to });
    };
    let earlier = |backup: &String| {
        versions.iter().rev().find(|version| **version <= to && backups.get(version) == Some(backup))
    };
    let way = match &first.backup {
        _ if !restore && undo.iter().all(|undo| undo.down.is_some()) => Way::Down,
        Some(backup) => match earlier(backup) {
            None => Way::Restore { backup: backup.clone() },
            Some(with) => Way::None {
                reason: format!(
                    "the backup before version {} is also of before version {with}, which was applied in the same run: \
                     go back to version {}, or write down scripts",
                    first.version,
                    with - 1
                ),
            },
        },
        None => {
            let without = undo.iter().find(|undo| undo.down.is_none());
            let script = without.map_or_else(String::new, |undo| {
                format!("version {} has no down script, and ", undo.version)
            });
            Way::None { reason: format!("{script}no backup was taken before version {}", first.version) }
        }
    };
    Ok(RollbackPlan { to, undo, way })
}

/// Takes migrations back by their down scripts, the newest first, each in a transaction of its own. Returns the versions.
///
/// # Errors
/// Nothing is done when the history is not what the plan was made from. When a script fails, what was taken back before it
/// stays so.
pub async fn down(
    target: &Target,
    migrations: &MigrationSet,
    plan: &RollbackPlan,
    options: &UpOptions,
    tell: &(dyn Fn(&Event<'_>) + Sync),
) -> Result<Vec<i32>, MigrateError> {
    let session = lock::session(target, options.wait).await?;
    let now = plan_rollback(&session, migrations, Some(plan.to), false).await?;
    if now != *plan {
        return Err(MigrateError::History { problem: "it changed since the plan was made".into() });
    }
    let keeper = Keeper::find(&session).await?;
    let mut done = Vec::new();
    for undo in &plan.undo {
        let found = migrations.iter().find(|file| file.version() == undo.version);
        let Some((file, script)) = found.and_then(|file| Some((file, file.down()?))) else {
            return Err(MigrateError::History {
                problem: format!("version {} has no down script", undo.version),
            });
        };
        tell(&Event::TakingBack(file));
        let begun = Instant::now();
        let mut attempt = 1;
        loop {
            let work = Work { session: &session, keeper: &keeper, file, options, attempt, begun };
            match work.take_back(script).await {
                Ok(()) => break,
                Err(failed) if failed.is_about_locks() && attempt < options.lock_attempts => {
                    tokio::time::sleep(options.pause).await;
                    attempt += 1;
                }
                Err(failed) => return Err(refused(file, script, failed)),
            }
        }
        done.push(undo.version);
    }
    lock::release(session).await?;
    Ok(done)
}

fn refused(file: &MigrationFile, script: &Script, failed: Failed) -> MigrateError {
    let name = script.file.clone();
    match failed {
        Failed::Refused { file, line, source } => MigrateError::Down { file, line, source },
        Failed::Commit(source) | Failed::Unknown(source) => MigrateError::Unresolved { file: name, source },
        Failed::HalfDone { source, line, .. } => MigrateError::Down { file: name, line, source },
        Failed::Left | Failed::Unverified { .. } => MigrateError::Left { file: file.file().into() },
    }
}

impl Work<'_> {
    /// Runs the down script as the migration's owner, and lets the history forget the migration: all or nothing, unless the
    /// script runs outside of a transaction.
    async fn take_back(&self, script: &Script) -> Result<(), Failed> {
        let result = self.taken_back(script).await;
        if result.is_err() {
            self.session.batch_execute("rollback").await.ok();
        }
        result
    }

    async fn taken_back(&self, script: &Script) -> Result<(), Failed> {
        let plain = |error| self.refused(error);
        let run = async || {
            let run = self.session.batch_execute(&script.sql).await;
            run.map_err(|error| self.refused_in(&script.file, error, &script.sql, 0))
        };
        if script.no_transaction {
            calm(self.session).await.map_err(plain)?;
            self.become_owner().await?;
            run().await?;
            self.begin().await?;
        } else {
            self.begin().await?;
            run().await?;
            self.still_inside().await?;
        }
        self.become_keeper().await?;
        let forget = include_str!("../../../../sql/migrate/forget.sql");
        self.session.execute(forget, &[&self.file.version()]).await.map_err(plain)?;
        let entry = log::LogEntry { action: Action::Rollback, ..self.entry(Outcome::Done, None) };
        entry.write(self.session, self.options).await.map_err(plain)?;
        self.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::Applied;
    use super::*;

    fn set(downs: &[i32]) -> MigrationSet {
        let files = (1..=4).map(|version| {
            let sql = b"-- unisys:owner login\nselect 1;\n";
            let mut file = MigrationFile::parse(&format!("V{version:04}__m.sql"), sql).unwrap();
            if downs.contains(&version) {
                file.add_script(&format!("V{version:04}__m.down.sql"), b"select 1;\n").unwrap();
            }
            file
        });
        MigrationSet::new(files.collect()).unwrap()
    }

    fn judged(
        downs: &[i32],
        backups: &[(i32, &str)],
        to: Option<i32>,
        restore: bool,
    ) -> Result<RollbackPlan, String> {
        let row = |version| {
            let mut row = Applied::default();
            (row.version, row.name) = (version, "m".into());
            row
        };
        let history = History { rows: (1..=4).map(row).collect(), problems: Vec::new() };
        let backups = backups.iter().map(|(version, id)| (*version, (*id).to_owned())).collect();
        plan(&history, &backups, &set(downs), to, restore).map_err(|error| error.to_string())
    }

    fn restore(backup: &str) -> Way {
        Way::Restore { backup: backup.into() }
    }

    fn reason(plan: Result<RollbackPlan, String>) -> String {
        match plan.unwrap().way {
            Way::None { reason } => reason,
            way => panic!("{way:?}"),
        }
    }

    #[test]
    fn the_newest_goes_by_its_script_and_else_by_the_backup_before_it() {
        let plan = judged(&[4], &[(4, "b4")], None, false).unwrap();
        assert_eq!((plan.to, plan.way), (3, Way::Down));
        assert_eq!(plan.undo[0].down.as_deref(), Some("V0004__m.down.sql"));
        assert_eq!(judged(&[], &[(4, "b4")], None, false).unwrap().way, restore("b4"));
        assert_eq!(judged(&[4], &[(4, "b4")], None, true).unwrap().way, restore("b4"));
        let said = reason(judged(&[], &[], None, false));
        assert_eq!(said, "version 4 has no down script, and no backup was taken before version 4");
    }

    #[test]
    fn several_go_the_newest_first_and_one_without_a_script_makes_all_go_by_the_backup() {
        let plan = judged(&[3, 4], &[], Some(2), false).unwrap();
        assert_eq!(plan.undo.iter().map(|undo| undo.version).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(plan.way, Way::Down);
        let backups = [(2, "b2"), (3, "b3"), (4, "b3")];
        assert_eq!(judged(&[4], &backups, Some(2), false).unwrap().way, restore("b3"));
        assert_eq!(judged(&[], &backups, Some(0), false).map(|plan| plan.undo.len()), Ok(4));
    }

    #[test]
    fn a_backup_of_before_more_than_is_taken_back_is_no_way() {
        let said = reason(judged(&[], &[(3, "b3"), (4, "b3")], Some(3), false));
        assert!(said.starts_with("the backup before version 4 is also of before version 3"), "{said}");
        assert!(said.contains("go back to version 2"), "{said}");
    }

    #[test]
    fn nothing_above_the_version_is_an_error() {
        assert_eq!(judged(&[], &[], Some(4), false), Err("nothing above version 4 is applied".into()));
    }
}

//! What a restore into a server would do, and what stands against it: looked up, decided, changed nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use unisys_db::catalog::{Namesake, Place, count_user_objects, namesake};
use unisys_db::inventory::Kind;
use unisys_db::{Session, Target};

use super::globals::{self, Statement};
use super::into::IntoServer;
use super::load::{LeaveOut, globals_text};
use super::roles;
use crate::OpsError;
use crate::backup::{BackupId, Selected};

/// How the database is called until it is complete; what is called so was left by a restore that could not clean up.
pub(super) const TEMPORARY: &str = "unisys_dba_restore_";

/// Which roles of the backup are made where they are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Those that own, are granted or are named by something in the database.
    Needed,
    /// All of the source's server.
    All,
    /// None; the missing ones are listed.
    None,
}

/// What a restore will do.
#[derive(Clone, Debug, Serialize)]
pub struct IntoPlan {
    /// The backup.
    pub backup: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// The server and login, without the password.
    pub server: String,
    /// The server's version.
    pub server_version: String,
    /// The database to make.
    pub database: String,
    /// Its owner.
    pub owner: String,
    /// How many tables.
    pub tables: u64,
    /// How many rows.
    pub rows: u64,
    /// The size of the source's database on its server, in bytes.
    pub database_bytes: u64,
    /// The database that has the name now.
    pub existing: Option<Existing>,
    /// The roles to make.
    pub create_roles: Vec<String>,
    /// The roles that are needed, missing, and not made; with the SQL that would make them, without passwords.
    pub missing_roles: Vec<String>,
    /// The SQL for the missing roles, without passwords.
    pub missing_roles_sql: Vec<String>,
    /// What will not be as in the source, and other things to know, in sentences.
    pub notes: Vec<String>,
    /// Why it cannot be done as asked, in sentences; nothing was and will be changed while there is one.
    pub obstacles: Vec<String>,
    #[serde(skip)]
    pub(super) maintenance: Target,
    #[serde(skip)]
    pub(super) leave_out: LeaveOut,
    #[serde(skip)]
    pub(super) role_statements: Vec<Statement>,
    #[serde(skip)]
    pub(super) major: u32,
}

/// A database that has the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Existing {
    /// Its owner.
    pub owner: String,
    /// How many objects it holds that a fresh database has not; unknown when nobody can connect to it.
    pub objects: Option<u64>,
    /// How many sessions use it.
    pub sessions: u64,
    /// The name it is kept under; nothing when it is empty and dropped.
    pub kept_as: Option<String>,
}

impl IntoServer {
    /// Looks at the backup and at the server, and says what [`IntoServer::run`] would do.
    ///
    /// # Errors
    /// [`OpsError`] when the server cannot be asked or the backup cannot be read.
    pub async fn plan(&self) -> Result<IntoPlan, OpsError> {
        let admin = self.maintenance().await?;
        let place = Place::load(&admin).await?;
        let found = namesake(&admin, &self.database).await?;
        let existing = match found {
            Some(found) => Some(self.existing(admin.target(), found).await?),
            None => None,
        };
        let facts = &self.backup.facts;
        let globals = globals::all(&globals_text(&self.backup).await?);
        let known = roles::known(&globals);
        let absent = |role: &&String| !place.roles.contains_key(*role);
        let mut needed = roles::needed(facts, &known);
        if self.no_owner {
            needed.retain(|role| policies_name(self, role));
        }
        let missing: BTreeSet<String> = needed.iter().filter(absent).cloned().collect();
        let all: BTreeSet<String> = known.iter().filter(absent).cloned().collect();
        let create = match self.roles {
            Roles::Needed => missing.intersection(&known).cloned().collect(),
            Roles::All => all,
            Roles::None => BTreeSet::new(),
        };
        let missing: BTreeSet<String> = missing.difference(&create).cloned().collect();
        let tablespaces: Vec<String> =
            roles::tablespaces(facts).difference(&place.tablespaces).cloned().collect();
        let leave_out = LeaveOut {
            owners: self.no_owner,
            tablespaces: !tablespaces.is_empty(),
            subscriptions: true, // they would subscribe a second time, or hold on to the source's slots
            event_triggers: !place.superuser,
        };
        let mut plan = IntoPlan {
            backup: self.backup.manifest.id.clone(),
            moment: self.backup.manifest.moment,
            server: admin.target().with_database("").to_string().trim_end_matches('/').to_owned(),
            server_version: place.version.clone(),
            database: self.database.clone(),
            owner: if self.no_owner { place.login.clone() } else { facts.database.owner.clone() },
            tables: facts.tables.len() as u64,
            rows: self.backup.manifest.rows(),
            database_bytes: self.backup.manifest.database_bytes,
            existing,
            role_statements: roles::statements(&globals, &create, &place),
            missing_roles_sql: roles::shown(&roles::statements(&globals, &missing, &place)),
            create_roles: create.into_iter().collect(),
            missing_roles: missing.into_iter().collect(),
            notes: Vec::new(),
            obstacles: Vec::new(),
            maintenance: admin.target().clone(),
            leave_out,
            major: place.major(),
        };
        plan.notes = self.notes(&plan, &place, &tablespaces);
        plan.obstacles = self.obstacles(&plan, &place, &needed);
        admin.close().await;
        Ok(plan)
    }

    /// Opens a session on the server that is not in the database to replace.
    async fn maintenance(&self) -> Result<Session, OpsError> {
        let mut names = vec![self.target.database.as_str(), "postgres", "template1"];
        names.retain(|name| *name != self.database);
        let mut first = None;
        for name in names {
            match Session::open(&self.target.with_database(name)).await {
                Ok(session) => return Ok(session),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.map_or_else(|| OpsError::Refused("there is no database to connect to".into()), Into::into))
    }

    async fn existing(&self, target: &Target, found: Namesake) -> Result<Existing, OpsError> {
        let objects = if found.connectable {
            let inside = Session::open(&target.with_database(&self.database)).await?;
            let objects = count_user_objects(&inside).await?;
            inside.close().await;
            Some(objects)
        } else {
            None
        };
        let aside = || format!("{}_old_{}", self.database, self.now.format("%Y%m%dT%H%M%SZ"));
        let kept_as = (objects != Some(0)).then(|| shortened(&aside()));
        Ok(Existing { owner: found.owner, objects, sessions: found.sessions, kept_as })
    }

    fn notes(&self, plan: &IntoPlan, place: &Place, tablespaces: &[String]) -> Vec<String> {
        let selection = self.backup.facts.selection.as_ref();
        let left_out = selection.map(Selected::left_out).unwrap_or_default().into_iter();
        let mut notes: Vec<String> = left_out.map(|phrase| format!("Not in the backup: {phrase}.")).collect();
        notes.extend(
            selection.and_then(Selected::rebuilt).map(|phrase| format!("Not as in the source: {phrase}.")),
        );
        if !tablespaces.is_empty() {
            notes.push(format!(
                "The server has no tablespace {}: all comes into the database's own.",
                tablespaces.join(", ")
            ));
        }
        if self.no_owner {
            notes.push(format!(
                "Everything will belong to {}, and nobody else is granted anything.",
                place.login
            ));
        }
        if self.backup.facts.inventory.items.iter().any(|item| item.kind == Kind::Subscription) {
            notes.push("Subscriptions are not restored: two databases must not share them.".into());
        }
        let triggers =
            self.backup.facts.inventory.items.iter().filter(|item| item.kind == Kind::EventTrigger);
        let triggers: Vec<&str> = triggers.map(|item| item.name.as_str()).collect();
        if plan.leave_out.event_triggers && !triggers.is_empty() {
            notes.push(format!(
                "Event triggers are not restored, because only a superuser can make them: {}.",
                triggers.join(", ")
            ));
        }
        if !self.backup.manifest.warnings.is_empty() && !plan.create_roles.is_empty() {
            notes.extend(
                self.backup.manifest.warnings.iter().filter(|text| text.contains("password")).cloned(),
            );
        }
        for name in place.databases.iter().filter(|name| name.starts_with(TEMPORARY)) {
            notes.push(format!(
                "{name} is of another restore: one under way, or one that was killed; then drop it."
            ));
        }
        notes
    }

    fn obstacles(&self, plan: &IntoPlan, place: &Place, needed: &BTreeSet<String>) -> Vec<String> {
        let mut obstacles = Vec::new();
        let source = &self.backup.facts.database;
        if place.major() < source.major() {
            obstacles.push(format!(
                "The server is PostgreSQL {}, the backup is of {}: an older server cannot take it.",
                place.version, source.server_version
            ));
        }
        if !place.superuser && !place.create_databases {
            obstacles.push(format!("The login {} may not create databases (CREATEDB).", place.login));
        }
        if let Some(existing) = &plan.existing {
            obstacles.extend(self.obstacles_of(existing));
        }
        if !plan.missing_roles.is_empty() {
            obstacles.push(format!(
                "The server has no role {}: create them, or leave out owners and privileges with --no-owner.",
                plan.missing_roles.join(", ")
            ));
        }
        if !plan.create_roles.is_empty() && !place.superuser && !place.create_roles {
            obstacles.push(format!(
                "The login {} may not create the roles {} (CREATEROLE): see --no-roles.",
                place.login,
                plan.create_roles.join(", ")
            ));
        }
        if !self.no_owner && !place.superuser {
            let foreign = self.owners().filter(|owner| place.roles.get(*owner) == Some(&false));
            let foreign: BTreeSet<&str> = foreign.filter(|owner| needed.contains(*owner)).collect();
            if !foreign.is_empty() {
                let foreign = foreign.into_iter().collect::<Vec<_>>().join(", ");
                obstacles.push(format!(
                    "The login {} cannot give anything to {foreign}, being no member: see --no-owner.",
                    place.login
                ));
            }
        }
        obstacles
    }

    fn obstacles_of(&self, existing: &Existing) -> Vec<String> {
        let mut obstacles = Vec::new();
        let name = &self.database;
        if existing.kept_as.is_some() && !self.replace {
            let what = existing
                .objects
                .map_or_else(|| "cannot be looked into".into(), |n| format!("is not empty ({n} objects)"));
            obstacles.push(format!(
                "The database {name} {what}: restore to another name, or add --replace {name}."
            ));
        }
        if existing.sessions > 0 && !self.disconnect {
            obstacles.push(format!(
                "{} sessions use the database {name}: end them, or add --disconnect.",
                existing.sessions
            ));
        }
        obstacles
    }

    /// Returns the owners of what will be made.
    fn owners(&self) -> impl Iterator<Item = &str> {
        let facts = &self.backup.facts;
        let items = facts
            .inventory
            .items
            .iter()
            .filter(|item| !matches!(item.kind, Kind::Role | Kind::Tablespace | Kind::Extension));
        std::iter::once(facts.database.owner.as_str())
            .chain(items.filter_map(|item| item.detail.get("owner")))
    }
}

fn policies_name(into: &IntoServer, role: &str) -> bool {
    let items = into.backup.facts.inventory.items.iter();
    items
        .filter(|item| item.kind == Kind::Policy)
        .filter_map(|item| item.detail.get("roles"))
        .any(|list| roles::mentions(list, role))
}

/// PostgreSQL cuts names at 63 bytes; the end, with the time, is what tells them apart.
fn shortened(name: &str) -> String {
    let excess = name.len().saturating_sub(63);
    let start = name.char_indices().map(|(at, _)| at).find(|at| *at >= excess).unwrap_or(0);
    name[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("app_old_x"), "app_old_x");
        let long = format!("{}_old_20261121T020000Z", "é".repeat(31));
        assert!(shortened(&long).len() <= 63 && shortened(&long).ends_with("é_old_20261121T020000Z"));
    }
}

//! Which database is meant: the named one, the only one, libpq's, the private one.

use std::collections::BTreeMap;

use unisys_db::connect::{Environment, is_unconfigured};

use super::Context;
use crate::failure::Failure;
use crate::settings::Database;

/// The database a command works on.
#[derive(Debug)]
pub(crate) enum Selection<'a> {
    /// One of the configuration's.
    Configured {
        /// Its name there.
        name: &'a str,
        /// Its table.
        database: &'a Database,
    },
    /// The one libpq's variables lead to.
    Environment,
    /// The private server's.
    Private,
}

impl Context {
    /// Returns the name given with `--database` or its variable.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Whether a database was named on the command line or by `UNISYS_DBA_DATABASE`.
    pub(crate) fn names_database(&self) -> bool {
        self.database.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// Returns the database that is meant: the named one, the only one, libpq's, the private one.
    ///
    /// # Errors
    /// An unknown name, or several to choose from: exit 2, with the names.
    pub(crate) fn selection(&self) -> Result<Selection<'_>, Failure> {
        select(&self.settings.databases, self.database.as_deref(), &self.environment)
    }

    /// Returns the named database, else all that are configured, else the one [`Context::selection`] finds.
    ///
    /// # Errors
    /// As [`Context::selection`].
    pub(crate) fn selections(&self) -> Result<Vec<Selection<'_>>, Failure> {
        if self.names_database() || self.settings.databases.is_empty() {
            return Ok(vec![self.selection()?]);
        }
        let all = self.settings.databases.iter();
        Ok(all.map(|(name, database)| Selection::Configured { name, database }).collect())
    }

    /// Returns the configured database of this name, if there is one.
    pub(crate) fn configured(&self, name: &str) -> Option<Selection<'_>> {
        let (name, database) = self.settings.databases.get_key_value(name)?;
        Some(Selection::Configured { name, database })
    }

    /// Returns every configured database, by name.
    ///
    /// # Errors
    /// There is none, or one was named as well: exit 2.
    pub(crate) fn every(&self) -> Result<impl Iterator<Item = (&str, Selection<'_>)>, Failure> {
        if self.names_database() {
            return Err(Failure::usage("--all works on every database, and one is named")
                .hint("Leave out --database and UNISYS_DBA_DATABASE, or --all."));
        }
        if self.settings.databases.is_empty() {
            return Err(Failure::usage("no database is configured").hint(
                "Add a table [databases.NAME] with its url to the configuration, or leave out --all.",
            ));
        }
        let all = self.settings.databases.iter();
        Ok(all.map(|(name, database)| (name.as_str(), Selection::Configured { name, database })))
    }
}

fn select<'a>(
    databases: &'a BTreeMap<String, Database>,
    named: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<Selection<'a>, Failure> {
    let names = || databases.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = named.filter(|name| !name.is_empty()) {
        return match databases.get_key_value(wanted) {
            Some((name, database)) => Ok(Selection::Configured { name, database }),
            None if databases.is_empty() => {
                Err(Failure::usage(format!("no database {wanted} is configured"))
                    .hint(format!("Add a table [databases.{wanted}] with its url to the configuration.")))
            }
            None => Err(Failure::usage(format!("no database {wanted} is configured"))
                .hint(format!("Choose one of {}.", names()))),
        };
    }
    let mut all = databases.iter();
    match (all.next(), all.next()) {
        (Some((name, database)), None) => Ok(Selection::Configured { name, database }),
        (Some(_), Some(_)) => Err(Failure::usage(format!("several databases are configured: {}", names()))
            .hint("Choose one with --database NAME.")),
        (None, _) => {
            let variables = Environment { vars: environment.clone(), ..Environment::default() };
            let unconfigured = is_unconfigured(None, &variables);
            Ok(if unconfigured { Selection::Private } else { Selection::Environment })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databases(names: &[&str]) -> BTreeMap<String, Database> {
        let database = |url: &str| Database::at(url.into());
        names.iter().map(|name| ((*name).to_owned(), database("postgresql://h/d"))).collect()
    }

    fn chosen(names: &[&str], named: Option<&str>, variables: &[&str]) -> String {
        let environment = variables.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        match select(&databases(names), named, &environment) {
            Ok(Selection::Configured { name, .. }) => name.to_owned(),
            Ok(Selection::Environment) => "environment".into(),
            Ok(Selection::Private) => "private".into(),
            Err(failure) => format!("{}: {}", failure.exit as u8, failure.error),
        }
    }

    #[test]
    fn the_named_database_is_taken_else_the_only_one_else_libpqs_else_the_private_one() {
        assert_eq!(chosen(&["a", "b"], Some("b"), &[]), "b");
        assert_eq!(chosen(&["a"], None, &["PGHOST"]), "a");
        assert_eq!(chosen(&[], None, &["PGSERVICE"]), "environment");
        assert_eq!(chosen(&[], None, &["PGPASSFILE"]), "private");
        assert_eq!(chosen(&["a", "b"], None, &["PGHOST"]), "2: several databases are configured: a, b");
        assert_eq!(chosen(&["a"], Some("c"), &[]), "2: no database c is configured");
    }
}

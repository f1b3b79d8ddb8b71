//! How to connect to a database: by its connection string, libpq's variables, or to the private server.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use unisys_db::Target;
use unisys_db::connect::Environment;
use unisys_ops::backup::Standby;
use unisys_ops::server::PrivateServer;

use super::{Context, Selection};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::settings::Database;
use crate::ui::Ui;

/// The database commands work on when they use the private server.
pub(crate) const PRIVATE_DATABASE: &str = "unisys";

impl Context {
    /// Returns how to connect to a database; warnings about it are shown.
    ///
    /// # Errors
    /// A wrong connection string: exit 3. A private server that does not run: exit 1.
    pub(crate) fn target(&self, selection: &Selection<'_>, ui: &Ui) -> Result<Target, Failure> {
        let target = self.resolve(selection)?;
        if let Selection::Configured { name, .. } = selection {
            ui.detail(format!("Database: {name} of the configuration, {target}"));
        }
        target.warnings.iter().for_each(|warning| ui.warning(warning));
        Ok(target)
    }

    /// As [`Context::target`], but its warnings are left to the caller.
    ///
    /// # Errors
    /// As [`Context::target`].
    pub(crate) fn resolve(&self, selection: &Selection<'_>) -> Result<Target, Failure> {
        let conninfo = match selection {
            Selection::Private => return self.private_target(),
            Selection::Configured { database, .. } => Some(database.url.expose_secret()),
            Selection::Environment => None,
        };
        self.target_from(conninfo, self.variables_for(selection))
    }

    /// Returns how to connect to what a connection string given by hand says.
    ///
    /// # Errors
    /// A wrong connection string: exit 3.
    pub(crate) fn target_of(&self, conninfo: &str, ui: &Ui) -> Result<Target, Failure> {
        let target = self.target_from(Some(conninfo), self.environment.clone())?;
        target.warnings.iter().for_each(|warning| ui.warning(warning));
        Ok(target)
    }

    /// Returns the standby to read for backups of a database, where one is configured; warnings about it are shown.
    ///
    /// # Errors
    /// A wrong connection string: exit 3.
    pub(crate) fn standby(&self, selection: &Selection<'_>, ui: &Ui) -> Result<Option<Standby>, Failure> {
        let Selection::Configured { database: Database { dump_from: Some(conninfo), .. }, .. } = selection
        else {
            return Ok(None);
        };
        let target = self.target_from(Some(conninfo.expose_secret()), self.variables_for(selection))?;
        target.warnings.iter().for_each(|warning| ui.warning(warning));
        Ok(Some(Standby { target, max_replay_lag: self.settings.backup.max_replay_lag.0 }))
    }

    /// Returns the name of a database on its server, without connecting.
    ///
    /// # Errors
    /// A wrong connection string: exit 3.
    pub(crate) fn database_name(&self, selection: &Selection<'_>, ui: &Ui) -> Result<String, Failure> {
        match selection {
            Selection::Private => Ok(PRIVATE_DATABASE.to_owned()),
            _ => Ok(self.target(selection, ui)?.database),
        }
    }

    fn target_from(&self, conninfo: Option<&str>, vars: BTreeMap<String, String>) -> Result<Target, Failure> {
        let environment = Environment {
            vars,
            home: dirs::home_dir(),
            system_user: unisys_ops::platform::current_user(&self.environment),
            ..Environment::platform()
        };
        Target::resolve(conninfo, &environment).exit(Exit::Config)
    }

    fn private_target(&self) -> Result<Target, Failure> {
        let server = self.private_server()?;
        if server.status().pid.is_none() {
            return Err(Failure::new("no database is configured, and the private server does not run")
                .hint("Name your database with `unisys-dba init --database NAME --url URL`, or run `unisys-dba server start`."));
        }
        Ok(server.target(PRIVATE_DATABASE)?)
    }

    /// Returns the private server.
    ///
    /// # Errors
    /// No place for it, or the system user it must run as does not exist.
    pub(crate) fn private_server(&self) -> Result<PrivateServer, Failure> {
        let user = self.system_user(&self.settings.server.system_user).hint(
            "Set server.system-user to a system user that may own the server, because PostgreSQL refuses to run as root.",
        )?;
        Ok(PrivateServer::new(self.server_directory()?, user))
    }

    /// Returns the variables to resolve a database's connection with: the environment's, with its own passfile.
    fn variables_for(&self, selection: &Selection<'_>) -> BTreeMap<String, String> {
        let mut variables = self.environment.clone();
        if let Selection::Configured { database: Database { passfile: Some(path), .. }, .. } = selection {
            variables.insert("PGPASSFILE".into(), path.to_string_lossy().into_owned());
        }
        variables
    }
}

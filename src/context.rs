//! What every command is given: settings, the time, the places, and which database is meant.

mod connect;
mod keys;
mod selection;
mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use unisys_ops::OpsError;
use unisys_ops::keys::{Nobody, Prompts};
use unisys_ops::platform::SystemUser;
use unisys_ops::program::Search;

use crate::cli::Globals;
use crate::failure::Failure;
use crate::platform;
use crate::settings::{self, Entry, Layers, Settings, SettingsError};

pub(crate) use connect::PRIVATE_DATABASE;
pub(crate) use selection::Selection;

/// The surroundings of one run.
pub(crate) struct Context {
    /// The configuration in force.
    pub(crate) settings: Settings,
    /// The same, key by key with its source.
    pub(crate) entries: Vec<Entry>,
    /// The file it was read from, if there is one.
    pub(crate) config_file: Option<PathBuf>,
    /// When the program was started; the one clock of the run.
    pub(crate) now: DateTime<Utc>,
    /// The environment, for libpq's rules and for finding programs. It may hold passwords.
    pub(crate) environment: BTreeMap<String, String>,
    data_directory: Option<PathBuf>,
    database: Option<String>,
    /// Whom keys may ask.
    prompts: Arc<dyn Prompts>,
    interactive: bool,
}

impl Context {
    /// Reads the configuration and takes the time.
    ///
    /// # Errors
    /// A wrong configuration: exit 3.
    pub(crate) fn load(globals: &Globals) -> Result<Self, Failure> {
        let environment = environment().map_err(SettingsError::into_failure)?;
        let layers =
            Layers::load(globals.config.as_deref(), &environment).map_err(SettingsError::into_failure)?;
        Self::of(&layers, globals, environment)
    }

    /// Reads the configuration for a command that will write it, and returns also the file it is in or will be in.
    ///
    /// # Errors
    /// A wrong configuration, or no place for one: exit 3.
    pub(crate) fn for_init(globals: &Globals) -> Result<(Self, PathBuf), Failure> {
        let environment = environment().map_err(SettingsError::into_failure)?;
        let by_variable =
            environment.get("UNISYS_DBA_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
        let named = globals.config.clone().or(by_variable);
        let file = settings::place(named.as_deref()).ok_or_else(|| {
            Failure::config("this user has no place for a configuration").hint("Name one with --config FILE.")
        })?;
        let layers = match file.exists() {
            true => Layers::load(named.as_deref(), &environment),
            false => Layers::without_file(&environment),
        };
        let layers = layers.map_err(SettingsError::into_failure)?;
        Ok((Self::of(&layers, globals, environment)?, file))
    }

    fn of(
        layers: &Layers,
        globals: &Globals,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let settings = layers.settings().map_err(SettingsError::into_failure)?;
        Ok(Self {
            settings,
            entries: layers.entries(),
            config_file: layers.file().map(PathBuf::from),
            now: Utc::now(),
            data_directory: platform::data_directory(),
            prompts: Arc::new(Nobody),
            interactive: false,
            database: globals.database.clone().or_else(|| environment.get("UNISYS_DBA_DATABASE").cloned()),
            environment,
        })
    }

    /// Returns the directory of the program's own data. It may not exist yet.
    ///
    /// # Errors
    /// The system knows no home directory.
    pub(crate) fn data_directory(&self) -> Result<&Path, Failure> {
        self.data_directory.as_deref().ok_or_else(|| {
            Failure::config("this user has no home directory to keep data in")
                .hint("Set HOME or server.directory.")
        })
    }

    /// Returns the private server's data directory.
    ///
    /// # Errors
    /// It is not configured, and the system knows no home directory.
    pub(crate) fn server_directory(&self) -> Result<PathBuf, Failure> {
        match &self.settings.server.directory {
            Some(directory) => Ok(directory.clone()),
            None => Ok(self.data_directory()?.join("server")),
        }
    }

    /// Returns the system user a server runs as: as root the named one, else our own.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn system_user(&self, name: &str) -> Result<Option<SystemUser>, OpsError> {
        unisys_ops::platform::is_root().then(|| unisys_ops::platform::find_user(name)).transpose()
    }

    /// Returns the directory in which private ones are made for what must be a file for a while: scratch servers, definitions.
    pub(crate) fn scratch_directory(&self) -> PathBuf {
        self.settings.drill.directory.clone().unwrap_or_else(std::env::temp_dir)
    }

    /// Returns where PostgreSQL's programs are looked for.
    pub(crate) fn search(&self) -> Search {
        Search::new(self.settings.programs.directory.clone(), self.environment.clone())
    }
}

/// Returns the environment's texts. Of ours, none may be anything else; a stranger's is not needed.
fn environment() -> Result<BTreeMap<String, String>, SettingsError> {
    let mut found = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                found.insert(name, value);
            }
            (Ok(name), Err(_)) if name.starts_with("UNISYS_DBA_") || name.starts_with("PG") => {
                return Err(SettingsError::NotText { name });
            }
            _ => {}
        }
    }
    Ok(found)
}

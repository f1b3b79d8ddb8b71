//! What every command is given: settings, the time, the places, and which database is meant.

mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use unisys_db::Target;
use unisys_db::connect::{Environment, is_unconfigured};
use unisys_ops::OpsError;
use unisys_ops::backup::Standby;
use unisys_ops::evidence::{PublicKey, SigningKey, Trust};
use unisys_ops::keys::{Nobody, Prompts};
use unisys_ops::platform::SystemUser;
use unisys_ops::program::Search;
use unisys_ops::server::PrivateServer;
use unisys_ops::store::{AwsSources, DirectoryStore, Place, S3Options, S3Store, S3Wishes, Store};

use crate::cli::Globals;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::platform;
use crate::settings::{self, Database, Entry, Layers, Settings, SettingsError};
use crate::ui::Ui;

/// The database commands work on when they use the private server.
pub(crate) const PRIVATE_DATABASE: &str = "unisys";

/// A store that can be used, or why not.
pub(crate) type OpenedStore = Result<Arc<dyn Store>, Failure>;

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

    /// Returns the name given with `--database` or its variable.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
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

    /// Returns the variables to resolve a database's connection with: the environment's, with its own passfile.
    fn variables_for(&self, selection: &Selection<'_>) -> BTreeMap<String, String> {
        let mut variables = self.environment.clone();
        if let Selection::Configured { database: Database { passfile: Some(path), .. }, .. } = selection {
            variables.insert("PGPASSFILE".into(), path.to_string_lossy().into_owned());
        }
        variables
    }

    /// Returns the store of a database: its own, else the one for all.
    ///
    /// # Errors
    /// It is not configured so that it could be used: exit 3.
    pub(crate) fn store(&self, selection: &Selection<'_>) -> Result<Arc<dyn Store>, Failure> {
        self.open_store(self.place(selection))
    }

    /// Returns where the store of a database is.
    pub(crate) fn place<'a>(&'a self, selection: &Selection<'a>) -> &'a Place {
        match selection {
            Selection::Configured { database: Database { store: Some(store), .. }, .. } => store,
            _ => &self.settings.backup.store,
        }
    }

    /// Returns the stores a database's backups are copied to: its own, else those for all.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub(crate) fn copies(&self, selection: &Selection<'_>) -> Result<Vec<Arc<dyn Store>>, Failure> {
        self.copy_places(selection).iter().map(|place| self.open_store(place)).collect()
    }

    /// Returns where a database's backups are copied to.
    pub(crate) fn copy_places<'a>(&'a self, selection: &Selection<'a>) -> &'a [Place] {
        match selection {
            Selection::Configured { database, .. } if !database.copies.is_empty() => &database.copies,
            _ => &self.settings.backup.copies,
        }
    }

    /// Returns the store at a place. Nothing is asked of it yet.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub(crate) fn open_store(&self, place: &Place) -> Result<Arc<dyn Store>, Failure> {
        let place = match place {
            Place::Directory(path) => return Ok(Arc::new(DirectoryStore::new(path))),
            Place::Bucket(place) => place,
        };
        let settings = &self.settings.s3;
        let home = dirs::home_dir();
        let sources = AwsSources { vars: &self.environment, home: home.as_deref() };
        let wishes = S3Wishes {
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
            ca: settings.ca.clone(),
        };
        let found = sources.find(place, &wishes).exit(Exit::Config)?;
        let local = match &settings.directory {
            Some(directory) => directory.clone(),
            None => self.data_directory()?.join("buckets"),
        };
        let options = S3Options {
            endpoint: found.endpoint,
            region: found.region,
            credentials: found.credentials,
            ca: found.ca,
            part_bytes: settings.part_mib << 20,
            patience: settings.patience.0,
            local,
            clock: Utc::now,
        };
        Ok(Arc::new(S3Store::new(place.clone(), options).exit(Exit::Config)?))
    }

    /// Whether a database was named on the command line or by `UNISYS_DBA_DATABASE`.
    pub(crate) fn names_database(&self) -> bool {
        self.database.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// Returns the stores a command looks into: that of the named database, else every one that is configured.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named; as [`Context::store`].
    pub(crate) fn stores(&self) -> Result<Vec<Arc<dyn Store>>, Failure> {
        self.first_places()?.into_iter().map(|place| self.open_store(place)).collect()
    }

    /// Returns where [`Context::stores`] are.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn first_places(&self) -> Result<Vec<&Place>, Failure> {
        if self.names_database() {
            return Ok(vec![self.place(&self.selection()?)]);
        }
        let own = self.settings.databases.values().filter_map(|database| database.store.as_ref());
        let mut places = vec![&self.settings.backup.store];
        for place in own {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// Returns the stores that hold copies of what [`Context::stores`] hold; one that cannot be used comes as the reason.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn all_copies(&self) -> Result<Vec<OpenedStore>, Failure> {
        Ok(self.all_copy_places()?.into_iter().map(|place| self.open_store(place)).collect())
    }

    /// Returns where [`Context::all_copies`] are.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn all_copy_places(&self) -> Result<Vec<&Place>, Failure> {
        if self.names_database() {
            return Ok(self.copy_places(&self.selection()?).iter().collect());
        }
        let own = self.settings.databases.values().flat_map(|database| &database.copies);
        let mut places: Vec<&Place> = Vec::new();
        for place in self.settings.backup.copies.iter().chain(own) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
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

    /// Whether any identity is configured for a database.
    pub(crate) fn has_identities(&self, selection: &Selection<'_>) -> bool {
        let own =
            matches!(selection, Selection::Configured { database, .. } if !database.identities.is_empty());
        own || !self.settings.drill.identities.is_empty()
    }

    /// Returns the key that signs; nothing where none is configured.
    ///
    /// # Errors
    /// It cannot be read: exit 3. What cannot be signed as it should is not made.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, Failure> {
        let path = self.settings.evidence.signing_key.as_deref();
        path.map(SigningKey::read)
            .transpose()
            .exit(Exit::Config)
            .hint("Check evidence.signing-key, or make a key with `unisys-dba key new --signing`.")
    }

    /// Returns whose signatures count.
    ///
    /// # Errors
    /// A key is no public key, or signatures are required and nobody's counts: exit 3.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let evidence = &self.settings.evidence;
        let keys: Result<Vec<PublicKey>, _> =
            evidence.trusted.iter().map(|text| PublicKey::parse(text)).collect();
        let keys = keys.exit(Exit::Config).hint("Check evidence.trusted: each is a line of a .pub file.")?;
        if keys.is_empty() && evidence.require_signature {
            return Err(Failure::config("signatures are required, and no key is trusted")
                .hint("Add the public key to evidence.trusted, or set evidence.require-signature = false."));
        }
        Ok(Trust::new(keys, evidence.require_signature))
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

//! What `init` will write, checked before anything is.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use toml::Value;
use unisys_db::Target;
use unisys_db::connect::Host;
use unisys_ops::evidence::{PublicKey, SigningKey};
use unisys_ops::keys::{KeyPair, Recipient};
use unisys_ops::store::Place;

use super::Args;
use super::files::Traces;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::settings::{self, Database, Layers, SettingsError, Source};

/// The head of a new configuration.
const HEAD: &str =
    "# Configuration of unisys-dba. `unisys-dba config show` prints every key, its value and its source.\n";

/// Where keys go, beside the configuration.
const KEYS: &str = "keys";
/// The key that signs the backups and drills of all databases.
const SIGNING_KEY: &str = "signing-key";

/// What will be written, and where.
pub(super) struct Plan {
    /// The database's name in the configuration.
    pub(super) name: String,
    /// The configuration.
    pub(super) file: PathBuf,
    /// The store; a directory is absolute.
    pub(super) store: Place,
    /// The drill key's file.
    pub(super) key_file: PathBuf,
    /// The signing key's file; nothing where the configuration says already who signs.
    pub(super) signing_file: Option<PathBuf>,
    url: String,
    passfile: Option<PathBuf>,
}

impl Plan {
    /// Returns the plan that the arguments make.
    ///
    /// # Errors
    /// A name that is no name or is taken, a password in the URL, a key file that exists: exit 2.
    pub(super) fn of(args: &Args, ctx: &Context, file: PathBuf) -> Result<Self, Failure> {
        let name = name(ctx)?;
        if ctx.settings.databases.contains_key(name) {
            return Err(Failure::usage(format!(
                "the database {name} is configured already, in {}",
                file.display()
            ))
            .hint(format!("Choose another name with --database, or edit the table [databases.{name}].")));
        }
        let here = std::env::current_dir()?;
        let keys = file.parent().unwrap_or(&here).join(KEYS);
        let plan = Self {
            name: name.to_owned(),
            key_file: keys.join(format!("{name}-drill.txt")),
            signing_file: (!signs_already(ctx)).then(|| keys.join(SIGNING_KEY)),
            store: store(&args.store, &here)?,
            url: args.url.clone(),
            passfile: args.passfile.as_ref().map(|path| here.join(path)),
            file,
        };
        plan.refuse_password(ctx)?;
        if let Some(path) = plan.passfile.as_ref().filter(|path| !path.is_file()) {
            return Err(Failure::usage(format!("there is no passfile {}", path.display()))
                .hint("Make it with one line host:port:database:user:password, and chmod 600."));
        }
        let keys = [Some(&plan.key_file), plan.signing_file.as_ref()];
        if let Some(path) = keys.into_iter().flatten().find(|path| path.exists()) {
            return Err(Failure::usage(format!("the key {} exists already", path.display())).hint(
                "Choose another name with --database, or move the key away; older backups may need it.",
            ));
        }
        Ok(plan)
    }

    /// A password in the URL would end up in the configuration, and is in the list of processes already.
    fn refuse_password(&self, ctx: &Context) -> Result<(), Failure> {
        if !settings::holds_password("databases.x.url", &Value::from(self.url.as_str())) {
            return Ok(());
        }
        let failure =
            Failure::usage("the url holds a password, and no password is written into the configuration");
        let database = self.database();
        let selection = crate::context::Selection::Configured { name: &self.name, database: &database };
        let line = ctx.resolve(&selection).map(|target| passfile_line(&target));
        let line = line.unwrap_or_else(|_| "host:port:database:user:PASSWORD".into());
        Err(failure.hint(format!(
            "Leave it out of the url (it is in your shell's history now), put the line `{line}` with the password into ~/.pgpass, and run `chmod 600 ~/.pgpass`."
        )))
    }

    /// Returns the table of the configuration, as later commands will read it.
    pub(super) fn database(&self) -> Database {
        Database {
            passfile: self.passfile.clone(),
            store: Some(self.store.clone()),
            ..Database::at(self.url.as_str().into())
        }
    }

    /// Writes the keys and then the configuration; when that fails, the keys are taken back.
    ///
    /// # Errors
    /// A file cannot be written, or the configuration could not be read afterwards; then nothing is left behind.
    pub(super) fn write(
        &self,
        drill: &KeyPair,
        signing: Option<&SigningKey>,
        recovery: Option<&Recipient>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let mut table = self.table(&drill.recipient(), recovery, now);
        table.extend(signing.map(|key| evidence(key.public())));
        let before = match std::fs::read_to_string(&self.file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::from(error).hint(format!("Check {}.", self.file.display()))),
        };
        let added = match &before {
            Some(text) if text.is_empty() || text.ends_with('\n') => format!("\n{table}"),
            Some(_) => format!("\n\n{table}"),
            None => format!("{HEAD}\n{table}"),
        };
        // A table written inline, `databases = {…}`, cannot be added to: nothing is touched then.
        Layers::check(&self.file, &format!("{}{added}", before.as_deref().unwrap_or_default()))
            .map_err(SettingsError::into_failure)
            .hint(format!("Add this to {} by hand:\n{table}", self.file.display()))?;
        let mut traces = Traces::default();
        for directory in [self.file.parent(), self.key_file.parent()].into_iter().flatten() {
            traces.directory(directory)?;
        }
        let comment = format!("drill key of {}, created: {}", self.name, now.format("%Y-%m-%dT%H:%M:%SZ"));
        drill.write(&self.key_file, &comment)?;
        traces.file(&self.key_file);
        if let (Some(key), Some(path)) = (signing, &self.signing_file) {
            let public = key.write(path)?;
            traces.file(path);
            traces.file(&public);
        }
        match before {
            Some(_) => Traces::append(&self.file, &added),
            None => traces.create(&self.file, &added),
        }
        .hint(format!("Check {}, or name another file with --config.", self.file.display()))?;
        traces.keep();
        Ok(())
    }

    fn table(&self, drill: &str, recovery: Option<&Recipient>, now: DateTime<Utc>) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let path = |path: &Path| text(&path.to_string_lossy());
        let key = format!("{KEYS}/{}-drill.txt", self.name);
        let mut lines = vec![
            format!("# Added by unisys-dba init, {}.", now.format("%Y-%m-%d")),
            format!("[databases.{}]", self.name),
            format!("url = {}", text(&self.url)),
            format!("store = {}", text(&self.store.to_string())),
        ];
        lines.extend(self.passfile.as_ref().map(|passfile| format!("passfile = {}", path(passfile))));
        lines.push("recipients = [".into());
        lines.push(format!("    {}, # the drill key", text(drill)));
        lines.extend(
            recovery.map(|key| format!("    {}, # the recovery key, not kept here", text(key.text()))),
        );
        lines.push("]".into());
        lines.push(format!("identities = [{}]", text(&key)));
        lines.join("\n") + "\n"
    }
}

fn store(text: &str, here: &Path) -> Result<Place, Failure> {
    match Place::parse(text) {
        Ok(Place::Directory(path)) => Ok(Place::Directory(here.join(path))),
        Ok(bucket) => Ok(bucket),
        Err(reason) => {
            Err(Failure::usage(reason).hint("Name a directory, or a bucket as s3://bucket/prefix."))
        }
    }
}

/// Whether the configuration says anything of signatures: then it is not ours to say.
fn signs_already(ctx: &Context) -> bool {
    ctx.entries.iter().any(|entry| entry.key.starts_with("evidence.") && entry.source != Source::Default)
}

fn evidence(key: &PublicKey) -> String {
    let text = |text: &str| Value::from(text).to_string();
    format!(
        "\n[evidence]\nsigning-key = {}\ntrusted = [{}]\n",
        text(&format!("{KEYS}/{SIGNING_KEY}")),
        text(&key.text())
    )
}

fn name(ctx: &Context) -> Result<&str, Failure> {
    let missing = || Failure::usage("the database needs a name").hint("Give it one with --database NAME.");
    let name = ctx.database().ok_or_else(missing)?;
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(bare) {
        return Err(Failure::usage("a database's name has letters, digits, \"-\" and \"_\" only")
            .hint("It is a name for the configuration; the database's own stands in the url."))
        .exit(Exit::Usage);
    }
    Ok(name)
}

/// Returns the line of a passfile for a connection, with a word where the password goes.
pub(super) fn passfile_line(target: &Target) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    let (host, port) = match target.hosts.first() {
        Some(Host { address, port, .. }) => (escaped(&address.to_string()), port.to_string()),
        None => ("*".into(), "*".into()),
    };
    format!("{host}:{port}:{}:{}:PASSWORD", escaped(&target.database), escaped(&target.user))
}

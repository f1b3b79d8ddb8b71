//! A backup as a server, for a while: to look, or to take rows out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use unisys_db::catalog::{Table, owned_sequences};
use unisys_db::connect::HostAddress;
use unisys_db::pattern::TablePattern;
use unisys_db::{Session, TableName, Target, quote_ident, quote_literal};

use crate::backup::BackupId;
use crate::drill::{DrillOptions, RestoredCopy};
use crate::restore::Partitions;
use crate::store::Store;
use crate::{OpsError, platform, random};

/// How long the server may take to know its new login.
const PATIENCE: Duration = Duration::from_secs(10);

/// A backup that is served, read-only, until this value is dropped or this process dies.
pub struct OpenedBackup {
    copy: RestoredCopy,
    reader: Reader,
    facts: OpenFacts,
}

/// How an opened backup is reached.
#[derive(Clone, Debug, Serialize)]
pub struct OpenFacts {
    /// The backup.
    pub backup: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// The address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The login: it reads everything, or the chosen tables, and writes nothing.
    pub user: String,
    /// The file with its password. It goes with the server.
    pub passfile: PathBuf,
    /// The tables that have their rows, where not all do, and the partitioned ones that have all of theirs; the login can read
    /// no other.
    pub tables: Option<Vec<TableName>>,
    /// How many rows there are to read.
    pub rows: u64,
    /// How long the restore took, in seconds.
    pub seconds: f64,
}

struct Reader {
    name: String,
    password: SecretString,
}

impl OpenedBackup {
    /// Restores a backup on a scratch server, or some tables of it, and lets a login in that can only read.
    ///
    /// # Errors
    /// As [`RestoredCopy::restore_tables`].
    pub async fn open(
        store: &dyn Store,
        id: &BackupId,
        options: &DrillOptions,
        patterns: &[TablePattern],
    ) -> Result<Self, OpsError> {
        let begun = Instant::now();
        let copy = RestoredCopy::restore_tables(store, id, options, patterns).await?;
        let reader = Reader { name: free_name(&copy).await?, password: random::password() };
        let tables = copy.only().map(|only| readable(&copy, &only));
        reader.create(&copy, tables.as_deref()).await?;
        copy.server().admit(&reader.name)?;
        let passfile = reader.write_passfile(copy.directory())?;
        let known = &copy.backup().facts.tables;
        let only = copy.only();
        let counts = |table: &Table| only.as_ref().is_none_or(|only| only.iter().any(|t| t.oid == table.oid));
        let facts = OpenFacts {
            backup: id.clone(),
            moment: copy.backup().manifest.moment,
            host: "127.0.0.1".into(),
            port: copy.server().port,
            database: copy.backup().facts.database.name.clone(),
            user: reader.name.clone(),
            passfile,
            rows: known.iter().filter(|known| counts(&known.table)).map(|known| known.rows.rows).sum(),
            tables,
            seconds: begun.elapsed().as_secs_f64(),
        };
        let opened = Self { copy, reader, facts };
        opened.wait_until_admitted().await?;
        Ok(opened)
    }

    /// Returns how it is reached.
    pub fn facts(&self) -> &OpenFacts {
        &self.facts
    }

    /// Returns the login's connection.
    pub fn target(&self) -> Target {
        let OpenFacts { host, port, database, .. } = &self.facts;
        let mut target =
            Target::local(HostAddress::Tcp(host.clone()), *port, &self.reader.name, database.clone());
        target.password = Some(self.reader.password.clone());
        target
    }

    /// Whether the server is still there.
    pub fn is_alive(&self) -> bool {
        self.copy.server().pid().is_some()
    }

    /// The door is tried before anybody is sent to it.
    async fn wait_until_admitted(&self) -> Result<(), OpsError> {
        let begun = Instant::now();
        loop {
            match Session::open(&self.target()).await {
                Ok(session) => {
                    session.close().await;
                    return Ok(());
                }
                Err(error) if begun.elapsed() >= PATIENCE => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Returns the tables that have their rows, and the partitioned ones whose partitions all have.
fn readable(copy: &RestoredCopy, only: &[&Table]) -> Vec<TableName> {
    let partitions = Partitions::of(&copy.backup().facts.inventory);
    let names = only.iter().map(|table| &table.name).collect();
    let whole = partitions.whole(&names).into_iter().map(|(name, _)| name.clone());
    let mut tables: Vec<TableName> = whole.chain(names.iter().map(|name| (*name).clone())).collect();
    tables.sort();
    tables
}

/// Returns a name that no role of the backup has.
async fn free_name(copy: &RestoredCopy) -> Result<String, OpsError> {
    let session = Session::open(&copy.target()).await?;
    let mut name = "backup_reader".to_owned();
    loop {
        let sql = "select exists (select from pg_catalog.pg_roles where rolname = $1)";
        let row = session.query_one(sql, &[&name]).await.map_err(session.doing("look up the roles"))?;
        if !row.get::<_, bool>(0) {
            return Ok(name);
        }
        name = format!("backup_reader_{}", random::text(4));
    }
}

impl Reader {
    /// Makes the login. Policies hide nothing from it; of a copy with some tables only, it can read no empty ones.
    async fn create(&self, copy: &RestoredCopy, tables: Option<&[TableName]>) -> Result<(), OpsError> {
        let name = quote_ident(&self.name);
        let (password, database) =
            (quote_literal(self.password.expose_secret()), quote_ident(&copy.target().database));
        let session = Session::open(&copy.target()).await?;
        let mut sql = format!(
            "create role {name} login bypassrls password {password};
             alter role {name} set default_transaction_read_only = on;
             alter database {database} connection limit -1;
             grant connect on database {database} to {name};"
        );
        match tables {
            None => sql.push_str(&format!("grant pg_read_all_data to {name};{}", large_objects(&name))),
            Some(tables) => {
                for table in tables {
                    let mut relations = owned_sequences(&session, table).await?;
                    relations.push(table.clone());
                    for relation in relations {
                        sql.push_str(&format!(
                            "grant usage on schema {} to {name};grant select on {} to {name};",
                            quote_ident(&relation.schema),
                            relation.quoted()
                        ));
                    }
                }
            }
        }
        let made = session.batch_execute(&sql).await.map_err(session.doing("make the login that reads"));
        session.close().await;
        Ok(made?)
    }

    fn write_passfile(&self, directory: &Path) -> Result<PathBuf, OpsError> {
        let path = directory.join("passfile");
        let mut file =
            platform::private_file().create_new(true).open(&path).map_err(OpsError::io("create", &path))?;
        writeln!(file, "127.0.0.1:*:*:{}:{}", self.name, self.password.expose_secret())
            .map_err(OpsError::io("write", &path))?;
        Ok(path)
    }
}

/// `pg_read_all_data` does not reach large objects.
fn large_objects(role: &str) -> String {
    let grant = quote_literal(&format!("grant select on large object %s to {}", role.replace('%', "%%")));
    format!(
        "do $reader$ declare one oid; begin
             for one in select oid from pg_catalog.pg_largeobject_metadata loop
                 execute pg_catalog.format({grant}, one);
             end loop;
         end $reader$;"
    )
}

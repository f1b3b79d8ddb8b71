//! The one way to a plain-text dump: a person asked for it. As one SQL script for psql, or as the decrypted pieces.
//!
//! Nothing appears under the name asked for before all of it was read to its authenticated end. What holds plain text meanwhile
//! can be read by its owner alone, and is removed when anything fails.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use unisys_db::catalog::Table;

use super::content::feed;
use crate::child::Running;
use crate::program::{PgVersion, Programs, Search};
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;
use crate::{OpsError, platform};

const ARCHIVE: &str = "database.dump.zst.age";

/// Settings under which the values of the script mean what they meant when they were written, whatever the login's, the
/// database's or the server's own are; see `sql/connect/pin_settings.sql`. pg_restore sets the others.
const SETTINGS: &str = "\
set lc_monetary = 'C';
set datestyle = 'ISO';
set intervalstyle = 'postgres';
set array_nulls = on;
set default_transaction_read_only = off;
";

/// Writes a backup as one SQL script, to be run by psql in an empty database, to `path`, which must not exist. Returns its size.
///
/// # Errors
/// [`OpsError`]; then there is nothing at `path`.
pub async fn decrypt_sql(
    backup: &Arc<OpenBackup>,
    search: &Search,
    path: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<u64, OpsError> {
    refuse_existing(path)?;
    let script = Script { backup, programs: pg_restore(backup, search)?, progress };
    let parent = parent(path);
    // private from its creation on, and removed when it is dropped
    let file = tempfile::Builder::new().prefix(&hidden(path)).tempfile_in(parent);
    let file = file.map_err(OpsError::io("create a file in", parent))?;
    let expected =
        backup.manifest.files.iter().filter(|file| file.name.contains(".copy.") || file.name == ARCHIVE);
    progress.begin("decrypt", Expected::bytes(expected.map(|file| file.content_bytes).sum()));
    script.write(file.as_file()).await?;
    file.as_file().sync_all().map_err(OpsError::io("write", path))?;
    let size = file.as_file().metadata().map_err(OpsError::io("look at", path))?.len();
    file.persist_noclobber(path).map_err(|error| OpsError::io("create", path)(error.error))?;
    platform::sync_dir(parent)?;
    Ok(size)
}

/// Decrypts a backup's files into the directory `path`, which must not exist: `globals.sql`, `schema.dump`, `database.dump`,
/// `data/0001.copy` … Returns their size.
///
/// # Errors
/// [`OpsError`]; then there is nothing at `path`.
pub fn decrypt_pieces(
    backup: &OpenBackup,
    path: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<u64, OpsError> {
    refuse_existing(path)?;
    let parent = parent(path);
    // removed with all that is in it when it is dropped; what may be read by others is empty but for the private one
    let cover = tempfile::Builder::new().prefix(&hidden(path)).tempdir_in(parent);
    let cover = cover.map_err(OpsError::io("create a directory in", parent))?;
    let directory = cover.path().join("pieces");
    platform::create_private_dir(&directory)?;
    let sealed =
        backup.manifest.files.iter().filter_map(|file| Some((file, file.name.strip_suffix(".zst.age")?)));
    let pieces: Vec<_> = sealed.filter(|(_, name)| *name != "facts.json").collect();
    progress.begin("decrypt", Expected::bytes(pieces.iter().map(|(file, _)| file.content_bytes).sum()));
    let mut size = 0;
    for (file, name) in pieces {
        let item = progress.start(name, Expected::bytes(file.content_bytes));
        let to = directory.join(name);
        if let Some(folder) = to.parent().filter(|folder| *folder != directory) {
            platform::create_private_dir(folder)?;
        }
        backup.extract(&file.name, &to)?;
        item.advance(file.content_bytes, 0);
        item.finish();
        size += file.content_bytes;
    }
    refuse_existing(path)?;
    fs::rename(&directory, path).map_err(OpsError::io("create", path))?;
    platform::sync_dir(parent)?;
    Ok(size)
}

fn refuse_existing(path: &Path) -> Result<(), OpsError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(OpsError::Refused(format!("{} exists already, and is not overwritten", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OpsError::io("look at", path)(error)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn hidden(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Returns the programs to read the archives with: pg_restore must not be older than the pg_dump that wrote them.
fn pg_restore(backup: &OpenBackup, search: &Search) -> Result<Programs, OpsError> {
    let dumped_by = PgVersion::parse(&backup.manifest.pg_dump_version);
    Programs::client_for(search, dumped_by.map_or(backup.facts.database.major(), |version| version.major))
}

/// The script, part by part. All definitions come from the archive with data: `schema.dump` knows neither the large objects nor
/// which materialised views are filled, and in a script nothing runs in parallel.
struct Script<'a> {
    backup: &'a Arc<OpenBackup>,
    programs: Programs,
    progress: &'a Arc<dyn Progress>,
}

impl Script<'_> {
    async fn write(&self, file: &File) -> Result<(), OpsError> {
        self.text(file, &self.head())?;
        let parts = self.parts();
        if parts.is_empty() {
            return self.archive(file, &[]).await;
        }
        self.archive(file, &["--section=pre-data"]).await?;
        self.archive(file, &["--section=data"]).await?;
        self.text(file, &format!("set client_encoding = '{}';\n\n", self.backup.manifest.copy_encoding))?;
        for (table, name) in parts {
            self.rows(file, table, name).await?;
        }
        self.archive(file, &["--section=post-data"]).await
    }

    /// A script does not make the database it runs in; how that is done stands in comments. Control characters are spelled out
    /// there: a line end would end the comment.
    fn head(&self) -> String {
        let manifest = &self.backup.manifest;
        let database = &self.backup.facts.database;
        let mut comments = vec![
            format!(
                "Backup {} as of {} UTC, in plain text.",
                manifest.id,
                manifest.moment.format("%Y-%m-%d %H:%M:%S")
            ),
            "Make the roles it names, and an empty database:".to_owned(),
            format!("  {};", database.create_sql(&database.name)),
            "and run this there: psql -X -v ON_ERROR_STOP=1 -f FILE".to_owned(),
        ];
        let settings = database.alter_sql(&database.name);
        if !settings.is_empty() {
            comments.push("What belongs to the database itself:".to_owned());
            comments.extend(settings.iter().map(|sql| format!("  {sql};")));
        }
        let printable = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let line = |text: &String| format!("-- {}\n", text.chars().map(printable).collect::<String>());
        format!("{}\n{SETTINGS}\n", comments.iter().map(line).collect::<String>())
    }

    fn text(&self, mut file: &File, text: &str) -> Result<(), OpsError> {
        file.write_all(text.as_bytes()).map_err(write_failed)
    }

    /// Returns the files of rows, each with its table.
    fn parts(&self) -> Vec<(&Table, &str)> {
        let tables = self.backup.manifest.tables.iter().zip(&self.backup.facts.tables);
        tables
            .flat_map(|(table, facts)| table.files.iter().map(|name| (&facts.table, name.as_str())))
            .collect()
    }

    /// Appends what pg_restore makes of the archive.
    async fn archive(&self, file: &File, options: &[&str]) -> Result<(), OpsError> {
        let item = self.progress.start("database.dump", Expected::UNKNOWN);
        let mut command = self.programs.command("pg_restore");
        command.args(["-f", "-"]).args(options);
        let output = file.try_clone().map_err(write_failed)?;
        let (running, stdin) = Running::start_writing_into(command, "pg_restore", output)?;
        let size = feed(self.backup, ARCHIVE, stdin).await?;
        running.finish().await?;
        item.advance(size, 0);
        item.finish();
        Ok(())
    }

    /// Appends a file of rows as a COPY block. COPY doubles every backslash in a value and writes a line end in one as `\n`, so
    /// no row can be the line `\.` that ends the block, and what follows it is ours.
    async fn rows(&self, file: &File, table: &Table, name: &str) -> Result<(), OpsError> {
        let item = self.progress.start(&table.name.to_string(), Expected::UNKNOWN);
        let output = file.try_clone().map_err(write_failed)?;
        let (backup, name, copy) = (Arc::clone(self.backup), name.to_owned(), table.copy_in());
        let writing = tokio::task::spawn_blocking(move || {
            let mut output = BufWriter::with_capacity(256 * 1024, output);
            writeln!(output, "{copy};").map_err(write_failed)?;
            let mut size = 0;
            backup.copy_to(&name, &mut |data| {
                size += data.len() as u64;
                output.write_all(data).map_err(write_failed)
            })?;
            output.write_all(b"\\.\n\n").and_then(|()| output.flush()).map_err(write_failed)?;
            Ok(size)
        });
        let size = writing.await.unwrap_or_else(|_| Err(OpsError::Refused("a thread was stopped".into())))?;
        item.advance(size, 0);
        item.finish();
        Ok(())
    }
}

fn write_failed(source: io::Error) -> OpsError {
    OpsError::Io { doing: "write", path: "the script".into(), source }
}

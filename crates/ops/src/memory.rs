//! What is remembered from one run to the next: how the last ones of each database ended.
//!
//! It serves metrics and notifications alone. The truth about backups is in their store; when this is lost, the next runs
//! write it anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::backup::{BackupId, Listed};
use crate::drill::DrillRecord;
use crate::keys::sha256;
use crate::store::write_atomically;
use crate::{OpsError, platform};

/// How the runs of one kind went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// When the last one ended (UTC).
    pub last: DateTime<Utc>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Its exit code.
    pub exit: u8,
    /// When the last one reached its end (UTC): the backup was complete, the drill proved.
    pub last_success: Option<DateTime<Utc>>,
    /// How many have failed since one did not.
    pub failures: u64,
}

impl Runs {
    /// Returns what is known after one more run.
    pub fn after(before: Option<&Self>, run: Run) -> Self {
        Self {
            last: run.ended,
            seconds: run.seconds,
            exit: run.exit,
            last_success: run.success.then_some(run.ended).or(before.and_then(|runs| runs.last_success)),
            failures: match run.exit {
                0 => 0,
                _ => before.map_or(0, |runs| runs.failures) + 1,
            },
        }
    }
}

/// One run that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// When (UTC).
    pub ended: DateTime<Utc>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Its exit code; everything but 0 is a failure of the run as a whole.
    pub exit: u8,
    /// Whether it did what it is for, even if a later step failed.
    pub success: bool,
}

/// The newest backup of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newest {
    /// Its name.
    pub id: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// How many rows it has.
    pub rows: u64,
    /// How many tables it has.
    pub tables: u64,
    /// Its size as stored, in bytes.
    pub stored_bytes: u64,
    /// The size of the database on its server, in bytes.
    pub database_bytes: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl Newest {
    /// Returns the newest of these that is whole and can be read; `part` is as in [`Listed::is_whole`].
    pub fn of(backups: &[Listed], part: Option<&str>) -> Option<Self> {
        let readable = backups.iter().filter(|backup| backup.rows.is_some() && backup.is_whole(part));
        let newest = readable.max_by_key(|backup| (backup.moment, &backup.id))?;
        Some(Self {
            id: newest.id.clone(),
            moment: newest.moment,
            rows: newest.rows?,
            tables: newest.tables?,
            stored_bytes: newest.stored_bytes?,
            database_bytes: newest.database_bytes?,
            seconds: newest.seconds?,
        })
    }
}

/// The newest proof of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// When its drill was begun (UTC).
    pub proven: DateTime<Utc>,
    /// The moment the proven data is of (UTC).
    pub moment: DateTime<Utc>,
}

impl Proof {
    /// Returns the newest that these backups carry; `part` is as in [`Listed::is_whole`].
    pub fn of(backups: &[Listed], part: Option<&str>) -> Option<Self> {
        let whole = backups.iter().filter(|backup| backup.is_whole(part));
        let proven = whole.filter(|backup| backup.state == crate::backup::State::Proven);
        let proofs = proven.filter_map(|backup| Some(Self { proven: backup.proven?, moment: backup.moment }));
        proofs.max_by_key(|proof| proof.proven)
    }
}

/// How long the last drill took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// To restore, in seconds.
    pub restore_seconds: f64,
    /// To compare, in seconds.
    pub verify_seconds: f64,
}

impl From<&DrillRecord> for Took {
    fn from(record: &DrillRecord) -> Self {
        Self { restore_seconds: record.restore_seconds, verify_seconds: record.verify_seconds }
    }
}

/// What is remembered of one database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// What people call it.
    pub name: String,
    /// Which configuration it belongs to; two may have the same names in them.
    pub scope: String,
    /// `backup run`.
    pub backup: Option<Runs>,
    /// `drill`.
    pub drill: Option<Runs>,
    /// Its newest backup.
    pub newest: Option<Newest>,
    /// Its newest proof.
    pub proof: Option<Proof>,
    /// How long its last drill took.
    pub took: Option<Took>,
}

/// The directory it is remembered in.
#[derive(Clone, Debug)]
pub struct Memory {
    directory: PathBuf,
}

/// The right to change what is remembered; freed by the system when the process ends.
#[derive(Debug)]
pub struct Opened {
    directory: PathBuf,
    _lock: File,
}

impl Memory {
    /// Returns the memory in `directory`, which may not exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Takes the right to change it; waits for another run to let go of it.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn open(&self) -> Result<Opened, OpsError> {
        platform::create_private_dir(&self.directory)?;
        let path = self.directory.join(".lock");
        let lock = platform::private_file().create(true).truncate(false).open(&path);
        let lock = lock.map_err(OpsError::io("create", &path))?;
        lock.lock().map_err(OpsError::io("lock", &path))?;
        Ok(Opened { directory: self.directory.clone(), _lock: lock })
    }
}

impl Opened {
    /// Returns what is remembered of a database; nothing, where that cannot be read.
    pub fn get(&self, scope: &str, name: &str) -> Remembered {
        let found = read(&self.path(scope, name)).filter(|found| found.scope == scope && found.name == name);
        found.unwrap_or_else(|| Remembered {
            name: name.into(),
            scope: scope.into(),
            ..Remembered::default()
        })
    }

    /// Remembers it.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn put(&self, remembered: &Remembered) -> Result<(), OpsError> {
        let json = serde_json::to_vec_pretty(remembered).map_err(|error| {
            OpsError::Corrupt(format!("what is to be remembered cannot be written: {error}"))
        })?;
        write_atomically(&self.path(&remembered.scope, &remembered.name), &json)
    }

    /// Returns what is remembered of all databases of a configuration, by name.
    ///
    /// # Errors
    /// [`OpsError::Io`] when the directory cannot be listed.
    pub fn all(&self, scope: &str) -> Result<Vec<Remembered>, OpsError> {
        let entries = fs::read_dir(&self.directory).map_err(OpsError::io("list", &self.directory))?;
        let paths = entries.flatten().map(|entry| entry.path());
        let json = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        let mut all: Vec<_> =
            json.filter_map(|path| read(&path)).filter(|found| found.scope == scope).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// A file for each database of each configuration; its name says the database's to people alone.
    fn path(&self, scope: &str, name: &str) -> PathBuf {
        let hash = sha256(format!("{scope}\0{name}").as_bytes());
        self.directory.join(format!("{}-{}.json", BackupId::slug(name), &hash[..12]))
    }
}

fn read(path: &Path) -> Option<Remembered> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32) -> DateTime<Utc> {
        format!("2026-11-21T{hour:02}:00:00Z").parse().unwrap()
    }

    #[test]
    fn the_newest_and_its_proof_are_of_a_whole_backup() {
        let backup = |hour: u32, part: Option<&str>| Listed {
            state: crate::backup::State::Proven,
            proven: Some(at(hour + 1)),
            part: part.map(str::to_owned),
            rows: Some(1),
            tables: Some(1),
            stored_bytes: Some(1),
            database_bytes: Some(1),
            seconds: Some(1.0),
            ..Listed::named(BackupId::parse(&format!("app_20261121T{hour:02}0000Z_0001")).unwrap())
        };
        let all = [backup(2, None), backup(5, Some("schema only"))];
        let known = |part| (Newest::of(&all, part).unwrap().moment, Proof::of(&all, part).unwrap().proven);
        assert_eq!(known(None), (at(2), at(3)));
        assert_eq!(known(Some("schema only")), (at(5), at(6)), "where no more is asked for");
        assert_eq!(Newest::of(&all[1..], None), None);
    }

    #[test]
    fn failures_are_counted_until_one_run_is_whole() {
        let run = |hour, exit, success| Run { ended: at(hour), seconds: 1.0, exit, success };
        let first = Runs::after(None, run(1, 1, false));
        assert_eq!((first.failures, first.last_success), (1, None));
        let later_step = Runs::after(Some(&first), run(2, 5, true));
        assert_eq!(
            (later_step.failures, later_step.last_success),
            (2, Some(at(2))),
            "the backup is complete"
        );
        let failed = Runs::after(Some(&later_step), run(3, 1, false));
        assert_eq!((failed.failures, failed.last_success), (3, Some(at(2))));
        let whole = Runs::after(Some(&failed), run(4, 0, true));
        assert_eq!((whole.failures, whole.last_success), (0, Some(at(4))));
    }

    #[test]
    fn names_are_kept_apart_by_configuration_and_damage_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::new(directory.path().join("a").join("b")).open().unwrap();
        for (scope, name) in [("/etc/1", "app"), ("/etc/2", "app"), ("/etc/1", "App/../x")] {
            let mut known = memory.get(scope, name);
            assert_eq!(known.backup, None);
            let run = Run { ended: at(1), seconds: 2.0, exit: 0, success: true };
            known.backup = Some(Runs::after(None, run));
            memory.put(&known).unwrap();
            assert_eq!(memory.get(scope, name), known);
        }
        let names: Vec<String> = memory.all("/etc/1").unwrap().into_iter().map(|known| known.name).collect();
        assert_eq!(names, ["App/../x", "app"]);
        fs::write(memory.path("/etc/1", "app"), "{").unwrap();
        assert_eq!(memory.get("/etc/1", "app").backup, None);
        assert_eq!(memory.all("/etc/1").unwrap().len(), 1);
    }
}

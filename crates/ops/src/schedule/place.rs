//! Where the system looks for schedules: reading, writing and removing ours, and no others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::MARK;
use crate::store::write_atomically;
use crate::{OpsError, platform};

/// What a system has to run things by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// systemd.
    Systemd,
    /// cron.
    Cron,
    /// Windows' Task Scheduler.
    Windows,
}

/// Returns what this system has; `None` where nothing is found.
pub fn detect(found: impl Fn(&str) -> bool) -> Option<Kind> {
    if platform::has_task_scheduler() {
        return Some(Kind::Windows);
    }
    if systemd_runs() {
        return Some(Kind::Systemd);
    }
    (found("crontab") || Path::new("/etc/cron.d").is_dir()).then_some(Kind::Cron)
}

/// Whether systemd is what this system was started with: sd_booted(3).
pub fn systemd_runs() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// A file of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where.
    pub path: PathBuf,
    /// What is in it.
    pub content: String,
}

/// What is to become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Create,
    /// It is there, and ours, and different.
    Replace,
    /// It is there as it is to be.
    Nothing,
}

impl Planned {
    /// Returns what writing it would change.
    ///
    /// # Errors
    /// [`OpsError::Refused`] for a file that is not ours; [`OpsError::Io`].
    pub fn change(&self) -> Result<Change, OpsError> {
        match read(&self.path)? {
            None => Ok(Change::Create),
            Some(text) if text == self.content => Ok(Change::Nothing),
            Some(text) if text.contains(MARK) => Ok(Change::Replace),
            Some(_) => Err(OpsError::Refused(format!(
                "{} is there already, and was not written by `unisys-dba schedule install`",
                self.path.display()
            ))),
        }
    }

    /// Writes it, readable by all, as the system's own are.
    ///
    /// # Errors
    /// As [`Planned::change`].
    pub fn write(&self) -> Result<(), OpsError> {
        if self.change()? == Change::Nothing {
            return Ok(());
        }
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent).map_err(OpsError::io("create", parent))?;
        }
        write_atomically(&self.path, self.content.as_bytes())?;
        platform::make_readable(&self.path)
    }
}

/// Returns our files in a directory whose names start so, by name; none where there is no such directory.
///
/// # Errors
/// [`OpsError::Io`].
pub fn ours(directory: &Path, prefix: &str) -> Result<Vec<Planned>, OpsError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OpsError::io("list", directory)(error)),
    };
    let named =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(named) {
        if let Some(content) = read(&path)?.filter(|text| text.contains(MARK)) {
            files.push(Planned { path, content });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Removes a file of ours.
///
/// # Errors
/// [`OpsError::Io`].
pub fn remove(path: &Path) -> Result<(), OpsError> {
    fs::remove_file(path).map_err(OpsError::io("remove", path))
}

fn read(path: &Path) -> Result<Option<String>, OpsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpsError::io("read", path)(error)),
    }
}

/// Lets systemd's own tool judge units, before they are where systemd looks for them; `None` where it is not installed, or
/// cannot work.
///
/// # Errors
/// [`OpsError::Program`] with what it found.
pub fn verify_units(units: &[Planned], user: bool) -> Result<Option<()>, OpsError> {
    let directory = tempfile::tempdir().map_err(OpsError::io("create", "a temporary directory"))?;
    let mut command = Command::new("systemd-analyze");
    command.arg("verify").args(user.then_some("--user")).arg("--man=no");
    if user {
        // a user's manager wants one, and a run without a session has none
        command.env("XDG_RUNTIME_DIR", directory.path());
    }
    for unit in units {
        let path = directory.path().join(unit.path.file_name().unwrap_or_default());
        fs::write(&path, &unit.content).map_err(OpsError::io("write", &path))?;
        command.arg(path);
    }
    match run(command, None) {
        Err(OpsError::Spawn { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        // without a word on any unit, it is the tool that found no place to work in
        Err(OpsError::Program { stderr, .. }) if !units.iter().any(|unit| names(&stderr, unit)) => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(())),
    }
}

fn names(text: &str, unit: &Planned) -> bool {
    unit.path.file_name().is_some_and(|name| text.contains(name.to_string_lossy().as_ref()))
}

/// Runs a program of the system to its end, with this input, and returns its output.
///
/// # Errors
/// [`OpsError::Spawn`], [`OpsError::Program`].
pub fn run(mut command: Command, input: Option<&str>) -> Result<String, OpsError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let spawn = |source| OpsError::Spawn { program: program.clone(), source };
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(spawn)?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // one that does not read it says so by its status
        let _ = io::Write::write_all(&mut stdin, input.as_bytes());
    }
    let output = child.wait_with_output().map_err(spawn)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(OpsError::Program {
            program: program.clone(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}

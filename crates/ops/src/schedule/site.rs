//! The places jobs are kept in, each with its own way to put one there, find it and take it away.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;

use super::place::{self, Change, Planned, run, systemd_runs};
use super::systemd::{self, Scope};
use super::{Job, MARK, PREFIX, cron, windows};
use crate::OpsError;

/// A place for jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// A directory of systemd's units.
    Units {
        /// The directory.
        directory: PathBuf,
        /// Whose.
        scope: Scope,
    },
    /// The directory `/etc/cron.d`, or one like it.
    CronDirectory(PathBuf),
    /// The crontab of the user this process runs as.
    Crontab,
    /// Windows' Task Scheduler.
    Tasks,
}

/// A job that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Where it is, for people.
    pub place: String,
    /// When it runs, in the words of its system.
    pub when: String,
    /// What it runs.
    pub command: String,
}

impl Site {
    /// Returns what would be put there; `drawn` is cron's minute of the delay, `first` the day a task runs first.
    ///
    /// # Errors
    /// [`OpsError::Refused`] for what this system cannot do.
    pub fn plan(&self, job: &Job, drawn: u32, first: NaiveDate) -> Result<Vec<Planned>, OpsError> {
        job.check()?;
        let file = |path: PathBuf, content| Planned { path, content };
        Ok(match self {
            Self::Units { directory, scope } => vec![
                file(directory.join(format!("{}.service", job.name)), systemd::service(job, *scope)),
                file(directory.join(format!("{}.timer", job.name)), systemd::timer(job)),
            ],
            Self::CronDirectory(directory) => {
                vec![file(directory.join(&job.name), cron::file(&cron::line(job, drawn)?))]
            }
            Self::Crontab => {
                vec![file("crontab".into(), cron::with("", &job.name, &cron::line(job, drawn)?))]
            }
            Self::Tasks => vec![file(job.name.clone().into(), windows::task(job, first)?)],
        })
    }

    /// Returns what putting it there would change.
    ///
    /// # Errors
    /// [`OpsError::Refused`] for something of that name that is not ours.
    pub fn change(&self, name: &str, planned: &Planned) -> Result<Change, OpsError> {
        let there = match self {
            Self::Units { .. } | Self::CronDirectory(_) => return planned.change(),
            Self::Crontab => {
                let jobs = cron::jobs(&crontab()?);
                jobs.into_iter().find(|(job, _)| job == name).map(|(_, line)| cron::with("", name, &line))
            }
            Self::Tasks => task(name)?,
        };
        match there {
            None => Ok(Change::Create),
            Some(text) if text == planned.content => Ok(Change::Nothing),
            Some(text) if text.contains(MARK) => Ok(Change::Replace),
            Some(_) => Err(OpsError::Refused(format!(
                "there is a task {name} already, and it was not written by `unisys-dba schedule install`"
            ))),
        }
    }

    /// Puts a job there, in the place of an older one of ours.
    ///
    /// # Errors
    /// As [`Site::change`]; [`OpsError::Io`], [`OpsError::Program`].
    pub fn put(&self, name: &str, planned: &[Planned]) -> Result<(), OpsError> {
        for planned in planned {
            let change = self.change(name, planned)?;
            match self {
                Self::Units { .. } | Self::CronDirectory(_) => planned.write()?,
                _ if change == Change::Nothing => {}
                Self::Crontab => {
                    let line = planned.content.lines().nth(1).unwrap_or_default();
                    set_crontab(&cron::with(&crontab()?, name, line))?;
                }
                Self::Tasks => create_task(name, &planned.content)?,
            }
        }
        Ok(())
    }

    /// Returns the commands that put a job into force once it is there.
    pub fn activation(&self, name: &str) -> Vec<Vec<String>> {
        let timer = format!("{name}.timer");
        self.systemctl(&[&["daemon-reload"], &["enable", "--now", &timer]])
    }

    /// Returns the commands that put a job out of force before it goes.
    pub fn deactivation(&self, name: &str) -> Vec<Vec<String>> {
        let timer = format!("{name}.timer");
        self.systemctl(&[&["disable", "--now", &timer]])
    }

    /// Returns the commands that let the system forget a job after it is gone.
    pub fn forgetting(&self) -> Vec<Vec<String>> {
        self.systemctl(&[&["daemon-reload"]])
    }

    fn systemctl(&self, commands: &[&[&str]]) -> Vec<Vec<String>> {
        let Self::Units { scope, .. } = self else { return Vec::new() };
        let head: &[&str] = if *scope == Scope::User { &["systemctl", "--user"] } else { &["systemctl"] };
        commands
            .iter()
            .map(|words| head.iter().chain(*words).map(|word| (*word).to_owned()).collect())
            .collect()
    }

    /// Runs such commands; `false` where systemd does not run here, and nothing was done.
    ///
    /// # Errors
    /// [`OpsError::Spawn`], [`OpsError::Program`].
    pub fn execute(commands: &[Vec<String>]) -> Result<bool, OpsError> {
        if !commands.is_empty() && !systemd_runs() {
            return Ok(false);
        }
        for words in commands {
            if let [program, arguments @ ..] = words.as_slice() {
                let mut command = Command::new(program);
                command.args(arguments);
                run(command, None)?;
            }
        }
        Ok(true)
    }

    /// Returns our jobs there, by name.
    ///
    /// # Errors
    /// [`OpsError::Io`], [`OpsError::Program`].
    pub fn jobs(&self) -> Result<Vec<Found>, OpsError> {
        match self {
            Self::Units { directory, .. } => units(directory),
            Self::CronDirectory(directory) => {
                Ok(place::ours(directory, PREFIX)?.iter().map(of_cron_file).collect())
            }
            Self::Crontab => {
                let job = |(name, line): (String, String)| of_line(name, "crontab".into(), &line);
                Ok(cron::jobs(&crontab()?).into_iter().map(job).collect())
            }
            Self::Tasks => tasks(),
        }
    }

    /// Takes a job of ours away.
    ///
    /// # Errors
    /// [`OpsError::Io`], [`OpsError::Program`].
    pub fn remove(&self, name: &str) -> Result<(), OpsError> {
        match self {
            Self::Units { directory, .. } => {
                let of_job = |file: &Planned| file.path.file_stem().is_some_and(|stem| stem == name);
                place::ours(directory, name)?
                    .iter()
                    .filter(|file| of_job(file))
                    .try_for_each(|file| place::remove(&file.path))
            }
            Self::CronDirectory(directory) => place::remove(&directory.join(name)),
            Self::Crontab => set_crontab(&cron::without(&crontab()?, name)),
            Self::Tasks => {
                let mut command = Command::new("schtasks");
                command.args(["/delete", "/f", "/tn", name]);
                run(command, None).map(|_| ())
            }
        }
    }
}

fn units(directory: &Path) -> Result<Vec<Found>, OpsError> {
    let files = place::ours(directory, PREFIX)?;
    let value = |text: &str, key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("?").to_owned()
    };
    let stem = |file: &Planned| file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.iter().map(stem).collect();
    names.dedup();
    let job = |name: String| {
        let unit =
            |ending: &str| files.iter().find(|file| file.path == directory.join(format!("{name}.{ending}")));
        let (timer, service) = (unit("timer"), unit("service"));
        // one without the other is what somebody left behind
        let place = timer.or(service).map(|file| file.path.display().to_string());
        Found {
            place: place.unwrap_or_default(),
            when: timer.map_or_else(|| "?".into(), |timer| value(&timer.content, "OnCalendar")),
            command: service.map_or_else(|| "?".into(), |service| value(&service.content, "ExecStart")),
            name,
        }
    };
    Ok(names.into_iter().map(job).collect())
}

fn of_cron_file(file: &Planned) -> Found {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let line = file.content.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    of_line(name, file.path.display().to_string(), line)
}

fn of_line(name: String, place: String, line: &str) -> Found {
    let mut fields = line.splitn(6, ' ');
    let when: Vec<&str> = fields.by_ref().take(5).collect();
    Found { name, place, when: when.join(" "), command: fields.next().unwrap_or_default().to_owned() }
}

fn crontab() -> Result<String, OpsError> {
    let mut command = Command::new("crontab");
    command.arg("-l");
    match run(command, None) {
        // nobody has written one yet
        Err(OpsError::Program { stderr, .. }) if stderr.contains("no crontab") => Ok(String::new()),
        read => read,
    }
}

fn set_crontab(text: &str) -> Result<(), OpsError> {
    let mut command = Command::new("crontab");
    command.arg("-");
    run(command, Some(text)).map(|_| ())
}

fn task(name: &str) -> Result<Option<String>, OpsError> {
    let mut command = Command::new("schtasks");
    command.args(["/query", "/xml", "/tn", name]);
    match run(command, None) {
        // it says so in the system's language, and by no number of its own
        Err(OpsError::Program { .. }) => Ok(None),
        read => read.map(Some),
    }
}

fn create_task(name: &str, xml: &str) -> Result<(), OpsError> {
    let directory = tempfile::tempdir().map_err(OpsError::io("create", "a temporary directory"))?;
    let path = directory.path().join("task.xml");
    std::fs::write(&path, xml).map_err(OpsError::io("write", &path))?;
    let mut command = Command::new("schtasks");
    command.args(["/create", "/f", "/tn", name, "/xml"]).arg(&path);
    run(command, None).map(|_| ())
}

/// Lists our tasks: by CSV for the names, then each as XML.
fn tasks() -> Result<Vec<Found>, OpsError> {
    let mut command = Command::new("schtasks");
    command.args(["/query", "/fo", "csv", "/nh"]);
    let list = run(command, None)?;
    let names = list.lines().filter_map(|line| line.strip_prefix("\"\\")?.split('"').next());
    let mut found = Vec::new();
    for name in names.filter(|name| name.starts_with(PREFIX)) {
        let Some(xml) = task(name)?.filter(|xml| xml.contains(MARK)) else { continue };
        let text = |tag: &str| {
            let after = xml.split_once(&format!("<{tag}>"))?.1;
            Some(after.split_once("</")?.0.to_owned())
        };
        found.push(Found {
            name: name.to_owned(),
            place: "Task Scheduler".into(),
            when: text("StartBoundary").unwrap_or_else(|| "?".into()),
            command: format!(
                "{} {}",
                text("Command").unwrap_or_else(|| "?".into()),
                text("Arguments").unwrap_or_default()
            ),
        });
    }
    Ok(found)
}

//! Schedules: what makes the system run a backup every night: systemd, cron, Windows' Task Scheduler.
//!
//! What a job is becomes text here, purely; [`place`] writes the text where the system looks for it. No text holds a
//! secret: a job names files, and the account that may read them.

pub mod cron;
pub mod place;
pub mod site;
pub mod systemd;
pub mod windows;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::OpsError;

/// What everything we write says in its head, and by what we know it again.
pub const MARK: &str = "Written by `unisys-dba schedule install`";

/// What the names of all jobs start with.
pub const PREFIX: &str = "unisys-dba-backup";

/// A program to be run every day.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name, which is a file's: letters, digits, `-`, `_`.
    pub name: String,
    /// What it does, in a few words.
    pub description: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs, absolute.
    pub directory: PathBuf,
    /// Who runs it; `None` for whoever the schedule belongs to.
    pub account: Option<String>,
    /// Variables it needs besides what the system gives.
    pub variables: BTreeMap<String, String>,
    /// When it runs.
    pub at: TimeOfDay,
    /// Where that is.
    pub zone: Zone,
    /// How much later it may begin, at random: many machines are not to begin at once.
    pub delay: Duration,
}

impl Job {
    /// Checks what no schedule could hold.
    ///
    /// # Errors
    /// [`OpsError::Refused`]: a path or an argument with a line end.
    pub fn check(&self) -> Result<(), OpsError> {
        let texts = [self.program.to_string_lossy(), self.directory.to_string_lossy()];
        let mut texts: Vec<&str> = texts.iter().map(|text| text.as_ref()).collect();
        texts.extend(self.arguments.iter().map(String::as_str));
        texts.extend(self.variables.values().map(String::as_str));
        match texts.iter().find(|text| text.contains(char::is_control)) {
            Some(text) => Err(OpsError::Refused(format!("{text:?} cannot be written into a schedule"))),
            None => Ok(()),
        }
    }
}

/// An hour and a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
}

/// A text that is no time of day.
#[derive(Debug, thiserror::Error)]
#[error("a time of day is two digits, a colon, two digits, such as 02:00")]
pub struct NotATime;

impl FromStr for TimeOfDay {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let (hour, minute) = text.split_once(':').ok_or(NotATime)?;
        let number = |digits: &str, below: u32| {
            let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| two && *number < below).ok_or(NotATime)
        };
        Ok(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The machine's.
    Local,
    /// UTC.
    Utc,
    /// One of the IANA database, such as `Europe/Berlin`.
    Named(String),
}

/// A text that is no time zone.
#[derive(Debug, thiserror::Error)]
#[error("a time zone is local, UTC, or a name such as Europe/Berlin")]
pub struct NotAZone;

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(text: &str) -> Result<Self, NotAZone> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        match text {
            "local" => Ok(Self::Local),
            "UTC" | "utc" => Ok(Self::Utc),
            name if name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(allowed) => {
                Ok(Self::Named(name.to_owned()))
            }
            _ => Err(NotAZone),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Utc => f.write_str("UTC"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;

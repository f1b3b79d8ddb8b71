//! The form of Nagios and its kin: <https://nagios-plugins.org/doc/guidelines.html>.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{Format, Ui};
use crate::exit::Exit;

/// What a check found. The numbers are Nagios' own exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Nagios {
    /// Nothing wrong.
    Ok = 0,
    /// Something that will be.
    Warning = 1,
    /// Something that is.
    Critical = 2,
    /// It could not be found out.
    Unknown = 3,
}

impl Nagios {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Ui {
    /// Answers a check: its verdict, a sentence, and figures as Nagios has them (`'age'=60s;90;120`).
    pub(crate) fn nagios(&mut self, verdict: Nagios, text: &str, figures: &[String]) {
        let figures = match figures.is_empty() {
            true => String::new(),
            false => format!(" | {}", figures.join(" ")),
        };
        write(verdict, &format!("{}{figures}", one_line(text)));
        self.nagios = Some(verdict);
    }

    /// Returns what the process ends with, in the form that was asked for.
    pub(crate) fn code(&self, exit: Exit) -> ExitCode {
        match (self.format, exit) {
            (Format::Nagios, Exit::Done | Exit::Bad) => (self.nagios.unwrap_or(Nagios::Unknown) as u8).into(),
            (Format::Nagios, _) => (Nagios::Unknown as u8).into(),
            (_, exit) => exit.into(),
        }
    }
}

/// Answers that nothing could be found out, and why.
pub(super) fn unknown(text: &str) {
    write(Nagios::Unknown, &one_line(text));
}

/// Writes the line. Nobody reading it is no reason to stop.
fn write(verdict: Nagios, line: &str) {
    let _ = writeln!(io::stdout(), "UNISYS-DBA {} - {line}", verdict.word());
}

/// What Nagios would read as something else is replaced: `|` begins the figures, a line end the details.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

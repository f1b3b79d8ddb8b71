//! What a person or a script sees: the answer on stdout in the form asked for, all else on stderr.

pub(crate) mod human;
mod nagios;
mod prompts;
mod stderr;
mod table;

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;
use unisys_ops::keys::Prompts;
use unisys_ops::progress::{Progress, Silent};

use crate::failure::Failure;
use crate::platform;
use crate::progress::{Display, Named};

pub(crate) use nagios::Nagios;
pub(crate) use stderr::{Stderr, Tone};
pub(crate) use table::{Cell, Column, Page, Table, printable};

/// The version of every JSON document; a breaking change bumps it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables and lines for people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// Tables as CSV, with plain numbers
    Csv,
    /// One line and an exit code as Nagios and its kin read them; for checks alone
    Nagios,
    /// Figures in the text format of Prometheus; for `monitor` alone
    Prometheus,
}

/// How much is said besides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Errors and warnings only.
    Quiet,
    /// What is being done, and hints.
    Normal,
    /// Also how.
    Verbose,
}

/// The two streams.
pub(crate) struct Ui {
    format: Format,
    voice: Voice,
    stderr: Stderr,
    nagios: Option<Nagios>,
    /// The database it is about, where several are worked on at once, with the colon after it.
    name: String,
}

#[derive(Serialize)]
struct Document<'a, R> {
    schema_version: u32,
    #[serde(flatten)]
    report: &'a R,
}

impl Ui {
    /// Returns the streams of this process.
    pub(crate) fn new(format: Format, voice: Voice) -> Self {
        Self { format, voice, stderr: Stderr::new(), nagios: None, name: String::new() }
    }

    /// Returns the same streams for one of several databases: all that is said besides the answer bears its name.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self {
            format: self.format,
            voice: self.voice,
            stderr: self.stderr.clone(),
            nagios: None,
            name: format!("{}: ", printable(name)),
        }
    }

    /// Keeps in a file, besides, all that is said. One that cannot be opened is warned of: no backup fails for its log.
    pub(crate) fn log_to(&mut self, path: &Path) {
        if let Err(error) = self.stderr.log_to(path) {
            self.warning(format!("there is no log: could not open {}: {error}", path.display()));
        }
    }

    /// Returns the form of the answer, for views that choose what to show by it.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Writes the answer: `report` (a struct or a map) as JSON, or `page` as table or CSV.
    ///
    /// A reader that went away (`| head`) is no error: the command goes on.
    ///
    /// # Errors
    /// The report cannot be written.
    pub(crate) fn answer<R: Serialize>(
        &mut self,
        report: &R,
        page: impl FnOnce() -> Page,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => {
                let text = page().to_text(io::stdout().is_terminal());
                text.lines().for_each(|line| self.stderr.record("", line));
                text
            }
            // a check answers by [`Ui::nagios`], `monitor` by [`Ui::text`]; nothing else is given these forms
            Format::Nagios | Format::Prometheus => return Ok(()),
            Format::Csv => page().to_csv(),
            Format::Json => {
                let document = Document { schema_version: SCHEMA_VERSION, report };
                serde_json::to_string_pretty(&document)? + "\n"
            }
        };
        self.text(&text)
    }

    /// Whether the answer is for a spreadsheet, which gets rows that people are spared.
    pub(crate) fn is_csv(&self) -> bool {
        self.format == Format::Csv
    }

    /// Writes text to stdout as it is, whatever the format: scripts, manual pages, SQL.
    ///
    /// # Errors
    /// As [`Ui::answer`].
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.stderr.bars().suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("could not write the answer: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Says what is being done or was done, in a sentence. Not with `--quiet`.
    pub(crate) fn status(&self, text: impl AsRef<str>) {
        match self.voice {
            Voice::Quiet => self.stderr.record(&self.name, text.as_ref()),
            _ => self.stderr.line(Tone::Plain, &self.name, text.as_ref()),
        }
    }

    /// Returns a function that passes on what another program says, with its name before each line.
    pub(crate) fn relay(&self, name: &str) -> impl Fn(&str) + Send + Sync + use<> {
        let (stderr, label) = (self.stderr.clone(), format!("{}{name}: ", self.name));
        move |line| stderr.line(Tone::Plain, &label, &printable(line))
    }

    /// Says how something is done. Only with `--verbose`.
    pub(crate) fn detail(&self, text: impl AsRef<str>) {
        if self.voice == Voice::Verbose {
            self.stderr.line(Tone::Plain, &self.name, text.as_ref());
        }
    }

    /// Warns of something that is not wrong yet.
    pub(crate) fn warning(&self, text: impl AsRef<str>) {
        self.stderr.line(Tone::Warning, "warning: ", &format!("{}{}", self.name, text.as_ref()));
    }

    /// Says what to type next. Not with `--quiet`.
    pub(crate) fn hint(&self, text: impl AsRef<str>) {
        if self.voice != Voice::Quiet {
            self.stderr.line(Tone::Hint, "hint: ", &format!("{}{}", self.name, text.as_ref()));
        }
    }

    /// Asks whether to go on; `yes` (`--yes`) answers beforehand.
    ///
    /// # Errors
    /// Without a terminal nobody can answer, and nothing is changed: exit 2.
    pub(crate) async fn confirm(&mut self, question: &str, yes: bool) -> Result<bool, Failure> {
        if yes {
            return Ok(true);
        }
        let answer =
            self.ask(&format!("{question} [y/N] ")).await.map_err(|failure| failure.hint("Add --yes."))?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Returns whether a person can be asked, and shown what must not be written anywhere.
    pub(crate) fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && self.stderr.is_terminal()
    }

    /// Returns whom keys may ask: the person at the terminal, or nobody.
    pub(crate) fn prompts(&self) -> Arc<dyn Prompts> {
        Arc::new(prompts::AtTerminal { stderr: self.stderr.clone(), interactive: self.is_interactive() })
    }

    /// Shows a text on a screen of its own, which goes, and with it the text, when the returned value is dropped: it does
    /// not stay in the terminal's history.
    pub(crate) fn show_once(&self, text: &str) -> Screen {
        let screen = Screen { separate: platform::terminal_has_colours() };
        let enter = if screen.separate { "\x1b[?1049h\x1b[H" } else { "" };
        self.stderr.bars().suspend(|| {
            let _ = io::stderr().lock().write_all(format!("{enter}{text}").as_bytes());
        });
        screen
    }

    /// Asks for one line; it is seen while it is typed. Empty at the end of the input.
    ///
    /// # Errors
    /// There is no terminal: exit 2.
    pub(crate) async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        if !self.is_interactive() {
            return Err(Failure::usage("this needs an answer, and there is no terminal to ask on"));
        }
        self.stderr.bars().suspend(|| {
            let mut stderr = io::stderr().lock();
            stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush())
        })?;
        // A thread of its own, which nobody waits for: Ctrl-C must work while it reads.
        let (send, receive) = oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = send.send(read.map(|_| line.trim().to_owned()));
        });
        Ok(receive.await??)
    }

    /// Returns somebody to show an operation's progress: bars on a terminal, a line now and then elsewhere.
    pub(crate) fn progress(&self) -> Box<dyn Progress> {
        match self.voice {
            Voice::Quiet => Box::new(Silent),
            _ if self.name.is_empty() => Box::new(Display::new(self.stderr.clone())),
            _ => Box::new(Named::new(&self.name, Box::new(Display::new(self.stderr.clone())))),
        }
    }

    /// Tells why a command ended early: the error and its causes, then which command failed, the newest proven
    /// backup where it is known, and what to type next.
    pub(crate) fn failure(&self, failure: &Failure, command: &str) {
        if self.format == Format::Nagios {
            let text = failure
                .causes()
                .into_iter()
                .fold(failure.error.to_string(), |text, cause| format!("{text}: {cause}"));
            nagios::unknown(&text);
        }
        self.stderr.line(Tone::Error, "error: ", &printable(&failure.error.to_string()));
        for cause in failure.causes() {
            self.stderr.line(Tone::Plain, "caused by: ", &printable(&cause));
        }
        self.stderr.line(Tone::Error, "failed: ", command);
        if let Some(backup) = &failure.newest_proven {
            self.stderr.line(Tone::Plain, "newest proven backup: ", backup);
        }
        let help = format!("Run `{command} --help`.");
        let hints = if failure.hints.is_empty() { vec![help] } else { failure.hints.clone() };
        for hint in hints {
            self.stderr.line(Tone::Hint, "next: ", &hint);
        }
    }

    /// Tells that a signal ended the command.
    pub(crate) fn interrupted(&self) {
        self.stderr.line(Tone::Error, "interrupted", "");
    }
}

/// A terminal's other screen, as editors use it; left when this value is dropped.
pub(crate) struct Screen {
    separate: bool,
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.separate {
            let _ = io::stderr().lock().write_all(b"\x1b[?1049l");
        }
    }
}

//! The second stream: lines between which progress bars step aside, and the log that keeps them.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};

use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::platform;

/// Drawings a second: every bar of a frame is one, and none of them may be left out.
const DRAWINGS: u8 = 100;

/// Standard error, shared by the commands and the progress bars.
#[derive(Clone)]
pub(crate) struct Stderr {
    bars: MultiProgress,
    terminal: bool,
    colour: bool,
    log: Option<Arc<Mutex<File>>>,
}

/// What a line is about, which a terminal shows by colour.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Plain,
    Error,
    Warning,
    Hint,
}

impl Stderr {
    /// Returns the stream of this process. Colours need a terminal, and no `NO_COLOR`.
    pub(crate) fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let target = if terminal {
            ProgressDrawTarget::stderr_with_hz(DRAWINGS)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            terminal,
            colour: terminal && !refused && platform::terminal_has_colours(),
            log: None,
        }
    }

    /// Keeps every line in a file too, with the time before it; what is in the file already stays.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn log_to(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.log = Some(Arc::new(Mutex::new(file)));
        Ok(())
    }

    /// Writes a line into the log alone, if there is one. A full disk under the log stops nothing.
    pub(crate) fn record(&self, label: &str, text: &str) {
        let Some(log) = &self.log else { return };
        let moment = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let _ = log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(format!("{moment} {label}{text}\n").as_bytes());
    }

    /// Returns whether a person may be watching.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Returns the place for progress bars.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes one line: a label in its colour, then the text. Nobody reading it is no reason to stop.
    pub(crate) fn line(&self, tone: Tone, label: &str, text: &str) {
        self.record(label, text);
        let line = format!("{}{text}\n", self.paint(tone, label));
        self.bars.suspend(|| {
            let _ = io::stderr().lock().write_all(line.as_bytes());
        });
    }

    fn paint(&self, tone: Tone, label: &str) -> String {
        let code = match tone {
            Tone::Plain => return label.to_owned(),
            Tone::Error => "1;31",
            Tone::Warning => "1;33",
            Tone::Hint => "36",
        };
        if self.colour { format!("\x1b[{code}m{label}\x1b[0m") } else { label.to_owned() }
    }
}

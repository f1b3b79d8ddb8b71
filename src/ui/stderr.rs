//! The second stream: lines between which progress bars step aside.

use std::io::{self, IsTerminal, Write};

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
        }
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

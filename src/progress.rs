//! Shows an operation's progress on stderr: bars on a terminal, elsewhere a line after 2 s and then every 10 s.
//!
//! The operation only adds to counters ([`tally`]); one thread looks at them now and then and draws ([`render`]).

mod named;
mod render;
mod speed;
mod tally;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use unisys_ops::progress::{Expected, Item, Progress};

use crate::ui::{Stderr, Tone, printable};
pub(crate) use named::Named;
use speed::Speed;
use tally::Tally;

/// Between two drawings of the bars.
const FRAME: Duration = Duration::from_millis(200);
/// Before the first line, and between two lines.
const FIRST_LINE: Duration = Duration::from_secs(2);
const LINE: Duration = Duration::from_secs(10);
/// Items shown at once, below the whole.
const ITEMS: usize = 4;

/// Somebody who shows progress until dropped.
pub(crate) struct Display {
    tally: Arc<Tally>,
    stderr: Stderr,
    stop: Option<Sender<()>>,
    drawer: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts to show progress on `stderr`.
    pub(crate) fn new(stderr: Stderr) -> Self {
        let tally = Arc::new(Tally::default());
        let (stop, stopped) = mpsc::channel();
        let drawer = {
            let (tally, stderr) = (Arc::clone(&tally), stderr.clone());
            thread::spawn(move || {
                let show = if stderr.is_terminal() { draw } else { tell };
                show(&tally, &stderr, &stopped);
            })
        };
        Self { tally, stderr, stop: Some(stop), drawer: Some(drawer) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(drawer) = self.drawer.take() {
            // A drawer that panicked has nothing left to clear.
            let _ = drawer.join();
        }
    }
}

impl Progress for Display {
    fn begin(&self, phase: &str, expected: Expected) {
        self.tally.begin(phase, expected);
    }

    fn start(&self, item: &str, expected: Expected) -> Box<dyn Item> {
        Box::new(self.tally.start(item, expected))
    }

    fn message(&self, text: &str) {
        self.stderr.line(Tone::Plain, "", &printable(text));
    }
}

fn stopped_within(stopped: &mpsc::Receiver<()>, wait: Duration) -> bool {
    !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

fn draw(tally: &Tally, stderr: &Stderr, stopped: &mpsc::Receiver<()>) {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is a constant");
    let mut bars: Vec<ProgressBar> = Vec::new();
    let mut speed = Speed::default();
    while !stopped_within(stopped, FRAME) {
        let lines =
            tally.look().map_or_else(Vec::new, |state| render::screen(&state, speed.of(&state), ITEMS));
        while bars.len() > lines.len() {
            bars.pop().inspect(ProgressBar::finish_and_clear);
        }
        while bars.len() < lines.len() {
            bars.push(stderr.bars().add(ProgressBar::new_spinner().with_style(style.clone())));
        }
        for (bar, line) in bars.iter().zip(lines) {
            bar.set_message(line);
        }
    }
    bars.iter().for_each(ProgressBar::finish_and_clear);
}

fn tell(tally: &Tally, stderr: &Stderr, stopped: &mpsc::Receiver<()>) {
    let mut speed = Speed::default();
    let mut wait = FIRST_LINE;
    while !stopped_within(stopped, wait) {
        wait = LINE;
        if let Some(state) = tally.look() {
            stderr.line(Tone::Plain, "", &render::line(&state, speed.of(&state)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_display_ends_at_once_whatever_is_still_open() {
        let started = Instant::now();
        let display = Display::new(Stderr::new());
        display.begin("backup", Expected::bytes(10));
        let open = display.start("public.t", Expected::bytes(10));
        open.advance(5, 1);
        drop(display);
        open.finish();
        assert!(started.elapsed() < FIRST_LINE);
    }
}

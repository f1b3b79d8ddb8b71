//! What happens around an operation: hooks before and after it, then metrics and notifications.
//!
//! ```text
//! served ─ hooked ─ before → the operation → after | failed → finally
//!        └ remember, write metrics, notify whom the database names
//! tell_of, tell_of_all ─ notify whom [notify] and [mail] name: once for each run
//! ```
//!
//! One database or all of them: each is served alike. Several are served at once, each with a [`Ui`] that bears its name.
//!
//! None of it changes a backup, and none hides a failure: what fails here after a success is exit 5, after a failure a
//! warning.

mod hooks;
mod letter;
mod message;
mod record;
mod subject;
mod summary;
mod tell;

use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::Value;
use tokio::task::JoinSet;
use unisys_ops::memory::{Run, Took};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Operation;
use crate::ui::Ui;
use letter::Letter;
use message::Message;
use tell::Receivers;

pub(crate) use hooks::hooked;
pub(crate) use message::News;
pub(crate) use subject::Subject;

/// An operation that came to its end, well or badly.
pub(crate) struct Done {
    /// What the program is to exit with.
    pub(crate) exit: Exit,
    /// The answer, as `--format json` has it.
    pub(crate) document: Value,
    /// What is wrong, in sentences: differences of a drill, later steps that failed.
    pub(crate) problems: Vec<String>,
    /// Whether it was about all that the configuration asks for, not about a part of that.
    pub(crate) whole: bool,
    /// The drill that was part of it, or that it was.
    pub(crate) drilled: Option<Drilled>,
    /// How long it waited for other databases; that is no part of how long it took.
    pub(crate) waited: Duration,
}

/// How a drill went.
#[derive(Clone, Copy)]
pub(crate) struct Drilled {
    pub(crate) run: Run,
    pub(crate) took: Option<Took>,
}

impl Done {
    /// Whether the operation did what it is for.
    fn succeeded(&self) -> bool {
        matches!(self.exit, Exit::Done | Exit::Later)
    }

    /// Adds a step after it that failed.
    pub(crate) fn later(&mut self, problem: String) {
        self.problems.push(problem);
        self.exit = self.exit.after_later();
    }
}

/// An operation on one database, served with all that accompanies it.
pub(crate) struct Served {
    /// How it ended.
    pub(crate) result: Result<Done, Failure>,
    /// What there is to tell about it.
    pub(crate) news: News,
}

/// Runs an operation on one database, remembers how it ended, writes its metrics, and tells those whom the database names.
pub(crate) async fn served(
    operation: Operation,
    subject: &Subject<'_>,
    ui: &mut Ui,
    work: impl AsyncFnOnce(&mut Ui) -> Result<Done, Failure>,
) -> Served {
    let begun = Instant::now();
    let mut result = match work(ui).await {
        Ok(done) => Ok(done),
        Err(failure) => Err(subject.explained(failure).await),
    };
    let waited = result.as_ref().map_or(Duration::ZERO, |done| done.waited);
    let run = Run {
        ended: Utc::now(),
        seconds: begun.elapsed().saturating_sub(waited).as_secs_f64(),
        exit: result.as_ref().map_or_else(|failure| failure.exit, |done| done.exit) as u8,
        success: result.as_ref().is_ok_and(|done| done.succeeded() && done.whole),
    };
    let mut problems = Vec::new();
    let before = record::record(operation, subject, run, result.as_ref().ok(), &mut problems).await;
    let failures = before.map_or(0, |runs| runs.failures);
    later(problems, &mut result, ui);
    let news = News { letter: Letter::of(operation, subject, &result), failures };
    let own = Receivers::of_database(subject);
    let untold = tell::tell(&Message::of(&news), &own, subject.ctx).await;
    match untold.is_empty() {
        true => Served { result, news },
        false => {
            later(untold, &mut result, ui);
            Served { news: News { letter: Letter::of(operation, subject, &result), failures }, result }
        }
    }
}

/// Warns of what failed after an operation, and keeps it.
fn later(problems: Vec<String>, result: &mut Result<Done, Failure>, ui: &Ui) {
    for problem in problems {
        ui.warning(&problem);
        if let Ok(done) = result {
            done.later(problem);
        }
    }
}

/// Tells people how an operation on one database ended; returns the exit code, given the one so far.
pub(crate) async fn tell_of(news: &News, exit: Exit, ctx: &Context, ui: &Ui) -> Exit {
    tell_everybody(&Message::of(news), exit, ctx, ui).await
}

/// Tells people how an operation on several databases ended, in one message; returns the exit code, given the one so far.
pub(crate) async fn tell_of_all(news: &[News], exit: Exit, ctx: &Context, ui: &Ui) -> Exit {
    match summary::of(news, exit) {
        Some(message) => tell_everybody(&message, exit, ctx, ui).await,
        None => exit,
    }
}

async fn tell_everybody(message: &Message, exit: Exit, ctx: &Context, ui: &Ui) -> Exit {
    let problems = tell::tell(message, &Receivers::of_all(ctx), ctx).await;
    problems.iter().for_each(|problem| ui.warning(problem));
    if problems.is_empty() { exit } else { exit.after_later() }
}

/// Runs work as a task of its own, which nothing that is done for other databases holds up. It ends with whoever waits for it.
///
/// # Errors
/// It panicked.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(done)) => Ok(done),
        Some(Err(stopped)) => Err(Failure::new(format!("it was stopped: {stopped}"))),
        None => Err(Failure::new("it was never begun")),
    }
}

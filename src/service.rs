//! What happens around an operation: hooks before and after it, then metrics and notifications.
//!
//! ```text
//! told ─ hooked ─ before → the operation → after | failed → finally
//!      └ remember, write metrics, notify
//! ```
//!
//! None of it changes a backup, and none hides a failure: what fails here after a success is exit 5, after a failure a
//! warning.

mod hooks;
mod letter;
mod record;
mod tell;

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use serde_json::Value;
use unisys_ops::backup::BackupId;
use unisys_ops::memory::{Run, Took};
use unisys_ops::store::Store;

use crate::commands::backup::part;
use crate::commands::pick::{Picked, with_newest_proven};
use crate::context::{Context, PRIVATE_DATABASE, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Operation;
use crate::ui::Ui;
use letter::Letter;

pub(crate) use hooks::hooked;

/// The database an operation is about.
pub(crate) struct Subject<'a> {
    ctx: &'a Context,
    /// What people call it: its name in the configuration, else the one on its server.
    name: String,
    /// Whether the configuration knows that name.
    configured: bool,
    /// How its backups' names begin; unknown where its connection string is wrong.
    slug: Option<String>,
    store: Option<Arc<dyn Store>>,
    /// Which part of it the configuration asks for.
    part: Option<String>,
}

impl<'a> Subject<'a> {
    /// Returns the database that was selected. What is wrong with it is left to the operation to say.
    pub(crate) fn of(ctx: &'a Context, selection: &Selection<'_>) -> Self {
        let database = match selection {
            Selection::Private => Some(PRIVATE_DATABASE.to_owned()),
            _ => ctx.resolve(selection).ok().map(|target| target.database),
        };
        let configured = match selection {
            Selection::Configured { name, .. } => Some((*name).to_owned()),
            Selection::Environment | Selection::Private => None,
        };
        Self {
            ctx,
            slug: database.as_deref().map(BackupId::slug),
            store: ctx.store(selection).ok(),
            part: part(ctx, selection).ok().flatten(),
            configured: configured.is_some(),
            name: configured.or(database).unwrap_or_default(),
        }
    }

    /// Returns the database a stored backup is of.
    pub(crate) fn of_backup(ctx: &'a Context, picked: &Picked) -> Self {
        let names = ctx.settings.databases.keys();
        let selections = names.filter_map(|name| ctx.configured(name));
        let same = |subject: &Self| {
            subject.slug.as_deref() == Some(picked.id.database_slug())
                && subject.store.as_ref().is_some_and(|store| store.location() == picked.store.location())
        };
        let found = selections.map(|selection| Self::of(ctx, &selection)).find(same);
        found.unwrap_or_else(|| Self {
            ctx,
            name: picked.id.database_slug().to_owned(),
            configured: false,
            slug: Some(picked.id.database_slug().to_owned()),
            store: Some(Arc::clone(&picked.store)),
            part: None,
        })
    }

    /// Returns which part of the database the configuration asks for, in words; nothing where it asks for all of it.
    pub(crate) fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }
}

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
        if self.exit == Exit::Done {
            self.exit = Exit::Later;
        }
    }
}

/// Warns that several databases at once are worked on without what is configured to accompany one.
pub(crate) fn warn_of_many(ctx: &Context, ui: &Ui) {
    let settings = &ctx.settings;
    let hooks =
        [&settings.hooks.before, &settings.hooks.after, &settings.hooks.failed, &settings.hooks.finally];
    let measured = settings.metrics.textfile.is_some() || settings.metrics.push.is_some();
    if hooks.iter().any(|hook| !hook.is_empty()) || measured || tell::anybody(ctx) {
        ui.warning("hooks, notifications and metrics accompany one database at a time: with --all none of them is run");
    }
}

/// Runs an operation, and tells metrics and people how it ended.
///
/// # Errors
/// The operation's own.
pub(crate) async fn told(
    operation: Operation,
    subject: &Subject<'_>,
    ui: &mut Ui,
    work: impl AsyncFnOnce(&mut Ui) -> Result<Done, Failure>,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut result = work(ui).await.map_err(|failure| with_newest_proven(failure, subject.ctx));
    let run = Run {
        ended: Utc::now(),
        seconds: begun.elapsed().as_secs_f64(),
        exit: result.as_ref().map_or_else(|failure| failure.exit, |done| done.exit) as u8,
        success: result.as_ref().is_ok_and(|done| done.succeeded() && done.whole),
    };
    let mut problems = Vec::new();
    let before = record::record(operation, subject, run, result.as_ref().ok(), &mut problems).await;
    for problem in &problems {
        ui.warning(problem);
    }
    if let Ok(done) = &mut result {
        problems.into_iter().for_each(|problem| done.later(problem));
    }
    let letter = Letter::of(operation, subject, &result);
    for problem in tell::tell(&letter, subject.ctx, before.as_ref()).await {
        ui.warning(&problem);
        if let Ok(done) = &mut result {
            done.later(problem);
        }
    }
    result.map(|done| done.exit)
}

//! What is remembered of an operation, and the metrics made of it.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use unisys_ops::OpsError;
use unisys_ops::backup::Listed;
use unisys_ops::memory::{Memory, Newest, Opened, Proof, Remembered, Run, Runs};
use unisys_ops::metrics;

use super::tell::Receivers;
use super::{Done, Subject};
use crate::context::Context;
use crate::failure::Failure;
use crate::settings::Operation;

/// Remembers how an operation ended, and hands out the metrics. Returns what was known of its kind before; nothing where
/// that is not known, or nobody asks.
///
/// What fails is added to `problems`: each a sentence.
pub(super) async fn record(
    operation: Operation,
    subject: &Subject<'_>,
    run: Run,
    done: Option<&Done>,
    problems: &mut Vec<String>,
) -> Option<Runs> {
    let settings = &subject.ctx.settings;
    let wanted = settings.metrics.textfile.is_some() || settings.metrics.push.is_some();
    let told = Receivers::of_all(subject.ctx).is_anybody() || Receivers::of_database(subject).is_anybody();
    if !wanted && !told {
        return None;
    }
    // a store may take its time: nobody waits for the memory meanwhile
    let listed = subject.listed().await;
    let (before, known) = match remember(operation, subject, run, done, listed, problems) {
        Ok(known) => known,
        Err(failure) => {
            problems.push(format!(
                "could not remember how the {} ended: {}",
                operation.name(),
                failure.error
            ));
            return None;
        }
    };
    if let Some(push) = &settings.metrics.push {
        let pushed = metrics::push(push.expose_secret(), &known, settings.notify.time_limit.0).await;
        problems.extend(pushed.err().map(|error| format!("metrics were not pushed: {error}")));
    }
    match operation {
        Operation::Backup => before.backup,
        Operation::Drill => before.drill,
    }
}

/// Returns what was known before and what is known now.
fn remember(
    operation: Operation,
    subject: &Subject<'_>,
    run: Run,
    done: Option<&Done>,
    listed: Option<Result<Vec<Listed>, OpsError>>,
    problems: &mut Vec<String>,
) -> Result<(Remembered, Remembered), Failure> {
    let scope = scope(subject.ctx);
    let memory = Memory::new(directory(subject.ctx)?).open()?;
    let before = memory.get(&scope, &subject.name);
    let mut known = before.clone();
    let drilled = done.and_then(|done| done.drilled);
    match operation {
        Operation::Backup => known.backup = Some(Runs::after(before.backup.as_ref(), run)),
        Operation::Drill if drilled.is_none() => known.drill = Some(Runs::after(before.drill.as_ref(), run)),
        Operation::Drill => {}
    }
    if let Some(drilled) = drilled {
        known.drill = Some(Runs::after(before.drill.as_ref(), drilled.run));
        known.took = drilled.took.or(known.took);
    }
    match listed {
        Some(Ok(backups)) => {
            known.newest = Newest::of(&backups, subject.part());
            known.proof = Proof::of(&backups, subject.part());
        }
        Some(Err(error)) => problems.push(format!("metrics of the backups were not renewed: {error}")),
        None => {}
    }
    memory.put(&known)?;
    if let Some(path) = &subject.ctx.settings.metrics.textfile {
        let written = textfile(subject.ctx, &memory, &scope, path);
        problems.extend(written.err().map(|error| format!("metrics were not written: {error}")));
    }
    Ok((before, known))
}

/// Writes the metrics of every database of the configuration.
fn textfile(ctx: &Context, memory: &Opened, scope: &str, path: &std::path::Path) -> Result<(), OpsError> {
    let mut all = memory.all(scope)?;
    let configured = &ctx.settings.databases;
    // one that was taken out of the configuration is nobody's alarm any more
    all.retain(|known| configured.is_empty() || configured.contains_key(&known.name));
    metrics::write(path, &all)
}

/// What one configuration knows is its own.
fn scope(ctx: &Context) -> String {
    ctx.config_file.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

fn directory(ctx: &Context) -> Result<PathBuf, Failure> {
    match &ctx.settings.state.directory {
        Some(directory) => Ok(directory.clone()),
        None => Ok(ctx.data_directory()?.join("state")),
    }
}

//! `backup run --all`: every database of the configuration, a few at a time.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::task::JoinSet;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupReport, Locks};

use super::run::{After, Args, Finished, passphrase, prepare, stand_back, tell};
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::progress::Named;
use crate::service;
use crate::ui::Ui;
use crate::view::{self, all::Of};

/// A complete backup under its locks.
type Made = Result<(BackupReport, Locks), OpsError>;

pub(super) async fn run(
    args: &Args,
    at_once: NonZeroUsize,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    service::warn_of_many(ctx, ui);
    stand_back(ctx, ui);
    let passphrase = passphrase(args, ctx, ui).await?;
    let mut done: Vec<Of<Finished>> = Vec::new();
    let mut waiting = VecDeque::new();
    for (name, database) in ctx.every()? {
        match prepare(args, &database, ctx, ui) {
            Ok(prepared) => waiting.push_back((name.to_owned(), prepared)),
            Err(failure) => done.push(Of { database: name.to_owned(), result: Err(failure) }),
        }
    }
    let mut uncopied = Vec::new();
    let mut running: JoinSet<(String, After, Made)> = JoinSet::new();
    loop {
        while running.len() < at_once.get()
            && let Some((name, mut prepared)) = waiting.pop_front()
        {
            prepared.passphrase.clone_from(&passphrase);
            let (options, after) = prepared.begin(Arc::new(Named::new(&name, ui.progress())));
            running.spawn(async move {
                let made = backup::run_and_keep_lock(&*after.store, options).await;
                (name, after, made)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((database, after, made))) => match made {
                Ok(made) => {
                    ui.status(format!("{database}: {} is complete", made.0.manifest.id));
                    uncopied.push((database, after.prune(made).await));
                }
                Err(error) => {
                    ui.warning(format!("{database}: {error}"));
                    done.push(Of { database, result: Err(explain::with_doctor(error)) });
                }
            },
            Some(Err(stopped)) => return Err(Failure::new(format!("a backup was stopped: {stopped}"))),
        }
    }
    // not before all backups are made and their stores are pruned: a slow copy delays none of them
    for (database, backup) in uncopied {
        done.push(Of { database, result: Ok(backup.copy(ui).await) });
    }
    done.sort_by(|a, b| a.database.cmp(&b.database));
    view::backup::made_all(ui, &done)?;
    for of in &done {
        let warnings = of.result.iter().flat_map(|finished| &finished.report.manifest.warnings);
        warnings.for_each(|warning| ui.warning(format!("{}: {warning}", of.database)));
    }
    let exits = done.iter().map(|of| match &of.result {
        Ok(made) if tell(made, ui).is_empty() => Exit::Done,
        Ok(_) => Exit::Later,
        Err(failure) => failure.exit,
    });
    let exit = Exit::of_all(exits.collect::<Vec<_>>());
    ui.hint(match exit {
        Exit::Done | Exit::Later => "Prove them: unisys-dba drill --all",
        _ => "See what failed with --database NAME, and run `unisys-dba doctor --database NAME`.",
    });
    Ok(exit)
}

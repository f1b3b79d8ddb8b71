//! `backup run --all`: every database of the configuration, a few at a time.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::task::JoinSet;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupReport};

use super::run::{Args, prepare};
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::progress::Named;
use crate::ui::Ui;
use crate::view::{self, all::Of};

pub(super) async fn run(
    args: &Args,
    at_once: NonZeroUsize,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let mut done: Vec<Of<BackupReport>> = Vec::new();
    let mut waiting = VecDeque::new();
    for (name, database) in ctx.every()? {
        match prepare(args, &database, ctx, ui) {
            Ok(prepared) => waiting.push_back((name.to_owned(), prepared)),
            Err(failure) => done.push(Of { database: name.to_owned(), result: Err(failure) }),
        }
    }
    let mut running: JoinSet<(String, Result<BackupReport, OpsError>)> = JoinSet::new();
    loop {
        while running.len() < at_once.get()
            && let Some((name, (store, options))) = waiting.pop_front()
        {
            let options = options(Arc::new(Named::new(&name, ui.progress())));
            running.spawn(async move { (name, backup::run(&*store, options).await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((database, result))) => {
                match &result {
                    Ok(report) => ui.status(format!("{database}: {} is complete", report.manifest.id)),
                    Err(error) => ui.warning(format!("{database}: {error}")),
                }
                done.push(Of { database, result: result.map_err(explain::with_doctor) });
            }
            Some(Err(stopped)) => return Err(Failure::new(format!("a backup was stopped: {stopped}"))),
        }
    }
    done.sort_by(|a, b| a.database.cmp(&b.database));
    view::backup::made_all(ui, &done)?;
    for of in &done {
        let warnings = of.result.iter().flat_map(|report| &report.manifest.warnings);
        warnings.for_each(|warning| ui.warning(format!("{}: {warning}", of.database)));
    }
    let exit = Exit::of_all(done.iter().map(|of| of.result.as_ref().map_or_else(|f| f.exit, |_| Exit::Done)));
    ui.hint(match exit {
        Exit::Done => "Prove them: unisys-dba drill --all",
        _ => "See what failed with --database NAME, and run `unisys-dba doctor --database NAME`.",
    });
    Ok(exit)
}

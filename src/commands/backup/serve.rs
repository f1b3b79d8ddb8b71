//! A run of `backup run` on one database, with all that belongs to it: alone, or one of many at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell, Semaphore, SemaphorePermit};
use unisys_ops::backup;
use unisys_ops::drill::DrillRecord;

use super::nightly;
use super::run::{Args, Finished, passphrase, prepare, tell};
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::service::{self, Done, News, Subject};
use crate::settings::Operation;
use crate::ui::Ui;
use crate::view;

/// What the databases of one run share.
pub(super) struct Shared {
    /// How many are backed up at once.
    slots: Semaphore,
    /// The drill's port, which is one.
    pub(super) port: Mutex<()>,
    /// The passphrase of new backups, asked for once.
    passphrase: OnceCell<Option<SecretString>>,
    /// Copies are made of one database at a time: each takes memory, and the way to them is one.
    copying: Mutex<()>,
}

impl Shared {
    pub(super) fn new(at_once: NonZeroUsize) -> Self {
        Self {
            slots: Semaphore::new(at_once.get()),
            port: Mutex::new(()),
            passphrase: OnceCell::new(),
            copying: Mutex::new(()),
        }
    }
}

/// What a run made of one database.
pub(crate) struct Made {
    /// The backup, with its copies and its pruning.
    pub(crate) finished: Finished,
    /// Nothing where it was no night's run; nothing in it where no drill was due, or none could be done.
    pub(crate) drill: Option<Option<DrillRecord>>,
    /// What the database alone would have the program exit with.
    pub(crate) exit: Exit,
    /// Later steps that failed, a sentence each.
    pub(crate) problems: Vec<String>,
}

/// Makes a backup with its hooks, its copies, its pruning, its drill where one is due, its metrics. Nothing is answered yet.
pub(super) async fn serve(
    args: &Args,
    ctx: &Context,
    selection: &Selection<'_>,
    shared: &Shared,
    ui: &mut Ui,
) -> (Result<Made, Failure>, News) {
    let slot = shared.slots.acquire().await.ok();
    let subject = Subject::of(ctx, selection);
    let (mut finished, mut drill) = (None, None);
    let served = service::served(Operation::Backup, &subject, ui, async |ui: &mut Ui| {
        let (made, mut done) = back_up(args, ctx, selection, &subject, (shared, slot), ui).await?;
        if args.nightly {
            drill = Some(nightly::drill(ctx, selection, &subject, &made, shared, &mut done, ui).await);
        }
        let answer = view::backup::Run::of(&made, drill.as_ref(), &done.problems);
        done.document = serde_json::to_value(answer)?;
        finished = Some(made);
        Ok(done)
    })
    .await;
    let result = served.result.and_then(|done| {
        let finished = finished.ok_or_else(|| Failure::new("no backup was made"))?;
        Ok(Made { finished, drill, exit: done.exit, problems: done.problems })
    });
    (result, served.news)
}

/// Makes a backup between its hooks, copies it, and prunes.
async fn back_up(
    args: &Args,
    ctx: &Context,
    selection: &Selection<'_>,
    subject: &Subject<'_>,
    (shared, mut slot): (&Shared, Option<SemaphorePermit<'_>>),
    ui: &mut Ui,
) -> Result<(Finished, Done), Failure> {
    let mut made = None;
    let done = service::hooked(Operation::Backup, subject, ui, async |ui: &mut Ui| {
        let mut prepared = prepare(args, selection, ctx, ui)?;
        let passphrase = shared.passphrase.get_or_try_init(|| passphrase(args, ctx, ui)).await?;
        prepared.passphrase.clone_from(passphrase);
        let (options, after) = prepared.begin(Arc::from(ui.progress()));
        let store = Arc::clone(&after.store);
        let backup = async move { backup::run_and_keep_lock(&*store, options).await };
        let made_now = service::apart(backup).await?.map_err(explain::with_doctor)?;
        let uncopied = after.prune(made_now).await?;
        // another database is backed up while this one is copied and drilled, or waits for it
        drop(slot.take());
        let turn = shared.copying.lock().await;
        let finished = uncopied.copy(ui).await?;
        drop(turn);
        finished.report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
        let part = finished.report.manifest.part();
        let mut done = Done {
            exit: Exit::Done,
            document: Value::Null,
            problems: Vec::new(),
            whole: part.is_none() || part.as_deref() == subject.part(),
            drilled: None,
            waited: Duration::ZERO,
        };
        tell(&finished, ui).into_iter().for_each(|problem| done.later(problem));
        done.document = serde_json::to_value(view::backup::Run::of(&finished, None, &done.problems))?;
        made = Some(finished);
        Ok(done)
    })
    .await?;
    let finished = made.ok_or_else(|| Failure::new("no backup was made"))?;
    Ok((finished, done))
}

//! `backup check`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, CheckOptions, ReadData};

use crate::commands::pick::{self, LATEST, Picked};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Check that stored backups are, byte for byte, what was written
///
/// Each file's size and SHA-256 are compared with the manifest. With --read-data everything is also decrypted and
/// unpacked: rows are counted and fingerprinted, archives read by pg_restore to their end. Exit 4 when anything is found.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of backups, or the starts of them [default: latest]
    #[arg(value_name = "BACKUP", conflicts_with = "all")]
    backups: Vec<String>,
    /// Every backup; of one database with --database
    #[arg(long)]
    all: bool,
    /// Decrypt and read everything; needs an identity
    #[arg(long)]
    read_data: bool,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE", requires = "read_data")]
    identity: Vec<PathBuf>,
    /// Files read at once [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

pub(crate) async fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = chosen(args, ctx, ui)?;
    let read_data = match args.read_data {
        true => Some(ReadData {
            identities: ctx.identities(&ctx.selection()?, &args.identity)?,
            search: ctx.search(),
        }),
        false => None,
    };
    let jobs = args.jobs.unwrap_or(ctx.settings.drill.jobs).get();
    let options = CheckOptions { jobs, read_data, trust: ctx.trust()?, progress: Arc::from(ui.progress()) };
    let (mut reports, mut not_done) = (Vec::new(), false);
    for Picked { store, id } in &picked {
        match backup::check(&**store, id, &options).await {
            Ok(report) => reports.push(report),
            Err(error) if picked.len() == 1 => return Err(explain(error)),
            // one that cannot be checked does not keep the others from it
            Err(error) => {
                ui.warning(format!("{id} was not checked: {error}"));
                not_done = true;
            }
        }
    }
    let bad = reports.iter().find(|report| !report.findings.is_empty()).map(|report| report.id.clone());
    view::check::reports(ui, &reports)?;
    match bad {
        _ if not_done => Ok(Exit::Failed),
        Some(id) => {
            ui.hint(format!(
                "Do not rely on {id}: get it from another copy, or make a new one with `unisys-dba backup run`."
            ));
            Ok(Exit::Bad)
        }
        None => {
            ui.hint(match args.read_data {
                true => "It can be read. That it can be restored is proved by `unisys-dba drill`.",
                false => "The stored bytes are whole. Run it with --read-data to read them, or `unisys-dba drill` to prove them.",
            });
            Ok(Exit::Done)
        }
    }
}

fn explain(error: OpsError) -> Failure {
    let hint = match &error {
        OpsError::Open { .. } => "Name the identity it was encrypted to with --identity FILE.",
        OpsError::NewerFormat { .. } => "Use the release of unisys-dba that made it.",
        _ => "Run `unisys-dba doctor`: it tries each step and says what to change.",
    };
    Failure::from(error).hint(hint)
}

fn chosen(args: &Args, ctx: &Context, ui: &Ui) -> Result<Vec<Picked>, Failure> {
    if args.all {
        let mut all = pick::all(ctx, ui)?;
        all.sort_by_key(|picked| std::cmp::Reverse(picked.id.moment()));
        if all.is_empty() {
            return Err(Failure::new("there is no backup to check").hint("Run `unisys-dba backup run`."));
        }
        return Ok(all);
    }
    if args.backups.is_empty() {
        return Ok(vec![pick::pick(ctx, ui, LATEST)?]);
    }
    args.backups.iter().map(|text| pick::pick(ctx, ui, text)).collect()
}

//! `backup decrypt`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use unisys_ops::backup;
use unisys_ops::restore::OpenBackup;

use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::human::bytes;
use crate::ui::{Page, Ui};

/// Write a backup in plain text: one SQL script, or its pieces
///
/// The script rebuilds the database with psql alone: definitions, rows, large objects, sequences, indexes. The file can be
/// read by its owner only; nothing is overwritten, and nothing stays when anything fails.
#[derive(clap::Args)]
#[command(override_usage = "unisys-dba backup decrypt [OPTIONS] <BACKUP> --output <FILE>
       unisys-dba backup decrypt [OPTIONS] <BACKUP> --pieces <DIR>")]
pub(crate) struct Args {
    /// Its name, the start of it, or "latest"
    #[arg(value_name = "BACKUP")]
    backup: String,
    #[command(flatten)]
    form: Form,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

/// What to write, and where.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// The SQL script to write
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The new directory for globals.sql, schema.dump, database.dump and data/*.copy
    #[arg(long, value_name = "DIR")]
    pieces: Option<PathBuf>,
}

/// What was written.
#[derive(Serialize)]
struct Report<'a> {
    outcome: &'static str,
    backup: &'a str,
    path: &'a Path,
    bytes: u64,
}

pub(crate) async fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = pick::pick(ctx, ui, &args.backup)?;
    let identities = ctx.identities(&ctx.selection()?, &args.identity)?;
    let opened = OpenBackup::open(&*picked.store, &picked.id, identities, &ctx.trust()?);
    let opened = Arc::new(opened.hint("Name the identity it was encrypted to with --identity FILE.")?);
    let progress = Arc::from(ui.progress());
    let (path, written) = match (&args.form.output, &args.form.pieces) {
        (Some(path), _) => (path, backup::decrypt_sql(&opened, &ctx.search(), path, &progress).await),
        (None, Some(path)) => {
            let (opened, to) = (Arc::clone(&opened), path.clone());
            let work = tokio::task::spawn_blocking(move || backup::decrypt_pieces(&opened, &to, &progress));
            (path, work.await?)
        }
        (None, None) => return Err(Failure::usage("neither --output nor --pieces was given")),
    };
    let size = written.hint(format!("Check with `unisys-dba backup check --read-data {}`.", picked.id))?;
    let report = Report { outcome: "ok", backup: picked.id.as_str(), path, bytes: size };
    ui.answer(&report, || Page::new().line(format!("{} holds {}", path.display(), bytes(size))))?;
    ui.warning(format!("{} is plain text: whoever reads it has the data.", path.display()));
    ui.hint(match &args.form.output {
        Some(path) => format!(
            "Run it in an empty database: psql -X -v ON_ERROR_STOP=1 -d DATABASE -f {}",
            path.display()
        ),
        None => format!(
            "RESTORE.txt in {} says how the pieces go together.",
            picked.store.location_of(&picked.id)
        ),
    });
    Ok(Exit::Done)
}

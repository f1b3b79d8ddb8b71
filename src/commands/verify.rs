//! `verify`: whether two databases, or a database and a backup, hold the same.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use unisys_db::TableName;
use unisys_db::catalog::Table;
use unisys_db::facts::TableFacts;
use unisys_db::fingerprint::{Fingerprint, RowFacts, Seed};
use unisys_db::pattern::TablePattern;
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::verify::{self, Content, Side, State, Verdict, VerifyError, VerifyOptions};
use unisys_ops::backup::Selected;
use unisys_ops::progress::{Expected, Progress};
use unisys_ops::restore::OpenBackup;

use super::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Compare two databases, or a database and a backup, table by table
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Compare the exact numbers of rows; exit 4 when a table differs
    Counts(Sides),
    /// Compare the rows themselves, whatever their order; exit 4 when a table differs
    Content(Sides),
}

/// What is compared. Each side is a database of the configuration, a connection URL or conninfo, a backup's id, or "latest"
/// for the newest backup; "backup:ID" can be nothing but a backup.
#[derive(clap::Args)]
struct Sides {
    /// One side: database, URL, backup id or "latest"
    a: String,
    /// The other side
    b: String,
    /// Only these tables: schema.table, with * and ?
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = TablePattern::parse)]
    tables: Vec<TablePattern>,
    /// File with identities to decrypt a backup's facts with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Tables compared at once; each takes a session on each side [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let (sides, content) = match args.command {
        Command::Counts(sides) => (sides, Content::Counts),
        Command::Content(sides) => (sides, Content::Fingerprints),
    };
    let (a, selected_a) = side(&sides.a, &sides, content, ctx, ui)?;
    let (b, selected_b) = side(&sides.b, &sides, content, ctx, ui)?;
    let mut verdicts = verify::run(a, b, options(&sides, content, ctx, ui)).await.map_err(explain)?;
    if verdicts.is_empty() && !sides.tables.is_empty() {
        return Err(Failure::usage("no table on either side is taken by --tables")
            .hint("Write schema.table, with * and ?; capitals matter."));
    }
    let before = verdicts.len();
    for selected in [selected_a, selected_b].iter().flatten() {
        verdicts.retain(|verdict| selected.holds_rows_of(&verdict.table));
    }
    view::verify::verdicts(ui, content, &verdicts)?;
    if before > verdicts.len() {
        ui.warning(format!(
            "{} tables were not compared: a backup leaves out them or their rows",
            before - verdicts.len()
        ));
    }
    let equal = verdicts.iter().all(|verdict| verdict.state == State::Equal);
    Ok(if equal { Exit::Done } else { Exit::Bad })
}

fn options(sides: &Sides, content: Content, ctx: &Context, ui: &Ui) -> VerifyOptions {
    let progress: Arc<dyn Progress> = Arc::from(ui.progress());
    progress.begin("verify", Expected::UNKNOWN);
    let settings = &ctx.settings.backup;
    VerifyOptions {
        content,
        patterns: sides.tables.clone(),
        jobs: sides.jobs.unwrap_or(ctx.settings.drill.jobs).get(),
        snapshot: SnapshotOptions {
            lock_timeout: settings.lock_timeout.0,
            attempts: settings.lock_attempts.get(),
        },
        observer: Arc::new(move |verdict: &Verdict| {
            let item = progress.start(&verdict.table.to_string(), Expected::bytes(verdict.bytes));
            item.advance(verdict.bytes, verdict.rows_a.unwrap_or(0) + verdict.rows_b.unwrap_or(0));
            item.finish();
        }),
    }
}

/// Returns the side that `text` names: a configured database first, so that no backup can hide it.
/// For a backup of a part, also which.
fn side(
    text: &str,
    sides: &Sides,
    content: Content,
    ctx: &Context,
    ui: &Ui,
) -> Result<(Side, Option<Selected>), Failure> {
    if let Some(selection) = ctx.configured(text) {
        return Ok((Side::Database(Box::new(ctx.target(&selection, ui)?)), None));
    }
    if text.contains("://") || text.contains('=') {
        return Ok((Side::Database(Box::new(ctx.target_of(text, ui)?)), None));
    }
    let name = text.strip_prefix("backup:").unwrap_or(text);
    let pick::Picked { store, id } = pick::pick(ctx, ui, name).map_err(|failure| unknown(text, failure))?;
    match content {
        Content::Counts => {
            let (manifest, _) = OpenBackup::manifest(&*store, &id)?;
            let held = manifest.tables.iter().filter(|table| !table.without_rows);
            let tables = held.map(|table| counted(&table.schema, &table.name, table.rows));
            let side = Side::Known {
                tables: tables.collect(),
                seed: Seed::random(),
                encoding: manifest.copy_encoding,
                columns: false,
            };
            Ok((side, manifest.selection))
        }
        Content::Fingerprints => {
            let backup = OpenBackup::open(
                &*store,
                &id,
                ctx.identities(&ctx.selection()?, &sides.identity)?,
                &ctx.trust()?,
            )?;
            let selected = backup.facts.selection;
            let mut tables = backup.facts.tables;
            tables.retain(|facts| selected.as_ref().is_none_or(|s| s.holds_rows_of(&facts.table.name)));
            let side = Side::Known {
                tables,
                seed: backup.facts.seed,
                encoding: backup.manifest.copy_encoding,
                columns: true,
            };
            Ok((side, selected))
        }
    }
}

/// What names neither a database nor a backup is a wrong word; what may mean several backups keeps its own error.
fn unknown(text: &str, failure: Failure) -> Failure {
    if failure.exit == Exit::Usage {
        return failure;
    }
    Failure::usage(format!("{text:?} is no configured database, no connection string and no backup"))
        .hint("Name a database of the configuration, a postgresql:// URL, a backup's id, or latest.")
}

/// A manifest tells the number of a table's rows, and nothing of its columns.
fn counted(schema: &str, name: &str, rows: u64) -> TableFacts {
    let table = Table::named(TableName::new(schema, name));
    TableFacts { table, rows: RowFacts { rows, bytes: 0, fingerprint: Fingerprint::default() } }
}

fn explain(error: VerifyError) -> Failure {
    let hint = match &error {
        VerifyError::TwoBackups => "Run `unisys-dba verify counts`, or restore one of the backups first.",
        VerifyError::Moment { .. } => "Check the login's rights, or try again when no DDL is under way.",
        _ => "Run `unisys-dba doctor`: it tries each step and says what to change.",
    };
    Failure::from(error).hint(hint)
}

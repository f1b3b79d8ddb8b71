//! `data generate`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use unisys_db::generate::{self, ColumnKey, Existing, GenerateError, Options, Progress as Step, Report};
use unisys_db::{Session, TableName, Target};
use unisys_ops::progress::{Expected, Item, Progress};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Fill the university's tables with made-up people and records
///
/// The same number and seed give the same rows, on every machine. Tables that hold data are left alone unless --replace says
/// otherwise. National ids and payers' accounts are encrypted: with a key that everybody knows, which the answer names, or with
/// yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many students
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    students: u64,
    /// Which university: another number gives other people
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Encrypt sensitive columns with the key in this file, one line, instead of the demonstration's
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Remove what is in the tables now
    #[arg(long)]
    replace: bool,
    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// Generate without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
    let key = match &args.key_file {
        Some(file) => read_key(file)?,
        None => ColumnKey::demonstration(args.seed),
    };
    let options = Options { students: args.students, seed: args.seed, existing, key };
    let plan = generate::plan(&Session::open(&target).await?, &options).await.map_err(explain)?;
    if args.dry_run {
        view::data::plan(ui, &plan)?;
        return Ok(Exit::Done);
    }
    let now: i64 = plan.tables.iter().map(|table| table.rows_now).sum();
    let question = match now {
        0 => format!("Generate {} students in {target}?", args.students),
        now => format!("Remove {now} rows in {target} and generate {} students?", args.students),
    };
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let report = generate(&target, &options, &*ui.progress()).await?;
    view::data::generated(ui, &report)?;
    Ok(Exit::Done)
}

/// The key is the file's first line.
fn read_key(file: &Path) -> Result<ColumnKey, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("could not read {}: {error}", file.display()))
            .hint("--key-file names a file with the key, such as `openssl rand -base64 32` makes.")
    })?;
    let key = text.lines().next().unwrap_or_default().trim().to_owned();
    ColumnKey::new(key.into()).map_err(explain)
}

/// A table under way, and how many of its rows were counted.
type Under = (Box<dyn Item>, u64);

/// Generates with progress.
pub(crate) async fn generate(
    target: &Target,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, Failure> {
    progress.begin("generate", Expected::UNKNOWN);
    let items: Mutex<HashMap<TableName, Under>> = Mutex::default();
    let step = |step: Step<'_>| {
        let Step::Rows { table, done, total } = step else { return };
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || (progress.start(&table.to_string(), Expected::UNKNOWN.and_rows(total)), 0);
        let (item, before) = items.entry(table.clone()).or_insert_with(start);
        item.advance(0, done - *before);
        *before = done;
        if done == total
            && let Some((item, _)) = items.remove(table)
        {
            item.finish();
        }
    };
    generate::run(target, options, &step).await.map_err(explain)
}

fn explain(error: GenerateError) -> Failure {
    let hint = match &error {
        GenerateError::NoSchema { .. } => "Run `unisys-dba migrate up` first.",
        GenerateError::NotEmpty { .. } => "Add --replace to remove that data first.",
        GenerateError::Key { .. } => "`openssl rand -base64 32` makes one.",
        GenerateError::Db(_) => "Run `unisys-dba doctor`.",
    };
    Failure::from(error).hint(hint)
}

//! `data quality`.

use unisys_db::Session;
use unisys_db::quality::{self, Outcome, QualityError, Severity};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Span;
use crate::ui::Ui;
use crate::view;

/// Ask every rule of qa.rules which rows break it; exit 4 when one of severity "error" is broken
///
/// Read-only, one rule after the other. The rules' queries are whatever stands in the table: run this as a login that may read
/// and no more, such as a member of qa_engineer.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these rules, by code
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// How long a rule may take before it is stopped
    #[arg(long, value_name = "TIME", default_value = "1m")]
    time_limit: Span,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    let session = Session::open(&target).await?;
    let findings = quality::run(&session, &args.rules, args.time_limit.0).await.map_err(explain)?;
    view::data::quality(ui, &findings)?;
    let any = |judge: fn(&Outcome) -> bool, severity: Option<Severity>| {
        findings.iter().any(|f| judge(&f.outcome) && severity.is_none_or(|severity| f.severity == severity))
    };
    Ok(if any(|outcome| matches!(outcome, Outcome::Broken { .. }), Some(Severity::Error)) {
        Exit::Bad
    } else if any(|outcome| matches!(outcome, Outcome::Failed { .. }), None) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn explain(error: QualityError) -> Failure {
    let hint = match &error {
        QualityError::NoRules => "Run `unisys-dba migrate up` first.",
        QualityError::UnknownRule { .. } => "`unisys-dba data quality` without a name runs all of them.",
        QualityError::Db(_) => "Reading qa.rules takes USAGE on schema qa and SELECT on the table.",
    };
    Failure::from(error).hint(hint)
}

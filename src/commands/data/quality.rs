//! `data quality`.

use unisys_db::quality::{self, Outcome, QualityError, Rights, Severity};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Span;
use crate::ui::Ui;
use crate::view;

/// Ask every rule of qa.rules which rows break it; exit 4 when one of severity "error" is broken
///
/// Read-only, one rule after the other. A rule is whatever SQL stands in the table: it runs with the rights of qa_owner and no
/// more, whoever asks, and loses its session when it does not end in time.
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
    let report = quality::run(&target, &args.rules, args.time_limit.0).await.map_err(explain)?;
    view::data::quality(ui, &report)?;
    if report.rights == Rights::Login {
        ui.hint(
            "The rules ran with this login's rights, because qa_owner has none yet: unisys-dba roles apply",
        );
    }
    let findings = report.rules;
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
        QualityError::NoRules | QualityError::NoRunner => "Run `unisys-dba migrate up` first.",
        QualityError::NotPermitted | QualityError::OwnerReadsNothing { .. } => {
            "Run `unisys-dba roles apply`: it gives qa_owner what rules read, and qa_engineer the right to have them run."
        }
        QualityError::UnknownRule { .. } => "`unisys-dba data quality` without a name runs all of them.",
        QualityError::Db(_) => "Reading qa.rules takes USAGE on schema qa and SELECT on the table.",
    };
    Failure::from(error).hint(hint)
}

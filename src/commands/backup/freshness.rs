//! `backup list --check`: whether every database has a backup and a proof that are young enough.

use std::collections::BTreeMap;

use unisys_ops::backup::{self, BackupId, Listed};
use unisys_ops::freshness::{self, Limits};

use super::selected;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Span;
use crate::ui::Ui;
use crate::view::freshness::{Checked, Report};

pub(super) fn run(
    max_age: Option<Span>,
    max_proof_age: Option<Span>,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let settings = &ctx.settings.freshness;
    let limits = Limits {
        max_age: max_age.unwrap_or(settings.max_age).0,
        max_proof_age: max_proof_age.unwrap_or(settings.max_proof_age).0,
    };
    let databases = databases(ctx)?;
    let checked = databases.into_iter().map(|Found { name, backups, part }| {
        Checked::new(name, freshness::judge(&backups, part.as_deref(), limits, ctx.now))
    });
    let report = Report::of(checked.collect(), limits);
    report.show(ui)?;
    let bad = report.databases.iter().find(|database| !database.problems.is_empty());
    if let Some(database) = bad {
        ui.hint(database.next_step());
    }
    Ok(if bad.is_some() { Exit::Bad } else { Exit::Done })
}

/// A database and its backups.
struct Found {
    name: String,
    backups: Vec<Listed>,
    /// Which part of it the configuration asks for.
    part: Option<String>,
}

/// Returns the databases that are to have backups, each with those it has: the named one, else those of the configuration,
/// else those the stores hold backups of.
fn databases(ctx: &Context) -> Result<Vec<Found>, Failure> {
    if !ctx.names_database() && ctx.settings.databases.is_empty() {
        return held(ctx);
    }
    let mut names: Vec<&str> = ctx.settings.databases.keys().map(String::as_str).collect();
    names.retain(|name| !ctx.names_database() || ctx.database() == Some(*name));
    let selections = match names.is_empty() {
        // a name that is not configured: this says so
        true => vec![ctx.selection()?],
        false => names.iter().filter_map(|name| ctx.configured(name)).collect(),
    };
    selections.iter().map(|selection| of(ctx, selection)).collect()
}

fn of(ctx: &Context, selection: &Selection<'_>) -> Result<Found, Failure> {
    let database = ctx.resolve(selection)?.database;
    let name = match selection {
        Selection::Configured { name, .. } => (*name).to_owned(),
        Selection::Environment | Selection::Private => database.clone(),
    };
    let slug = BackupId::slug(&database);
    let mut backups = backup::list(&*ctx.store(selection)?, &ctx.trust()?, ctx.now)?;
    backups.retain(|backup| backup.id.database_slug() == slug);
    Ok(Found { name, backups, part: selected::part(ctx, selection)? })
}

/// Returns the databases that the stores hold backups of; where they hold none, the one that would be worked on.
fn held(ctx: &Context) -> Result<Vec<Found>, Failure> {
    let (mut found, trust) = (BTreeMap::<String, Vec<Listed>>::new(), ctx.trust()?);
    for store in ctx.stores()? {
        for backup in backup::list(&*store, &trust, ctx.now)? {
            found.entry(backup.id.database_slug().to_owned()).or_default().push(backup);
        }
    }
    if found.is_empty() {
        return Ok(vec![Found { name: "all databases".into(), backups: Vec::new(), part: None }]);
    }
    // nothing is configured but, perhaps, what is backed up of every database
    let part = selected::part(ctx, &Selection::Environment)?;
    Ok(found.into_iter().map(|(name, backups)| Found { name, backups, part: part.clone() }).collect())
}

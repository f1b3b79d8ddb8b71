//! `drill report`: all drills as one HTML file for people who were not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use unisys_ops::backup::{self, BackupId};
use unisys_ops::evidence::{self, Exhibit, Subject, signature_name};
use unisys_ops::restore::OpenBackup;

use crate::commands::pick::{self, Picked};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::{Format, Page, Ui};
use crate::view;
use crate::view::report::{Database, Report};

/// Write a report for an auditor: what was backed up, restored and compared
///
/// One HTML file with RTO and RPO over time, without scripts and without network; it prints well. Every signature is verified
/// with evidence.trusted. With --output and a signing key the report is signed too. The drills of backups that were removed are
/// in it, too: the store keeps their records.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only drills from this day (UTC) on
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    since: Option<DateTime<Utc>>,
    /// The file to write, instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Returns the beginning of a day.
fn day(text: &str) -> Result<DateTime<Utc>, String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| "write it as 2026-01-31".to_owned())?;
    Ok(day.and_time(NaiveTime::MIN).and_utc())
}

/// What was written.
#[derive(Serialize)]
struct Written<'a> {
    outcome: &'static str,
    path: &'a Path,
    signature: Option<PathBuf>,
    drills: usize,
}

pub(super) fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let trust = ctx.trust()?;
    let report = Report::new(ctx.now, args.since, trust.keys(), databases(args, ctx, ui)?);
    let drills = report.databases.iter().map(|database| database.drills.len()).sum();
    let html = view::report::html(&report, trust.keys())?;
    match &args.output {
        Some(path) => {
            let signature = write(path, &html, ctx)?;
            let written = Written { outcome: "ok", path, signature, drills };
            ui.answer(&written, || written.page())?;
        }
        None if ui.format() == Format::Table => ui.text(&html)?,
        None => ui.answer(&report, || view::drill::list_page(&records(&report)))?,
    }
    if trust.is_empty() {
        ui.warning("No signature was verified: set evidence.trusted.");
    }
    Ok(Exit::Done)
}

impl Written<'_> {
    fn page(&self) -> Page {
        let page = Page::new().line(format!("{} holds {} drills", self.path.display(), self.drills));
        match &self.signature {
            Some(signature) => page.line(format!("{} is its signature", signature.display())),
            None => page,
        }
    }
}

/// Writes the report, and its signature where there is a key.
fn write(path: &Path, html: &str, ctx: &Context) -> Result<Option<PathBuf>, Failure> {
    let key = ctx.signing_key()?;
    let put = |path: &Path, content: &[u8]| {
        std::fs::write(path, content)
            .hint(format!("{} could not be written; name another file.", path.display()))
    };
    put(path, html.as_bytes())?;
    let Some(key) = key else { return Ok(None) };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let signature = path.with_file_name(signature_name(&name));
    put(&signature, &key.sign(Subject::Report, html.as_bytes())?)?;
    Ok(Some(signature))
}

/// Returns the drills, by database and cluster.
fn databases(args: &Args, ctx: &Context, ui: &Ui) -> Result<Vec<Database>, Failure> {
    let trust = ctx.trust()?;
    let mut all: BTreeMap<(String, String), (Database, Option<Picked>)> = BTreeMap::new();
    for listed in listed(ctx, ui)? {
        let database =
            all.entry(key(&listed.database, &listed.system_identifier, &listed.id)).or_insert_with_key(empty);
        database.0.backups.push(listed);
    }
    let mut exhibits = Vec::new();
    for picked in pick::all(ctx, ui)? {
        let beside = evidence::exhibits(&*picked.store, &picked.id, &trust)?;
        exhibits.extend(beside.into_iter().map(|exhibit| (exhibit, Some(picked.clone()))));
    }
    // a backup that was to go and stayed has its drills in both places
    let there: BTreeSet<_> = exhibits.iter().map(|(exhibit, _)| name_of(exhibit)).collect();
    let removed = pick::history(ctx, ui)?.into_iter().map(|kept| kept.exhibit(&trust));
    exhibits
        .extend(removed.filter(|exhibit| !there.contains(&name_of(exhibit))).map(|exhibit| (exhibit, None)));
    for (exhibit, picked) in exhibits {
        if started(&exhibit).is_some_and(|started| args.since.is_some_and(|since| started < since)) {
            continue;
        }
        let backup = exhibit.backup.as_ref();
        let (name, cluster) =
            (backup.map(|b| b.database.clone()), backup.map(|b| b.system_identifier.clone()));
        let known = key(&name, &cluster, &exhibit.evidence.backup);
        let entry = all.entry(known).or_insert_with_key(empty);
        let newest = entry.0.drills.iter().filter_map(started).max();
        if picked.is_some() && started(&exhibit) >= newest {
            entry.1 = picked;
        }
        entry.0.drills.push(exhibit);
    }
    Ok(all.into_values().map(finished).collect())
}

/// What tells one drill from all others.
fn name_of(exhibit: &Exhibit) -> (BackupId, String) {
    (exhibit.evidence.backup.clone(), exhibit.evidence.file.clone())
}

/// What a damaged manifest cannot tell, the backup's name does.
fn key(database: &Option<String>, cluster: &Option<String>, id: &BackupId) -> (String, String) {
    let name = database.clone().unwrap_or_else(|| id.database_slug().to_owned());
    (name, cluster.clone().unwrap_or_else(|| "unknown".into()))
}

fn empty((name, cluster): &(String, String)) -> (Database, Option<Picked>) {
    let (name, cluster) = (name.clone(), cluster.clone());
    (Database { name, cluster, drills: Vec::new(), backups: Vec::new(), tables: Vec::new() }, None)
}

fn started(exhibit: &Exhibit) -> Option<DateTime<Utc>> {
    exhibit.evidence.record.as_ref().map(|record| record.started)
}

fn finished((mut database, newest): (Database, Option<Picked>)) -> Database {
    database.drills.sort_by_key(started);
    database.backups.sort_by_key(|backup| std::cmp::Reverse(backup.moment));
    let manifest = newest.and_then(|picked| OpenBackup::manifest(&*picked.store, &picked.id).ok());
    database.tables = manifest.map(|(manifest, _)| manifest.tables).unwrap_or_default();
    database
}

/// Returns the backups there are, of the named database where one is named.
fn listed(ctx: &Context, ui: &Ui) -> Result<Vec<backup::Listed>, Failure> {
    let slug = pick::named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let mut all = Vec::new();
    for store in ctx.stores()? {
        all.extend(backup::list(&*store, &ctx.trust()?, ctx.now)?);
    }
    all.retain(|backup| slug.as_ref().is_none_or(|slug| backup.id.database_slug() == slug));
    Ok(all)
}

fn records(report: &Report) -> Vec<unisys_ops::drill::DrillRecord> {
    let exhibits = report.databases.iter().flat_map(|database| &database.drills);
    exhibits.filter_map(|exhibit| exhibit.evidence.record.clone()).collect()
}

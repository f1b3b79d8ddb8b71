//! The report for people who were not there: one HTML file with all it needs, without scripts, without network.

mod plot;
mod section;

use askama::Template;
use chrono::{DateTime, Utc};
use serde::Serialize;
use unisys_ops::backup::{Listed, ManifestTable};
use unisys_ops::evidence::{Exhibit, PublicKey, Subject};

use crate::cli::VERSION;
use crate::failure::Failure;
use crate::ui::human::{count, time};
use section::Section;

/// What the report is made of.
#[derive(Serialize)]
pub(crate) struct Report {
    /// When it was made (UTC).
    pub(crate) made: DateTime<Utc>,
    /// By which version of this program.
    pub(crate) made_by: &'static str,
    /// The moment before which drills are left out.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The keys signatures were verified with.
    pub(crate) trusted: Vec<String>,
    /// The databases, by name.
    pub(crate) databases: Vec<Database>,
}

/// The drills of one database.
#[derive(Serialize)]
pub(crate) struct Database {
    /// Its name.
    pub(crate) name: String,
    /// The cluster it is in.
    pub(crate) cluster: String,
    /// Its drills, the oldest first.
    pub(crate) drills: Vec<Exhibit>,
    /// The backups there are of it now, the newest first.
    pub(crate) backups: Vec<Listed>,
    /// The tables of the newest drilled backup.
    #[serde(skip)]
    pub(crate) tables: Vec<ManifestTable>,
}

/// The page the template fills.
#[derive(Template)]
#[template(path = "report.html")]
struct Html {
    made: String,
    made_by: &'static str,
    period: String,
    headline: String,
    sound: bool,
    trusted: Vec<(String, String)>,
    manifest_namespace: &'static str,
    drill_namespace: &'static str,
    sections: Vec<Section>,
}

/// Returns the report as HTML.
///
/// # Errors
/// It cannot be written; not for any report.
pub(crate) fn html(report: &Report, trusted: &[PublicKey]) -> Result<String, Failure> {
    let verified = !trusted.is_empty();
    let sections: Vec<Section> =
        report.databases.iter().map(|database| Section::of(database, verified)).collect();
    let page = Html {
        made: time(report.made),
        made_by: report.made_by,
        period: period(report),
        sound: verified && sections.iter().all(Section::is_sound),
        headline: headline(&sections, verified),
        trusted: trusted.iter().map(|key| (key.id(), key.comment().to_owned())).collect(),
        manifest_namespace: Subject::Manifest.namespace(),
        drill_namespace: Subject::Drill.namespace(),
        sections,
    };
    Ok(page.render()?)
}

impl Report {
    /// Returns a report of these databases, made now.
    pub(crate) fn new(
        made: DateTime<Utc>,
        since: Option<DateTime<Utc>>,
        trusted: &[PublicKey],
        databases: Vec<Database>,
    ) -> Self {
        let trusted = trusted.iter().map(PublicKey::id).collect();
        Self { made, made_by: VERSION, since, trusted, databases }
    }
}

fn period(report: &Report) -> String {
    let records = report.databases.iter().flat_map(|database| &database.drills);
    let moments = records.filter_map(|drill| Some(drill.evidence.record.as_ref()?.started));
    let first = report.since.or_else(|| moments.min());
    match first {
        Some(first) => format!("{} to {}", first.format("%Y-%m-%d"), report.made.format("%Y-%m-%d")),
        None => format!("until {}", report.made.format("%Y-%m-%d")),
    }
}

/// Returns the result in a sentence or two, the bad news first.
fn headline(sections: &[Section], verified: bool) -> String {
    let sum = |of: fn(&Section) -> usize| count(sections.iter().map(of).sum::<usize>() as u64);
    let (drills, failed, doubtful) = (sum(|s| s.drills), sum(|s| s.failed), sum(|s| s.doubtful));
    let result = match (drills.as_str(), failed.as_str()) {
        ("0", _) => return "No drill was made in this time: nothing is proved.".into(),
        ("1", "0") => "The one drill restored its backup and found it equal.".into(),
        (_, "0") => format!("Every one of {drills} drills restored its backup and found it equal."),
        _ => format!("{failed} of {drills} drills FAILED."),
    };
    let never: Vec<&str> = sections.iter().filter(|s| s.drills == 0).map(|s| s.name.as_str()).collect();
    let result = match never.is_empty() {
        true => result,
        false => format!("{result} Never drilled in this time: {}.", never.join(", ")),
    };
    match (verified, doubtful.as_str()) {
        (false, _) => format!("{result} No signature was verified: no key is trusted."),
        (true, "0") => {
            format!("{result} Every record, and every manifest it is about, is signed with a trusted key.")
        }
        (true, _) => format!("{result} The evidence of {doubtful} does NOT hold."),
    }
}

#[cfg(test)]
mod tests;

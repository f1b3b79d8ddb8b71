//! What the doctor says of one link.

use serde::Serialize;

use super::Estimate;

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It was tried and holds.
    Ok,
    /// It could not be tried, because another link is broken.
    Skipped,
    /// It holds, and somebody should know something about it.
    Warn,
    /// It is broken: a backup or a drill will fail, or prove less than it should.
    Fail,
}

/// One line of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The link.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found, as a phrase.
    pub text: String,
    /// One line to paste or to follow, where there is something to repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
    /// The tables or other objects it is about, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
}

impl Finding {
    /// Returns the finding that a link holds.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, text: text.into(), repair: None, objects: Vec::new() }
    }

    /// Returns a warning with its repair.
    pub fn warn(check: &'static str, text: impl Into<String>, repair: impl Into<String>) -> Self {
        Self { level: Level::Warn, repair: Some(repair.into()), ..Self::ok(check, text) }
    }

    /// Returns a failure with its repair.
    pub fn fail(check: &'static str, text: impl Into<String>, repair: impl Into<String>) -> Self {
        Self { level: Level::Fail, repair: Some(repair.into()), ..Self::ok(check, text) }
    }

    /// Returns that a link was not tried, because `because` is broken.
    pub fn skipped(check: &'static str, because: &str) -> Self {
        Self { level: Level::Skipped, ..Self::ok(check, format!("not tried: {because} comes first")) }
    }

    /// Returns the failure that the program found before the doctor began.
    pub fn broken(check: &'static str, broken: &Broken) -> Self {
        Self { level: Level::Fail, repair: broken.repair.clone(), ..Self::ok(check, broken.what.clone()) }
    }

    /// Returns the finding with the objects it is about.
    pub(super) fn about(self, objects: Vec<String>) -> Self {
        Self { objects, ..self }
    }
}

/// Something a check needs and the program could not give, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, in one line.
    pub what: String,
    /// What to do.
    pub repair: Option<String>,
}

/// Everything the doctor found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The links in the order of the pipeline.
    pub findings: Vec<Finding>,
    /// How long a backup and a drill may take, where the size of the database is known.
    pub estimate: Option<Estimate>,
}

impl Diagnosis {
    /// Whether a link is broken.
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Fail)
    }

    /// Returns how many findings are of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Returns an error and its causes in one line.
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // an error that stands for its cause would say the same thing twice
        if !text.ends_with(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text.trim_end().replace('\n', "; ")
}

/// Returns names for a line: the first three, then how many more there are.
pub(super) fn few(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// Returns `1 table`, `2 tables`.
pub(super) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

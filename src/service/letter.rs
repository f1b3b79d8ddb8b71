//! How an operation ended, as a document: what hooks read and webhooks are sent.

use serde_json::{Map, Value, json};
use unisys_ops::platform;

use super::{Done, Subject};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Operation;
use crate::ui::SCHEMA_VERSION;

/// How an operation stands.
pub(super) struct Letter {
    operation: Operation,
    database: String,
    host: String,
    exit: Option<Exit>,
    document: Option<Map<String, Value>>,
    problems: Vec<String>,
    causes: Vec<String>,
    hints: Vec<String>,
    newest_proven: Option<String>,
}

impl Letter {
    /// Returns the letter about an operation that has not begun.
    pub(super) fn beginning(operation: Operation, subject: &Subject<'_>) -> Self {
        Self {
            operation,
            database: subject.name.clone(),
            host: platform::host_name(),
            exit: None,
            document: None,
            problems: Vec::new(),
            causes: Vec::new(),
            hints: Vec::new(),
            newest_proven: None,
        }
    }

    /// Returns the letter about one that has ended.
    pub(super) fn of(operation: Operation, subject: &Subject<'_>, result: &Result<Done, Failure>) -> Self {
        let letter = Self::beginning(operation, subject);
        match result {
            Ok(done) => Self {
                exit: Some(done.exit),
                document: done.document.as_object().cloned(),
                problems: done.problems.clone(),
                ..letter
            },
            Err(failure) => Self {
                exit: Some(failure.exit),
                problems: vec![failure.error.to_string()],
                causes: failure.causes(),
                hints: failure.hints.clone(),
                newest_proven: failure.newest_proven.clone(),
                ..letter
            },
        }
    }

    /// Returns the operation it is about.
    pub(super) fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether everything went well.
    pub(super) fn is_good(&self) -> bool {
        self.exit == Some(Exit::Done)
    }

    /// Returns what happened in one sentence; `failures` is how many there were before it.
    pub(super) fn headline(&self, failures: u64) -> String {
        let what = format!("{} of {} on {}", self.operation.name(), self.database, self.host);
        let problem = self.problems.first().map(|problem| format!(": {problem}")).unwrap_or_default();
        match self.exit {
            None => format!("{what} begins"),
            Some(Exit::Done) if failures > 0 => {
                format!(
                    "{what} succeeded again, after {failures} {}",
                    if failures == 1 { "failure" } else { "failures" }
                )
            }
            Some(Exit::Done) => format!("{what} succeeded"),
            Some(Exit::Later) => format!("{what} is complete, but a later step failed{problem}"),
            Some(_) => format!("{what} failed{problem}"),
        }
    }

    /// Returns all there is to know, in lines.
    pub(super) fn text(&self, failures: u64) -> String {
        let mut lines = vec![self.headline(failures), String::new()];
        let label = |label: &'static str| move |text: &String| format!("{label}{text}");
        lines.extend(self.problems.iter().map(label("problem: ")));
        lines.extend(self.causes.iter().map(label("caused by: ")));
        lines.extend(self.backup().map(|id| format!("backup: {id}")));
        lines.extend(self.newest_proven.iter().map(label("newest proven backup: ")));
        lines.extend(self.exit.map(|exit| format!("exit code: {}", exit as u8)));
        lines.extend(self.hints.iter().map(label("next: ")));
        lines.join("\n") + "\n"
    }

    /// Returns the backup's name, where there is one.
    pub(super) fn backup(&self) -> Option<&str> {
        let backup = self.document.as_ref()?.get("backup")?;
        backup.as_str().or_else(|| backup.get("id")?.as_str())
    }

    /// Returns `ok`, `proven`, `failed`; nothing before the end.
    pub(super) fn outcome(&self) -> &str {
        let own = self.document.as_ref().and_then(|document| document.get("outcome")).and_then(Value::as_str);
        match (own, self.exit) {
            (Some(outcome), _) => outcome,
            (None, None) => "",
            (None, Some(_)) => "failed",
        }
    }

    /// Returns the exit code so far, as a number.
    pub(super) fn exit(&self) -> Option<u8> {
        self.exit.map(|exit| exit as u8)
    }

    /// Returns the exit code so far.
    pub(super) fn exit_code(&self) -> Option<Exit> {
        self.exit
    }

    /// Returns what people call the database.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Returns the machine it was done on.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns what is wrong, a sentence each.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Returns why that is, outermost first.
    pub(super) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// Returns what is wrong, and why.
    pub(super) fn reasons(&self) -> Vec<&str> {
        self.problems.iter().chain(&self.causes).map(String::as_str).collect()
    }

    /// Returns what to do next.
    pub(super) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the newest proven backup, after a failure.
    pub(super) fn newest_proven(&self) -> Option<&str> {
        self.newest_proven.as_deref()
    }

    /// Returns what failed, first.
    pub(super) fn error(&self) -> &str {
        self.problems.first().map(String::as_str).unwrap_or_default()
    }

    /// Returns the document: the answer of the operation as `--format json` has it, and what it was about.
    pub(super) fn document(&self, event: &str) -> Value {
        let mut document = self.document.clone().unwrap_or_default();
        let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
        put("schema_version", SCHEMA_VERSION.into());
        put("event", event.into());
        put("operation", self.operation.name().into());
        put("database", self.database.as_str().into());
        put("host", self.host.as_str().into());
        put("exit", self.exit().into());
        if self.exit.is_some() {
            put("outcome", self.outcome().into());
            put("problems", json!(self.problems));
        }
        if !self.causes.is_empty() {
            put("causes", json!(self.causes));
        }
        if let Some(newest) = &self.newest_proven {
            put("newest_proven", newest.as_str().into());
        }
        document.into()
    }
}

#[cfg(test)]
impl Letter {
    /// Returns a letter about a backup on the host `h`; the second problem is the cause of the first.
    pub(super) fn for_test(database: &str, exit: Exit, problems: &[&str]) -> Self {
        let mut problems = problems.iter().map(|problem| (*problem).to_owned());
        let made = matches!(exit, Exit::Done | Exit::Later);
        let document = json!({ "outcome": "ok", "backup": { "id": format!("{database}_1") } });
        Self {
            operation: Operation::Backup,
            database: database.into(),
            host: "h".into(),
            exit: Some(exit),
            document: document.as_object().cloned().filter(|_| made),
            problems: problems.by_ref().take(1).collect(),
            causes: problems.collect(),
            hints: if made { Vec::new() } else { vec!["Look.".into()] },
            newest_proven: None,
        }
    }
}

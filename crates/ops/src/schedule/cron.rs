//! A line of cron: crontab(5).

use super::{Job, MARK, TimeOfDay, Zone};
use crate::OpsError;

/// Returns the job as cron runs it; `drawn` is the minute of the delay at which it begins, for cron draws none. With an
/// account it is a line for `/etc/cron.d`, which names one.
///
/// # Errors
/// [`OpsError::Refused`] for a time zone: cron knows only the machine's.
pub fn line(job: &Job, drawn: u32) -> Result<String, OpsError> {
    if job.zone != Zone::Local {
        return Err(OpsError::Refused(format!(
            "cron runs by this machine's clock and does not know {}",
            job.zone
        )));
    }
    let TimeOfDay { hour, minute } = later(job.at, drawn);
    let account = job.account.as_ref().map(|account| format!("{account} ")).unwrap_or_default();
    let variables: String =
        job.variables.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
    let program = job.program.to_string_lossy();
    let words = std::iter::once(program.as_ref()).chain(job.arguments.iter().map(String::as_str));
    let command: Vec<String> = words.map(quoted).collect();
    // what goes to stderr is mailed by cron; the log has the rest
    let command = format!(
        "cd {} && {variables}{} --quiet >/dev/null",
        quoted(&job.directory.to_string_lossy()),
        command.join(" ")
    );
    // `%` would begin the command's input
    Ok(format!("{minute} {hour} * * * {account}{}", command.replace('%', "\\%")))
}

/// Returns a file for `/etc/cron.d`.
pub fn file(line: &str) -> String {
    format!("# {MARK}; `unisys-dba schedule remove` takes it away.\n{line}\n")
}

fn later(at: TimeOfDay, minutes: u32) -> TimeOfDay {
    let minute = (at.hour * 60 + at.minute + minutes) % (24 * 60);
    TimeOfDay { hour: minute / 60, minute: minute % 60 }
}

/// Returns a text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns a person's crontab with this job in it, in the place of an older line of the same name.
pub fn with(crontab: &str, name: &str, line: &str) -> String {
    let rest = without(crontab, name);
    let end = if rest.is_empty() || rest.ends_with('\n') { "" } else { "\n" };
    format!("{rest}{end}{}\n{line}\n", head(name))
}

/// Returns a person's crontab without this job. All other lines stay as they are.
pub fn without(crontab: &str, name: &str) -> String {
    let head = head(name);
    let mut lines = crontab.split_inclusive('\n');
    let mut kept = String::new();
    while let Some(line) = lines.next() {
        match line.trim_end() == head {
            true => drop(lines.next()),
            false => kept.push_str(line),
        }
    }
    kept
}

/// Returns our jobs in a person's crontab: name and line.
pub fn jobs(crontab: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = crontab.lines().collect();
    let name = |line: &str| Some(line.strip_prefix("# ")?.strip_suffix(&format!(": {MARK}"))?.to_owned());
    lines.windows(2).filter_map(|pair| Some((name(pair[0])?, pair[1].to_owned()))).collect()
}

fn head(name: &str) -> String {
    format!("# {name}: {MARK}")
}

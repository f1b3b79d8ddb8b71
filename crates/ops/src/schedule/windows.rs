//! A task of Windows' Task Scheduler, as XML: MS-TSCH, section 2.5.

use chrono::NaiveDate;

use super::{Job, MARK, Zone};
use crate::OpsError;

/// Accounts that are services: they have no password, and log on by themselves.
const SERVICES: [&str; 3] = ["SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"];

/// Returns the task; `first` is the day it runs first.
///
/// It runs whether its account is logged on or not, by S4U: no password is stored, and none is needed but for the shares of
/// other machines. A run that was missed is made up for; one that is still going on is not begun again.
///
/// # Errors
/// [`OpsError::Refused`] for a named time zone or for variables: a task knows neither.
pub fn task(job: &Job, first: NaiveDate) -> Result<String, OpsError> {
    let zone = match &job.zone {
        Zone::Local => "",
        Zone::Utc => "Z",
        Zone::Named(name) => {
            return Err(OpsError::Refused(format!(
                "the Task Scheduler knows local time and UTC, not {name}"
            )));
        }
    };
    if let Some(name) = job.variables.keys().next() {
        return Err(OpsError::Refused(format!("a task of Windows cannot set {name}")));
    }
    let account =
        job.account.as_deref().ok_or_else(|| OpsError::Refused("a task needs an account".into()))?;
    let logon = match SERVICES.iter().any(|service| account.eq_ignore_ascii_case(service)) {
        true => String::new(),
        false => "\n      <LogonType>S4U</LogonType>".into(),
    };
    let arguments: Vec<String> = job.arguments.iter().map(|argument| quoted(argument)).collect();
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{description}. {MARK}.</Description>
    <URI>\{name}</URI>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>{first}T{at}:00{zone}</StartBoundary>
      <RandomDelay>PT{delay}S</RandomDelay>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{account}</UserId>{logon}
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{directory}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"#,
        description = escaped(&job.description),
        name = escaped(&job.name),
        at = job.at,
        delay = job.delay.as_secs(),
        account = escaped(account),
        program = escaped(&job.program.to_string_lossy()),
        arguments = escaped(&arguments.join(" ")),
        directory = escaped(&job.directory.to_string_lossy()),
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Returns a text as one argument, as `CommandLineToArgvW` reads it: backslashes before a quote are doubled.
fn quoted(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '\t', '"']) {
        return text.to_owned();
    }
    let (mut quoted, mut slashes) = (String::from('"'), 0);
    for c in text.chars() {
        if c == '"' {
            quoted.push_str(&"\\".repeat(slashes + 1));
        }
        slashes = if c == '\\' { slashes + 1 } else { 0 };
        quoted.push(c);
    }
    quoted.push_str(&"\\".repeat(slashes));
    quoted.push('"');
    quoted
}

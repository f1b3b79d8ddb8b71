//! Schedules as reports.

use serde::Serialize;
use unisys_ops::schedule::place::{Change, Planned};
use unisys_ops::schedule::site::Found;

use crate::failure::Failure;
use crate::ui::{Page, Ui};

/// What `schedule install` would do.
pub(crate) struct Plan<'a> {
    pub(crate) job: &'a str,
    pub(crate) files: &'a [Planned],
    /// What becomes of each file; empty where that cannot be told here.
    pub(crate) changes: &'a [Change],
    /// What is run afterwards.
    pub(crate) commands: &'a [Vec<String>],
}

#[derive(Serialize)]
struct PlanReport<'a> {
    job: &'a str,
    files: Vec<FileReport<'a>>,
    commands: Vec<String>,
}

#[derive(Serialize)]
struct FileReport<'a> {
    path: String,
    change: Option<&'static str>,
    content: &'a str,
}

/// Shows the plan; with everything that would be written, where that is all that is done.
pub(crate) fn plan(ui: &mut Ui, plan: &Plan<'_>, whole: bool) -> Result<(), Failure> {
    let commands: Vec<String> = plan.commands.iter().map(|words| words.join(" ")).collect();
    let file = |(i, file): (usize, &'_ Planned)| {
        (file.path.display().to_string(), plan.changes.get(i).map(|change| word(*change)))
    };
    let files: Vec<_> = plan.files.iter().enumerate().map(file).collect();
    let report = PlanReport {
        job: plan.job,
        files: files
            .iter()
            .zip(plan.files)
            .map(|((path, change), file)| FileReport {
                path: path.clone(),
                change: *change,
                content: &file.content,
            })
            .collect(),
        commands: commands.clone(),
    };
    ui.answer(&report, || {
        let mut page = Page::new();
        for ((path, change), file) in files.iter().zip(plan.files) {
            page = page.line(format!("{} {path}", change.unwrap_or("write")));
            if whole {
                page =
                    file.content.lines().fold(page, |page, line| page.line(format!("    {line}").trim_end()));
            }
        }
        commands.iter().fold(page, |page, command| page.line(format!("run {command}")))
    })
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Replace => "replace",
        Change::Nothing => "keep",
    }
}

#[derive(Serialize)]
struct Jobs<'a> {
    jobs: Vec<JobReport<'a>>,
}

#[derive(Serialize)]
struct JobReport<'a> {
    name: &'a str,
    place: &'a str,
    when: &'a str,
    command: &'a str,
}

impl<'a> JobReport<'a> {
    fn of(job: &'a Found) -> Self {
        Self { name: &job.name, place: &job.place, when: &job.when, command: &job.command }
    }
}

pub(crate) fn jobs(ui: &mut Ui, jobs: &[Found]) -> Result<(), Failure> {
    let all = Jobs { jobs: jobs.iter().map(JobReport::of).collect() };
    ui.answer(&all, || {
        if jobs.is_empty() {
            return Page::new().line("No job is installed.");
        }
        // paths and commands are longer than a column of a table
        let lines = |job: &Found| {
            [
                job.name.clone(),
                format!("  when  {}", job.when),
                format!("  runs  {}", job.command),
                format!("  from  {}", job.place),
            ]
        };
        jobs.iter().flat_map(lines).fold(Page::new(), Page::line)
    })
}

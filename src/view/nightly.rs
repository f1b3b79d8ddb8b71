//! A night's work as a report: the backup, and the drill where one was due.

use serde::Serialize;
use unisys_ops::drill::DrillRecord;

use super::backup::Made;
use super::{backup, drill};
use crate::commands::backup::Finished;
use crate::failure::Failure;
use crate::ui::Ui;

/// What `backup run --nightly` answers.
#[derive(Serialize)]
pub(crate) struct Night<'a> {
    #[serde(flatten)]
    made: Made<'a>,
    drill: Option<&'a DrillRecord>,
}

impl<'a> Night<'a> {
    /// Returns the answer about a backup, the drill that followed, and what failed after it.
    pub(crate) fn of(finished: &'a Finished, drill: Option<&'a DrillRecord>, problems: &'a [String]) -> Self {
        Self { made: Made::of(finished, problems), drill }
    }
}

pub(crate) fn done(
    ui: &mut Ui,
    finished: &Finished,
    record: Option<&DrillRecord>,
    problems: &[String],
) -> Result<(), Failure> {
    ui.answer(&Night::of(finished, record, problems), || {
        let page = backup::page(finished);
        match record {
            Some(record) => page.line("").append(drill::page(record)),
            None => page,
        }
    })
}

//! The private server as a report.

use unisys_ops::server::PrivateStatus;

use crate::failure::Failure;
use crate::ui::{Page, Ui};

pub(crate) fn status(ui: &mut Ui, status: &PrivateStatus) -> Result<(), Failure> {
    ui.answer(status, || {
        let text = match (status.exists, status.pid) {
            (false, _) => "There is no private server yet.".to_owned(),
            (true, None) => "The private server does not run.".to_owned(),
            (true, Some(pid)) => format!("The private server runs (process {pid})."),
        };
        let mut page = Page::new().line(text);
        if let (Some(major), Some(port)) = (status.major, status.port) {
            page = page.line(format!("PostgreSQL {major}, port {port} of the loopback address"));
        }
        page.line(format!("Directory: {}", status.directory.display()))
    })
}

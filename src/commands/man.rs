//! `man`: the manual pages.

use std::path::PathBuf;

use crate::cli;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;

/// Print the manual page, or write a page for each command
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the pages of all commands into this directory, which must exist
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<Exit, Failure> {
    if let Some(directory) = &args.directory {
        clap_mangen::generate_to(cli::tree(), directory)
            .hint(format!("Make {} a directory that you may write to.", directory.display()))?;
        ui.status(format!("Manual pages are in {}", directory.display()));
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(cli::tree()).render(&mut page)?;
    ui.text(&String::from_utf8(page)?)?;
    Ok(Exit::Done)
}

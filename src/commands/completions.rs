//! `completions`: what a shell needs to complete our words.

use clap_complete::Shell;

use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Print the completions for a shell
///
/// For bash: unisys-dba completions bash > /etc/bash_completion.d/unisys-dba
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::tree(), env!("CARGO_BIN_NAME"), &mut script);
    ui.text(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}

//! `data erd`.

use std::path::PathBuf;

use unisys_db::Session;
use unisys_db::erd::{Diagram, SCHEMAS};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;

/// Draw the tables and what ties them, from the live catalog: erd.svg and erd.mmd
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory the files go to
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// These schemas
    #[arg(long, value_name = "SCHEMA", value_delimiter = ',', default_values = SCHEMAS)]
    schemas: Vec<String>,
    /// Write nothing; exit 4 when the files are not what would be written
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    let session = Session::open(&target).await?;
    let schemas: Vec<&str> = args.schemas.iter().map(String::as_str).collect();
    let diagram = Diagram::read(&session, &schemas).await?;
    if diagram.entities.is_empty() {
        return Err(Failure::usage(format!("{target} has no table in {}", schemas.join(", ")))
            .hint("Name its schemas with --schemas."));
    }
    let mut exit = Exit::Done;
    for (name, text) in [("erd.svg", diagram.to_svg()), ("erd.mmd", diagram.to_mermaid())] {
        let path = args.directory.join(name);
        if !args.check {
            std::fs::write(&path, text).hint("Name a directory that is there and can be written.")?;
            ui.status(format!("{} written", path.display()));
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            ui.status(format!("{} is out of date", path.display()));
            exit = Exit::Bad;
        }
    }
    Ok(exit)
}

//! `roles who-can`.

use unisys_db::Target;
use unisys_db::roles::Access;

use super::explain::{What, unknown};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// List who may do something, and how
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
}

pub(crate) async fn run(args: &Args, target: &Target, ui: &mut Ui) -> Result<Exit, Failure> {
    let privilege = args.what.privilege()?;
    let live = super::inspect(target).await?;
    let (object, column) =
        live.find_object(privilege, &args.what.object()).map_err(|error| unknown(&error))?;
    view::roles::who_can::show(ui, &Access::new(&live).who_can(privilege, object, column))?;
    Ok(Exit::Done)
}

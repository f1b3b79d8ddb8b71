//! `roles matrix`.

use unisys_db::Target;
use unisys_db::roles::{Kind, Policy, matrix};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Show what each role may in each schema, or with each table of one
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The tables of this schema, instead of all schemas
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
}

pub(crate) async fn run(args: &Args, target: &Target, policy: &Policy, ui: &mut Ui) -> Result<Exit, Failure> {
    let live = super::inspect(target).await?;
    let roles: Vec<_> = policy.roles.keys().filter_map(|name| live.role(name)).map(|role| role.oid).collect();
    let may = |role, object: &_, privilege| matrix::granted(&live, role, object, privilege);
    let schemas = live.objects.iter().filter(|object| object.kind == Kind::Schema && !object.system);
    let schemas: Vec<String> =
        schemas.map(|schema| schema.name.clone()).filter(|name| policy.schemas.contains_key(name)).collect();
    let grid = match &args.schema {
        Some(schema) if !schemas.contains(schema) => {
            return Err(Failure::new(format!("{target} has no schema {schema:?}")));
        }
        Some(schema) => matrix::by_table(&live, &roles, schema, may),
        None => matrix::by_schema(&live, &roles, &schemas, may),
    };
    view::roles::matrix::show(ui, &grid)?;
    Ok(Exit::Done)
}

//! `roles matrix`.

use unisys_db::Target;
use unisys_db::roles::matrix::{self, Matrix};
use unisys_db::roles::{Access, Kind, Live, Oid, PUBLIC, Policy};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view::roles::matrix as view;

/// Show what each role can really do in each schema, or with each table of one
///
/// By whatever way: its own privileges, PUBLIC's, those of roles it is a member of, an owner's, a superuser's; and only where it
/// can also use the schema. Any login may ask.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// These roles, instead of those of the policy and PUBLIC
    #[arg(value_name = "ROLE")]
    roles: Vec<String>,
    /// The tables of this schema, instead of all schemas of the policy
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Write it as a table for a README or a comment
    #[arg(long, conflicts_with = "html")]
    markdown: bool,
    /// Write it as a page for a browser, which needs nothing else
    #[arg(long)]
    html: bool,
}

pub(crate) async fn run(args: &Args, target: &Target, policy: &Policy, ui: &mut Ui) -> Result<Exit, Failure> {
    let live = super::inspect(target).await?;
    let grid = grid(args, target, policy, &live)?;
    match args {
        Args { markdown: true, .. } => ui.text(&view::markdown(&grid))?,
        Args { html: true, .. } => ui.text(&view::html(&grid)?)?,
        _ => view::show(ui, &grid)?,
    }
    Ok(Exit::Done)
}

fn grid(args: &Args, target: &Target, policy: &Policy, live: &Live) -> Result<Matrix, Failure> {
    let access = Access::new(live);
    let roles = roles(args, policy, live)?;
    let schemas = live.objects.iter().filter(|object| object.kind == Kind::Schema && !object.system);
    let mut schemas = schemas.map(|schema| schema.name.clone());
    match &args.schema {
        Some(schema) if schemas.any(|name| name == *schema) => Ok(matrix::by_table(&access, &roles, schema)),
        Some(schema) => Err(Failure::new(format!("{target} has no schema {schema:?}"))
            .hint("`unisys-dba roles matrix` shows the schemas of the policy; capitals matter.")),
        None => {
            let schemas: Vec<String> = schemas.filter(|name| policy.schemas.contains_key(name)).collect();
            Ok(matrix::by_schema(&access, &roles, &schemas))
        }
    }
}

/// Returns the roles asked for; else those of the policy that are there, owners last, and PUBLIC.
fn roles(args: &Args, policy: &Policy, live: &Live) -> Result<Vec<Oid>, Failure> {
    let find = |name: &String| match live.role(name) {
        Some(role) => Ok(role.oid),
        None if name.eq_ignore_ascii_case("public") => Ok(PUBLIC),
        None => Err(Failure::new(format!("there is no role {name:?}")).hint("Capitals matter.")),
    };
    if !args.roles.is_empty() {
        return args.roles.iter().map(find).collect();
    }
    let owns = |name: &&String| policy.schemas.values().any(|schema| schema.owner.as_ref() == Some(*name));
    let (owners, others): (Vec<_>, Vec<_>) = policy.roles.keys().partition(owns);
    let there = others.into_iter().chain(owners).filter_map(|name| live.role(name)).map(|role| role.oid);
    Ok(there.chain([PUBLIC]).collect())
}

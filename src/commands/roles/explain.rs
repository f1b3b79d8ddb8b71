//! `roles explain`.

use unisys_db::Target;
use unisys_db::roles::{Access, NameError, Privilege};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Say whether a role may do something, by which ways, and what would close each
///
/// What is granted is one thing, what a role can do another: it inherits, may SET ROLE, is everybody, owns, needs USAGE of the
/// schema, goes through views and functions that act as somebody else, and is kept from rows by policies. All of it is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The role; "public" is everybody
    role: String,
    #[command(flatten)]
    what: What,
}

/// A privilege and what it is on.
#[derive(clap::Args)]
pub(super) struct What {
    /// The privilege: select, insert, execute, usage, connect, …
    privilege: String,
    /// On what: app.students, app.students.national_id, schema app, function app.f, database [default: the database]
    #[arg(num_args = 0..)]
    object: Vec<String>,
}

impl What {
    pub(super) fn privilege(&self) -> Result<Privilege, Failure> {
        Privilege::find(&self.privilege).map_err(|error| unknown(&error))
    }

    pub(super) fn object(&self) -> String {
        self.object.join(" ")
    }
}

pub(crate) async fn run(args: &Args, target: &Target, ui: &mut Ui) -> Result<Exit, Failure> {
    let privilege = args.what.privilege()?;
    let live = super::inspect(target).await?;
    let role = live.find_role(&args.role).map_err(|error| unknown(&error))?;
    let (object, column) =
        live.find_object(privilege, &args.what.object()).map_err(|error| unknown(&error))?;
    let explanation = Access::new(&live).explain(role, privilege, object, column);
    view::roles::explain::show(ui, &explanation)?;
    Ok(Exit::Done)
}

/// Returns the failure with what was meant, if it is near.
pub(super) fn unknown(error: &NameError) -> Failure {
    let hint = match (error.nearest(), error) {
        (Some(nearest), _) => format!("Did you mean {nearest}?"),
        (None, NameError::Privilege { .. }) => {
            format!("It is one of {}.", Privilege::words().collect::<Vec<_>>().join(", "))
        }
        (None, NameError::NotOf { those, .. }) => format!("On that it is one of {those}."),
        (None, NameError::Ambiguous { .. }) => "Say which, with that word before the name.".into(),
        (None, NameError::Role { .. }) => "psql's \\du lists the roles.".into(),
        (None, NameError::Object { privilege: Privilege::Execute, .. }) => {
            "Of the server's own functions only those are known whose privileges somebody changed.".into()
        }
        _ => "Write schema.name, a kind before it where it is needed: schema app, function app.f.".into(),
    };
    Failure::usage(error.to_string()).hint(hint)
}

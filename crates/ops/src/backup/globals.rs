//! `globals.sql`: the roles. pg_dumpall reads no snapshot, not even one moment, so what it wrote is kept only when the roles
//! were the same before and after it, and are the ones it wrote.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use unisys_db::Session;
use unisys_db::inventory::{self, Inventory, Kind};

use super::work::{Done, Shared};
use crate::OpsError;
use crate::child::Running;
use crate::progress::Expected;
use crate::restore::{created_roles, named_roles, unquoted};

/// How long the roles are dumped again and again until they stand still for the time one dump takes.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// How often in a row pg_dumpall may fail although the roles stand still; a role that came and went in between is seen by nobody.
const FAILURES: u32 = 20;

/// The name of the file.
const NAME: &str = "globals.sql";

impl Shared {
    /// Dumps the roles and seals them, with the inventory of the very roles that were dumped.
    pub(super) async fn globals(&self) -> Result<Done, OpsError> {
        let item = self.options.progress.start(NAME, Expected::UNKNOWN);
        let session = Session::open(self.coordinator.target()).await?;
        let (dump, roles) = self.steady_globals(&session).await?;
        let mut sealed = self.sealed(&format!("{NAME}.zst.age"))?;
        let file = tokio::task::spawn_blocking(move || sealed.write(&dump).and_then(|()| sealed.finish()));
        let file =
            file.await.unwrap_or_else(|_| Err(OpsError::Refused("the sealing thread was stopped".into())))?;
        item.finish();
        Ok(Done::Globals(file, roles))
    }

    async fn steady_globals(&self, session: &Session) -> Result<(Vec<u8>, Inventory), OpsError> {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let before = inventory::load_roles(session).await?;
            let dumped = Running::output(self.globals_command(), "pg_dumpall").await;
            let after = inventory::load_roles(session).await?;
            let failed = match dumped {
                Ok(dump) => {
                    let text = String::from_utf8_lossy(&dump);
                    let created = created_roles(&text);
                    let whole = named_roles(&text).is_subset(&created) && created == names(&after);
                    if before == after && whole {
                        return Ok((dump, after));
                    }
                    None
                }
                // a role may go while pg_dumpall asks for it
                Err(error @ OpsError::Program { .. }) => Some(error),
                Err(error) => return Err(error),
            };
            failures = if failed.is_some() && before == after { failures + 1 } else { 0 };
            if failures == FAILURES || begun.elapsed() >= PATIENCE {
                return Err(failed.unwrap_or_else(restless));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// pg_dumpall prints until when a password is valid in the session's DateStyle, which may be the database's own.
    fn globals_command(&self) -> Command {
        let target = self.coordinator.target().with_setting("datestyle", "ISO");
        let mut command = self.programs.command("pg_dumpall");
        command.envs(target.child_env()).arg("-d").arg(target.child_dbname_arg());
        command.args(["--no-password", "--globals-only"]);
        // pg_dumpall would look for a database called postgres, which need not exist; a name with `=` in it would be taken for
        // a connection string, so it gets one
        command.arg("-l").arg(target.child_dbname_arg());
        if !self.role_passwords {
            command.arg("--no-role-passwords");
        }
        command
    }
}

fn restless() -> OpsError {
    OpsError::Refused(format!(
        "the server's roles, memberships or role settings changed again and again for {} s while they were dumped; \
         back up when nobody creates, alters or drops roles",
        PATIENCE.as_secs()
    ))
}

/// Returns the names of an inventory's roles; `ALL` is none.
fn names(roles: &Inventory) -> BTreeSet<String> {
    let items =
        roles.items.iter().filter(|item| item.kind == Kind::Role && item.detail.get("attributes").is_some());
    items.map(|item| unquoted(&item.name)).collect()
}

//! Definitions of chosen tables, from an archive into a session's transaction.

use std::collections::BTreeSet;

use unisys_db::{Session, quote_ident};

use super::moved::Moved;
use crate::OpsError;
use crate::restore::Restore;
use crate::restore::stream::Archive;
use crate::restore::toc::Entry;

/// Definitions on their way into the session's transaction.
pub(super) struct Script<'s> {
    pub(super) restore: &'s Restore,
    pub(super) session: &'s Session,
    pub(super) moved: Option<&'s Moved<'s>>,
}

impl Script<'_> {
    /// Runs the definitions of some entries.
    pub(super) async fn execute(
        &self,
        archive: &Archive,
        entries: &[Entry],
        section: &str,
    ) -> Result<(), OpsError> {
        if entries.is_empty() {
            return Ok(());
        }
        let Self { restore, session, moved } = self;
        let list = restore.write_list("definitions.list", entries.iter())?;
        let mut command = restore.command(&restore.target);
        command.args(["-f", "-", section]).args(restore.leave_out.options()).arg("-L").arg(&list);
        let script = archive.output(command, &restore.backup).await?;
        let script = String::from_utf8(script)
            .map_err(|_| OpsError::Corrupt("the archive's definitions are not in UTF-8".into()))?;
        let script = without_psql(&script);
        let script = match moved {
            Some(moved) => letting_grantors_in(&script, moved.schema) + &moved.sql(&script),
            None => script,
        };
        let doing = session.doing("restore the tables' definitions");
        Ok(session.batch_execute(&script).await.map_err(doing)?)
    }
}

/// Returns the grants by which those reach a new schema in whose name pg_dump lets privileges be granted.
fn letting_grantors_in(script: &str, schema: &str) -> String {
    let lines = script.lines().filter_map(|line| line.strip_prefix("SET SESSION AUTHORIZATION "));
    let names: BTreeSet<&str> =
        lines.filter_map(|rest| rest.strip_suffix(';')).filter(|name| *name != "DEFAULT").collect();
    let grant = |name: &str| format!("grant usage on schema {} to {name};\n", quote_ident(schema));
    names.into_iter().map(grant).collect()
}

/// Leaves out psql's `\restrict KEY` at the start and `\unrestrict KEY` at the end, which are no SQL.
fn without_psql(script: &str) -> String {
    let restrict = script.lines().find_map(|line| line.strip_prefix("\\restrict "));
    let Some(key) = restrict else { return script.to_owned() };
    let own = [format!("\\restrict {key}"), format!("\\unrestrict {key}")];
    script.lines().filter(|line| !own.iter().any(|own| own == line)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_psqls_own_lines_are_left_out() {
        let script = "--\n\\restrict k3y\nselect '\n\\unrestrict other\n';\n\\unrestrict k3y\n";
        assert_eq!(without_psql(script), "--\nselect '\n\\unrestrict other\n';\n");
    }
}

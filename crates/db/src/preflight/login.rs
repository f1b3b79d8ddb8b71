//! The SQL that makes a login for backups with no right it does not need.

use super::Preflight;
use crate::{quote_ident, quote_literal};

/// The login's name, where nobody chose another.
pub const BACKUP_LOGIN: &str = "unisys_backup";

/// How many sessions the login needs: the moment's own, `jobs` workers, pg_dump, and one to look beside them.
const SESSIONS_BESIDE_JOBS: usize = 8;

/// Returns the statements, for `psql` connected to the database as a superuser. They are shown to a person, not run.
///
/// The login reads all tables (`pg_read_all_data`, PostgreSQL 14 and later), which includes password hashes; it writes nothing
/// (`default_transaction_read_only` guards against accidents, the missing privileges against everything else). What only
/// some databases need is there only for those: `bypassrls`, and grants on large objects, which `pg_read_all_data` does
/// not cover.
pub fn backup_login_sql(preflight: &Preflight, login: &str, jobs: usize) -> Vec<String> {
    let role = quote_ident(login);
    let database = quote_ident(&preflight.database.name);
    let mut lines = vec![
        format!("create role {role} login connection limit {};", jobs + SESSIONS_BESIDE_JOBS),
        format!("\\password {role}"),
        format!("alter role {role} set default_transaction_read_only = on;"),
        format!("grant connect on database {database} to {role};"),
        "-- reads every table, and the password hashes of all roles: guard this login".into(),
        format!("grant pg_read_all_data to {role};"),
    ];
    if !preflight.with_policies.is_empty() {
        lines.push(format!(
            "-- {} with row-level security: without this, a policy would hide rows (needs a superuser)",
            tables(preflight.with_policies.len())
        ));
        lines.push(format!("alter role {role} bypassrls;"));
    }
    if preflight.large_objects > 0 {
        lines.push(format!(
            "-- large objects ({} now) have access lists of their own; repeat this for new ones",
            preflight.large_objects
        ));
        lines.push(grant_large_objects(login));
    }
    lines
}

/// Returns the statement that lets `login` read every large object there is now.
pub fn grant_large_objects(login: &str) -> String {
    format!(
        "do $$ declare o oid; begin for o in select oid from pg_largeobject_metadata loop execute format({}, o, {}); end loop; end $$;",
        quote_literal("grant select on large object %s to %I"),
        quote_literal(login).trim_start()
    )
}

fn tables(count: usize) -> String {
    if count == 1 { "a table".into() } else { format!("{count} tables") }
}

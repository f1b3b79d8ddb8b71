//! `RESTORE.txt`: how to get the data back when this program is gone. A test runs what it says, with the stock programs alone.
//!
//! Every command is one line, indented by four spaces, so that all of them can be run as a script; nothing else is indented by
//! just four.

use unisys_db::facts::TableFacts;
use unisys_db::selection::Content;

use super::{Manifest, Selected};
use crate::evidence::Subject;

/// Returns the text. It is plain, so it names nothing that the manifest does not name.
pub(super) fn text(manifest: &Manifest, tables: &[TableFacts]) -> String {
    let database = shell_quote(&conninfo(&manifest.database));
    let rows = large_tables(manifest, tables, &database);
    [
        head(manifest),
        signature(manifest),
        setup(manifest.passphrase.is_some()),
        is_everything_whole(!rows.is_empty()),
        definitions(manifest, &database),
        format!("5. ROWS, sequences, large objects\n\n    pg_restore -e -d {database} --section=data \"$tmp/database.dump\"\n"),
        rows,
        indexes(&database),
        TAIL.to_owned(),
        left_out(manifest),
    ]
    .concat()
}

fn head(manifest: &Manifest) -> String {
    let database: String = manifest.database.chars().flat_map(char::escape_default).collect();
    format!(
        r#"HOW TO RESTORE THIS BACKUP WITHOUT UNISYS-DBA

Backup     {id}
Database   {database}
As of      {moment} UTC
Server     PostgreSQL {server}

You need   bash, age (or rage), zstd, and psql and pg_restore {pg_dump} or newer;
{key}
           a new server, PostgreSQL of that version or newer, on which you are a superuser.
           Say where it is with PGHOST, PGPORT, PGUSER.

From a bucket, copy all of it here first: aws s3 cp --recursive s3://BUCKET/PREFIX/{id} .
In bash, in this directory, paste the indented lines, step by step. Or run them all; the first error ends it:

  sed -n 's/^    \([^ ]\)/\1/p' RESTORE.txt > /tmp/restore.sh && bash -eu /tmp/restore.sh

"#,
        id = manifest.id,
        key = if manifest.passphrase.is_some() { PASSPHRASE } else { KEY },
        moment = manifest.moment.format("%Y-%m-%d %H:%M:%S"),
        server = manifest.server_version,
        pg_dump = manifest.pg_dump_version,
    )
}

/// How to verify who made it; by hand, because the public key must come from somewhere else than this directory.
fn signature(manifest: &Manifest) -> String {
    let Some(key) = &manifest.signed_by else { return String::new() };
    format!(
        r#"Who made it?  manifest.json is signed with {key}. With the public half
           of that key, which you must have from elsewhere, ssh-keygen says whether anybody has changed it since:

  echo 'unisys-dba ssh-ed25519 AAAA...' > /tmp/signers
  ssh-keygen -Y verify -f /tmp/signers -I unisys-dba -n {namespace} -s manifest.json.sig < manifest.json

manifest.json has the SHA-256 of every other file, as sha256sum prints it.

"#,
        namespace = Subject::Manifest.namespace(),
    )
}
const KEY: &str =
    "           the key: a line AGE-SECRET-KEY-1... in the file identity.txt, put into this directory;";

const PASSPHRASE: &str = "           the passphrase, for which age asks in step 1; or, where the backup has other keys too, one of them:
           a line AGE-SECRET-KEY-1... in the file identity.txt, put into this directory;";

/// Where stock `age` finds the key: it is in the backup, behind the passphrase. $tmp can be read by its owner alone.
const UNWRAP: &str = r#"    key=identity.txt
    [ -e identity.txt ] || { key=$tmp/identity.txt; age -d key.age > "$key"; }
"#;

/// The settings are those under which the values were written; the login's, the database's or the server's own may read them
/// otherwise, or be in the way.
fn setup(passphrase: bool) -> String {
    let (unwrap, key) = if passphrase { (UNWRAP, "\"$key\"") } else { ("", "identity.txt") };
    format!(
        r#"1. SET UP. $tmp will hold decrypted data; step 6 removes it.

    set -o pipefail
    tmp=$(mktemp -d) && chmod 700 "$tmp"
{unwrap}    unseal() {{ age -d -i {key} "$1" | zstd -dc; }}
    values='-c lc_monetary=C -c datestyle=ISO -c intervalstyle=postgres -c array_nulls=on'
    export PGOPTIONS="$values -c statement_timeout=0 -c default_transaction_read_only=off"

"#
    )
}

fn is_everything_whole(large_tables: bool) -> String {
    let files = if large_tables { "*.zst.age data/*.zst.age" } else { "*.zst.age" };
    format!(
        r#"2. IS EVERYTHING WHOLE? Each file is decrypted once; a damaged one is named.

    for f in {files}; do unseal "$f" > /dev/null || {{ echo "DAMAGED: $f" >&2; false; }}; done

"#
    )
}

fn definitions(manifest: &Manifest, database: &str) -> String {
    let roles = r#"3. ROLES. "already exists" does no harm. Tablespaces need their directories first; without them, add
   --no-tablespaces to every pg_restore below.

    unseal globals.sql.zst.age | psql -X -q -d postgres

"#;
    let create = match manifest.database.as_str() {
        // every new server has it already
        "postgres" => format!("pg_restore -e -d {database}"),
        _ => "pg_restore -e -C -d postgres".to_owned(),
    };
    // without definitions of its own, the archive still makes the large objects it fills
    let definitions = match manifest.selection.as_ref().map(|selection| selection.content) {
        Some(Content::Data) => format!(
            "    {create} --section=pre-data \"$tmp/schema.dump\"\n    pg_restore -e -d {database} --section=pre-data \"$tmp/database.dump\""
        ),
        _ => format!("    {create} --section=pre-data \"$tmp/database.dump\""),
    };
    format!(
        r#"{roles}4. DATABASE AND DEFINITIONS, without indexes and constraints

    unseal database.dump.zst.age > "$tmp/database.dump"
    unseal schema.dump.zst.age > "$tmp/schema.dump"
{definitions}

"#
    )
}

/// Returns a line for each file of rows; empty where all of them are in the archive.
fn large_tables(manifest: &Manifest, tables: &[TableFacts], database: &str) -> String {
    let mut lines = String::new();
    for (table, facts) in manifest.tables.iter().zip(tables) {
        // the rows reach psql behind its one command, so nothing in them can be taken for a command
        let copy = shell_quote(&facts.table.copy_in());
        for file in &table.files {
            lines += &format!("    unseal {file} | psql -X -q -d {database} -c {copy}\n");
        }
    }
    match lines.is_empty() {
        true => lines,
        false => format!(
            "    export PGCLIENTENCODING={}\n{lines}    unset PGCLIENTENCODING\n",
            manifest.copy_encoding
        ),
    }
}

/// Indexes and constraints come from the archive without data: with parallel jobs, one with data loses foreign keys to deadlocks.
fn indexes(database: &str) -> String {
    format!(
        r#"
6. INDEXES, CONSTRAINTS, TRIGGERS; materialised views; statistics

    pg_restore -e -j 2 -d {database} --section=post-data "$tmp/schema.dump"
    pg_restore -l "$tmp/database.dump" | grep ' MATERIALIZED VIEW DATA ' > "$tmp/views" || true
    pg_restore -e -d {database} -L "$tmp/views" "$tmp/database.dump"
    psql -X -q -d {database} -c analyze
    rm -r "$tmp"

"#
    )
}

const TAIL: &str = "7. COMPARE. manifest.json says how many rows each table had.\n\n\
    Not in a logical backup: replication slots, server settings (postgresql.conf, pg_hba.conf), rows of foreign\n\
    tables. Subscriptions come back disabled.\n";

/// Returns what somebody asked not to back up; nothing where the backup holds everything.
fn left_out(manifest: &Manifest) -> String {
    let phrases = manifest.selection.iter().flat_map(Selected::left_out);
    let line = |phrase: String| {
        let plain: String = phrase
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        format!("Left out of this backup: {plain}.\n")
    };
    phrases.map(line).collect()
}

/// Returns the database's name as a connection string: a plain name may look like one itself.
fn conninfo(database: &str) -> String {
    let plain = database.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain && !database.is_empty() {
        return database.to_owned();
    }
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Quotes for bash, on one line whatever the text holds.
fn shell_quote(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let quoted = text.chars().map(|c| match c {
        '\\' | '\'' => format!("\\{c}"),
        // two digits for each byte: what follows is not taken for more of the number
        c if c.is_control() => c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        c => c.to_string(),
    });
    format!("$'{}'", quoted.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(shell_quote("it's"), "'it'\\''s'");
        assert_eq!(conninfo("a b'c"), "dbname='a b\\'c'");
        assert_eq!(conninfo("unisys"), "unisys");
    }

    #[cfg(unix)]
    #[test]
    fn bash_reads_every_name_as_it_was() {
        for name in ["plain", "it's", "a\nb'c\\d", "\t", "$(x) `y` \"z\"", "\u{85}0e", "\\x41"] {
            let script = format!("printf %s {}", shell_quote(name));
            assert!(!script.contains('\n'), "{script}");
            let output =
                std::process::Command::new("bash").arg("-c").arg(&script).env("LC_ALL", "C.UTF-8").output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), name);
        }
    }
}

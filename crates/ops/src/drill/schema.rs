//! Definitions compared as `pg_dump --schema-only` writes them: the net under the inventory, for whatever it does not know.
//!
//! Some definitions do not survive a round trip as text, though nothing is lost: PostgreSQL writes
//! `(x)::text = ANY ((ARRAY['a'::character varying])::text[])` in other words after it has read it once. So a difference in a
//! definition is judged against a reference: the same definitions, restored without rows. What PostgreSQL makes of them there
//! is what it must have made of them in the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use unisys_db::Target;
use unisys_db::inventory::{self, Difference};

use super::compare::{Comparison, load_inventory, without_subscriptions};
use crate::OpsError;
use crate::child::Running;
use crate::restore::Restore;

/// A definition: its statements under the headline pg_dump gives it (`Name: …; Type: …; Schema: …; Owner: …`).
type Definitions = BTreeMap<String, Vec<String>>;

/// Compares the definitions and the catalog of the copy; asks the reference only where they differ.
pub(super) async fn compare(
    restore: &Restore,
    copy: &Target,
    catalog: Vec<Difference>,
    result: &mut Comparison,
) -> Result<(), OpsError> {
    let expected = of_archive(restore).await?;
    let found = of_database(restore, copy).await?;
    result.compared.statements = expected.values().map(Vec::len).sum::<usize>() as u64;
    result.compared.objects = restore.backup.facts.inventory.items.len() as u64;
    let differing = differing(&expected, &found);
    if differing.is_empty() && catalog.is_empty() {
        return Ok(());
    }
    let reference = restore.definitions_only("unisys_dba_reference").await?;
    let reference_text = of_database(restore, &reference).await?;
    let reference_items = without_subscriptions(&load_inventory(&reference).await?);
    let copy_items = without_subscriptions(&load_inventory(copy).await?);
    let against_reference = inventory::diff(&reference_items, &copy_items);
    let (same, other): (Vec<_>, Vec<_>) = catalog.into_iter().partition(|d| rewritten(d, &against_reference));
    result.differences.extend(other.iter().map(ToString::to_string));
    let truly = differing.iter().filter(|headline| found.get(*headline) != reference_text.get(*headline));
    result.differences.extend(truly.map(|headline| format!("definition differs: {headline}")));
    if !same.is_empty() {
        let text = format!(
            "{} definitions are worded anew by PostgreSQL after any restore; compared with a fresh one",
            same.len()
        );
        result.not_compared.push(text);
    }
    Ok(())
}

/// The attributes that hold an expression, which PostgreSQL may word anew.
const EXPRESSIONS: &[&str] =
    &["definition", "default", "using", "check", "with check", "expression", "condition"];

/// Whether a difference is PostgreSQL's own wording: an expression that reads the same in a fresh restore.
fn rewritten(difference: &Difference, against_reference: &[Difference]) -> bool {
    let Difference::Changed { kind, name, attribute, .. } = difference else { return false };
    let in_reference = against_reference.iter().any(|other| {
        matches!(other, Difference::Changed { kind: k, name: n, attribute: a, .. } if k == kind && n == name && a == attribute)
    });
    EXPRESSIONS.contains(&attribute.as_str()) && !in_reference
}

fn differing(expected: &Definitions, found: &Definitions) -> BTreeSet<String> {
    let headlines = expected.keys().chain(found.keys());
    headlines.filter(|headline| expected.get(*headline) != found.get(*headline)).cloned().collect()
}

/// Returns the definitions in the archive.
async fn of_archive(restore: &Restore) -> Result<Definitions, OpsError> {
    let mut command = restore.command(&restore.target);
    command.args(["-f", "-", "--no-subscriptions"]).arg(restore.directory.join("schema.dump"));
    Ok(definitions(&Running::output(command, "pg_restore").await?))
}

/// Returns the definitions in a database.
async fn of_database(restore: &Restore, target: &Target) -> Result<Definitions, OpsError> {
    let mut command = restore.programs.command("pg_dump");
    command.current_dir(Path::new("/")).envs(target.child_env());
    if let Some(user) = &restore.run_as {
        crate::platform::run_as(&mut command, user);
    }
    command
        .args(["--schema-only", "--no-password", "--no-subscriptions", "-d"])
        .arg(target.child_dbname_arg());
    Ok(definitions(&Running::output(command, "pg_dump").await?))
}

/// Parts a plain dump at its headlines. What stands before the first is settings of the dump itself.
fn definitions(dump: &[u8]) -> Definitions {
    let text = String::from_utf8_lossy(dump);
    let mut definitions = Definitions::new();
    for part in text.split("\n--\n-- Name: ").skip(1) {
        let (headline, body) = part.split_once("\n--\n").unwrap_or((part, ""));
        definitions.entry(headline.to_owned()).or_default().push(normal(body));
    }
    definitions.values_mut().for_each(|bodies| bodies.sort());
    definitions
}

/// Leaves out what is not definition: comments, empty lines, the dump's own settings and psql's commands.
fn normal(body: &str) -> String {
    let noise = |line: &str| {
        line.is_empty()
            || line.starts_with("--")
            || line.starts_with("SET default_t")
            || line.starts_with('\\')
    };
    body.lines().filter(|line| !noise(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_parted_at_its_headlines() {
        let dump = b"--\n-- PostgreSQL database dump\n--\n\nSET x = 1;\n\n--\n-- Name: a; Type: TABLE; Schema: s; Owner: o\n--\n\nCREATE TABLE s.a (\n    x integer\n);\n\n\n--\n-- Name: a_x; Type: INDEX; Schema: s; Owner: o\n--\n\nCREATE INDEX a_x;\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
        let definitions = definitions(dump);
        assert_eq!(definitions.len(), 2);
        assert_eq!(
            definitions["a; Type: TABLE; Schema: s; Owner: o"],
            ["CREATE TABLE s.a (\n    x integer\n);"]
        );
    }

    fn changed(attribute: &str) -> Difference {
        Difference::Changed {
            kind: inventory::Kind::TableConstraint,
            name: "c on s.t".into(),
            attribute: attribute.into(),
            expected: Some("a".into()),
            found: Some("b".into()),
        }
    }

    #[test]
    fn only_expressions_that_read_as_in_the_reference_are_wording() {
        assert!(rewritten(&changed("definition"), &[]));
        assert!(!rewritten(&changed("definition"), &[changed("definition")]));
        assert!(!rewritten(&changed("owner"), &[]));
    }
}

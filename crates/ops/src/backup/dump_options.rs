//! The options of pg_dump that may be given along: only those of which it is known what they leave out, so that a drill can
//! prove the rest.

use unisys_db::inventory::{Inventory, Kind};

use crate::OpsError;

/// What an option leaves out of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Omits {
    /// An attribute of every object of the database.
    Attribute(&'static str),
    /// Objects of a kind.
    Objects(Kind),
    /// The rows of unlogged tables.
    UnloggedRows,
    /// Statistics, which are nothing that a drill compares.
    Nothing,
}

/// The options that may be given.
const ALLOWED: [(&str, Omits); 8] = [
    ("--no-comments", Omits::Attribute("comment")),
    ("--no-security-labels", Omits::Attribute("security label")),
    ("--no-table-access-method", Omits::Attribute("access method")),
    ("--no-toast-compression", Omits::Attribute("compression")),
    (NO_PUBLICATIONS, Omits::Objects(Kind::Publication)),
    ("--no-subscriptions", Omits::Objects(Kind::Subscription)),
    ("--no-unlogged-table-data", Omits::UnloggedRows),
    ("--no-statistics", Omits::Nothing),
];

/// Leaves out publications.
const NO_PUBLICATIONS: &str = "--no-publications";

/// Why others may not.
const REFUSED: [(&[&str], &str); 5] = [
    (
        &[
            "-F",
            "--format",
            "-f",
            "--file",
            "-j",
            "--jobs",
            "-Z",
            "--compress",
            "-C",
            "--create",
            "-c",
            "--clean",
            "--if-exists",
            "-E",
            "--encoding",
        ],
        "it changes the form of the archive",
    ),
    (
        &["--snapshot", "--serializable-deferrable", "--no-synchronized-snapshots", "--lock-wait-timeout"],
        "the moment and the locks are the backup's own",
    ),
    (
        &[
            "-n",
            "--schema",
            "-N",
            "--exclude-schema",
            "-t",
            "--table",
            "-T",
            "--exclude-table",
            "-s",
            "--schema-only",
            "-a",
            "--data-only",
            "--exclude-table-data",
            "--section",
            "--filter",
        ],
        "what is chosen has settings of its own (schemas, tables, content, exclude-table-data)",
    ),
    (
        &[
            "-d",
            "--dbname",
            "-h",
            "--host",
            "-p",
            "--port",
            "-U",
            "--username",
            "-w",
            "--no-password",
            "-W",
            "--password",
            "--role",
        ],
        "the connection is the url's",
    ),
    (&["--enable-row-security"], "it leaves rows out without a word"),
];

/// Options of pg_dump, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpOptions(Vec<(&'static str, Omits)>);

impl DumpOptions {
    /// Returns the options in `texts`, each a word such as `--no-comments`.
    ///
    /// # Errors
    /// [`OpsError::Refused`] with the reason, for an option that would change what is proved.
    pub fn parse(texts: &[String]) -> Result<Self, OpsError> {
        texts.iter().map(|text| parse(text)).collect::<Result<_, _>>().map(Self)
    }

    /// Returns them as pg_dump takes them.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(word, _)| *word)
    }

    /// Leaves out publications too.
    pub(crate) fn leave_out_publications(&mut self) {
        if !self.words().any(|word| word == NO_PUBLICATIONS) {
            self.0.push((NO_PUBLICATIONS, Omits::Objects(Kind::Publication)));
        }
    }

    /// Whether the rows of unlogged tables are left out.
    pub(crate) fn leaves_out_unlogged_rows(&self) -> bool {
        self.0.iter().any(|(_, omits)| *omits == Omits::UnloggedRows)
    }

    /// Returns an inventory without what the options leave out. What is no database's own (roles, tablespaces, the database
    /// itself) comes from elsewhere and stays.
    pub(crate) fn expected(&self, mut inventory: Inventory) -> Inventory {
        let elsewhere = |kind: Kind| kind.is_of_roles() || matches!(kind, Kind::Database | Kind::Tablespace);
        for (_, omits) in &self.0 {
            match omits {
                Omits::Attribute(omitted) => {
                    for item in inventory.items.iter_mut().filter(|item| !elsewhere(item.kind)) {
                        item.detail.retain(|attribute| !attribute.starts_with(omitted));
                    }
                }
                Omits::Objects(omitted) => inventory.items.retain(|item| item.kind != *omitted),
                Omits::UnloggedRows | Omits::Nothing => {}
            }
        }
        inventory
    }
}

fn parse(text: &str) -> Result<(&'static str, Omits), OpsError> {
    if let Some(allowed) = ALLOWED.iter().find(|(word, _)| *word == text) {
        return Ok(*allowed);
    }
    // `-Fc` and `--format=c` are `-F` and `--format`
    let word = text.split(['=', ' ']).next().unwrap_or(text);
    let short: String = word.chars().take(2).collect();
    let names =
        |words: &[&str]| words.contains(&word) || !word.starts_with("--") && words.contains(&short.as_str());
    let reason = REFUSED.iter().find(|(words, _)| names(words)).map_or_else(
        || {
            let allowed: Vec<&str> = ALLOWED.iter().map(|(word, _)| *word).collect();
            format!(
                "what it leaves out could not be told from a loss; those that may are {}",
                allowed.join(", ")
            )
        },
        |(_, reason)| (*reason).to_owned(),
    );
    Err(OpsError::Refused(format!("pg_dump may not be given {word}: {reason}")))
}

#[cfg(test)]
mod tests {
    use unisys_db::inventory::Item;

    use super::*;

    fn options(texts: &[&str]) -> Result<DumpOptions, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        DumpOptions::parse(&texts).map_err(|error| error.to_string())
    }

    #[rstest::rstest]
    #[case("-Fp", "-Fp: it changes the form")]
    #[case("--format=plain", "--format: it changes the form")]
    #[case("--snapshot=x", "--snapshot: the moment")]
    #[case("-a", "-a: what is chosen")]
    #[case("--data-only", "--data-only: what is chosen")]
    #[case("--enable-row-security", "it leaves rows out")]
    #[case("--role=x", "the url's")]
    #[case("--inserts", "could not be told from a loss")]
    #[case("", "could not be told from a loss")]
    fn what_would_break_the_proof_is_refused(#[case] option: &str, #[case] reason: &str) {
        let error = options(&[option]).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn what_an_option_leaves_out_is_not_expected() {
        let item = |kind, name: &str| Item {
            kind,
            name: name.into(),
            detail: [("comment", "c"), ("owner", "o")].into_iter().collect(),
        };
        let inventory = Inventory::from_items(vec![
            item(Kind::Table, "s.t"),
            item(Kind::Publication, "p"),
            item(Kind::Role, "r"),
        ]);
        let expected = options(&["--no-comments", "--no-publications"]).unwrap().expected(inventory.clone());
        assert_eq!(expected.items.len(), 2);
        let comment = |kind| expected.items.iter().find(|i| i.kind == kind).unwrap().detail.get("comment");
        assert_eq!((comment(Kind::Table), comment(Kind::Role)), (None, Some("c")));
        assert_eq!(options(&[]).unwrap().expected(inventory.clone()), inventory);
    }
}

//! Checks that pg_dump adds after the rows, because their functions depend on the table they are on, or because they are not
//! valid. Adding one runs its code on every row, so it is done by the owner of the table or domain.

use std::collections::BTreeMap;

use unisys_db::Session;

use super::load::{LoadAs, Restore};
use super::owners::Opened;
use super::stream::Archive;
use super::toc::Entry;
use crate::OpsError;

/// What comes after the checks: what describes them, and event triggers, whose code would run under every statement that
/// follows. Nothing else can depend on a check.
const LATER: &[&str] = &["COMMENT", "SECURITY LABEL", "EVENT TRIGGER"];

/// The entries of an archive that come after the rows, in the order they are restored.
pub(super) struct PostData<'e> {
    pub(super) first: Vec<&'e Entry>,
    pub(super) checks: Vec<&'e Entry>,
    pub(super) last: Vec<&'e Entry>,
}

impl<'e> PostData<'e> {
    pub(super) fn parted(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let (checks, others): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is(&["CHECK CONSTRAINT"]));
        let (last, first) = others.into_iter().partition(|entry| entry.is(LATER));
        Self { first, checks, last }
    }
}

/// Whether an entry makes an event trigger or describes one.
pub(super) fn is_of_event_trigger(entry: &Entry) -> bool {
    entry.is(&["EVENT TRIGGER", "COMMENT - EVENT TRIGGER", "SECURITY LABEL - EVENT TRIGGER"])
}

/// A table or domain that a check can be on.
struct Checked {
    schema: String,
    name: String,
    owner: String,
}

impl Restore {
    /// Adds the checks, each as the owner of what it is on.
    pub(super) async fn add_checks(
        &self,
        session: &Session,
        opened: &mut Opened,
        archive: &Archive,
        checks: &[&Entry],
    ) -> Result<(), OpsError> {
        if checks.is_empty() {
            return Ok(());
        }
        let checked = load_checked(session).await?;
        let mut by_login: BTreeMap<Option<&str>, Vec<&Entry>> = BTreeMap::new();
        for check in checks {
            let on = owner_of(check, &checked)?;
            let login = (self.load_as == LoadAs::Owner).then_some(on.owner.as_str());
            if let Some(owner) = login {
                opened.role(session, owner).await?;
                opened.schema(session, owner, &on.schema).await?;
            }
            by_login.entry(login).or_default().push(check);
        }
        for (number, (login, entries)) in by_login.into_iter().enumerate() {
            let list = self.write_list(&format!("checks-{number}.list"), entries.into_iter())?;
            let target = login.map_or_else(|| self.inside(), |owner| self.inside().with_user(owner));
            self.pg_restore(&target, archive, &[], Some(&list)).await?;
        }
        Ok(())
    }
}

async fn load_checked(session: &Session) -> Result<Vec<Checked>, OpsError> {
    let sql = include_str!("../../../../sql/restore/check_owners.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("look up who owns what has checks"))?;
    let checked = |row: &tokio_postgres::Row| Checked {
        schema: row.get("schema"),
        name: row.get("name"),
        owner: row.get("owner"),
    };
    Ok(rows.iter().map(checked).collect())
}

/// `CHECK CONSTRAINT schema table name owner`: names are not quoted there, so it is compared with the names there are. Where
/// several fit, the longest does; a wrong one could only fail, because nobody adds a check to what is another's.
fn owner_of<'c>(check: &Entry, checked: &'c [Checked]) -> Result<&'c Checked, OpsError> {
    let fits = |on: &&Checked| {
        check.is_between(&format!("CHECK CONSTRAINT {} {} ", on.schema, on.name), &format!(" {}", on.owner))
    };
    let found = checked.iter().filter(fits).max_by_key(|on| on.schema.len() + on.name.len());
    found.ok_or_else(|| OpsError::Corrupt(format!("the archive adds a check to nothing ({})", check.line)))
}

#[cfg(test)]
mod tests {
    use super::super::toc;
    use super::*;

    fn checked(schema: &str, name: &str, owner: &str) -> Checked {
        Checked { schema: schema.into(), name: name.into(), owner: owner.into() }
    }

    #[test]
    fn checks_come_before_comments_and_event_triggers() {
        let list = "1; 2606 1 CHECK CONSTRAINT app t c o\n2; 0 0 COMMENT app CONSTRAINT c ON t o\n3; 1 1 EVENT TRIGGER - e o\n4; 1 1 INDEX app i o\n";
        let entries = toc::entries(list);
        let parted = PostData::parted(entries.iter());
        let numbers =
            |part: &[&Entry]| part.iter().map(|entry| entry.line[..1].to_owned()).collect::<String>();
        assert_eq!(
            [numbers(&parted.first), numbers(&parted.checks), numbers(&parted.last)],
            ["4", "1", "23"]
        );
    }

    #[test]
    fn a_check_belongs_to_the_owner_of_its_table_whatever_the_names() {
        let all =
            [checked("app", "t", "o"), checked("app", "t x", "two words"), checked("app", "new\nline", "o")];
        let list = "1; 2606 1 CHECK CONSTRAINT app t c o\n2; 2606 2 CHECK CONSTRAINT app t x c two words\n3; 2606 3 CHECK CONSTRAINT app new line c o\n4; 2606 4 CHECK CONSTRAINT app gone c o\n";
        let entries = toc::entries(list);
        let owners: Vec<_> = entries
            .iter()
            .map(|entry| owner_of(entry, &all).ok().map(|on| (on.name.as_str(), on.owner.as_str())))
            .collect();
        assert_eq!(owners, [Some(("t", "o")), Some(("t x", "two words")), Some(("new\nline", "o")), None]);
    }
}

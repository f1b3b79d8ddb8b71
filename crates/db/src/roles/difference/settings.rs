//! `ALTER ROLE … SET` and `ALTER DATABASE … SET`: all of a declared role's, everywhere and in this database, and this database's own.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::words::{shown, some};
use crate::roles::{Oid, PUBLIC, Phase};
use crate::{quote_ident, quote_literal};

/// Parameters that are lists of names (`GUC_LIST_QUOTE` of `guc_tables.c`): one literal would be one name.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

pub(super) fn compare(draft: &mut Draft<'_>) {
    let (policy, database) = (draft.policy, draft.live.server.database.clone());
    let on_database = format!("alter database {}", quote_ident(&database));
    let place = Place { role: PUBLIC, database: Some(&database), sql: &on_database, of: "the database" };
    if draft.live.database().is_some() {
        place.compare(draft, &policy.database.settings, policy.database.line);
    }
    for (oid, rule) in draft.declared.clone() {
        let Some(name) = draft.name(oid).map(str::to_owned) else { continue };
        let (everywhere, of) = (format!("alter role {}", quote_ident(&name)), shown(&name));
        Place { role: oid, database: None, sql: &everywhere, of: &of }.compare(
            draft,
            &rule.settings,
            rule.line,
        );
        let (here, of) = (
            format!("{everywhere} in database {}", quote_ident(&database)),
            format!("{of}, in this database,"),
        );
        let place = Place { role: oid, database: Some(&database), sql: &here, of: &of };
        place.compare(draft, &rule.settings_here, rule.line);
        elsewhere(draft, oid, &database, rule.line);
    }
}

/// Whose settings, and where.
struct Place<'p> {
    role: Oid,
    database: Option<&'p str>,
    /// `alter role "x"`
    sql: &'p str,
    /// For people.
    of: &'p str,
}

impl Place<'_> {
    fn compare(&self, draft: &mut Draft<'_>, wanted: &BTreeMap<String, String>, line: usize) {
        let has = |setting: &&crate::roles::Setting| {
            setting.role == self.role && setting.database.as_deref() == self.database
        };
        let live: BTreeMap<String, (&str, &str)> = draft
            .live
            .settings
            .iter()
            .filter(has)
            .map(|setting| (setting.name.to_lowercase(), (setting.name.as_str(), setting.value.as_str())))
            .collect();
        let wanted: BTreeMap<String, (&str, &str)> = wanted
            .iter()
            .map(|(name, value)| (name.to_lowercase(), (name.as_str(), value.as_str())))
            .collect();
        for (key, (name, value)) in &wanted {
            let now = live.get(key).map(|(_, value)| *value);
            if now.is_some_and(|now| same(name, now, value)) {
                continue;
            }
            let reason = match now {
                None => format!("{} has no {}", self.of, shown(name)),
                Some(now) => format!("{} has {} = {}", self.of, shown(name), shown(now)),
            };
            let undo = now.map_or_else(|| self.reset(name), |now| self.set(name, now));
            let actor = self.actor(draft, line);
            draft.change(Phase::Settings, actor, self.set(name, value), reason, Some(line), vec![undo]);
        }
        for (_, (name, value)) in live.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
            let text =
                format!("{} has {} = {}, and the policy does not say so", self.of, shown(name), shown(value));
            if draft.takes() {
                let actor = self.actor(draft, line);
                let undo = vec![self.set(name, value)];
                draft.change(Phase::Settings, actor, self.reset(name), text, None, undo);
            } else {
                draft.notice(text, Some(line));
            }
        }
    }

    fn actor(&self, draft: &mut Draft<'_>, line: usize) -> Option<String> {
        if self.role == PUBLIC {
            let owner = draft.live.database().map(|database| database.owner);
            return owner.and_then(|owner| draft.speaker(owner));
        }
        if self.role != draft.login() && !draft.may_manage(self.role) {
            draft.impossible(
                format!("change settings of {}", draft.shown(self.role)),
                "only a superuser may, or who may change the role",
                "Let such a login apply it.",
                Some(line),
            );
        }
        None
    }

    fn set(&self, name: &str, value: &str) -> String {
        let values = match is_list(name) {
            true => names(value),
            false => vec![value.to_owned()],
        };
        let literals: Vec<String> =
            values.iter().map(|value| quote_literal(value).trim_start().to_owned()).collect();
        let value = if literals.is_empty() { "''".to_owned() } else { literals.join(", ") };
        format!("{} set {} = {value}", self.sql, quote_ident(name))
    }

    fn reset(&self, name: &str) -> String {
        format!("{} reset {}", self.sql, quote_ident(name))
    }
}

/// Settings in another database are another policy's, and still count there.
fn elsewhere(draft: &mut Draft<'_>, role: Oid, here: &str, line: usize) {
    let of = |setting: &&crate::roles::Setting| {
        setting.role == role && setting.database.as_deref().is_some_and(|database| database != here)
    };
    let mut databases: Vec<String> =
        draft.live.settings.iter().filter(of).filter_map(|setting| setting.database.clone()).collect();
    databases.dedup();
    if !databases.is_empty() {
        let text = format!("{} has settings of its own in {}", draft.shown(role), some(&databases));
        draft.notice(text, Some(line));
    }
}

fn is_list(name: &str) -> bool {
    LISTS.iter().any(|list| list.eq_ignore_ascii_case(name))
}

fn same(name: &str, one: &str, other: &str) -> bool {
    if is_list(name) { names(one) == names(other) } else { one == other }
}

/// Returns the names of a list, as `SplitGUCList` reads it: in double quotes what holds more than a word.
fn names(list: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted, mut chars) =
        (vec![], String::new(), false, list.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                name.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            c if c.is_whitespace() && !quoted => {}
            c => name.push(c),
        }
    }
    if !(names.is_empty() && name.is_empty()) {
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("app", &["app"])]
    #[case("app, public", &["app", "public"])]
    #[case("\"$user\", \"a b\",c", &["$user", "a b", "c"])]
    #[case("\"a\"\"b\"", &["a\"b"])]
    #[case("", &[])]
    #[case("\"\"", &[])]
    fn a_list_is_names(#[case] list: &str, #[case] expected: &[&str]) {
        assert_eq!(names(list), expected);
    }

    #[test]
    fn each_name_of_a_list_is_a_literal() {
        let place = Place { role: 5, database: None, sql: "alter role \"x\"", of: "x" };
        assert_eq!(
            place.set("search_path", "app, \"it's\""),
            "alter role \"x\" set \"search_path\" = 'app', 'it''s'"
        );
        assert_eq!(
            place.set("statement_timeout", "1, 2"),
            "alter role \"x\" set \"statement_timeout\" = '1, 2'"
        );
        assert_eq!(place.set("Search_Path", ""), "alter role \"x\" set \"Search_Path\" = ''");
    }
}

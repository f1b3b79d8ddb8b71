//! A role's attributes in SQL. Only those that differ are ever named: others may be refused even where they change nothing.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::words::attribute;
use crate::roles::{Password, Role, RoleRule};
use crate::{quote_ident, quote_literal};

/// How a role shall be.
pub(super) struct Wanted {
    name: String,
    pub(super) superuser: bool,
    login: bool,
    create_db: bool,
    create_role: bool,
    replication: bool,
    bypass_rls: bool,
    inherit: bool,
    connection_limit: i32,
    valid_until: Option<String>,
}

/// What changes a role, and back.
pub(super) struct Alteration {
    pub(super) sql: String,
    pub(super) undo: String,
    /// What it is and shall not be: `nologin`, `connection limit -1`.
    pub(super) differs: Vec<String>,
    /// Whether something changes that only superusers may change.
    pub(super) touches_superuser: bool,
}

impl Wanted {
    pub(super) fn of(name: &str, rule: &RoleRule) -> Self {
        Self {
            name: name.to_owned(),
            superuser: rule.superuser,
            login: rule.login,
            create_db: rule.create_db,
            create_role: rule.create_role,
            replication: rule.replication,
            bypass_rls: rule.bypass_rls,
            inherit: rule.inherit,
            connection_limit: rule.connection_limit,
            valid_until: rule.valid_until.as_deref().and_then(moment),
        }
    }

    /// Returns a role that inherits nothing and does nothing.
    pub(super) fn between(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            superuser: false,
            login: false,
            create_db: false,
            create_role: false,
            replication: false,
            bypass_rls: false,
            inherit: false,
            connection_limit: -1,
            valid_until: None,
        }
    }

    /// Returns the role as it will be.
    pub(super) fn role(&self) -> Role {
        self.onto(Role {
            oid: 0,
            name: self.name.clone(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: false,
            replication: false,
            bypass_rls: false,
            connection_limit: -1,
            valid_until: None,
            password: Password::None,
            comment: None,
        })
    }

    /// Returns the role with these attributes.
    pub(super) fn onto(&self, role: Role) -> Role {
        Role {
            superuser: self.superuser,
            inherit: self.inherit,
            create_role: self.create_role,
            create_db: self.create_db,
            login: self.login,
            replication: self.replication,
            bypass_rls: self.bypass_rls,
            connection_limit: self.connection_limit,
            valid_until: self.valid_until.clone(),
            ..role
        }
    }
}

/// Returns the statement that makes the role; what CREATE ROLE does by itself is left out, but for LOGIN.
pub(super) fn create(wanted: &Wanted) -> String {
    let mut sql = format!("create role {} {}", quote_ident(&wanted.name), attribute(wanted.login, "login"));
    let words = [
        (wanted.superuser, "superuser"),
        (wanted.create_db, "createdb"),
        (wanted.create_role, "createrole"),
        (!wanted.inherit, "noinherit"),
        (wanted.replication, "replication"),
        (wanted.bypass_rls, "bypassrls"),
    ];
    for (_, word) in words.into_iter().filter(|(is, _)| *is) {
        sql = format!("{sql} {word}");
    }
    if wanted.connection_limit != -1 {
        sql = format!("{sql} connection limit {}", wanted.connection_limit);
    }
    match &wanted.valid_until {
        Some(until) => format!("{sql} valid until {}", quote_literal(until).trim_start()),
        None => sql,
    }
}

/// Returns what makes the role as it shall be; `None`: it is.
pub(super) fn alter(role: &Role, wanted: &Wanted) -> Option<Alteration> {
    let (mut there, mut back, mut differs) = (Vec::new(), Vec::new(), Vec::new());
    let flags = [
        ("login", role.login, wanted.login),
        ("superuser", role.superuser, wanted.superuser),
        ("createdb", role.create_db, wanted.create_db),
        ("createrole", role.create_role, wanted.create_role),
        ("inherit", role.inherit, wanted.inherit),
        ("replication", role.replication, wanted.replication),
        ("bypassrls", role.bypass_rls, wanted.bypass_rls),
    ];
    for (word, is, shall) in flags.into_iter().filter(|(_, is, shall)| is != shall) {
        there.push(attribute(shall, word));
        back.push(attribute(is, word));
        differs.push(attribute(is, word));
    }
    if role.connection_limit != wanted.connection_limit {
        there.push(format!("connection limit {}", wanted.connection_limit));
        back.push(format!("connection limit {}", role.connection_limit));
        differs.push(match role.connection_limit {
            -1 => "without connection limit".into(),
            limit => format!("limited to {limit} connections"),
        });
    }
    let until = |moment: &Option<String>| moment.clone().filter(|moment| moment != "infinity");
    if until(&role.valid_until) != until(&wanted.valid_until) {
        let valid = |moment: &Option<String>| {
            let literal = quote_literal(moment.as_deref().unwrap_or("infinity"));
            format!("valid until {}", literal.trim_start())
        };
        there.push(valid(&wanted.valid_until));
        back.push(valid(&role.valid_until));
        differs.push(match until(&role.valid_until) {
            None => "valid for ever".into(),
            Some(moment) => format!("valid until {moment}"),
        });
    }
    let alter = |words: &[String]| format!("alter role {} {}", quote_ident(&role.name), words.join(" "));
    (!there.is_empty()).then(|| Alteration {
        sql: alter(&there),
        undo: alter(&back),
        touches_superuser: role.superuser != wanted.superuser,
        differs,
    })
}

/// Returns a moment as [`Role::valid_until`] has it; without a zone it is UTC. What is none of the known forms stays as it is.
fn moment(text: &str) -> Option<String> {
    let text = text.trim();
    let zoned = ["%Y-%m-%d %H:%M:%S%#z", "%Y-%m-%dT%H:%M:%S%#z", "%Y-%m-%d %H:%M%#z", "%Y-%m-%dT%H:%M%#z"];
    let plain = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let ending = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let parsed = zoned
        .iter()
        .find_map(|form| DateTime::parse_from_str(text, form).ok().map(|moment| moment.with_timezone(&Utc)))
        .or_else(|| {
            plain
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(ending, form).ok())
                .map(|m| m.and_utc())
        })
        .or_else(|| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(day.and_hms_opt(0, 0, 0)?.and_utc())
        });
    match (parsed, text) {
        (_, "infinity") => None,
        (Some(moment), _) => Some(format!("{}+00", moment.format("%Y-%m-%d %H:%M:%S"))),
        (None, text) => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("2027-01-31", "2027-01-31 00:00:00+00")]
    #[case("2027-01-31 12:30", "2027-01-31 12:30:00+00")]
    #[case("2027-01-31T12:30:05Z", "2027-01-31 12:30:05+00")]
    #[case("2027-01-31 12:30:05+02", "2027-01-31 10:30:05+00")]
    #[case("2027-01-31T12:30:05+05:30", "2027-01-31 07:00:05+00")]
    #[case("someday", "someday")]
    fn a_moment_is_read_as_the_server_shows_it(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(moment(text).as_deref(), Some(shown));
    }

    #[test]
    fn only_what_differs_is_named() {
        let wanted = Wanted { login: true, connection_limit: 5, ..Wanted::between("a\"b") };
        let role = Role { inherit: false, connection_limit: 5, ..wanted.role() };
        assert!(alter(&role, &wanted).is_none());
        let alteration = alter(&Role { login: false, ..role }, &wanted).unwrap();
        assert_eq!(alteration.sql, "alter role \"a\"\"b\" login");
        assert_eq!(alteration.undo, "alter role \"a\"\"b\" nologin");
        assert_eq!(create(&wanted), "create role \"a\"\"b\" login noinherit connection limit 5");
    }
}

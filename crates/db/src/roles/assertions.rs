//! Whether what a policy asserts holds: of what roles can really do, by whatever path.
//!
//! What counts as a path:
//! - `cannot`: the privilege by any way of memberships (SET ROLE too, unless `by_set_role = false`), with USAGE of the schema; of a
//!   table one column is enough; what is allowed on the table it is a part of; changes through a view that passes them on.
//!   Whether the role may connect does not count, nor that row-level security shows no row: both are opened in one place for all.
//! - `can`: all of it, with USAGE, and CONNECT for a login, and rows that a policy shows.
//! - What is read through a view or a SECURITY DEFINER function does not break `cannot`: showing a part of what cannot be read
//!   is what they are for, and which columns come out at the top the catalog does not say. Views that read a sensitive column
//!   which the role cannot select are told as notices.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::{
    Ability, Access, Assertion, Class, Close, Column, Kind, Live, Notice, Object, Oid, PUBLIC, Path, Policy,
    Privilege, Rows, Selector, Target, Via,
};

/// What came of the assertions of a policy.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Asserted {
    /// How many questions were asked: a role, a privilege, an object or column each.
    pub checked: usize,
    /// What does not hold, by line.
    pub broken: Vec<Broken>,
    /// What is worth knowing.
    pub notices: Vec<Notice>,
}

/// One assertion that does not hold, for one role, privilege and object.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// The line of the policy.
    pub line: usize,
    /// Who.
    pub role: String,
    /// What is asserted: that it can, or cannot.
    pub can: bool,
    /// What.
    pub privilege: Privilege,
    /// On what: its kind.
    pub kind: Kind,
    /// Its name for people.
    pub object: String,
    /// The column, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// By which way it can all the same, or why it cannot.
    pub why: String,
    /// Statements that close that way.
    pub close: Vec<Close>,
}

/// `d_analyst can select app.students.national_id: granted to d_analyst by app_owner`
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, privilege, kind, object, column, why, .. } = self;
        let can = if self.can { "cannot" } else { "can" };
        write!(f, "{role} {can} {} ", privilege.deed())?;
        match column {
            Some(column) => write!(f, "{object}.{column}: {why}"),
            None => write!(f, "{} {object}: {why}", kind.word()),
        }
    }
}

/// Judges every assertion of a policy.
pub fn assertions(policy: &Policy, live: &Live) -> Asserted {
    let mut judge = Judge { policy, access: Access::new(live), result: Asserted::default() };
    for assertion in &policy.assertions {
        match &assertion.on {
            Target::Objects(selector) => judge.objects(assertion, selector),
            Target::Sensitive => judge.sensitive(assertion),
        }
    }
    judge.result
}

struct Judge<'a> {
    policy: &'a Policy,
    access: Access<'a>,
    result: Asserted,
}

impl<'a> Judge<'a> {
    fn objects(&mut self, assertion: &Assertion, selector: &Selector) {
        let live = self.access.live();
        let tables: HashMap<Oid, &Object> = live
            .objects
            .iter()
            .filter(|object| object.kind.class() == Class::Table)
            .map(|object| (object.oid, object))
            .collect();
        let mut found = false;
        for object in live.objects.iter().filter(|object| !object.system) {
            let root = root(&tables, object);
            if !selector.takes(object, root) {
                continue;
            }
            found = true;
            if selector.columns.is_empty() && !selector.without_sensitive {
                self.ask(assertion, object, None);
                continue;
            }
            for column in &object.columns {
                let hidden =
                    || [Some(object), root].into_iter().flatten().any(|of| self.is_sensitive(of, column));
                let chosen = match selector.without_sensitive {
                    true => !hidden(),
                    false => selector.columns.contains(&column.name),
                };
                if chosen {
                    self.ask(assertion, object, Some(column));
                }
            }
        }
        if !found && !selector.names.is_empty() {
            let names: Vec<&str> = selector.names.iter().map(|name| name.as_str()).collect();
            let text = format!("there is no {} {}", selector.class.keyword(), names.join(", "));
            self.notice(text, assertion.line);
        }
    }

    fn is_sensitive(&self, object: &Object, column: &Column) -> bool {
        self.policy.sensitive.iter().any(|name| {
            Some(&name.schema) == object.schema.as_ref()
                && name.table == object.name
                && name.column == column.name
        })
    }

    fn sensitive(&mut self, assertion: &Assertion) {
        let live = self.access.live();
        for name in &self.policy.sensitive {
            let table = live.objects.iter().find(|object| {
                object.kind.class() == Class::Table
                    && object.schema.as_ref() == Some(&name.schema)
                    && object.name == name.table
            });
            let column =
                table.and_then(|table| table.columns.iter().find(|column| column.name == name.column));
            match (table, column) {
                (Some(table), Some(column)) => self.ask(assertion, table, Some(column)),
                _ => {
                    let text = format!("there is no column {}.{}.{}", name.schema, name.table, name.column);
                    self.notice(text, assertion.line);
                }
            }
        }
    }

    fn ask(&mut self, assertion: &Assertion, object: &'a Object, column: Option<&'a Column>) {
        let live = self.access.live();
        let class = object.kind.class();
        let all = match column {
            Some(_) => class.column_privileges(),
            None => class.privileges(live.server.version),
        };
        for name in &assertion.roles {
            let role = match live.role(name) {
                Some(role) => Some(role.oid),
                None => (name == "PUBLIC").then_some(PUBLIC),
            };
            for privilege in assertion.privileges.intersection(all).iter() {
                self.result.checked += 1;
                let why = match role {
                    None if assertion.can => Some(("there is no such role".to_owned(), Vec::new())),
                    None => None,
                    Some(role) if assertion.can => {
                        self.hindered(assertion, role, privilege, object, column).map(|why| (why, Vec::new()))
                    }
                    Some(role) => self.way(assertion, role, privilege, object, column).map(|path| {
                        let why = path.brief();
                        (why, path.close)
                    }),
                };
                if let Some((why, close)) = why {
                    self.result.broken.push(Broken {
                        line: assertion.line,
                        role: name.clone(),
                        can: assertion.can,
                        privilege,
                        kind: object.kind,
                        object: object.to_string(),
                        column: column.map(|column| column.name.clone()),
                        why,
                        close,
                    });
                }
                if let (Some(role), Some(column), Target::Sensitive) = (role, column, &assertion.on) {
                    self.tell_views(assertion, name, role, privilege, object, column);
                }
            }
        }
    }

    /// The way by which a role can what it shall not.
    fn way(
        &self,
        assertion: &Assertion,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&'a Column>,
    ) -> Option<Path> {
        let least = if assertion.by_set_role { Ability::BySetRole } else { Ability::Automatic };
        let columns = object.columns.iter().filter(|_| column.is_none());
        let single = object.kind.class().column_privileges().contains(privilege);
        let may = |column| self.access.may(role, privilege, object, column) >= least;
        let own = may(column) || single && columns.into_iter().any(|column| may(Some(column)));
        let counts = |path: &Path| path.hindrance.is_none() && path.reach >= least;
        let paths = match own {
            true => self.access.paths(role, privilege, object, column).0,
            false => self.access.around(role, privilege, object, column),
        };
        // as it is before SET ROLE
        paths.into_iter().filter(counts).max_by_key(|path| path.reach)
    }

    /// Why a role cannot what it shall.
    fn hindered(
        &self,
        assertion: &Assertion,
        role: Oid,
        privilege: Privilege,
        object: &Object,
        column: Option<&Column>,
    ) -> Option<String> {
        let least = if assertion.by_set_role { Ability::BySetRole } else { Ability::Automatic };
        let access = &self.access;
        let reach = access.may(role, privilege, object, column);
        let login = access.live().roles.get(&role).is_some_and(|role| role.login);
        if reach >= least {
            return if login && !access.connects(role) && object.kind != Kind::Database {
                Some("it may not connect to the database".into())
            } else if reach == Ability::Automatic && access.rows(role, privilege, object) == Rows::None {
                Some("no policy of row-level security shows it a row".into())
            } else {
                None
            };
        }
        if reach == Ability::BySetRole {
            return Some("only after SET ROLE".into());
        }
        let paths = access.paths(role, privilege, object, column).0;
        let why = paths.into_iter().filter(|path| path.columns.is_empty()).find_map(|path| path.hindrance);
        Some(why.unwrap_or_else(|| "it was not granted".into()))
    }

    fn tell_views(
        &mut self,
        assertion: &Assertion,
        name: &str,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: &Column,
    ) {
        if assertion.can || privilege != Privilege::Select {
            return;
        }
        for path in self.access.shown(role, object, column) {
            let (Via::View { views, .. } | Via::Copy { views, .. }) = &path.via else { continue };
            let (column, views) = (&column.name, views.join(" → "));
            let text = format!("view {views} reads {object}.{column}: look whether it shows it to {name}");
            self.notice(text, assertion.line);
        }
    }

    fn notice(&mut self, text: String, line: usize) {
        let notice = Notice { text, line: Some(line) };
        if !self.result.notices.contains(&notice) {
            self.result.notices.push(notice);
        }
    }
}

/// The table a partition belongs to in the end.
fn root<'a>(tables: &HashMap<Oid, &'a Object>, object: &Object) -> Option<&'a Object> {
    let above = |object: &Object| object.relation.as_ref()?.partition_of;
    let mut root = *tables.get(&above(object)?)?;
    while let Some(next) = above(root).and_then(|oid| tables.get(&oid)) {
        root = next;
    }
    Some(root)
}

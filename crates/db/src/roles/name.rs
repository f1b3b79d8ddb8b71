//! What a person types for a role, a privilege, an object: looked up, with the nearest name where there is none.

use thiserror::Error;

use super::{Class, Column, Kind, Live, Object, Oid, PUBLIC, Privilege};

/// A name that means nothing, or too much.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Quotes or parentheses are open, or a part is empty.
    #[error("{0:?} is no name: write schema.name, and in double quotes what holds a dot")]
    Syntax(String),
    /// There is no role of this name.
    #[error("there is no role {name:?}")]
    Role {
        /// What was typed.
        name: String,
        /// The nearest.
        nearest: Option<String>,
    },
    /// There is no such privilege.
    #[error("there is no privilege {name:?}")]
    Privilege {
        /// What was typed.
        name: String,
        /// The nearest.
        nearest: Option<String>,
    },
    /// There is no such object.
    #[error("there is no {what} {name} that {privilege} could be granted on")]
    Object {
        /// What is meant: `table`, `object`.
        what: &'static str,
        /// What was typed.
        name: String,
        /// What is asked for.
        privilege: Privilege,
        /// The nearest.
        nearest: Option<String>,
    },
    /// A relation has no such column.
    #[error("{object} has no column {name:?}")]
    Column {
        /// The relation.
        object: String,
        /// What was typed.
        name: String,
        /// The nearest.
        nearest: Option<String>,
    },
    /// Several objects have this name.
    #[error("{name} may be {}", several(.candidates))]
    Ambiguous {
        /// What was typed.
        name: String,
        /// What it may be, as it can be typed.
        candidates: Vec<String>,
    },
    /// It cannot be granted on such an object.
    #[error("{privilege} cannot be granted on a {what}")]
    NotOf {
        /// What is asked for.
        privilege: Privilege,
        /// The kind of the object.
        what: &'static str,
        /// What can be.
        those: String,
    },
}

impl NameError {
    /// Returns the name that may have been meant.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Self::Role { nearest, .. }
            | Self::Privilege { nearest, .. }
            | Self::Object { nearest, .. }
            | Self::Column { nearest, .. } => nearest.as_deref(),
            _ => None,
        }
    }
}

/// The words an object can be named with, and the kinds they mean.
const WORDS: &[(&str, &[Kind])] = &[
    ("materialized view", &[Kind::MaterializedView]),
    ("foreign data wrapper", &[Kind::ForeignDataWrapper]),
    ("foreign server", &[Kind::ForeignServer]),
    ("foreign table", &[Kind::ForeignTable]),
    ("large object", &[Kind::LargeObject]),
    ("database", &[Kind::Database]),
    ("schema", &[Kind::Schema]),
    ("table", &[Kind::Table, Kind::PartitionedTable, Kind::View, Kind::MaterializedView, Kind::ForeignTable]),
    ("view", &[Kind::View, Kind::MaterializedView]),
    ("sequence", &[Kind::Sequence]),
    ("function", &[Kind::Function, Kind::Aggregate]),
    ("procedure", &[Kind::Procedure]),
    ("aggregate", &[Kind::Aggregate]),
    ("routine", &[Kind::Function, Kind::Procedure, Kind::Aggregate]),
    ("type", &[Kind::Type, Kind::Domain]),
    ("domain", &[Kind::Domain]),
    ("language", &[Kind::Language]),
    ("server", &[Kind::ForeignServer]),
    ("tablespace", &[Kind::Tablespace]),
    ("parameter", &[Kind::Parameter]),
];

impl Live {
    /// Returns the role that is named; `public` is everybody.
    ///
    /// # Errors
    /// There is none.
    pub fn find_role(&self, name: &str) -> Result<Oid, NameError> {
        if let Some(role) = self.role(name) {
            return Ok(role.oid);
        }
        if name.eq_ignore_ascii_case("public") {
            return Ok(PUBLIC);
        }
        let names = self.roles.values().map(|role| role.name.as_str());
        Err(NameError::Role { name: name.into(), nearest: nearest(name, names) })
    }

    /// Returns what is named by `schema app`, `app.students`, `app.students.national_id`, `function app.f`, `app.f(integer)`,
    /// `database`. A kind before the name is needed only where several kinds have it; nothing at all means the database.
    ///
    /// # Errors
    /// There is no such thing, or several, or none that the privilege can be granted on.
    pub fn find_object(
        &self,
        privilege: Privilege,
        text: &str,
    ) -> Result<(&Object, Option<&Column>), NameError> {
        let (what, kinds, rest) = kinds(text.trim());
        if rest.is_empty() && (kinds.is_empty() || kinds == [Kind::Database]) {
            let here = self.objects.iter().find(|object| object.kind == Kind::Database);
            return checked(privilege, here.ok_or_else(|| NameError::Syntax(text.into()))?, None, self);
        }
        let (parts, arguments) = parts(rest).ok_or_else(|| NameError::Syntax(text.into()))?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let routines = arguments.is_some();
        let named = |schema, name| self.named(privilege, kinds, schema, name, routines);
        let (found, column) = match parts.as_slice() {
            [name] => (named(None, name), None),
            [first, second] => match named(Some(first), second) {
                // a parameter's name has a dot of its own
                found if found.is_empty() => match named(None, rest) {
                    found if found.is_empty() => (named(None, first), Some(*second)),
                    found => (found, None),
                },
                found => (found, None),
            },
            [schema, name, column] => (named(Some(schema), name), Some(*column)),
            _ => (Vec::new(), None),
        };
        let found = match &arguments {
            Some(types) => overloads(found, types),
            None => found,
        };
        let with_columns: Vec<&Object> = match column {
            Some(_) => found.into_iter().filter(|object| object.relation.is_some()).collect(),
            None => found,
        };
        match with_columns.as_slice() {
            [] => Err(self.unknown(privilege, what, rest, kinds)),
            [one] => {
                let column = column.map(|name| column_of(one, name)).transpose()?;
                checked(privilege, one, column, self)
            }
            several => Err(NameError::Ambiguous {
                name: rest.into(),
                candidates: several.iter().map(|object| format!("{} {object}", object.kind.word())).collect(),
            }),
        }
    }

    /// Returns what has this name: of several kinds those the privilege is for, and of several places not the server's own.
    fn named(
        &self,
        privilege: Privilege,
        kinds: &[Kind],
        schema: Option<&str>,
        name: &str,
        routines: bool,
    ) -> Vec<&Object> {
        let meant = |object: &&Object| {
            object.name == name
                && (schema.is_none() || object.schema.as_deref() == schema)
                && (kinds.is_empty() || kinds.contains(&object.kind))
                && (!routines || object.kind.class() == Class::Routine)
        };
        let all: Vec<&Object> = self.objects.iter().filter(meant).collect();
        let grants =
            |object: &Object| object.kind.class().privileges(self.server.version).contains(privilege);
        prefer(prefer(all, grants), |object| !object.system)
    }

    fn unknown(&self, privilege: Privilege, what: &'static str, name: &str, kinds: &[Kind]) -> NameError {
        let grants =
            |object: &&Object| object.kind.class().privileges(self.server.version).contains(privilege);
        let meant = |object: &&Object| kinds.is_empty() || kinds.contains(&object.kind);
        let names = self.objects.iter().filter(grants).filter(meant).map(ToString::to_string);
        let names: Vec<String> = names.collect();
        NameError::Object {
            what,
            name: name.into(),
            privilege,
            nearest: nearest(name, names.iter().map(String::as_str)),
        }
    }
}

/// Keeps those that are better, where there are some.
fn prefer(all: Vec<&Object>, better: impl Fn(&Object) -> bool) -> Vec<&Object> {
    let some: Vec<&Object> = all.iter().copied().filter(|object| better(object)).collect();
    if some.is_empty() { all } else { some }
}

impl Privilege {
    /// Returns the privilege of a word, as [`Privilege::parse`] does.
    ///
    /// # Errors
    /// There is none.
    pub fn find(word: &str) -> Result<Self, NameError> {
        Self::parse(word)
            .ok_or_else(|| NameError::Privilege { name: word.into(), nearest: nearest(word, Self::words()) })
    }
}

fn checked<'a>(
    privilege: Privilege,
    object: &'a Object,
    column: Option<&'a Column>,
    live: &Live,
) -> Result<(&'a Object, Option<&'a Column>), NameError> {
    let class = object.kind.class();
    let (those, what) = match column {
        Some(_) => (class.column_privileges(), "column"),
        None => (class.privileges(live.server.version), object.kind.word()),
    };
    match those.contains(privilege) {
        true => Ok((object, column)),
        false => Err(NameError::NotOf { privilege, what, those: those.words() }),
    }
}

fn column_of<'a>(object: &'a Object, name: &str) -> Result<&'a Column, NameError> {
    object.columns.iter().find(|column| column.name == name).ok_or_else(|| NameError::Column {
        object: object.to_string(),
        name: name.into(),
        nearest: nearest(name, object.columns.iter().map(|column| column.name.as_str())),
    })
}

/// Takes the words of a kind off: `schema app` and `schema:app`.
fn kinds(text: &str) -> (&'static str, &'static [Kind], &str) {
    for (word, kinds) in WORDS {
        let Some((before, rest)) = text.split_at_checked(word.len()) else { continue };
        let ends = rest.is_empty() && kinds == &[Kind::Database] || rest.starts_with([' ', ':']);
        if before.eq_ignore_ascii_case(word) && ends {
            return (word, kinds, rest[rest.len().min(1)..].trim_start());
        }
    }
    ("object", &[], text)
}

/// Splits a name at its dots, and what stands in parentheses off.
fn parts(text: &str) -> Option<(Vec<String>, Option<String>)> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let part = parts.last_mut()?;
        match c {
            '"' if quoted && matches!(chars.peek(), Some((_, '"'))) => {
                chars.next();
                part.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            '(' if !quoted => {
                let types = text[at + 1..].strip_suffix(')')?;
                return parts.iter().all(|part| !part.is_empty()).then(|| (parts, Some(types.to_owned())));
            }
            c => part.push(c),
        }
    }
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some((parts, None))
}

/// Of routines with one name, those of these types, however they are written; where no words fit, those of as many.
fn overloads<'a>(routines: Vec<&'a Object>, types: &str) -> Vec<&'a Object> {
    let list = |types: &str| -> Vec<String> {
        let types = types.split(',').map(|one| canonical(one.trim()));
        types.filter(|one| !one.is_empty()).collect()
    };
    let wanted = list(types);
    let of = |routine: &Object| list(routine.arguments.as_deref().unwrap_or_default());
    let exact: Vec<&Object> = routines.iter().copied().filter(|routine| of(routine) == wanted).collect();
    match exact.is_empty() {
        true => routines.into_iter().filter(|routine| of(routine).len() == wanted.len()).collect(),
        false => exact,
    }
}

/// What people write for the names `format_type` uses.
fn canonical(name: &str) -> String {
    let (base, array) = name.strip_suffix("[]").map_or((name, ""), |base| (base, "[]"));
    let base = base.strip_prefix("pg_catalog.").unwrap_or(base);
    let long = match base.to_ascii_lowercase().as_str() {
        "int" | "int4" => "integer",
        "int2" => "smallint",
        "int8" => "bigint",
        "bool" => "boolean",
        "varchar" => "character varying",
        "char" => "character",
        "float8" | "float" => "double precision",
        "float4" => "real",
        "decimal" => "numeric",
        "timestamptz" => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        _ => base,
    };
    format!("{long}{array}")
}

fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = among.map(|other| (strsim::jaro_winkler(name, other), other));
    let best = scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, other)| other.to_owned())
}

fn several(candidates: &[String]) -> String {
    match candidates {
        [all @ .., last] if !all.is_empty() && all.len() < 6 => format!("{} or {last}", all.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} or {} others", rest.len()),
        _ => candidates.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Acl;

    fn object(kind: Kind, schema: Option<&str>, name: &str, arguments: Option<&str>) -> Object {
        Object {
            kind,
            oid: 1,
            schema: schema.map(str::to_owned),
            name: name.into(),
            arguments: arguments.map(str::to_owned),
            owner: 10,
            acl: Acl::default(),
            columns: Vec::new(),
            extension: None,
            system: false,
            relation: None,
            routine: None,
        }
    }

    fn live() -> Live {
        let mut students = object(Kind::Table, Some("app"), "students", None);
        students.relation = Some(crate::roles::Relation::default());
        students.columns = vec![Column { number: 1, name: "national_id".into(), acl: None }];
        let mut live = Live::default();
        live.server.version = 150_000;
        live.objects = vec![
            object(Kind::Database, None, "unisys", None),
            object(Kind::Schema, None, "app", None),
            object(Kind::Type, Some("app"), "app", None),
            students,
            object(Kind::Sequence, Some("app"), "students", None),
            object(Kind::View, Some("Odd.One"), "a \"b\"", None),
            object(Kind::Function, Some("app"), "f", Some("integer, app.grade")),
            object(Kind::Function, Some("app"), "f", Some("bigint")),
            object(Kind::Procedure, Some("app"), "once", Some("text")),
            object(Kind::Parameter, None, "zoo.note", None),
        ];
        live
    }

    fn found(privilege: Privilege, text: &str) -> String {
        match live().find_object(privilege, text) {
            Ok((object, None)) => format!("{} {object}", object.kind.word()),
            Ok((object, Some(column))) => format!("{object}, {}", column.name),
            Err(error) => error.to_string(),
        }
    }

    #[rstest::rstest]
    #[case(Privilege::Connect, "", "database unisys")]
    #[case(Privilege::Connect, "database", "database unisys")]
    #[case(Privilege::Connect, "unisys", "database unisys")]
    #[case(Privilege::Create, "schema app", "schema app")]
    #[case(Privilege::Usage, "schema:app", "schema app")]
    #[case(Privilege::Usage, "app", "app may be schema app or type app.app")]
    #[case(
        Privilege::Select,
        "app.students",
        "app.students may be table app.students or sequence app.students"
    )]
    #[case(Privilege::Delete, "app.students", "table app.students")]
    #[case(Privilege::Usage, "app.students", "sequence app.students")]
    #[case(Privilege::Select, "app.students.national_id", "app.students, national_id")]
    #[case(Privilege::Select, "students.national_id", "app.students, national_id")]
    #[case(Privilege::Select, "app.students.id", "app.students has no column \"id\"")]
    #[case(Privilege::Delete, "app.students.national_id", "delete cannot be granted on a column")]
    #[case(Privilege::Select, "\"Odd.One\".\"a \"\"b\"\"\"", "view Odd.One.a \"b\"")]
    #[case(Privilege::Execute, "app.f(int, app.grade)", "function app.f(integer, app.grade)")]
    #[case(Privilege::Execute, "app.f(int8)", "function app.f(bigint)")]
    #[case(
        Privilege::Execute,
        "app.f",
        "app.f may be function app.f(integer, app.grade) or function app.f(bigint)"
    )]
    #[case(Privilege::Execute, "routine app.once", "procedure app.once(text)")]
    #[case(Privilege::Set, "zoo.note", "parameter zoo.note")]
    #[case(Privilege::Execute, "table app.students", "execute cannot be granted on a table")]
    #[case(
        Privilege::Select,
        "app.studnets",
        "there is no object app.studnets that select could be granted on"
    )]
    fn an_object_is_found(#[case] privilege: Privilege, #[case] text: &str, #[case] expected: &str) {
        assert_eq!(found(privilege, text), expected);
    }

    #[rstest::rstest]
    #[case("\"app.students")]
    #[case("app..students")]
    #[case("app.f(integer")]
    fn what_is_no_name_is_told(#[case] text: &str) {
        assert!(matches!(live().find_object(Privilege::Select, text), Err(NameError::Syntax(_))));
    }

    #[test]
    fn the_nearest_name_is_told() {
        let live = live();
        let nearest =
            |text| live.find_object(Privilege::Select, text).unwrap_err().nearest().map(str::to_owned);
        assert_eq!(nearest("app.studnets"), Some("app.students".into()));
        assert_eq!(nearest("app.students.nationalid"), Some("national_id".into()));
        assert_eq!(nearest("zzz"), None);
        assert_eq!(Privilege::find("selct").unwrap_err().nearest(), Some("select"));
        assert_eq!(live.find_role("PUBLIC"), Ok(PUBLIC));
    }
}

//! A policy's file: TOML, read whole, with all that is wrong told at once.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use super::check::check;
use super::grant::{assertion, grant};
use super::names::{Names, is_name, is_own_name};
use super::read::{Fields, Source, Value, Word};
use super::role::{role, settings};
use super::selector::column;
use super::{ColumnName, DatabaseRule, Mode, Policy, PolicyErrors, Retirement, RoleRule, SchemaRule, Scope};
use crate::pattern::NamePattern;

/// The version of the format this program reads.
const VERSION: i64 = 1;

const BUILTIN: &str = include_str!("../../../../../policy/roles.toml");

impl Policy {
    /// Returns the university's own policy, which the program carries: `policy/roles.toml`.
    ///
    /// # Errors
    /// [`PolicyErrors`]; a test says that there are none.
    pub fn builtin() -> Result<Self, PolicyErrors> {
        Self::parse(BUILTIN, "policy/roles.toml")
    }

    /// Returns the text of [`Policy::builtin`].
    pub fn builtin_text() -> &'static str {
        BUILTIN
    }

    /// Reads a policy. `file` is what errors call it.
    ///
    /// # Errors
    /// [`PolicyErrors`] with everything that is wrong, line by line.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyErrors> {
        let source = Source::new(file, text);
        let (document, wrong) = DeTable::parse_recoverable(text);
        for error in &wrong {
            source.refuse(source.line(&error.span().unwrap_or_default()), error.message());
        }
        if !wrong.is_empty() || !is_of_this_version(&source, document.get_ref()) {
            return Err(source.into_errors());
        }
        refuse_secrets(&source, document.get_ref());
        let fields = Fields::new(&source, document.get_ref(), "", 1);
        let policy = read(&fields, text);
        check(&source, &policy);
        let errors = source.into_errors();
        if errors.0.is_empty() { Ok(policy) } else { Err(errors) }
    }
}

/// Another version's file may mean anything: nothing else is said of it.
fn is_of_this_version(source: &Source<'_>, document: &DeTable<'_>) -> bool {
    let fields = Fields::new(source, document, "", 1);
    let line = fields.line_of("version");
    match fields.value("version").map(|value| super::read::integer(value.get_ref())) {
        Some(Some(VERSION)) => return true,
        Some(_) => source.refuse(line, format!("this program reads policies of version {VERSION}")),
        None => source.refuse(line, format!("version = {VERSION} is missing")),
    }
    false
}

fn read(fields: &Fields<'_, '_>, text: &str) -> Policy {
    fields.value("version");
    let (roles, schemas) = (fields.named("role"), fields.named("schema"));
    let mut names = Names {
        roles: roles.iter().map(|(name, _)| name.text.clone()).collect(),
        schemas: schemas.iter().map(|(name, _)| name.text.clone()).collect(),
        ..Names::default()
    };
    let scope = fields.table("scope").map(|fields| scope(&fields, &mut names)).unwrap_or_default();
    let sensitive = fields.table("sensitive").map(|fields| sensitive(&fields, &names)).unwrap_or_default();
    let database = fields.table("database").map(|fields| database(&fields, &names)).unwrap_or_default();
    let rule =
        |(name, fields): &(Word, Fields<'_, '_>)| Some((name.text.clone(), role(name, fields, &names)?));
    let roles: BTreeMap<String, RoleRule> = roles.iter().filter_map(rule).collect();
    let rule =
        |(name, fields): &(Word, Fields<'_, '_>)| Some((name.text.clone(), schema(name, fields, &names)?));
    let schemas = schemas.iter().filter_map(rule).collect();
    let policy = Policy {
        sha256: Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect(),
        database,
        scope,
        roles,
        schemas,
        grants: fields.listed("grant").iter().filter_map(|fields| grant(fields, &names)).collect(),
        sensitive,
        assertions: fields.listed("assert").iter().filter_map(|fields| assertion(fields, &names)).collect(),
        retired: fields.listed("retire").iter().filter_map(|fields| retirement(fields, &names)).collect(),
    };
    fields.finish();
    policy
}

fn scope(fields: &Fields<'_, '_>, names: &mut Names) -> Scope {
    let source = fields.source;
    let mode = match fields.text("mode").map(|word| (word.line, word.text)) {
        Some((_, mode)) if mode == "authoritative" => Mode::Authoritative,
        Some((_, mode)) if mode == "additive" => Mode::Additive,
        Some((line, mode)) => {
            source.refuse(line, format!("{mode:?} is no mode; there are authoritative and additive"));
            Mode::default()
        }
        None => Mode::default(),
    };
    let pattern = |word: &Word| {
        NamePattern::parse(&word.text).map_err(|error| source.refuse(word.line, error.to_string())).ok()
    };
    let roles: Vec<NamePattern> =
        fields.texts("roles").unwrap_or_default().iter().filter_map(pattern).collect();
    names.scope.clone_from(&roles);
    for word in fields.texts("external").unwrap_or_default() {
        if is_own_name(source, &word) {
            if names.roles.contains(&word.text) {
                source.refuse(word.line, format!("role {:?} is declared, so it is not external", word.text));
            }
            names.external.insert(word.text);
        }
    }
    let languages = fields.texts("languages").unwrap_or_default();
    let languages =
        languages.into_iter().filter(|word| is_name(source, word)).map(|word| word.text).collect();
    fields.finish();
    Scope { mode, roles, languages }
}

fn sensitive(fields: &Fields<'_, '_>, names: &Names) -> Vec<ColumnName> {
    let mut columns: Vec<ColumnName> = Vec::new();
    for word in fields.texts("columns").unwrap_or_default() {
        match column(fields.source, &word, names) {
            Some(column) if columns.contains(&column) => {
                fields.source.refuse(word.line, format!("{:?} is there twice", word.text));
            }
            column => columns.extend(column),
        }
    }
    fields.finish();
    columns
}

fn database(fields: &Fields<'_, '_>, names: &Names) -> DatabaseRule {
    let text = |key| fields.text(key).map(|word| word.text);
    let limit = fields.number("connection_limit", -1, i64::from(i32::MAX));
    let rule = DatabaseRule {
        owner: fields.text("owner").and_then(|word| names.role(fields.source, &word)),
        encoding: text("encoding"),
        locale: text("locale"),
        template: text("template"),
        connection_limit: limit.and_then(|limit| i32::try_from(limit).ok()),
        settings: settings(fields, "settings"),
        line: fields.line,
    };
    fields.finish();
    rule
}

fn schema(name: &Word, fields: &Fields<'_, '_>, names: &Names) -> Option<SchemaRule> {
    let source = fields.source;
    let is_system = name.text.starts_with("pg_") || name.text == "information_schema";
    if is_system {
        source.refuse(name.line, format!("schema {:?} is PostgreSQL's own", name.text));
    }
    let is_fit = !is_system && is_name(source, name);
    let owner = fields.text("owner").and_then(|word| names.role(source, &word));
    let creators = fields.texts("creators").unwrap_or_default();
    let mut creators: Vec<String> = creators.iter().filter_map(|word| names.role(source, word)).collect();
    let rule = SchemaRule {
        owns_objects: fields.flag("owns_objects").unwrap_or(owner.is_some()),
        create: fields.flag("create").unwrap_or_default(),
        creators: {
            // the owner is one, said or not
            creators.extend(owner.clone());
            creators.sort();
            creators.dedup();
            creators
        },
        owner,
        line: name.line,
    };
    fields.finish();
    if rule.owner.is_none() && (rule.owns_objects || rule.create) && !fields.has("owner") {
        fields.refuse(format!("schema {:?} needs owner = \"…\" for that", name.text));
    }
    is_fit.then_some(rule)
}

fn retirement(fields: &Fields<'_, '_>, names: &Names) -> Option<Retirement> {
    let (role, to) = (fields.text("role"), fields.text("reassign_to"));
    let terminate_sessions = fields.flag("terminate_sessions").unwrap_or_default();
    fields.finish();
    for (key, missing) in [("role", role.is_none()), ("reassign_to", to.is_none())] {
        if missing && !fields.has(key) {
            fields.refuse(format!("[[retire]] needs {key} = \"…\""));
        }
    }
    let (role, to) = (role?, to?);
    let is_fit = is_own_name(fields.source, &role);
    if names.roles.contains(&role.text) {
        fields.source.refuse(role.line, format!("role {:?} is declared, so it cannot be retired", role.text));
    }
    let reassign_to = if to.text == role.text {
        fields.source.refuse(to.line, format!("{:?} cannot inherit from itself", to.text));
        return None;
    } else {
        names.role(fields.source, &to)?
    };
    is_fit.then_some(Retirement { role: role.text, reassign_to, terminate_sessions, line: fields.line })
}

/// Notes every text that is a password's hash, wherever it stands.
fn refuse_secrets(source: &Source<'_>, table: &DeTable<'_>) {
    table.iter().for_each(|(_, value)| refuse_secret(source, value));
}

fn refuse_secret(source: &Source<'_>, value: &Value<'_>) {
    match value.get_ref() {
        DeValue::String(text) => {
            let is_md5 = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if text.contains("SCRAM-SHA-256$") || text.strip_prefix("md5").is_some_and(is_md5) {
                source.refuse(
                    source.line(&value.span()),
                    "this is a password's hash, which is as good as the password to whoever reads it",
                );
            } else if text.contains("password=") {
                source.refuse(source.line(&value.span()), "this holds a password");
            }
        }
        DeValue::Array(items) => items.iter().for_each(|item| refuse_secret(source, item)),
        DeValue::Table(table) => refuse_secrets(source, table),
        _ => {}
    }
}

//! `[role.NAME]`

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use toml::de::DeValue;

use super::names::{LIKE_SUPERUSERS, Names, is_own_name};
use super::read::{Fields, Value, Word, integer};
use super::{MemberOf, PasswordSource, RoleRule, Versions};

/// The first and the last major version a policy can speak of.
const MAJORS: (i64, i64) = (10, 99);

pub(super) fn role(name: &Word, fields: &Fields<'_, '_>, names: &Names) -> Option<RoleRule> {
    let is_fit = is_own_name(fields.source, name);
    let flag = |key| fields.flag(key).unwrap_or_default();
    let limit = fields.number("connection_limit", -1, i64::from(i32::MAX)).unwrap_or(-1);
    let rule = RoleRule {
        login: flag("login"),
        superuser: flag("superuser"),
        create_db: flag("create_db"),
        create_role: flag("create_role"),
        replication: flag("replication"),
        bypass_rls: flag("bypass_rls"),
        inherit: fields.flag("inherit").unwrap_or(true),
        connection_limit: i32::try_from(limit).unwrap_or(-1),
        valid_until: fields.value("valid_until").and_then(|value| valid_until(fields, value)),
        password: fields.value("password").and_then(|value| password(fields, value)),
        member_of: member_of(&name.text, fields, names),
        only_members: fields
            .texts("only_members")
            .map(|words| words.iter().filter_map(|word| names.role(fields.source, word)).collect()),
        settings: settings(fields, "settings"),
        settings_here: settings(fields, "settings_here"),
        comment: fields.text("comment").map(|word| word.text),
        versions: versions(fields),
        line: name.line,
    };
    fields.finish();
    if !rule.login {
        let has = |key| fields.value(key).is_some();
        if has("password") {
            let message = "a role that does not log in needs no password; say login = true, or leave it out";
            fields.source.refuse(fields.line_of("password"), message);
        }
        for key in ["settings", "settings_here"].into_iter().filter(|key| has(key)) {
            let message = "settings of a role that does not log in have no effect, and members do not inherit them; \
                           give them to the roles that log in";
            fields.source.refuse(fields.line_of(key), message);
        }
    }
    is_fit.then_some(rule)
}

/// `since`, `until`
pub(super) fn versions(fields: &Fields<'_, '_>) -> Versions {
    let major = |key| fields.number(key, MAJORS.0, MAJORS.1).and_then(|major| u32::try_from(major).ok());
    let versions = Versions { since: major("since"), until: major("until") };
    if let Versions { since: Some(since), until: Some(until) } = versions
        && since > until
    {
        fields.source.refuse(fields.line_of("since"), format!("since {since} until {until} is never"));
    }
    versions
}

fn member_of(member: &str, fields: &Fields<'_, '_>, names: &Names) -> Vec<MemberOf> {
    let source = fields.source;
    let Some(value) = fields.value("member_of") else { return Vec::new() };
    let Some(items) = value.get_ref().as_array() else {
        let message =
            "member_of must be a list of names and of tables such as { role = \"…\", inherit = false }";
        source.refuse(source.line(&value.span()), message);
        return Vec::new();
    };
    let one = |item: &Value<'_>| {
        let line = source.line(&item.span());
        let whole = |role| MemberOf {
            role,
            inherit: fields.flag("inherit").unwrap_or(true),
            set: true,
            admin: false,
            through: None,
            versions: Versions::default(),
            line,
        };
        let (word, rule) = match fields.word(item) {
            Some(word) => (word.clone(), whole(word.text)),
            None => table_of_member(&Fields::of(source, item, "an entry of member_of")?, names, whole)?,
        };
        if word.text == member {
            source.refuse(line, format!("{member:?} cannot be a member of itself"));
            return None;
        }
        if LIKE_SUPERUSERS.contains(&word.text.as_str()) {
            source.refuse(line, format!("a member of {} is a superuser in all but name", word.text));
        }
        names.role(source, &word).map(|_| rule)
    };
    items.iter().filter_map(one).collect()
}

fn table_of_member(
    fields: &Fields<'_, '_>,
    names: &Names,
    whole: impl Fn(String) -> MemberOf,
) -> Option<(Word, MemberOf)> {
    let role = fields.text("role");
    let through = fields.text("through");
    let whole = whole(role.as_ref().map(|word| word.text.clone()).unwrap_or_default());
    let rule = MemberOf {
        inherit: fields.flag("inherit").unwrap_or(whole.inherit),
        set: fields.flag("set").unwrap_or(true),
        admin: fields.flag("admin").unwrap_or_default(),
        through: through.as_ref().and_then(|word| names.role(fields.source, word)),
        versions: versions(fields),
        ..whole
    };
    fields.finish();
    if rule.through.is_some() && rule.inherit {
        fields.refuse("through is for a membership with inherit = false, on servers before 16");
    }
    if role.is_none() {
        fields.refuse("an entry of member_of needs role = \"…\"");
    }
    role.map(|role| (role, rule))
}

fn password(fields: &Fields<'_, '_>, value: &Value<'_>) -> Option<PasswordSource> {
    let source = fields.source;
    let line = source.line(&value.span());
    let ways = "{ env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";
    if !value.get_ref().is_table() {
        source.refuse(line, format!("a password never stands in a policy; say where it is: {ways}"));
        return None;
    }
    let fields = Fields::of(source, value, "password")?;
    let found = [
        fields.text("env").map(|word| PasswordSource::Environment(word.text)),
        fields.text("file").map(|word| PasswordSource::File(word.text)),
        fields
            .texts("command")
            .map(|words| PasswordSource::Command(words.into_iter().map(|word| word.text).collect())),
    ];
    fields.finish();
    let mut found = found.into_iter().flatten();
    let is_empty = |password: &PasswordSource| match password {
        PasswordSource::Environment(text) | PasswordSource::File(text) => text.is_empty(),
        PasswordSource::Command(words) => words.first().is_none_or(String::is_empty),
    };
    match (found.next().filter(|password| !is_empty(password)), found.next()) {
        (Some(password), None) => Some(password),
        _ => {
            source.refuse(line, format!("password is one of {ways}"));
            None
        }
    }
}

/// A day or a moment, as PostgreSQL is asked for it: `2027-01-31 00:00:00+00`, or `infinity`.
fn valid_until(fields: &Fields<'_, '_>, value: &Value<'_>) -> Option<String> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        _ => String::new(),
    };
    let day = || Some(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc());
    let moment = || DateTime::parse_from_rfc3339(&text).ok().map(|moment| moment.with_timezone(&Utc));
    if text == "infinity" {
        return Some(text);
    }
    match day().or_else(moment) {
        Some(moment) => Some(moment.format("%Y-%m-%d %H:%M:%S+00").to_string()),
        None => {
            let line = fields.source.line(&value.span());
            fields.source.refuse(
                line,
                "valid_until is a day (2027-01-31), a moment (2027-01-31T12:00:00Z) or \"infinity\"",
            );
            None
        }
    }
}

/// Settings by name, with their values as SET takes them.
pub(super) fn settings(fields: &Fields<'_, '_>, key: &'static str) -> BTreeMap<String, String> {
    let source = fields.source;
    let mut settings = BTreeMap::new();
    let Some(table) = fields.table(key) else { return settings };
    for (name, value) in table.entries() {
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(on) => Some(if *on { "on" } else { "off" }.into()),
            DeValue::Float(number) => Some(number.as_str().into()),
            number => integer(number).map(|number| number.to_string()),
        };
        if !is_parameter(&name.text) {
            source.refuse(
                name.line,
                format!(
                    "{:?} is no name of a setting; one of an extension has a dot: \"app.mode\"",
                    name.text
                ),
            );
        } else if is_secret(&name.text) {
            source.refuse(
                name.line,
                format!("{:?} sounds like a secret; settings of roles are seen by every login", name.text),
            );
        } else if settings.keys().any(|known: &String| known.eq_ignore_ascii_case(&name.text)) {
            source.refuse(name.line, format!("{:?} is set twice; capitals do not matter", name.text));
        } else {
            match text {
                Some(text) => drop(settings.insert(name.text, text)),
                None => source
                    .refuse(name.line, format!("{:?} must be a text, a number, true or false", name.text)),
            }
        }
    }
    settings
}

fn is_parameter(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    };
    name.split('.').all(is_part)
}

/// Whether the last word says so: `app.encryption_key`. (`password_encryption` is none.)
fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['_', '.']).next().unwrap_or_default().to_ascii_lowercase();
    ["password", "passwd", "passphrase", "secret", "token", "key"].contains(&last.as_str())
}

//! Configured values for people to see: passwords in connection strings are hidden.

use toml::Value;

/// What stands in place of a password.
const HIDDEN: &str = "***";

/// The keys whose addresses are secrets themselves: whoever knows one may use it.
const ADDRESSES: [&str; 2] = ["notify.webhook", "metrics.push"];

/// Returns a value as TOML writes it, without the password a `url` may hold, and an address without what follows its host.
pub(crate) fn redacted(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if key.ends_with(".url") || key.ends_with(".dump-from") => {
            Value::from(conninfo(text))
        }
        Value::String(text) if ADDRESSES.contains(&key) && !text.is_empty() => Value::from(address(text)),
        other => other.clone(),
    }
}

/// Returns whether a value holds a password, or may hold one: a connection string that cannot be read is not trusted.
pub(crate) fn holds_password(key: &str, value: &Value) -> bool {
    let hidden = |value: &Value| value.as_str().map_or(0, |text| text.matches(HIDDEN).count());
    hidden(&redacted(key, value)) > hidden(value)
}

/// Hides the password of a URL (before the last `@` of its authority, or as a parameter) or of key/value text.
fn conninfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return keywords(text) };
    let (place, parameters) = match rest.split_once('?') {
        Some((place, parameters)) => (place, Some(parameters)),
        None => (rest, None),
    };
    let place = match place.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => format!("{login}@{host}"),
        },
        None => place.to_owned(),
    };
    let Some(parameters) = parameters else { return format!("{scheme}://{place}") };
    let shown: Vec<String> = parameters.split('&').map(parameter).collect();
    format!("{scheme}://{place}?{}", shown.join("&"))
}

/// Leaves the scheme and the host of an address.
fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return HIDDEN.into() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match rest == host {
        true => text.to_owned(),
        false => format!("{scheme}://{host}/{HIDDEN}"),
    }
}

fn parameter(text: &str) -> String {
    match text.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => text.to_owned(),
    }
}

/// Hides secrets in `name=value name='va lue'`. What cannot be read that way is hidden as a whole.
fn keywords(text: &str) -> String {
    let mut shown = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else { return HIDDEN.into() };
        let after = after.trim_start();
        let end = value_end(after);
        let (name, value) = (name.trim(), &after[..end]);
        shown.push(format!("{name}={}", if is_secret(name) { HIDDEN } else { value }));
        rest = after[end..].trim_start();
    }
    shown.join(" ")
}

fn value_end(text: &str) -> usize {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return i + 1,
            c if c.is_whitespace() && !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

/// An encoded name is taken for a secret: nobody writes `p%61ssword` without a reason.
fn is_secret(name: &str) -> bool {
    name.to_ascii_lowercase().contains("password") || name.contains('%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_with_a_password_is_told() {
        let holds = |text: &str| holds_password("databases.x.url", &Value::from(text));
        assert!(holds("postgresql://u:s3cret@h/d") && holds("host=h password=x") && holds("s3cret"));
        assert!(!holds("postgresql://u@h/d") && !holds("host = h dbname = d") && !holds("service=prod"));
        assert!(!holds_password("backup.store", &Value::from("password=x")));
    }

    #[test]
    fn of_an_address_only_the_host_is_shown() {
        for (given, shown) in [
            ("https://hooks.example.com/services/T0/s3cret", "https://hooks.example.com/***"),
            ("https://hooks.example.com?token=s3cret", "https://hooks.example.com/***"),
            ("http://user:s3cret@gateway:9091", "http://gateway:9091/***"),
            ("http://gateway:9091", "http://gateway:9091"),
            ("s3cret", "***"),
            ("", ""),
        ] {
            for key in ADDRESSES {
                assert_eq!(redacted(key, &Value::from(given)), Value::from(shown));
            }
        }
    }

    #[test]
    fn no_way_to_write_a_password_shows_it() {
        for (given, shown) in [
            ("postgresql://u:s3cret@h:5432/d", "postgresql://u:***@h:5432/d"),
            ("postgresql://u:s3@cr:et@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"),
            ("postgres://h/d?user=u&password=s3cret", "postgres://h/d?user=u&password=***"),
            (
                "postgres://h/d?sslpassword=s3cret&p%61ssword=s3cret",
                "postgres://h/d?sslpassword=***&p%61ssword=***",
            ),
            ("postgresql://u@h/d", "postgresql://u@h/d"),
            ("host=h password=s3cret dbname=d", "host=h password=*** dbname=d"),
            ("password = 's3 cret\\' more' host='/a b'", "password=*** host='/a b'"),
            ("password=s3\\ cret", "password=***"),
            ("s3cret", "***"),
            ("service=prod", "service=prod"),
        ] {
            assert_eq!(conninfo(given), shown);
        }
    }
}

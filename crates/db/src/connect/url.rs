//! Reads `postgresql://user:password@host:port,host:port/dbname?key=value`; the grammar is `conninfo_uri_parse` of libpq.

use percent_encoding::percent_decode_str;

use super::ConninfoError;
use super::conninfo::{Parameters, keyword_after, syntax};

/// Parses what follows `postgresql://`.
///
/// # Errors
/// As [`super::conninfo::parse`].
pub(crate) fn parse(rest: &str) -> Result<Parameters, ConninfoError> {
    let mut parameters = Parameters::default();
    let (login, rest) = split_login(rest);
    let (address, query) = rest.split_once('?').map_or((rest, None), |(a, q)| (a, Some(q)));
    let (hosts, database) = address.split_once('/').map_or((address, None), |(h, d)| (h, Some(d)));
    refuse_stray_at(login, hosts, database)?;
    if let Some(login) = login {
        read_login(login, &mut parameters)?;
    }
    read_hosts(hosts, &mut parameters)?;
    if let Some(database) = database.filter(|d| !d.is_empty()) {
        parameters.set("dbname", decode(database)?);
    }
    if let Some(query) = query {
        read_query(query, &mut parameters)?;
    }
    Ok(parameters)
}

/// Splits off `user:password@`: there is one where an `@` comes before the first `/`.
fn split_login(rest: &str) -> (Option<&str>, &str) {
    match rest.find(['@', '/']) {
        Some(at) if rest.as_bytes()[at] == b'@' => (Some(&rest[..at]), &rest[at + 1..]),
        _ => (None, rest),
    }
}

/// Refuses an `@` that is most likely the rest of a password: the pieces would end up in host and database names,
/// and so in logs. libpq takes them for names.
fn refuse_stray_at(login: Option<&str>, hosts: &str, database: Option<&str>) -> Result<(), ConninfoError> {
    let in_database = login.is_none() && hosts.contains(':') && database.is_some_and(|d| d.contains('@'));
    if hosts.contains('@') || in_database {
        return Err(syntax("an \"@\" or \"/\" of the user name or password must be written %40 or %2F"));
    }
    Ok(())
}

fn read_login(login: &str, parameters: &mut Parameters) -> Result<(), ConninfoError> {
    let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
    if !user.is_empty() {
        parameters.set("user", decode(user)?);
    }
    if let Some(password) = password.filter(|p| !p.is_empty()) {
        parameters.set("password", decode(password)?);
    }
    Ok(())
}

fn read_hosts(text: &str, parameters: &mut Parameters) -> Result<(), ConninfoError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for part in text.split(',') {
        let (host, port) = split_port(part)?;
        hosts.push(decode(host)?);
        ports.push(decode(port)?);
    }
    // Values may be lists: a comma inside one host cannot be told from one between two, as in libpq.
    if hosts.iter().any(|h| !h.is_empty()) {
        parameters.set("host", hosts.join(","));
    }
    if ports.iter().any(|p| !p.is_empty()) {
        parameters.set("port", ports.join(","));
    }
    Ok(())
}

/// Splits `host:port` or `[address]:port`.
fn split_port(part: &str) -> Result<(&str, &str), ConninfoError> {
    let Some(bracketed) = part.strip_prefix('[') else {
        return Ok(part.split_once(':').unwrap_or((part, "")));
    };
    let (address, rest) =
        bracketed.split_once(']').ok_or_else(|| syntax("the \"]\" of an IPv6 address is missing"))?;
    match rest.strip_prefix(':') {
        _ if address.is_empty() => Err(syntax("the brackets of an IPv6 address are empty")),
        Some(port) => Ok((address, port)),
        None if rest.is_empty() => Ok((address, "")),
        None => Err(syntax("only \":port\" may follow the \"]\" of an IPv6 address")),
    }
}

fn read_query(query: &str, parameters: &mut Parameters) -> Result<(), ConninfoError> {
    let mut last = None;
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(syntax("a parameter after \"?\" has no \"=\""));
        };
        if value.contains('=') {
            return Err(syntax("a parameter after \"?\" has more than one \"=\" (write %3D)"));
        }
        let (name, value) = (decode(name)?, decode(value)?);
        // JDBC's way of saying it, which libpq takes too.
        let (name, value) = if (name.as_str(), value.as_str()) == ("ssl", "true") {
            ("sslmode".into(), "require".into())
        } else {
            (name, value)
        };
        let keyword = keyword_after(&name, last)?;
        parameters.set(keyword, value);
        last = Some(keyword);
    }
    Ok(())
}

/// Decodes `%41`; a `%` without two hexadecimal digits, and `%00`, are errors as in libpq.
fn decode(text: &str) -> Result<String, ConninfoError> {
    let bytes = text.as_bytes();
    let broken = (0..bytes.len()).filter(|&i| bytes[i] == b'%').any(|i| {
        let digits = bytes.get(i + 1..i + 3).unwrap_or_default();
        digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) || digits == b"00"
    });
    if broken {
        return Err(syntax(
            "a \"%\" in the URL is not followed by two hexadecimal digits (write %25 for itself)",
        ));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| syntax("the URL does not decode to UTF-8"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::connect::conninfo::parse;

    #[rstest]
    #[case("postgres://", &[])]
    #[case("postgresql:///mydb", &[("dbname", "mydb")])]
    #[case("postgres://h", &[("host", "h")])]
    #[case("postgres://u@h:5433/d", &[("dbname", "d"), ("host", "h"), ("port", "5433"), ("user", "u")])]
    #[case("postgres://u:p%40ss%2F@h/d", &[("dbname", "d"), ("host", "h"), ("password", "p@ss/"), ("user", "u")])]
    #[case("postgres://u:pa:ss?x@h", &[("host", "h"), ("password", "pa:ss?x"), ("user", "u")])]
    #[case("postgres://:pw@/d", &[("dbname", "d"), ("password", "pw")])]
    #[case("postgres://a,b:5433,[::1]:5434/d", &[("dbname", "d"), ("host", "a,b,::1"), ("port", ",5433,5434")])]
    #[case("postgres://[2001:db8::1]/d", &[("dbname", "d"), ("host", "2001:db8::1")])]
    #[case("postgres://%2Fvar%2Frun%2Fpg:5433/d", &[("dbname", "d"), ("host", "/var/run/pg"), ("port", "5433")])]
    #[case("postgres:///d?host=/tmp&port=5433", &[("dbname", "d"), ("host", "/tmp"), ("port", "5433")])]
    #[case("postgres://h/d%20%C3%A9?sslmode=verify-full&options=-c%20a%3Db",
        &[("dbname", "d é"), ("host", "h"), ("options", "-c a=b"), ("sslmode", "verify-full")])]
    #[case("postgres://h?ssl=true", &[("host", "h"), ("sslmode", "require")])]
    #[case("postgres:///a@b", &[("dbname", "a@b")])]
    fn urls(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        assert_eq!(parse(text).unwrap().iter().collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case(
        "postgres://h?sslmod=require",
        "unknown connection parameter \"sslmod\", did you mean \"sslmode\"?"
    )]
    #[case(
        "postgres://h?sslmode",
        "could not read the connection string: a parameter after \"?\" has no \"=\""
    )]
    #[case(
        "postgres://[::1/d",
        "could not read the connection string: the \"]\" of an IPv6 address is missing"
    )]
    #[case(
        "postgres://[]/d",
        "could not read the connection string: the brackets of an IPv6 address are empty"
    )]
    #[case(
        "postgres://[::1]x/d",
        "could not read the connection string: only \":port\" may follow the \"]\" of an IPv6 address"
    )]
    #[case("postgres://h/%ff", "could not read the connection string: the URL does not decode to UTF-8")]
    fn refused(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }

    #[rstest]
    #[case("postgres://u:sesame@sesame@h/d")]
    #[case("postgres://u:5432/sesame@h/d")]
    #[case("postgres://u:sesame/x@h/d")]
    #[case("postgres://u:sesame%@h/d")]
    #[case("postgres://u:sesame%zz@h/d")]
    #[case("postgres://u:sesame%00@h/d")]
    #[case("postgres://h/d?password=a&sesame=b")]
    #[case("postgres://h/d?password=sesame=b")]
    #[case("postgres://h/d?password=a&sesame")]
    fn a_badly_encoded_password_is_not_repeated(#[case] text: &str) {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

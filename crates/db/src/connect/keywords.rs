//! The connection parameters of libpq 18, the variables that stand for them, and what we make of each.
//!
//! Source: PostgreSQL's `src/interfaces/libpq/fe-connect.c`, `PQconninfoOptions`.

use super::ConninfoError;

/// What we make of a parameter.
pub(crate) enum Support {
    /// It is honoured.
    Yes,
    /// It changes nothing for us: GSSAPI names, compression that no OpenSSL offers, the encoding (always UTF-8).
    Ignored,
    /// Only these values, which are libpq's defaults or mean "no"; any other is refused rather than ignored.
    Only(&'static [&'static str]),
}

/// One parameter.
pub(crate) struct Keyword {
    /// Its name in a connection string.
    pub(crate) name: &'static str,
    /// The variable that stands for it.
    pub(crate) variable: Option<&'static str>,
    /// What we make of it.
    pub(crate) support: Support,
}

const fn yes(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Yes }
}

const fn ignored(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Ignored }
}

const fn only(
    name: &'static str,
    variable: Option<&'static str>,
    values: &'static [&'static str],
) -> Keyword {
    Keyword { name, variable, support: Support::Only(values) }
}

/// All parameters.
pub(crate) const KEYWORDS: &[Keyword] = &[
    yes("service", Some("PGSERVICE")),
    yes("servicefile", Some("PGSERVICEFILE")),
    yes("user", Some("PGUSER")),
    yes("password", Some("PGPASSWORD")),
    yes("passfile", Some("PGPASSFILE")),
    yes("channel_binding", Some("PGCHANNELBINDING")),
    yes("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    yes("dbname", Some("PGDATABASE")),
    yes("host", Some("PGHOST")),
    yes("hostaddr", Some("PGHOSTADDR")),
    yes("port", Some("PGPORT")),
    ignored("client_encoding", Some("PGCLIENTENCODING")),
    yes("options", Some("PGOPTIONS")),
    yes("application_name", Some("PGAPPNAME")),
    yes("fallback_application_name", None),
    yes("keepalives", None),
    yes("keepalives_idle", None),
    yes("keepalives_interval", None),
    yes("keepalives_count", None),
    yes("tcp_user_timeout", None),
    yes("sslmode", Some("PGSSLMODE")),
    only("sslnegotiation", Some("PGSSLNEGOTIATION"), &["postgres"]),
    ignored("sslcompression", Some("PGSSLCOMPRESSION")),
    yes("sslcert", Some("PGSSLCERT")),
    yes("sslkey", Some("PGSSLKEY")),
    only("sslcertmode", Some("PGSSLCERTMODE"), &["allow"]),
    only("sslpassword", None, &[]),
    yes("sslrootcert", Some("PGSSLROOTCERT")),
    only("sslcrl", Some("PGSSLCRL"), &[]),
    only("sslcrldir", Some("PGSSLCRLDIR"), &[]),
    only("sslsni", Some("PGSSLSNI"), &["1"]),
    only("sslkeylogfile", None, &[]),
    only("requirepeer", Some("PGREQUIREPEER"), &[]),
    only("require_auth", Some("PGREQUIREAUTH"), &[]),
    only("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), &["TLSv1.2"]),
    only("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), &["TLSv1.3"]),
    only("min_protocol_version", Some("PGMINPROTOCOLVERSION"), &["3.0"]),
    ignored("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    only("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"]),
    ignored("krbsrvname", Some("PGKRBSRVNAME")),
    ignored("gsslib", Some("PGGSSLIB")),
    only("gssdelegation", Some("PGGSSDELEGATION"), &["0"]),
    only("replication", None, &["false", "off", "no", "0"]),
    yes("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    yes("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    only("scram_client_key", None, &[]),
    only("scram_server_key", None, &[]),
    only("oauth_issuer", None, &[]),
    only("oauth_client_id", None, &[]),
    only("oauth_client_secret", None, &[]),
    only("oauth_scope", None, &[]),
];

/// Returns the known keyword `name`, as the name that lives as long as the program.
///
/// # Errors
/// [`ConninfoError::UnknownKeyword`], with the nearest one known.
pub(crate) fn known(name: &str) -> Result<&'static str, ConninfoError> {
    KEYWORDS.iter().find(|k| k.name == name).map(|k| k.name).ok_or_else(|| ConninfoError::UnknownKeyword {
        name: name.escape_debug().to_string(),
        nearest: nearest(name),
    })
}

/// Returns the keyword that differs from `name` in at most a third of its letters.
fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    KEYWORDS
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&lower, k.name), k.name))
        .min()
        .filter(|(distance, name)| *distance * 3 <= name.len())
        .map(|(_, name)| name)
}

/// Refuses a value that we cannot honour.
///
/// # Errors
/// [`ConninfoError::Unsupported`].
pub(crate) fn check_support(name: &str, value: &str) -> Result<(), ConninfoError> {
    let Some(keyword) = KEYWORDS.iter().find(|k| k.name == name) else { return Ok(()) };
    match keyword.support {
        Support::Only(values) if !value.is_empty() && !values.contains(&value) => {
            Err(ConninfoError::Unsupported { keyword: keyword.name, any: values.is_empty() })
        }
        _ => Ok(()),
    }
}

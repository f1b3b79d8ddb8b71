//! Reads the values of connection parameters.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::conninfo::Parameters;
use super::{
    ChannelBinding, ConninfoError, Environment, Host, HostAddress, Keepalives, SessionAttrs, SslMode,
};

/// libpq's default port.
const PORT: u16 = 5432;

/// Returns a value, unless it is not set or empty; libpq makes no difference from here on.
pub(crate) fn text<'p>(parameters: &'p Parameters, keyword: &str) -> Option<&'p str> {
    parameters.get(keyword).filter(|v| !v.is_empty())
}

fn invalid(keyword: &'static str, reason: impl Into<String>) -> ConninfoError {
    ConninfoError::Value { keyword, reason: reason.into() }
}

/// Reads one of a list of words.
fn choice<T: Copy>(
    parameters: &Parameters,
    keyword: &'static str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Option<T>, ConninfoError> {
    let Some(value) = text(parameters, keyword) else { return Ok(None) };
    let found = all.iter().copied().find(|v| name(*v) == value);
    let names = || all.iter().map(|v| name(*v)).collect::<Vec<_>>().join(", ");
    found.map(Some).ok_or_else(|| invalid(keyword, format!("it is one of {}", names())))
}

/// Reads `sslmode`.
pub(crate) fn ssl_mode(parameters: &Parameters) -> Result<Option<SslMode>, ConninfoError> {
    choice(parameters, "sslmode", &SslMode::ALL, SslMode::as_str)
}

/// Reads `channel_binding`; `prefer` is the default.
pub(crate) fn channel_binding(parameters: &Parameters) -> Result<ChannelBinding, ConninfoError> {
    let chosen = choice(parameters, "channel_binding", &ChannelBinding::ALL, ChannelBinding::as_str)?;
    Ok(chosen.unwrap_or(ChannelBinding::Prefer))
}

/// Reads `target_session_attrs`; `any` is the default.
pub(crate) fn session_attrs(parameters: &Parameters) -> Result<SessionAttrs, ConninfoError> {
    let chosen = choice(parameters, "target_session_attrs", &SessionAttrs::ALL, SessionAttrs::as_str)?;
    Ok(chosen.unwrap_or(SessionAttrs::Any))
}

/// Reads `load_balance_hosts`.
pub(crate) fn shuffle_hosts(parameters: &Parameters) -> Result<bool, ConninfoError> {
    let name = |random| if random { "random" } else { "disable" };
    Ok(choice(parameters, "load_balance_hosts", &[false, true], name)?.unwrap_or(false))
}

/// Reads a whole number; spaces around it are allowed, as in libpq.
fn integer(parameters: &Parameters, keyword: &'static str) -> Result<Option<i32>, ConninfoError> {
    let Some(value) = text(parameters, keyword) else { return Ok(None) };
    value.trim().parse().map(Some).map_err(|_| invalid(keyword, "it is a whole number"))
}

/// Reads a whole number where 0 and less stand for the system's own.
fn positive(parameters: &Parameters, keyword: &'static str) -> Result<Option<u32>, ConninfoError> {
    Ok(integer(parameters, keyword)?.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0))
}

/// Reads `connect_timeout`: seconds; 0 and less wait for ever, and 1 counts as 2 (libpq's clock may be about to tick).
pub(crate) fn connect_timeout(parameters: &Parameters) -> Result<Option<Duration>, ConninfoError> {
    Ok(positive(parameters, "connect_timeout")?.map(|s| Duration::from_secs(s.max(2).into())))
}

/// Reads `tcp_user_timeout`, in milliseconds.
pub(crate) fn tcp_user_timeout(parameters: &Parameters) -> Result<Option<Duration>, ConninfoError> {
    Ok(positive(parameters, "tcp_user_timeout")?.map(|ms| Duration::from_millis(ms.into())))
}

/// Reads the keepalives; [`Keepalives::default`] where nothing is said.
pub(crate) fn keepalives(parameters: &Parameters) -> Result<Option<Keepalives>, ConninfoError> {
    if integer(parameters, "keepalives")? == Some(0) {
        return Ok(None);
    }
    let default = Keepalives::default();
    let seconds = |n: u32| Duration::from_secs(n.into());
    Ok(Some(Keepalives {
        idle: positive(parameters, "keepalives_idle")?.map_or(default.idle, seconds),
        interval: positive(parameters, "keepalives_interval")?.map(seconds).or(default.interval),
        count: positive(parameters, "keepalives_count")?.or(default.count),
    }))
}

/// Reads `host`, `hostaddr` and `port`: comma-separated lists that must fit together.
pub(crate) fn hosts(parameters: &Parameters, env: &Environment) -> Result<Vec<Host>, ConninfoError> {
    let list = |keyword| text(parameters, keyword).map(|v| v.split(',').map(str::trim).collect::<Vec<_>>());
    let (names, addresses) = (list("host"), list("hostaddr"));
    let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    if names.as_ref().is_some_and(|n| n.len() != count) {
        return Err(invalid("hostaddr", "there must be as many as in \"host\""));
    }
    let ports = list("port").unwrap_or_default();
    if ports.len() > 1 && ports.len() != count {
        return Err(invalid("port", format!("there are {} ports for {count} hosts", ports.len())));
    }
    let entry = |list: &Option<Vec<&'_ str>>, i: usize| -> Option<String> {
        list.as_ref().map(|l| l[i].to_owned()).filter(|v| !v.is_empty())
    };
    let at = |i: usize| {
        let port = port(ports.get(i).or(ports.first()).copied().unwrap_or_default())?;
        host(entry(&names, i), entry(&addresses, i), port, env)
    };
    (0..count).map(at).collect()
}

fn host(
    name: Option<String>,
    ip: Option<String>,
    port: u16,
    env: &Environment,
) -> Result<Host, ConninfoError> {
    let hostaddr = match &ip {
        Some(ip) => Some(ip.parse::<IpAddr>().map_err(|_| invalid("hostaddr", "it is an IP address"))?),
        None => None,
    };
    let address = match name.or(ip) {
        Some(name) if name.starts_with('@') => {
            return Err(invalid("host", "sockets in the abstract namespace are not supported"));
        }
        Some(name) if hostaddr.is_none() && Path::new(&name).is_absolute() => {
            HostAddress::Socket(name.into())
        }
        Some(name) => HostAddress::Tcp(name),
        None => default_address(port, env),
    };
    Ok(Host { address, hostaddr, port })
}

/// The first default directory that has the socket, else TCP to this machine.
fn default_address(port: u16, env: &Environment) -> HostAddress {
    let has_socket = |dir: &&PathBuf| dir.join(format!(".s.PGSQL.{port}")).exists();
    match env.socket_directories.iter().find(has_socket) {
        Some(dir) => HostAddress::Socket(dir.clone()),
        None => HostAddress::Tcp("localhost".into()),
    }
}

/// The text is not repeated in the error: in a URL it may be a piece of a password with a `:` or `/` in it.
fn port(text: &str) -> Result<u16, ConninfoError> {
    match text {
        "" => Ok(PORT),
        _ => text.parse().ok().filter(|p| *p > 0).ok_or_else(|| {
            invalid(
                "port",
                "it is a number from 1 to 65535 (a \":\" or \"/\" of a password is written %3A or %2F)",
            )
        }),
    }
}

//! From a connection string and the surroundings to one [`Target`], in libpq's order: string, service, `PG*`, defaults.

use std::path::PathBuf;

use super::conninfo::{self, Parameters};
use super::{
    ConninfoError, Environment, HostAddress, Passfile, SYSTEM_ROOTS, SslMode, Target, TlsOptions, keywords,
    service, values,
};

/// The name we go by in `pg_stat_activity`, where nobody chose another.
pub(crate) const APPLICATION_NAME: &str = "unisys-dba";

/// The variables that choose a server or database. The others only say how to connect to it.
const CHOOSING: [&str; 6] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"];

/// Returns whether nobody chose a server: no connection string, and no variable that names a server, database, login
/// or service. [`Target::resolve`] would then give libpq's defaults.
pub fn is_unconfigured(conninfo: Option<&str>, env: &Environment) -> bool {
    conninfo.is_none_or(|text| text.trim().is_empty()) && CHOOSING.iter().all(|name| env.var(name).is_none())
}

impl Target {
    /// Resolves a connection string (URL or `key=value`, may be empty) as libpq would in these surroundings.
    ///
    /// Reads the service file, the passfile, and looks which default socket and which files of `~/.postgresql` exist;
    /// looks up no host name. A passfile that may not be used is a sentence in [`Target::warnings`].
    ///
    /// Stricter than libpq: parameters that we cannot honour and that would make the connection safer are refused
    /// (`sslcrl`, `requirepeer`, `require_auth`, …).
    ///
    /// # Errors
    /// [`ConninfoError`], never with a password in it.
    pub fn resolve(conninfo: Option<&str>, env: &Environment) -> Result<Self, ConninfoError> {
        let parameters = gather(conninfo.unwrap_or_default(), env)?;
        for (keyword, value) in parameters.iter() {
            keywords::check_support(keyword, value)?;
        }
        let text = |keyword| values::text(&parameters, keyword);
        let user = text("user").or(env.system_user.as_deref()).ok_or(ConninfoError::NoUser)?.to_owned();
        let password = text("password").map(Into::into);
        let (passfile, warning) = match password {
            Some(_) => (Passfile::default(), None),
            None => Passfile::load(text("passfile"), env),
        };
        let name = text("application_name").or(text("fallback_application_name")).unwrap_or(APPLICATION_NAME);
        let hosts = values::hosts(&parameters, env)?;
        let by_tcp = hosts.iter().any(|h| matches!(h.address, HostAddress::Tcp(_)));
        Ok(Self {
            tls: tls(&parameters, env, by_tcp)?,
            hosts,
            database: text("dbname").unwrap_or(&user).to_owned(),
            user,
            password,
            passfile,
            connect_timeout: values::connect_timeout(&parameters)?,
            keepalives: values::keepalives(&parameters)?,
            tcp_user_timeout: values::tcp_user_timeout(&parameters)?,
            session_attrs: values::session_attrs(&parameters)?,
            shuffle_hosts: values::shuffle_hosts(&parameters)?,
            application_name: name.to_owned(),
            options: text("options").map(Into::into),
            warnings: warning.into_iter().collect(),
        })
    }
}

/// Puts the sources together, the first that sets a parameter counts. A parameter set to nothing is set.
fn gather(conninfo: &str, env: &Environment) -> Result<Parameters, ConninfoError> {
    let mut parameters = conninfo::parse(conninfo)?;
    let service =
        parameters.get("service").or(env.var("PGSERVICE")).filter(|s| !s.is_empty()).map(str::to_owned);
    if let Some(name) = service {
        let file = parameters.get("servicefile").or(env.var("PGSERVICEFILE"));
        let found = service::lookup(&name, file, env)?;
        parameters.fill_from(found);
    }
    for keyword in keywords::KEYWORDS {
        if let Some(value) = keyword.variable.and_then(|name| env.vars.get(name)) {
            parameters.fill(keyword.name, value);
        }
    }
    // Variables from before sslmode: libpq still reads it.
    if env.var("PGREQUIRESSL").is_some_and(|v| v.starts_with('1')) {
        parameters.fill("sslmode", SslMode::Require.as_str());
    }
    Ok(parameters)
}

/// What is asked of TLS. `sslrootcert=system` asks for `verify-full`, and refuses anything weaker, as in libpq 16.
fn tls(parameters: &Parameters, env: &Environment, by_tcp: bool) -> Result<TlsOptions, ConninfoError> {
    let file = |keyword, unix: &str, windows: &str| {
        let default = || env.user_file(unix, windows).filter(|path| path.exists());
        values::text(parameters, keyword).map(PathBuf::from).or_else(default)
    };
    let root_cert = file("sslrootcert", ".postgresql/root.crt", "root.crt");
    let system = root_cert.as_ref().is_some_and(|path| path.as_os_str() == SYSTEM_ROOTS);
    let default = if system { SslMode::VerifyFull } else { SslMode::Prefer };
    let mode = values::ssl_mode(parameters)?.unwrap_or(default);
    if system && mode < SslMode::VerifyFull && by_tcp {
        let reason =
            format!("\"{}\" may not be used with sslrootcert=system (use verify-full)", mode.as_str());
        return Err(ConninfoError::Value { keyword: "sslmode", reason });
    }
    let cert = file("sslcert", ".postgresql/postgresql.crt", "postgresql.crt");
    let key = file("sslkey", ".postgresql/postgresql.key", "postgresql.key").filter(|_| cert.is_some());
    Ok(TlsOptions { mode, root_cert, cert, key, channel_binding: values::channel_binding(parameters)? })
}

#[cfg(test)]
mod tests;

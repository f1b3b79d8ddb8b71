//! The same connection for a child process: `pg_dump`, `pg_restore`, `psql`.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret;

use super::{ChannelBinding, Host, SYSTEM_ROOTS, SessionAttrs, Target};

/// Variables a child must not inherit, before it is given [`Target::child_env`]: all that libpq and psql read. An
/// inherited `PGSERVICE` would win over `PGHOST`; `PGCLIENTENCODING` would change the encoding of a dump.
pub const CHILD_ENV_REMOVE: &[&str] = &[
    "PGAPPNAME",
    "PGCHANNELBINDING",
    "PGCLIENTENCODING",
    "PGCONNECT_TIMEOUT",
    "PGDATABASE",
    "PGDATESTYLE",
    "PGGEQO",
    "PGGSSDELEGATION",
    "PGGSSENCMODE",
    "PGGSSLIB",
    "PGHOST",
    "PGHOSTADDR",
    "PGKRBSRVNAME",
    "PGLOADBALANCEHOSTS",
    "PGMAXPROTOCOLVERSION",
    "PGMINPROTOCOLVERSION",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGPORT",
    "PGREALM",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGREQUIRESSL",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCERTMODE",
    "PGSSLCOMPRESSION",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLKEY",
    "PGSSLMAXPROTOCOLVERSION",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSSLSNI",
    "PGSYSCONFDIR",
    "PGTARGETSESSIONATTRS",
    "PGTZ",
    "PGUSER",
];

/// Where systems keep their authorities in one file: Debian, Red Hat, openSUSE, Alpine and the BSDs and macOS.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

impl Target {
    /// Returns the variables that make a libpq program connect as this target does. Give it that of
    /// [`super::Session::target`] where it must meet the very same server.
    ///
    /// The password is in `PGPASSWORD` and nowhere else; where each of several hosts may have its own, the path of the
    /// passfile is in `PGPASSFILE`. `PGDATABASE` is a plain name that libpq never parses; where a program wants the
    /// database as an argument, give it [`Target::child_dbname_arg`].
    pub fn child_env(&self) -> Vec<(OsString, OsString)> {
        let mut env = Variables(Vec::new());
        self.add_hosts(&mut env);
        env.set("PGUSER", &self.user);
        env.set("PGDATABASE", &self.database);
        env.set("PGAPPNAME", &self.application_name);
        env.set("PGSSLMODE", self.tls.mode.as_str());
        env.set("PGGSSENCMODE", "disable"); // we never use it; left alone, libpq would ask for it first
        let root_cert = self.tls.root_cert.as_deref().map(root_cert);
        env.set_some("PGSSLROOTCERT", root_cert);
        env.set_some("PGSSLCERT", self.tls.cert.as_ref());
        env.set_some("PGSSLKEY", self.tls.key.as_ref());
        if self.tls.channel_binding != ChannelBinding::Prefer {
            env.set("PGCHANNELBINDING", self.tls.channel_binding.as_str());
        }
        if self.session_attrs != SessionAttrs::Any {
            env.set("PGTARGETSESSIONATTRS", self.session_attrs.as_str());
        }
        if self.shuffle_hosts {
            env.set("PGLOADBALANCEHOSTS", "random");
        }
        // libpq counts in whole seconds, and 0 waits for ever.
        env.set_some("PGCONNECT_TIMEOUT", self.connect_timeout.map(|t| t.as_secs().max(1).to_string()));
        env.set_some("PGOPTIONS", self.options.as_ref());
        self.add_password(&mut env);
        env.0
    }

    fn add_hosts(&self, env: &mut Variables) {
        let join = |text: &dyn Fn(&Host) -> String| self.hosts.iter().map(text).collect::<Vec<_>>().join(",");
        env.set("PGHOST", join(&|h| h.address.to_string()));
        env.set("PGPORT", join(&|h| h.port.to_string()));
        if self.hosts.iter().any(|h| h.hostaddr.is_some()) {
            env.set("PGHOSTADDR", join(&|h| h.hostaddr.map(|ip| ip.to_string()).unwrap_or_default()));
        }
    }

    fn add_password(&self, env: &mut Variables) {
        match (&self.password, self.hosts.as_slice(), &self.passfile.path) {
            (None, [_, _, ..], Some(path)) => env.set("PGPASSFILE", path),
            (_, hosts, _) => {
                let password = hosts.first().and_then(|host| self.password_for(host));
                env.set_some("PGPASSWORD", password.map(ExposeSecret::expose_secret));
            }
        }
    }

    /// Returns what to give as `-d` (or `--dbname`) to a libpq program: `dbname='…'`, and the keepalives, which no
    /// variable can say. Always a connection string, so that a database named `a=b` or `postgres://x` is never taken for
    /// one. It holds no password and no host.
    pub fn child_dbname_arg(&self) -> String {
        let mut text = format!("dbname='{}'", self.database.replace('\\', "\\\\").replace('\'', "\\'"));
        match self.keepalives {
            None => text.push_str(" keepalives=0"),
            Some(keepalives) => {
                text.push_str(&format!(" keepalives_idle={}", keepalives.idle.as_secs().max(1)));
                if let Some(interval) = keepalives.interval {
                    text.push_str(&format!(" keepalives_interval={}", interval.as_secs().max(1)));
                }
                if let Some(count) = keepalives.count {
                    text.push_str(&format!(" keepalives_count={count}"));
                }
            }
        }
        if let Some(time) = self.tcp_user_timeout {
            text.push_str(&format!(" tcp_user_timeout={}", time.as_millis()));
        }
        text
    }

    /// Returns the same target with one more setting for its sessions, which wins over those already in `options`.
    pub fn with_setting(&self, name: &str, value: &str) -> Self {
        let value: String = value
            .chars()
            .flat_map(|c| (c == '\\' || c.is_whitespace()).then_some('\\').into_iter().chain([c]))
            .collect();
        let before = self.options.as_deref().map(|o| format!("{o} ")).unwrap_or_default();
        Self { options: Some(format!("{before}-c {name}={value}")), ..self.clone() }
    }
}

/// The file for libpq: versions before 16 take `system` for a file's name, so they get the system's file where we
/// know it. With `verify-full`, which `system` always comes with, it means the same.
fn root_cert(path: &Path) -> &Path {
    if path.as_os_str() != SYSTEM_ROOTS {
        return path;
    }
    SYSTEM_BUNDLES.iter().map(Path::new).find(|bundle| bundle.exists()).unwrap_or(path)
}

/// Variables being gathered.
struct Variables(Vec<(OsString, OsString)>);

impl Variables {
    fn set(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) {
        self.0.push((name.into(), value.as_ref().into()));
    }

    fn set_some(&mut self, name: &str, value: Option<impl AsRef<std::ffi::OsStr>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::connect::{Environment, keywords};

    fn resolve(text: &str) -> Target {
        let env = Environment { system_user: Some("sys".into()), ..Environment::default() };
        Target::resolve(Some(text), &env).unwrap()
    }

    fn child(target: &Target) -> BTreeMap<String, String> {
        let text = |s: OsString| s.into_string().unwrap();
        target.child_env().into_iter().map(|(k, v)| (text(k), text(v))).collect()
    }

    #[test]
    fn every_part_has_its_variable() {
        let found = child(&resolve(
            "host=a,b hostaddr=,10.0.0.2 port=1,2 user=u dbname=d=e password=sesame sslmode=verify-ca sslrootcert=/ca \
             sslcert=/c sslkey=/k connect_timeout=7 application_name=n options='-c a=b' channel_binding=require \
             target_session_attrs=primary load_balance_hosts=random",
        ));
        let expected = [
            ("PGAPPNAME", "n"),
            ("PGCHANNELBINDING", "require"),
            ("PGCONNECT_TIMEOUT", "7"),
            ("PGDATABASE", "d=e"),
            ("PGGSSENCMODE", "disable"),
            ("PGHOST", "a,b"),
            ("PGHOSTADDR", ",10.0.0.2"),
            ("PGLOADBALANCEHOSTS", "random"),
            ("PGOPTIONS", "-c a=b"),
            ("PGPASSWORD", "sesame"),
            ("PGPORT", "1,2"),
            ("PGSSLCERT", "/c"),
            ("PGSSLKEY", "/k"),
            ("PGSSLMODE", "verify-ca"),
            ("PGSSLROOTCERT", "/ca"),
            ("PGTARGETSESSIONATTRS", "primary"),
            ("PGUSER", "u"),
        ];
        assert_eq!(found, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert!(found.keys().all(|name| CHILD_ENV_REMOVE.contains(&name.as_str())));
    }

    #[test]
    fn no_variable_of_libpq_is_left_to_inheritance() {
        let missing = |k: &&keywords::Keyword| k.variable.is_some_and(|v| !CHILD_ENV_REMOVE.contains(&v));
        assert_eq!(keywords::KEYWORDS.iter().filter(missing).count(), 0);
    }

    #[rstest]
    #[case("dbname=d", "dbname='d' keepalives_idle=30 keepalives_interval=10 keepalives_count=6")]
    #[case(
        "dbname=postgres://h/x?a=b",
        "dbname='postgres://h/x?a=b' keepalives_idle=30 keepalives_interval=10 keepalives_count=6"
    )]
    #[case(
        "dbname='it\\'s \\\\ me' password=sesame",
        "dbname='it\\'s \\\\ me' keepalives_idle=30 keepalives_interval=10 keepalives_count=6"
    )]
    #[case("dbname=d keepalives=0 tcp_user_timeout=5", "dbname='d' keepalives=0 tcp_user_timeout=5")]
    fn the_argument_is_a_connection_string(#[case] text: &str, #[case] expected: &str) {
        let argument = resolve(text).child_dbname_arg();
        assert_eq!(argument, expected);
        assert_eq!(resolve(&argument).database, resolve(text).database);
    }

    #[test]
    fn settings_are_appended_and_escaped() {
        let target = resolve("options='-c a=b'").with_setting("search_path", "x y\\z");
        assert_eq!(target.options.as_deref(), Some("-c a=b -c search_path=x\\ y\\\\z"));
    }
}

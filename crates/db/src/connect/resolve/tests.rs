//! What wins over what, and what is refused.

use std::fs;
use std::path::Path;

use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;
use crate::connect::{Host, SessionAttrs};

fn env(vars: &[(&str, &str)]) -> Environment {
    Environment {
        vars: vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        system_user: Some("sys".into()),
        ..Environment::default()
    }
}

fn resolve(text: &str, vars: &[(&str, &str)]) -> Target {
    Target::resolve(Some(text), &env(vars)).unwrap()
}

fn refusal(text: &str, vars: &[(&str, &str)]) -> String {
    Target::resolve(Some(text), &env(vars)).unwrap_err().to_string()
}

/// A home with a service file and a passfile.
fn home(services: &str, passwords: &str) -> (tempfile::TempDir, Environment) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    // Windows has its own places under APPDATA, which no other system looks at.
    let env = Environment { home: Some(root.into()), ..env(&[("APPDATA", &root.display().to_string())]) };
    let path = env.user_file(".pg_service.conf", ".pg_service.conf").unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, services).unwrap();
    let path = env.user_file(".pgpass", "pgpass.conf").unwrap();
    fs::write(&path, passwords).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    (dir, env)
}

#[rstest]
#[case("", &[], "sys@localhost:5432/sys")]
#[case("", &[("PGUSER", "u")], "u@localhost:5432/u")]
#[case("", &[("PGHOST", "h"), ("PGPORT", "1"), ("PGUSER", "u"), ("PGDATABASE", "d")], "u@h:1/d")]
#[case("host=own user=me", &[("PGHOST", "h"), ("PGPORT", "1"), ("PGUSER", "u"), ("PGDATABASE", "d")], "me@own:1/d")]
#[case("host='' port='' dbname=''", &[("PGHOST", "h"), ("PGPORT", "1"), ("PGDATABASE", "d")], "sys@localhost:5432/sys")]
#[case("postgres://a,b:2,[::1]/d", &[], "sys@a:5432,b:2,[::1]:5432/d")]
#[case("host=a,b,c port=7", &[], "sys@a:7,b:7,c:7/sys")]
#[case("host=/srv/pg", &[], "sys@/srv/pg:5432/sys")]
#[case("hostaddr=10.0.0.1,::1", &[], "sys@10.0.0.1:5432,[::1]:5432/sys")]
#[cfg_attr(windows, ignore = "a path that begins with / is not absolute")]
fn defaults_and_variables(#[case] text: &str, #[case] vars: &[(&str, &str)], #[case] expected: &str) {
    assert_eq!(resolve(text, vars).to_string(), expected);
}

#[test]
fn hostaddr_keeps_the_name() {
    let expected = Host {
        address: HostAddress::Tcp("db.example".into()),
        hostaddr: Some("10.0.0.1".parse().unwrap()),
        port: 5432,
    };
    assert_eq!(resolve("host=db.example hostaddr=10.0.0.1", &[]).hosts, [expected]);
}

#[test]
fn the_first_default_directory_with_the_socket_is_used() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(second.path().join(".s.PGSQL.5433"), "").unwrap();
    let dirs = vec![first.path().to_path_buf(), second.path().to_path_buf()];
    let env = Environment { socket_directories: dirs, ..env(&[]) };
    let found =
        |port: u16| Target::resolve(Some(&format!("port={port}")), &env).unwrap().hosts[0].address.clone();
    assert_eq!(found(5433), HostAddress::Socket(second.path().into()));
    assert_eq!(found(5432), HostAddress::Tcp("localhost".into()));
}

#[rstest]
#[case("service=one", &[], "u1@h1:5555/d1")]
#[case("service=one", &[("PGHOST", "var"), ("PGUSER", "var")], "u1@h1:5555/d1")]
#[case("service=one host=own", &[], "u1@own:5555/d1")]
#[case("", &[("PGSERVICE", "two"), ("PGUSER", "var")], "var@h2:5432/var")]
#[case("service=one", &[("PGSERVICE", "two")], "u1@h1:5555/d1")]
fn a_service_stands_between_string_and_variables(
    #[case] text: &str,
    #[case] vars: &[(&str, &str)],
    #[case] expected: &str,
) {
    let (_dir, mut env) = home("[one]\nhost=h1\nport=5555\nuser=u1\ndbname=d1\n[two]\nhost=h2\n", "");
    env.vars.extend(self::env(vars).vars);
    assert_eq!(Target::resolve(Some(text), &env).unwrap().to_string(), expected);
}

#[test]
fn service_files_are_looked_for_in_libpqs_places() {
    let (dir, mut env) = home("[mine]\nhost=mine\n", "");
    let system = tempfile::tempdir().unwrap();
    fs::write(system.path().join("pg_service.conf"), "[mine]\nhost=theirs\n[shared]\nhost=shared\n").unwrap();
    env.sysconf_directory = Some(system.path().into());
    let host = |name: &str, env: &Environment| {
        Target::resolve(Some(&format!("service={name}")), env).map(|t| t.hosts[0].address.to_string())
    };
    assert_eq!(host("mine", &env).unwrap(), "mine");
    assert_eq!(host("shared", &env).unwrap(), "shared");
    assert_eq!(host("none", &env).unwrap_err().to_string(), "definition of service \"none\" not found");

    let other = dir.path().join("other.conf");
    env.vars.insert("PGSERVICEFILE".into(), other.display().to_string());
    assert!(matches!(host("mine", &env), Err(ConninfoError::File { path, .. }) if path == other));
    fs::write(&other, "[mine]\nhost=other\n").unwrap();
    assert_eq!(host("mine", &env).unwrap(), "other");
    assert_eq!(host("shared", &env).unwrap(), "shared");
}

#[test]
fn passwords_come_from_the_string_then_the_variable_then_the_file() {
    let (_dir, mut env) = home("", "a:*:*:*:file-a\nb:*:other:*:file-b-other\nb:*:*:second:file-b-second\n");
    let password = |text: &str, env: &Environment, change: &dyn Fn(Target) -> Target| {
        let target = change(Target::resolve(Some(text), env).unwrap());
        target.password_for(target.hosts.last().unwrap()).map(|p| p.expose_secret().to_owned())
    };
    let same = |t: Target| t;
    assert_eq!(password("host=a", &env, &same).as_deref(), Some("file-a"));
    assert_eq!(password("host=x,a", &env, &same).as_deref(), Some("file-a"));
    assert_eq!(password("host=b", &env, &same), None);
    assert_eq!(password("host=b", &env, &|t| t.with_database("other")).as_deref(), Some("file-b-other"));
    assert_eq!(password("host=b", &env, &|t| t.with_user("second")).as_deref(), Some("file-b-second"));
    env.vars.insert("PGPASSWORD".into(), "variable".into());
    assert_eq!(password("host=a", &env, &same).as_deref(), Some("variable"));
    assert_eq!(password("host=a password=own", &env, &same).as_deref(), Some("own"));
    assert_eq!(password("host=a password=own", &env, &|t| t.with_user("second")), None);
}

#[cfg(unix)]
#[test]
fn a_passfile_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, env) = home("", "*:*:*:*:sesame\n");
    fs::set_permissions(dir.path().join(".pgpass"), fs::Permissions::from_mode(0o644)).unwrap();
    let target = Target::resolve(None, &env).unwrap();
    assert!(target.password_for(&target.hosts[0]).is_none());
    assert_eq!(target.warnings.len(), 1);
    assert!(target.warnings[0].contains("group or world access"), "{:?}", target.warnings);
    assert!(Target::resolve(Some("password=x"), &env).unwrap().warnings.is_empty());
}

#[rstest]
#[case("", SslMode::Prefer)]
#[case("sslmode=verify-ca", SslMode::VerifyCa)]
#[case("sslrootcert=system", SslMode::VerifyFull)]
fn ssl_modes(#[case] text: &str, #[case] expected: SslMode) {
    assert_eq!(resolve(text, &[]).tls.mode, expected);
}

#[test]
fn tls_files_of_the_home_are_found() {
    let (_dir, env) = home("", "");
    let tls = || Target::resolve(None, &env).unwrap().tls;
    assert_eq!((tls().root_cert, tls().cert, tls().key), (None, None, None));
    let root_cert = env.user_file(".postgresql/root.crt", "root.crt").unwrap();
    let folder = root_cert.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    for name in ["root.crt", "postgresql.crt", "postgresql.key"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let expected = ["root.crt", "postgresql.crt", "postgresql.key"].map(|n| Some(folder.join(n)));
    assert_eq!([tls().root_cert, tls().cert, tls().key], expected);
    let explicit = Target::resolve(Some("sslrootcert=/ca.pem"), &env).unwrap().tls;
    assert_eq!(explicit.root_cert.as_deref(), Some(Path::new("/ca.pem")));
}

#[test]
fn the_rest_is_read() {
    let target = resolve(
        "connect_timeout=1 keepalives_idle=5 keepalives_count=2 tcp_user_timeout=1500 target_session_attrs=standby \
         load_balance_hosts=random options='-c a=b'",
        &[("PGAPPNAME", "nightly")],
    );
    assert_eq!(target.connect_timeout.unwrap().as_secs(), 2);
    assert_eq!(target.keepalives.unwrap().idle.as_secs(), 5);
    assert_eq!(target.keepalives.unwrap().count, Some(2));
    assert_eq!(target.tcp_user_timeout.unwrap().as_millis(), 1500);
    assert_eq!(target.session_attrs, SessionAttrs::Standby);
    assert!(target.shuffle_hosts);
    assert_eq!(target.options.as_deref(), Some("-c a=b"));
    assert_eq!(target.application_name, "nightly");
    assert_eq!(resolve("", &[]).keepalives.unwrap().idle.as_secs(), 30);
    assert_eq!(resolve("keepalives=0", &[]).keepalives, None);
    assert_eq!(resolve("fallback_application_name=f", &[]).application_name, "f");
}

#[rstest]
#[case(
    "sslmode=verify",
    "invalid value for connection parameter \"sslmode\": it is one of disable, allow, prefer, require, verify-ca, verify-full"
)]
#[case(
    "sslmode=require sslrootcert=system",
    "invalid value for connection parameter \"sslmode\": \"require\" may not be used with sslrootcert=system (use verify-full)"
)]
#[case(
    "connect_timeout=soon",
    "invalid value for connection parameter \"connect_timeout\": it is a whole number"
)]
#[case(
    "host=a,b hostaddr=10.0.0.1",
    "invalid value for connection parameter \"hostaddr\": there must be as many as in \"host\""
)]
#[case("host=a hostaddr=b", "invalid value for connection parameter \"hostaddr\": it is an IP address")]
#[case(
    "host=a,b port=1,2,3",
    "invalid value for connection parameter \"port\": there are 3 ports for 2 hosts"
)]
#[case(
    "host=@abstract",
    "invalid value for connection parameter \"host\": sockets in the abstract namespace are not supported"
)]
#[case("require_auth=scram-sha-256", "connection parameter \"require_auth\" is not supported")]
#[case("gssencmode=require", "connection parameter \"gssencmode\" is not supported with this value")]
fn refused(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(refusal(text, &[]), expected);
}

#[test]
fn variables_are_checked_too_and_harmless_values_pass() {
    assert_eq!(refusal("", &[("PGSSLCRL", "/crl")]), "connection parameter \"sslcrl\" is not supported");
    resolve(
        "gssencmode=disable replication=false sslcompression=0 client_encoding=LATIN1",
        &[("PGSSLCRL", "")],
    );
}

#[rstest]
#[case("postgres://u:se:same@h:x/d")]
#[case("postgres://u:sesame/d")]
#[case("password=sesame port=x")]
#[case("password=sesame sslmode=x")]
#[case("password=sesame channel_binding=x")]
fn no_error_shows_the_password(#[case] text: &str) {
    let error = Target::resolve(Some(text), &env(&[("PGPASSWORD", "sesame")])).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("same"), "{error}");
}

#[test]
fn no_view_of_a_target_shows_the_password() {
    let (_dir, mut env) = home("[s]\npassword=sesame\n", "*:*:*:*:sesame\n");
    env.vars.insert("PGPASSWORD".into(), "sesame".into());
    for text in ["", "password=sesame", "service=s", "postgres://u:sesame@h/d"] {
        let target = Target::resolve(Some(text), &env).unwrap();
        assert_eq!(target.password.as_ref().unwrap().expose_secret(), "sesame");
        assert!(!format!("{target} {target:?} {target:#?} {env:?}").contains("sesame"), "{target:?}");
    }
    env.vars.remove("PGPASSWORD");
    let target = Target::resolve(None, &env).unwrap();
    assert!(target.password_for(&target.hosts[0]).is_some());
    assert!(!format!("{target:?}").contains("sesame"), "{target:?}");
}

#[rstest]
#[case(None, &[], true)]
#[case(Some("  "), &[], true)]
#[case(None, &[("PGHOST", "")], true)]
#[case(None, &[("PGPASSWORD", "x"), ("PGAPPNAME", "x"), ("PGSSLMODE", "require")], true)]
#[case(Some("dbname=d"), &[], false)]
#[case(Some("postgres://"), &[], false)]
#[case(None, &[("PGDATABASE", "d")], false)]
#[case(None, &[("PGSERVICE", "s")], false)]
fn nothing_chosen(#[case] text: Option<&str>, #[case] vars: &[(&str, &str)], #[case] expected: bool) {
    assert_eq!(is_unconfigured(text, &env(vars)), expected);
}

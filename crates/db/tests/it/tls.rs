//! A server with the tests' own `pg_hba.conf` and certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use unisys_db::Target;
use unisys_db::connect::Environment;
use unisys_ops::platform;
use unisys_ops::server::Scratch;
use unisys_testkit::{free_port, own_server, programs, system_user};

/// A running server; stopped and removed when dropped.
pub(crate) struct Server {
    scratch: Scratch,
    files: TempDir,
    /// Its TCP port, on 127.0.0.1.
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server with these lines in `pg_hba.conf`, and TLS with `server.crt` of [`certificates`].
    pub(crate) fn start(hba: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        certificates(files.path());
        fs::write(files.path().join("pg_hba.conf"), format!("local all all trust\n{hba}")).unwrap();
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(user) = system_user() {
            platform::give(&files.path().join("server.key"), &user).unwrap();
        }
        let path = |name: &str| files.path().join(name).display().to_string();
        let settings = [
            ("hba_file", path("pg_hba.conf")),
            ("ssl", "on".into()),
            ("ssl_cert_file", path("server.crt")),
            ("ssl_key_file", path("server.key")),
            ("ssl_ca_file", path("ca.crt")),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let port = free_port();
        let scratch = own_server(port, &settings).unwrap();
        Self { scratch, files, port }
    }

    /// One of the tests' files, the certificates among them.
    pub(crate) fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// The directory of the socket.
    pub(crate) fn socket(&self) -> String {
        self.scratch.server().socket.as_ref().unwrap().display().to_string()
    }

    /// The superuser, through the socket.
    pub(crate) fn admin(&self) -> Target {
        self.scratch.server().target("postgres")
    }

    /// A target in an environment with nothing in it.
    pub(crate) fn target(&self, conninfo: &str) -> Target {
        let text = format!("port={} dbname=postgres {conninfo}", self.port);
        Target::resolve(Some(&text), &Environment::default()).unwrap()
    }

    /// Stops the server as a crash would.
    pub(crate) fn stop(&self) {
        let server = self.scratch.server();
        let mut stop = server.command("pg_ctl");
        stop.arg("-D").arg(&server.data).args(["-m", "immediate", "-w", "-s", "stop"]);
        assert!(stop.status().unwrap().success());
    }
}

/// Runs `psql -c SQL` with what a target gives to children, and nothing else of ours.
pub(crate) fn psql(target: &Target, sql: &str) -> Output {
    programs()
        .command("psql")
        .args(["-XAtc", sql, "-w", "-d", &target.child_dbname_arg()])
        .env_clear()
        .env("LC_ALL", "C")
        .envs(target.child_env())
        .output()
        .unwrap()
}

/// Makes an authority (`ca`), another (`other`), a server certificate for `localhost` only, and one of the client
/// `cert_only`.
fn certificates(dir: &Path) {
    for name in ["ca", "other"] {
        let make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2";
        sh(dir, &format!("{make} -subj /CN=test-{name} -keyout {name}.key -out {name}.crt"));
    }
    fs::write(dir.join("san"), "subjectAltName=DNS:localhost\n").unwrap();
    for (name, subject) in [("server", "server"), ("client", "cert_only")] {
        sh(
            dir,
            &format!(
                "openssl req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr"
            ),
        );
        let sign = "openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san";
        sh(dir, &format!("{sign} -in {name}.csr -out {name}.crt"));
    }
    sh(dir, "chmod 600 *.key");
}

fn sh(dir: &Path, line: &str) {
    let output = Command::new("sh").args(["-ec", line]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

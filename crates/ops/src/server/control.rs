//! One data directory: made, started, stopped.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret, SecretString};
use unisys_db::Target;
use unisys_db::connect::HostAddress;

use crate::OpsError;
use crate::platform::{self, SystemUser};
use crate::program::Programs;

/// The longest directory a Unix socket can stand in: the whole path is limited to 107 bytes, `/.s.PGSQL.65535` takes 15.
const LONGEST_SOCKET_DIR: usize = 92;

/// Who may connect to a server, and how they show who they are.
#[derive(Clone, Debug)]
pub enum Access {
    /// Whoever may enter the socket's directory is believed; there is no password, and no TCP but on Windows, which has no
    /// such sockets for us.
    Socket,
    /// A password (SCRAM) on the socket and on the loopback addresses; the superuser's is given.
    Password(SecretString),
}

/// How a server is made.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The name of the bootstrap superuser.
    pub superuser: &'a str,
    /// Who may connect.
    pub access: Access,
    /// Settings over PostgreSQL's defaults: name and value, not quoted.
    pub settings: Vec<(String, String)>,
    /// Whether it must survive a power cut; a server that will be thrown away need not wait for the disk.
    pub durable: bool,
}

/// A data directory, the programs that serve it, and where it is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// The programs.
    pub programs: Programs,
    /// The data directory.
    pub data: PathBuf,
    /// The directory of its Unix socket, where it has one.
    pub socket: Option<PathBuf>,
    /// Its port, also part of the socket's name.
    pub port: u16,
    /// The system user it runs as, when that is not ours.
    pub user: Option<SystemUser>,
    /// Its bootstrap superuser.
    pub superuser: String,
}

impl Server {
    /// Makes the data directory by `initdb`, and writes its settings and its `pg_hba.conf`.
    ///
    /// # Errors
    /// [`OpsError::Program`] with initdb's words, [`OpsError::Io`].
    pub fn init(&self, setup: &Setup<'_>) -> Result<(), OpsError> {
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&self.data).args([
            "-U",
            setup.superuser,
            "--encoding=UTF8",
            "--no-instructions",
        ]);
        initdb.arg(if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--locale=C" });
        if !setup.durable {
            initdb.arg("--no-sync");
        }
        match &setup.access {
            Access::Socket => run(initdb.arg("--auth=trust"), "initdb")?,
            Access::Password(password) => self.init_with_password(initdb, password)?,
        }
        self.write_private(&self.data.join("pg_hba.conf"), hba(&setup.access).as_bytes())?;
        self.write_private(&self.data.join("unisys-dba.conf"), self.configuration(setup).as_bytes())?;
        let main = self.data.join("postgresql.conf");
        let mut main_file =
            std::fs::OpenOptions::new().append(true).open(&main).map_err(OpsError::io("open", &main))?;
        main_file.write_all(b"\ninclude 'unisys-dba.conf'\n").map_err(OpsError::io("write", &main))
    }

    fn init_with_password(&self, mut initdb: Command, password: &SecretString) -> Result<(), OpsError> {
        let pwfile = self.data.with_file_name("initdb-password");
        self.write_private(&pwfile, password.expose_secret().as_bytes())?;
        let made = run(initdb.arg("--auth=scram-sha-256").arg("--pwfile").arg(&pwfile), "initdb");
        std::fs::remove_file(&pwfile).map_err(OpsError::io("remove", &pwfile))?;
        made
    }

    /// Returns the settings as PostgreSQL reads them.
    fn configuration(&self, setup: &Setup<'_>) -> String {
        let socket = self.socket.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        let mut lines =
            vec![("port".to_owned(), self.port.to_string()), ("unix_socket_directories".to_owned(), socket)];
        lines.push(("listen_addresses".into(), "127.0.0.1".into()));
        lines.extend(setup.settings.iter().cloned());
        lines.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect()
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`OpsError::PortBusy`]; [`OpsError::Program`] with the end of the server's log.
    pub fn start(&self) -> Result<(), OpsError> {
        if !port_is_free(self.port) {
            return Err(OpsError::PortBusy { port: self.port });
        }
        let log = self.log();
        let mut pg_ctl = self.command("pg_ctl");
        pg_ctl.arg("-D").arg(&self.data).args(["-w", "-s", "-t", "120", "-l"]).arg(&log).arg("start");
        // pg_ctl's children inherit its pipes and would keep them open, so nothing is piped
        pg_ctl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status =
            pg_ctl.status().map_err(|source| OpsError::Spawn { program: "pg_ctl".into(), source })?;
        if status.success() {
            return Ok(());
        }
        let log = std::fs::read(&log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned();
        // somebody took the port since we looked
        if !port_is_free(self.port) {
            return Err(OpsError::PortBusy { port: self.port });
        }
        Err(OpsError::Program { program: "postgres".into(), status, stderr: log })
    }

    /// Lets one more role in: over the loopback address, by its password. It takes the server a moment to know.
    ///
    /// # Errors
    /// [`OpsError::Program`], [`OpsError::Io`].
    pub(crate) fn admit(&self, role: &str) -> Result<(), OpsError> {
        let line = format!("host all \"{role}\" 127.0.0.1/32 scram-sha-256\n");
        self.write_private(&self.data.join("pg_hba.conf"), (line + &hba(&Access::Socket)).as_bytes())?;
        run(self.command("pg_ctl").arg("-D").arg(&self.data).args(["-s", "reload"]), "pg_ctl")
    }

    /// Stops the server: ends its sessions, writes a checkpoint.
    ///
    /// # Errors
    /// [`OpsError::Program`].
    pub fn stop(&self) -> Result<(), OpsError> {
        run(
            self.command("pg_ctl").arg("-D").arg(&self.data).args(["-w", "-s", "-m", "fast", "stop"]),
            "pg_ctl",
        )
    }

    /// Returns the postmaster's process id, where one runs.
    pub fn pid(&self) -> Option<u32> {
        running_pid(&self.data)
    }

    /// Returns the server's log file.
    pub fn log(&self) -> PathBuf {
        self.data.parent().unwrap_or(&self.data).join("server.log")
    }

    /// Returns how the superuser connects to a database here, without a password.
    pub fn target(&self, database: &str) -> Target {
        let address = match &self.socket {
            Some(dir) => HostAddress::Socket(dir.clone()),
            None => HostAddress::Tcp("127.0.0.1".into()),
        };
        Target::local(address, self.port, &self.superuser, database)
    }

    /// Returns a command for one of the programs that runs as the server's system user.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.current_dir("/");
        if let Some(user) = &self.user {
            platform::run_as(&mut command, user);
        }
        command
    }

    /// Writes a file only the server's system user may read.
    fn write_private(&self, path: &Path, content: &[u8]) -> Result<(), OpsError> {
        let mut file = platform::private_file()
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(OpsError::io("create", path))?;
        file.write_all(content).map_err(OpsError::io("write", path))?;
        self.user.as_ref().map_or(Ok(()), |user| platform::give(path, user))
    }
}

/// Returns the process id of the postmaster of a data directory, where one runs.
pub(super) fn running_pid(data: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    platform::process_exists(pid).then_some(pid)
}

/// Returns `directory` if a Unix socket can stand in it.
pub(super) fn socket_dir(directory: &Path) -> Option<PathBuf> {
    let fits = cfg!(unix) && directory.as_os_str().len() <= LONGEST_SOCKET_DIR;
    fits.then(|| directory.to_owned())
}

/// Whether nothing listens on this port of the loopback address.
pub(super) fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns the lines of `pg_hba.conf`.
fn hba(access: &Access) -> String {
    match access {
        Access::Socket if cfg!(windows) => "host all all 127.0.0.1/32 trust\n".into(),
        Access::Socket => "local all all trust\n".into(),
        Access::Password(_) => [
            "local all all scram-sha-256",
            "host all all 127.0.0.1/32 scram-sha-256",
            "host all all ::1/128 scram-sha-256",
            "",
        ]
        .join("\n"),
    }
}

/// Runs a program to its end and keeps its stderr for the error.
pub(crate) fn run(command: &mut Command, program: &str) -> Result<(), OpsError> {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|source| OpsError::Spawn { program: program.into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(OpsError::Program { program: program.into(), status: output.status, stderr })
}

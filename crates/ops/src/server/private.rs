//! The private server: what every command uses when no database is configured.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use unisys_db::Target;

use super::control::{Access, Server, Setup, running_pid, socket_dir};
use crate::OpsError;
use crate::platform::{self, SystemUser};
use crate::program::Programs;

/// What is known about a private server without connecting to it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PrivateStatus {
    /// Whether its data directory exists.
    pub exists: bool,
    /// The postmaster's process id, where it runs.
    pub pid: Option<u32>,
    /// Its port.
    pub port: Option<u16>,
    /// The major version its data directory is of.
    pub major: Option<u32>,
    /// Its directory.
    pub directory: PathBuf,
}

/// A PostgreSQL server in a directory of the user's own, kept between runs.
#[derive(Clone, Debug)]
pub struct PrivateServer {
    directory: PathBuf,
    user: Option<SystemUser>,
}

impl PrivateServer {
    /// Returns the private server of `directory`, which need not exist yet; `user` is the system user it runs as, needed as root.
    pub fn new(directory: PathBuf, user: Option<SystemUser>) -> Self {
        Self { directory, user }
    }

    /// Returns what is known without connecting.
    pub fn status(&self) -> PrivateStatus {
        let data = self.data();
        let major =
            std::fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
        let port = self.port();
        let pid = running_pid(&data);
        PrivateStatus { exists: major.is_some(), pid, port, major, directory: self.directory.clone() }
    }

    /// Makes the server where it does not exist yet, and starts it where it does not run.
    ///
    /// # Errors
    /// [`OpsError::ProgramMissing`] when no installed server fits its data directory; what [`Server::init`] and
    /// [`Server::start`] say.
    pub fn start(
        &self,
        programs: impl FnOnce(Option<u32>) -> Result<Programs, OpsError>,
        port: u16,
    ) -> Result<(), OpsError> {
        let status = self.status();
        if status.pid.is_some() {
            return Ok(());
        }
        let programs = programs(status.major)?;
        if status.exists {
            return self.server(programs, status.port.unwrap_or(port)).start();
        }
        self.make(programs, port)?.start()
    }

    /// Makes the directory, the data directory and the superuser's passfile.
    fn make(&self, programs: Programs, port: u16) -> Result<Server, OpsError> {
        match &self.user {
            Some(user) => {
                platform::create_passable_dir(&self.directory)?;
                platform::check_passable(&self.directory, user)?;
                platform::create_private_dir(&self.inner())?;
                platform::give(&self.inner(), user)?;
            }
            None => platform::create_private_dir(&self.inner())?,
        }
        let password = crate::random::password();
        let server = self.server(programs, port);
        server.init(&Setup {
            superuser: &server.superuser,
            access: Access::Password(password.clone()),
            settings: Vec::new(),
            durable: true,
        })?;
        self.write_passfile(&password)?;
        let path = self.port_file();
        std::fs::write(&path, format!("{port}\n")).map_err(OpsError::io("write", path))?;
        Ok(server)
    }

    /// Stops the server; returns whether it ran.
    ///
    /// # Errors
    /// [`OpsError::Program`] with pg_ctl's words.
    pub fn stop(
        &self,
        programs: impl FnOnce(Option<u32>) -> Result<Programs, OpsError>,
    ) -> Result<bool, OpsError> {
        let status = self.status();
        if status.pid.is_none() {
            return Ok(false);
        }
        self.server(programs(status.major)?, status.port.unwrap_or_default()).stop().map(|()| true)
    }

    /// Returns how the superuser connects to a database, with the password from the passfile.
    ///
    /// # Errors
    /// [`OpsError::Io`] when the passfile cannot be read.
    pub fn target(&self, database: &str) -> Result<Target, OpsError> {
        use unisys_db::connect::HostAddress;
        let path = self.passfile();
        let passfile = std::fs::read_to_string(&path).map_err(OpsError::io("read", &path))?;
        let password = passfile.trim_end().rsplit(':').next().unwrap_or_default().to_owned();
        let address = match socket_dir(&self.inner()) {
            Some(dir) => HostAddress::Socket(dir),
            None => HostAddress::Tcp("127.0.0.1".into()),
        };
        let mut target = Target::local(address, self.port().unwrap_or_default(), "postgres", database);
        target.password = Some(SecretString::from(password));
        Ok(target)
    }

    /// Returns the passfile with the superuser's password, for programs that read one (`PGPASSFILE`).
    pub fn passfile(&self) -> PathBuf {
        self.directory.join("passfile")
    }

    /// Writes the superuser's password where only the owner of this process can read it.
    fn write_passfile(&self, password: &SecretString) -> Result<(), OpsError> {
        use secrecy::ExposeSecret;
        use std::io::Write;
        let path = self.passfile();
        let mut file = platform::private_file()
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(OpsError::io("create", &path))?;
        writeln!(file, "*:*:*:postgres:{}", password.expose_secret()).map_err(OpsError::io("write", &path))
    }

    fn port(&self) -> Option<u16> {
        std::fs::read_to_string(self.port_file()).ok()?.trim().parse().ok()
    }

    fn port_file(&self) -> PathBuf {
        self.directory.join("port")
    }

    /// The part of the directory that belongs to the server's system user.
    fn inner(&self) -> PathBuf {
        self.directory.join("pg")
    }

    fn data(&self) -> PathBuf {
        self.inner().join("data")
    }

    fn server(&self, programs: Programs, port: u16) -> Server {
        Server {
            programs,
            data: self.data(),
            socket: socket_dir(&self.inner()),
            port,
            user: self.user.clone(),
            superuser: "postgres".into(),
        }
    }

    /// Returns the directory all of it stands in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

//! `unisys-testkit`: a real PostgreSQL server and a database per test.
//!
//! One server serves a whole test run: `with-postgres COMMAND…` starts it and names it in [`SERVER_VARIABLE`]. A test run
//! without it starts a server of its own per test process. Both vanish with the process that started them.

pub mod faults;
#[cfg(unix)]
mod pooler;
mod proxy;
pub mod s3;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use unisys_db::connect::HostAddress;
use unisys_db::{Session, Target, quote_ident};
use unisys_ops::OpsError;
use unisys_ops::platform::{self, SystemUser};
use unisys_ops::program::{Programs, Search};
use unisys_ops::server::{Scratch, ScratchOptions};

#[cfg(unix)]
pub use pooler::Pooler;
pub use proxy::Proxy;

/// The environment variable that names the shared server: `PORT:SOCKET_DIRECTORY`.
pub const SERVER_VARIABLE: &str = "UNISYS_TEST_SERVER";

/// The environment variable that names the directory of the PostgreSQL programs to test with.
pub const PROGRAMS_VARIABLE: &str = "UNISYS_TEST_PROGRAMS";

/// The SQL that makes every kind of object a database can hold; see its own comments.
pub const ZOO: &str = include_str!("../fixtures/zoo.sql");

/// The roles the zoo needs, and what belongs to the tablespace where it is there.
pub const ZOO_CLUSTER: &str = include_str!("../fixtures/zoo_cluster.sql");

/// The tablespace some of the zoo lies in, where it is there; comes before the rest.
pub const ZOO_TABLESPACE: &str = include_str!("../fixtures/zoo_tablespace.sql");

/// Returns where the tests look for PostgreSQL's programs.
pub fn search() -> Search {
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    Search::new(std::env::var_os(PROGRAMS_VARIABLE).map(PathBuf::from), environment)
}

/// Returns the newest installed programs with a server, or those the environment names.
///
/// # Panics
/// When there are none: a test run without PostgreSQL has proved nothing.
pub fn programs() -> Programs {
    Programs::with_server(&search(), None)
        .expect("the tests need PostgreSQL's programs; scripts/test installs them")
}

/// Returns the system user test servers run as: `postgres` under root, else our own.
pub fn system_user() -> Option<SystemUser> {
    platform::is_root().then(|| platform::find_user("postgres").expect("the system user postgres"))
}

/// Starts a server of its own, for a test that restarts, fills up or kills it. It is reached by its socket alone as far as the
/// tests go; `port` only has to be free.
///
/// # Errors
/// What [`Scratch::start`] says.
pub fn own_server(port: u16, settings: &[(&str, &str)]) -> Result<Scratch, OpsError> {
    Scratch::start(&ScratchOptions {
        programs: programs(),
        parent: std::env::temp_dir(),
        port,
        user: system_user(),
        superuser: "postgres".into(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    })
}

/// Returns a port of the loopback address that was free just now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// Settings of the shared server, made for tests that back up: logical WAL for publications, room for many sessions and locks.
pub const SHARED_SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "200"),
    ("wal_level", "logical"),
    ("max_wal_senders", "4"),
    ("allow_in_place_tablespaces", "on"),
];

/// Returns the superuser's connection to the shared server's `postgres` database.
pub fn server() -> Target {
    static SERVER: OnceLock<(Target, Option<Scratch>)> = OnceLock::new();
    SERVER
        .get_or_init(|| match std::env::var(SERVER_VARIABLE) {
            Ok(named) => {
                let (port, socket) = named.split_once(':').expect("PORT:SOCKET_DIRECTORY");
                let address = HostAddress::Socket(socket.into());
                (Target::local(address, port.parse().expect("a port"), "postgres", "postgres"), None)
            }
            Err(_) => {
                let scratch =
                    own_server(free_port(), SHARED_SETTINGS).expect("a server for this test process");
                (scratch.server().target("postgres"), Some(scratch))
            }
        })
        .0
        .clone()
}

/// Makes an empty database on the shared server for one test and returns the superuser's connection to it. It goes with the
/// server.
pub async fn database() -> Target {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let target = server();
    let session = Session::open(&target).await.expect("a session on the shared server");
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{count}", std::process::id());
        let create = format!("create database {} template template0", quote_ident(&name));
        match session.batch_execute(&create).await {
            Ok(()) => return target.with_database(name),
            // process numbers come round again within one long run
            Err(error) if error.code().is_some_and(|code| code.code() == "42P04") => {}
            Err(error) => panic!("a database: {error:?}"),
        }
    }
}

/// Makes a database as [`database`] does and runs `sql` in it.
pub async fn database_with(sql: &str) -> Target {
    let target = database().await;
    let session = Session::open(&target).await.expect("a session on the test's database");
    session.batch_execute(sql).await.expect("the test's own SQL");
    target
}

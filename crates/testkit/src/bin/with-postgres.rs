//! `with-postgres COMMAND…`: runs a command with one PostgreSQL server for all its tests, and exits as it did.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().expect("usage: with-postgres COMMAND [ARGUMENT…]");
    let scratch = unisys_testkit::own_server(unisys_testkit::free_port(), unisys_testkit::SHARED_SETTINGS)
        .expect("a server for the tests");
    let server = scratch.server();
    let socket = server.socket.as_ref().expect("a socket directory short enough");
    let named = format!("{}:{}", server.port, socket.display());
    let status = Command::new(program)
        .args(words)
        .env(unisys_testkit::SERVER_VARIABLE, named)
        .status()
        .expect("the command to run");
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

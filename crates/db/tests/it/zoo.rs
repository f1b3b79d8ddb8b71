//! The zoo on a server of its own, and a copy of it on another.

use std::fs;
use std::path::Path;
use std::process::Command;

use unisys_db::Target;
use unisys_ops::server::Scratch;
use unisys_testkit::{ZOO, ZOO_CLUSTER, ZOO_TABLESPACE, programs};

use crate::support::{database_on, own_server, session};

/// The name of the database the zoo lives in.
pub(crate) const NAME: &str = "zoo";

/// Starts a server with the zoo, and returns the superuser's connection to it.
pub(crate) async fn server() -> (Scratch, Target) {
    let server = own_server();
    let postgres = session(&server.server().target("postgres")).await;
    postgres.batch_execute(ZOO_TABLESPACE).await.unwrap();
    postgres.batch_execute(ZOO_CLUSTER).await.unwrap();
    let target = database_on(&server, NAME).await;
    session(&target).await.batch_execute(ZOO).await.unwrap();
    (server, target)
}

/// Brings the roles and the zoo of one server to another, by pg_dumpall, pg_dump and pg_restore.
pub(crate) fn copy(from: &Scratch, to: &Scratch) {
    let directory = tempfile::tempdir().unwrap();
    let globals = directory.path().join("globals.sql");
    let archive = directory.path().join("archive.dump");
    run(client(from, "pg_dumpall").arg("--globals-only").arg("-f").arg(&globals));
    run(client(from, "pg_dump").args(["-Fc", "-d", NAME]).arg("-f").arg(&archive));
    in_place(&globals);
    // Without ON_ERROR_STOP: the bootstrap role is there already.
    run(client(to, "psql").args(["-qX", "-d", "postgres", "-f"]).arg(&globals));
    run(client(to, "pg_restore").args(["--create", "--exit-on-error", "-d", "postgres"]).arg(&archive));
}

/// pg_dumpall writes a tablespace's place, which is another server's; here they all come back in place.
fn in_place(globals: &Path) {
    let text = fs::read_to_string(globals).unwrap();
    let lines = text.lines().map(|line| match line.split_once(" LOCATION '") {
        Some((before, _)) if line.starts_with("CREATE TABLESPACE ") => format!("{before} LOCATION '';\n"),
        _ => format!("{line}\n"),
    });
    fs::write(globals, lines.collect::<String>()).unwrap();
}

/// A client program that reaches a server as its superuser.
fn client(server: &Scratch, program: &str) -> Command {
    let mut command = programs().command(program);
    command.envs(server.server().target("postgres").child_env());
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

//! `unisys-dba`: words in, words out. What it says is done by `unisys-ops` and `unisys-db`.

mod cli;
mod commands;
mod context;
mod exit;
mod explain;
mod failure;
mod interrupt;
mod platform;
mod progress;
mod service;
mod settings;
mod ui;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}

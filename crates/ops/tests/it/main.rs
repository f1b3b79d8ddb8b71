//! Backups and drills on live servers: what must hold when nothing goes wrong, and when something does.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get has failed it")]

mod checker;
mod code;
mod damage;
mod evidence;
mod locks;
#[cfg(unix)]
mod lost;
#[cfg(unix)]
mod network;
mod opened;
mod races;
mod roles;
mod support;
mod zoo;

//! Backups and drills on live servers: what must hold when nothing goes wrong, and when something does.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get has failed it")]

mod buckets;
mod checker;
mod code;
mod damage;
mod dying;
mod evidence;
mod locks;
#[cfg(unix)]
mod lost;
mod managed;
#[cfg(unix)]
mod network;
mod opened;
mod races;
mod rehearsal;
mod rekey;
mod roles;
mod selection;
#[cfg(unix)]
mod standby;
mod support;
mod zoo;

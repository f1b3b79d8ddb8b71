//! PostgreSQL servers of our own: the private one commands fall back to, and scratch ones that vanish.

mod control;
mod private;
mod scratch;

pub use control::{Access, Server, Setup};
pub use private::{PrivateServer, PrivateStatus};
pub use scratch::{Scratch, ScratchOptions};

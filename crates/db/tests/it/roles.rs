//! Roles and privileges on a live server.

mod apply;
mod chance;
mod converges;
mod create_database;
mod inspect;
mod lint;
mod oracle;
#[cfg(unix)]
mod password;
mod random_policy;
mod random_state;
mod retire;
mod shop;
mod undo;
mod university;

use unisys_db::Target;
use unisys_db::roles::{self, Live};

use crate::support::session;

/// Reads what a server says of roles and privileges.
pub(crate) async fn live(target: &Target) -> Live {
    let session = session(target).await;
    roles::begin_read_only(&session).await.unwrap();
    roles::inspect(&session).await.unwrap()
}

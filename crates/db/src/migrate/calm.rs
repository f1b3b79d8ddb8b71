//! The state a session is brought back to before each step.

use crate::Session;

/// Takes back what an earlier step SET (RESET ALL leaves the role out), and lifts the login's own time limits.
pub(crate) async fn calm(session: &Session) -> Result<(), tokio_postgres::Error> {
    session.batch_execute("reset all; reset role").await?;
    session.batch_execute(include_str!("../../../../sql/migrate/calm.sql")).await?;
    // A server in the middle of a long statement does not look whether its client still lives, and would keep a table locked
    // for nobody. Not every platform can (PostgreSQL documentation, client_connection_check_interval): then it does not.
    session.batch_execute("set client_connection_check_interval = '2s'").await.ok();
    Ok(())
}

//! One open connection and the task that drives it.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use postgres_native_tls::MakeTlsConnector;
use tokio::task::JoinHandle;
use tokio_postgres::{CancelToken, Client, NoTls};

use super::{Target, attempt};
use crate::error::{DbError, ServerError};
use crate::silence::Silence;

/// An open connection. Dropping it closes the connection and with it any open transaction.
///
/// Opening one sets nothing but what the target asks for; see [`Session::set_pinned`].
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
    ended: Arc<OnceLock<Arc<tokio_postgres::Error>>>,
    target: Target,
    tls: Option<MakeTlsConnector>,
    server_version_num: u32,
    silence: Arc<Silence>,
}

impl Session {
    /// Opens a connection: tries the hosts, their addresses, and with or without TLS, in libpq's order.
    ///
    /// # Errors
    /// [`DbError::Connect`] with the reason of each attempt; [`DbError::Tls`] if the target's TLS files are of no use.
    pub async fn open(target: &Target) -> Result<Self, DbError> {
        let opened = attempt::open(target).await?;
        Ok(Self {
            client: opened.client,
            driver: opened.driver,
            ended: opened.ended,
            target: Target { hosts: vec![opened.host], ..target.clone() },
            tls: opened.tls,
            server_version_num: version_num(&opened.server_version),
            silence: Arc::default(),
        })
    }

    /// Returns the target with the one host and address that answered: a second session, or a child process, opened
    /// with it meets the same server, which a list of hosts or a name with several addresses does not promise.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns how long rows have been waited for.
    pub fn silence(&self) -> &Arc<Silence> {
        &self.silence
    }

    /// Returns whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns the server's version as `server_version_num` counts: 150018 for 15.18. It is 0 where the server, or a
    /// pooler in between, does not say.
    pub fn server_version_num(&self) -> u32 {
        self.server_version_num
    }

    /// Like [`DbError::doing`]; if the connection was lost, the error says how it ended.
    pub fn doing(&self, doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> DbError {
        let ended = Arc::clone(&self.ended);
        move |error| DbError::Query {
            doing: doing.into(),
            source: ServerError::with_end(error, ended.get().map(Arc::clone)),
        }
    }

    /// Returns what the server said, or how it ended the session.
    pub(crate) fn server_error(&self, error: tokio_postgres::Error) -> ServerError {
        ServerError::with_end(error, self.ended.get().map(Arc::clone))
    }

    /// Returns what cancels the statement running in this session, from elsewhere.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    /// Says goodbye to the server, and waits a moment for the connection to end. Dropping the session breaks the
    /// connection off instead, which a server notes in its log if a transaction was open.
    pub async fn close(self) {
        let Self { client, mut driver, .. } = self;
        drop(client);
        if tokio::time::timeout(Duration::from_secs(5), &mut driver).await.is_err() {
            driver.abort();
        }
    }
}

/// Cancels a session's running statement; as encrypted as the session.
#[derive(Clone)]
pub struct CancelHandle {
    token: CancelToken,
    tls: Option<MakeTlsConnector>,
}

impl CancelHandle {
    /// Asks the server to cancel whatever the session is running. That it was asked does not say that it will.
    ///
    /// # Errors
    /// [`DbError::Query`] if the server could not be reached.
    pub async fn cancel(&self) -> Result<(), DbError> {
        let asked = match &self.tls {
            Some(tls) => self.token.cancel_query(tls.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        };
        asked.map_err(DbError::doing("cancel the statement"))
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Reads `15.18 (Debian …)`, `18beta1` or `9.6.24` as libpq's `PQserverVersion` does.
fn version_num(text: &str) -> u32 {
    let digits = |part: &str| part.chars().map_while(|c| c.to_digit(10)).fold(0, |n, d| n * 10 + d);
    let mut parts = text.split('.').map(digits);
    let mut next = || parts.next().unwrap_or(0);
    let (major, minor) = (next(), next());
    if major >= 10 { major * 10_000 + minor } else { major * 10_000 + minor * 100 + next() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::version_num;

    #[rstest]
    #[case("15.18 (Debian 15.18-0+deb12u1)", 150_018)]
    #[case("18beta1", 180_000)]
    #[case("9.6.24", 90_624)]
    #[case("", 0)]
    #[case("PgBouncer", 0)]
    fn versions(#[case] text: &str, #[case] expected: u32) {
        assert_eq!(version_num(text), expected);
    }
}

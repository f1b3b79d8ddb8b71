//! Rows out of and into a database by COPY, in batches of whole rows.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{SinkExt, Stream};
use tokio_postgres::{CopyInSink, CopyOutStream};

use crate::silence::Silence;
use crate::{DbError, Session};

/// How large a batch grows before it is handed on, in bytes. Large enough that handing on costs nothing beside the work,
/// small enough to stay in a core's cache.
pub const BATCH: usize = 256 * 1024;

/// Rows on their way out.
pub struct RowsOut {
    stream: Pin<Box<CopyOutStream>>,
    doing: String,
    silence: Arc<Silence>,
    waiting: bool,
}

impl RowsOut {
    /// Starts a `COPY … TO STDOUT`.
    ///
    /// # Errors
    /// [`DbError::Query`]; `doing` says what the rows are for, as an infinitive phrase.
    pub async fn start(session: &Session, sql: &str, doing: String) -> Result<Self, DbError> {
        match session.copy_out(sql).await {
            Ok(stream) => {
                let silence = Arc::clone(session.silence());
                silence.heard();
                Ok(Self { stream: Box::pin(stream), doing, silence, waiting: false })
            }
            Err(source) => Err(DbError::Query { doing, source: source.into() }),
        }
    }

    /// Appends rows to `batch` until it holds [`BATCH`] bytes or the rows end; returns whether more may come. The protocol
    /// carries one row a message, so a batch always ends with a whole row.
    ///
    /// # Errors
    /// [`DbError::Query`] when the server or the connection gives up on the way.
    pub async fn next_batch(&mut self, batch: &mut Vec<u8>) -> Result<bool, DbError> {
        while batch.len() < BATCH {
            match poll_fn(|context| self.poll_row(context)).await {
                Some(Ok(row)) => batch.extend_from_slice(&row),
                Some(Err(source)) => {
                    return Err(DbError::Query { doing: self.doing.clone(), source: source.into() });
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The clock is looked at only where a row is not there yet.
    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, tokio_postgres::Error>>> {
        let row = self.stream.as_mut().poll_next(context);
        if row.is_pending() != self.waiting {
            self.waiting = row.is_pending();
            if self.waiting { self.silence.waits() } else { self.silence.heard() }
        }
        row
    }
}

impl Drop for RowsOut {
    fn drop(&mut self) {
        self.silence.ends();
    }
}

/// Rows on their way in.
pub struct RowsIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    doing: String,
}

impl RowsIn {
    /// Starts a `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// [`DbError::Query`]; `doing` says what the rows are for, as an infinitive phrase.
    pub async fn start(session: &Session, sql: &str, doing: String) -> Result<Self, DbError> {
        match session.copy_in(sql).await {
            Ok(sink) => Ok(Self { sink: Box::pin(sink), doing }),
            Err(source) => Err(DbError::Query { doing, source: source.into() }),
        }
    }

    /// Sends COPY text; it may end anywhere.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn send(&mut self, text: Bytes) -> Result<(), DbError> {
        self.sink
            .send(text)
            .await
            .map_err(|source| DbError::Query { doing: self.doing.clone(), source: source.into() })
    }

    /// Ends the COPY and returns how many rows the server took. Without it the server forgets all of them.
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn finish(mut self) -> Result<u64, DbError> {
        self.sink
            .as_mut()
            .finish()
            .await
            .map_err(|source| DbError::Query { doing: self.doing.clone(), source: source.into() })
    }
}

//! Rows out of the script that `pg_restore --file=-` writes, into the session that restores them.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use unisys_db::Session;
use unisys_db::catalog::Table;
use unisys_db::copy::{BATCH, RowsIn};

use crate::OpsError;
use crate::progress::Item;

/// Reads the script and loads the rows of its n-th COPY into the n-th table.
///
/// # Errors
/// [`OpsError::Db`]; [`OpsError::Corrupt`] when there are more or fewer COPYs than tables.
pub(super) async fn load(
    script: impl AsyncRead + Unpin,
    tables: &[&Table],
    session: &Session,
    item: &dyn Item,
) -> Result<(), OpsError> {
    let mut script =
        Script { reader: BufReader::with_capacity(BATCH, script), line: Vec::new(), ended: false };
    for table in tables {
        if !script.find_copy().await? {
            return Err(OpsError::Corrupt(format!("the archive has no rows of {}", table.name)));
        }
        let doing = format!("load the table {}", table.name);
        let mut rows = RowsIn::start(session, &table.copy_in(), doing).await?;
        while let Some(batch) = script.rows().await? {
            item.advance(batch.len() as u64, memchr::memchr_iter(b'\n', &batch).count() as u64);
            rows.send(batch).await?;
        }
        rows.finish().await?;
    }
    if script.find_copy().await? {
        return Err(OpsError::Corrupt("the archive has rows of a table that was not asked for".into()));
    }
    Ok(())
}

struct Script<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Script<R> {
    /// Reads the next line; false at the end.
    async fn next(&mut self) -> Result<bool, OpsError> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line).await;
        let read = read.map_err(|source| OpsError::Spawn { program: "pg_restore".into(), source })?;
        Ok(read > 0)
    }

    /// Goes behind the next COPY statement; false when there is none. A name in it may hold a line end.
    async fn find_copy(&mut self) -> Result<bool, OpsError> {
        while self.next().await? {
            if !self.line.starts_with(b"COPY ") {
                continue;
            }
            let mut quotes = 0;
            loop {
                quotes += self.line.iter().filter(|byte| **byte == b'"').count();
                if quotes % 2 == 0 && self.line.ends_with(b" FROM stdin;\n") {
                    return Ok(true);
                }
                if !self.next().await? {
                    return Err(cut());
                }
            }
        }
        Ok(false)
    }

    /// Returns some rows; `None` behind the last. A row that is `\.` alone cannot be: COPY writes a backslash as two.
    async fn rows(&mut self) -> Result<Option<Bytes>, OpsError> {
        let mut batch = BytesMut::new();
        if std::mem::take(&mut self.ended) {
            return Ok(None);
        }
        while batch.len() < BATCH {
            if !self.next().await? {
                return Err(cut());
            }
            if self.line == b"\\.\n" {
                self.ended = true;
                break;
            }
            batch.extend_from_slice(&self.line);
        }
        Ok(Some(batch.freeze()))
    }
}

fn cut() -> OpsError {
    OpsError::Corrupt("the archive ends in the middle of a table's rows".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &[u8] =
        b"SET x = 1;\n\nCOPY app.\"a\nFROM stdin;\n\" (x) FROM stdin;\nCOPY one\n\\\\.\n\\.\n\n\nCOPY app.b  FROM stdin;\n\\.\n\n";

    #[tokio::test]
    async fn rows_are_parted_whatever_the_names_and_the_values() {
        let mut script = Script { reader: BufReader::new(SCRIPT), line: Vec::new(), ended: false };
        assert!(script.find_copy().await.unwrap());
        assert_eq!(script.rows().await.unwrap().unwrap(), "COPY one\n\\\\.\n");
        assert!(script.rows().await.unwrap().is_none());
        assert!(script.find_copy().await.unwrap());
        assert_eq!(script.rows().await.unwrap().unwrap_or_default(), "");
        assert!(!script.find_copy().await.unwrap());
    }

    #[tokio::test]
    async fn rows_without_an_end_are_an_error() {
        let text: &[u8] = b"COPY a FROM stdin;\none\n";
        let mut script = Script { reader: BufReader::new(text), line: Vec::new(), ended: false };
        assert!(script.find_copy().await.unwrap());
        assert!(script.rows().await.is_err());
    }
}

//! The settings under which the same value prints as the same text.

use super::Session;
use crate::error::DbError;

const EMPTY_SEARCH_PATH: &str = include_str!("../../../../sql/connect/empty_search_path.sql");
const PIN_SETTINGS: &str = include_str!("../../../../sql/connect/pin_settings.sql");

impl Session {
    /// Pins the settings that backups and verifications read under, whatever the server, database, role and `options`
    /// say: what `pg_dump` sets (`setup_connection` in pg_dump.c), and what it leaves to chance. Each setting has its
    /// reason in `sql/connect/pin_settings.sql`; those a server is too old to have are passed over. The encoding is the
    /// driver's, always UTF-8.
    ///
    /// Call it outside a transaction: a rollback would undo it. The search path is empty afterwards, so every name must
    /// be written with its schema.
    ///
    /// `money` is a whole number that prints with the symbol, the separators and *the number of decimals* of
    /// `lc_monetary`. Text written under one setting must be read under the same, or the number is refused or, worse,
    /// shifted. The database's own setting is no use: the locale may not exist where the copy is restored. `C` exists
    /// everywhere and brings back the same whole number. So COPY text of a pinned session is to be read by a pinned
    /// session, or after `set lc_monetary = 'C'`; programs like `psql` and `pg_restore` take it from
    /// [`super::Target::with_setting`].
    ///
    /// # Errors
    /// [`DbError::Query`].
    pub async fn set_pinned(&self) -> Result<(), DbError> {
        for sql in [EMPTY_SEARCH_PATH, PIN_SETTINGS] {
            self.simple_query(sql).await.map_err(self.doing("pin the session's settings"))?;
        }
        Ok(())
    }
}

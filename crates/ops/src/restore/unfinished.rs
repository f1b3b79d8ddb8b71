//! What a restore has made so far. If it does not come to its end, for whatever reason, it is taken away again.

use std::time::Duration;

use unisys_db::catalog::drop_database;
use unisys_db::{DbError, Session, Target, quote_ident};

/// How long the taking away may last, and how often it is tried: a session just ended may hold the database for a moment.
const PATIENCE: Duration = Duration::from_secs(20);
const TRIES: u32 = 10;

/// A database under a temporary name, and the roles made for it.
pub(super) struct Unfinished {
    target: Target,
    database: Option<String>,
    roles: Vec<String>,
}

impl Unfinished {
    /// Begins to watch over what is made on the server of `target`.
    pub(super) fn new(target: &Target) -> Self {
        Self { target: target.clone(), database: None, roles: Vec::new() }
    }

    /// The database is about to be made.
    pub(super) fn with_database(&mut self, name: &str) {
        self.database = Some(name.to_owned());
    }

    /// The roles were made.
    pub(super) fn with_roles(&mut self, roles: impl IntoIterator<Item = String>) {
        self.roles.extend(roles);
    }

    /// All of it is complete and stays.
    pub(super) fn keep(mut self) {
        self.database = None;
        self.roles.clear();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.database.is_none() && self.roles.is_empty() {
            return;
        }
        let (target, database, roles) =
            (self.target.clone(), self.database.take(), std::mem::take(&mut self.roles));
        // a thread with a runtime of its own: ours may be on its way down
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            let work = take_away(&target, database.as_deref(), &roles);
            // what cannot be taken away keeps its temporary name, by which the next restore tells of it
            let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await });
        });
        let _ = cleaner.join();
    }
}

async fn take_away(target: &Target, database: Option<&str>, roles: &[String]) -> Result<(), DbError> {
    let session = Session::open(target).await?;
    if let Some(name) = database {
        let mut tries = 0;
        while let Err(error) = drop_database(&session, name).await {
            tries += 1;
            if tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    for role in roles {
        let sql = format!("drop role if exists {}", quote_ident(role));
        session.batch_execute(&sql).await.map_err(session.doing("drop a role"))?;
    }
    Ok(())
}

//! The database an operation is about, and who asked to hear of it alone.

use std::path::PathBuf;
use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, Listed};
use unisys_ops::store::Store;

use crate::commands::backup::part;
use crate::commands::pick::{self, Picked};
use crate::context::{Context, PRIVATE_DATABASE, Selection};
use crate::failure::Failure;

/// The database an operation is about.
pub(crate) struct Subject<'a> {
    pub(super) ctx: &'a Context,
    /// What people call it: its name in the configuration, else the one on its server.
    pub(super) name: String,
    /// Whether the configuration knows that name.
    pub(super) configured: bool,
    /// How its backups' names begin; unknown where its connection string is wrong.
    slug: Option<String>,
    pub(super) store: Option<Arc<dyn Store>>,
    /// Which part of it the configuration asks for.
    part: Option<String>,
    /// A file with the address of a webhook that is told of this database alone.
    pub(super) webhook_file: Option<PathBuf>,
    /// Who gets a mail about this database alone.
    pub(super) mail_to: Vec<String>,
}

impl<'a> Subject<'a> {
    /// Returns the database that was selected. What is wrong with it is left to the operation to say.
    pub(crate) fn of(ctx: &'a Context, selection: &Selection<'_>) -> Self {
        let database = match selection {
            Selection::Private => Some(PRIVATE_DATABASE.to_owned()),
            _ => ctx.resolve(selection).ok().map(|target| target.database),
        };
        let own = match selection {
            Selection::Configured { name, database } => Some((*name, *database)),
            Selection::Environment | Selection::Private => None,
        };
        Self {
            ctx,
            slug: database.as_deref().map(BackupId::slug),
            store: ctx.store(selection).ok(),
            part: part(ctx, selection).ok().flatten(),
            configured: own.is_some(),
            name: own.map(|(name, _)| name.to_owned()).or(database).unwrap_or_default(),
            webhook_file: own.and_then(|(_, own)| own.webhook_file.clone()),
            mail_to: own.map(|(_, own)| own.mail_to.clone()).unwrap_or_default(),
        }
    }

    /// Returns the database a stored backup is of.
    pub(crate) fn of_backup(ctx: &'a Context, picked: &Picked) -> Self {
        let names = ctx.settings.databases.keys();
        let selections = names.filter_map(|name| ctx.configured(name));
        let same = |subject: &Self| {
            subject.slug.as_deref() == Some(picked.id.database_slug())
                && subject.store.as_ref().is_some_and(|store| store.location() == picked.store.location())
        };
        let found = selections.map(|selection| Self::of(ctx, &selection)).find(same);
        found.unwrap_or_else(|| Self {
            ctx,
            name: picked.id.database_slug().to_owned(),
            configured: false,
            slug: Some(picked.id.database_slug().to_owned()),
            store: Some(Arc::clone(&picked.store)),
            part: None,
            webhook_file: None,
            mail_to: Vec::new(),
        })
    }

    /// Returns which part of the database the configuration asks for, in words; nothing where it asks for all of it.
    pub(crate) fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// Returns its backups; nothing where it is not known which they are.
    pub(super) async fn listed(&self) -> Option<Result<Vec<Listed>, OpsError>> {
        let (store, slug, now) = (Arc::clone(self.store.as_ref()?), self.slug.clone()?, self.ctx.now);
        // keys that cannot be read have ended the operation before
        let trust = self.ctx.trust().ok()?;
        // a store may take its time, and other databases are worked on meanwhile
        let listed = tokio::task::spawn_blocking(move || {
            let mut backups = backup::list(&*store, &trust, now)?;
            backups.retain(|backup| backup.id.database_slug() == slug);
            Ok(backups)
        });
        listed.await.ok()
    }

    /// Returns a failure with its newest proven backup, where that can be found out.
    pub(super) async fn explained(&self, failure: Failure) -> Failure {
        if !pick::wants_newest_proven(&failure) {
            return failure;
        }
        match self.listed().await {
            Some(Ok(backups)) => pick::with_newest_of(failure, &backups, self.ctx),
            _ => failure,
        }
    }
}

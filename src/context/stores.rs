//! Where backups are: the stores of databases, and those they are copied to.

use std::sync::Arc;

use chrono::Utc;
use unisys_ops::store::{AwsSources, DirectoryStore, Place, S3Options, S3Store, S3Wishes, Store};

use super::{Context, Selection};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::settings::Database;

/// A store that can be used, or why not.
pub(crate) type OpenedStore = Result<Arc<dyn Store>, Failure>;

impl Context {
    /// Returns the store of a database: its own, else the one for all.
    ///
    /// # Errors
    /// It is not configured so that it could be used: exit 3.
    pub(crate) fn store(&self, selection: &Selection<'_>) -> Result<Arc<dyn Store>, Failure> {
        self.open_store(self.place(selection))
    }

    /// Returns where the store of a database is.
    pub(crate) fn place<'a>(&'a self, selection: &Selection<'a>) -> &'a Place {
        match selection {
            Selection::Configured { database: Database { store: Some(store), .. }, .. } => store,
            _ => &self.settings.backup.store,
        }
    }

    /// Returns the stores a database's backups are copied to: its own, else those for all.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub(crate) fn copies(&self, selection: &Selection<'_>) -> Result<Vec<Arc<dyn Store>>, Failure> {
        self.copy_places(selection).iter().map(|place| self.open_store(place)).collect()
    }

    /// Returns where a database's backups are copied to.
    pub(crate) fn copy_places<'a>(&'a self, selection: &Selection<'a>) -> &'a [Place] {
        match selection {
            Selection::Configured { database, .. } if !database.copies.is_empty() => &database.copies,
            _ => &self.settings.backup.copies,
        }
    }

    /// Returns the store at a place. Nothing is asked of it yet.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub(crate) fn open_store(&self, place: &Place) -> Result<Arc<dyn Store>, Failure> {
        let place = match place {
            Place::Directory(path) => return Ok(Arc::new(DirectoryStore::new(path))),
            Place::Bucket(place) => place,
        };
        let settings = &self.settings.s3;
        let home = dirs::home_dir();
        let sources = AwsSources { vars: &self.environment, home: home.as_deref() };
        let wishes = S3Wishes {
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
            ca: settings.ca.clone(),
        };
        let found = sources.find(place, &wishes).exit(Exit::Config)?;
        let local = match &settings.directory {
            Some(directory) => directory.clone(),
            None => self.data_directory()?.join("buckets"),
        };
        let options = S3Options {
            endpoint: found.endpoint,
            region: found.region,
            credentials: found.credentials,
            ca: found.ca,
            part_bytes: settings.part_mib << 20,
            patience: settings.patience.0,
            local,
            clock: Utc::now,
        };
        Ok(Arc::new(S3Store::new(place.clone(), options).exit(Exit::Config)?))
    }

    /// Returns the stores a command looks into: that of the named database, else every one that is configured.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named; as [`Context::store`].
    pub(crate) fn stores(&self) -> Result<Vec<Arc<dyn Store>>, Failure> {
        self.first_places()?.into_iter().map(|place| self.open_store(place)).collect()
    }

    /// Returns where [`Context::stores`] are.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn first_places(&self) -> Result<Vec<&Place>, Failure> {
        if self.names_database() {
            return Ok(vec![self.place(&self.selection()?)]);
        }
        let own = self.settings.databases.values().filter_map(|database| database.store.as_ref());
        let mut places = vec![&self.settings.backup.store];
        for place in own {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// Returns the stores that hold copies of what [`Context::stores`] hold; one that cannot be used comes as the reason.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn all_copies(&self) -> Result<Vec<OpenedStore>, Failure> {
        Ok(self.all_copy_places()?.into_iter().map(|place| self.open_store(place)).collect())
    }

    /// Returns where [`Context::all_copies`] are.
    ///
    /// # Errors
    /// As [`Context::selection`], when a database is named.
    pub(crate) fn all_copy_places(&self) -> Result<Vec<&Place>, Failure> {
        if self.names_database() {
            return Ok(self.copy_places(&self.selection()?).iter().collect());
        }
        let own = self.settings.databases.values().flat_map(|database| &database.copies);
        let mut places: Vec<&Place> = Vec::new();
        for place in self.settings.backup.copies.iter().chain(own) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }
}

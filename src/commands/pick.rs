//! Which backup is meant, for every command that takes one: its name, the start of its name, or `latest`.

use std::collections::BTreeMap;
use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::find::{self, Latest};
use unisys_ops::backup::{self, BackupId, Listed};
use unisys_ops::evidence::{self, Kept};
use unisys_ops::store::Store;

use super::backup::part as selected_part;
use crate::context::{Context, PRIVATE_DATABASE, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Ui, human};

/// The word for the newest backup of the database that is worked on; one of a part is passed over.
pub(crate) const LATEST: &str = "latest";

/// How many names an error suggests.
const SUGGESTED: usize = 3;

/// A backup and the store it is in.
#[derive(Clone, Debug)]
pub(crate) struct Picked {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) id: BackupId,
}

/// Returns every complete backup of the stores a command looks into; of the named database alone, where one is named. Where a
/// store cannot be asked, its copies are.
///
/// # Errors
/// A store that cannot be listed and has no copy; an unknown database.
pub(crate) fn all(ctx: &Context, ui: &Ui) -> Result<Vec<Picked>, Failure> {
    let slug = named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let (mut all, mut lost) = (Vec::new(), None);
    for store in ctx.stores()? {
        match store.ids() {
            Ok(ids) => all.extend(picked(&store, ids, slug.as_deref())),
            Err(error) => lost = Some(error),
        }
    }
    let Some(error) = lost else { return Ok(all) };
    let copies = of_copies(ctx, ui)?;
    if copies.is_empty() {
        return Err(error.into());
    }
    ui.warning(format!("{error}; going on with its copies"));
    all.extend(copies);
    Ok(all)
}

/// Returns the drills of backups that were removed, each once; of the named database alone, where one is named. Where a store cannot
/// be asked, its copies are.
///
/// # Errors
/// An unknown database.
pub(crate) fn history(ctx: &Context, ui: &Ui) -> Result<Vec<Kept>, Failure> {
    let slug = named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let read = |store: &dyn Store| evidence::history(store, slug.as_deref());
    let mut found: Vec<_> = ctx.stores()?.iter().map(|store| read(&**store)).collect();
    if found.iter().any(Result::is_err) {
        found.extend(ctx.all_copies()?.into_iter().flatten().map(|copy| read(&*copy)));
    }
    let mut all = BTreeMap::new();
    for history in found {
        match history {
            Ok(history) => {
                for problem in history.problems {
                    ui.warning(format!("{} cannot be read: {}", problem.file, problem.problem));
                }
                all.extend(
                    history.drills.into_iter().map(|kept| ((kept.backup.clone(), kept.file.clone()), kept)),
                );
            }
            Err(error) => ui.warning(format!("drills of removed backups cannot be read: {error}")),
        }
    }
    Ok(all.into_values().collect())
}

/// Returns every complete backup of the copies, as far as they can be asked.
fn of_copies(ctx: &Context, ui: &Ui) -> Result<Vec<Picked>, Failure> {
    let slug = named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let mut all = Vec::new();
    for copy in ctx.all_copies()? {
        let found = copy.and_then(|copy| Ok((copy.ids()?, copy)));
        match found {
            Ok((ids, copy)) => all.extend(picked(&copy, ids, slug.as_deref())),
            Err(failure) => ui.warning(format!("a copy cannot be asked: {}", failure.error)),
        }
    }
    Ok(all)
}

fn picked(store: &Arc<dyn Store>, ids: Vec<BackupId>, slug: Option<&str>) -> Vec<Picked> {
    let wanted = ids.into_iter().filter(|id| slug.is_none_or(|slug| id.database_slug() == slug));
    wanted.map(|id| Picked { store: Arc::clone(store), id }).collect()
}

/// Returns the name, on its server, of the database that was named.
///
/// # Errors
/// An unknown database: exit 2. A wrong connection string: exit 3.
pub(crate) fn named(ctx: &Context, ui: &Ui) -> Result<Option<String>, Failure> {
    match ctx.names_database() {
        true => Ok(Some(ctx.database_name(&ctx.selection()?, ui)?)),
        false => Ok(None),
    }
}

/// Returns the backup that `text` means; one that no first store has is looked for in the copies.
///
/// # Errors
/// There is none: exit 1, with names like it. There are several: exit 2, with their names.
pub(crate) fn pick(ctx: &Context, ui: &Ui, text: &str) -> Result<Picked, Failure> {
    let failure = match choose(ctx, ui, text, &all(ctx, ui)?) {
        Err(failure) if failure.exit == Exit::Failed => failure,
        result => return result,
    };
    let Ok(copies) = of_copies(ctx, ui) else { return Err(failure) };
    match choose(ctx, ui, text, &copies) {
        Ok(picked) => {
            ui.status(format!("Taken from the copy in {}.", picked.store.location()));
            Ok(picked)
        }
        Err(_) => Err(failure),
    }
}

fn choose(ctx: &Context, ui: &Ui, text: &str, all: &[Picked]) -> Result<Picked, Failure> {
    if text == LATEST {
        return latest(ctx, ui, all);
    }
    let ids: Vec<BackupId> = all.iter().map(|picked| picked.id.clone()).collect();
    match find::matching(&ids, text).as_slice() {
        // the same backup may lie in two stores
        [id, rest @ ..] if rest.iter().all(|other| other == id) => {
            let found = all.iter().find(|picked| picked.id == **id);
            found.cloned().ok_or_else(|| unknown(text, &ids))
        }
        [] => Err(unknown(text, &ids)),
        several => {
            let names: Vec<&str> = several.iter().take(SUGGESTED).map(|id| id.as_str()).collect();
            Err(Failure::usage(format!("{text:?} may mean any of {} backups", several.len()))
                .hint(format!("Write more of the name: {} …", names.join(", "))))
        }
    }
}

fn unknown(text: &str, ids: &[BackupId]) -> Failure {
    let failure = Failure::new(format!("there is no backup {text:?}"));
    let near = near(text, ids);
    match near.is_empty() {
        true => failure.hint("Run `unisys-dba backup run`: no store that is configured holds a backup."),
        false => failure
            .hint(format!("Choose one of {}, or `latest`.", near.join(", ")))
            .hint("Run `unisys-dba backup list` for all of them."),
    }
}

/// Returns the names most like `text`, the newer of two first.
fn near<'a>(text: &str, ids: &'a [BackupId]) -> Vec<&'a str> {
    let mut ids: Vec<&BackupId> = ids.iter().collect();
    ids.sort_by_key(|id| std::cmp::Reverse((id.moment(), *id)));
    ids.sort_by(|a, b| {
        let likeness = |id: &BackupId| strsim::jaro_winkler(text, id.as_str());
        likeness(b).total_cmp(&likeness(a))
    });
    ids.dedup();
    ids.into_iter().take(SUGGESTED).map(BackupId::as_str).collect()
}

/// Returns the newest whole backup of the database that is worked on; of the only database, where the stores hold one.
fn latest(ctx: &Context, ui: &Ui, all: &[Picked]) -> Result<Picked, Failure> {
    let mut slugs: Vec<&str> = all.iter().map(|picked| picked.id.database_slug()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    let selected = match (slugs.as_slice(), ctx.selection()) {
        ([], _) => {
            return Err(Failure::new("there is no backup yet").hint("Run `unisys-dba backup run`."));
        }
        ([_], _) => None,
        (_, Ok(selection)) => Some(ctx.database_name(&selection, ui)?),
        (_, Err(failure)) => return Err(failure),
    };
    let of_selected = |picked: &&Picked| {
        selected.as_deref().is_none_or(|name| picked.id.database_slug() == BackupId::slug(name))
    };
    let mut stores: Vec<&Arc<dyn Store>> = Vec::new();
    for picked in all.iter().filter(of_selected) {
        if !stores.iter().any(|store| store.location() == picked.store.location()) {
            stores.push(&picked.store);
        }
    }
    let slug = selected.as_deref().map(BackupId::slug);
    let slug = slug.or_else(|| slugs.first().map(|slug| (*slug).to_owned()));
    let part = slug.and_then(|slug| part_of(ctx, &slug));
    let find = |store: &Arc<dyn Store>| {
        Ok((Arc::clone(store), find::latest(&**store, selected.as_deref(), part.as_deref())?))
    };
    let found = stores.into_iter().map(find).collect::<Result<Vec<_>, OpsError>>()?;
    newest_whole(ui, found)?.ok_or_else(|| {
        Failure::new(format!("there are backups of {} only", slugs.join(", ")))
            .exit(Exit::Usage)
            .hint("Name one of them: `unisys-dba backup list`.")
    })
}

/// Returns which part of a database the configuration asks for; nothing where it asks for all of it, or does not know it.
fn part_of(ctx: &Context, slug: &str) -> Option<String> {
    let named = |selection: &Selection<'_>| match selection {
        Selection::Private => Some(PRIVATE_DATABASE.to_owned()),
        _ => ctx.resolve(selection).ok().map(|target| target.database),
    };
    let mut selections = ctx.selections().ok()?.into_iter();
    let meant =
        selections.find(|selection| named(selection).is_some_and(|name| BackupId::slug(&name) == slug));
    selected_part(ctx, &meant?).ok().flatten()
}

/// Returns the newest whole backup of what was found in each store, and says which newer part is passed over.
fn newest_whole(ui: &Ui, found: Vec<(Arc<dyn Store>, Latest)>) -> Result<Option<Picked>, Failure> {
    let parts = found.iter().filter_map(|(_, latest)| latest.part.clone());
    let part = parts.max_by_key(|(id, _)| (id.moment(), id.clone()));
    let whole = found.into_iter().filter_map(|(store, latest)| Some(Picked { store, id: latest.whole? }));
    let whole = whole.reduce(|best, next| if best.id.moment() < next.id.moment() { next } else { best });
    match (&whole, part) {
        (Some(whole), Some((id, part))) if id.moment() >= whole.id.moment() => {
            ui.status(format!("{id} is newer, and holds a part only ({part}): {} is taken.", whole.id));
        }
        (None, Some((id, part))) => {
            return Err(Failure::new(format!(
                "there is no backup of the whole database; the newest of a part ({part}) is {id}"
            ))
            .hint("Name it, if that part is what you want, or run `unisys-dba backup run`."));
        }
        _ => {}
    }
    Ok(whole)
}

/// Returns the newest whole backup of a database in its own store.
///
/// # Errors
/// There is none: exit 1. A wrong connection string: exit 3.
pub(crate) fn newest(ctx: &Context, ui: &Ui, database: &Selection<'_>) -> Result<Picked, Failure> {
    let store = ctx.store(database)?;
    let name = ctx.database_name(database, ui)?;
    let latest = find::latest(&*store, Some(&name), selected_part(ctx, database)?.as_deref())?;
    newest_whole(ui, vec![(store, latest)])?.ok_or_else(|| {
        Failure::new(format!("there is no backup of {name} yet")).hint("Run `unisys-dba backup run --all`.")
    })
}

/// Returns the failure of a command that works on backups with what its reader needs then: the newest proven one of
/// the whole database. What cannot be found out here is left out: the failure itself matters more.
pub(crate) fn with_newest_proven(failure: Failure, ctx: &Context) -> Failure {
    match wants_newest_proven(&failure) {
        true => match listed(ctx) {
            Some(backups) => with_newest_of(failure, &backups, ctx),
            None => failure,
        },
        false => failure,
    }
}

/// Returns the newest proven backup of a database in its own store: of the whole, or of what the configuration asks for.
///
/// # Errors
/// There is none: exit 1. A wrong connection string: exit 3.
pub(crate) fn newest_proven(ctx: &Context, ui: &Ui, database: &Selection<'_>) -> Result<Picked, Failure> {
    let store = ctx.store(database)?;
    let name = ctx.database_name(database, ui)?;
    let (slug, part) = (BackupId::slug(&name), selected_part(ctx, database)?);
    let proven = backup::list(&*store, &ctx.trust()?, ctx.now)?
        .into_iter()
        .filter(|backup| backup.state == backup::State::Proven && backup.id.database_slug() == slug)
        .filter(|backup| backup.is_whole(part.as_deref()))
        .max_by_key(|backup| backup.moment);
    match proven {
        Some(proven) => Ok(Picked { store, id: proven.id }),
        None => Err(Failure::new(format!("there is no proven backup of {name}"))
            .hint("Run `unisys-dba backup run` and `unisys-dba drill`, or name a backup.")),
    }
}

/// Whether the newest proven backup would help the reader of a failure. One of the command line or the configuration started
/// nothing; a store that is out of reach is not asked once more.
pub(crate) fn wants_newest_proven(failure: &Failure) -> bool {
    failure.newest_proven.is_none()
        && matches!(failure.exit, Exit::Failed | Exit::Bad)
        && !matches!(failure.error.downcast_ref(), Some(OpsError::Bucket { .. }))
}

/// Returns a failure with the newest proven of these backups.
pub(crate) fn with_newest_of(failure: Failure, backups: &[Listed], ctx: &Context) -> Failure {
    if backups.is_empty() {
        return failure;
    }
    let whole = |backup: &&Listed| {
        backup.part.is_none() || backup.is_whole(part_of(ctx, backup.id.database_slug()).as_deref())
    };
    let proven = backups.iter().filter(|backup| backup.state == backup::State::Proven).filter(whole);
    failure.newest_proven(
        proven.max_by_key(|backup| backup.moment).map_or_else(
            || "none".into(),
            |backup| format!("{}, of {}", backup.id, human::time(backup.moment)),
        ),
    )
}

/// Returns the backups a command looks into, as far as they can be listed.
fn listed(ctx: &Context) -> Option<Vec<Listed>> {
    let slug = match ctx.names_database() {
        true => Some(BackupId::slug(&ctx.resolve(&ctx.selection().ok()?).ok()?.database)),
        false => None,
    };
    let mut all = Vec::new();
    for store in ctx.stores().ok()? {
        all.extend(backup::list(&*store, &ctx.trust().ok()?, ctx.now).ok()?);
    }
    all.retain(|backup| slug.as_ref().is_none_or(|slug| backup.id.database_slug() == slug));
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_most_like_it_are_suggested() {
        let ids = ["app_20261120T020000Z_0001", "app_20261121T020000Z_0002", "crm_20261121T030000Z_0003"]
            .map(|id| BackupId::parse(id).unwrap());
        assert_eq!(near("app_20261121T020000Z_0001", &ids)[0], "app_20261121T020000Z_0002");
        assert_eq!(near("crm", &ids)[0], "crm_20261121T030000Z_0003");
        assert_eq!(near("x", &[]), Vec::<&str>::new());
    }
}

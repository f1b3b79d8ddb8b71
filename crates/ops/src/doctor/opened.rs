//! The newest stored backup: whether the keys at hand still open it, each alone.

use super::finding::{Broken, counted, few};
use super::{DoctorOptions, Finding, finding};
use crate::OpsError;
use crate::backup::find;
use crate::evidence::Trust;
use crate::keys::{Identities, ProvedKeys};
use crate::restore::OpenBackup;

const NEWEST: &str = "newest backup's keys";

/// Opens the newest backup of the database; no finding where there is none, or no key.
pub(super) fn examine(options: &DoctorOptions) -> Option<Finding> {
    let database = options.target.as_ref().map(|target| target.database.as_str()).ok()?;
    let identities = unattended(options.identities.as_ref().ok()?);
    if identities.is_empty() && identities.passphrase().is_none() {
        return None;
    }
    // what is wrong with the store is told by its own check
    let latest = find::latest(&*options.store, Some(database), None).ok()?;
    let id = latest.whole.or_else(|| Some(latest.part?.0))?;
    // whether the keys open it does not depend on who vouches for it
    let anybody = Trust::default();
    let opened = OpenBackup::open(&*options.store, &id, identities, &anybody).and_then(|mut backup| {
        backup.try_other_keys()?;
        Ok(backup.proved_keys())
    });
    Some(match opened {
        Ok(keys) => judge(id.as_str(), &keys),
        Err(error) => refused(id.as_str(), &error),
    })
}

/// The doctor asks nobody for a passphrase.
fn unattended(identities: &Identities) -> Identities {
    match identities.passphrase() {
        Some(passphrase) if !passphrase.is_unattended() => identities.clone().without_passphrase(),
        _ => identities.clone(),
    }
}

fn judge(backup: &str, keys: &ProvedKeys) -> Finding {
    let one_or_more = counted(keys.proved.len() as u64, "key");
    let verb = if keys.proved.len() == 1 { "opens" } else { "open" };
    let mut text = format!("{one_or_more} {verb} {backup}");
    if !keys.elsewhere.is_empty() {
        text.push_str(&format!("; kept elsewhere and not proved: {}", few(&keys.elsewhere)));
    }
    Finding::ok(NEWEST, text)
}

fn refused(backup: &str, error: &OpsError) -> Finding {
    Finding::broken(
        NEWEST,
        &Broken {
            what: format!("{backup} does not open: {}", finding::reason(error)),
            repair: Some(format!(
                "Name the identity it was encrypted to in drill.identities, or make a new backup; `unisys-dba backup check {backup}` says whether it is damaged."
            )),
        },
    )
}

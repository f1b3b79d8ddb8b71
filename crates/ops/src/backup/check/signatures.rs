//! The signatures of a stored backup: of its manifest, and of the records of its drills.

use super::{Finding, finding};
use crate::OpsError;
use crate::backup::BackupId;
use crate::drill::{self, chain};
use crate::evidence::{Trust, Verdict, signature_name};
use crate::store::{MANIFEST, Store};

/// Returns what is wrong with the signatures: `manifest` is what the manifest's is worth.
pub(super) fn check(
    store: &dyn Store,
    id: &BackupId,
    manifest: &Verdict,
    trust: &Trust,
) -> Result<Vec<Finding>, OpsError> {
    let mut findings = Vec::new();
    judge(MANIFEST, manifest, trust, &mut findings);
    for name in drill::names(store, id)? {
        match drill::read(store, id, &name, trust) {
            Ok((record, _)) if record.backup != *id => {
                findings.push(finding(&name, format!("it is the record of a drill of {}", record.backup)));
            }
            Ok((_, verdict)) => judge(&name, &verdict, trust, &mut findings),
            // a newer release may have made it
            Err(OpsError::NewerFormat { .. }) => {}
            Err(error @ OpsError::Corrupt(_)) => findings.push(finding(&name, chain(&error))),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn judge(name: &str, verdict: &Verdict, trust: &Trust, findings: &mut Vec<Finding>) {
    if let Some(problem) = verdict.problem() {
        findings.push(finding(&signature_name(name), problem));
    } else if trust.admit(name, verdict).is_err() {
        findings.push(finding(&signature_name(name), "it is missing, and a signature is required"));
    }
}

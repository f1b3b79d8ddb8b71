//! What a backup is worth: what its drills say, as far as somebody who is trusted vouches for it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::BackupId;
use crate::OpsError;
use crate::drill::{self, Outcome};
use crate::evidence::Trust;
use crate::store::Store;

/// What is known of a backup's worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its newest drill proved it, as it is now; where keys are trusted, one of them vouches for that.
    Proven,
    /// No drill was made of it as it is now.
    Unproven,
    /// Its newest drill failed.
    Failed,
    /// Its manifest is missing or cannot be read.
    Damaged,
    /// It is of a format newer than this build reads.
    Newer,
}

/// A drill of a backup as it is now. One whose signature does not hold is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drilled {
    /// When it was begun (UTC).
    pub(crate) started: DateTime<Utc>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The key its record is signed with, whoever's it is; nothing where it is not signed.
    pub(crate) signer: Option<String>,
}

/// What a backup's drills say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) state: State,
    /// When its newest proof that counts was begun.
    pub(crate) proven: Option<DateTime<Utc>>,
    /// When its newest drill that counts was begun, however it ended.
    pub(crate) drilled: Option<DateTime<Utc>>,
    /// When its newest proof was begun that nobody who is trusted vouches for.
    pub(crate) doubted: Option<DateTime<Utc>>,
}

/// Returns the drills of the backup whose manifest has this hash.
///
/// # Errors
/// [`OpsError::Io`].
pub(crate) fn drills(store: &dyn Store, id: &BackupId, sha256: &str) -> Result<Vec<Drilled>, OpsError> {
    let records = drill::sound(store, id)?.into_iter();
    let of_these_bytes = records.filter(|(record, _)| record.manifest_sha256 == sha256);
    let drilled = of_these_bytes.map(|(record, verdict)| Drilled {
        started: record.started,
        outcome: record.outcome,
        signer: verdict.key().map(str::to_owned),
    });
    Ok(drilled.collect())
}

/// Judges a backup whose manifest is signed with the key `signed_by`. What speaks for a backup counts only where a trusted key
/// vouches for it, and the backup itself would be opened; what speaks against it counts whoever says so.
pub(crate) fn judge(drills: &[Drilled], signed_by: Option<&str>, trust: &Trust) -> Worth {
    let opens = trust.admits(signed_by);
    let counts = |drill: &&Drilled| {
        drill.outcome == Outcome::Failed || (opens && trust.vouches(drill.signer.as_deref()))
    };
    let newest = drills.iter().filter(counts).max_by_key(|drill| drill.started);
    let proofs = || drills.iter().filter(|drill| drill.outcome == Outcome::Proven);
    Worth {
        state: match newest.map(|drill| drill.outcome) {
            None => State::Unproven,
            Some(Outcome::Proven) => State::Proven,
            Some(Outcome::Failed) => State::Failed,
        },
        proven: proofs().filter(counts).map(|proof| proof.started).max(),
        drilled: newest.map(|drill| drill.started),
        doubted: proofs().filter(|proof| !counts(proof)).map(|proof| proof.started).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::SigningKey;

    const PROVEN: Outcome = Outcome::Proven;
    const FAILED: Outcome = Outcome::Failed;

    /// Judges drills of these days by these signers; "mine" is the key that is trusted.
    fn worth(drills: &[(u32, Outcome, Option<&str>)], manifest: Option<&str>, trusted: bool) -> Worth {
        let key = SigningKey::generate("mine").unwrap();
        let name = |signer: Option<&str>| match signer {
            Some("mine") => Some(key.public().id()),
            other => other.map(str::to_owned),
        };
        let drills: Vec<Drilled> = drills
            .iter()
            .map(|(day, outcome, signer)| Drilled {
                started: at(*day),
                outcome: *outcome,
                signer: name(*signer),
            })
            .collect();
        let trust = Trust::new(if trusted { vec![key.public().clone()] } else { Vec::new() }, false);
        judge(&drills, name(manifest).as_deref(), &trust)
    }

    fn at(day: u32) -> DateTime<Utc> {
        format!("2026-11-{day:02}T02:00:00Z").parse().unwrap()
    }

    const MINE: Option<&str> = Some("mine");
    const STRANGER: Option<&str> = Some("SHA256:stranger");

    use State::{Failed, Proven, Unproven};

    #[rstest::rstest]
    #[case::never_drilled(&[], MINE, Unproven, None, None)]
    #[case::by_a_trusted_key(&[(1, PROVEN, MINE)], MINE, Proven, Some(1), None)]
    #[case::not_signed(&[(1, PROVEN, None)], MINE, Unproven, None, Some(1))]
    #[case::by_a_stranger(&[(1, PROVEN, STRANGER)], MINE, Unproven, None, Some(1))]
    #[case::a_newer_one_by_a_stranger(&[(1, PROVEN, MINE), (2, PROVEN, STRANGER)], MINE, Proven, Some(1), Some(2))]
    #[case::an_older_one_not_signed(&[(1, PROVEN, None), (2, PROVEN, MINE)], MINE, Proven, Some(2), Some(1))]
    #[case::failed_says_anybody(&[(1, PROVEN, MINE), (2, FAILED, None)], MINE, Failed, Some(1), None)]
    #[case::failed_says_a_stranger(&[(1, PROVEN, MINE), (2, FAILED, STRANGER)], MINE, Failed, Some(1), None)]
    #[case::no_stranger_takes_a_failure_back(&[(1, FAILED, MINE), (2, PROVEN, STRANGER)], MINE, Failed, None, Some(2))]
    #[case::proved_again(&[(1, FAILED, MINE), (2, PROVEN, MINE)], MINE, Proven, Some(2), None)]
    #[case::its_manifest_was_never_signed(&[(1, PROVEN, MINE)], None, Proven, Some(1), None)]
    #[case::its_manifest_is_a_strangers(&[(1, PROVEN, MINE)], STRANGER, Unproven, None, Some(1))]
    fn where_keys_are_trusted_only_they_prove(
        #[case] drills: &[(u32, Outcome, Option<&str>)],
        #[case] manifest: Option<&str>,
        #[case] state: State,
        #[case] proven: Option<u32>,
        #[case] doubted: Option<u32>,
    ) {
        let found = worth(drills, manifest, true);
        assert_eq!((found.state, found.proven, found.doubted), (state, proven.map(at), doubted.map(at)));
    }

    #[rstest::rstest]
    #[case::not_signed(&[(1, PROVEN, None)], Proven)]
    #[case::by_anybody(&[(1, PROVEN, STRANGER)], Proven)]
    #[case::the_newest_counts(&[(1, PROVEN, MINE), (2, FAILED, None)], Failed)]
    #[case::whoever_made_it(&[(1, FAILED, MINE), (2, PROVEN, None)], Proven)]
    fn where_no_key_is_trusted_every_proof_counts(
        #[case] drills: &[(u32, Outcome, Option<&str>)],
        #[case] state: State,
    ) {
        for manifest in [None, MINE, STRANGER] {
            let found = worth(drills, manifest, false);
            assert_eq!((found.state, found.doubted), (state, None));
        }
    }

    #[test]
    fn where_a_signature_is_required_an_unsigned_backup_is_not_proven() {
        let key = SigningKey::generate("mine").unwrap();
        let drills = [Drilled { started: at(1), outcome: PROVEN, signer: Some(key.public().id()) }];
        let trust = Trust::new(vec![key.public().clone()], true);
        assert_eq!(judge(&drills, None, &trust).state, Unproven);
        assert_eq!(judge(&drills, Some(&key.public().id()), &trust).state, Proven);
    }
}

//! Signatures, for every command that makes or opens backups.

use unisys_ops::backup::BackupId;
use unisys_ops::evidence::{SigningKey, Verdict};

use crate::context::Context;
use crate::failure::Failure;
use crate::ui::Ui;

/// Returns the key that signs, and warns when what it signs would be refused here.
///
/// # Errors
/// A key cannot be read: exit 3.
pub(crate) fn own_key(ctx: &Context, ui: &Ui) -> Result<Option<SigningKey>, Failure> {
    let (key, trust) = (ctx.signing_key()?, ctx.trust()?);
    if let Some(key) = &key
        && !trust.is_empty()
        && !trust.keys().iter().any(|trusted| trusted.id() == key.public().id())
    {
        ui.warning(format!(
            "The signing key {} is not among evidence.trusted: what it signs will be refused.",
            key.public().id()
        ));
    }
    Ok(key)
}

/// Warns of a backup that is opened although nobody who is trusted vouches for it.
pub(crate) fn warn(ui: &Ui, id: &BackupId, signature: &Verdict, ctx: &Context) {
    if let Some(problem) = signature.problem() {
        ui.warning(format!(
            "{id}: the manifest's signature does not hold: {problem}. No key is trusted, so it is opened."
        ));
    } else if *signature == Verdict::Unsigned && !ctx.settings.evidence.trusted.is_empty() {
        ui.warning(format!("{id} is not signed: nothing says who made it."));
    }
}

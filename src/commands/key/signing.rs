//! Keys that sign backups and drills, and their public halves.

use std::path::Path;

use unisys_ops::evidence::{PublicKey, SigningKey};
use unisys_ops::platform;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;
use crate::view::key::{Signer, SigningKeys};

/// Returns what a new key's comment says: whose it is, and since when.
pub(crate) fn comment(ctx: &Context) -> String {
    let user = platform::current_user(&ctx.environment).unwrap_or_else(|| "somebody".into());
    format!("{user} {}", ctx.now.format("%Y-%m-%d"))
}

/// Makes a key.
pub(super) fn new(output: Option<&Path>, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let output = output.unwrap_or(Path::new("signing-key"));
    let key = SigningKey::generate(&comment(ctx))?;
    key.write(output).hint("Name another file with --output.")?;
    view::key::show_signing(ui, &SigningKeys { keys: vec![Signer::new(key.public(), Some(output))] })?;
    ui.hint("Set evidence.signing-key to the file, and add the public key to evidence.trusted. Give the .pub file to those who verify.");
    Ok(Exit::Done)
}

/// Whether a file holds a signing key or public keys.
pub(super) fn is_in(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.contains("-----BEGIN OPENSSH PRIVATE KEY-----")
        || text.lines().any(|line| line.starts_with("ssh-ed25519 "))
}

/// Shows the keys of a file by their public halves.
pub(super) fn show(file: &Path, ui: &mut Ui) -> Result<Exit, Failure> {
    let public = PublicKey::read_all(file);
    let keys = match public {
        Ok(keys) => keys.iter().map(|key| Signer::new(key, None)).collect(),
        Err(_) => vec![Signer::new(SigningKey::read(file)?.public(), Some(file))],
    };
    view::key::show_signing(ui, &SigningKeys { keys })?;
    Ok(Exit::Done)
}

//! Keys as a report. No secret half ever comes here.

use std::path::{Path, PathBuf};

use serde::Serialize;
use unisys_ops::evidence::PublicKey;
use unisys_ops::keys::Recipient;

use crate::failure::Failure;
use crate::ui::{Column, Page, Table, Ui};

/// Some keys.
#[derive(Serialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<Key>,
}

/// One key by its public half.
#[derive(Serialize)]
pub(crate) struct Key {
    /// Its short name, as manifests have it.
    pub(crate) id: String,
    /// Its public half.
    pub(crate) recipient: String,
    /// The file of its secret half; none where that is kept elsewhere.
    pub(crate) file: Option<PathBuf>,
    /// Whether the next backup is encrypted to it, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encrypts: Option<bool>,
}

impl Key {
    /// Returns a key whose secret half is in `file`.
    pub(crate) fn here(recipient: &Recipient, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..Self::elsewhere(recipient) }
    }

    /// Returns a key whose secret half is not here.
    pub(crate) fn elsewhere(recipient: &Recipient) -> Self {
        Self { id: recipient.id(), recipient: recipient.text().to_owned(), file: None, encrypts: None }
    }
}

pub(crate) fn show(ui: &mut Ui, report: &Keys) -> Result<(), Failure> {
    ui.answer(report, || {
        let mut table =
            Table::new([Column::whole("Key"), Column::whole("Recipient"), Column::whole("Identity")]);
        for key in &report.keys {
            let file =
                key.file.as_ref().map_or_else(|| "kept elsewhere".into(), |path| path.display().to_string());
            let place = match key.encrypts {
                Some(false) => format!("{file} (older backups only: not a recipient)"),
                _ => file,
            };
            table.row([key.id.as_str().into(), key.recipient.as_str().into(), place.into()]);
        }
        Page::new().table(table)
    })
}

/// Some keys that sign.
#[derive(Serialize)]
pub(crate) struct SigningKeys {
    pub(crate) keys: Vec<Signer>,
}

/// One key that signs, by its public half.
#[derive(Serialize)]
pub(crate) struct Signer {
    /// Its name, as `ssh-keygen -l` prints it.
    id: String,
    /// Its public half.
    public_key: String,
    /// The file of its secret half; none where that was not looked at.
    file: Option<PathBuf>,
}

impl Signer {
    pub(crate) fn new(key: &PublicKey, file: Option<&Path>) -> Self {
        Self { id: key.id(), public_key: key.text(), file: file.map(Path::to_owned) }
    }
}

pub(crate) fn show_signing(ui: &mut Ui, report: &SigningKeys) -> Result<(), Failure> {
    ui.answer(report, || {
        report.keys.iter().fold(Page::new(), |page, key| {
            let page = page
                .line(format!("Signing key  {}", key.id))
                .line(format!("Public key   {}", key.public_key));
            match &key.file {
                Some(file) => page.line(format!("File         {}", file.display())),
                None => page,
            }
        })
    })
}

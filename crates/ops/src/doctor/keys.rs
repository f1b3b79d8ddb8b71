//! Keys: who can open a backup, tried on a file that never leaves memory.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::finding::{Broken, counted, few};
use super::{Finding, finding};
use crate::OpsError;
use crate::keys::{Identities, Passphrase, Recipient, WrappedKey, is_short, unwrap};
use crate::seal::{Opened, Sealed, StoredFile};
use crate::store::Part;

const RECIPIENTS: &str = "recipients";
const IDENTITIES: &str = "identities";
const PASSPHRASE: &str = "passphrase";

/// What is sealed to try the keys.
const CONTENT: &[u8] = b"unisys-dba doctor";

/// Tries the configured keys.
pub(super) fn examine(
    recipients: &Result<Vec<Recipient>, Broken>,
    identities: &Result<Identities, Broken>,
    passphrase: Option<&Passphrase>,
) -> Vec<Finding> {
    let recipients = match recipients {
        Ok(recipients) => recipients,
        Err(broken) => {
            return vec![Finding::broken(RECIPIENTS, broken), Finding::skipped(IDENTITIES, RECIPIENTS)];
        }
    };
    let texts: Vec<&str> = recipients.iter().map(Recipient::text).collect();
    let mut findings = vec![judge_recipients(&texts, passphrase.is_some())];
    findings.extend(passphrase.map(examine_passphrase));
    match identities {
        Err(broken) => findings.push(Finding::broken(IDENTITIES, broken)),
        Ok(identities) if identities.is_empty() => {
            findings.push(Finding::ok(IDENTITIES, "none: the passphrase opens the backups"));
        }
        Ok(_) if recipients.is_empty() => {
            findings.push(Finding::ok(IDENTITIES, "for older backups: new ones have a passphrase only"));
        }
        Ok(identities) => findings.extend(try_each(recipients, identities)),
    }
    findings
}

/// Fetches the passphrase and opens with it what it wrapped. A person is not asked for one.
fn examine_passphrase(passphrase: &Passphrase) -> Finding {
    if !passphrase.is_unattended() {
        return Finding::ok(PASSPHRASE, "typed for each backup; not tried");
    }
    let tried = passphrase.get().and_then(|secret| {
        let key = WrappedKey::new(&secret)?;
        unwrap(&key.content, passphrase)?;
        Ok(secret)
    });
    let origin = passphrase.origin();
    match tried {
        Ok(secret) if is_short(&secret) => Finding::warn(
            PASSPHRASE,
            format!("{origin} gives one that is short: it can be guessed by whoever gets a backup"),
            "Choose five random words or more.",
        ),
        Ok(_) => Finding::ok(PASSPHRASE, format!("{origin} gives one, and it opens what it wraps")),
        Err(error) => Finding::fail(
            PASSPHRASE,
            finding::reason(&error),
            "Check backup.passphrase-command or backup.passphrase-file; run the command by hand.",
        ),
    }
}

/// Judges how many keys could be lost before the backups are.
fn judge_recipients(texts: &[&str], passphrase: bool) -> Finding {
    let mut different = texts.to_vec();
    different.sort_unstable();
    different.dedup();
    match (different.len(), passphrase) {
        (0, true) => {
            return Finding::warn(
                RECIPIENTS,
                "none, a passphrase only: whoever forgets it loses every backup",
                "unisys-dba key new --output recovery.txt # add its recipient to recipients, keep the file somewhere else",
            );
        }
        (more, true) => {
            return Finding::ok(RECIPIENTS, format!("{more} and a passphrase: losing one loses nothing"));
        }
        (2.., false) => {
            return Finding::ok(RECIPIENTS, format!("{}: losing one key loses nothing", different.len()));
        }
        (_, false) => {}
    }
    Finding::warn(
        RECIPIENTS,
        "one recipient only: whoever loses its key loses every backup",
        "unisys-dba key new --output recovery.txt # add its recipient to recipients, keep the file somewhere else",
    )
}

/// Seals a test file to the recipients and opens it with each identity alone.
fn try_each(recipients: &[Recipient], identities: &Identities) -> Vec<Finding> {
    let (file, stored) = match seal(recipients) {
        Ok(sealed) => sealed,
        Err(error) => {
            let repair = match &error {
                OpsError::PluginMissing { program } => {
                    format!("Install {program}, so that it is on the PATH.")
                }
                _ => "Check backup.recipients: each must be the output of age-keygen -y.".into(),
            };
            return vec![Finding::fail(IDENTITIES, finding::reason(&error), repair)];
        }
    };
    let (mut opening, mut useless) = (0_u64, Vec::new());
    for (path, identity) in identities.each() {
        let opened = Opened::start(&file, Box::new(Cursor::new(stored.clone())), &identity);
        match opened.and_then(Opened::read_all) {
            Ok(content) if content == CONTENT => opening += 1,
            _ => useless.push(path.display().to_string()),
        }
    }
    let mut owned = identities.recipients();
    owned.extend(opened_by_plugins(recipients, identities));
    judge_identities(recipients, &owned, opening, &useless)
}

/// Returns the recipients whose identities are those of plugins, which cannot say whose they are: a file for one recipient alone
/// shows it.
fn opened_by_plugins(recipients: &[Recipient], identities: &Identities) -> Vec<String> {
    if identities.plugins().is_empty() {
        return Vec::new();
    }
    let owned = identities.recipients();
    let opened = |recipient: &&Recipient| {
        seal(std::slice::from_ref(*recipient)).is_ok_and(|(file, stored)| {
            let opened = Opened::start(&file, Box::new(Cursor::new(stored)), identities);
            opened.and_then(Opened::read_all).is_ok()
        })
    };
    let unknown = recipients.iter().filter(|recipient| !owned.iter().any(|text| text == recipient.text()));
    unknown.filter(opened).map(|recipient| recipient.text().to_owned()).collect()
}

/// Judges what the identities opened: `useless` are the files of those that did not.
fn judge_identities(
    recipients: &[Recipient],
    owned: &[String],
    opening: u64,
    useless: &[String],
) -> Vec<Finding> {
    if opening == 0 {
        let wanted: Vec<String> = recipients.iter().map(|recipient| recipient.text().to_owned()).collect();
        let text = format!("{} opens nothing that is encrypted to the recipients", few(useless));
        let mine = owned.first().map_or("age1…", String::as_str);
        let repair = format!(
            "Add \"{mine}\" to recipients, or name the identity of {} in drill.identities.",
            few(&wanted)
        );
        return vec![Finding::fail(IDENTITIES, text, repair)];
    }
    let elsewhere: Vec<String> =
        recipients.iter().filter(|r| !owned.iter().any(|o| o == r.text())).map(Recipient::id).collect();
    let mut text =
        format!("{} a test file", if opening == 1 { "1 opens".into() } else { format!("{opening} open") });
    if !elsewhere.is_empty() {
        text.push_str(&format!(
            "; {} kept elsewhere: {}",
            counted(elsewhere.len() as u64, "key"),
            few(&elsewhere)
        ));
    }
    let mut findings = vec![Finding::ok(IDENTITIES, text)];
    if !useless.is_empty() {
        let text = format!("{} opens nothing that is encrypted to the recipients", few(useless));
        findings.push(Finding::warn(
            IDENTITIES,
            text,
            "Keep it while older backups need it; else take it out of drill.identities.",
        ));
    }
    findings
}

fn seal(recipients: &[Recipient]) -> Result<(StoredFile, Vec<u8>), OpsError> {
    let memory = Memory::default();
    let mut sealed = Sealed::start("a test file", Box::new(memory.clone()), recipients, 1)?;
    sealed.write(CONTENT)?;
    let file = sealed.finish()?;
    let stored = std::mem::take(&mut *memory.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((file, stored))
}

/// A stored file in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Part for Memory {
    fn keep(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::keys::{KeyPair, Source};

    struct Case {
        _directory: tempfile::TempDir,
        recipients: Vec<Recipient>,
        identities: Identities,
    }

    /// Recipients of the first `recipients` keys; identities of those named.
    fn case(recipients: usize, identities: &[usize]) -> Case {
        let pairs: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate()).collect();
        let directory = tempfile::tempdir().unwrap();
        let path = |i: &usize| directory.path().join(format!("{i}.txt"));
        for i in identities {
            pairs[*i].write(&path(i), "a test").unwrap();
        }
        let identities = Identities::read(&identities.iter().map(path).collect::<Vec<_>>()).unwrap();
        let recipients =
            pairs.iter().take(recipients).map(|p| Recipient::parse(&p.recipient()).unwrap()).collect();
        Case { _directory: directory, recipients, identities }
    }

    #[rstest::rstest]
    #[case(2, &[0], &[Level::Ok, Level::Ok])]
    #[case(1, &[0], &[Level::Warn, Level::Ok])]
    #[case(2, &[2], &[Level::Ok, Level::Fail])]
    #[case(2, &[0, 2], &[Level::Ok, Level::Ok, Level::Warn])]
    #[case(2, &[0, 1], &[Level::Ok, Level::Ok])]
    fn each_identity_is_tried_on_a_file(
        #[case] recipients: usize,
        #[case] identities: &[usize],
        #[case] levels: &[Level],
    ) {
        let case = case(recipients, identities);
        let findings = examine(&Ok(case.recipients), &Ok(case.identities), None);
        assert_eq!(findings.iter().map(|f| f.level).collect::<Vec<_>>(), levels, "{findings:?}");
    }

    #[test]
    fn the_same_recipient_twice_is_one() {
        assert_eq!(judge_recipients(&["age1a", "age1a"], false).level, Level::Warn);
        assert_eq!(judge_recipients(&["age1a"], true).level, Level::Ok);
        assert_eq!(judge_recipients(&[], true).level, Level::Warn);
    }

    #[rstest::rstest]
    #[case("correct horse battery staple", Level::Ok)]
    #[case("hunter2", Level::Warn)]
    fn a_passphrase_is_tried(#[case] text: &str, #[case] level: Level) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passphrase");
        let mut file = crate::platform::private_file().create_new(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let passphrase = Passphrase::new(Source::File(path));
        let findings = examine(&Ok(Vec::new()), &Ok(Identities::none()), Some(&passphrase));
        assert_eq!((findings[1].level, findings[2].level), (level, Level::Ok), "{findings:?}");
        let missing = Passphrase::new(Source::File(directory.path().join("nowhere")));
        assert_eq!(examine_passphrase(&missing).level, Level::Fail);
        assert!(findings.iter().all(|finding| !finding.text.contains(text)));
    }

    #[test]
    fn a_key_kept_elsewhere_is_named_by_its_id() {
        let case = case(2, &[0]);
        let id = case.recipients[1].id();
        let findings = examine(&Ok(case.recipients), &Ok(case.identities), None);
        assert_eq!(findings[1].text, format!("1 opens a test file; 1 key kept elsewhere: {id}"));
    }
}

//! Passphrases: where they come from.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use age::secrecy::{ExposeSecret, SecretString};

use super::{Nobody, Prompts};
use crate::{OpsError, platform};

/// How long the command may take; a person may have to answer it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A passphrase with fewer characters is guessed by machines, stretched or not.
const SHORT: usize = 16;

/// A longer first line is no passphrase.
const LONGEST: u64 = 4096;

/// Where a passphrase comes from.
#[derive(Clone)]
pub enum Source {
    /// A program and its arguments; no shell is involved. The first line it writes is the passphrase.
    Command(Vec<String>),
    /// A file that its owner alone can read; its first line is the passphrase.
    File(PathBuf),
    /// A person.
    Ask(Arc<dyn Prompts>),
}

/// A passphrase that is fetched when it is first needed.
pub struct Passphrase {
    source: Source,
    known: Mutex<Option<SecretString>>,
}

impl Passphrase {
    /// Returns the passphrase of a source, which is not asked yet.
    pub fn new(source: Source) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// Returns a passphrase that is known already.
    pub fn known(passphrase: SecretString) -> Self {
        Self { source: Source::Ask(Arc::new(Nobody)), known: Mutex::new(Some(passphrase)) }
    }

    /// Whether it comes without a person.
    pub fn is_unattended(&self) -> bool {
        !matches!(self.source, Source::Ask(_))
    }

    /// Returns where it comes from, for people.
    pub fn origin(&self) -> String {
        match &self.source {
            Source::Command(words) => format!("the passphrase command {}", program(words)),
            Source::File(path) => format!("the passphrase file {}", path.display()),
            Source::Ask(_) => "the passphrase typed".into(),
        }
    }

    /// Returns it, to open a backup.
    ///
    /// # Errors
    /// [`OpsError::Key`], [`OpsError::Io`], [`OpsError::Spawn`].
    pub fn get(&self) -> Result<SecretString, OpsError> {
        self.get_by(|prompts| answered(prompts.ask_secret("Passphrase of the backup: ")))
    }

    /// Returns it, to encrypt a backup: a person types it twice.
    ///
    /// # Errors
    /// As [`Passphrase::get`]; [`OpsError::Key`] also when the two differ.
    pub fn get_new(&self) -> Result<SecretString, OpsError> {
        self.get_by(|prompts| {
            let first = answered(prompts.ask_secret("New passphrase: "))?;
            let second = answered(prompts.ask_secret("The same again: "))?;
            match first.expose_secret() == second.expose_secret() {
                true => Ok(first),
                false => Err(OpsError::Key("the two passphrases are not the same".into())),
            }
        })
    }

    fn get_by(
        &self,
        ask: impl FnOnce(&dyn Prompts) -> Result<SecretString, OpsError>,
    ) -> Result<SecretString, OpsError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(passphrase) = &*known {
            return Ok(passphrase.clone());
        }
        let passphrase = match &self.source {
            Source::Command(words) => by_command(words)?,
            Source::File(path) => by_file(path)?,
            Source::Ask(prompts) => ask(&**prompts)?,
        };
        if passphrase.expose_secret().is_empty() {
            return Err(OpsError::Key(format!("{} is empty", self.origin())));
        }
        Ok(known.insert(passphrase).clone())
    }

    /// Forgets what was fetched, because it opened nothing.
    pub(super) fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether whoever gets a backup may guess the passphrase.
pub fn is_short(passphrase: &SecretString) -> bool {
    passphrase.expose_secret().chars().count() < SHORT
}

fn answered(answer: Option<SecretString>) -> Result<SecretString, OpsError> {
    answer.ok_or_else(|| {
        OpsError::Key("a passphrase is needed, and there is no terminal to ask for it on".into())
    })
}

fn by_file(path: &Path) -> Result<SecretString, OpsError> {
    let file = File::open(path).map_err(OpsError::io("read the passphrase file", path))?;
    if !platform::is_private(path).map_err(OpsError::io("look at the passphrase file", path))? {
        return Err(OpsError::Key(format!(
            "the passphrase file {} can be read by others; its mode must be 600",
            path.display()
        )));
    }
    first_line(file, &format!("the passphrase file {}", path.display()))
}

/// What the program writes to stderr goes where ours goes: it may ask something there, and none of it comes into an error.
fn by_command(words: &[String]) -> Result<SecretString, OpsError> {
    let what = format!("the passphrase command {}", program(words));
    let [name, arguments @ ..] = words else {
        return Err(OpsError::Key("the passphrase command is empty".into()));
    };
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|source| OpsError::Spawn { program: what.clone(), source })?;
    let output = child.stdout.take();
    let (send, receive) = mpsc::channel();
    let title = what.clone();
    std::thread::spawn(move || {
        // whoever waited may be gone
        let _ = send.send(output.map(|output| {
            let mut output = BufReader::new(output);
            let line = first_line(&mut output, &title);
            // a program whose output nobody reads might never end
            let _ = std::io::copy(&mut output, &mut std::io::sink());
            line
        }));
    });
    let line = receive.recv_timeout(PATIENCE);
    if line.is_err() {
        // it may have ended just now
        let _ = child.kill();
    }
    let status = child.wait().map_err(|source| OpsError::Spawn { program: what.clone(), source })?;
    match line {
        Err(_) => Err(OpsError::Key(format!("{what} did not end within {} seconds", PATIENCE.as_secs()))),
        _ if !status.success() => Err(OpsError::Key(format!("{what} failed ({status})"))),
        Ok(Some(line)) => line,
        Ok(None) => Err(OpsError::Key(format!("{what} has no output"))),
    }
}

/// The arguments may hold what nobody else should see.
fn program(words: &[String]) -> &str {
    words.first().map_or("", String::as_str)
}

fn first_line(input: impl Read, what: &str) -> Result<SecretString, OpsError> {
    let mut line = Vec::new();
    let read = BufReader::new(input.take(LONGEST)).read_until(b'\n', &mut line);
    read.map_err(OpsError::io("read", what))?;
    let text = String::from_utf8(line).map_err(|_| OpsError::Key(format!("{what} is not text in UTF-8")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Answers one line after the other.
    struct Typing(Vec<&'static str>, AtomicUsize);

    impl Typing {
        fn source(lines: &[&'static str]) -> Passphrase {
            Passphrase::new(Source::Ask(Arc::new(Self(lines.to_vec(), AtomicUsize::new(0)))))
        }
    }

    impl Prompts for Typing {
        fn tell(&self, _: &str) {}
        fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
            None
        }
        fn ask(&self, _: &str) -> Option<String> {
            None
        }
        fn ask_secret(&self, _: &str) -> Option<SecretString> {
            let line = self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(line).map(|line| (*line).into())
        }
    }

    fn file(directory: &tempfile::TempDir, content: &[u8]) -> PathBuf {
        let path = directory.path().join("passphrase");
        let _ = std::fs::remove_file(&path);
        let mut file = platform::private_file().create_new(true).open(&path).unwrap();
        file.write_all(content).unwrap();
        path
    }

    fn text(result: Result<SecretString, OpsError>) -> String {
        match result {
            Ok(secret) => secret.expose_secret().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[rstest::rstest]
    #[case(b"correct horse\r\nsecond line\n", "correct horse")]
    #[case(b"  with spaces ", "  with spaces ")]
    #[case("Schlüssel\n".as_bytes(), "Schlüssel")]
    #[case(b"", "is empty")]
    #[case(b"\nlater\n", "is empty")]
    #[case(b"\xff\xfe\n", "is not text in UTF-8")]
    fn a_file_s_first_line_is_the_passphrase(#[case] content: &[u8], #[case] expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let read = text(Passphrase::new(Source::File(file(&directory, content))).get());
        assert!(read == expected || read.starts_with("error: ") && read.ends_with(expected), "{read}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, b"hunter2hunter2\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = text(Passphrase::new(Source::File(path)).get());
        assert!(refused.contains("its mode must be 600") && !refused.contains("hunter2"), "{refused}");
    }

    #[cfg(unix)]
    #[rstest::rstest]
    #[case(&["printf", "%s\\nrest\\n", "$HOME `id`"], "$HOME `id`")]
    #[case(&["sh", "-c", "echo hunter2; exit 3"], "error: the passphrase command sh failed (exit status: 3)")]
    #[case(&["true"], "error: the passphrase command true is empty")]
    #[case(&[], "error: the passphrase command is empty")]
    fn a_command_is_run_without_a_shell(#[case] words: &[&str], #[case] expected: &str) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(text(Passphrase::new(Source::Command(words)).get()), expected);
    }

    #[test]
    fn a_person_types_a_new_passphrase_twice_and_an_old_one_once() {
        assert_eq!(text(Typing::source(&["a b", "a b"]).get_new()), "a b");
        assert!(text(Typing::source(&["a b", "a c"]).get_new()).contains("are not the same"));
        let known = Typing::source(&["a b", "never asked for"]);
        assert_eq!((text(known.get()), text(known.get())), ("a b".into(), "a b".into()));
        let nobody = Passphrase::new(Source::Ask(Arc::new(Nobody)));
        assert!(text(nobody.get()).contains("no terminal"));
    }
}

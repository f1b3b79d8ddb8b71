//! Secrets that come from a file or a program of the administrator's.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::SecretString;

use crate::{OpsError, platform};

/// How long the command may take; a person may have to answer it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A longer first line is no secret.
const LONGEST: u64 = 4096;

/// Returns the first line of a file that its owner alone can read. `what` is what it is called in an error: "passphrase".
///
/// # Errors
/// [`OpsError::Key`], [`OpsError::Io`].
pub fn of_file(path: &Path, what: &str) -> Result<SecretString, OpsError> {
    let title = format!("the {what} file {}", path.display());
    let file = File::open(path).map_err(OpsError::io("read", &title))?;
    if !platform::is_private(path).map_err(OpsError::io("look at", &title))? {
        return Err(OpsError::Key(format!("{title} can be read by others; its mode must be 600")));
    }
    first_line(file, &title)
}

/// Returns the first line a program prints; no shell is involved. What it writes to stderr goes where ours goes: it may ask
/// something there, and none of it comes into an error.
///
/// # Errors
/// [`OpsError::Key`], [`OpsError::Spawn`].
pub fn of_command(words: &[String], what: &str) -> Result<SecretString, OpsError> {
    let title = format!("the {what} command {}", program(words));
    let [program, arguments @ ..] = words else {
        return Err(OpsError::Key(format!("the {what} command is empty")));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|source| OpsError::Spawn { program: title.clone(), source })?;
    let output = child.stdout.take();
    let (send, receive) = mpsc::channel();
    let name = title.clone();
    std::thread::spawn(move || {
        // whoever waited may be gone
        let _ = send.send(output.map(|output| {
            let mut output = BufReader::new(output);
            let line = first_line(&mut output, &name);
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
    let status = child.wait().map_err(|source| OpsError::Spawn { program: title.clone(), source })?;
    match line {
        Err(_) => Err(OpsError::Key(format!("{title} did not end within {} seconds", PATIENCE.as_secs()))),
        _ if !status.success() => Err(OpsError::Key(format!("{title} failed ({status})"))),
        Ok(Some(line)) => line,
        Ok(None) => Err(OpsError::Key(format!("{title} has no output"))),
    }
}

/// The arguments may hold what nobody else should see.
pub(crate) fn program(words: &[String]) -> &str {
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
    use std::path::PathBuf;

    use secrecy::ExposeSecret;

    use super::*;

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
    #[case(b"", "")]
    #[case(b"\nlater\n", "")]
    #[case(b"\xff\xfe\n", "is not text in UTF-8")]
    fn a_file_s_first_line_is_the_secret(#[case] content: &[u8], #[case] expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let read = text(of_file(&file(&directory, content), "passphrase"));
        assert!(read == expected || read.starts_with("error: ") && read.ends_with(expected), "{read}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, b"hunter2hunter2\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = text(of_file(&path, "passphrase"));
        assert!(refused.contains("its mode must be 600") && !refused.contains("hunter2"), "{refused}");
    }

    #[cfg(unix)]
    #[rstest::rstest]
    #[case(&["printf", "%s\\nrest\\n", "$HOME `id`"], "$HOME `id`")]
    #[case(&["sh", "-c", "echo hunter2; exit 3"], "error: the passphrase command sh failed (exit status: 3)")]
    #[case(&["true"], "")]
    #[case(&[], "error: the passphrase command is empty")]
    fn a_command_is_run_without_a_shell(#[case] words: &[&str], #[case] expected: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(text(of_command(&words, "passphrase")), expected);
    }
}

//! Questions of keys, put to the person at the terminal.

use std::io::{self, BufRead, Write};

use secrecy::SecretString;
use unisys_ops::keys::Prompts;

use super::{Stderr, Tone, printable};

/// The person at the terminal, where there is one. Plugins write the questions; none of their text reaches the terminal as
/// commands to it.
pub(super) struct AtTerminal {
    pub(super) stderr: Stderr,
    pub(super) interactive: bool,
}

impl AtTerminal {
    fn line(&self, question: &str) -> Option<String> {
        if !self.interactive {
            return None;
        }
        self.stderr.bars().suspend(|| {
            let mut stderr = io::stderr().lock();
            write!(stderr, "{} ", printable(question.trim_end())).and_then(|()| stderr.flush()).ok()?;
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line).ok()?;
            (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
        })
    }
}

impl Prompts for AtTerminal {
    fn tell(&self, text: &str) {
        self.stderr.line(Tone::Plain, "", &printable(text));
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let answers = match no {
            Some(no) => format!("[y = {yes}, n = {no}]"),
            None => format!("[y = {yes}]"),
        };
        let line = self.line(&format!("{question} {answers}"))?;
        Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn ask(&self, question: &str) -> Option<String> {
        self.line(question)
    }

    fn ask_secret(&self, question: &str) -> Option<SecretString> {
        if !self.interactive {
            return None;
        }
        let question = format!("{} ", printable(question.trim_end()));
        let typed = self.stderr.bars().suspend(|| rpassword::prompt_password(question));
        typed.ok().map(SecretString::from)
    }
}

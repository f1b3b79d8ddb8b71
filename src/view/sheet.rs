//! The recovery sheet: a key on paper, which must be understood by somebody who has nothing but it and a backup.

use chrono::{DateTime, Utc};
use qrcode::render::{svg, unicode::Dense1x2};
use qrcode::{EcLevel, QrCode};
use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;

/// How many characters stand together, and how many groups on a line.
const GROUP: usize = 4;
const GROUPS: usize = 4;

/// The last characters of a key are its checksum.
const CHECKSUM: usize = 6;

/// Black on white, whatever the terminal's colours are: not every camera reads a code the other way round.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";

/// A key and what is known of it.
pub(crate) struct Sheet {
    /// What it is for.
    pub(crate) title: Option<String>,
    /// Its short name, as manifests have it.
    pub(crate) key_id: Option<String>,
    /// Its public half.
    pub(crate) recipient: Option<String>,
    /// The plugin it needs.
    pub(crate) plugin: Option<String>,
    pub(crate) secret: SecretString,
    pub(crate) printed: DateTime<Utc>,
}

impl Sheet {
    /// Returns the sheet as text of at most 80 columns.
    ///
    /// # Errors
    /// The key is too long for a QR code.
    pub(crate) fn text(&self, colours: bool) -> Result<SecretString, Failure> {
        let code = self.code()?.render::<Dense1x2>().quiet_zone(true).build();
        let mut text = format!("{}\n{}\n\n", self.heading(), "=".repeat(self.heading().chars().count()));
        for paragraph in self.meaning() {
            text.push_str(&format!("{}\n\n", wrapped(&paragraph, 78)));
        }
        for (label, value) in self.facts() {
            text.push_str(&format!("{label:<10} {value}\n"));
        }
        text.push_str("\nThe key:\n\n");
        let (prefix, lines) = self.lines();
        text.push_str(&format!("    {prefix}\n"));
        lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        text.push_str(&format!("\n    its last {CHECKSUM}: {}\n\n", self.checksum()));
        for line in code.lines() {
            match colours {
                true => text.push_str(&format!("{BLACK_ON_WHITE}{line}\x1b[0m\n")),
                false => text.push_str(&format!("{line}\n")),
            }
        }
        text.push_str("\nHow to use it:\n\n");
        for (number, step) in self.steps().iter().enumerate() {
            let step = wrapped(step, 74).replace('\n', "\n   ");
            text.push_str(&format!("{}. {step}\n", number + 1));
        }
        Ok(text.into())
    }

    /// Returns the sheet as a page for a browser to print, which needs nothing else.
    ///
    /// # Errors
    /// The key is too long for a QR code.
    pub(crate) fn html(&self) -> Result<SecretString, Failure> {
        let code = self.code()?.render::<svg::Color>().quiet_zone(true).build();
        // inside of a page the image has no declaration of its own
        let code = code.find("<svg").map_or(code.as_str(), |start| &code[start..]);
        let element = |name: &str, content: &str| format!("<{name}>{content}</{name}>\n");
        let each = |name: &str, texts: &[String]| -> String {
            texts.iter().map(|text| element(name, &escaped(text))).collect()
        };
        let facts: String = self
            .facts()
            .iter()
            .map(|(label, value)| format!("<dt>{label}</dt><dd><code>{}</code></dd>\n", escaped(value)))
            .collect();
        let (prefix, lines) = self.lines();
        let key = [vec![prefix], lines].concat().join("\n");
        let heading = escaped(&self.heading());
        let page = [
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n".to_owned(),
            element("title", &heading),
            element("style", STYLE),
            "</head>\n<body>\n".to_owned(),
            element("h1", &heading),
            each("p", &self.meaning()),
            format!("<dl>\n{facts}</dl>\n<div class=\"key\">\n{code}\n"),
            format!("<div><pre>{}</pre>\n<p>its last {CHECKSUM}: ", escaped(&key)),
            format!("<code>{}</code></p></div>\n</div>\n", self.checksum()),
            element("h2", "How to use it"),
            format!("<ol>\n{}</ol>\n</body>\n</html>\n", each("li", &self.steps())),
        ];
        Ok(page.concat().into())
    }

    fn code(&self) -> Result<QrCode, Failure> {
        QrCode::with_error_correction_level(self.secret.expose_secret(), EcLevel::Q)
            .map_err(|error| Failure::new(format!("the key does not fit into a QR code: {error}")))
    }

    fn heading(&self) -> String {
        match &self.title {
            Some(title) => format!("Recovery key of {title}"),
            None => "Recovery key of database backups".into(),
        }
    }

    fn meaning(&self) -> Vec<String> {
        vec![
            "This key decrypts backups made with unisys-dba. It is needed when the machine that made them is \
             lost, and its own keys with it. Whoever has this sheet and a backup has the data: keep it as you \
             keep a contract, away from both."
                .into(),
        ]
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        facts.extend(self.key_id.clone().map(|id| ("Key id", format!("{id} (a backup names its keys so)"))));
        facts.extend(self.recipient.clone().map(|recipient| ("Recipient", shortened(&recipient))));
        facts
            .extend(self.plugin.as_ref().map(|plugin| ("Needs", format!("the program age-plugin-{plugin}"))));
        facts.push(("Printed", self.printed.format("%Y-%m-%d").to_string()));
        facts
    }

    /// Returns what stands before the key's own characters, and those in groups.
    fn lines(&self) -> (String, Vec<String>) {
        let secret = self.secret.expose_secret();
        let (prefix, data) = secret.rsplit_once('1').unwrap_or(("", secret));
        let characters: Vec<char> = data.chars().collect();
        let line = |line: &[char]| {
            line.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
        };
        (format!("{prefix}1"), characters.chunks(GROUP * GROUPS).map(line).collect())
    }

    fn checksum(&self) -> &str {
        let secret = self.secret.expose_secret();
        secret.get(secret.len().saturating_sub(CHECKSUM)..).unwrap_or(secret)
    }

    fn steps(&self) -> Vec<String> {
        let (prefix, _) = self.lines();
        let check = match (&self.plugin, &self.recipient) {
            (None, Some(recipient)) => format!(
                "Run: age-keygen -y identity.txt. It must print {recipient}; a key with a wrong character is refused."
            ),
            (Some(plugin), _) => format!("Install age-plugin-{plugin} where the PATH finds it."),
            (None, None) => {
                "Run: age-keygen -y identity.txt. A key with a wrong character is refused.".into()
            }
        };
        vec![
            format!(
                "Scan the code, or type the key in capitals, into a file identity.txt: one line, without spaces, \
                 {prefix} and all the rest behind it."
            ),
            check,
            "With unisys-dba: unisys-dba restore BACKUP --to DATABASE --identity identity.txt".into(),
            "Without it: put identity.txt into the backup's directory and do what RESTORE.txt there says. It needs \
             age (or rage), zstd and PostgreSQL."
                .into(),
            "Remove identity.txt afterwards, or keep it as carefully as this sheet.".into(),
        ]
    }
}

const STYLE: &str = "
@page { size: A4; margin: 18mm; }
body { font: 11pt/1.4 sans-serif; color: #000; background: #fff; max-width: 174mm; margin: 1em auto; }
h1 { font-size: 18pt; border-bottom: 1pt solid #000; }
h2 { font-size: 13pt; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2pt 10pt; }
dd { margin: 0; }
code, pre { font-family: monospace; overflow-wrap: anywhere; }
pre { font-size: 14pt; line-height: 1.5; margin: 0; }
.key { display: flex; align-items: center; gap: 8mm; border: 1pt solid #000; padding: 4mm; break-inside: avoid; }
.key svg { width: 60mm; height: 60mm; flex: none; }
";

/// Post-quantum recipients have two thousand characters.
fn shortened(recipient: &str) -> String {
    match recipient.char_indices().nth(66) {
        Some((end, _)) => format!("{}… (its start)", &recipient[..end]),
        None => recipient.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Breaks a text into lines of at most `width` characters, at its spaces.
fn wrapped(text: &str, width: usize) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests;

//! `key print`: a key on paper.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use unisys_ops::keys::{Identities, id_of};
use unisys_ops::platform;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view::sheet::Sheet;

/// A longer text is no identity file.
const LONGEST: u64 = 64 * 1024;

/// Print a key on a recovery sheet: in letters, as a QR code, and how to use it
///
/// The sheet says how the key opens a backup with age alone. Without FILE you are asked for the key, and it is not seen while
/// you type; "-" reads it from stdin.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A file with one identity, or "-" for stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The sheet, for its owner alone; .html for a page to print, else plain text [default: stdout]
    #[arg(long, short, value_name = "SHEET")]
    output: Option<PathBuf>,
    /// What the key is for, such as the name of the database
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

pub(super) fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let identities = identities(args, ctx)?;
    let mut secrets = identities.secrets();
    let (Some(secret), true) = (secrets.pop(), secrets.is_empty()) else {
        return Err(Failure::usage("a sheet is for one key, and there are several in the file")
            .hint("Put each on a line of a file of its own."));
    };
    let recipient = identities.recipients().pop();
    let sheet = Sheet {
        title: args.title.clone(),
        key_id: recipient.as_deref().map(id_of),
        recipient,
        plugin: identities.plugins().first().map(|plugin| (*plugin).to_owned()),
        secret,
        printed: ctx.now,
    };
    match &args.output {
        Some(path) => write(path, &sheet, ui)?,
        None => ui.text(sheet.text(std::io::stdout().is_terminal())?.expose_secret())?,
    }
    ui.warning("The sheet holds the secret key: print it, keep the paper away from this machine, and remove what is left here.");
    Ok(Exit::Done)
}

fn write(path: &Path, sheet: &Sheet, ui: &Ui) -> Result<(), Failure> {
    let is_page = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    let content = if is_page { sheet.html()? } else { sheet.text(false)? };
    let file = platform::private_file().create_new(true).open(path);
    let mut file = file.hint(format!("Name another file than {} with --output.", path.display()))?;
    file.write_all(content.expose_secret().as_bytes()).and_then(|()| file.sync_all())?;
    ui.status(format!("{} can be read by you alone.", path.display()));
    ui.hint(match is_page {
        true => "Open it in a browser and print it, scan its QR code once, and remove it.",
        false => "Print it in a fixed-width font, scan its QR code once, and remove it.",
    });
    Ok(())
}

fn identities(args: &Args, ctx: &Context) -> Result<Identities, Failure> {
    let given = match args.file.as_deref() {
        Some(path) if path == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
            (SecretString::from(text), "stdin")
        }
        Some(path) => return Ok(Identities::read_with(&[path.to_owned()], ctx.prompts())?),
        None => {
            let typed = ctx.prompts().ask_secret("The secret key, AGE-SECRET-KEY-1…: ").ok_or_else(|| {
                Failure::usage("there is no terminal to type the key on")
                    .hint("Name its file, or pass it on stdin with `key print -`.")
            })?;
            (from_paper(&typed), "what was typed")
        }
    };
    Ok(Identities::of_text(given.0.expose_secret(), Path::new(given.1))?)
}

/// Who copies a key from paper types its groups, and may not use capitals.
fn from_paper(typed: &SecretString) -> SecretString {
    let joined: String = typed.expose_secret().split_whitespace().collect();
    joined.to_uppercase().into()
}

//! The recovery key: shown once, kept nowhere.

use secrecy::ExposeSecret;
use unisys_ops::keys::{KeyPair, Recipient};

use super::Args;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;

/// How many of its last characters are asked back.
const ASKED: usize = 6;
/// How often they may be typed wrongly.
const ATTEMPTS: usize = 3;

/// Where the recovery key comes from.
pub(super) enum Choice {
    /// Somebody has it already.
    Given(Recipient),
    /// There will be none.
    Without,
    /// A new one, shown on the terminal.
    New,
}

impl Choice {
    /// Returns what the arguments say, before anything is done.
    ///
    /// # Errors
    /// No recipient; or a key would have to be shown and there is no terminal: exit 2.
    pub(super) fn of(args: &Args, ui: &Ui) -> Result<Self, Failure> {
        if let Some(text) = &args.recovery_recipient {
            let recipient = Recipient::parse(text).exit(Exit::Usage);
            return Ok(Self::Given(
                recipient.hint("Give the public half, `age1…`, as age-keygen -y prints it.")?,
            ));
        }
        if args.no_recovery_key {
            return Ok(Self::Without);
        }
        if !ui.is_interactive() {
            return Err(Failure::usage("the recovery key is shown on a terminal, and there is none").hint(
                "Name one you have with --recovery-recipient age1…, or go without by --no-recovery-key.",
            ));
        }
        Ok(Self::New)
    }
}

/// Returns the public half of the recovery key, after its secret half was shown and a person has it.
///
/// # Errors
/// The last characters were typed wrongly too often: exit 1, nothing was written.
pub(super) async fn take(choice: Choice, database: &str, ui: &mut Ui) -> Result<Option<Recipient>, Failure> {
    match choice {
        Choice::Given(recipient) => Ok(Some(recipient)),
        Choice::Without => {
            ui.warning("There is no recovery key: when the drill key is lost, so is every backup.");
            Ok(None)
        }
        Choice::New => show(database, ui).await.map(Some),
    }
}

async fn show(database: &str, ui: &mut Ui) -> Result<Recipient, Failure> {
    let pair = KeyPair::generate();
    let recipient = Recipient::parse(&pair.recipient())?;
    let secret = pair.secret();
    let screen = ui.show_once(&format!(
        "The recovery key of {database}. It opens every backup when this machine is lost. It is shown this once\n\
         and kept nowhere: write it down or print it, and keep it away from this machine.\n\n    {}\n\n",
        secret.expose_secret()
    ));
    for _ in 0..ATTEMPTS {
        let typed = ui.ask(&format!("Type its last {ASKED} characters: ")).await?;
        if is_end_of(secret.expose_secret(), &typed) {
            drop(screen);
            ui.status("The recovery key is yours now; its public half goes into the configuration.");
            return Ok(recipient);
        }
    }
    drop(screen);
    Err(Failure::new("the recovery key was not typed back, so nothing was written")
        .hint("Run `unisys-dba init` again, for another key."))
}

/// Whether `typed` is the end of the secret, in capitals or not.
fn is_end_of(secret: &str, typed: &str) -> bool {
    typed.len() == ASKED
        && secret.is_char_boundary(secret.len() - ASKED)
        && secret[secret.len() - ASKED..].eq_ignore_ascii_case(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_six_characters_will_do() {
        for (typed, right) in [
            ("UVWXYZ", true),
            ("uvwxyz", true),
            ("VWXYZ", false),
            ("", false),
            ("TUVWXYZ", false),
            ("ABCDEF", false),
        ] {
            assert_eq!(is_end_of("AGE-SECRET-KEY-1TUVWXYZ", typed), right, "{typed}");
        }
    }
}

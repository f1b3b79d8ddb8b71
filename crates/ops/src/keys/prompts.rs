//! Questions a key has for a person: a plugin's PIN, a passphrase. Who can be asked is the program's to know.

use std::sync::{Arc, Mutex, PoisonError};

use age::secrecy::SecretString;

/// Somebody who can be asked. Each answer is `None` where there is nobody.
pub trait Prompts: Send + Sync {
    /// Tells something, such as "touch your key".
    fn tell(&self, text: &str);
    /// Asks for one of two answers; `no` may be left out.
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool>;
    /// Asks for a line.
    fn ask(&self, question: &str) -> Option<String>;
    /// Asks for a line that is not seen while it is typed.
    fn ask_secret(&self, question: &str) -> Option<SecretString>;
}

/// Nobody: a scheduled run.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Prompts for Nobody {
    fn tell(&self, _text: &str) {}

    fn confirm(&self, _question: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn ask(&self, _question: &str) -> Option<String> {
        None
    }

    fn ask_secret(&self, _question: &str) -> Option<SecretString> {
        None
    }
}

/// [`Prompts`] in the form the `age` crate wants; remembers a question that found nobody.
#[derive(Clone)]
pub(super) struct Asking {
    prompts: Arc<dyn Prompts>,
    unanswered: Arc<Mutex<Option<String>>>,
}

impl Asking {
    pub(super) fn new(prompts: &Arc<dyn Prompts>) -> Self {
        Self { prompts: Arc::clone(prompts), unanswered: Arc::default() }
    }

    /// Returns the question nobody was there to answer.
    pub(super) fn unanswered(&self) -> Option<String> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn noted<T>(&self, question: &str, answer: Option<T>) -> Option<T> {
        if answer.is_none() {
            *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(question.to_owned());
        }
        answer
    }
}

impl age::Callbacks for Asking {
    fn display_message(&self, message: &str) {
        self.prompts.tell(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.noted(message, self.prompts.confirm(message, yes, no))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.noted(description, self.prompts.ask(description))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        self.noted(description, self.prompts.ask_secret(description))
    }
}

//! Notifications: who is told how an operation ended.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use unisys_ops::hook::{self, Hook, Stream};
use unisys_ops::notify::{self, mail};

use super::Subject;
use super::message::Message;
use crate::context::Context;
use crate::failure::Failure;

/// Who is told.
pub(super) struct Receivers<'a> {
    webhook: Option<&'a SecretString>,
    webhook_file: Option<&'a Path>,
    mail_to: &'a [String],
}

impl<'a> Receivers<'a> {
    /// Returns whom `[notify]` and `[mail]` name, for every run.
    pub(super) fn of_all(ctx: &'a Context) -> Self {
        let notify = &ctx.settings.notify;
        Self {
            webhook: notify.webhook.as_ref(),
            webhook_file: notify.webhook_file.as_deref(),
            mail_to: &ctx.settings.mail.to,
        }
    }

    /// Returns whom the table of a database names, for that one alone.
    pub(super) fn of_database(subject: &'a Subject<'_>) -> Self {
        Self { webhook: None, webhook_file: subject.webhook_file.as_deref(), mail_to: &subject.mail_to }
    }

    /// Whether there is any.
    pub(super) fn is_anybody(&self) -> bool {
        self.webhook.is_some() || self.webhook_file.is_some() || !self.mail_to.is_empty()
    }
}

/// Tells everybody who wants to know; returns what failed, each a sentence.
pub(super) async fn tell(message: &Message, to: &Receivers<'_>, ctx: &Context) -> Vec<String> {
    let wanted = message.events.iter().any(|event| ctx.settings.notify.on.contains(event));
    if !wanted || !to.is_anybody() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for sent in [webhook(message, to, ctx).await, by_mail(message, to, ctx).await] {
        problems.extend(sent.err().map(|failure| format!("nobody was told: {}", failure.error)));
    }
    problems
}

async fn webhook(message: &Message, to: &Receivers<'_>, ctx: &Context) -> Result<(), Failure> {
    let url = match (to.webhook, to.webhook_file) {
        (Some(url), _) => url.clone(),
        (None, Some(path)) => read(path, "the webhook's address")?,
        (None, None) => return Ok(()),
    };
    Ok(notify::webhook(&url, &message.document, ctx.settings.notify.time_limit.0).await?)
}

async fn by_mail(message: &Message, to: &Receivers<'_>, ctx: &Context) -> Result<(), Failure> {
    let settings = &ctx.settings.mail;
    if to.mail_to.is_empty() {
        return Ok(());
    }
    let missing = |key: &str| Failure::config(format!("mail.{key} is not set"));
    let server = mail::MailServer {
        host: settings.server.clone().ok_or_else(|| missing("server"))?,
        port: settings.port,
        security: settings.security.into(),
        login: login(ctx).await?,
    };
    let mail = mail::Mail {
        from: settings.from.clone().ok_or_else(|| missing("from"))?,
        to: to.mail_to.to_vec(),
        subject: format!("[unisys-dba] {}", message.headline),
        body: message.text.clone(),
    };
    Ok(mail::send(server, &mail, ctx.settings.notify.time_limit.0).await?)
}

async fn login(ctx: &Context) -> Result<Option<(String, SecretString)>, Failure> {
    let settings = &ctx.settings.mail;
    let Some(user) = &settings.user else { return Ok(None) };
    let password = match &settings.password_file {
        Some(path) => read(path, "the mail server's password")?,
        None if !settings.password_command.is_empty() => {
            printed(&settings.password_command, ctx, ctx.settings.notify.time_limit.0).await?
        }
        None => {
            return Err(Failure::config(
                "mail.user has no password: neither mail.password-file nor mail.password-command is set",
            ));
        }
    };
    Ok(Some((user.clone(), password)))
}

/// Returns the first line that a program prints.
async fn printed(command: &[String], ctx: &Context, limit: Duration) -> Result<SecretString, Failure> {
    let program = Hook {
        command: command.to_vec(),
        variables: ctx.environment.clone(),
        directory: None,
        input: Vec::new(),
        limit,
    };
    let line = Mutex::new(None);
    let keep_first = |stream: Stream, text: &str| {
        if stream == Stream::Output {
            line.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| text.to_owned());
        }
    };
    hook::run(&program, &keep_first).await?;
    Ok(line.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_default().into())
}

/// Reads a secret from a file that nobody else may read.
fn read(path: &Path, what: &str) -> Result<SecretString, Failure> {
    let wrong =
        |reason: &dyn std::fmt::Display| Failure::config(format!("{what} in {}: {reason}", path.display()));
    if !unisys_ops::platform::is_private(path).map_err(|error| wrong(&error))? {
        return Err(wrong(&"others may read the file; chmod 600"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Ok(first_line(&text).into())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

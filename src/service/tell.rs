//! Notifications: who is told how an operation ended.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use unisys_ops::hook::{self, Hook, Stream};
use unisys_ops::memory::Runs;
use unisys_ops::notify::{self, mail};

use super::letter::Letter;
use crate::context::Context;
use crate::failure::Failure;
use crate::settings::Event;

/// Whether the configuration names anybody.
pub(super) fn anybody(ctx: &Context) -> bool {
    let notify = &ctx.settings.notify;
    let somebody =
        notify.webhook.is_some() || notify.webhook_file.is_some() || !ctx.settings.mail.to.is_empty();
    somebody && !notify.on.is_empty()
}

/// Tells everybody who wants to know; returns what failed, each a sentence.
pub(super) async fn tell(letter: &Letter, ctx: &Context, before: Option<&Runs>) -> Vec<String> {
    let failures = before.map_or(0, |runs| runs.failures);
    let event = match (letter.is_good(), failures) {
        (false, _) => Event::Failed,
        (true, 0) => Event::Succeeded,
        (true, _) => Event::Recovered,
    };
    if !anybody(ctx) || !ctx.settings.notify.on.contains(&event) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for sent in [webhook(letter, ctx, event, failures).await, by_mail(letter, ctx, failures).await] {
        problems.extend(sent.err().map(|failure| format!("nobody was told: {}", failure.error)));
    }
    problems
}

async fn webhook(letter: &Letter, ctx: &Context, event: Event, failures: u64) -> Result<(), Failure> {
    let settings = &ctx.settings.notify;
    let url = match (&settings.webhook, &settings.webhook_file) {
        (Some(url), _) => url.clone(),
        (None, Some(path)) => read(path, "the webhook's address")?,
        (None, None) => return Ok(()),
    };
    let mut document = letter.document(event.name());
    document["text"] = letter.headline(failures).into();
    Ok(notify::webhook(&url, &document, settings.time_limit.0).await?)
}

async fn by_mail(letter: &Letter, ctx: &Context, failures: u64) -> Result<(), Failure> {
    let settings = &ctx.settings.mail;
    if settings.to.is_empty() {
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
        to: settings.to.clone(),
        subject: format!("[unisys-dba] {}", letter.headline(failures)),
        body: letter.text(failures),
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
fn read(path: &std::path::Path, what: &str) -> Result<SecretString, Failure> {
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

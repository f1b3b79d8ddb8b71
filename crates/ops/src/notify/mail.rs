//! Mail, through a server that takes it.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::causes;
use crate::OpsError;

/// How the connection to a mail server is kept from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It begins in plain text and must change to TLS before anything is said.
    StartTls,
    /// It is TLS from the first byte.
    Tls,
    /// It is not. No password is sent over it, but to this machine.
    None,
}

/// A mail server, and who may send.
#[derive(Debug)]
pub struct MailServer {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// The login and its password.
    pub login: Option<(String, SecretString)>,
}

/// A message in plain text.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender: `name@host` or `Name <name@host>`.
    pub from: String,
    /// The receivers, in the same form.
    pub to: Vec<String>,
    /// The subject; line ends in it become spaces.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// Checks that this is the address of somebody.
///
/// # Errors
/// [`OpsError::Refused`].
pub fn check_address(text: &str) -> Result<(), OpsError> {
    mailbox(text).map(|_| ())
}

fn mailbox(text: &str) -> Result<Mailbox, OpsError> {
    text.parse().map_err(|error| OpsError::Refused(format!("{text:?} is no mail address: {error}")))
}

/// Sends a mail.
///
/// # Errors
/// [`OpsError::Refused`] for an address that is none, and for a password that would be sent in plain text;
/// [`OpsError::Unreached`] when the server does not take it within `limit`.
pub async fn send(server: MailServer, mail: &Mail, limit: Duration) -> Result<(), OpsError> {
    let to = format!("the mail server {}", server.host);
    let unreached = |reason: String| OpsError::Unreached { to: to.clone(), reason };
    let message = message(mail)?;
    let transport = transport(server, limit)?;
    // the crate's limit is for each answer of the server, ours for the whole
    match tokio::time::timeout(limit, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreached(causes(&error))),
        Err(_) => Err(unreached(format!("it did not answer within {} s", limit.as_secs()))),
    }
}

fn message(mail: &Mail) -> Result<Message, OpsError> {
    let subject: String = mail.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut message =
        Message::builder().from(mailbox(&mail.from)?).subject(subject).header(ContentType::TEXT_PLAIN);
    for receiver in &mail.to {
        message = message.to(mailbox(receiver)?);
    }
    message.body(mail.body.clone()).map_err(|error| OpsError::Refused(format!("this is no mail: {error}")))
}

fn transport(server: MailServer, limit: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, OpsError> {
    let unfit = |error| OpsError::Unreached { to: server.host.clone(), reason: causes(&error) };
    let parameters = || TlsParameters::new(server.host.clone()).map_err(unfit);
    let tls = match server.security {
        Security::StartTls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::None => Tls::None,
    };
    let here = ["localhost", "127.0.0.1", "::1"].contains(&server.host.as_str());
    if server.security == Security::None && server.login.is_some() && !here {
        return Err(OpsError::Refused(format!("no password is sent to {} in plain text", server.host)));
    }
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(limit));
    if let Some((name, password)) = server.login {
        builder = builder.credentials(Credentials::new(name, password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

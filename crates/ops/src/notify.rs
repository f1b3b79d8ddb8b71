//! Telling somebody: by webhook and by mail.
//!
//! An address of the web may be a secret itself: errors name its host alone.

pub mod mail;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::OpsError;

/// How a request is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Post,
    Put,
}

/// What is sent.
pub(crate) struct Payload {
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// Posts a document to a webhook.
///
/// # Errors
/// [`OpsError::Unreached`]: no connection, no answer within `limit`, or one that is not a success.
pub async fn webhook(url: &SecretString, document: &Value, limit: Duration) -> Result<(), OpsError> {
    let payload = Payload { content_type: "application/json", body: document.to_string().into_bytes() };
    send("the webhook", Verb::Post, url.expose_secret(), payload, limit).await
}

/// Sends one request; only a success answers it. A redirect is none: a webhook that moved is to be configured anew, not to
/// be followed to wherever an answer points.
pub(crate) async fn send(
    what: &str,
    verb: Verb,
    url: &str,
    payload: Payload,
    limit: Duration,
) -> Result<(), OpsError> {
    let unreached = |to: String, reason: String| OpsError::Unreached { to, reason };
    let url =
        Url::parse(url).map_err(|error| unreached(what.into(), format!("its address is none: {error}")))?;
    let to = format!("{what} at {}", url.host_str().unwrap_or("?"));
    let client = Client::builder().timeout(limit).redirect(Policy::none()).user_agent("unisys-dba").build();
    let client = client.map_err(|error| unreached(to.clone(), causes(&error)))?;
    let method = match verb {
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
    };
    let request = client.request(method, url).header("Content-Type", payload.content_type).body(payload.body);
    let answer = request.send().await.map_err(|error| unreached(to.clone(), causes(&error.without_url())))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(unreached(to, format!("it answered {status}"))),
    }
}

/// Returns an error with its causes; the outermost often says only that something failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;

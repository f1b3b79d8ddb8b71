//! Metrics handed to a Pushgateway: <https://github.com/prometheus/pushgateway>.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;

use super::render;
use crate::OpsError;
use crate::memory::Remembered;
use crate::notify::{self, Payload, Verb};

/// The job everything is pushed under.
const JOB: &str = "unisys_dba";

/// Puts one database's metrics in the place of those pushed before; those of other databases stay.
///
/// # Errors
/// [`OpsError::Unreached`]; of the address, only the host is named.
pub async fn push(gateway: &str, known: &Remembered, limit: Duration) -> Result<(), OpsError> {
    let url = format!("{}/metrics/job/{JOB}/{}", gateway.trim_end_matches('/'), group(&known.name));
    let payload = Payload {
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        body: render(std::slice::from_ref(known)).into_bytes(),
    };
    notify::send("the Pushgateway", Verb::Put, &url, payload, limit).await
}

/// A name that may not be one segment of a path goes in base64, as the gateway has it.
fn group(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name.chars().all(bare) {
        true => format!("database/{name}"),
        false => format!("database@base64/{}", BASE64_URL_SAFE.encode(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_group_of_its_own_whatever_its_name() {
        assert_eq!(group("app-1_x"), "database/app-1_x");
        assert_eq!(group("a/b"), "database@base64/YS9i");
        assert_eq!(group("/tmp/ü"), "database@base64/L3RtcC_DvA==");
    }
}

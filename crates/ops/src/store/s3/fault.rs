//! What a bucket's server, or the way to it, failed with: told apart for people, and for the next try.

use std::error::Error;

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

/// Why a bucket did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No key was found to sign requests with.
    NoCredentials,
    /// The server does not know the key, or the secret does not fit.
    Credentials,
    /// The key may not do this.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket is in another region.
    Region,
    /// The clocks here and there differ too much.
    Clock,
    /// The server's certificate is not trusted.
    Tls,
    /// Nothing answers.
    Unreachable,
    /// The server answers, and fails.
    Unavailable,
    /// Something else.
    Other,
}

/// What is known of a failure.
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) reason: String,
}

/// Whether trying again may help.
pub(super) fn is_transient(error: &StoreError) -> bool {
    matches!(read(error).fault, Fault::Unavailable | Fault::Unreachable)
}

/// Whether an object, and not the whole bucket, is missing.
pub(super) fn is_missing(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && read(error).fault != Fault::NoBucket
}

/// Returns what an error says, in words for people.
pub(super) fn read(error: &StoreError) -> Failure {
    if let Some(http) = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()) {
        return of_connection(http);
    }
    let text = error.to_string();
    match text.split_once("non-2xx status code: ") {
        Some((_, answer)) => of_answer(answer),
        None if text.contains("Received redirect without LOCATION") => Failure {
            fault: Fault::Region,
            reason: "the server sends elsewhere: the bucket is in another region".into(),
        },
        None => {
            let cause = causes(error).last().map_or(text, ToString::to_string);
            let fault = if cause.contains("InternalError") || cause.contains("SlowDown") {
                Fault::Unavailable
            } else {
                Fault::Other
            };
            Failure { fault, reason: cause }
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn of_connection(error: &HttpError) -> Failure {
    let chain: Vec<String> = causes(error).map(ToString::to_string).collect();
    let text = chain.join(": ");
    let cause = chain.last().cloned().unwrap_or_default();
    if text.contains("certificate") || text.contains("SSL") || text.contains("ssl") {
        return Failure { fault: Fault::Tls, reason: cause };
    }
    let reason = match error.kind() {
        HttpErrorKind::Timeout => "no answer in time".into(),
        _ => cause,
    };
    Failure { fault: Fault::Unreachable, reason }
}

/// Reads `403 Forbidden: <?xml …><Error><Code>…</Code><Message>…</Message>…`.
pub(super) fn of_answer(answer: &str) -> Failure {
    let status = answer.split(": <").next().unwrap_or(answer).trim().trim_end_matches(':');
    let number: u16 = status.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
    };
    let code = element("Code").unwrap_or_default();
    let fault = match (code, number) {
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken", _) => {
            Fault::Credentials
        }
        ("NoSuchBucket", _) => Fault::NoBucket,
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _) => {
            Fault::Region
        }
        ("RequestTimeTooSkewed", _) => Fault::Clock,
        ("SlowDown" | "InternalError" | "RequestTimeout" | "ServiceUnavailable", _) => Fault::Unavailable,
        (_, 301 | 307) => Fault::Region,
        (_, 401) => Fault::Credentials,
        (_, 403) => Fault::Denied,
        (_, 408 | 429 | 500..=599) if number != 501 => Fault::Unavailable,
        _ => Fault::Other,
    };
    let message = element("Message").unwrap_or_default();
    let reason = [status, code, message].into_iter().filter(|part| !part.is_empty());
    Failure { fault, reason: reason.collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code></Error>", Fault::Credentials)]
    #[case("403 Forbidden: <Error><Code>AccessDenied</Code></Error>", Fault::Denied)]
    #[case("403 Forbidden", Fault::Denied)]
    #[case("403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code></Error>", Fault::Clock)]
    #[case("404 Not Found: <Error><Code>NoSuchBucket</Code></Error>", Fault::NoBucket)]
    #[case("404 Not Found: <Error><Code>NoSuchKey</Code></Error>", Fault::Other)]
    #[case("400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code></Error>", Fault::Region)]
    #[case("301 Moved Permanently", Fault::Region)]
    #[case("503 Service Unavailable: <Error><Code>SlowDown</Code></Error>", Fault::Unavailable)]
    #[case("500 Internal Server Error: ", Fault::Unavailable)]
    #[case("501 Not Implemented: ", Fault::Other)]
    #[case("429 Too Many Requests: slow down", Fault::Unavailable)]
    fn answers_are_told_apart(#[case] answer: &str, #[case] expected: Fault) {
        assert_eq!(of_answer(answer).fault, expected);
    }

    #[test]
    fn people_read_status_code_and_message() {
        let answer = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>\
                      <Message>Access Denied</Message><Resource>/b/k</Resource></Error>";
        assert_eq!(of_answer(answer).reason, "403 Forbidden, AccessDenied, Access Denied");
        assert_eq!(of_answer("500 Internal Server Error: ").reason, "500 Internal Server Error");
    }
}

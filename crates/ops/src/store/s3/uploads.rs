//! Uploads that were begun and neither ended nor given up: invisible in a listing, and paid for. `object_store` cannot list
//! them, but it can sign the question.

use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bucket::{BRIEFLY, Bucket};
use super::engine::patiently;
use super::fault;
use crate::OpsError;

/// How often an upload is given up, while it still has parts: one that was on its way may come after the first time.
const TRIES: usize = 3;

/// How long a signed question is good for.
const VALID: Duration = Duration::from_secs(300);

/// One upload under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    /// The name in the store of the object it would have become.
    pub(super) name: String,
    pub(super) id: String,
    /// When it was begun, by the server's clock.
    pub(super) begun: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadPage {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(default, rename = "Upload")]
    uploads: Vec<UploadEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadEntry {
    key: String,
    upload_id: String,
    initiated: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartPage {
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<String>,
    #[serde(default, rename = "Part")]
    parts: Vec<PartEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartEntry {
    last_modified: DateTime<Utc>,
}

impl Bucket {
    /// Returns the uploads under way of objects whose names begin with `prefix`.
    pub(super) async fn uploads(&self, prefix: &str) -> Result<Vec<Upload>, OpsError> {
        let start = self.start();
        let mut found = Vec::new();
        let mut after: Option<(String, String)> = None;
        loop {
            let mut query = vec![("prefix", format!("{start}{prefix}")), ("uploads", String::new())];
            if let Some((key, upload)) = after.take() {
                query.extend([("key-marker", key), ("upload-id-marker", upload)]);
            }
            let page: UploadPage = self.ask(&Path::default(), query, prefix).await?;
            found.extend(page.uploads.into_iter().filter_map(|entry| {
                let name = entry.key.strip_prefix(&start)?.to_owned();
                Some(Upload { name, id: entry.upload_id, begun: entry.initiated })
            }));
            match (page.is_truncated, page.next_key_marker) {
                (true, Some(key)) => after = Some((key, page.next_upload_id_marker.unwrap_or_default())),
                _ => return Ok(found),
            }
        }
    }

    /// Returns when the newest part of an upload was written; when it was begun, where it has none.
    pub(super) async fn last_sign_of(&self, upload: &Upload) -> Result<DateTime<Utc>, OpsError> {
        let parts = self.parts(&upload.name, &upload.id).await?;
        Ok(parts.iter().map(|part| part.last_modified).fold(upload.begun, DateTime::max))
    }

    async fn parts(&self, name: &str, id: &str) -> Result<Vec<PartEntry>, OpsError> {
        let mut parts = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("uploadId", id.to_owned())];
            query.extend(after.take().map(|marker| ("part-number-marker", marker)));
            let page: PartPage = self.ask(&self.key(name), query, name).await?;
            parts.extend(page.parts);
            match (page.is_truncated, page.next_part_number_marker) {
                (true, Some(marker)) => after = Some(marker),
                _ => return Ok(parts),
            }
        }
    }

    /// Gives an upload up, until it has no parts; one that has ended meanwhile is no error.
    pub(super) async fn give_up(&self, name: &str, id: &String) -> Result<(), OpsError> {
        let mut given_up = self.abort(name, id).await;
        for _ in 1..TRIES {
            match self.parts(name, id).await {
                Ok(parts) if parts.is_empty() => return Ok(()),
                Ok(_) => given_up = self.abort(name, id).await,
                // there is no such upload any more, or the key has no right to ask
                Err(_) => break,
            }
        }
        given_up
    }

    async fn abort(&self, name: &str, id: &String) -> Result<(), OpsError> {
        let key = self.key(name);
        match patiently(BRIEFLY, || self.s3.abort_multipart(&key, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("give up the upload of", name, &error)),
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        key: &Path,
        query: Vec<(&str, String)>,
        name: &str,
    ) -> Result<T, OpsError> {
        let attempt = || async {
            let options = SignedUrlOptions::default().with_query(query.clone());
            let url = self.s3.signed_url_opts(Method::GET, key, VALID, &options).await?;
            let generic = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
                store: "S3",
                source,
            };
            let answer = self.http.get(url).send().await.map_err(|error| generic(no_answer(error)))?;
            let status = answer.status();
            let text = answer.text().await.map_err(|error| generic(no_answer(error)))?;
            if !status.is_success() {
                // in the words in which object_store says it, which `fault` reads
                return Err(generic(format!("non-2xx status code: {status}: {text}").into()));
            }
            quick_xml::de::from_str(&text).map_err(|error| generic(error.into()))
        };
        patiently(BRIEFLY, attempt).await.map_err(|error| {
            let fault::Failure { fault, reason } = fault::read(&error);
            OpsError::Bucket { doing: "list the uploads of", what: self.url(name), fault, reason }
        })
    }
}

/// The question's URL is signed: it is not to be seen in an error.
fn no_answer(error: reqwest::Error) -> Box<dyn std::error::Error + Send + Sync> {
    use object_store::client::{HttpError, HttpErrorKind};
    let kind = if error.is_timeout() { HttpErrorKind::Timeout } else { HttpErrorKind::Connect };
    Box::new(HttpError::new(kind, error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_answers_are_read() {
        let text = r#"<?xml version="1.0"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Bucket>b</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>
            <NextUploadIdMarker>u</NextUploadIdMarker>
            <Upload><Key>p/a/x</Key><UploadId>1</UploadId><Initiated>2026-11-21T02:00:00.000Z</Initiated>
                <StorageClass>STANDARD</StorageClass></Upload>
            <Upload><Key>p/b/y</Key><UploadId>2</UploadId><Initiated>2026-11-21T02:00:01Z</Initiated></Upload>
            </ListMultipartUploadsResult>"#;
        let page: UploadPage = quick_xml::de::from_str(text).unwrap();
        assert_eq!(
            page.uploads.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(),
            ["p/a/x", "p/b/y"]
        );
        assert_eq!((page.is_truncated, page.next_key_marker.as_deref()), (true, Some("k")));
        let empty: UploadPage = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(empty.uploads.is_empty() && !empty.is_truncated);
        let text = "<ListPartsResult><Part><PartNumber>1</PartNumber><LastModified>2026-11-21T02:00:00.000Z\
                    </LastModified></Part></ListPartsResult>";
        assert_eq!(quick_xml::de::from_str::<PartPage>(text).unwrap().parts.len(), 1);
    }
}

//! Where buckets are and what requests are signed with: from the settings, the environment and the files that Amazon's own
//! programs use.

mod profile;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::{Certificate, ClientOptions, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use self::profile::Profile;
use super::{Fault, S3Options};
use crate::OpsError;
use crate::store::BucketPlace;

/// How long one request may take: a part of 8 MiB, with others beside it, at a megabit a second.
const REQUEST: Duration = Duration::from_secs(300);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What the settings say of buckets; what is `None` is looked for in the environment and in the profile.
#[derive(Clone, Debug, Default)]
pub struct S3Wishes {
    /// The server.
    pub endpoint: Option<String>,
    /// The region requests are signed for.
    pub region: Option<String>,
    /// A file with certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
}

/// Where else to look.
#[derive(Clone, Copy, Debug)]
pub struct AwsSources<'a> {
    /// The environment's variables.
    pub vars: &'a BTreeMap<String, String>,
    /// The home directory, with `.aws/config` and `.aws/credentials`.
    pub home: Option<&'a Path>,
}

/// What requests are signed with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A key.
    Key {
        /// Its name.
        id: String,
        /// Its secret.
        secret: SecretString,
        /// The token of a session, for keys that expire.
        token: Option<SecretString>,
    },
    /// The role of a pod, by a token in a file.
    WebIdentity {
        /// The file.
        token_file: String,
        /// The role.
        role: String,
    },
    /// The role of a container: the path its keys are asked for at.
    Container {
        /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
        path: String,
    },
    /// The role of the machine.
    Instance,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The server; `None` for Amazon's.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The file of certificates.
    pub ca: Option<PathBuf>,
    /// What requests are signed with.
    pub credentials: Credentials,
}

impl AwsSources<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Returns how to reach the bucket at `place`. With a profile in its URL, all comes from that profile; else the settings
    /// win over the environment, and that over the profile.
    ///
    /// # Errors
    /// [`OpsError::Bucket`] with [`Fault::NoCredentials`]; [`OpsError::Io`] for a file that cannot be read.
    pub fn find(&self, place: &BucketPlace, wishes: &S3Wishes) -> Result<Found, OpsError> {
        if let Some(name) = &place.profile {
            let profile = self.profile(name)?.ok_or_else(|| {
                no_credentials(
                    place,
                    format!("there is no profile {name:?} in ~/.aws/credentials or ~/.aws/config"),
                )
            })?;
            let credentials =
                profile.credentials().map_err(|reason| no_credentials(place, reason))?.ok_or_else(|| {
                    no_credentials(place, format!("the profile {name:?} has no aws_access_key_id"))
                })?;
            return Ok(self.found(profile, credentials, &S3Wishes::default(), false));
        }
        let named = self.var("AWS_PROFILE");
        let name = named.as_deref().unwrap_or("default");
        let profile = match self.profile(name)? {
            None if named.is_some() => {
                return Err(no_credentials(
                    place,
                    format!("there is no profile {name:?}, which AWS_PROFILE names"),
                ));
            }
            found => found.unwrap_or_default(),
        };
        let of_profile = profile.credentials().map_err(|reason| no_credentials(place, reason));
        let elsewhere = wishes.endpoint.is_some() || self.endpoint().is_some() || profile.endpoint.is_some();
        let credentials = match self.key() {
            Some(key) => key,
            None => match of_profile? {
                Some(key) => key,
                None => self.role(elsewhere).ok_or_else(|| {
                    no_credentials(
                        place,
                        "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor a profile".into(),
                    )
                })?,
            },
        };
        Ok(self.found(profile, credentials, wishes, true))
    }

    fn found(
        &self,
        profile: Profile,
        credentials: Credentials,
        wishes: &S3Wishes,
        environment: bool,
    ) -> Found {
        let var = |name: &str| self.var(name).filter(|_| environment);
        let endpoint = wishes.endpoint.clone().or_else(|| self.endpoint().filter(|_| environment));
        let region =
            wishes.region.clone().or_else(|| var("AWS_REGION")).or_else(|| var("AWS_DEFAULT_REGION"));
        let ca = wishes.ca.clone().or_else(|| var("AWS_CA_BUNDLE").map(PathBuf::from));
        Found {
            endpoint: endpoint.or(profile.endpoint),
            region: region.or(profile.region).unwrap_or_else(|| "us-east-1".into()),
            ca: ca.or(profile.ca),
            credentials,
        }
    }

    fn endpoint(&self) -> Option<String> {
        self.var("AWS_ENDPOINT_URL_S3").or_else(|| self.var("AWS_ENDPOINT_URL"))
    }

    fn key(&self) -> Option<Credentials> {
        Some(Credentials::Key {
            id: self.var("AWS_ACCESS_KEY_ID")?,
            secret: self.var("AWS_SECRET_ACCESS_KEY")?.into(),
            token: self.var("AWS_SESSION_TOKEN").map(SecretString::from),
        })
    }

    /// Returns the role of the pod, the container or the machine this runs in. The machine's is Amazon's alone.
    fn role(&self, elsewhere: bool) -> Option<Credentials> {
        if let (Some(token_file), Some(role)) =
            (self.var("AWS_WEB_IDENTITY_TOKEN_FILE"), self.var("AWS_ROLE_ARN"))
        {
            return Some(Credentials::WebIdentity { token_file, role });
        }
        if let Some(path) = self.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return Some(Credentials::Container { path });
        }
        let disabled =
            self.var("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        (!elsewhere && !disabled).then_some(Credentials::Instance)
    }

    fn profile(&self, name: &str) -> Result<Option<Profile>, OpsError> {
        let file = |variable: &str, usual: &str| {
            let named = self.var(variable).map(PathBuf::from);
            named.or_else(|| self.home.map(|home| home.join(".aws").join(usual)))
        };
        let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
        Profile::read(name, files.into_iter().flatten())
    }
}

fn no_credentials(place: &BucketPlace, reason: String) -> OpsError {
    OpsError::Bucket {
        doing: "sign requests to",
        what: place.to_string(),
        fault: Fault::NoCredentials,
        reason,
    }
}

/// Returns the clients of a bucket.
///
/// # Errors
/// [`OpsError::Io`] for the file of certificates; [`OpsError::Bucket`] for what it holds and for a wrong endpoint.
pub(super) fn clients(
    place: &BucketPlace,
    options: &S3Options,
) -> Result<(AmazonS3, reqwest::Client), OpsError> {
    let wrong = |reason: String| OpsError::Bucket {
        doing: "use",
        what: place.to_string(),
        fault: Fault::Other,
        reason,
    };
    let pem = match &options.ca {
        Some(path) => Some(std::fs::read(path).map_err(OpsError::io("read", path))?),
        None => None,
    };
    let pem = pem.as_deref().unwrap_or_default();
    let mut client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(CONNECT);
    for certificate in Certificate::from_pem_bundle(pem).map_err(|error| wrong(error.to_string()))? {
        client = client.with_root_certificate(certificate);
    }
    let certificates =
        reqwest::Certificate::from_pem_bundle(pem).map_err(|error| wrong(error.to_string()))?;
    let http = reqwest::Client::builder().timeout(REQUEST).connect_timeout(CONNECT);
    let http = http.tls_certs_merge(certificates).build().map_err(|error| wrong(error.to_string()))?;
    let plain = options.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&place.bucket)
        .with_region(&options.region)
        .with_client_options(client)
        .with_allow_http(plain)
        // what is sent has its hash in the signature; object lock asks for it as a checksum too
        .with_checksum_algorithm(Checksum::SHA256)
        // we try again ourselves, in one place
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        // every server knows how to remove one object, and says plainly when it may not be
        .with_disable_bulk_delete(true);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder = match &options.credentials {
        Credentials::Key { id, secret, token } => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
            match token {
                Some(token) => builder.with_token(token.expose_secret()),
                None => builder,
            }
        }
        Credentials::WebIdentity { token_file, role } => builder
            .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, token_file)
            .with_config(AmazonS3ConfigKey::RoleArn, role),
        Credentials::Container { path } => {
            builder.with_config(AmazonS3ConfigKey::ContainerCredentialsRelativeUri, path)
        }
        Credentials::Instance => builder,
    };
    let s3 = builder.build().map_err(|error| wrong(error.to_string()))?;
    Ok((s3, http))
}

#[cfg(test)]
mod tests;
